/*
 * The corners of an event loop: what a program sees of a connection that it has half read, half sent, shared, lost.
 *
 *     corners recv|send        prints what each case showed; the same bare and under the shim
 *
 * Each case runs in a process of its own, with a connection to itself that its loop has read from a few times before,
 * so that it is known. `send` has the cases in which something was sent just before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corners.h"

const char *self;

static const struct {
	const char *name;
	uint32_t how;
	enum way by;
} modes[] = {
	{"level", 0, BY_EPOLL},
	{"edge", EPOLLET, BY_EPOLL},
	{"edge with RDHUP", EPOLLET | EPOLLRDHUP, BY_EPOLL},
	{"one-shot", EPOLLONESHOT, BY_EPOLL},
	{"poll", 0, BY_POLL},
	{"ppoll", 0, BY_PPOLL},
	{"select", 0, BY_SELECT},
	{"pselect", 0, BY_PSELECT},
};

static void run(const struct corner *corner, size_t m)
{
	int status;
	pid_t pid;

	printf("%s, %s\n", corner->name, modes[m].name);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(10);
		/* Sent and still unknown is no failure of the program. */
		by = modes[m].by;
		meet(modes[m].how, SOCK_NONBLOCK);
		corner->run();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("  status %x\n", (unsigned)status);
}

int main(int argc, char **argv)
{
	const struct corner *corners;

	if (argc == 3 && !strcmp(argv[1], "rest")) {
		get(atoi(argv[2]), 100);
		return 0;
	}
	self = argv[0];
	if (argc != 2 || (strcmp(argv[1], "recv") && strcmp(argv[1], "send"))) {
		fputs("usage: corners recv|send\n", stderr);
		return 2;
	}
	corners = strcmp(argv[1], "send") ? receiving : sending;
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
		for (const struct corner *c = corners; c->name; c++)
			run(c, m);
	return 0;
}
