/* What a program sees of a connection that it has half read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include "corners.h"

/* All that comes, over as many turns as it takes. */
static void drain(int fd, int ep)
{
	char buf[64];
	ssize_t n;

	for (int turn = 0; turn < 20; turn++) {
		struct epoll_event ev;

		wait_on(ep, &ev, 1, 50);
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			printf("  got \"%.*s\"\n", (int)n, buf);
		if (!n || errno != EAGAIN) {
			printf("  end: %s\n", n ? word(errno) : "of file");
			return;
		}
		rearm();
	}
	printf("  no end\n");
}

static void part(void)
{
	ten();
	get(near, 4);
	rearm();
	look(epfd);
	get(near, 100);
	get(near, 100);
	rearm();
	look(epfd);
	say("more");
	look(epfd);
	get(near, 100);
}

static void not_read(void)
{
	ten();
	rearm();
	look(epfd);
	say("abc");
	look(epfd);
	get(near, 100);
	look(epfd);
}

static void late_bytes(void)
{
	ten();
	say("abc");
	/* Bytes that came after the wait may be seen now, or in the next turn. */
	get(near, 4);
	get(near, 6);
	drain(near, epfd);
}

static void pending(void)
{
	int n = -1;

	ten();
	get(near, 4);
	ioctl(near, FIONREAD, &n);
	printf("  FIONREAD: %d\n", n);
	get(near, 6);
	ioctl(near, FIONREAD, &n);
	printf("  FIONREAD: %d\n", n);
}

static void peeked(void)
{
	char buf[100];

	ten();
	get(near, 4);
	show("peek", recv(near, buf, sizeof(buf), MSG_PEEK), buf);
	get(near, 3);
	show("trunc", recv(near, buf, 2, MSG_TRUNC), NULL);
	show("waitall", recv(near, buf, 5, MSG_WAITALL), buf);
	show("dontwait", recv(near, buf, 5, MSG_DONTWAIT), NULL);
}

static void messages(void)
{
	char a[3], b[100];
	struct iovec iov[2] = {{a, sizeof(a)}, {b, sizeof(b)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;

	ten();
	get(near, 1);
	n = readv(near, iov, 1);
	show("readv", n, a);
	show("recvfrom", recvfrom(near, b, 2, 0, (struct sockaddr *)&from, &len), b);
	n = recvmsg(near, &msg, 0);
	printf("  recvmsg: %zd \"%.3s\" \"%.*s\" flags %x\n", n, a, (int)n - 3, b, msg.msg_flags);
	say("0123456789");
	look(epfd);
	n = readv(near, iov, 2);
	printf("  readv: %zd \"%.3s\" \"%.*s\"\n", n, a, (int)n - 3, b);
	say("0123456789");
	look(epfd);
	show("syscall", syscall(SYS_recvfrom, near, b, 4, 0, NULL, NULL), b);
	show("syscall", syscall(SYS_read, near, b, 100), b);
}

static void polled(void)
{
	struct pollfd p = {.fd = near, .events = POLLIN};
	struct timeval none = {0};
	fd_set set;

	ten();
	get(near, 4);
	printf("  poll: %d\n", poll(&p, 1, 0));
	look(epfd);
	get(near, 6);
	printf("  poll: %d\n", poll(&p, 1, 0));
	FD_ZERO(&set);
	FD_SET(near, &set);
	ten();
	get(near, 100);
	printf("  select: %d\n", select(near + 1, &set, NULL, NULL, &none));
	ten();
	get(near, 100);
	p.fd = epfd;
	printf("  poll of epoll: %d\n", poll(&p, 1, 0));
}

static void shut(void)
{
	ten();
	get(near, 4);
	shutdown(near, SHUT_RD);
	get(near, 100);
	get(near, 100);
}

static void half_closed(void)
{
	say("last words");
	shutdown(far, SHUT_WR);
	settle_down();
	drain(near, epfd);
}

static void reset(void)
{
	struct linger now = {1, 0};

	ten();
	get(near, 4);
	setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(far);
	settle_down();
	get(near, 3);
	drain(near, epfd);
}

static void reset_before(void)
{
	struct linger now = {1, 0};
	socklen_t len = sizeof(int);
	int error = -1;

	say("0123456789");
	setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(far);
	settle_down();
	look(epfd);
	getsockopt(near, SOL_SOCKET, SO_ERROR, &error, &len);
	printf("  SO_ERROR: %s\n", word(error));
	get(near, 100);
}

static void duplicated(void)
{
	int copy, other;

	ten();
	get(near, 4);
	copy = dup(near);
	get(copy, 3);
	get(near, 1);
	other = (int)syscall(SYS_fcntl, near, F_DUPFD, 50);
	get(other, 100);
	say("0123456789");
	look(epfd);
	get(near, 4);
	get(copy, 100);
}

/* A child has some of it, and its parent the rest. */
static void child_gets(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		get(near, 3);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	get(near, 100);
}

static void forked(void)
{
	ten();
	get(near, 4);
	child_gets();
	say("abcdefghij");
	look(epfd);
	get(near, 4);
	child_gets();
}

static void passed(void)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS}};
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int pair[2], copy;

	ten();
	get(near, 4);
	memcpy(CMSG_DATA(&control.head), &near, sizeof(int));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sendmsg(pair[0], &msg, 0) != 1 ||
	    recvmsg(pair[1], &msg, 0) != 1)
		perror("pass");
	memcpy(&copy, CMSG_DATA(&control.head), sizeof(int));
	get(copy, 3);
	get(near, 100);
	say("0123456789");
	look(epfd);
	get(near, 4);
	get(copy, 100);
}

static void executed(void)
{
	char fd[16];

	ten();
	get(near, 4);
	fflush(stdout);
	snprintf(fd, sizeof(fd), "%d", near);
	execl(self, self, "rest", fd, NULL);
}

static void *other_thread(void *arg)
{
	get(near, 3);
	return arg;
}

static void threaded(void)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		ten();
		get(near, 4);
		pthread_create(&thread, NULL, other_thread, NULL);
		pthread_join(thread, NULL);
		get(near, 100);
	}
}

/* What the kernel refuses takes nothing. */
static void bad_addresses(void)
{
	struct iovec bad[2] = {{(void *)8, 4}, {(void *)-4096l, 4}};
	struct msghdr msg = {.msg_iov = bad, .msg_iovlen = 2};

	say("abcdefghij");
	look(epfd);
	show("read", read(near, bad[0].iov_base, 4), NULL);
	show("recv", recv(near, bad[1].iov_base, 4, 0), NULL);
	show("readv", readv(near, bad, 2), NULL);
	show("readv of no vector", readv(near, bad[0].iov_base, 2), NULL);
	show("recvmsg", recvmsg(near, &msg, 0), NULL);
	show("write", write(near, bad[0].iov_base, 4), NULL);
	show("send", send(near, bad[1].iov_base, 4, 0), NULL);
	show("writev", writev(near, bad, 2), NULL);
	show("writev of no vector", writev(near, bad[1].iov_base, 2), NULL);
	show("sendmsg", sendmsg(near, &msg, 0), NULL);
	show("sendmsg of none", sendmsg(near, bad[0].iov_base, 0), NULL);
	get(near, 100);
}

static void two_loops(void)
{
	int second = epoll_create1(0), outer = epoll_create1(0);

	watch(EPOLL_CTL_ADD, second, near, EPOLLIN);
	ten();
	get(near, 100);
	look(second);
	say("again");
	look(epfd);
	get(near, 100);
	look(second);
	watch(EPOLL_CTL_DEL, second, near, 0);
	watch(EPOLL_CTL_ADD, outer, epfd, EPOLLIN);
	say("again");
	look(epfd);
	get(near, 100);
	look(outer);
}

static void closed(void)
{
	ten();
	get(near, 10);
	close(near);
	get(far, 100);
	meet(how, SOCK_NONBLOCK);
	ten();
	get(near, 4);
	close(near);
	get(far, 100);
	meet(how, SOCK_NONBLOCK);
	ten();
	get(near, 4);
	dup2(far, near);
	get(far, 100);
}

static void reused(void)
{
	int fds[2], was = near;

	ten();
	get(near, 4);
	close(near);
	if (pipe(fds))
		perror("pipe");
	printf("  same number: %d\n", fds[0] == was);
	if (write(fds[1], "pipe", 4) != 4)
		perror("write");
	look(epfd);
	get(fds[0], 100);
}

static void urgent(void)
{
	int mark = -1;

	say("abc");
	send(far, "!", 1, MSG_OOB);
	say("def");
	look(epfd);
	get(near, 100);
	ioctl(near, SIOCATMARK, &mark);
	printf("  at mark: %d\n", mark);
	get(near, 100);
}

static void large(void)
{
	static char buf[20000];

	memset(buf, 'x', sizeof(buf));
	send(far, buf, 6000, 0);
	settle_down();
	look(epfd);
	get(near, 8192);
	send(far, buf, 5000, 0);
	settle_down();
	look(epfd);
	get(near, 4096);
	get(near, 8192);
	get(near, 0);
	ten();
	get(near, 0);
	get(near, 100);
}

static void blocking(void)
{
	struct timeval limit = {.tv_usec = 60000};
	struct timespec a, b;
	long ms;

	ten();
	setsockopt(near, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	fcntl(near, F_SETFL, fcntl(near, F_GETFL) & ~O_NONBLOCK);
	get(near, 100);
	clock_gettime(CLOCK_MONOTONIC, &a);
	get(near, 100);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	printf("  waited: %d\n", ms >= 50);
}

static void stream(void)
{
	char line[32] = "";
	FILE *f;

	ten();
	get(near, 4);
	say("\n");
	f = fdopen(near, "r");
	printf("  fgets: %s", fgets(line, sizeof(line), f));
}

const struct corner receiving[] = {
	{"part of it", part},
	{"not read", not_read},
	{"bytes that come later", late_bytes},
	{"FIONREAD", pending},
	{"flags", peeked},
	{"vectors and messages", messages},
	{"poll and select", polled},
	{"shutdown", shut},
	{"half closed", half_closed},
	{"reset", reset},
	{"reset before", reset_before},
	{"dup", duplicated},
	{"fork", forked},
	{"passed on", passed},
	{"exec", executed},
	{"threads", threaded},
	{"bad addresses", bad_addresses},
	{"two loops", two_loops},
	{"close", closed},
	{"reused", reused},
	{"urgent", urgent},
	{"large", large},
	{"blocking", blocking},
	{"stdio", stream},
	{NULL, NULL},
};
