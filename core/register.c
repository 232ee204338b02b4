/* Registering things with a ring: io_uring_register(2). */
#include <errno.h>

#include "core/syscall.h"
#include "xuring.h"

int xu_register(const struct xu_ring *ring, unsigned opcode, const void *arg, unsigned nr)
{
	if (ring->ring_fd >= 0)
		return (int)xu_sys(SYS_io_uring_register, ring->ring_fd, opcode, arg, nr);
	return (int)xu_sys(SYS_io_uring_register, ring->enter_fd,
			   opcode | IORING_REGISTER_USE_REGISTERED_RING, arg, nr);
}

int xu_register_eventfd(struct xu_ring *ring, int fd)
{
	return xu_register(ring, IORING_REGISTER_EVENTFD, &fd, 1);
}

int xu_register_eventfd_async(struct xu_ring *ring, int fd)
{
	return xu_register(ring, IORING_REGISTER_EVENTFD_ASYNC, &fd, 1);
}

int xu_unregister_eventfd(struct xu_ring *ring)
{
	return xu_register(ring, IORING_UNREGISTER_EVENTFD, NULL, 0);
}

int xu_register_ring_fd(struct xu_ring *ring)
{
	struct io_uring_rsrc_update up = {.offset = -1u, .data = (uint64_t)(unsigned)ring->ring_fd};
	int ret;

	if (ring->enter_flags & IORING_ENTER_REGISTERED_RING)
		return -EEXIST;
	ret = xu_register(ring, IORING_REGISTER_RING_FDS, &up, 1);
	if (ret == 1) {
		ring->enter_fd = (int)up.offset;
		ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
	}
	return ret;
}

int xu_close_ring_fd(struct xu_ring *ring)
{
	if (!(ring->enter_flags & IORING_ENTER_REGISTERED_RING))
		return -EINVAL;
	/* Without it neither register calls nor unregistering the ring would be possible any more. */
	if (!(ring->features & IORING_FEAT_REG_REG_RING))
		return -EOPNOTSUPP;
	if (ring->ring_fd >= 0)
		xu_sys(SYS_close, ring->ring_fd);
	ring->ring_fd = -1;
	return 0;
}
