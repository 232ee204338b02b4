/* Engine sync, between its own files: company (sync.c), and syncs one after another (sync_ahead.c). */
#ifndef SHIM_ENGINE_SYNC_H
#define SHIM_ENGINE_SYNC_H

#include "shim/call.h"

/* An error of the file that this open file has not been told of: 0 or -errno. */
long sync_pending_error(int fd);

/* A sync in a process of one thread. True: it is answered. */
bool ahead_call(struct call *c);

/* The kernel answered one. */
void ahead_seen(long res);

/* How many were answered, and how often the whole file system was synced for them. */
void ahead_report(struct xu_text *t);

#endif
