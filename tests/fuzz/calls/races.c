// SPDX-License-Identifier: MIT
/*
 * At the same time: what each gets may vary, but what they get together does not. A shared position moves over each
 * byte once, appended records are whole, a pipe gives each byte to one reader.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fuzz.h"

#define RECORD 64
#define RECORDS 24

/* One of those who work at the same time: adds up what it saw, for it does not matter who saw it. */
struct worker {
	int fd;
	int id;
	long n;
	uint64_t sum;
	long errors;
};

static void *write_records(void *arg)
{
	struct worker *w = arg;
	char record[RECORD];

	for (int i = 0; i < RECORDS; i++) {
		memset(record, 'A' + w->id, sizeof(record));
		record[0] = (char)i;
		if (write(w->fd, record, sizeof(record)) != sizeof(record))
			w->errors++;
		else
			w->n++;
	}
	return NULL;
}

static void *read_records(void *arg)
{
	struct worker *w = arg;
	char record[RECORD];
	long r;

	while ((r = read(w->fd, record, sizeof(record))) > 0) {
		w->n += r;
		w->sum += hash_mem(record, (size_t)r, 0);
	}
	w->errors += r < 0;
	return NULL;
}

static void together(void *(*fn)(void *), struct worker *w, int n)
{
	pthread_t id[3];
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 1; i < n; i++)
		if (pthread_create(&id[i], NULL, fn, &w[i]))
			abort();
	fn(&w[0]);
	for (int i = 1; i < n; i++)
		pthread_join(id[i], NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The same by processes that share the file, its position included. */
static void by_processes(void *(*fn)(void *), struct worker *w, int n)
{
	int back[2];
	long pid[3];

	if (pipe(back))
		return;
	for (int i = 0; i < n; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			fn(&w[i]);
			raw(SYS_write, back[1], &w[i], sizeof(w[i]));
			_exit(0);
		}
	}
	for (int i = 0; i < n; i++) {
		struct worker done;

		while (waitpid((pid_t)pid[i], NULL, 0) < 0 && errno == EINTR)
			;
		if (raw(SYS_read, back[0], &done, sizeof(done)) == sizeof(done))
			w[done.id] = done;
	}
	close(back[0]);
	close(back[1]);
}

/* The sum over the whole records of a file, in whatever order they are. */
static uint64_t sum_of_records(int fd)
{
	char record[RECORD];
	uint64_t sum = 0;
	long r;

	for (off_t at = 0; (r = raw(SYS_pread64, fd, record, RECORD, at)) > 0; at += r)
		sum += hash_mem(record, (size_t)r, 0);
	return sum;
}

static void do_write_race(void)
{
	int flags = chance(40) ? O_APPEND : 0, n = (int)(2 + rnd(2));
	bool processes = chance(30);
	struct worker w[3];
	long fd, done = 0;

	make_room(1);
	fd = RUN(open("race", O_RDWR | O_CREAT | O_TRUNC | flags, 0644), "open for a race %#o", flags);
	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		w[i] = (struct worker){.fd = (int)fd, .id = i};
	if (processes)
		by_processes(write_records, w, n);
	else
		together(write_records, w, n);
	for (int i = 0; i < n; i++)
		done += w[i].n;
	RUN(done, "%d %s write", n, processes ? "processes" : "threads");
	note_fd((int)fd);
	note(" sum %016llx", (unsigned long long)sum_of_records((int)fd));
	RUN(close((int)fd), "close(%ld)", fd);
	unlink("race");
}

/* One open file, many readers: each record goes to one. */
static void do_read_race(void)
{
	int n = (int)(2 + rnd(2));
	bool processes = chance(30);
	struct worker w[3], writer;
	uint64_t sum = 0;
	long fd, got = 0, errors = 0;

	make_room(1);
	fd = RUN(open("race", O_RDWR | O_CREAT | O_TRUNC, 0644), "open for a race");
	if (fd < 0)
		return;
	writer = (struct worker){.fd = (int)fd, .id = 0};
	write_records(&writer);
	writer.id = 1;
	write_records(&writer);
	lseek((int)fd, 0, SEEK_SET);
	for (int i = 0; i < 3; i++)
		w[i] = (struct worker){.fd = (int)fd, .id = i};
	if (processes)
		by_processes(read_records, w, n);
	else
		together(read_records, w, n);
	for (int i = 0; i < n; i++) {
		sum += w[i].sum;
		got += w[i].n;
		errors += w[i].errors;
	}
	RUN(got, "%d %s read, %ld errors", n, processes ? "processes" : "threads", errors);
	note_fd((int)fd);
	note(" sum %016llx", (unsigned long long)sum);
	RUN(close((int)fd), "close(%ld)", fd);
	unlink("race");
}

/* ---- Somebody waits for what another one brings ---- */

static int *ends;
static size_t to_bring;

static void *bring(void *arg)
{
	struct worker *w = arg;
	static const char bytes[65536];

	if (w->id)
		sched_yield();
	for (size_t n = 0; n < to_bring;) {
		long r = write(ends[1], bytes + n, to_bring - n);

		if (r < 0)
			break;
		n += (size_t)r;
	}
	if (w->id)
		shutdown(ends[1], SHUT_WR);
	return NULL;
}

static void do_wait_for_data(void)
{
	int fds[2], n = ONE_OF(1, 100, 4096, 20000);
	bool socket = chance(50);
	struct worker w = {.id = (int)rnd(2)};
	static char buf[65536];
	sigset_t all, before;
	long got = 0;
	pthread_t id;

	if (socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds))
		return;
	ends = fds;
	to_bring = (size_t)n;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&id, NULL, bring, &w))
		abort();
	if (socket && chance(50))
		got = recv(fds[0], buf, (size_t)n, MSG_WAITALL);
	while (got < n) {
		long r = read(fds[0], buf, (size_t)(n - got));

		if (r <= 0)
			break;
		got += r;
	}
	pthread_join(id, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	RUN(got, "waited for %d bytes of a %s", n, socket ? "socket" : "pipe");
	close(fds[0]);
	close(fds[1]);
}

/* A handler with SA_RESTART brings what the interrupted call waits for. */
static int bring_to;

static void bring_one(void)
{
	if (write(bring_to, "!", 1) != 1)
		bring_to = -1;
}

static void do_restart(void)
{
	struct sigaction act, before;
	int fds[2];
	char c = '?';
	long r;

	if (chance(50) ? socketpair(AF_UNIX, ONE_OF(SOCK_STREAM, SOCK_DGRAM), 0, fds) : pipe(fds))
		return;
	bring_to = fds[1];
	sigaction(SIGALRM, NULL, &before);
	act = before;
	act.sa_flags |= SA_RESTART;
	sigaction(SIGALRM, &act, NULL);
	tick_then(bring_one);
	log_head("read, restarted");
	tick_always();
	errno = UNTOUCHED;
	r = read(fds[0], &c, 1);
	int error = errno;
	tick_stop();
	log_tail(r, error);
	note(" %c", c);
	sigaction(SIGALRM, &before, NULL);
	close(fds[0]);
	close(fds[1]);
}

const struct kind race_kinds[] = {
	{"write race", do_write_race, 3, NOT_INSIDE | SLOW},
	{"read race", do_read_race, 3, NOT_INSIDE | SLOW},
	{"wait for data", do_wait_for_data, 4, NOT_IN_HANDLER},
	{"restart", do_restart, 4, NOT_IN_HANDLER},
	{NULL, NULL, 0, ANYWHERE},
};
