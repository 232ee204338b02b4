/* cancel, cancel_fd, and cancel64 by any, all, op. */
#include "tests/unit/op.h"

static int pipes[2], others[2];
static char byte[4];

/* Three reads that wait: two of one pipe (data 1, 2), one of the other (3). */
static void begin(struct xu_ring *ring)
{
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(pipe(others), 0);
	for (int i = 0; i < 3; i++) {
		struct io_uring_sqe *sqe = sqe_of(ring);

		xu_prep_read(sqe, i < 2 ? pipes[0] : others[0], &byte[i], 1, HERE);
		start(ring, sqe, (uint64_t)i + 1);
	}
	check_quiet(ring);
}

static void end(void)
{
	close_pair(pipes);
	close_pair(others);
}

/* Cancel as prepared (its result is `res`); exactly those of data 1 to 3 that are in `want` (bits) end by it. */
static void expect(struct xu_ring *ring, struct io_uring_sqe *sqe, int res, unsigned want)
{
	unsigned ended = 0;

	start(ring, sqe, 50);
	for (int i = 0; i < 1 + __builtin_popcount(want); i++) {
		struct done done = next(ring);

		if (done.data == 50) {
			CHECK_EQ(done.res, res);
		} else {
			CHECK_EQ(done.res, -ECANCELED);
			ended |= 1u << done.data;
		}
	}
	CHECK_EQ(ended, want);
	check_quiet(ring);
}

static void test_pointer(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	begin(ring);
	sqe = sqe_of(ring);
	xu_prep_cancel(sqe, (const void *)3, 0);
	expect(ring, sqe, 0, 1u << 3);
	sqe = sqe_of(ring);
	xu_prep_cancel(sqe, (const void *)3, 0);
	expect(ring, sqe, -ENOENT, 0);
	if (kernel_is(5, 19)) {
		sqe = sqe_of(ring);
		xu_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
		expect(ring, sqe, 2, 1u << 1 | 1u << 2);
	} else {
		for (uint64_t i = 1; i <= 2; i++) {
			sqe = sqe_of(ring);
			xu_prep_cancel64(sqe, i, 0);
			expect(ring, sqe, 0, 1u << i);
		}
	}
	end();
}

static void test_fd(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	if (!kernel_is(5, 19)) {
		prep_not_here = "this kernel has none";
		return;
	}
	begin(ring);
	sqe = sqe_of(ring);
	xu_prep_cancel_fd(sqe, pipes[0], IORING_ASYNC_CANCEL_ALL);
	expect(ring, sqe, 2, 1u << 1 | 1u << 2);
	sqe = sqe_of(ring);
	xu_prep_cancel_fd(sqe, pipes[0], 0);
	expect(ring, sqe, -ENOENT, 0);
	sqe = sqe_of(ring);
	xu_prep_cancel_fd(sqe, others[0], 0);
	expect(ring, sqe, 0, 1u << 3);
	end();
}

static void test_any(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	if (!kernel_is(5, 19)) {
		prep_not_here = "this kernel has none";
		return;
	}
	begin(ring);
	sqe = sqe_of(ring);
	xu_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	expect(ring, sqe, 3, 1u << 1 | 1u << 2 | 1u << 3);
	end();
}

static void test_all_of_one_name(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	if (!kernel_is(5, 19)) {
		prep_not_here = "this kernel has none";
		return;
	}
	begin(ring);
	sqe = sqe_of(ring);
	xu_prep_read(sqe, pipes[0], &byte[3], 1, HERE);
	start(ring, sqe, 3);
	sqe = sqe_of(ring);
	xu_prep_cancel64(sqe, 3, IORING_ASYNC_CANCEL_ALL);
	start(ring, sqe, 50);
	for (int i = 0; i < 3; i++) {
		struct done done = next(ring);

		CHECK_EQ(done.res, done.data == 50 ? 2 : -ECANCELED);
		CHECK(done.data == 3 || done.data == 50);
	}
	sqe = sqe_of(ring);
	xu_prep_cancel64(sqe, 1, 0);
	expect(ring, sqe, 0, 1u << 1);
	/* By op. */
	sqe = sqe_of(ring);
	if (kernel_is(6, 6)) {
		xu_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_OP);
		sqe->len = IORING_OP_READ;
	} else {
		xu_prep_cancel64(sqe, 2, 0);
	}
	expect(ring, sqe, 0, 1u << 2);
	end();
}

static const struct prep_case cases[] = {
	{"cancel", IORING_OP_ASYNC_CANCEL, test_pointer},
	{"cancel_fd", IORING_OP_ASYNC_CANCEL, test_fd},
	{"cancel64, any", IORING_OP_ASYNC_CANCEL, test_any},
	{"cancel64, all, op", IORING_OP_ASYNC_CANCEL, test_all_of_one_name},
};

int main(void)
{
	return PREP_CASES(cases);
}
