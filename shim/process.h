/* What is true of the whole process: its name, its options, and whether the shim has anything to do in it. */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

#include <stdbool.h>

#include "config/config.h"

/*
 * What entry points have to look at. Where none of the bits that concern it is set, an entry point is one load, one
 * branch and a jump to libc. Zero before start-up.
 */
extern unsigned awake;

enum {
	AWAKE_RING = 1 << 0,  /* mode ring: everything */
	AWAKE_STATS = 1 << 1, /* everything is counted */
	AWAKE_ALL = AWAKE_RING | AWAKE_STATS,
	/* From here on: interests of engines (engine/engine.h). */
	AWAKE_SYNC = 1 << 2,	   /* syncs of files */
	AWAKE_AIO = 1 << 16,	   /* calls for asynchronous I/O; alone it wakes nothing else */
	AWAKE_AIO_LIVE = 1 << 17,  /* there were such calls: beginnings, ends and identity matter */
	AWAKE_HINT = 1 << 20,	   /* hints are under way: fds that are closed matter */
	AWAKE_SCOUT_OPEN = 1 << 8, /* opens */
	AWAKE_SCOUT_NAME = 1 << 9, /* what is done to names */
	AWAKE_SCOUT_DIR = 1 << 10, /* opening directories, which programs seldom do */
	AWAKE_SCOUT_READ = 1 << 11, /* reads */
	AWAKE_SCOUT_LIST = 1 << 12, /* the next reading of a directory */
	AWAKE_SCOUT_LENT = 1 << 13, /* closing a file that was handed over */
	AWAKE_LOOP_BIRTH = 1 << 3,  /* loop: epoll instances being made */
	AWAKE_LOOP_POLL = 1 << 22,  /* loop: the first polls and selects */
	AWAKE_LOOP = 1 << 4,	    /* loop: what is done with sockets and epoll instances */
	AWAKE_LOOP_ORDER = 1 << 5,  /* loop: whatever others can see, for sends may be put off */
	AWAKE_STREAM = 1 << 18,	    /* stream: what is done with files */
	AWAKE_REACH = 1 << 21, /* some of the program's memory is known: what is done to it matters */
	AWAKE_PUT = 1 << 19, /* stream: writes are put off, and whatever others can see comes after them */
};

/* What wakes the lifecycle's hooks. */
#define AWAKE_HOOKS (~(unsigned)AWAKE_AIO)

/* Engines come and go. */
static inline void process_wake(unsigned bits)
{
	__atomic_or_fetch(&awake, bits, __ATOMIC_RELAXED);
}

static inline void process_sleep(unsigned bits)
{
	__atomic_and_fetch(&awake, ~bits, __ATOMIC_RELAXED);
}

/* The options of this process. */
const struct xu_config *process_config(void);

/* The program's name: the last part of the path it was started by. */
const char *process_name(void);

#endif
