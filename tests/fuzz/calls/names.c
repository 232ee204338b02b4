// SPDX-License-Identifier: MIT
/* Calls on paths: making, renaming and removing, asking, extended attributes, directories. */
#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "fuzz.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

/* ---- Making, renaming, removing ---- */

static mode_t pick_mode(void)
{
	return ONE_OF(0755, 0755, 0777, 0700, 01777, 0500, 02755, 0);
}

static void do_mkdir(void)
{
	const char *name = chance(40) ? ONE_OF("d0", "d1", "d2", "d0/d") : pick_name();
	const char *s = shown(name, 0);
	mode_t mode = chance(70) ? 0755 : pick_mode();
	int dfd = pick_dfd();

	switch (rnd(4)) {
	case 0: RUN(mkdir(name, mode), "mkdir(%s, %o)", s, mode); break;
	case 1: RUN(mkdirat(dfd, name, mode), "mkdirat(%d, %s, %o)", dfd, s, mode); break;
	case 2:
		RUN(syscall(SYS_mkdirat, dfd, name, mode), "syscall mkdirat(%d, %s, %o)", dfd, s,
		    mode);
		break;
	default: RUN(mkdir(name, 0755), "mkdir(%s)", s);
	}
}

static void do_unlink(void)
{
	const char *name = pick_name(), *s = shown(name, 0);
	int dfd = pick_dfd(), flags = ONE_OF(0, 0, AT_REMOVEDIR, 99);

	switch (rnd(6)) {
	case 0: RUN(rmdir(name), "rmdir(%s)", s); break;
	case 1: RUN(unlinkat(dfd, name, flags), "unlinkat(%d, %s, %#x)", dfd, s, flags); break;
	case 2:
		RUN(syscall(SYS_unlinkat, dfd, name, flags), "syscall unlinkat(%d, %s, %#x)", dfd,
		    s, flags);
		break;
	case 3: RUN(remove(name), "remove(%s)", s); break;
	default: RUN(unlink(name), "unlink(%s)", s);
	}
}

static void do_rename(void)
{
	const char *from = pick_name(), *to = pick_name();
	const char *s = shown(from, 0), *t = shown(to, 1);
	int dfd = pick_dfd(), other = pick_dfd();
	unsigned flags = ONE_OF(0u, 0u, 1u, 2u, 3u, 4u, 99u);

	switch (rnd(5)) {
	case 0: RUN(rename(from, to), "rename(%s, %s)", s, t); break;
	case 1:
		RUN(renameat(dfd, from, other, to), "renameat(%d, %s, %d, %s)", dfd, s, other, t);
		break;
	case 2:
		RUN(syscall(SYS_renameat2, dfd, from, other, to, flags),
		    "syscall renameat2(%d, %s, %d, %s, %u)", dfd, s, other, t, flags);
		break;
#ifdef __GLIBC__
	case 3:
		RUN(renameat2(dfd, from, other, to, flags), "renameat2(%d, %s, %d, %s, %u)", dfd, s,
		    other, t, flags);
		break;
#endif
	default: RUN(rename(from, to), "rename(%s, %s)", s, t);
	}
}

static void do_link(void)
{
	const char *from = pick_name(), *to = pick_name();
	const char *s = shown(from, 0), *t = shown(to, 1);
	int dfd = pick_dfd(), other = pick_dfd(),
	    flags = ONE_OF(0, 0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, 99);
	char of_fd[40];

	switch (rnd(6)) {
	case 0: RUN(link(from, to), "link(%s, %s)", s, t); break;
	case 1:
		RUN(linkat(dfd, from, other, to, flags), "linkat(%d, %s, %d, %s, %#x)", dfd, s,
		    other, t, flags);
		break;
	case 2:
		RUN(syscall(SYS_linkat, dfd, from, other, to, flags),
		    "syscall linkat(%d, %s, %d, %s, %#x)", dfd, s, other, t, flags);
		break;
	case 3:
		/* A name for a file that has none (O_TMPFILE). */
		dfd = pick_fd(W_FILE);
		RUN(linkat(dfd, "", other, to, AT_EMPTY_PATH), "linkat(%d, , %d, %s)", dfd, other, t);
		break;
	case 4:
		snprintf(of_fd, sizeof(of_fd), "/proc/self/fd/%d", pick_fd(W_FILE));
		RUN(linkat(AT_FDCWD, of_fd, AT_FDCWD, to, AT_SYMLINK_FOLLOW), "linkat(%s, %s)",
		    of_fd, t);
		break;
	default: RUN(link(from, to), "link(%s, %s)", s, t);
	}
}

static void do_symlink(void)
{
	/* Never to what is outside of the directory: calls follow them. */
	const char *to = ONE_OF("a", "b", "d0", "d1", "missing", "loop", "../a", "d0/a", "l0");
	const char *name = chance(60) ? ONE_OF("l0", "l1", "loop", "d0/l") : pick_name();
	const char *s = shown(name, 0);
	int dfd = pick_dfd();

	/* ".." is for what is one deep alone. */
	if (!strncmp(to, "..", 2) && (name != (const char *)8 && (!name || strncmp(name, "d0/", 3))))
		to = "a";
	switch (rnd(3)) {
	case 0: RUN(symlinkat(to, dfd, name), "symlinkat(%s, %d, %s)", to, dfd, s); break;
	case 1:
		RUN(syscall(SYS_symlinkat, to, dfd, name), "syscall symlinkat(%s, %d, %s)", to, dfd,
		    s);
		break;
	default: RUN(symlink(to, name), "symlink(%s, %s)", to, s);
	}
}

static void do_mknod(void)
{
	const char *name = pick_name(), *s = shown(name, 0);
	mode_t type = ONE_OF((unsigned)S_IFREG, (unsigned)S_IFIFO, (unsigned)S_IFSOCK,
			     (unsigned)S_IFCHR, 0u, (unsigned)S_IFDIR);
	dev_t dev = type == S_IFCHR ? makedev(1, ONE_OF(3, 5, 7)) : 0;
	int dfd = pick_dfd();

	switch (rnd(4)) {
	case 0: RUN(mkfifo(name, 0644), "mkfifo(%s)", s); break;
	case 1: RUN(mkfifoat(dfd, name, 0600), "mkfifoat(%d, %s)", dfd, s); break;
	case 2:
		RUN(mknodat(dfd, name, type | 0644, dev), "mknodat(%d, %s, %o)", dfd, s, type);
		break;
	default: RUN(mknod(name, type | 0644, dev), "mknod(%s, %o)", s, type);
	}
}

/* ---- Where and who ---- */

static void do_chdir(void)
{
	char cwd[PATH_MAX];
	int fd = pick_fd(W_DIR);
	long r;

	switch (rnd(5)) {
	case 0: RUN(chdir(ONE_OF("d0", "d1", "missing", "a")), "chdir"); break;
	case 1:
		/* Not up and out of the directory. */
		RUN(what_is(fd) & W_DIR ? 0 : fchdir(fd), "fchdir(%d)", fd);
		break;
	default: RUN(chdir(is.dir), "chdir back");
	}
	log_head("getcwd");
	errno = UNTOUCHED;
	r = getcwd(cwd, sizeof(cwd)) ? 0 : -1;
	log_tail(r, errno);
	if (!r)
		note(" %s", cwd + (strncmp(cwd, is.dir, strlen(is.dir)) ? 0 : strlen(is.dir)));
}

static void do_umask(void)
{
	mode_t mask = ONE_OF(022, 022, 022, 0, 077, 027, 0777);

	RUN(umask(mask), "umask(%o)", mask);
	if (mask == 0777)
		umask(022);
}

/* ---- Modes, owners, times ---- */

static void do_chmod(void)
{
	const char *name = pick_name(), *s = shown(name, 0);
	mode_t mode = ONE_OF(0644, 0600, 0755, 04755, 02755, 06777, 0400, 0, 01777);
	int fd = pick_fd(W_FILE), dfd = pick_dfd();

	switch (rnd(4)) {
	case 0:
		RUN(what_is(fd) & (W_DIR | W_CHAR) ? 0 : fchmod(fd, mode), "fchmod(%d, %o)", fd, mode);
		break;
	case 1: RUN(fchmodat(dfd, name, mode, 0), "fchmodat(%d, %s, %o)", dfd, s, mode); break;
	case 2:
		RUN(fchmodat(dfd, name, mode, AT_SYMLINK_NOFOLLOW), "fchmodat(%d, %s, %o) link",
		    dfd, s, mode);
		break;
	default: RUN(chmod(name, mode), "chmod(%s, %o)", s, mode);
	}
}

static void do_chown(void)
{
	const char *name = pick_name(), *s = shown(name, 0);
	uid_t u = ONE_OF(-1, 0, 1, 65534);
	gid_t g = ONE_OF(-1, 0, 1, 65534);
	int fd = pick_fd(W_FILE), dfd = pick_dfd();

	switch (rnd(4)) {
	case 0:
		RUN(what_is(fd) & (W_DIR | W_CHAR) ? 0 : fchown(fd, u, g), "fchown(%d, %d, %d)", fd,
		    (int)u, (int)g);
		break;
	case 1: RUN(lchown(name, u, g), "lchown(%s, %d, %d)", s, (int)u, (int)g); break;
	case 2:
		RUN(fchownat(dfd, name, u, g, 0), "fchownat(%d, %s, %d, %d)", dfd, s, (int)u, (int)g);
		break;
	default: RUN(chown(name, u, g), "chown(%s, %d, %d)", s, (int)u, (int)g);
	}
}

static void do_utime(void)
{
	const char *name = pick_name(), *s = shown(name, 0);
	long sec = ONE_OF(0, 1, 1000000000, -5);
	struct timespec ts[2] = {{sec, 5}, {sec + 1, ONE_OF(7, UTIME_OMIT, 1000000000)}};
	struct timeval tv[2] = {{sec, 1}, {sec, 2}};
	struct utimbuf ub = {sec, sec};
	int fd = pick_fd(W_FILE), dfd = pick_dfd();
	struct stat st;

	switch (rnd(6)) {
	case 0:
		RUN(what_is(fd) & W_CHAR ? 0 : futimens(fd, ts), "futimens(%d, %ld)", fd, sec);
		break;
	case 1:
		RUN(utimensat(dfd, name, ts, AT_SYMLINK_NOFOLLOW), "utimensat(%d, %s, %ld) link",
		    dfd, s, sec);
		break;
	case 2: RUN(utimes(name, tv), "utimes(%s, %ld)", s, sec); break;
	case 3: RUN(lutimes(name, tv), "lutimes(%s, %ld)", s, sec); break;
	case 4: RUN(utime(name, &ub), "utime(%s, %ld)", s, sec); break;
	default: RUN(utimensat(dfd, name, ts, 0), "utimensat(%d, %s, %ld)", dfd, s, sec);
	}
	if (!raw(SYS_newfstatat, AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) && st.st_mtime < 1500000000)
		note(" mtime %lld", (long long)st.st_mtime);
}

/* ---- Asking ---- */

/* Of another file system, as /proc, who runs at the same time may have changed it. */
static bool outside(const struct stat *st)
{
	struct stat here;

	return raw(SYS_newfstatat, AT_FDCWD, is.dir, &here, 0) || st->st_dev != here.st_dev;
}

static void note_stat(const struct stat *st)
{
	note(" %o links %ld owner %d:%d dev %lx", st->st_mode,
	     S_ISDIR(st->st_mode) && (is.tmpfs || outside(st)) ? 0 : (long)st->st_nlink,
	     (int)st->st_uid, (int)st->st_gid, (long)st->st_rdev);
	if (!S_ISDIR(st->st_mode))
		note(" size %lld", (long long)st->st_size);
	/* Inodes of sockets and pipes are used again, and do not always have their times set. */
	if (st->st_mtime < 1500000000 && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) &&
	    !outside(st))
		note(" mtime %lld.%ld", (long long)st->st_mtime, st->st_mtim.tv_nsec);
	note(" block %ld", (long)st->st_blksize);
}

static void do_stat(void)
{
	const char *name = pick_path(false), *s = shown(name, 0);
	struct stat st, *to = !is.gentle && chance(3) ? ONE_OF(NULL, (struct stat *)8) : &st;
	int fd = pick_fd(W_ALL), dfd = pick_dfd(),
	    flags = ONE_OF(0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_NO_AUTOMOUNT, 99);
	const char *bad = to == &st ? "" : " to nowhere";
	long r;

	memset(&st, 0x5a, sizeof(st));
	switch (rnd(9)) {
	case 0: r = RUN(lstat(name, to), "lstat(%s)%s", s, bad); break;
	case 1: r = RUN(fstat(fd, to), "fstat(%d)%s", fd, bad); break;
	case 2:
		r = RUN(fstatat(dfd, name, to, flags), "fstatat(%d, %s, %#x)%s", dfd, s, flags, bad);
		break;
	case 3: r = RUN(syscall(SYS_fstat, fd, to), "syscall fstat(%d)%s", fd, bad); break;
	case 4:
		r = RUN(syscall(SYS_newfstatat, dfd, name, to, flags),
			"syscall newfstatat(%d, %s, %#x)%s", dfd, s, flags, bad);
		break;
	case 5:
		r = RUN(fstatat(fd, "", to, AT_EMPTY_PATH), "fstatat(%d, , AT_EMPTY_PATH)%s", fd, bad);
		break;
	default: r = RUN(stat(name, to), "stat(%s)%s", s, bad);
	}
	if (!r && to == &st)
		note_stat(&st);
}

static void do_statx(void)
{
#ifdef STATX_BASIC_STATS
	const char *name = pick_path(false), *s = shown(name, 0);
	int dfd = pick_dfd(), flags = ONE_OF(0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH,
					     AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC, 99, 0x6000);
	unsigned mask = ONE_OF((unsigned)STATX_BASIC_STATS, (unsigned)STATX_ALL, 0u,
			       (unsigned)STATX_SIZE, 0x80000000u);
	struct statx st;
	long r;

	memset(&st, 0x5a, sizeof(st));
	if (chance(30))
		r = RUN(syscall(SYS_statx, dfd, name, flags, mask, &st),
			"syscall statx(%d, %s, %#x, %#x)", dfd, s, flags, mask);
	else
		r = RUN(statx(dfd, name, flags, mask, &st), "statx(%d, %s, %#x, %#x)", dfd, s,
			flags, mask);
	if (r)
		return;
	note(" mask %#x attributes %#llx of %#llx %o owner %d:%d", st.stx_mask,
	     (unsigned long long)st.stx_attributes, (unsigned long long)st.stx_attributes_mask,
	     st.stx_mode, (int)st.stx_uid, (int)st.stx_gid);
	if (!S_ISDIR(st.stx_mode))
		note(" size %llu", (unsigned long long)st.stx_size);
#endif
}

static void do_ask(void)
{
	const char *name = pick_path(false), *s = shown(name, 0);
	int dfd = pick_dfd(), mode = (int)rnd(8);
	char buf[200];
	long r;

	memset(buf, 'x', sizeof(buf));
	switch (rnd(6)) {
	case 0: RUN(access(name, mode), "access(%s, %d)", s, mode); break;
	case 1:
		RUN(faccessat(dfd, name, mode, ONE_OF(0, AT_EACCESS, AT_SYMLINK_NOFOLLOW, 99)),
		    "faccessat(%d, %s, %d)", dfd, s, mode);
		break;
	case 2: RUN(euidaccess(name, mode), "euidaccess(%s, %d)", s, mode); break;
	default:
		if (!name || name == (const char *)8 || !strncmp(name, "/proc", 5))
			name = s = "l0";
		r = chance(50)
			    ? RUN(readlink(name, buf, rnd(20)), "readlink(%s)", s)
			    : RUN(readlinkat(dfd, name, buf, rnd(20)), "readlinkat(%d, %s)", dfd, s);
		note(" hash %08lx",
		     (unsigned long)(hash_mem(buf, r > 0 ? (size_t)r + 1 : 1, 0) >> 32));
	}
}

/* ---- Extended attributes ---- */

static void do_setxattr(void)
{
	const char *name = pick_name(), *s = shown(name, 0);
	const char *key = ONE_OF("user.a", "user.b", "user.c", "user.", "bad", "trusted.a", "",
				 "user.name.that.is.long");
	struct area a = pick_source(ONE_OF(0, 1, 10, 200, 1000, 65536, 65537));
	int flags = ONE_OF(0, 0, XATTR_CREATE, XATTR_REPLACE, 3, 99), fd = pick_fd(W_FILE);
	const char *k = key;

	if (!is.gentle && chance(3))
		key = NULL;
	switch (rnd(6)) {
	case 0:
		RUN(setxattr(name, key, a.p, a.n, flags), "setxattr(%s, %s, %s, %zu, %d)", s, k,
		    a.tag, a.n, flags);
		break;
	case 1:
		RUN(lsetxattr(name, key, a.p, a.n, flags), "lsetxattr(%s, %s, %s, %zu, %d)", s, k,
		    a.tag, a.n, flags);
		break;
	case 2:
		RUN(what_is(fd) & W_CHAR ? 0 : syscall(SYS_fsetxattr, fd, key, a.p, a.n, flags),
		    "syscall fsetxattr(%d, %s, %s, %zu, %d)", fd, k, a.tag, a.n, flags);
		break;
	case 3: RUN(removexattr(name, key), "removexattr(%s, %s)", s, k); break;
	case 4: RUN(fremovexattr(fd, key), "fremovexattr(%d, %s)", fd, k); break;
	default:
		RUN(what_is(fd) & W_CHAR ? 0 : fsetxattr(fd, key, a.p, a.n, flags),
		    "fsetxattr(%d, %s, %s, %zu, %d)", fd, k, a.tag, a.n, flags);
	}
	if (!key)
		note(" without key");
}

static void do_getxattr(void)
{
	const char *name = pick_name(), *s = shown(name, 0);
	const char *key =
		ONE_OF("user.a", "user.a", "user.b", "user.c", "user.", "bad", "trusted.a", "");
	struct area a = pick_target(ONE_OF(0, 1, 10, 200, 1000, 65536, 65537, 100000));
	int fd = pick_fd(W_FILE);

	switch (rnd(7)) {
	case 0:
		RUN(getxattr(name, key, a.p, a.n), "getxattr(%s, %s, %s, %zu)", s, key, a.tag, a.n);
		break;
	case 1:
		RUN(lgetxattr(name, key, a.p, a.n), "lgetxattr(%s, %s, %s, %zu)", s, key, a.tag, a.n);
		break;
	case 2:
		RUN(syscall(SYS_getxattr, name, key, a.p, a.n), "syscall getxattr(%s, %s, %s, %zu)",
		    s, key, a.tag, a.n);
		break;
	case 3:
		RUN(listxattr(name, (char *)a.p, a.n), "listxattr(%s, %s, %zu)", s, a.tag, a.n);
		break;
	case 4:
		RUN(flistxattr(fd, (char *)a.p, a.n), "flistxattr(%d, %s, %zu)", fd, a.tag, a.n);
		break;
	default:
		RUN(fgetxattr(fd, key, a.p, a.n), "fgetxattr(%d, %s, %s, %zu)", fd, key, a.tag, a.n);
	}
	note_area(&a);
}

/* ---- Directories ---- */

static int any_name(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void do_readdir(void)
{
	const char *name = ONE_OF(".", ".", "d0", "d1", "a", "missing");
	struct dirent **list, *d;
	uint64_t h = 0;
	DIR *dir;
	int fd, n = 0;

	if (chance(30)) {
		n = (int)RUN(scandir(name, &list, any_name, alphasort), "scandir(%s)", name);
		for (int i = 0; i < n; i++) {
			h = hash_mem(list[i]->d_name, strlen(list[i]->d_name), h);
			free(list[i]);
		}
		if (n >= 0)
			free(list);
		note(" hash %08lx", (unsigned long)(h >> 32));
		return;
	}
	make_room(1);
	if (chance(50)) {
		log_head("opendir(%s)", name);
		errno = UNTOUCHED;
		dir = opendir(name);
		log_tail(dir ? dirfd(dir) : -1, errno);
	} else {
		fd = (int)RUN(open(name, O_RDONLY | O_DIRECTORY), "open(%s)", name);
		dir = fd < 0 ? NULL : fdopendir(fd);
	}
	if (!dir)
		return;
	errno = 0;
	/* In the order of the file system, which is its own affair, but the same for the same calls. */
	for (; (d = readdir(dir)); n++)
		h += hash_mem(d->d_name, strlen(d->d_name), d->d_type);
	note(" %d names, hash %08lx, errno %d", n, (unsigned long)(h >> 32), errno);
	rewinddir(dir);
	RUN(closedir(dir), "closedir");
}

static void do_getdents(void)
{
	int fd = pick_fd(W_DIR);
	struct area a = good_target(ONE_OF(0, 10, 100, 4096));

	/* Positions in a directory are hashes; how many bytes, how many names is enough. */
	RUN(syscall(SYS_getdents64, fd, a.p, a.n), "syscall getdents64(%d, %zu)", fd, a.n);
}

const struct kind name_kinds[] = {
	{"mkdir", do_mkdir, 25, ANYWHERE},
	{"unlink", do_unlink, 30, ANYWHERE},
	{"rename", do_rename, 25, ANYWHERE},
	{"link", do_link, 20, ANYWHERE},
	{"symlink", do_symlink, 15, ANYWHERE},
	{"mknod", do_mknod, 10, ANYWHERE},
	{"chdir", do_chdir, 8, ANYWHERE},
	{"umask", do_umask, 5, ANYWHERE},
	{"chmod", do_chmod, 14, ANYWHERE},
	{"chown", do_chown, 10, ANYWHERE},
	{"utime", do_utime, 10, ANYWHERE},
	{"stat", do_stat, 50, ANYWHERE},
	{"statx", do_statx, 20, ANYWHERE},
	{"ask", do_ask, 20, ANYWHERE},
	{"setxattr", do_setxattr, 20, ANYWHERE},
	{"getxattr", do_getxattr, 20, ANYWHERE},
	{"readdir", do_readdir, 12, NOT_IN_HANDLER},
	{"getdents", do_getdents, 5, ANYWHERE},
	{NULL, NULL, 0, ANYWHERE},
};
