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
#include <limits.h>
#include <poll.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/single.h"
#include "shim/log.h"
#include "shim/policy.h"
#include "shim/signals.h"
#include "shim/thread.h"
#include "shim/user_memory.h"

/* ---- Answers ---- */

static void answer(struct call *c, long res)
{
	c->state = STATE_DONE;
	c->res = res;
}

static void plain(struct call *c, enum reason reason)
{
	c->state = STATE_PLAIN;
	c->reason = reason;
}

/* ---- The op itself ---- */

/* The completions that one call waits for: its own op, and what was submitted to go with it. */
struct flight {
	uint64_t ticket;
	unsigned submitted;
	unsigned completed;
	int error; /* why the kernel would not be entered */
};

/* Put an entry into the ring under the call's next ticket. */
static bool put(struct call *c, struct flight *f, const struct io_uring_sqe *from)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&c->thread->ring);

	if (!sqe)
		return false;
	*sqe = *from;
	sqe->user_data = f->ticket + f->submitted++;
	return true;
}

/* Take what has completed; what an earlier call left behind is dropped. */
static void reap(struct call *c, struct flight *f)
{
	struct xu_ring *ring = &c->thread->ring;
	struct io_uring_cqe *cqe;

	while ((cqe = xu_cq_front(ring))) {
		if (cqe->user_data == f->ticket)
			c->res = cqe->res;
		if (xu_ticket_generation(cqe->user_data) == xu_ticket_generation(f->ticket))
			f->completed++;
		xu_cq_advance(ring, 1);
	}
}

/*
 * Enter the kernel until all has been submitted, and, if `wait`, all has completed. False: the kernel would not, and
 * the ring is given up; f->completed and the queue say how far it came.
 */
static bool enter(struct call *c, struct flight *f, bool wait)
{
	struct xu_ring *ring = &c->thread->ring;
	int ret;

	do {
		ret = xu_submit_and_wait(ring, wait ? f->submitted - f->completed : 0);
		c->thread->enters++;
		reap(c, f);
		if (ret < 0 && ret != -EINTR) {
			f->error = ret;
			return false;
		}
	} while (xu_sq_ready(ring) || (wait && f->completed < f->submitted));
	return true;
}

/* After a failure that should not be: wait, but not for ever, for an op that the kernel has. */
static void wait_bounded(struct call *c, struct flight *f)
{
	for (int i = 0; i < 1000000 && !f->completed; i++) {
		xu_sys(SYS_sched_yield);
		reap(c, f);
	}
	if (f->completed)
		return;
	log_line(XU_LOG_ERROR, "an op was submitted and its result can not be had", NULL);
	c->res = -EIO;
}

/*
 * Submit c->sqe, and `with` it if there is one, and wait. True: c->res is the op's result. False: the op never began,
 * and c->reason says why.
 *
 * An op that has not ended when submitting returns was given to a worker thread. A worker lets go of the file a little
 * after the result is there: for that moment a file that was closed is still open, and can not be executed, unmounted
 * or released. So a NOP is sent after it through the same worker (there is one of a kind: policy.c), and awaited.
 */
static bool run_with(struct call *c, const struct io_uring_sqe *with)
{
	struct xu_ring *ring = &c->thread->ring;
	struct flight f = {.ticket = xu_ticket(0, ++c->thread->generation)};
	struct io_uring_sqe barrier;
	bool ok;

	c->reason = REASON_ENTER;
	f.error = policy_deny_enter();
	ok = !f.error && put(c, &f, &c->sqe) && (!with || put(c, &f, with)) && enter(c, &f, with);
	if (ok && !f.completed) {
		xu_prep_nop(&barrier);
		xu_sqe_set_flags(&barrier, IOSQE_ASYNC);
		ok = put(c, &f, &barrier) && enter(c, &f, true);
	}
	if (ok)
		return true;
	if (f.submitted && xu_sq_ready(ring) < f.submitted)
		wait_bounded(c, &f);
	else
		f.submitted = 0;
	/* What has not begun must not be taken later, by another enter. */
	xu_queue_exit(ring);
	policy_enter_failed(f.error);
	return f.submitted;
}

static bool run(struct call *c)
{
	return run_with(c, NULL);
}

/*
 * The same for an op that can not be asked not to wait: one that waits is cancelled at once, by a timeout of nothing.
 * False also when it would have waited.
 */
static bool run_unless_waiting(struct call *c)
{
	static const struct xu_timespec nothing;
	struct io_uring_sqe timeout;

	xu_prep_link_timeout(&timeout, &nothing, 0);
	c->sqe.flags |= IOSQE_IO_LINK;
	if (!run_with(c, &timeout))
		return false;
	if (c->res != -ECANCELED && c->res != -EINTR)
		return true;
	plain(c, REASON_WOULD_BLOCK);
	return false;
}

/* Run an op whose errors are the answer, but for those that only say that the ring would not do it. */
static void run_simple(struct call *c)
{
	if (!run(c))
		return;
	switch (c->res) {
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EBADF:
	case -EAGAIN:
	case -EINTR:
	case -ECANCELED:
		plain(c, REASON_REFUSED);
		break;
	default:
		answer(c, c->res);
	}
}

/* The call that c->sqe stands for, made plainly while handlers are held back: for the signal that comes with its error. */
static long again(const struct call *c, bool positioned)
{
	const struct io_uring_sqe *s = &c->sqe;

	switch (s->opcode) {
	case IORING_OP_WRITE:
		return positioned ? xu_sys(SYS_pwrite64, s->fd, s->addr, s->len, s->off)
				  : xu_sys(SYS_write, s->fd, s->addr, s->len);
	case IORING_OP_WRITEV:
		return positioned ? xu_sys(SYS_pwritev2, s->fd, s->addr, s->len, s->off, 0, s->rw_flags)
				  : xu_sys(SYS_writev, s->fd, s->addr, s->len);
	case IORING_OP_SEND:
		return xu_sys(SYS_sendto, s->fd, s->addr, s->len, s->msg_flags, 0, 0);
	case IORING_OP_SENDMSG:
		return xu_sys(SYS_sendmsg, s->fd, s->addr, s->msg_flags);
	case IORING_OP_FALLOCATE:
		return xu_sys(SYS_fallocate, s->fd, (int)s->len, s->off, s->addr);
	case IORING_OP_FTRUNCATE:
		return xu_sys(SYS_ftruncate, s->fd, s->off);
	default:
		return c->res;
	}
}

/* ---- What is this fd? ---- */

enum kind {
	KIND_FILE,   /* a regular file of an ordinary file system: seekable, never waits for other programs */
	KIND_STREAM, /* pipes, sockets, eventfds: may wait; asked without waiting */
	KIND_STEADY, /* /dev/null and kin: no position, never waits */
	KIND_OTHER,  /* everything else: plain; c->reason is set */
};

/*
 * File systems whose regular files are just that: bytes at positions, short only at the end. `local` are those that
 * close a file in line; the others have a flush of their own. Numbers: linux/magic.h and the file systems' sources.
 */
static const struct {
	long type;
	bool local;
} ordinary[] = {
	{0xef53, true},	     /* ext2, ext3, ext4 */
	{0x58465342, true},  /* XFS */
	{0x9123683e, true},  /* btrfs */
	{0xf2f52010, true},  /* F2FS */
	{0x01021994, true},  /* tmpfs */
	{0x858458f6, true},  /* ramfs */
	{0x4d44, true},	     /* FAT */
	{0xca451a4e, true},  /* bcachefs */
	{0x794c7630, false}, /* overlayfs */
	{0x6969, false},     /* NFS */
	{0x65735546, false}, /* FUSE */
	{0x01021997, false}, /* 9p */
	{0xfe534d42, false}, /* SMB */
	{0x2fc12fc1, false}, /* ZFS */
};

/* What fstatfs said of a file system: in the table, and local too if that is asked for. */
static bool in_table(const struct statfs *fs, bool local)
{
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		if (ordinary[i].type == (long)(unsigned long)fs->f_type)
			return ordinary[i].local || !local;
	return false;
}

/*
 * Is the file system of this device an ordinary one? Remembered by device number: 16 words of
 * device << 2 | ordinary << 1 | 1. `fd` leads to it.
 */
static bool ordinary_device(dev_t dev, int fd)
{
	static uint64_t known[16];
	uint64_t *word = &known[(dev ^ dev >> 8) % 16];
	uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
	struct statfs fs;

	if (value >> 2 == dev && value & 1)
		return value & 2;
	if (xu_sys(SYS_fstatfs, fd, &fs) < 0)
		return false;
	value = (uint64_t)dev << 2 | (in_table(&fs, false) ? 2 : 0) | 1;
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
	return value & 2;
}

static enum kind kind_of(struct call *c, int fd)
{
	struct stat st;

	c->reason = REASON_ARGUMENT;
	if (xu_sys(SYS_fstat, fd, &st) < 0)
		return KIND_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		c->reason = REASON_SPECIAL_FS;
		return ordinary_device(st.st_dev, fd) ? KIND_FILE : KIND_OTHER;
	case S_IFIFO:
	case S_IFSOCK:
	case 0: /* eventfd, timerfd, ... */
		return KIND_STREAM;
	case S_IFCHR:
		/* Memory devices: null, zero, full. */
		if (major(st.st_rdev) == 1 && (minor(st.st_rdev) == 3 || minor(st.st_rdev) == 5 || minor(st.st_rdev) == 7))
			return KIND_STEADY;
		c->reason = REASON_DEVICE;
		return KIND_OTHER;
	default:
		c->reason = REASON_DEVICE;
		return KIND_OTHER;
	}
}

static bool has_flag(int fd, long flag)
{
	long flags = xu_sys(SYS_fcntl, fd, F_GETFL);

	return flags >= 0 && flags & flag;
}

/* How many bytes a vector asks for. False: it can not be read, or is not valid. */
static bool vector_size(const struct iovec *iov, size_t nr, size_t *size)
{
	struct iovec part[16];

	*size = 0;
	if (nr > IOV_MAX || !policy_user_memory())
		return false;
	while (nr) {
		size_t n = nr < 16 ? nr : 16;

		if (user_read(part, iov, n * sizeof(*iov)) != (long)(n * sizeof(*iov)))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (part[i].iov_len > SSIZE_MAX - *size)
				return false;
			*size += part[i].iov_len;
		}
		iov += n;
		nr -= n;
	}
	return *size <= 0x7ffff000;
}

/* Set c->asked from the entry. False: leave it to the kernel. */
static bool learn_size(struct call *c)
{
	const struct io_uring_sqe *s = &c->sqe;
	const void *addr = (const void *)(uintptr_t)s->addr;
	struct msghdr msg;
	bool ok = true;

	switch (s->opcode) {
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		ok = vector_size(addr, s->len, &c->asked);
		break;
	case IORING_OP_RECVMSG:
	case IORING_OP_SENDMSG:
		ok = policy_user_memory() && user_read(&msg, addr, sizeof(msg)) == sizeof(msg) &&
		     vector_size(msg.msg_iov, msg.msg_iovlen, &c->asked);
		break;
	default:
		c->asked = s->len;
	}
	c->reason = ok ? REASON_EMPTY : REASON_ARGUMENT;
	return ok && c->asked;
}

/* ---- Transfers ---- */

/* At the file's own position: claim the bytes, transfer, give back what was not got. */
static void run_at_position(struct call *c, bool write)
{
	int fd = c->sqe.fd;
	long end;

	if (write && has_flag(fd, O_APPEND)) {
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
	if (c->state == STATE_DONE && c->res == (long)c->asked)
		return;
	xu_sys(SYS_lseek, fd, (c->state == STATE_DONE && c->res > 0 ? c->res : 0) - (long)c->asked, SEEK_CUR);
	if (c->state == STATE_DONE && c->res == -EFBIG)
		answer(c, again(c, false));
}

/* Would the plain call wait here? `flags` are those of the call itself. */
static bool waits(const struct call *c, unsigned flags)
{
	return !(flags & MSG_DONTWAIT) && !has_flag(c->sqe.fd, O_NONBLOCK);
}

/* The outcome of a transfer that was asked for without waiting. */
static void settle(struct call *c, unsigned flags, bool write)
{
	if (c->res == -EAGAIN) {
		if (waits(c, flags))
			plain(c, REASON_WOULD_BLOCK);
		else
			answer(c, c->res);
	} else if (c->res == -EOPNOTSUPP || c->res == -EINVAL || c->res == -EINTR || c->res == -ECANCELED) {
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
	if (run(c))
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
	case IORING_OP_READV:
		return xu_sys(SYS_readv, c->sqe.fd, piece, 1);
	case IORING_OP_WRITE:
	case IORING_OP_WRITEV:
		return xu_sys(SYS_pwritev2, c->sqe.fd, piece, 1, -1, -1, RWF_NOWAIT);
	default:
		return xu_sys(SYS_sendto, c->sqe.fd, piece->iov_base, piece->iov_len, c->sqe.msg_flags | MSG_DONTWAIT, 0, 0);
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
	return t.tv_sec || t.tv_usec ? (int64_t)t.tv_sec * 1000 + (t.tv_usec + 999) / 1000 : INT64_MAX / 2;
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
static void finish(struct call *c, uint64_t mask)
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

static void run_transfer(struct call *c, bool write)
{
	if (!learn_size(c))
		return;
	switch (kind_of(c, c->sqe.fd)) {
	case KIND_FILE:
		run_at_position(c, write);
		break;
	case KIND_STREAM:
		run_stream(c, write);
		break;
	case KIND_STEADY:
		run_steady(c);
		break;
	case KIND_OTHER:
		break;
	}
}

/* pread and kin: on files alone. Elsewhere they fail, or have rules of their own. */
static void run_at(struct call *c)
{
	if ((int64_t)c->sqe.off < 0) {
		plain(c, REASON_ARGUMENT);
		return;
	}
	if (!learn_size(c) || kind_of(c, c->sqe.fd) != KIND_FILE)
		return;
	run_simple(c);
	if (c->state == STATE_DONE && c->res == -EFBIG)
		answer(c, again(c, true));
}

static void run_recv(struct call *c)
{
	unsigned flags = c->sqe.msg_flags;

	if (!learn_size(c))
		return;
	if (flags & MSG_WAITALL) {
		plain(c, REASON_WOULD_BLOCK);
		return;
	}
	c->sqe.msg_flags |= MSG_DONTWAIT;
	if (run(c))
		settle(c, flags, false);
}

static void run_send(struct call *c)
{
	unsigned flags = c->sqe.msg_flags;

	if (!learn_size(c))
		return;
	if (flags & MSG_ZEROCOPY) {
		plain(c, REASON_FLAGS);
		return;
	}
	c->sqe.msg_flags |= MSG_DONTWAIT;
	if (!run(c))
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
		if (run(c))
			settle(c, 0, false);
	} else if (run_unless_waiting(c)) {
		settle(c, 0, false);
	} else if (c->reason == REASON_WOULD_BLOCK && has_flag(c->sqe.fd, O_NONBLOCK)) {
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

	return policy_user_memory() && user_read(buf, path, sizeof(name) - 1) == sizeof(name) - 1 && !memcmp(buf, name, sizeof(name) - 1);
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
	struct statfs fs;
	int fd = c->sqe.fd;

	if (xu_sys(SYS_fstat, fd, &st) < 0) {
		plain(c, REASON_ARGUMENT);
		return;
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFREG:
	case S_IFDIR:
		if (xu_sys(SYS_fstatfs, fd, &fs) < 0 || !in_table(&fs, true)) {
			plain(c, REASON_SPECIAL_FS);
			return;
		}
		break;
	default:
		plain(c, REASON_DEVICE);
		return;
	}
	/* An fd must not be closed twice: whatever the op says is the answer. */
	if (run(c))
		answer(c, c->res);
}

/* Only what is there is taken; the plain call does the waiting, and says so when nothing came. */
static void run_wait(struct call *c)
{
	if (!run_unless_waiting(c))
		return;
	if (c->res > 0)
		answer(c, c->res);
	else
		plain(c, REASON_WOULD_BLOCK);
}

static void route(struct call *c)
{
	switch (c->route) {
	case ROUTE_NONE:
		break;
	case ROUTE_READ:
		run_transfer(c, false);
		break;
	case ROUTE_WRITE:
		run_transfer(c, true);
		break;
	case ROUTE_AT:
		run_at(c);
		break;
	case ROUTE_RECV:
		run_recv(c);
		break;
	case ROUTE_SEND:
		run_send(c);
		break;
	case ROUTE_ACCEPT:
		run_accept(c);
		break;
	case ROUTE_CONNECT:
		run_connect(c);
		break;
	case ROUTE_OPEN:
		run_open(c);
		break;
	case ROUTE_CLOSE:
		run_close(c);
		break;
	case ROUTE_FD:
	case ROUTE_FD_CANCEL:
		run_simple(c);
		break;
	case ROUTE_FD_LIMIT:
	case ROUTE_FD_LIMIT_CANCEL:
		run_simple(c);
		if (c->state == STATE_DONE && c->res == -EFBIG)
			answer(c, again(c, true));
		break;
	case ROUTE_NAME:
		run_name(c);
		break;
	case ROUTE_WAIT:
		run_wait(c);
		break;
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
			finish(c, mask);
	}
	signals_resume(mask);
}
