/* Queues of another size for a living ring. */
#include <errno.h>

#include "core/setup.h"
#include "core/syscall.h"
#include "xuring.h"

/* What a ring keeps of its flags. */
#define KEPT                                                                                       \
	(IORING_SETUP_NO_MMAP | IORING_SETUP_NO_SQARRAY | IORING_SETUP_SQE128 |                    \
	 IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED | IORING_SETUP_SQE_MIXED)

int xu_resize_rings(struct xu_ring *ring, struct io_uring_params *p)
{
	struct xu_ring sized = *ring;
	bool ours = ring->flags & IORING_SETUP_NO_MMAP;
	unsigned asked = p->flags;
	int ret;

	if (asked & ~(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP))
		return -EINVAL;
	/* Kernels up to 6.18 at least do not tell where the new index array is. */
	if (!(ring->flags & IORING_SETUP_NO_SQARRAY))
		return -EINVAL;
	/* The kernel carries over what lies between head and tail, so what was prepared must be there. */
	if (!(ring->flags & IORING_SETUP_SQPOLL))
		XU_STORE_RELEASE(ring->sq.ktail, ring->sq.tail);
	memset(sized.mem, 0, sizeof(sized.mem));
	memset(sized.mem_size, 0, sizeof(sized.mem_size));
	p->flags |= ring->flags & KEPT;
	if (ours) {
		ret = xu_ring_provide(p->sq_entries, &sized, p);
		if (ret) {
			xu_ring_unmap(&sized);
			return ret;
		}
	}
	p->flags = asked;
	ret = xu_register(ring, IORING_REGISTER_RESIZE_RINGS, p, 1);
	if (ret) {
		xu_ring_unmap(&sized);
		return ret;
	}
	/* The old queues are dead from here on. */
	xu_ring_unmap(ring);
	p->features = ring->features;
	p->flags |= ring->flags & KEPT;
	if (!ours)
		ret = xu_ring_map(&sized, p, ring->ring_fd);
	if (ret) {
		/* A ring without queues is of no use to anybody. */
		xu_ring_unmap(&sized);
		xu_queue_exit(ring);
		return ret;
	}
	*ring = sized;
	xu_ring_find_queues(ring, p);
	return 0;
}
