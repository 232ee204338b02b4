/*
 * xu-cat: files, or standard input, to standard output, through a ring.
 *
 * While one half of the buffer is written, the other is read, both handed over in one call: a pipeline of two. Reads and
 * writes are at the files' own positions, so that pipes and terminals work as files do.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xuring.h"

#define SIZE (128 * 1024)
#define HERE ((uint64_t)-1) /* at the file's own position */

enum { READ, WRITE };

static struct xu_ring ring;
static char buf[2][SIZE];

static int complain(const char *what, int error)
{
	fprintf(stderr, "xu-cat: %s: %s\n", what, strerror(error));
	return 1;
}

/* Queue a read of, or a write from, a half of the buffer. */
static void put(int op, int fd, char *data, unsigned size)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);

	if (!sqe)
		abort(); /* there are never more than two */
	if (op == READ)
		xu_prep_read(sqe, fd, data, size, HERE);
	else
		xu_prep_write(sqe, fd, data, size, HERE);
	xu_sqe_set_data64(sqe, (uint64_t)op);
}

/* Submit what is queued and wait for `nr` results, which go to res[READ] and res[WRITE]. */
static int run(unsigned nr, int res[2])
{
	while (nr) {
		struct io_uring_cqe *cqe;
		int ret = xu_submit_and_wait(&ring, nr);

		if (ret < 0 && ret != -EINTR)
			return ret;
		while ((cqe = xu_cq_front(&ring))) {
			res[xu_cqe_get_data64(cqe)] = cqe->res;
			xu_cqe_seen(&ring, cqe);
			nr--;
		}
	}
	return 0;
}

/* Would this read what it writes, for ever? */
static bool is_output(int fd)
{
	struct stat in, out;

	return fstat(fd, &in) == 0 && fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(out.st_mode) &&
	       in.st_dev == out.st_dev && in.st_ino == out.st_ino &&
	       lseek(fd, 0, SEEK_CUR) < in.st_size;
}

/* See to it that all of a write is done, whose first part ended with `done`. 0 or -errno. */
static int write_rest(char *data, int size, int done)
{
	while (done != size) {
		int res[2] = {0, 0}, ret;

		if (done == -EINTR)
			done = 0;
		if (done < 0)
			return done;
		data += done;
		size -= done;
		put(WRITE, STDOUT_FILENO, data, (unsigned)size);
		ret = run(1, res);
		if (ret)
			return ret;
		done = res[WRITE];
	}
	return 0;
}

/* Copy all of `fd` to standard output. 0, 1 after a trouble with this file, 2 where there is no use in going on. */
static int cat(int fd, const char *name)
{
	int res[2] = {-EINTR, 0}, half = 0, ret;

	if (is_output(fd)) {
		fprintf(stderr, "xu-cat: %s: input file is output file\n", name);
		return 1;
	}
	/* Each round writes what the one before has read. */
	while (res[READ] > 0 || res[READ] == -EINTR) {
		char *data = buf[half];
		int size = res[READ] > 0 ? res[READ] : 0;

		half = 1 - half;
		put(READ, fd, buf[half], SIZE);
		if (size)
			put(WRITE, STDOUT_FILENO, data, (unsigned)size);
		res[WRITE] = 0;
		ret = run(size ? 2 : 1, res);
		if (ret)
			return complain("ring", -ret) + 1;
		ret = write_rest(data, size, res[WRITE]);
		if (ret == -EPIPE)
			raise(SIGPIPE);
		if (ret)
			return complain("write error", -ret) + 1;
	}
	return res[READ] < 0 ? complain(name, -res[READ]) : 0;
}

int main(int argc, char **argv)
{
	static char stdin_only[] = "-";
	char *none[] = {stdin_only, NULL};
	int status = 0, ret, opt;

	while ((opt = getopt(argc, argv, "h")) != -1) {
		fprintf(opt == 'h' ? stdout : stderr,
			"usage: xu-cat [-h] [FILE...]\n"
			"Writes files, or standard input (-), to standard output.\n");
		return opt != 'h';
	}
	ret = xu_queue_init_best(4, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);
	if (ret)
		return complain("no io_uring", -ret);
	for (char **name = argc > optind ? argv + optind : none; *name && status < 2; name++) {
		bool dash = strcmp(*name, "-") == 0;
		int fd = dash ? STDIN_FILENO : open(*name, O_RDONLY | O_CLOEXEC);

		if (fd < 0) {
			status = complain(*name, errno);
			continue;
		}
		ret = cat(fd, *name);
		status = ret > status ? ret : status;
		if (!dash)
			close(fd);
	}
	xu_queue_exit(&ring);
	if (close(STDOUT_FILENO) < 0)
		status = complain("write error", errno);
	return status != 0;
}
