/* provide_buffers, remove_buffers: buffers given one by one, as before buffer rings. */
#include "tests/unit/op.h"

static void read_selected(struct xu_ring *ring, int fd)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_read(sqe, fd, NULL, BUFFER_SIZE, HERE);
	xu_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	sqe->buf_group = GROUP;
	CHECK_EQ(xu_submit(ring), 1);
}

static void test_provide(struct xu_ring *ring)
{
	static char memory[3][BUFFER_SIZE];
	int pipes[2];
	struct done done;

	CHECK_EQ(pipe(pipes), 0);
	memset(memory, 0, sizeof(memory));
	/* Nothing in it yet. */
	read_selected(ring, pipes[0]);
	CHECK_EQ(next(ring).res, -ENOBUFS);
	xu_prep_provide_buffers(sqe_of(ring), memory, BUFFER_SIZE, 3, GROUP, 10);
	CHECK_GE(result_of(ring), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(write(pipes[1], "hello", 5), 5);
		read_selected(ring, pipes[0]);
		done = next(ring);
		CHECK_EQ(done.res, 5);
		CHECK_GE(done.buffer, 10);
		CHECK_LE(done.buffer, 12);
		CHECK_STR(memory[done.buffer - 10], "hello");
		memset(memory[done.buffer - 10], 0, BUFFER_SIZE);
	}
	/* One is left to take back. */
	xu_prep_remove_buffers(sqe_of(ring), 5, GROUP);
	CHECK_EQ(result_of(ring), 1);
	/* Some kernels have the first 64 groups always, if empty. */
	xu_prep_remove_buffers(sqe_of(ring), 5, GROUP + 64);
	CHECK_EQ(result_of(ring), -ENOENT);
	close_pair(pipes);
}

static const struct prep_case cases[] = {
	{"provide_buffers, remove_buffers", IORING_OP_PROVIDE_BUFFERS, test_provide},
};

int main(void)
{
	return PREP_CASES(cases);
}
