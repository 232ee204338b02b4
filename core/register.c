/* Registering things with a ring: io_uring_register(2). */
#include <errno.h>

#include "core/level.h"
#include "core/syscall.h"
#include "xuring.h"

int xu_register(const struct xu_ring *ring, unsigned opcode, const void *arg, unsigned nr)
{
	int fd = ring->ring_fd;

	if (fd < 0) {
		fd = ring->enter_fd;
		opcode |= IORING_REGISTER_USE_REGISTERED_RING;
	}
	if (xu_hidden_register(opcode))
		return -EINVAL;
	return (int)xu_sys(SYS_io_uring_register, fd, opcode, arg, nr);
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

int xu_unregister_ring_fd(struct xu_ring *ring)
{
	struct io_uring_rsrc_update up = {.offset = (uint32_t)ring->enter_fd};
	int ret;

	/* A ring without an fd would be lost. */
	if (!(ring->enter_flags & IORING_ENTER_REGISTERED_RING) || ring->ring_fd < 0)
		return -EINVAL;
	ret = xu_register(ring, IORING_UNREGISTER_RING_FDS, &up, 1);
	if (ret == 1) {
		ring->enter_fd = ring->ring_fd;
		ring->enter_flags &= ~IORING_ENTER_REGISTERED_RING;
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

int xu_enable_rings(struct xu_ring *ring)
{
	int ret = xu_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (!ret)
		ring->flags &= ~IORING_SETUP_R_DISABLED;
	return ret;
}

int xu_register_restrictions(struct xu_ring *ring, const struct io_uring_restriction *res, unsigned nr)
{
	return xu_register(ring, IORING_REGISTER_RESTRICTIONS, res, nr);
}

int xu_register_bpf_filter(struct xu_ring *ring, struct io_uring_bpf *bpf)
{
	return xu_register(ring, IORING_REGISTER_BPF_FILTER, bpf, 1);
}

int xu_register_personality(struct xu_ring *ring)
{
	return xu_register(ring, IORING_REGISTER_PERSONALITY, NULL, 0);
}

int xu_unregister_personality(struct xu_ring *ring, int id)
{
	return xu_register(ring, IORING_UNREGISTER_PERSONALITY, NULL, (unsigned)id);
}

int xu_register_clock(struct xu_ring *ring, const struct io_uring_clock_register *clock)
{
	return xu_register(ring, IORING_REGISTER_CLOCK, clock, 0);
}

int xu_register_iowq_aff(struct xu_ring *ring, size_t size, const void *cpus)
{
	return xu_register(ring, IORING_REGISTER_IOWQ_AFF, cpus, (unsigned)size);
}

int xu_unregister_iowq_aff(struct xu_ring *ring)
{
	return xu_register(ring, IORING_UNREGISTER_IOWQ_AFF, NULL, 0);
}

int xu_register_iowq_max_workers(struct xu_ring *ring, unsigned values[2])
{
	return xu_register(ring, IORING_REGISTER_IOWQ_MAX_WORKERS, values, 2);
}

int xu_register_sync_cancel(struct xu_ring *ring, const struct io_uring_sync_cancel_reg *reg)
{
	return xu_register(ring, IORING_REGISTER_SYNC_CANCEL, reg, 1);
}

int xu_register_region(struct xu_ring *ring, const struct io_uring_mem_region_reg *reg)
{
	return xu_register(ring, IORING_REGISTER_MEM_REGION, reg, 1);
}

int xu_register_napi(struct xu_ring *ring, struct io_uring_napi *napi)
{
	return xu_register(ring, IORING_REGISTER_NAPI, napi, 1);
}

int xu_unregister_napi(struct xu_ring *ring, struct io_uring_napi *napi)
{
	return xu_register(ring, IORING_UNREGISTER_NAPI, napi, 1);
}

int xu_register_ifq(struct xu_ring *ring, struct io_uring_zcrx_ifq_reg *reg)
{
	return xu_register(ring, IORING_REGISTER_ZCRX_IFQ, reg, 1);
}

int xu_register_zcrx_ctrl(struct xu_ring *ring, struct zcrx_ctrl *ctrl)
{
	return xu_register(ring, IORING_REGISTER_ZCRX_CTRL, ctrl, 0);
}

/* ---- Calls that need no ring ---- */

static int without_ring(unsigned opcode, const void *arg, unsigned nr)
{
	if (xu_hidden_register(opcode))
		return -EINVAL;
	return (int)xu_sys(SYS_io_uring_register, -1, opcode, arg, nr);
}

int xu_register_task_restrictions(const struct io_uring_task_restriction *res)
{
	return without_ring(IORING_REGISTER_RESTRICTIONS, res, 1);
}

int xu_register_bpf_filter_task(struct io_uring_bpf *bpf)
{
	return without_ring(IORING_REGISTER_BPF_FILTER, bpf, 1);
}

int xu_register_sync_msg(const struct io_uring_sqe *sqe)
{
	return without_ring(IORING_REGISTER_SEND_MSG_RING, sqe, 1);
}

int xu_register_query(struct io_uring_query_hdr *hdr)
{
	return without_ring(IORING_REGISTER_QUERY, hdr, 0);
}
