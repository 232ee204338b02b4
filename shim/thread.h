/*
 * What a thread has of us: its ring and its counters.
 *
 * It lives in memory that the kernel empties in the child of any fork, however it was made (MADV_WIPEONFORK). All zero
 * is a valid state, "nothing here yet", so a child has no ring and no counts without anybody having to act.
 *
 * A slot whose owner has ended is found by asking the kernel for the owner, when a new thread needs a slot. No hook at
 * the end of a thread is needed, and memory stays within the number of threads that ever lived at the same time.
 */
#ifndef SHIM_THREAD_H
#define SHIM_THREAD_H

#include "shim/call.h"
#include "xuring.h"

struct loop;

struct thread {
	int tid;	     /* the owner, or 0 */
	unsigned epoch;	     /* of the ring: older than ring_epoch means it has to go */
	uint32_t generation; /* of the last ticket */
	bool busy;	     /* an op is under way: whoever comes in between makes the plain call */
	bool had_ring;	     /* worker threads of one may still be there */
	bool parted; /* no ring from here on: its workers would not share what the thread has parted with */
	bool ring_failed;    /* no ring to be had for this thread, for a passing reason */
	unsigned ring_retry; /* calls until that is tried again */
	struct xu_ring ring;
	struct loop *loop;		   /* its event loop (engine/loop.h) */
	unsigned long had_read;		   /* from devices, when last looked at (engine/scout.c) */
	unsigned long slept;		   /* how often, when last looked at (engine/scout.c) */
	unsigned rival_since, rival_waits; /* while the scout serves another thread */
	uint64_t enters;
	uint64_t rings;
	uint64_t reasons[NR_REASONS];
	uint64_t calls[NR_SYMBOLS][NR_WAYS];
	struct {
		uint64_t ns, bytes;
	} spent[NR_SYMBOLS];	   /* on plain calls (XURING_TIMES) */
	uint64_t (*live)[NR_WAYS]; /* the process's counts that others watch (live.h), or NULL */
};

/* The calling thread's slot, or NULL where there is no memory for one, or none may be taken. */
struct thread *thread_self(void);

/* Memory that is zero in the child of a fork, in whole pages. NULL if there is none to be had. */
void *thread_map_wiped(size_t size);

/* Before the first of all: what tells our memory from a child's is noted. Once; more often does no harm. */
void thread_start(void);

/* Call `fn` for every slot that is or was in use. */
void thread_each(void (*fn)(struct thread *, void *), void *arg);

/*
 * Is the calling task the owner of its slot? Not so in the child of vfork, or of a clone that shares memory without
 * having thread state of its own: it runs on its parent's state, and must not touch it. One system call.
 */
bool thread_is_own(void);

#endif
