/*
 * The scout's ring belongs to a task of its own.
 *
 * The kernel interrupts whoever submitted an operation, when a worker has ended it and when it needs one more worker. A
 * program's thread that is interrupted so, with no signal, sees what it never would have seen: epoll_wait ends with EINTR,
 * a blocked write to a pipe ends halfway. So the program's thread fills in entries and looks at completions, both in
 * memory, and the carrier, which is interrupted instead, makes the ring, enters it and ends it.
 *
 *     program's thread                    carrier
 *     entries, their tail, a bell ------> enter
 *     completions <---------------------- (the kernel)
 *     a bell, and waits ----------------> enter until there is one more, at most 100 ms; then wakes the program
 *
 * It is a task as the helpers are (scout_list.c), but for the table of fds, which is the program's: files that are handed
 * over are installed by it. It goes when it is told to, and by itself when nothing was sent for two seconds and nothing is
 * under way: then the ring is gone, and the scout rests at its next call.
 */
#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "core/level.h"
#include "shim/engine/scout.h"
#include "shim/policy.h"

#define MS (1000 * 1000)

enum stage { NONE, STARTING, READY, GONE };

/* What is sent (scout_queue.c). */
static bool has_ops(void)
{
	return policy_has_op(IORING_OP_OPENAT) && policy_has_op(IORING_OP_FADVISE) &&
	       policy_has_op(IORING_OP_CLOSE) && policy_has_op(IORING_OP_STATX);
}

/* The ring, as scout_queue.c wants it. False: there is none. */
static bool make_ring(void)
{
	unsigned slots = (unsigned)process_config()->scout_depth;
	unsigned workers[2];

	if (policy_own_ring(&scout->ring, 4 * slots) < 0)
		return false;
	/* The table of files may be as large as the program may have files. */
	while (slots >= 4 && xu_register_files_sparse(&scout->ring, slots + 1) < 0)
		slots /= 2;
	if (slots < 4 || !has_ops()) {
		xu_queue_exit(&scout->ring);
		return false;
	}
	scout->slots_nr = slots;
	workers[0] = workers[1] = slots;
	xu_register_iowq_max_workers(&scout->ring, workers);
	return true;
}

/* ---- The carrier ---- */

/* Entries that the kernel has yet to take. */
static unsigned waiting(void)
{
	const struct xu_sq *sq = &scout->ring.sq;

	return XU_LOAD_ACQUIRE(sq->ktail) - XU_LOAD_ACQUIRE(sq->khead);
}

static void tell(unsigned *word, unsigned value)
{
	XU_STORE_RELEASE(word, value);
	xu_sys(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/*
 * Hand over, and wait for a completion if that is wanted: a little while at a time, for who waits may find it by itself, or
 * have this task leave, and there is no saying so to a task that is in the kernel.
 */
static void enter(struct carrier *k, bool wait)
{
	struct xu_ring *ring = &scout->ring;
	struct xu_timespec most = {.tv_nsec = 5 * MS};
	struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&most};
	const struct timespec moment = {.tv_nsec = MS / 2};
	bool timed = ring->features & IORING_FEAT_EXT_ARG;
	unsigned flags = ring->enter_flags;
	long ret = policy_deny_enter();

	if (wait && timed)
		flags |= IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	if (!ret)
		ret = xu_sys(SYS_io_uring_enter, ring->enter_fd, waiting(), wait && timed, flags,
			     wait && timed ? &arg : NULL, wait && timed ? sizeof(arg) : 0);
	/* What is not taken now may be so later; and an old kernel does not wait for a time. */
	if ((ret < 0 && ret != -ETIME && ret != -EINTR) || (wait && !timed))
		xu_sys(SYS_nanosleep, &moment, 0);
	if (ret == -ETIME)
		return;
	/* Once for each time that it is asked for, or this would go on until the program is on a processor again. */
	XU_STORE_RELEASE(&k->awaited, false);
	tell(&k->entered, k->entered + 1);
}

/* Nothing was sent for long: is nothing under way either, and nobody about to send? Then that was all. */
static bool may_go(struct carrier *k)
{
	bool idle = scout_enter_helper();

	if (!idle)
		return false;
	idle = !scout->flying && !scout->advices && !waiting();
	if (idle)
		XU_STORE_RELEASE(&k->state, GONE);
	scout_leave();
	return idle;
}

static void serve(struct carrier *k)
{
	const struct timespec idle = {.tv_sec = 2};

	while (!XU_LOAD_ACQUIRE(&k->leave)) {
		unsigned seen = XU_LOAD_ACQUIRE(&k->bell);
		bool wait = XU_LOAD_ACQUIRE(&k->awaited);

		if (waiting() || wait) {
			enter(k, wait);
			continue;
		}
		__atomic_store_n(&k->sleeps, 1, __ATOMIC_SEQ_CST);
		if (xu_sys(SYS_futex, &k->bell, FUTEX_WAIT_PRIVATE, seen, &idle, 0, 0) == -ETIMEDOUT &&
		    may_go(k))
			break;
		__atomic_store_n(&k->sleeps, 0, __ATOMIC_SEQ_CST);
		/* Another thread is about to become somebody else. */
		if (XU_LOAD_ACQUIRE(&scout->stopping) && may_go(k))
			break;
	}
}

static int carry(void *arg)
{
	struct carrier *k = arg;

	if (!make_ring()) {
		k->failed = true;
		tell(&k->state, GONE);
		return 0;
	}
	tell(&k->state, READY);
	serve(k);
	/* So that no file is open until the kernel takes the ring apart. Where something is stuck, this would wait for it. */
	if (!XU_LOAD_ACQUIRE(&k->stuck))
		xu_unregister_files(&scout->ring);
	tell(&k->state, GONE);
	xu_queue_exit(&scout->ring);
	return 0;
}

/* ---- The program's side ---- */

void ring_wake(void)
{
	struct carrier *k = &scout->carrier;

	__atomic_add_fetch(&k->bell, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&k->sleeps, __ATOMIC_SEQ_CST))
		xu_sys(SYS_futex, &k->bell, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* Until it is in that state no more, in bounded time. */
static void await_state(struct carrier *k, enum stage stage)
{
	const struct timespec second = {.tv_sec = 1};

	for (int i = 0; i < 10 && XU_LOAD_ACQUIRE(&k->state) == stage; i++)
		xu_sys(SYS_futex, &k->state, FUTEX_WAIT_PRIVATE, stage, &second, 0, 0);
}

bool ring_ready(void)
{
	return XU_LOAD_ACQUIRE(&scout->carrier.state) == READY;
}

bool ring_want(void)
{
	struct carrier *k = &scout->carrier;

	if (XU_LOAD_ACQUIRE(&k->state) == NONE) {
		XU_STORE_RELEASE(&k->state, STARTING);
		if (!helper_start(&k->task, carry, k)) {
			k->failed = true;
			XU_STORE_RELEASE(&k->state, GONE);
		}
	}
	return ring_ready();
}

bool ring_start(void)
{
	ring_want();
	await_state(&scout->carrier, STARTING);
	return ring_ready();
}

bool ring_failed(void)
{
	return scout->carrier.failed;
}

bool ring_gone(void)
{
	return XU_LOAD_ACQUIRE(&scout->carrier.state) == GONE;
}

static void tell_to_leave(struct carrier *k, bool stuck)
{
	XU_STORE_RELEASE(&k->stuck, stuck);
	XU_STORE_RELEASE(&k->leave, true);
	ring_wake();
}

bool ring_stop(bool stuck)
{
	struct carrier *k = &scout->carrier;

	if (!k->task.id)
		return true;
	tell_to_leave(k, stuck);
	return helper_await_end(&k->task);
}

void ring_end(void)
{
	struct carrier *k = &scout->carrier;

	tell_to_leave(k, false);
	await_state(k, READY);
}

/* Send what was filled in. False: there was nothing. */
bool ring_send(void)
{
	struct xu_ring *ring = &scout->ring;

	if (*ring->sq.ktail == ring->sq.tail)
		return false;
	if (ring->pretends)
		xu_hide_entries(ring);
	XU_STORE_RELEASE(ring->sq.ktail, ring->sq.tail);
	ring_wake();
	return true;
}

/* Sleep until the carrier was in the kernel once more, at most 100 ms. */
static void await_entered(struct carrier *k, unsigned seen)
{
	const struct timespec most = {.tv_nsec = 100 * MS};

	ring_wake();
	if (ring_ready())
		xu_sys(SYS_futex, &k->entered, FUTEX_WAIT_PRIVATE, seen, &most, 0, 0);
}

void ring_await_sent(void)
{
	struct carrier *k = &scout->carrier;

	for (int i = 0; i < 20 && ring_ready(); i++) {
		unsigned seen = XU_LOAD_ACQUIRE(&k->entered);

		if (!waiting())
			break;
		await_entered(k, seen);
	}
}

void ring_await_completion(void)
{
	struct carrier *k = &scout->carrier;
	unsigned seen = XU_LOAD_ACQUIRE(&k->entered);

	if (!ring_ready() || xu_cq_front(&scout->ring))
		return;
	XU_STORE_RELEASE(&k->awaited, true);
	if (!xu_cq_front(&scout->ring))
		await_entered(k, seen);
	XU_STORE_RELEASE(&k->awaited, false);
}
