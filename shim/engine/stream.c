/*
 * Engine stream: programs that read a file in small pieces read large ones (profile bulk).
 *
 *     read(fd, p, 1)      the kernel, four times: then it is a habit, and the file's position is ours
 *     read(fd, p, 1)      a window of the file is read with pread; a byte of it is the answer
 *     read(fd, p, 1)      memory, and so on: no system call until the window is used up
 *     lseek(fd, 0, CUR)   the kernel is told the position; it is the kernel's again, and there have to be new habits
 *
 * Who could see that the kernel's own position stands still meanwhile? Those who have the same open file: so only open
 * files are taken on that this process has opened itself and has given to nobody (stream_fds.c), in whatever number of
 * fds. Before a fork, an exec, a message with fds, libc's stdio on it, all of them are put right and are plain for ever; as
 * is one before any call that uses or moves its position. Nobody is left who could see it after an end by a signal.
 *
 * Who could see that what is in the window is not in the file any more? This program: a write, truncation or copy of its
 * own to the same file, by whatever fd, ends the belief in windows; so does all that may bring news of others: what is
 * read from pipes, sockets and terminals, waits for events, locks. What is left are others' changes of which nothing was
 * heard, and changes through mapped memory: they are seen with the next tick of the kernel's clock, which is 10 ms away at
 * most (4 where the kernel has 250 ticks a second). The end of the file is never believed: a read that would reach it
 * asks, so that a file that grows (tail -f) is seen to. In all else (errors, short reads, whatever is in doubt) the
 * position is put right and the call is plain.
 *
 * Windows grow while they are used up, shrink when they are not, and where that does not help the file is left alone.
 * Direct reads (O_DIRECT), of which each would wait for the disk, have large ones: the disk has all their parts at once.
 *
 * Small writes are gathered (XURING_WRITE=later): after four in a row to a file that this process alone has open, and
 * only for writing, and of one thread, they are kept (stream_out.c). They are written, in the order in which their files
 * were first written to, before the next call of any other kind that others could see something by, or that could see
 * something itself (all rows of symbols.def but reads of other files); when there are 64 KiB; and after a millisecond, which
 * the flusher sees to. What the kernel says to them is said to the next call on the file, and to close. What libc does by
 * itself (stdio) can not be seen: it may be a millisecond ahead, and so files that stdio is at are left alone. Before
 * a signal ends the process they are written (stream_fatal.c); by SIGKILL it loses the last millisecond.
 *
 * What is written to /dev/null, and little of /dev/zero, is answered at once.
 *
 * Where little of this happens, nothing is looked at any more (judge).
 *
 * Large files that will be synced go to the disk while they are written (stream_early.c).
 *
 * A read lease (F_SETLEASE) would tell of others' changes exactly. It was measured and is not there: a window that need
 * not be read again every 10 ms saves less than can be seen (dd bs=1 and a shell's read loop, 0.98 to 1.08 of the time), while
 * whoever opens the file for writing waits for our thread (27 us in place of 7, one in ten more than 300), or is told
 * EAGAIN (O_NONBLOCK), and the program itself would wait for itself.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "core/syscall.h"
#include "shim/engine/engine.h"
#include "shim/engine/steps.h"
#include "shim/engine/stream.h"
#include "shim/thread.h"
#include "shim/user_memory.h"

void stream_before_fd(int fd)
{
	struct stream *s = stream_of(fd);

	if (s)
		stream_put_right(s);
}

void stream_news(void)
{
	if (streams && XU_LOAD(&streams->armed))
		__atomic_add_fetch(&streams->news, 1, __ATOMIC_ACQ_REL);
}

/* Is there a window of the file that `fd` leads to? */
static bool have_window(int fd)
{
	const struct stream *file = stream_learn(fd);

	if (!file)
		return true;
	if (file->kind != KIND_REGULAR)
		return false;
	for (const struct stream *s = streams->all; s < streams->all + NR_STREAMS; s++)
		if (XU_LOAD(&s->refs) && (XU_LOAD(&s->at) >= 0 || XU_LOAD(&s->windowed)) &&
		    s->dev == file->dev && s->ino == file->ino)
			return true;
	return false;
}

void stream_before_change(int fd)
{
	stream_before_fd(fd);
	if (streams && XU_LOAD(&streams->armed) && have_window(fd))
		stream_news();
}

void stream_before_fcntl(int fd, int op)
{
	switch (op) {
	case F_SETFL: stream_let_go(fd); break;
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
	case F_DUPFD:
	case F_DUPFD_CLOEXEC: break;
	/* Locks, which may be relative to the position. */
	default: stream_before_fd(fd);
	}
}

void stream_after_fcntl(int fd, int op, int result)
{
	switch (op) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC: stream_duplicated(fd, result); break;
	case F_GETFD:
	case F_SETFD:
	case F_GETFL: break;
	default: stream_news();
	}
}

void stream_before_number(long nr, long a, long b)
{
	(void)b;
	switch (nr) {
	case SYS_futex:
	case SYS_gettid:
	case SYS_getrandom:
	case SYS_membarrier: return;
	case SYS_lseek: stream_before_fd((int)a); return;
	default: stream_let_go_all();
	}
}

/* What a call does that we do not answer: before it is known who does. */
static void look_on(struct call *c)
{
	const struct io_uring_sqe *sqe = &c->sqe;

	switch (c->route) {
	case ROUTE_READ:
		if (!stream_of(c->fd))
			stream_news();
		break;
	case ROUTE_WRITE: stream_before_change(c->fd); break;
	case ROUTE_AT:
		if (sqe->opcode != IORING_OP_READ && sqe->opcode != IORING_OP_READV)
			stream_before_change(c->fd);
		break;
	case ROUTE_FD:
	case ROUTE_FD_CANCEL:
		if (sqe->opcode == IORING_OP_FTRUNCATE || sqe->opcode == IORING_OP_FALLOCATE)
			stream_before_change(c->fd);
		else if (sqe->opcode == IORING_OP_FSYNC && stream_of(c->fd))
			stream_early_synced(stream_of(c->fd));
		break;
	case ROUTE_SEND:
		if (c->symbol == SYM_sendmsg)
			stream_let_go_all();
		break;
	case ROUTE_CLOSE: stream_before_gone(c->fd); break;
	case ROUTE_RECV:
	case ROUTE_ACCEPT:
	case ROUTE_POLL:
	case ROUTE_WAIT: stream_news(); break;
	default: break;
	}
}

/* Could others see by this call that something is put off? Reading a file that is another one shows nothing. */
static void put_out_for(const struct call *c)
{
	const struct stream *s;

	if (!(awake & AWAKE_PUT))
		return;
	s = c->route == ROUTE_READ ? stream_learn(c->fd) : NULL;
	if (!s || s->kind == KIND_NONE || (s->kind == KIND_REGULAR && stream_gathers(s)))
		stream_put_out();
}

/* An error of what was put off is told by the next call that has to do with the file's contents. */
static bool tell_error(struct call *c)
{
	struct stream *s = stream_of(c->fd);

	switch (c->route) {
	case ROUTE_WRITE:
	case ROUTE_FD:
	case ROUTE_FD_CANCEL:
	case ROUTE_HINT_CANCEL:
	case ROUTE_CLOSE: break;
	default: return false;
	}
	if (!s || !s->error)
		return false;
	answer(c, stream_take_error(s));
	c->way = WAY_KERNEL;
	if (c->route == ROUTE_CLOSE) {
		stream_before_gone(c->fd);
		xu_sys(SYS_close, c->fd);
	}
	return true;
}

/*
 * Does it pay? Each call that comes here and is not answered has gone a longer way, by some 50 ns; a window, or four writes that
 * are gathered, save half a microsecond or more. So among so many calls there have to be some of those. Who reads and writes in
 * other ways (a server, a database) is left alone for good: from the next call on, nothing is looked at.
 */
enum { PERIOD = 16384, LEAST = PERIOD / 32, LARGE_WORTH = 512 };

static struct {
	unsigned calls;
	uint64_t gains; /* as they stood when the period began */
	bool aside;
} score;

static uint64_t gains(void)
{
	return streams ? streams->filled + streams->taken / 4 + LARGE_WORTH * streams->large : 0;
}

/* Has a file an error that its writer is still to hear of? */
static bool owes_error(void)
{
	for (const struct stream *s = streams->all; s < streams->all + NR_STREAMS; s++)
		if (s->refs && s->error)
			return true;
	return false;
}

/* A period is over. */
static void judge(void)
{
	uint64_t before = score.gains;

	score.calls = 0;
	score.gains = gains();
	if (score.gains - before >= LEAST || !streams || owes_error() || !thread_is_own())
		return;
	/* Other threads begin with nothing that nobody would end: they look for this. */
	__atomic_store_n(&streams->aside, true, __ATOMIC_SEQ_CST);
	stream_let_go_all();
	process_sleep(AWAKE_STREAM);
	score.aside = true;
}

/* It is another program now: the worker of a server, or what a shell has to do. */
static void stream_forked(void)
{
	/* The table is empty by now. */
	if (score.aside)
		process_wake(AWAKE_STREAM);
	score.aside = false;
	score.calls = 0;
	score.gains = 0;
}

static bool stream_call(struct call *c)
{
	const struct io_uring_sqe *sqe = &c->sqe;
	void *memory = (void *)(uintptr_t)sqe->addr;
	struct stream *s = stream_of(c->fd);
	long got = -1;

	if (!(awake & AWAKE_STREAM)) {
		/* Another thread, in the middle of a write as this was judged, may have put it off. */
		put_out_for(c);
		return awake & AWAKE_PUT && tell_error(c);
	}
	if (s && c->symbol == SYM_read && s->kind == KIND_ZERO)
		got = stream_quick_read(c->fd, memory, c->sqe.len);
	else if (s && c->route == ROUTE_READ && c->sqe.opcode == IORING_OP_READ &&
		 process_config()->read == XU_READ_AHEAD)
		got = stream_read(s, c->fd, memory, c->sqe.len);
	else if (s && c->route == ROUTE_AT && c->sqe.opcode == IORING_OP_READ &&
		 process_config()->read == XU_READ_AHEAD)
		got = stream_read_at(s, c->fd, (int64_t)sqe->off, memory, sqe->len);
	if (got >= 0 || (s && c->symbol == SYM_write && s->kind == KIND_NULL &&
			 (got = stream_quick_write(c->fd, memory, c->sqe.len)) >= 0)) {
		answer(c, got);
		c->way = WAY_MEMORY;
		return true;
	}
	if (s && c->route == ROUTE_WRITE && c->sqe.opcode == IORING_OP_WRITE &&
	    process_config()->write == XU_WRITE_LATER &&
	    (got = stream_write(s, c->fd, memory, c->sqe.len)) >= 0) {
		answer(c, got);
		c->way = WAY_QUEUED;
		return true;
	}
	put_out_for(c);
	if (tell_error(c))
		return true;
	look_on(c);
	if (++score.calls >= PERIOD)
		judge();
	return false;
}

static void stream_plain(struct call *c)
{
	struct stream *s = c->route == ROUTE_READ ? stream_of(c->fd) : NULL;

	if (!(awake & AWAKE_STREAM))
		return;
	/* What was not prepared did not come by stream_call. */
	if (c->sqe.opcode == IORING_OP_NOP) {
		stream_put_out();
		look_on(c);
	}
	put_out_for(c);
	if (s)
		stream_read_begins(s);
}

static void stream_seen(struct call *c, long res)
{
	const struct io_uring_sqe *sqe = &c->sqe;
	struct stream *s = c->route == ROUTE_READ ? stream_of(c->fd) : NULL;

	if (!(awake & AWAKE_STREAM))
		return;
	if (s)
		stream_read_ended(s, c->fd, (void *)(uintptr_t)sqe->addr,
				  sqe->opcode == IORING_OP_READ ? sqe->len : 0, res);
	if (c->route == ROUTE_WRITE && (s = stream_of(c->fd))) {
		stream_written(s, sqe->opcode == IORING_OP_WRITE ? sqe->len : 0, res);
		if (res > 0)
			stream_early_wrote(s, c->fd, -1, (size_t)res);
	}
	if (c->route == ROUTE_AT && sqe->opcode == IORING_OP_READ && (s = stream_of(c->fd)))
		stream_read_at_ended(s, c->fd, (int64_t)sqe->off, (void *)(uintptr_t)sqe->addr,
				     sqe->len, res);
	if (c->route == ROUTE_AT && res > 0 && (s = stream_of(c->fd)) &&
	    (sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_WRITEV))
		stream_early_wrote(s, c->fd, (int64_t)sqe->off + res, (size_t)res);
	/* What was made empty by its opening may have a window. */
	if (c->route == ROUTE_OPEN) {
		stream_news();
		if (c->symbol != SYM_fopen && res >= 0)
			stream_opened((int)res);
	}
}

static void stream_start(const struct xu_config *config)
{
	if (config->read == XU_READ_AHEAD || config->write == XU_WRITE_LATER ||
	    config->writeback != XU_WRITEBACK_LATE)
		process_wake(AWAKE_STREAM);
}

static void stream_report(struct xu_text *t)
{
	xu_text_str(t, "\"served\":");
	xu_text_num(t, streams ? streams->served : 0, 0);
	xu_text_str(t, ",\"filled\":");
	xu_text_num(t, streams ? streams->filled : 0, 0);
	xu_text_str(t, ",\"gathered\":");
	xu_text_num(t, streams ? streams->taken : 0, 0);
	xu_text_str(t, ",\"put\":");
	xu_text_num(t, streams ? streams->puts : 0, 0);
	xu_text_str(t, ",\"early\":");
	xu_text_num(t, streams ? streams->begun : 0, 0);
}

const struct engine engine_stream = {
	.name = "stream",
	.start = stream_start,
	.call = stream_call,
	.plain = stream_plain,
	.seen = stream_seen,
	.settle = stream_let_go_all,
	.forked = stream_forked,
	.report = stream_report,
};
