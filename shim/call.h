/*
 * One call on its way: from the entry point (entry.c) to the ring (engine/single.c) or to the kernel, and counted.
 */
#ifndef SHIM_CALL_H
#define SHIM_CALL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "shim/symbols.h"
#include "xuring.h"

struct thread;

/* How a call is taken through the ring. What each means stands with its function in engine/single.c. */
enum route {
	ROUTE_NONE,  /* not looked at yet */
	ROUTE_READ,  /* in, at the file's own position */
	ROUTE_WRITE, /* out, at the file's own position */
	ROUTE_AT,    /* in or out, at a given position */
	ROUTE_RECV,  /* from a socket */
	ROUTE_SEND,  /* to a socket */
	ROUTE_ACCEPT,
	ROUTE_CONNECT,
	ROUTE_BIND,
	ROUTE_OPEN,
	ROUTE_CLOSE,
	ROUTE_FD,	   /* on an fd, never waiting for other programs */
	ROUTE_FD_CANCEL,   /* the same, and a cancellation point */
	ROUTE_HINT,	   /* a hint, which may wait for a disk, though nobody waits for it */
	ROUTE_HINT_CANCEL, /* the same, and a cancellation point */
	ROUTE_SOCKET,	   /* on a socket alone, never waiting */
	ROUTE_SPLICE,	   /* between two fds, one of them a pipe */
	ROUTE_NAME,	   /* on a path */
	ROUTE_WAIT,	   /* for events: only those that are there */
	ROUTE_POLL,	   /* for events, by a list of fds: always plain */
};

/* Who answered a call. The names are those of the statistics record. */
enum way {
	WAY_KERNEL,   /* the plain system call, by choice */
	WAY_RING,     /* an op in the ring */
	WAY_MEMORY,   /* memory of ours */
	WAY_QUEUED,   /* taken on, to be done later */
	WAY_FALLBACK, /* the plain system call, because the ring could not */
	NR_WAYS
};

/* Why a call was not answered by the ring. */
enum reason {
#define REASON(symbol, name, fallback) REASON_##symbol,
#include "shim/reasons.def"
	NR_REASONS
};

/* Where a call stands after the ring was tried. */
enum state {
	STATE_PLAIN,	 /* not answered: the plain call is to be made */
	STATE_DONE,	 /* answered: res, by `way` */
	STATE_FELL_BACK, /* answered: res, by a plain call that was already made */
	STATE_REST, /* answered in part: `done` bytes, where the plain call would have gone on (engine/single.c) */
};

struct call {
	struct thread *thread;
	enum symbol symbol;
	enum route route;
	enum reason reason; /* why the plain call is made */
	enum state state;
	enum way way; /* STATE_DONE: who answered */
	long res;     /* the answer: a result or -errno */
	size_t done;  /* STATE_REST: bytes that are through */
	size_t asked; /* bytes asked for, where the route needs it */
	int64_t size; /* of a file; of what is in a pipe, if the program watches files; else INT64_MAX (kind_of) */
	bool cancels; /* it is a cancellation point where the plain call would be one: not so by way of syscall() */
	uint64_t began;			 /* for engines: when the plain call is made */
	int fd;				 /* the first argument, where that is one */
	int timeout;			 /* ROUTE_WAIT: in milliseconds */
	const struct timespec *timespec; /* ROUTE_WAIT: instead of that, or NULL */
	int saved_errno;		 /* as the program had it */
	struct io_uring_sqe sqe;
	union {
		struct statx stx;  /* what stat and kin are made from */
		struct msghdr msg; /* a message made for a call that had none */
	};
	struct iovec iov;
};

/* The first step of an entry point once the shim is awake. False: make the plain call at once. */
bool call_begin(struct call *c, enum symbol symbol, enum route route);

/* Count a call that the plain system call is to answer, with errno as the program had it. */
void call_plain(struct call *c);

/* Count a call that the ring answered and give its result as libc does: -1 and errno, or a result with errno as before. */
long call_answer(struct call *c);

/* Count a call that never was a candidate for the ring. */
void call_passed(enum symbol symbol);

/* A raw result as libc gives it. */
long errno_result(long res);

#endif
