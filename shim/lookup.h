/* Finds the function that would have been called if the shim were not there. */
#ifndef SHIM_LOOKUP_H
#define SHIM_LOOKUP_H

#include <stdbool.h>

/* At the start, while no other thread can hold a lock: note what there is to look into. */
void lookup_start(void);

/*
 * The function, or variable, `name` of the first object after the shim that defines it: another preloaded library, or libc.
 * Takes no memory, and no lock unless it is in none of the objects that were there at the start. NULL: there is none. *libc
 * says whether it is libc's own.
 */
void *lookup_next(const char *name, bool *libc);

#endif
