/* The connections of a server: their other ends are those of a child, which is told what to do by memory that they share. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/tools/waits/waits.h"

int epfd, near[NR];
uint32_t how;

void watch(int op, int ep, int i, uint32_t events)
{
	struct epoll_event ev = {.events = EPOLLIN | events, .data.u32 = (uint32_t)i};

	if (ep >= 0)
		epoll_ctl(ep, op, near[i], &ev);
}

/* What the child is to do. */
static struct {
	unsigned asked, done;
	int who; /* of the connections; NR: count what all of them got */
	char text[16];
	ssize_t got[NR];
} * order;

static void pause_a_little(void)
{
	struct timespec ts = {.tv_nsec = 20000};

	nanosleep(&ts, NULL);
}

static void client(const struct sockaddr_in *at)
{
	char buf[4096];
	int far[NR], one = 1;

	for (int i = 0; i < NR; i++) {
		far[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(far[i], (const struct sockaddr *)at, sizeof(*at)))
			perror("connect");
		setsockopt(far[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	for (unsigned n = 1;; n++) {
		while (__atomic_load_n(&order->asked, __ATOMIC_ACQUIRE) != n)
			pause_a_little();
		if (order->who < NR)
			send(far[order->who], order->text, strlen(order->text), 0);
		for (int i = 0; i < NR && order->who == NR; i++)
			order->got[i] = recv(far[i], buf, sizeof(buf), MSG_DONTWAIT);
		__atomic_store_n(&order->done, n, __ATOMIC_RELEASE);
	}
}

static void ask(void)
{
	unsigned n = order->asked + 1;

	__atomic_store_n(&order->asked, n, __ATOMIC_RELEASE);
	while (__atomic_load_n(&order->done, __ATOMIC_ACQUIRE) != n)
		pause_a_little();
}

void say(int i, const char *text)
{
	order->who = i;
	strcpy(order->text, text);
	ask();
}

void meet(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (bind(door, (struct sockaddr *)&at, len) || listen(door, NR) ||
	    getsockname(door, (struct sockaddr *)&at, &len))
		perror("listen");
	order = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(20);
		client(&at);
	}
	if (ways[way].lists) {
		struct pollfd p = {.fd = door, .events = POLLIN};

		/* A server's first call. */
		epfd = -1;
		poll(&p, 1, 1000);
	} else {
		epfd = epoll_create1(0);
	}
	for (int i = 0; i < NR; i++) {
		near[i] = accept4(door, NULL, NULL, SOCK_NONBLOCK);
		setsockopt(near[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(EPOLL_CTL_ADD, epfd, i, how);
	}
	close(door);
}

void turn(void)
{
	struct epoll_event ev[NR];
	char buf[256];
	ssize_t n;

	for (int i = 0; i < NR; i++)
		say(i, "hello");
	for (int i = 0; i < NR && how & EPOLLONESHOT; i++)
		watch(EPOLL_CTL_MOD, epfd, i, how);
	if (ways[way].lists)
		wait_on(epfd, ev, NR, 1000);
	else
		epoll_wait(epfd, ev, NR, 1000);
	for (int i = 0; i < NR; i++) {
		while ((n = read(near[i], buf, sizeof(buf))) > 0)
			if (write(near[i], buf, (size_t)n) != n)
				perror("write");
		if (how & EPOLLONESHOT)
			watch(EPOLL_CTL_MOD, epfd, i, how);
	}
}

void look(const char *what, int ep, int max, int ms)
{
	struct epoll_event ev[NR];
	int n = wait_on(ep, ev, max, ms);

	printf("  %s: %s", what, n < 0 ? strerror(errno) : "");
	for (int i = 0; i < n; i++)
		printf(" %u:%x", ev[i].data.u32, ev[i].events);
	printf("\n");
}

void count(void)
{
	order->who = NR;
	ask();
	for (int i = 0; i < NR; i++)
		printf("  %d got %zd\n", i, order->got[i]);
}
