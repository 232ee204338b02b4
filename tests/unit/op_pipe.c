/* pipe, pipe_direct. */
#include "tests/unit/op.h"

static void test_pipe(struct xu_ring *ring)
{
	int fds[2] = {-1, -1};

	xu_prep_pipe(sqe_of(ring), fds, O_CLOEXEC | O_NONBLOCK);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(write(fds[1], "hello", 5), 5);
	check_read(fds[0], "hello");
	close_pair(fds);
	xu_prep_pipe(sqe_of(ring), fds, O_APPEND);
	CHECK_EQ(result_of(ring), -EINVAL);
}

/* Something written to one slot comes out at the other. */
static void check_pipe(struct xu_ring *ring, int in, int out)
{
	struct io_uring_sqe *sqe = sqe_of(ring);
	char buf[10] = "";

	xu_prep_write(sqe, in, "through", 7, HERE);
	xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(result_of(ring), 7);
	sqe = sqe_of(ring);
	xu_prep_read(sqe, out, buf, 9, HERE);
	xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(result_of(ring), 7);
	CHECK_STR(buf, "through");
}

static void test_pipe_direct(struct xu_ring *ring)
{
	int fds[2] = {-1, -1}, lowest = lowest_free_fd();

	CHECK_EQ(xu_register_files_sparse(ring, 5), 0);
	xu_prep_pipe_direct(sqe_of(ring), fds, 0, 2);
	CHECK_EQ(result_of(ring), 0);
	check_pipe(ring, 3, 2);
	xu_prep_pipe_direct(sqe_of(ring), fds, 0, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(result_of(ring), 0);
	CHECK_NE(fds[0], fds[1]);
	check_pipe(ring, fds[1], fds[0]);
	/* One place is free, for two. */
	xu_prep_pipe_direct(sqe_of(ring), fds, 0, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(result_of(ring), -ENFILE);
	xu_prep_pipe_direct(sqe_of(ring), fds, O_CLOEXEC, 0);
	CHECK_EQ(result_of(ring), -EINVAL);
	CHECK_EQ(lowest_free_fd(), lowest);
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static const struct prep_case cases[] = {
	{"pipe", IORING_OP_PIPE, test_pipe},
	{"pipe_direct", IORING_OP_PIPE, test_pipe_direct},
};

int main(void)
{
	return PREP_CASES(cases);
}
