/* One op of the ring, from its submission to its completion, whatever the kernel does on the way. */
#include <errno.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/steps.h"
#include "shim/log.h"
#include "shim/policy.h"
#include "shim/thread.h"

/* The completions that one call waits for: its own op, and what was submitted to go with it. */
struct flight {
	uint64_t ticket;
	unsigned submitted;
	unsigned completed;
	int error; /* why the kernel would not be entered */
};

/* Put an entry into the ring under the call's next ticket. */
static bool put(struct call *c, struct flight *f, const struct io_uring_sqe *from)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&c->thread->ring);

	if (!sqe)
		return false;
	*sqe = *from;
	sqe->user_data = f->ticket + f->submitted++;
	return true;
}

/* Take what has completed; what an earlier call left behind is dropped. */
static void reap(struct call *c, struct flight *f)
{
	struct xu_ring *ring = &c->thread->ring;
	struct io_uring_cqe *cqe;

	while ((cqe = xu_cq_front(ring))) {
		if (cqe->user_data == f->ticket)
			c->res = cqe->res;
		if (xu_ticket_generation(cqe->user_data) == xu_ticket_generation(f->ticket))
			f->completed++;
		xu_cq_advance(ring, 1);
	}
}

/*
 * Enter the kernel until all has been submitted, and, if `wait`, all has completed. False: the kernel would not, and
 * the ring is given up; f->completed and the queue say how far it came.
 */
static bool enter(struct call *c, struct flight *f, bool wait)
{
	struct xu_ring *ring = &c->thread->ring;
	int ret;

	do {
		ret = xu_submit_and_wait(ring, wait ? f->submitted - f->completed : 0);
		c->thread->enters++;
		reap(c, f);
		if (ret < 0 && ret != -EINTR) {
			f->error = ret;
			return false;
		}
	} while (xu_sq_ready(ring) || (wait && f->completed < f->submitted));
	return true;
}

/*
 * The kernel has the op, and would not be entered to wait for it: which may have been so that once alone. So it is asked
 * again, but not for ever: two seconds or so.
 */
static void wait_bounded(struct call *c, struct flight *f)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 1500; i++) {
		xu_get_events(&c->thread->ring);
		reap(c, f);
		if (f->completed)
			return;
		xu_sys(SYS_nanosleep, &moment, 0);
	}
	log_line(XU_LOG_ERROR, "an op was submitted and its result can not be had", NULL);
	c->res = -EIO;
}

/*
 * Submit c->sqe, and `with` it if there is one, and wait. True: c->res is the op's result. False: the op never began,
 * and c->reason says why.
 *
 * An op that has not ended when submitting returns was given to a worker thread. A worker lets go of the file a little
 * after the result is there: for that moment a file that was closed is still open, and can not be executed, unmounted
 * or released. So a NOP is sent after it through the same worker (there is one of a kind: policy.c), and awaited.
 */
static bool run_with(struct call *c, const struct io_uring_sqe *with)
{
	struct xu_ring *ring = &c->thread->ring;
	struct flight f = {.ticket = xu_ticket(0, ++c->thread->generation)};
	bool polled = ring->flags & IORING_SETUP_SQPOLL;
	struct io_uring_sqe barrier;
	bool ok;

	c->reason = REASON_ENTER;
	f.error = policy_deny_enter();
	xu_prep_nop(&barrier);
	xu_sqe_set_flags(&barrier, IOSQE_ASYNC);
	ok = !f.error && put(c, &f, &c->sqe) && (!with || put(c, &f, with));
	/* A polling thread does not tell whether it gave the op away: the barrier goes at once. */
	if (ok && polled)
		ok = put(c, &f, &barrier);
	ok = ok && enter(c, &f, with || polled);
	if (ok && !f.completed)
		ok = put(c, &f, &barrier) && enter(c, &f, true);
	if (ok)
		return true;
	if (f.submitted && xu_sq_ready(ring) < f.submitted)
		wait_bounded(c, &f);
	else
		f.submitted = 0;
	/* What has not begun must not be taken later, by another enter. */
	policy_drop_own_ring(c->thread);
	policy_enter_failed(f.error);
	/* As where none could be made: asked for again, but not at every call. */
	c->thread->ring_failed = true;
	c->thread->ring_retry = 200;
	return f.submitted;
}

bool flight_run(struct call *c)
{
	return run_with(c, NULL);
}

/*
 * The same for an op that can not be asked not to wait: one that waits is cancelled at once, by a timeout of nothing.
 * False also when it would have waited.
 */
bool flight_run_unless_waiting(struct call *c)
{
	static const struct xu_timespec nothing;
	struct io_uring_sqe timeout;

	xu_prep_link_timeout(&timeout, &nothing, 0);
	c->sqe.flags |= IOSQE_IO_LINK;
	if (!run_with(c, &timeout))
		return false;
	if (c->res != -ECANCELED && c->res != -EINTR)
		return true;
	plain(c, REASON_WOULD_BLOCK);
	return false;
}
