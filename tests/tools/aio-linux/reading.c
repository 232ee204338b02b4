/* Requests of all kinds, and their events. */
#include <dlfcn.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "aio-linux.h"

void case_read(void)
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
void case_late(void)
{
	aio_context_t ctx = context(MANY);
	int direct = open_file(O_RDONLY | O_DIRECT);

	for (int i = 0; i < 5; i++)
		printf("direct %d\n", read_many(ctx, direct, IOCB_CMD_PREAD, 1));
	for (int i = 0; i < 3; i++)
		printf("cold %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, 1));
}

void case_mixed(void)
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

void case_eventfd(void)
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

/* One request, and its event: what the kernel says of each. */
static void show_one(aio_context_t ctx, const char *what, struct iocb cb)
{
	struct timespec long_time = {20, 0};
	struct iocb *one = &cb;
	struct io_event event;
	long res = io_submit(ctx, 1, &one);

	show(what, res);
	if (res == 1 && io_getevents(ctx, 1, 1, &event, &long_time) == 1)
		printf("its event: %lld %lld, data %lld, its own %d\n", (long long)event.res,
		       (long long)event.res2, (long long)event.data, event.obj == (uintptr_t)&cb);
}

/* Priorities, flags of a request, vectors to be written, syncs. */
void case_flags(void)
{
	static const int flags[] = {RWF_NOWAIT, RWF_DSYNC,  RWF_SYNC,
				    RWF_HIPRI,	RWF_APPEND, 1 << 20};
	static const int priorities[] = {0, 2 << 13 | 4, 3 << 13, 7 << 13, 2 << 13 | 8};
	aio_context_t ctx = context(MANY);
	int fds[2] = {open_file(O_RDWR), open_file(O_RDWR | O_DIRECT)};

	for (int f = 0; f < 2; f++) {
		struct iovec iov[2] = {{block(0), BLOCK}, {block(1), BLOCK}};
		struct iocb cb;

		make_cold(fds[0]);
		for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++) {
			cb = request(IOCB_CMD_PREAD, fds[f], 2, 20 + 4 * (int)i);
			cb.aio_flags = IOCB_FLAG_IOPRIO;
			cb.aio_reqprio = (short)priorities[i];
			show_one(ctx, "priority", cb);
		}
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
			fill(block(2), (uint64_t)(40 + i) * BLOCK);
			cb = request(IOCB_CMD_PWRITE, fds[f], 2, 40 + (int)i);
			cb.aio_rw_flags = flags[i];
			if (flags[i] != RWF_APPEND && flags[i] != RWF_NOWAIT)
				show_one(ctx, "written with flags", cb);
			cb.aio_lio_opcode = IOCB_CMD_PREAD;
			if (f || flags[i] != RWF_NOWAIT)
				show_one(ctx, "read with flags", cb);
		}
		fill(block(0), 70 * BLOCK);
		fill(block(1), 71 * BLOCK);
		cb = request(IOCB_CMD_PWRITEV, fds[f], 0, 70);
		cb.aio_buf = (uintptr_t)iov;
		cb.aio_nbytes = 2;
		show_one(ctx, "two written", cb);
		memset(memory, 0, (size_t)2 * BLOCK);
		cb.aio_lio_opcode = IOCB_CMD_PREADV;
		show_one(ctx, "two read", cb);
		printf("right %d %d\n", is_filled(block(0), 70 * BLOCK),
		       is_filled(block(1), 71 * BLOCK));
		cb = request(IOCB_CMD_FSYNC, fds[f], 0, 0);
		cb.aio_buf = cb.aio_nbytes = 0;
		show_one(ctx, "fsync", cb);
		cb.aio_lio_opcode = IOCB_CMD_FDSYNC;
		show_one(ctx, "fdsync", cb);
	}
}

/* ---- libaio's own functions, as a program that is linked with it has them ---- */

static int called, called_right;

static void callback(aio_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)ctx;
	called++;
	called_right += res == BLOCK && !res2 &&
			is_filled((const char *)(uintptr_t)cb->aio_buf, (uint64_t)cb->aio_offset);
}

#define FUNCTION(type, name) type name = (type)(uintptr_t)dlsym(RTLD_DEFAULT, #name)

void case_library(void)
{
	typedef int (*queue_init)(int, aio_context_t *);
	typedef int (*queue)(aio_context_t);
	typedef int (*submit)(aio_context_t, long, struct iocb **);
	typedef int (*events)(aio_context_t, long, long, struct io_event *, struct timespec *);
	typedef int (*cancel)(aio_context_t, struct iocb *, struct io_event *);
	int cold = open_cold(O_RDONLY), direct = open_file(O_RDONLY | O_DIRECT);
	struct iocb cb[MANY], *list[MANY];
	struct io_event event[MANY];
	aio_context_t ctx = 0;

	if (!dlopen("libaio.so.1", RTLD_NOW | RTLD_GLOBAL)) {
		puts("there is no libaio");
		return;
	}
	FUNCTION(queue_init, io_queue_init);
	FUNCTION(queue, io_queue_run);
	FUNCTION(queue, io_queue_release);
	FUNCTION(submit, io_submit);
	FUNCTION(events, io_getevents);
	FUNCTION(cancel, io_cancel);
	FUNCTION(queue, io_destroy);
	printf("io_queue_init: %d\n", io_queue_init(MANY, &ctx));
	for (int i = 0; i < MANY; i++) {
		cb[i] = request(IOCB_CMD_PREAD, i % 2 ? cold : direct, i, i * 3);
		cb[i].aio_data = (uintptr_t)callback;
		list[i] = &cb[i];
	}
	printf("io_submit: %d\n", io_submit(ctx, MANY, list));
	for (int i = 0; i < 5000 && called < MANY; i++) {
		int res = io_queue_run(ctx);

		if (res) {
			printf("io_queue_run: %d\n", res);
			break;
		}
		usleep(1000);
	}
	printf("called %d, right %d\n", called, called_right);
	make_cold(cold);
	printf("io_submit: %d\n", io_submit(ctx, MANY, list));
	printf("io_getevents: %d\n", io_getevents(ctx, MANY, MANY, event, NULL));
	for (int i = 0; i < MANY; i++)
		callback(ctx, (struct iocb *)(uintptr_t)event[i].obj, (long)event[i].res,
			 (long)event[i].res2);
	printf("called %d, right %d\n", called, called_right);
	printf("none: %d\n", io_getevents(ctx, 0, 1, event, &(struct timespec){0, 0}));
	printf("io_cancel: %d\n", io_cancel(ctx, &cb[0], event));
	printf("io_submit of less than none: %d\n", io_submit(ctx, -1, list));
	printf("io_queue_release: %d\n", io_queue_release(ctx));
	printf("io_destroy: %d\n", io_destroy(ctx));
}
