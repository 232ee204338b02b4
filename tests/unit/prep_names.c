/* renameat, unlinkat, mkdirat, symlinkat, linkat through the ring. */
#include "tests/unit/prep.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static bool there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Two directories, empty, open. */
static int from, to;

static void begin(void)
{
	static const char *const leftover[] = {"from/a", "from/b", "to/a", "to/b", "to/l", "to/d"};

	for (size_t i = 0; i < sizeof(leftover) / sizeof(leftover[0]); i++)
		remove(leftover[i]);
	mkdir("from", 0755);
	mkdir("to", 0755);
	from = open("from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = open("to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_GE(from, 0);
	CHECK_GE(to, 0);
}

static void end(void)
{
	close(from);
	close(to);
}

static void test_renameat(struct xu_ring *ring)
{
	int ret;

	begin();
	close(file_with("from/a", "one"));
	xu_prep_renameat(sqe_of(ring), from, "a", to, "b", 0);
	CHECK_EQ(result_of(ring), 0);
	CHECK(!there("from/a"));
	check_content("to/b", "one");
	close(file_with("from/a", "two"));
	xu_prep_renameat(sqe_of(ring), from, "a", to, "b", RENAME_NOREPLACE);
	CHECK_EQ(result_of(ring), -EEXIST);
	xu_prep_renameat(sqe_of(ring), AT_FDCWD, "from/a", to, "b", RENAME_EXCHANGE);
	ret = result_of(ring);
	if (ret != -EINVAL) {
		CHECK_EQ(ret, 0);
		check_content("from/a", "one");
		check_content("to/b", "two");
	}
	xu_prep_renameat(sqe_of(ring), from, "none", to, "b", 0);
	CHECK_EQ(result_of(ring), -ENOENT);
	end();
}

static void test_unlinkat(struct xu_ring *ring)
{
	begin();
	close(file_with("from/a", "x"));
	xu_prep_unlinkat(sqe_of(ring), from, "a", 0);
	CHECK_EQ(result_of(ring), 0);
	CHECK(!there("from/a"));
	xu_prep_unlinkat(sqe_of(ring), from, "a", 0);
	CHECK_EQ(result_of(ring), -ENOENT);
	CHECK_EQ(mkdir("to/d", 0755), 0);
	xu_prep_unlinkat(sqe_of(ring), to, "d", 0);
	CHECK_EQ(result_of(ring), -EISDIR);
	xu_prep_unlinkat(sqe_of(ring), to, "d", AT_REMOVEDIR);
	CHECK_EQ(result_of(ring), 0);
	CHECK(!there("to/d"));
	end();
}

static void test_mkdirat(struct xu_ring *ring)
{
	mode_t mask = umask(0);
	struct stat st;

	begin();
	xu_prep_mkdirat(sqe_of(ring), to, "d", 0715);
	CHECK_EQ(result_of(ring), 0);
	umask(mask);
	CHECK_EQ(stat("to/d", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(st.st_mode & 0777, 0715);
	xu_prep_mkdirat(sqe_of(ring), to, "d", 0755);
	CHECK_EQ(result_of(ring), -EEXIST);
	end();
}

static void test_symlinkat(struct xu_ring *ring)
{
	char target[20] = "";

	begin();
	xu_prep_symlinkat(sqe_of(ring), "some/where", to, "l");
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(readlink("to/l", target, sizeof(target)), 10);
	CHECK_STR(target, "some/where");
	xu_prep_symlinkat(sqe_of(ring), "other", to, "l");
	CHECK_EQ(result_of(ring), -EEXIST);
	end();
}

static void test_linkat(struct xu_ring *ring)
{
	struct stat a, b;

	begin();
	close(file_with("from/a", "linked"));
	xu_prep_linkat(sqe_of(ring), from, "a", to, "b", 0);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(stat("from/a", &a), 0);
	CHECK_EQ(stat("to/b", &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(b.st_nlink, 2);
	/* The flags get there: a link to what a link means, or to the link itself. */
	CHECK_EQ(symlink("../from/a", "to/l"), 0);
	xu_prep_linkat(sqe_of(ring), to, "l", to, "a", AT_SYMLINK_FOLLOW);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(lstat("to/a", &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	xu_prep_linkat(sqe_of(ring), to, "l", to, "a", 0);
	CHECK_EQ(result_of(ring), -EEXIST);
	end();
}

static const struct prep_case cases[] = {
	{"renameat", IORING_OP_RENAMEAT, test_renameat},
	{"unlinkat", IORING_OP_UNLINKAT, test_unlinkat},
	{"mkdirat", IORING_OP_MKDIRAT, test_mkdirat},
	{"symlinkat", IORING_OP_SYMLINKAT, test_symlinkat},
	{"linkat", IORING_OP_LINKAT, test_linkat},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
