/*
 * Who reads directories.
 *
 * The ring has no operation for that, so it takes tasks that make the plain calls: a few, made when first needed, gone
 * when there was nothing to do for a while. They are tasks of the kernel and not libc's threads: no memory of libc, no
 * thread-local storage, no signal. Such a task shares the program's memory and working directory, and not its fds: it
 * has a table of its own, empty, in which it opens directories unseen. It makes raw system calls only.
 *
 * A new table is a copy at first, for as long as it takes to empty it. The program must not meet that: what it closed
 * meanwhile would still be open (a pipe would have a reader, a socket would not have ended). So it waits until the
 * copy is gone.
 */
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "shim/engine/scout.h"
#include "shim/symbols.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

/* How long a helper waits for more to do. */
#define IDLE_NS (200 * 1000 * 1000)

/* How long the program waits for a helper to part with its fds: closing one may hang, on a network file system. */
#define PART_NS (1000 * 1000 * 1000)

/* As many helpers, where the program waits less than this. */
enum { FEW = 3, NEAR_NS = 1000 * 1000 };

static struct dir *take(void)
{
	for (int i = 0; i < SCOUT_DIRS; i++) {
		struct dir *d = &scout->dirs[i];
		enum dir_state wanted = DIR_WANTED;

		if (__atomic_compare_exchange_n(&d->state, &wanted, DIR_LISTING, false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return d;
	}
	return NULL;
}

static unsigned requests;

static int help(void *arg)
{
	struct helper *h = arg;
	struct timespec idle = {.tv_nsec = IDLE_NS};
	bool on = xu_sys(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE) >= 0;

	XU_STORE_RELEASE(&h->parted, 1);
	xu_sys(SYS_futex, &h->parted, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	while (!XU_LOAD_ACQUIRE(&scout->stopping)) {
		unsigned seen = XU_LOAD_ACQUIRE(&requests);
		struct dir *d = take();

		if (!d && xu_sys(SYS_futex, &requests, FUTEX_WAIT_PRIVATE, seen, &idle, 0, 0) < 0 &&
		    seen == XU_LOAD_ACQUIRE(&requests))
			break;
		if (d && on)
			dir_list(d, h->buf, sizeof(h->buf));
		else if (d)
			XU_STORE_RELEASE(&d->state, DIR_FAILED);
	}
	return 0;
}

bool helper_start(struct helper *h, int (*fn)(void *), void *arg)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		    CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	uint64_t all = ~UINT64_C(0), mask;

	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, 8);
	h->id = REAL(clone)(fn, h->stack + sizeof(h->stack), flags, arg, &h->tid, NULL, &h->tid);
	if (h->id < 0)
		h->id = 0;
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	return h->id;
}

/* Until it has a table of its own. */
static void await_parted(struct helper *h)
{
	struct timespec most = {.tv_nsec = PART_NS / 10};

	for (int i = 0; i < 10 && h->id && !XU_LOAD_ACQUIRE(&h->parted); i++)
		xu_sys(SYS_futex, &h->parted, FUTEX_WAIT_PRIVATE, 0, &most, 0, 0);
}

/* A helper for each: who is at work looks again before it sleeps. */
void list_wake_others(void)
{
	unsigned nr = 0;

	for (int i = 0; i < SCOUT_DIRS; i++)
		nr += XU_LOAD(&scout->dirs[i].state) == DIR_WANTED;
	__atomic_add_fetch(&requests, 1, __ATOMIC_RELEASE);
	xu_sys(SYS_futex, &requests, FUTEX_WAKE_PRIVATE, nr, 0, 0, 0);
}

/* How many are of use: a device that answers at once keeps few of them waiting, and each costs the program its start. */
static unsigned enough(void)
{
	uint64_t kind = XU_LOAD(&scout->last_kind);

	return !kind || ((kind & 3) == FS_LOCAL && scout->wait_ns < NEAR_NS) ? FEW : SCOUT_HELPERS;
}

void list_wake(void)
{
	unsigned wanted = 0, nr = 0, most = enough();
	struct helper *started[SCOUT_HELPERS];

	/* Helpers that look up names come upon directories for others by themselves. */
	for (int i = 0; i < SCOUT_DIRS; i++)
		wanted += dir_with_helper(&scout->dirs[i]) ? 1 + 2 * scout->dirs[i].ask : 0;
	list_wake_others();
	/* Near, one at a time: for a directory or two it is enough, and the program waits for each. */
	for (unsigned i = 0; i < most && i < wanted && !(nr && most == FEW); i++)
		if (!XU_LOAD_ACQUIRE(&scout->helpers[i].tid)) {
			struct helper *h = &scout->helpers[i];

			h->parted = 0;
			helper_start(h, help, h);
			started[nr++] = &scout->helpers[i];
		}
	while (nr)
		await_parted(started[--nr]);
}

bool helper_await_end(struct helper *h)
{
	const struct timespec second = {.tv_sec = 1};
	struct timespec pause = {.tv_nsec = 10000};
	long pid = xu_sys(SYS_getpid);
	int tid;

	/* The kernel wakes who waits for the word that it clears; not in private, for it may be anybody's. */
	for (int i = 0; i < 2 && (tid = XU_LOAD_ACQUIRE(&h->tid)); i++)
		xu_sys(SYS_futex, &h->tid, FUTEX_WAIT, tid, &second, 0, 0);
	if (XU_LOAD_ACQUIRE(&h->tid))
		return false;
	/* And then counts it for a moment still. */
	for (int i = 0; i < 100 && !xu_sys(SYS_tgkill, pid, h->id, 0); i++) {
		xu_sys(SYS_nanosleep, &pause, 0);
		if (pause.tv_nsec < 10000000)
			pause.tv_nsec *= 2;
	}
	return xu_sys(SYS_tgkill, pid, h->id, 0) < 0;
}

bool list_stop(void)
{
	bool all = true;

	XU_STORE_RELEASE(&scout->stopping, true);
	__atomic_add_fetch(&requests, 1, __ATOMIC_RELEASE);
	xu_sys(SYS_futex, &requests, FUTEX_WAKE_PRIVATE, SCOUT_HELPERS, 0, 0, 0);
	for (int i = 0; i < SCOUT_HELPERS; i++) {
		struct helper *h = &scout->helpers[i];

		all = (!h->id || helper_await_end(h)) && all;
	}
	return all;
}
