/* Flags of single ops that no other test sets: each does what it says, and without it the op does something else. */
#include "tests/unit/op.h"

/* False, with the reason said, where this kernel lacks the flag. */
static bool since(unsigned major, unsigned minor)
{
	if (kernel_is(major, minor))
		return true;
	prep_not_here = "this kernel has none";
	return false;
}

/* The results of the next two completions, whichever comes first: of user data 1, and of 2. */
static void next_two(struct xu_ring *ring, int res[2])
{
	res[0] = res[1] = 12345;
	for (int i = 0; i < 2; i++) {
		struct done done = next(ring);

		CHECK_GE(done.data, 1);
		CHECK_LE(done.data, 2);
		CHECK_EQ(res[done.data - 1], 12345);
		res[done.data - 1] = done.res;
	}
}

/* A time of the clock on the wall; in the past it is over at once. */
static void test_realtime(struct xu_ring *ring)
{
	struct xu_timespec ts = {1000, 0};
	struct timespec now;
	long long begin = now_ms();

	if (!since(5, 15))
		return;
	xu_prep_timeout(sqe_of(ring), &ts, 0, IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME);
	CHECK_EQ(result_of(ring), -ETIME);
	CHECK_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
	ts.tv_sec = now.tv_sec + 1000;
	xu_prep_timeout(sqe_of(ring), &ts, 0, IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME);
	put_nop(ring, 2);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 2);
	CHECK_EQ(next(ring).res, 0);
	check_quiet(ring);
	xu_prep_timeout_remove(sqe_of(ring), 0, 0);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(next(ring).res + next(ring).res, -ECANCELED);
	CHECK_LE(now_ms() - begin, 18000);
}

/* A timeout that runs out does not break its chain. */
static void test_etime_success(struct xu_ring *ring)
{
	if (!since(5, 16))
		return;
	for (int with = 0; with < 2; with++) {
		struct xu_timespec ts = {0, 1000};
		struct io_uring_sqe *sqe = sqe_of(ring);
		int res[2];

		xu_prep_timeout(sqe, &ts, 0, with ? IORING_TIMEOUT_ETIME_SUCCESS : 0);
		xu_sqe_set_flags(sqe, IOSQE_IO_LINK);
		xu_sqe_set_data64(sqe, 1);
		put_nop(ring, 2);
		CHECK_EQ(xu_submit(ring), 2);
		next_two(ring, res);
		CHECK_EQ(res[0], -ETIME);
		CHECK_EQ(res[1], with ? 0 : -ECANCELED);
	}
}

/* A linked timeout gets another time. */
static void test_link_timeout_update(struct xu_ring *ring)
{
	struct xu_timespec late = {1000, 0}, soon = {0, 1000000};
	struct io_uring_sqe *sqe;
	int pipes[2], res[2];
	char c;

	if (!since(5, 15))
		return;
	CHECK_EQ(pipe(pipes), 0);
	sqe = sqe_of(ring);
	xu_prep_read(sqe, pipes[0], &c, 1, HERE);
	xu_sqe_set_flags(sqe, IOSQE_IO_LINK);
	xu_sqe_set_data64(sqe, 1);
	sqe = sqe_of(ring);
	xu_prep_link_timeout(sqe, &late, 0);
	xu_sqe_set_data64(sqe, 2);
	CHECK_EQ(xu_submit(ring), 2);
	check_quiet(ring);
	xu_prep_timeout_update(sqe_of(ring), &soon, 2, 0);
	CHECK_EQ(result_of(ring), -ENOENT);
	sqe = sqe_of(ring);
	xu_prep_timeout_update(sqe, &soon, 2, IORING_LINK_TIMEOUT_UPDATE);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(next(ring).res, 0);
	next_two(ring, res);
	CHECK_EQ(res[0], -ECANCELED);
	CHECK_EQ(res[1], -ETIME);
	close_pair(pipes);
}

/* The time is a number of nanoseconds in the entry itself. */
static void test_immediate(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;

	if (!since(7, 1))
		return;
	sqe = sqe_of(ring);
	xu_prep_timeout(sqe, NULL, 0, IORING_TIMEOUT_IMMEDIATE_ARG);
	sqe->addr = 1000;
	CHECK_EQ(result_of(ring), -ETIME);
}

/* By direct descriptor; and by user data and fd, both of which must fit. */
static void test_cancel(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;
	int pipes[2], res[2];
	char c[2];

	if (!since(6, 6))
		return;
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(xu_register_files(ring, pipes, 1), 0);
	for (int fixed = 0; fixed < 2; fixed++) {
		sqe = sqe_of(ring);
		xu_prep_read(sqe, fixed ? 0 : pipes[0], &c[fixed], 1, HERE);
		if (fixed)
			xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		start(ring, sqe, 1);
		/* Another fd, or another number: nothing is there to be cancelled. */
		sqe = sqe_of(ring);
		xu_prep_cancel_fd(sqe, pipes[1], IORING_ASYNC_CANCEL_USERDATA);
		sqe->addr = 1;
		CHECK_EQ(result_of(ring), -ENOENT);
		sqe = sqe_of(ring);
		xu_prep_cancel_fd(sqe, pipes[0], IORING_ASYNC_CANCEL_USERDATA);
		sqe->addr = 7;
		CHECK_EQ(result_of(ring), -ENOENT);
		sqe = sqe_of(ring);
		xu_prep_cancel_fd(sqe, fixed ? 0 : pipes[0],
				  fixed ? IORING_ASYNC_CANCEL_FD_FIXED : IORING_ASYNC_CANCEL_USERDATA);
		sqe->addr = fixed ? 0 : 1;
		start(ring, sqe, 2);
		next_two(ring, res);
		CHECK_EQ(res[0], -ECANCELED);
		CHECK_EQ(res[1], 0);
	}
	CHECK_EQ(xu_unregister_files(ring), 0);
	close_pair(pipes);
}

/* A send whose address is a vector. */
static void test_send_vectorized(struct xu_ring *ring)
{
	struct iovec iov[2] = {{(char[]){"one "}, 4}, {(char[]){"two"}, 3}};
	struct io_uring_sqe *sqe;
	int fds[2];

	if (!since(6, 17))
		return;
	unix_pair(fds);
	sqe = sqe_of(ring);
	xu_prep_send(sqe, fds[0], iov, 2, 0);
	sqe->ioprio |= IORING_SEND_VECTORIZED;
	CHECK_EQ(result_of(ring), 7);
	check_read(fds[1], "one two");
	close_pair(fds);
}

/* Not waiting for a connection; and one that looks for readiness first. */
static void test_accept(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;
	struct sockaddr_in addr;
	int listener, fd, res;

	if (!since(6, 10))
		return;
	listener = tcp_listener(&addr);
	sqe = sqe_of(ring);
	xu_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	sqe->ioprio = IORING_ACCEPT_DONTWAIT;
	CHECK_EQ(result_of(ring), -EAGAIN);
	sqe = sqe_of(ring);
	xu_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	sqe->ioprio = IORING_ACCEPT_POLL_FIRST;
	start(ring, sqe, 1);
	check_quiet(ring);
	fd = tcp_connect(&addr);
	res = next(ring).res;
	CHECK_GE(res, 0);
	close(res);
	close(fd);
	close(listener);
}

/* One NOP with these flags, on this fd and buffer. */
static int nop(struct xu_ring *ring, unsigned flags, int fd, unsigned buf)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_nop(sqe);
	sqe->nop_flags = flags;
	sqe->fd = fd;
	sqe->buf_index = (uint16_t)buf;
	return result_of(ring);
}

static void test_nop(struct xu_ring *ring)
{
	static char memory[4096];
	struct iovec iov = {memory, sizeof(memory)};
	int fd;

	if (!since(6, 13))
		return;
	fd = file_with("f", "x");
	CHECK_EQ(nop(ring, 0, -1, 0), 0);
	CHECK_EQ(nop(ring, IORING_NOP_FILE, -1, 0), -EBADF);
	CHECK_EQ(nop(ring, IORING_NOP_FILE, fd, 0), 0);
	CHECK_EQ(nop(ring, IORING_NOP_FILE | IORING_NOP_FIXED_FILE, 0, 0), -EBADF);
	CHECK_EQ(xu_register_files(ring, &fd, 1), 0);
	CHECK_EQ(nop(ring, IORING_NOP_FILE | IORING_NOP_FIXED_FILE, 0, 0), 0);
	CHECK_EQ(nop(ring, IORING_NOP_FIXED_BUFFER, -1, 0), -EFAULT);
	CHECK_EQ(xu_register_buffers(ring, &iov, 1), 0);
	CHECK_EQ(nop(ring, IORING_NOP_FIXED_BUFFER, -1, 0), 0);
	CHECK_EQ(nop(ring, IORING_NOP_FIXED_BUFFER, -1, 1), -EFAULT);
	if (kernel_is(6, 17))
		CHECK_EQ(nop(ring, IORING_NOP_TW, -1, 0), 0);
	CHECK_EQ(nop(ring, 1u << 31, -1, 0), -EINVAL);
	CHECK_EQ(xu_unregister_buffers(ring), 0);
	CHECK_EQ(xu_unregister_files(ring), 0);
	close(fd);
}

static const struct prep_case cases[] = {
	{"timeout, realtime", IORING_OP_TIMEOUT, test_realtime},
	{"timeout, success", IORING_OP_TIMEOUT, test_etime_success},
	{"timeout_update, linked", IORING_OP_LINK_TIMEOUT, test_link_timeout_update},
	{"timeout, immediate", IORING_OP_TIMEOUT, test_immediate},
	{"cancel, fixed", IORING_OP_ASYNC_CANCEL, test_cancel},
	{"send, vectorized", IORING_OP_SEND, test_send_vectorized},
	{"accept, without waiting", IORING_OP_ACCEPT, test_accept},
	{"nop", IORING_OP_NOP, test_nop},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
