/* A connection to oneself that its loop knows, and what is done with it in every case. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "corners.h"

int epfd, far, near;
uint32_t how;

void settle_down(void)
{
	struct timespec ts = {.tv_nsec = 3000000};

	/* Not usleep: no library call that might be more than this. */
	nanosleep(&ts, NULL);
}

const char *word(int error)
{
	switch (error) {
	case EAGAIN: return "EAGAIN";
	case ECONNRESET: return "ECONNRESET";
	case EPIPE: return "EPIPE";
	case ENOTCONN: return "ENOTCONN";
	case EBADF: return "EBADF";
	case EINVAL: return "EINVAL";
	default: return strerror(error);
	}
}

/* Print a result, and what came. */
void show(const char *what, ssize_t n, const char *buf)
{
	if (n < 0)
		printf("  %s: %s\n", what, word(errno));
	else if (buf && n <= 64)
		printf("  %s: %zd \"%.*s\"\n", what, n, (int)n, buf);
	else
		printf("  %s: %zd\n", what, n);
}

void say(const char *text)
{
	if (send(far, text, strlen(text), 0) < 0)
		perror("send");
	settle_down();
}

void get(int fd, size_t n)
{
	static char buf[1 << 16];

	show("read", read(fd, buf, n), buf);
}

/* ---- The ways to wait ---- */

enum way by;

/* Of loops without an epoll instance: what the connection is watched for. */
static uint32_t wanted;

static int poll_one(struct epoll_event *ev, int ms)
{
	struct pollfd p = {.fd = near, .events = (short)wanted};
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	int nr = by == BY_POLL ? poll(&p, 1, ms) : ppoll(&p, 1, &ts, NULL);

	ev->events = (uint32_t)p.revents;
	return nr;
}

static int select_one(struct epoll_event *ev, int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	struct timespec ts = {tv.tv_sec, tv.tv_usec * 1000L};
	fd_set in, out, except;
	int nr;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	if (wanted & EPOLLIN)
		FD_SET(near, &in);
	if (wanted & EPOLLOUT)
		FD_SET(near, &out);
	FD_SET(near, &except);
	/* It counts what an fd is ready for, too. */
	nr = by == BY_SELECT ? select(near + 1, &in, &out, &except, &tv)
			     : pselect(near + 1, &in, &out, &except, &ts, NULL);
	ev->events = (FD_ISSET(near, &in) ? EPOLLIN : 0) | (FD_ISSET(near, &out) ? EPOLLOUT : 0) |
		     (FD_ISSET(near, &except) ? EPOLLPRI : 0);
	return nr > 1 ? 1 : nr;
}

int wait_on(int ep, struct epoll_event *ev, int nr, int ms)
{
	if (by == BY_EPOLL || ep != epfd)
		return epoll_wait(ep, ev, nr, ms);
	ev->data.u64 = 0x123456789abcdefu;
	return by == BY_POLL || by == BY_PPOLL ? poll_one(ev, ms) : select_one(ev, ms);
}

/* One look at the loop. */
int look(int ep)
{
	struct epoll_event ev[8];
	int nr = wait_on(ep, ev, 8, 0);

	printf("  wait: %d", nr);
	for (int i = 0; i < nr; i++)
		printf(" %x%s", ev[i].events, ev[i].data.u64 == 0x123456789abcdefu ? "" : " other");
	printf("\n");
	return nr;
}

void watch(int op, int ep, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = 0x123456789abcdefu};

	if (by != BY_EPOLL && ep == epfd)
		wanted = events;
	else if (epoll_ctl(ep, op, fd, &ev))
		perror("epoll_ctl");
}

void rearm(void)
{
	if (how & EPOLLONESHOT)
		watch(EPOLL_CTL_MOD, epfd, near, EPOLLIN | how);
}

/* A connection that is known. */
void meet(uint32_t mode, int flags)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct epoll_event ev;
	char buf[8192];

	how = mode;
	epfd = by == BY_EPOLL ? epoll_create1(0) : -1;
	far = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(door, (struct sockaddr *)&at, len) || listen(door, 1) ||
	    getsockname(door, (struct sockaddr *)&at, &len) ||
	    connect(far, (struct sockaddr *)&at, len))
		perror("connect");
	/* Where there is no epoll instance, this is how it is known for an event loop. */
	near = door;
	wanted = EPOLLIN;
	if (by != BY_EPOLL && wait_on(epfd, &ev, 1, 1000) != 1)
		printf("  nobody at the door\n");
	near = accept4(door, NULL, NULL, flags);
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(door);
	watch(EPOLL_CTL_ADD, epfd, near, EPOLLIN | how);
	for (int i = 0; i < 3; i++) {
		say("hello");
		if (wait_on(epfd, &ev, 1, 1000) != 1 || read(near, buf, sizeof(buf)) != 5)
			printf("  no greeting\n");
		rearm();
	}
}

void ten(void)
{
	say("0123456789");
	look(epfd);
}
