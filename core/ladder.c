/*
 * The best ring that a kernel has.
 *
 * Kernels have grown set-up features one by one, and an old kernel answers EINVAL to any that it does not know,
 * without saying which. So the ladder has them newest first; we ask for all that the caller can use and take off one
 * rung at each EINVAL until the kernel agrees:
 *
 *     no-sqarray     6.6   entries are taken in place, no index array
 *     invisible      6.5   memory of ours, ring registered with the thread: no fd ever
 *     defer-taskrun  6.1   completions are worked off when we enter, not by interrupting us
 *     coop-taskrun   5.19  no interrupts for completions
 *     submit-all     5.18  a bad entry does not stop those behind it
 *     clamp          5.6   a queue larger than allowed is made as large as allowed
 *     (plain)        5.1
 *
 * A ring with an fd is then registered with the thread (5.18), and its fd given back or moved high, where no program
 * looks for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "core/syscall.h"
#include "xuring.h"

/* One rung: a name for reports, the flags that go together, what the caller must want for it. */
struct rung {
	const char *name;
	unsigned flags;
	unsigned want;
};

static const struct rung ladder[] = {
	{"no-sqarray", IORING_SETUP_NO_SQARRAY, 0},
	{"invisible", IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY, XU_WANT_HIDDEN},
	{"defer-taskrun", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, XU_WANT_SINGLE},
	{"coop-taskrun", IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0},
	{"submit-all", IORING_SETUP_SUBMIT_ALL, 0},
	{"clamp", IORING_SETUP_CLAMP, 0},
};

#define RUNGS (sizeof(ladder) / sizeof(ladder[0]))

/*
 * The highest fd numbers belong to nobody: just below the soft limit, as far as fcntl lets us. But not above 4096: the
 * kernel's table of fds is as long as the highest one is, and each fork copies it.
 */
static void move_high(struct xu_ring *ring)
{
	struct rlimit lim = {.rlim_cur = 1024};
	rlim_t top;
	long moved = -EMFILE;

	xu_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &lim);
	top = lim.rlim_cur < 4096 ? lim.rlim_cur : 4096;
	for (rlim_t room = 32; moved < 0 && room < top; room *= 4)
		moved = xu_sys(SYS_fcntl, ring->ring_fd, F_DUPFD_CLOEXEC, top - room);
	if (moved < 0)
		return;
	xu_sys(SYS_close, ring->ring_fd);
	ring->ring_fd = (int)moved;
	ring->hidden = 1;
}

/* Take a ring's fd out of the program's sight, as far as the kernel allows. */
static void hide(struct xu_ring *ring)
{
	if (ring->ring_fd < 0)
		return;
	if (xu_register_ring_fd(ring) == 1 && !xu_close_ring_fd(ring))
		return;
	move_high(ring);
	if (!(ring->enter_flags & IORING_ENTER_REGISTERED_RING))
		ring->enter_fd = ring->ring_fd;
}

int xu_queue_init_best(unsigned entries, struct xu_ring *ring, unsigned want, unsigned extra)
{
	struct io_uring_params p = {.flags = extra};

	return xu_queue_init_best_params(entries, ring, want, &p);
}

int xu_queue_init_best_params(unsigned entries, struct xu_ring *ring, unsigned want,
			      struct io_uring_params *p)
{
	const struct io_uring_params wish = *p;
	const unsigned extra = wish.flags;
	unsigned flags = extra;
	size_t next = 0; /* the rung to give up next */
	int ret;

	for (size_t i = 0; i < RUNGS; i++)
		if ((ladder[i].want & want) == ladder[i].want)
			flags |= ladder[i].flags;
	/* A polling kernel thread needs no help with task work, and the kernel refuses the combination. */
	if (extra & IORING_SETUP_SQPOLL)
		flags &= ~(IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
			   IORING_SETUP_TASKRUN_FLAG) |
			 extra;

	for (;;) {
		*p = wish;
		p->flags = flags;
		ret = xu_queue_init_params(entries, ring, p);
		/* Pinning our memory may fail where mapping the kernel's does not; a thread can register 16 rings. */
		if ((ret == -ENOMEM || ret == -EBUSY) && flags & ~extra & IORING_SETUP_NO_MMAP) {
			flags &= ~(IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY) | extra;
			continue;
		}
		if (ret != -EINVAL)
			break;
		while (next < RUNGS && !(flags & ladder[next].flags & ~extra))
			next++;
		if (next == RUNGS)
			break;
		flags &= ~ladder[next].flags | extra;
	}
	if (!ret && want & XU_WANT_HIDDEN)
		hide(ring);
	return ret;
}

char *xu_ring_describe(const struct xu_ring *ring, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < RUNGS && ring->live; i++) {
		size_t n = strlen(ladder[i].name);

		if ((ring->flags & ladder[i].flags) != ladder[i].flags || len + n + 2 > size)
			continue;
		if (len)
			buf[len++] = ' ';
		memcpy(buf + len, ladder[i].name, n);
		len += n;
	}
	if (size)
		buf[len] = '\0';
	return buf;
}

const char *xu_ring_visibility(const struct xu_ring *ring)
{
	if (!ring->live)
		return "none";
	if (ring->ring_fd < 0)
		return "invisible";
	return ring->hidden ? "hidden-fd" : "fd";
}
