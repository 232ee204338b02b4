/*
 * Many operations of a turn in one enter. None of them waits, so all have ended when the enter returns. Handlers are held
 * back meanwhile (loop_hold): one that left for good (siglongjmp) would leave the ring, and what hangs on it, half done.
 */
#include <errno.h>

#include "core/syscall.h"
#include "shim/engine/loop.h"
#include "shim/policy.h"
#include "shim/polling.h"
#include "shim/thread.h"

bool batch_begin(struct call *c, struct loop *l)
{
	struct thread *t = c->thread;

	if (t->busy)
		return false;
	loop_hold(l);
	t->busy = true;
	if (policy_ring(c) && policy_op(c, IORING_OP_RECV) && policy_op(c, IORING_OP_SEND)) {
		t->generation++;
		return true;
	}
	t->busy = false;
	return false;
}

static void ended(struct loop *l, struct slot *s, unsigned op, long res)
{
	s->ops &= ~op;
	switch (op) {
	case OP_PEEK: recv_peeked(s, res); break;
	case OP_DROP: recv_dropped(l, s, res); break;
	default: send_done(l, s, res);
	}
}

static void wait_ended(struct loop *l, unsigned op, int res)
{
	l->waiting &= ~op;
	if (op == OP_WAIT)
		l->found = res;
}

static void reap(const struct thread *t, struct loop *l)
{
	struct io_uring_cqe *cqe;

	while ((cqe = xu_cq_front(&t->ring))) {
		uint32_t index = xu_ticket_index(cqe->user_data);
		struct slot *s = &l->slots[index >> 8 & (SLOTS - 1)];
		unsigned op = index & 255;

		if (xu_ticket_generation(cqe->user_data) == t->generation &&
		    (s->ops | l->waiting) & op) {
			l->flying--;
			if (l->waiting & op)
				wait_ended(l, op, cqe->res);
			else
				ended(l, s, op, cqe->res);
		}
		xu_cq_advance((struct xu_ring *)&t->ring, 1);
	}
}

/* No event goes to the program's memory from here on. */
static void take_back(struct thread *t, struct loop *l)
{
	struct io_uring_sync_cancel_reg reg = {
		.addr = xu_ticket(OP_WAIT, t->generation), .fd = -1, .timeout = {-1, -1}};

	if (l->waiting & OP_WAIT) {
		xu_register_sync_cancel(&t->ring, &reg);
		reap(t, l);
	}
	l->waiting = 0;
}

/*
 * Enter until all has been taken and has ended. Where the kernel will not, the ring is given up; what it took of the
 * batch has ended all the same, since nothing here waits, and what it did not take is left in the slots' `ops`. The wait
 * alone might go on without the op that takes it back: then it is taken back without an enter.
 */
static bool enter(struct call *c, struct loop *l)
{
	struct thread *t = c->thread;
	int ret = policy_deny_enter();

	while (!ret && l->flying) {
		uint64_t enters = 0;

		ret = polling_submit_and_wait(&t->ring, l->flying, &enters);
		t->enters += enters;
		l->figures.enters += enters;
		reap(t, l);
		if (ret > 0 || ret == -EINTR)
			ret = 0;
	}
	l->flying = 0;
	if (!ret)
		return true;
	take_back(t, l);
	policy_drop_own_ring(t);
	policy_enter_failed(ret);
	return false;
}

/* A place in the queue; NULL: there is no ring any more. */
static struct io_uring_sqe *place_for_op(struct call *c, struct loop *l)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&c->thread->ring);

	if (sqe || !enter(c, l))
		return sqe;
	return xu_get_sqe(&c->thread->ring);
}

bool batch_add(struct call *c, struct loop *l, struct slot *s, unsigned op)
{
	struct thread *t = c->thread;
	unsigned place = (unsigned)(s - l->slots);
	struct io_uring_sqe *sqe;

	if (!t->ring.live)
		return false;
	s->ops |= op;
	/* While that makes room, this op is not among those awaited yet. */
	sqe = place_for_op(c, l);
	if (!sqe)
		return false;
	switch (op) {
	case OP_PEEK:
		xu_prep_recv(sqe, slot_fd(s), l->in[place], s->got, MSG_PEEK | MSG_DONTWAIT);
		break;
	case OP_DROP:
		xu_prep_recv(sqe, slot_fd(s), l->in[place], s->used, MSG_TRUNC | MSG_DONTWAIT);
		break;
	default:
		xu_prep_send(sqe, slot_fd(s), l->out[place] + s->sent, s->len - s->sent,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	sqe->user_data = xu_ticket(place << 8 | op, t->generation);
	l->flying++;
	return true;
}

/*
 * The op would wait where nothing is ready, so it is taken back right after it: that completes both. Where it was answered
 * at once, there is nothing to take back any more.
 */
void batch_wait(struct call *c, struct loop *l)
{
	struct thread *t = c->thread;
	struct io_uring_sqe *sqe, *back;

	l->found = -EAGAIN;
	if (!policy_has_op(IORING_OP_EPOLL_WAIT) || !t->ring.live ||
	    (xu_sq_space_left(&t->ring) < 2 && !enter(c, l)))
		return;
	sqe = xu_get_sqe(&t->ring);
	back = xu_get_sqe(&t->ring);
	if (!sqe || !back)
		return;
	*sqe = c->sqe;
	sqe->user_data = xu_ticket(OP_WAIT, t->generation);
	xu_prep_cancel64(back, xu_ticket(OP_WAIT, t->generation), 0);
	back->user_data = xu_ticket(OP_UNWAIT, t->generation);
	l->waiting = OP_WAIT | OP_UNWAIT;
	l->flying += 2;
}

void batch_end(struct call *c, struct loop *l)
{
	if (c->thread->ring.live)
		enter(c, l);
	c->thread->busy = false;
}
