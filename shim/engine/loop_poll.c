/*
 * Loops over poll and select.
 *
 *     poll                  4 of 50 are ready, 3 of them connections that this thread reads when they are
 *     enter: peek 3         as after epoll_wait
 *     read, read, read      memory
 *     poll                  before it: enter: drop what was read, send what was put off; then the plain call
 *
 * What a list shows is what the kernel says, which has all bytes that the program has not, and none that it has: so every
 * turn ends before the call. A list names the very fds, and anybody may have one in his; so what other threads have in hand
 * of the fds of this one is settled as well, and of all fds where one of them is an epoll instance. A connection that is in
 * an epoll instance is that one's affair.
 *
 * There is no op that waits for a list, so a turn is two enters and the wait itself; the cost model is told.
 *
 * Many programs poll a few fds now and then, and are no servers. The engine begins where a listening socket is among
 * them, in the first calls.
 */
#include <poll.h>
#include <sys/select.h>

#include "core/syscall.h"
#include "shim/engine/loop.h"
#include "shim/reach.h"
#include "shim/symbols.h"

/* So many calls are looked at for a listening socket, and so many fds of each. */
enum { FIRST_CALLS = 16, FIRST_FDS = 64 };

enum { BITS = 8 * sizeof(unsigned long) };

/* The fds of a call, gone through one by one. */
struct list {
	const struct pollfd *polled; /* poll: these; NULL: the sets of a select */
	const unsigned long *in, *except;
	unsigned nr;
	unsigned at;
};

static bool is_select(const struct call *c)
{
	return c->symbol == SYM_select || c->symbol == SYM_pselect;
}

/* False: it can not be read. */
static bool list_of(const struct call *c, struct list *list)
{
	const struct io_uring_sqe *s = &c->sqe;
	size_t size = (s->len + BITS - 1) / BITS * sizeof(unsigned long);

	*list = (struct list){.nr = s->len};
	if (!is_select(c)) {
		list->polled = (const struct pollfd *)(uintptr_t)s->addr;
		return s->len <= FDS_MAX &&
		       reach(list->polled, s->len * sizeof(*list->polled), REACH_READ);
	}
	list->in = (const unsigned long *)(uintptr_t)s->addr;
	list->except = (const unsigned long *)(uintptr_t)s->off;
	return s->len <= FDS_MAX && (!list->in || reach(list->in, size, REACH_READ)) &&
	       (!list->except || reach(list->except, size, REACH_READ));
}

/* The next fd, or, afterwards, the next that is `ready` to be read, and for nothing else to be heard of; -1: no more. */
static int next_polled(struct list *list, bool ready)
{
	const short told = POLLIN | POLLPRI | POLLERR | POLLHUP | POLLRDHUP | POLLNVAL;

	while (list->at < list->nr) {
		const struct pollfd *p = &list->polled[list->at++];

		if (ready ? (p->revents & told) == POLLIN : p->fd >= 0)
			return p->fd;
	}
	return -1;
}

static int next_selected(struct list *list, bool ready)
{
	while (list->in && list->at < list->nr) {
		unsigned at = list->at / BITS, bit = list->at % BITS;
		unsigned long word = list->in[at];

		if (ready && list->except)
			word &= ~list->except[at];
		word &= ~0ul << bit;
		if (!word) {
			list->at += BITS - bit;
			continue;
		}
		list->at = at * BITS + (unsigned)__builtin_ctzl(word) + 1;
		return list->at <= list->nr ? (int)list->at - 1 : -1;
	}
	return -1;
}

static int next(struct list *list, bool ready)
{
	return list->polled ? next_polled(list, ready) : next_selected(list, ready);
}

static bool is_door(int fd)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	return !xu_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) && listens;
}

bool poll_has_door(const struct call *c)
{
	struct list list;
	int fd;

	if (!list_of(c, &list))
		return false;
	for (int n = 0; n < FIRST_FDS && (fd = next(&list, false)) >= 0; n++)
		if (is_door(fd))
			return true;
	return false;
}

bool poll_is_first(void)
{
	static unsigned calls;

	return __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) < FIRST_CALLS;
}

void poll_settle(const struct call *c, const struct loop *own)
{
	struct list list;
	int fd;

	if (!list_of(c, &list)) {
		loop_settle_all();
		return;
	}
	while ((fd = next(&list, false)) >= 0) {
		const struct fd *f = fds_get(fd);

		if (!f || !f->flags)
			continue;
		if (f->flags & FD_EPOLL) {
			loop_settle_all();
			return;
		}
		if (f->loop && (!own || f->loop != own->index))
			loop_settle_fd(fd);
	}
}

void poll_recv_ahead(struct call *c, struct loop *l, long nr)
{
	int ready[SLOTS];
	struct list list;
	unsigned n = 0;
	int fd;

	if (!list_of(c, &list))
		return;
	for (; nr > 0 && n < SLOTS && (fd = next(&list, true)) >= 0; nr--) {
		const struct fd *f = fds_get(fd);

		if (f && !f->epfd && recv_wanted(f))
			ready[n++] = fd;
	}
	recv_company(c, l, ready, n);
}
