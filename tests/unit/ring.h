/* What the unit tests do with rings again and again. */
#ifndef RING_H
#define RING_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/unit/check.h"
#include "xuring.h"

/* XU_LEVEL=6.1 in the environment: everything newer is hidden from the test. */
__attribute__((constructor)) static void pretend_level(void)
{
	const char *level = getenv("XU_LEVEL");
	unsigned major = 0, minor = 0;

	if (level && sscanf(level, "%u.%u", &major, &minor) == 2)
		xu_hide_newer(major * 1000 + minor);
}

/* Skip where the kernel, or what contains us, has no io_uring for us. */
static inline void need_ring(void)
{
	struct xu_ring ring;
	int ret = xu_queue_init(1, &ring, 0);
	struct rlimit lim;

	/* Rings are given back some time after their end, so that many in a row need more than one at a time. */
	if (geteuid() && getrlimit(RLIMIT_MEMLOCK, &lim) == 0 && lim.rlim_cur < 4 << 20)
		skip("too little memory may be locked for many rings: ulimit -l is %llu",
		     (unsigned long long)lim.rlim_cur >> 10);
	if (ret)
		skip("no io_uring here: %s", strerror(-ret));
	xu_queue_exit(&ring);
}

/* Skip where the kernel lacks the op. */
static inline void need_op(unsigned op)
{
	struct xu_probe probe;

	need_ring();
	CHECK_EQ(xu_probe_cached(&probe), 0);
	if (!xu_opcode_supported(&probe, op))
		skip("this kernel has no %s", xu_op_name(op));
}

/* Run a test on both ends of the ladder: a plain ring, and the best one that there is. */
static inline void on_each_ring(unsigned entries, void (*test)(struct xu_ring *))
{
	struct xu_ring ring;

	need_ring();
	check_case = "plain ring";
	CHECK_EQ(xu_queue_init(entries, &ring, 0), 0);
	test(&ring);
	xu_queue_exit(&ring);

	check_case = "best ring";
	CHECK_EQ(xu_queue_init_best(entries, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
	test(&ring);
	xu_queue_exit(&ring);
	check_case = "";
}

/* A free entry, which there has to be. */
static inline struct io_uring_sqe *sqe_of(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe = xu_get_sqe(ring);

	CHECK(sqe != NULL);
	return sqe;
}

/* Queue a NOP with this user data. */
static inline void put_nop(struct xu_ring *ring, uint64_t data)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_nop(sqe);
	xu_sqe_set_data64(sqe, data);
}

/* Queue what the kernel does not even begin: an op that does not exist. */
static inline void put_bad(struct xu_ring *ring, uint64_t data)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_rw(255, sqe, -1, NULL, 0, 0);
	xu_sqe_set_data64(sqe, data);
}

/* Take the first completion, which has to be there or to come. Returns its result. */
static inline int take(struct xu_ring *ring, uint64_t *data)
{
	struct io_uring_cqe *cqe;
	int res;

	CHECK_EQ(xu_wait_cqe(ring, &cqe), 0);
	CHECK(cqe != NULL);
	res = cqe->res;
	if (data)
		*data = xu_cqe_get_data64(cqe);
	xu_cqe_seen(ring, cqe);
	return res;
}

/* Submit the one entry that was prepared, and return its result. */
static inline int result_of(struct xu_ring *ring)
{
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	CHECK_EQ(xu_cq_ready(ring), 1);
	return take(ring, NULL);
}

/* The ring works: a few NOPs, more than fit at a time, each once and in order. */
static inline void check_ring_works(struct xu_ring *ring)
{
	uint64_t next = 1000, data = 0;

	for (int round = 0; round < 5; round++) {
		unsigned n = ring->sq.entries < 3 ? ring->sq.entries : 3;

		for (unsigned i = 0; i < n; i++)
			put_nop(ring, next + i);
		CHECK_EQ(xu_submit(ring), n);
		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(take(ring, &data), 0);
			CHECK_EQ(data, next++);
		}
		CHECK_EQ(xu_cq_ready(ring), 0);
		/* A polling thread gives places back some time after it posted the completions. */
		for (int i = 0; i < 1000 && xu_sq_ready(ring) && ring->flags & IORING_SETUP_SQPOLL;
		     i++)
			sleep_ms(1);
		CHECK_EQ(xu_sq_ready(ring), 0);
	}
}

/* The open fds, as a text to compare: "0 1 2 ". */
static inline void list_fds(char *buf, size_t size)
{
	bool open[8192] = {false};
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	size_t len = 0;

	if (!dir)
		skip("no /proc");
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		CHECK_LE(fd, 8191);
		open[fd] = true;
	}
	closedir(dir);
	*buf = '\0';
	for (int fd = 0; fd < 8192 && len < size; fd++)
		if (open[fd])
			len += (size_t)snprintf(buf + len, size - len, "%d ", fd);
}

/* The number that the next open gets. */
static inline int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK_GE(fd, 0);
	close(fd);
	return fd;
}

#endif
