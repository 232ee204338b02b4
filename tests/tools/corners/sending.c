/* What the other end sees of what a loop has sent, however the loop goes on: put off, it is not lost. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "corners.h"

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

/* Closed by its number alone, with an answer before it; the fd is a file's then, and a write to it is in the file. */
static void closed_by_number(void)
{
#ifdef SYS_close_range
	char name[] = "/tmp/corner.XXXXXX";
	struct stat st = {.st_size = -1};
	int fd;

	turn();
	put("answer");
	far = dup(far);
	syscall(SYS_close_range, near - 1, near, 0);
	far_gets(300);
	far_gets(300);
	close(mkstemp(name));
	do
		fd = open(name, O_WRONLY);
	while (fd >= 0 && fd < near);
	show("same", fd == near, NULL);
	show("write", write(fd, "in a file", 9), NULL);
	close(fd);
	stat(name, &st);
	show("size", (ssize_t)st.st_size, NULL);
	unlink(name);
#endif
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
		wait_on(epfd, &ev, 1, 0);
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
		wait_on(epfd, &ev, 1, 0);
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

	/* Not before the way out is there as a whole, with its mask. */
	if (!sigsetjmp(way_out, 1)) {
		waiting = 1;
		wait_on(epfd, &ev, 1, ms);
	}
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
	res = wait_on(epfd, &ev, 1, 5000);
	show("wait", res, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	tick(0);
	printf("  at once: %d\n", b.tv_sec - a.tv_sec < 2);
	far_gets(300);
}

const struct corner sending[] = {
	{"computing", computing},
	{"two parts", two_parts},
	{"close", closing},
	{"close by number", closed_by_number},
	{"shutdown", shutting},
	{"fork", sending_fork},
	{"end", ending},
	{"effects", effects},
	{"dup", copies},
	{"stuck", stuck},
	{"stuck and closed", stuck_closed},
	{"broken", broken},
	{"handlers", handlers},
	{NULL, NULL},
};
