/* Completions are signalled on an eventfd, for those who poll elsewhere. */
#include <poll.h>
#include <sys/eventfd.h>

#include "tests/unit/ring.h"

static int fd;

/* How often was it signalled since the last call? 0 also after a while of waiting for nothing. */
static uint64_t signals(int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t count = 0;

	if (poll(&p, 1, wait_ms) == 1)
		CHECK_EQ(read(fd, &count, sizeof(count)), sizeof(count));
	return count;
}

static void signalled(struct xu_ring *ring)
{
	int pipes[2];

	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK_GE(fd, 0);
	CHECK_EQ(xu_unregister_eventfd(ring), -ENXIO);
	CHECK_EQ(xu_register_eventfd(ring, -1), -EBADF);
	CHECK_EQ(xu_register_eventfd(ring, fd), 0);
	CHECK_EQ(xu_register_eventfd(ring, fd), -EBUSY);
	CHECK_EQ(signals(0), 0);

	put_nop(ring, 1);
	CHECK_EQ(signals(0), 0);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_GE(signals(5000), 1);
	CHECK_EQ(take(ring, NULL), 0);
	CHECK_EQ(signals(0), 0);

	/* Not now, though it stays registered. */
	CHECK(xu_cq_eventfd_enabled(ring));
	CHECK_EQ(xu_cq_eventfd_toggle(ring, true), 0);
	if (ring->cq.kflags) {
		CHECK_EQ(xu_cq_eventfd_toggle(ring, false), 0);
		CHECK(!xu_cq_eventfd_enabled(ring));
		CHECK_EQ(xu_cq_eventfd_toggle(ring, false), 0);
		CHECK(!xu_cq_eventfd_enabled(ring));
		put_nop(ring, 1);
		CHECK_EQ(xu_submit(ring), 1);
		CHECK_EQ(take(ring, NULL), 0);
		CHECK_EQ(signals(20), 0);
		CHECK_EQ(xu_cq_eventfd_toggle(ring, true), 0);
		CHECK(xu_cq_eventfd_enabled(ring));
		put_nop(ring, 1);
		CHECK_EQ(xu_submit(ring), 1);
		CHECK_GE(signals(5000), 1);
		CHECK_EQ(take(ring, NULL), 0);
		CHECK_EQ(signals(0), 0);
	} else {
		CHECK_EQ(xu_cq_eventfd_toggle(ring, false), -EOPNOTSUPP);
	}

	/* Later, while we look elsewhere. */
	CHECK_EQ(pipe(pipes), 0);
	xu_prep_poll_add(sqe_of(ring), pipes[0], POLLIN);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(signals(20), 0);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_GE(signals(5000), 1);
	CHECK_EQ(take(ring, NULL), POLLIN);
	/* Deferred work is signalled when it comes up, and again when it is done. */
	CHECK_LE(signals(0), 1);

	CHECK_EQ(xu_unregister_eventfd(ring), 0);
	put_nop(ring, 2);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(take(ring, NULL), 0);
	CHECK_EQ(signals(20), 0);

	/* Only what ends out of line. */
	if (kernel_is(5, 6)) {
		CHECK_EQ(xu_register_eventfd_async(ring, fd), 0);
		put_nop(ring, 3);
		CHECK_EQ(xu_submit(ring), 1);
		CHECK_EQ(take(ring, NULL), 0);
		CHECK_EQ(signals(20), 0);
		put_nop(ring, 4);
		xu_sqe_set_flags(&ring->sq.sqes[(ring->sq.tail - 1) & ring->sq.mask], IOSQE_ASYNC);
		CHECK_EQ(xu_submit(ring), 1);
		CHECK_GE(signals(5000), 1);
		CHECK_EQ(take(ring, NULL), 0);
		CHECK_EQ(xu_unregister_eventfd(ring), 0);
	}
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

int main(void)
{
	on_each_ring(8, signalled);
	return 0;
}
