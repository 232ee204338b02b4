/*
 * What POSIX says of aio_read and kin, one case an argument: aio-posix CASE FILE. Prints what it saw, the same bare and
 * under the shim. FILE is of 1 MiB and is written to; its words are their own offsets.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aio_case.h"

enum { BLOCK = 4096, BLOCKS = 256, MANY = 64 };

static char *memory; /* MANY blocks, aligned */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Out of the page cache, so that reads take a while. */
static void make_cold(int fd)
{
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static char *block(int i)
{
	return memory + (size_t)i * BLOCK;
}

static void fill(char *buf, uint64_t offset)
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		((uint64_t *)(void *)buf)[i] = offset + 8 * i;
}

static int is_filled(const char *buf, uint64_t offset)
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		if (((const uint64_t *)(const void *)buf)[i] != offset + 8 * i)
			return 0;
	return 1;
}

static struct aiocb request(int fd, int i, int at)
{
	struct aiocb cb;

	memset(&cb, 0, sizeof(cb));
	cb.aio_fildes = fd;
	cb.aio_buf = block(i);
	cb.aio_nbytes = BLOCK;
	cb.aio_offset = (off_t)at * BLOCK;
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	return cb;
}

static void await(const struct aiocb *cb)
{
	const struct aiocb *list[1] = {cb};

	while (aio_error(cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
}

/* The end of a request. */
static void show_end(const char *what, struct aiocb *cb)
{
	int error;

	await(cb);
	error = aio_error(cb);
	printf("%s: %s, %zd\n", what, strerror(error), aio_return(cb));
}

/* ---- Reading and writing ---- */

static void case_read(void)
{
	static const int flags[] = {O_RDONLY, O_RDONLY | O_DIRECT};

	for (int f = 0; f < 2; f++) {
		int fd = open_file(flags[f]);
		struct aiocb cb[MANY];
		int good = 0;

		make_cold(fd);
		for (int round = 0; round < 2; round++) {
			memset(memory, 0, (size_t)MANY * BLOCK);
			for (int i = 0; i < MANY; i++) {
				cb[i] = request(fd, i, (i * 37) % BLOCKS);
				if (aio_read(&cb[i]))
					die("aio_read");
			}
			for (int i = 0; i < MANY; i++) {
				await(&cb[i]);
				good += aio_error(&cb[i]) == 0 && aio_return(&cb[i]) == BLOCK &&
					is_filled(block(i), (uint64_t)((i * 37) % BLOCKS) * BLOCK);
			}
		}
		printf("read %d of %d\n", good, 2 * MANY);
		cb[0] = request(fd, 0, BLOCKS);
		aio_read(&cb[0]);
		show_end("at the end", &cb[0]);
		cb[0] = request(fd, 0, BLOCKS - 1);
		cb[0].aio_nbytes = 2 * BLOCK;
		aio_read(&cb[0]);
		show_end("over the end", &cb[0]);
		cb[0] = request(fd, 0, 0);
		cb[0].aio_nbytes = 0;
		aio_read(&cb[0]);
		show_end("of nothing", &cb[0]);
		close(fd);
	}
}

static void case_write(void)
{
	static const int flags[] = {O_RDWR, O_RDWR | O_DIRECT};

	for (int f = 0; f < 2; f++) {
		int fd = open_file(flags[f]);
		struct aiocb cb[MANY], sync;
		int good = 0, before;

		for (int i = 0; i < MANY; i++) {
			fill(block(i), (uint64_t)(7 + f) << 40 | (uint64_t)i);
			cb[i] = request(fd, i, i);
			if (aio_write(&cb[i]))
				die("aio_write");
		}
		sync = request(fd, 0, 0);
		show("aio_fsync", aio_fsync(f ? O_SYNC : O_DSYNC, &sync));
		show_end("sync", &sync);
		/* A sync ends after what was asked for before it. */
		for (int i = before = 0; i < MANY; i++)
			before += aio_error(&cb[i]) == 0;
		printf("ended before the sync: %d\n", before);
		for (int i = 0; i < MANY; i++) {
			char check[BLOCK];

			good += aio_return(&cb[i]) == BLOCK &&
				pread(fd, f ? block(i) : check, BLOCK, (off_t)i * BLOCK) == BLOCK &&
				is_filled(f ? block(i) : check, (uint64_t)(7 + f) << 40 | (uint64_t)i);
		}
		printf("wrote %d\n", good);
		close(fd);
	}
}

/* With O_APPEND, in the order of the calls, wherever the requests say. */
static void case_append(void)
{
	static const int flags[] = {O_WRONLY | O_APPEND | O_TRUNC,
				    O_WRONLY | O_APPEND | O_TRUNC | O_DIRECT};

	for (int f = 0; f < 2; f++) {
		int fd = open_file(flags[f]), in;
		struct aiocb cb[MANY];
		int good = 0;

		for (int i = 0; i < MANY; i++) {
			fill(block(i), (uint64_t)i << 32);
			cb[i] = request(fd, i, 0);
			if (aio_write(&cb[i]))
				die("aio_write");
		}
		for (int i = 0; i < MANY; i++)
			await(&cb[i]);
		in = open_file(O_RDONLY);
		for (int i = 0; i < MANY; i++)
			good += pread(in, block(0), BLOCK, (off_t)i * BLOCK) == BLOCK &&
				is_filled(block(0), (uint64_t)i << 32);
		printf("in order: %d, size %ld\n", good, (long)lseek(in, 0, SEEK_END));
		close(in);
		close(fd);
	}
}

/* ---- Errors ---- */

static void case_errors(void)
{
	int fd = open_file(O_RDONLY), out = open_file(O_WRONLY),
	    direct = open_file(O_RDWR | O_DIRECT);
	struct aiocb cb = request(-1, 0, 0);
	struct aiocb *list[2] = {&cb, NULL};

	show("read of fd -1", aio_read(&cb));
	show_end("", &cb);
	cb = request(12345, 0, 0);
	show("write to fd 12345", aio_write(&cb));
	show_end("", &cb);
	cb = request(out, 0, 0);
	show("read of what is open for writing", aio_read(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	show("write to what is open for reading", aio_write(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	cb.aio_offset = -1;
	show("negative offset", aio_read(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	cb.aio_reqprio = -1;
	show("negative priority", aio_read(&cb));
	printf("%s\n", strerror(aio_error(&cb)));
	cb = request(fd, 0, 0);
	cb.aio_reqprio = 1000;
	show("great priority", aio_read(&cb));
	cb = request(fd, 0, 0);
	cb.aio_reqprio = 10;
	show("priority", aio_read(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	cb.aio_buf = (void *)8;
	show("bad buffer", aio_read(&cb));
	show_end("", &cb);
	cb = request(direct, 0, 0);
	cb.aio_buf = block(0) + 1;
	cb.aio_nbytes = 511;
	show("askew", aio_write(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	show("sync of an odd kind", aio_fsync(0x12345, &cb));
	show("sync of a bad fd", (cb = request(-1, 0, 0), aio_fsync(O_SYNC, &cb)));
	show("cancel of a bad fd", aio_cancel(-1, NULL));
	show("cancel of nothing", aio_cancel(fd, NULL));
	cb = request(fd, 0, 0);
	show("cancel of another fd", aio_cancel(out, &cb));
	show("a list of an odd mode", lio_listio(77, list, 1, NULL));
	show("an empty list", lio_listio(LIO_WAIT, list, 0, NULL));
	show("suspend of less than nothing", aio_suspend((const struct aiocb *const *)list, -1, NULL));
	list[0] = NULL;
	show("suspend of nobody", aio_suspend((const struct aiocb *const *)list, 2, NULL));
}

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

static void case_signal(void)
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

static void case_thread(void)
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

static void case_suspend(void)
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
static void case_quiet(void)
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

static void case_list(void)
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

/* ---- Ending early ---- */

static void case_cancel(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT);
	struct aiocb cb[MANY];
	int cancelled = 0, done = 0, answer;

	for (int one = 0; one < 2; one++) {
		for (int i = 0; i < MANY; i++) {
			cb[i] = request(fd, i, i);
			aio_read(&cb[i]);
		}
		answer = one ? aio_cancel(fd, &cb[MANY - 1]) : aio_cancel(fd, NULL);
		if (one && answer == AIO_CANCELED)
			done += aio_error(&cb[MANY - 1]) != ECANCELED;
		for (int i = 0; i < MANY; i++) {
			await(&cb[i]);
			if (aio_error(&cb[i]) == ECANCELED)
				cancelled += aio_return(&cb[i]) == -1;
			else
				done += aio_error(&cb[i]) || aio_return(&cb[i]) != BLOCK;
		}
		if (answer == AIO_CANCELED)
			done += !cancelled;
		else
			done += answer != AIO_NOTCANCELED && answer != AIO_ALLDONE;
		cancelled = 0;
	}
	printf("wrong ends: %d\n", done);
	show("when all is done", aio_cancel(fd, NULL));
	show("one that is done", aio_cancel(fd, &cb[0]));
}

/* ---- Threads and processes ---- */

static void *reader(void *arg)
{
	int fd = open_file(O_RDONLY | ((uintptr_t)arg % 2 ? O_DIRECT : 0));
	char *buf = block((int)(uintptr_t)arg * 4);
	long good = 0;

	for (int i = 0; i < 500; i++) {
		struct aiocb cb[4];

		for (int j = 0; j < 4; j++) {
			cb[j] = request(fd, 0, (i * 4 + j) % BLOCKS);
			cb[j].aio_buf = buf + (size_t)j * BLOCK;
			aio_read(&cb[j]);
		}
		for (int j = 0; j < 4; j++) {
			await(&cb[j]);
			good += aio_return(&cb[j]) == BLOCK &&
				is_filled(buf + (size_t)j * BLOCK,
					  (uint64_t)((i * 4 + j) % BLOCKS) * BLOCK);
		}
	}
	close(fd);
	return (void *)good;
}

static struct aiocb left[MANY];

/* Asks, and ends. */
static void *leaver(void *arg)
{
	int fd = open_file(O_RDONLY | O_DIRECT);

	(void)arg;
	for (int i = 0; i < MANY; i++) {
		left[i] = request(fd, i, i);
		aio_read(&left[i]);
	}
	return NULL;
}

static void case_threads(void)
{
	pthread_t threads[8];
	long good = 0;
	void *res;

	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, reader, (void *)i);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &res);
		good += (long)res;
	}
	printf("read %ld\n", good);
	pthread_create(&threads[0], NULL, leaver, NULL);
	pthread_join(threads[0], NULL);
	for (int i = good = 0; i < MANY; i++) {
		await(&left[i]);
		good += aio_return(&left[i]) == BLOCK && is_filled(block(i), (uint64_t)i * BLOCK);
	}
	printf("of the thread that has ended: %ld\n", good);
}

/* In a child of a process with requests. glibc's own functions hang there: it counts threads that are not in the child. */
static void in_child(int fd)
{
	struct aiocb own = request(fd, 0, 9);

	show("child: aio_read", aio_read(&own));
	show_end("child", &own);
	printf("child: right %d\n", is_filled(block(0), 9 * BLOCK));
}

static void fork_with(void (*child)(int fd))
{
	int fd = open_file(O_RDONLY | O_DIRECT), status, good = 0;
	struct aiocb cb[MANY];
	pid_t pid;

	for (int i = 0; i < MANY; i++) {
		cb[i] = request(fd, i, i);
		aio_read(&cb[i]);
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (child)
			child(fd);
		fflush(stdout);
		_exit(3);
	}
	waitpid(pid, &status, 0);
	for (int i = 0; i < MANY; i++) {
		await(&cb[i]);
		good += aio_return(&cb[i]) == BLOCK && is_filled(block(i), (uint64_t)i * BLOCK);
	}
	printf("child ended with %d, parent read %d\n", WEXITSTATUS(status), good);
}

static void case_fork(void)
{
	fork_with(NULL);
}

static void case_child(void)
{
	fork_with(in_child);
}

/* The identity changes under requests; needs root. */
static void case_identity(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT), good = 0;
	struct aiocb cb[MANY];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++) {
			cb[i] = request(fd, i, i);
			aio_read(&cb[i]);
		}
		if (!round)
			show("setresuid", setresuid(65534, 65534, 65534));
		for (int i = 0; i < MANY; i++) {
			await(&cb[i]);
			good += aio_return(&cb[i]) == BLOCK;
		}
	}
	printf("read %d as %d\n", good, (int)getuid());
}

/* More than there is room for in any one place. */
static void case_many(void)
{
	enum { N = 20000 };
	static struct aiocb cb[N];
	int fd = open_file(O_RDONLY | O_DIRECT), good = 0;

	for (int i = 0; i < N; i++) {
		cb[i] = request(fd, i % MANY, i % MANY);
		if (aio_read(&cb[i]))
			die("aio_read");
	}
	for (int i = 0; i < N; i++) {
		await(&cb[i]);
		good += aio_return(&cb[i]) == BLOCK;
	}
	printf("read %d\n", good);
}

static struct aiocb looked_at;
static volatile sig_atomic_t seen_in_handler;

static void look_handler(int sig)
{
	(void)sig;
	await(&looked_at);
	seen_in_handler = aio_error(&looked_at) == 0;
}

static void case_handler(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT);

	signal(SIGUSR1, look_handler);
	looked_at = request(fd, 0, 1);
	aio_read(&looked_at);
	raise(SIGUSR1);
	printf("seen in a handler: %d\n", (int)seen_in_handler);
}

/* The end of the process with requests under way. */
static void case_exit(void)
{
	int fd = open_file(O_RDONLY | O_DIRECT);
	static struct aiocb cb[MANY];

	for (int i = 0; i < MANY; i++) {
		cb[i] = request(fd, i, i);
		aio_read(&cb[i]);
	}
	close(fd);
	puts("ends");
	exit(0);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define CASE(name)                                                                                 \
	{                                                                                          \
#name, case_##name                                                                 \
	}
	CASE(read),    CASE(write),    CASE(append), CASE(errors),  CASE(signal),  CASE(thread),
	CASE(suspend), CASE(quiet),    CASE(list),   CASE(cancel),  CASE(threads), CASE(fork),
	CASE(child),   CASE(identity), CASE(many),   CASE(handler), CASE(exit),
};

int main(int argc, char **argv)
{
	if (argc != 3) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			puts(cases[i].name);
		return 2;
	}
	path = argv[2];
	if (posix_memalign((void **)&memory, BLOCK, (size_t)MANY * BLOCK))
		die("memory");
	{
		int fd = open_file(O_RDWR | O_CREAT | O_TRUNC);

		for (int i = 0; i < BLOCKS; i++) {
			fill(block(0), (uint64_t)i * BLOCK);
			if (pwrite(fd, block(0), BLOCK, (off_t)i * BLOCK) != BLOCK)
				die("write");
		}
		close(fd);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			return 0;
		}
	return 2;
}
