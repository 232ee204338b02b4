/* After xu_ring_dontfork a child has nothing of the ring, and the parent's goes on, with what was in flight. */
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/unit/ring.h"

/* Is there memory at this address? */
static bool mapped(void *address)
{
	unsigned char resident;

	return mincore(address, 1, &resident) == 0;
}

static void fork_once(struct xu_ring *ring, bool dontfork)
{
	int pipes[2], status;
	char byte = 0;
	pid_t pid;

	CHECK_EQ(pipe(pipes), 0);
	if (dontfork)
		CHECK_EQ(xu_ring_dontfork(ring), 0);
	for (int i = 0; i < 3 && ring->mem[i]; i++)
		CHECK(mapped(ring->mem[i]));
	xu_prep_read(sqe_of(ring), pipes[0], &byte, 1, (uint64_t)-1);
	CHECK_EQ(xu_submit(ring), 1);
	/* Prepared, but not submitted yet. */
	put_nop(ring, 77);

	pid = fork();
	if (!pid) {
		struct xu_ring own;

		alarm(SECONDS_TO_LIVE);
		for (int i = 0; i < 3 && ring->mem[i]; i++)
			CHECK_EQ(mapped(ring->mem[i]), !dontfork);
		/* A ring of the child's own, wherever its memory and its index come to lie. */
		memset(ring, 0, sizeof(*ring));
		CHECK_EQ(xu_queue_init_best(4, &own, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
		check_ring_works(&own);
		xu_queue_exit(&own);
		xu_queue_exit(ring);
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);

	CHECK_EQ(write(pipes[1], "p", 1), 1);
	CHECK_EQ(xu_submit_and_wait(ring, 2), 1);
	CHECK_EQ(xu_cq_ready(ring), 2);
	for (int i = 0; i < 2; i++) {
		uint64_t data = 0;
		int res = take(ring, &data);

		CHECK_EQ(res, data == 77 ? 0 : 1);
	}
	CHECK_EQ(byte, 'p');
	check_ring_works(ring);
	close(pipes[0]);
	close(pipes[1]);
}

static void forks(struct xu_ring *ring)
{
	fork_once(ring, false);
	for (int i = 0; i < 3; i++)
		fork_once(ring, true);
}

int main(void)
{
	struct xu_ring none;

	need_op(IORING_OP_READ);
	on_each_ring(8, forks);
	memset(&none, 0, sizeof(none));
	CHECK_EQ(xu_ring_dontfork(&none), 0);
	return 0;
}
