/* cmd_sock, cmd_getsockname, cmd_discard, uring_cmd: commands of sockets, disks and drivers. */
#include <linux/loop.h>
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

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

static void test_getsockname(struct xu_ring *ring)
{
	struct sockaddr_in want, got;
	socklen_t len = sizeof(got);
	int fds[2];

	if (!kernel_is(6, 19)) {
		prep_not_here = "sockets have no such command";
		return;
	}
	tcp_pair(fds);
	for (int peer = 0; peer < 2; peer++) {
		CHECK_EQ(getsockname(fds[peer], (struct sockaddr *)&want, &len), 0);
		memset(&got, 0, sizeof(got));
		len = sizeof(got);
		xu_prep_cmd_getsockname(sqe_of(ring), fds[0], (struct sockaddr *)&got, &len, peer);
		CHECK_EQ(result_of(ring), 0);
		CHECK_EQ(len, sizeof(got));
		CHECK_EQ(got.sin_port, want.sin_port);
		CHECK_EQ(got.sin_addr.s_addr, want.sin_addr.s_addr);
	}
	close_pair(fds);
}

/* When datagrams left: one completion of 32 bytes each, with the time and the number of the datagram. */
static void test_timestamp(struct xu_ring *ring)
{
	int stamps = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
		     SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	struct sockaddr_in addr;
	struct io_uring_sqe *sqe;
	struct timespec now;
	struct xu_ring big;
	socklen_t len = sizeof(addr);
	int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (!kernel_is(6, 17)) {
		prep_not_here = "sockets have no such command";
		close(out);
		return;
	}
	/* Small completions have no place for a time. */
	xu_prep_cmd_sock(sqe_of(ring), SOCKET_URING_OP_TX_TIMESTAMP, out, 0, 0, NULL, 0);
	CHECK_LE(result_of(ring), -1);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(out, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(getsockname(out, (struct sockaddr *)&addr, &len), 0);
	CHECK_EQ(connect(out, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(setsockopt(out, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)), 0);

	CHECK_EQ(xu_queue_init(8, &big, IORING_SETUP_CQE32), 0);
	sqe = sqe_of(&big);
	xu_prep_cmd_sock(sqe, SOCKET_URING_OP_TX_TIMESTAMP, out, 0, 0, NULL, 0);
	start(&big, sqe, 5);
	for (int i = 0; i < 3; i++) {
		struct io_uring_cqe *cqe;
		struct io_timespec ts;

		CHECK_EQ(write(out, "x", 1), 1);
		ret = xu_wait_cqe(&big, &cqe);
		CHECK_EQ(ret, 0);
		CHECK_EQ(cqe->res, i);
		CHECK_EQ(cqe->flags & MORE, MORE);
		memcpy(&ts, cqe->big_cqe, sizeof(ts));
		CHECK_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
		CHECK_GE(now.tv_sec, ts.tv_sec);
		CHECK_GE(ts.tv_sec + 20, now.tv_sec);
		xu_cqe_seen(&big, cqe);
	}
	xu_queue_exit(&big);
	close(out);
}

/* A disk made of a file: what is discarded reads as zero. -errno where there is none to be had. */
static int loop_disk(int file)
{
	char path[30];
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr, fd;

	if (control < 0)
		return -errno;
	nr = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (nr < 0)
		return -errno;
	snprintf(path, sizeof(path), "/dev/loop%d", nr);
	fd = open(path, O_RDWR | O_CLOEXEC | O_EXCL);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, LOOP_SET_FD, file) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

static void test_discard(struct xu_ring *ring)
{
	static char full[16384], got[sizeof(full)], want[sizeof(full)];
	int file = open("disk", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), disk;

	/* Not for files. */
	xu_prep_cmd_discard(sqe_of(ring), file, 0, 4096);
	CHECK_EQ(result_of(ring), -EOPNOTSUPP);
	disk = kernel_is(6, 12) ? loop_disk(file) : -ENOSYS;
	if (disk < 0) {
		prep_not_here = disk == -ENOSYS ? "disks have no commands" : "no loop device";
		close(file);
		return;
	}
	memset(full, 'x', sizeof(full));
	CHECK_EQ(pwrite(file, full, sizeof(full), 0), sizeof(full));
	CHECK_EQ(ioctl(disk, LOOP_SET_CAPACITY, 0), 0);
	memcpy(want, full, sizeof(full));
	memset(want + 4096, 0, 8192);
	xu_prep_cmd_discard(sqe_of(ring), disk, 4096, 8192);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(pread(disk, got, sizeof(got), 0), sizeof(got));
	CHECK_MEM(got, want, sizeof(got));
	xu_prep_cmd_discard(sqe_of(ring), disk, 1, 4096);
	CHECK_EQ(result_of(ring), -EINVAL);
	CHECK_EQ(ioctl(disk, LOOP_CLR_FD), 0);
	close(disk);
	close(file);
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
	{"cmd_getsockname", IORING_OP_URING_CMD, test_getsockname},
	{"cmd_sock, time", IORING_OP_URING_CMD, test_timestamp},
	{"cmd_discard", IORING_OP_URING_CMD, test_discard},
	{"uring_cmd", IORING_OP_URING_CMD, test_refused},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
