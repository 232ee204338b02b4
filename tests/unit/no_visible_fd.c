/* A hidden ring has no fd that the program could see, close, count or hand on, however it is used. */
#include <sys/syscall.h>

#include "tests/unit/ring.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

int main(void)
{
	char before[4096], during[4096];
	struct xu_probe probe;
	struct xu_ring ring;
	int fd, pipes[2];

	need_ring();
	if (!kernel_is(6, 5))
		skip("invisible rings need Linux 6.5");
	fd = lowest_free_fd();
	list_fds(before, sizeof(before));

	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
	CHECK_STR(xu_ring_visibility(&ring), "invisible");
	CHECK_EQ(ring.ring_fd, -1);
	list_fds(during, sizeof(during));
	CHECK_STR(during, before);
	CHECK_EQ(lowest_free_fd(), fd);

	check_ring_works(&ring);
	CHECK_EQ(xu_probe_ring(&ring, &probe), 0);
	CHECK_EQ(xu_probe_cached(&probe), 0);
	list_fds(during, sizeof(during));
	CHECK_STR(during, before);

	/* With an operation in flight, too. */
	CHECK_EQ(pipe(pipes), 0);
	xu_prep_poll_add(sqe_of(&ring), pipes[0], 1);
	CHECK_EQ(xu_submit(&ring), 1);
	CHECK_EQ(lowest_free_fd(), pipes[1] + 1);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_EQ(take(&ring, NULL), 1);

	/* A daemon that closes all does not close it. */
	if (syscall(SYS_close_range, 3, ~0u, 0) == 0) {
		check_ring_works(&ring);
		CHECK_EQ(lowest_free_fd(), 3);
	}
	xu_queue_exit(&ring);
	return 0;
}
