// SPDX-License-Identifier: MIT
/* Reading and writing, in all the forms that libc has for it, on fds of every kind. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "fuzz.h"

#ifdef __GLIBC__
extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
extern ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);
extern ssize_t __read(int, void *, size_t);
extern ssize_t __write(int, const void *, size_t);
extern ssize_t __pread64(int, void *, size_t, off64_t);
extern ssize_t __pwrite64(int, const void *, size_t, off64_t);
#endif

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#define RWF_APPEND 16
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 32
#endif

/* ---- At the file's own position ---- */

static ssize_t sys_read(int fd, void *p, size_t n)
{
	return syscall(SYS_read, fd, p, n);
}

static ssize_t sys_write(int fd, const void *p, size_t n)
{
	return syscall(SYS_write, fd, p, n);
}

static ssize_t sys_readv(int fd, const struct iovec *v, int n)
{
	return syscall(SYS_readv, fd, v, n);
}

static ssize_t sys_writev(int fd, const struct iovec *v, int n)
{
	return syscall(SYS_writev, fd, v, n);
}

#ifdef __GLIBC__
static ssize_t read_chk(int fd, void *p, size_t n)
{
	return __read_chk(fd, p, n, n + 10 < n ? n : n + 10);
}

static ssize_t read_chk_exact(int fd, void *p, size_t n)
{
	return __read_chk(fd, p, n, n);
}
#endif

static const struct {
	const char *name;
	ssize_t (*fn)(int, void *, size_t);
} readers[] = {
	{"read", read},	    {"read", read},	      {"syscall read", sys_read},
#ifdef __GLIBC__
	{"__read", __read}, {"__read_chk", read_chk}, {"__read_chk exact", read_chk_exact},
#endif
};

static const struct {
	const char *name;
	ssize_t (*fn)(int, const void *, size_t);
} writers[] = {
	{"write", write},
	{"write", write},
	{"syscall write", sys_write},
#ifdef __GLIBC__
	{"__write", __write},
#endif
};

/* Records of some fds are not the same at any time (W_PRIVATE). */
static void note_read(int fd, const struct area *a)
{
	if (!(what_is(fd) & W_PRIVATE))
		note_area(a);
}

static void do_read(void)
{
	__typeof__(readers[0]) how = ANY(readers);
	int fd = pick_fd(W_ALL);
	struct area a = pick_target(pick_size());

	RUN_ON(fd, how.fn(fd, a.p, a.n), "%s(%d, %s, %zu)", how.name, fd, a.tag, a.n);
	note_read(fd, &a);
}

static void do_read_file(void)
{
	__typeof__(readers[0]) how = ANY(readers);
	int fd = pick_fd(W_FILE);
	struct area a = pick_target(pick_size());

	RUN_ON(fd, how.fn(fd, a.p, a.n), "%s(%d, %s, %zu)", how.name, fd, a.tag, a.n);
	note_read(fd, &a);
}

static void write_to(int fd)
{
	__typeof__(writers[0]) how = ANY(writers);
	struct area a = pick_source(pick_size());

	RUN_ON(fd, how.fn(fd, a.p, a.n), "%s(%d, %s, %zu)", how.name, fd, a.tag, a.n);
}

static void do_write(void)
{
	write_to(pick_fd(W_ALL));
}

static void do_write_file(void)
{
	write_to(pick_fd(W_FILE));
}

static void do_readv(void)
{
	int fd = pick_fd(chance(60) ? W_FILE : W_ALL);
	bool sys = chance(20);
	struct vector *v = pick_vector(false);

	RUN_ON(fd, sys ? sys_readv(fd, v->p, v->nr) : readv(fd, v->p, v->nr), "%sreadv(%d, %s)",
	       sys ? "syscall " : "", fd, v->tag);
	if (!(what_is(fd) & W_PRIVATE))
		note_vector(v);
}

static void do_writev(void)
{
	int fd = pick_fd(chance(60) ? W_FILE : W_ALL);
	bool sys = chance(20);
	struct vector *v = pick_vector(true);

	RUN_ON(fd, sys ? sys_writev(fd, v->p, v->nr) : writev(fd, v->p, v->nr), "%swritev(%d, %s)",
	       sys ? "syscall " : "", fd, v->tag);
}

/* ---- At a given position ---- */

static ssize_t sys_pread(int fd, void *p, size_t n, off_t at)
{
	return syscall(SYS_pread64, fd, p, n, at);
}

static ssize_t sys_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return syscall(SYS_pwrite64, fd, p, n, at);
}

#ifdef __GLIBC__
static ssize_t pread_chk(int fd, void *p, size_t n, off_t at)
{
	return __pread_chk(fd, p, n, at, n);
}

static ssize_t pread64_chk(int fd, void *p, size_t n, off_t at)
{
	return __pread64_chk(fd, p, n, at, n);
}
#endif

static const struct {
	const char *name;
	ssize_t (*fn)(int, void *, size_t, off_t);
} readers_at[] = {
	{"pread", pread},	    {"syscall pread", sys_pread},
#ifdef __GLIBC__
	{"pread64", pread64},	    {"__pread64", __pread64},
	{"__pread_chk", pread_chk}, {"__pread64_chk", pread64_chk},
#endif
};

static const struct {
	const char *name;
	ssize_t (*fn)(int, const void *, size_t, off_t);
} writers_at[] = {
	{"pwrite", pwrite},
	{"syscall pwrite", sys_pwrite},
#ifdef __GLIBC__
	{"pwrite64", pwrite64},
	{"__pwrite64", __pwrite64},
#endif
};

static void do_pread(void)
{
	__typeof__(readers_at[0]) how = ANY(readers_at);
	int fd = pick_fd(chance(80) ? W_FILE : W_ALL);
	struct area a = pick_target(pick_size());
	off_t at = pick_offset();

	RUN_ON(fd, how.fn(fd, a.p, a.n, at), "%s(%d, %s, %zu, %lld)", how.name, fd, a.tag, a.n,
	       (long long)at);
	note_read(fd, &a);
}

static void do_pwrite(void)
{
	__typeof__(writers_at[0]) how = ANY(writers_at);
	int fd = pick_fd(chance(80) ? W_FILE : W_ALL);
	struct area a = pick_source(pick_size());
	off_t at = pick_offset();

	RUN_ON(fd, how.fn(fd, a.p, a.n, at), "%s(%d, %s, %zu, %lld)", how.name, fd, a.tag, a.n,
	       (long long)at);
}

static void do_preadv(void)
{
	int fd = pick_fd(chance(80) ? W_FILE : W_ALL);
	struct vector *v = pick_vector(false);
	off_t at = pick_offset();
	bool sys = chance(20);

	RUN_ON(fd, sys ? syscall(SYS_preadv, fd, v->p, v->nr, at, 0) : preadv(fd, v->p, v->nr, at),
	       "%spreadv(%d, %s, %lld)", sys ? "syscall " : "", fd, v->tag, (long long)at);
	if (!(what_is(fd) & W_PRIVATE))
		note_vector(v);
}

static void do_pwritev(void)
{
	int fd = pick_fd(chance(80) ? W_FILE : W_ALL);
	struct vector *v = pick_vector(true);
	off_t at = pick_offset();
	bool sys = chance(20);

	RUN_ON(fd, sys ? syscall(SYS_pwritev, fd, v->p, v->nr, at, 0) : pwritev(fd, v->p, v->nr, at),
	       "%spwritev(%d, %s, %lld)", sys ? "syscall " : "", fd, v->tag, (long long)at);
}

/*
 * RWF_NOWAIT on files depends on what is in the cache, and on the file system's journal at the moment: only on what
 * is no file.
 */
static int pick_rwf(int fd, bool write)
{
	int flags = write ? ONE_OF(0, 0, 2, 4, 1, RWF_APPEND, RWF_NOAPPEND, 1 << 30, 6)
			  : ONE_OF(0, 0, 1, 2, RWF_APPEND, 1 << 30);

	if (!(what_is(fd) & (W_FILE | W_DIR)) && chance(30))
		flags |= RWF_NOWAIT;
	return flags;
}

static void do_preadv2(void)
{
	int fd = pick_fd(chance(60) ? W_FILE : W_ALL);
	struct vector *v = pick_vector(false);
	off_t at = chance(40) ? -1 : pick_offset();
	int flags = pick_rwf(fd, false);

	switch (rnd(3)) {
#ifdef __GLIBC__
	case 0:
		RUN_ON(fd, preadv2(fd, v->p, v->nr, at, flags), "preadv2(%d, %s, %lld, %#x)", fd,
		       v->tag, (long long)at, flags);
		break;
	case 1:
		RUN_ON(fd, preadv64v2(fd, v->p, v->nr, at, flags), "preadv64v2(%d, %s, %lld, %#x)",
		       fd, v->tag, (long long)at, flags);
		break;
#endif
	default:
		RUN_ON(fd, syscall(SYS_preadv2, fd, v->p, v->nr, at, 0, flags),
		       "syscall preadv2(%d, %s, %lld, %#x)", fd, v->tag, (long long)at, flags);
	}
	if (!(what_is(fd) & W_PRIVATE))
		note_vector(v);
}

static void do_pwritev2(void)
{
	int fd = pick_fd(chance(60) ? W_FILE : W_ALL);
	struct vector *v = pick_vector(true);
	off_t at = chance(40) ? -1 : pick_offset();
	int flags = pick_rwf(fd, true);

	switch (rnd(3)) {
#ifdef __GLIBC__
	case 0:
		RUN_ON(fd, pwritev2(fd, v->p, v->nr, at, flags), "pwritev2(%d, %s, %lld, %#x)", fd,
		       v->tag, (long long)at, flags);
		break;
	case 1:
		RUN_ON(fd, pwritev64v2(fd, v->p, v->nr, at, flags),
		       "pwritev64v2(%d, %s, %lld, %#x)", fd, v->tag, (long long)at, flags);
		break;
#endif
	default:
		RUN_ON(fd, syscall(SYS_pwritev2, fd, v->p, v->nr, at, 0, flags),
		       "syscall pwritev2(%d, %s, %lld, %#x)", fd, v->tag, (long long)at, flags);
	}
}

/* ---- From fd to fd: these are ended by a signal even where they need not wait, so that none may come ---- */

static bool may_wait(int fd)
{
	return !(what_is(fd) & W_FILE) && !(raw(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK);
}

#define RUN_BETWEEN(in, out, call, ...)                                                            \
	({                                                                                         \
		RUN(call, __VA_ARGS__);                                                            \
		settle(out);                                                                       \
		note_fd(in);                                                                       \
		note_fd(out);                                                                      \
	})

static off_t *maybe_at(off_t *at)
{
	*at = pick_offset();
	return chance(40) ? at : NULL;
}

static long long at_shown(const off_t *at)
{
	return at ? (long long)*at : -99;
}

static void do_splice(void)
{
	int in = pick_fd(W_PIPE | W_FILE | W_UNIX), out = pick_fd(W_PIPE | W_FILE | W_UNIX);
	off_t from, to;
	off_t *pfrom = maybe_at(&from), *pto = maybe_at(&to);
	size_t n = ONE_OF(0, 1, 100, 4096, 20000, 65536);
	unsigned flags = ONE_OF(0u, 0u, 1u, 2u, 3u, 4u, 8u, 16u);

	/* The flag is for pipes alone. */
	if ((what_is(out) & ~W_PIPE && may_wait(out)) || (what_is(in) & ~W_PIPE && may_wait(in)))
		return;
	RUN_BETWEEN(in, out, splice(in, pfrom, out, pto, n, flags | 2),
		    "splice(%d, %lld, %d, %lld, %zu, %#x)", in, at_shown(pfrom), out, at_shown(pto),
		    n, flags | 2);
	note(" at %lld %lld", at_shown(pfrom), at_shown(pto));
}

static void do_tee(void)
{
	int in = pick_fd(W_PIPE), out = pick_fd(W_PIPE);
	size_t n = ONE_OF(0, 1, 100, 4096, 65536);

	RUN_BETWEEN(in, out, tee(in, out, n, SPLICE_F_NONBLOCK), "tee(%d, %d, %zu)", in, out, n);
}

static void do_vmsplice(void)
{
	int fd = pick_fd(W_PIPE);
	struct vector *v;

	/* What is spliced out is the memory itself, and would show what is written there later. */
	if (raw(SYS_fcntl, fd, F_GETFL) & O_ACCMODE)
		return;
	v = pick_vector(false);
	RUN_BETWEEN(fd, fd, vmsplice(fd, v->p, (size_t)v->nr, SPLICE_F_NONBLOCK),
		    "vmsplice(%d, %s)", fd, v->tag);
	note_vector(v);
}

static void do_sendfile(void)
{
	int in = pick_fd(W_FILE), out = pick_fd(W_PIPE | W_FILE | W_UNIX);
	off_t from;
	off_t *pfrom = maybe_at(&from);
	size_t n = ONE_OF(0, 1, 100, 4096, 20000, 65536);

	if (may_wait(out))
		return;
	RUN_BETWEEN(in, out, sendfile(out, in, pfrom, n), "sendfile(%d, %d, %lld, %zu)", out, in,
		    at_shown(pfrom), n);
	note(" at %lld", at_shown(pfrom));
}

static void do_copy_file_range(void)
{
	int in = pick_fd(W_FILE), out = pick_fd(W_FILE);
	off_t from, to;
	off_t *pfrom = maybe_at(&from), *pto = maybe_at(&to);
	size_t n = ONE_OF(0, 1, 100, 4096, 20000, 65536);

	RUN_BETWEEN(in, out, copy_file_range(in, pfrom, out, pto, n, (unsigned)chance(5)),
		    "copy_file_range(%d, %lld, %d, %lld, %zu)", in, at_shown(pfrom), out,
		    at_shown(pto), n);
	note(" at %lld %lld", at_shown(pfrom), at_shown(pto));
}

/* ---- Seen through other doors ---- */

/* What was written is in a mapping of the file, and the other way round. */
static void do_mmap(void)
{
	int fd = open_fd(W_FILE);
	struct stat st;
	bool write;
	char *p;
	size_t n;

	if (raw(SYS_fstat, fd, &st) || !st.st_size)
		return;
	n = st.st_size > 65536 ? 65536 : (size_t)st.st_size;
	write = (raw(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) == O_RDWR && chance(40);
	log_head("mmap(%d, %zu)", fd, n);
	errno = UNTOUCHED;
	p = mmap(NULL, n, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
	log_tail(p == MAP_FAILED ? -1 : 0, errno);
	if (p == MAP_FAILED)
		return;
	if (write)
		memset(p + rnd((uint32_t)n), 'm', 1);
	note(" hash %08lx", (unsigned long)(hash_mem(p, n, 0) >> 32));
	if (chance(20))
		RUN(msync(p, n, ONE_OF(MS_ASYNC, MS_INVALIDATE, 99)), "msync");
	munmap(p, n);
}

/* Which of its times does a transfer change? */
static void do_times(void)
{
	static const struct timespec past[2] = {{1000000000, 0}, {1000000000, 0}};
	int fd = open_fd(W_FILE | W_PIPE | W_DIR);
	bool reads = chance(50);
	struct area a = reads ? good_target(pick_size()) : pick_source(ONE_OF(0, 1, 10, 5000));
	struct stat st;

	if (fd < 0 || raw(SYS_utimensat, fd, NULL, past, 0) < 0)
		return;
	if (reads)
		RUN_ON(fd, read(fd, a.p, a.n), "read(%d, %s, %zu) times", fd, a.tag, a.n);
	else
		RUN_ON(fd, write(fd, a.p, a.n), "write(%d, %s, %zu) times", fd, a.tag, a.n);
	if (!raw(SYS_fstat, fd, &st))
		note(" atime %s mtime %s", st.st_atime == 1000000000 ? "kept" : "new",
		     st.st_mtime == 1000000000 ? "kept" : "new");
}

static void do_stdio(void)
{
	const char *name = ONE_OF("a", "b", "d0/a", "missing/x");
	const char *mode = ONE_OF("r", "w", "a", "r+", "w+", "a+", "rx", "wx", "re");
	char buf[300];
	FILE *f;
	long n;

	make_room(1);
	log_head("fopen(%s, %s)", name, mode);
	tick_always();
	errno = UNTOUCHED;
	f = fopen(name, mode);
	int error = errno;
	tick_stop();
	log_tail(f ? fileno(f) : -1, error);
	if (!f)
		return;
	/* A FIFO, or another thing that waits. */
	if (!(what_is(fileno(f)) & W_FILE)) {
		fclose(f);
		return;
	}
	for (int i = 0; i < 3; i++) {
		switch (rnd(5)) {
		case 0: RUN(fprintf(f, "line %d\n", i), "fprintf"); break;
		case 1: RUN(fseek(f, (long)rnd(100), (int)rnd(3)), "fseek"); break;
		case 2: RUN(fflush(f), "fflush"); break;
		case 3: RUN(ftell(f), "ftell"); break;
		default:
			n = RUN(fread(buf, 1, sizeof(buf), f), "fread");
			note(" hash %08lx", (unsigned long)(hash_mem(buf, (size_t)n, 0) >> 32));
		}
	}
	if (chance(20))
		keep_fd(RUN(dup(fileno(f)), "dup(fileno)"));
	RUN(fclose(f), "fclose");
}

const struct kind transfer_kinds[] = {
	{"read", do_read, 60, ANYWHERE},
	{"read file", do_read_file, 70, ANYWHERE},
	{"write", do_write, 60, ANYWHERE},
	{"write file", do_write_file, 70, ANYWHERE},
	{"readv", do_readv, 40, ANYWHERE},
	{"writev", do_writev, 40, ANYWHERE},
	{"pread", do_pread, 50, ANYWHERE},
	{"pwrite", do_pwrite, 50, ANYWHERE},
	{"preadv", do_preadv, 25, ANYWHERE},
	{"pwritev", do_pwritev, 25, ANYWHERE},
	{"preadv2", do_preadv2, 25, ANYWHERE},
	{"pwritev2", do_pwritev2, 25, ANYWHERE},
	{"splice", do_splice, 20, ANYWHERE},
	{"tee", do_tee, 8, ANYWHERE},
	{"vmsplice", do_vmsplice, 8, ANYWHERE},
	{"sendfile", do_sendfile, 14, ANYWHERE},
	{"copy_file_range", do_copy_file_range, 14, ANYWHERE},
	{"mmap", do_mmap, 12, ANYWHERE},
	{"times", do_times, 12, ANYWHERE},
	{"stdio", do_stdio, 8, NOT_IN_HANDLER},
	{NULL, NULL, 0, ANYWHERE},
};
