/*
 * The entry points: every symbol of the table, and the way of a call.
 *
 *     read(fd, buf, n)                       the program calls; the dynamic linker has bound it to us
 *       asleep?  -> libc's read              one load, one branch, one jump
 *       call_begin                           is the ring wanted at all, here and now?
 *       prepare                              the table's row fills a submission entry
 *       single_run                           what is this fd? -> by its route: ring, or not
 *       then                                 the row hands results over
 *       call_answer  or  libc's read, call_plain      counted, returned, errno as the kernel would set it
 *
 * In mode auto, engines (engine/engine.h) stand where single_run does. In mode off, and in mode auto where no engine is
 * interested in the call, the first line is all there is.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/syscall.h"
#include "shim/engine/aio.h"
#include "shim/engine/engine.h"
#include "shim/engine/fds.h"
#include "shim/engine/hooks.h"
#include "shim/engine/stream.h"
#include "shim/call.h"
#include "shim/engine/single.h"
#include "shim/interest.h"
#include "shim/lifecycle.h"
#include "shim/policy.h"
#include "shim/live.h"
#include "shim/process.h"
#include "shim/reach.h"
#include "shim/rows.h"
#include "shim/stats.h"
#include "shim/thread.h"
#include "shim/user_memory.h"

/* ---- The steps that all calls share ---- */

long errno_result(long res)
{
	if (res < 0 && res > -4096) {
		errno = (int)-res;
		return -1;
	}
	return res;
}

static void count(struct thread *t, enum symbol symbol, enum way way, enum reason reason)
{
	if (!t || !(awake & AWAKE_ALL))
		return;
	/* A handler may count too: one addition, no lock. Other threads only read, or take all away (stats_write). */
	__atomic_add_fetch(&t->calls[symbol][way], 1, __ATOMIC_RELAXED);
	if (__builtin_expect(t->live != NULL, 0))
		live_count(t->live, symbol, way);
	if ((way == WAY_KERNEL || way == WAY_FALLBACK) && reason != REASON_NONE)
		__atomic_add_fetch(&t->reasons[reason], 1, __ATOMIC_RELAXED);
}

/* A call that passes. */
static __attribute__((noinline)) void count_passing(enum symbol symbol)
{
	count(thread_self(), symbol, WAY_KERNEL, REASON_NONE);
}

static __attribute__((noinline)) void count_call(const struct call *c, enum way way)
{
	count(c->thread, c->symbol, way, c->reason);
}

/* The first step of a call that an engine may answer in its own way. */
static inline void call_served(struct call *c, enum symbol symbol)
{
	c->thread = thread_self();
	c->symbol = symbol;
	c->route = ROUTE_NONE;
	c->reason = REASON_NONE;
	c->state = STATE_PLAIN;
	c->way = WAY_RING;
	c->saved_errno = errno;
}

bool call_begin(struct call *c, enum symbol symbol, enum route route)
{
	call_served(c, symbol);
	c->route = route;
	c->began = 0;
	c->sqe.opcode = IORING_OP_NOP; /* until it is prepared */
	if (!c->thread || !(awake & (AWAKE_RING | interest_of(route))))
		return false;
	if (policy_sandboxed()) {
		c->reason = REASON_SANDBOX;
		return false;
	}
	return true;
}

static enum way plain_way(const struct call *c)
{
	static const bool fallback[NR_REASONS] = {
#define REASON(symbol, name, falls_back) falls_back,
#include "shim/reasons.def"
	};

	return fallback[c->reason] ? WAY_FALLBACK : WAY_KERNEL;
}

void call_plain(struct call *c)
{
	count_call(c, plain_way(c));
	errno = c->saved_errno;
}

long call_answer(struct call *c)
{
	count_call(c, c->state == STATE_FELL_BACK ? plain_way(c) : c->way);
	errno = c->saved_errno;
	return errno_result(c->res);
}

/* For functions that answer -errno themselves. */
static long call_answer_raw(struct call *c)
{
	count_call(c, c->way);
	errno = c->saved_errno;
	return c->res;
}

void call_passed(enum symbol symbol)
{
	put_out();
	count_passing(symbol);
}

/* ---- What becomes of a call ---- */

/* Cancellation is acted upon at the entry of a call that is a cancellation point, whether it would wait or not. */
static void cancellation_point(enum route route)
{
	switch (route) {
	case ROUTE_FD:
	case ROUTE_HINT:
	case ROUTE_POLL:
	case ROUTE_SOCKET:
	case ROUTE_BIND:
	case ROUTE_NAME: break;
	default:
		if (REAL(pthread_testcancel))
			REAL(pthread_testcancel)();
	}
}

static void run(struct call *c)
{
	if (awake & AWAKE_RING)
		single_run(c);
	else
		engines_call(c);
}

/* Engines hear of what the kernel answered, where they would have been asked. */
static void seen(struct call *c, long res)
{
	int saved = errno;

	if (!(awake & AWAKE_RING) && c->thread && awake & interest_of(c->route))
		engines_seen(c, res == -1 ? -saved : res);
	errno = saved;
}

#define TAKES_TIME uint64_t began_ = scout_now()

/* Is what a call of this route answers a number of bytes? */
static inline bool moves(enum route route)
{
	return route == ROUTE_READ || route == ROUTE_WRITE || route == ROUTE_AT ||
	       route == ROUTE_RECV || route == ROUTE_SEND;
}

/* The plain call comes next. */
static void before_plain(struct call *c)
{
	if (!(awake & AWAKE_RING) && c->thread && awake & interest_of(c->route))
		engines_plain(c);
}

#define AFTER_FORK                                                                                 \
	if (!result) {                                                                             \
		reach_forget_all();                                                                \
		engines_forked();                                                                  \
	}

/* ---- The entry points ---- */

#define BARE(...) __VA_ARGS__

/* The first of the arguments, as an fd. Where it is none, nobody looks at it. */
#define FIRST_OF(first, ...) (int)(intptr_t)(first)
#define FIRST(args) FIRST_OF args

/* The first four of them, -1 for those that are not there. */
#define FOUR(a, b, c, d, ...) (int)(intptr_t)(a), (long)(b), (long)(c), (long)(d)
#define FOUR_OF(...) FOUR(__VA_ARGS__, -1, -1, -1, -1)

#define ENTRY(ret, name, params)                                                                   \
	__attribute__((visibility("default"))) ret xs_##name params __asm__(#name);                \
	ret xs_##name params

/* Nothing to do, and libc's function known: the whole way of a call in most programs. */
#define ASLEEP(name, interest) __builtin_expect(!(awake & CONCERNS(interest)) && real.name, 1)
#define CONCERNS(interest) (AWAKE_ALL | AWAKE_PUT | (interest))

/* libc's function, or the raw call where there is none (yet). */
#define PLAINLY(ret, name, args, sys)                                                              \
	({                                                                                         \
		__typeof__(real.name) fn_ = REAL(name);                                            \
		fn_ ? fn_ args : (ret)errno_result((long)(sys));                                   \
	})

#define CALL(ret, name, params, args, sys, route, prepare, then)                                   \
	VARIANT(ret, name, name, params, args, sys, route, prepare, then)

#define VARIANT(ret, name, of, params, args, sys, route, prepare, then)                              \
	/* Take it through the ring, if that is wanted and can be. */                                \
	static bool try_##name(struct call *c, bool cancels, BARE params)                            \
	{                                                                                            \
		struct io_uring_sqe *sqe = &c->sqe;                                                  \
                                                                                                     \
		if (!call_begin(c, SYM_##of, route))                                                 \
			return false;                                                                \
		PLAIN_IF((cancels) && FOREIGN(name), REASON_INTERPOSED);                             \
		prepare;                                                                             \
		c->cancels = cancels;                                                                \
		if (cancels)                                                                         \
			cancellation_point(route);                                                   \
		run(c);                                                                              \
		if (c->state != STATE_PLAIN) {                                                       \
			then;                                                                        \
		}                                                                                    \
		return c->state != STATE_PLAIN;                                                      \
	}                                                                                            \
	static __attribute__((noinline)) ret awake_##name params                                     \
	{                                                                                            \
		struct call c;                                                                       \
		bool asked;                                                                          \
		uint64_t began;                                                                      \
		ret result;                                                                          \
		long got = quick(SYM_##of, FOUR_OF args);                                            \
                                                                                                     \
		if (got >= 0)                                                                        \
			return (ret)got;                                                             \
		c.fd = FIRST(args);                                                                  \
		asked = awake & (AWAKE_RING | interest_of(route)) && !passes(SYM_##of, route, c.fd); \
		if (asked) {                                                                         \
			if (try_##name(&c, true, BARE args))                                         \
				return (ret)call_answer(&c);                                         \
			before_plain(&c);                                                            \
			call_plain(&c);                                                              \
		} else if (awake & AWAKE_STATS) {                                                    \
			count_passing(SYM_##of);                                                     \
		}                                                                                    \
		began = stats_began();                                                               \
		result = PLAINLY(ret, name, args, sys);                                              \
		stats_spent(SYM_##of, began, moves(route), (long)result);                            \
		if (asked)                                                                           \
			seen(&c, (long)result);                                                      \
		return result;                                                                       \
	}                                                                                            \
	ENTRY(ret, name, params)                                                                     \
	{                                                                                            \
		if (ASLEEP(name, interest_of(route)))                                                \
			return real.name args;                                                       \
		return awake_##name args;                                                            \
	}

#define ALIAS(alias_name, name)                                                                    \
	extern __typeof__(xs_##name) xs_##alias_name __asm__(#alias_name)                          \
		__attribute__((alias(#name), visibility("default")));

/* A call that is counted and no more; its result may be of any type, or none. */
struct pass {
	enum symbol symbol;
	uint64_t began;
};

static inline void pass_ends(const struct pass *pass)
{
	stats_spent(pass->symbol, pass->began, false, 0);
}

#define PASS(ret, name, params, args, sys)                                                         \
	static __attribute__((noinline)) ret awake_##name params                                   \
	{                                                                                          \
		__attribute__((cleanup(pass_ends))) struct pass pass = {SYM_##name, 0};            \
                                                                                                   \
		if (awake)                                                                         \
			call_passed(SYM_##name);                                                   \
		pass.began = stats_began();                                                        \
		return PLAINLY(ret, name, args, sys);                                              \
	}                                                                                          \
	ENTRY(ret, name, params)                                                                   \
	{                                                                                          \
		if (ASLEEP(name, 0))                                                               \
			return real.name args;                                                     \
		return awake_##name args;                                                          \
	}

#define HOOK(ret, name, params, args, sys, before, after)                                          \
	WATCH(ret, name, params, args, sys, AWAKE_HOOKS, before, after)

#define WATCH(ret, name, params, args, sys, interest, before, after)                               \
	static __attribute__((noinline)) ret awake_##name params                                   \
	{                                                                                          \
		uint64_t began;                                                                    \
		ret result;                                                                        \
                                                                                                   \
		if (!(awake & CONCERNS(interest)))                                                 \
			return PLAINLY(ret, name, args, sys);                                      \
		call_passed(SYM_##name);                                                           \
		before;                                                                            \
		began = stats_began();                                                             \
		result = PLAINLY(ret, name, args, sys);                                            \
		stats_spent(SYM_##name, began, false, 0);                                          \
		after;                                                                             \
		return result;                                                                     \
	}                                                                                          \
	ENTRY(ret, name, params)                                                                   \
	{                                                                                          \
		if (ASLEEP(name, interest))                                                        \
			return real.name args;                                                     \
		return awake_##name args;                                                          \
	}

#define SERVE(ret, name, params, args, sys, interest, serve, answer)                               \
	static bool try_##name(struct call *c, bool cancels, BARE params)                          \
	{                                                                                          \
		call_served(c, SYM_##name);                                                        \
		c->cancels = cancels;                                                              \
		return (awake & (interest)) && serve;                                              \
	}                                                                                          \
	static __attribute__((noinline)) ret awake_##name params                                   \
	{                                                                                          \
		struct call c;                                                                     \
		__attribute__((cleanup(pass_ends))) struct pass pass = {SYM_##name, 0};            \
                                                                                                   \
		if (!(awake & CONCERNS(interest)))                                                 \
			return PLAINLY(ret, name, args, sys);                                      \
		put_out();                                                                         \
		if (!FOREIGN(name) && try_##name(&c, true, BARE args))                             \
			return (ret)answer(&c);                                                    \
		if (FOREIGN(name))                                                                 \
			call_served(&c, SYM_##name);                                               \
		call_plain(&c);                                                                    \
		pass.began = stats_began();                                                        \
		return PLAINLY(ret, name, args, sys);                                              \
	}                                                                                          \
	ENTRY(ret, name, params)                                                                   \
	{                                                                                          \
		if (ASLEEP(name, interest))                                                        \
			return real.name args;                                                     \
		return awake_##name args;                                                          \
	}

#define GONE(ret, name, params, args, sys, interest, before)                                       \
	ENTRY(ret, name, params)                                                                   \
	{                                                                                          \
		if (__builtin_expect(awake & (interest), 0)) {                                     \
			call_passed(SYM_##name);                                                   \
			before;                                                                    \
		}                                                                                  \
		if (REAL(name))                                                                    \
			REAL(name) args;                                                           \
		(void)(sys);                                                                       \
		__builtin_unreachable();                                                           \
	}

/* ---- fopen(): an open that libc makes itself, and that engines are to know of ---- */

/* The flags of its open, where it is for reading and nothing more, else -1. */
static int flags_to_read(const char *mode)
{
	int flags = O_RDONLY;

	if (*mode++ != 'r')
		return -1;
	for (; *mode; mode++) {
		if (*mode == 'e')
			flags |= O_CLOEXEC;
		else if (*mode != 'b')
			return -1;
	}
	return flags;
}

static __attribute__((noinline)) FILE *awake_fopen(const char *path, const char *mode)
{
	struct call c;
	FILE *f;
	int flags;

	if (!call_begin(&c, SYM_fopen, ROUTE_OPEN) || awake & AWAKE_RING ||
	    (flags = flags_to_read(mode)) < 0 || FOREIGN(fopen) || !REAL(fdopen)) {
		call_passed(SYM_fopen);
		f = PLAINLY(FILE *, fopen, (path, mode), 0);
		if (awake & AWAKE_SCOUT_OPEN)
			scout_opened_name(path);
		return f;
	}
	xu_prep_openat(&c.sqe, AT_FDCWD, path, flags, 0);
	if (engines_call(&c)) {
		int fd = (int)call_answer(&c);

		f = fd < 0 ? NULL : real.fdopen(fd, mode);
		if (!f && fd >= 0)
			xu_sys(SYS_close, fd);
		return f;
	}
	call_plain(&c);
	f = PLAINLY(FILE *, fopen, (path, mode), 0);
	seen(&c, f ? 0 : -1);
	return f;
}

ENTRY(FILE *, fopen, (const char *path, const char *mode))
{
	if (ASLEEP(fopen, AWAKE_SCOUT_OPEN))
		return real.fopen(path, mode);
	return awake_fopen(path, mode);
}

/* ---- madvise(): one advice in many is a hint, and allocators give much of the others ---- */

static __attribute__((noinline)) int awake_madvise(void *addr, size_t n, int advice)
{
	struct call c;
	int result;

	if (!(awake & CONCERNS(AWAKE_AIO)))
		return PLAINLY(int, madvise, (addr, n, advice), xu_sys(SYS_madvise, addr, n, advice));
	c.fd = -1;
	if (!call_begin(&c, SYM_madvise, ROUTE_HINT) || awake & AWAKE_RING ||
	    advice != MADV_WILLNEED || !n || n > UINT32_MAX) {
		call_passed(SYM_madvise);
		return PLAINLY(int, madvise, (addr, n, advice), xu_sys(SYS_madvise, addr, n, advice));
	}
	xu_prep_madvise(&c.sqe, addr, (uint32_t)n, advice);
	if (engines_call(&c))
		return (int)call_answer(&c);
	call_plain(&c);
	result = PLAINLY(int, madvise, (addr, n, advice), xu_sys(SYS_madvise, addr, n, advice));
	seen(&c, result);
	return result;
}

/* Linux 6.13: as PROT_NONE. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

ENTRY(int, madvise, (void *addr, size_t n, int advice))
{
	if (advice == MADV_GUARD_INSTALL)
		reach_forget(addr, n);
	if (ASLEEP(madvise, AWAKE_AIO) ||
	    (advice != MADV_WILLNEED && !(awake & AWAKE_ALL) && real.madvise))
		return real.madvise(addr, n, advice);
	return awake_madvise(addr, n, advice);
}

/* Some parameters matter to the plain call alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "shim/symbols.def"

/* ---- syscall(): the number decides ---- */

/* The mask is another thing here than it is for libaio's function of this name. */
static bool try_io_pgetevents_masked(struct call *c, bool cancels, unsigned long ctx, long min,
				     long nr, struct io_event *events, void *timeout, void *masked)
{
	(void)cancels;
	call_served(c, SYM_io_pgetevents);
	return awake & AWAKE_AIO && aio_take_events(c, ctx, min, nr, events, timeout, masked);
}

static bool try_number(struct call *call, long nr, long a, long b, long c, long d, long e, long f)
{
	switch (nr) {
		/* clang-format off */
#define NUMBER(number, symbol, ...)                                                                \
	case number:                                                                               \
		return try_##symbol(call, false, __VA_ARGS__);
#include "shim/numbers.def"
	/* clang-format on */
	default: return false;
	}
}

/* The first numbers that the engine aio cares about; the others do no harm before these were called. */
static inline bool asks_for_aio(long nr)
{
	switch (nr) {
	case SYS_io_submit:
	case SYS_io_getevents:
	case SYS_io_pgetevents:
	case SYS_io_destroy: return awake & AWAKE_AIO;
	default: return false;
	}
}

static __attribute__((noinline)) long awake_syscall(long nr, long a, long b, long c, long d, long e,
						    long f)
{
	struct call call = {.saved_errno = errno};
	bool sandboxes;
	long res;

	if (!(awake & AWAKE_HOOKS) && !asks_for_aio(nr))
		return PLAINLY(long, syscall, (nr, a, b, c, d, e, f),
			       xu_syscall6(nr, a, b, c, d, e, f));
	call_passed(SYM_syscall);
	sandboxes = before_syscall(nr, a, b, c);
	call.fd = (int)a;
	if (try_number(&call, nr, a, b, c, d, e, f))
		return call_answer(&call);
	if (call.route) {
		before_plain(&call);
		call_plain(&call);
	} else {
		before_number(nr, a, b, c);
	}
	errno = call.saved_errno;
	res = xu_syscall6(nr, a, b, c, d, e, f);
	if (res == -EINVAL && (nr == SYS_unshare || nr == SYS_setns) && lifecycle_again())
		res = xu_syscall6(nr, a, b, c, d, e, f);
	if (call.route)
		seen(&call, errno_result(res));
	else if (awake & AWAKE_LOOP)
		loop_after_number(nr, b, res);
	if (!call.route && awake & AWAKE_SCOUT_NAME)
		scout_changed();
	if (awake & AWAKE_REACH)
		reach_after_number(nr);
	res = errno_result(res);
	after_sandbox(sandboxes, res);
	return res;
}

ENTRY(long, syscall, (long nr, long a, long b, long c, long d, long e, long f))
{
	if (ASLEEP(syscall, AWAKE_HOOKS) && !asks_for_aio(nr))
		return real.syscall(nr, a, b, c, d, e, f);
	return awake_syscall(nr, a, b, c, d, e, f);
}
