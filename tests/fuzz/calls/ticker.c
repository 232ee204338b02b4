// SPDX-License-Identifier: MIT
/*
 * A timer that ends what would block for ever. It fires again and again, each time a little later (a handler that takes
 * longer than the timer would go on for ever), so that one firing is sure to meet the blocked call, whenever that begins: the call ends with EINTR, or with what it has done so far, and that is determined since
 * nobody else is there to wake it. Handlers are installed without SA_RESTART, but for those that make the blocked call
 * succeed.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fuzz.h"

#define TICK_US 250

volatile int signals_seen[65];

static volatile int wrong;
static volatile bool calls_in_handler;
static void (*volatile then)(void);

/* Calls that handlers make: none may fail but for want of fds, and none may show. */
static void some_calls(void)
{
	char buf[16];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	memset(buf, 'x', sizeof(buf));
	if (fd >= 0) {
		if (read(fd, buf, sizeof(buf)) != sizeof(buf) || memchr(buf, 'x', sizeof(buf)))
			wrong++;
		if (close(fd))
			wrong++;
	} else if (errno != EMFILE && errno != EPERM && errno != EACCES && errno != ENOENT) {
		wrong++;
	}
}

static volatile long tick_us; /* 0: off */

static void tick(long us)
{
	struct itimerval it = {{0, 0}, {us / 1000000, us % 1000000}};

	tick_us = us;
	setitimer(ITIMER_REAL, &it, NULL);
}

static void on_signal(int sig)
{
	int before = errno;
	void (*fn)(void) = then;

	signals_seen[sig]++;
	if (sig == SIGALRM && fn) {
		then = NULL;
		fn();
	} else if (sig == SIGALRM && calls_in_handler) {
		some_calls();
	}
	if (sig == SIGALRM && tick_us)
		tick(tick_us + tick_us / 2);
	errno = before;
}

static void handle(int sig, int flags)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = flags};

	sigaction(sig, &act, NULL);
}

void ticker_start(void)
{
	handle(SIGALRM, 0);
	handle(SIGUSR1, 0);
	handle(SIGUSR2, SA_RESTART);
	handle(SIGPIPE, 0);
	handle(SIGXFSZ, 0);
}

/* A socket that has a timeout of its own ends by that; the tick comes only if it does not. */
static bool has_timeout(int fd)
{
	struct timeval tv[2] = {{0, 0}, {0, 0}};
	socklen_t len = sizeof(tv[0]);

	raw(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv[0], &len);
	len = sizeof(tv[1]);
	raw(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv[1], &len);
	return tv[0].tv_sec || tv[0].tv_usec || tv[1].tv_sec || tv[1].tv_usec;
}

void tick_for(int fd)
{
	struct stat st;

	/* What waits for the disk or the processor alone is not to be interrupted: that would not be determined. */
	if (raw(SYS_fstat, fd, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
	    S_ISCHR(st.st_mode))
		return;
	if (S_ISSOCK(st.st_mode) && has_timeout(fd)) {
		tick(500000);
		return;
	}
	tick_always();
}

void tick_always(void)
{
	calls_in_handler = !is.depth && chance(10);
	tick(TICK_US);
}

void tick_stop(void)
{
	static const struct itimerval none;

	tick_us = 0;
	setitimer(ITIMER_REAL, &none, NULL);
	then = NULL;
}

/* With SA_RESTART from here to the next tick_stop's end: the call goes on after `fn` has run. */
void tick_then(void (*fn)(void))
{
	then = fn;
}

int ticker_wrong(void)
{
	return wrong;
}
