/*
 * A server that is far away: runs an SFTP server and delays what goes to and fro, without limiting how much.
 *
 *     far MICROSECONDS [IGNORED...]
 *     sshfs -o ssh_command='far 500' here:/tree /mnt       round trips of 1 ms
 *
 * sshfs gives its ssh command the arguments that ssh would need. What is read waits in a queue, each piece with the time
 * at which it is due, so that any number of requests is on its way at once. A queue is not bounded: sshfs bounds itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE (256 * 1024)

struct piece {
	struct piece *next;
	uint64_t due;
	size_t len, done;
	char data[];
};

/* One direction. */
struct way {
	int from, to;
	struct piece *first, **last;
};

static uint64_t delay;
static struct piece *spare;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void leave(struct piece *p)
{
	p->next = spare;
	spare = p;
}

/* Take in what has come. False: the end. */
static int take(struct way *w)
{
	struct piece *p = spare ? spare : malloc(sizeof(*p) + PIECE);
	ssize_t n;

	if (!p)
		return 0;
	spare = spare ? spare->next : NULL;
	n = read(w->from, p->data, PIECE);
	if (n <= 0) {
		leave(p);
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	}
	p->next = NULL;
	p->due = now() + delay;
	p->len = (size_t)n;
	p->done = 0;
	*w->last = p;
	w->last = &p->next;
	return 1;
}

/* Send on what is due. False: nobody is there. */
static int give(struct way *w)
{
	struct piece *p = w->first;

	while (p && p->due <= now()) {
		ssize_t n = write(w->to, p->data + p->done, p->len - p->done);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		p->done += (size_t)n;
		if (p->done < p->len)
			continue;
		w->first = p->next;
		if (!w->first)
			w->last = &w->first;
		leave(p);
		p = w->first;
	}
	return 1;
}

/* Until the next piece is due, or for ever. */
static struct timespec *wait_time(const struct way *ways, struct timespec *ts)
{
	uint64_t first = UINT64_MAX, t = now();

	for (int i = 0; i < 2; i++)
		if (ways[i].first && ways[i].first->due < first)
			first = ways[i].first->due;
	if (first == UINT64_MAX)
		return NULL;
	first = first > t ? first - t : 0;
	ts->tv_sec = (time_t)(first / 1000000000u);
	ts->tv_nsec = (long)(first % 1000000000u);
	return ts;
}

static void run(struct way *ways)
{
	struct timespec ts;

	for (;;) {
		/* A direction whose reader is full waits for the reader, not for the time. */
		struct pollfd p[4] = {{ways[0].from, POLLIN, 0}, {ways[1].from, POLLIN, 0}};

		for (int i = 0; i < 2; i++) {
			int due = ways[i].first && ways[i].first->due <= now();

			p[2 + i] = (struct pollfd){due ? ways[i].to : -1, POLLOUT, 0};
		}
		if (ppoll(p, 4, wait_time(ways, &ts), NULL) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++)
			if ((p[i].revents && !take(&ways[i])) || !give(&ways[i]))
				return;
	}
}

int main(int argc, char **argv)
{
	static struct way ways[2];
	int pair[2];

	delay = (uint64_t)(argc > 1 ? atof(argv[1]) * 1000 : 0);
	if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		fprintf(stderr, "usage: far MICROSECONDS\n");
		return 2;
	}
	switch (fork()) {
	case -1: return 1;
	case 0:
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		execl("/usr/lib/openssh/sftp-server", "sftp-server", (char *)NULL);
		execlp("sftp-server", "sftp-server", (char *)NULL);
		_exit(127);
	default: break;
	}
	signal(SIGPIPE, SIG_IGN);
	/* Wake when a piece is due, and not 50 us later, as is usual. */
	prctl(PR_SET_TIMERSLACK, 1000);
	for (int i = 0; i < 2; i++) {
		int size = 4 * 1024 * 1024;

		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
		setsockopt(1, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	}
	close(pair[1]);
	ways[0] = (struct way){0, pair[0], NULL, &ways[0].first};
	ways[1] = (struct way){pair[0], 1, NULL, &ways[1].first};
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(1, F_SETFL, O_NONBLOCK);
	run(ways);
	return 0;
}
