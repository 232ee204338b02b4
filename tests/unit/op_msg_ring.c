/* msg_ring: completions and direct descriptors from ring to ring. */
#include "tests/unit/op.h"

static struct xu_ring other;

static void begin(void)
{
	CHECK_EQ(xu_queue_init(8, &other, 0), 0);
}

static void end(void)
{
	CHECK_EQ(xu_cq_ready(&other), 0);
	xu_queue_exit(&other);
}

static void test_msg_ring(struct xu_ring *ring)
{
	struct done done;

	begin();
	xu_prep_msg_ring(sqe_of(ring), other.ring_fd, 1234, 0xabcdef0123456789, 0);
	CHECK_EQ(result_of(ring), 0);
	done = next(&other);
	CHECK_EQ(done.res, 1234);
	CHECK_EQ(done.data, 0xabcdef0123456789);
	CHECK_EQ(done.flags, 0);
	if (kernel_is(6, 3)) {
		xu_prep_msg_ring_cqe_flags(sqe_of(ring), other.ring_fd, 1, 2, 0, 0x50000);
		CHECK_EQ(result_of(ring), 0);
		done = next(&other);
		CHECK_EQ(done.res, 1);
		CHECK_EQ(done.data, 2);
		CHECK_EQ(done.flags, 0x50000);
	}
	xu_prep_msg_ring(sqe_of(ring), 0, 1, 2, 0);
	CHECK_EQ(result_of(ring), -EBADFD);
	end();
}

static void test_msg_ring_fd(struct xu_ring *ring)
{
	int fd = file_with("f", "passed"), slot = 2;
	struct io_uring_sqe *sqe;
	char buf[20];

	if (!kernel_is(6, 2)) {
		prep_not_here = "this kernel has none";
		close(fd);
		return;
	}
	begin();
	CHECK_EQ(xu_register_files(ring, &fd, 1), 0);
	CHECK_EQ(xu_register_files_sparse(&other, 4), 0);
	close(fd);
	for (int alloc = 0; alloc < 2; alloc++) {
		struct done done;

		if (alloc)
			xu_prep_msg_ring_fd_alloc(sqe_of(ring), other.ring_fd, 0, 77, 0);
		else
			xu_prep_msg_ring_fd(sqe_of(ring), other.ring_fd, 0, slot, 77, 0);
		CHECK_GE(result_of(ring), 0);
		done = next(&other);
		CHECK_EQ(done.data, 77);
		if (alloc) {
			CHECK_NE(done.res, slot);
			slot = done.res;
		} else {
			CHECK_EQ(done.res, 0);
		}
		memset(buf, 0, sizeof(buf));
		sqe = sqe_of(&other);
		xu_prep_read(sqe, slot, buf, 10, 0);
		xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		CHECK_EQ(result_of(&other), 6);
		CHECK_STR(buf, "passed");
	}
	/* Without a word to the other. */
	xu_prep_msg_ring_fd(sqe_of(ring), other.ring_fd, 0, 3, 77, IORING_MSG_RING_CQE_SKIP);
	CHECK_EQ(result_of(ring), 0);
	check_quiet(&other);
	xu_prep_msg_ring_fd(sqe_of(ring), other.ring_fd, 1, 3, 77, 0);
	CHECK_EQ(result_of(ring), -EBADF);
	CHECK_EQ(xu_unregister_files(ring), 0);
	end();
}

static const struct prep_case cases[] = {
	{"msg_ring", IORING_OP_MSG_RING, test_msg_ring},
	{"msg_ring_fd, msg_ring_fd_alloc", IORING_OP_MSG_RING, test_msg_ring_fd},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
