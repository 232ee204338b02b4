/*
 * What the carrier of the engine aio (aio_ring.c), its callers (aio_send.c) and its operations (aio_ops.c) share, and nobody
 * else sees.
 */
#ifndef SHIM_ENGINE_AIO_RING_H
#define SHIM_ENGINE_AIO_RING_H

#include "shim/engine/aio.h"

enum { NR_OPS = 8192 };

/* Where the carrier stands. */
enum standing {
	NONE,	  /* no carrier */
	STARTING, /* somebody makes one, or it makes its ring */
	READY,	  /* it takes operations */
	REFUSED,  /* there was no ring to be had */
};

/*
 * All of it, in memory that is zero in the child of a fork: a child has no carrier and no operations, without anybody
 * having to act.
 */
struct aio {
	unsigned state; /* enum standing; a futex while it is STARTING */
	unsigned stop;	/* the carrier is to end when it has nothing left */
	int pid;
	int carrier;	      /* its tid */
	enum reason reason;   /* why REFUSED */
	unsigned refusals;    /* calls since then */
	struct aio_op *queue; /* sent and not yet taken: last first */
	struct aio_op *late;  /* the carrier's: what it could not tell yet */
	unsigned asleep;      /* the carrier sleeps, or is about to */
	unsigned bell;	      /* futex: what wakes it */
	unsigned ended;	      /* futex: operations that have ended */
	unsigned awaited;     /* somebody sleeps on it */
	uint64_t free;	      /* the first free operation + 1, and a count of changes above it */
	unsigned hints;	      /* under way (aio_hint.c) */
	unsigned taken;	      /* operations of the array that ever were in use */
	uint64_t counts[NR_AIO_COUNTS];
	struct aio_op ops[NR_OPS];
};

extern struct aio *aio;

/* The state, made when first needed. NULL: there is no memory. */
struct aio *aio_own(void);

/* The carrier's thread. */
void *aio_carrier(void *arg);

/* Where the carrier stands from here on; whoever waits for that is woken. */
void aio_set_state(unsigned state);

/* There is no carrier any more for what is in the queue: it is done plainly, by the caller. */
void aio_do_queue(void);

/* In the carrier: try again what could not be told. */
void aio_try_late(void);

/* Operations have ended: whoever waits for any of them is to look again. */
void aio_tell_ended(unsigned n);

#endif
