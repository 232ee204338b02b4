/* The kernel's polling thread (XURING_SQPOLL): one for all rings of the process. See polling.c. */
#ifndef SHIM_POLLING_H
#define SHIM_POLLING_H

#include "xuring.h"

/* A ring, polled where that was asked for and can be had, else as any other. 0 or -errno. */
int polling_queue_init(unsigned entries, struct xu_ring *ring, unsigned want);

/* Who the process is, or what it may, is about to change: no ring made from here on has a thread from before. */
void polling_renew(void);

/*
 * Submit, and wait until `nr` have completed: where the polling thread does the work, without a system call if that is soon.
 * How many calls it took is added to `enters`.
 */
int polling_submit_and_wait(struct xu_ring *ring, unsigned nr, uint64_t *enters);

#endif
