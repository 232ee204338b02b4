/* Errors are returned; errno is left as it was, whether a call succeeds or fails. */
#include "tests/unit/oldkernel.h"

#define MAGIC 4242

/* The call answers `want`, and errno stays. */
#define KEEPS(call, want)                                                                          \
	do {                                                                                       \
		errno = MAGIC;                                                                     \
		long long got = (call);                                                            \
		int after = errno;                                                                 \
		CHECK_EQ(got, want);                                                               \
		CHECK_EQ(after, MAGIC);                                                            \
	} while (0)

static void everything(struct xu_ring *ring)
{
	struct xu_timespec ts = {0, 1000000};
	struct io_uring_cqe *cqe;
	struct xu_probe probe;

	KEEPS(xu_submit(ring), 0);
	KEEPS(xu_peek_cqe(ring, &cqe), -EAGAIN);
	KEEPS(xu_wait_cqe_timeout(ring, &cqe, &ts), -ETIME);
	KEEPS(xu_register_eventfd(ring, -1), -EBADF);
	KEEPS(xu_register(ring, 1000, NULL, 0), -EINVAL);
	KEEPS(xu_probe_ring(ring, &probe), 0);
	put_nop(ring, 1);
	old.enter_error = -EAGAIN;
	old.enter_errors = 1;
	KEEPS(xu_submit(ring), -EAGAIN);
	KEEPS(xu_submit_and_wait(ring, 1), 1);
	KEEPS(xu_wait_cqe(ring, &cqe), 0);
	xu_cqe_seen(ring, cqe);
	ring->features &= ~(unsigned)IORING_FEAT_EXT_ARG;
	KEEPS(xu_wait_cqe_timeout(ring, &cqe, &ts), -ETIME);
	KEEPS((xu_queue_exit(ring), 0), 0);
	KEEPS(xu_submit_and_wait(&(struct xu_ring){.sq = {.khead = &(unsigned){0},
							  .ktail = &(unsigned){0},
							  .kflags = &(unsigned){0}},
						   .enter_fd = -1},
				 1),
	      -EBADF);
}

int main(void)
{
	struct xu_probe probe;
	struct xu_ring ring;

	old_begin();
	on_each_ring(4, everything);
	KEEPS(xu_queue_init(0, &ring, 0), -EINVAL);
	old.setup_error = -EPERM;
	KEEPS(xu_queue_init_best(4, &ring, XU_WANT_HIDDEN, 0), -EPERM);
	KEEPS(xu_probe_cached(&probe), -EPERM);
	return 0;
}
