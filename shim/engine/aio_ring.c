/* The carrier: the one thread that owns the ring of asynchronous I/O. Why there is one, see aio.c. */
#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/aio_ring.h"
#include "shim/policy.h"
#include "shim/thread.h"

/* User data of entries that are no operation. */
enum { TICKET_BELL = 1, TICKET_CANCEL = 2 };

/*
 * At most so many entries go to the kernel in one enter, and the first ones by one, two and four: the disk is busy with them while
 * the next ones are prepared. What goes in one enter reaches it together, at the end.
 */
enum { LARGEST = 8 };

/* A private futex of 32 bits: FUTEX2_SIZE_U32 and FUTEX2_PRIVATE, which older headers lack. */
enum { FUTEX_WORD = 0x2 | 0x80 };

/* ---- The carrier ---- */

/* What the carrier knows alone. */
struct carrier {
	struct thread *thread;
	struct aio_op *waiting, **waiting_end; /* taken, not yet in the ring; oldest first */
	struct aio_op *in_flight;
	unsigned flying;   /* how many those are */
	unsigned prepared; /* entries that were not submitted yet */
	unsigned portion;  /* so many go to the kernel in one enter */
	unsigned finished; /* operations that have ended, and nobody was told */
	bool bell_armed;   /* the ring wakes us when the bell changes */
	unsigned busy;	   /* enters in a row that failed, and may not the next time */
	unsigned cancels;  /* cancellations without an answer */
	long cancel_result;
};

static void finish(struct carrier *k, struct aio_op *op, long res)
{
	aio_count(op->kind == AIO_HINT ? AIO_HINTS : AIO_COMPLETED, 1);
	k->finished++;
	op->done(op, res);
}

static void land(struct carrier *k, struct aio_op *op, long res)
{
	if (op->prev)
		op->prev->next = op->next;
	else
		k->in_flight = op->next;
	if (op->next)
		op->next->prev = op->prev;
	k->flying--;
	finish(k, op, res);
}

/* What a ring would not take, done plainly. */
static long do_plainly(const struct io_uring_sqe *s)
{
	switch (s->opcode) {
	case IORING_OP_READ: return xu_sys(SYS_pread64, s->fd, s->addr, s->len, s->off);
	case IORING_OP_WRITE: return xu_sys(SYS_pwrite64, s->fd, s->addr, s->len, s->off);
	case IORING_OP_READV:
		return xu_sys(SYS_preadv2, s->fd, s->addr, s->len, s->off, 0, s->rw_flags);
	case IORING_OP_WRITEV:
		return xu_sys(SYS_pwritev2, s->fd, s->addr, s->len, s->off, 0, s->rw_flags);
	case IORING_OP_FSYNC: return xu_sys(s->fsync_flags ? SYS_fdatasync : SYS_fsync, s->fd);
	case IORING_OP_FADVISE:
		return xu_sys(SYS_fadvise64, s->fd, s->off, s->len, s->fadvise_advice);
	case IORING_OP_MADVISE: return xu_sys(SYS_madvise, s->addr, s->len, s->fadvise_advice);
	case IORING_OP_SYNC_FILE_RANGE:
		return xu_sys(SYS_sync_file_range, s->fd, s->off, s->len, s->sync_range_flags);
	default: return -EIO;
	}
}

static bool reap(struct carrier *k);

/*
 * The kernel would not be entered any more. Entries that it has not taken never began: they are done plainly, in their
 * order. What it has taken ends in time, if it may be asked for that; else it is done again, which at a given position
 * changes nothing.
 */
static void lose_ring(struct carrier *k, int error)
{
	struct xu_ring *ring = &k->thread->ring;
	unsigned n = xu_sq_ready(ring), from = ring->sq.tail - n, interrupted = 0;

	ring->sq.tail = from;
	XU_STORE_RELEASE(ring->sq.ktail, from);
	for (unsigned i = from; i != from + n; i++) {
		uint64_t ticket = ring->sq.sqes[i & ring->sq.mask].user_data;

		if (ticket > TICKET_CANCEL) {
			struct aio_op *op = (struct aio_op *)(uintptr_t)ticket;

			land(k, op, do_plainly(&op->sqe));
		}
	}
	while (k->in_flight) {
		int ret = xu_submit_and_wait(ring, 1);

		reap(k);
		if (ret < 0 && (ret != -EINTR || ++interrupted > 1000))
			break;
	}
	while (k->in_flight)
		land(k, k->in_flight,
		     k->in_flight->after_appends ? -EIO : do_plainly(&k->in_flight->sqe));
	k->cancels = 0;
	k->cancel_result = -ENOENT;
	k->bell_armed = false;
	policy_drop_ring(k->thread);
	policy_enter_failed(error);
}

/* It was interrupted, or wanted for memory or for room among the completions: for two seconds in a row, the next enter may do. */
static bool will_pass(struct carrier *k, int error)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	if ((error != -EINTR && error != -EAGAIN && error != -EBUSY) || ++k->busy > 1500)
		return false;
	if (error != -EINTR)
		xu_sys(SYS_nanosleep, &moment, 0);
	return true;
}

/* Hand over what is prepared, and wait for so many completions. */
static void submit(struct carrier *k, unsigned wait_nr)
{
	int ret = policy_deny_enter();

	if (!k->thread->ring.live)
		return;
	if (k->prepared)
		aio_count(AIO_BATCHES, 1);
	k->thread->enters += !ret;
	if (!ret)
		ret = xu_submit_and_wait(&k->thread->ring, wait_nr);
	if (ret >= 0)
		k->busy = 0;
	else if (!will_pass(k, ret))
		lose_ring(k, ret);
	k->prepared = k->thread->ring.live ? xu_sq_ready(&k->thread->ring) : 0;
}

/* Room for an entry. NULL: the ring is lost. */
static struct io_uring_sqe *entry(struct carrier *k)
{
	struct io_uring_sqe *sqe = NULL;

	while (k->thread->ring.live && !(sqe = xu_get_sqe(&k->thread->ring)))
		submit(k, 0);
	return sqe;
}

static void launch(struct carrier *k, struct aio_op *op)
{
	struct io_uring_sqe *sqe = entry(k);

	if (!sqe) {
		finish(k, op, do_plainly(&op->sqe));
		return;
	}
	*sqe = op->sqe;
	sqe->user_data = (uint64_t)(uintptr_t)op;
	op->prev = NULL;
	op->next = k->in_flight;
	if (op->next)
		op->next->prev = op;
	k->in_flight = op;
	k->flying++;
	if (++k->prepared < k->portion)
		return;
	submit(k, 0);
	if (k->portion < LARGEST)
		k->portion *= 2;
}

/* Take what has completed. True: there were operations among it. */
static bool reap(struct carrier *k)
{
	struct xu_ring *ring = &k->thread->ring;
	struct io_uring_cqe *cqe;
	bool any;

	while (ring->live && (cqe = xu_cq_front(ring))) {
		uint64_t ticket = cqe->user_data;
		long res = cqe->res;

		xu_cq_advance(ring, 1);
		if (ticket == TICKET_BELL) {
			k->bell_armed = false;
		} else if (ticket == TICKET_CANCEL) {
			k->cancels--;
			k->cancel_result = res;
		} else {
			land(k, (struct aio_op *)(uintptr_t)ticket, res);
		}
	}
	any = k->finished;
	if (any)
		aio_tell_ended(k->finished);
	k->finished = 0;
	return any;
}

/* Does `op` have to come after `other`, which was asked for before it? */
static bool comes_after(const struct aio_op *op, const struct aio_op *other)
{
	if (op->sqe.fd != other->sqe.fd || other->kind != AIO_IO)
		return false;
	return op->after_all || (op->after_appends && other->after_appends);
}

static bool may_start(const struct carrier *k, const struct aio_op *op)
{
	if (!op->after_all && !op->after_appends)
		return true;
	for (const struct aio_op *o = k->in_flight; o; o = o->next)
		if (comes_after(op, o))
			return false;
	for (const struct aio_op *o = k->waiting; o != op; o = o->next)
		if (comes_after(op, o))
			return false;
	return true;
}

/* Take what was sent, oldest first, to the end of the waiting. */
static void take(struct carrier *k)
{
	struct aio_op *op = __atomic_exchange_n(&aio->queue, NULL, __ATOMIC_ACQ_REL);
	struct aio_op *first = NULL, **end = k->waiting_end;

	while (op) {
		struct aio_op *older = op->next;

		op->next = first;
		if (!first)
			k->waiting_end = &op->next;
		first = op;
		op = older;
	}
	*end = first;
}

/* Take an operation out of the waiting. */
static void unlink_waiting(struct carrier *k, struct aio_op **at)
{
	struct aio_op *op = *at;

	*at = op->next;
	if (k->waiting_end == &op->next)
		k->waiting_end = at;
}

/* ---- Cancelling ---- */

static bool is_meant(const struct aio_op *cancel, const struct aio_op *op)
{
	if (!op->from_posix || op->sqe.fd != cancel->cancel.fd)
		return false;
	return !cancel->cancel.cb || op->posix.cb == cancel->cancel.cb;
}

/* What is in flight: the kernel is asked, and its answer awaited, which comes at once. */
static void cancel_in_flight(struct carrier *k, struct aio_op *cancel, struct aio_op *op)
{
	struct io_uring_sqe *sqe = entry(k);

	op->cancelled = true;
	if (!sqe)
		return;
	xu_prep_cancel64(sqe, (uint64_t)(uintptr_t)op, 0);
	sqe->user_data = TICKET_CANCEL;
	k->cancels = 1;
	while (k->cancels) {
		submit(k, 1);
		reap(k);
	}
	if (k->cancel_result)
		cancel->cancel.too_late++;
	else
		cancel->cancel.cancelled++;
	/* It ends now: wait, for the program will ask at once. */
	while (!k->cancel_result && aio_op_at(aio_op_number(op)) && op->cancelled && k->flying) {
		submit(k, 1);
		reap(k);
	}
}

static void cancel(struct carrier *k, struct aio_op *cancel)
{
	struct aio_op **at = &k->waiting;
	struct aio_op *op;

	while ((op = *at)) {
		if (is_meant(cancel, op)) {
			unlink_waiting(k, at);
			cancel->cancel.cancelled++;
			finish(k, op, -ECANCELED);
		} else {
			at = &op->next;
		}
	}
again:
	for (op = k->in_flight; op; op = op->next)
		if (is_meant(cancel, op) && !op->cancelled) {
			cancel_in_flight(k, cancel, op);
			goto again;
		}
	for (op = k->in_flight; op; op = op->next)
		op->cancelled = false;
	XU_STORE_RELEASE(&cancel->cancel.answered, 1);
	aio_wake(&cancel->cancel.answered);
}

/* Put into the ring what may start. */
static void start_waiting(struct carrier *k)
{
	struct aio_op **at = &k->waiting;
	struct aio_op *op;

	k->portion = 1;
	while ((op = *at)) {
		if (op->kind == AIO_CANCEL) {
			/* What came before it is in the ring by now, or waits for others. */
			unlink_waiting(k, at);
			cancel(k, op);
			at = &k->waiting;
		} else if (may_start(k, op)) {
			unlink_waiting(k, at);
			launch(k, op);
		} else {
			at = &op->next;
		}
	}
}

/* Have the ring wake us when somebody rings. */
static void arm_bell(struct carrier *k, unsigned bell)
{
	struct io_uring_sqe *sqe;

	if (k->bell_armed)
		return;
	sqe = entry(k);
	if (!sqe)
		return;
	xu_prep_futex_wait(sqe, &aio->bell, bell, FUTEX_BITSET_MATCH_ANY, FUTEX_WORD, 0);
	sqe->user_data = TICKET_BELL;
	k->bell_armed = true;
}

/* Nothing to do but to wait for completions and for callers. False: nobody came for a second. */
static bool rest(struct carrier *k)
{
	static const struct timespec second = {1, 0}, tick = {0, 200000};
	unsigned bell = XU_LOAD_ACQUIRE(&aio->bell);
	bool busy = true;

	__atomic_store_n(&aio->asleep, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&aio->queue, __ATOMIC_SEQ_CST)) {
		if (k->prepared)
			submit(k, 0);
	} else if (aio->late) {
		if (k->prepared)
			submit(k, 0);
		else if (k->flying)
			xu_get_events(&k->thread->ring);
		xu_sys(SYS_nanosleep, &tick, 0);
	} else if (k->flying) {
		arm_bell(k, bell);
		submit(k, 1);
	} else if (!XU_LOAD(&aio->stop)) {
		busy = aio_sleep(&aio->bell, bell, &second) != -ETIMEDOUT;
	}
	__atomic_store_n(&aio->asleep, 0, __ATOMIC_RELAXED);
	return busy;
}

/* The ring, if it is to be had; only with nothing in flight. */
static bool have_ring(struct carrier *k)
{
	struct call c = {.thread = k->thread};
	unsigned workers[2] = {8, 8};
	bool ok;

	if (!k->thread)
		return false;
	if (policy_ring_current(k->thread))
		return true;
	k->bell_armed = false;
	ok = policy_ring(&c) && policy_op(&c, IORING_OP_READ) && policy_op(&c, IORING_OP_WRITE) &&
	     policy_op(&c, IORING_OP_FSYNC) && policy_op(&c, IORING_OP_ASYNC_CANCEL) &&
	     policy_op(&c, IORING_OP_FUTEX_WAIT);
	aio->reason = c.reason;
	if (ok)
		xu_register(&k->thread->ring, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
	return ok;
}

void aio_set_state(unsigned state)
{
	__atomic_store_n(&aio->state, state, __ATOMIC_SEQ_CST);
	aio_wake(&aio->state);
}

/* The end, in this state, unless somebody sent something at the last moment. */
static bool may_end(unsigned state)
{
	aio_set_state(state);
	if (!__atomic_load_n(&aio->queue, __ATOMIC_SEQ_CST))
		return true;
	return !__atomic_compare_exchange_n(&aio->state, &state, READY, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
}

/* Without a ring: what was sent is done plainly. */
static void do_waiting(struct carrier *k)
{
	while (k->waiting) {
		struct aio_op *op = k->waiting;

		unlink_waiting(k, &k->waiting);
		if (op->kind == AIO_CANCEL)
			cancel(k, op);
		else
			finish(k, op, do_plainly(&op->sqe));
	}
}

static void run(struct carrier *k)
{
	for (;;) {
		take(k);
		/* A change of identity asks for another ring, once this one has nothing left to do. */
		if (policy_ring_current(k->thread) || (!k->flying && have_ring(k))) {
			start_waiting(k);
		} else if (!k->flying) {
			do_waiting(k);
			reap(k);
			if (may_end(REFUSED))
				return;
			continue;
		}
		if (reap(k) && k->waiting)
			continue;
		if (aio->late)
			aio_try_late();
		if (!k->flying && !k->waiting && !aio->late && XU_LOAD(&aio->stop) && may_end(NONE))
			return;
		if (!rest(k) && may_end(NONE))
			return;
		reap(k);
	}
}

void *aio_carrier(void *arg)
{
	struct carrier k = {.thread = thread_self()};

	(void)arg;
	k.waiting_end = &k.waiting;
	aio->carrier = (int)xu_sys(SYS_gettid);
	xu_sys(SYS_prctl, 15 /* PR_SET_NAME */, "xuring-aio", 0, 0, 0);
	aio->reason = REASON_NO_RING;
	if (!have_ring(&k)) {
		aio_set_state(REFUSED);
		return NULL;
	}
	aio_count(AIO_CARRIERS, 1);
	aio_set_state(READY);
	run(&k);
	policy_drop_ring(k.thread);
	return NULL;
}

/* There is no carrier any more for what is in the queue. */
void aio_do_queue(void)
{
	struct carrier k = {.thread = NULL};

	k.waiting_end = &k.waiting;
	take(&k);
	do_waiting(&k);
	aio_tell_ended(1);
}
