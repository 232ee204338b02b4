/* Beginnings, ends and changes of identity: what has to happen before them. Called by the entry points in the table. */
#ifndef SHIM_LIFECYCLE_H
#define SHIM_LIFECYCLE_H

#include <stdbool.h>
#include <stdio.h>

/* Before an exec; `path` (or NULL where libc searches) tells whether it can succeed at all. */
void before_exec(const char *path);

/* Before an end of the process that runs no destructors. */
void before_exit(void);

/* Before credentials, capabilities or root change: every ring is to be made anew. */
void before_identity_change(void);

/*
 * Before the thread gets namespaces, a working directory or an fd table of its own: the workers of its ring would go on
 * with the old ones, so it has no ring from here on.
 */
void before_part(void);

/* The same, where the workers would be seen: they are waited for. */
void lifecycle_alone(void);

/* Before close_range, which can do that too. */
void before_close_range(int flags);

/*
 * That was refused with EINVAL. It may be for a worker that was still there: namespaces can be changed only by a process
 * that has one thread. True: there is none now, try again.
 */
bool lifecycle_again(void);

/*
 * Before prctl and syscall, which may be any of the above, or a sandbox: true if this very call sandboxes the process.
 * After it, with its result: it may not have worked.
 */
bool before_prctl(int op, long a, long b);
bool before_syscall(long nr, long a, long b, long c);
void after_sandbox(bool this_call, long res);

/* Before a stream is closed: programs close standard error in their last moments, and the table has to be out by then. */
void before_fclose(FILE *stream);

/* Before files are watched (inotify, fanotify), by this process or by children with its fds. */
void before_watch(void);

/* Before a signal handler is installed. */
void before_handler(int sig);

#endif
