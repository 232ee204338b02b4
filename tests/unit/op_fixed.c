/* read_fixed, write_fixed, readv_fixed, writev_fixed: transfers with registered buffers. */
#include "tests/unit/op.h"

static char memory[2][4096] __attribute__((aligned(4096))); /* see reg_buffers.c */

static void begin(struct xu_ring *ring)
{
	struct iovec iov[2] = {{memory[0], 4096}, {memory[1], 4096}};

	memset(memory, 0, sizeof(memory));
	CHECK_EQ(xu_register_buffers(ring, iov, 2), 0);
}

static void end(struct xu_ring *ring, int fd)
{
	CHECK_EQ(xu_unregister_buffers(ring), 0);
	close(fd);
}

static void test_read_fixed(struct xu_ring *ring)
{
	int fd = file_with("f", "0123456789");

	begin(ring);
	xu_prep_read_fixed(sqe_of(ring), fd, memory[1] + 100, 4, 3, 1);
	CHECK_EQ(result_of(ring), 4);
	CHECK_STR(memory[1] + 100, "3456");
	CHECK_EQ(memory[0][100], 0);
	/* The memory must lie in the buffer of that index, and all of it. */
	xu_prep_read_fixed(sqe_of(ring), fd, memory[1], 4, 0, 0);
	CHECK_EQ(result_of(ring), -EFAULT);
	xu_prep_read_fixed(sqe_of(ring), fd, memory[1] + 4090, 10, 0, 1);
	CHECK_EQ(result_of(ring), -EFAULT);
	xu_prep_read_fixed(sqe_of(ring), fd, memory[1], 4, 0, 2);
	CHECK_EQ(result_of(ring), -EFAULT);
	end(ring, fd);
}

static void test_write_fixed(struct xu_ring *ring)
{
	int fd = file_with("f", "0123456789");

	begin(ring);
	memcpy(memory[0] + 50, "abc", 3);
	xu_prep_write_fixed(sqe_of(ring), fd, memory[0] + 50, 3, 2, 0);
	CHECK_EQ(result_of(ring), 3);
	check_content("f", "01abc56789");
	xu_prep_write_fixed(sqe_of(ring), fd, memory[0], 3, 0, 1);
	CHECK_EQ(result_of(ring), -EFAULT);
	end(ring, fd);
}

static void test_readv_fixed(struct xu_ring *ring)
{
	struct iovec iov[2] = {{memory[1] + 10, 3}, {memory[1] + 1000, 4}};
	int fd = file_with("f", "0123456789");

	begin(ring);
	xu_prep_readv_fixed(sqe_of(ring), fd, iov, 2, 1, 0, 1);
	CHECK_EQ(result_of(ring), 7);
	CHECK_STR(memory[1] + 10, "123");
	CHECK_STR(memory[1] + 1000, "4567");
	iov[1].iov_base = memory[0];
	xu_prep_readv_fixed(sqe_of(ring), fd, iov, 2, 1, 0, 1);
	CHECK_EQ(result_of(ring), -EFAULT);
	end(ring, fd);
}

static void test_writev_fixed(struct xu_ring *ring)
{
	struct iovec iov[2] = {{memory[0] + 10, 2}, {memory[0], 3}};
	int fd = file_with("f", "0123456789");

	begin(ring);
	memcpy(memory[0], "xyz", 3);
	memcpy(memory[0] + 10, "ab", 2);
	xu_prep_writev_fixed(sqe_of(ring), fd, iov, 2, 4, 0, 0);
	CHECK_EQ(result_of(ring), 5);
	check_content("f", "0123abxyz9");
	end(ring, fd);
}

static const struct prep_case cases[] = {
	{"read_fixed", IORING_OP_READ_FIXED, test_read_fixed},
	{"write_fixed", IORING_OP_WRITE_FIXED, test_write_fixed},
	{"readv_fixed", IORING_OP_READV_FIXED, test_readv_fixed},
	{"writev_fixed", IORING_OP_WRITEV_FIXED, test_writev_fixed},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
