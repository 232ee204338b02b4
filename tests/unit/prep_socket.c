/* socket, bind, listen, accept, connect, send, recv, sendmsg, recvmsg, shutdown through the ring. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/prep.h"

static struct sockaddr_in loopback(void)
{
	struct sockaddr_in addr;

	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

/* A listening socket, and where. */
static int listener(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = loopback();
	CHECK_GE(fd, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)addr, sizeof(*addr)), 0);
	CHECK_EQ(listen(fd, 10), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)addr, &len), 0);
	return fd;
}

static void test_socket(struct xu_ring *ring)
{
	int fd, type = 0;
	socklen_t len = sizeof(type);

	xu_prep_socket(sqe_of(ring), AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       IPPROTO_UDP, 0);
	fd = result_of(ring);
	CHECK_GE(fd, 0);
	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	CHECK_EQ(type, SOCK_DGRAM);
	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &type, &len), 0);
	CHECK_EQ(type, IPPROTO_UDP);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	xu_prep_socket(sqe_of(ring), 12345, SOCK_STREAM, 0, 0);
	CHECK_EQ(result_of(ring), -EAFNOSUPPORT);
	xu_prep_socket(sqe_of(ring), AF_INET, SOCK_STREAM, IPPROTO_UDP, 0);
	CHECK_EQ(result_of(ring), -EPROTONOSUPPORT);
}

static void test_bind_listen(struct xu_ring *ring)
{
	struct sockaddr_in addr = loopback(), got;
	socklen_t len = sizeof(got);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 0, client;

	xu_prep_bind(sqe_of(ring), fd, (struct sockaddr *)&addr, sizeof(addr));
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&got, &len), 0);
	CHECK_EQ(ntohl(got.sin_addr.s_addr), INADDR_LOOPBACK);
	CHECK_NE(got.sin_port, 0);
	xu_prep_bind(sqe_of(ring), fd, (struct sockaddr *)&addr, sizeof(addr));
	CHECK_EQ(result_of(ring), -EINVAL);

	xu_prep_listen(sqe_of(ring), fd, 5);
	CHECK_EQ(result_of(ring), 0);
	len = sizeof(on);
	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len), 0);
	CHECK_EQ(on, 1);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(client, (struct sockaddr *)&got, sizeof(got)), 0);
	close(client);
	close(fd);
}

static void test_accept(struct xu_ring *ring)
{
	struct sockaddr_in addr, peer, own;
	socklen_t len = sizeof(peer), own_len = sizeof(own);
	int server = listener(&addr), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	/* It waits for the client. */
	xu_prep_accept(sqe_of(ring), server, (struct sockaddr *)&peer, &len,
		       SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(xu_cq_ready(ring), 0);
	CHECK_EQ(connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	fd = take(ring, NULL);
	CHECK_GE(fd, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(getsockname(client, (struct sockaddr *)&own, &own_len), 0);
	CHECK_EQ(len, sizeof(peer));
	CHECK_EQ(peer.sin_port, own.sin_port);
	close(fd);
	close(client);

	/* The client is there before, and nobody asks who it is. */
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	xu_prep_accept(sqe_of(ring), server, NULL, NULL, 0);
	fd = result_of(ring);
	CHECK_GE(fd, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	close(fd);
	close(client);
	close(server);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	xu_prep_accept(sqe_of(ring), fd, NULL, NULL, 0);
	CHECK_EQ(result_of(ring), -ENOTSOCK);
	close(fd);
}

static void test_connect(struct xu_ring *ring)
{
	struct sockaddr_in addr, peer;
	socklen_t len = sizeof(peer);
	int server = listener(&addr), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	xu_prep_connect(sqe_of(ring), client, (struct sockaddr *)&addr, sizeof(addr));
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(getpeername(client, (struct sockaddr *)&peer, &len), 0);
	CHECK_EQ(peer.sin_port, addr.sin_port);
	close(client);
	close(server);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	xu_prep_connect(sqe_of(ring), client, (struct sockaddr *)&addr, sizeof(addr));
	CHECK_EQ(result_of(ring), -ECONNREFUSED);
	xu_prep_connect(sqe_of(ring), client, (struct sockaddr *)&addr, 1);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(client);
}

static void test_send_recv(struct xu_ring *ring)
{
	char buf[10] = "";
	int fds[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	xu_prep_send(sqe_of(ring), fds[0], "hello", 5, 0);
	CHECK_EQ(result_of(ring), 5);
	/* A look does not take. */
	xu_prep_recv(sqe_of(ring), fds[1], buf, sizeof(buf), MSG_PEEK);
	CHECK_EQ(result_of(ring), 5);
	CHECK_STR(buf, "hello");
	memset(buf, 0, sizeof(buf));
	xu_prep_recv(sqe_of(ring), fds[1], buf, 3, 0);
	CHECK_EQ(result_of(ring), 3);
	CHECK_STR(buf, "hel");
	xu_prep_recv(sqe_of(ring), fds[1], buf, sizeof(buf), 0);
	CHECK_EQ(result_of(ring), 2);
	xu_prep_recv(sqe_of(ring), fds[1], buf, sizeof(buf), MSG_DONTWAIT);
	CHECK_EQ(result_of(ring), -EAGAIN);

	/* It waits for all that was asked for. */
	xu_prep_recv(sqe_of(ring), fds[1], buf, 6, MSG_WAITALL);
	CHECK_EQ(xu_submit(ring), 1);
	CHECK_EQ(send(fds[0], "abc", 3, 0), 3);
	if (kernel_is(5, 18)) {
		CHECK_EQ(xu_get_events(ring), 0);
		CHECK_EQ(xu_cq_ready(ring), 0);
		CHECK_EQ(send(fds[0], "def", 3, 0), 3);
		CHECK_EQ(take(ring, NULL), 6);
		CHECK_MEM(buf, "abcdef", 6);
	} else {
		/* Older ones may do with less, unless it was backported. */
		CHECK_EQ(send(fds[0], "def", 3, 0), 3);
		CHECK_GE(take(ring, NULL), 3);
		recv(fds[1], buf, sizeof(buf), MSG_DONTWAIT);
	}

	/* Nobody there: an error and no signal, an end and no error. */
	signal(SIGPIPE, SIG_DFL);
	CHECK_EQ(shutdown(fds[1], SHUT_RD), 0);
	xu_prep_send(sqe_of(ring), fds[0], "x", 1, 0);
	CHECK_EQ(result_of(ring), -EPIPE);
	CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
	xu_prep_recv(sqe_of(ring), fds[1], buf, sizeof(buf), 0);
	CHECK_EQ(result_of(ring), 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_messages(struct xu_ring *ring)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec out[2] = {{(void *)"ab", 2}, {(void *)"cde", 3}};
	char a[4] = "", b[10] = "";
	struct iovec in[2] = {{a, 3}, {b, 9}};
	struct msghdr sent, received;
	int fds[2], passed, got = -1;

	/* Data in parts, and an fd. */
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	passed = open("/dev/null", O_RDONLY | O_CLOEXEC);
	memset(&sent, 0, sizeof(sent));
	memset(&control, 0, sizeof(control));
	sent.msg_iov = out;
	sent.msg_iovlen = 2;
	sent.msg_control = &control;
	sent.msg_controllen = sizeof(control);
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &passed, sizeof(int));
	xu_prep_sendmsg(sqe_of(ring), fds[0], &sent, 0);
	CHECK_EQ(result_of(ring), 5);

	memset(&control, 0, sizeof(control));
	memset(&received, 0, sizeof(received));
	received.msg_iov = in;
	received.msg_iovlen = 2;
	received.msg_control = &control;
	received.msg_controllen = sizeof(control);
	xu_prep_recvmsg(sqe_of(ring), fds[1], &received, MSG_CMSG_CLOEXEC);
	CHECK_EQ(result_of(ring), 5);
	CHECK_STR(a, "abc");
	CHECK_STR(b, "de");
	CHECK_EQ(control.head.cmsg_type, SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(&control.head), sizeof(int));
	CHECK_NE(got, passed);
	CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
	close(got);
	close(passed);
	close(fds[0]);
	close(fds[1]);

	/* Datagrams: what does not fit is told. */
	CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	memset(&sent, 0, sizeof(sent));
	sent.msg_iov = out;
	sent.msg_iovlen = 2;
	xu_prep_sendmsg(sqe_of(ring), fds[0], &sent, 0);
	CHECK_EQ(result_of(ring), 5);
	memset(&received, 0, sizeof(received));
	received.msg_iov = in;
	received.msg_iovlen = 1;
	xu_prep_recvmsg(sqe_of(ring), fds[1], &received, 0);
	CHECK_EQ(result_of(ring), 3);
	CHECK(received.msg_flags & MSG_TRUNC);
	xu_prep_recvmsg(sqe_of(ring), fds[1], &received, MSG_DONTWAIT);
	CHECK_EQ(result_of(ring), -EAGAIN);
	close(fds[0]);
	close(fds[1]);
}

static void test_shutdown(struct xu_ring *ring)
{
	char byte;
	int fds[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	xu_prep_shutdown(sqe_of(ring), fds[0], SHUT_WR);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(read(fds[1], &byte, 1), 0);
	CHECK_EQ(send(fds[1], "x", 1, 0), 1);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	xu_prep_shutdown(sqe_of(ring), fds[0], SHUT_RD);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(send(fds[1], "x", 1, MSG_NOSIGNAL), -1);
	xu_prep_shutdown(sqe_of(ring), fds[0], 99);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(fds[0]);
	close(fds[1]);
}

static const struct prep_case cases[] = {
	{"socket", IORING_OP_SOCKET, test_socket},
	{"bind, listen", IORING_OP_LISTEN, test_bind_listen},
	{"accept", IORING_OP_ACCEPT, test_accept},
	{"connect", IORING_OP_CONNECT, test_connect},
	{"send, recv", IORING_OP_RECV, test_send_recv},
	{"sendmsg, recvmsg", IORING_OP_RECVMSG, test_messages},
	{"shutdown", IORING_OP_SHUTDOWN, test_shutdown},
};

int main(void)
{
	return PREP_CASES(cases);
}
