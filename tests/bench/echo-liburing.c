/*
 * Echo servers: xu-echo, and twins on liburing and on epoll, each a process of its own, with 64 connections.
 *
 *     echo-liburing SECONDS XU-ECHO
 *
 * The client sends 64 bytes on every connection, then reads them all back: a round. Rounds against two servers alternate,
 * which share the last CPU, where the one that is not asked sleeps; the client has the first. Of each pair the time that
 * goes by is measured, in which the client's own work is half and more, and the CPU time of the server.
 *
 * The liburing twin has what xu-echo has: one receive a connection that goes on, into a shared ring of buffers, and one
 * enter for each round of completions.
 */
#include "bench.h"
#include "xuring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { CONNS = 64, SIZE = 64, BUFFERS = 256, ROOM = 4096 };

static int connect_to(uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr = {htonl(INADDR_LOOPBACK)},
				   .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	return fd;
}

static int listen_on(uint16_t *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) || listen(fd, CONNS) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		die("listen");
	*port = ntohs(addr.sin_port);
	return fd;
}

/* ---- The twins: they end with their parent ---- */

_Noreturn static void serve_epoll(int listener)
{
	struct epoll_event events[CONNS + 1] = {{.events = EPOLLIN, .data.fd = listener}};
	int ep = epoll_create1(0);
	char buf[ROOM];

	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &events[0]);
	for (;;) {
		int n = epoll_wait(ep, events, CONNS + 1, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t got;

			if (fd == listener) {
				struct epoll_event event = {.events = EPOLLIN};

				event.data.fd = accept(listener, NULL, NULL);
				epoll_ctl(ep, EPOLL_CTL_ADD, event.data.fd, &event);
				continue;
			}
			got = recv(fd, buf, sizeof(buf), 0);
			if (got <= 0)
				close(fd);
			else if (send(fd, buf, (size_t)got, MSG_NOSIGNAL) != got)
				die("send");
		}
	}
}

static struct io_uring_sqe *entry(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe) {
		io_uring_submit(ring);
		sqe = io_uring_get_sqe(ring);
	}
	return sqe;
}

static void receive(struct io_uring *ring, int fd)
{
	struct io_uring_sqe *sqe = entry(ring);

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	io_uring_sqe_set_data64(sqe, (uint64_t)fd << 32 | 1u << 31);
}

_Noreturn static void serve_liburing(int listener)
{
	static char memory[BUFFERS][ROOM];
	struct io_uring_buf_ring *br =
		mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)br, .ring_entries = BUFFERS};
	struct io_uring_sqe *sqe;
	struct io_uring ring;

	if (io_uring_queue_init(1024, &ring,
				IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
					IORING_SETUP_SUBMIT_ALL) ||
	    io_uring_register_buf_ring(&ring, &reg, 0))
		exit(77);
	io_uring_register_ring_fd(&ring);
	io_uring_buf_ring_init(br);
	for (int i = 0; i < BUFFERS; i++)
		io_uring_buf_ring_add(br, memory[i], ROOM, (unsigned short)i, BUFFERS - 1, i);
	io_uring_buf_ring_advance(br, BUFFERS);
	sqe = entry(&ring);
	io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);
	io_uring_sqe_set_data64(sqe, UINT64_MAX);
	for (;;) {
		struct io_uring_cqe *cqe;
		unsigned head, seen = 0;

		io_uring_submit_and_wait(&ring, 1);
		io_uring_for_each_cqe(&ring, head, cqe) {
			uint64_t data = io_uring_cqe_get_data64(cqe);
			int fd = (int)(data >> 32),
			    bid = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);

			seen++;
			if (data == UINT64_MAX) {
				receive(&ring, cqe->res);
			} else if (data & 1u << 31) {
				if (cqe->res > 0) {
					sqe = entry(&ring);
					io_uring_prep_send(sqe, fd, memory[bid], (size_t)cqe->res, 0);
					io_uring_sqe_set_data64(sqe,
								(uint64_t)fd << 32 | (unsigned)bid);
				} else if (cqe->res == 0) {
					close(fd);
				}
				if (cqe->res && !(cqe->flags & IORING_CQE_F_MORE))
					receive(&ring, fd);
			} else {
				bid = (int)(data & 0xffff);
				io_uring_buf_ring_add(br, memory[bid], ROOM, (unsigned short)bid,
						      BUFFERS - 1, 0);
				io_uring_buf_ring_advance(br, 1);
			}
		}
		io_uring_cq_advance(&ring, seen);
	}
}

/* ---- Starting them ---- */

static pid_t children[3];
static int nr_children;

static void end_children(void)
{
	for (int i = 0; i < nr_children; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
}

/* A child that dies with us. */
static pid_t begin_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid) {
		children[nr_children++] = pid;
		return pid;
	}
	stay_on_cpu(true);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static uint16_t start_twin(void (*serve)(int))
{
	uint16_t port;
	int listener = listen_on(&port);

	if (!begin_child())
		serve(listener);
	close(listener);
	return port;
}

static uint16_t start_xu_echo(char *path)
{
	char *argv[] = {path, NULL}, line[64] = "", *colon;
	int out[2];

	if (pipe(out))
		die("pipe");
	if (!begin_child()) {
		dup2(out[1], 1);
		execv(path, argv);
		die(path);
	}
	close(out[1]);
	if (read(out[0], line, sizeof(line) - 1) <= 0 || !(colon = strchr(line, ':'))) {
		fputs("echo: xu-echo does not start\n", stderr);
		exit(77);
	}
	close(out[0]);
	return (uint16_t)atoi(colon + 1);
}

static int *connections(uint16_t port)
{
	int *fds = calloc(CONNS, sizeof(*fds));

	if (!fds)
		die("calloc");
	for (int i = 0; i < CONNS; i++)
		fds[i] = connect_to(port);
	return fds;
}

static void rounds(void *arg, unsigned count)
{
	static char buf[SIZE];
	int *fds = arg;

	for (unsigned n = 0; n < count; n++) {
		for (int i = 0; i < CONNS; i++)
			if (send(fds[i], buf, SIZE, MSG_NOSIGNAL) != SIZE)
				die("send");
		for (int i = 0; i < CONNS; i++)
			if (recv(fds[i], buf, SIZE, MSG_WAITALL) != SIZE)
				die("recv");
	}
}

/* Both figures of two servers, whose processes are the children number `base` and 0. */
static void compare(const char *name, int base, int *base_fds, int *xu_fds, double seconds)
{
	char time[64], cpu[64];
	struct figure f = {
		.suite = "echo",
		.name = time,
		.base = {name, rounds, base_fds},
		.other = {"core", rounds, xu_fds},
		.per_block = 10,
		.ops = CONNS,
	};

	snprintf(time, sizeof(time), "a request, %s", name);
	snprintf(cpu, sizeof(cpu), "its CPU time, %s", name);
	measure(&f, seconds);
	f.name = cpu;
	f.base_pid = children[base];
	f.other_pid = children[0];
	measure(&f, seconds);
}

int main(int argc, char **argv)
{
	double seconds = bench_seconds(argc, argv);
	int *xu, *uring, *epoll;

	if (argc < 3)
		return 1;
	atexit(end_children);
	xu = connections(start_xu_echo(argv[2]));
	uring = connections(start_twin(serve_liburing));
	epoll = connections(start_twin(serve_epoll));
	stay_on_cpu(false);
	compare("liburing", 1, uring, xu, seconds);
	compare("epoll", 2, epoll, xu, seconds);
	return 0;
}
