/* A connection to oneself that its loop knows, and what is done with it in every case. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
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

/* One look at the loop. */
int look(int ep)
{
	struct epoll_event ev[8];
	int nr = epoll_wait(ep, ev, 8, 0);

	printf("  wait: %d", nr);
	for (int i = 0; i < nr; i++)
		printf(" %x%s", ev[i].events, ev[i].data.u64 == 0x123456789abcdefu ? "" : " other");
	printf("\n");
	return nr;
}

void watch(int op, int ep, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = 0x123456789abcdefu};

	if (epoll_ctl(ep, op, fd, &ev))
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
	char buf[8192];

	how = mode;
	epfd = epoll_create1(0);
	far = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(door, (struct sockaddr *)&at, len) || listen(door, 1) ||
	    getsockname(door, (struct sockaddr *)&at, &len) ||
	    connect(far, (struct sockaddr *)&at, len))
		perror("connect");
	near = accept4(door, NULL, NULL, flags);
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(door);
	watch(EPOLL_CTL_ADD, epfd, near, EPOLLIN | how);
	for (int i = 0; i < 3; i++) {
		struct epoll_event ev;

		say("hello");
		if (epoll_wait(epfd, &ev, 1, 1000) != 1 || read(near, buf, sizeof(buf)) != 5)
			printf("  no greeting\n");
		rearm();
	}
}

void ten(void)
{
	say("0123456789");
	look(epfd);
}
