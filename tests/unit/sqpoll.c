/* A ring with a polling thread: entries are taken without a call, and the thread is woken when it sleeps. */
#include "tests/unit/ring.h"

static unsigned asleep;

static void poll_thread(struct xu_ring *ring)
{
	uint64_t put = 0, taken = 0, data = 0;

	/* The thread sleeps after 1 ms without work: some rounds find it awake, some asleep. */
	for (int round = 0; round < 60; round++) {
		if (round % 3 == 0)
			sleep_ms(10);
		asleep += (XU_LOAD(ring->sq.kflags) & IORING_SQ_NEED_WAKEUP) != 0;
		for (int i = 0; i < 3; i++)
			put_nop(ring, put++);
		CHECK_GE(xu_submit(ring), 0);
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(take(ring, &data), 0);
			CHECK_EQ(data, taken++);
		}
	}
	CHECK_EQ(xu_cq_ready(ring), 0);
	/* The thread gives places back some time after it posted the completions. */
	for (int i = 0; i < 1000 && xu_sq_ready(ring); i++)
		sleep_ms(1);
	CHECK_EQ(xu_sq_ready(ring), 0);

	/* Submit and wait in one. */
	sleep_ms(10);
	put_nop(ring, 1);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	CHECK_EQ(take(ring, NULL), 0);
	sleep_ms(10);
	put_nop(ring, 1);
	CHECK_EQ(take(ring, NULL), 0);

	/* Without looking at the queue through calls. */
	sleep_ms(10);
	put_nop(ring, 2);
	CHECK_GE(xu_submit(ring), 0);
	while (!xu_cq_front(ring))
		sleep_ms(1);
	CHECK_EQ(take(ring, &data), 0);
	CHECK_EQ(data, 2);
}

/* A full queue: the thread makes room, also when it sleeps, and no entry is lost or done twice. */
static void full_queue(struct xu_ring *ring)
{
	uint64_t put = 0, taken = 0, data = 0;

	for (int round = 0; round < 20; round++) {
		if (round % 5 == 0)
			sleep_ms(10);
		while (xu_sq_space_left(ring))
			put_nop(ring, put++);
		CHECK_EQ(xu_sqring_wait(ring), 0);
		CHECK_GE(xu_sq_space_left(ring), 1);
		CHECK_EQ(xu_sqring_wait(ring), 0);
		while (taken < put) {
			CHECK_EQ(take(ring, &data), 0);
			CHECK_EQ(data, taken++);
		}
		CHECK_EQ(xu_cq_ready(ring), 0);
	}
}

int main(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1};
	struct xu_ring ring;
	int ret;

	need_ring();
	/* Without a thread nobody is waited for. */
	CHECK_EQ(xu_queue_init(2, &ring, 0), 0);
	put_nop(&ring, 1);
	put_nop(&ring, 2);
	CHECK_EQ(xu_sqring_wait(&ring), 0);
	CHECK_EQ(xu_sq_space_left(&ring), 0);
	xu_queue_exit(&ring);

	/* Places are given back after their completions have come: room for two rounds. */
	ret = xu_queue_init_params(8, &ring, &p);
	if (ret == -EPERM)
		skip("no polling thread for this user before Linux 5.13");
	CHECK_EQ(ret, 0);
	if (!(ring.features & IORING_FEAT_SQPOLL_NONFIXED))
		skip("polling threads need registered files before Linux 5.11");
	poll_thread(&ring);
	CHECK_GE(asleep, 1);
	full_queue(&ring);
	xu_queue_exit(&ring);
	return 0;
}
