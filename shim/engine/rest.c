/*
 * The rest of a short transfer. A plain call that waits goes on until all is through, or until a signal, a timeout or an
 * error ends it with what it has; so must a call whose first part went through the ring.
 */
#include <errno.h>
#include <poll.h>
#include <sys/time.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/steps.h"

/* The next piece of what is left after the first c->done bytes. False: there is none. */
static bool next_piece(const struct call *c, struct iovec *piece)
{
	const struct io_uring_sqe *s = &c->sqe;
	void *addr = (void *)(uintptr_t)s->addr;
	const struct iovec *iov = piece;
	size_t skip = c->done;
	size_t nr = 1;

	*piece = (struct iovec){addr, s->len};
	if (s->opcode == IORING_OP_READV || s->opcode == IORING_OP_WRITEV) {
		iov = addr;
		nr = s->len;
	} else if (s->opcode == IORING_OP_SENDMSG) {
		iov = ((const struct msghdr *)addr)->msg_iov;
		nr = ((const struct msghdr *)addr)->msg_iovlen;
	}
	for (size_t i = 0; i < nr; skip -= iov[i++].iov_len) {
		if (skip >= iov[i].iov_len)
			continue;
		*piece = (struct iovec){(char *)iov[i].iov_base + skip, iov[i].iov_len - skip};
		return true;
	}
	return false;
}

/* Transfer a piece, without waiting. Control data and the address went with the first bytes. */
static long transfer(const struct call *c, const struct iovec *piece)
{
	switch (c->sqe.opcode) {
	case IORING_OP_READ:
	case IORING_OP_READV: return xu_sys(SYS_readv, c->sqe.fd, piece, 1);
	case IORING_OP_WRITE:
	case IORING_OP_WRITEV: return xu_sys(SYS_pwritev2, c->sqe.fd, piece, 1, -1, -1, RWF_NOWAIT);
	default:
		return xu_sys(SYS_sendto, c->sqe.fd, piece->iov_base, piece->iov_len,
			      c->sqe.msg_flags | MSG_DONTWAIT, 0, 0);
	}
}

static int64_t now_ms(void)
{
	struct timespec t = {0, 0};

	xu_sys(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How long the plain call would wait in all (SO_SNDTIMEO), in milliseconds. */
static int64_t patience(int fd)
{
	struct timeval t = {0, 0};
	socklen_t len = sizeof(t);

	xu_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &t, &len);
	return t.tv_sec || t.tv_usec ? (int64_t)t.tv_sec * 1000 + (t.tv_usec + 999) / 1000
				     : INT64_MAX / 2;
}

/*
 * Wait for room, with the program's own signal mask: a signal ends the call there, as it ends a plain call that has
 * transferred something, whatever SA_RESTART says. The plain call goes on as soon as there is any room, while poll calls a
 * socket writable only when there is much: hence the slices. False: the call is over.
 */
static bool wait_for_room(const struct call *c, uint64_t mask, int64_t until)
{
	struct pollfd p = {.fd = c->sqe.fd, .events = POLLOUT};
	struct timespec slice = {.tv_nsec = 10 * 1000000};
	long ret;

	if (c->cancels && REAL(ppoll))
		ret = REAL(ppoll)(&p, 1, &slice, &mask);
	else
		ret = xu_sys(SYS_ppoll, &p, 1, &slice, &mask, sizeof(mask));
	return ret >= 0 && now_ms() < until;
}

/* What the plain call would have gone on with; `mask` is the program's. A failure does not undo what is through. */
void rest_run(struct call *c, uint64_t mask)
{
	int64_t until = now_ms() + patience(c->sqe.fd);
	struct iovec piece;

	while (next_piece(c, &piece)) {
		long n = transfer(c, &piece);

		if (n > 0)
			c->done += (size_t)n;
		else if (n != -EAGAIN || !wait_for_room(c, mask, until))
			break;
	}
	answer(c, (long)c->done);
}
