/* Many more completions than the queue holds: none is lost, none comes twice, whichever way they are looked for. */
#include "tests/unit/ring.h"

#define MANY 200

static unsigned seen[MANY];
static unsigned nr_seen;

static void note(const struct io_uring_cqe *cqe)
{
	CHECK_EQ(cqe->res, 0);
	CHECK_LE(xu_cqe_get_data64(cqe), MANY - 1);
	seen[xu_cqe_get_data64(cqe)]++;
	nr_seen++;
}

/* Submit MANY entries without looking at a completion, or as far as an older kernel goes. */
static unsigned submit_many(struct xu_ring *ring)
{
	unsigned put = 0;

	memset(seen, 0, sizeof(seen));
	nr_seen = 0;
	while (put < MANY) {
		int ret;

		put_nop(ring, put++);
		ret = xu_submit(ring);
		if (ret == -EBUSY && !kernel_is(5, 19)) {
			CHECK_EQ(xu_sq_ready(ring), 1);
			break;
		}
		CHECK_EQ(ret, 1);
	}
	CHECK_EQ(xu_cq_ready(ring), ring->cq.entries);
	CHECK(xu_cq_needs_enter(ring));
	CHECK(xu_cq_has_overflow(ring));
	return put;
}

static void check_all(struct xu_ring *ring, unsigned nr)
{
	CHECK_EQ(nr_seen, nr);
	for (unsigned i = 0; i < nr; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_EQ(xu_submit(ring), 0);
	CHECK_EQ(xu_cq_ready(ring), 0);
	CHECK(!xu_cq_needs_enter(ring));
	CHECK(!xu_cq_has_overflow(ring));
	check_ring_works(ring);
}

static void overflow(struct xu_ring *ring)
{
	struct io_uring_cqe *cqe, *batch[MANY];
	unsigned nr, n, head;

	if (!(ring->features & IORING_FEAT_NODROP))
		skip("this kernel drops completions");

	nr = submit_many(ring);
	while (nr_seen < nr) {
		if (xu_peek_cqe(ring, &cqe)) {
			/* An older kernel refused an entry: now it takes it. */
			CHECK_EQ(xu_submit(ring), 1);
			continue;
		}
		note(cqe);
		xu_cqe_seen(ring, cqe);
	}
	CHECK_EQ(xu_peek_cqe(ring, &cqe), -EAGAIN);
	CHECK(cqe == NULL);
	check_all(ring, nr);

	nr = submit_many(ring);
	while (nr_seen < nr) {
		CHECK_EQ(xu_wait_cqe(ring, &cqe), 0);
		note(cqe);
		xu_cqe_seen(ring, cqe);
	}
	check_all(ring, nr);

	nr = submit_many(ring);
	while (nr_seen < nr) {
		n = xu_peek_batch_cqe(ring, batch, MANY);
		CHECK_LE(n, ring->cq.entries);
		for (unsigned i = 0; i < n; i++)
			note(batch[i]);
		xu_cq_advance(ring, n);
		if (!n)
			CHECK_EQ(xu_submit(ring), 1);
	}
	CHECK_EQ(xu_peek_batch_cqe(ring, batch, MANY), 0);
	check_all(ring, nr);

	nr = submit_many(ring);
	while (nr_seen < nr) {
		n = 0;
		xu_for_each_cqe(ring, head, cqe) {
			note(cqe);
			n++;
		}
		CHECK_LE(n, ring->cq.entries);
		xu_cq_advance(ring, n);
		if (n)
			CHECK_EQ(xu_get_events(ring), 0);
		else
			CHECK_EQ(xu_submit(ring), 1);
	}
	check_all(ring, nr);

	/* A wait for as many as fit, and for more than ever can be there. */
	nr = submit_many(ring);
	for (n = 0; nr_seen < nr; n++) {
		unsigned want = nr - nr_seen < ring->cq.entries ? nr - nr_seen : ring->cq.entries;

		CHECK_EQ(xu_wait_cqe_nr(ring, &cqe, ring->cq.entries + 1), -EINVAL);
		CHECK_EQ(xu_wait_cqe_nr(ring, &cqe, want), 0);
		CHECK_GE(xu_cq_ready(ring), want);
		for (unsigned i = 0; i < want; i++) {
			note(xu_cq_front(ring));
			xu_cq_advance(ring, 1);
		}
	}
	check_all(ring, nr);
}

int main(void)
{
	on_each_ring(4, overflow);
	return 0;
}
