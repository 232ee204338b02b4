/* Blocks of the file, requests for them, and what came of these. */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio-posix.h"

char *memory; /* MANY blocks, aligned */

void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Out of the page cache, so that reads take a while. */
void make_cold(int fd)
{
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

char *block(int i)
{
	return memory + (size_t)i * BLOCK;
}

void fill(char *buf, uint64_t offset)
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		((uint64_t *)(void *)buf)[i] = offset + 8 * i;
}

int is_filled(const char *buf, uint64_t offset)
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		if (((const uint64_t *)(const void *)buf)[i] != offset + 8 * i)
			return 0;
	return 1;
}

struct aiocb request(int fd, int i, int at)
{
	struct aiocb cb;

	memset(&cb, 0, sizeof(cb));
	cb.aio_fildes = fd;
	cb.aio_buf = block(i);
	cb.aio_nbytes = BLOCK;
	cb.aio_offset = (off_t)at * BLOCK;
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	return cb;
}

void await(const struct aiocb *cb)
{
	const struct aiocb *list[1] = {cb};

	while (aio_error(cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
}

/* The end of a request. */
void show_end(const char *what, struct aiocb *cb)
{
	int error;

	await(cb);
	error = aio_error(cb);
	printf("%s: %s, %zd\n", what, strerror(error), aio_return(cb));
}
