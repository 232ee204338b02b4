/*
 * xu-cp: copies a file, with several reads and writes in flight.
 *
 * The file is cut into blocks. Each slot has a buffer and works on one block at a time: it reads a piece, writes it to
 * the same place, and goes on until the block, or the file, is done; then it takes the next block. Slots do not wait for
 * each other. What can only be read or written in order (a pipe, a terminal) has one slot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xuring.h"

#define BLOCK (128 * 1024)
#define SLOTS 64

/* One block on its way. */
struct slot {
	uint64_t offset;  /* of the block in the file */
	unsigned done;	  /* bytes of it that are copied */
	unsigned size;	  /* bytes in the buffer */
	unsigned written; /* bytes of those that are written */
	bool writing;
	char buf[BLOCK];
};

static struct xu_ring ring;
static struct slot slots[SLOTS];
static int in, out;
static bool in_order;
static bool at_end; /* a read found the end: no new blocks */
static uint64_t next_block;
static unsigned in_flight;

static int complain(const char *what, const char *name, int error)
{
	fprintf(stderr, "xu-cp: %s%s%s: %s\n", what, *what ? " " : "", name, strerror(error));
	return 1;
}

/* Queue what a slot has to do next. */
static void put(struct slot *s)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);
	uint64_t offset = in_order ? (uint64_t)-1 : s->offset + s->done;

	if (!sqe)
		abort(); /* a slot has no more than one entry, and there is room for that */
	if (s->writing)
		xu_prep_write(sqe, out, s->buf + s->written, s->size - s->written,
			      in_order ? offset : offset + s->written);
	else
		xu_prep_read(sqe, in, s->buf, BLOCK - s->done, offset);
	xu_sqe_set_data64(sqe, xu_ticket((uint32_t)(s - slots), 0));
	in_flight++;
}

/* Give a slot the next block. */
static void begin(struct slot *s)
{
	s->offset = next_block;
	s->done = 0;
	s->writing = false;
	next_block += BLOCK;
	put(s);
}

/* A slot's entry has ended with `res`. Returns 0, or -errno with s->writing telling whose error it is. */
static int advance(struct slot *s, int res)
{
	if (res == -EINTR || res == -EAGAIN) {
		put(s);
		return 0;
	}
	if (res < 0)
		return res;
	if (!s->writing) {
		if (res == 0) {
			at_end = true;
			return 0;
		}
		s->writing = true;
		s->size = (unsigned)res;
		s->written = 0;
	} else {
		if (res == 0)
			return -EIO;
		s->written += (unsigned)res;
		if (s->written == s->size) {
			s->writing = false;
			s->done += s->size;
		}
	}
	if (!s->writing && s->done == BLOCK) {
		if (!at_end)
			begin(s);
	} else {
		put(s);
	}
	return 0;
}

/* Copy everything. Returns an exit status. */
static int copy(unsigned depth, const char *from, const char *to)
{
	for (unsigned i = 0; i < depth; i++)
		begin(&slots[i]);
	while (in_flight) {
		struct io_uring_cqe *cqe;
		struct slot *s;
		int ret = xu_wait_cqe(&ring, &cqe);

		if (ret == -EINTR)
			continue;
		if (ret)
			return complain("ring for", from, -ret);
		s = &slots[xu_ticket_index(xu_cqe_get_data64(cqe))];
		in_flight--;
		ret = advance(s, cqe->res);
		xu_cqe_seen(&ring, cqe);
		if (ret)
			return complain(s->writing ? "error writing" : "error reading",
					s->writing ? to : from, -ret);
	}
	return 0;
}

/* Open both files. Returns an exit status. */
static int open_files(const char *from, const char *to)
{
	struct stat source, target;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &source) < 0)
		return complain("cannot open", from, errno);
	if (S_ISDIR(source.st_mode))
		return complain("", from, EISDIR);
	if (stat(to, &target) == 0 && source.st_dev == target.st_dev &&
	    source.st_ino == target.st_ino) {
		fprintf(stderr, "xu-cp: %s and %s are the same file\n", from, to);
		return 1;
	}
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, source.st_mode & 0777);
	if (out < 0 || fstat(out, &target) < 0)
		return complain("cannot create", to, errno);
	in_order = !S_ISREG(source.st_mode) || !S_ISREG(target.st_mode);
	return 0;
}

static int usage(FILE *to, int status)
{
	fprintf(to,
		"usage: xu-cp [-h] [-n SLOTS] SOURCE DEST\n"
		"Copies a file, with up to SLOTS reads and writes in flight (1 to 64, else 8).\n");
	return status;
}

int main(int argc, char **argv)
{
	static char path[4096];
	unsigned long depth = 8;
	const char *to;
	struct stat st;
	int ret, opt;
	char *rest;

	while ((opt = getopt(argc, argv, "hn:")) != -1) {
		if (opt == 'h')
			return usage(stdout, 0);
		if (opt != 'n')
			return usage(stderr, 1);
		depth = strtoul(optarg, &rest, 10);
		if (*rest || depth < 1 || depth > SLOTS)
			return usage(stderr, 1);
	}
	if (argc - optind != 2)
		return usage(stderr, 1);
	to = argv[optind + 1];
	if (stat(to, &st) == 0 && S_ISDIR(st.st_mode)) {
		const char *name = strrchr(argv[optind], '/');

		snprintf(path, sizeof(path), "%s/%s", to, name ? name + 1 : argv[optind]);
		to = path;
	}
	if (open_files(argv[optind], to))
		return 1;
	ret = xu_queue_init_best(SLOTS, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);
	if (ret)
		return complain("", "no io_uring", -ret);
	ret = copy(in_order ? 1 : (unsigned)depth, argv[optind], to);
	xu_queue_exit(&ring);
	if (close(out) < 0)
		ret = complain("error writing", to, errno);
	return ret;
}
