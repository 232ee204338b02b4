/*
 * Sending in company (profile server).
 *
 * A send on a connection of the loop is copied and counts as made; it leaves with all others in the one enter before the
 * thread's next wait. What is relaxed is when it leaves, and when the program hears of an error: with its next call on
 * the connection. Order is kept on a connection: what is put off goes before anything else does.
 *
 *     write(5) = n         copied, queued
 *     write(7) = n         copied, queued
 *     wait:  enter: send 5, send 7 (and drop what was read); then wait
 *
 * A socket that has no room for it all is stuck. It keeps the rest, which is tried again at each wait and by the
 * flusher, and takes nothing more: the program gets EAGAIN as it would, and the kernel tells it of room. Where the
 * program closes a connection that is stuck, a duplicate lives on until the rest is out.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "core/syscall.h"
#include "shim/engine/flusher.h"
#include "shim/engine/loop.h"
#include "shim/engine/steps.h"
#include "shim/thread.h"
#include "shim/reach.h"

enum { PATIENCE_MS = 200, HIGH_FD = 512 };

/* What a call wants to send. */
struct load {
	const struct iovec *iov;
	size_t nr;
	size_t size;
	struct iovec one;
};

/* False: it is none that can be put off. */
static bool load_of(const struct call *c, struct load *load)
{
	const struct io_uring_sqe *s = &c->sqe;
	const struct msghdr *msg = (const struct msghdr *)(uintptr_t)s->addr;
	unsigned flags = 0;

	load->one = (struct iovec){(void *)(uintptr_t)s->addr, s->len};
	load->iov = &load->one;
	load->nr = 1;
	switch (s->opcode) {
	case IORING_OP_WRITE: break;
	case IORING_OP_SEND: flags = s->msg_flags; break;
	case IORING_OP_WRITEV:
		load->iov = (const struct iovec *)(uintptr_t)s->addr;
		load->nr = s->len;
		break;
	case IORING_OP_SENDMSG:
		flags = s->msg_flags;
		if (!reach(msg, sizeof(*msg), REACH_READ) || msg->msg_name || msg->msg_control)
			return false;
		load->iov = msg->msg_iov;
		load->nr = msg->msg_iovlen;
		break;
	default: return false;
	}
	if (flags & ~(unsigned)(MSG_DONTWAIT | MSG_NOSIGNAL) || load->nr > 64 ||
	    (load->iov != &load->one && !reach(load->iov, load->nr * sizeof(*load->iov), REACH_READ)))
		return false;
	load->size = 0;
	for (size_t i = 0; i < load->nr; i++) {
		if (load->iov[i].iov_len > OUT_SIZE ||
		    !reach(load->iov[i].iov_base, load->iov[i].iov_len, REACH_READ))
			return false;
		load->size += load->iov[i].iov_len;
	}
	return load->size && load->size <= OUT_SIZE;
}

static void count_unsent(struct loop *l, int change)
{
	l->unsent += (unsigned)change;
	__atomic_add_fetch(&fds_unsent, (unsigned)change, __ATOMIC_RELAXED);
}

static void put(struct loop *l, struct slot *s, const struct load *load)
{
	char *out = l->out[s - l->slots];
	unsigned len;

	if (s->len == s->sent) {
		s->len = s->sent = 0;
		count_unsent(l, 1);
	}
	len = s->len;
	for (size_t i = 0; i < load->nr; i++) {
		memcpy(out + len, load->iov[i].iov_base, load->iov[i].iov_len);
		len += (unsigned)load->iov[i].iov_len;
	}
	/* All or nothing, for one who jumps out of this. */
	XU_STORE_RELEASE(&s->len, len);
}

void send_count(struct loop *l)
{
	int n = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		n += l->slots[i].used_by && l->slots[i].len > l->slots[i].sent;
	count_unsent(l, n - (int)l->unsent);
}

void send_done(struct loop *l, struct slot *s, long res)
{
	int fd = slot_fd(s);

	if (s->len == s->sent)
		return;
	if (res >= 0) {
		s->sent += (unsigned)res;
		s->stuck = s->sent < s->len;
	} else if (res == -EAGAIN || res == -EINTR || res == -ENOMEM || res == -ENOBUFS) {
		s->stuck = true;
	} else {
		/* The socket itself remembers that it is closed for sending; other errors it tells once. */
		s->sent = s->len;
		if (!s->rescued) {
			fds[fd].error = res == -EPIPE ? 0 : (int)-res;
			fds_leave_alone(&fds[fd]);
		}
	}
	if (s->sent < s->len)
		return;
	s->stuck = false;
	count_unsent(l, -1);
	if (s->then)
		xu_sys(SYS_shutdown, fd, s->then - 1);
	s->then = 0;
}

bool send_now(struct loop *l, struct slot *s)
{
	char *out = l->out[s - l->slots];

	s->stuck = false;
	if (s->sent < s->len)
		loop_hold(l);
	while (s->sent < s->len && !s->stuck)
		send_done(l, s,
			  xu_sys(SYS_sendto, slot_fd(s), out + s->sent, s->len - s->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0));
	return s->sent == s->len;
}

/* A connection that was stuck once may be so again: it is not worth the trouble. */
static bool still_stuck(struct loop *l, struct slot *s)
{
	if (s->len == s->sent)
		return false;
	fds_leave_alone(&fds[slot_fd(s)]);
	return !send_now(l, s);
}

/* With the lock. */
static bool later(struct call *c, struct loop *l, const struct fd *f, const struct load *load)
{
	bool fits = load && !(f->flags & FD_PLAIN);
	struct slot *s = f->loop || fits ? loop_slot(l, c->fd) : NULL;

	if (!s)
		return false;
	if (fits && !s->stuck && s->len - s->sent + load->size <= OUT_SIZE &&
	    s->len + load->size <= OUT_SIZE) {
		put(l, s, load);
		l->figures.sends++;
		answer(c, (long)load->size);
		c->way = WAY_QUEUED;
		return true;
	}
	if (!still_stuck(l, s))
		return false;
	answer(c, -EAGAIN);
	c->way = WAY_MEMORY;
	return true;
}

bool send_later(struct call *c, struct fd *f)
{
	struct loop *l = c->thread->loop;
	struct load load;
	bool wanted, done;

	if (!l || !(awake & AWAKE_LOOP_ORDER))
		return false;
	wanted = f->flags & FD_NONBLOCK && !f->error && cost_paid(l->ready) && load_of(c, &load) &&
		 flush_awake();
	if (!wanted && !f->loop)
		return false;
	if (f->loop && f->loop != l->index)
		return false;
	if (!loop_lock(l))
		return false;
	done = later(c, l, f, wanted ? &load : NULL);
	loop_unlock(l);
	return done;
}

bool send_shut_down_later(struct call *c, int how)
{
	struct loop *l = c->thread->loop;
	const struct fd *f = &fds[c->fd];
	bool done = false;

	if (how == SHUT_RD || !l || f->loop != l->index || !loop_lock(l))
		return false;
	if (!send_now(l, &l->slots[f->slot])) {
		l->slots[f->slot].then = how + 1;
		answer(c, 0);
		done = true;
	}
	loop_unlock(l);
	return done;
}

/* Wait for room, but not for ever. */
static bool wait_for_room(struct loop *l, struct slot *s, int ms)
{
	while (!send_now(l, s)) {
		struct pollfd p = {.fd = slot_fd(s), .events = POLLOUT};
		struct timespec ts = {.tv_nsec = 10000000};

		if (ms <= 0)
			return false;
		xu_sys(SYS_ppoll, &p, 1, &ts, 0, 8);
		ms -= 10;
	}
	return true;
}

void send_goes_on(int fd)
{
	struct fd *f = fds_get(fd);
	struct loop *l = f ? loop_by_index(f->loop) : NULL;
	struct slot *s;
	long copy;

	if (!l || !loop_lock(l))
		return;
	s = &l->slots[f->slot];
	loop_hold(l);
	copy = xu_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (copy >= 0) {
		s->used_by = (int)copy + 1;
		s->rescued = true;
		s->got = s->used = 0;
		f->loop = 0;
	} else {
		if (!wait_for_room(l, s, PATIENCE_MS))
			send_done(l, s, -ETIMEDOUT);
		loop_free_slot(l, s);
	}
	loop_unlock(l);
}

void send_first(int fd)
{
	struct fd *f = fds_get(fd);
	struct loop *l = f ? loop_by_index(f->loop) : NULL;
	struct slot *s;

	if (!l || !loop_lock(l))
		return;
	s = &l->slots[f->slot];
	/* What comes next must not come before what is left: rather than that, the connection ends. */
	if (!wait_for_room(l, s, PATIENCE_MS)) {
		xu_sys(SYS_shutdown, fd, SHUT_RDWR);
		send_now(l, s);
	}
	if (s->len == s->sent)
		loop_free_slot(l, s);
	loop_unlock(l);
}

static void all_out(struct loop *l)
{
	if (!l->unsent || !loop_lock(l))
		return;
	for (unsigned i = l->nr; i-- > 0;) {
		struct slot *s = &l->slots[i];

		if (s->used_by && s->len > s->sent && wait_for_room(l, s, PATIENCE_MS))
			loop_free_slot(l, s);
	}
	loop_unlock(l);
}

void send_all_out(void)
{
	loop_each(all_out);
}
