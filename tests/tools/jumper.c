/*
 * A server whose timer's handler jumps out of whatever call it comes into (siglongjmp), thousands of times in a second.
 * What a call was doing then is done or not done, and nothing in between: no byte is lost, none comes twice.
 *
 *     jumper SECONDS        prints what was wrong, or "whole"
 *
 * Received is a stream that counts; a buffer shows how far a call came that was jumped out of. Sent are numbered records.
 * Whether one was sent, in a call that was jumped out of, can not be known, so it is sent again: the other side may see
 * a record twice, but never one that is not the last one again or the next one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CROWD = 16, PIECE = 64, UNTOUCHED = 255, PERIOD = 251, TIMER_US = 150 };

static sigjmp_buf back;
static volatile sig_atomic_t in_call;

static void jump(int sig)
{
	if (in_call) {
		in_call = 0;
		siglongjmp(back, sig);
	}
}

static void need(int ok, const char *what)
{
	if (!ok) {
		printf("%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

/* ---- The clients: one process, that sends as much as it gets ---- */

struct client {
	unsigned long sent; /* bytes of the stream that counts */
	unsigned last;	    /* record */
	unsigned char part[4];
	unsigned have; /* bytes of the next one */
};

static void record_came(struct client *c, int who)
{
	unsigned n;

	memcpy(&n, c->part, 4);
	c->have = 0;
	if (n != c->last && n != c->last + 1) {
		printf("client %d: record %u after %u\n", who, n, c->last);
		exit(1);
	}
	c->last = n;
}

static void clients(int port)
{
	static struct client crowd[CROWD];
	struct pollfd p[CROWD];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < CROWD; i++) {
		p[i] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN};
		need(!connect(p[i].fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	}
	for (unsigned turn = 0;; turn++) {
		unsigned char buf[4096];

		for (int i = 0; i < CROWD; i++) {
			struct client *c = &crowd[i];
			unsigned n = 1 + (turn * 7 + (unsigned)i * 13) % 150;

			for (unsigned j = 0; j < n; j++)
				buf[j] = (unsigned char)((c->sent + j) % PERIOD);
			c->sent += n;
			if (send(p[i].fd, buf, n, MSG_NOSIGNAL) != (ssize_t)n)
				return;
		}
		poll(p, CROWD, 10);
		for (int i = 0; i < CROWD; i++) {
			ssize_t n = recv(p[i].fd, buf, sizeof(buf), MSG_DONTWAIT);

			if (n == 0)
				return;
			for (ssize_t j = 0; j < n; j++) {
				crowd[i].part[crowd[i].have++] = buf[j];
				if (crowd[i].have == 4)
					record_came(&crowd[i], i);
			}
		}
	}
}

/* ---- The server ---- */

struct peer {
	int fd;
	unsigned long got;
	unsigned record;
	unsigned at; /* bytes of it that are sent */
};

static unsigned long jumps;

/* Before a call that may be jumped out of; that in which it was comes here again, with `jumped`. */
#define CALL_OR_JUMP(result, call)                                                                 \
	do {                                                                                       \
		if (sigsetjmp(back, 1)) {                                                          \
			jumps++;                                                                   \
			result = -2;                                                               \
		} else {                                                                           \
			in_call = 1;                                                               \
			result = call;                                                             \
			in_call = 0;                                                               \
		}                                                                                  \
	} while (0)

static void receive(struct peer *p)
{
	static unsigned char buf[PIECE];
	volatile ssize_t n;

	memset(buf, UNTOUCHED, sizeof(buf));
	CALL_OR_JUMP(n, recv(p->fd, buf, sizeof(buf), 0));
	if (n == -2)
		for (n = 0; n < PIECE && buf[n] != UNTOUCHED;)
			n++;
	need(n >= 0 || errno == EAGAIN, "recv");
	for (ssize_t i = 0; i < n; i++, p->got++) {
		if (buf[i] == p->got % PERIOD)
			continue;
		printf("byte %lu is %d and not %lu\n", p->got, buf[i], p->got % PERIOD);
		exit(1);
	}
}

static void answer(struct peer *p)
{
	volatile ssize_t n;
	unsigned record = p->record + 1;

	CALL_OR_JUMP(n, send(p->fd, (char *)&record + p->at, 4 - p->at, MSG_NOSIGNAL));
	if (n == -2) /* again, as a whole: it is short enough never to be sent in part */
		return;
	need(n == 4 || (n < 0 && errno == EAGAIN), "send");
	if (n == 4)
		p->record++;
}

static void serve(int door, int seconds)
{
	static struct peer peers[CROWD];
	const struct itimerval timer = {{0, TIMER_US}, {0, TIMER_US}};
	const struct itimerval none = {{0, 0}, {0, 0}};
	struct epoll_event ready[CROWD];
	time_t end = time(NULL) + seconds;
	static unsigned long turns;
	int ep = epoll_create1(0);

	for (int i = 0; i < CROWD; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (unsigned)i};

		peers[i].fd = accept4(door, NULL, NULL, SOCK_NONBLOCK);
		need(peers[i].fd >= 0, "accept");
		epoll_ctl(ep, EPOLL_CTL_ADD, peers[i].fd, &ev);
	}
	signal(SIGALRM, jump);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (time(NULL) <= end) {
		volatile int n;

		CALL_OR_JUMP(n, epoll_wait(ep, ready, CROWD, 10));
		for (int i = 0; i < n; i++) {
			receive(&peers[ready[i].data.u32]);
			/* Every third once more, and its end is looked at now and then. */
			if (i % 3 == 0)
				receive(&peers[ready[i].data.u32]);
			if (i % 8 == 7) {
				int sum = 0;
				socklen_t len = sizeof(sum);

				getsockopt(peers[ready[i].data.u32].fd, SOL_SOCKET, SO_ERROR, &sum,
					   &len);
			}
			answer(&peers[ready[i].data.u32]);
		}
		turns++;
	}
	setitimer(ITIMER_REAL, &none, NULL);
	need(turns > 10 && jumps > 10, "too little happened");
	if (getenv("VERBOSE"))
		fprintf(stderr, "%lu turns, %lu jumps\n", turns, jumps);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM, 0), status;
	pid_t child;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(!bind(door, (struct sockaddr *)&at, len) && !listen(door, CROWD), "listen");
	getsockname(door, (struct sockaddr *)&at, &len);
	fflush(stdout);
	child = fork();
	if (!child) {
		close(door);
		clients(ntohs(at.sin_port));
		_exit(0);
	}
	serve(door, argc > 1 ? atoi(argv[1]) : 2);
	kill(child, 0);
	if (waitpid(child, &status, WNOHANG) == child && status) {
		printf("the clients have ended\n");
		return 1;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	puts("whole");
	return 0;
}
