/* Entries of 128 and completions of 32 bytes lie where the kernel looks for them and puts them. */
#include "tests/unit/ring.h"

int main(void)
{
	static const unsigned kinds[] = {
		IORING_SETUP_SQE128,
		IORING_SETUP_CQE32,
		IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
		IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_NO_MMAP |
			IORING_SETUP_REGISTERED_FD_ONLY,
	};
	static const char *const names[] = {"SQE128", "CQE32", "both", "both, own memory"};

	need_ring();
	if (!kernel_is(5, 19))
		skip("big entries need Linux 5.19");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		size_t sqe_size = kinds[k] & IORING_SETUP_SQE128 ? 128 : 64;
		size_t cqe_size = kinds[k] & IORING_SETUP_CQE32 ? 32 : 16;
		struct io_uring_cqe *cqe, *batch[8];
		struct xu_ring ring;
		int ret = xu_queue_init(4, &ring, kinds[k]);
		unsigned head, n;

		check_case = names[k];
		if (ret == -EINVAL && !kernel_is(6, 9))
			continue;
		CHECK_EQ(ret, 0);
		for (unsigned round = 0; round < 20; round++) {
			for (unsigned i = 0; i < 3; i++) {
				unsigned place = ring.sq.tail & ring.sq.mask;

				put_nop(&ring, round * 3 + i);
				CHECK_EQ((char *)ring.sq.sqes + place * sqe_size -
						 (char *)&ring.sq.sqes[place << ring.sq.shift],
					 0);
			}
			CHECK_EQ(xu_submit_and_wait(&ring, 3), 3);
			CHECK_EQ(xu_peek_batch_cqe(&ring, batch, 8), 3);
			n = 0;
			xu_for_each_cqe(&ring, head, cqe) {
				unsigned place = head & ring.cq.mask;

				CHECK((char *)cqe == (char *)ring.cq.cqes + place * cqe_size);
				CHECK(batch[n] == cqe);
				CHECK_EQ(cqe->user_data, round * 3 + n);
				CHECK_EQ(cqe->res, 0);
				n++;
			}
			CHECK_EQ(n, 3);
			CHECK(xu_cq_front(&ring) == batch[0]);
			xu_cq_advance(&ring, 3);
		}
		check_ring_works(&ring);
		xu_queue_exit(&ring);
	}
	return 0;
}
