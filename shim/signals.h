/*
 * Signals while an op is under way.
 *
 * A handler that runs while the kernel still owns the caller's buffer could leave for good (siglongjmp), and could call
 * us again. So signals that have a handler wait until the op has ended, which is what they do for the plain call too:
 * only what does not sleep for others goes through the ring, and such calls are not interrupted by the kernel either.
 * Signals without a handler act at once: a fatal one kills, as it would.
 */
#ifndef SHIM_SIGNALS_H
#define SHIM_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* A handler is being installed for `sig`. Never forgotten: blocking one too many is harmless. */
void signals_handled(int sig);

/* Has the program any handler? */
bool signals_any(void);

/* Hold the handlers back. Returns the mask for signals_resume. */
uint64_t signals_hold(void);
void signals_resume(uint64_t before);

/* Around a write of our own: the signals that its failure brings (SIGPIPE, SIGXFSZ) are not the program's affair. */
uint64_t signals_mute(uint64_t *pending);
void signals_unmute(uint64_t before, uint64_t pending);

#endif
