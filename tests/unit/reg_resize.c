/* resize_rings: what is in the queues stays, on rings with the kernel's memory and with ours. */
#include "tests/unit/op.h"

static void test_resize(unsigned flags)
{
	struct io_uring_params p;
	struct xu_ring ring;
	uint64_t data;
	int ret;

	CHECK_EQ(xu_queue_init(8, &ring, flags), 0);
	check_ring_works(&ring);
	/* Three completions wait, two entries are prepared. */
	for (uint64_t i = 0; i < 3; i++)
		put_nop(&ring, 10 + i);
	CHECK_EQ(xu_submit(&ring), 3);
	put_nop(&ring, 20);
	put_nop(&ring, 21);
	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_CQSIZE;
	p.sq_entries = 64;
	p.cq_entries = 256;
	ret = xu_resize_rings(&ring, &p);
	if (ret == -EINVAL && !kernel_is(6, 13))
		skip("this kernel has none");
	CHECK_EQ(ret, 0);
	CHECK_EQ(ring.sq.entries, 64);
	CHECK_EQ(ring.cq.entries, 256);
	CHECK_EQ(xu_cq_ready(&ring), 3);
	CHECK_EQ(xu_sq_ready(&ring), 2);
	for (uint64_t i = 0; i < 3; i++) {
		CHECK_EQ(take(&ring, &data), 0);
		CHECK_EQ(data, 10 + i);
	}
	CHECK_EQ(xu_submit_and_wait(&ring, 2), 2);
	for (uint64_t i = 0; i < 2; i++) {
		CHECK_EQ(take(&ring, &data), 0);
		CHECK_EQ(data, 20 + i);
	}
	for (uint64_t i = 0; i < 64; i++)
		put_nop(&ring, i);
	CHECK(!xu_get_sqe(&ring));
	CHECK_EQ(xu_submit_and_wait(&ring, 64), 64);
	for (uint64_t i = 0; i < 64; i++) {
		CHECK_EQ(take(&ring, &data), 0);
		CHECK_EQ(data, i);
	}
	/* Too small for what is in it: nothing changes. */
	for (uint64_t i = 0; i < 20; i++)
		put_nop(&ring, i);
	memset(&p, 0, sizeof(p));
	p.sq_entries = 4;
	CHECK_EQ(xu_resize_rings(&ring, &p), -EOVERFLOW);
	CHECK_EQ(ring.sq.entries, 64);
	CHECK_EQ(xu_submit_and_wait(&ring, 20), 20);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_EQ(take(&ring, NULL), 0);
	memset(&p, 0, sizeof(p));
	p.sq_entries = 4;
	CHECK_EQ(xu_resize_rings(&ring, &p), 0);
	CHECK_EQ(ring.sq.entries, 4);
	check_ring_works(&ring);
	p.flags = IORING_SETUP_SQPOLL;
	CHECK_EQ(xu_resize_rings(&ring, &p), -EINVAL);
	xu_queue_exit(&ring);
}

int main(void)
{
	const unsigned deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	const unsigned more[] = {
		0,
		IORING_SETUP_NO_MMAP,
		IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY,
		IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
	};
	struct io_uring_params p;
	struct xu_ring ring;

	need_ring();
	if (!kernel_is(6, 6))
		skip("this kernel has none");
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		char name[40];

		snprintf(name, sizeof(name), "flags 0x%x", more[i]);
		check_case = name;
		test_resize(deferred | IORING_SETUP_NO_SQARRAY | more[i]);
	}
	check_case = "";
	/* Not for rings of other kinds, which live on. */
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(xu_queue_init(8, &ring, i ? deferred : IORING_SETUP_NO_SQARRAY), 0);
		memset(&p, 0, sizeof(p));
		p.sq_entries = 16;
		CHECK_EQ(xu_resize_rings(&ring, &p), -EINVAL);
		check_ring_works(&ring);
		xu_queue_exit(&ring);
	}
	return 0;
}
