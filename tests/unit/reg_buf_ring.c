/* Buffer rings: memory of either side, what the kernel has left, buffers that are used up bit by bit. */
#include "tests/unit/op.h"

static int fds[2];

static struct done recv_selected(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_recv(sqe, fds[0], NULL, 0, 0);
	xu_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	sqe->buf_group = GROUP;
	start(ring, sqe, 1);
	return next(ring);
}

static void test_ring(struct xu_ring *ring)
{
	struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = GROUP};
	int err;

	if (!group_begin(ring))
		return;
	unix_pair(fds);
	CHECK(!xu_setup_buf_ring(ring, BUFFERS, GROUP, 0, &err));
	CHECK_EQ(err, -EEXIST);
	reg.ring_addr = (uint64_t)(uintptr_t)group;
	CHECK_EQ(xu_register_buf_ring(ring, &reg, 0), -EEXIST);
	/* Not at a page's beginning. */
	reg.bgid++;
	reg.ring_addr += 64;
	CHECK_EQ(xu_register_buf_ring(ring, &reg, 0), -EINVAL);
	CHECK(!xu_setup_buf_ring(ring, 3, GROUP + 1, 0, &err));
	CHECK_EQ(err, -EINVAL);
	for (int i = 0; i < BUFFERS; i++) {
		struct done done;

		if (kernel_is(6, 8))
			CHECK_EQ(xu_buf_ring_available(ring, group, GROUP), BUFFERS - i);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		done = recv_selected(ring);
		CHECK_EQ(done.res, 1);
		/* In the order in which they were given. */
		CHECK_EQ(done.buffer, i);
		CHECK_STR(group_memory[i], "x");
	}
	CHECK_EQ(write(fds[1], "y", 1), 1);
	CHECK_EQ(recv_selected(ring).res, -ENOBUFS);
	group_add(2);
	CHECK_EQ(recv_selected(ring).buffer, 2);
	group_end(ring);
	CHECK_EQ(xu_unregister_buf_ring(ring, GROUP), real_kernel_is(6, 8) ? -ENOENT : -EINVAL);
	close_pair(fds);
}

/* Memory of the kernel's, mapped from the ring's fd. */
static void test_mapped(struct xu_ring *ring)
{
	struct done done;
	int err;

	group = xu_setup_buf_ring(ring, BUFFERS, GROUP, IOU_PBUF_RING_MMAP, &err);
	if (ring->ring_fd < 0) {
		/* An invisible ring has nothing to map from. */
		CHECK(!group);
		CHECK_EQ(err, -EBADF);
		return;
	}
	if (!group) {
		CHECK_EQ(err, -EINVAL);
		CHECK(!kernel_is(6, 4));
		prep_not_here = "no such rings";
		return;
	}
	xu_buf_ring_init(group);
	unix_pair(fds);
	/* Twice round the ring. */
	for (int i = 0; i < 2 * BUFFERS; i++) {
		group_add(i % BUFFERS);
		CHECK_EQ(write(fds[1], "mapped", 6), 6);
		done = recv_selected(ring);
		CHECK_EQ(done.buffer, i % BUFFERS);
		CHECK_STR(group_memory[i % BUFFERS], "mapped");
	}
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(recv_selected(ring).res, -ENOBUFS);
	/* Taken already, and nothing of the refused one stays. */
	CHECK(!xu_setup_buf_ring(ring, BUFFERS, GROUP, IOU_PBUF_RING_MMAP, &err));
	CHECK_EQ(err, -EEXIST);
	group_end(ring);
	CHECK_LE(xu_unregister_buf_ring(ring, GROUP), -1);
	close_pair(fds);
}

static void test_incremental(struct xu_ring *ring)
{
	int err;

	group = xu_setup_buf_ring(ring, BUFFERS, GROUP, IOU_PBUF_RING_INC, &err);
	if (!group) {
		CHECK_EQ(err, -EINVAL);
		prep_not_here = "no such rings";
		return;
	}
	unix_pair(fds);
	group_add(1);
	for (int i = 0; i < BUFFER_SIZE / 16; i++) {
		struct done done;

		CHECK_EQ(write(fds[1], "0123456789abcdef", 16), 16);
		done = recv_selected(ring);
		CHECK_EQ(done.res, 16);
		CHECK_EQ(done.buffer, 1);
		CHECK_MEM(group_memory[1] + 16 * i, "0123456789abcdef", 16);
		/* There is more of this buffer, but for the last time. */
		CHECK_EQ(!!(done.flags & IORING_CQE_F_BUF_MORE), i < BUFFER_SIZE / 16 - 1);
	}
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(recv_selected(ring).res, -ENOBUFS);
	group_end(ring);
	close_pair(fds);
}

static const struct prep_case cases[] = {
	{"buffer ring", IORING_OP_RECV, test_ring},
	{"buffer ring, mapped", IORING_OP_RECV, test_mapped},
	{"buffer ring, incremental", IORING_OP_RECV, test_incremental},
};

int main(void)
{
	return PREP_CASES(cases);
}
