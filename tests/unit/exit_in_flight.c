/* The end of a ring ends what is in flight on it: files are let go, nothing hangs, the next ring has a fresh start. */
#include <poll.h>

#include "tests/unit/ring.h"

static int read_end, write_end;
static char byte;

static void start(struct xu_ring *ring)
{
	int pipes[2];

	CHECK_EQ(pipe(pipes), 0);
	read_end = pipes[0];
	write_end = pipes[1];
	xu_prep_read(sqe_of(ring), read_end, &byte, 1, (uint64_t)-1);
	CHECK_EQ(xu_submit(ring), 1);
	/* One that was never submitted, and a completion that nobody looked at. */
	put_nop(ring, 1);
	CHECK_EQ(xu_submit(ring), 1);
	put_nop(ring, 2);
}

/* The pipe breaks once the kernel has let go of the read. */
static void finish(void)
{
	struct pollfd p = {.fd = write_end, .events = 0};

	close(read_end);
	CHECK_EQ(poll(&p, 1, 18000), 1);
	CHECK(p.revents & POLLERR);
	close(write_end);
}

int main(void)
{
	struct xu_ring ring;

	need_op(IORING_OP_READ);
	for (int i = 0; i < 20; i++) {
		check_case = i % 2 ? "best ring" : "plain ring";
		if (i % 2)
			CHECK_EQ(xu_queue_init_best(4, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
		else
			CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
		start(&ring);
		xu_queue_exit(&ring);
		finish();
	}
	return 0;
}
