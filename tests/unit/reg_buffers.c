/* Registered buffers: tables, sparse ones, tags, changes, clones. */
#include "tests/unit/op.h"

/* Pages of their own: older kernels take no memory that is mapped from a file, as the program's data are. */
static char memory[3][4096] __attribute__((aligned(4096)));
static int fd;

/* What a read into the buffer of this index gives; the memory must be the right one's. */
static int read_into(struct xu_ring *ring, int index, int which)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	memset(memory[which], 0, 8);
	xu_prep_read_fixed(sqe, fd, memory[which], 4, 0, index);
	return result_of(ring);
}

static void check_buffer(struct xu_ring *ring, int index, int which)
{
	CHECK_EQ(read_into(ring, index, which), 4);
	CHECK_STR(memory[which], "data");
}

static const struct iovec all[3] = {{memory[0], 4096}, {memory[1], 4096}, {memory[2], 4096}};

static void test_plain(struct xu_ring *ring)
{
	CHECK_EQ(xu_unregister_buffers(ring), -ENXIO);
	CHECK_EQ(xu_register_buffers(ring, all, 2), 0);
	CHECK_EQ(xu_register_buffers(ring, all, 2), -EBUSY);
	check_buffer(ring, 0, 0);
	check_buffer(ring, 1, 1);
	CHECK_EQ(read_into(ring, 1, 0), -EFAULT);
	CHECK_EQ(xu_unregister_buffers(ring), 0);
	CHECK_EQ(read_into(ring, 0, 0), -EFAULT);
	CHECK_EQ(xu_register_buffers(ring, all, 0), -EINVAL);
}

static void test_tags(struct xu_ring *ring)
{
	uint64_t tags[2] = {111, 222};
	struct done done;

	if (!(ring->features & IORING_FEAT_RSRC_TAGS)) {
		prep_not_here = "no tags";
		return;
	}
	CHECK_EQ(xu_register_buffers_tags(ring, all, tags, 2), 0);
	check_buffer(ring, 1, 1);
	/* Another buffer takes its place; the old one's tag comes back. */
	CHECK_EQ(xu_register_buffers_update_tag(ring, 1, &all[2], NULL, 1), 1);
	done = next(ring);
	CHECK_EQ(done.data, 222);
	CHECK_EQ(done.res, 0);
	check_buffer(ring, 1, 2);
	CHECK_EQ(read_into(ring, 1, 1), -EFAULT);
	CHECK_EQ(xu_register_buffers_update_tag(ring, 2, all, NULL, 1), -EINVAL);
	CHECK_EQ(xu_unregister_buffers(ring), 0);
	if (real_kernel_is(6, 13)) /* older ones forget the tags of what is still there */
		CHECK_EQ(next(ring).data, 111);
}

static void test_sparse(struct xu_ring *ring)
{
	struct iovec none = {NULL, 0};

	if (!kernel_is(5, 19)) {
		prep_not_here = "no sparse tables";
		return;
	}
	CHECK_EQ(xu_register_buffers_sparse(ring, 100), 0);
	CHECK_EQ(read_into(ring, 50, 0), -EFAULT);
	CHECK_EQ(xu_register_buffers_update_tag(ring, 50, all, NULL, 3), 3);
	check_buffer(ring, 50, 0);
	check_buffer(ring, 52, 2);
	CHECK_EQ(xu_register_buffers_update_tag(ring, 51, &none, NULL, 1), 1);
	CHECK_EQ(read_into(ring, 51, 1), -EFAULT);
	CHECK_EQ(xu_unregister_buffers(ring), 0);
}

static void test_clone(struct xu_ring *ring)
{
	struct xu_ring other;
	int ret;

	CHECK_EQ(xu_queue_init_best(4, &other, XU_WANT_HIDDEN, 0), 0);
	ret = xu_clone_buffers(&other, ring);
	if (ret == -EINVAL) {
		prep_not_here = "buffers can not be cloned";
		xu_queue_exit(&other);
		return;
	}
	CHECK_EQ(ret, -ENXIO);
	CHECK_EQ(xu_register_buffers(ring, all, 3), 0);
	CHECK_EQ(xu_clone_buffers(&other, ring), 0);
	CHECK_EQ(xu_unregister_buffers(ring), 0);
	check_buffer(&other, 0, 0);
	check_buffer(&other, 2, 2);
	if (kernel_is(6, 13)) {
		/* The other way: the last, as the first. */
		CHECK_EQ(xu_clone_buffers_offset(ring, &other, 0, 2, 1, 0), 0);
		check_buffer(ring, 0, 2);
		CHECK_EQ(read_into(ring, 1, 0), -EFAULT);
		CHECK_EQ(xu_clone_buffers_offset(ring, &other, 0, 1, 1, 0), -EBUSY);
		CHECK_EQ(xu_clone_buffers_offset(ring, &other, 0, 1, 1, IORING_REGISTER_DST_REPLACE),
			 0);
		check_buffer(ring, 0, 1);
		CHECK_EQ(xu_unregister_buffers(ring), 0);
	}
	xu_queue_exit(&other);
}

static const struct prep_case cases[] = {
	{"buffers", IORING_OP_READ_FIXED, test_plain},
	{"buffers, tags", IORING_OP_READ_FIXED, test_tags},
	{"buffers, sparse", IORING_OP_READ_FIXED, test_sparse},
	{"buffers, clone", IORING_OP_READ_FIXED, test_clone},
};

int main(void)
{
	scratch();
	fd = file_with("f", "data");
	return PREP_CASES(cases);
}
