/*
 * Would large sends gain by zero copy? Over loopback TCP, by one op each: SEND, and SEND_ZC with the notification awaited
 * that says that the memory may be used again. The shim could not answer before that: a program's buffer is its own again
 * when its call returns.
 *
 *     zerocopy SECONDS
 */
#include "bench.h"
#include "xuring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

static struct xu_ring ring;
static int to, from;
static char *buf;

static void connected(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM, 0);

	to = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(door, (struct sockaddr *)&at, len) || listen(door, 1) ||
	    getsockname(door, (struct sockaddr *)&at, &len) ||
	    connect(to, (struct sockaddr *)&at, len))
		die("connection");
	from = accept(door, NULL, NULL);
	close(door);
}

/* The other end takes what comes. */
static void *take_all(void *arg)
{
	static char into[1 << 20];

	stay_on_cpu(false);
	while (recv(from, into, sizeof(into), 0) > 0)
		;
	return arg;
}

static void wait_for_one(bool *more, int *res)
{
	struct io_uring_cqe *cqe;

	while (!(cqe = xu_cq_front(&ring)))
		if (xu_submit_and_wait(&ring, 1) < 0 && errno != EINTR)
			break;
	*more = cqe && cqe->flags & IORING_CQE_F_MORE;
	*res = cqe ? cqe->res : -1;
	if (cqe)
		xu_cqe_seen(&ring, cqe);
}

static void one(bool copied, size_t size)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);
	bool more, none;
	int res, nothing;

	if (copied)
		xu_prep_send(sqe, to, buf, size, MSG_WAITALL);
	else
		xu_prep_send_zc(sqe, to, buf, size, MSG_WAITALL, 0);
	wait_for_one(&more, &res);
	if (more)
		wait_for_one(&none, &nothing);
	if (res != (int)size) {
		fprintf(stderr, "zerocopy: %s\n", strerror(-res));
		exit(res == -EINVAL ? 77 : 1);
	}
}

static void copied(void *arg, unsigned count)
{
	while (count--)
		one(true, *(size_t *)arg);
}

static void not_copied(void *arg, unsigned count)
{
	while (count--)
		one(false, *(size_t *)arg);
}

int main(int argc, char **argv)
{
	static size_t sizes[] = {16 << 10, 64 << 10, 256 << 10};
	pthread_t taker;

	stay_on_one_cpu();
	buf = calloc(1, 256 << 10);
	if (!buf || xu_queue_init_best(8, &ring, XU_WANT_SINGLE, 0))
		return 77;
	connected();
	if (pthread_create(&taker, NULL, take_all, NULL))
		die("thread");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char name[64];
		struct figure f = {.suite = "zerocopy",
				   .name = name,
				   .base = {"copied", copied, &sizes[i]},
				   .other = {"zero copy", not_copied, &sizes[i]},
				   .per_block = 16,
				   .ops = 1};

		snprintf(name, sizeof(name), "%zu KiB, loopback", sizes[i] >> 10);
		measure(&f, bench_seconds(argc, argv));
	}
	return 0;
}
