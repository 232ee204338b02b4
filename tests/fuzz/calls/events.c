// SPDX-License-Identifier: MIT
/* Waiting for events, and the fds that are made of events. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "fuzz.h"

#ifdef __GLIBC__
extern int __poll_chk(struct pollfd *, nfds_t, int, size_t);
extern int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
#endif

/* ---- epoll ---- */

static void do_epoll_create(void)
{
	make_room(1);
	if (chance(30))
		keep_fd(RUN(epoll_create(ONE_OF(1, 100, 0, -1)), "epoll_create"));
	else
		keep_fd(RUN(epoll_create1(ONE_OF(0, EPOLL_CLOEXEC, 99)), "epoll_create1"));
}

static void do_epoll_ctl(void)
{
	int ep = pick_fd(W_EPOLL), fd = pick_fd(W_ALL & ~W_FILE);
	int op = ONE_OF(EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL,
			99, 0);
	uint32_t events = ONE_OF(EPOLLIN, EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT,
				 EPOLLIN | EPOLLRDHUP, EPOLLPRI, 0);
	struct epoll_event ev = {.data.u64 = 1000 + rnd(1000)},
			   *to = !is.gentle && chance(3) ? NULL : &ev;

	events |= ONE_OF(0u, 0u, 0u, (unsigned)EPOLLET, (unsigned)EPOLLONESHOT,
			 (unsigned)EPOLLEXCLUSIVE, (unsigned)EPOLLWAKEUP);
	ev.events = events;
	if (chance(20))
		RUN(syscall(SYS_epoll_ctl, ep, op, fd, to), "syscall epoll_ctl(%d, %d, %d, %#x)%s",
		    ep, op, fd, events, to ? "" : " nothing");
	else
		RUN(epoll_ctl(ep, op, fd, to), "epoll_ctl(%d, %d, %d, %#x)%s", ep, op, fd, events,
		    to ? "" : " nothing");
}

static void note_events(const struct epoll_event *ev, long n)
{
	for (long i = 0; i < n; i++)
		note(" %llu:%#x", (unsigned long long)ev[i].data.u64, ev[i].events);
}

static void do_epoll_wait(void)
{
	int ep = pick_fd(W_EPOLL), nr = ONE_OF(8, 8, 8, 1, 2, 0, -1, INT_MAX),
	    timeout = ONE_OF(0, 0, 0, 0, 1, -1);
	struct epoll_event ev[8], *to = ev;
	struct timespec ts = {0, timeout < 0 ? 0 : timeout * 1000000};
	sigset_t mask;
	long r;

	if (!is.gentle && chance(3))
		to = ONE_OF(NULL, (struct epoll_event *)8);
	if (nr == INT_MAX && to == ev)
		nr = 3;
	sigemptyset(&mask);
	log_head("epoll_wait(%d, %d, %d)%s", ep, nr, timeout, to == ev ? "" : " to nowhere");
	if (timeout < 0)
		tick_always();
	errno = UNTOUCHED;
	switch (rnd(5)) {
	case 0: r = epoll_pwait(ep, to, nr, timeout, &mask); break;
#ifdef __GLIBC__
	case 1: r = epoll_pwait2(ep, to, nr, timeout < 0 ? NULL : &ts, NULL); break;
#endif
#ifdef SYS_epoll_wait
	case 2: r = syscall(SYS_epoll_wait, ep, to, nr, timeout); break;
#endif
	default: r = epoll_wait(ep, to, nr, timeout);
	}
	int error = errno;
	tick_stop();
	log_tail(r, error);
	note_events(ev, to == ev ? r : 0);
	(void)ts;
}

/* ---- poll and select ---- */

static void do_poll(void)
{
	struct pollfd p[10], *to = p;
	unsigned n = ONE_OF(0u, 1u, 2u, 3u, 10u), how = rnd(5);
	int timeout = ONE_OF(0, 0, 0, 1, -1);
	struct timespec ts = {0, timeout * 1000000l};
	long r;

	for (unsigned i = 0; i < n; i++)
		p[i] = (struct pollfd){pick_fd(W_ALL),
				       (short)ONE_OF(POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, 0,
						     POLLRDHUP),
				       0x5a};
	if (!is.gentle && chance(3))
		to = (struct pollfd *)8;
	log_head("poll(%u, %d)%s", n, timeout, to == p ? "" : " nowhere");
	if (timeout < 0)
		tick_always();
	errno = UNTOUCHED;
	switch (how) {
	case 0: r = ppoll(to, n, timeout < 0 ? NULL : &ts, NULL); break;
#ifdef __GLIBC__
	case 1: r = __poll_chk(to, n, timeout, sizeof(p)); break;
	case 2: r = __ppoll_chk(to, n, timeout < 0 ? NULL : &ts, NULL, sizeof(p)); break;
#endif
	default: r = poll(to, n, timeout);
	}
	int error = errno;
	tick_stop();
	log_tail(r, error);
	for (unsigned i = 0; i < n && r >= 0; i++)
		note(" %d:%#x", p[i].fd, p[i].revents);
}

static void do_select(void)
{
	fd_set r, w;
	struct timeval tv = {0, ONE_OF(0, 0, 1000)};
	struct timespec ts = {0, 0};
	bool p = chance(40);

	FD_ZERO(&r);
	FD_ZERO(&w);
	for (int i = 0; i < 4; i++) {
		int fd = open_fd(W_ALL);

		if (fd >= 0 && fd < 200)
			FD_SET(fd, i % 2 ? &r : &w);
	}
	if (p)
		RUN(pselect(200, &r, &w, NULL, &ts, NULL), "pselect");
	else
		RUN(select(200, &r, &w, NULL, &tv), "select");
	for (int fd = 0; fd < 200; fd++)
		if (FD_ISSET(fd, &r) || FD_ISSET(fd, &w))
			note(" %d%s%s", fd, FD_ISSET(fd, &r) ? "r" : "", FD_ISSET(fd, &w) ? "w" : "");
}

/* ---- fds made of events ---- */

static void do_eventfd(void)
{
	unsigned n = ONE_OF(0u, 1u, 5u, 0xffffffffu);
	int flags = ONE_OF(0, EFD_NONBLOCK, EFD_SEMAPHORE, EFD_CLOEXEC,
			   EFD_NONBLOCK | EFD_SEMAPHORE, 99);

	make_room(1);
	keep_fd(RUN(eventfd(n, flags), "eventfd(%u, %#x)", n, flags));
}

static void do_eventfd_use(void)
{
	int fd = pick_fd(W_EVENT);
	eventfd_t n = ONE_OF(0ull, 1ull, 7ull, 0xfffffffffffffffeull, 0xffffffffffffffffull);

	switch (rnd(4)) {
	case 0:
		RUN_ON(fd, eventfd_write(fd, n), "eventfd_write(%d, %llu)", fd, (unsigned long long)n);
		break;
	case 1:
		if (!(what_is(fd) & W_EVENT))
			return;
		n = 0;
		RUN_ON(fd, eventfd_read(fd, &n), "eventfd_read(%d)", fd);
		note(" %llu", (unsigned long long)n);
		break;
	case 2:
		RUN_ON(fd, write(fd, &n, 8), "write eventfd(%d, %llu)", fd, (unsigned long long)n);
		break;
	default:
		if (what_is(fd) & W_PRIVATE)
			return;
		n = 0;
		RUN_ON(fd, read(fd, &n, 8), "read eventfd(%d)", fd);
		note(" %llu", (unsigned long long)n);
	}
}

/* One that has expired, one that never will, one that is off. */
static void do_timerfd(void)
{
	int flags = ONE_OF(0, TFD_NONBLOCK, TFD_CLOEXEC, 99), how = (int)rnd(3), fd;
	struct itimerspec it = {{0, 0}, {how == 0 ? 0 : how == 1 ? 1000000000 : 0, how == 0}}, was;
	struct pollfd p;

	if (chance(50)) {
		make_room(1);
		keep_fd(RUN(timerfd_create(ONE_OF(CLOCK_MONOTONIC, CLOCK_REALTIME, 99), flags),
			    "timerfd_create(%#x)", flags));
		return;
	}
	fd = pick_fd(W_TIMER);
	memset(&was, 0, sizeof(was));
	if (chance(30)) {
		RUN(timerfd_gettime(fd, &was), "timerfd_gettime(%d)", fd);
	} else {
		RUN(timerfd_settime(fd, how == 0 ? TFD_TIMER_ABSTIME : 0, &it, &was),
		    "timerfd_settime(%d, %d)", fd, how);
		/* Even what is in the past takes a moment to expire. */
		p = (struct pollfd){fd, POLLIN, 0};
		if (how == 0 && what_is(fd) & W_TIMER) {
			struct timespec ts = {0, 200000000};

			raw(SYS_ppoll, &p, 1, &ts, NULL, 0);
		}
	}
	note(" was %s", was.it_value.tv_sec || was.it_value.tv_nsec ? "on" : "off");
}

static void do_signalfd(void)
{
	int fd = chance(70) ? -1 : pick_fd(W_SIGNAL),
	    flags = ONE_OF(0, SFD_NONBLOCK, SFD_NONBLOCK, SFD_CLOEXEC, 99);
	sigset_t mask;

	make_room(1);
	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN + 1);
	sigaddset(&mask, SIGRTMIN + 2);
	keep_fd(RUN(signalfd(fd, &mask, flags), "signalfd(%d, %#x)", fd, flags));
}

/* Signals wait in the queue while they are blocked, and are taken from it as records. */
static void do_signalfd_use(void)
{
	struct signalfd_siginfo info[3];
	int fd = open_fd(W_SIGNAL);
	unsigned n = rnd(3);
	sigset_t mask, before;
	long r;

	if (fd < 0)
		return;
	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN + 1);
	sigaddset(&mask, SIGRTMIN + 2);
	pthread_sigmask(SIG_BLOCK, &mask, &before);
	for (unsigned i = 0; i < n; i++)
		sigqueue(getpid(), SIGRTMIN + 1 + (int)(i % 2),
			 (union sigval){.sival_int = (int)i + 40});
	r = RUN_ON(fd, read(fd, info, ONE_OF(sizeof(info), sizeof(info[0]), 3ul)),
		   "read signalfd(%d) %u sent", fd, n);
	for (long i = 0; i < r / (long)sizeof(info[0]); i++)
		note(" %u:%d", info[i].ssi_signo, info[i].ssi_int);
	/* What was not read is dropped, by a moment of being ignored. */
	signal(SIGRTMIN + 1, SIG_IGN);
	signal(SIGRTMIN + 2, SIG_IGN);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Names of temporary files are made by chance. */
static const char *shown_event(const char *name)
{
	return *name == 't' || *name == '#' ? "temporary" : strlen(name) > 30 ? "long" : name;
}

/* What happens in the directory is told to those who watch it. */
static void do_inotify(void)
{
	char buf[4096] __attribute__((aligned(8)));
	int fd = open_fd(W_INOTIFY);
	uint32_t mask = ONE_OF((unsigned)IN_ALL_EVENTS, (unsigned)(IN_MODIFY | IN_CREATE),
			       (unsigned)(IN_CLOSE | IN_OPEN), (unsigned)IN_ACCESS);
	const char *name;
	long r;

	if (fd < 0) {
		make_room(1);
		keep_fd(RUN(inotify_init1(IN_NONBLOCK | ONE_OF(0, IN_CLOEXEC)), "inotify_init1"));
		return;
	}
	if (chance(40)) {
		name = ONE_OF(".", "d0", "a", "b");
		RUN(inotify_add_watch(fd, name, mask), "inotify_add_watch(%d, %s, %#x)", fd, name,
		    mask);
		return;
	}
	if (!(raw(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK))
		return;
	r = RUN(read(fd, buf, sizeof(buf)), "read inotify(%d)", fd);
	/* The cookie that joins the two halves of a rename is a number of the whole system. */
	for (long i = 0; i < r;) {
		const struct inotify_event *e = (void *)(buf + i);

		note(" %d:%#x:%s", e->wd, e->mask, e->len ? shown_event(e->name) : "");
		i += (long)(sizeof(*e) + e->len);
		if (i > 800)
			break;
	}
}

const struct kind event_kinds[] = {
	{"epoll_create", do_epoll_create, 12, ANYWHERE},
	{"epoll_ctl", do_epoll_ctl, 30, ANYWHERE},
	{"epoll_wait", do_epoll_wait, 30, ANYWHERE},
	{"poll", do_poll, 20, ANYWHERE},
	{"select", do_select, 12, ANYWHERE},
	{"eventfd", do_eventfd, 12, ANYWHERE},
	{"eventfd use", do_eventfd_use, 20, ANYWHERE},
	{"timerfd", do_timerfd, 12, ANYWHERE},
	{"signalfd", do_signalfd, 6, ANYWHERE},
	{"signalfd use", do_signalfd_use, 6, NOT_IN_HANDLER},
	{"inotify", do_inotify, 16, WATCHES},
	{NULL, NULL, 0, ANYWHERE},
};
