/*
 * Submitting and waiting: everything that enters the kernel.
 *
 * Whatever happens in an enter, the shared indices tell the truth afterwards: an entry is consumed when the kernel's
 * head has passed it, and only what lies between head and tail is handed over again. So an interrupted or partly
 * successful enter can simply be repeated; nothing is submitted twice.
 */
#include <errno.h>
#include <time.h>

#include "core/level.h"
#include "core/syscall.h"
#include "xuring.h"

/* io_uring_enter(2). `arg` is a signal mask (of `size` bytes) or, with EXT_ARG, a struct io_uring_getevents_arg. */
static int enter(struct xu_ring *ring, unsigned submit, unsigned wait_nr, unsigned flags,
		 const void *arg, size_t size)
{
	return (int)xu_sys(SYS_io_uring_enter, ring->enter_fd, submit, wait_nr,
			   flags | ring->enter_flags, arg, size);
}

/* Publish what was prepared. Returns how many entries the kernel has yet to consume. */
static unsigned flush(struct xu_ring *ring)
{
	struct xu_sq *sq = &ring->sq;

	/* The release makes the entries' words visible before their index, for a polling kernel thread. */
	if (*sq->ktail != sq->tail)
		XU_STORE_RELEASE(sq->ktail, sq->tail);
	return sq->tail - XU_LOAD_ACQUIRE(sq->khead);
}

/* With a polling thread an enter is needed only to wake it. The fence orders our tail before reading its flag. */
static bool sqpoll_asleep(const struct xu_ring *ring)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return XU_LOAD(ring->sq.kflags) & IORING_SQ_NEED_WAKEUP;
}

static int submit_and_wait(struct xu_ring *ring, unsigned wait_nr, unsigned flags, const void *arg,
			   size_t size)
{
	unsigned submit;

	if (__builtin_expect(ring->pretends, 0))
		xu_hide_entries(ring);
	submit = flush(ring);
	if (wait_nr || xu_cq_needs_enter(ring))
		flags |= IORING_ENTER_GETEVENTS;
	if (ring->flags & IORING_SETUP_SQPOLL) {
		if (submit && sqpoll_asleep(ring))
			flags |= IORING_ENTER_SQ_WAKEUP;
		else if (!(flags & IORING_ENTER_GETEVENTS))
			return (int)submit;
	} else if (!submit && !(flags & IORING_ENTER_GETEVENTS)) {
		return 0;
	}
	return enter(ring, submit, wait_nr, flags, arg, size);
}

struct io_uring_sqe *xu_get_sqe128(struct xu_ring *ring)
{
	struct xu_sq *sq = &ring->sq;
	struct io_uring_sqe *sqe;
	unsigned places = 1;

	if (ring->flags & IORING_SETUP_SQE_MIXED) {
		/* Both places must lie side by side: a NOP that nobody hears of fills the last of the queue. */
		bool at_end = (sq->tail & sq->mask) == sq->mask;

		places = 2;
		if (xu_sq_space_left(ring) < places + at_end)
			return NULL;
		if (at_end) {
			sqe = xu_get_sqe(ring);
			if (!sqe)
				return NULL;
			xu_prep_nop(sqe);
			sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
		}
	} else if (!(ring->flags & IORING_SETUP_SQE128)) {
		return NULL;
	}
	sqe = xu_get_sqe(ring);
	if (!sqe)
		return NULL;
	sq->tail += places - 1;
	return memset(sqe, 0, 2 * sizeof(*sqe));
}

int xu_submit(struct xu_ring *ring)
{
	return submit_and_wait(ring, 0, 0, NULL, 0);
}

int xu_submit_and_wait(struct xu_ring *ring, unsigned wait_nr)
{
	return submit_and_wait(ring, wait_nr, 0, NULL, 0);
}

int xu_submit_and_get_events(struct xu_ring *ring)
{
	return submit_and_wait(ring, 0, IORING_ENTER_GETEVENTS, NULL, 0);
}

int xu_sqring_wait(struct xu_ring *ring)
{
	unsigned flags = IORING_ENTER_SQ_WAIT;
	int ret = 0;

	if (!(ring->flags & IORING_SETUP_SQPOLL))
		return 0;
	flush(ring);
	while (ret >= 0 && !xu_sq_space_left(ring)) {
		if (sqpoll_asleep(ring))
			flags |= IORING_ENTER_SQ_WAKEUP;
		ret = enter(ring, 0, 0, flags, NULL, 0);
	}
	return ret < 0 ? ret : 0;
}

int xu_set_iowait(struct xu_ring *ring, bool enable)
{
	if (!(ring->features & IORING_FEAT_NO_IOWAIT))
		return -EOPNOTSUPP;
	ring->enter_flags &= ~IORING_ENTER_NO_IOWAIT;
	if (!enable)
		ring->enter_flags |= IORING_ENTER_NO_IOWAIT;
	return 0;
}

int xu_get_events(struct xu_ring *ring)
{
	int ret = enter(ring, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);

	return ret < 0 ? ret : 0;
}

int xu_peek_cqe_enter(struct xu_ring *ring, struct io_uring_cqe **cqe)
{
	int ret;

	if (xu_cq_needs_enter(ring)) {
		ret = xu_get_events(ring);
		if (ret)
			return ret;
		*cqe = xu_cq_front(ring);
	}
	return *cqe ? 0 : -EAGAIN;
}

/*
 * Take the completions of the library's own entries out of the queue. What lies between head and tail is ours, so those
 * that came before them just move up. Returns how many there were.
 */
static unsigned swallow(struct xu_ring *ring)
{
	struct xu_cq *cq = &ring->cq;
	unsigned head = *cq->khead;
	unsigned from = XU_LOAD_ACQUIRE(cq->ktail);
	unsigned to = from;

	while (from != head) {
		struct io_uring_cqe *cqe = &cq->cqes[(--from & cq->mask) << cq->shift];

		if (cqe->user_data != XU_TICKET_INTERNAL && --to != from)
			memcpy(&cq->cqes[(to & cq->mask) << cq->shift], cqe,
			       sizeof(*cqe) << cq->shift);
	}
	xu_cq_advance(ring, to - head);
	return to - head;
}

/* Take the last entry back, if the kernel has not taken it. It reads the queue only when entered, SQPOLL apart. */
static bool take_back(struct xu_ring *ring)
{
	if (!xu_sq_ready(ring))
		return false;
	ring->sq.tail--;
	XU_STORE_RELEASE(ring->sq.ktail, ring->sq.tail);
	return true;
}

/* Remove the timeout entry that bounded a wait and see both completions off: the timeout's and the removal's. */
static void remove_timeout_entry(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe = xu_get_sqe(ring);
	int owed = 2;
	int ret;

	if (!sqe)
		return;
	xu_prep_timeout_remove(sqe, XU_TICKET_INTERNAL, 0);
	xu_sqe_set_data64(sqe, XU_TICKET_INTERNAL);
	ret = submit_and_wait(ring, 0, 0, NULL, 0);
	if (take_back(ring))
		return;
	while ((owed -= (int)swallow(ring)) > 0 && (ret >= 0 || ret == -EINTR) &&
	       xu_cq_ready(ring) < ring->cq.entries)
		ret = submit_and_wait(ring, xu_cq_ready(ring) + 1, 0, NULL, 0);
}

/*
 * The older way to bound a wait (before 5.11): a timeout entry of our own. However the wait ends, nothing of the entry
 * is left when we return: not in the submission queue, where it would point to a time that is gone, not in the kernel,
 * and not in the completion queue. Only a completion queue that is full at that moment may still get a completion of it.
 */
static int wait_with_timeout_entry(struct xu_ring *ring, unsigned wait_nr,
				   const struct xu_timespec *ts, const void *sigmask)
{
	struct io_uring_sqe *sqe;
	int before = 0;
	int ret;

	/* A polling thread may take the entry at any time, even after our return. */
	if (ring->flags & IORING_SETUP_SQPOLL)
		return -EINVAL;
	if (!xu_sq_space_left(ring)) {
		before = xu_submit(ring);
		if (before < 0)
			return before;
	}
	sqe = xu_get_sqe(ring);
	if (!sqe)
		return -EBUSY;
	xu_prep_timeout(sqe, ts, 0, 0);
	xu_sqe_set_data64(sqe, XU_TICKET_INTERNAL);
	ret = submit_and_wait(ring, wait_nr, 0, sigmask, sigmask ? 8 : 0);
	if (take_back(ring))
		return ret < 0 && before ? before : ret + before;
	if (!swallow(ring))
		remove_timeout_entry(ring);
	ret += before - 1;
	return ret || xu_cq_ready(ring) >= wait_nr ? ret : -EINTR;
}

/* Is `ts` over, counted from `start`? */
static bool is_over(const struct timespec *start, const struct xu_timespec *ts)
{
	struct timespec now;
	int64_t sec;
	long nsec;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sec = now.tv_sec - start->tv_sec;
	nsec = now.tv_nsec - start->tv_nsec;
	if (nsec < 0) {
		sec--;
		nsec += 1000000000;
	}
	return sec > ts->tv_sec || (sec == ts->tv_sec && nsec >= ts->tv_nsec);
}

int xu_submit_and_wait_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
			       const struct xu_timespec *ts, const void *sigmask)
{
	struct timespec start = {0, 0};
	int ret;

	if (!ts || !wait_nr) {
		ret = submit_and_wait(ring, wait_nr, 0, sigmask, sigmask ? 8 : 0);
		*cqe = xu_cq_front(ring);
		return ret;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (ring->features & IORING_FEAT_EXT_ARG) {
		struct io_uring_getevents_arg arg = {
			.sigmask = (uint64_t)(uintptr_t)sigmask,
			.sigmask_sz = 8,
			.ts = (uint64_t)(uintptr_t)ts,
		};

		ret = submit_and_wait(ring, wait_nr, IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
	} else {
		ret = wait_with_timeout_entry(ring, wait_nr, ts, sigmask);
	}
	*cqe = xu_cq_front(ring);
	/* The kernel reports what it took in preference to why the wait ended: the clock tells. */
	if ((ret >= 0 || ret == -EINTR) && xu_cq_ready(ring) < wait_nr && is_over(&start, ts))
		return -ETIME;
	return ret;
}

int xu_submit_and_wait_min_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe,
				   unsigned wait_nr, const struct xu_timespec *ts,
				   unsigned min_wait_us, const void *sigmask)
{
	struct io_uring_getevents_arg arg = {
		.sigmask = (uint64_t)(uintptr_t)sigmask,
		.sigmask_sz = 8,
		.min_wait_usec = min_wait_us,
		.ts = (uint64_t)(uintptr_t)ts,
	};
	int ret;

	*cqe = NULL;
	if (!(ring->features & IORING_FEAT_MIN_TIMEOUT))
		return -EINVAL;
	ret = submit_and_wait(ring, wait_nr, IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
	*cqe = xu_cq_front(ring);
	return ret;
}

int xu_submit_and_wait_reg(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
			   unsigned index)
{
	/* No address: where in the region the argument lies. */
	const void *arg = (const void *)(index * sizeof(struct io_uring_reg_wait));
	int ret;

	*cqe = NULL;
	if (!(ring->features & IORING_FEAT_EXT_ARG))
		return -EINVAL;
	ret = submit_and_wait(ring, wait_nr, IORING_ENTER_EXT_ARG | IORING_ENTER_EXT_ARG_REG, arg,
			      sizeof(struct io_uring_reg_wait));
	*cqe = xu_cq_front(ring);
	return ret;
}

/* Did a wait that the kernel reported as a success end before its time? It answers the number taken, then. */
static bool cut_short(const struct xu_ring *ring, int ret, unsigned wait_nr)
{
	return ret > 0 && xu_cq_ready(ring) < wait_nr && !xu_sq_ready(ring) &&
	       !(ring->flags & IORING_SETUP_IOPOLL);
}

int xu_wait_cqe_nr(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr)
{
	int ret;

	*cqe = NULL;
	/* The kernel would wait for no more than fit, and we for ever. */
	if (wait_nr > ring->cq.entries)
		return -EINVAL;
	while (xu_cq_ready(ring) < wait_nr) {
		ret = submit_and_wait(ring, wait_nr, 0, NULL, 0);
		if (ret < 0)
			return ret;
		if (cut_short(ring, ret, wait_nr))
			return -EINTR;
	}
	*cqe = xu_cq_front(ring);
	return 0;
}

int xu_wait_cqe(struct xu_ring *ring, struct io_uring_cqe **cqe)
{
	return xu_wait_cqe_nr(ring, cqe, 1);
}

int xu_wait_cqes(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
		 const struct xu_timespec *ts, const void *sigmask)
{
	int ret;

	*cqe = NULL;
	if (wait_nr > ring->cq.entries)
		return -EINVAL;
	if (xu_cq_ready(ring) >= wait_nr) {
		*cqe = xu_cq_front(ring);
		return 0;
	}
	ret = xu_submit_and_wait_timeout(ring, cqe, wait_nr, ts, sigmask);
	return xu_cq_ready(ring) >= wait_nr ? 0 : ret < 0 ? ret : -EINTR;
}

int xu_wait_cqe_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe, const struct xu_timespec *ts)
{
	return xu_wait_cqes(ring, cqe, 1, ts, NULL);
}

int xu_wait_cqes_min_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
			     const struct xu_timespec *ts, unsigned min_wait_us, const void *sigmask)
{
	int ret = xu_submit_and_wait_min_timeout(ring, cqe, wait_nr, ts, min_wait_us, sigmask);

	return *cqe ? 0 : ret < 0 ? ret : -EINTR;
}

unsigned xu_peek_batch_cqe(struct xu_ring *ring, struct io_uring_cqe **cqes, unsigned nr)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	if (!xu_cq_ready(ring) && xu_cq_needs_enter(ring))
		xu_get_events(ring);
	xu_for_each_cqe(ring, head, cqe) {
		if (n == nr)
			break;
		cqes[n++] = cqe;
	}
	return n;
}
