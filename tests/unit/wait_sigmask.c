/* The signal mask given to a wait holds while it lasts, and not after. */
#include "tests/unit/timed.h"

/* Masks as the kernel takes them: 64 bits. */
static uint64_t bits(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

static bool blocked(void)
{
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	return sigismember(&now, SIGUSR1);
}

static void block(bool yes)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(yes ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* The signal comes through now that nobody keeps it out, or has already. */
static void it_rang(struct bell *bell)
{
	while (!rung)
		sleep_ms(1);
	bell_end(bell);
}

static void masks(struct xu_ring *ring)
{
	const uint64_t none = 0, usr1 = bits(SIGUSR1);
	struct xu_timespec *times[] = {MS(10000), NULL};
	struct io_uring_cqe *cqe;
	struct bell bell;
	long long start;
	char byte;

	/* Blocked outside and pending: the wait lets it in and ends at once. */
	for (int i = 0; i < 2; i++) {
		block(true);
		rung = 0;
		raise(SIGUSR1);
		CHECK_EQ(rung, 0);
		CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, times[i], &none), -EINTR);
		CHECK_EQ(rung, 1);
		CHECK(cqe == NULL);
		CHECK(blocked());
		block(false);
	}

	/* Open outside: the wait keeps it out until it is over, in time or by a completion. */
	bell_every(&bell, 20000);
	start = now_ms();
	CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, MS(200), &usr1), -ETIME);
	CHECK_GE(now_ms() - start, 199);
	it_rang(&bell);
	CHECK(!blocked());

	for (int i = 0; i < 2; i++) {
		struct bell writer;

		CHECK_EQ(pipe(timed_fds), 0);
		put_read(ring, timed_fds[0], &byte, 1);
		bell_every(&bell, 20000);
		write_after(&writer, 100, timed_fds[1]);
		CHECK_EQ(xu_submit_and_wait_timeout(ring, &cqe, 1, times[i], &usr1), 1);
		check_first(ring, cqe, 1, 1);
		it_rang(&bell);
		bell_end(&writer);
		CHECK(!blocked());
		close(timed_fds[0]);
		close(timed_fds[1]);
	}
	check_quiet(ring);
}

static void old_way(struct xu_ring *ring)
{
	ring->features &= ~(unsigned)IORING_FEAT_EXT_ARG;
	masks(ring);
}

int main(void)
{
	need_op(IORING_OP_READ);
	bell_catch(0);
	on_each_ring(8, masks);
	on_each_ring(8, old_way);
	return 0;
}
