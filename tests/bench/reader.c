/*
 * What a program could do that was written for it: reads all files of a tree through a ring, 32 at a time.
 *
 *     reader DIR      prints how many files and bytes it has read
 *     reader FILE     the same of one file, in pieces of 128 KiB
 *
 * The names come from plain reading of directories, first; then each file goes through open, read to its end, close, in the
 * order of inodes, which is kind to disks. What the scout does for programs as they are is measured against this.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xuring.h"

enum { DEPTH = 32, PIECE = 64 * 1024, LARGE = 128 * 1024 };

struct name {
	ino_t ino;
	char *path;
};

/* One file on its way. */
struct lane {
	enum { OPENING, READING, CLOSING } state;
	int fd;
	char buf[LARGE];
};

static struct xu_ring ring;
static struct lane lanes[DEPTH];
static struct name *names;
static size_t names_nr, names_size, next_name;
static unsigned long long bytes;
static unsigned files, busy;

static void *checked(void *p)
{
	if (!p) {
		fprintf(stderr, "reader: no memory\n");
		exit(1);
	}
	return p;
}

/* All files below, with their paths. */
static void collect(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		size_t size = strlen(dir) + strlen(e->d_name) + 2;
		char *path;
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		path = checked(malloc(size));
		snprintf(path, size, "%s/%s", dir, e->d_name);
		if (e->d_type == DT_UNKNOWN && !lstat(path, &st))
			e->d_type = (unsigned char)IFTODT(st.st_mode);
		if (e->d_type == DT_DIR)
			collect(path);
		if (e->d_type != DT_REG) {
			free(path);
			continue;
		}
		if (names_nr == names_size) {
			names_size = names_size ? 2 * names_size : 1024;
			names = checked(realloc(names, names_size * sizeof(*names)));
		}
		names[names_nr++] = (struct name){e->d_ino, path};
	}
	if (d)
		closedir(d);
}

static int by_inode(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Queue what this lane does now. */
static void step(struct lane *l)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);

	if (!sqe)
		abort(); /* there is a place for each lane */
	switch (l->state) {
	case OPENING:
		xu_prep_openat(sqe, AT_FDCWD, names[next_name++].path, O_RDONLY | O_NOFOLLOW, 0);
		/* It may wait, and so it is a worker's business. */
		xu_sqe_set_flags(sqe, IOSQE_ASYNC);
		break;
	case READING: xu_prep_read(sqe, l->fd, l->buf, PIECE, (uint64_t)-1); break;
	case CLOSING: xu_prep_close(sqe, l->fd); break;
	}
	xu_sqe_set_data64(sqe, (uint64_t)(l - lanes));
}

/* What it did has ended. */
static void ended(struct lane *l, int res)
{
	if (l->state == OPENING && res >= 0) {
		l->fd = res;
		l->state = READING;
		files++;
	} else if (l->state == READING) {
		bytes += res > 0 ? (unsigned)res : 0;
		if (res < PIECE)
			l->state = CLOSING;
	} else {
		l->state = OPENING;
		if (next_name == names_nr) {
			busy--;
			return;
		}
	}
	step(l);
}

/* Queue the next piece of the large file. False: there is none. */
static int step_file(struct lane *l, int fd, uint64_t *at, uint64_t size)
{
	struct io_uring_sqe *sqe;

	if (*at >= size)
		return 0;
	sqe = xu_get_sqe(&ring);
	if (!sqe)
		abort();
	xu_prep_read(sqe, fd, l->buf, LARGE, *at);
	xu_sqe_set_flags(sqe, IOSQE_ASYNC);
	xu_sqe_set_data64(sqe, (uint64_t)(l - lanes));
	*at += LARGE;
	return 1;
}

/* One file, from end to end. */
static int read_file(const char *path, uint64_t size)
{
	int fd = open(path, O_RDONLY);
	struct io_uring_cqe *cqe;
	uint64_t at = 0;

	if (fd < 0)
		return 1;
	while (busy < DEPTH && step_file(&lanes[busy], fd, &at, size))
		busy++;
	while (busy) {
		int ret = xu_submit_and_wait(&ring, 1);

		if (ret < 0 && ret != -EINTR)
			return 1;
		while ((cqe = xu_cq_front(&ring))) {
			struct lane *l = &lanes[xu_cqe_get_data64(cqe)];

			bytes += cqe->res > 0 ? (unsigned)cqe->res : 0;
			xu_cqe_seen(&ring, cqe);
			busy -= !step_file(l, fd, &at, size);
		}
	}
	printf("1 files, %llu bytes\n", bytes);
	return bytes != size;
}

int main(int argc, char **argv)
{
	struct io_uring_cqe *cqe;
	struct stat st;
	int ret;

	if (argc != 2) {
		fprintf(stderr, "usage: reader DIR|FILE\n");
		return 2;
	}
	ret = xu_queue_init(DEPTH, &ring, 0);
	if (ret < 0) {
		fprintf(stderr, "reader: %s\n", strerror(-ret));
		return 1;
	}
	if (!stat(argv[1], &st) && S_ISREG(st.st_mode))
		return read_file(argv[1], (uint64_t)st.st_size);
	collect(argv[1]);
	qsort(names, names_nr, sizeof(*names), by_inode);
	for (; busy < DEPTH && next_name < names_nr; busy++)
		step(&lanes[busy]);
	while (busy) {
		ret = xu_submit_and_wait(&ring, 1);
		if (ret < 0 && ret != -EINTR)
			return 1;
		while ((cqe = xu_cq_front(&ring))) {
			struct lane *l = &lanes[xu_cqe_get_data64(cqe)];

			ret = cqe->res;
			xu_cqe_seen(&ring, cqe);
			ended(l, ret);
		}
	}
	printf("%u files, %llu bytes\n", files, bytes);
	return 0;
}
