/* Scenes of programs that end while they write in small pieces. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"

void scene_exits(void)
{
	void (*const ends[])(int) = {exit, _exit, _Exit};
	int status;

	for (int i = 0; i < 5; i++) {
		fflush(stdout);
		if (!fork()) {
			written("one", 0);
			if (i < 3)
				ends[i](3);
			if (i == 3)
				execlp("stat", "stat", "-c", "%s", "one", NULL);
			signal(SIGABRT, SIG_DFL);
			abort();
		}
		wait(&status);
		printf("%d ", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
		tell_size("after an end", "one");
	}
}

/* What a killed process has told of is in the file, which ends where it was cut off and nowhere else. */
void scene_killed(void)
{
	char line[16], want[16];
	int wrong = 0, lost = 0;

	for (int i = 0; i < 40; i++) {
		struct timespec moment = {0, 200000 * (i + 1)};
		int told[2], last = -1, n = 0;
		bool end = false;
		FILE *f;
		pid_t pid;

		if (pipe(told))
			exit(2);
		pid = fork();
		if (!pid) {
			int fd = open("one", O_WRONLY | O_CREAT | O_TRUNC, 0644);

			for (int k = 0; k < 1000000; k++) {
				(void)!write(fd, line, snprintf(line, sizeof(line), "line %d\n", k));
				if (k % 50 == 49)
					(void)!write(told[1], &k, sizeof(k));
				if (k % 400 == 399)
					fdatasync(fd);
			}
			pause();
		}
		close(told[1]);
		nanosleep(&moment, NULL);
		while (read(told[0], &n, sizeof(n)) == sizeof(n)) {
			last = n;
			kill(pid, SIGKILL);
		}
		waitpid(pid, NULL, 0);
		close(told[0]);
		f = fopen("one", "r");
		for (n = 0; f && fgets(line, sizeof(line), f); n++) {
			wrong += end;
			snprintf(want, sizeof(want), "line %d\n", n);
			end = !!strcmp(line, want);
			wrong += end && strncmp(line, want, strlen(line));
		}
		lost += n <= last;
		if (f)
			fclose(f);
	}
	unlink("one");
	printf("wrong %d, told of and lost %d\n", wrong, lost);
}

/* What a program that is about to be ended says of itself, without any call. */
struct said {
	volatile long lines;		 /* that were written */
	volatile long long when[200000]; /* each of them */
};

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void log_for_ever(struct said *said, int by_itself)
{
	int fd = open("one", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	volatile char *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char line[65];

	for (long n = 0; n < 200000; n++) {
		snprintf(line, sizeof(line), "%-63ld\n", n);
		if (write(fd, line, 64) != 64)
			exit(2);
		said->when[n] = now_us();
		said->lines = n + 1;
		if (n == 3000 && by_itself == SIGSEGV)
			*nowhere = 1;
		if (n == 3000 && by_itself == SIGALRM)
			setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 1}}, NULL);
	}
	for (;;)
		;
}

/* How many lines are missing from the file, and were written more than a second before the end. */
static long missing(const struct said *said, long *early)
{
	long long end = said->when[said->lines - 1];
	char line[80];
	long n = 0;
	FILE *f = fopen("one", "r");

	for (; f && fgets(line, sizeof(line), f); n++)
		if (atol(line) != n || (strlen(line) != 64 && n < said->lines))
			printf("line %ld is wrong\n", n);
	if (f)
		fclose(f);
	*early = 0;
	for (long i = n; i < said->lines; i++)
		*early += said->when[i] < end - 1000000;
	return n < said->lines ? said->lines - n : 0;
}

/* Signals end a program that writes in small pieces: what is in the file, and how it ended. */
void scene_fatal(void)
{
	static const int signals[] = {SIGHUP,  SIGINT,	SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2,
				      SIGPROF, SIGXCPU, SIGABRT, SIGBUS,  SIGSEGV, SIGKILL};
	struct said *said =
		mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (said == MAP_FAILED)
		exit(2);
	for (size_t i = 0; i < 3 * sizeof(signals) / sizeof(signals[0]); i++) {
		int sig = signals[i / 3], status,
		    by_itself = i % 3 || (sig != SIGSEGV && sig != SIGALRM) ? 0 : sig;
		struct rlimit none = {0, 0};
		long lost, early;
		pid_t pid;

		said->lines = 0;
		fflush(stdout);
		pid = fork();
		if (!pid) {
			setrlimit(RLIMIT_CORE, &none);
			log_for_ever(said, by_itself);
		}
		while (said->lines < 2500 + 700 * (long)(i % 3))
			;
		if (!by_itself)
			kill(pid, sig);
		waitpid(pid, &status, 0);
		lost = missing(said, &early);
		printf("signal %d: ended by %d, lost %ld\n", sig, WTERMSIG(status),
		       sig == SIGKILL ? early : lost);
	}
	unlink("one");
}

static void no_handler(int sig)
{
	(void)sig;
}

/* What a program that writes in small pieces sees of its signals' actions. */
void scene_fatal_actions(void)
{
	struct sigaction action = {.sa_handler = no_handler}, old;
	int fd = written("one", 0), status;

	for (int sig = 1; sig < 32; sig++) {
		if (!sigaction(sig, NULL, &old))
			printf("%d: %d %x\n", sig, old.sa_handler == SIG_DFL, (unsigned)old.sa_flags);
	}
	close(fd);
	fd = written("one", 0);
	printf("signal %d\n", signal(SIGTERM, no_handler) == SIG_DFL);
	close(fd);
	fd = written("one", 0);
	printf("still %d\n", signal(SIGTERM, SIG_IGN) == no_handler);
	sigaction(SIGINT, &action, &old);
	printf("was %d\n", old.sa_handler == SIG_DFL);
	raise(SIGINT);
	raise(SIGTERM);
	(void)!write(fd, "line\n", 5);
	fflush(stdout);
	if (!fork()) {
		sigaction(SIGUSR1, NULL, &old);
		printf("in a child %d\n", old.sa_handler == SIG_DFL);
		fflush(stdout);
		raise(SIGUSR1);
	}
	wait(&status);
	printf("it ended by %d\n", WTERMSIG(status));
	printf("system %x\n", (unsigned)system("kill -USR2 $$"));
	tell_size("at the end", "one");
}
