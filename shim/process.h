/* What is true of the whole process: its name, its options, and whether the shim has anything to do in it. */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

#include <stdbool.h>

#include "config/config.h"

/*
 * Asleep, an entry point is one load, one branch and a jump to libc. Awake, calls are counted, routed and watched.
 * Set once at start-up; asleep before that.
 */
extern bool awake;

/* The options of this process. */
const struct xu_config *process_config(void);

/* The program's name: the last part of the path it was started by. */
const char *process_name(void);

#endif
