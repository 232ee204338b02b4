/*
 * The kernel's polling thread (XURING_SQPOLL=1).
 *
 * A thread of the kernel looks at the rings' submission queues all the time and does what it finds there, so that no system
 * call is needed to hand it over; after a while without work it sleeps. It takes a processor to itself. The process has one
 * of them for all its rings:
 *
 *     the anchor, a ring that nobody uses; its fd is out of the way     makes the thread
 *     each thread's ring, with no fd                                    attached to it (IORING_SETUP_ATTACH_WQ)
 *
 * A ring keeps the credentials that it was made with, and the thread shares what the thread that made it shared. So both go
 * before the process changes its identity (policy_renew_rings), and are made anew after that. A child of fork makes its own;
 * where the program has closed the anchor's fd, another anchor is made. Before Linux 5.11 polled rings do not take ordinary
 * fds: there, and where one can not be had, rings are not polled.
 */
#include <errno.h>
#include <fcntl.h>

#include "core/syscall.h"
#include "shim/log.h"
#include "shim/polling.h"
#include "shim/process.h"

enum { HIGH_FD = 512, ANY_CPU = 65536, SPINS = 20000 };

/* fd + 1 in the low half, the process it belongs to in the high one. 0: none. */
static uint64_t anchor;

static struct io_uring_params parameters(void)
{
	const struct xu_config *config = process_config();
	struct io_uring_params p = {.flags = IORING_SETUP_SQPOLL};

	p.sq_thread_idle = (uint32_t)config->sqpoll_idle_ms;
	if (config->sqpoll_cpu != ANY_CPU) {
		p.flags |= IORING_SETUP_SQ_AFF;
		p.sq_thread_cpu = (uint32_t)config->sqpoll_cpu;
	}
	return p;
}

/* Close an anchor, if that is what has the number. */
static void let_go(uint64_t old)
{
	int fd = (int)(uint32_t)old - 1;

	if (old && xu_sys(SYS_io_uring_enter, fd, 0, 0, 0, 0, 0) >= 0)
		xu_sys(SYS_close, fd);
}

/* The anchor's fd, or -errno. */
static int anchor_fd(void)
{
	uint64_t pid = (uint64_t)xu_sys(SYS_getpid), was = XU_LOAD_ACQUIRE(&anchor), made;
	struct io_uring_params p = parameters();
	long fd, high;

	if (was >> 32 == pid && xu_sys(SYS_io_uring_enter, (int)(uint32_t)was - 1, 0, 0, 0, 0, 0) >= 0)
		return (int)(uint32_t)was - 1;
	fd = xu_sys(SYS_io_uring_setup, 1, &p);
	if (fd < 0)
		return (int)fd;
	high = p.features & IORING_FEAT_SQPOLL_NONFIXED
		       ? xu_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_FD)
		       : -EINVAL;
	xu_sys(SYS_close, fd);
	if (high < 0)
		return (int)high;
	made = pid << 32 | (uint64_t)(high + 1);
	if (__atomic_compare_exchange_n(&anchor, &was, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		/* A parent's, or one whose number is another's by now. */
		if (was >> 32 != pid)
			let_go(was);
		return (int)high;
	}
	xu_sys(SYS_close, high);
	return (int)(uint32_t)was - 1;
}

static int polled(unsigned entries, struct xu_ring *ring, unsigned want)
{
	struct io_uring_params p = parameters();
	int fd = anchor_fd();

	if (fd < 0)
		return fd;
	p.flags |= IORING_SETUP_ATTACH_WQ;
	p.wq_fd = (uint32_t)fd;
	return xu_queue_init_best_params(entries, ring, want, &p);
}

int polling_queue_init(unsigned entries, struct xu_ring *ring, unsigned want)
{
	if (process_config()->sqpoll) {
		if (!polled(entries, ring, want))
			return 0;
		log_line(XU_LOG_INFO, "no polling thread is to be had", NULL);
	}
	return xu_queue_init_best(entries, ring, want, 0);
}

void polling_renew(void)
{
	uint64_t was = XU_LOAD_ACQUIRE(&anchor);

	/* Not the parent's, whose memory the child of a vfork runs on. */
	if (was && was >> 32 == (uint64_t)xu_sys(SYS_getpid) &&
	    __atomic_compare_exchange_n(&anchor, &was, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		let_go(was);
}

/* Look, for a while, whether so many have completed. */
static bool completed_soon(const struct xu_ring *ring, unsigned nr)
{
	for (int i = 0; i < SPINS; i++) {
		if (xu_cq_ready(ring) >= nr)
			return true;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	return false;
}

int polling_submit_and_wait(struct xu_ring *ring, unsigned nr, uint64_t *enters)
{
	if (ring->flags & IORING_SETUP_SQPOLL) {
		int ret = xu_submit(ring);

		*enters += (XU_LOAD(ring->sq.kflags) & IORING_SQ_NEED_WAKEUP) > 0;
		if (ret < 0 || completed_soon(ring, nr))
			return ret;
	}
	++*enters;
	return xu_submit_and_wait(ring, nr);
}
