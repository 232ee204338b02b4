/*
 * Receiving in company.
 *
 * After a wait, what is in the sockets of the ready list is looked at with one enter: received with MSG_PEEK, so that it
 * stays where it is. A read that comes in this turn is a copy from memory, and the bytes it took are dropped from the
 * socket together with those of all others, at the next wait:
 *
 *     wait -> 5, 7, 9 are ready
 *     enter: peek 5, peek 7, peek 9           "GET a", "GET b", "PI"
 *     read(5) = "GET a"      from memory      the socket still has them: owed
 *     read(7) = "GET b"      from memory
 *     (9 is not read: nothing has happened)
 *     wait:   enter: drop 5 bytes of 5, drop 5 bytes of 7; then wait
 *
 * So bytes are nowhere but in the kernel until the program has them, and what is owed can be paid at any time, by
 * whoever is about to look: a poll, FIONREAD, MSG_PEEK, shutdown, close, dup, fork, exec.
 *
 * A read gets what was there when the turn began, as if the rest had come a moment later; so only TCP is taken on,
 * where nobody can know better. Where the program asks for more than was looked for, and there may be more, the plain
 * call answers.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "core/syscall.h"
#include "shim/engine/loop.h"
#include "shim/engine/steps.h"
#include "shim/policy.h"
#include "shim/thread.h"
#include "shim/reach.h"
#include "shim/user_memory.h"

/* Ready to be read, and nothing else. */
static bool only_in(uint32_t events)
{
	return (events & (EPOLLIN | EPOLLPRI | EPOLLERR | EPOLLHUP | EPOLLRDHUP)) == EPOLLIN;
}

bool recv_wanted(const struct fd *f)
{
	return (f->flags & (FD_OURS | FD_PLAIN)) == FD_OURS && f->known && !f->loop && !f->error;
}

void recv_look(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	if (!batch_begin(c, l))
		return;
	for (unsigned i = 0; i < nr; i++) {
		struct slot *s = loop_slot(l, ready[i]);

		if (!s)
			break;
		s->got = IN_SIZE;
		l->figures.peeks++;
		if (!batch_add(c, l, s, OP_PEEK))
			break;
	}
	batch_end(c, l);
	/* What has not been looked at, or had nothing, is as if it had not been asked for. */
	for (unsigned i = 0; i < l->nr; i++) {
		struct slot *s = &l->slots[i];

		if (s->ops & OP_PEEK)
			s->got = 0;
		s->ops = 0;
		if (s->used_by && !s->got && s->len == s->sent)
			loop_free_slot(l, s);
	}
}

void recv_forget(struct loop *l)
{
	for (unsigned i = 0; i < l->nr; i++) {
		struct slot *s = &l->slots[i];

		if (s->used_by && s->len == s->sent && !s->used)
			loop_free_slot(l, s);
	}
}

void recv_company(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	if (nr && cost_pays(c, l, ready, nr))
		recv_look(c, l, ready, nr);
}

void recv_ahead(struct call *c, struct loop *l, const struct epoll_event *events, int nr)
{
	int ready[SLOTS];
	unsigned n = 0;

	for (int i = 0; i < nr && n < SLOTS; i++) {
		int fd = only_in(events[i].events) ? fds_of_event(c->fd, events[i].data.u64) : -1;

		if (fd >= 0 && recv_wanted(&fds[fd]))
			ready[n++] = fd;
	}
	recv_company(c, l, ready, n);
}

/* Is this what a socket has been told of once, and then forgets? */
static bool is_error_of_socket(long res)
{
	switch (-res) {
	case EAGAIN:
	case EINTR:
	case EBADF:
	case EFAULT:
	case EINVAL:
	case ENOMEM:
	case ENOTCONN:
	case ENOTSOCK:
	case EOPNOTSUPP:
	case ECANCELED: return false;
	default: return res < 0;
	}
}

void recv_peeked(struct slot *s, long res)
{
	s->got = res > 0 ? (unsigned)res : 0;
	s->all = s->drained = s->got && s->got < IN_SIZE;
	if (is_error_of_socket(res))
		fds[slot_fd(s)].error = (int)-res;
}

void recv_dropped(struct loop *l, struct slot *s, long res)
{
	if (res != (long)s->used)
		l->figures.mistaken += s->used - (res > 0 ? (unsigned)res : 0);
	/* What the program has not taken is in the socket alone. */
	s->got = s->used = 0;
	s->all = s->drained = false;
}

/* Where a read's bytes go, as far as `n`. False: it is none that memory can answer. */
static bool read_like(const struct call *c, size_t *asked, unsigned *flags)
{
	const struct io_uring_sqe *s = &c->sqe;
	const struct iovec *iov = (const struct iovec *)(uintptr_t)s->addr;

	*asked = s->len;
	*flags = 0;
	switch (s->opcode) {
	case IORING_OP_READ: return user_may_be(iov, s->len);
	case IORING_OP_RECV:
		*flags = s->msg_flags;
		return !(*flags & ~(unsigned)(MSG_DONTWAIT | MSG_NOSIGNAL)) &&
		       user_may_be(iov, s->len);
	case IORING_OP_READV:
		*asked = 0;
		if (s->len > 64 || !reach(iov, s->len * sizeof(*iov), REACH_READ))
			return false;
		for (unsigned i = 0; i < s->len; i++) {
			if (iov[i].iov_len > 0x7ffff000 - *asked ||
			    !user_may_be(iov[i].iov_base, iov[i].iov_len))
				return false;
			*asked += iov[i].iov_len;
		}
		return true;
	default: return false;
	}
}

/* Is there memory for the first `n` bytes? */
static bool has_room(const struct io_uring_sqe *s, size_t n)
{
	const struct iovec *iov = (const struct iovec *)(uintptr_t)s->addr;

	if (s->opcode != IORING_OP_READV)
		return reach(iov, n, REACH_WRITE);
	for (; n; iov++) {
		size_t part = n < iov->iov_len ? n : iov->iov_len;

		if (!reach(iov->iov_base, part, REACH_WRITE))
			return false;
		n -= part;
	}
	return true;
}

static void hand_over(const struct io_uring_sqe *s, const char *from, size_t n)
{
	const struct iovec *iov = (const struct iovec *)(uintptr_t)s->addr;

	if (s->opcode != IORING_OP_READV) {
		memcpy((void *)(uintptr_t)s->addr, from, n);
		return;
	}
	for (; n; iov++) {
		size_t part = n < iov->iov_len ? n : iov->iov_len;

		memcpy(iov->iov_base, from, part);
		from += part;
		n -= part;
	}
}

/* May the EAGAIN after the last byte be told unasked? Not where an end that came before would then never be reported. */
static bool drained(const struct fd *f, const struct slot *s, unsigned flags)
{
	return s->drained && (f->flags & FD_NONBLOCK || flags & MSG_DONTWAIT) &&
	       (!(f->events & EPOLLET) || f->events & EPOLLRDHUP);
}

/* From the slot, with the lock. */
static bool take(struct call *c, struct loop *l, const struct fd *f, size_t asked, unsigned flags)
{
	struct slot *s = &l->slots[f->slot];
	size_t n = s->got - s->used;

	if (!n && drained(f, s, flags)) {
		s->drained = false;
		l->figures.drained++;
		answer(c, -EAGAIN);
		return true;
	}
	if (!n || (asked > n && !s->all))
		return false;
	if (n > asked)
		n = asked;
	if (!has_room(&c->sqe, n))
		return false;
	l->copying = (struct copying){NULL, s, (unsigned)n, s->used + (unsigned)n};
	XU_STORE_RELEASE(&l->copying.c, c);
	hand_over(&c->sqe, l->in[f->slot] + s->used, n);
	s->used += (unsigned)n;
	XU_STORE_RELEASE(&l->copying.c, NULL);
	l->figures.taken++;
	answer(c, (long)n);
	return true;
}

/*
 * The kernel has given the bytes, or it has not, and a buffer shows which. So they are given. Where that fails the handler
 * is that of the fault.
 */
void recv_jumped_out_of(struct loop *l)
{
	struct copying copying = l->copying;
	const struct io_uring_sqe *s;
	struct iovec from, to, *iov = &to;

	l->copying.c = NULL;
	if (!copying.c || !policy_user_memory())
		return;
	s = &copying.c->sqe;
	from.iov_base = l->in[copying.s - l->slots] + copying.used - copying.n;
	from.iov_len = copying.n;
	to = (struct iovec){(void *)(uintptr_t)s->addr, s->len};
	if (s->opcode == IORING_OP_READV)
		iov = to.iov_base;
	if (xu_sys(SYS_process_vm_writev, xu_sys(SYS_gettid), &from, 1, iov,
		   iov == &to ? 1 : s->len, 0) == (long)copying.n)
		copying.s->used = copying.used;
}

bool recv_take(struct call *c, struct fd *f)
{
	struct loop *l = loop_by_index(f->loop);
	unsigned flags;
	size_t asked;
	bool taken;

	if (!l || l != c->thread->loop || !read_like(c, &asked, &flags) || !asked || !loop_lock(l))
		return false;
	taken = f->loop == l->index && take(c, l, f, asked, flags);
	loop_unlock(l);
	c->way = WAY_MEMORY;
	return taken;
}

void recv_seen(const struct call *c, struct fd *f, long res)
{
	unsigned flags;
	size_t asked;

	if (res <= 0 || !(f->flags & FD_OURS) || !read_like(c, &asked, &flags))
		return;
	f->known = res < IN_SIZE;
}
