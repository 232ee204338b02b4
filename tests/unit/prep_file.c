/* openat, openat2, close, statx, fsync, sync_file_range, fallocate, ftruncate, fadvise, madvise through the ring. */
#include <linux/falloc.h>
#include <linux/openat2.h>
#include <sys/mman.h>

#include "tests/unit/prep.h"

#ifndef STATX_TYPE
#include <linux/stat.h> /* a libc that has no statx */
#endif

static off_t size_of(const char *path)
{
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	return st.st_size;
}

static int open_at(struct xu_ring *ring, int dfd, const char *path, int flags, mode_t mode)
{
	xu_prep_openat(sqe_of(ring), dfd, path, flags, mode);
	return result_of(ring);
}

static void test_openat(struct xu_ring *ring)
{
	struct stat st;
	mode_t mask;
	int dir, fd;
	char c;

	unlink("new");
	close(file_with("f", "abc"));
	fd = open_at(ring, AT_FDCWD, "f", O_RDONLY | O_CLOEXEC, 0);
	CHECK_GE(fd, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(c, 'a');
	CHECK_EQ(write(fd, "x", 1), -1);
	close(fd);

	dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mask = umask(027);
	fd = open_at(ring, dir, "new", O_WRONLY | O_CREAT | O_EXCL, 0666);
	umask(mask);
	CHECK_GE(fd, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0640);
	close(fd);
	CHECK_EQ(open_at(ring, dir, "new", O_WRONLY | O_CREAT | O_EXCL, 0666), -EEXIST);
	CHECK_EQ(open_at(ring, dir, "none", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(open_at(ring, dir, "f/x", O_RDONLY, 0), -ENOTDIR);
	CHECK_EQ(open_at(ring, -1, "f", O_RDONLY, 0), -EBADF);
	close(dir);
	fd = open_at(ring, AT_FDCWD, "f", O_WRONLY | O_TRUNC, 0);
	CHECK_GE(fd, 0);
	close(fd);
	CHECK_EQ(size_of("f"), 0);
}

static void test_openat2(struct xu_ring *ring)
{
	struct open_how how;
	int fd;

	close(file_with("f", "abc"));
	if (symlink("f", "link") < 0)
		CHECK_EQ(errno, EEXIST);
	memset(&how, 0, sizeof(how));
	how.flags = O_RDONLY | O_CLOEXEC;
	xu_prep_openat2(sqe_of(ring), AT_FDCWD, "link", &how, sizeof(how));
	fd = result_of(ring);
	CHECK_GE(fd, 0);
	close(fd);
	how.resolve = RESOLVE_NO_SYMLINKS;
	xu_prep_openat2(sqe_of(ring), AT_FDCWD, "link", &how, sizeof(how));
	CHECK_EQ(result_of(ring), -ELOOP);
	how.resolve = 0;
	xu_prep_openat2(sqe_of(ring), AT_FDCWD, "f", &how, 1);
	CHECK_EQ(result_of(ring), -EINVAL);
}

static void test_close(struct xu_ring *ring)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	xu_prep_close(sqe_of(ring), fd);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	xu_prep_close(sqe_of(ring), fd);
	CHECK_EQ(result_of(ring), -EBADF);
}

static void test_statx(struct xu_ring *ring)
{
	int fd = file_with("f", "12345");
	struct statx sx;
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	memset(&sx, 0, sizeof(sx));
	xu_prep_statx(sqe_of(ring), AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(sx.stx_size, 5);
	CHECK_EQ(sx.stx_ino, st.st_ino);
	CHECK_EQ(sx.stx_mode, st.st_mode);
	CHECK_EQ(sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	memset(&sx, 0, sizeof(sx));
	xu_prep_statx(sqe_of(ring), fd, "", AT_EMPTY_PATH, STATX_SIZE, &sx);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(sx.stx_size, 5);
	close(fd);
	if (symlink("nowhere", "broken") < 0)
		CHECK_EQ(errno, EEXIST);
	xu_prep_statx(sqe_of(ring), AT_FDCWD, "broken", 0, STATX_MODE, &sx);
	CHECK_EQ(result_of(ring), -ENOENT);
	xu_prep_statx(sqe_of(ring), AT_FDCWD, "broken", AT_SYMLINK_NOFOLLOW, STATX_MODE, &sx);
	CHECK_EQ(result_of(ring), 0);
	CHECK(S_ISLNK(sx.stx_mode));
}

static void test_fsync(struct xu_ring *ring)
{
	int fd = file_with("f", "abc"), pipes[2];

	xu_prep_fsync(sqe_of(ring), fd, 0);
	CHECK_EQ(result_of(ring), 0);
	xu_prep_fsync(sqe_of(ring), fd, IORING_FSYNC_DATASYNC);
	CHECK_EQ(result_of(ring), 0);
	/* The flags get there. */
	xu_prep_fsync(sqe_of(ring), fd, 1u << 30);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(fd);
	xu_prep_fsync(sqe_of(ring), fd, 0);
	CHECK_EQ(result_of(ring), -EBADF);
	CHECK_EQ(pipe(pipes), 0);
	xu_prep_fsync(sqe_of(ring), pipes[0], 0);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_sync_file_range(struct xu_ring *ring)
{
	int fd = file_with("f", "abc"), pipes[2];

	xu_prep_sync_file_range(sqe_of(ring), fd, 3, 0,
				SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					SYNC_FILE_RANGE_WAIT_AFTER);
	CHECK_EQ(result_of(ring), 0);
	xu_prep_sync_file_range(sqe_of(ring), fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	CHECK_EQ(result_of(ring), 0);
	xu_prep_sync_file_range(sqe_of(ring), fd, 0, 0, 1 << 20);
	CHECK_EQ(result_of(ring), -EINVAL);
	xu_prep_sync_file_range(sqe_of(ring), fd, 1, (uint64_t)-5, SYNC_FILE_RANGE_WRITE);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(fd);
	CHECK_EQ(pipe(pipes), 0);
	xu_prep_sync_file_range(sqe_of(ring), pipes[0], 0, 0, SYNC_FILE_RANGE_WRITE);
	CHECK_EQ(result_of(ring), -ESPIPE);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_fallocate(struct xu_ring *ring)
{
	int fd = file_with("f", "abcdef"), ret;
	struct stat st;

	xu_prep_fallocate(sqe_of(ring), fd, 0, 100, 10000);
	ret = result_of(ring);
	if (ret == -EOPNOTSUPP) {
		prep_not_here = "this file system has none";
		close(fd);
		return;
	}
	CHECK_EQ(ret, 0);
	CHECK_EQ(size_of("f"), 10100);
	xu_prep_fallocate(sqe_of(ring), fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 10100);
	CHECK_GE(st.st_blocks, (1 << 20) / 512);
	xu_prep_fallocate(sqe_of(ring), fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 2, 3);
	ret = result_of(ring);
	if (ret != -EOPNOTSUPP) {
		char buf[6];

		CHECK_EQ(ret, 0);
		CHECK_EQ(pread(fd, buf, 6, 0), 6);
		CHECK_MEM(buf, "ab\0\0\0f", 6);
	}
	xu_prep_fallocate(sqe_of(ring), fd, 0, 0, 0);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(fd);
}

static void test_ftruncate(struct xu_ring *ring)
{
	int fd = file_with("f", "abcdef");

	xu_prep_ftruncate(sqe_of(ring), fd, 4);
	CHECK_EQ(result_of(ring), 0);
	check_content("f", "abcd");
	xu_prep_ftruncate(sqe_of(ring), fd, 6000000000);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(size_of("f"), 6000000000);
	xu_prep_ftruncate(sqe_of(ring), fd, (uint64_t)-1);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(fd);
}

/* Write a file out and drop its second half from memory, by the ring or by the plain call. Is it still there? */
static bool drop_second_half(struct xu_ring *ring)
{
	enum { HALF = 2 << 20 };
	static char half[HALF];
	unsigned char first = 0, second = 0;
	int fd = file_with("dropped", "");
	char *map;

	memset(half, 'h', sizeof(half));
	CHECK_EQ(write(fd, half, HALF), HALF);
	CHECK_EQ(write(fd, half, HALF), HALF);
	CHECK_EQ(fsync(fd), 0);
	if (ring) {
		xu_prep_fadvise(sqe_of(ring), fd, HALF, HALF, POSIX_FADV_DONTNEED);
		CHECK_EQ(result_of(ring), 0);
	} else {
		CHECK_EQ(posix_fadvise(fd, HALF, HALF, POSIX_FADV_DONTNEED), 0);
	}
	map = (char *)mmap(NULL, 2 * HALF, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	CHECK_EQ(mincore(map, 1, (void *)&first), 0);
	CHECK_EQ(mincore(map + HALF + HALF / 2, 1, (void *)&second), 0);
	munmap(map, 2 * HALF);
	close(fd);
	CHECK(first & 1);
	return second & 1;
}

static void test_fadvise(struct xu_ring *ring)
{
	int fd = file_with("f", "abc"), pipes[2];

	xu_prep_fadvise(sqe_of(ring), fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	CHECK_EQ(result_of(ring), 0);
	xu_prep_fadvise(sqe_of(ring), fd, 0, 0, 99);
	CHECK_EQ(result_of(ring), -EINVAL);
	close(fd);
	CHECK_EQ(pipe(pipes), 0);
	xu_prep_fadvise(sqe_of(ring), pipes[0], 0, 0, POSIX_FADV_NORMAL);
	CHECK_EQ(result_of(ring), -ESPIPE);
	close(pipes[0]);
	close(pipes[1]);
	/* Where the plain call drops pages, so does the ring's. */
	if (!drop_second_half(NULL))
		CHECK(!drop_second_half(ring));
}

static void test_madvise(struct xu_ring *ring)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = (char *)mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	memset(map, 'm', 3 * page);
	xu_prep_madvise(sqe_of(ring), map + page, (uint32_t)page, MADV_DONTNEED);
	CHECK_EQ(result_of(ring), 0);
	CHECK_EQ(map[page - 1], 'm');
	CHECK_EQ(map[page], 0);
	CHECK_EQ(map[2 * page - 1], 0);
	CHECK_EQ(map[2 * page], 'm');
	xu_prep_madvise(sqe_of(ring), map, (uint32_t)page, 9999);
	CHECK_EQ(result_of(ring), -EINVAL);
	munmap(map, 3 * page);
}

static const struct prep_case cases[] = {
	{"openat", IORING_OP_OPENAT, test_openat},
	{"openat2", IORING_OP_OPENAT2, test_openat2},
	{"close", IORING_OP_CLOSE, test_close},
	{"statx", IORING_OP_STATX, test_statx},
	{"fsync", IORING_OP_FSYNC, test_fsync},
	{"sync_file_range", IORING_OP_SYNC_FILE_RANGE, test_sync_file_range},
	{"fallocate", IORING_OP_FALLOCATE, test_fallocate},
	{"ftruncate", IORING_OP_FTRUNCATE, test_ftruncate},
	{"fadvise", IORING_OP_FADVISE, test_fadvise},
	{"madvise", IORING_OP_MADVISE, test_madvise},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
