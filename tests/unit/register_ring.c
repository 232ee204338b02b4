/* A ring's fd can be registered with the thread, and then given back: the ring goes on, and can still be registered with. */
#include <sys/eventfd.h>

#include "tests/unit/ring.h"

int main(void)
{
	char before[4096], after[4096];
	struct xu_probe probe;
	struct xu_ring ring;
	int fd, efd, old_fd;

	need_ring();
	fd = lowest_free_fd();
	list_fds(before, sizeof(before));
	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	CHECK_EQ(ring.enter_fd, fd);
	CHECK_EQ(ring.enter_flags, 0);
	CHECK_EQ(xu_close_ring_fd(&ring), -EINVAL);
	CHECK_EQ(xu_unregister_ring_fd(&ring), -EINVAL);
	CHECK_EQ(ring.ring_fd, fd);
	if (!kernel_is(5, 18)) {
		CHECK_EQ(xu_register_ring_fd(&ring), -EINVAL);
		check_ring_works(&ring);
		xu_queue_exit(&ring);
		skip("rings can be registered since Linux 5.18");
	}

	CHECK_EQ(xu_register_ring_fd(&ring), 1);
	CHECK_EQ(ring.enter_flags, IORING_ENTER_REGISTERED_RING);
	CHECK_EQ(ring.ring_fd, fd);
	CHECK_STR(xu_ring_visibility(&ring), "fd");
	CHECK_EQ(xu_register_ring_fd(&ring), -EEXIST);
	check_ring_works(&ring);

	/* And back: the index is free again, the ring goes by its fd. */
	efd = ring.enter_fd;
	CHECK_EQ(xu_unregister_ring_fd(&ring), 1);
	CHECK_EQ(ring.enter_fd, fd);
	CHECK_EQ(ring.enter_flags, 0);
	check_ring_works(&ring);
	CHECK_EQ(xu_register_ring_fd(&ring), 1);
	CHECK_EQ(ring.enter_fd, efd);
	check_ring_works(&ring);

	/* Not where that would cut it off. */
	ring.features &= ~(unsigned)IORING_FEAT_REG_REG_RING;
	CHECK_EQ(xu_close_ring_fd(&ring), -EOPNOTSUPP);
	CHECK_EQ(ring.ring_fd, fd);
	check_ring_works(&ring);
	if (kernel_is(6, 3)) {
		ring.features |= IORING_FEAT_REG_REG_RING;
		CHECK_EQ(xu_close_ring_fd(&ring), 0);
		CHECK_EQ(ring.ring_fd, -1);
		CHECK_EQ(xu_unregister_ring_fd(&ring), -EINVAL);
		CHECK_STR(xu_ring_visibility(&ring), "invisible");
		CHECK_EQ(lowest_free_fd(), fd);
		check_ring_works(&ring);
		/* What is registered now goes by the index. */
		CHECK_EQ(xu_probe_ring(&ring, &probe), 0);
		CHECK(xu_opcode_supported(&probe, IORING_OP_NOP));
		efd = eventfd(0, EFD_NONBLOCK);
		CHECK_EQ(xu_register_eventfd(&ring, efd), 0);
		put_nop(&ring, 1);
		CHECK_EQ(xu_submit_and_wait(&ring, 1), 1);
		CHECK_EQ(eventfd_read(efd, &(eventfd_t){0}), 0);
		CHECK_EQ(xu_unregister_eventfd(&ring), 0);
		close(efd);
	}
	xu_queue_exit(&ring);
	list_fds(after, sizeof(after));
	CHECK_STR(after, before);

	/* After its end a ring refers to nobody's fd. */
	old_fd = open("/dev/null", O_RDWR);
	CHECK_EQ(old_fd, fd);
	CHECK_EQ(ring.ring_fd, -1);
	CHECK_LE(xu_unregister_eventfd(&ring), -1);
	close(old_fd);
	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	xu_queue_exit(&ring);
	CHECK_EQ(ring.ring_fd, -1);
	CHECK_EQ(ring.enter_fd, -1);

	/* A thread has room for 16: each end makes room again. */
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
		CHECK_EQ(xu_register_ring_fd(&ring), 1);
		if (i % 2 && kernel_is(6, 3))
			CHECK_EQ(xu_close_ring_fd(&ring), 0);
		xu_queue_exit(&ring);
	}
	for (int i = 0; i < 100 && kernel_is(6, 5); i++) {
		CHECK_EQ(xu_queue_init(4, &ring,
				       IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY),
			 0);
		xu_queue_exit(&ring);
	}
	return 0;
}
