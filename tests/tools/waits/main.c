/*
 * The corners of waiting for events right after a turn in which several connections were read and answered, when the wait
 * goes along with what the turn left to do.
 *
 *     waits        prints what each case showed; the same bare and under the shim
 *
 * Each case runs in a process of its own, by each way to wait and in each mode of readiness. The other ends are those of
 * its child, which is told what to do by memory that they share: no call of the server has an effect that others see, but
 * for its answers. What the child has sent is there when it says so.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/tools/waits/waits.h"

enum { HELLOS = 3 };

static volatile sig_atomic_t handled;

static void some(void)
{
	turn();
	say(0, "a");
	say(2, "b");
	look("two", epfd, NR, -1);
	count();
	turn();
	look("none", epfd, NR, 0);
	turn();
	look("none", epfd, NR, 20);
	count();
}

static void one_by_one(void)
{
	for (int round = 0; round < 3; round++) {
		turn();
		for (int i = 0; i < NR; i++)
			say(i, "x");
		for (int i = 0; i < NR + 1; i++)
			look("one", epfd, 1, 0);
	}
}

static void refused(void)
{
	struct timespec wrong = {0, 1000000000}, *gone;
	struct epoll_event ev[NR];

	turn();
	say(1, "a");
	printf("  no events: %d\n", wait_on(epfd, ev, 0, 0) < 0 ? errno : 0);
	turn();
	say(1, "a");
	printf("  nowhere: %d\n", wait_on(epfd, (void *)64, NR, 0) < 0 ? errno : 0);
	look("again", epfd, NR, 0);
	turn();
	say(1, "a");
	printf("  no time: %ld\n", syscall(SYS_epoll_pwait2, epfd, ev, NR, &wrong, NULL, 8));
	printf("  no time: %ld\n", syscall(SYS_epoll_pwait2, epfd, ev, NR, (void *)64, NULL, 8));
	gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("  no time: %ld\n", syscall(SYS_epoll_pwait2, epfd, ev, NR, gone, NULL, 8));
	look("again", epfd, NR, 0);
	/* Half of it is there. */
	munmap(gone, 4096);
	gone = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect((char *)gone + 4096, 4096, PROT_NONE);
	gone = (void *)((char *)gone + 4096 - sizeof(gone->tv_sec));
	turn();
	say(1, "a");
	printf("  no time: %ld\n", syscall(SYS_epoll_pwait2, epfd, ev, NR, gone, NULL, 8));
	turn();
	say(1, "a");
	printf("  no time: %ld\n", syscall(SYS_ppoll, NULL, 0, gone, NULL, 8));
	look("again", epfd, NR, 0);
	turn();
	printf("  no epoll: %d\n", wait_on(near[0], ev, NR, 0) < 0 ? errno : 0);
	turn();
	printf("  no fd: %d\n", wait_on(1000, ev, NR, 0) < 0 ? errno : 0);
	count();
}

/* The same for lists. */
static void refused_lists(void)
{
	char *gone = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pollfd p[NR], *half = (struct pollfd *)(gone + 4096) - 1;
	struct timespec wrong = {0, 1000000000}, none = {0, 0};

	mprotect(gone + 4096, 4096, PROT_NONE);
	fill(p);
	*half = p[0];
	for (int i = 0; i < 7; i++) {
		static const char *const names[] = {"nowhere", "in part", "not there", "too many",
						    "no time", "no time", "no number"};
		long res = 0;

		turn();
		say(1, "a");
		errno = 0;
		switch (i) {
		case 0: res = syscall(SYS_ppoll, 64, NR, &none, NULL, 8); break;
		case 1: res = poll(half, NR, 0); break;
		case 2: res = select(64, (void *)(gone + 4096), NULL, NULL, NULL); break;
		case 3: res = syscall(SYS_ppoll, p, 1ul << 30, &none, NULL, 8); break;
		case 4: res = ppoll(p, NR, &wrong, NULL); break;
		case 5: res = syscall(SYS_ppoll, p, NR, gone + 4096, NULL, 8); break;
		default: res = select(-1, NULL, NULL, NULL, NULL); break;
		}
		printf("  %s: %ld %s\n", names[i], res, res < 0 ? strerror(errno) : "");
		look("again", epfd, NR, 0);
	}
	count();
}

/* What one thread has read is not there for another one, whatever that waits by; nor for one who asks in between. */
static void *looks(void *arg)
{
	(void)arg;
	look("other thread", epfd, NR, 0);
	return NULL;
}

static void other_thread(void)
{
	struct epoll_event ev[NR];
	pthread_t thread;
	char buf[8];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < NR; i++)
			say(i, "hello");
		wait_on(epfd, ev, NR, 1000);
		for (int i = 0; i < NR; i++)
			if (read(near[i], buf, round && i ? 3 : sizeof(buf)) < 0)
				perror("read");
		pthread_create(&thread, NULL, looks, NULL);
		pthread_join(thread, NULL);
		turn();
	}
	count();
}

/* A loop over a list, of which one is an epoll instance with a connection that is in hand. */
static void list_of_epoll(void)
{
	struct pollfd p = {.events = POLLIN};
	struct epoll_event ev[NR];
	char buf[8];

	epfd = p.fd = epoll_create1(0);
	for (int i = 0; i < NR; i++)
		watch(EPOLL_CTL_ADD, epfd, i, 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < NR; i++)
			say(i, "hello");
		printf("  events: %d\n", epoll_wait(epfd, ev, NR, 1000));
		for (int i = 0; i < NR; i++)
			if (read(near[i], buf, sizeof(buf)) < 0)
				perror("read");
		printf("  poll of epoll: %d\n", poll(&p, 1, 0));
	}
}

static void handler(int sig)
{
	(void)sig;
	handled++;
}

static void signals(void)
{
	struct itimerval timer = {.it_value.tv_usec = 20000};
	struct sigaction act = {.sa_handler = handler};
	sigset_t usr1, before;

	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	/* Held back: a wait that finds something does not let it in, whatever its mask. */
	turn();
	say(0, "a");
	raise(SIGUSR1);
	look("ready", epfd, NR, -1);
	printf("  handled: %d\n", handled);
	turn();
	look("not ready", epfd, NR, 0);
	printf("  handled: %d\n", handled);
	turn();
	look("not ready", epfd, NR, 20);
	printf("  handled: %d\n", handled);
	sigprocmask(SIG_SETMASK, &before, NULL);
	printf("  handled: %d\n", handled);
	turn();
	setitimer(ITIMER_REAL, &timer, NULL);
	look("alarm", epfd, NR, 5000);
	printf("  handled: %d\n", handled);
	sigprocmask(SIG_BLOCK, NULL, &before);
	printf("  blocked: %d\n", sigismember(&before, SIGUSR1));
	count();
}

/* An instance in another one; and connections in two. */
static void nested(void)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = 7};
	int outer = epoll_create1(0), other = epoll_create1(0);

	epoll_ctl(outer, EPOLL_CTL_ADD, epfd, &ev);
	for (int round = 0; round < 2; round++) {
		turn();
		look("outer", outer, NR, 0);
		say(1, "a");
		turn();
		say(2, "b");
		look("outer", outer, NR, 0);
		look("inner", epfd, NR, 0);
		look("outer", outer, NR, 0);
	}
	watch(EPOLL_CTL_ADD, other, 0, how);
	for (int round = 0; round < 2; round++) {
		turn();
		say(0, "a");
		look("other", other, NR, 0);
		look("own", epfd, NR, 0);
		turn();
		look("other", other, NR, 0);
	}
	count();
}

static void reused(void)
{
	int was = epfd;

	turn();
	close(epfd);
	look("closed", epfd, NR, 0);
	epfd = epoll_create1(0);
	printf("  same: %d\n", epfd == was);
	watch(EPOLL_CTL_ADD, epfd, 1, how);
	for (int round = 0; round < 2; round++) {
		say(1, "a");
		look("again", epfd, NR, 0);
		turn();
		say(1, "a");
		look("again", epfd, NR, 0);
	}
	count();
}

/* Threads that wait on instances of their own for one connection are both told, or only some of them. */
static void *waits(void *arg)
{
	struct epoll_event ev;

	return (void *)(intptr_t)epoll_wait(*(int *)arg, &ev, 1, 3000);
}

static void shared(void)
{
	int mine = epoll_create1(0);
	pthread_t thread;
	void *found;

	epoll_ctl(epfd, EPOLL_CTL_DEL, near[1], NULL);
	watch(EPOLL_CTL_ADD, epfd, 1, how & EPOLLET);
	watch(EPOLL_CTL_ADD, mine, 1, EPOLLEXCLUSIVE | (how & EPOLLET));
	turn();
	look("mine", epfd, NR, 0);
	pthread_create(&thread, NULL, waits, &mine);
	turn();
	look("mine", epfd, NR, 0);
	say(1, "a");
	pthread_join(thread, &found);
	printf("  the thread: %d\n", (int)(intptr_t)found);
	look("mine", epfd, NR, 0);
	count();
}

enum { EPOLLS = 1, LISTS = 2 };

static const struct {
	const char *name;
	void (*run)(void);
	unsigned by;
} cases[] = {
	{"some are ready", some, EPOLLS | LISTS},
	{"one by one", one_by_one, EPOLLS | LISTS},
	{"refused", refused, EPOLLS},
	{"refused", refused_lists, LISTS},
	{"signals", signals, EPOLLS | LISTS},
	{"nested", nested, EPOLLS},
	{"an instance in a list", list_of_epoll, LISTS},
	{"reused", reused, EPOLLS},
	{"shared", shared, EPOLLS},
	{"another thread", other_thread, LISTS},
};

static const struct {
	const char *name;
	uint32_t how;
} modes[] = {{"level", 0}, {"edge", EPOLLET}, {"one-shot", EPOLLONESHOT}};

static void run(size_t i, size_t m)
{
	int status;
	pid_t pid;

	printf("%s, %s, %s\n", cases[i].name, modes[m].name, ways[way].name);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(10);
		how = modes[m].how;
		meet();
		for (int n = 0; n < HELLOS; n++)
			turn();
		cases[i].run();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("  status %x\n", (unsigned)status);
}

int main(void)
{
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
		for (way = 0; way < ways_nr; way++)
			for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
				if (ways[way].lists ? !modes[m].how && cases[i].by & LISTS
						    : cases[i].by & EPOLLS)
					run(i, m);
	return 0;
}
