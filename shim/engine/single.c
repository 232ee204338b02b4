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
 *   a short write  to something that would have waited goes on as far as the plain call would have (STATE_REST). So that
 *                  it is short for want of room alone, vectors that are not all there are left to the plain call.
 *   errors         An op looks at its arguments in another order than the call does, and may raise no signal where the
 *                  call does (SIGPIPE, SIGXFSZ). So an op that failed without effect is not believed: the plain call is
 *                  made, and fails in its own way. Which errors are believed, since they would not come again: believed().
 *   events         The ring tells inotify of every read and write, even of those that moved nothing, and twice of
 *                  fallocate. In a program that watches files, that one and what can be known to move nothing (at the end
 *                  of a file) or to fail (RLIMIT_FSIZE, no memory there, O_DIRECT) are left to the plain call. What watches
 *                  in other programs see is not known here.
 *   doubt          makes the plain call.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include "core/syscall.h"
#include "shim/engine/single.h"
#include "shim/engine/steps.h"
#include "shim/inward.h"
#include "shim/lifecycle.h"
#include "shim/policy.h"
#include "shim/process.h"
#include "shim/signals.h"
#include "shim/thread.h"
#include "shim/user_memory.h"

/* ---- Ops ---- */

/*
 * Is the op's result the answer? Not its errors, with two exceptions. What a policy forbids to the op is forbidden, and
 * not to be asked for by another door. And errors of writing back are told once: the plain call would not hear of them.
 */
static bool believed(long res)
{
	switch (res) {
	case -EACCES:
	case -EPERM:
	case -EIO:
	case -ENOSPC:
	case -EDQUOT: return true;
	default: return res >= 0;
	}
}

/* Why the plain call is made after an op that failed. */
static enum reason failure(long res)
{
	switch (res) {
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EBADF:
	case -EAGAIN:
	case -EINTR:
	case -ECANCELED: return REASON_REFUSED;
	default: return REASON_ERROR;
	}
}

/* Run an op that fails without effect. */
static void run_simple(struct call *c)
{
	if (!flight_run(c))
		return;
	if (believed(c->res))
		answer(c, c->res);
	else
		plain(c, failure(c->res));
}

/* The transfer that c->sqe stands for, made plainly at the position that is already claimed for it. */
static long plainly_at(const struct call *c)
{
	const struct io_uring_sqe *s = &c->sqe;

	switch (s->opcode) {
	case IORING_OP_READ: return xu_sys(SYS_pread64, s->fd, s->addr, s->len, s->off);
	case IORING_OP_READV: return xu_sys(SYS_preadv, s->fd, s->addr, s->len, s->off, 0);
	case IORING_OP_WRITE: return xu_sys(SYS_pwrite64, s->fd, s->addr, s->len, s->off);
	default: return xu_sys(SYS_pwritev, s->fd, s->addr, s->len, s->off, 0);
	}
}

/* ---- Transfers ---- */

/* May a write fail with a signal? */
static bool limited(void)
{
	struct rlimit limit;

	return xu_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) < 0 ||
	       limit.rlim_cur != RLIM_INFINITY;
}

/* Would it move nothing, or might it fail? */
static bool moves_nothing(const struct call *c, bool write)
{
	int64_t left = c->size - (int64_t)c->sqe.off;
	size_t n = write || left > (int64_t)c->asked ? c->asked : (size_t)left;

	/* The largest file is of the file system's choosing; beyond 8 TiB it may be too large. */
	if (write && (int64_t)c->sqe.off > INT64_C(1) << 43)
		return true;
	return (write ? limited() : left <= 0) || !kind_has_memory(c, n) ||
	       kind_has_flag(c->sqe.fd, O_DIRECT);
}

/* A file, at c->sqe.off. */
static void run_file(struct call *c, bool write)
{
	if (policy_watches() && moves_nothing(c, write))
		plain(c, REASON_WATCHED);
	else
		run_simple(c);
}

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
	run_file(c, write);
	if (c->state == STATE_PLAIN) {
		c->state = STATE_FELL_BACK;
		c->res = plainly_at(c);
	}
	if (c->res != (long)c->asked)
		xu_sys(SYS_lseek, fd, (c->res > 0 ? c->res : 0) - (long)c->asked, SEEK_CUR);
}

/* Would the plain call wait here? `flags` are those of the call itself. */
static bool waits(const struct call *c, unsigned flags)
{
	return !(flags & MSG_DONTWAIT) && !kind_has_flag(c->sqe.fd, O_NONBLOCK);
}

/*
 * The outcome of a transfer that was asked for without waiting. Most errors are the socket's, told once. What may come of
 * the arguments alone is asked for again; but a read that found no room for what it took has taken it.
 */
static void settle(struct call *c, unsigned flags, bool write)
{
	switch (c->res) {
	case -EAGAIN:
		if (waits(c, flags))
			plain(c, REASON_WOULD_BLOCK);
		else
			answer(c, c->res);
		break;
	case -EOPNOTSUPP:
	case -EINVAL:
	case -EBADF:
	case -EINTR:
	case -ECANCELED:
	case -ENOTSOCK: plain(c, failure(c->res)); break;
	case -EFAULT:
		if (write)
			plain(c, REASON_ERROR);
		else
			answer(c, c->res);
		break;
	default:
		answer(c, c->res);
		if (write && c->res > 0 && (size_t)c->res < c->asked && waits(c, flags)) {
			c->state = STATE_REST;
			c->done = (size_t)c->res;
		}
	}
}

static void run_stream(struct call *c, bool write)
{
	if (c->sqe.opcode == IORING_OP_WRITEV && !kind_has_memory(c, c->asked)) {
		plain(c, REASON_ARGUMENT);
		return;
	}
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
	case KIND_STREAM:
		if (write || c->size)
			run_stream(c, write);
		else
			plain(c, REASON_WATCHED);
		break;
	case KIND_ANONYMOUS:
		run_stream(c, write);
		if (c->state == STATE_DONE && c->res == -EAGAIN)
			plain(c, REASON_REFUSED);
		break;
	case KIND_STEADY:
		if (write || c->size)
			run_steady(c);
		else
			plain(c, REASON_WATCHED);
		break;
	case KIND_OTHER: break;
	}
}

/* pread and kin: on files alone. Elsewhere they fail, or have rules of their own. */
static void run_at(struct call *c)
{
	bool write = c->sqe.opcode == IORING_OP_WRITE || c->sqe.opcode == IORING_OP_WRITEV;

	if ((int64_t)c->sqe.off < 0)
		plain(c, REASON_ARGUMENT);
	else if (kind_learn_size(c) && kind_of(c, c->sqe.fd) == KIND_FILE)
		run_file(c, write);
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
	if (c->sqe.opcode == IORING_OP_SENDMSG && !kind_has_memory(c, c->asked)) {
		plain(c, REASON_ARGUMENT);
		return;
	}
	c->sqe.msg_flags |= MSG_DONTWAIT;
	if (!flight_run(c))
		return;
	/* This op alone raises no SIGPIPE. Whether the call does is the kernel's to say. */
	if (c->res == -EPIPE)
		plain(c, REASON_ERROR);
	else
		settle(c, flags, true);
}

/* A length that is not one fails after a connection was taken. */
static bool bad_length(const void *len)
{
	int n = 0;

	return len && (!policy_user_memory() || user_read(&n, len, sizeof(n)) != sizeof(n) || n < 0);
}

static void run_accept(struct call *c)
{
	if (bad_length((const void *)(uintptr_t)c->sqe.addr2))
		plain(c, REASON_ARGUMENT);
	else if (policy_accept_nowait(c->thread)) {
		c->sqe.ioprio |= IORING_ACCEPT_DONTWAIT;
		if (flight_run(c))
			settle(c, 0, false);
	} else if (flight_run_unless_waiting(c)) {
		settle(c, 0, false);
	} else if (c->reason == REASON_WOULD_BLOCK && kind_has_flag(c->sqe.fd, O_NONBLOCK)) {
		answer(c, -EAGAIN);
	}
}

/* An option of the socket that is a number, or -errno where there is no socket. */
static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	long ret = xu_sys(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &len);

	return ret < 0 ? (int)ret : value;
}

/* SOCK_STREAM and so on, or -errno. */
static int socket_type(int fd)
{
	return socket_option(fd, SO_TYPE);
}

/* Is there a limit to how long sending, and connecting, waits? */
static bool has_timeout(int fd)
{
	struct timeval tv = {0, 0};
	socklen_t len = sizeof(tv);

	return xu_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len) < 0 || tv.tv_sec ||
	       tv.tv_usec;
}

/*
 * What is not through at once is cancelled, which leaves the connection under way: the plain call finds it so, and waits.
 * What the socket said of it is said once. A call that does not wait says EINPROGRESS where the op would not, and the
 * error of one that ran out of time would be that of a second call.
 */
static void connect_tcp(struct call *c)
{
	if (kind_has_flag(c->sqe.fd, O_NONBLOCK) || has_timeout(c->sqe.fd)) {
		plain(c, REASON_WOULD_BLOCK);
	} else if (flight_run_unless_waiting(c)) {
		if (c->res == -EALREADY)
			plain(c, REASON_WOULD_BLOCK);
		else
			settle(c, 0, true);
	}
}

/*
 * Datagram sockets only note the address. A local stream that waits for room at the other end may not be cancelled.
 */
static void run_connect(struct call *c)
{
	int type = socket_type(c->sqe.fd);

	if (type < 0)
		plain(c, REASON_ARGUMENT);
	else if (type == SOCK_DGRAM)
		run_simple(c);
	else if (socket_option(c->sqe.fd, SO_PROTOCOL) == IPPROTO_TCP)
		connect_tcp(c);
	else
		plain(c, REASON_WOULD_BLOCK);
}

/* Commands of sockets: other files (/dev/null for one) understand something else, and say that it is done. */
static void run_socket(struct call *c)
{
	if (socket_type(c->sqe.fd) < 0)
		plain(c, REASON_ARGUMENT);
	else
		run_simple(c);
}

/* On a path, it makes the file before it finds out that the socket has a name: even what fails is done once. */
static void run_bind(struct call *c)
{
	if (socket_type(c->sqe.fd) < 0)
		plain(c, REASON_ARGUMENT);
	else if (flight_run(c))
		answer(c, c->res);
}

/*
 * Between pipes and files, asked not to wait for the pipe. A socket would wait for itself, in a worker that no signal
 * reaches.
 */
static void run_splice(struct call *c)
{
	const int fds[] = {c->sqe.splice_fd_in, c->sqe.fd};

	for (int i = 0; i < 2; i++) {
		struct stat st;

		if (xu_sys(SYS_fstat, fds[i], &st) < 0) {
			plain(c, REASON_ARGUMENT);
			return;
		}
		if (!S_ISFIFO(st.st_mode) && kind_of(c, fds[i]) != KIND_FILE) {
			plain(c, S_ISSOCK(st.st_mode) ? REASON_WOULD_BLOCK : REASON_DEVICE);
			return;
		}
	}
	c->res = 0;
	run_simple(c);
	if (c->state == STATE_PLAIN && c->res == -EAGAIN)
		c->reason = REASON_WOULD_BLOCK;
}

/* ---- Names and fds ---- */

/* The op of fallocate alone tells inotify twice. */
static void run_fd(struct call *c)
{
	if (c->sqe.opcode == IORING_OP_FALLOCATE && policy_watches())
		plain(c, REASON_WATCHED);
	else
		run_simple(c);
}

static void run_name(struct call *c)
{
	const char *path = (const char *)(uintptr_t)c->sqe.addr;

	switch (inward_path(path)) {
	case INWARD_NOT: run_simple(c); break;
	case INWARD_COUNT:
		/* A polling thread is seen, as its option says. */
		if (!process_config()->sqpoll)
			lifecycle_alone();
		__attribute__((fallthrough));
	case INWARD_STAT:
	case INWARD: plain(c, REASON_THREAD_PATH); break;
	}
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
	case ROUTE_POLL:
	case ROUTE_NONE: break;
	case ROUTE_READ: run_transfer(c, false); break;
	case ROUTE_WRITE: run_transfer(c, true); break;
	case ROUTE_AT: run_at(c); break;
	case ROUTE_RECV: run_recv(c); break;
	case ROUTE_SEND: run_send(c); break;
	case ROUTE_ACCEPT: run_accept(c); break;
	case ROUTE_CONNECT: run_connect(c); break;
	case ROUTE_BIND: run_bind(c); break;
	case ROUTE_OPEN: run_open(c); break;
	case ROUTE_CLOSE: run_close(c); break;
	case ROUTE_FD:
	case ROUTE_FD_CANCEL:
	case ROUTE_HINT:
	case ROUTE_HINT_CANCEL: run_fd(c); break;
	case ROUTE_SOCKET: run_socket(c); break;
	case ROUTE_SPLICE: run_splice(c); break;
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
