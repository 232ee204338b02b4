/* read, write, readv, writev through the ring: data, offsets, partial transfers, RWF flags, errors. */
#include <sys/uio.h>

#include "tests/unit/prep.h"

#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x08
#endif
#ifndef RWF_DSYNC
#define RWF_DSYNC 0x02
#endif

#define HERE ((uint64_t)-1)

static int read_at(struct xu_ring *ring, int fd, void *buf, unsigned n, uint64_t offset)
{
	xu_prep_read(sqe_of(ring), fd, buf, n, offset);
	return result_of(ring);
}

static int write_at(struct xu_ring *ring, int fd, const void *buf, unsigned n, uint64_t offset)
{
	xu_prep_write(sqe_of(ring), fd, buf, n, offset);
	return result_of(ring);
}

static void test_read(struct xu_ring *ring)
{
	char buf[20] = "";
	int fd = file_with("f", "0123456789"), pipes[2];

	CHECK_EQ(read_at(ring, fd, buf, 4, 3), 4);
	CHECK_STR(buf, "3456");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(read_at(ring, fd, buf, 2, HERE), 2);
	CHECK_EQ(read_at(ring, fd, buf, 2, HERE), 2);
	CHECK_STR(buf, "2356");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	/* At the end there is less, then nothing. */
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(read_at(ring, fd, buf, 20, 7), 3);
	CHECK_STR(buf, "789");
	CHECK_EQ(read_at(ring, fd, buf, 20, 10), 0);
	CHECK_EQ(read_at(ring, fd, buf, 20, 1 << 20), 0);
	CHECK_EQ(read_at(ring, -1, buf, 1, 0), -EBADF);
	CHECK_EQ(read_at(ring, fd, (void *)16, 10, 0), -EFAULT);
	close(fd);
	fd = open("f", O_WRONLY | O_CLOEXEC);
	CHECK_EQ(read_at(ring, fd, buf, 1, 0), -EBADF);
	close(fd);
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* read(2) says EISDIR, some kernels' ring another word; it is an error either way. */
	CHECK_LE(read_at(ring, fd, buf, 1, 0), -1);
	close(fd);

	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(write(pipes[1], "abc", 3), 3);
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(read_at(ring, pipes[0], buf, 20, HERE), 3);
	CHECK_STR(buf, "abc");
	close(pipes[1]);
	CHECK_EQ(read_at(ring, pipes[0], buf, 20, HERE), 0);
	close(pipes[0]);
}

static void test_write(struct xu_ring *ring)
{
	int fd = file_with("f", "0123456789"), pipes[2];

	CHECK_EQ(write_at(ring, fd, "abc", 3, 2), 3);
	check_content("f", "01abc56789");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(write_at(ring, fd, "AB", 2, HERE), 2);
	CHECK_EQ(write_at(ring, fd, "CD", 2, HERE), 2);
	check_content("f", "ABCDc56789");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(write_at(ring, fd, "end", 3, 10), 3);
	check_content("f", "ABCDc56789end");
	CHECK_EQ(write_at(ring, fd, "", 0, 0), 0);
	CHECK_EQ(write_at(ring, -1, "x", 1, 0), -EBADF);
	CHECK_EQ(write_at(ring, fd, (void *)16, 10, 0), -EFAULT);
	close(fd);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(write_at(ring, fd, "x", 1, 0), -EBADF);
	close(fd);

	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(pipe(pipes), 0);
	close(pipes[0]);
	CHECK_EQ(write_at(ring, pipes[1], "x", 1, HERE), -EPIPE);
	close(pipes[1]);
}

static void test_readv(struct xu_ring *ring)
{
	char a[4] = "", b[8] = "";
	struct iovec iov[2] = {{a, 3}, {b, 7}};
	int fd = file_with("f", "0123456789"), pipes[2];

	xu_prep_readv(sqe_of(ring), fd, iov, 2, 1);
	CHECK_EQ(result_of(ring), 9);
	CHECK_STR(a, "123");
	CHECK_STR(b, "456789");
	xu_prep_readv(sqe_of(ring), fd, iov, 1, 0);
	CHECK_EQ(result_of(ring), 3);
	CHECK_STR(a, "012");
	xu_prep_readv(sqe_of(ring), fd, iov, 0, 0);
	CHECK_EQ(result_of(ring), 0);
	close(fd);

	/* RWF_NOWAIT on a pipe without data, and with: older kernels refuse it there. */
	CHECK_EQ(pipe(pipes), 0);
	xu_prep_readv2(sqe_of(ring), pipes[0], iov, 1, HERE, RWF_NOWAIT);
	CHECK_EQ(xu_submit(ring), 1);
	if (kernel_is(6, 5))
		CHECK_EQ(take(ring, NULL), -EAGAIN);
	else
		CHECK_LE(take(ring, NULL), -1);
	CHECK_EQ(write(pipes[1], "xyz", 3), 3);
	if (kernel_is(6, 5)) {
		xu_prep_readv2(sqe_of(ring), pipes[0], iov, 1, HERE, RWF_NOWAIT);
		CHECK_EQ(result_of(ring), 3);
		CHECK_STR(a, "xyz");
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void test_writev(struct xu_ring *ring)
{
	struct iovec iov[2] = {{(void *)"abc", 3}, {(void *)"defg", 4}};
	int fd = file_with("f", "0123456789");

	xu_prep_writev(sqe_of(ring), fd, iov, 2, 2);
	CHECK_EQ(result_of(ring), 7);
	check_content("f", "01abcdefg9");
	/* RWF_APPEND: at the end, whatever the offset says. */
	xu_prep_writev2(sqe_of(ring), fd, iov, 1, 0, RWF_APPEND);
	CHECK_EQ(result_of(ring), 3);
	check_content("f", "01abcdefg9abc");
	xu_prep_writev2(sqe_of(ring), fd, &iov[1], 1, 0, RWF_DSYNC);
	CHECK_EQ(result_of(ring), 4);
	check_content("f", "defgcdefg9abc");
	xu_prep_writev2(sqe_of(ring), fd, iov, 1, 0, 0x40000000);
	CHECK_LE(result_of(ring), -1);
	close(fd);
}

static const struct prep_case cases[] = {
	{"read", IORING_OP_READ, test_read},
	{"write", IORING_OP_WRITE, test_write},
	{"readv", IORING_OP_READV, test_readv},
	{"writev", IORING_OP_WRITEV, test_writev},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
