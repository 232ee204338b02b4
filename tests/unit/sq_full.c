/* A full submission queue gives no entry, loses none, and has room again after a submission. */
#include "tests/unit/ring.h"

static void fill(struct xu_ring *ring)
{
	uint64_t data = 0;

	for (int round = 0; round < 20; round++) {
		for (unsigned i = 0; i < ring->sq.entries; i++) {
			CHECK_EQ(xu_sq_space_left(ring), ring->sq.entries - i);
			put_nop(ring, i);
		}
		CHECK_EQ(xu_sq_space_left(ring), 0);
		CHECK(xu_get_sqe(ring) == NULL);
		CHECK(xu_get_sqe(ring) == NULL);
		CHECK_EQ(xu_sq_ready(ring), ring->sq.entries);
		CHECK_EQ(xu_submit(ring), ring->sq.entries);
		CHECK_EQ(xu_sq_space_left(ring), ring->sq.entries);
		for (unsigned i = 0; i < ring->sq.entries; i++) {
			CHECK_EQ(take(ring, &data), 0);
			CHECK_EQ(data, i);
		}
		/* Out of step with the queue's start in the next round. */
		put_nop(ring, 0);
		CHECK_EQ(xu_submit(ring), 1);
		CHECK_EQ(take(ring, NULL), 0);
	}
	CHECK_EQ(xu_cq_ready(ring), 0);
}

int main(void)
{
	on_each_ring(1, fill);
	on_each_ring(4, fill);
	on_each_ring(32, fill);
	return 0;
}
