/* With a polling thread, ten operations and more go by for each system call: io_uring_enter is trapped and counted. */
#include <sched.h>

#include "tests/unit/oldkernel.h"

enum { OPS = 20000, BATCH = 4 };

int main(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 2000};
	struct xu_ring ring;
	uint64_t taken = 0, put = 0;
	int ret;

	old_begin();
	ret = xu_queue_init_params(64, &ring, &p);
	if (ret == -EPERM)
		skip("no polling thread for this user before Linux 5.13");
	CHECK_EQ(ret, 0);
	if (!(ring.features & IORING_FEAT_SQPOLL_NONFIXED))
		skip("polling threads need registered files before Linux 5.11");
	while (taken < OPS) {
		struct io_uring_cqe *cqe;

		for (int i = 0; i < BATCH && put < OPS && xu_sq_space_left(&ring); i++)
			put_nop(&ring, put++);
		CHECK_GE(xu_submit(&ring), 0);
		while ((cqe = xu_cq_front(&ring))) {
			CHECK_EQ(cqe->user_data, taken);
			taken++;
			xu_cqe_seen(&ring, cqe);
		}
		/* The thread may have no CPU of its own. */
		sched_yield();
	}
	printf("%d operations, %d calls\n", OPS, old.enters);
	CHECK_LE(old.enters, OPS / 10);
	xu_queue_exit(&ring);
	return 0;
}
