/* Registered files: tables, sparse ones, tags, changes, the range of free places. */
#include "tests/unit/op.h"

static int fds[2];

static int read_slot(struct xu_ring *ring, int slot, char *first)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_read(sqe, slot, first, 1, 0);
	xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	return result_of(ring);
}

/* The direct descriptor is the file that begins with this letter. */
static void check_slot(struct xu_ring *ring, int slot, char want)
{
	char c = 0;

	CHECK_EQ(read_slot(ring, slot, &c), 1);
	CHECK_EQ(c, want);
}

static void check_empty(struct xu_ring *ring, int slot)
{
	char c;

	CHECK_EQ(read_slot(ring, slot, &c), -EBADF);
}

static void test_plain(struct xu_ring *ring)
{
	int three[3] = {fds[0], -1, fds[1]}, change[2] = {-1, fds[1]};

	CHECK_EQ(xu_unregister_files(ring), -ENXIO);
	CHECK_EQ(xu_register_files(ring, three, 3), 0);
	CHECK_EQ(xu_register_files(ring, three, 3), -EBUSY);
	check_slot(ring, 0, 'a');
	check_empty(ring, 1);
	check_slot(ring, 2, 'b');
	CHECK_EQ(xu_register_files_update(ring, 0, change, 2), 2);
	check_empty(ring, 0);
	check_slot(ring, 1, 'b');
	if (kernel_is(5, 12)) {
		change[0] = fds[0];
		change[1] = IORING_REGISTER_FILES_SKIP;
		CHECK_EQ(xu_register_files_update(ring, 0, change, 2), 2);
		check_slot(ring, 0, 'a');
		check_slot(ring, 1, 'b');
	}
	CHECK_EQ(xu_register_files_update(ring, 3, change, 1), -EINVAL);
	CHECK_EQ(xu_unregister_files(ring), 0);
	check_empty(ring, 0);
	three[1] = 8000;
	CHECK_EQ(xu_register_files(ring, three, 3), -EBADF);
}

static void test_tags(struct xu_ring *ring)
{
	uint64_t tags[2] = {111, 222}, tag = 333;
	int none = -1;

	if (!(ring->features & IORING_FEAT_RSRC_TAGS)) {
		prep_not_here = "no tags";
		return;
	}
	CHECK_EQ(xu_register_files_tags(ring, fds, tags, 2), 0);
	check_slot(ring, 1, 'b');
	CHECK_EQ(xu_register_files_update_tag(ring, 0, &fds[1], &tag, 1), 1);
	CHECK_EQ(next(ring).data, 111);
	check_slot(ring, 0, 'b');
	tag = 0;
	CHECK_EQ(xu_register_files_update_tag(ring, 0, &none, &tag, 1), 1);
	CHECK_EQ(next(ring).data, 333);
	CHECK_EQ(xu_unregister_files(ring), 0);
	if (real_kernel_is(6, 13)) /* older ones forget the tags of what is still there */
		CHECK_EQ(next(ring).data, 222);
}

static void test_alloc_range(struct xu_ring *ring)
{
	int ret;

	if (!kernel_is(5, 19)) {
		prep_not_here = "no sparse tables";
		return;
	}
	CHECK_EQ(xu_register_files_sparse(ring, 8), 0);
	ret = xu_register_file_alloc_range(ring, 5, 2);
	if (ret == -EINVAL && !kernel_is(6, 0)) {
		prep_not_here = "no range of free places";
	} else {
		CHECK_EQ(ret, 0);
		for (int i = 0; i < 2; i++) {
			int slot;

			xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "a", O_RDONLY, 0,
					      IORING_FILE_INDEX_ALLOC);
			slot = result_of(ring);
			CHECK_GE(slot, 5);
			CHECK_LE(slot, 6);
			check_slot(ring, slot, 'a');
		}
		xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "a", O_RDONLY, 0,
				      IORING_FILE_INDEX_ALLOC);
		CHECK_EQ(result_of(ring), -ENFILE);
		CHECK_EQ(xu_register_file_alloc_range(ring, 7, 2), -EINVAL);
	}
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static const struct prep_case cases[] = {
	{"files", IORING_OP_READ, test_plain},
	{"files, tags", IORING_OP_READ, test_tags},
	{"files, range", IORING_OP_READ, test_alloc_range},
};

int main(void)
{
	scratch();
	fds[0] = file_with("a", "a");
	fds[1] = file_with("b", "b");
	return PREP_CASES(cases);
}
