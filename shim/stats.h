/* Statistics: who answered how many calls, written when the process ends (XURING_STATS). The record: README.md. */
#ifndef SHIM_STATS_H
#define SHIM_STATS_H

#include <stdbool.h>

#include "config/config.h"
#include "config/text.h"
#include "shim/symbols.h"

/* The form of the statistics, and where they go. */
void stats_start(const struct xu_config *config, xu_config_report *report);
bool stats_wanted(void);

/* Do they go to standard error? */
bool stats_on_stderr(void);

/* Is the time of plain calls taken (XURING_TIMES)? */
extern bool stats_times;

/* When a plain call begins: nanoseconds, or 0 where nobody wants to know, or may look at the clock. */
uint64_t stats_clock(void);
static inline uint64_t stats_began(void)
{
	return __builtin_expect(stats_times, 0) ? stats_clock() : 0;
}

/* A plain call that began then has ended, with this result, which is a number of bytes where `moves`. Keeps errno. */
void stats_add_spent(enum symbol symbol, uint64_t began, bool moves, long result);
static inline void stats_spent(enum symbol symbol, uint64_t began, bool moves, long result)
{
	if (__builtin_expect(began != 0, 0))
		stats_add_spent(symbol, began, moves, result);
}

/* What the record has beside calls and reasons, from "enters" to "engines", for whoever watches (live.h). Counts stay. One
 * at a time: whoever calls it sees to that. */
void stats_figures(struct xu_text *t);

/*
 * Write what was counted since the last time, and start again from zero. Nothing is written when no statistics are wanted,
 * in a child that runs in its parent's memory, and once the process has sandboxed itself. Uses neither memory nor libc I/O, so
 * it may be called on any way out.
 */
void stats_write(void);

#endif
