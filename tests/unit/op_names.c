/* open, rename, unlink, mkdir, symlink, link by path alone; fadvise and madvise with lengths of 64 bits. */
#include <sys/mman.h>

#include "tests/unit/op.h"

static void test_open(struct xu_ring *ring)
{
	int fd;

	xu_prep_open(sqe_of(ring), "made", O_RDWR | O_CREAT | O_EXCL, 0640);
	fd = result_of(ring);
	CHECK_GE(fd, 0);
	CHECK_EQ(write(fd, "open", 4), 4);
	close(fd);
	check_content("made", "open");
	xu_prep_open(sqe_of(ring), "made", O_RDWR | O_CREAT | O_EXCL, 0640);
	CHECK_EQ(result_of(ring), -EEXIST);
	CHECK_EQ(unlink("made"), 0);
}

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? -errno : (int)(st.st_mode & S_IFMT);
}

static void test_rename(struct xu_ring *ring)
{
	close(file_with("a", "moved"));
	xu_prep_rename(sqe_of(ring), "a", "b");
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(mode_of("a"), -ENOENT);
	check_content("b", "moved");
}

static void test_unlink(struct xu_ring *ring)
{
	close(file_with("u", "x"));
	xu_prep_unlink(sqe_of(ring), "u", 0);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(mode_of("u"), -ENOENT);
}

static void test_mkdir(struct xu_ring *ring)
{
	xu_prep_mkdir(sqe_of(ring), "d", 0700);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(mode_of("d"), S_IFDIR);
	xu_prep_unlink(sqe_of(ring), "d", AT_REMOVEDIR);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(mode_of("d"), -ENOENT);
}

static void test_symlink(struct xu_ring *ring)
{
	char target[20] = "";

	xu_prep_symlink(sqe_of(ring), "some/where", "s");
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(readlink("s", target, sizeof(target)), 10);
	CHECK_STR(target, "some/where");
	CHECK_EQ(unlink("s"), 0);
}

static void test_link(struct xu_ring *ring)
{
	close(file_with("from", "linked"));
	xu_prep_link(sqe_of(ring), "from", "to", 0);
	CHECK_EQ(result_of(ring), 0);
	check_content("to", "linked");
	CHECK_EQ(unlink("to"), 0);
}

static void test_fadvise64(struct xu_ring *ring)
{
	int fd;

	if (!kernel_is(6, 11)) {
		prep_not_here = "this kernel has none";
		return;
	}
	fd = file_with("f", "x");
	xu_prep_fadvise64(sqe_of(ring), fd, 0, (off_t)1 << 40, POSIX_FADV_SEQUENTIAL);
	CHECK_EQ(result_of(ring), 0);
	xu_prep_fadvise64(sqe_of(ring), fd, 0, 1, 1000);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(fd);
}

/* What is not needed is zero when it is read again: the length went through. */
static void test_madvise64(struct xu_ring *ring)
{
	size_t size = 4 * 4096;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!kernel_is(6, 11)) {
		prep_not_here = "this kernel has none";
		return;
	}
	CHECK(p != MAP_FAILED);
	memset(p, 'x', size);
	xu_prep_madvise64(sqe_of(ring), p, 2 * 4096, MADV_DONTNEED);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(p[0], 0);
	CHECK_EQ(p[2 * 4096 - 1], 0);
	CHECK_EQ(p[2 * 4096], 'x');
	CHECK_EQ(munmap(p, size), 0);
}

static const struct prep_case cases[] = {
	{"open", IORING_OP_OPENAT, test_open},
	{"rename", IORING_OP_RENAMEAT, test_rename},
	{"unlink", IORING_OP_UNLINKAT, test_unlink},
	{"mkdir", IORING_OP_MKDIRAT, test_mkdir},
	{"symlink", IORING_OP_SYMLINKAT, test_symlink},
	{"link", IORING_OP_LINKAT, test_link},
	{"fadvise64", IORING_OP_FADVISE, test_fadvise64},
	{"madvise64", IORING_OP_MADVISE, test_madvise64},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
