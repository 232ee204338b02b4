/* Rings that start disabled: restrictions, enabling; and waits whose arguments are registered. */
#include "tests/unit/op.h"

static void test_restrictions(void)
{
	struct io_uring_restriction res[2];
	struct xu_ring ring;
	int none = -1;

	memset(res, 0, sizeof(res));
	res[0].opcode = IORING_RESTRICTION_SQE_OP;
	res[0].sqe_op = IORING_OP_NOP;
	res[1].opcode = IORING_RESTRICTION_REGISTER_OP;
	res[1].register_op = IORING_REGISTER_FILES;
	CHECK_EQ(xu_queue_init(4, &ring, IORING_SETUP_R_DISABLED), 0);
	put_nop(&ring, 1);
	CHECK_EQ(xu_submit(&ring), -EBADFD);
	CHECK_EQ(xu_register_restrictions(&ring, res, 2), 0);
	CHECK_EQ(xu_enable_rings(&ring), 0);
	CHECK_EQ(ring.flags & IORING_SETUP_R_DISABLED, 0);
	CHECK_EQ(xu_enable_rings(&ring), -EACCES);
	CHECK_EQ(result_of(&ring), 0);
	xu_prep_read(sqe_of(&ring), 0, res, 0, 0);
	CHECK_EQ(result_of(&ring), -EACCES);
	CHECK_EQ(xu_register_eventfd(&ring, 0), -EACCES);
	CHECK_EQ(xu_register_files(&ring, &none, 1), 0);
	xu_queue_exit(&ring);
	/* Too late for a ring that runs. */
	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	CHECK_EQ(xu_enable_rings(&ring), -EBADFD);
	CHECK_EQ(xu_register_restrictions(&ring, res, 2), -EBADFD);
	check_ring_works(&ring);
	xu_queue_exit(&ring);
}

static void test_registered_wait(void)
{
	static struct io_uring_reg_wait waits[4096 / sizeof(struct io_uring_reg_wait)]
		__attribute__((aligned(4096)));
	struct io_uring_region_desc desc;
	struct io_uring_mem_region_reg reg;
	struct io_uring_cqe *cqe;
	struct xu_ring ring;
	long long begin;
	int ret;

	memset(&desc, 0, sizeof(desc));
	memset(&reg, 0, sizeof(reg));
	desc.user_addr = (uint64_t)(uintptr_t)waits;
	desc.size = sizeof(waits);
	desc.flags = IORING_MEM_REGION_TYPE_USER;
	reg.region_uptr = (uint64_t)(uintptr_t)&desc;
	reg.flags = IORING_MEM_REGION_REG_WAIT_ARG;
	waits[1].flags = IORING_REG_WAIT_TS;
	waits[1].ts.tv_nsec = 20 * 1000000;

	CHECK_EQ(xu_queue_init(4, &ring, IORING_SETUP_R_DISABLED), 0);
	ret = xu_register_region(&ring, &reg);
	if (ret == -EINVAL && !kernel_is(6, 13)) {
		printf("left out: no regions\n");
		xu_queue_exit(&ring);
		return;
	}
	CHECK_EQ(ret, 0);
	CHECK_EQ(xu_register_region(&ring, &reg), -EBUSY);
	CHECK_EQ(xu_enable_rings(&ring), 0);
	begin = now_ms();
	CHECK_EQ(xu_submit_and_wait_reg(&ring, &cqe, 1, 1), -ETIME);
	CHECK(!cqe);
	CHECK_GE(now_ms() - begin, 19);
	put_nop(&ring, 9);
	CHECK_EQ(xu_submit_and_wait_reg(&ring, &cqe, 1, 1), 1);
	CHECK(cqe != NULL);
	CHECK_EQ(take(&ring, NULL), 0);
	/* Past the end of the region. */
	CHECK_EQ(xu_submit_and_wait_reg(&ring, &cqe, 1, 4096), -EFAULT);
	xu_queue_exit(&ring);
	/* Too late for a ring that runs. */
	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	CHECK_EQ(xu_register_region(&ring, &reg), -EINVAL);
	xu_queue_exit(&ring);
}

int main(void)
{
	need_ring();
	if (!kernel_is(5, 10))
		skip("rings can not be disabled");
	test_restrictions();
	test_registered_wait();
	return 0;
}
