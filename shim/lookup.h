/* Finds the function that would have been called if the shim were not there. */
#ifndef SHIM_LOOKUP_H
#define SHIM_LOOKUP_H

/*
 * The function `name` of the first object after the shim that defines it: another preloaded library, or libc. Takes no
 * memory, and no lock that is held while constructors run. NULL: there is none.
 */
void *lookup_next(const char *name);

#endif
