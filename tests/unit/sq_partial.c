/*
 * A bad entry stops the submission behind it (without IORING_SETUP_SUBMIT_ALL): the rest stays queued and goes with the
 * next call, and each entry is submitted exactly once.
 */
#include "tests/unit/ring.h"

static unsigned seen[100];

/* Take `n` completions; odd ones had to fail. */
static void take_all(struct xu_ring *ring, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t data = 0;
		int res = take(ring, &data);

		CHECK_LE(data, 99);
		CHECK_EQ(res, data % 2 ? -EINVAL : 0);
		seen[data]++;
	}
	CHECK_EQ(xu_cq_ready(ring), 0);
}

static void check_seen(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(seen[i], 1);
	memset(seen, 0, sizeof(seen));
}

/* Even numbers are good, odd ones bad. */
static void put(struct xu_ring *ring, unsigned i)
{
	if (i % 2)
		put_bad(ring, i);
	else
		put_nop(ring, i);
}

static void stop_and_go(struct xu_ring *ring)
{
	check_case = "submit";
	for (unsigned i = 0; i < 3; i++)
		put(ring, i);
	put_nop(ring, 4);
	CHECK_EQ(xu_submit(ring), 2);
	CHECK_EQ(xu_sq_ready(ring), 2);
	/* What comes meanwhile queues up behind. */
	put(ring, 3);
	CHECK_EQ(xu_submit(ring), 3);
	CHECK_EQ(xu_sq_ready(ring), 0);
	CHECK_EQ(xu_submit(ring), 0);
	take_all(ring, 5);
	check_seen(5);

	/* No wait for completions of what was not taken. */
	check_case = "submit and wait";
	for (unsigned i = 0; i < 8; i++)
		put(ring, i);
	for (unsigned i = 0; i < 8; i += 2) {
		CHECK_EQ(xu_submit_and_wait(ring, 8), 2);
		CHECK_EQ(xu_sq_ready(ring), 6 - i);
	}
	take_all(ring, 8);
	check_seen(8);

	/* A wait sees to the rest by itself. */
	check_case = "wait";
	for (int round = 0; round < 50; round++) {
		struct io_uring_cqe *cqe;

		for (unsigned i = 0; i < 7; i++)
			put(ring, i);
		CHECK_EQ(xu_wait_cqe_nr(ring, &cqe, 7), 0);
		CHECK(cqe != NULL);
		CHECK_EQ(xu_sq_ready(ring), 0);
		take_all(ring, 7);
		check_seen(7);
	}
}

int main(void)
{
	struct xu_ring ring;

	need_ring();
	CHECK_EQ(xu_queue_init(8, &ring, 0), 0);
	stop_and_go(&ring);
	xu_queue_exit(&ring);

	if (!kernel_is(6, 6))
		return 0;
	CHECK_EQ(xu_queue_init(8, &ring, IORING_SETUP_NO_SQARRAY), 0);
	stop_and_go(&ring);
	xu_queue_exit(&ring);

	/* With SUBMIT_ALL nothing stops. */
	check_case = "SUBMIT_ALL";
	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
	for (unsigned i = 0; i < 8; i++)
		put(&ring, i);
	CHECK_EQ(xu_submit_and_wait(&ring, 8), 8);
	take_all(&ring, 8);
	check_seen(8);
	xu_queue_exit(&ring);
	return 0;
}
