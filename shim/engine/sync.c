/*
 * Engine sync: threads that ask to sync the same file share the kernel's work.
 *
 * A sync promises that what was written before it was asked for is on the disk. So a call may be answered by any sync of
 * the file that began after the call did. While one runs, those that come wait for the next round, and one of them
 * runs it for all:
 *
 *     thread 1   fsync |----- round 1 -----|
 *     thread 2        fsync ...............|----- round 2 -----|
 *     thread 3              fsync .........|...................|   answered by round 2
 *     thread 4                               fsync ............|----- round 3 -----|
 *
 * however many threads ask, the kernel has one sync of the file at a time. Nothing is relaxed.
 *
 * Threads that do nothing but append and sync would fall into two halves, one asleep in a round while the other waits for
 * the next. So whoever is to run a round waits for those who were there in the last one, if that is likely to pay: an
 * eighth of a round at most, and after it was in vain only after more and more rounds.
 *
 * Most programs of many threads sync in one of them alone. Where nobody was met for a while, a call is the kernel's, and only
 * counted while it lasts: until another one finds it there.
 *
 * Errors are the kernel's: it tells each open file of one, once. So only success is shared. Who waited for a round that
 * failed asks the kernel itself; who waited for one that did not looks for an error that its own open file has not
 * been told of (sync_pending_error).
 *
 * The kernel does not let signals interrupt a sync. Nor does this: handlers are held back until the call is answered, so
 * that none finds the lock taken by the thread that it runs in. A program of one thread never comes here: sync_ahead.c is for it.
 */
#include <linux/futex.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/engine.h"
#include "shim/engine/flusher.h"
#include "shim/engine/steps.h"
#include "shim/engine/sync.h"
#include "shim/signals.h"
#include "shim/thread.h"

#ifndef SYNC_FILE_RANGE_WAIT_BEFORE
#define SYNC_FILE_RANGE_WAIT_BEFORE 1
#endif

/* A file that is being synced. fsync and fdatasync do not answer for each other. */
struct file {
	dev_t dev;
	ino_t ino;
	unsigned flags;	 /* IORING_FSYNC_DATASYNC or 0 */
	unsigned users;	 /* calls that are at it; 0: free */
	unsigned begun;	 /* rounds, one at a time */
	unsigned ended;	 /* rounds; what waiters sleep on */
	unsigned failed; /* the last round that failed, or 0 */
	bool gathering;	 /* who is to run the next round waits for company */
	unsigned next;	 /* calls that the next round will answer */
	unsigned crowd;	 /* calls that were at it as the last round ended */
	unsigned alone;	 /* rounds to come before which nobody waits for company, */
	unsigned vain;	 /* so many after the next time that none comes */
	uint64_t took;	 /* the last round, ns */
};

enum { NR_FILES = 16, MOST_ALONE = 1024, COMPANY = 64 };

/* In memory that fork empties: the child has none of the threads that are at work here. */
struct table {
	unsigned lock; /* a futex: 0 free, 1 taken, 2 taken and waited for */
	struct file files[NR_FILES];
	unsigned alone; /* calls that are the kernel's, for nobody was there */
	unsigned company; /* calls to come that look for company, unless they find it: then it is more */
	uint64_t asked;	 /* syncs by the program, in company or not */
	uint64_t synced; /* by the kernel */
};

static struct table *table;

/* This thread's call is among those. */
static __thread bool is_alone;

/* Made at the first need. False: no memory. */
static bool have_table(void)
{
	struct table *nothing = NULL, *made;

	if (XU_LOAD_ACQUIRE(&table))
		return true;
	made = thread_map_wiped(sizeof(*made));
	if (made && !__atomic_compare_exchange_n(&table, &nothing, made, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
		xu_sys(SYS_munmap, made, sizeof(*made));
	return made || nothing;
}

static void sleep_while(unsigned *word, unsigned value)
{
	xu_sys(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

static void lock(void)
{
	unsigned seen = 0;

	if (__atomic_compare_exchange_n(&table->lock, &seen, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&table->lock, 2, __ATOMIC_ACQUIRE))
		sleep_while(&table->lock, 2);
}

static void unlock(void)
{
	if (__atomic_exchange_n(&table->lock, 0, __ATOMIC_RELEASE) == 2)
		xu_sys(SYS_futex, &table->lock, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* The file's place, or a free one, or NULL. */
static struct file *find(const struct stat *st, unsigned flags)
{
	struct file *unused = NULL;

	for (struct file *f = table->files; f < table->files + NR_FILES; f++) {
		if (f->dev == st->st_dev && f->ino == st->st_ino && f->flags == flags)
			return f;
		if (!f->users)
			unused = f;
	}
	if (unused)
		*unused = (struct file){.dev = st->st_dev, .ino = st->st_ino, .flags = flags};
	return unused;
}

/* Rounds are counted for ever: is `round` that one, or a later one? */
static bool reached(unsigned round, unsigned which)
{
	return (int)(round - which) >= 0;
}

static uint64_t now_ns(void)
{
	struct timespec t = {0, 0};

	xu_sys(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Wait for company, where that is likely to pay. The lock is held before and after, not meanwhile. */
static void gather(struct file *f)
{
	uint64_t now = now_ns(), end = now + f->took / 8;

	if (f->alone) {
		f->alone--;
		return;
	}
	f->gathering = true;
	while (f->next < f->crowd && now < end) {
		struct timespec most = {.tv_sec = (time_t)((end - now) / 1000000000u),
					.tv_nsec = (long)((end - now) % 1000000000u)};
		unsigned next = f->next;

		unlock();
		xu_sys(SYS_futex, &f->next, FUTEX_WAIT_PRIVATE, next, &most, 0, 0);
		lock();
		now = now_ns();
	}
	f->gathering = false;
	if (f->next >= f->crowd) {
		f->vain = 0;
	} else {
		f->vain = f->vain ? (f->vain < MOST_ALONE ? 2 * f->vain : MOST_ALONE) : 1;
		f->alone = f->vain;
	}
}

/* Run the next round, for all who wait for it. The lock is held before and after, not meanwhile. */
static long run_round(struct file *f, int fd)
{
	unsigned round;
	uint64_t began;
	long res;

	gather(f);
	round = ++f->begun;
	f->next = 0;
	__atomic_add_fetch(&table->synced, 1, __ATOMIC_RELAXED);
	unlock();
	began = now_ns();
	res = f->flags ? xu_sys(SYS_fdatasync, fd) : xu_sys(SYS_fsync, fd);
	began = now_ns() - began;
	lock();
	f->took = began;
	f->crowd = f->users;
	if (res)
		f->failed = round;
	f->ended = round;
	if (f->users > 1)
		xu_sys(SYS_futex, &f->ended, FUTEX_WAKE_PRIVATE, INT32_MAX, 0, 0, 0);
	return res;
}

/* Asked for of a place where there is nothing to wait for. */
long sync_pending_error(int fd)
{
	return xu_sys(SYS_sync_file_range, fd, INT64_MAX - 4096, 1, SYNC_FILE_RANGE_WAIT_BEFORE);
}

enum { ASK_YOURSELF = 1 }; /* no result of a sync */

/* Be answered by a round that begins from now on: another's, or one's own. The lock is held before and after. */
static long join(struct file *f, int fd)
{
	unsigned mine = f->begun + 1;

	while (!reached(f->ended, mine)) {
		unsigned ended = f->ended;

		if (f->begun == ended && !f->gathering)
			return run_round(f, fd);
		unlock();
		sleep_while(&f->ended, ended);
		lock();
	}
	return f->failed && reached(f->failed, mine) ? ASK_YOURSELF : sync_pending_error(fd);
}

static void met_company(void)
{
	__atomic_store_n(&table->company, COMPANY, __ATOMIC_RELAXED);
}

/* Is nobody else here, as nobody was before? The call is the kernel's then, and stays known until leave_alone(). */
static bool goes_alone(void)
{
	unsigned left = XU_LOAD(&table->company);

	if (left) {
		__atomic_store_n(&table->company, left - 1, __ATOMIC_RELAXED);
		return false;
	}
	if (__atomic_fetch_add(&table->alone, 1, __ATOMIC_RELAXED)) {
		__atomic_sub_fetch(&table->alone, 1, __ATOMIC_RELAXED);
		met_company();
		return false;
	}
	is_alone = true;
	__atomic_add_fetch(&table->asked, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&table->synced, 1, __ATOMIC_RELAXED);
	return true;
}

/* Who never comes here, as a handler of its has jumped away, is company for ever. */
static void leave_alone(void)
{
	if (!is_alone)
		return;
	is_alone = false;
	__atomic_sub_fetch(&table->alone, 1, __ATOMIC_RELAXED);
}

static bool sync_call(struct call *c)
{
	int fd = c->sqe.fd;
	struct file *f;
	struct stat st;
	uint64_t mask = 0;
	bool hold;

	if (c->sqe.opcode != IORING_OP_FSYNC)
		return false;
	if (flush_lone())
		return process_config()->fsync == XU_FSYNC_BATCH && ahead_call(c);
	if (!have_table() || goes_alone())
		return false;
	/* Elsewhere a sync may be the affair of the open file, not of the file. */
	if (!kind_look(fd, &st) || !S_ISREG(st.st_mode) || !kind_is_local(&st, fd) || !thread_is_own())
		return false;
	hold = signals_any();
	if (hold)
		mask = signals_hold();
	lock();
	__atomic_add_fetch(&table->asked, 1, __ATOMIC_RELAXED);
	f = find(&st, c->sqe.fsync_flags);
	if (f) {
		if (f->users++)
			met_company();
		f->next++;
		if (f->gathering)
			xu_sys(SYS_futex, &f->next, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
		answer(c, join(f, fd));
		c->way = WAY_KERNEL;
		f->users--;
	}
	unlock();
	if (hold)
		signals_resume(mask);
	if (f && c->res == ASK_YOURSELF)
		c->state = STATE_PLAIN;
	return c->state == STATE_DONE;
}

static void sync_start(const struct xu_config *config)
{
	if (config->fsync != XU_FSYNC_OFF)
		process_wake(AWAKE_SYNC);
}

static void sync_seen(struct call *c, long res)
{
	if (c->sqe.opcode != IORING_OP_FSYNC)
		return;
	leave_alone();
	ahead_seen(res);
}

static void sync_report(struct xu_text *t)
{
	xu_text_str(t, "\"asked\":");
	xu_text_num(t, table ? table->asked : 0, 0);
	xu_text_str(t, ",\"synced\":");
	xu_text_num(t, table ? table->synced : 0, 0);
	ahead_report(t);
}

const struct engine engine_sync = {
	.name = "sync",
	.start = sync_start,
	.call = sync_call,
	.seen = sync_seen,
	.report = sync_report,
};
