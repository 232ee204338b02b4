/* Waits bounded in time, the same whoever keeps the time: the kernel (wait_timeout) or an entry of ours (..._old). */
#ifndef TIMED_H
#define TIMED_H

#include "tests/unit/bell.h"

#define MS(n) (&(struct xu_timespec){(n) / 1000, (n) % 1000 * 1000000ll})

static int timed_fds[2];

/* Nothing is queued, nothing is there, nothing comes any more: no timeout of the library's either. */
static inline void check_quiet(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe;

	CHECK_EQ(xu_sq_ready(ring), 0);
	CHECK_EQ(xu_cq_ready(ring), 0);
	CHECK_EQ(xu_get_events(ring), 0);
	CHECK_EQ(xu_peek_cqe(ring, &cqe), -EAGAIN);
	xu_prep_timeout_remove(sqe_of(ring), XU_TICKET_INTERNAL, 0);
	CHECK_EQ(result_of(ring), -ENOENT);
	CHECK_EQ(xu_cq_ready(ring), 0);
}

/* The first completion is `data`, and goes. */
static inline void check_first(struct xu_ring *ring, struct io_uring_cqe *cqe, int res, uint64_t data)
{
	CHECK(cqe != NULL);
	CHECK(cqe == xu_cq_front(ring));
	CHECK_EQ(cqe->res, res);
	CHECK_EQ(cqe->user_data, data);
	xu_cqe_seen(ring, cqe);
}

static inline void timed_out(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe;
	long long start = now_ms();
	char byte;

	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, MS(30)), -ETIME);
	CHECK(cqe == NULL);
	CHECK_GE(now_ms() - start, 29);
	CHECK_LE(now_ms() - start, 5000);
	check_quiet(ring);

	/* No time at all. */
	start = now_ms();
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, MS(0), NULL), -ETIME);
	CHECK(cqe == NULL);
	CHECK_LE(now_ms() - start, 5000);
	check_quiet(ring);

	/* An entry that was submitted by the same call stays submitted. */
	put_read(ring, timed_fds[0], &byte, 7);
	start = now_ms();
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, MS(30), NULL), -ETIME);
	CHECK(cqe == NULL);
	CHECK_GE(now_ms() - start, 29);
	CHECK_EQ(xu_sq_ready(ring), 0);
	CHECK_EQ(write(timed_fds[1], "x", 1), 1);
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, MS(10000)), 0);
	check_first(ring, cqe, 1, 7);
	check_quiet(ring);

	/* Fewer than asked for: what is there is shown. */
	put_nop(ring, 1);
	put_nop(ring, 2);
	start = now_ms();
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 3, MS(30), NULL), -ETIME);
	CHECK_GE(now_ms() - start, 29);
	CHECK_EQ(xu_cq_ready(ring), 2);
	check_first(ring, cqe, 0, 1);
	check_first(ring, xu_cq_front(ring), 0, 2);
	check_quiet(ring);
}

static inline void in_time(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe;
	struct bell writer;
	long long start = now_ms();
	char byte;

	/* At once. */
	put_nop(ring, 1);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, MS(10000), NULL), 1);
	check_first(ring, cqe, 0, 1);
	check_quiet(ring);

	/* There before: no wait, and nothing is submitted. */
	put_nop(ring, 2);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, MS(10000)), 0);
	check_first(ring, cqe, 0, 2);
	check_quiet(ring);

	/* Some there before, the rest at once. */
	put_nop(ring, 3);
	CHECK_EQ(xu_submit(ring), 1);
	put_nop(ring, 4);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 2, MS(10000), NULL), 1);
	CHECK_EQ(xu_cq_ready(ring), 2);
	check_first(ring, cqe, 0, 3);
	check_first(ring, xu_cq_front(ring), 0, 4);
	check_quiet(ring);

	/* In the middle of the wait. */
	put_read(ring, timed_fds[0], &byte, 5);
	write_after(&writer, 20, timed_fds[1]);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, MS(10000), NULL), 1);
	bell_end(&writer);
	check_first(ring, cqe, 1, 5);
	check_quiet(ring);

	/* No bound, and no wait. */
	put_nop(ring, 6);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, NULL, NULL), 1);
	check_first(ring, cqe, 0, 6);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 0, MS(10000), NULL), 0);
	CHECK(cqe == NULL);
	CHECK_LE(now_ms() - start, 9000);
	check_quiet(ring);
}

/* Full and half-taken queues, again and again, over the ends of the queues. */
static inline void full_queues(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe;
	uint64_t sum = 0;

	for (int round = 0; round < 100; round++) {
		unsigned n = ring->sq.entries, wait = 1 + (unsigned)round % 8;

		for (unsigned i = 0; i < n; i++)
			put_nop(ring, 100 + i);
		CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, wait, MS(10000), NULL), n);
		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, MS(10000)), 0);
			check_first(ring, cqe, 0, 100 + i);
		}
		check_quiet(ring);

		/* Odd rounds have a time that runs out. */
		put_nop(ring, 200);
		CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1 + round % 2, MS(round % 2), NULL),
			 round % 2 ? -ETIME : 1);
		check_first(ring, cqe, 0, 200);
		check_quiet(ring);
	}

	/* A bad entry in the middle: what is left is what the caller put there. */
	if (ring->flags & IORING_SETUP_SUBMIT_ALL)
		return;
	put_nop(ring, 1);
	put_bad(ring, 2);
	put_nop(ring, 3);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 3, MS(10000), NULL), 2);
	CHECK_EQ(xu_sq_ready(ring), 1);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 3, MS(10000), NULL), 1);
	CHECK_EQ(xu_cq_ready(ring), 3);
	/* Older kernels tell of it before those that they have done. */
	for (int i = 0; i < 3; i++) {
		cqe = xu_cq_front(ring);
		sum += cqe->user_data;
		check_first(ring, cqe, cqe->user_data == 2 ? -EINVAL : 0, cqe->user_data);
	}
	CHECK_EQ(sum, 1 + 2 + 3);
	check_quiet(ring);
}

/* For so many, or else: the first that is there is shown beside the error. */
static inline void several(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe;

	put_nop(ring, 1);
	put_nop(ring, 2);
	CHECK_EQ(xu_wait_cqes(ring, &cqe, 2, MS(10000), NULL), 0);
	check_first(ring, cqe, 0, 1);
	CHECK_EQ(xu_wait_cqes(ring, &cqe, 2, MS(20), NULL), -ETIME);
	check_first(ring, cqe, 0, 2);
	CHECK_EQ(xu_wait_cqes(ring, &cqe, 1, MS(1), NULL), -ETIME);
	CHECK(cqe == NULL);
	CHECK_EQ(xu_wait_cqes(ring, &cqe, ring->cq.entries + 1, NULL, NULL), -EINVAL);
	put_nop(ring, 3);
	CHECK_EQ(xu_wait_cqes(ring, &cqe, 1, NULL, NULL), 0);
	check_first(ring, cqe, 0, 3);
	/* Submitted, asked for and shown, without a wait. */
	put_nop(ring, 4);
	CHECK_EQ(xu_submit_and_get_events(ring), 1);
	check_first(ring, xu_cq_front(ring), 0, 4);
	CHECK_EQ(xu_submit_and_get_events(ring), 0);
	check_quiet(ring);
}

static inline void timed_waits(struct xu_ring *ring)
{
	CHECK_EQ(pipe(timed_fds), 0);
	several(ring);
	timed_out(ring);
	in_time(ring);
	full_queues(ring);
	close(timed_fds[0]);
	close(timed_fds[1]);
}

#endif
