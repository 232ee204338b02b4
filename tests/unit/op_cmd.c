/* cmd_sock, uring_cmd: commands of sockets and of drivers. */
#include <netinet/tcp.h>

#include "tests/unit/op.h"

static int command(struct xu_ring *ring, int op, int fd, int level, int name, void *val, int len)
{
	xu_prep_cmd_sock(sqe_of(ring), op, fd, level, name, val, len);
	return result_of(ring);
}

static void test_queue_sizes(struct xu_ring *ring)
{
	int fds[2];

	if (!kernel_is(6, 6)) {
		prep_not_here = "sockets have no commands";
		return;
	}
	tcp_pair(fds);
	CHECK_EQ(command(ring, SOCKET_URING_OP_SIOCINQ, fds[1], 0, 0, NULL, 0), 0);
	CHECK_EQ(write(fds[0], "hello", 5), 5);
	CHECK_EQ(command(ring, SOCKET_URING_OP_SIOCINQ, fds[1], 0, 0, NULL, 0), 5);
	CHECK_GE(command(ring, SOCKET_URING_OP_SIOCOUTQ, fds[0], 0, 0, NULL, 0), 0);
	CHECK_EQ(command(ring, 1000, fds[0], 0, 0, NULL, 0), -EOPNOTSUPP);
	close_pair(fds);
}

static void test_sockopt(struct xu_ring *ring)
{
	int fds[2], value = 1, got = 0;
	socklen_t len = sizeof(got);

	if (!kernel_is(6, 7)) {
		prep_not_here = "sockets have no such commands";
		return;
	}
	tcp_pair(fds);
	CHECK_EQ(command(ring, SOCKET_URING_OP_SETSOCKOPT, fds[0], SOL_TCP, TCP_NODELAY, &value,
			 sizeof(value)),
		 0);
	CHECK_EQ(getsockopt(fds[0], SOL_TCP, TCP_NODELAY, &got, &len), 0);
	CHECK_EQ(got, 1);
	got = -1;
	/* The result is the length. */
	CHECK_EQ(command(ring, SOCKET_URING_OP_GETSOCKOPT, fds[0], SOL_SOCKET, SO_TYPE, &got,
			 sizeof(got)),
		 sizeof(got));
	CHECK_EQ(got, SOCK_STREAM);
	CHECK_EQ(command(ring, SOCKET_URING_OP_SETSOCKOPT, fds[0], SOL_TCP, 9999, &value,
			 sizeof(value)),
		 -ENOPROTOOPT);
	close_pair(fds);
}

/* A file whose driver has no commands says so. */
static void test_refused(struct xu_ring *ring)
{
	int fd = file_with("f", "x");

	xu_prep_uring_cmd(sqe_of(ring), 1, fd);
	CHECK_EQ(result_of(ring), -EOPNOTSUPP);
	xu_prep_uring_cmd(sqe_of(ring), 1, -1);
	CHECK_EQ(result_of(ring), -EBADF);
	close(fd);
}

static const struct prep_case cases[] = {
	{"cmd_sock, queue sizes", IORING_OP_URING_CMD, test_queue_sizes},
	{"cmd_sock, options", IORING_OP_URING_CMD, test_sockopt},
	{"uring_cmd", IORING_OP_URING_CMD, test_refused},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
