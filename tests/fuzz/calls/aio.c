// SPDX-License-Identifier: MIT
/*
 * Asynchronous I/O: POSIX AIO, and the kernel's by number. What is under way at the same time is reads alone, or writes
 * that do not overlap, or appends, so that the order in which they are done does not show; what is compared is each
 * result, the memory and the file, once all have ended.
 */
#include <aio.h>
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

#include "fuzz.h"

#define MOST 8
#define ROOM 16384

/* Aligned, for direct I/O. */
static unsigned char memory[MOST][ROOM] __attribute__((aligned(4096)));

static void paint(unsigned i, bool source)
{
	for (size_t n = 0; n < ROOM; n++)
		memory[i][n] = source ? (unsigned char)(n * 31 + i + n / 251) : 0xa5;
}

static void note_memory(unsigned i)
{
	note(" hash %08lx", (unsigned long)(hash_mem(memory[i], ROOM, 0) >> 32));
}

/* A file of known content, cold or not. */
static int prepare(const char *name, int flags)
{
	size_t size = ONE_OF(0, 5000, 65536, 65536, 200000);
	int fd = (int)RUN(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644), "open(%s) anew", name);

	paint(0, true);
	for (size_t n = 0; fd >= 0 && n < size; n += ROOM)
		if (pwrite(fd, memory[0], size - n < ROOM ? size - n : ROOM, (off_t)n) < 0)
			break;
	if (fd >= 0 && chance(50)) {
		fsync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	RUN(close(fd), "close(%d)", fd);
	return (int)RUN(open(name, flags), "open(%s, %#o)", name, flags);
}

static void note_file(const char *name)
{
	static unsigned char buf[300000];
	long fd = raw(SYS_openat, AT_FDCWD, name, O_RDONLY), n;

	n = raw(SYS_read, fd, buf, sizeof(buf));
	raw(SYS_close, fd);
	RUN(n, "%s holds", name);
	note(" hash %08lx", (unsigned long)(hash_mem(buf, n > 0 ? (size_t)n : 0, 0) >> 32));
}

/* ---- POSIX ---- */

static struct aiocb requests[MOST];

/* Each has a part of the file. */
static void ask_for(unsigned i, int fd, int opcode, bool direct)
{
	struct aiocb *cb = &requests[i];

	memset(cb, 0, sizeof(*cb));
	paint(i, opcode == LIO_WRITE);
	cb->aio_fildes = fd;
	cb->aio_lio_opcode = opcode;
	cb->aio_buf = memory[i];
	cb->aio_nbytes = direct ? ONE_OF(4096, 8192, 16384) : ONE_OF(0, 1, 100, 4096, 5000, 16384);
	cb->aio_offset = (off_t)i * 20480;
	cb->aio_sigevent.sigev_notify = SIGEV_NONE;
	if (chance(4))
		cb->aio_offset = -1;
	if (chance(3))
		cb->aio_reqprio = -1;
	if (chance(3))
		cb->aio_fildes = ONE_OF(-1, 199, 0);
	if (!is.gentle && !direct && chance(3))
		cb->aio_buf = (void *)8;
}

/* How it ended, once it has. */
static void await_request(unsigned i)
{
	const struct aiocb *list[1] = {&requests[i]};
	struct timespec ts = {20, 0}, *timeout = chance(50) ? &ts : NULL;
	int error;

	while ((error = aio_error(&requests[i])) == EINPROGRESS && !aio_suspend(list, 1, timeout))
		;
	RUN(error, "request %u, error", i);
	errno = UNTOUCHED;
	note(" returned %ld", error == EINPROGRESS ? -77 : (long)aio_return(&requests[i]));
	note_memory(i);
}

static int pick_flags(void)
{
	return ONE_OF(O_RDWR, O_RDWR, O_RDWR, O_RDWR | O_APPEND, O_RDONLY, O_WRONLY,
		      O_RDWR | O_DIRECT);
}

static void do_posix(void)
{
	int flags = pick_flags(), fd, fds[2];
	unsigned n = 1 + rnd(MOST), sent = 0;
	bool direct = flags & O_DIRECT;
	int opcode = flags & O_APPEND || chance(50) ? LIO_WRITE : LIO_READ;

	make_room(5);
	if (chdir(is.dir))
		return;
	fd = prepare("ai", flags);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		long r;

		ask_for(i, fd, opcode, direct);
		r = opcode == LIO_READ ? RUN(aio_read(&requests[i]), "aio_read %u at %ld", i,
					     (long)requests[i].aio_offset)
				       : RUN(aio_write(&requests[i]), "aio_write %u at %ld", i,
					     (long)requests[i].aio_offset);
		if (r)
			requests[i].aio_fildes = -1, requests[i].aio_lio_opcode = LIO_NOP;
		else
			sent |= 1u << i;
	}
	if (chance(40) && n < MOST) {
		memset(&requests[n], 0, sizeof(requests[n]));
		requests[n].aio_fildes = chance(90) ? fd : 199;
		requests[n].aio_sigevent.sigev_notify = SIGEV_NONE;
		if (!RUN(aio_fsync(ONE_OF(O_SYNC, O_DSYNC, 99), &requests[n]), "aio_fsync"))
			sent |= 1u << n;
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		if (sent & 1u << i)
			await_request(i);
	RUN(aio_cancel(fd, chance(50) ? NULL : &requests[0]), "aio_cancel when all is done");
	RUN(aio_cancel(ONE_OF(-1, 199), NULL), "aio_cancel of no file");
	if (chance(20) && !pipe(fds)) {
		/* What waits in a pipe. */
		ask_for(0, fds[0], LIO_READ, false);
		requests[0].aio_fildes = fds[0];
		requests[0].aio_offset = requests[0].aio_reqprio = 0;
		requests[0].aio_buf = memory[0];
		if (!RUN(aio_read(&requests[0]), "aio_read of a pipe")) {
			RUN(write(fds[1], "hello", 5), "write to it");
			await_request(0);
		}
		close(fds[0]);
		close(fds[1]);
	}
	RUN(close(fd), "close(%d)", fd);
	note_file("ai");
}

static void do_list(void)
{
	int flags = pick_flags(), mode = ONE_OF(LIO_WAIT, LIO_WAIT, LIO_NOWAIT, 99);
	bool writes = chance(50), direct = flags & O_DIRECT;
	struct aiocb *list[MOST];
	unsigned n = 1 + rnd(MOST);
	int fd;

	make_room(3);
	if (chdir(is.dir))
		return;
	fd = prepare("ai", flags);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		int opcode = chance(10)			  ? LIO_NOP
			     : flags & O_APPEND || writes ? LIO_WRITE
							  : LIO_READ;

		ask_for(i, fd, opcode, direct);
		list[i] = chance(90) ? &requests[i] : NULL;
	}
	RUN(lio_listio(mode, list, (int)n, NULL), "lio_listio(%d, %u)", mode, n);
	/* Where some were refused, the others are under way. */
	if (mode != 99)
		for (unsigned i = 0; i < n; i++)
			if (list[i] && list[i]->aio_lio_opcode != LIO_NOP)
				await_request(i);
	RUN(close(fd), "close(%d)", fd);
	note_file("ai");
}

/* ---- The kernel's ---- */

static void do_kernel(void)
{
	int flags = pick_flags(), fd, event = -1;
	bool direct = flags & O_DIRECT, writes = chance(50);
	unsigned n = 1 + rnd(MOST);
	struct iocb cbs[MOST], *list[MOST];
	struct io_event events[2 * MOST];
	struct timespec ts = {20, 0};
	aio_context_t ctx = 0;
	uint64_t count = 0;
	long submitted, got = 0;

	make_room(4);
	if (chdir(is.dir))
		return;
	fd = prepare("ai", flags);
	if (fd < 0)
		return;
	if (chance(40))
		event = (int)RUN(eventfd(0, EFD_NONBLOCK), "eventfd");
	if (RUN(syscall(SYS_io_setup, ONE_OF(8, 32, 128), &ctx), "io_setup"))
		goto out;
	memset(cbs, 0, sizeof(cbs));
	for (unsigned i = 0; i < n; i++) {
		paint(i, writes);
		cbs[i].aio_fildes = (uint32_t)fd;
		cbs[i].aio_lio_opcode = writes ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		cbs[i].aio_buf = (uintptr_t)memory[i];
		cbs[i].aio_nbytes =
			direct ? ONE_OF(4096, 8192, 16384) : ONE_OF(0, 1, 100, 4096, 5000, 16384);
		cbs[i].aio_offset = (int64_t)i * 20480;
		cbs[i].aio_data = 1000 + i;
		if (event >= 0 && chance(60)) {
			cbs[i].aio_flags = IOCB_FLAG_RESFD;
			cbs[i].aio_resfd = (uint32_t)event;
		}
		switch (rnd(60)) {
		case 0: cbs[i].aio_offset = -1; break;
		case 1: cbs[i].aio_fildes = 199; break;
		case 2:
			cbs[i].aio_lio_opcode =
				ONE_OF(IOCB_CMD_FSYNC, IOCB_CMD_FDSYNC, IOCB_CMD_NOOP, 99);
			break;
		case 3: cbs[i].aio_buf = is.gentle || direct ? cbs[i].aio_buf : 8; break;
		case 4: cbs[i].aio_reserved2 = 1; break;
		}
		list[i] = !is.gentle && chance(1) ? (struct iocb *)8 : &cbs[i];
	}
	submitted = RUN(syscall(SYS_io_submit, ctx, n, list), "io_submit(%u)", n);
	while (got < submitted) {
		long r = syscall(SYS_io_getevents, ctx, 1, 2 * MOST, events + got, &ts);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		got += r;
	}
	RUN(got, "io_getevents");
	/* In whatever order they ended. */
	for (unsigned i = 0; i < n; i++)
		for (long e = 0; e < got; e++)
			if (events[e].data == 1000 + i)
				note(" %u%s:%lld,%lld", i,
				     events[e].obj == (uintptr_t)&cbs[i] ? "" : "?",
				     (long long)events[e].res, (long long)events[e].res2);
	for (unsigned i = 0; i < n; i++)
		note_memory(i);
	ts.tv_sec = 0;
	RUN(syscall(SYS_io_getevents, ctx, 0, 1, events, &ts), "io_getevents, none left");
	if (event >= 0) {
		RUN(read(event, &count, 8), "read(eventfd)");
		note(" %llu", (unsigned long long)count);
	}
	RUN(syscall(SYS_io_destroy, ctx), "io_destroy");
out:
	if (event >= 0)
		RUN(close(event), "close(%d)", event);
	RUN(close(fd), "close(%d)", fd);
	note_file("ai");
}

const struct kind aio_kinds[] = {
	{"aio", do_posix, 3, NOT_INSIDE | SLOW},
	{"aio list", do_list, 2, NOT_INSIDE | SLOW},
	{"aio kernel", do_kernel, 3, NOT_INSIDE | SLOW},
	{NULL, NULL, 0, ANYWHERE},
};
