/* Being told of an end, and waiting for it; lists. */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aio-posix.h"

/* ---- Being told ---- */

static volatile sig_atomic_t told;
static siginfo_t told_info;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	told_info = *info;
	told++;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigaction(sig, &sa, NULL);
}

static void wait_told(int n)
{
	for (int i = 0; i < 5000 && told < n; i++)
		usleep(1000);
}

void case_signal(void)
{
	int fd = open_file(O_RDWR | O_DIRECT);
	int buffered = open_file(O_RDWR);
	struct aiocb cb;

	handle(SIGRTMIN + 3, 0);
	for (int i = 0; i < 3; i++) {
		make_cold(buffered);
		cb = request(i == 1 ? buffered : fd, 0, 1);
		cb.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
		cb.aio_sigevent.sigev_signo = SIGRTMIN + 3;
		cb.aio_sigevent.sigev_value.sival_int = 4711 + i;
		show("aio", i == 2 ? aio_write(&cb) : aio_read(&cb));
		wait_told(i + 1);
		printf("told %d: code %d value %d own pid %d own uid %d, %s %zd\n", (int)told,
		       told_info.si_code, told_info.si_value.sival_int, told_info.si_pid == getpid(),
		       told_info.si_uid == getuid(), strerror(aio_error(&cb)), aio_return(&cb));
	}
	/* Nobody is told of these. */
	cb = request(fd, 0, 1);
	cb.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
	cb.aio_sigevent.sigev_signo = 0;
	show("signal 0", aio_read(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 1);
	cb.aio_sigevent.sigev_notify = SIGEV_THREAD_ID;
	cb.aio_sigevent.sigev_signo = SIGRTMIN + 3;
	show("thread id", aio_read(&cb));
	show_end("", &cb);
	usleep(50000);
	printf("told %d\n", (int)told);
}

static void told_by_thread(union sigval value)
{
	pthread_attr_t attr;
	sigset_t mask;
	int state = -1, blocked = 0;
	size_t stack = 0;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getdetachstate(&attr, &state);
	pthread_attr_getstacksize(&attr, &stack);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig < 32; sig++)
		blocked += sigismember(&mask, sig);
	printf("thread: value %d, detached %d, small stack %d, signals blocked %d\n",
	       value.sival_int, state == PTHREAD_CREATE_DETACHED, stack < 1 << 20, blocked);
	told++;
}

void case_thread(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 2; i++) {
		struct aiocb cb = request(fd, i, 1);

		cb.aio_sigevent.sigev_notify = SIGEV_THREAD;
		cb.aio_sigevent.sigev_notify_function = told_by_thread;
		cb.aio_sigevent.sigev_notify_attributes = i ? &attr : NULL;
		cb.aio_sigevent.sigev_value.sival_int = 815 + i;
		show("aio_read", aio_read(&cb));
		wait_told(i + 1);
		show_end("", &cb);
	}
}

/* ---- Waiting ---- */

void case_suspend(void)
{
	const struct timespec moment = {0, 50000000}, long_time = {20, 0};
	int fd = open_file(O_RDONLY | O_DIRECT), fds[2];
	struct aiocb slow, quick;
	const struct aiocb *list[3];
	long spins = 0;

	if (pipe(fds))
		die("pipe");
	slow = request(fds[0], 0, 0);
	show("read of a pipe", aio_read(&slow));
	list[0] = &slow;
	show("too short a time", aio_suspend(list, 1, &moment));
	quick = request(fd, 1, 3);
	show("read", aio_read(&quick));
	list[1] = NULL;
	list[2] = &quick;
	show("either", aio_suspend(list, 3, &long_time));
	show_end("the quick one", &quick);
	handle(SIGALRM, 0);
	alarm(1);
	show("interrupted", aio_suspend(list, 1, &long_time));
	printf("handlers run: %d\n", (int)told);
	if (write(fds[1], "x", 1) != 1)
		die("write");
	show_end("the slow one", &slow);
	/* Nobody but this loop looks, and it makes no system call. */
	quick = request(fd, 1, 3);
	aio_read(&quick);
	while (aio_error(&quick) == EINPROGRESS)
		spins++;
	printf("seen in memory%s\n", spins < 0 ? "!" : "");
	show_end("", &quick);
}

/* Threads that wait for something else hear nothing of requests. */
void case_quiet(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT), ep = epoll_create1(0), interrupted = 0;
	struct epoll_event ev;

	for (int i = 0; i < 50; i++) {
		struct aiocb cb = request(fd, 0, i);

		aio_read(&cb);
		interrupted += epoll_wait(ep, &ev, 1, 5) < 0;
		await(&cb);
		aio_return(&cb);
	}
	printf("waits interrupted: %d\n", interrupted);
}

/* ---- Lists ---- */

void case_list(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT);
	struct aiocb cb[MANY];
	struct aiocb *list[MANY + 2];
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 4};
	int good = 0;

	handle(SIGRTMIN + 4, SA_RESTART);
	for (int mode = 0; mode < 2; mode++) {
		for (int i = 0; i < MANY; i++) {
			cb[i] = request(fd, i, i * 3);
			cb[i].aio_lio_opcode = LIO_READ;
			list[i] = &cb[i];
		}
		cb[5].aio_lio_opcode = LIO_NOP;
		list[MANY] = list[MANY + 1] = NULL;
		memset(memory, 0, (size_t)MANY * BLOCK);
		event.sigev_value.sival_int = 99;
		show("list",
		     lio_listio(mode ? LIO_NOWAIT : LIO_WAIT, list, MANY + 2, mode ? &event : NULL));
		if (mode)
			wait_told(1);
		for (int i = good = 0; i < MANY; i++)
			good += i != 5 && aio_error(&cb[i]) == 0 && aio_return(&cb[i]) == BLOCK &&
				is_filled(block(i), (uint64_t)i * 3 * BLOCK);
		printf("read %d, told %d, code %d, value %d\n", good, (int)told, told_info.si_code,
		       told_info.si_value.sival_int);
	}
	cb[0] = request(fd, 0, 0);
	cb[1] = request(fd, 1, 1);
	cb[1].aio_nbytes = 7; /* askew */
	cb[1].aio_buf = block(1) + 3;
	cb[0].aio_lio_opcode = cb[1].aio_lio_opcode = LIO_READ;
	show("list with an error", lio_listio(LIO_WAIT, list, 2, NULL));
	show_end("", &cb[0]);
	show_end("", &cb[1]);
}

/* Who was told, and of what: a list, or one of its requests; and whether any of it had not ended by then. */
enum { OF_LIST = 1000, LISTED = 8 };
static struct aiocb listed[LISTED];
static int told_list, told_one, told_early;

static void told_of(int value)
{
	for (int i = 0; i < LISTED; i++)
		if ((value == OF_LIST || value == i) && aio_error(&listed[i]) == EINPROGRESS)
			__atomic_add_fetch(&told_early, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(value == OF_LIST ? &told_list : &told_one, 1, __ATOMIC_SEQ_CST);
}

static void told_by_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	told_of(info->si_value.sival_int);
}

static void told_in_thread(union sigval value)
{
	told_of(value.sival_int);
}

static struct sigevent event_for(int kind, int value)
{
	struct sigevent event = {.sigev_notify = kind};

	event.sigev_value.sival_int = value;
	if (kind == SIGEV_SIGNAL)
		event.sigev_signo = SIGRTMIN + 5;
	if (kind == SIGEV_THREAD)
		event.sigev_notify_function = told_in_thread;
	return event;
}

/* Each kind of telling of a list, and of the requests in it; reads and writes; waiting for it, which tells nobody of the list. */
void case_told_of_lists(void)
{
	static const int kinds[] = {SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, -1};
	struct sigaction sa = {.sa_sigaction = told_by_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	int fds[2] = {open_file(O_RDWR | O_DIRECT), open_file(O_RDWR)};

	sigaction(SIGRTMIN + 5, &sa, NULL);
	for (int n = 0; n < 4 * 3 * 2 * 2; n++) {
		int kind = kinds[n % 4], each = kinds[n / 4 % 3], fd = fds[n / 12 % 2], mode = n / 24;
		struct sigevent event = event_for(kind < 0 ? SIGEV_NONE : kind, OF_LIST);
		struct aiocb *list[LISTED];
		int ones = each == SIGEV_NONE ? 0 : LISTED, good = 0;
		int lists = mode || kind == SIGEV_NONE || kind < 0 ? 0 : 1;

		told_list = told_one = told_early = 0;
		make_cold(fds[1]);
		for (int i = 0; i < LISTED; i++) {
			fill(block(i), (uint64_t)i * BLOCK);
			listed[i] = request(fd, i, i);
			listed[i].aio_lio_opcode = i % 2 ? LIO_READ : LIO_WRITE;
			listed[i].aio_sigevent = event_for(each, i);
			list[i] = &listed[i];
		}
		show("list", lio_listio(mode ? LIO_WAIT : LIO_NOWAIT, list, LISTED,
					kind < 0 ? NULL : &event));
		for (int i = 0; i < LISTED; i++) {
			await(&listed[i]);
			good += aio_return(&listed[i]) == BLOCK &&
				is_filled(block(i), (uint64_t)i * BLOCK);
		}
		for (int i = 0; i < 5000 && (__atomic_load_n(&told_list, __ATOMIC_SEQ_CST) < lists ||
					     __atomic_load_n(&told_one, __ATOMIC_SEQ_CST) < ones);
		     i++)
			usleep(1000);
		printf("%d: %d right, told %d of %d, %d too early\n", n, good, told_list, told_one,
		       told_early);
	}
}

static struct aiocb looked_at;
static volatile sig_atomic_t seen_in_handler;

static void look_handler(int sig)
{
	(void)sig;
	await(&looked_at);
	seen_in_handler = aio_error(&looked_at) == 0;
}

void case_handler(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT);

	signal(SIGUSR1, look_handler);
	looked_at = request(fd, 0, 1);
	aio_read(&looked_at);
	raise(SIGUSR1);
	printf("seen in a handler: %d\n", (int)seen_in_handler);
}

/* The end of the process with requests under way. */
