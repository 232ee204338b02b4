/*
 * Mode ring: one call, one op, at once.
 *
 * This is translation, and translation does not make a program faster. It is here to prove that every call can go
 * through the ring with nothing that the program could observe changed; the engines that do pay stand on the same proof.
 *
 * Where the ring's rules differ from the call's, the call's hold:
 *
 *   what it is     A file descriptor is looked at anew in each call (fstat). It may have been replaced by any door, and
 *                  to be wrong about it is to hang or to lose data.
 *   waiting        Only what does not wait for other programs is done in the ring. A transfer is asked for without
 *                  waiting (RWF_NOWAIT, MSG_DONTWAIT); if it would wait, the plain call waits, and with it come signals,
 *                  SA_RESTART, socket timeouts and cancellation exactly as the kernel has them.
 *   position       An op at the file's own position would not take the lock that read(2) takes. Instead the bytes are
 *                  claimed first, by moving the position over them, which the kernel does under that lock:
 *
 *                      lseek(+n) ----> claims [p, p+n) ----> op at p ----> lseek(got - n), if it got fewer
 *
 *                  so processes that share the position never get the same bytes twice.
 *   a short write  to something that would have waited goes on as far as the plain call would have (STATE_REST).
 *   signals        that an error brings (SIGPIPE, SIGXFSZ) come from asking the same again, plainly, before any handler
 *                  may run: they are the kernel's own, and there is one.
 *   doubt          makes the plain call. An op that failed without effect may always be asked again plainly.
 */
#include <errno.h>

#include "core/syscall.h"
#include "shim/engine/single.h"
#include "shim/engine/steps.h"
#include "shim/policy.h"
#include "shim/signals.h"
#include "shim/thread.h"
#include "shim/user_memory.h"

/* ---- Ops ---- */

/* Run an op whose errors are the answer, but for those that only say that the ring would not do it. */
static void run_simple(struct call *c)
{
	if (!flight_run(c))
		return;
	switch (c->res) {
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EBADF:
	case -EAGAIN:
	case -EINTR:
	case -ECANCELED: plain(c, REASON_REFUSED); break;
	default: answer(c, c->res);
	}
}

/*
 * The call that c->sqe stands for, made plainly while handlers are held back: for the signal that comes with its error, or
 * at a position that is already claimed.
 */
static long again(const struct call *c, bool positioned)
{
	const struct io_uring_sqe *s = &c->sqe;

	switch (s->opcode) {
	case IORING_OP_READ: return xu_sys(SYS_pread64, s->fd, s->addr, s->len, s->off);
	case IORING_OP_READV: return xu_sys(SYS_preadv, s->fd, s->addr, s->len, s->off, 0);
	case IORING_OP_WRITE:
		return positioned ? xu_sys(SYS_pwrite64, s->fd, s->addr, s->len, s->off)
				  : xu_sys(SYS_write, s->fd, s->addr, s->len);
	case IORING_OP_WRITEV:
		return positioned
			       ? xu_sys(SYS_pwritev2, s->fd, s->addr, s->len, s->off, 0, s->rw_flags)
			       : xu_sys(SYS_writev, s->fd, s->addr, s->len);
	case IORING_OP_SEND: return xu_sys(SYS_sendto, s->fd, s->addr, s->len, s->msg_flags, 0, 0);
	case IORING_OP_SENDMSG: return xu_sys(SYS_sendmsg, s->fd, s->addr, s->msg_flags);
	case IORING_OP_FALLOCATE: return xu_sys(SYS_fallocate, s->fd, (int)s->len, s->off, s->addr);
	case IORING_OP_FTRUNCATE: return xu_sys(SYS_ftruncate, s->fd, s->off);
	default: return c->res;
	}
}

/* ---- Transfers ---- */

/*
 * At the file's own position: claim the bytes, transfer, give back what was not got. Where the ring would not, the plain
 * call goes to the claimed bytes, too: the position may have moved on with others.
 */
static void run_at_position(struct call *c, bool write)
{
	int fd = c->sqe.fd;
	long end;

	if (write && kind_has_flag(fd, O_APPEND)) {
		plain(c, REASON_APPEND);
		return;
	}
	end = xu_sys(SYS_lseek, fd, c->asked, SEEK_CUR);
	if (end < 0) {
		plain(c, REASON_ARGUMENT);
		return;
	}
	c->sqe.off = (uint64_t)end - c->asked;
	run_simple(c);
	if (c->state == STATE_PLAIN) {
		c->state = STATE_FELL_BACK;
		c->res = again(c, true);
	} else if (c->res == -EFBIG) {
		c->res = again(c, true);
	}
	if (c->res != (long)c->asked)
		xu_sys(SYS_lseek, fd, (c->res > 0 ? c->res : 0) - (long)c->asked, SEEK_CUR);
}

/* Would the plain call wait here? `flags` are those of the call itself. */
static bool waits(const struct call *c, unsigned flags)
{
	return !(flags & MSG_DONTWAIT) && !kind_has_flag(c->sqe.fd, O_NONBLOCK);
}

/* The outcome of a transfer that was asked for without waiting. */
static void settle(struct call *c, unsigned flags, bool write)
{
	if (c->res == -EAGAIN) {
		if (waits(c, flags))
			plain(c, REASON_WOULD_BLOCK);
		else
			answer(c, c->res);
	} else if (c->res == -EOPNOTSUPP || c->res == -EINVAL || c->res == -EINTR ||
		   c->res == -ECANCELED) {
		plain(c, REASON_REFUSED);
	} else if (write && c->res > 0 && (size_t)c->res < c->asked && waits(c, flags)) {
		c->state = STATE_REST;
		c->done = (size_t)c->res;
	} else {
		answer(c, c->res);
	}
}

static void run_stream(struct call *c, bool write)
{
	c->sqe.off = (uint64_t)-1;
	c->sqe.rw_flags |= RWF_NOWAIT;
	if (flight_run(c))
		settle(c, 0, write);
}

/* /dev/zero may stop early when it is asked through the ring, as the plain call would not. */
static void run_steady(struct call *c)
{
	c->sqe.off = (uint64_t)-1;
	run_simple(c);
	if (c->state == STATE_DONE && c->res > 0 && (size_t)c->res < c->asked) {
		c->state = STATE_REST;
		c->done = (size_t)c->res;
	}
}

static void run_transfer(struct call *c, bool write)
{
	if (!kind_learn_size(c))
		return;
	switch (kind_of(c, c->sqe.fd)) {
	case KIND_FILE: run_at_position(c, write); break;
	case KIND_STREAM: run_stream(c, write); break;
	case KIND_STEADY: run_steady(c); break;
	case KIND_OTHER: break;
	}
}

/* pread and kin: on files alone. Elsewhere they fail, or have rules of their own. */
static void run_at(struct call *c)
{
	if ((int64_t)c->sqe.off < 0) {
		plain(c, REASON_ARGUMENT);
		return;
	}
	if (!kind_learn_size(c) || kind_of(c, c->sqe.fd) != KIND_FILE)
		return;
	run_simple(c);
	if (c->state == STATE_DONE && c->res == -EFBIG)
		answer(c, again(c, true));
}

static void run_recv(struct call *c)
{
	unsigned flags = c->sqe.msg_flags;

	if (!kind_learn_size(c))
		return;
	if (flags & MSG_WAITALL) {
		plain(c, REASON_WOULD_BLOCK);
		return;
	}
	c->sqe.msg_flags |= MSG_DONTWAIT;
	if (flight_run(c))
		settle(c, flags, false);
}

static void run_send(struct call *c)
{
	unsigned flags = c->sqe.msg_flags;

	if (!kind_learn_size(c))
		return;
	if (flags & MSG_ZEROCOPY) {
		plain(c, REASON_FLAGS);
		return;
	}
	c->sqe.msg_flags |= MSG_DONTWAIT;
	if (!flight_run(c))
		return;
	if (c->res == -EPIPE) {
		/* The ring never raises SIGPIPE. Whether the call would is the kernel's to say. */
		c->sqe.msg_flags = flags;
		answer(c, again(c, false));
		return;
	}
	settle(c, flags, true);
}

static void run_accept(struct call *c)
{
	if (policy_accept_nowait(c->thread)) {
		c->sqe.ioprio |= IORING_ACCEPT_DONTWAIT;
		if (flight_run(c))
			settle(c, 0, false);
	} else if (flight_run_unless_waiting(c)) {
		settle(c, 0, false);
	} else if (c->reason == REASON_WOULD_BLOCK && kind_has_flag(c->sqe.fd, O_NONBLOCK)) {
		answer(c, -EAGAIN);
	}
}

/* Connecting a stream waits, or says EINPROGRESS where the ring would wait. Datagram sockets only note the address. */
static void run_connect(struct call *c)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (xu_sys(SYS_getsockopt, c->sqe.fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		plain(c, REASON_ARGUMENT);
	else if (type != SOCK_DGRAM)
		plain(c, REASON_WOULD_BLOCK);
	else
		run_simple(c);
}

/* ---- Names and fds ---- */

/* /proc/thread-self is the worker's own when a worker looks it up. */
static bool means_thread(const void *path)
{
	static const char name[] = "/proc/thread-self";
	char buf[sizeof(name)] = "";

	return policy_user_memory() && user_read(buf, path, sizeof(name) - 1) == sizeof(name) - 1 &&
	       !memcmp(buf, name, sizeof(name) - 1);
}

static void run_name(struct call *c)
{
	if (means_thread((const void *)(uintptr_t)c->sqe.addr))
		plain(c, REASON_THREAD_PATH);
	else
		run_simple(c);
}

/* Opening a FIFO waits for its other end, a terminal may become the controlling one: only files and directories. */
static void run_open(struct call *c)
{
	const char *path = (const char *)(uintptr_t)c->sqe.addr;
	struct stat st;
	long ret = xu_sys(SYS_newfstatat, c->sqe.fd, path, &st, 0);

	if (ret == -EFAULT) {
		plain(c, REASON_ARGUMENT);
		return;
	}
	if (!ret && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		plain(c, REASON_DEVICE);
		return;
	}
	run_name(c);
}

/*
 * Only what is closed in line: a file system with a flush of its own (network file systems, FUSE) has it done by a
 * worker, and the file would still be open, for a moment, after the call has returned.
 */
static void run_close(struct call *c)
{
	struct stat st;
	int fd = c->sqe.fd;

	if (xu_sys(SYS_fstat, fd, &st) < 0) {
		plain(c, REASON_ARGUMENT);
		return;
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFIFO:
	case S_IFSOCK: break;
	case S_IFREG:
	case S_IFDIR:
		if (!kind_is_local(&st, fd)) {
			plain(c, REASON_SPECIAL_FS);
			return;
		}
		break;
	default: plain(c, REASON_DEVICE); return;
	}
	/* An fd must not be closed twice: whatever the op says is the answer. */
	if (flight_run(c))
		answer(c, c->res);
}

/* Only what is there is taken; the plain call does the waiting, and says so when nothing came. */
static void run_wait(struct call *c)
{
	if (!flight_run_unless_waiting(c))
		return;
	if (c->res > 0)
		answer(c, c->res);
	else
		plain(c, REASON_WOULD_BLOCK);
}

static void route(struct call *c)
{
	switch (c->route) {
	case ROUTE_NONE: break;
	case ROUTE_READ: run_transfer(c, false); break;
	case ROUTE_WRITE: run_transfer(c, true); break;
	case ROUTE_AT: run_at(c); break;
	case ROUTE_RECV: run_recv(c); break;
	case ROUTE_SEND: run_send(c); break;
	case ROUTE_ACCEPT: run_accept(c); break;
	case ROUTE_CONNECT: run_connect(c); break;
	case ROUTE_OPEN: run_open(c); break;
	case ROUTE_CLOSE: run_close(c); break;
	case ROUTE_FD:
	case ROUTE_FD_CANCEL: run_simple(c); break;
	case ROUTE_FD_LIMIT:
	case ROUTE_FD_LIMIT_CANCEL:
		run_simple(c);
		if (c->state == STATE_DONE && c->res == -EFBIG)
			answer(c, again(c, true));
		break;
	case ROUTE_NAME: run_name(c); break;
	case ROUTE_WAIT: run_wait(c); break;
	}
}

void single_run(struct call *c)
{
	uint64_t mask = signals_hold();

	if (!thread_is_own()) {
		plain(c, REASON_VFORK);
	} else if (c->thread->busy) {
		/* A handler that was installed by a way that we do not see. */
		plain(c, REASON_NESTED);
	} else {
		c->thread->busy = true;
		if (policy_ring(c) && policy_op(c, c->sqe.opcode))
			route(c);
		c->thread->busy = false;
		if (c->state == STATE_REST)
			rest_run(c, mask);
	}
	signals_resume(mask);
}
