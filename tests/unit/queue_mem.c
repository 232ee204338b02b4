/* A ring in memory of ours: it is used, it is enough, it is not touched when the ring goes. */
#include <sys/mman.h>

#include "tests/unit/ring.h"

static char *map_pages(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* With these flags; 4 entries, so that each part fits a page, as kernels before 6.10 want it. */
static void ring_in(unsigned flags)
{
	struct io_uring_params p = {.flags = flags};
	ssize_t need = xu_memory_size(4, flags);
	struct xu_ring ring;
	char *mem;

	CHECK_GE(need, 2 * 4096);
	CHECK_EQ(need % 4096, 0);
	/* What lies behind is not the ring's. */
	mem = map_pages((size_t)need + 4096);
	memset(mem + need, 'g', 4096);

	CHECK_EQ(xu_queue_init_mem(4, &ring, &p, mem, (size_t)need - 1), -ENOMEM);
	xu_queue_exit(&ring);
	p.flags = flags;
	CHECK_EQ(xu_queue_init_mem(4, &ring, &p, mem + 64, (size_t)need), -EINVAL);
	xu_queue_exit(&ring);
	p.flags = flags;
	CHECK_EQ(xu_queue_init_mem(4, &ring, &p, mem, (size_t)need), need);
	CHECK((char *)ring.sq.sqes >= mem && (char *)ring.sq.sqes < mem + need);
	CHECK((char *)ring.cq.cqes >= mem && (char *)ring.cq.cqes < mem + need);
	check_ring_works(&ring);
	xu_queue_exit(&ring);
	for (int i = 0; i < 4096; i++)
		CHECK_EQ(mem[need + i], 'g');
	/* Still ours. */
	memset(mem, 0, (size_t)need);
	CHECK_EQ(munmap(mem, (size_t)need + 4096), 0);
}

/* It can grow: from then on its memory is the library's. */
static void grow(void)
{
	unsigned flags =
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY;
	struct io_uring_params p = {.flags = flags};
	size_t need = (size_t)xu_memory_size(4, flags);
	char *mem = map_pages(need);
	struct xu_ring ring;
	int ret;

	CHECK_EQ(xu_queue_init_mem(4, &ring, &p, mem, need), need);
	memset(&p, 0, sizeof(p));
	p.sq_entries = 16;
	ret = xu_resize_rings(&ring, &p);
	if (ret == -EINVAL && !kernel_is(6, 13)) {
		xu_queue_exit(&ring);
		return;
	}
	CHECK_EQ(ret, 0);
	CHECK_EQ(ring.sq.entries, 16);
	memset(mem, 0xff, need);
	CHECK_EQ(munmap(mem, need), 0);
	check_ring_works(&ring);
	xu_queue_exit(&ring);
}

int main(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 1024};
	struct xu_ring ring;

	need_ring();
	CHECK_EQ(xu_memory_size(0, 0), -EINVAL);
	CHECK_EQ(xu_memory_size(40000, 0), -EINVAL);
	CHECK_GE(xu_memory_size(40000, IORING_SETUP_CLAMP), 32768 * 64);
	CHECK_GE(xu_memory_size_params(8, &p), 1024 * 16);
	/* Entries have no queue then. */
	CHECK_EQ(xu_queue_init(4, &ring, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY), -EINVAL);
	if (!kernel_is(6, 5)) {
		char *mem = map_pages(8192);

		memset(&p, 0, sizeof(p));
		CHECK_EQ(xu_queue_init_mem(4, &ring, &p, mem, 8192), -EINVAL);
		xu_queue_exit(&ring);
		skip("rings in memory of ours since Linux 6.5");
	}
	ring_in(0);
	ring_in(IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
	if (kernel_is(6, 6))
		grow();
	return 0;
}
