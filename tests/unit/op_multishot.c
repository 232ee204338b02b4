/* read_multishot, recv_multishot, recvmsg_multishot: one entry, a completion for each piece of data. */
#include "tests/unit/op.h"

#define TAG 99

/* A piece came, into a buffer, which is given back; more will follow. */
static void expect_piece(struct xu_ring *ring, const char *want)
{
	struct done done = next(ring);

	CHECK_EQ(done.res, strlen(want));
	CHECK_EQ(done.data, TAG);
	CHECK_EQ(done.flags & MORE, MORE);
	CHECK_GE(done.buffer, 0);
	CHECK_MEM(group_memory[done.buffer], want, strlen(want));
	group_add(done.buffer);
}

/* `in` is read by the entry that goes on, `out` is its other end. More pieces than there are buffers, and the end. */
static void pieces(struct xu_ring *ring, int in, int out)
{
	for (int i = 0; i < 3 * BUFFERS; i++) {
		char text[20];

		snprintf(text, sizeof(text), "piece %d", i);
		CHECK_EQ(write(out, text, strlen(text)), strlen(text));
		expect_piece(ring, text);
		check_quiet(ring);
	}
	(void)in;
}

static void check_end_of_file(struct xu_ring *ring)
{
	struct done done = next(ring);

	CHECK_EQ(done.res, 0);
	CHECK_EQ(done.data, TAG);
	CHECK_EQ(done.flags & MORE, 0);
}

static void test_read_multishot(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;
	int pipes[2];

	if (!group_begin(ring))
		return;
	CHECK_EQ(pipe(pipes), 0);
	sqe = sqe_of(ring);
	xu_prep_read_multishot(sqe, pipes[0], 0, HERE, GROUP);
	start(ring, sqe, TAG);
	pieces(ring, pipes[0], pipes[1]);
	close(pipes[1]);
	check_end_of_file(ring);
	close(pipes[0]);

	/* Not for what is always ready. */
	xu_prep_read_multishot(sqe_of(ring), file_with("f", "x"), 0, HERE, GROUP);
	CHECK_EQ(result_of(ring), -EBADFD);
	group_end(ring);
}

static void start_recv(struct xu_ring *ring, int fd)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->buf_group = GROUP;
	start(ring, sqe, TAG);
}

static void test_recv_multishot(struct xu_ring *ring)
{
	int fds[2];

	if (!group_begin(ring))
		return;
	unix_pair(fds);
	start_recv(ring, fds[0]);
	pieces(ring, fds[0], fds[1]);
	stop(ring, TAG);

	/* With all buffers used it ends, and nothing is lost. */
	start_recv(ring, fds[0]);
	for (int i = 0; i < BUFFERS; i++) {
		CHECK_EQ(write(fds[1], "abc", 3), 3);
		CHECK_EQ(next(ring).flags & MORE, MORE);
	}
	CHECK_EQ(write(fds[1], "kept", 4), 4);
	CHECK_EQ(next(ring).res, -ENOBUFS);
	check_read(fds[0], "kept");
	for (int i = 0; i < BUFFERS; i++)
		group_add(i);

	start_recv(ring, fds[0]);
	close(fds[1]);
	check_end_of_file(ring);
	close(fds[0]);
	group_end(ring);
}

static void test_recvmsg_multishot(struct xu_ring *ring)
{
	struct sockaddr_in addr, from;
	socklen_t len = sizeof(addr);
	struct msghdr msg;
	struct io_uring_sqe *sqe;
	int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!group_begin(ring))
		return;
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(in, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(bind(out, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(getsockname(in, (struct sockaddr *)&addr, &len), 0);
	CHECK_EQ(connect(out, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(getsockname(out, (struct sockaddr *)&addr, &len), 0);

	memset(&msg, 0, sizeof(msg));
	msg.msg_namelen = sizeof(from);
	sqe = sqe_of(ring);
	xu_prep_recvmsg_multishot(sqe, in, &msg, 0);
	sqe->buf_group = GROUP;
	start(ring, sqe, TAG);
	for (int i = 0; i < 2 * BUFFERS; i++) {
		struct io_uring_recvmsg_out *got;
		struct done done;
		void *buf;

		CHECK_EQ(write(out, "datagram", 8), 8);
		done = next(ring);
		CHECK_GE(done.buffer, 0);
		CHECK_EQ(done.flags & MORE, MORE);
		buf = group_memory[done.buffer];
		got = xu_recvmsg_validate(buf, done.res, &msg);
		CHECK(got != NULL);
		CHECK_EQ(got->payloadlen, 8);
		CHECK_EQ(xu_recvmsg_payload_length(got, done.res, &msg), 8);
		CHECK_MEM(xu_recvmsg_payload(got, &msg), "datagram", 8);
		memcpy(&from, xu_recvmsg_name(got), sizeof(from));
		CHECK_EQ(from.sin_port, addr.sin_port);
		CHECK(!xu_recvmsg_validate(buf, 10, &msg));
		CHECK(!xu_recvmsg_validate(buf, -EIO, &msg));
		group_add(done.buffer);
	}
	/* A datagram that is too long for a buffer is cut, and says so. */
	{
		char big[BUFFER_SIZE] = "";
		struct io_uring_recvmsg_out *got;
		struct done done;

		CHECK_EQ(write(out, big, sizeof(big)), sizeof(big));
		done = next(ring);
		CHECK_GE(done.buffer, 0);
		got = xu_recvmsg_validate(group_memory[done.buffer], done.res, &msg);
		CHECK(got != NULL);
		CHECK_EQ(got->flags & MSG_TRUNC, MSG_TRUNC);
	}
	stop(ring, TAG);
	close(in);
	close(out);
	group_end(ring);
}

/* Two control messages with each datagram: the walk finds both, and no third. */
static void test_recvmsg_control(struct xu_ring *ring)
{
	char buffers[2][256], *buffer,
		room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = {(char[]){"x"}, 1};
	struct io_uring_recvmsg_out *got;
	struct io_uring_buf_ring *br;
	struct io_uring_sqe *sqe;
	struct cmsghdr *cmsg;
	struct msghdr msg;
	struct done done;
	int fds[2], on = 1, passed = -1, err = 0, nr[2] = {0, 0};

	br = xu_setup_buf_ring(ring, 2, GROUP, 0, &err);
	if (!br) {
		prep_not_here = "no buffer rings";
		return;
	}
	/* One for the message, and one for the kernels that look for a second before they wait for it. */
	for (int i = 0; i < 2; i++)
		xu_buf_ring_add(br, buffers[i], sizeof(buffers[i]), (uint16_t)i,
				xu_buf_ring_mask(2), i);
	xu_buf_ring_advance(br, 2);
	unix_pair(fds);
	CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);

	memset(&msg, 0, sizeof(msg));
	memset(room, 0, sizeof(room));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = room;
	msg.msg_controllen = CMSG_SPACE(sizeof(int));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fds[1], sizeof(int));
	CHECK_EQ(sendmsg(fds[1], &msg, 0), 1);

	memset(&msg, 0, sizeof(msg));
	msg.msg_controllen = sizeof(room);
	sqe = sqe_of(ring);
	xu_prep_recvmsg_multishot(sqe, fds[0], &msg, 0);
	xu_sqe_set_buf_group(sqe, GROUP);
	start(ring, sqe, TAG);
	done = next(ring);
	CHECK_GE(done.buffer, 0);
	buffer = buffers[done.buffer];
	got = xu_recvmsg_validate(buffer, done.res, &msg);
	CHECK(got != NULL);
	for (cmsg = xu_recvmsg_cmsg_firsthdr(got, &msg); cmsg;
	     cmsg = xu_recvmsg_cmsg_nexthdr(got, &msg, cmsg)) {
		CHECK_EQ(cmsg->cmsg_level, SOL_SOCKET);
		nr[cmsg->cmsg_type == SCM_RIGHTS]++;
		if (cmsg->cmsg_type == SCM_RIGHTS)
			memcpy(&passed, CMSG_DATA(cmsg), sizeof(int));
		else
			CHECK_EQ(((struct ucred *)CMSG_DATA(cmsg))->pid, getpid());
	}
	CHECK_EQ(nr[0], 1);
	CHECK_EQ(nr[1], 1);
	CHECK_GE(fcntl(passed, F_GETFD), 0);
	CHECK_MEM(xu_recvmsg_payload(got, &msg), "x", 1);
	/* Heads that say nonsense end the walk; what is too short has no first one. */
	cmsg = xu_recvmsg_cmsg_firsthdr(got, &msg);
	cmsg->cmsg_len = 0;
	CHECK(!xu_recvmsg_cmsg_nexthdr(got, &msg, cmsg));
	cmsg->cmsg_len = (__typeof__(cmsg->cmsg_len))-1;
	CHECK(!xu_recvmsg_cmsg_nexthdr(got, &msg, cmsg));
	cmsg->cmsg_len = got->controllen - 8;
	CHECK(!xu_recvmsg_cmsg_nexthdr(got, &msg, cmsg));
	got->controllen = sizeof(*cmsg) - 1;
	CHECK(!xu_recvmsg_cmsg_firsthdr(got, &msg));

	stop(ring, TAG);
	close(passed);
	close_pair(fds);
	CHECK_EQ(xu_free_buf_ring(ring, br, 2, GROUP), 0);
}

/* The multishot kinds of old ops have no number of their own: what came with 6.0 tells that they are there. */
static const struct prep_case cases[] = {
	{"read_multishot", IORING_OP_READ_MULTISHOT, test_read_multishot},
	{"recv_multishot", IORING_OP_SEND_ZC, test_recv_multishot},
	{"recvmsg_multishot", IORING_OP_SEND_ZC, test_recvmsg_multishot},
	{"recvmsg_multishot, control", IORING_OP_SEND_ZC, test_recvmsg_control},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
