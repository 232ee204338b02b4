/*
 * What calls that are no engine's to answer do to what engines have in hand: for rows of symbols.def. Each tells the engines
 * that are concerned, in mode auto.
 */
#ifndef SHIM_ENGINE_HOOKS_H
#define SHIM_ENGINE_HOOKS_H

#include <stdio.h>

#include "shim/engine/loop_hooks.h"
#include "shim/engine/stream.h"
#include "shim/process.h"

/* Engines that know fds. */
#define AWAKE_FDS (AWAKE_LOOP | AWAKE_STREAM)

/* This fd is about to lead nowhere, or elsewhere: hints that are under way on it are to have ended (aio_hint.c). */
void hint_before_gone(int fd);
void hint_before_all_gone(void);

/* What is put off is to be out before a call. */
static inline void put_out(void)
{
	if (awake & AWAKE_PUT)
		stream_put_out();
}

/* A call looks at, or changes, what this fd leads to. */
static inline void before_fd(int fd)
{
	loop_before_fd(fd);
	stream_before_fd(fd);
}

/* It writes to it. */
static inline void before_write(int fd)
{
	loop_before_write(fd);
	stream_before_change(fd);
}

/* It makes another fd that leads there. */
static inline void before_share(int fd)
{
	loop_before_share(fd);
}

/* It has libc use the fd, in ways that are not seen. */
static inline void before_fdopen(int fd)
{
	loop_before_share(fd);
	stream_let_go(fd);
}

/* It has it lead elsewhere, if it succeeds. */
static inline void before_replaced(int fd)
{
	loop_before_gone(fd);
	stream_before_fd(fd);
	hint_before_gone(fd);
}

static inline void before_stream_gone(FILE *stream)
{
	if (awake & AWAKE_STREAM && stream)
		stream_before_gone(fileno(stream));
	if (awake & AWAKE_HINT && stream)
		hint_before_gone(fileno(stream));
}

static inline void before_close_fds(unsigned first, unsigned last, int flags)
{
	hint_before_all_gone();
	loop_before_close_range(first, last, flags);
	stream_before_gone_all(first, last, flags);
}

static inline void before_fcntl(int fd, int op)
{
	loop_before_fcntl(fd, op);
	stream_before_fcntl(fd, op);
}

static inline void after_fcntl(int fd, int op, long arg, int result)
{
	loop_after_fcntl(fd, op, arg, result);
	stream_after_fcntl(fd, op, result);
}

/* It makes a process inside libc, which has all our fds. */
static inline void before_child(void)
{
	if (awake & AWAKE_LOOP)
		loop_before_all();
	stream_let_go_all();
}

/* Messages that may pass on fds. */
static inline void before_messages(void)
{
	if (awake & AWAKE_LOOP)
		loop_before_all();
	stream_let_go_all();
}

static inline void after_messages(const struct mmsghdr *msgs, int result)
{
	if (awake & AWAKE_LOOP)
		loop_after_messages(msgs, result);
}

/* syscall() with a number that no row has: what it does to its first argument is not known. */
static inline void before_number(long nr, long a, long b, long c)
{
#ifdef SYS_close_range
	if (nr == SYS_close_range)
		before_close_fds((unsigned)a, (unsigned)b, (int)c);
#endif
	if (awake & AWAKE_LOOP)
		loop_before_number(nr, a, b);
	if (awake & AWAKE_STREAM)
		stream_before_number(nr, a, b);
}

#endif
