/* What is put off is out within a millisecond, even if the program only computes: see flusher.c. */
#ifndef SHIM_ENGINE_FLUSHER_H
#define SHIM_ENGINE_FLUSHER_H

#include <stdbool.h>

/* It looks after what is put off from here on. False: there is none. */
bool flush_awake(void);

/* Was it made, and in this process? */
bool flush_is_made(void);

/* Has the program one thread, for sure, beside this one? */
bool flush_lone(void);

/* It makes no system call until the next flush_awake. */
void flush_park(void);

/* In the child of a fork there is none. */
void flush_forked(void);

#endif
