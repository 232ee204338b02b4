/* The library allocates nothing, neither in set-up nor after: this program's own allocator counts who asks. */
#include "tests/unit/ring.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED

int main(void)
{
	skip("a sanitizer has an allocator of its own");
}

#else

/* Enough for what libc itself wants; nothing is given back. */
static _Alignas(16) char heap[1 << 20];
static size_t used;
static unsigned asked;

void *malloc(size_t size)
{
	void *p = heap + used;

	asked++;
	size = (size + 15) & ~(size_t)15;
	if (size > sizeof(heap) - used)
		return NULL;
	used += size;
	return p;
}

void free(void *p)
{
	(void)p;
}

void *calloc(size_t nr, size_t size)
{
	void *p = malloc(nr * size);

	return p ? memset(p, 0, nr * size) : NULL;
}

void *realloc(void *old, size_t size)
{
	char *p = malloc(size);

	/* How long the old block was is not known: what lies behind it does no harm. */
	if (p && old)
		memmove(p, old, (size_t)(p - (char *)old) < size ? (size_t)(p - (char *)old) : size);
	return p;
}

static void everything(struct xu_ring *ring)
{
	struct xu_timespec ts = {0, 1000000};
	struct io_uring_cqe *cqe, *batch[8];
	struct xu_probe probe;
	char buf[200];

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 20; i++) {
			put_nop(ring, 1);
			CHECK_GE(xu_submit(ring), 0);
		}
		while (!xu_peek_cqe(ring, &cqe))
			xu_cqe_seen(ring, cqe);
		put_nop(ring, 1);
		CHECK_EQ(xu_wait_cqe_nr(ring, &cqe, 1), 0);
		xu_cq_advance(ring, xu_peek_batch_cqe(ring, batch, 8));
	}
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, &ts), -ETIME);
	ring->features &= ~(unsigned)IORING_FEAT_EXT_ARG;
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, &ts), -ETIME);
	CHECK_EQ(xu_get_events(ring), 0);
	CHECK_EQ(xu_probe_ring(ring, &probe), 0);
	CHECK_EQ(xu_probe_cached(&probe), 0);
	CHECK_EQ(xu_ring_dontfork(ring), 0);
	xu_ring_describe(ring, buf, sizeof(buf));
	CHECK_EQ(xu_op_number(xu_op_name(22), 4), 22);
	xu_queue_exit(ring);
	CHECK_EQ(xu_queue_init_best(8, ring, XU_WANT_HIDDEN, 0), 0);
	xu_register_ring_fd(ring);
}

int main(void)
{
	/* Not a call that the compiler sees through. */
	void *(*volatile allocate)(size_t) = malloc;

	need_op(IORING_OP_TIMEOUT_REMOVE);
	asked = 0;
	on_each_ring(8, everything);
	CHECK_EQ(asked, 0);
	/* The counter does count. */
	CHECK(allocate(10) != NULL);
	CHECK_EQ(asked, 1);
	return 0;
}

#endif
