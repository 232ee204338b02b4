/* nop128, uring_cmd128: entries of 128 bytes among those of 64; and where the whole queue has them. */
#include "tests/unit/op.h"

int main(void)
{
	struct xu_ring ring;
	struct io_uring_sqe *sqe;
	uint64_t data;
	int fd;

	need_ring();
	/* A ring without has no place for them. */
	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	CHECK(!xu_get_sqe128(&ring));
	xu_prep_nop128(sqe_of(&ring));
	CHECK_EQ(result_of(&ring), -EINVAL);
	xu_prep_uring_cmd128(sqe_of(&ring), 1, 0);
	CHECK_EQ(result_of(&ring), -EINVAL);
	xu_queue_exit(&ring);

	if (kernel_is(5, 19)) {
		CHECK_EQ(xu_queue_init(4, &ring, IORING_SETUP_SQE128), 0);
		for (unsigned i = 0; i < 10; i++) {
			sqe = xu_get_sqe128(&ring);
			CHECK(sqe != NULL);
			xu_prep_nop(sqe);
			CHECK_EQ(result_of(&ring), 0);
		}
		for (int i = 0; i < 4; i++)
			CHECK(xu_get_sqe128(&ring) != NULL);
		CHECK(!xu_get_sqe128(&ring));
		xu_queue_exit(&ring);
	}

	need_op(IORING_OP_NOP128);
	scratch();
	fd = file_with("f", "x");
	/* Of both kinds, in each order and at each place of the queue. */
	CHECK_EQ(xu_queue_init(8, &ring, IORING_SETUP_SQE_MIXED), 0);
	for (uint64_t i = 0; i < 100; i++) {
		bool big = i % 3 != 1;

		sqe = big ? xu_get_sqe128(&ring) : xu_get_sqe(&ring);
		CHECK(sqe != NULL);
		if (big)
			xu_prep_nop128(sqe);
		else
			xu_prep_nop(sqe);
		xu_sqe_set_data64(sqe, i);
		CHECK_GE(xu_submit_and_wait(&ring, 1), 1);
		CHECK_EQ(take(&ring, &data), 0);
		CHECK_EQ(data, i);
		CHECK_EQ(xu_sq_ready(&ring), 0);
		CHECK_EQ(xu_cq_ready(&ring), 0);
	}
	sqe = xu_get_sqe128(&ring);
	CHECK(sqe != NULL);
	xu_prep_uring_cmd128(sqe, 1, fd);
	CHECK_GE(xu_submit_and_wait(&ring, 1), 1);
	CHECK_EQ(take(&ring, NULL), -EOPNOTSUPP);
	xu_queue_exit(&ring);
	return 0;
}
