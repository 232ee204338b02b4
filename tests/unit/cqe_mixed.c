/* Completions of 16 and of 32 bytes in one queue: every order, every place, the filler before the queue's end. */
#include "tests/unit/ring.h"

static struct xu_ring ring;

static bool is_big(uint64_t i)
{
	return i % 3 == 1 || i % 7 == 2;
}

/* Queue entry number i, whose completion is big or not. */
static void put(uint64_t i)
{
	struct io_uring_sqe *sqe = sqe_of(&ring);

	xu_prep_nop(sqe);
	if (is_big(i)) {
		sqe->nop_flags = IORING_NOP_CQE32;
		/* What comes back in the second half. */
		sqe->off = 1000 + i;
		sqe->addr = 2000 + i;
	}
	xu_sqe_set_data64(sqe, i);
}

static void check(const struct io_uring_cqe *cqe, uint64_t i)
{
	CHECK_EQ(cqe->user_data, i);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->flags & IORING_CQE_F_SKIP, 0);
	CHECK_EQ(xu_cqe_nr(cqe), is_big(i) ? 2 : 1);
	if (is_big(i)) {
		CHECK_EQ(cqe->big_cqe[0], 1000 + i);
		CHECK_EQ(cqe->big_cqe[1], 2000 + i);
	}
}

/* Ways of reading what has come: one after the other, a walk, a batch. Each returns the next number. */
static uint64_t one_by_one(uint64_t i)
{
	struct io_uring_cqe *cqe;

	while (!xu_peek_cqe(&ring, &cqe)) {
		check(cqe, i++);
		xu_cqe_seen(&ring, cqe);
	}
	return i;
}

static uint64_t walk(uint64_t i)
{
	struct io_uring_cqe *cqe;
	unsigned head;

	xu_for_each_cqe(&ring, head, cqe)
		check(cqe, i++);
	xu_cq_advance_to(&ring, head);
	return i;
}

static uint64_t batch(uint64_t i)
{
	struct io_uring_cqe *cqes[16];
	unsigned n = xu_peek_batch_cqe(&ring, cqes, 16);

	for (unsigned k = 0; k < n; k++)
		check(cqes[k], i++);
	/* Given back one by one, the fillers between them as they come to the front. */
	for (unsigned k = 0; k < n; k++) {
		CHECK(xu_cq_front(&ring) == cqes[k]);
		xu_cqe_seen(&ring, cqes[k]);
	}
	return i;
}

int main(void)
{
	static uint64_t (*const ways[])(uint64_t) = {one_by_one, walk, batch};
	uint64_t put_in = 0, taken = 0;
	unsigned fillers = 0;
	int ret;

	need_ring();
	ret = xu_queue_init(8, &ring, IORING_SETUP_CQE_MIXED);
	if (ret == -EINVAL && !kernel_is(6, 18))
		skip("completions of both sizes need Linux 6.18");
	CHECK_EQ(ret, 0);
	for (unsigned round = 0; round < 600; round++) {
		unsigned n = 1 + round % 7, before = *ring.cq.khead, places = 0;

		for (unsigned i = 0; i < n; i++) {
			places += is_big(put_in) ? 2 : 1;
			put(put_in++);
		}
		CHECK_EQ(xu_submit_and_wait(&ring, n), n);
		taken = ways[round % 3](taken);
		CHECK_EQ(taken, put_in);
		CHECK_EQ(xu_cq_ready(&ring), 0);
		CHECK(!xu_cq_front(&ring));
		fillers += *ring.cq.khead - before - places;
	}
	/* It did come to that. */
	CHECK_GE(fillers, 10);
	xu_queue_exit(&ring);
	return 0;
}
