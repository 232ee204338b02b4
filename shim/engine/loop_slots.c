/* Loops, their slots, and how these are settled: see loop.h. */
#include <string.h>
#include <sys/socket.h>

#include "core/syscall.h"
#include "shim/engine/loop.h"
#include "shim/engine/loop_hooks.h"
#include "shim/signals.h"
#include "shim/thread.h"

enum { LOOPS = 1024 };

/* In memory that a fork empties: a child has no loops, and no flusher. */
struct registry {
	unsigned nr;
	struct loop *loops[LOOPS];
};

static struct registry *registry;

bool loops_start(void)
{
	struct registry *made, *none = NULL;

	if (XU_LOAD_ACQUIRE(&registry))
		return true;
	made = thread_map_wiped(sizeof(*made));
	if (made && !__atomic_compare_exchange_n(&registry, &none, made, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
		xu_sys(SYS_munmap, made, sizeof(*made));
	return made;
}

struct loop *loop_by_index(unsigned index)
{
	return index ? XU_LOAD_ACQUIRE(&registry->loops[index - 1]) : NULL;
}

void loop_each(void (*fn)(struct loop *))
{
	unsigned nr = registry ? XU_LOAD_ACQUIRE(&registry->nr) : 0;

	for (unsigned i = 1; i <= nr && i <= LOOPS; i++)
		if (loop_by_index(i))
			fn(loop_by_index(i));
}

struct loop *loop_of(struct thread *t)
{
	struct loop *l;
	unsigned index;

	if (t->loop || !registry || XU_LOAD(&registry->nr) >= LOOPS)
		return t->loop;
	l = thread_map_wiped(sizeof(*l));
	index = l ? __atomic_add_fetch(&registry->nr, 1, __ATOMIC_ACQ_REL) : 0;
	if (!index || index > LOOPS)
		return NULL;
	l->index = (uint16_t)index;
	XU_STORE_RELEASE(&registry->loops[index - 1], l);
	/* Not before it is complete: a handler may jump out of here. */
	XU_STORE_RELEASE(&t->loop, l);
	return l;
}

/* The loop that this thread has locked, or is about to. It never has two. */
static __thread struct loop *locked;

bool loop_lock(struct loop *l)
{
	uintptr_t me = (uintptr_t)&locked;

	if (locked && locked->holder == me)
		return false;
	/* Before and after, since handlers come in between: one may jump out of here, another one return. */
	XU_STORE_RELEASE(&locked, l);
	for (int tries = 0; tries < 1000000; tries++) {
		uintptr_t holder = 0;

		if (__atomic_compare_exchange_n(&l->holder, &holder, me, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED)) {
			XU_STORE_RELEASE(&locked, l);
			return true;
		}
		xu_sys(SYS_sched_yield);
	}
	return false;
}

void loop_unlock(struct loop *l)
{
	bool held = l->held;
	uint64_t mask = l->mask;

	l->held = false;
	XU_STORE_RELEASE(&l->holder, 0);
	if (held)
		signals_resume(mask);
}

/* Handlers are held back beyond the lock. */
static __thread bool kept;

bool loop_keep(uint64_t *before)
{
	if (!signals_any())
		return false;
	*before = signals_hold();
	kept = true;
	return true;
}

void loop_pause(void)
{
	kept = false;
}

void loop_go_on(void)
{
	kept = true;
}

void loop_let_in(uint64_t before)
{
	kept = false;
	signals_resume(before);
}

void loop_hold(struct loop *l)
{
	if (l->held || kept || !signals_any())
		return;
	l->mask = signals_hold();
	l->held = true;
}

/*
 * What a handler jumps out of with the lock, it jumps out of between two stores, since before system calls handlers are
 * held back. What these stores are about is the same as before them, or after them; what is derived is made anew.
 */
void loop_before_jump(void)
{
	struct loop *l = locked;

	if (!l || l->holder != (uintptr_t)&locked || l->held)
		return;
	recv_jumped_out_of(l);
	send_count(l);
	l->first = 0;
	for (l->nr = SLOTS; l->nr && !l->slots[l->nr - 1].used_by;)
		l->nr--;
	loop_unlock(l);
}

struct slot *loop_slot(struct loop *l, int fd)
{
	struct fd *f = &fds[fd];

	if (f->loop)
		return f->loop == l->index ? &l->slots[f->slot] : NULL;
	for (unsigned i = l->first; i < SLOTS; i++) {
		struct slot *s = &l->slots[i];

		if (s->used_by)
			continue;
		memset(s, 0, sizeof(*s));
		s->used_by = fd + 1;
		f->slot = (uint16_t)i;
		XU_STORE_RELEASE(&f->loop, l->index);
		l->first = i + 1;
		if (l->nr <= i)
			l->nr = i + 1;
		return s;
	}
	return NULL;
}

void loop_free_slot(struct loop *l, struct slot *s)
{
	unsigned place = (unsigned)(s - l->slots);

	if (s->rescued)
		xu_sys(SYS_close, slot_fd(s));
	else
		XU_STORE_RELEASE(&fds[slot_fd(s)].loop, 0);
	s->used_by = 0;
	if (l->first > place)
		l->first = place;
	while (l->nr && !l->slots[l->nr - 1].used_by)
		l->nr--;
}

/* ---- Settling, by plain calls ---- */

bool loop_settle_slot(struct loop *l, struct slot *s)
{
	char *in = l->in[s - l->slots];

	loop_hold(l);
	if (s->used)
		recv_dropped(l, s,
			     xu_sys(SYS_recvfrom, slot_fd(s), in, s->used, MSG_TRUNC | MSG_DONTWAIT,
				    0, 0));
	s->got = 0;
	if (!send_now(l, s))
		return false;
	l->figures.plain++;
	loop_free_slot(l, s);
	return true;
}

void loop_settle_fd(int fd)
{
	struct fd *f = fds_get(fd);
	struct loop *l = f ? loop_by_index(XU_LOAD_ACQUIRE(&f->loop)) : NULL;
	const struct thread *t = l ? thread_self() : NULL;

	if (!l || !loop_lock(l))
		return;
	if (f->loop == l->index)
		loop_settle_slot(l, &l->slots[f->slot]);
	loop_unlock(l);
	/* Two threads on one connection. */
	if (t && t->loop != l)
		fds_leave_alone(f);
}

void loop_settle(struct loop *l)
{
	if (!l || !l->nr || !loop_lock(l))
		return;
	for (unsigned i = l->nr; i-- > 0;)
		if (l->slots[i].used_by)
			loop_settle_slot(l, &l->slots[i]);
	loop_unlock(l);
}

void loop_settle_all(void)
{
	loop_each(loop_settle);
}
