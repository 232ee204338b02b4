// SPDX-License-Identifier: MIT
/*
 * syncers: threads that append to files and sync them, all at the same time.
 *
 *     syncers [-d] [-m] [-o] THREADS TIMES FILE...
 *     syncers -s FILE...      no threads: files that are there, one after another
 *
 * Thread i writes to the i-th FILE (they are dealt out in turn) and calls fsync, or fdatasync with -d, or each
 * second one so with -m, TIMES times. All of
 * one file use one open file, with -o each thread opens its own. A line for each sync:
 *
 *     BEGIN END RESULT    microseconds since 1970; 0 or the error's number
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

static int times;
static bool data_only, mixed;
static int fds[THREADS_MAX];
static pthread_barrier_t together;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000ll + ts.tv_nsec / 1000;
}

/* Sync a file, and say so. */
static void sync_file(int fd, bool data)
{
	long long begin = now();
	int error = (data ? fdatasync(fd) : fsync(fd)) ? errno : 0;

	printf("%lld %lld %d\n", begin, now(), error);
}

static void *work(void *arg)
{
	int fd = *(int *)arg;

	pthread_barrier_wait(&together);
	for (int i = 0; i < times; i++) {
		must(write(fd, "a line\n", 7) == 7, "write");
		sync_file(fd, data_only || (mixed && ((int *)arg - fds) % 2));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_t threads[THREADS_MAX];
	bool own = false;
	int n, files;

	for (int i = 2; argc > 2 && !strcmp(argv[1], "-s"); i++) {
		int fd = i < argc ? open(argv[i], O_RDONLY) : -1;

		if (i == argc)
			return 0;
		must(fd >= 0, argv[i]);
		sync_file(fd, false);
		close(fd);
	}
	for (; argc > 1 && *argv[1] == '-'; argc--, argv++) {
		data_only = data_only || !strcmp(argv[1], "-d");
		mixed = mixed || !strcmp(argv[1], "-m");
		own = own || !strcmp(argv[1], "-o");
	}
	files = argc - 3;
	must(files > 0, "syncers [-d] [-m] [-o] THREADS TIMES FILE...");
	n = atoi(argv[1]);
	times = atoi(argv[2]);
	must(n > 0 && n <= THREADS_MAX, "THREADS");
	must(!pthread_barrier_init(&together, NULL, (unsigned)n), "barrier");
	for (int i = 0; i < n; i++) {
		fds[i] = own || i < files
				 ? open(argv[3 + i % files], O_WRONLY | O_CREAT | O_APPEND, 0644)
				 : fds[i % files];
		must(fds[i] >= 0, argv[3 + i % files]);
		must(!pthread_create(&threads[i], NULL, work, &fds[i]), "pthread_create");
	}
	for (int i = 0; i < n; i++)
		must(!pthread_join(threads[i], NULL), "pthread_join");
	return 0;
}
