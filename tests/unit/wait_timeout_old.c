/* Waiting with a bound in time by a timeout entry, as before 5.11: nothing of the entry is ever to be seen. */
#include "tests/unit/timed.h"

static void all(struct xu_ring *ring)
{
	struct xu_timespec *ts = MS(10000);
	struct io_uring_cqe *cqe;
	struct bell bell;
	long long start;
	char byte;

	ring->features &= ~(unsigned)IORING_FEAT_EXT_ARG;
	timed_waits(ring);

	/* An interruption takes the timeout back, however long it had to go. */
	start = now_ms();
	CHECK_EQ(pipe(timed_fds), 0);
	put_read(ring, timed_fds[0], &byte, 9);
	for (int i = 0; i < 2; i++) {
		bell_every(&bell, 20000);
		CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, ts, NULL), i ? -EINTR : 1);
		bell_end(&bell);
		CHECK_GE(rung, 1);
		check_quiet(ring);
	}
	CHECK_EQ(write(timed_fds[1], "x", 1), 1);
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, ts), 0);
	check_first(ring, cqe, 1, 9);
	CHECK_LE(now_ms() - start, 9000);
	check_quiet(ring);
}

int main(void)
{
	struct io_uring_cqe *cqe;
	struct xu_ring ring;

	need_op(IORING_OP_TIMEOUT_REMOVE);
	bell_catch(0);
	on_each_ring(8, all);

	/* A polling thread takes entries when it likes: no way to take one back. */
	check_case = "SQPOLL";
	if (xu_queue_init(4, &ring, IORING_SETUP_SQPOLL))
		return 0;
	ring.features &= ~(unsigned)IORING_FEAT_EXT_ARG;
	CHECK_EQ(xu_wait_cqe_timeout(&ring, &cqe, MS(1)), -EINVAL);
	CHECK_EQ(xu_sq_ready(&ring), 0);
	xu_queue_exit(&ring);
	return 0;
}
