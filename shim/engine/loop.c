/*
 * The loop engine: event loops make one system call where they made a hundred.
 *
 * A server's loop waits, and then calls once or twice for each connection that is ready. The turn is what lies between
 * two returns of the wait, and this engine does the calls of a turn in company:
 *
 *        bare                          receiving in company           and sending (profile server)
 *
 *     epoll_wait -> 64 ready        epoll_wait -> 64 ready           epoll_wait -> 64 ready
 *     read  a                       enter: look at a, b, c, ...      enter: look at a, b, c, ...
 *     write a                       read  a   memory                 read  a   memory
 *     read  b                       write a                          write a   memory
 *     write b                       read  b   memory                 read  b   memory
 *     ...                           ...                              ...
 *     epoll_wait                    enter: drop what was read,       enter: drop what was read, send,
 *                                          epoll_wait                       epoll_wait
 *     129 calls                     66 calls                         2 calls
 *
 * The ways of receiving and of sending are told in loop_recv.c and loop_send.c. What is outstanding in between, bytes
 * that the program has and the socket still holds, and bytes that the program has sent and the socket lacks, hangs on
 * slots of the thread's loop. It is settled before anybody could see it:
 *
 *     any call on that fd that memory does not answer      loop_settle_fd, by whatever thread
 *     a list for poll or select that has it in it          the same (loop_poll.c)
 *     new processes, exec, exit, another identity          loop_settle_all
 *     an effect elsewhere (profile server)                 the calling thread's loop
 *     a thread that does not wait for a millisecond        the flusher (flusher.c)
 *
 * Only connections of which all is known are taken on (fds.h); when in doubt an fd is left to plain calls for good. A
 * slot is touched under its loop's lock, which is free but for another thread on the same fd. A handler that interrupts
 * the engine finds the lock held by its own thread, and makes plain calls.
 *
 * Accepting is left to plain calls. What would be accepted ahead, or in the enter of a turn, has a number before the
 * program asks for it, and takes it from the files that the program opens in between; accepted into the ring's own table
 * it has none, but to give it one is a call again. What there is to gain is that one call a connection: with one request on
 * each it is one of 6 that nginx makes, and of 9 that a server in Python makes, and where calls cost 800 ns more 2.5 % of the
 * time of both (0.8 of 33 us, 1.1 of 44).
 *
 * Whether it pays is a question of what a system call costs: loop_cost.c. Until a program makes an epoll instance, or
 * polls a listening socket, nothing is woken, and where calls are cheap nothing ever is.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/syscall.h"
#include "shim/engine/engine.h"
#include "shim/engine/flusher.h"
#include "shim/engine/loop.h"
#include "shim/engine/loop_hooks.h"
#include "shim/engine/steps.h"
#include "shim/log.h"
#include "shim/symbols.h"
#include "shim/thread.h"
#include "shim/policy.h"
#include "shim/user_memory.h"

/* ---- The turn ---- */

/* After so many waits that found nothing at once, each so many turns one is tried. */
enum { A_FEW_IN_VAIN = 4, EACH_SO_MANY = 16 };

/* Is this epoll instance the affair of this thread's loop alone? */
static bool is_own(struct loop *l, int epfd)
{
	struct fd *e = fds_get(epfd);

	if (!e || (e->flags & (FD_EPOLL | FD_PLAIN)) != FD_EPOLL)
		return false;
	if (!e->slot)
		e->slot = l->index;
	if (e->slot == l->index)
		return true;
	/* Threads share it. What the other one has outstanding would look ready to us. */
	fds_leave_alone(e);
	loop_settle(loop_by_index(e->slot));
	return false;
}

/* Hand over all that is outstanding, in one enter; and wait, as far as there is something by then. With the lock. */
static void hand_over(struct call *c, struct loop *l, bool waits)
{
	bool ring = batch_begin(c, l);

	for (unsigned i = 0; ring && i < l->nr; i++) {
		struct slot *s = &l->slots[i];

		if (s->used_by && s->used)
			batch_add(c, l, s, OP_DROP);
		if (s->used_by && s->len > s->sent)
			batch_add(c, l, s, OP_SEND);
	}
	if (ring && waits)
		batch_wait(c, l);
	if (ring)
		batch_end(c, l);
}

/* In the middle of a turn: what is put off is out, as far as the sockets take it. With the lock. */
static void send_all(struct call *c, struct loop *l)
{
	hand_over(c, l, false);
	for (unsigned i = 0; i < l->nr; i++) {
		struct slot *s = &l->slots[i];

		s->ops = 0;
		if (s->used_by && s->len > s->sent && !s->stuck)
			send_now(l, s);
	}
}

/* Are there enough for an enter? */
static bool company(const struct loop *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->nr && n < 2; i++)
		n += l->slots[i].used_by &&
		     (l->slots[i].used > 0) + (l->slots[i].len > l->slots[i].sent);
	return n >= 2;
}

/* Before a wait: nothing stays outstanding but what a socket had no room for. */
static void end_turn(struct call *c, struct loop *l, bool waits)
{
	l->found = -EAGAIN;
	if (!l->nr || !loop_lock(l))
		return;
	if (company(l))
		hand_over(c, l, waits);
	for (unsigned i = l->nr; i-- > 0;) {
		struct slot *s = &l->slots[i];

		if (!s->used_by)
			continue;
		/* Looked at in vain: not again before it has been read. */
		if (s->got && !s->used && !s->rescued)
			fds[slot_fd(s)].known = 0;
		s->ops = 0;
		if (s->used || s->len > s->sent)
			loop_settle_slot(l, s);
		else
			loop_free_slot(l, s);
	}
	l->turn++;
	loop_unlock(l);
}

static void after_poll(struct call *c, long nr)
{
	struct loop *l = nr > 0 && awake & AWAKE_LOOP ? loop_of(c->thread) : NULL;

	if (!l)
		return;
	l->ready = (unsigned)nr;
	l->figures.turns++;
	if (!loop_lock(l))
		return;
	poll_recv_ahead(c, l, nr);
	loop_unlock(l);
}

static void after_wait(struct call *c, const struct epoll_event *events, long nr)
{
	struct loop *l;

	if (nr <= 0)
		return;
	l = loop_of(c->thread);
	if (!l || !is_own(l, c->fd))
		return;
	l->ready = (unsigned)nr;
	l->figures.turns++;
	if (!loop_lock(l))
		return;
	recv_ahead(c, l, events, (int)nr);
	loop_unlock(l);
}

/* The wait itself: handlers run in it as they would, and nowhere else in between. */
static long wait_with(const struct call *c, uint64_t before)
{
	struct epoll_event *events = (struct epoll_event *)(uintptr_t)c->sqe.addr;
	sigset_t mask;
	int res;

	memset(&mask, 0, sizeof(mask));
	memcpy(&mask, &before, sizeof(before));
	if (!c->cancels)
		return xu_sys(SYS_epoll_pwait, c->fd, events, c->sqe.len, c->timeout, &mask, 8);
	res = REAL(epoll_pwait)(c->fd, events, (int)c->sqe.len, c->timeout, &mask);
	return res < 0 ? -errno : res;
}

/* Is it likely that a wait finds something at once? Where it did not of late, that is tried now and then. */
static bool hopes(const struct loop *l)
{
	return l->vain < A_FEW_IN_VAIN || l->turn % EACH_SO_MANY == 0;
}

/* A time that the kernel refuses is refused by it, whatever is ready. */
static bool has_sound_timeout(const struct call *c)
{
	struct timespec ts = {0};

	return !c->timespec ||
	       (policy_user_memory() && user_read(&ts, c->timespec, sizeof(ts)) == sizeof(ts) &&
		ts.tv_sec >= 0 && ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
}

/*
 * What comes before a wait, the wait, and what comes after it. The enter that ends a turn also looks whether something is
 * ready by then. Where it is, as in a busy loop, that is the wait's answer: a wait that finds something at once looks
 * neither at its timeout nor at signals. Where it is not, the plain wait is made.
 *
 * Where handlers are to be held back before and after, that is done once for both; an epoll_wait lets them in itself.
 */
static bool wait_in_one(struct call *c)
{
	struct loop *l = c->thread->loop;
	uint64_t before;
	bool tries, kept;
	long res;

	if (!l || c->thread->busy || !company(l))
		return false;
	tries = hopes(l) && has_sound_timeout(c);
	kept = (tries || c->symbol == SYM_epoll_wait) && REAL(epoll_pwait) && loop_keep(&before);
	end_turn(c, l, tries);
	res = l->found;
	c->way = WAY_RING;
	if (tries)
		l->vain = res > 0 ? 0 : l->vain + 1;
	if (res > 0) {
		l->figures.waits++;
	} else if (kept && c->symbol == SYM_epoll_wait) {
		loop_pause();
		res = wait_with(c, before);
		loop_go_on();
		c->way = WAY_KERNEL;
	} else {
		if (kept)
			loop_let_in(before);
		return false;
	}
	after_wait(c, (const struct epoll_event *)(uintptr_t)c->sqe.addr, res);
	if (kept)
		loop_let_in(before);
	answer(c, res);
	return true;
}

/* ---- Beginnings ---- */

/* An fd that is new. */
static void born(long fd, unsigned flags)
{
	struct fd *f = fd >= 0 ? fds_get((int)fd) : NULL;

	if (!f)
		return;
	memset(f, 0, sizeof(*f));
	f->flags = (uint8_t)flags;
	/* Two at the same time may leave it too low, but the next puts that right; it only bounds walks. */
	if (fds_top <= (unsigned)fd)
		fds_top = (unsigned)fd + 1;
}

/* Is this listening socket one for TCP? Asked once. */
static bool is_door(int fd)
{
	struct fd *f = fds_get(fd);
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	if (!f || f->flags & FD_PLAIN)
		return false;
	if (f->flags & FD_DOOR)
		return true;
	xu_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	f->flags = protocol == IPPROTO_TCP ? FD_DOOR : FD_PLAIN;
	return f->flags & FD_DOOR;
}

static void socket_seen(const struct io_uring_sqe *s, long fd)
{
	int type = (int)s->off, domain = s->fd, protocol = (int)s->len;

	if ((domain == AF_INET || domain == AF_INET6) && (type & 0xf) == SOCK_STREAM &&
	    (!protocol || protocol == IPPROTO_TCP))
		born(fd, FD_OURS | (type & SOCK_NONBLOCK ? FD_NONBLOCK : 0));
	else
		born(fd, 0);
}

static void accept_seen(const struct call *c, long fd)
{
	if (fd >= 0)
		born(fd, !is_door(c->fd)		       ? 0
			 : c->sqe.accept_flags & SOCK_NONBLOCK ? FD_OURS | FD_NONBLOCK
							       : FD_OURS);
}

/* Can it pay to have an event loop? */
static bool may_begin(void)
{
	if (!thread_self())
		return false;
	if (cost_begin(process_config()))
		return true;
	process_sleep(AWAKE_LOOP_BIRTH | AWAKE_LOOP_POLL);
	return false;
}

static void begin(void)
{
	if (loops_start() && fds_start())
		process_wake(AWAKE_LOOP |
			     (process_config()->send == XU_SEND_LATER ? AWAKE_LOOP_ORDER : 0));
}

void loop_epoll_begins(void)
{
	if (awake & AWAKE_LOOP_BIRTH && !(awake & AWAKE_LOOP) && may_begin())
		begin();
}

/* The first calls of poll and select. */
static void poll_begins(const struct call *c)
{
	if (!may_begin())
		return;
	if (poll_has_door(c)) {
		cost_of_polls();
		begin();
	} else if (poll_is_first()) {
		return;
	}
	process_sleep(AWAKE_LOOP_POLL);
}

void loop_epoll_begun(int epfd)
{
	if (epfd >= 0 && fds)
		born(epfd, FD_EPOLL);
}

/* ---- The engine ---- */

/* Options that change nothing of what is read. */
static bool is_harmless(const struct io_uring_sqe *s)
{
	int level = (int)s->level, name = (int)s->optname;

	if (level == IPPROTO_TCP)
		return name != TCP_ULP && name != TCP_REPAIR;
	return level == SOL_SOCKET && (name == SO_KEEPALIVE || name == SO_LINGER || name == SO_SNDBUF ||
				       name == SO_RCVBUF || name == SO_REUSEADDR);
}

static void epoll_ctl_seen(const struct io_uring_sqe *s)
{
	const struct epoll_event *ev = (const struct epoll_event *)(uintptr_t)s->addr;
	bool with = s->len != EPOLL_CTL_DEL;

	fds_watched(s->fd, (int)s->len, (int)s->off, with ? ev->events : 0, with ? ev->data.u64 : 0);
}

static void option_set(const struct io_uring_sqe *s, struct fd *f)
{
	if (f && f->flags & FD_OURS && s->opcode == IORING_OP_URING_CMD && !is_harmless(s))
		fds_leave_alone(f);
}

/* An error that an op of ours was told is the next call's. */
static bool give_error(struct call *c, struct fd *f)
{
	int error = __atomic_exchange_n(&f->error, 0, __ATOMIC_RELAXED);

	/* That one the socket does not forget, and a signal comes with it. */
	if (error == EPIPE && (c->route == ROUTE_WRITE || c->route == ROUTE_SEND))
		return false;
	if (error)
		answer(c, -error);
	c->way = WAY_MEMORY;
	return error;
}

static bool loop_call(struct call *c)
{
	struct fd *f = fds_get(c->fd);

	if (c->route == ROUTE_WAIT)
		return wait_in_one(c);
	if (c->route == ROUTE_POLL && awake & AWAKE_LOOP_POLL)
		poll_begins(c);
	if (!f || !(f->flags & FD_OURS))
		return false;
	switch (c->route) {
	case ROUTE_READ:
	case ROUTE_RECV: return (f->loop && recv_take(c, f)) || (f->error && give_error(c, f));
	case ROUTE_WRITE:
	case ROUTE_SEND: return send_later(c, f) || (f->error && give_error(c, f));
	case ROUTE_FD:
		return c->sqe.opcode == IORING_OP_SHUTDOWN && f->loop &&
		       send_shut_down_later(c, (int)c->sqe.len);
	default: return false;
	}
}

/* Does the call do something that others can see? */
static bool has_effect(const struct call *c)
{
	switch (c->route) {
	case ROUTE_WRITE:
	case ROUTE_SEND:
	case ROUTE_SPLICE:
	case ROUTE_CONNECT: return true;
	case ROUTE_AT: return c->sqe.opcode == IORING_OP_WRITE || c->sqe.opcode == IORING_OP_WRITEV;
	case ROUTE_OPEN: return c->sqe.open_flags & (O_CREAT | O_TRUNC);
	case ROUTE_NAME: return c->sqe.opcode != IORING_OP_STATX;
	case ROUTE_FD_CANCEL: return c->sqe.opcode == IORING_OP_FALLOCATE;
	case ROUTE_FD:
		return c->sqe.opcode == IORING_OP_SHUTDOWN ||
		       c->sqe.opcode == IORING_OP_FTRUNCATE || c->sqe.opcode == IORING_OP_LISTEN;
	default: return c->route == ROUTE_BIND;
	}
}

/* What was received does not matter to what is sent, where nothing of that is put off. */
static bool only_writes(const struct call *c, const struct loop *l)
{
	const struct fd *f = fds_get(c->fd);

	return (c->route == ROUTE_WRITE || c->route == ROUTE_SEND) && f && l &&
	       f->loop == l->index && !l->unsent;
}

static void loop_plain(struct call *c)
{
	struct loop *l = c->thread ? c->thread->loop : NULL;

	if (c->route == ROUTE_WAIT || c->route == ROUTE_POLL) {
		if (l)
			end_turn(c, l, false);
		if (c->route == ROUTE_POLL)
			poll_settle(c, l);
		return;
	}
	if (c->symbol == SYM_sendmsg)
		loop_settle_all();
	if (c->route == ROUTE_CLOSE)
		loop_before_gone(c->fd);
	else if (!only_writes(c, l))
		loop_before_fd(c->fd);
	if (c->sqe.opcode == IORING_OP_EPOLL_CTL)
		loop_before_fd((int)c->sqe.off);
	if (l && l->unsent && has_effect(c) && loop_lock(l)) {
		send_all(c, l);
		loop_unlock(l);
	}
}

static void loop_seen(struct call *c, long res)
{
	const struct io_uring_sqe *s = &c->sqe;
	struct fd *f = fds_get(c->fd);

	switch (c->route) {
	case ROUTE_WAIT:
		if (s->opcode == IORING_OP_EPOLL_WAIT)
			after_wait(c, (const struct epoll_event *)(uintptr_t)s->addr, res);
		break;
	case ROUTE_POLL: after_poll(c, res); break;
	case ROUTE_READ:
	case ROUTE_RECV:
		if (f)
			recv_seen(c, f, res);
		break;
	case ROUTE_ACCEPT: accept_seen(c, res); break;
	case ROUTE_FD:
		if (s->opcode == IORING_OP_SOCKET)
			socket_seen(s, res);
		else if (s->opcode == IORING_OP_EPOLL_CTL && !res)
			epoll_ctl_seen(s);
		break;
	case ROUTE_SOCKET: option_set(s, f); break;
	case ROUTE_SEND:
		if (c->symbol == SYM_sendmsg && s->opcode == IORING_OP_SENDMSG)
			loop_after_message((const struct msghdr *)(uintptr_t)s->addr, res);
		break;
	default: break;
	}
}

static void loop_start(const struct xu_config *config)
{
	if (config->batch != XU_BATCH_OFF)
		process_wake(AWAKE_LOOP_BIRTH | AWAKE_LOOP_POLL);
}

/* A child may read what we read: connections that it has, too, are left to plain calls. */
static void share_all(void)
{
	if (!fds || process_config()->send == XU_SEND_LATER)
		return;
	for (unsigned fd = 0; fd < fds_top; fd++)
		if (fds[fd].flags & FD_OURS)
			fds_leave_alone(&fds[fd]);
}

static void loop_settled(void)
{
	loop_settle_all();
	if (XU_LOAD(&fds_unsent) && thread_is_own())
		send_all_out();
	share_all();
}

static void loop_forked(void)
{
	flush_forked();
}

/* ---- Figures ---- */

static struct loop_figures sum;

static void add(struct loop *l)
{
	const uint64_t *from = (const uint64_t *)&l->figures;

	for (size_t i = 0; i < sizeof(sum) / sizeof(uint64_t); i++)
		((uint64_t *)&sum)[i] += XU_LOAD(&from[i]);
}

static void loop_report(struct xu_text *t)
{
	const struct {
		const char *name;
		uint64_t *n;
	} figures[] = {
		{"turns", &sum.turns},	     {"enters", &sum.enters}, {"waits", &sum.waits},
		{"looked", &sum.peeks},	     {"taken", &sum.taken},   {"drained", &sum.drained},
		{"settled", &sum.plain},     {"put_off", &sum.sends}, {"flushed", &sum.flushed},
		{"mistaken", &sum.mistaken},
	};

	memset(&sum, 0, sizeof(sum));
	loop_each(add);
	cost_report(t);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		xu_text_str(t, ",\"");
		xu_text_str(t, figures[i].name);
		xu_text_str(t, "\":");
		xu_text_num(t, *figures[i].n, 0);
	}
}

const struct engine engine_loop = {
	.name = "loop",
	.start = loop_start,
	.call = loop_call,
	.plain = loop_plain,
	.seen = loop_seen,
	.settle = loop_settled,
	.forked = loop_forked,
	.report = loop_report,
};
