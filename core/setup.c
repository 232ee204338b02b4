/*
 * One ring, exactly as asked: memory, mappings, pointers. Which features to ask for is ladder.c's matter.
 *
 * The queues live in memory that either the kernel makes and we map (three mappings before 5.4, two since), or that
 * we make and the kernel pins (IORING_SETUP_NO_MMAP, 6.5). The latter needs no fd to map from, which is what makes a
 * ring without any visible fd possible (IORING_SETUP_REGISTERED_FD_ONLY).
 */
#include <errno.h>
#include <sys/mman.h>

#include "core/level.h"
#include "core/setup.h"
#include "core/syscall.h"
#include "xuring.h"

enum { MEM_SQES, MEM_RINGS, MEM_CQ };

#define PAGE 4096ul

/* The kernel's limit of submission entries; of completion entries it is twice that. */
#define MAX_ENTRIES 32768ul

static size_t pages(size_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

static int map(struct xu_ring *ring, int which, size_t size, int flags, int fd, uint64_t offset)
{
	long p = xu_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (p < 0 && p > -4096)
		return (int)p;
	ring->mem[which] = (void *)p;
	ring->mem_size[which] = size;
	return 0;
}

void xu_ring_unmap(struct xu_ring *ring)
{
	for (int i = 0; i < 3; i++) {
		if (ring->mem[i] && ring->mem_size[i])
			xu_sys(SYS_munmap, ring->mem[i], ring->mem_size[i]);
		ring->mem[i] = NULL;
	}
}

static unsigned round_up_pow2(unsigned n)
{
	unsigned p = 1;

	while (p < n && p < 1u << 31)
		p <<= 1;
	return p;
}

/*
 * How much memory the kernel wants of us: the submission entries; and generously a head of control words, the
 * completions, an index array. 0 or -EINVAL.
 */
static int memory_sizes(unsigned entries, const struct io_uring_params *p, size_t size[2])
{
	size_t sq = round_up_pow2(entries);
	size_t cq = p->flags & IORING_SETUP_CQSIZE ? round_up_pow2(p->cq_entries) : 2 * sq;
	size_t sqe_size = sizeof(struct io_uring_sqe) << !!(p->flags & IORING_SETUP_SQE128);
	size_t cqe_size = sizeof(struct io_uring_cqe) << !!(p->flags & IORING_SETUP_CQE32);

	if (p->flags & IORING_SETUP_CLAMP) {
		sq = sq < MAX_ENTRIES ? sq : MAX_ENTRIES;
		cq = cq < 2 * MAX_ENTRIES ? cq : 2 * MAX_ENTRIES;
	}
	if (!entries || sq > MAX_ENTRIES || cq > 2 * MAX_ENTRIES)
		return -EINVAL;
	size[MEM_SQES] = pages(sq * sqe_size);
	size[MEM_RINGS] = pages(512 + cq * cqe_size + sq * sizeof(unsigned));
	return 0;
}

/* Tell the kernel where the memory for the queues is. */
static void tell_memory(const struct xu_ring *ring, struct io_uring_params *p)
{
	p->sq_off.user_addr = (uint64_t)(uintptr_t)ring->mem[MEM_SQES];
	p->cq_off.user_addr = (uint64_t)(uintptr_t)ring->mem[MEM_RINGS];
}

int xu_ring_provide(unsigned entries, struct xu_ring *ring, struct io_uring_params *p)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	size_t size[2];
	int ret = memory_sizes(entries, p, size);

	for (int i = MEM_SQES; i <= MEM_RINGS && !ret; i++)
		ret = map(ring, i, size[i], flags, -1, 0);
	if (!ret)
		tell_memory(ring, p);
	return ret;
}

/* Map the memory that the kernel made. */
int xu_ring_map(struct xu_ring *ring, const struct io_uring_params *p, int fd)
{
	size_t sq_size = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t cq_size = p->cq_off.cqes + p->cq_entries * (sizeof(struct io_uring_cqe)
							   << !!(p->flags & IORING_SETUP_CQE32));
	size_t sqe_size = sizeof(struct io_uring_sqe) << !!(p->flags & IORING_SETUP_SQE128);
	int flags = MAP_SHARED | MAP_POPULATE;
	int ret;

	if (p->features & IORING_FEAT_SINGLE_MMAP && cq_size > sq_size)
		sq_size = cq_size;
	ret = map(ring, MEM_SQES, p->sq_entries * sqe_size, flags, fd, IORING_OFF_SQES);
	if (!ret)
		ret = map(ring, MEM_RINGS, sq_size, flags, fd, IORING_OFF_SQ_RING);
	if (!ret && !(p->features & IORING_FEAT_SINGLE_MMAP))
		ret = map(ring, MEM_CQ, cq_size, flags, fd, IORING_OFF_CQ_RING);
	return ret;
}

/* Turn the kernel's offsets into pointers. */
void xu_ring_find_queues(struct xu_ring *ring, const struct io_uring_params *p)
{
	char *sq = ring->mem[MEM_RINGS];
	char *cq = ring->mem[MEM_CQ] ? ring->mem[MEM_CQ] : ring->mem[MEM_RINGS];

	ring->sq.khead = (unsigned *)(sq + p->sq_off.head);
	ring->sq.ktail = (unsigned *)(sq + p->sq_off.tail);
	ring->sq.kflags = (unsigned *)(sq + p->sq_off.flags);
	ring->sq.kdropped = (unsigned *)(sq + p->sq_off.dropped);
	ring->sq.mask = *(unsigned *)(sq + p->sq_off.ring_mask);
	ring->sq.entries = *(unsigned *)(sq + p->sq_off.ring_entries);
	ring->sq.sqes = ring->mem[MEM_SQES];
	ring->sq.shift = !!(p->flags & IORING_SETUP_SQE128);
	ring->sq.tail = *ring->sq.ktail;
	if (!(p->flags & IORING_SETUP_NO_SQARRAY)) {
		/* Entries are handed over in the order of their place, always: the array never changes again. */
		ring->sq.array = (unsigned *)(sq + p->sq_off.array);
		for (unsigned i = 0; i < ring->sq.entries; i++)
			ring->sq.array[i] = i;
	}

	ring->cq.khead = (unsigned *)(cq + p->cq_off.head);
	ring->cq.ktail = (unsigned *)(cq + p->cq_off.tail);
	ring->cq.koverflow = (unsigned *)(cq + p->cq_off.overflow);
	ring->cq.kflags = p->cq_off.flags ? (unsigned *)(cq + p->cq_off.flags) : NULL;
	ring->cq.mask = *(unsigned *)(cq + p->cq_off.ring_mask);
	ring->cq.entries = *(unsigned *)(cq + p->cq_off.ring_entries);
	ring->cq.cqes = (struct io_uring_cqe *)(cq + p->cq_off.cqes);
	ring->cq.shift = !!(p->flags & IORING_SETUP_CQE32);
}

/* Make a ring; with IORING_SETUP_NO_MMAP in `mem`, if that is given (its size is right), else in memory of ours. */
static int init(unsigned entries, struct xu_ring *ring, struct io_uring_params *p, char *mem,
		size_t sqes_size)
{
	bool ours = p->flags & IORING_SETUP_NO_MMAP;
	bool by_index = p->flags & IORING_SETUP_REGISTERED_FD_ONLY;
	long fd;
	int ret;

	memset(ring, 0, sizeof(*ring));
	ring->ring_fd = -1;
	if (p->flags & (xu_hidden_setup_flags() | IORING_SETUP_SQ_REWIND))
		return -EINVAL;
	if (mem) {
		/* Without a size: not to be unmapped. */
		ring->mem[MEM_SQES] = mem;
		ring->mem[MEM_RINGS] = mem + sqes_size;
		tell_memory(ring, p);
	} else if (ours) {
		ret = xu_ring_provide(entries, ring, p);
		if (ret)
			goto fail;
	}
	fd = xu_sys(SYS_io_uring_setup, entries, p);
	if (fd < 0) {
		ret = (int)fd;
		goto fail;
	}
	p->features &= ~xu_hidden_features();
	ring->flags = p->flags;
	ring->features = p->features;
	ring->enter_fd = (int)fd;
	if (by_index)
		ring->enter_flags = IORING_ENTER_REGISTERED_RING;
	else
		ring->ring_fd = (int)fd;
	ring->live = 1;
	ring->pretends = xu_pretends();
	if (!ours) {
		ret = xu_ring_map(ring, p, (int)fd);
		if (ret) {
			xu_queue_exit(ring);
			return ret;
		}
	}
	xu_ring_find_queues(ring, p);
	return 0;
fail:
	xu_ring_unmap(ring);
	return ret;
}

int xu_queue_init_params(unsigned entries, struct xu_ring *ring, struct io_uring_params *p)
{
	return init(entries, ring, p, NULL, 0);
}

int xu_queue_init_mem(unsigned entries, struct xu_ring *ring, struct io_uring_params *p, void *buf,
		      size_t buf_size)
{
	size_t size[2] = {0, 0};
	int ret = memory_sizes(entries, p, size);

	memset(ring, 0, sizeof(*ring));
	ring->ring_fd = -1;
	if (ret)
		return ret;
	if ((uintptr_t)buf & (PAGE - 1))
		return -EINVAL;
	if (buf_size < size[MEM_SQES] + size[MEM_RINGS])
		return -ENOMEM;
	p->flags |= IORING_SETUP_NO_MMAP;
	ret = init(entries, ring, p, (char *)buf, size[MEM_SQES]);
	return ret ? ret : (int)(size[MEM_SQES] + size[MEM_RINGS]);
}

ssize_t xu_memory_size_params(unsigned entries, const struct io_uring_params *p)
{
	size_t size[2] = {0, 0};
	int ret = memory_sizes(entries, p, size);

	return ret ? ret : (ssize_t)(size[MEM_SQES] + size[MEM_RINGS]);
}

ssize_t xu_memory_size(unsigned entries, unsigned flags)
{
	struct io_uring_params p = {.flags = flags};

	return xu_memory_size_params(entries, &p);
}

int xu_queue_init(unsigned entries, struct xu_ring *ring, unsigned flags)
{
	struct io_uring_params p = {.flags = flags};

	return xu_queue_init_params(entries, ring, &p);
}

void xu_queue_exit(struct xu_ring *ring)
{
	struct io_uring_rsrc_update index = {.offset = (uint32_t)ring->enter_fd};

	if (!ring->live)
		return;
	ring->live = 0;
	if (ring->enter_flags & IORING_ENTER_REGISTERED_RING) {
		if (ring->ring_fd >= 0)
			xu_sys(SYS_io_uring_register, ring->ring_fd, IORING_UNREGISTER_RING_FDS,
			       &index, 1);
		else
			xu_sys(SYS_io_uring_register, ring->enter_fd,
			       IORING_UNREGISTER_RING_FDS | IORING_REGISTER_USE_REGISTERED_RING,
			       &index, 1);
	}
	if (ring->ring_fd >= 0)
		xu_sys(SYS_close, ring->ring_fd);
	ring->ring_fd = -1;
	ring->enter_fd = -1;
	ring->enter_flags = 0;
	xu_ring_unmap(ring);
}

int xu_ring_dontfork(struct xu_ring *ring)
{
	int ret = 0;

	for (int i = 0; i < 3 && !ret; i++)
		if (ring->mem[i])
			ret = (int)xu_sys(SYS_madvise, ring->mem[i], ring->mem_size[i], MADV_DONTFORK);
	return ret;
}
