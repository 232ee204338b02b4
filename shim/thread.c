/* The slots of threads: see thread.h. */
#include <errno.h>
#include <sys/mman.h>

#include "core/syscall.h"
#include "shim/live.h"
#include "shim/policy.h"
#include "shim/thread.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define SLOTS 16

/* Slots are mapped by the slab. The list of slabs is emptied by fork as the slots are. */
struct slab {
	struct slab *next;
	struct thread slots[SLOTS];
};

/* In a page of its own, so that fork empties it too. */
struct slab_list {
	struct slab *first;
	int pid; /* whose memory this is; 0 in a forked child that has not been here yet */
};

static struct slab_list *slabs;

static __thread struct thread *mine;

void *thread_map_wiped(size_t size)
{
	long p = xu_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p < 0 && p > -4096)
		return NULL;
	if (xu_sys(SYS_madvise, p, size, MADV_WIPEONFORK) < 0) {
		xu_sys(SYS_munmap, p, size);
		return NULL;
	}
	return (void *)p;
}

void thread_start(void)
{
	struct slab_list *list, *none = NULL;

	if (XU_LOAD_ACQUIRE(&slabs))
		return;
	list = thread_map_wiped(sizeof(*list));
	if (!list)
		return;
	list->pid = (int)xu_sys(SYS_getpid);
	if (!__atomic_compare_exchange_n(&slabs, &none, list, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		xu_sys(SYS_munmap, list, sizeof(*list));
}

/* The list, if this is a process of its own and not one that runs in its parent's memory. */
static struct slab_list *own_list(void)
{
	int pid = (int)xu_sys(SYS_getpid);
	int nobody = 0;

	if (!slabs)
		return NULL;
	if (__atomic_compare_exchange_n(&slabs->pid, &nobody, pid, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return slabs;
	return nobody == pid ? slabs : NULL;
}

/* Take a slot if its owner is `expected`. */
static bool claim(struct thread *t, int expected, int tid)
{
	return __atomic_compare_exchange_n(&t->tid, &expected, tid, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* A slot that nobody owns, or whose owner has ended. */
static struct thread *find_slot(struct slab_list *list, int tid)
{
	int pid = (int)xu_sys(SYS_getpid);

	for (struct slab *s = XU_LOAD_ACQUIRE(&list->first); s; s = s->next) {
		for (int i = 0; i < SLOTS; i++) {
			struct thread *t = &s->slots[i];
			int owner = XU_LOAD_ACQUIRE(&t->tid);

			if (owner && owner != tid && xu_sys(SYS_tgkill, pid, owner, 0) != -ESRCH)
				continue;
			if (!claim(t, owner, tid))
				continue;
			/* The kernel let the dead owner's ring go with it; its memory and a visible fd are ours to free. */
			if (t->ring.live) {
				t->ring.enter_flags = 0;
				policy_drop_ring(t);
			}
			t->busy = false;
			t->had_ring = false;
			t->parted = false;
			t->ring_failed = false;
			return t;
		}
	}
	return NULL;
}

static struct thread *new_slot(struct slab_list *list, int tid)
{
	struct slab *s = thread_map_wiped(sizeof(*s));

	if (!s)
		return NULL;
	s->slots[0].tid = tid;
	s->next = XU_LOAD_ACQUIRE(&list->first);
	while (!__atomic_compare_exchange_n(&list->first, &s->next, s, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		;
	return &s->slots[0];
}

struct thread *thread_self(void)
{
	struct slab_list *list;
	int tid;

	if (__builtin_expect(mine && XU_LOAD(&mine->tid), 1))
		return mine;
	/* A sandbox may allow nothing of what follows. */
	if (policy_sandboxed())
		return NULL;
	list = own_list();
	if (!list)
		return NULL;
	tid = (int)xu_sys(SYS_gettid);
	if (mine) {
		/* The child of a fork: its slot is as new. The slab stays off the child's list, which is empty. */
		mine->tid = tid;
		mine->live = live_calls();
		return mine;
	}
	mine = find_slot(list, tid);
	if (!mine)
		mine = new_slot(list, tid);
	if (mine)
		mine->live = live_calls();
	return mine;
}

bool thread_is_own(void)
{
	if (mine && XU_LOAD(&mine->tid))
		return mine->tid == (int)xu_sys(SYS_gettid);
	return own_list();
}

void thread_each(void (*fn)(struct thread *, void *), void *arg)
{
	bool seen = false;

	for (struct slab *s = slabs ? XU_LOAD_ACQUIRE(&slabs->first) : NULL; s; s = s->next)
		for (int i = 0; i < SLOTS; i++) {
			fn(&s->slots[i], arg);
			seen = seen || &s->slots[i] == mine;
		}
	if (mine && !seen)
		fn(mine, arg);
}
