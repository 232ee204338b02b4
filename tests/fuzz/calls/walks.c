// SPDX-License-Identifier: MIT
/*
 * Trees that are walked while they change: what is looked up, opened and read ahead of a program has to be what it would
 * have found itself. A walk does the same to each name of a directory, as programs do, and in between this or another
 * process removes, renames, replaces, writes and forbids some of what comes next, or came before. And long files, read from
 * their beginning to their end while they change.
 */
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/wait.h>

#include "fuzz.h"

/* ---- A tree ---- */

#define NAMES 60

static const char *file_name(unsigned i)
{
	static char name[4][16];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(name[turn], sizeof(name[turn]), "f%02u", i % NAMES);
	return name[turn];
}

static const char *in(const char *dir, const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%.2000s/%.2000s", dir, name);
	return path[turn];
}

/* Write a file anew. How many things went wrong. */
static unsigned fill(const char *path, size_t n, int flags)
{
	static unsigned char text[40000];
	unsigned char from = (unsigned char)rnd(256);
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
	unsigned wrong = fd < 0;

	if (fd < 0)
		return wrong;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(from + i / 3);
	while (n) {
		size_t part = n > sizeof(text) ? sizeof(text) : n;

		wrong += write(fd, text, part) < 0;
		n -= part;
	}
	return wrong + (close(fd) != 0);
}

static unsigned files; /* of the last tree */

static void grow(const char *dir)
{
	unsigned wrong = 0;

	files = 8 + rnd(NAMES - 10);
	wrong += mkdir(dir, 0755) != 0;
	for (unsigned i = 0; i < files; i++)
		wrong += fill(in(dir, file_name(i)), ONE_OF(0, 10, 100, 5000, 5000, 20000), O_TRUNC);
	for (unsigned i = 0; i < 3; i++) {
		const char *sub = in(dir, ONE_OF("s0", "s1", "s2"));
		char deep[PATH_MAX];

		wrong += mkdir(sub, 0755) != 0;
		snprintf(deep, sizeof(deep), "%s", sub);
		for (unsigned f = 0; f < 6; f++)
			wrong += fill(in(deep, file_name(f)), ONE_OF(0, 10, 5000), O_TRUNC);
	}
	RUN(wrong, "grow %s with %u files", dir, files);
}

/* ---- What walks do to a name ---- */

enum deed {
	DO_STAT,
	DO_LSTAT,
	DO_STATAT,
	DO_STATX,
	DO_ACCESS,
	DO_READ,
	DO_FREAD,
	DO_MIX,
	NR_DEEDS
};

static void note_attributes(const struct stat *st)
{
	note(" %o size %lld", st->st_mode, S_ISDIR(st->st_mode) ? 0ll : (long long)st->st_size);
	if (!S_ISDIR(st->st_mode))
		note(" links %ld", (long)st->st_nlink);
}

static void read_all(int dfd, const char *path, bool asks)
{
	int flags = O_RDONLY | ONE_OF(0, O_CLOEXEC, O_NOFOLLOW) | O_NONBLOCK * (int)rnd(2);
	static unsigned char buf[32768];
	size_t piece = ONE_OF(100, 4096, 32768);
	uint64_t h = 0;
	struct stat st;
	long fd, r;

	fd = dfd == AT_FDCWD ? RUN(open(path, flags), "open(%s)", path)
			     : RUN(openat(dfd, path, flags), "openat(dir, %s)", path);
	if (fd < 0)
		return;
	if (asks && !fstat((int)fd, &st))
		note_attributes(&st);
	do {
		r = RUN(read((int)fd, buf, piece), "read");
		h = hash_mem(buf, r > 0 ? (size_t)r : 0, h);
	} while (r > 0);
	note(" hash %08lx", (unsigned long)(h >> 32));
	RUN(close((int)fd), "close");
}

/* To what is `path` from the directory `dfd`, and `full` from here. */
static void do_deed(enum deed deed, int dfd, const char *path, const char *full)
{
	struct stat st;
	long r = -1;

	if (deed == DO_MIX)
		deed = (enum deed)rnd(DO_MIX);
	switch (deed) {
	case DO_STAT: r = RUN(fstatat(dfd, path, &st, 0), "fstatat(%s)", path); break;
	case DO_LSTAT: r = RUN(lstat(full, &st), "lstat(%s)", full); break;
	case DO_STATAT:
		r = RUN(fstatat(dfd, path, &st, AT_SYMLINK_NOFOLLOW), "fstatat(%s, link)", path);
		break;
	case DO_STATX: {
#ifdef STATX_BASIC_STATS
		struct statx stx;

		r = RUN(statx(dfd, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
			      &stx),
			"statx(%s)", path);
		if (!r)
			note(" %o size %lld", stx.stx_mode,
			     S_ISDIR(stx.stx_mode) ? 0ll : (long long)stx.stx_size);
#endif
		return;
	}
	case DO_ACCESS: RUN(faccessat(dfd, path, R_OK, 0), "faccessat(%s)", path); return;
	default: read_all(dfd, path, deed == DO_FREAD); return;
	}
	if (!r)
		note_attributes(&st);
}

/* ---- What changes meanwhile ---- */

static void change(const char *dir)
{
	const char *name = in(dir, file_name(rnd(files))), *other = in(dir, file_name(rnd(NAMES)));
	const struct timespec past[2] = {{1000000000, 0}, {1000000000, 0}};

	switch (rnd(14)) {
	case 0:
	case 1: RUN(unlink(name), "unlink(%s)", name); break;
	case 2:
	case 3: RUN(rename(name, other), "rename(%s, %s)", name, other); break;
	case 4: RUN(fill(name, 3000, O_TRUNC), "write anew %s", name); break;
	case 5: RUN(fill(name, 50, O_APPEND), "append to %s", name); break;
	case 6: RUN(mkdir(other, 0755), "mkdir(%s)", other); break;
	case 7: {
		mode_t mode = ONE_OF(0, 0600, 0644);

		RUN(chmod(name, mode), "chmod(%s, %o)", name, mode);
		break;
	}
	case 8: RUN(truncate(name, ONE_OF(0, 7, 9000)), "truncate(%s)", name); break;
	case 9: RUN(link(name, other), "link(%s, %s)", name, other); break;
	case 10:
		RUN(unlink(name), "unlink(%s)", name);
		RUN(symlink("s0/f01", name), "symlink(%s)", name);
		break;
	case 11: RUN(rmdir(name), "rmdir(%s)", name); break;
	case 12: RUN(utimensat(AT_FDCWD, name, past, 0), "utimensat(%s)", name); break;
	default: {
		/* Away and back: names lead elsewhere in between. */
		char away[PATH_MAX];

		snprintf(away, sizeof(away), "%s-away", dir);
		RUN(rename(dir, away), "rename(%s)", dir);
		do_deed(DO_MIX, AT_FDCWD, name, name);
		RUN(rename(away, dir), "rename back(%s)", dir);
	}
	}
	if (chance(60))
		do_deed(DO_MIX, AT_FDCWD, name, name);
}

static void *change_in_thread(void *dir)
{
	change(dir);
	return NULL;
}

/* By this process, another one, or another thread; it is done when this returns. */
static void somebody_changes(const char *dir)
{
	sigset_t all, before;
	pthread_t id;
	pid_t pid;

	switch (is.depth ? 9 : rnd(10)) {
	case 0:
		pid = fork();
		if (!pid) {
			is.child = true;
			change(dir);
			_exit(0);
		}
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		rnd(1);
		break;
	case 1:
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		if (!pthread_create(&id, NULL, change_in_thread, (void *)dir))
			pthread_join(id, NULL);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		break;
	default: change(dir);
	}
}

/* ---- Walks ---- */

static unsigned changes; /* percent of the names after which something changes */
static enum deed deed;

static void walk_list(const char *dir)
{
	struct dirent **list;
	const char *path;
	int n = (int)RUN(scandir(dir, &list, NULL, alphasort), "scandir(%s)", dir);

	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.') {
			path = in(dir, list[i]->d_name);
			do_deed(deed, AT_FDCWD, path, path);
			if (chance(changes))
				somebody_changes(dir);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static void walk_dir(const char *dir, bool by_fd, unsigned depth)
{
	struct dirent *d;
	const char *path;
	DIR *stream = opendir(dir);

	RUN(stream ? 0 : errno, "opendir(%s)", dir);
	if (!stream)
		return;
	while ((d = readdir(stream))) {
		if (d->d_name[0] == '.')
			continue;
		note("\n%s/%s type %d", dir, d->d_name, d->d_type);
		path = in(dir, d->d_name);
		do_deed(deed, by_fd ? dirfd(stream) : AT_FDCWD, by_fd ? d->d_name : path, path);
		if (chance(changes))
			somebody_changes(dir);
		if (d->d_type == DT_DIR && depth < 3) {
			char below[PATH_MAX];

			snprintf(below, sizeof(below), "%s/%s", dir, d->d_name);
			walk_dir(below, by_fd, depth + 1);
		}
	}
	RUN(closedir(stream), "closedir(%s)", dir);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static char dir[PATH_MAX];

	(void)ftw;
	note("\nnftw %s type %d", path, type);
	if (type == FTW_F)
		note_attributes(st);
	if (type == FTW_F && deed >= DO_READ)
		read_all(AT_FDCWD, path, deed != DO_READ);
	snprintf(dir, sizeof(dir), "%.*s", (int)strcspn(path, "/"), path);
	if (chance(changes / 2))
		somebody_changes(dir);
	return 0;
}

static void walk_nftw(const char *dir)
{
	/* Counted with as a walk from above that looks at each name. */
	RUN(nftw(dir, visit, 10, chance(50) ? FTW_PHYS : 0), "nftw(%s)", dir);
}

/* Its own tree, so that what it is like is known; not in a directory without a name, or one where nothing can be made. */
static void do_walk(void)
{
	const char *dir = ONE_OF("w0", "w0", "w1");
	unsigned how = rnd(5);

	/* A change of directory, from here on, is of no matter. */
	if (chdir(is.dir))
		return;
	make_room(4);
	if (access(dir, X_OK) || chance(40))
		grow(dir);
	if (!files)
		files = NAMES;
	changes = ONE_OF(0, 10, 25, 60);
	deed = (enum deed)rnd(NR_DEEDS);
	log_head("walk %s, %u %% change, deed %d, %u", dir, changes, (int)deed, how);
	log_tail(0, UNTOUCHED);
	switch (how) {
	case 0: walk_list(dir); break;
	case 1: walk_nftw(dir); break;
	default: walk_dir(dir, how == 2, 0);
	}
}

/* ---- Long files ---- */

static void change_long(const char *name, off_t at)
{
	struct area a = good_target(3000);
	int fd = open(name, O_RDWR | O_CLOEXEC);

	memset(a.p, 'L', a.n);
	if (fd < 0)
		return;
	switch (rnd(4)) {
	case 0: RUN(pwrite(fd, a.p, a.n, at), "pwrite(long, %lld)", (long long)at); break;
	case 1: RUN(pwrite(fd, a.p, a.n, at + 200000), "pwrite(long, far)"); break;
	case 2: RUN(ftruncate(fd, at + (off_t)rnd(100000)), "ftruncate(long)"); break;
	default: RUN(posix_fadvise(fd, 0, 0, ONE_OF(2, 3, 4)), "posix_fadvise(long)");
	}
	close(fd);
}

/* By pieces, from the beginning to the end; now and then by pread, with others in between. */
static void do_long_read(void)
{
	size_t size = ONE_OF(200000, 500000, 1200000), piece = ONE_OF(4096, 10000, 65536, 131072);
	unsigned changes_here = ONE_OF(0, 0, 10, 30);
	bool by_pread = chance(30);
	off_t at = 0;
	long fd, r;

	make_room(2);
	if (chdir(is.dir))
		return;
	RUN(fill("long", size, O_TRUNC), "a long file of %zu", size);
	fd = RUN(open("long", O_RDONLY), "open(long)");
	if (fd < 0)
		return;
	if (chance(50)) {
		fsync((int)fd);
		posix_fadvise((int)fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	for (int i = 0; i < 400; i++) {
		struct area a = good_target(piece);

		r = by_pread ? RUN(pread((int)fd, a.p, a.n, at), "pread(long, %lld)", (long long)at)
			     : RUN(read((int)fd, a.p, a.n), "read(long)");
		note_area(&a);
		if (r <= 0)
			break;
		at += r;
		if (chance(changes_here))
			change_long("long", at);
		if (chance(3))
			at = RUN(lseek((int)fd, (off_t)rnd((uint32_t)size), SEEK_SET), "lseek(long)");
	}
	RUN(close((int)fd), "close(long)");
}

const struct kind walk_kinds[] = {
	{"walk", do_walk, 3, NOT_INSIDE | SLOW},
	{"long read", do_long_read, 2, NOT_INSIDE | SLOW},
	{NULL, NULL, 0, ANYWHERE},
};
