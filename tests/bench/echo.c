/*
 * An event loop as servers have it, and who asks of it.
 *
 *     echo serve PORT [poll|select]
 *                                  sends back what it gets, over epoll (level-triggered) if nothing else is said, until
 *                                  SIGTERM
 *     echo drive PORT,... CONNECTIONS[+IDLE] SECONDS[@RATE][*TURNS] [REQUEST]
 *                                  each connection sends REQUEST (64 bytes) and waits for as much as the first was
 *                                  answered; prints one record: requests a second, and percentiles of the latency
 *                                  in us. IDLE more connections are there and send nothing. At a RATE, requests
 *                                  are due so many times a second, and a latency counts from when its request was
 *                                  due. Servers on several PORTs are asked one after another, in TURNS: a record
 *                                  for each in each turn, in which the first is another one from turn to turn.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>

enum { EVENTS = 128, SIZE_MAX_ = 4096, SAMPLES = 1 << 20 };

/* The highest number of an fd. */
enum { FDS = 1 << 15 };

enum { CROWDS = 8, PATIENCE_NS = 2000000000 };

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)atoi(port)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(int epfd, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

/* Send all of it; the answers are short, so that waiting for room is rare. */
static bool put(int fd, const char *buf, ssize_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, buf, (size_t)n);

		if (done < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (done > 0) {
			buf += done;
			n -= done;
		}
	}
	return true;
}

/* A connection is ready. */
static bool answer(int fd)
{
	char buf[SIZE_MAX_];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && errno == EAGAIN)
		return true;
	return n > 0 && put(fd, buf, n);
}

static int let_in(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_NONBLOCK), one = 1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void loop_epoll(int door)
{
	struct epoll_event events[EVENTS];
	int epfd = epoll_create1(0);

	watch(epfd, door);
	while (!ended) {
		int nr = epoll_wait(epfd, events, EVENTS, -1);

		for (int i = 0; i < nr; i++) {
			int fd = events[i].data.fd;

			if (fd != door) {
				if (!answer(fd))
					close(fd);
				continue;
			}
			fd = let_in(door);
			if (fd >= 0)
				watch(epfd, fd);
		}
	}
}

static void loop_poll(int door)
{
	static struct pollfd list[FDS] = {{.events = POLLIN}};
	int nr = 1;

	list[0].fd = door;
	while (!ended) {
		int left = poll(list, (nfds_t)nr, -1);

		for (int i = nr; i-- > 0 && left > 0;) {
			int fd = list[i].fd;

			left -= list[i].revents != 0;
			if (!list[i].revents)
				continue;
			if (fd != door) {
				if (!answer(fd)) {
					close(fd);
					list[i] = list[--nr];
				}
				continue;
			}
			fd = nr < FDS ? let_in(door) : -1;
			if (fd >= 0)
				list[nr++] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
	}
}

static void loop_select(int door)
{
	fd_set all, ready;
	int top = door;

	FD_ZERO(&all);
	FD_SET(door, &all);
	while (!ended) {
		ready = all;
		if (select(top + 1, &ready, NULL, NULL, NULL) < 0)
			continue;
		for (int fd = 0; fd <= top; fd++) {
			int in;

			if (!FD_ISSET(fd, &ready))
				continue;
			if (fd != door) {
				if (!answer(fd)) {
					FD_CLR(fd, &all);
					close(fd);
				}
				continue;
			}
			in = let_in(door);
			if (in >= FD_SETSIZE)
				close(in);
			else if (in >= 0)
				FD_SET(in, &all);
			top = in > top && in < FD_SETSIZE ? in : top;
		}
	}
}

static int serve(const char *port, const char *by)
{
	struct sockaddr_in at = loopback(port);
	struct sigaction act = {.sa_handler = end};
	int one = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	sigaction(SIGTERM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) || listen(door, 1024))
		die("listen");
	if (!strcmp(by, "poll"))
		loop_poll(door);
	else if (!strcmp(by, "select"))
		loop_select(door);
	else
		loop_epoll(door);
	return 0;
}

/* How much is answered to one request. */
static int answer_size(const struct sockaddr_in *at, const char *request)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), size = 0;
	struct timeval quiet = {.tv_usec = 200000};
	char buf[SIZE_MAX_];
	ssize_t n;

	if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof(*at)))
		die("connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof(quiet));
	if (!put(fd, request, (ssize_t)strlen(request)))
		die("write");
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		size += (int)n;
	close(fd);
	if (!size)
		die("no answer");
	return size;
}

static int join(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof(*at)))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* What is asked, by how many, how fast, and how often. */
struct drive {
	int connections, idle, turns;
	double seconds, rate;
	const char *request;
};

/* The clients of one server. */
struct crowd {
	struct sockaddr_in at;
	int epfd;
	int size;  /* of an answer */
	int *rest; /* connections that have no request under way... */
	int resting;
};

static uint64_t due[FDS]; /* when the request that is under way was */
static int left[FDS];	  /* bytes of its answer that are still to come */

static void meet(const struct drive *d, struct crowd *c)
{
	c->epfd = epoll_create1(0);
	c->size = answer_size(&c->at, d->request);
	c->rest = calloc((size_t)d->connections, sizeof(*c->rest));
	for (int i = 0; i < d->idle; i++)
		join(&c->at);
	for (int i = 0; i < d->connections; i++) {
		int fd = join(&c->at);

		if (fd >= FDS)
			die("too many");
		watch(c->epfd, fd);
		c->rest[c->resting++] = fd;
	}
}

static void ask(const struct drive *d, const struct crowd *c, int fd, uint64_t when)
{
	due[fd] = when;
	left[fd] = c->size;
	if (!put(fd, d->request, (ssize_t)strlen(d->request)))
		die("write");
}

/* Is this the end of an answer? */
static bool hear(int fd)
{
	char buf[SIZE_MAX_];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0)
		die("read");
	left[fd] -= (int)n;
	return !left[fd];
}

/* The record: so many requests in so many nanoseconds, and how long they took. */
static void tell(size_t requests, uint64_t ns, double *taken)
{
	static const double percentiles[] = {50, 75, 90, 95, 99, 99.5, 99.9};
	size_t n = requests < SAMPLES ? requests : SAMPLES;

	printf("{\"requests\":%zu,\"per_s\":%.0f", requests, (double)requests * 1e9 / (double)ns);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		printf(",\"p%g_us\":%.1f", percentiles[i], quantile(taken, n, percentiles[i] / 100));
	puts("}");
}

/* Ask for so long, until the last answer is there. */
static void window(const struct drive *d, struct crowd *c)
{
	struct epoll_event events[EVENTS];
	static double taken[SAMPLES];
	double interval = d->rate > 0 ? 1e9 / d->rate : 0;
	size_t requests = 0, asked = 0;
	uint64_t start = now_ns(), now = start;
	uint64_t stop = start + (uint64_t)(d->seconds * 1e9);

	while (now < stop || c->resting < d->connections) {
		int nr;

		while (now < stop && c->resting &&
		       (!d->rate || (double)(now - start) >= (double)asked * interval)) {
			ask(d, c, c->rest[--c->resting],
			    d->rate ? start + (uint64_t)((double)asked * interval) : now);
			asked++;
		}
		nr = epoll_wait(c->epfd, events, EVENTS, d->rate ? 0 : 1000);
		now = now_ns();
		if (nr < 0 || (!nr && now > stop + PATIENCE_NS))
			die("no answer");
		for (int i = 0; i < nr; i++) {
			int fd = events[i].data.fd;

			if (!hear(fd))
				continue;
			taken[requests++ % SAMPLES] = (double)(now - due[fd]) / 1000;
			if (d->rate || now >= stop)
				c->rest[c->resting++] = fd;
			else
				ask(d, c, fd, now);
		}
	}
	if (now == start || !requests)
		die("no answer");
	tell(requests, now - start, taken);
}

/* A record for each server, in each turn. Who is first changes from turn to turn. */
static int drive(const struct drive *d, char *ports)
{
	struct crowd crowds[CROWDS] = {0};
	int nr = 0;

	for (char *port = strtok(ports, ","); port && nr < CROWDS; port = strtok(NULL, ",")) {
		crowds[nr].at = loopback(port);
		meet(d, &crowds[nr++]);
	}
	for (int turn = 0; turn < d->turns; turn++) {
		for (int i = 0; i < nr; i++)
			window(d, &crowds[(turn + i) % nr]);
	}
	while (nr > 0)
		free(crowds[--nr].rest);
	return 0;
}

/* What stands after `mark` in an argument, as a number; 0: nothing. */
static double after(const char *text, char mark)
{
	const char *at = strchr(text, mark);

	return at ? atof(at + 1) : 0;
}

int main(int argc, char **argv)
{
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "serve"))
		return serve(argv[2], argc == 4 ? argv[3] : "epoll");
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "drive")) {
		char plain[65];

		memset(plain, '.', 64);
		plain[64] = '\0';
		return drive(&(struct drive){.connections = atoi(argv[3]),
					     .idle = (int)after(argv[3], '+'),
					     .seconds = atof(argv[4]),
					     .rate = after(argv[4], '@'),
					     .turns = after(argv[4], '*') ? (int)after(argv[4], '*')
									  : 1,
					     .request = argc == 6 ? argv[5] : plain},
			     argv[2]);
	}
	fputs("usage: echo serve PORT [poll|select] | "
	      "echo drive PORT,... CONNECTIONS[+IDLE] SECONDS[@RATE][*TURNS] [REQUEST]\n",
	      stderr);
	return 2;
}
