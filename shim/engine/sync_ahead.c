/*
 * Programs that sync one file after another (XURING_FSYNC=batch): the whole file system is synced once, and answers for
 * all that has not been touched since.
 *
 *     fsync(1)   the kernel
 *     fsync(2)   the kernel: but the file is older than the last sync, which could have done this one as well
 *     fsync(3)   the same again. syncfs, and then the kernel's own fsync, which also empties the disk's cache
 *     fsync(4)   untouched since the syncfs began, and has nothing dirty: it is on the disk. An error of it that is not told
 *                yet is asked for, and that is the answer
 *
 * So nothing is put off: what a call says is true when it says so, and what the program does after it, a rename, an
 * answer, its end, is in order. sync(1) of many files, and unpackers that sync all that they have written, get
 * there in the time of a few syncs.
 *
 * That a file is untouched is told by its ctime, which every write, and every first store to a clean mapped page, moves;
 * compared with the kernel's coarse clock, from which it is taken, so what is in doubt is synced. A write stamps the file
 * before it copies its bytes, and may have been in the middle as syncfs ran: so the page cache is asked too
 * (cachestat, Linux 6.5), and the answer is good for a second. What remains is a write of another process that began before
 * the syncfs, ended after it, and was written back, without a sync, by its own wish, within that second.
 *
 * Whoever is told a file's ctime has the next write to it keep a finer one, which on ext4 is a change of the inode each time
 * (Linux 6.13). So a program that syncs what it has just written, as databases do, is soon asked about one sync in many.
 *
 * Others' data are written as well: where there is much of it, nothing of this is done, and where what the last syncfs
 * answered would have taken the kernel less time than the syncfs did, the next comes later. It is for ext4, where it was
 * measured.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/engine/steps.h"
#include "shim/engine/sync.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* So many syncs in a row that one of all would have done. */
enum { HITS = 2, MOST_HITS = 64 };

/* So many in a row that it would not have done, and then fewer are looked at, down to one in so many. */
enum { MISSES = 4, MOST_SKIPPED = 64 };

enum { EXT4 = 0xef53, MUCH_DIRTY_KB = 64 << 10, LARGE_FILE = 64 << 20 };

#define SECOND INT64_C(1000000000)

static struct {
	dev_t dev;    /* the file system that all this is about */
	bool ext4;    /* and whether it is */
	bool busy;    /* a handler that finds this leaves it alone */
	int64_t last; /* when the kernel's last sync began */
	int64_t begun; /* when a syncfs began that has ended, while the sync after it has not; or 0 */
	int64_t clean;	/* what was changed before this is on the disk; 0: nothing is known */
	int64_t steady; /* the same by a clock that nobody sets */
	int64_t asked; /* when the kernel's sync that is under way began, by a clock that nobody sets; or 0 */
	int64_t each, all; /* what the kernel's last sync of one file took, and the last syncfs */
	unsigned hits, need, served;
	unsigned misses;
	unsigned skipped; /* syncs to come that are not looked at, */
	unsigned skips;	  /* so many after the next miss */
	uint64_t answered, whole;
} ahead = {.need = HITS};

static int64_t now(clockid_t clock)
{
	struct timespec t = {0, 0};

	xu_sys(SYS_clock_gettime, clock, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* Is there nothing of the file in the page cache that is not on the disk? */
static bool nothing_dirty(int fd, const struct stat *st)
{
	uint64_t range[2] = {0, 0};
	struct {
		uint64_t cached, dirty, writeback, evicted, lately;
	} pages;

	return st->st_size <= LARGE_FILE && !xu_sys(SYS_cachestat, fd, range, &pages, 0) &&
	       !pages.dirty && !pages.writeback;
}

/* Has the machine little to write? */
static bool little_dirty(void)
{
	char text[1024];
	const char *line;
	long fd = xu_sys(SYS_openat, AT_FDCWD, "/proc/meminfo", O_RDONLY | O_CLOEXEC, 0), n;
	long dirty = 0;

	if (fd < 0)
		return false;
	n = xu_sys(SYS_read, fd, text, sizeof(text) - 1);
	xu_sys(SYS_close, fd);
	text[n < 0 ? 0 : n] = '\0';
	line = strstr(text, "\nDirty:");
	if (!line)
		return false;
	for (line += 7; *line == ' '; line++)
		;
	for (; *line >= '0' && *line <= '9'; line++)
		dirty = dirty * 10 + *line - '0';
	return dirty < MUCH_DIRTY_KB;
}

/* The figures are about one file system at a time. */
static bool is_ext4(int fd, const struct stat *st)
{
	struct statfs fs;

	if (ahead.dev == st->st_dev)
		return ahead.ext4;
	ahead.dev = st->st_dev;
	ahead.ext4 = !xu_sys(SYS_fstatfs, fd, &fs) && (unsigned long)fs.f_type == EXT4;
	ahead.last = ahead.clean = 0;
	ahead.hits = 0;
	return ahead.ext4;
}

/* Is what was said of the file system still to be believed? Not when somebody has set the clock. */
static bool believed(int64_t real)
{
	int64_t passed = now(CLOCK_MONOTONIC_COARSE) - ahead.steady;
	int64_t drift = real - ahead.clean - passed;

	return passed < SECOND && drift < SECOND / 50 && drift > -SECOND / 50;
}

/* Sync all, if it is likely to pay. */
static void sync_all(int fd, int64_t real)
{
	int64_t begun;

	if (!little_dirty())
		return;
	/* How good was the last one? */
	if (ahead.whole && ahead.served * ahead.each < ahead.all)
		ahead.need = ahead.need < MOST_HITS ? ahead.need * 2 : MOST_HITS;
	else
		ahead.need = HITS;
	ahead.hits = ahead.served = 0;
	ahead.clean = 0;
	ahead.whole++;
	ahead.steady = now(CLOCK_MONOTONIC_COARSE);
	begun = now(CLOCK_MONOTONIC);
	if (xu_sys(SYS_syncfs, fd))
		return;
	ahead.all = now(CLOCK_MONOTONIC) - begun;
	ahead.begun = real;
}

/* This one would have been done by the last sync, or not. */
static void score(bool hit)
{
	if (hit) {
		ahead.hits++;
		ahead.misses = ahead.skips = 0;
		return;
	}
	ahead.hits = 0;
	if (++ahead.misses < MISSES)
		return;
	ahead.skipped = ahead.skips;
	if (ahead.skips < MOST_SKIPPED)
		ahead.skips = ahead.skips ? 2 * ahead.skips : 1;
}

static bool look(struct call *c)
{
	int fd = c->sqe.fd;
	int64_t real = now(CLOCK_REALTIME_COARSE), changed;
	struct stat st;

	if (xu_sys(SYS_fstat, fd, &st) || !S_ISREG(st.st_mode))
		return false;
	if (!is_ext4(fd, &st)) {
		score(false);
		return false;
	}
	changed = st.st_ctim.tv_sec * SECOND + st.st_ctim.tv_nsec;
	if (changed < ahead.clean && believed(real) && nothing_dirty(fd, &st)) {
		answer(c, sync_pending_error(fd));
		c->way = WAY_MEMORY;
		ahead.served++;
		ahead.answered++;
		return true;
	}
	score(changed < ahead.last);
	ahead.last = real;
	if (ahead.hits >= ahead.need)
		sync_all(fd, real);
	else
		ahead.asked = now(CLOCK_MONOTONIC);
	return false;
}

bool ahead_call(struct call *c)
{
	bool answered;

	if (ahead.busy)
		return false;
	ahead.begun = ahead.asked = 0;
	if (ahead.skipped) {
		ahead.skipped--;
		return false;
	}
	ahead.busy = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	answered = look(c);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	ahead.busy = false;
	return answered;
}

void ahead_seen(long res)
{
	if (res)
		ahead.clean = 0;
	else if (ahead.begun)
		ahead.clean = ahead.begun;
	else if (ahead.asked)
		ahead.each = now(CLOCK_MONOTONIC) - ahead.asked;
	ahead.begun = ahead.asked = 0;
}

void ahead_report(struct xu_text *t)
{
	xu_text_str(t, ",\"answered\":");
	xu_text_num(t, ahead.answered, 0);
	xu_text_str(t, ",\"whole\":");
	xu_text_num(t, ahead.whole, 0);
}
