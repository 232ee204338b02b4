/* Requests, and what came of them. */
#include <aio.h>

#include "aio-posix.h"

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
