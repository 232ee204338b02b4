/*
 * What the loop engine knows of each file descriptor.
 *
 * An fd that it has not taken on is all zero: one load, one branch, and the call is a plain one. It takes on TCP
 * connections that this very process has accepted or made, and that nobody else can have: one that was duplicated,
 * passed on, or inherited by a child is left to plain calls from then on.
 *
 * The table is in memory that a fork empties (thread.h), so a child knows no fd. It is only reserved: a page of it
 * exists once an fd in it was taken on.
 */
#ifndef SHIM_ENGINE_FDS_H
#define SHIM_ENGINE_FDS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/process.h"

enum {
	FD_OURS = 1 << 0,     /* a TCP connection that only this process has */
	FD_NONBLOCK = 1 << 1, /* with O_NONBLOCK, known for certain */
	FD_PLAIN = 1 << 2,    /* nothing more is done for it until it is closed */
	FD_DOOR = 1 << 3,     /* a listening socket for TCP */
	FD_EPOLL = 1 << 4,    /* an epoll instance */
};

struct fd {
	uint8_t flags;
	uint8_t known; /* it was read plainly, little at a time: it may be received for in company */
	uint16_t loop;	 /* 1 + the loop that has a slot for it; 0: nothing is outstanding */
	uint16_t slot;	 /* which */
	int epfd;	 /* the epoll instance it is in, as -1 - number; 0: none */
	uint32_t events; /* what for */
	uint64_t data;	 /* and what that hands back */
	int error;	 /* an error of the socket that an op of ours was told: the next call's */
};

enum { FDS_MAX = 1 << 16 };

/* The table; NULL until there is an event loop. */
extern struct fd *fds;

/* No fd from here on is in it. */
extern unsigned fds_top;

/* Slots, of any thread, with bytes that are still to be sent. */
extern unsigned fds_unsent;

static inline struct fd *fds_get(int fd)
{
	return fds && (unsigned)fd < FDS_MAX ? &fds[fd] : NULL;
}

/* Is a call on `fd` none of the engine's business? For entry points, before anything else is done. */
static inline bool fds_passes(int fd, bool effect)
{
	const struct fd *f = fds_get(fd);

	return !f || (!f->flags && !(effect && fds_unsent));
}

/* Make room for the table. False: there is none. */
bool fds_start(void);

/* A new fd, or one that is about to go: nothing is known of it. */
void fds_forget(int fd);

/* Nothing more is to be done for it. */
void fds_leave_alone(struct fd *f);

/* epoll_ctl has succeeded. */
void fds_watched(int epfd, int op, int fd, uint32_t events, uint64_t data);

/* The fd that an epoll instance means by this event's data, or -1. */
int fds_of_event(int epfd, uint64_t data);

#endif
