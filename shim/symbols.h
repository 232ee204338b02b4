/* What symbols.def becomes: a number for each symbol that is counted, and libc's own functions. */
#ifndef SHIM_SYMBOLS_H
#define SHIM_SYMBOLS_H

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/* musl's headers lack these. */
#ifndef STATX_BASIC_STATS
#include <linux/stat.h>
#endif
#ifndef RWF_NOWAIT
#include <linux/fs.h>
#endif

#include <setjmp.h>

struct sigaction;
struct epoll_event;
struct pollfd;
struct mmsghdr;
struct aiocb;
struct iocb;
struct io_event;
typedef void (*signal_handler)(int);

/* The struct version that __xstat and kin are called with on this architecture, where they ever existed. */
#if defined(__x86_64__)
#define XU_OLD_STAT 1
#elif defined(__aarch64__)
#define XU_OLD_STAT 0
#endif

enum symbol {
#define CALL(ret, name, params, args, sys, route, prepare, then) SYM_##name,
#define PASS(ret, name, params, args, sys) SYM_##name,
#define HOOK(ret, name, params, args, sys, before, after) SYM_##name,
#define GONE(ret, name, params, args, sys, interest, before) SYM_##name,
#define HAND(ret, name, params) SYM_##name,
#include "shim/symbols.def"
	NR_SYMBOLS
};

/* libc's functions: NULL until first needed. */
struct real {
#define CALL(ret, name, params, args, sys, route, prepare, then) ret(*name) params;
#define VARIANT(ret, name, of, params, args, sys, route, prepare, then) ret(*name) params;
#define PASS(ret, name, params, args, sys) ret(*name) params;
#define HOOK(ret, name, params, args, sys, before, after) ret(*name) params;
#define GONE(ret, name, params, args, sys, interest, before) ret(*name) params;
#define HAND(ret, name, params) ret(*name) params;
#define NEED(ret, name, params) ret(*name) params;
#include "shim/symbols.def"
};

extern struct real real;

/* Find libc's function and keep it in *slot. NULL where there is none: then the raw system call has to do. */
void *real_find(const char *name, void *slot);

/* libc's function `name`, or NULL. */
#define REAL(name)                                                                                 \
	(__builtin_expect(!!real.name, 1) ? real.name                                              \
					  : (__typeof__(real.name))real_find(#name, &real.name))

/*
 * Is that function not libc's, but another preloaded library's (fakeroot, libfaketime, eatmydata) or a sanitizer's, that
 * wants to be called? Known once the function is.
 */
extern bool foreign[];
#define FOREIGN(name) (REAL(name) && foreign[offsetof(struct real, name) / sizeof(void *)])

/* "read", for reports. */
const char *symbol_name(enum symbol symbol);

#endif
