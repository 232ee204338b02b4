/* poll_remove, poll_update, poll_multishot. */
#include <poll.h>

#include "tests/unit/op.h"

static int pipes[2];

static void begin(void)
{
	CHECK_EQ(pipe(pipes), 0);
}

static void start_poll(struct xu_ring *ring, int fd, unsigned events, uint64_t data)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_poll_add(sqe, fd, events);
	start(ring, sqe, data);
}

/* Two completions, in either order: one of the poll with this user data, one of what changed it (data 50). */
static void expect_both(struct xu_ring *ring, uint64_t data, int poll_res, int change_res)
{
	for (int i = 0; i < 2; i++) {
		struct done done = next(ring);

		if (done.data == 50) {
			CHECK_EQ(done.res, change_res);
		} else {
			CHECK_EQ(done.data, data);
			CHECK_EQ(done.res, poll_res);
		}
	}
}

static void test_poll_remove(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	begin();
	start_poll(ring, pipes[0], POLLIN, 1);
	check_quiet(ring);
	sqe = sqe_of(ring);
	xu_prep_poll_remove(sqe, 1);
	start(ring, sqe, 50);
	expect_both(ring, 1, -ECANCELED, 0);
	xu_prep_poll_remove(sqe_of(ring), 1);
	CHECK_EQ(result_of(ring), -ENOENT);
	close_pair(pipes);
}

static void test_poll_update(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	if (!kernel_is(5, 13)) {
		prep_not_here = "this kernel has none";
		return;
	}
	begin();
	/* Other user data. */
	start_poll(ring, pipes[0], POLLIN, 1);
	sqe = sqe_of(ring);
	xu_prep_poll_update(sqe, 1, 2, 0, IORING_POLL_UPDATE_USER_DATA);
	start(ring, sqe, 50);
	CHECK_EQ(next(ring).res, 0);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	{
		struct done done = next(ring);

		CHECK_EQ(done.data, 2);
		CHECK_EQ(done.res, POLLIN);
	}
	check_read(pipes[0], "x");
	/* Other events: what is true already completes at once. */
	start_poll(ring, pipes[1], POLLERR, 3);
	check_quiet(ring);
	sqe = sqe_of(ring);
	xu_prep_poll_update(sqe, 3, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS);
	start(ring, sqe, 50);
	expect_both(ring, 3, POLLOUT, 0);
	/* Both, of a poll that is not there. */
	xu_prep_poll_update(sqe_of(ring), 3, 4, POLLIN,
			    IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA);
	CHECK_EQ(result_of(ring), -ENOENT);
	close_pair(pipes);
}

static void test_poll_multishot(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	if (!kernel_is(5, 13)) {
		prep_not_here = "this kernel has none";
		return;
	}
	begin();
	sqe = sqe_of(ring);
	xu_prep_poll_multishot(sqe, pipes[0], POLLIN);
	start(ring, sqe, 1);
	check_quiet(ring);
	for (int i = 0; i < 5; i++) {
		struct done done;

		CHECK_EQ(write(pipes[1], "x", 1), 1);
		done = next(ring);
		CHECK_EQ(done.data, 1);
		CHECK_EQ(done.res & POLLIN, POLLIN);
		CHECK_EQ(done.flags & MORE, MORE);
		check_read(pipes[0], "x");
		check_quiet(ring);
	}
	stop(ring, 1);
	close_pair(pipes);
}

static const struct prep_case cases[] = {
	{"poll_remove", IORING_OP_POLL_REMOVE, test_poll_remove},
	{"poll_update", IORING_OP_POLL_REMOVE, test_poll_update},
	{"poll_multishot", IORING_OP_POLL_ADD, test_poll_multishot},
};

int main(void)
{
	return PREP_CASES(cases);
}
