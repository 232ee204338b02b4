/* Scenes of programs that write in small pieces, and of others that look on. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"

/* Another process looks at the file whenever it is told to. */
void scene_watched(void)
{
	struct timespec moment = {0, 50000000};
	int tell[2], done[2], fd;
	char c;

	if (pipe(tell) || pipe(done))
		exit(2);
	if (!fork()) {
		close(tell[1]);
		while (read(tell[0], &c, 1) == 1) {
			if (c == 'w')
				nanosleep(&moment, NULL);
			tell_size("the other sees", "one");
			(void)!write(done[1], "x", 1);
		}
		_exit(0);
	}
	fd = written("one", O_APPEND);
	for (int i = 0; i < 10; i++) {
		(void)!write(fd, "more\n", 5);
		(void)!write(tell[1], "x", 1);
		(void)!read(done[0], &c, 1);
		for (int k = 0; k < 30; k++)
			(void)!write(fd, "more\n", 5);
	}
	/* It looks while this one only computes. */
	(void)!write(tell[1], "w", 1);
	for (int k = 0; k < 7; k++)
		(void)!write(fd, "last\n", 5);
	for (clock_t end = clock() + CLOCKS_PER_SEC / 10; clock() < end;)
		;
	(void)!read(done[0], &c, 1);
	tell_size("at the end", "one");
}

/* There is no room, and then there is. */
void scene_full(void)
{
	struct rlimit limit = {200, RLIM_INFINITY};
	int fd = written("one", 0), failed = 0, good = 20;
	char all[6] = "";

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 100 && !failed; i++) {
		if (write(fd, "line\n", 5) == 5)
			good++;
		else
			failed = errno;
		lseek(fd, 0, SEEK_CUR);
	}
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	printf("%s\n", strerror(failed));
	for (int i = 0; i < 100; i++)
		good += write(fd, "line\n", 5) == 5;
	printf("close %d\n", close(fd));
	fd = open("one", O_RDONLY);
	for (; read(fd, all, 5) == 5; good--)
		if (memcmp(all, "line\n", 5))
			exit(2);
	printf("lines that are missing: %d\n", good);

	fd = written("two", 0);
	limit.rlim_cur = 100;
	setrlimit(RLIMIT_FSIZE, &limit);
	failed = write(fd, "line\n", 5) != 5;
	failed |= !!close(fd);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	printf("%s\n", failed ? "an error" : "no error");
}

static int shared;
static volatile sig_atomic_t handled;

static void *write_lines(void *arg)
{
	char line[16];
	int n = snprintf(line, sizeof(line), "thread %d\n", *(int *)arg);

	for (int i = 0; i < 2000; i++)
		if (write(shared, line, n) != n)
			exit(2);
	return NULL;
}

/* Each writes lines to this file. */
static void four_writers(int fd)
{
	pthread_t threads[4];
	int numbers[4];
	char line[16] = "", want[16];
	int n[4] = {0};
	FILE *f;

	shared = fd;
	for (int i = 0; i < 4; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, write_lines, &numbers[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	close(shared);
	f = fopen("one", "r");
	while (fgets(line, sizeof(line), f))
		for (int i = 0; i < 4; i++) {
			snprintf(want, sizeof(want), "thread %d\n", i);
			n[i] += !strcmp(line, want);
		}
	fclose(f);
	printf("%d %d %d %d\n", n[0], n[1], n[2], n[3]);
	unlink("one");
}

/* Others come to a habit that there is, or all make it at the same time. */
void scene_writers(void)
{
	four_writers(written("one", O_APPEND));
	for (int round = 0; round < 20; round++)
		four_writers(open("one", O_WRONLY | O_CREAT | O_APPEND, 0600));
}

static void on_alarm_write(int sig)
{
	(void)sig;
	if (write(shared, "handler\n", 8) == 8)
		handled++;
}

void scene_write_handler(void)
{
	struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
	char line[16];
	int lines = 0, handlers = 0;
	FILE *f;

	shared = written("one", 0);
	signal(SIGALRM, on_alarm_write);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 200000; i++)
		if (write(shared, "line\n", 5) != 5)
			exit(2);
	setitimer(ITIMER_REAL, &never, NULL);
	close(shared);
	f = fopen("one", "r");
	while (fgets(line, sizeof(line), f)) {
		lines += !strcmp(line, "line\n");
		handlers += !strcmp(line, "handler\n");
	}
	printf("%d lines, and of handlers %s\n", lines, handlers == handled ? "all" : "not all");
	unlink("one");
}

/* What stdio writes to the same file stays in its place. */
void scene_mixed(void)
{
	int fd = written("one", 0);

	dup2(fd, 1);
	for (int i = 0; i < 50; i++) {
		for (int k = 0; k < 9; k++)
			(void)!write(1, "write\n", 6);
		printf("printf %d\n", i);
		if (i % 3)
			fflush(stdout);
		(void)!write(fd, "fd\n", 3);
		fprintf(stderr, "stderr\n");
	}
}
