/* What calls that no engine answers do to connections in hand: see loop_hooks.h. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/syscall.h"
#include "shim/engine/flusher.h"
#include "shim/engine/loop.h"
#include "shim/engine/loop_hooks.h"
#include "shim/thread.h"
#include "shim/user_memory.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

void loop_before_fd(int fd)
{
	struct fd *f = fds_get(fd);

	if (f && f->loop && !(f->flags & FD_EPOLL))
		loop_settle_fd(fd);
}

void loop_before_share(int fd)
{
	struct fd *f = fds_get(fd);

	loop_before_fd(fd);
	if (f && f->flags)
		fds_leave_alone(f);
}

void loop_before_gone(int fd)
{
	struct fd *f = fds_get(fd);

	if (!f || !f->flags)
		return;
	loop_before_fd(fd);
	/* The child of a vfork closes its own; ours, which our tables are about, stays. */
	if (!thread_is_own())
		return;
	if (f->loop && !(f->flags & FD_EPOLL))
		send_goes_on(fd);
	fds_forget(fd);
}

void loop_before_close_range(unsigned first, unsigned last, int flags)
{
	if (!fds || flags & CLOSE_RANGE_CLOEXEC)
		return;
	for (unsigned fd = first; fd <= last && fd < fds_top; fd++)
		loop_before_gone((int)fd);
}

void loop_before_fcntl(int fd, int op)
{
	switch (op) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_SETOWN:
	case F_SETSIG: loop_before_share(fd); break;
	case F_SETFL: loop_before_write(fd); break;
	default: break;
	}
}

static void set_nonblock(int fd, bool on)
{
	struct fd *f = fds_get(fd);

	if (!f || !(f->flags & FD_OURS))
		return;
	if (on)
		__atomic_or_fetch(&f->flags, FD_NONBLOCK, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&f->flags, (uint8_t)~FD_NONBLOCK, __ATOMIC_RELAXED);
}

void loop_after_fcntl(int fd, int op, long arg, int result)
{
	if (op != F_SETFL || result)
		return;
	set_nonblock(fd, arg & O_NONBLOCK);
	if (arg & O_ASYNC)
		loop_before_share(fd);
}

void loop_after_ioctl(int fd, unsigned long op, long arg, int result)
{
	if (op == FIONBIO && !result)
		set_nonblock(fd, *(const int *)arg);
	if (op == FIOASYNC && !result)
		loop_before_share(fd);
}

void loop_after_getsockopt(int fd, int level, int name, void *value, int result)
{
	struct fd *f = fds_get(fd);

	if (result || level != SOL_SOCKET || name != SO_ERROR || !f || !f->error)
		return;
	*(int *)value = f->error;
	f->error = 0;
}

void loop_before_all(void)
{
	loop_settle_all();
}

void loop_before_sandbox(void)
{
	flush_park();
}

void loop_before_write(int fd)
{
	const struct fd *f = fds_get(fd);

	loop_before_fd(fd);
	if (f && f->loop && !(f->flags & FD_EPOLL))
		send_first(fd);
}

/* Only of a message that the kernel took: it may be looked at without fear. */
static void after_message(const struct msghdr *msg)
{
	const char *end = (const char *)msg->msg_control + msg->msg_controllen;

	for (struct cmsghdr *m = CMSG_FIRSTHDR(msg); m; m = CMSG_NXTHDR((struct msghdr *)msg, m)) {
		/* Some kinds of sockets do not look at it. */
		if (m->cmsg_len > (size_t)(end - (const char *)m))
			break;
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= m->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, (const char *)m + at, sizeof(fd));
			loop_before_share(fd);
		}
	}
}

void loop_after_message(const struct msghdr *msg, long res)
{
	if (res >= 0)
		after_message(msg);
}

void loop_after_messages(const struct mmsghdr *msgs, long nr)
{
	int saved = errno;

	for (long i = 0; i < nr; i++)
		after_message(&msgs[i].msg_hdr);
	errno = saved;
}

/* Calls by number that have no row: what they do to their first argument is not known. */
void loop_before_number(long nr, long a, long b)
{
	switch (nr) {
	case SYS_futex:
	case SYS_gettid:
	case SYS_getrandom:
	case SYS_membarrier: return;
#ifdef SYS_dup2
	case SYS_dup2:
#endif
	case SYS_dup3: loop_before_gone((int)b); break;
	default: break;
	}
	loop_before_all();
	loop_before_share((int)a);
}

void loop_after_number(long nr, long b, long res)
{
	if (nr == SYS_sendmmsg)
		loop_after_messages((const struct mmsghdr *)b, res);
}
