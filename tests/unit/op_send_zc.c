/* sendto, send_zc, send_zc_fixed, sendmsg_zc, sendmsg_zc_fixed: the buffer is free after the second completion. */
#include "tests/unit/op.h"

#define TAG 5

/* Submit the one prepared entry; `want` bytes leave; then the buffer is told free. */
static void expect_sent(struct xu_ring *ring, struct io_uring_sqe *sqe, int want)
{
	struct done done;

	start(ring, sqe, TAG);
	done = next(ring);
	CHECK_EQ(done.res, want);
	CHECK_EQ(done.data, TAG);
	CHECK_EQ(done.flags & IORING_CQE_F_NOTIF, 0);
	if (!(done.flags & MORE))
		return;
	done = next(ring);
	CHECK_EQ(done.data, TAG);
	CHECK_EQ(done.flags & IORING_CQE_F_NOTIF, IORING_CQE_F_NOTIF);
	CHECK_EQ(done.flags & MORE, 0);
}

static void test_sendto(struct xu_ring *ring)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(in, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(getsockname(in, (struct sockaddr *)&addr, &len), 0);
	xu_prep_sendto(sqe_of(ring), out, "hello", 5, 0, (struct sockaddr *)&addr, sizeof(addr));
	ret = result_of(ring);
	if (ret == -EINVAL && !kernel_is(6, 1)) {
		prep_not_here = "this kernel has none";
	} else {
		CHECK_EQ(ret, 5);
		check_read(in, "hello");
		xu_prep_sendto(sqe_of(ring), out, "hello", 5, 0, NULL, 0);
		CHECK_EQ(result_of(ring), -EDESTADDRREQ);
	}
	close(in);
	close(out);
}

static void test_send_zc(struct xu_ring *ring)
{
	static char text[] = "without a copy";
	struct io_uring_sqe *sqe;
	struct done done;
	int fds[2];

	tcp_pair(fds);
	sqe = sqe_of(ring);
	xu_prep_send_zc(sqe, fds[0], text, strlen(text), 0, 0);
	expect_sent(ring, sqe, (int)strlen(text));
	check_read(fds[1], text);

	/* Was it really not copied? On the loopback it is, and the second completion can tell. */
	if (kernel_is(6, 2)) {
		sqe = sqe_of(ring);
		xu_prep_send_zc(sqe, fds[0], text, 3, 0, IORING_SEND_ZC_REPORT_USAGE);
		start(ring, sqe, TAG);
		CHECK_EQ(next(ring).flags & MORE, MORE);
		check_read(fds[1], "wit");
		done = next(ring);
		CHECK_EQ(done.flags & IORING_CQE_F_NOTIF, IORING_CQE_F_NOTIF);
		CHECK_EQ((unsigned)done.res & ~IORING_NOTIF_USAGE_ZC_COPIED, 0);
	}
	close_pair(fds);
	unix_pair(fds);
	sqe = sqe_of(ring);
	xu_prep_send_zc(sqe, fds[0], text, 3, 0, 0);
	expect_sent(ring, sqe, -EOPNOTSUPP);
	close_pair(fds);
}

static void test_send_zc_fixed(struct xu_ring *ring)
{
	static char memory[4096] __attribute__((aligned(4096))); /* see reg_buffers.c */
	struct iovec iov = {memory, sizeof(memory)};
	struct io_uring_sqe *sqe;
	int fds[2];

	tcp_pair(fds);
	strcpy(memory, "....registered");
	CHECK_EQ(xu_register_buffers(ring, &iov, 1), 0);
	sqe = sqe_of(ring);
	xu_prep_send_zc_fixed(sqe, fds[0], memory + 4, 10, 0, 0, 0);
	expect_sent(ring, sqe, 10);
	check_read(fds[1], "registered");
	sqe = sqe_of(ring);
	xu_prep_send_zc_fixed(sqe, fds[0], memory, 10, 0, 0, 1);
	expect_sent(ring, sqe, -EFAULT);
	CHECK_EQ(xu_unregister_buffers(ring), 0);
	close_pair(fds);
}

static void test_sendmsg_zc(struct xu_ring *ring)
{
	static char memory[4096] = "two parts";
	struct iovec iov[2] = {{memory + 4, 5}, {memory, 3}}, whole = {memory, sizeof(memory)};
	struct msghdr msg;
	struct io_uring_sqe *sqe;
	int fds[2];

	tcp_pair(fds);
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	sqe = sqe_of(ring);
	xu_prep_sendmsg_zc(sqe, fds[0], &msg, 0);
	expect_sent(ring, sqe, 8);
	check_read(fds[1], "partstwo");
	if (kernel_is(6, 15)) {
		CHECK_EQ(xu_register_buffers(ring, &whole, 1), 0);
		sqe = sqe_of(ring);
		xu_prep_sendmsg_zc_fixed(sqe, fds[0], &msg, 0, 0);
		expect_sent(ring, sqe, 8);
		check_read(fds[1], "partstwo");
		CHECK_EQ(xu_unregister_buffers(ring), 0);
	}
	close_pair(fds);
}

static const struct prep_case cases[] = {
	{"sendto", IORING_OP_SEND, test_sendto},
	{"send_zc", IORING_OP_SEND_ZC, test_send_zc},
	{"send_zc_fixed", IORING_OP_SEND_ZC, test_send_zc_fixed},
	{"sendmsg_zc, sendmsg_zc_fixed", IORING_OP_SENDMSG_ZC, test_sendmsg_zc},
};

int main(void)
{
	return PREP_CASES(cases);
}
