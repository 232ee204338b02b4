/* The steps of making a ring (setup.c), for making one anew with another size (resize.c). */
#ifndef XU_CORE_SETUP_H
#define XU_CORE_SETUP_H

#include "xuring.h"

/* Memory of ours for the queues, told to the kernel in `p`. 0 or -errno; xu_ring_unmap frees it in any case. */
int xu_ring_provide(unsigned entries, struct xu_ring *ring, struct io_uring_params *p);

/* Map the kernel's memory for the queues from the ring's fd. 0 or -errno; xu_ring_unmap frees it in any case. */
int xu_ring_map(struct xu_ring *ring, const struct io_uring_params *p, int fd);

void xu_ring_unmap(struct xu_ring *ring);

/* Turn the kernel's offsets into pointers. */
void xu_ring_find_queues(struct xu_ring *ring, const struct io_uring_params *p);

#endif
