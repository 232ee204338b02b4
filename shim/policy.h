/*
 * May this process use a ring, and for which ops? Everything that says no is here: the kernel's refusal, a sandbox that
 * would kill, the process's own sandbox, the user's XURING_DENY and XURING_DENY_OPS.
 */
#ifndef SHIM_POLICY_H
#define SHIM_POLICY_H

#include <stdbool.h>

#include "config/config.h"
#include "shim/call.h"
#include "shim/thread.h"

/* Read what the options deny. */
void policy_start(const struct xu_config *config, xu_config_report *report);

/* The value of "Seccomp:" in /proc/self/status: 0 none, 2 a filter. -1 where it can not be read. */
int policy_seccomp_mode(void);

/* What does a sandbox that was there from the start allow? False: it kills who asks for a ring. */
bool policy_may_ask(void);

/* The thread's ring, made at the first use. False: c->reason says why there is none for this call. */
bool policy_ring(struct call *c);

/* Is its ring, if it has one, still good? Else policy_ring will make it anew, and what is in flight is to have ended first. */
bool policy_ring_current(const struct thread *t);

/*
 * A ring of an engine's own: no fd that the program could see, not told to children, its ops probed. 0 or -errno. Its owner
 * closes it when engines settle.
 */
int policy_own_ring(struct xu_ring *ring, unsigned entries);
bool policy_has_op(unsigned op);

/* Is the op to be had? False: c->reason. Only after policy_ring. */
bool policy_op(struct call *c, unsigned op);

/* Does the kernel know IORING_ACCEPT_DONTWAIT (6.10)? Only after policy_ring. */
bool policy_accept_nowait(const struct thread *t);

/* Shall this enter be pretended to fail? 0, or -errno. */
int policy_deny_enter(void);

/* An enter failed with -errno: a refusal that will not pass ends the use of rings. */
void policy_enter_failed(int error);

/* May the program's memory be read and written by system call (user_memory.h)? A sandbox may think otherwise. */
bool policy_user_memory(void);

/* Was there a seccomp filter at the first asking? What it does to calls that the program does not make, it does to ours. */
bool policy_filtered(void);

/* Who we are is about to change: every ring made so far is to be made anew. */
void policy_renew_rings(void);

/*
 * Close a thread's ring. Where it has a visible fd, on old kernels, the program may have closed that, as it closes all that
 * it does not know, and the number may be another file's by now: that one is left alone.
 */
void policy_drop_ring(struct thread *t);

/* The same for the calling thread's ring, if it has one; and wait until the kernel has taken it apart. */
void policy_drop_own_ring(struct thread *t);

/* Close the calling thread's ring now. */
void policy_close_own_ring(void);

/*
 * The calling thread is about to part with what the worker threads of its ring share with it, and go on sharing after the
 * ring is closed: fds, working directory, namespaces. No ring for it from here on. True if it ever had one.
 */
bool policy_part(void);

/* Has it, with a ring before that? */
bool policy_parted(void);

/* The program watches files (inotify, fanotify), or a parent of it did before it forked: engine/single.c says why it matters. */
void policy_watch(void);
bool policy_watches(void);

/* The process sandboxes itself: no ring and no engine from here on, unless it failed to (policy_unsandbox). */
void policy_sandbox(void);
void policy_unsandbox(void);
bool policy_sandboxed(void);

/* For reports: "invisible", "hidden-fd" or "none". */
const char *policy_ring_kind(void);

/* Why there is no ring: "io_uring_setup: EPERM"; "" when there is one, or none was needed. Returns buf. */
char *policy_why_no_ring(char *buf, size_t size);

#endif
