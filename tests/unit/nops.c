/* Entries go in, completions come out: each once, in order, with its data, round and round the queues. */
#include "tests/unit/ring.h"

static void round_and_round(struct xu_ring *ring)
{
	uint64_t put = 1, taken = 1, data = 0;

	/* Batches of a size that does not divide the queue's, so that each place is used in each role. */
	for (int round = 0; round < 500; round++) {
		unsigned n = 1 + (unsigned)round % 7;

		for (unsigned i = 0; i < n; i++)
			put_nop(ring, put++ << 32 | 0xabcd);
		CHECK_EQ(xu_sq_ready(ring), n);
		CHECK_EQ(xu_sq_space_left(ring), 8 - n);
		CHECK_EQ(xu_submit_and_wait(ring, n), n);
		CHECK_EQ(xu_sq_ready(ring), 0);
		CHECK_EQ(xu_cq_ready(ring), n);
		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(take(ring, &data), 0);
			CHECK_EQ(data, taken++ << 32 | 0xabcd);
		}
	}
	CHECK_EQ(taken, put);
	CHECK_EQ(XU_LOAD(ring->sq.kdropped), 0);
	CHECK_EQ(XU_LOAD(ring->cq.koverflow), 0);

	/* Nothing to submit is nothing done. */
	CHECK_EQ(xu_submit(ring), 0);
	CHECK_EQ(xu_submit_and_wait(ring, 0), 0);
	CHECK_EQ(xu_cq_ready(ring), 0);
}

/* All of user data comes back, and pointers do. */
static void user_data(struct xu_ring *ring)
{
	static const uint64_t values[] = {0, 1, 0x8000000000000000, 0xfffffffffffffffe,
					  0x0123456789abcdef};
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	uint64_t data = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		put_nop(ring, values[i]);
		CHECK_EQ(xu_submit(ring), 1);
		CHECK_EQ(take(ring, &data), 0);
		CHECK(data == values[i]);
	}
	sqe = sqe_of(ring);
	xu_prep_nop(sqe);
	xu_sqe_set_data(sqe, ring);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	CHECK_EQ(xu_peek_cqe(ring, &cqe), 0);
	CHECK(xu_cqe_get_data(cqe) == ring);
	xu_cqe_seen(ring, cqe);
	/* A completion that is not there is not seen. */
	xu_cqe_seen(ring, NULL);
	CHECK_EQ(xu_cq_ready(ring), 0);
}

/* A preparation clears whatever was in the entry. */
static void fresh_entries(struct xu_ring *ring)
{
	struct io_uring_sqe zero;

	memset(&zero, 0, sizeof(zero));
	zero.fd = -1;
	for (unsigned i = 0; i < ring->sq.entries; i++) {
		struct io_uring_sqe *sqe = sqe_of(ring);

		memset(sqe, 0xff, sizeof(*sqe));
		xu_prep_nop(sqe);
		CHECK_MEM(sqe, &zero, sizeof(zero));
	}
	CHECK_EQ(xu_submit_and_wait(ring, 8), 8);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(take(ring, NULL), 0);
}

static void all(struct xu_ring *ring)
{
	round_and_round(ring);
	user_data(ring);
	fresh_entries(ring);
}

int main(void)
{
	on_each_ring(8, all);
	on_each_ring(8, round_and_round);
	return 0;
}
