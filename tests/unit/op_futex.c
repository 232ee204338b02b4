/* futex_wait, futex_wake, futex_waitv, with each other. */
#include "tests/unit/op.h"

#define SIZE_U32 2u  /* FUTEX2_SIZE_U32 */
#define PRIVATE 128u /* FUTEX2_PRIVATE */
#define FLAGS (SIZE_U32 | PRIVATE)
#define ANY UINT64_C(0xffffffff) /* FUTEX_BITSET_MATCH_ANY */

/* struct futex_waitv */
struct waiter {
	uint64_t val;
	uint64_t uaddr;
	uint32_t flags;
	uint32_t reserved;
};

static uint32_t word[2];

/* Wake at most `nr` of those that meet `mask`. Among the completions to come is this one, with data 50. */
static void start_wake(struct xu_ring *ring, uint32_t *futex, uint64_t nr, uint64_t mask)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_futex_wake(sqe, futex, nr, mask, FLAGS, 0);
	start(ring, sqe, 50);
}

static void start_wait(struct xu_ring *ring, uint64_t mask, uint64_t data)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_futex_wait(sqe, &word[0], 0, mask, FLAGS, 0);
	start(ring, sqe, data);
}

static void test_futex(struct xu_ring *ring)
{
	xu_prep_futex_wait(sqe_of(ring), &word[0], 1, ANY, FLAGS, 0);
	CHECK_EQ(result_of(ring), -EAGAIN);
	/* Nobody waits. */
	start_wake(ring, &word[0], 1, ANY);
	CHECK_EQ(next(ring).res, 0);

	start_wait(ring, 1, 1);
	start_wait(ring, 2, 2);
	check_quiet(ring);
	/* A mask that only the second meets. */
	start_wake(ring, &word[0], 10, 2);
	for (int i = 0; i < 2; i++) {
		struct done done = next(ring);

		CHECK_NE(done.data, 1);
		CHECK_EQ(done.res, done.data == 50 ? 1 : 0);
	}
	start_wake(ring, &word[0], 10, ANY);
	for (int i = 0; i < 2; i++) {
		struct done done = next(ring);

		CHECK_NE(done.data, 2);
		CHECK_EQ(done.res, done.data == 50 ? 1 : 0);
	}
	start_wait(ring, ANY, 3);
	stop(ring, 3);
}

static void test_futex_waitv(struct xu_ring *ring)
{
	struct waiter waiters[2] = {
		{0, (uint64_t)(uintptr_t)&word[0], FLAGS, 0},
		{0, (uint64_t)(uintptr_t)&word[1], FLAGS, 0},
	};
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_futex_waitv(sqe, waiters, 2, 0);
	start(ring, sqe, 1);
	check_quiet(ring);
	start_wake(ring, &word[1], 1, ANY);
	for (int i = 0; i < 2; i++) {
		struct done done = next(ring);

		/* The second was woken: index 1; and one was woken. */
		CHECK_EQ(done.res, 1);
	}
	waiters[1].val = 7;
	xu_prep_futex_waitv(sqe_of(ring), waiters, 2, 0);
	CHECK_EQ(result_of(ring), -EAGAIN);
}

static const struct prep_case cases[] = {
	{"futex_wait, futex_wake", IORING_OP_FUTEX_WAIT, test_futex},
	{"futex_waitv", IORING_OP_FUTEX_WAITV, test_futex_waitv},
};

int main(void)
{
	return PREP_CASES(cases);
}
