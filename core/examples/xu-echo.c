/*
 * xu-echo: a TCP server that sends back what it receives, all connections in one ring.
 *
 * Each connection has one entry in flight, a receive or a send, and one accept waits beside them. Tickets tell whose
 * completion it is: the index is the connection's place in the table, the generation how often that place was given out.
 * What one round of completions asks for goes to the kernel in the one call that waits for the next round.
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

/* Room for an entry of each connection and for the accept, so that neither queue can be full. */
#define ENTRIES 2048
#define MAX_CONNS (ENTRIES - 1)

/* A connection, or a free place in the table. */
struct conn {
	int fd;
	uint32_t generation;
	unsigned size, sent; /* bytes in the buffer, and those that went back; size 0: receiving */
	char buf[4096];
};

/* Index of the accept's ticket. */
#define ACCEPT MAX_CONNS

static struct xu_ring ring;
static struct conn conns[MAX_CONNS];
static unsigned nr_free, free_places[MAX_CONNS]; /* a stack */
static int listener;
static bool accepting;
static volatile sig_atomic_t stop;

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

static struct io_uring_sqe *get(void)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);

	if (!sqe)
		abort(); /* see ENTRIES */
	return sqe;
}

/* Wait for a connection, if there is a place for it and nobody waits yet. */
static void put_accept(void)
{
	struct io_uring_sqe *sqe;

	if (accepting || !nr_free)
		return;
	sqe = get();
	xu_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	xu_sqe_set_data64(sqe, xu_ticket(ACCEPT, 0));
	accepting = true;
}

/* Receive, or send what was received. */
static void put_conn(struct conn *c)
{
	struct io_uring_sqe *sqe = get();

	if (c->size)
		xu_prep_send(sqe, c->fd, c->buf + c->sent, c->size - c->sent, 0);
	else
		xu_prep_recv(sqe, c->fd, c->buf, sizeof(c->buf), 0);
	xu_sqe_set_data64(sqe, xu_ticket((uint32_t)(c - conns), c->generation));
}

/* A receive or send of this connection has ended. */
static void advance(struct conn *c, int res)
{
	if (res <= 0 && res != -EINTR && res != -EAGAIN) {
		close(c->fd);
		free_places[nr_free++] = (unsigned)(c - conns);
		put_accept();
		return;
	}
	if (res > 0 && !c->size) {
		c->size = (unsigned)res;
		c->sent = 0;
	} else if (res > 0) {
		c->sent += (unsigned)res;
		if (c->sent == c->size)
			c->size = 0;
	}
	put_conn(c);
}

/* The accept has ended. Out of fds or memory, the next one waits for a connection to close. */
static void accepted(int res)
{
	bool out = res == -EMFILE || res == -ENFILE || res == -ENOBUFS || res == -ENOMEM;

	accepting = false;
	if (res >= 0) {
		struct conn *c = &conns[free_places[--nr_free]];

		c->fd = res;
		c->generation++;
		c->size = 0;
		put_conn(c);
	}
	if (!out || nr_free == MAX_CONNS)
		put_accept();
}

/* Serve until a signal says stop. The signals come only while we wait, so none is missed. Returns an exit status. */
static int serve(void)
{
	const uint64_t no_signals = 0;

	put_accept();
	while (!stop) {
		struct io_uring_cqe *cqe;
		int ret = xu_submit_and_wait_timeout(&ring, &cqe, 1, NULL, &no_signals);

		if (ret < 0 && ret != -EINTR && ret != -EAGAIN)
			return complain("ring", -ret);
		while ((cqe = xu_cq_front(&ring))) {
			uint64_t ticket = xu_cqe_get_data64(cqe);
			int res = cqe->res;

			xu_cqe_seen(&ring, cqe);
			if (xu_ticket_index(ticket) == ACCEPT) {
				accepted(res);
			} else {
				struct conn *c = &conns[xu_ticket_index(ticket)];

				if (c->generation == xu_ticket_generation(ticket))
					advance(c, res);
			}
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	unsigned long port = 0;
	int opt, ret, on = 1;
	char *rest = "";
	sigset_t stops;

	while ((opt = getopt(argc, argv, "hp:")) != -1) {
		if (opt == 'p')
			port = strtoul(optarg, &rest, 10);
		if (opt == 'p' && *optarg && !*rest && port < 65536)
			continue;
		fprintf(opt == 'h' ? stdout : stderr,
			"usage: xu-echo [-h] [-p PORT]\n"
			"Echoes TCP connections to the loopback; without PORT (or 0) on a free one. Prints the address.\n");
		return opt != 'h';
	}
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
	while (nr_free < MAX_CONNS) {
		free_places[nr_free] = nr_free;
		nr_free++;
	}
	ret = xu_queue_init_best(ENTRIES, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);
	if (ret)
		return complain("no io_uring", -ret);
	printf("127.0.0.1:%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	ret = serve();
	xu_queue_exit(&ring);
	return ret;
}
