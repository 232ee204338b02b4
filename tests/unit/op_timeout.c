/* timeout_update, and timeouts that come again and again. */
#include "tests/unit/op.h"

static void test_timeout_update(struct xu_ring *ring)
{
	struct xu_timespec hour = {3600, 0}, soon = {0, 20 * 1000000};
	struct io_uring_sqe *sqe;
	long long begin = now_ms();

	if (!kernel_is(5, 11)) {
		prep_not_here = "this kernel has none";
		return;
	}
	sqe = sqe_of(ring);
	xu_prep_timeout(sqe, &hour, 0, 0);
	start(ring, sqe, 1);
	check_quiet(ring);
	sqe = sqe_of(ring);
	xu_prep_timeout_update(sqe, &soon, 1, 0);
	start(ring, sqe, 2);
	for (int i = 0; i < 2; i++) {
		struct done done = next(ring);

		CHECK_EQ(done.res, done.data == 1 ? -ETIME : 0);
	}
	CHECK_GE(now_ms() - begin, 19);
	CHECK_LE(now_ms() - begin, 10000);
	xu_prep_timeout_update(sqe_of(ring), &soon, 1, 0);
	CHECK_EQ(result_of(ring), -ENOENT);
}

static void test_timeout_multishot(struct xu_ring *ring)
{
	struct xu_timespec often = {0, 5 * 1000000};
	struct io_uring_sqe *sqe;

	if (!kernel_is(6, 4)) {
		prep_not_here = "this kernel has none";
		return;
	}
	/* Three times, and then no more. */
	sqe = sqe_of(ring);
	xu_prep_timeout(sqe, &often, 3, IORING_TIMEOUT_MULTISHOT);
	start(ring, sqe, 1);
	for (int i = 0; i < 3; i++) {
		struct done done = next(ring);

		CHECK_EQ(done.res, -ETIME);
		CHECK_EQ(done.flags & MORE, i < 2 ? MORE : 0);
	}
	sleep_ms(20);
	check_quiet(ring);
}

static const struct prep_case cases[] = {
	{"timeout_update", IORING_OP_TIMEOUT_REMOVE, test_timeout_update},
	{"timeout, multishot", IORING_OP_TIMEOUT, test_timeout_multishot},
};

int main(void)
{
	return PREP_CASES(cases);
}
