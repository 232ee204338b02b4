/* Statistics: who answered how many calls, written when the process ends (XURING_STATS). The record: README.md. */
#ifndef SHIM_STATS_H
#define SHIM_STATS_H

#include <stdbool.h>

#include "config/config.h"

/* The form of the statistics, and where they go. */
void stats_start(const struct xu_config *config, xu_config_report *report);
bool stats_wanted(void);

/* Do they go to standard error? */
bool stats_on_stderr(void);

/*
 * Write what was counted since the last time, and start again from zero. Nothing is written when no statistics are wanted,
 * in a child that runs in its parent's memory, and once the process has sandboxed itself. Uses neither memory nor libc I/O, so it may be called on any way out.
 */
void stats_write(void);

#endif
