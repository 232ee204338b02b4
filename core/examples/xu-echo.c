/*
 * xu-echo: a TCP server that sends back what it receives, all connections in one ring.
 *
 * One accept and one receive a connection go on for as long as they can (multishot, 5.19 and 6.0). A receive holds no
 * buffer while it waits: the kernel takes one from a group that all connections share. What came in a round of completions
 * goes back in sends that reach the kernel in the one call that waits for the next round.
 *
 *     receive --> buffers of the group, a queue for each connection --> send, one at a time --> back to the group
 *
 * Each connection has a buffer of its own besides, and receives into that, once, where the kernel lacks the above or the
 * group is empty. So a connection that does not fetch its bytes takes nothing from others but its share of the group: after
 * LIMIT buffers its receive is stopped until all of them went back.
 *
 * Tickets tell whose completion it is: the index is the connection's place in the table and what was done, the generation
 * how often that place was given out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xuring.h"

#define ENTRIES 4096
#define MAX_CONNS 2047
#define SHARED 2048 /* buffers of the group */
#define SIZE 4096
#define LIMIT 16
#define GROUP 1
#define NONE UINT32_MAX

enum { ACCEPT, RECV, SEND, CANCEL, OPS };

/* A buffer of the group, or after those, of a connection. In a queue while it has bytes to send. */
struct buffer {
	uint32_t size, next;
};

/* A connection, or a free place in the table. Its fd is closed when nothing is in flight any more. */
struct conn {
	int fd;
	uint32_t generation;
	uint32_t first, last, queued; /* buffers to send */
	uint32_t sent;		      /* bytes of the first */
	bool receiving, sending;
	bool multi;    /* the receive is one that goes on */
	bool stopping; /* the receive is being cancelled */
	bool over;     /* no more is received */
};

static struct xu_ring ring;
static struct conn conns[MAX_CONNS];
static struct buffer buffers[SHARED + MAX_CONNS];
static char memory[SHARED + MAX_CONNS][SIZE];
static struct io_uring_buf_ring *group; /* NULL where the kernel has none */
static uint32_t nr_free, free_places[MAX_CONNS];
static int listener;
static bool accepting, accept_multi, recv_multi;
static bool show_numbers;
static volatile sig_atomic_t stop;
static struct {
	unsigned long accepted, received, enters;
	unsigned long long bytes;
} numbers;

static int complain(const char *what, int error)
{
	fprintf(stderr, "xu-echo: %s: %s\n", what, strerror(error));
	return 1;
}

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/* An entry for this place and op; if the queue is full, what is in it goes first. */
static struct io_uring_sqe *get(void)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);

	while (!sqe) {
		int ret = xu_submit(&ring);

		if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY) {
			complain("ring", -ret);
			exit(1);
		}
		sqe = xu_get_sqe(&ring);
	}
	return sqe;
}

static uint64_t ticket_of(const struct conn *c, unsigned op)
{
	return xu_ticket((uint32_t)(c - conns) * OPS + op, c->generation);
}

/* Wait for connections, if there is a place for one and nobody waits yet. */
static void put_accept(void)
{
	struct io_uring_sqe *sqe;

	if (accepting || !nr_free)
		return;
	sqe = get();
	if (accept_multi)
		xu_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	else
		xu_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	xu_sqe_set_data64(sqe, xu_ticket(ACCEPT, 0));
	accepting = true;
}

/* Receive: again and again into the group, or once into the connection's own buffer, which must not be queued. */
static void put_recv(struct conn *c, bool multi)
{
	struct io_uring_sqe *sqe = get();
	uint32_t own = SHARED + (uint32_t)(c - conns);

	if (multi) {
		xu_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
		sqe->buf_group = GROUP;
	} else {
		xu_prep_recv(sqe, c->fd, memory[own], SIZE, 0);
	}
	xu_sqe_set_data64(sqe, ticket_of(c, RECV));
	c->receiving = true;
	c->multi = multi;
}

/* Send the rest of the first buffer. */
static void put_send(struct conn *c)
{
	struct io_uring_sqe *sqe = get();

	xu_prep_send(sqe, c->fd, memory[c->first] + c->sent, buffers[c->first].size - c->sent, 0);
	xu_sqe_set_data64(sqe, ticket_of(c, SEND));
	c->sending = true;
}

/* A buffer has nothing to send any more. */
static void release(uint32_t b)
{
	if (b >= SHARED)
		return;
	xu_buf_ring_add(group, memory[b], SIZE, (uint16_t)b, xu_buf_ring_mask(SHARED), 0);
	xu_buf_ring_advance(group, 1);
}

static void drop_first(struct conn *c)
{
	uint32_t b = c->first;

	c->first = buffers[b].next;
	c->queued--;
	c->sent = 0;
	release(b);
}

/* Do what is to be done for a connection next. */
static void go_on(struct conn *c)
{
	if (c->queued && !c->sending)
		put_send(c);
	if (c->over && !c->queued && !c->sending && !c->receiving) {
		close(c->fd);
		c->generation++;
		free_places[nr_free++] = (uint32_t)(c - conns);
		put_accept();
		return;
	}
	if (c->receiving && !c->stopping && c->queued >= LIMIT) {
		struct io_uring_sqe *sqe = get();

		xu_prep_cancel64(sqe, ticket_of(c, RECV), 0);
		xu_sqe_set_data64(sqe, ticket_of(c, CANCEL));
		c->stopping = true;
	}
	if (!c->receiving && !c->over && !c->queued)
		put_recv(c, recv_multi);
}

/* A receive has brought something, or has ended, or both. */
static void received(struct conn *c, const struct io_uring_cqe *cqe)
{
	int res = cqe->res, b = xu_cqe_buffer_id(cqe);

	c->receiving = cqe->flags & IORING_CQE_F_MORE;
	if (!c->receiving)
		c->stopping = false;
	if (res > 0) {
		uint32_t index = b < 0 ? SHARED + (uint32_t)(c - conns) : (uint32_t)b;

		buffers[index].size = (uint32_t)res;
		if (c->queued++)
			buffers[c->last].next = index;
		else
			c->first = index;
		c->last = index;
		numbers.received++;
		numbers.bytes += (unsigned)res;
	} else if (b >= 0) {
		release((uint32_t)b);
	}
	if (res == -EINVAL && c->multi) {
		recv_multi = false; /* a kernel before 6.0 */
	} else if (res == -ENOBUFS && !c->queued) {
		put_recv(c, false);
	} else if (res <= 0 && res != -EINTR && res != -EAGAIN && res != -ENOBUFS &&
		   res != -ECANCELED) {
		c->over = true;
	}
	go_on(c);
}

/* A send has ended. Who sends nothing any more need not receive. */
static void sent(struct conn *c, int res)
{
	c->sending = false;
	if (res > 0) {
		c->sent += (uint32_t)res;
		if (c->sent == buffers[c->first].size)
			drop_first(c);
	} else if (res != -EINTR && res != -EAGAIN) {
		while (c->queued)
			drop_first(c);
		c->over = true;
		if (c->receiving)
			shutdown(c->fd, SHUT_RDWR);
	}
	go_on(c);
}

/* The accept has brought a connection, or has ended. Out of fds or memory, the next one waits until one closes. */
static void accepted(const struct io_uring_cqe *cqe)
{
	int res = cqe->res;
	bool out = res == -EMFILE || res == -ENFILE || res == -ENOBUFS || res == -ENOMEM;

	accepting = cqe->flags & IORING_CQE_F_MORE;
	if (res == -EINVAL && accept_multi) {
		accept_multi = false; /* a kernel before 5.19 */
	} else if (res >= 0 && !nr_free) {
		close(res); /* the table is full, and the accept not stopped yet */
	} else if (res >= 0) {
		struct conn *c = &conns[free_places[--nr_free]];
		uint32_t generation = c->generation;

		*c = (struct conn){.fd = res, .generation = generation};
		numbers.accepted++;
		go_on(c);
	}
	if (accepting && !nr_free) {
		struct io_uring_sqe *sqe = get();

		xu_prep_cancel64(sqe, xu_ticket(ACCEPT, 0), 0);
		xu_sqe_set_data64(sqe, xu_ticket(CANCEL, UINT32_MAX));
	}
	if (!out || nr_free == MAX_CONNS)
		put_accept();
}

static void completed(const struct io_uring_cqe *cqe)
{
	uint64_t ticket = xu_cqe_get_data64(cqe);
	struct conn *c = &conns[xu_ticket_index(ticket) / OPS];
	unsigned op = xu_ticket_index(ticket) % OPS;

	if (op == ACCEPT)
		accepted(cqe);
	else if (op == CANCEL || c->generation != xu_ticket_generation(ticket))
		return;
	else if (op == RECV)
		received(c, cqe);
	else
		sent(c, cqe->res);
}

/* Serve until a signal says stop. The signals come only while we wait, so none is missed. Returns an exit status. */
static int serve(void)
{
	const uint64_t no_signals = 0;

	put_accept();
	while (!stop) {
		struct io_uring_cqe *cqe;
		int ret = xu_submit_and_wait_timeout(&ring, &cqe, 1, NULL, &no_signals);

		numbers.enters++;
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
			return complain("ring", -ret);
		while ((cqe = xu_cq_front(&ring))) {
			struct io_uring_cqe copy = {
				.user_data = cqe->user_data, .res = cqe->res, .flags = cqe->flags};

			xu_cqe_seen(&ring, cqe);
			completed(&copy);
		}
	}
	return 0;
}

/* The ring, the group of buffers, and what can be tried of the newer ops. 0 or -errno. */
static int set_up(bool plain)
{
	int ret = xu_queue_init_best(ENTRIES, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < MAX_CONNS; i++)
		free_places[nr_free++] = MAX_CONNS - 1 - i;
	accept_multi = !plain;
	if (!plain)
		group = xu_setup_buf_ring(&ring, SHARED, GROUP, 0, &ret);
	recv_multi = group;
	for (uint32_t b = 0; group && b < SHARED; b++)
		release(b);
	return 0;
}

static int usage(FILE *to, int status)
{
	fputs("usage: xu-echo [-h1s] [-a ADDRESS] [-p PORT]\n"
	      "Echoes TCP connections to ADDRESS (127.0.0.1); without PORT (or 0) on a free one. Prints where it listens.\n"
	      "  -1  one op a receive and accept, as on old kernels\n"
	      "  -s  at the end, says how much there was to do\n",
	      to);
	return status;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	char name[INET_ADDRSTRLEN];
	unsigned long port = 0;
	bool plain = false;
	int opt, ret, on = 1;
	char *rest;
	sigset_t stops;

	while ((opt = getopt(argc, argv, "h1sa:p:")) != -1) {
		if (opt == 'h')
			return usage(stdout, 0);
		if (opt == '1') {
			plain = true;
		} else if (opt == 's') {
			show_numbers = true;
		} else if (opt == 'a') {
			if (inet_pton(AF_INET, optarg, &addr.sin_addr) != 1)
				return usage(stderr, 1);
		} else if (opt == 'p') {
			port = strtoul(optarg, &rest, 10);
			if (!*optarg || *rest || port > 65535)
				return usage(stderr, 1);
		} else {
			return usage(stderr, 1);
		}
	}
	if (optind != argc)
		return usage(stderr, 1);
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigprocmask(SIG_BLOCK, &stops, NULL);
	signal(SIGINT, on_stop);
	signal(SIGTERM, on_stop);

	addr.sin_port = htons((uint16_t)port);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(listener, 512) < 0 || getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
		return complain("listen", errno);
	ret = set_up(plain);
	if (ret)
		return complain("no io_uring", -ret);
	printf("%s:%d\n", inet_ntop(AF_INET, &addr.sin_addr, name, sizeof(name)),
	       ntohs(addr.sin_port));
	fflush(stdout);
	ret = serve();
	if (show_numbers)
		fprintf(stderr, "xu-echo: %lu connections, %lu receives, %llu bytes, %lu enters\n",
			numbers.accepted, numbers.received, numbers.bytes, numbers.enters);
	xu_queue_exit(&ring);
	return ret;
}
