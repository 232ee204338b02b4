/* Looking for completions without waiting: it enters the kernel exactly where the kernel holds something back. */
#include <poll.h>
#include <sys/socket.h>

#include "tests/unit/ring.h"

static int fds[2];

/* Queue a wait for readability, make it come true, and look. */
static void arm(struct xu_ring *ring)
{
	xu_prep_poll_add(sqe_of(ring), fds[0], POLLIN);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK(xu_cq_front(ring) == NULL);
	CHECK_EQ(write(fds[1], "x", 1), 1);
}

static void disarm(void)
{
	char byte;

	CHECK_EQ(read(fds[0], &byte, 1), 1);
}

static void peeks(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)ring, *batch[4];
	unsigned n = 0;
	int ret;

	CHECK_EQ(xu_peek_cqe(ring, &cqe), -EAGAIN);
	CHECK(cqe == NULL);

	arm(ring);
	while ((ret = xu_peek_cqe(ring, &cqe)) == -EAGAIN)
		;
	CHECK_EQ(ret, 0);
	CHECK_EQ(cqe->res, POLLIN);
	/* It stays until it is seen. */
	CHECK(xu_cq_front(ring) == cqe);
	CHECK_EQ(xu_peek_batch_cqe(ring, batch, 4), 1);
	CHECK(batch[0] == cqe);
	CHECK_EQ(xu_peek_batch_cqe(ring, batch, 0), 0);
	xu_cqe_seen(ring, cqe);
	CHECK_EQ(xu_peek_cqe(ring, &cqe), -EAGAIN);
	disarm();

	arm(ring);
	while (!n)
		n = xu_peek_batch_cqe(ring, batch, 4);
	CHECK_EQ(n, 1);
	CHECK_EQ(batch[0]->res, POLLIN);
	xu_cq_advance(ring, n);
	disarm();

	/* A submission of nothing fetches, too. */
	arm(ring);
	while (!xu_cq_front(ring))
		CHECK_EQ(xu_submit(ring), 0);
	CHECK_EQ(take(ring, NULL), POLLIN);
	disarm();
}

/* Deferred work that the kernel does not tell of has to be asked for. */
static void untold(void)
{
	struct io_uring_cqe *cqe;
	struct xu_ring ring;

	check_case = "deferred work, untold";
	CHECK_EQ(xu_queue_init(4, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN), 0);
	arm(&ring);
	sleep_ms(10);
	CHECK_EQ(xu_peek_cqe(&ring, &cqe), -EAGAIN);
	CHECK_EQ(xu_get_events(&ring), 0);
	CHECK_EQ(xu_peek_cqe(&ring, &cqe), 0);
	CHECK_EQ(cqe->res, POLLIN);
	xu_cqe_seen(&ring, cqe);
	disarm();

	/* Polled devices make no completions unless they are asked, so a look at such a ring asks. */
	arm(&ring);
	sleep_ms(10);
	CHECK_EQ(xu_peek_cqe(&ring, &cqe), -EAGAIN);
	ring.flags |= IORING_SETUP_IOPOLL;
	CHECK_EQ(xu_peek_cqe(&ring, &cqe), 0);
	CHECK_EQ(cqe->res, POLLIN);
	xu_cqe_seen(&ring, cqe);
	disarm();
	xu_queue_exit(&ring);
}

int main(void)
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	on_each_ring(4, peeks);
	if (kernel_is(6, 1))
		untold();
	return 0;
}
