/*
 * The program's side of the carrier: a thread of the program sees that there is one, and hands it operations. A carrier
 * comes and goes (aio_ring.c): none -> starting -> ready -> none, or refused, where there is no ring to be had. Whoever sends
 * may meet its end; what it then finds in the queue, it does itself.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/aio_ring.h"
#include "shim/process.h"
#include "shim/thread.h"

/* Make a carrier: a thread of libc's, which the program's signals do not reach, but libc's own do. */
static bool create(void)
{
	uint64_t hold = ~(UINT64_C(7) << 31), before = 0; /* all but 32, 33 and 34 */
	pthread_t thread = 0;
	bool ok = false;

	XU_STORE_RELEASE(&aio->stop, 0);
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &hold, &before, sizeof(before));
	if (REAL(pthread_create) && REAL(pthread_detach) &&
	    !REAL(pthread_create)(&thread, NULL, aio_carrier, NULL)) {
		REAL(pthread_detach)(thread);
		ok = true;
	}
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
	return ok;
}

bool aio_ready(struct call *c)
{
	struct aio *a;

	if (!aio_may(c))
		return false;
	c->reason = REASON_NO_RING;
	a = aio_own();
	if (!a)
		return false;
	for (;;) {
		unsigned state = __atomic_load_n(&a->state, __ATOMIC_SEQ_CST);

		switch (state) {
		case READY: return true;
		case STARTING: aio_sleep(&a->state, STARTING, NULL); continue;
		case REFUSED:
			/* Not past what was sent before: see aio_send. */
			if (__atomic_load_n(&a->queue, __ATOMIC_SEQ_CST))
				return true;
			c->reason = a->reason;
			/* What may have passed is asked for again, but not at every call. */
			if (__atomic_add_fetch(&a->refusals, 1, __ATOMIC_RELAXED) % 1000)
				return false;
			break;
		default: break;
		}
		if (!__atomic_compare_exchange_n(&a->state, &state, STARTING, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		process_wake(AWAKE_AIO_LIVE);
		a->pid = (int)xu_sys(SYS_getpid);
		if (!create()) {
			a->reason = REASON_NO_RING;
			aio_set_state(REFUSED);
		}
	}
}

void aio_send(struct aio_op *first)
{
	struct aio_op *last = NULL, *op = first;
	struct call c;
	unsigned n = 0;

	if (!first)
		return;
	/* Turned round: the queue has the last first. */
	while (op) {
		struct aio_op *next = op->next;

		op->next = last;
		last = op;
		op = next;
		n += last->kind == AIO_IO;
	}
	aio_count(AIO_SUBMITTED, n);
	first->next = XU_LOAD_ACQUIRE(&aio->queue);
	while (!__atomic_compare_exchange_n(&aio->queue, &first->next, last, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		;
	if (__atomic_load_n(&aio->asleep, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&aio->asleep, 0, __ATOMIC_SEQ_CST)) {
		__atomic_add_fetch(&aio->bell, 1, __ATOMIC_SEQ_CST);
		aio_wake(&aio->bell);
	}
	/* It may have ended just now. */
	if (__atomic_load_n(&aio->state, __ATOMIC_SEQ_CST) != READY) {
		aio_ready(&c);
		if (__atomic_load_n(&aio->state, __ATOMIC_SEQ_CST) == REFUSED)
			aio_do_queue();
	}
}

void aio_ring_renew(void)
{
	static const struct timespec tick = {0, 50000}, second = {1, 0};
	struct aio *a = XU_LOAD_ACQUIRE(&aio);
	int pid = (int)xu_sys(SYS_getpid);

	/* Not in the child of vfork, which runs in its parent's memory. */
	if (!a || a->pid != pid || XU_LOAD(&a->carrier) == (int)xu_sys(SYS_gettid))
		return;
	for (int i = 0; i < 10; i++) {
		unsigned state = XU_LOAD_ACQUIRE(&a->state);

		if (state == NONE || state == REFUSED)
			break;
		__atomic_store_n(&a->stop, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&a->bell, 1, __ATOMIC_SEQ_CST);
		aio_wake(&a->bell);
		aio_sleep(&a->state, state, &second);
	}
	/* The task itself has to be gone, where only a process of one thread may do what follows. */
	for (int i = 0; i < 2000 && a->carrier; i++) {
		if (xu_sys(SYS_tgkill, pid, a->carrier, 0) == -ESRCH)
			break;
		xu_sys(SYS_nanosleep, &tick, 0);
	}
}
