/*
 * An event loop as servers have it, and who asks of it.
 *
 *     echo serve PORT              sends back what it gets, over epoll (level-triggered), until SIGTERM
 *     echo drive PORT CONNECTIONS[+IDLE] SECONDS[@RATE] [REQUEST]
 *                                  each connection sends REQUEST (64 bytes) and waits for as much as the first was
 *                                  answered; prints one record: requests a second, and percentiles of the latency
 *                                  in us. IDLE more connections are there and send nothing. At a RATE, requests
 *                                  are due so many times a second, and a latency counts from when its request was
 *                                  due.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { EVENTS = 128, SIZE_MAX_ = 4096, SAMPLES = 1 << 20 };

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

static int serve(const char *port)
{
	struct sockaddr_in at = loopback(port);
	struct epoll_event events[EVENTS];
	struct sigaction act = {.sa_handler = end};
	int one = 1, epfd = epoll_create1(0), door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char buf[SIZE_MAX_];

	sigaction(SIGTERM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (epfd < 0 || bind(door, (struct sockaddr *)&at, sizeof(at)) || listen(door, 1024))
		die("listen");
	watch(epfd, door);
	while (!ended) {
		int nr = epoll_wait(epfd, events, EVENTS, -1);

		for (int i = 0; i < nr; i++) {
			int fd = events[i].data.fd;
			ssize_t n;

			if (fd == door) {
				fd = accept4(door, NULL, NULL, SOCK_NONBLOCK);
				if (fd < 0)
					continue;
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				watch(epfd, fd);
				continue;
			}
			n = read(fd, buf, sizeof(buf));
			if (n < 0 && errno == EAGAIN)
				continue;
			if (n <= 0 || !put(fd, buf, n))
				close(fd);
		}
	}
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

/* What is asked, by how many, how fast. */
struct drive {
	struct sockaddr_in at;
	int connections, idle;
	double seconds, rate;
	const char *request;
};

enum { FDS = 1 << 15 };

static uint64_t due[FDS]; /* when the request that is under way was */
static int left[FDS];	  /* bytes of its answer that are still to come */

/* Connections that have no request under way. */
static int rest[FDS], resting;

static void ask(const struct drive *d, int fd, uint64_t when, int size)
{
	due[fd] = when;
	left[fd] = size;
	if (!put(fd, d->request, (ssize_t)strlen(d->request)))
		die("write");
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

static int drive(const struct drive *d)
{
	struct epoll_event events[EVENTS];
	static double taken[SAMPLES];
	double interval = d->rate > 0 ? 1e9 / d->rate : 0;
	size_t requests = 0, asked = 0;
	int epfd = epoll_create1(0), size = answer_size(&d->at, d->request);
	uint64_t start, now, stop;
	char buf[SIZE_MAX_];

	for (int i = 0; i < d->idle; i++)
		join(&d->at);
	for (int i = 0; i < d->connections; i++) {
		int fd = join(&d->at);

		if (fd >= FDS)
			die("too many");
		watch(epfd, fd);
		rest[resting++] = fd;
	}
	start = now = now_ns();
	stop = start + (uint64_t)(d->seconds * 1e9);
	while (now < stop) {
		int nr;

		while (resting && (!d->rate || (double)(now - start) >= (double)asked * interval)) {
			ask(d, rest[--resting],
			    d->rate ? start + (uint64_t)((double)asked * interval) : now, size);
			asked++;
		}
		nr = epoll_wait(epfd, events, EVENTS, d->rate ? 0 : 1000);
		now = now_ns();
		if (nr < 0 || (!nr && !d->rate))
			break;
		for (int i = 0; i < nr; i++) {
			int fd = events[i].data.fd;
			ssize_t n = read(fd, buf, sizeof(buf));

			if (n <= 0)
				die("read");
			left[fd] -= (int)n;
			if (left[fd])
				continue;
			taken[requests++ % SAMPLES] = (double)(now - due[fd]) / 1000;
			if (d->rate)
				rest[resting++] = fd;
			else
				ask(d, fd, now, size);
		}
	}
	if (now == start || !requests)
		die("no answer");
	tell(requests, now - start, taken);
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
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "drive")) {
		char plain[65];

		memset(plain, '.', 64);
		plain[64] = '\0';
		return drive(&(struct drive){.at = loopback(argv[2]),
					     .connections = atoi(argv[3]),
					     .idle = (int)after(argv[3], '+'),
					     .seconds = atof(argv[4]),
					     .rate = after(argv[4], '@'),
					     .request = argc == 6 ? argv[5] : plain});
	}
	fputs("usage: echo serve PORT | echo drive PORT CONNECTIONS[+IDLE] SECONDS[@RATE] [REQUEST]\n",
	      stderr);
	return 2;
}
