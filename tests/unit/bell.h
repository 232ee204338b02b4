/* Signals for the thread that waits, rung by another until it is told to end; or a byte written after a while. */
#ifndef BELL_H
#define BELL_H

#include <pthread.h>

#include "tests/unit/ring.h"

/* How many signals were handled. */
static volatile sig_atomic_t rung;

struct bell {
	pthread_t thread;
	pthread_t whom;
	long us;   /* before the first signal, or before the byte is written */
	long then; /* between signals */
	int fd;	   /* where to write it, or -1 to ring */
	bool end;
};

static inline void bell_handler(int sig)
{
	(void)sig;
	rung++;
}

/* SIGUSR1 is counted in `rung`. */
static inline void bell_catch(int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = bell_handler;
	sa.sa_flags = flags;
	sigaction(SIGUSR1, &sa, NULL);
}

static inline void *bell_run(void *arg)
{
	struct bell *bell = (struct bell *)arg;
	struct timespec first = {bell->us / 1000000, bell->us % 1000000 * 1000};
	struct timespec then = {bell->then / 1000000, bell->then % 1000000 * 1000};

	nanosleep(&first, NULL);
	if (bell->fd >= 0) {
		CHECK_EQ(write(bell->fd, "b", 1), 1);
		return NULL;
	}
	while (!__atomic_load_n(&bell->end, __ATOMIC_RELAXED)) {
		pthread_kill(bell->whom, SIGUSR1);
		nanosleep(&then, NULL);
	}
	return NULL;
}

/* The other thread takes no signals itself. */
static inline void bell_start(struct bell *bell)
{
	sigset_t all, before;

	bell->whom = pthread_self();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	CHECK_EQ(pthread_create(&bell->thread, NULL, bell_run, bell), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The caller gets a SIGUSR1 every `us` microseconds, the first after as many. */
static inline void bell_every(struct bell *bell, long us)
{
	*bell = (struct bell){.us = us, .then = us, .fd = -1};
	rung = 0;
	bell_start(bell);
}

/* The caller gets one SIGUSR1 soon, and should it come too early, another a little later. */
static inline void bell_once(struct bell *bell)
{
	*bell = (struct bell){.us = 50000, .then = 200000, .fd = -1};
	rung = 0;
	bell_start(bell);
}

/* In `ms` milliseconds a byte is written to `fd`. */
static inline void write_after(struct bell *bell, long ms, int fd)
{
	*bell = (struct bell){.us = ms * 1000, .fd = fd};
	bell_start(bell);
}

static inline void bell_end(struct bell *bell)
{
	__atomic_store_n(&bell->end, true, __ATOMIC_RELAXED);
	pthread_join(bell->thread, NULL);
}

/* Queue a read of one byte. */
static inline void put_read(struct xu_ring *ring, int fd, char *byte, uint64_t data)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_read(sqe, fd, byte, 1, (uint64_t)-1);
	xu_sqe_set_data64(sqe, data);
}

#endif
