/* What the tests of the newer ops share: completions with their flags, connected sockets, buffer rings. */
#ifndef OP_H
#define OP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/prep.h"

#define HERE ((uint64_t)-1) /* at the file's own position */
#define MORE IORING_CQE_F_MORE

/* A completion, taken out of the queue. */
struct done {
	int res;
	unsigned flags;
	int buffer; /* the provided buffer's id, or -1 */
	uint64_t data;
};

/* The next completion, which has to come. */
static inline struct done next(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe = NULL;
	struct done done;

	CHECK_EQ(xu_wait_cqe(ring, &cqe), 0);
	CHECK(cqe != NULL);
	done = (struct done){cqe->res, cqe->flags, xu_cqe_buffer_id(cqe), cqe->user_data};
	xu_cqe_seen(ring, cqe);
	return done;
}

/* Nothing completes, not even by asking the kernel. */
static inline void check_quiet(struct xu_ring *ring)
{
	CHECK_EQ(xu_get_events(ring), 0);
	CHECK_EQ(xu_cq_ready(ring), 0);
}

/* Submit one entry that is to go on. */
static inline void start(struct xu_ring *ring, struct io_uring_sqe *sqe, uint64_t data)
{
	xu_sqe_set_data64(sqe, data);
	CHECK_EQ(xu_submit(ring), 1);
}

/* End by user data what goes on. Its last completion has the data, -ECANCELED, and no more to follow. */
static inline void stop(struct xu_ring *ring, uint64_t data)
{
	bool ended = false;
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_cancel64(sqe, data, 0);
	xu_sqe_set_data64(sqe, ~data);
	CHECK_EQ(xu_submit(ring), 1);
	for (int i = 0; i < 2; i++) {
		struct done done = next(ring);

		if (done.data == ~data) {
			/* Of a futex and of a child's end the kernel says how many, 1. */
			CHECK_GE(done.res, 0);
		} else {
			CHECK_EQ(done.data, data);
			CHECK_EQ(done.res, -ECANCELED);
			CHECK_EQ(done.flags & MORE, 0);
			ended = true;
		}
	}
	CHECK(ended);
}

/* A TCP socket that listens on the loopback, and where. */
static inline int tcp_listener(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_GE(fd, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)addr, sizeof(*addr)), 0);
	CHECK_EQ(listen(fd, 10), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)addr, &len), 0);
	return fd;
}

static inline int tcp_connect(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_GE(fd, 0);
	CHECK_EQ(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)), 0);
	return fd;
}

static inline void tcp_pair(int fds[2])
{
	struct sockaddr_in addr;
	int listener = tcp_listener(&addr);

	fds[0] = tcp_connect(&addr);
	fds[1] = accept(listener, NULL, NULL);
	CHECK_GE(fds[1], 0);
	close(listener);
}

static inline void unix_pair(int fds[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static inline void close_pair(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Exactly these bytes are there to read. */
static inline void check_read(int fd, const char *want)
{
	char buf[256] = "";

	CHECK_EQ(read(fd, buf, sizeof(buf) - 1), strlen(want));
	CHECK_STR(buf, want);
}

/* ---- A group of provided buffers ---- */

#define GROUP 7
#define BUFFERS 4
#define BUFFER_SIZE 64

static char group_memory[BUFFERS][BUFFER_SIZE];
static struct io_uring_buf_ring *group;

static inline void group_add(int bid)
{
	memset(group_memory[bid], 0, BUFFER_SIZE);
	xu_buf_ring_add(group, group_memory[bid], BUFFER_SIZE, (uint16_t)bid,
			xu_buf_ring_mask(BUFFERS), 0);
	xu_buf_ring_advance(group, 1);
}

/* All buffers in a buffer ring, or false where the kernel has none. */
static inline bool group_begin(struct xu_ring *ring)
{
	int err = 0;

	group = xu_setup_buf_ring(ring, BUFFERS, GROUP, 0, &err);
	if (!group) {
		CHECK_EQ(err, -EINVAL);
		prep_not_here = "no buffer rings";
		return false;
	}
	CHECK_EQ(err, 0);
	for (int i = 0; i < BUFFERS; i++)
		group_add(i);
	return true;
}

static inline void group_end(struct xu_ring *ring)
{
	CHECK_EQ(xu_free_buf_ring(ring, group, BUFFERS, GROUP), 0);
}

#endif
