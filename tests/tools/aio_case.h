/* What the programs of the tests of asynchronous I/O and of hints share (aio-posix, aio-linux, hints). */
#ifndef AIO_CASE_H
#define AIO_CASE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file that the case works on: each program has its own. */
extern const char *path;

/* A call that sets errno: its result, and the error if it failed. */
static inline void show(const char *what, long res)
{
	printf("%s: %ld%s%s\n", what, res, res == -1 ? " " : "", res == -1 ? strerror(errno) : "");
}

static inline int open_file(int flags)
{
	int fd = open(path, flags, 0600);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

#endif
