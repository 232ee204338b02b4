/*
 * An enter that fails (EAGAIN: no memory now; EBUSY: completions first; EINTR) has taken nothing: the entries stay and go
 * with the next call, once each.
 */
#include "tests/unit/oldkernel.h"

static int error;

static void fail_next(int times)
{
	old.enter_error = error;
	old.enter_errors = times;
}

static void take_in_order(struct xu_ring *ring, unsigned n)
{
	uint64_t data = 0;

	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(take(ring, &data), 0);
		CHECK_EQ(data, i);
	}
	CHECK_EQ(xu_cq_ready(ring), 0);
	CHECK_EQ(xu_sq_ready(ring), 0);
}

static void errors(struct xu_ring *ring)
{
	struct xu_timespec ts = {10, 0};
	struct io_uring_cqe *cqe;

	put_nop(ring, 0);
	put_nop(ring, 1);
	fail_next(2);
	CHECK_EQ(xu_submit(ring), error);
	CHECK_EQ(xu_sq_ready(ring), 2);
	put_nop(ring, 2);
	CHECK_EQ(xu_submit(ring), error);
	CHECK_EQ(xu_sq_ready(ring), 3);
	CHECK_EQ(xu_submit(ring), 3);
	take_in_order(ring, 3);

	put_nop(ring, 0);
	fail_next(1);
	CHECK_EQ(xu_submit_and_wait(ring, 1), error);
	CHECK_EQ(xu_cq_ready(ring), 0);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	take_in_order(ring, 1);

	put_nop(ring, 0);
	fail_next(1);
	CHECK_EQ(xu_wait_cqe(ring, &cqe), error);
	CHECK(cqe == NULL);
	CHECK_EQ(xu_wait_cqe(ring, &cqe), 0);
	take_in_order(ring, 1);

	put_nop(ring, 0);
	fail_next(1);
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, &ts), error);
	CHECK(cqe == NULL);
	CHECK_EQ(xu_sq_ready(ring), 1);
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, &ts), 0);
	take_in_order(ring, 1);

	fail_next(1);
	CHECK_EQ(xu_get_events(ring), error);
	CHECK_EQ(xu_get_events(ring), 0);

	/* The older way to bound a wait leaves no entry of its own behind. */
	ring->features &= ~(unsigned)IORING_FEAT_EXT_ARG;
	put_nop(ring, 0);
	fail_next(1);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL), error);
	CHECK_EQ(xu_sq_ready(ring), 1);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL), 1);
	take_in_order(ring, 1);
	CHECK_EQ(xu_submit(ring), 0);
	CHECK_EQ(xu_cq_ready(ring), 0);
}

/* An enter that is not needed is not made. */
static void saved(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe, *batch[4];

	old.enters = 0;
	CHECK_EQ(xu_submit(ring), 0);
	CHECK_EQ(xu_peek_cqe(ring, &cqe), -EAGAIN);
	CHECK_EQ(xu_peek_batch_cqe(ring, batch, 4), 0);
	CHECK_EQ(old.enters, 0);
	put_nop(ring, 0);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	CHECK_EQ(old.enters, 1);
	CHECK_EQ(xu_wait_cqe(ring, &cqe), 0);
	CHECK_EQ(xu_peek_cqe(ring, &cqe), 0);
	CHECK_EQ(xu_peek_batch_cqe(ring, batch, 4), 1);
	xu_cqe_seen(ring, cqe);
	CHECK_EQ(old.enters, 1);
}

int main(void)
{
	static const int all[] = {EAGAIN, EBUSY, EINTR};

	old_begin();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		error = -all[i];
		on_each_ring(4, errors);
	}
	on_each_ring(4, saved);
	return 0;
}
