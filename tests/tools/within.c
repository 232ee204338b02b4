// SPDX-License-Identifier: MIT
/*
 * within: runs a program for so many seconds at most, and leaves nothing of it running.
 *
 *     within SECONDS PROG [ARG...]
 *
 * Tests start servers, and servers make daemons and sessions of their own, so that a time limit on the one process
 * (timeout(1)) or on its group is not enough. within is the reaper of all that descend from PROG: whoever loses
 * its parent becomes within's child. When PROG has ended, what is still there after a second's grace is named
 * on stderr and killed. PROG gets a session of its own, without a terminal.
 *
 * WITHIN_FACTOR in the environment multiplies the seconds, for machines that are slow and known to be.
 *
 * The exit status is PROG's, 128 + N when signal N ended it, 124 when the time was up, 125 when within itself
 * could not do its work.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STATUS_TIMEOUT 124
#define STATUS_TROUBLE 125

#define GRACE_SECONDS 1.0

/* Says which step failed and with what errno, and ends. */
static _Noreturn void fail(const char *step)
{
	fprintf(stderr, "within: %s: %s\n", step, strerror(errno));
	exit(STATUS_TROUBLE);
}

/* Seconds on the monotonic clock. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The parent of a process and its name, out of /proc/PID/stat; false when it is gone or only waits to be reaped. */
static bool look_up(const char *pid, int *parent, char name[32])
{
	char path[300], line[512];
	char *open, *close;
	char state;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = '\0';

	/* The name stands in brackets and may hold any character, brackets too. */
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (!open || !close || sscanf(close + 1, " %c %d", &state, parent) != 2 || state == 'Z')
		return false;
	*close = '\0';
	snprintf(name, 32, "%.31s", open + 1);
	return true;
}

/* Sends a signal to all children, naming each first if asked to. Says how many there were. */
static int signal_children(int sig, bool say)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char name[32];
	int parent;
	int found = 0;

	if (!proc)
		fail("/proc");
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (!look_up(entry->d_name, &parent, name) || parent != getpid())
			continue;
		if (say)
			fprintf(stderr, "within: still running at the end: %s\n", name);
		kill((pid_t)atoi(entry->d_name), sig);
		found++;
	}
	closedir(proc);
	return found;
}

/* Reaps whatever has ended. True once the given child is among it (its status is then set). */
static bool reap(pid_t child, int *status, bool *none_left)
{
	bool ended = false;
	int s;
	pid_t pid;

	while ((pid = waitpid(-1, &s, WNOHANG)) > 0) {
		if (pid == child) {
			*status = s;
			ended = true;
		}
	}
	*none_left = pid < 0 && errno == ECHILD;
	return ended;
}

/*
 * Kills all that descend from us. The children of whoever dies become ours, so it goes on until there are none.
 * quiet: nobody is to be named, as the time was up or we were told to end.
 */
static void clean_up(bool quiet)
{
	double grace_ends = now() + (quiet ? 0 : GRACE_SECONDS);
	bool named = quiet;
	bool none_left;
	int status;

	for (;;) {
		reap(0, &status, &none_left);
		if (none_left)
			return;
		if (now() >= grace_ends) {
			signal_children(SIGKILL, !named);
			named = true;
		}
		nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
	}
}

int main(int argc, char **argv)
{
	double limit = argc > 2 ? strtod(argv[1], NULL) : 0;
	const char *factor = getenv("WITHIN_FACTOR");
	bool timed_out = false, told_to_end = false, none_left;
	sigset_t watched, before;
	int status = 0;
	double deadline;
	pid_t child;

	if (limit <= 0) {
		fputs("usage: within SECONDS PROG [ARG...]\n", stderr);
		return STATUS_TROUBLE;
	}

	if (factor && strtod(factor, NULL) > 0)
		limit *= strtod(factor, NULL);

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGHUP);
	sigprocmask(SIG_BLOCK, &watched, &before);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		fail("subreaper");
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);

	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		setsid();
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}

	deadline = now() + limit;
	while (!reap(child, &status, &none_left)) {
		double left = deadline - now();
		struct timespec wait = {
			.tv_sec = (time_t)left,
			.tv_nsec = (long)((left - (double)(time_t)left) * 1e9),
		};
		int sig;

		if (left <= 0) {
			fprintf(stderr, "within: not done after %s s\n", argv[1]);
			timed_out = true;
			break;
		}
		sig = sigtimedwait(&watched, NULL, &wait);
		if (sig > 0 && sig != SIGCHLD) {
			told_to_end = true;
			break;
		}
	}
	clean_up(timed_out || told_to_end);

	if (timed_out)
		return STATUS_TIMEOUT;
	if (told_to_end)
		return STATUS_TROUBLE;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
