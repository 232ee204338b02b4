// SPDX-License-Identifier: MIT
/*
 * Event loops. Over unix sockets all is determined, and each call is compared. Over TCP, when what arrives is not: there
 * the loop goes on until every answer is back, and what is compared is what each connection got, byte by byte, and how it
 * ended.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fuzz.h"

#define MOST 12

/* ---- Waiting, in all the ways there are ---- */

enum waiter { BY_EPOLL, BY_EPOLL_EDGE, BY_EPOLL_PWAIT, BY_POLL, BY_SELECT, NR_WAITERS };

struct loop {
	enum waiter how;
	int epfd;
	int fds[2 * MOST]; /* -1: not any more */
	unsigned nr;
	bool ready[2 * MOST];
};

static void loop_start(struct loop *l, enum waiter how)
{
	*l = (struct loop){.how = how, .epfd = -1};
	if (how <= BY_EPOLL_PWAIT)
		l->epfd = epoll_create1(EPOLL_CLOEXEC);
}

static void loop_add(struct loop *l, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | (l->how == BY_EPOLL_EDGE ? EPOLLET : 0),
				 .data.u64 = l->nr};

	if (l->epfd >= 0)
		epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev);
	l->fds[l->nr++] = fd;
}

static void loop_close(struct loop *l, unsigned i)
{
	close(l->fds[i]);
	l->fds[i] = -1;
}

static void loop_end(struct loop *l)
{
	for (unsigned i = 0; i < l->nr; i++)
		if (l->fds[i] >= 0)
			close(l->fds[i]);
	if (l->epfd >= 0)
		close(l->epfd);
}

static int wait_by_select(struct loop *l, int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	fd_set set;
	int r;

	FD_ZERO(&set);
	for (unsigned i = 0; i < l->nr; i++)
		if (l->fds[i] >= 0)
			FD_SET(l->fds[i], &set);
	r = select(FD_SETSIZE, &set, NULL, NULL, &tv);
	for (unsigned i = 0; i < l->nr && r > 0; i++)
		l->ready[i] = l->fds[i] >= 0 && FD_ISSET(l->fds[i], &set);
	return r;
}

static int wait_by_poll(struct loop *l, int ms)
{
	struct pollfd p[2 * MOST];
	int r;

	for (unsigned i = 0; i < l->nr; i++)
		p[i] = (struct pollfd){l->fds[i], POLLIN, 0};
	r = poll(p, l->nr, ms);
	for (unsigned i = 0; i < l->nr && r > 0; i++)
		l->ready[i] = p[i].revents;
	return r;
}

/* Which are ready? */
static int loop_wait(struct loop *l, int ms)
{
	struct epoll_event ev[2 * MOST];
	sigset_t none;
	int r;

	memset(l->ready, 0, sizeof(l->ready));
	if (l->how == BY_SELECT)
		return wait_by_select(l, ms);
	if (l->how == BY_POLL)
		return wait_by_poll(l, ms);
	sigemptyset(&none);
	r = l->how == BY_EPOLL_PWAIT ? epoll_pwait(l->epfd, ev, 2 * MOST, ms, &none)
				     : epoll_wait(l->epfd, ev, 2 * MOST, ms);
	for (int i = 0; i < r; i++)
		l->ready[ev[i].data.u64 % (2 * MOST)] = true;
	return r;
}

/* ---- Sending and receiving, in all the ways there are ---- */

static long receive(int how, int fd, void *p, size_t n)
{
	struct iovec iov[2] = {{p, n / 2}, {(char *)p + n / 2, n - n / 2}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	switch (how) {
	case 0: return recv(fd, p, n, 0);
	case 1: return recv(fd, p, n, MSG_DONTWAIT);
	case 2: return readv(fd, iov, 2);
	case 3: return recvmsg(fd, &msg, 0);
	case 4: return recvfrom(fd, p, n, 0, NULL, NULL);
	default: return read(fd, p, n);
	}
}

static long give(int how, int fd, void *p, size_t n)
{
	struct iovec iov[2] = {{p, n / 2}, {(char *)p + n / 2, n - n / 2}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	switch (how) {
	case 0: return send(fd, p, n, MSG_NOSIGNAL);
	case 1: return send(fd, p, n, MSG_DONTWAIT);
	case 2: return writev(fd, iov, 2);
	case 3: return sendmsg(fd, &msg, MSG_NOSIGNAL);
	case 4: return sendto(fd, p, n, 0, NULL, 0);
	default: return write(fd, p, n);
	}
}

/* Of bytes in whatever pieces. */
static uint64_t hash_more(uint64_t h, const void *p, long n)
{
	for (const unsigned char *c = p; n > 0; c++, n--)
		h = (h ^ *c) * UINT64_C(0x100000001b3);
	return h;
}

/* ---- Over unix sockets: every call ---- */

static void note_ready(const struct loop *l)
{
	note(" ready");
	for (unsigned i = 0; i < l->nr; i++)
		if (l->ready[i])
			note(" %u", i);
}

static void do_unix_loop(void)
{
	enum waiter how = (enum waiter)rnd(NR_WAITERS);
	unsigned n = 2 + rnd(5), steps = 10 + rnd(30);
	int flags = SOCK_NONBLOCK | ONE_OF(0, SOCK_CLOEXEC), peers[MOST], to = (int)rnd(6),
	    from = (int)rnd(6);
	struct loop l;
	struct area a;
	char byte = 0;

	make_room(4);
	loop_start(&l, how);
	for (unsigned i = 0; i < n; i++) {
		int fds[2];

		if (socketpair(AF_UNIX,
			       ONE_OF(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET) | flags,
			       0, fds))
			abort();
		loop_add(&l, fds[0]);
		peers[i] = fds[1];
	}
	for (unsigned s = 0; s < steps; s++) {
		unsigned i = rnd(n);
		int fd = l.fds[i], other;

		switch (rnd(12)) {
		case 0:
		case 1:
		case 2:
			a = good_target(ONE_OF(1, 5, 100, 1000, 5000));
			RUN(give(to, peers[i], a.p, a.n), "to %u, %zu", i, a.n);
			break;
		case 3:
		case 4:
			RUN(loop_wait(&l, 0), "wait");
			note_ready(&l);
			break;
		case 5:
			RUN(ioctl(fd, FIONREAD, &other), "FIONREAD %u", i);
			note(" %d", other);
			break;
		case 6: RUN(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), "peek %u", i); break;
		case 7:
			other = (int)RUN(dup(fd), "dup %u", i);
			RUN(close(other), "close");
			break;
		case 8:
			if (chance(30))
				RUN(shutdown(chance(50) ? fd : peers[i], ONE_OF(0, 1, 2)),
				    "shutdown %u", i);
			break;
		case 9:
			a = good_target(ONE_OF(1, 100));
			RUN(give(to, fd, a.p, a.n), "from %u, %zu", i, a.n);
			RUN(receive(from, peers[i], a.p, a.n), "got by peer %u", i);
			break;
		default:
			a = good_target(ONE_OF(1, 10, 1000, 4096, 9000));
			RUN(receive(from, fd, a.p, a.n), "receive %u, %zu", i, a.n);
			note_area(&a);
		}
	}
	for (unsigned i = 0; i < n; i++)
		close(peers[i]);
	loop_end(&l);
	RUN(0, "loop closed");
}

/* ---- Over TCP: until all is answered ---- */

/* One side of the connections. */
struct party {
	struct loop loop;
	unsigned nr;
	int from, to; /* how it receives and sends */
	size_t piece; /* at a time */
	bool drains;  /* until EAGAIN */
	uint64_t got[MOST], hash[MOST];
	long odd; /* what should not have happened */
	bool ended[MOST];
};

struct tcp_loop {
	struct party server, client;
	unsigned rounds;
	size_t size[MOST]; /* of what each asks, a round */
};

static long all(int how, int fd, char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		long r = give(how, fd, p + done, n - done);

		if (r < 0 && (errno == EAGAIN || errno == EINTR)) {
			struct pollfd out = {fd, POLLOUT, 0};

			poll(&out, 1, 100);
			continue;
		}
		if (r < 0)
			return -errno;
		done += (size_t)r;
	}
	return 0;
}

/* What is ready is received, and answered by the server. */
static void serve(struct party *p, unsigned i, bool answers)
{
	char buf[8192];
	long r;

	do {
		r = receive(p->from, p->loop.fds[i], buf, p->piece);
		if (r > 0) {
			p->got[i] += (uint64_t)r;
			p->hash[i] = hash_more(p->hash[i], buf, r);
			if (answers && all(p->to, p->loop.fds[i], buf, (size_t)r))
				p->odd++;
		}
	} while (r > 0 && (p->drains || p->loop.how == BY_EPOLL_EDGE));
	if (r == 0) {
		p->ended[i] = true;
		loop_close(&p->loop, i);
	} else if (r < 0 && errno != EAGAIN && errno != EINTR) {
		p->odd += 100;
		p->ended[i] = true;
		loop_close(&p->loop, i);
	}
}

static void serve_ready(struct party *p, bool answers)
{
	for (unsigned i = 0; i < p->loop.nr; i++)
		if (p->loop.ready[i] && p->loop.fds[i] >= 0)
			serve(p, i, answers);
}

static bool all_ended(const struct party *p)
{
	for (unsigned i = 0; i < p->nr; i++)
		if (!p->ended[i])
			return false;
	return true;
}

/* The server, until all clients have gone. */
static void *server(void *arg)
{
	struct party *p = arg;

	for (int idle = 0; idle < 20 && !all_ended(p);) {
		int r = loop_wait(&p->loop, 1000);

		if (r > 0)
			serve_ready(p, true);
		else if (!r)
			idle++;
	}
	return NULL;
}

/* One round of the clients: all ask; `own`: the server is served here as well. */
static bool round_trip(struct tcp_loop *t, unsigned round, bool own)
{
	struct party *c = &t->client;
	char ask[8192];
	bool waiting = true;
	int idle = 0;

	for (unsigned i = 0; i < c->nr; i++) {
		memset(ask, (int)('a' + round + i), t->size[i]);
		if (all(c->to, c->loop.fds[i], ask, t->size[i]))
			c->odd++;
	}
	while (waiting && idle < 10) {
		int r;

		if (own && loop_wait(&t->server.loop, 1) > 0)
			serve_ready(&t->server, true);
		r = loop_wait(&c->loop, own ? 1 : 1000);
		if (r > 0)
			serve_ready(c, false);
		idle += !r && !own;
		waiting = false;
		for (unsigned i = 0; i < c->nr; i++)
			waiting = waiting || c->got[i] < (round + 1) * t->size[i];
	}
	return !waiting;
}

/* Connections that are at rest, in between: nothing is in them, and nothing is wrong with them. */
static void disturb(struct tcp_loop *t)
{
	unsigned i = rnd(t->client.nr);
	int fd = (chance(50) ? &t->client : &t->server)->loop.fds[i], n = -1, error = -1, other;
	socklen_t len = sizeof(error);
	char byte;
	pid_t pid;

	switch (rnd(8)) {
	case 0:
		RUN(ioctl(fd, FIONREAD, &n), "FIONREAD");
		note(" %d", n);
		break;
	case 1:
		RUN(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), "SO_ERROR");
		note(" %d", error);
		break;
	case 2: RUN(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), "peek"); break;
	case 3:
		other = (int)RUN(dup(fd), "dup");
		RUN(close(other), "close");
		break;
	case 4:
		pid = fork();
		if (!pid) {
			/* What a child does with what it inherits: nothing here. */
			close(fd);
			_exit(0);
		}
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		break;
	case 5: RUN(read(fd, &byte, 1), "read"); break;
	case 6: RUN(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL)), "F_SETFL"); break;
	default: RUN(send(fd, &byte, 0, MSG_NOSIGNAL), "send nothing");
	}
}

/* Connect `n` times. False: there is no loopback, or no room. */
static bool connect_all(struct tcp_loop *t, unsigned n)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool good = door >= 0 && !bind(door, (struct sockaddr *)&in, len) && !listen(door, MOST) &&
		    !getsockname(door, (struct sockaddr *)&in, &len);

	for (unsigned i = 0; good && i < n; i++) {
		int c = socket(AF_INET, SOCK_STREAM, 0), s;

		good = !connect(c, (struct sockaddr *)&in, len);
		s = good ? accept4(door, NULL, NULL, SOCK_NONBLOCK) : -1;
		good = good && s >= 0 && !fcntl(c, F_SETFL, O_NONBLOCK);
		if (!good) {
			close(c);
			break;
		}
		setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		loop_add(&t->client.loop, c);
		loop_add(&t->server.loop, s);
		t->size[i] = ONE_OF(1, 10, 100, 1000, 4000, 8000);
	}
	close(door);
	return good;
}

static void party_start(struct party *p, unsigned n)
{
	*p = (struct party){.nr = n, .from = (int)rnd(6), .to = (int)rnd(6), .drains = chance(50)};
	p->piece = ONE_OF(100, 512, 1024, 4096, 8192);
	loop_start(&p->loop, (enum waiter)rnd(NR_WAITERS));
}

static void note_party(const struct party *p, const char *what)
{
	RUN(p->odd, "%s", what);
	for (unsigned i = 0; i < p->nr; i++)
		note(" %llu:%08llx", (unsigned long long)p->got[i],
		     (unsigned long long)p->hash[i] >> 32);
}

static void do_tcp_loop(void)
{
	unsigned n = 2 + rnd(MOST - 2);
	bool threaded = chance(40), good;
	struct tcp_loop t = {.rounds = 2 + rnd(6)};
	sigset_t all_signals, before;
	pthread_t id;

	make_room(5);
	party_start(&t.server, n);
	party_start(&t.client, n);
	good = connect_all(&t, n);
	RUN(good ? 0 : -1, "%u connections%s, %u rounds, by %d and %d", n,
	    threaded ? ", two threads" : "", t.rounds, (int)t.server.loop.how,
	    (int)t.client.loop.how);
	sigfillset(&all_signals);
	pthread_sigmask(SIG_SETMASK, &all_signals, &before);
	if (good && threaded && pthread_create(&id, NULL, server, &t.server))
		abort();
	for (unsigned r = 0; good && r < t.rounds; r++) {
		if (!round_trip(&t, r, !threaded))
			RUN(-1, "round %u without an answer", r);
		if (!threaded && chance(40))
			disturb(&t);
	}
	for (unsigned i = 0; good && i < n; i++) {
		if (chance(50))
			shutdown(t.client.loop.fds[i], SHUT_WR);
		else
			loop_close(&t.client.loop, i);
	}
	if (good && threaded)
		pthread_join(id, NULL);
	else if (good)
		server(&t.server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	loop_end(&t.client.loop);
	loop_end(&t.server.loop);
	note_party(&t.server, "server");
	note_party(&t.client, "client");
}

const struct kind loop_kinds[] = {
	{"unix loop", do_unix_loop, 4, NOT_INSIDE | SLOW},
	{"tcp loop", do_tcp_loop, 3, NOT_INSIDE | SLOW},
	{NULL, NULL, 0, ANYWHERE},
};
