/* Rings of provided buffers. */
#include <errno.h>
#include <sys/mman.h>

#include "core/syscall.h"
#include "xuring.h"

int xu_register_buf_ring(struct xu_ring *ring, struct io_uring_buf_reg *reg, unsigned flags)
{
	reg->flags |= (uint16_t)flags;
	return xu_register(ring, IORING_REGISTER_PBUF_RING, reg, 1);
}

int xu_unregister_buf_ring(struct xu_ring *ring, int bgid)
{
	struct io_uring_buf_reg reg = {.bgid = (uint16_t)bgid};

	return xu_register(ring, IORING_UNREGISTER_PBUF_RING, &reg, 1);
}

int xu_buf_ring_head(struct xu_ring *ring, int bgid, uint16_t *head)
{
	struct io_uring_buf_status status = {.buf_group = (uint32_t)bgid};
	int ret = xu_register(ring, IORING_REGISTER_PBUF_STATUS, &status, 1);

	if (!ret)
		*head = (uint16_t)status.head;
	return ret;
}

/* Memory of ours: registered when it is there. */
static long provide(struct xu_ring *ring, struct io_uring_buf_reg *reg, size_t size, unsigned flags)
{
	long p = xu_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (p < 0 && p > -4096)
		return p;
	reg->ring_addr = (uint64_t)p;
	ret = xu_register_buf_ring(ring, reg, flags);
	if (ret)
		xu_sys(SYS_munmap, p, size);
	return ret ? ret : p;
}

/* Memory of the kernel's: mapped when it is registered. */
static long map(struct xu_ring *ring, struct io_uring_buf_reg *reg, size_t size, unsigned flags)
{
	uint64_t offset = IORING_OFF_PBUF_RING | (uint64_t)reg->bgid << IORING_OFF_PBUF_SHIFT;
	long p;
	int ret;

	if (ring->ring_fd < 0)
		return -EBADF;
	ret = xu_register_buf_ring(ring, reg, flags);
	if (ret)
		return ret;
	p = xu_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		   ring->ring_fd, offset);
	if (p < 0 && p > -4096)
		xu_unregister_buf_ring(ring, reg->bgid);
	return p;
}

struct io_uring_buf_ring *xu_setup_buf_ring(struct xu_ring *ring, unsigned entries, int bgid,
					    unsigned flags, int *err)
{
	struct io_uring_buf_reg reg = {.ring_entries = entries, .bgid = (uint16_t)bgid};
	size_t size = entries * sizeof(struct io_uring_buf);
	long p = flags & IOU_PBUF_RING_MMAP ? map(ring, &reg, size, flags)
					    : provide(ring, &reg, size, flags);

	*err = p < 0 && p > -4096 ? (int)p : 0;
	return *err ? NULL : (struct io_uring_buf_ring *)p;
}

int xu_free_buf_ring(struct xu_ring *ring, struct io_uring_buf_ring *br, unsigned entries, int bgid)
{
	int ret = xu_unregister_buf_ring(ring, bgid);

	/* What the kernel still knows must not become somebody else's memory. */
	if (!ret)
		ret = (int)xu_sys(SYS_munmap, br, entries * sizeof(struct io_uring_buf));
	return ret;
}
