/*
 * The flusher: what is put off is out within a millisecond, even if the program only computes.
 *
 * One thread for the process, made with the first send or write that is put off. While there is something to look after it looks
 * twice in a millisecond: what it found there the last time, in the same turn, it sends. After a while without it sleeps.
 * It has no signals, so that none of the program's is handled on it.
 */
#include <linux/futex.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "core/syscall.h"
#include "shim/engine/flusher.h"
#include "shim/engine/loop.h"
#include "shim/engine/stream.h"
#include "shim/lookup.h"
#include "shim/symbols.h"

enum { NONE, MAKING, AWAKE, PARKING, PARKED, ASLEEP, FAILED };

/* A tenth of a second. */
enum { TICK_NS = 450000, QUIET_TICKS = 200 };

/* So often it is not asked how many threads there are, where there were many. */
enum { MANY = 255 };

static int state;

/* One look at a loop. */
static void look(struct loop *l)
{
	unsigned turn = XU_LOAD(&l->turn);
	bool same = l->unsent && l->seen == turn;

	l->seen = turn;
	if (!same || !loop_lock(l))
		return;
	for (unsigned i = l->nr; i-- > 0;) {
		struct slot *s = &l->slots[i];

		if (!s->used_by || s->len == s->sent)
			continue;
		l->figures.flushed += send_now(l, s);
		if (s->len == s->sent && s->rescued)
			loop_free_slot(l, s);
	}
	loop_unlock(l);
}

/* Is there something to look after? */
static bool busy(void)
{
	return __atomic_load_n(&fds_unsent, __ATOMIC_SEQ_CST) || stream_outstanding();
}

static void sleep_until_woken(void)
{
	int awake_state = AWAKE, parking = PARKING;
	int how;

	if (__atomic_compare_exchange_n(&state, &parking, PARKED, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		how = PARKED;
	else if (__atomic_compare_exchange_n(&state, &awake_state, ASLEEP, false, __ATOMIC_SEQ_CST,
					     __ATOMIC_SEQ_CST))
		how = ASLEEP;
	else
		return;
	/* Something may have been put off in this very moment, by one who saw us awake. */
	if (how == ASLEEP && busy())
		XU_STORE_RELEASE(&state, AWAKE);
	while (XU_LOAD(&state) == how)
		xu_sys(SYS_futex, &state, FUTEX_WAIT_PRIVATE, how, 0, 0, 0);
}

static void *flusher(void *arg)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	unsigned quiet = 0;

	for (;;) {
		xu_sys(SYS_nanosleep, &tick, 0);
		quiet = busy() || quiet >= QUIET_TICKS ? 0 : quiet + 1;
		loop_each(look);
		stream_look();
		if (quiet >= QUIET_TICKS || XU_LOAD(&state) == PARKING)
			sleep_until_woken();
	}
	return arg;
}

/* No handler comes in between, which might jump out and leave it being made for ever. */
static bool make(void)
{
	uint64_t all = ~UINT64_C(0), before = 0;
	pthread_t thread = 0;
	int none = NONE;
	bool ok = false;

	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(before));
	if (__atomic_compare_exchange_n(&state, &none, MAKING, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		ok = REAL(pthread_create) && !REAL(pthread_create)(&thread, NULL, flusher, NULL);
		if (ok && REAL(pthread_detach))
			REAL(pthread_detach)(thread);
		XU_STORE_RELEASE(&state, ok ? AWAKE : FAILED);
	}
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
	return ok;
}

bool flush_awake(void)
{
	int now = __atomic_load_n(&state, __ATOMIC_SEQ_CST);

	if (__builtin_expect(now == AWAKE, 1))
		return true;
	if (now == ASLEEP || now == PARKED) {
		XU_STORE_RELEASE(&state, AWAKE);
		xu_sys(SYS_futex, &state, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
		return true;
	}
	return now == NONE && make();
}

bool flush_is_made(void)
{
	int now = XU_LOAD(&state);

	return now != NONE && now != MAKING && now != FAILED;
}

/* How many threads the process has, by as many directories as there are in this one. 0: that is not to be had. */
static unsigned task_count(void)
{
	struct stat st;

	if (xu_sys(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &st, 0) || st.st_nlink < 3)
		return 0;
	return (unsigned)st.st_nlink - 2;
}

/*
 * glibc says so of the process since 2.32, by a variable; but the flusher may be the second. Where there are more, it is seldom
 * asked.
 */
bool flush_lone(void)
{
	static const char none;
	static const char *flag;
	static unsigned many;
	unsigned still = XU_LOAD(&many);
	bool libc;

	if (!XU_LOAD(&flag)) {
		const char *found = lookup_next("__libc_single_threaded", &libc);

		__atomic_store_n(&flag, found ? found : &none, __ATOMIC_RELAXED);
	}
	if (*flag || !flush_is_made())
		return *flag;
	if (!still && task_count() == 2)
		return true;
	__atomic_store_n(&many, still ? still - 1 : MANY, __ATOMIC_RELAXED);
	return false;
}

void flush_park(void)
{
	const struct timespec moment = {.tv_nsec = 200000};
	int awake_state = AWAKE;

	if (!__atomic_compare_exchange_n(&state, &awake_state, PARKING, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return;
	for (int i = 0; i < 1000 && XU_LOAD(&state) == PARKING; i++)
		xu_sys(SYS_nanosleep, &moment, 0);
	/* From there it is but a step into the kernel. */
	xu_sys(SYS_nanosleep, &moment, 0);
}

void flush_forked(void)
{
	state = NONE;
}
