/*
 * The corners of an event loop: what a program sees of a connection that it has half read, half sent, shared, lost.
 *
 *     corners recv|send        prints what each case showed; the same bare and under the shim
 *
 * Each case runs in a process of its own, with a connection to itself that its loop has read from a few times before,
 * so that it is known. `send` has the cases in which something was sent just before.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int epfd, far, near; /* far: the other end, of a client */
static uint32_t how;	    /* EPOLLET, EPOLLONESHOT, ... */
static const char *self;

static void settle_down(void)
{
	struct timespec ts = {.tv_nsec = 3000000};

	/* Not usleep: no library call that might be more than this. */
	nanosleep(&ts, NULL);
}

static const char *word(int error)
{
	switch (error) {
	case EAGAIN: return "EAGAIN";
	case ECONNRESET: return "ECONNRESET";
	case EPIPE: return "EPIPE";
	case ENOTCONN: return "ENOTCONN";
	case EBADF: return "EBADF";
	case EINVAL: return "EINVAL";
	default: return strerror(error);
	}
}

/* Print a result, and what came. */
static void show(const char *what, ssize_t n, const char *buf)
{
	if (n < 0)
		printf("  %s: %s\n", what, word(errno));
	else if (buf && n <= 64)
		printf("  %s: %zd \"%.*s\"\n", what, n, (int)n, buf);
	else
		printf("  %s: %zd\n", what, n);
}

static void say(const char *text)
{
	if (send(far, text, strlen(text), 0) < 0)
		perror("send");
	settle_down();
}

static void get(int fd, size_t n)
{
	static char buf[1 << 16];

	show("read", read(fd, buf, n), buf);
}

/* One look at the loop. */
static int look(int ep)
{
	struct epoll_event ev[8];
	int nr = epoll_wait(ep, ev, 8, 0);

	printf("  wait: %d", nr);
	for (int i = 0; i < nr; i++)
		printf(" %x%s", ev[i].events, ev[i].data.u64 == 0x123456789abcdefu ? "" : " other");
	printf("\n");
	return nr;
}

static void watch(int op, int ep, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = 0x123456789abcdefu};

	if (epoll_ctl(ep, op, fd, &ev))
		perror("epoll_ctl");
}

static void rearm(void)
{
	if (how & EPOLLONESHOT)
		watch(EPOLL_CTL_MOD, epfd, near, EPOLLIN | how);
}

/* A connection that is known. */
static void meet(uint32_t mode, int flags)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	char buf[8192];

	how = mode;
	epfd = epoll_create1(0);
	far = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(door, (struct sockaddr *)&at, len) || listen(door, 1) ||
	    getsockname(door, (struct sockaddr *)&at, &len) ||
	    connect(far, (struct sockaddr *)&at, len))
		perror("connect");
	near = accept4(door, NULL, NULL, flags);
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(door);
	watch(EPOLL_CTL_ADD, epfd, near, EPOLLIN | how);
	for (int i = 0; i < 3; i++) {
		struct epoll_event ev;

		say("hello");
		if (epoll_wait(epfd, &ev, 1, 1000) != 1 || read(near, buf, sizeof(buf)) != 5)
			printf("  no greeting\n");
		rearm();
	}
}

/* ---- Receiving ---- */

/* All that comes, over as many turns as it takes. */
static void drain(int fd, int ep)
{
	char buf[64];
	ssize_t n;

	for (int turn = 0; turn < 20; turn++) {
		struct epoll_event ev;

		epoll_wait(ep, &ev, 1, 50);
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

static void ten(void)
{
	say("0123456789");
	look(epfd);
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

/* ---- Sending ---- */

static void put(const char *text)
{
	show("write", write(near, text, strlen(text)), NULL);
}

/* What the other end gets within so many ms. */
static void far_gets(int ms)
{
	char buf[200];
	ssize_t n;

	do {
		n = recv(far, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN && ms > 0)
			settle_down();
		else
			break;
		ms -= 3;
	} while (true);
	show("far", n, buf);
}

/* A turn, after which the answer is sent. */
static void turn(void)
{
	ten();
	get(near, 100);
}

static void computing(void)
{
	turn();
	put("answer");
	far_gets(300);
}

static void two_parts(void)
{
	turn();
	put("an");
	put("swer");
	look(epfd);
	far_gets(300);
}

static void closing(void)
{
	turn();
	put("answer");
	close(near);
	far_gets(300);
	far_gets(300);
}

static void shutting(void)
{
	turn();
	put("answer");
	shutdown(near, SHUT_WR);
	far_gets(300);
	far_gets(300);
}

static void sending_fork(void)
{
	pid_t pid;

	turn();
	put("answer");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		put("child");
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	put("parent");
	look(epfd);
	far_gets(300);
}

static void sending_end(void (*end)(void))
{
	int gate[2];
	pid_t pid;

	if (pipe(gate))
		perror("pipe");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		meet(how, SOCK_NONBLOCK);
		turn();
		put("answer");
		fflush(stdout);
		/* The other end stays with the parent in spirit: a grandchild reads it after we are gone. */
		if (!fork()) {
			char byte;

			close(near);
			close(gate[1]);
			if (read(gate[0], &byte, 1))
				printf("  not gone\n");
			far_gets(300);
			far_gets(300);
			fflush(stdout);
			_exit(0);
		}
		close(gate[0]);
		put("more");
		fflush(stdout);
		end();
		_exit(1);
	}
	close(gate[1]);
	waitpid(pid, NULL, 0);
	/* The grandchild is an orphan by then; its output comes in time. */
	usleep(100000);
}

static void by__exit(void)
{
	_exit(0);
}

static void by_exit(void)
{
	exit(0);
}

static void by_exec(void)
{
	execl("/bin/true", "true", NULL);
}

static void by_syscall(void)
{
	syscall(SYS_exit_group, 0);
}

static void ending(void)
{
	sending_end(by__exit);
	sending_end(by_exit);
	sending_end(by_exec);
	sending_end(by_syscall);
}

/* Something that others see comes after what was sent before. */
static void effects(void)
{
	int fds[2];

	if (pipe(fds))
		perror("pipe");
	turn();
	put("answer");
	if (write(fds[1], "x", 1) != 1)
		perror("write");
	far_gets(0);
	turn();
	put("answer");
	mkdir("/proc/none/here", 0);
	far_gets(0);
	/* Half read when that happens. */
	ten();
	get(near, 4);
	put("answer");
	mkdir("/proc/none/here", 0);
	get(near, 4);
	put("answer");
	mkdir("/proc/none/here", 0);
	get(near, 100);
	far_gets(0);
}

static void copies(void)
{
	int copy;

	turn();
	put("ans");
	copy = dup(near);
	show("write", write(copy, "wer", 3), NULL);
	put("!");
	look(epfd);
	far_gets(300);
}

/* The other end does not read: what was accepted is what comes, in order, once. */
static void stuck(void)
{
	static char block[8192], got[1 << 16];
	size_t accepted = 0, seen = 0;
	bool right = true;
	ssize_t n;

	for (int i = 0; i < 4000; i++) {
		struct epoll_event ev;

		for (size_t k = 0; k < sizeof(block); k++)
			block[k] = (char)((accepted + k) * 7 >> 3);
		n = write(near, block, sizeof(block));
		if (n < 0)
			break;
		accepted += (size_t)n;
		epoll_wait(epfd, &ev, 1, 0);
	}
	printf("  %s\n", n < 0 ? word(errno) : "no end");
	watch(EPOLL_CTL_MOD, epfd, near, EPOLLOUT);
	printf("  full: %d\n", look(epfd) == 0);
	while (seen < accepted && (n = recv(far, got, sizeof(got), 0)) > 0) {
		for (ssize_t k = 0; k < n; k++, seen++)
			right = right && got[k] == (char)(seen * 7 >> 3);
	}
	settle_down();
	printf("  all: %d, right: %d\n", seen == accepted, right);
	look(epfd);
	put("end");
	watch(EPOLL_CTL_MOD, epfd, near, EPOLLIN);
	look(epfd);
	far_gets(300);
}

static void stuck_closed(void)
{
	static char block[8192], got[1 << 16];
	size_t accepted = 0, seen = 0;
	ssize_t n;

	for (int i = 0; i < 4000; i++) {
		struct epoll_event ev;

		n = write(near, block, sizeof(block));
		if (n < 0)
			break;
		accepted += (size_t)n;
		epoll_wait(epfd, &ev, 1, 0);
	}
	close(near);
	while ((n = recv(far, got, sizeof(got), 0)) > 0)
		seen += (size_t)n;
	printf("  all: %d, end: %zd\n", seen == accepted, n);
}

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	pipes += sig == SIGPIPE;
}

static void broken(void)
{
	struct linger now = {1, 0};
	int failed = 0;

	signal(SIGPIPE, on_pipe);
	turn();
	setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(far);
	settle_down();
	/* Put off or not, it fails in the end, and SIGPIPE comes. */
	for (int i = 0; i < 5; i++) {
		failed += write(near, "x", 1) < 0;
		if (look(epfd) > 0 && read(near, &(char){0}, 1) > 0)
			printf("  more\n");
	}
	printf("  failed: %d, SIGPIPE: %d\n", failed > 0, pipes > 0);
	failed = send(near, "x", 1, MSG_NOSIGNAL) < 0 ? errno : 0;
	printf("  at last: %s\n", word(failed));
}

/* ---- */

static sigjmp_buf way_out;
static volatile sig_atomic_t waiting, ran;

static void alarmed(int sig)
{
	(void)sig;
	ran++;
	if (waiting && ran % 2)
		siglongjmp(way_out, 1);
}

/* A look at the loop that a handler may leave for good. */
static void wait_alarmed(int ms)
{
	struct epoll_event ev;

	waiting = 1;
	if (!sigsetjmp(way_out, 1))
		epoll_wait(epfd, &ev, 1, ms);
	waiting = 0;
}

static void tick(int us)
{
	struct itimerval each = {{.tv_usec = us}, {.tv_usec = us}};

	setitimer(ITIMER_REAL, &each, NULL);
}

static void handlers(void)
{
	struct timespec a, b;
	struct epoll_event ev;
	int right = 0, res;
	sigset_t now;
	char buf[8];

	signal(SIGALRM, alarmed);
	tick(500);
	for (int i = 0; i < 300; i++) {
		char byte = (char)i, back = 0;

		send(far, &byte, 1, 0);
		do {
			rearm();
			wait_alarmed(20);
		} while (read(near, buf, sizeof(buf)) != 1);
		if (write(near, buf, 1) != 1)
			perror("write");
		wait_alarmed(0);
		while (recv(far, &back, 1, 0) < 0 && errno == EINTR)
			;
		right += back == byte;
	}
	tick(0);
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("  right: %d, ran: %d, held back: %d\n", right, ran > 0, sigismember(&now, SIGALRM));
	/* One that comes while nothing else does ends the wait, which is not begun again. */
	rearm();
	turn();
	put("answer");
	tick(30000);
	clock_gettime(CLOCK_MONOTONIC, &a);
	res = epoll_wait(epfd, &ev, 1, 5000);
	show("wait", res, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	tick(0);
	printf("  at once: %d\n", b.tv_sec - a.tv_sec < 2);
	far_gets(300);
}

static const struct {
	const char *kind, *name;
	void (*run)(void);
} cases[] = {
	{"recv", "part of it", part},
	{"recv", "not read", not_read},
	{"recv", "bytes that come later", late_bytes},
	{"recv", "FIONREAD", pending},
	{"recv", "flags", peeked},
	{"recv", "vectors and messages", messages},
	{"recv", "poll and select", polled},
	{"recv", "shutdown", shut},
	{"recv", "half closed", half_closed},
	{"recv", "reset", reset},
	{"recv", "reset before", reset_before},
	{"recv", "dup", duplicated},
	{"recv", "fork", forked},
	{"recv", "passed on", passed},
	{"recv", "exec", executed},
	{"recv", "threads", threaded},
	{"recv", "bad addresses", bad_addresses},
	{"recv", "two loops", two_loops},
	{"recv", "close", closed},
	{"recv", "reused", reused},
	{"recv", "urgent", urgent},
	{"recv", "large", large},
	{"recv", "blocking", blocking},
	{"recv", "stdio", stream},
	{"send", "computing", computing},
	{"send", "two parts", two_parts},
	{"send", "close", closing},
	{"send", "shutdown", shutting},
	{"send", "fork", sending_fork},
	{"send", "end", ending},
	{"send", "effects", effects},
	{"send", "dup", copies},
	{"send", "stuck", stuck},
	{"send", "stuck and closed", stuck_closed},
	{"send", "broken", broken},
	{"send", "handlers", handlers},
};

static const struct {
	const char *name;
	uint32_t how;
	int flags;
} modes[] = {
	{"level", 0, SOCK_NONBLOCK},
	{"edge", EPOLLET, SOCK_NONBLOCK},
	{"edge with RDHUP", EPOLLET | EPOLLRDHUP, SOCK_NONBLOCK},
	{"one-shot", EPOLLONESHOT, SOCK_NONBLOCK},
};

static void run(size_t i, size_t m)
{
	int status;
	pid_t pid;

	printf("%s, %s\n", cases[i].name, modes[m].name);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(10);
		/* Sent and still unknown is no failure of the program. */
		meet(modes[m].how, modes[m].flags);
		cases[i].run();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("  status %x\n", (unsigned)status);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "rest")) {
		get(atoi(argv[2]), 100);
		return 0;
	}
	self = argv[0];
	if (argc != 2) {
		fputs("usage: corners recv|send\n", stderr);
		return 2;
	}
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			if (!strcmp(argv[1], cases[i].kind))
				run(i, m);
	return 0;
}
