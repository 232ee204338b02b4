/* epoll_wait: the events of an epoll as a completion. */
#include <sys/epoll.h>

#include "tests/unit/op.h"

static void test_epoll_wait(struct xu_ring *ring)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 321}, events[4];
	int epfd = epoll_create1(EPOLL_CLOEXEC), pipes[2];
	struct io_uring_sqe *sqe;

	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(epoll_ctl(epfd, EPOLL_CTL_ADD, pipes[0], &event), 0);
	memset(events, 0, sizeof(events));
	sqe = sqe_of(ring);
	xu_prep_epoll_wait(sqe, epfd, events, 4, 0);
	start(ring, sqe, 1);
	check_quiet(ring);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_EQ(next(ring).res, 1);
	CHECK_EQ(events[0].data.u64, 321);
	CHECK_EQ(events[0].events, EPOLLIN);
	xu_prep_epoll_wait(sqe_of(ring), epfd, events, 4, 1);
	CHECK_EQ(result_of(ring), -EINVAL);
	xu_prep_epoll_wait(sqe_of(ring), pipes[0], events, 4, 0);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(epfd);
	close_pair(pipes);
}

static const struct prep_case cases[] = {{"epoll_wait", IORING_OP_EPOLL_WAIT, test_epoll_wait}};

int main(void)
{
	return PREP_CASES(cases);
}
