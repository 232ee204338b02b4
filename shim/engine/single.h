/* Mode ring: one call, one op, at once. */
#ifndef SHIM_ENGINE_SINGLE_H
#define SHIM_ENGINE_SINGLE_H

#include "shim/call.h"

/*
 * Take the call, whose entry is prepared, through the thread's ring by its route. Afterwards c->state says whether it
 * is answered (c->res), answered in part (c->done), or to be made plainly (c->reason).
 */
void single_run(struct call *c);

#endif
