// SPDX-License-Identifier: MIT
/*
 * fuzzcalls: a program that makes a random sequence of calls, always the same for the same seed, and writes down
 * what it saw of each. Run bare and under the shim, the two logs must be equal: see tests/fuzz/differential.
 *
 * It stands for "a program that nobody here wrote": it is linked with libc alone and knows nothing of the shim.
 *
 *     core.c       options, random numbers, the log, what is seen after every call, the final state
 *     slots.c      the fds that are open, names, buffers: what calls are made on
 *     ticker.c     a timer that ends what would block for ever
 *     transfer.c   reading and writing, in all their forms
 *     files.c      opening, positions, sizes, duplicates, pipes, descriptors' flags
 *     names.c      calls on paths, stat and kin, extended attributes, directories
 *     sockets.c    sockets
 *     events.c     epoll, poll, select, eventfd, timerfd, signalfd, inotify
 *     process.c    fork, vfork, exec, threads, signals, limits, identity: each runs other calls inside
 *     walks.c      trees that are walked, and long files that are read, while they change
 *     streams.c    small reads and writes one after another, and what may come in between; many syncs
 *     loops.c      event loops: connections that are served by epoll, poll and select
 *     aio.c        POSIX AIO, and the kernel's
 *     races.c      threads and processes at the same time, where the sum of what they do is determined
 *
 * What varies for good reasons (inode numbers, times, pids, ports, addresses) is kept out of the log. Each call has
 * random numbers of its own, made from the seed and the call's number, so that leaving some calls out (--keep)
 * changes no other call: that is how the driver finds the few calls that matter.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Random numbers: of the call that is being made ---- */

uint32_t rnd(uint32_t below);
bool chance(unsigned percent);
/* Save and restore, for calls inside of calls. */
uint64_t rnd_state(void);
void rnd_restore(uint64_t state);

#define ONE_OF(...)                                                                                \
	({                                                                                         \
		static const __typeof__(0 ? FIRST_(__VA_ARGS__, 0)                                 \
					  : FIRST_(__VA_ARGS__, 0)) from_[] = {__VA_ARGS__};       \
		from_[rnd(NR(from_))];                                                             \
	})
#define FIRST_(first, ...) (first)
#define ANY(array) ((array)[rnd(NR(array))])

/* ---- The log ---- */

/* What errno is before each call: a call that succeeds must leave it. */
#define UNTOUCHED 77

void log_head(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
long log_tail(long result, int error);
/* Add to the line of the last call. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Make a call and write it down: RUN(read(fd, p, n), "read(%d, ...)", fd). */
#define RUN(call, ...)                                                                             \
	({                                                                                         \
		long r_;                                                                           \
		log_head(__VA_ARGS__);                                                             \
		errno = UNTOUCHED;                                                                 \
		r_ = (long)(call);                                                                 \
		log_tail(r_, errno);                                                               \
	})

uint64_t hash_mem(const void *p, size_t n, uint64_t seed);

/* The kernel itself, past any library. -errno on failure. */
long raw_call(long nr, long a, long b, long c, long d, long e, long f);
#define raw(nr, ...) RAW_(nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define RAW_(nr, a, b, c, d, e, f, ...)                                                            \
	raw_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* ---- Kinds of calls ---- */

enum where {
	ANYWHERE = 0,
	NOT_INSIDE = 1, /* not inside of a child, a thread or a handler */
	NOT_IN_HANDLER = 2,
	ROOT = 4, /* for root alone */
	SLOW = 8, /* costs a millisecond or more */
	WATCHES = 16, /* makes the process one that watches files: only for some seeds, since engines rest in it */
};

struct kind {
	const char *name;
	void (*run)(void);
	unsigned weight;
	enum where where;
};

extern const struct kind transfer_kinds[], file_kinds[], name_kinds[], socket_kinds[], event_kinds[],
	process_kinds[], race_kinds[], walk_kinds[], stream_kinds[], loop_kinds[], aio_kinds[];

/* Make some calls of any kind, as part of the one that is being made; `what` says in which surroundings. */
void run_inside(const char *what, unsigned calls);

extern struct setting {
	const char *dir;
	const char *self; /* this program */
	uint64_t seed;
	bool root;
	bool tmpfs;	/* the directory is on tmpfs */
	bool gentle;	/* no pointers to nowhere */
	unsigned depth; /* how many run_inside deep */
	bool child;	/* in a child: others have what this process does not */
	bool handler;
} is;

/* ---- File descriptors (slots.c) ---- */

enum what {
	W_FILE = 1,
	W_DIR = 2,
	W_CHAR = 4,
	W_PIPE = 8,
	W_STREAM = 0x10, /* unix sockets by type */
	W_DGRAM = 0x20,
	W_PACKET = 0x40,
	W_LISTEN = 0x80,
	W_TCP = 0x100,
	W_UDP = 0x200,
	W_EPOLL = 0x400,
	W_EVENT = 0x800,
	W_TIMER = 0x1000,
	W_SIGNAL = 0x2000,
	W_INOTIFY = 0x4000,
	W_OTHER = 0x8000,
	W_UNIX = W_STREAM | W_DGRAM | W_PACKET,
	W_INET = W_TCP | W_UDP,
	W_SOCKET = W_UNIX | W_INET | W_LISTEN,
	W_ALL = 0xffff,
	/* Records of these hold pids, cookies or times: their bytes are not logged. */
	W_PRIVATE = W_SIGNAL | W_INOTIFY,
};

#define SLOTS 24
struct slot {
	int fd; /* -1: free */
	enum what what;
	int conn, side; /* of an internet connection that was made here; conn 0: none */
};
extern struct slot slots[SLOTS];

/* An fd of one of these kinds if there is one, now and then another, or one that is not open. */
int pick_fd(unsigned whats);
/* One that is open and of these kinds, or -1. */
int open_fd(unsigned whats);
enum what what_is(int fd);
struct slot *slot_of(int fd);
/* An fd that a call has made, or made anew. Returns it. Negative ones are let through. */
int keep_fd(long fd);
int keep_conn(long fd, int conn, int side);
/* After close_range and kin: forget those that are not open any more. */
void forget_closed(void);
/* Close one at random if none is free; `n` slots will be free. */
void make_room(unsigned n);
void close_all(void);

/* What a call may have changed about the fd: its position, what is waiting in it. */
void note_fd(int fd);
/* Wait until what was sent through the loopback has arrived. */
void settle(int fd);

/* ---- Names and buffers (slots.c) ---- */

/* A name in the directory; any call may be made on it. */
const char *pick_name(void);
/* A name of anything, only for calls that change nothing, or that open it. */
const char *pick_path(bool to_open);
/* AT_FDCWD, a directory's fd, or a wrong one. */
int pick_dfd(void);
/* As it may be logged. One may be in use per `i`, 0 to 3. */
const char *shown(const char *name, int i);

struct area {
	unsigned char *p;
	size_t n;    /* as the call is told */
	size_t real; /* what of that is there */
	char tag[24];
};
size_t pick_size(void);
off_t pick_offset(void);
/* Memory to write from, with content of its own, or to read into, with a pattern. */
struct area pick_source(size_t n);
struct area pick_target(size_t n);
struct area good_target(size_t n);
/* The hash of an area and a little of what lies behind it. */
void note_area(const struct area *a);

struct vector {
	struct iovec iov[1100];
	struct iovec *p;
	int nr;
	size_t total;
	char tag[48];
};
/* As many pieces as a call may have; static memory, one at a time. */
struct vector *pick_vector(bool source);
void note_vector(const struct vector *v);

/* ---- What would block for ever (ticker.c) ---- */

/* If calls on this fd may block: from here on, signals interrupt. */
void tick_for(int fd);
void tick_always(void);
void tick_stop(void);
/* Run at the next tick, once. Async-signal-safe. */
void tick_then(void (*fn)(void));
void ticker_start(void);
/* Have calls in handlers gone wrong? */
int ticker_wrong(void);

/* Signals that were handled, by number; log_tail writes down what came during a call. */
extern volatile int signals_seen[65];

/* Make a call that may block on `fd`, and write it down. */
#define RUN_ON(fd, call, ...)                                                                      \
	({                                                                                         \
		int fd_ = (fd);                                                                    \
		long r_;                                                                           \
		log_head(__VA_ARGS__);                                                             \
		tick_for(fd_);                                                                     \
		errno = UNTOUCHED;                                                                 \
		r_ = (long)(call);                                                                 \
		{                                                                                  \
			int e_ = errno;                                                            \
			tick_stop();                                                               \
			log_tail(r_, e_);                                                          \
		}                                                                                  \
		settle(fd_);                                                                       \
		note_fd(fd_);                                                                      \
		r_;                                                                                \
	})

/* The same for one that opens: a FIFO waits for its other end. */
#define RUN_OPEN(call, ...)                                                                        \
	({                                                                                         \
		long r_;                                                                           \
		int e_;                                                                            \
		log_head(__VA_ARGS__);                                                             \
		tick_always();                                                                     \
		errno = UNTOUCHED;                                                                 \
		r_ = (long)(call);                                                                 \
		e_ = errno;                                                                        \
		tick_stop();                                                                       \
		log_tail(r_, e_);                                                                  \
	})

#endif
