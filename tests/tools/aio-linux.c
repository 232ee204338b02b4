/*
 * The kernel's asynchronous I/O by its numbers, one case an argument: aio-linux CASE FILE. Prints what it saw, the same
 * bare and under the shim. FILE is written anew: 1 MiB whose words are their own offsets.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aio_case.h"

const char *path;

enum { BLOCK = 4096, BLOCKS = 256, MANY = 64 };

static char *memory;

static long io_setup(unsigned nr, aio_context_t *ctx)
{
	return syscall(SYS_io_setup, nr, ctx);
}

static long io_submit(aio_context_t ctx, long nr, struct iocb **list)
{
	return syscall(SYS_io_submit, ctx, nr, list);
}

static long io_getevents(aio_context_t ctx, long min, long nr, struct io_event *events,
			 struct timespec *timeout)
{
	return syscall(SYS_io_getevents, ctx, min, nr, events, timeout);
}

static int open_cold(int flags)
{
	int fd = open_file(flags);

	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	return fd;
}

static char *block(int i)
{
	return memory + (size_t)i * BLOCK;
}

static int is_filled(const char *buf, uint64_t offset)
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		if (((const uint64_t *)(const void *)buf)[i] != offset + 8 * i)
			return 0;
	return 1;
}

static aio_context_t context(unsigned nr)
{
	aio_context_t ctx = 0;

	if (io_setup(nr, &ctx)) {
		perror("io_setup");
		exit(1);
	}
	return ctx;
}

static struct iocb request(int opcode, int fd, int i, int at)
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

/* Submit MANY reads of `fd` and check each event. */
static int read_many(aio_context_t ctx, int fd, int opcode, int batch)
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

static void case_read(void)
{
	aio_context_t ctx = context(MANY);

	printf("cold %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, MANY));
	printf("again %d\n", read_many(ctx, open_file(O_RDONLY), IOCB_CMD_PREAD, MANY));
	printf("one by one %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, 1));
	printf("vectors %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREADV, 8));
	printf("direct %d\n", read_many(ctx, open_file(O_RDONLY | O_DIRECT), IOCB_CMD_PREAD, 16));
	show("io_destroy", syscall(SYS_io_destroy, ctx));
	show("again", syscall(SYS_io_destroy, ctx));
}

/* Reads by the page cache, after much that is the kernel's. */
static void case_late(void)
{
	aio_context_t ctx = context(MANY);
	int direct = open_file(O_RDONLY | O_DIRECT);

	for (int i = 0; i < 5; i++)
		printf("direct %d\n", read_many(ctx, direct, IOCB_CMD_PREAD, 1));
	for (int i = 0; i < 3; i++)
		printf("cold %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, 1));
}

static void case_mixed(void)
{
	aio_context_t ctx = context(MANY);
	int cold = open_cold(O_RDWR), direct = open_file(O_RDONLY | O_DIRECT), fds[2];
	struct iocb cb[5], *list[5];
	struct io_event events[5];
	long long sum = 0;

	if (pipe(fds) || write(fds[1], "hello", 5) != 5)
		return;
	cb[0] = request(IOCB_CMD_PREAD, direct, 0, 1);
	cb[1] = request(IOCB_CMD_PREAD, cold, 1, 200);
	cb[2] = request(IOCB_CMD_POLL, fds[0], 2, 0);
	cb[2].aio_buf = POLLIN;
	cb[2].aio_nbytes = 0;
	cb[3] = request(IOCB_CMD_PREAD, cold, 3, BLOCKS); /* at the end */
	cb[4] = request(IOCB_CMD_FSYNC, cold, 4, 0);
	cb[4].aio_buf = cb[4].aio_nbytes = 0;
	for (int i = 0; i < 5; i++)
		list[i] = &cb[i];
	show("io_submit", io_submit(ctx, 5, list));
	show("io_getevents", io_getevents(ctx, 5, 5, events, NULL));
	for (int i = 0; i < 5; i++)
		sum += (long long)(events[i].data - 999) * (events[i].res + 1);
	printf("sum %lld, right %d %d\n", sum, is_filled(block(0), BLOCK),
	       is_filled(block(1), 200 * BLOCK));
}

static void case_errors(void)
{
	aio_context_t ctx = context(8), none = 0;
	int cold = open_cold(O_RDONLY), out = open_file(O_WRONLY);
	struct iocb cb = request(IOCB_CMD_PREAD, cold, 0, 9), other = cb,
		    *list[3] = {&cb, &other, (struct iocb *)8};
	struct io_event event;
	struct timespec nothing = {0, 0};

	show("io_setup of none", io_setup(0, &none));
	show("io_setup again", io_setup(8, &ctx));
	show("no context", io_submit(0x1000, 1, list));
	show("less than none", io_submit(ctx, -1, list));
	show("none", io_submit(ctx, 0, list));
	show("a bad list", io_submit(ctx, 1, (struct iocb **)8));
	show("a bad request at the end", io_submit(ctx, 3, list));
	show("events", io_getevents(ctx, 2, 2, (struct io_event[2]){{0}}, NULL));
	show("a bad request", io_submit(ctx, 1, list + 2));
	cb.aio_fildes = 12345;
	show("a bad fd", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, out, 0, 0);
	show("not for reading", io_submit(ctx, 1, list));
	cb = request(77, cold, 0, 0);
	show("a bad opcode", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, cold, 0, -1);
	show("a negative offset", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, cold, 0, 0);
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = (uint32_t)out;
	show("no eventfd", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, cold, 0, 100);
	cb.aio_buf = 8;
	show("a bad buffer", io_submit(ctx, 1, list));
	show("its event", io_getevents(ctx, 1, 1, &event, NULL));
	printf("%s\n", strerror(-(int)event.res));
	show("more than all", io_getevents(ctx, 2, 1, &event, &nothing));
	show("nothing there", io_getevents(ctx, 0, 1, &event, &nothing));
	cb = request(IOCB_CMD_PREAD, cold, 0, 110);
	show("io_submit", io_submit(ctx, 1, list));
	show("io_cancel", syscall(SYS_io_cancel, ctx, &cb, &event));
	show("io_getevents", io_getevents(ctx, 1, 1, &event, NULL));
}

/* A page to be read and written, the second of two whose first is. */
static char *page_after(char **before)
{
	*before = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*before == MAP_FAILED)
		exit(1);
	return *before + BLOCK;
}

/* Memory that was there and is not any more, or may not be written to. */
static void case_faults(void)
{
	aio_context_t ctx = context(8);
	int cold = open_cold(O_RDONLY);
	char *before, *page = page_after(&before);
	struct iocb *cb = (void *)page, **list = (void *)before, mine, *one = &mine;
	struct timespec *timeout = (void *)page, nothing = {0, 0};
	struct io_event event, *events = (void *)page;
	struct iovec *iov = (void *)page;

	list[0] = cb;
	*cb = request(IOCB_CMD_PREAD, cold, 0, 3);
	cb->aio_key = 77;
	show("a request in a page", io_submit(ctx, 1, list));
	show("its event", io_getevents(ctx, 1, 1, &event, NULL));
	printf("key %u\n", (unsigned)cb->aio_key);
	*cb = request(IOCB_CMD_PREAD, cold, 0, 20);
	mprotect(page, BLOCK, PROT_READ);
	show("in one that is only read", io_submit(ctx, 1, list));
	mprotect(page, BLOCK, PROT_NONE);
	show("in one that is not", io_submit(ctx, 1, list));
	munmap(page, BLOCK);
	show("in one that is gone", io_submit(ctx, 1, list));
	show("with one before it", io_submit(ctx, 2, list));
	show("a list that is gone", io_submit(ctx, 1, (struct iocb **)page));
	list = (struct iocb **)page - 1;
	mine = request(IOCB_CMD_PREAD, cold, 0, 40);
	*list = &mine;
	show("a list of which half is gone", io_submit(ctx, 2, list));
	show("its events", io_getevents(ctx, 1, 8, (struct io_event[8]){{0}}, NULL));
	mine = request(IOCB_CMD_PREADV, cold, 0, 60);
	mine.aio_buf = (uintptr_t)iov;
	mine.aio_nbytes = 2;
	show("a vector that is gone", io_submit(ctx, 1, &one));
	mine.aio_buf = (uintptr_t)(iov - 1);
	show("half of a vector", io_submit(ctx, 1, &one));
	mine = request(IOCB_CMD_PREAD, cold, 0, 80);
	show("io_submit", io_submit(ctx, 1, &one));
	show("no room for events", io_getevents(ctx, 1, 1, events, NULL));
	show("half of the room", io_getevents(ctx, 1, 2, events - 1, NULL));
	show("no timeout", io_getevents(ctx, 0, 1, &event, timeout));
	show("no mask", syscall(SYS_io_pgetevents, ctx, 0L, 1L, &event, &nothing, page));
	show("no context", io_getevents((uintptr_t)page, 0, 1, &event, &nothing));
	show("no list for it", io_submit((uintptr_t)page, 1, &one));
}

static void case_eventfd(void)
{
	aio_context_t ctx = context(MANY);
	int cold = open_cold(O_RDONLY), fd = eventfd(0, 0);
	struct iocb cb[MANY], *list[MANY];
	struct io_event events[MANY];
	uint64_t told = 0, n;

	for (int i = 0; i < MANY; i++) {
		cb[i] = request(IOCB_CMD_PREAD, cold, i, i);
		cb[i].aio_flags = IOCB_FLAG_RESFD;
		cb[i].aio_resfd = (uint32_t)fd;
		list[i] = &cb[i];
	}
	show("io_submit", io_submit(ctx, MANY, list));
	while (told < MANY && read(fd, &n, sizeof(n)) == sizeof(n))
		told += n;
	printf("told %d\n", (int)told);
	show("all there", io_getevents(ctx, MANY, MANY, events, NULL));
}

static long arrived; /* events that any of the waiters has had */

static void *waiter(void *arg)
{
	aio_context_t ctx = *(aio_context_t *)arg;
	struct io_event events[1];
	long got = 0;

	while (got < 500) {
		long n = io_getevents(ctx, 1, 1, events, NULL);

		if (n <= 0)
			break;
		for (long i = 0; i < n; i++) {
			if (events[i].data == 1)
				return (void *)got;
			got += events[i].res == BLOCK;
			__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
		}
	}
	return (void *)got;
}

/* One thread submits, others wait from the start. */
static void case_threads(void)
{
	aio_context_t ctx = context(MANY);
	int cold = open_cold(O_RDONLY);
	pthread_t threads[3];
	long got = 0;
	void *res;

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, waiter, &ctx);
	usleep(50000);
	for (int i = 0; i < 400; i++) {
		struct iocb cb = request(IOCB_CMD_PREAD, cold, i % MANY, i % BLOCKS), *one = &cb;

		while (io_submit(ctx, 1, &one) != 1)
			usleep(100);
		if (i % 64 == 63)
			posix_fadvise(cold, 0, 0, POSIX_FADV_DONTNEED);
	}
	for (int i = 0; i < 2000 && __atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < 400; i++)
		usleep(10000);
	for (int i = 0; i < 3; i++) {
		struct iocb cb = request(IOCB_CMD_PREAD, cold, 0, BLOCKS), *one = &cb;

		cb.aio_data = 1;
		while (io_submit(ctx, 1, &one) != 1)
			usleep(100);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &res);
		got += (long)res;
	}
	printf("got %ld\n", got);
}

/* A context with requests under way is destroyed; nothing is written to their memory after that. */
static void case_destroy(void)
{
	int wrong = 0;

	for (int round = 0; round < 20; round++) {
		aio_context_t ctx = context(MANY);
		int cold = open_cold(O_RDONLY);
		struct iocb cb[MANY], *list[MANY];

		for (int i = 0; i < MANY; i++) {
			cb[i] = request(IOCB_CMD_PREAD, cold, i, i);
			list[i] = &cb[i];
		}
		if (io_submit(ctx, MANY, list) != MANY)
			perror("io_submit");
		if (syscall(SYS_io_destroy, ctx))
			perror("io_destroy");
		memset(memory, 0x55, (size_t)MANY * BLOCK);
		usleep(2000);
		for (int i = 0; i < MANY * BLOCK; i++)
			wrong += memory[i] != 0x55;
		close(cold);
	}
	printf("written afterwards: %d\n", wrong);
}

static void case_fork(void)
{
	aio_context_t ctx = context(MANY);
	struct io_event event;
	int status;

	printf("parent %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, MANY));
	fflush(stdout);
	if (!fork()) {
		struct timespec nothing = {0, 0};

		show("child", io_getevents(ctx, 0, 1, &event, &nothing));
		ctx = context(MANY);
		printf("child %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, MANY));
		fflush(stdout);
		_exit(3);
	}
	wait(&status);
	printf("child ended with %d, parent %d\n", WEXITSTATUS(status),
	       read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, MANY));
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define CASE(name)                                                                                 \
	{                                                                                          \
#name, case_##name                                                                 \
	}
	CASE(read),    CASE(late),    CASE(mixed),   CASE(errors), CASE(faults),
	CASE(eventfd), CASE(threads), CASE(destroy), CASE(fork),
};

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			puts(cases[i].name);
		return 2;
	}
	path = argv[2];
	if (posix_memalign((void **)&memory, BLOCK, (size_t)MANY * BLOCK))
		return 1;
	fd = open_file(O_RDWR | O_CREAT | O_TRUNC);
	for (uint64_t at = 0; at < BLOCKS * BLOCK; at += 8)
		if ((((uint64_t *)(void *)memory)[at % BLOCK / 8] = at, at % BLOCK == BLOCK - 8) &&
		    write(fd, memory, BLOCK) != BLOCK)
			return 1;
	close(fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			return 0;
		}
	return 2;
}
