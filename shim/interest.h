/*
 * Which calls engines want to see: by the route of a call, what has to be awake (process.h) for it not to pass at once, and
 * the shortest ways of those that an engine has an answer for. All of it is decided inline, at the head of an entry point.
 */
#ifndef SHIM_INTEREST_H
#define SHIM_INTEREST_H

#include "shim/call.h"
#include "shim/engine/fds.h"
#include "shim/engine/stream.h"
#include "shim/process.h"

/* The interests of engines in the calls of a route. A constant, where the route is one. */
static inline unsigned engines_in(enum route route)
{
	switch (route) {
	case ROUTE_READ: return AWAKE_LOOP | AWAKE_SCOUT_READ | AWAKE_STREAM;
	case ROUTE_RECV:
	case ROUTE_ACCEPT:
	case ROUTE_SPLICE:
	case ROUTE_WAIT: return AWAKE_LOOP | AWAKE_STREAM;
	case ROUTE_POLL: return AWAKE_LOOP | AWAKE_LOOP_POLL | AWAKE_STREAM;
	case ROUTE_AT: return AWAKE_LOOP | AWAKE_LOOP_ORDER | AWAKE_SCOUT_READ | AWAKE_STREAM;
	case ROUTE_WRITE:
	case ROUTE_SEND:
	case ROUTE_CONNECT:
	case ROUTE_SOCKET: return AWAKE_LOOP | AWAKE_LOOP_ORDER | AWAKE_STREAM;
	case ROUTE_FD: return AWAKE_LOOP | AWAKE_LOOP_ORDER | AWAKE_SCOUT_NAME | AWAKE_STREAM;
	case ROUTE_OPEN: return AWAKE_LOOP_ORDER | AWAKE_SCOUT_OPEN | AWAKE_STREAM;
	case ROUTE_NAME: return AWAKE_LOOP_ORDER | AWAKE_SCOUT_NAME;
	case ROUTE_CLOSE:
		return AWAKE_LOOP | AWAKE_LOOP_ORDER | AWAKE_SCOUT_READ | AWAKE_SCOUT_LENT |
		       AWAKE_STREAM | AWAKE_HINT;
	case ROUTE_HINT:
	case ROUTE_HINT_CANCEL: return AWAKE_AIO | AWAKE_STREAM;
	case ROUTE_BIND: return AWAKE_LOOP_ORDER;
	case ROUTE_FD_CANCEL: return AWAKE_SYNC | AWAKE_LOOP_ORDER | AWAKE_STREAM;
	default: return 0;
	}
}

/* When writes are put off, every call matters. */
static inline unsigned interest_of(enum route route)
{
	return AWAKE_PUT | engines_in(route);
}

/* Is all that is awake the loop engine, and the call on an fd that it does not know? The way of most calls in a server. */
static inline bool passes(enum symbol symbol, enum route route, int fd)
{
	const unsigned loop = AWAKE_LOOP_BIRTH | AWAKE_LOOP_POLL | AWAKE_LOOP | AWAKE_LOOP_ORDER;

	switch (route) {
	case ROUTE_READ:
	case ROUTE_RECV:
	case ROUTE_CLOSE:
	case ROUTE_WRITE:
	case ROUTE_AT:
	case ROUTE_SEND:
		return !(awake & (AWAKE_ALL | (interest_of(route) & ~loop))) &&
		       symbol != SYM_sendmsg &&
		       fds_passes(fd, route != ROUTE_READ && route != ROUTE_RECV);
	default: return false;
	}
}

/* The shortest way of a call, where an engine has one: its result, or -1. The second and the third are its arguments. */
static inline long quick(enum symbol symbol, int fd, long b, long c, long size)
{
	if ((symbol != SYM_read && symbol != SYM_write) || awake & AWAKE_ALL ||
	    !(awake & AWAKE_STREAM) || (unsigned long)c > (unsigned long)size)
		return -1;
	return symbol == SYM_read ? stream_quick_read(fd, (void *)b, (size_t)c)
				  : stream_quick_write(fd, (void *)b, (size_t)c);
}

#endif
