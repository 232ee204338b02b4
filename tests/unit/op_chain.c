/* Linked, hard-linked and drained entries, and those that are silent when all is well. */
#include "tests/unit/op.h"

static char bytes[8];

/* Queue a NOP, or what fails (only when it is done: older kernels end a whole chain for what they see before). */
static void put(struct xu_ring *ring, bool good, unsigned flags, uint64_t data)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	if (good)
		xu_prep_nop(sqe);
	else
		xu_prep_cancel64(sqe, UINT64_MAX, 0);
	xu_sqe_set_flags(sqe, flags);
	xu_sqe_set_data64(sqe, data);
}

/* The completions in the order of their user data, from 1 on, have these results. */
static void expect(struct xu_ring *ring, const int *want, unsigned nr)
{
	int got[8] = {1, 1, 1, 1, 1, 1, 1, 1};

	for (unsigned i = 0; i < nr; i++) {
		struct done done = next(ring);

		CHECK_GE(done.data, 1);
		CHECK_LE(done.data, nr);
		CHECK_EQ(got[done.data - 1], 1);
		got[done.data - 1] = done.res;
	}
	for (unsigned i = 0; i < nr; i++)
		CHECK_EQ(got[i], want[i]);
}

static void test_linked(struct xu_ring *ring)
{
	static const int fails[4] = {0, -ENOENT, -ECANCELED, 0};
	int fd = file_with("f", "before"), want[2] = {6, 6};
	struct io_uring_sqe *sqe;
	char buf[10] = "";

	/* A failure ends the chain; what comes after the chain is not of it. */
	put(ring, true, IOSQE_IO_LINK, 1);
	put(ring, false, IOSQE_IO_LINK, 2);
	put(ring, true, 0, 3);
	put(ring, true, 0, 4);
	CHECK_EQ(xu_submit(ring), 4);
	expect(ring, fails, 4);

	/* A read that is linked behind a write sees it. */
	sqe = sqe_of(ring);
	xu_prep_write(sqe, fd, "after.", 6, 0);
	xu_sqe_set_flags(sqe, IOSQE_IO_LINK);
	xu_sqe_set_data64(sqe, 1);
	sqe = sqe_of(ring);
	xu_prep_read(sqe, fd, buf, 9, 0);
	xu_sqe_set_data64(sqe, 2);
	CHECK_EQ(xu_submit(ring), 2);
	expect(ring, want, 2);
	CHECK_STR(buf, "after.");
	close(fd);
}

static void test_hard_linked(struct xu_ring *ring)
{
	static const int want[3] = {0, -ENOENT, 0};

	put(ring, true, IOSQE_IO_HARDLINK, 1);
	put(ring, false, IOSQE_IO_HARDLINK, 2);
	put(ring, true, 0, 3);
	CHECK_EQ(xu_submit(ring), 3);
	expect(ring, want, 3);
}

static void test_drained(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe = sqe_of(ring);
	uint64_t second;
	int pipes[2];

	CHECK_EQ(pipe(pipes), 0);
	xu_prep_read(sqe, pipes[0], bytes, 1, HERE);
	start(ring, sqe, 1);
	/* It waits for all before it, and all behind it wait for it. */
	put(ring, true, IOSQE_IO_DRAIN, 2);
	put(ring, true, 0, 3);
	CHECK_EQ(xu_submit(ring), 2);
	check_quiet(ring);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_EQ(next(ring).data, 1);
	second = next(ring).data;
	/* Older kernels wait, and then take what waited as it comes. */
	if (kernel_is(6, 12))
		CHECK_EQ(second, 2);
	CHECK_EQ(second + next(ring).data, 2 + 3);
	close_pair(pipes);
}

static void test_silent(struct xu_ring *ring)
{
	if (!(ring->features & IORING_FEAT_CQE_SKIP)) {
		prep_not_here = "this kernel has none";
		return;
	}
	put(ring, true, IOSQE_CQE_SKIP_SUCCESS, 1);
	put(ring, false, IOSQE_CQE_SKIP_SUCCESS, 2);
	CHECK_GE(xu_submit(ring), 1);
	if (xu_sq_ready(ring))
		CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(next(ring).data, 2);
	check_quiet(ring);
}

static const struct prep_case cases[] = {
	{"linked", IORING_OP_READ, test_linked},
	{"hard-linked", IORING_OP_READ, test_hard_linked},
	{"drained", IORING_OP_READ, test_drained},
	{"silent", IORING_OP_READ, test_silent},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
