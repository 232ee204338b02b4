/* poll_add, timeout, link_timeout, timeout_remove, cancel64, epoll_ctl through the ring. */
#include <poll.h>
#include <sys/epoll.h>

#include "tests/unit/prep.h"

static int pipes[2];
static char byte;

/* Queue a read that never ends by itself. */
static struct io_uring_sqe *put_endless(struct xu_ring *ring, uint64_t data)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_read(sqe, pipes[0], &byte, 1, (uint64_t)-1);
	xu_sqe_set_data64(sqe, data);
	return sqe;
}

/* Two completions, in whichever order, are these: `data` 1 with one result, 2 with the other. */
static void check_pair(struct xu_ring *ring, int first, int second)
{
	int res[3] = {0, 1, 1};

	for (int i = 0; i < 2; i++) {
		uint64_t data = 0;
		int got = take(ring, &data);

		CHECK(data == 1 || data == 2);
		CHECK_EQ(res[data], 1);
		res[data] = got;
	}
	CHECK_EQ(res[1], first);
	CHECK_EQ(res[2], second);
}

static void begin(void)
{
	CHECK_EQ(pipe(pipes), 0);
}

static void end(void)
{
	close(pipes[0]);
	close(pipes[1]);
}

static void test_poll_add(struct xu_ring *ring)
{
	begin();
	/* At once, with all that is true of what was asked for. */
	xu_prep_poll_add(sqe_of(ring), pipes[1], POLLIN | POLLOUT);
	CHECK_EQ(result_of(ring), POLLOUT);
	/* Later. */
	xu_prep_poll_add(sqe_of(ring), pipes[0], POLLIN);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(xu_get_events(ring), 0);
	CHECK_EQ(xu_cq_ready(ring), 0);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_EQ(take(ring, NULL), POLLIN);
	/* What is always told. */
	close(pipes[1]);
	xu_prep_poll_add(sqe_of(ring), pipes[0], POLLIN);
	CHECK_EQ(result_of(ring), POLLIN | POLLHUP);
	close(pipes[0]);
	xu_prep_poll_add(sqe_of(ring), pipes[0], POLLIN);
	CHECK_EQ(result_of(ring), -EBADF);
	/* Less usual events. */
	begin();
	xu_prep_poll_add(sqe_of(ring), pipes[1], POLLOUT | POLLWRNORM);
	CHECK_EQ(result_of(ring), POLLOUT | POLLWRNORM);
	end();
}

static void test_timeout(struct xu_ring *ring)
{
	struct xu_timespec ts = {0, 30000000}, bad = {0, -1};
	struct io_uring_sqe *sqe;
	long long start = now_ms();
	struct timespec now;

	xu_prep_timeout(sqe_of(ring), &ts, 0, 0);
	CHECK_EQ(result_of(ring), -ETIME);
	CHECK_GE(now_ms() - start, 29);

	/* A moment, not a span. */
	if (kernel_is(5, 5)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		ts.tv_sec = now.tv_sec;
		ts.tv_nsec = now.tv_nsec;
		xu_prep_timeout(sqe_of(ring), &ts, 0, IORING_TIMEOUT_ABS);
		CHECK_EQ(result_of(ring), -ETIME);
	}

	/* As many others as said end it, too. */
	ts = (struct xu_timespec){10, 0};
	start = now_ms();
	sqe = sqe_of(ring);
	xu_prep_timeout(sqe, &ts, 2, 0);
	xu_sqe_set_data64(sqe, 2);
	put_nop(ring, 1);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 2);
	CHECK_EQ(xu_cq_ready(ring), 1);
	CHECK_EQ(take(ring, NULL), 0);
	put_nop(ring, 1);
	CHECK_EQ(xu_submit(ring), 1);
	check_pair(ring, 0, 0);
	CHECK_LE(now_ms() - start, 9000);

	/* Before, a negative time was as good as for ever. */
	if (kernel_is(5, 16)) {
		xu_prep_timeout(sqe_of(ring), &bad, 0, 0);
		CHECK_LE(take(ring, NULL), -1);
	}
	xu_prep_timeout(sqe_of(ring), &ts, 0, 1u << 31);
	CHECK_EQ(take(ring, NULL), -EINVAL);
}

static void test_link_timeout(struct xu_ring *ring)
{
	struct xu_timespec ts = {0, 30000000};
	struct io_uring_sqe *sqe;
	long long start = now_ms();

	/* The entry before it does not end in time. */
	begin();
	xu_sqe_set_flags(put_endless(ring, 1), IOSQE_IO_LINK);
	sqe = sqe_of(ring);
	xu_prep_link_timeout(sqe, &ts, 0);
	xu_sqe_set_data64(sqe, 2);
	CHECK_EQ(xu_submit(ring), 2);
	if (kernel_is(5, 11))
		check_pair(ring, -ECANCELED, -ETIME);
	else
		CHECK_LE(take(ring, NULL) + take(ring, NULL), -1);
	CHECK_GE(now_ms() - start, 29);

	/* It does. */
	ts = (struct xu_timespec){10, 0};
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	xu_sqe_set_flags(put_endless(ring, 1), IOSQE_IO_LINK);
	sqe = sqe_of(ring);
	xu_prep_link_timeout(sqe, &ts, 0);
	xu_sqe_set_data64(sqe, 2);
	CHECK_EQ(xu_submit(ring), 2);
	check_pair(ring, 1, -ECANCELED);
	CHECK_LE(now_ms() - start, 9000);
	end();
}

static void test_timeout_remove(struct xu_ring *ring)
{
	struct xu_timespec ts = {10, 0};
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_timeout(sqe, &ts, 0, 0);
	xu_sqe_set_data64(sqe, 1);
	CHECK_EQ(xu_submit(ring), 1);
	sqe = sqe_of(ring);
	xu_prep_timeout_remove(sqe, 1, 0);
	xu_sqe_set_data64(sqe, 2);
	CHECK_EQ(xu_submit(ring), 1);
	check_pair(ring, -ECANCELED, 0);
	xu_prep_timeout_remove(sqe_of(ring), 1, 0);
	CHECK_EQ(result_of(ring), -ENOENT);
	xu_prep_timeout_remove(sqe_of(ring), 1, 1u << 31);
	CHECK_EQ(result_of(ring), -EINVAL);
}

static void test_cancel64(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	begin();
	put_endless(ring, 1);
	CHECK_EQ(xu_submit(ring), 1);
	sqe = sqe_of(ring);
	xu_prep_cancel64(sqe, 1, 0);
	xu_sqe_set_data64(sqe, 2);
	CHECK_EQ(xu_submit(ring), 1);
	check_pair(ring, -ECANCELED, 0);
	xu_prep_cancel64(sqe_of(ring), 1, 0);
	CHECK_EQ(result_of(ring), -ENOENT);

	/* All of them; the answer is how many. */
	if (kernel_is(5, 19)) {
		put_endless(ring, 1);
		put_endless(ring, 1);
		CHECK_EQ(xu_submit(ring), 2);
		sqe = sqe_of(ring);
		xu_prep_cancel64(sqe, 1, IORING_ASYNC_CANCEL_ALL);
		xu_sqe_set_data64(sqe, 2);
		CHECK_EQ(xu_submit(ring), 1);
		for (int i = 0; i < 3; i++) {
			uint64_t data = 0;
			int res = take(ring, &data);

			CHECK_EQ(res, data == 1 ? -ECANCELED : 2);
		}
	}
	/* What was cancelled took nothing. */
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_EQ(read(pipes[0], &byte, 1), 1);
	end();
}

static void test_epoll_ctl(struct xu_ring *ring)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = 0x1122334455667788}}, got;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	begin();
	CHECK_GE(epoll, 0);
	xu_prep_epoll_ctl(sqe_of(ring), epoll, pipes[0], EPOLL_CTL_ADD, &event);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 1);
	CHECK_EQ(got.events, EPOLLIN);
	CHECK_EQ(got.data.u64, 0x1122334455667788);
	xu_prep_epoll_ctl(sqe_of(ring), epoll, pipes[0], EPOLL_CTL_ADD, &event);
	CHECK_EQ(result_of(ring), -EEXIST);
	event.events = 0;
	xu_prep_epoll_ctl(sqe_of(ring), epoll, pipes[0], EPOLL_CTL_MOD, &event);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0);
	xu_prep_epoll_ctl(sqe_of(ring), epoll, pipes[0], EPOLL_CTL_DEL, NULL);
	CHECK_EQ(result_of(ring), 0);
	xu_prep_epoll_ctl(sqe_of(ring), epoll, pipes[0], EPOLL_CTL_DEL, NULL);
	CHECK_EQ(result_of(ring), -ENOENT);
	close(epoll);
	end();
}

static const struct prep_case cases[] = {
	{"poll_add", IORING_OP_POLL_ADD, test_poll_add},
	{"timeout", IORING_OP_TIMEOUT, test_timeout},
	{"link_timeout", IORING_OP_LINK_TIMEOUT, test_link_timeout},
	{"timeout_remove", IORING_OP_TIMEOUT_REMOVE, test_timeout_remove},
	{"cancel64", IORING_OP_ASYNC_CANCEL, test_cancel64},
	{"epoll_ctl", IORING_OP_EPOLL_CTL, test_epoll_ctl},
};

int main(void)
{
	return PREP_CASES(cases);
}
