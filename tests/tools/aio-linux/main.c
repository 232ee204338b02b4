/*
 * The kernel's asynchronous I/O by its numbers, one case an argument (aio_case.h). The file is of 1 MiB, and is written to.
 */
#include <sys/uio.h>

#include "aio-linux.h"

const char *path;
char *memory;

int open_cold(int flags)
{
	int fd = open_file(flags);

	make_cold(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	return fd;
}

aio_context_t context(unsigned nr)
{
	aio_context_t ctx = 0;

	if (io_setup(nr, &ctx))
		die("io_setup");
	return ctx;
}

struct iocb request(int opcode, int fd, int i, int at)
{
	struct iocb cb;

	memset(&cb, 0, sizeof(cb));
	cb.aio_lio_opcode = (uint16_t)opcode;
	cb.aio_fildes = (uint32_t)fd;
	cb.aio_buf = (uintptr_t)block(i);
	cb.aio_nbytes = BLOCK;
	cb.aio_offset = (long long)at * BLOCK;
	cb.aio_data = 1000 + (uint64_t)i;
	return cb;
}

int read_many(aio_context_t ctx, int fd, int opcode, int batch)
{
	struct iocb cb[MANY], *list[MANY];
	struct iovec iov[MANY][2];
	struct io_event events[MANY];
	int good = 0;

	memset(memory, 0, (size_t)MANY * BLOCK);
	for (int i = 0; i < MANY; i++) {
		cb[i] = request(opcode, fd, i, i * 37 % BLOCKS);
		list[i] = &cb[i];
		if (opcode != IOCB_CMD_PREADV)
			continue;
		iov[i][0] = (struct iovec){block(i), BLOCK / 2};
		iov[i][1] = (struct iovec){block(i) + BLOCK / 2, BLOCK / 2};
		cb[i].aio_buf = (uintptr_t)iov[i];
		cb[i].aio_nbytes = 2;
	}
	for (int i = 0; i < MANY; i += batch)
		if (io_submit(ctx, batch, &list[i]) != batch)
			perror("io_submit");
	memset(iov, 0, sizeof(iov));
	for (int got = 0; got < MANY;) {
		long n = io_getevents(ctx, 1, MANY, events, NULL);

		if (n <= 0) {
			perror("io_getevents");
			break;
		}
		for (long e = 0; e < n; e++) {
			int i = (int)events[e].data - 1000;

			good += i >= 0 && i < MANY && events[e].obj == (uintptr_t)&cb[i] &&
				events[e].res == BLOCK && !events[e].res2 &&
				is_filled(block(i), (uint64_t)(i * 37 % BLOCKS) * BLOCK);
		}
		got += (int)n;
	}
	return good;
}

static const struct aio_case cases[] = {
	CASE(read),    CASE(late),   CASE(mixed),  CASE(eventfd), CASE(flags),
	CASE(library), CASE(errors), CASE(faults), CASE(full),	  CASE(threads),
	CASE(destroy), CASE(fork),   CASE(mapped), CASE(masked),
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), BLOCKS);
}
