/*
 * The parts of the loop engine, for its own files alone. The idea is told at the top of loop.c.
 *
 *     loop.c         the turn: what happens at a wait, and around it     loop_slots.c  loops, slots, settling
 *     loop_batch.c   many operations in one enter                        loop_recv.c   receiving in company
 *     loop_cost.c    does it pay here?                                   loop_send.c   sending in company
 *     loop_poll.c    loops over poll and select                         loop_hooks.c  calls that are no engine's
 *     fds.c          what is known of each fd                            flusher.c     the flusher
 */
#ifndef SHIM_ENGINE_LOOP_H
#define SHIM_ENGINE_LOOP_H

#include "config/config.h"
#include "config/text.h"
#include "shim/call.h"
#include "shim/engine/fds.h"
#include "shim/process.h"
#include "xuring.h"

enum {
	SLOTS = 128, /* connections that a turn can have in hand */
	IN_SIZE = 4096, /* bytes received ahead for one; who reads more at a time gains nothing from it */
	OUT_SIZE = 16384, /* bytes of one that may be put off */
};

/* What of a slot is in the ring, or in need of it. */
enum { OP_PEEK = 1 << 0, OP_DROP = 1 << 1, OP_SEND = 1 << 2, OP_WAIT = 1 << 3, OP_UNWAIT = 1 << 4 };

/* One connection in a turn. */
struct slot {
	int used_by;   /* the fd + 1; 0: free */
	unsigned ops;  /* OP_*, not yet known to have ended */
	unsigned got;  /* bytes that were in the socket when the turn began, in `in` */
	unsigned used; /* of these the program has; the socket still has them all */
	unsigned len;  /* bytes that the program has sent, in `out` */
	unsigned sent; /* of these the socket has */
	bool drained;  /* `got` was all there was, and the EAGAIN that follows is not told yet */
	bool all;      /* `got` was all there was */
	bool stuck;    /* the socket had no room */
	bool rescued;  /* the fd is a duplicate of ours: the program has closed its own */
	int then;      /* 1 + how the program has shut it down */
};

static inline int slot_fd(const struct slot *s)
{
	return s->used_by - 1;
}

struct loop_figures {
	uint64_t turns;	   /* waits that returned with something */
	uint64_t enters;   /* into the ring */
	uint64_t waits;	   /* answered in the enter that ended the turn before */
	uint64_t peeks;	   /* receives in company */
	uint64_t taken;	   /* reads answered from memory */
	uint64_t drained;  /* EAGAINs answered from memory */
	uint64_t plain;	   /* slots settled by plain calls */
	uint64_t sends;	   /* sends put off */
	uint64_t flushed;  /* slots sent by the flusher */
	uint64_t mistaken; /* bytes that should have been there and were not: none, ever */
};

/* A read that is being answered: what a handler that jumps out of it has to bring to its end. */
struct copying {
	const struct call *c; /* NULL: none is */
	struct slot *s;
	unsigned n;
	unsigned used; /* the slot's, afterwards */
};

/* A thread's event loop. It outlives the thread: whoever has the thread's place next goes on with it. */
struct loop {
	uintptr_t holder; /* of the lock: an address that only this thread has, or 0 */
	bool held;	  /* until the lock is given back, handlers are held back... */
	uint64_t mask;	  /* ... and this is the mask as it was */
	struct copying copying;
	uint16_t index;	  /* its place among all loops, from 1 */
	unsigned turn;	  /* counts turns, for the flusher */
	unsigned ready;	  /* how many were ready at its beginning */
	unsigned seen;	  /* the turn that the flusher saw last */
	unsigned first;	  /* no slot before this one is free */
	unsigned nr;	  /* slots up to the highest in use */
	unsigned unsent;  /* slots with bytes that are still to be sent */
	unsigned flying;  /* ops of a batch that have not ended */
	unsigned waiting; /* OP_WAIT and OP_UNWAIT, where they are in the ring... */
	int found;	  /* ... and how many events there were, or -errno */
	unsigned vain;	  /* waits in a row that found nothing there */
	struct loop_figures figures;
	struct slot slots[SLOTS];
	char in[SLOTS][IN_SIZE];
	char out[SLOTS][OUT_SIZE];
};

/* ---- loop_slots.c ---- */

/* Make room for loops. False: there is no memory. */
bool loops_start(void);

/* The calling thread's loop, made at the first use; NULL if there is no memory. */
struct loop *loop_of(struct thread *t);

/* The loop that has a slot for this fd, or NULL. */
struct loop *loop_by_index(unsigned index);

/* Call `fn` for each loop. */
void loop_each(void (*fn)(struct loop *));

/* Take a loop's lock. False: this very thread has it already (a handler in the middle of it), or it can not be had. */
bool loop_lock(struct loop *l);
void loop_unlock(struct loop *l);

/* From here to the end of the lock no handler runs. Before any system call that changes what a socket has. */
void loop_hold(struct loop *l);

/*
 * The same for longer than a lock: handlers of this thread are held back to loop_let_in, but for what is between
 * loop_pause and loop_go_on, where they may be let in. `before` is the program's mask. False: there are none.
 */
bool loop_keep(uint64_t *before);
void loop_pause(void);
void loop_go_on(void);
void loop_let_in(uint64_t before);

/* Take a slot for an fd, or find its own. NULL: none is free. With the lock. */
struct slot *loop_slot(struct loop *l, int fd);

/* Nothing of the slot is outstanding: give it back. */
void loop_free_slot(struct loop *l, struct slot *s);

/* Put out all that is outstanding for one slot by plain calls. True: nothing is left of it. With the lock. */
bool loop_settle_slot(struct loop *l, struct slot *s);

/* The same for an fd, by whatever thread, before a plain call on it. */
void loop_settle_fd(int fd);

/* The same for a whole loop; and for all. */
void loop_settle(struct loop *l);
void loop_settle_all(void);

/* ---- loop_batch.c ---- */

/* Is there a ring for a batch? With the lock. */
bool batch_begin(struct call *c, struct loop *l);

/* Add the slot's op to the batch. False: there is no ring any more. */
bool batch_add(struct call *c, struct loop *l, struct slot *s, unsigned op);

/*
 * Add a look at what an epoll instance has, in the way of epoll_wait, for the program itself: l->found. Last of all, so that
 * it sees the sockets as the batch leaves them.
 */
void batch_wait(struct call *c, struct loop *l);

/* Hand them all over. What the ring has not done is left in the slots' `ops`. */
void batch_end(struct call *c, struct loop *l);

/* ---- loop_recv.c ---- */

/* Receive for the connections of this ready list that are known to be read. */
void recv_ahead(struct call *c, struct loop *l, const struct epoll_event *events, int nr);

/* Is this one known to be read? Receive for these, if that pays. */
bool recv_wanted(const struct fd *f);
void recv_company(struct call *c, struct loop *l, const int *ready, unsigned nr);

/* Look at what these sockets have; and let that be, before anything was used. */
void recv_look(struct call *c, struct loop *l, const int *ready, unsigned nr);
void recv_forget(struct loop *l);

/* Answer a read from memory. */
bool recv_take(struct call *c, struct fd *f);

/* A handler is about to jump out of recv_take, or of nothing: what it had begun is done. */
void recv_jumped_out_of(struct loop *l);

/* A plain read was made: learn from it. */
void recv_seen(const struct call *c, struct fd *f, long res);

/* A peek has ended. */
void recv_peeked(struct slot *s, long res);

/* So many bytes were taken out of the socket, which should be s->used. */
void recv_dropped(struct loop *l, struct slot *s, long res);

/* ---- loop_send.c ---- */

/* Put a send off. */
bool send_later(struct call *c, struct fd *f);

/* How many slots are unsent is counted anew. */
void send_count(struct loop *l);

/* A send has ended. */
void send_done(struct loop *l, struct slot *s, long res);

/* Put out what is left by a plain call. True: nothing is left. */
bool send_now(struct loop *l, struct slot *s);

/* `fd` is about to be closed: what could not be sent yet goes on without the program. */
void send_goes_on(int fd);

/* A shutdown, while something could not be sent yet: done when it is. */
bool send_shut_down_later(struct call *c, int how);

/* Something else is about to be sent by a call that we do not answer: wait, within reason, for what could not be. */
void send_first(int fd);

/* Wait, within reason, until all is out: the process ends, or becomes another. */
void send_all_out(void);

/* ---- loop_poll.c ---- */

/* Is there a listening socket among the fds of this call? And is it one of the process's first, or has it none? */
bool poll_has_door(const struct call *c);
bool poll_is_first(void);

/* What threads but for the one with this loop have in hand of the fds of this call is settled. */
void poll_settle(const struct call *c, const struct loop *own);

/* So many are ready: receive for those of them that are known to be read. With the lock. */
void poll_recv_ahead(struct call *c, struct loop *l, long nr);

/* ---- loop_cost.c ---- */

/* May it pay at all? Asked when the first event loop begins. */
bool cost_begin(const struct xu_config *config);

/* It is a loop over poll or select. */
void cost_of_polls(void);

/* Does it pay for this ready list? Measured at the first that is long enough. */
bool cost_pays(struct call *c, struct loop *l, const int *ready, unsigned nr);

/* The same for so many, as far as it is known. */
bool cost_paid(unsigned nr);

void cost_report(struct xu_text *t);

#endif
