/* files_update, openat_direct, openat2_direct, close_direct, fixed_fd_install: files that have no fd. */
#include <linux/openat2.h>

#include "tests/unit/op.h"

/* A table of four empty places, or false where there is none. */
static bool begin(struct xu_ring *ring)
{
	int ret = xu_register_files_sparse(ring, 4);

	if (ret == -EINVAL)
		prep_not_here = "no sparse tables";
	else
		CHECK_EQ(ret, 0);
	return !ret;
}

/* What a read of the direct descriptor gives. */
static int read_slot(struct xu_ring *ring, int slot, char *buf, unsigned size)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	memset(buf, 0, size);
	xu_prep_read(sqe, slot, buf, size - 1, 0);
	xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	return result_of(ring);
}

static void check_slot(struct xu_ring *ring, int slot, const char *want)
{
	char buf[64];

	CHECK_EQ(read_slot(ring, slot, buf, sizeof(buf)), strlen(want));
	CHECK_STR(buf, want);
}

static void test_files_update(struct xu_ring *ring)
{
	int fds[2] = {file_with("f", "one"), file_with("g", "two")}, none = -1;
	char buf[64];

	if (!begin(ring))
		return;
	xu_prep_files_update(sqe_of(ring), fds, 2, 1);
	CHECK_EQ(result_of(ring), 2);
	close_pair(fds);
	check_slot(ring, 1, "one");
	check_slot(ring, 2, "two");
	xu_prep_files_update(sqe_of(ring), &none, 1, 1);
	CHECK_EQ(result_of(ring), 1);
	CHECK_EQ(read_slot(ring, 1, buf, sizeof(buf)), -EBADF);
	xu_prep_files_update(sqe_of(ring), fds, 2, 3);
	CHECK_EQ(result_of(ring), -EINVAL);
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static void test_openat_direct(struct xu_ring *ring)
{
	int lowest = lowest_free_fd();
	char buf[64];
	int slot;

	close(file_with("f", "content"));
	if (!begin(ring))
		return;
	xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "f", O_RDONLY, 0, 2);
	CHECK_EQ(result_of(ring), 0);
	check_slot(ring, 2, "content");
	CHECK_EQ(lowest_free_fd(), lowest);
	xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "none", O_RDONLY, 0, 1);
	CHECK_EQ(result_of(ring), -ENOENT);
	xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "f", O_RDONLY, 0, 4);
	CHECK_EQ(result_of(ring), -EINVAL);
	xu_prep_open_direct(sqe_of(ring), "f", O_RDONLY, 0, 1);
	CHECK_EQ(result_of(ring), 0);
	check_slot(ring, 1, "content");
	xu_prep_close_direct(sqe_of(ring), 1);
	CHECK_EQ(result_of(ring), 0);
	/* Any free place, three times, then there is none. */
	for (int i = 0; i < 3; i++) {
		xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "f", O_RDONLY, 0,
				      IORING_FILE_INDEX_ALLOC);
		slot = result_of(ring);
		CHECK_GE(slot, 0);
		CHECK_LE(slot, 3);
		check_slot(ring, slot, "content");
	}
	xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "f", O_RDONLY, 0, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(result_of(ring), -ENFILE);
	xu_prep_close_direct(sqe_of(ring), 2);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(read_slot(ring, 2, buf, sizeof(buf)), -EBADF);
	xu_prep_close_direct(sqe_of(ring), 2);
	CHECK_EQ(result_of(ring), -EBADF);
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static void test_openat2_direct(struct xu_ring *ring)
{
	struct open_how how;

	close(file_with("f", "content"));
	if (!begin(ring))
		return;
	memset(&how, 0, sizeof(how));
	how.flags = O_RDONLY;
	xu_prep_openat2_direct(sqe_of(ring), AT_FDCWD, "f", &how, sizeof(how), 3);
	CHECK_EQ(result_of(ring), 0);
	check_slot(ring, 3, "content");
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static void test_fixed_fd_install(struct xu_ring *ring)
{
	int fd;

	close(file_with("f", "content"));
	if (!begin(ring))
		return;
	xu_prep_openat_direct(sqe_of(ring), AT_FDCWD, "f", O_RDONLY, 0, 1);
	CHECK_EQ(result_of(ring), 0);
	for (unsigned flags = 0; flags <= IORING_FIXED_FD_NO_CLOEXEC; flags++) {
		xu_prep_fixed_fd_install(sqe_of(ring), 1, flags);
		fd = result_of(ring);
		CHECK_GE(fd, 0);
		CHECK_EQ(fcntl(fd, F_GETFD), flags ? 0 : FD_CLOEXEC);
		CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
		check_read(fd, "content");
		close(fd);
	}
	check_slot(ring, 1, "content");
	xu_prep_fixed_fd_install(sqe_of(ring), 0, 0);
	CHECK_EQ(result_of(ring), -EBADF);
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static const struct prep_case cases[] = {
	{"files_update", IORING_OP_FILES_UPDATE, test_files_update},
	{"openat_direct, close_direct", IORING_OP_OPENAT, test_openat_direct},
	{"openat2_direct", IORING_OP_OPENAT2, test_openat2_direct},
	{"fixed_fd_install", IORING_OP_FIXED_FD_INSTALL, test_fixed_fd_install},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
