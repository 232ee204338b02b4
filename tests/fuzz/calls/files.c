// SPDX-License-Identifier: MIT
/* Opening, positions, sizes, duplicates, pipes, and the flags of descriptors. */
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "fuzz.h"

#ifdef __GLIBC__
extern int __open_2(const char *, int);
extern int __open64_2(const char *, int);
extern int __openat_2(int, const char *, int);
#endif

/* ---- Opening and closing ---- */

static int pick_open_flags(void)
{
	static const int access[] = {O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_RDWR, 3};
	static const int more[] = {O_CREAT,	     O_CREAT,	  O_CREAT,	    O_CREAT,
				   O_TRUNC,	     O_APPEND,	  O_APPEND,	    O_EXCL,
				   O_NONBLOCK,	     O_DIRECTORY, O_NOFOLLOW,	    O_CLOEXEC,
				   O_CLOEXEC,	     O_SYNC,	  O_DSYNC,	    O_NOATIME,
				   O_PATH,	     O_NOCTTY,	  O_CREAT | O_EXCL, 1 << 28,
				   O_CREAT | O_TRUNC};
	int flags = ANY(access);

	for (uint32_t i = rnd(4); i; i--)
		flags |= ANY(more);
	if (chance(4))
		flags |= O_TMPFILE;
	if (chance(3))
		flags |= O_DIRECT;
	return flags;
}

static mode_t pick_mode(void)
{
	return ONE_OF(0644, 0644, 0666, 0600, 0777, 0755, 04755, 0400, 01777, 0, 0200, 06777, 0100644);
}

static void do_open(void)
{
	const char *path = pick_path(true);
	int flags = pick_open_flags(), how = (int)rnd(9), dfd = pick_dfd();
	mode_t mode = pick_mode();
	const char *name = shown(path, 0);
	long fd;

	log_head("open %d(%d, %s, %#o, %o)", how, dfd, name, flags, mode);
	tick_always();
	errno = UNTOUCHED;
	switch (how) {
	case 0:
	case 1: fd = open(path, flags, mode); break;
	case 2: fd = syscall(SYS_openat, dfd, path, flags, mode); break;
	case 3: fd = creat(path, mode); break;
#ifdef __GLIBC__
	case 4: fd = open64(path, flags, mode); break;
	case 5: fd = openat64(dfd, path, flags, mode); break;
	/* Creating without a mode ends the program: process.c. */
	case 6: fd = __open_2(path, flags & ~(O_CREAT | O_TMPFILE)); break;
	case 7: fd = __openat_2(dfd, path, flags & ~(O_CREAT | O_TMPFILE)); break;
#endif
	default: fd = openat(dfd, path, flags, mode);
	}
	int error = errno;
	tick_stop();
	log_tail(fd, error);
	keep_fd(fd);
	if (fd >= 0)
		note_fd((int)fd);
}

/* Files that can be read and written: most calls are for these. */
static void do_open_file(void)
{
	const char *path = ONE_OF("a", "b", "c", "e", "d0/a", "d1/a", "f");
	int flags = ONE_OF(O_RDWR, O_RDWR, O_RDONLY, O_RDWR | O_APPEND, O_RDWR | O_CLOEXEC) | O_CREAT;

	keep_fd(RUN_OPEN(open(path, flags, 0666), "open(%s, %#o)", path, flags));
}

static void do_openat2(void)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {(uint64_t)ONE_OF(O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_PATH), 0,
		 rnd(2) ? rnd(64) : 0};
	const char *path = pick_path(true);
	int dfd = pick_dfd();

	if (how.flags & O_CREAT)
		how.mode = 0644;
	keep_fd(RUN_OPEN(syscall(437, dfd, path, &how, ONE_OF(24, 24, 24, 23, 0)),
			 "openat2(%d, %s, %#lo, %lu)", dfd, shown(path, 0),
			 (unsigned long)how.flags, (unsigned long)how.resolve));
}

static void do_close(void)
{
	int fd = pick_fd(W_ALL);
	struct slot *s = slot_of(fd);
	int conn = s ? s->conn : 0;

	if (fd >= 0 && fd < 3)
		return;
	if (s) {
		s->fd = -1;
		s->conn = 0;
	}
	if (chance(20))
		RUN(syscall(SYS_close, fd), "syscall close(%d)", fd);
	else
		RUN(close(fd), "close(%d)", fd);
	for (int i = 0; conn && i < SLOTS; i++)
		if (slots[i].fd >= 0 && slots[i].conn == conn)
			settle(slots[i].fd);
}

static void settle_all(void)
{
	forget_closed();
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].fd >= 0 && slots[i].conn)
			settle(slots[i].fd);
}

static void do_close_many(void)
{
	unsigned from = 3 + rnd(40), to = chance(50) ? from + rnd(10) : ~0u;

	switch (rnd(3)) {
#ifdef __GLIBC__
	case 0:
		RUN(close_range(from, to, ONE_OF(0, 0, 4, 99)), "close_range(%u, %u)", from, to);
		break;
#endif
	case 1:
		RUN(syscall(SYS_close_range, from, to, chance(30) ? 4 : 0),
		    "syscall close_range(%u, %u)", from, to);
		break;
	default:
		for (unsigned fd = from; fd < from + 60; fd++)
			close((int)fd);
		RUN(0, "close all from %u", from);
	}
	settle_all();
}

static void do_temporary(void)
{
	char name[40] = "d0/tXXXXXX";
	long fd;

	switch (rnd(5)) {
	case 0: fd = RUN(mkstemp(name), "mkstemp"); break;
	case 1: fd = RUN(mkostemp(name, O_CLOEXEC | O_APPEND), "mkostemp"); break;
	case 2:
		strcat(name, ".c");
		fd = RUN(mkstemps(name, 2), "mkstemps");
		break;
	case 3: keep_fd(RUN(memfd_create("m", ONE_OF(0u, 1u, 2u, 3u)), "memfd_create")); return;
	default: fd = RUN(open(".", O_TMPFILE | O_RDWR, 0600), "open O_TMPFILE");
	}
	keep_fd(fd);
	if (fd >= 0)
		raw(SYS_unlinkat, AT_FDCWD, name, 0);
}

/* ---- Positions, sizes, space ---- */

static void do_lseek(void)
{
	int fd = pick_fd(chance(85) ? W_FILE : W_ALL);
	off_t at = chance(30) ? -(off_t)rnd(100) : pick_offset();
	/* Where ext4 says that data are depends on what is in the cache. */
	int whence = is.tmpfs ? ONE_OF(0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 99)
			      : ONE_OF(0, 0, 0, 1, 1, 2, 2, 5, 99);

	/* Positions where nothing can be written would be the end of most that follows. */
	if (at > 1 << 20 && chance(90))
		at = 4096;
	if (chance(20))
		RUN(syscall(SYS_lseek, fd, at, whence), "syscall lseek(%d, %lld, %d)", fd,
		    (long long)at, whence);
	else
		RUN(lseek(fd, at, whence), "lseek(%d, %lld, %d)", fd, (long long)at, whence);
}

static off_t pick_length(void)
{
	return ONE_OF(-1ll, 0ll, 0ll, 1ll, 100ll, 4096ll, 5000ll, 10000ll, 100000ll, 1ll << 33,
		      1ll << 62);
}

static void do_truncate(void)
{
	int fd = pick_fd(W_FILE);
	off_t n = pick_length();
	const char *name;

	switch (rnd(4)) {
	case 0:
		RUN(syscall(SYS_ftruncate, fd, n), "syscall ftruncate(%d, %lld)", fd, (long long)n);
		break;
	case 1:
		name = pick_name();
		RUN(truncate(name, n), "truncate(%s, %lld)", shown(name, 0), (long long)n);
		return;
	default: RUN(ftruncate(fd, n), "ftruncate(%d, %lld)", fd, (long long)n);
	}
	note_fd(fd);
}

static off_t pick_small_length(void)
{
	return ONE_OF(-1ll, 0ll, 1ll, 100ll, 4096ll, 5000ll, 8192ll, 1ll << 62, LLONG_MAX);
}

static void do_fallocate(void)
{
	int fd = pick_fd(chance(85) ? W_FILE : W_ALL);
	int mode = ONE_OF(0, 0, 1, 3, 3, 0x11, 0x10, 8, 0x20, 2, 0x40, 0x100);
	off_t at = ONE_OF(0ll, 0ll, 1ll, 100ll, 4096ll, 8192ll, -1ll, 1ll << 62),
	      n = pick_small_length();
	struct statfs fs;
	struct stat st;

	/* A memfd has no limit but all memory there is. */
	if (!raw(SYS_fstatfs, fd, &fs) && !fs.f_blocks && n > 8192)
		n = 8192;
	switch (rnd(4)) {
	case 0:
		RUN_ON(fd, posix_fallocate(fd, at, n), "posix_fallocate(%d, %lld, %lld)", fd,
		       (long long)at, (long long)n);
		break;
	case 1:
		RUN_ON(fd, syscall(SYS_fallocate, fd, mode, at, n),
		       "syscall fallocate(%d, %#x, %lld, %lld)", fd, mode, (long long)at,
		       (long long)n);
		break;
	default:
		RUN_ON(fd, fallocate(fd, mode, at, n), "fallocate(%d, %#x, %lld, %lld)", fd, mode,
		       (long long)at, (long long)n);
	}
	if (!raw(SYS_fstat, fd, &st))
		note(" size %lld", (long long)st.st_size);
}

static void do_advise(void)
{
	int fd = pick_fd(chance(80) ? W_FILE : W_ALL), advice = ONE_OF(0, 1, 2, 3, 4, 5, 77, -1);
	off_t at = pick_offset(), n = ONE_OF(0ll, 1ll, 4096ll, 100000ll, -1ll, 1ll << 33, LLONG_MAX);

	if (chance(20))
		RUN(readahead(fd, at, 4096), "readahead(%d, %lld)", fd, (long long)at);
	else
		RUN(posix_fadvise(fd, at, n, advice), "posix_fadvise(%d, %lld, %lld, %d)", fd,
		    (long long)at, (long long)n, advice);
}

static void do_sync(void)
{
	int fd = pick_fd(chance(70) ? W_FILE : W_ALL);
	off_t at = ONE_OF(0ll, 100ll, 4096ll, -1ll, LLONG_MAX),
	      n = ONE_OF(0ll, 1ll, 4096ll, -1ll, 1ll << 33);
	unsigned flags = ONE_OF(0u, 1u, 2u, 4u, 7u, 8u);

	switch (rnd(6)) {
	case 0: RUN(fdatasync(fd), "fdatasync(%d)", fd); break;
	case 1: RUN(syscall(SYS_fsync, fd), "syscall fsync(%d)", fd); break;
	case 2: RUN(syscall(SYS_fdatasync, fd), "syscall fdatasync(%d)", fd); break;
	case 3:
	case 4:
		RUN(sync_file_range(fd, at, n, flags), "sync_file_range(%d, %lld, %lld, %u)", fd,
		    (long long)at, (long long)n, flags);
		break;
	default: RUN(fsync(fd), "fsync(%d)", fd);
	}
}

/* ---- Duplicates and flags ---- */

static void give_conn(int from, long to)
{
	struct slot *s = slot_of(from);

	if (s)
		keep_conn(to, s->conn, s->side);
	else
		keep_fd(to);
}

static void do_dup(void)
{
	int fd = pick_fd(W_ALL), to = chance(70) ? open_fd(W_ALL) : (int)(3 + rnd(60));
	int flags = ONE_OF(0, 0, O_CLOEXEC, O_NONBLOCK);
	struct slot *was;

	make_room(1);
	if (chance(5))
		to = pick_fd(W_ALL);
	if (to >= 0 && to < 3)
		to = 9;
	was = slot_of(to);
	switch (rnd(6)) {
	case 0: give_conn(fd, RUN(dup(fd), "dup(%d)", fd)); break;
	case 1: give_conn(fd, RUN(dup2(fd, to), "dup2(%d, %d)", fd, to)); break;
	case 2: give_conn(fd, RUN(dup3(fd, to, flags), "dup3(%d, %d, %#o)", fd, to, flags)); break;
	case 3: give_conn(fd, RUN(syscall(SYS_dup, fd), "syscall dup(%d)", fd)); break;
	case 4: give_conn(fd, RUN(fcntl(fd, F_DUPFD, to), "F_DUPFD(%d, %d)", fd, to)); break;
	case 5:
		give_conn(fd,
			  RUN(fcntl(fd, F_DUPFD_CLOEXEC, (int)rnd(50)), "F_DUPFD_CLOEXEC(%d)", fd));
		break;
	}
	if (was)
		settle_all();
}

static void do_flags(void)
{
	int fd = pick_fd(W_ALL);
	int flags = (int)raw(SYS_fcntl, fd, F_GETFL);
	int one = (int)rnd(2);

	switch (rnd(8)) {
	case 0: RUN(fcntl(fd, F_GETFD), "F_GETFD(%d)", fd); break;
	case 1: RUN(fcntl(fd, F_SETFD, one), "F_SETFD(%d, %d)", fd, one); break;
	case 2: RUN(fcntl(fd, F_GETFL), "F_GETFL(%d)", fd); break;
	case 3:
	case 4:
		flags = (flags < 0 ? 0 : flags) ^ ONE_OF(O_NONBLOCK, O_NONBLOCK, O_APPEND, O_NOATIME);
		RUN(fcntl(fd, F_SETFL, flags), "F_SETFL(%d, %#o)", fd, flags);
		break;
	case 5: RUN(ioctl(fd, FIONBIO, &one), "FIONBIO(%d, %d)", fd, one); break;
	case 6: RUN(ioctl(fd, one ? FIOCLEX : FIONCLEX), "FIOCLEX(%d, %d)", fd, one); break;
	case 7: {
		int n = -5;

		RUN(ioctl(fd, FIONREAD, &n), "FIONREAD(%d)", fd);
		note(" %d", n);
		break;
	}
	}
}

static void do_lock(void)
{
	struct flock l = {.l_type = (short)ONE_OF(F_RDLCK, F_WRLCK, F_UNLCK),
			  .l_start = rnd(100),
			  .l_len = rnd(50)};
	int fd = pick_fd(W_FILE), op = ONE_OF(F_SETLK, F_GETLK);

	/*
	 * Only a process's own locks. What belongs to an open file (flock, F_OFD_SETLK) may be held a while longer by a
	 * message in a socket that is closed: the kernel collects those when it comes to it.
	 */
	RUN(fcntl(fd, op, &l), "lock(%d, %d, %d, %ld, %ld)", fd, op, l.l_type, (long)l.l_start,
	    (long)l.l_len);
	note(" type %d", l.l_type);
}

/* ---- Pipes ---- */

static void do_pipe(void)
{
	int fds[2] = {-7, -7},
	    flags = ONE_OF(0, O_NONBLOCK, O_CLOEXEC, O_NONBLOCK, O_CLOEXEC | O_NONBLOCK);
	int *to = !is.gentle && chance(3) ? NULL : fds;
	long r;

	make_room(2);
	if (chance(3))
		flags = ONE_OF(O_DIRECT, O_APPEND, -1);
	switch (rnd(4)) {
	case 0: r = RUN(pipe(to), "pipe%s", to ? "" : " to nowhere"); break;
	case 1:
		r = RUN(syscall(SYS_pipe2, to, flags), "syscall pipe2(%#o)%s", flags,
			to ? "" : " to nowhere");
		break;
	default: r = RUN(pipe2(to, flags), "pipe2(%#o)%s", flags, to ? "" : " to nowhere");
	}
	note(" %d %d", fds[0], fds[1]);
	if (!r && to) {
		keep_fd(fds[0]);
		keep_fd(fds[1]);
	}
}

static void do_pipe_size(void)
{
	int fd = pick_fd(W_PIPE);

	if (chance(50))
		RUN(fcntl(fd, F_SETPIPE_SZ, ONE_OF(1, 4096, 8192, 65536, 131072)),
		    "F_SETPIPE_SZ(%d)", fd);
	else
		RUN(fcntl(fd, F_GETPIPE_SZ), "F_GETPIPE_SZ(%d)", fd);
}

/* Both ends of a FIFO, without waiting for anybody. */
static void do_fifo(void)
{
	make_room(2);
	RUN(mkfifo("p0", 0644), "mkfifo(p0)");
	keep_fd(RUN(open("p0", O_RDWR | O_NONBLOCK), "open(p0, both)"));
	keep_fd(RUN(open("p0", ONE_OF(O_RDONLY, O_WRONLY) | O_NONBLOCK), "open(p0, one)"));
}

const struct kind file_kinds[] = {
	{"open", do_open, 70, ANYWHERE},
	{"open file", do_open_file, 50, ANYWHERE},
	{"openat2", do_openat2, 10, ANYWHERE},
	{"close", do_close, 60, ANYWHERE},
	{"close many", do_close_many, 3, ANYWHERE},
	{"temporary", do_temporary, 10, ANYWHERE},
	{"lseek", do_lseek, 40, ANYWHERE},
	{"truncate", do_truncate, 30, ANYWHERE},
	{"fallocate", do_fallocate, 25, ANYWHERE},
	{"advise", do_advise, 16, ANYWHERE},
	{"sync", do_sync, 8, ANYWHERE},
	{"dup", do_dup, 35, ANYWHERE},
	{"flags", do_flags, 30, ANYWHERE},
	{"lock", do_lock, 10, ANYWHERE},
	{"pipe", do_pipe, 20, ANYWHERE},
	{"pipe size", do_pipe_size, 5, ANYWHERE},
	{"fifo", do_fifo, 5, ANYWHERE},
	{NULL, NULL, 0, ANYWHERE},
};
