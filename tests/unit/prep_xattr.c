/* fsetxattr, setxattr, fgetxattr, getxattr through the ring. */
#include <sys/xattr.h>

#include "tests/unit/prep.h"

#define NAME "user.xuring"

/* A file that can have attributes, or none (-1). */
static int begin(void)
{
	int fd = file_with("f", "");

	if (fsetxattr(fd, NAME, "before", 6, 0) == 0)
		return fd;
	prep_not_here = "this file system has none";
	close(fd);
	return -1;
}

static void check_value(const char *want)
{
	char value[100] = "";

	CHECK_EQ(getxattr("f", NAME, value, sizeof(value) - 1), strlen(want));
	CHECK_STR(value, want);
}

static void test_fsetxattr(struct xu_ring *ring)
{
	int fd = begin();

	if (fd < 0)
		return;
	xu_prep_fsetxattr(sqe_of(ring), fd, NAME, "after all", 0, 9);
	CHECK_EQ(result_of(ring), 0);
	check_value("after all");
	xu_prep_fsetxattr(sqe_of(ring), fd, NAME, "x", XATTR_CREATE, 1);
	CHECK_EQ(result_of(ring), -EEXIST);
	close(fd);
}

static void test_setxattr(struct xu_ring *ring)
{
	int fd = begin();

	if (fd < 0)
		return;
	xu_prep_setxattr(sqe_of(ring), NAME, "by name", "f", 0, 7);
	CHECK_EQ(result_of(ring), 0);
	check_value("by name");
	xu_prep_setxattr(sqe_of(ring), NAME "2", "x", "f", XATTR_REPLACE, 1);
	CHECK_EQ(result_of(ring), -ENODATA);
	xu_prep_setxattr(sqe_of(ring), NAME, "x", "none", 0, 1);
	CHECK_EQ(result_of(ring), -ENOENT);
	close(fd);
}

static void test_fgetxattr(struct xu_ring *ring)
{
	char value[100] = "";
	int fd = begin();

	if (fd < 0)
		return;
	xu_prep_fgetxattr(sqe_of(ring), fd, NAME, value, sizeof(value));
	CHECK_EQ(result_of(ring), 6);
	CHECK_STR(value, "before");
	xu_prep_fgetxattr(sqe_of(ring), fd, NAME, value, 3);
	CHECK_EQ(result_of(ring), -ERANGE);
	xu_prep_fgetxattr(sqe_of(ring), fd, NAME "2", value, 3);
	CHECK_EQ(result_of(ring), -ENODATA);
	close(fd);
}

static void test_getxattr(struct xu_ring *ring)
{
	char value[100] = "";
	int fd = begin();

	if (fd < 0)
		return;
	xu_prep_getxattr(sqe_of(ring), NAME, value, "f", sizeof(value));
	CHECK_EQ(result_of(ring), 6);
	CHECK_STR(value, "before");
	xu_prep_getxattr(sqe_of(ring), NAME, value, "none", sizeof(value));
	CHECK_EQ(result_of(ring), -ENOENT);
	close(fd);
}

static const struct prep_case cases[] = {
	{"fsetxattr", IORING_OP_FSETXATTR, test_fsetxattr},
	{"setxattr", IORING_OP_SETXATTR, test_setxattr},
	{"fgetxattr", IORING_OP_FGETXATTR, test_fgetxattr},
	{"getxattr", IORING_OP_GETXATTR, test_getxattr},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
