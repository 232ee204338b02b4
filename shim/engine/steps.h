/*
 * What mode ring's calls are made of, for its own files alone:
 *
 *     single.c   a call by its route             flight.c   an op, from submission to completion
 *     kind.c     what an fd is, how much is asked  rest.c     what a call goes on with after a short transfer
 */
#ifndef SHIM_ENGINE_STEPS_H
#define SHIM_ENGINE_STEPS_H

#include "shim/call.h"

/* The call is answered: a result or -errno. */
static inline void answer(struct call *c, long res)
{
	c->state = STATE_DONE;
	c->res = res;
}

/* The call is to be made plainly. */
static inline void plain(struct call *c, enum reason reason)
{
	c->state = STATE_PLAIN;
	c->reason = reason;
}

/* Submit c->sqe and wait. True: c->res is the op's result. False: it never began, and c->reason says why. */
bool flight_run(struct call *c);

/* The same for an op that can not be asked not to wait. False also when it would have waited. */
bool flight_run_unless_waiting(struct call *c);

enum kind {
	KIND_FILE, /* a regular file of an ordinary file system: seekable, never waits for other programs */
	KIND_STREAM, /* pipes and sockets: may wait; asked without waiting */
	KIND_ANONYMOUS, /* eventfds, timerfds and kin: likewise; but Linux 5.10 has some that say EAGAIN to every op */
	KIND_STEADY, /* /dev/null and kin: no position, never waits */
	KIND_OTHER,  /* everything else: plain; c->reason is set */
};

/* What is this fd? */
enum kind kind_of(struct call *c, int fd);

/* Is it of a file system of this machine: one that closes a file in line, and syncs the file and not the open file? */
bool kind_is_local(const struct stat *st, int fd);

/* What kind of file it is, which one, and of which device; no more. */
bool kind_look(int fd, struct stat *st);

/* Is it a file of an ordinary file system, or a block device: does all I/O on it end by itself, soon? */
bool kind_is_storage(int fd);
bool kind_stores(const struct stat *st, int fd);

/* Has it this flag (O_NONBLOCK, O_APPEND)? */
bool kind_has_flag(int fd, long flag);

/* Set c->asked from the entry. False: leave it to the kernel; c->reason. */
bool kind_learn_size(struct call *c);

/*
 * Is there memory for the first `n` bytes? Where there is none, the plain call fails or stops short of it; the ring tells
 * inotify of what failed, and not of what was done in part; and how far it came would be no measure of the room.
 */
bool kind_has_memory(const struct call *c, size_t n);

/* Go on after the first c->done bytes as far as the plain call would have; `mask` is the program's signal mask. */
void rest_run(struct call *c, uint64_t mask);

#endif
