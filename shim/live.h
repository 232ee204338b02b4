/*
 * Counts that can be watched while the program runs (XURING_LIVE, `xuring top`): a page of /dev/shm/xuring-live.PID that is
 * shared with whoever of the same user looks at it. A call costs one addition more, and nothing when nobody asked. Beside the
 * calls the page has what the record of statistics has of the rest, at most a quarter of a second old while calls are made.
 */
#ifndef SHIM_LIVE_H
#define SHIM_LIVE_H

#include <stdbool.h>

#include "config/config.h"
#include "shim/call.h"

/* Are they wanted? Then make the page of this process. */
bool live_start(const struct xu_config *config);

/*
 * The counts of this process, calls by symbol and way, or NULL. Called for each new slot of a thread; in the child of a fork
 * it makes a page of its own.
 */
uint64_t (*live_calls(void))[NR_WAYS];

/* One call more. Now and then the engines' figures are brought up to date as well. */
void live_refresh(void);
static inline void live_count(uint64_t (*calls)[NR_WAYS], enum symbol symbol, enum way way)
{
	if (!(__atomic_add_fetch(&calls[symbol][way], 1, __ATOMIC_RELAXED) % 64))
		live_refresh();
}

/* The process ends: take the page's name away. */
void live_stop(void);

#endif
