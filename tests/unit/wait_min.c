/* A wait that gathers: with one completion there, it ends at the smaller time; with none, at the greater. */
#include "tests/unit/op.h"

static void test(struct xu_ring *ring)
{
	struct xu_timespec second = {1, 0};
	struct io_uring_cqe *cqe;
	long long begin = now_ms();

	put_nop(ring, 1);
	CHECK_EQ(xu_submit_and_wait_min_timeout(ring, &cqe, 4, &second, 20000, NULL), 1);
	CHECK(cqe != NULL);
	CHECK_GE(now_ms() - begin, 19);
	CHECK_LE(now_ms() - begin, 900);
	CHECK_EQ(take(ring, NULL), 0);
	/* All are there: no wait at all. */
	for (int i = 0; i < 4; i++)
		put_nop(ring, 1);
	begin = now_ms();
	CHECK_EQ(xu_submit_and_wait_min_timeout(ring, &cqe, 4, &second, 500000, NULL), 4);
	CHECK_LE(now_ms() - begin, 400);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(take(ring, NULL), 0);
	for (int i = 0; i < 2; i++)
		put_nop(ring, 7);
	CHECK_EQ(xu_wait_cqes_min_timeout(ring, &cqe, 4, &second, 20000, NULL), 0);
	CHECK(cqe != NULL);
	CHECK_EQ(cqe->user_data, 7);
	CHECK_EQ(take(ring, NULL), 0);
	CHECK_EQ(take(ring, NULL), 0);
	second.tv_sec = 0;
	second.tv_nsec = 50 * 1000000;
	begin = now_ms();
	CHECK_EQ(xu_submit_and_wait_min_timeout(ring, &cqe, 4, &second, 10000, NULL), -ETIME);
	CHECK_GE(now_ms() - begin, 49);
	CHECK_EQ(xu_wait_cqes_min_timeout(ring, &cqe, 4, &second, 10000, NULL), -ETIME);
	CHECK(cqe == NULL);
}

int main(void)
{
	struct xu_ring ring;
	struct io_uring_cqe *cqe;

	need_ring();
	CHECK_EQ(xu_queue_init(8, &ring, 0), 0);
	if (!(ring.features & IORING_FEAT_MIN_TIMEOUT)) {
		CHECK_EQ(xu_submit_and_wait_min_timeout(&ring, &cqe, 1, NULL, 1, NULL), -EINVAL);
		skip("this kernel has none");
	}
	xu_queue_exit(&ring);
	on_each_ring(8, test);
	return 0;
}
