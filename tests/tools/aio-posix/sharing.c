/* Ending early; threads, processes and identities. */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio-posix.h"

/* ---- Ending early ---- */

void case_cancel(void)
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

void case_threads(void)
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

static struct aiocb shared[MANY];
static int shared_sent;

static void *submitter(void *arg)
{
	int fd = open_file(O_RDONLY | O_DIRECT);

	(void)arg;
	for (int i = 0; i < MANY; i++) {
		shared[i] = request(fd, i, i);
		if (aio_read(&shared[i]))
			die("aio_read");
		__atomic_store_n(&shared_sent, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Who looks is another thread than who asks, and asks the kernel for nothing. */
void case_polled(void)
{
	pthread_t thread;
	int good = 0;

	pthread_create(&thread, NULL, submitter, NULL);
	for (int i = 0; i < MANY; i++) {
		while (__atomic_load_n(&shared_sent, __ATOMIC_ACQUIRE) <= i ||
		       aio_error(&shared[i]) == EINPROGRESS)
			sched_yield();
		good += aio_return(&shared[i]) == BLOCK && is_filled(block(i), (uint64_t)i * BLOCK);
	}
	pthread_join(thread, NULL);
	printf("seen in memory %d\n", good);
}

/* The fd is closed under requests: each is done, or says that it was not, and none is done in part. */
void case_closed(void)
{
	struct aiocb cb[MANY];
	int wrong = 0;

	for (int round = 0; round < 20; round++) {
		int fd = open_file(O_RDONLY | O_DIRECT);

		for (int i = 0; i < MANY; i++) {
			cb[i] = request(fd, i, i);
			aio_read(&cb[i]);
		}
		close(fd);
		for (int i = 0; i < MANY; i++) {
			int error;

			await(&cb[i]);
			error = aio_error(&cb[i]);
			if (error)
				wrong += (error != EBADF && error != ECANCELED) ||
					 aio_return(&cb[i]) != -1;
			else
				wrong += aio_return(&cb[i]) != BLOCK ||
					 !is_filled(block(i), (uint64_t)i * BLOCK);
		}
	}
	printf("wrong ends: %d\n", wrong);
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

void case_fork(void)
{
	fork_with(NULL);
}

void case_child(void)
{
	fork_with(in_child);
}

/* The identity changes under requests; needs root. */
void case_identity(void)
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
void case_many(void)
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

void case_exit(void)
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
