/* A signal ends a wait, is told, and costs nothing: no operation is lost, none is done twice. */
#include <sys/socket.h>

#include "tests/unit/bell.h"

#define ROUNDS 3000

static int fds[2];

/* The read that is in flight ends once, with the byte that comes now. */
static void let_it_end(struct xu_ring *ring, uint64_t want)
{
	uint64_t data = 0;

	CHECK_GE(rung, 1);
	CHECK_EQ(xu_cq_ready(ring), 0);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(take(ring, &data), 1);
	CHECK_EQ(data, want);
	CHECK_EQ(xu_submit(ring), 0);
	CHECK_EQ(xu_cq_ready(ring), 0);
}

static void interrupted(struct xu_ring *ring)
{
	struct xu_timespec ts = {10, 0};
	struct io_uring_cqe *cqe;
	struct bell bell;
	char byte = 0;
	int tries;

	/* In flight already. */
	put_read(ring, fds[0], &byte, 1);
	CHECK_EQ(xu_submit(ring), 1);
	bell_every(&bell, 20000);
	CHECK_EQ(xu_wait_cqe(ring, &cqe), -EINTR);
	CHECK(cqe == NULL);
	bell_end(&bell);
	bell_every(&bell, 20000);
	CHECK_EQ(xu_submit_and_wait(ring, 1), -EINTR);
	bell_end(&bell);
	bell_every(&bell, 20000);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL), -EINTR);
	CHECK(cqe == NULL);
	bell_end(&bell);
	bell_every(&bell, 20000);
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, &ts), -EINTR);
	CHECK(cqe == NULL);
	bell_end(&bell);
	let_it_end(ring, 1);

	/* Submitted in the same call: what was taken is told, and that the wait was cut short. */
	put_read(ring, fds[0], &byte, 2);
	bell_every(&bell, 20000);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	bell_end(&bell);
	CHECK_EQ(xu_sq_ready(ring), 0);
	let_it_end(ring, 2);

	/* One signal is enough, where it does not come before the wait. */
	for (tries = 0; tries < 3; tries++) {
		long long start = now_ms();

		put_read(ring, fds[0], &byte, 3);
		bell_once(&bell);
		CHECK_EQ(xu_wait_cqe(ring, &cqe), -EINTR);
		CHECK(cqe == NULL);
		start = now_ms() - start;
		bell_end(&bell);
		CHECK_EQ(xu_sq_ready(ring), 0);
		let_it_end(ring, 3);
		if (start < 200)
			break;
	}
	CHECK_LE(tries, 2);

	put_read(ring, fds[0], &byte, 4);
	bell_every(&bell, 20000);
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL), 1);
	CHECK(cqe == NULL);
	bell_end(&bell);
	CHECK_EQ(xu_sq_ready(ring), 0);
	let_it_end(ring, 4);
}

/* Signals all the time, wherever they hit. */
static void storm(struct xu_ring *ring)
{
	unsigned char in[4] = {0}, out = 0;
	struct bell bell;

	bell_every(&bell, 100);
	for (unsigned round = 0; round < ROUNDS || rung < 10; round++) {
		unsigned done = 0;

		/* A read that has to wait for the write behind it, both in one call. */
		xu_prep_read(sqe_of(ring), fds[0], in, 1, (uint64_t)-1);
		out = (unsigned char)round;
		xu_prep_write(sqe_of(ring), fds[1], &out, 1, (uint64_t)-1);
		while (done < 2) {
			int ret = xu_submit_and_wait(ring, 2 - done);
			struct io_uring_cqe *cqe;

			if (ret < 0)
				CHECK_EQ(ret, -EINTR);
			while ((cqe = xu_cq_front(ring))) {
				CHECK_EQ(cqe->res, 1);
				xu_cqe_seen(ring, cqe);
				done++;
			}
		}
		CHECK_EQ(done, 2);
		CHECK_EQ(in[0], (unsigned char)round);
	}
	bell_end(&bell);
	/* Nothing was read or written twice. */
	CHECK_EQ(recv(fds[0], in, sizeof(in), MSG_DONTWAIT), -1);
	CHECK_EQ(xu_cq_ready(ring), 0);
}

static void all(struct xu_ring *ring)
{
	interrupted(ring);
	storm(ring);
}

int main(void)
{
	need_op(IORING_OP_READ);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	bell_catch(0);
	on_each_ring(8, all);
	/* A handler that restarts system calls does not restart this one. */
	bell_catch(SA_RESTART);
	on_each_ring(8, interrupted);
	return 0;
}
