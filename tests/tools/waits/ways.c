/* The ways to wait for events: on an epoll instance, or on a list of the connections themselves. */
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/tools/waits/waits.h"

static int by_wait(int ep, struct epoll_event *ev, int nr, int ms)
{
	return epoll_wait(ep, ev, nr, ms);
}

static int by_pwait(int ep, struct epoll_event *ev, int nr, int ms)
{
	return epoll_pwait(ep, ev, nr, ms, NULL);
}

static int by_masked(int ep, struct epoll_event *ev, int nr, int ms)
{
	sigset_t none;

	sigemptyset(&none);
	return epoll_pwait(ep, ev, nr, ms, &none);
}

/* Not by libc's function, which not all of them have. */
static int by_pwait2(int ep, struct epoll_event *ev, int nr, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	return (int)syscall(SYS_epoll_pwait2, ep, ev, nr, ms < 0 ? NULL : &ts, NULL, 8);
}

static int by_number(int ep, struct epoll_event *ev, int nr, int ms)
{
	return (int)syscall(SYS_epoll_pwait, ep, ev, nr, ms, NULL, 8);
}

/* Lists of the connections themselves; what of them is ready, as an epoll instance would say it. */
static int told(const struct pollfd *p, int res, struct epoll_event *ev, int nr)
{
	int n = 0;

	for (int i = 0; i < NR && n < nr && res > 0; i++)
		if (p[i].revents)
			ev[n++] = (struct epoll_event){.events = (uint32_t)p[i].revents,
						       .data.u32 = (uint32_t)i};
	return res > 0 ? n : res;
}

void fill(struct pollfd *p)
{
	for (int i = 0; i < NR; i++)
		p[i] = (struct pollfd){.fd = near[i], .events = POLLIN};
}

static int by_poll(int ep, struct epoll_event *ev, int nr, int ms)
{
	struct pollfd p[NR];

	(void)ep;
	fill(p);
	return told(p, poll(p, NR, ms), ev, nr);
}

static int by_ppoll(int ep, struct epoll_event *ev, int nr, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	struct pollfd p[NR];
	sigset_t none;

	(void)ep;
	fill(p);
	sigemptyset(&none);
	return told(p, ppoll(p, NR, ms < 0 ? NULL : &ts, &none), ev, nr);
}

static int by_poll_number(int ep, struct epoll_event *ev, int nr, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	struct pollfd p[NR];

	(void)ep;
	fill(p);
	return told(p, (int)syscall(SYS_ppoll, p, NR, ms < 0 ? NULL : &ts, NULL, 8), ev, nr);
}

static int by_select(int ep, struct epoll_event *ev, int nr, int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	struct pollfd p[NR];
	fd_set in;
	int res;

	(void)ep;
	FD_ZERO(&in);
	for (int i = 0; i < NR; i++)
		FD_SET(near[i], &in);
	res = select(near[NR - 1] + 1, &in, NULL, NULL, ms < 0 ? NULL : &tv);
	for (int i = 0; i < NR; i++)
		p[i].revents = FD_ISSET(near[i], &in) ? POLLIN : 0;
	return told(p, res, ev, nr);
}

static int by_pselect(int ep, struct epoll_event *ev, int nr, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	struct pollfd p[NR];
	fd_set in, except;
	int res;

	(void)ep;
	FD_ZERO(&in);
	FD_ZERO(&except);
	for (int i = 0; i < NR; i++) {
		FD_SET(near[i], &in);
		FD_SET(near[i], &except);
	}
	res = pselect(near[NR - 1] + 1, &in, NULL, &except, ms < 0 ? NULL : &ts, NULL);
	for (int i = 0; i < NR; i++)
		p[i].revents = FD_ISSET(near[i], &in) ? POLLIN : 0;
	return told(p, res, ev, nr);
}

const struct way ways[] = {
	{"epoll_wait", by_wait, false},
	{"epoll_pwait", by_pwait, false},
	{"epoll_pwait, masked", by_masked, false},
	{"epoll_pwait2", by_pwait2, false},
	{"by number", by_number, false},
	{"poll", by_poll, true},
	{"ppoll", by_ppoll, true},
	{"poll by number", by_poll_number, true},
	{"select", by_select, true},
	{"pselect", by_pselect, true},
};

const size_t ways_nr = sizeof(ways) / sizeof(ways[0]);
size_t way;

int wait_on(int ep, struct epoll_event *ev, int nr, int ms)
{
	return ways[way].wait(ep, ev, nr, ms);
}
