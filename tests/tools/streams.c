/*
 * What a program sees that reads and writes files in small pieces, to compare with and without the shim.
 *
 *     streams random SEED STEPS    so many steps by chance on a few files and fds, each with what came of it
 *     streams NAME                 one of the scenes below
 *
 * Works in the current directory. What it prints is the same in every run where nothing is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long long dice;

/* A number below n, by chance. */
static unsigned below(unsigned n)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice >> 33) % n;
}

static unsigned checksum(const unsigned char *p, long n)
{
	unsigned sum = 0;

	for (long i = 0; i < n; i++)
		sum = sum * 31 + p[i];
	return sum;
}

static void show(const char *what, int which, long res, const void *data)
{
	if (res < 0)
		printf("%s %d: %s\n", what, which, strerror(errno));
	else
		printf("%s %d: %ld %08x\n", what, which, res, data ? checksum(data, res) : 0);
}

static void make_file(const char *name, long size)
{
	FILE *f = fopen(name, "w");

	for (long i = 0; i < size / 4; i++) {
		uint32_t n = (uint32_t)i;

		fwrite(&n, 4, 1, f);
	}
	fclose(f);
}

/* ---- By chance ---- */

enum { FILES = 3, FDS = 5 };

static const char *const names[FILES] = {"one", "two", "three"};
static int fds[FDS];

static void open_one(int i)
{
	static const int flags[] = {O_RDONLY,	       O_RDWR,	 O_RDWR,
				    O_RDWR | O_APPEND, O_WRONLY, O_WRONLY | O_APPEND,
				    O_RDWR | O_TRUNC};
	int how = below(7), file = below(FILES);

	if (fds[i] >= 0)
		close(fds[i]);
	fds[i] = open(names[file], flags[how]);
	printf("open %d: %s %d\n", i, names[file], how);
}

/* What a child has of our fds. */
static void child(int fd)
{
	char buf[16];
	int pipes[2];
	struct {
		long n;
		off_t at;
		int error;
		char buf[16];
	} seen = {0};
	pid_t pid;

	if (pipe(pipes))
		exit(2);
	pid = fork();
	if (!pid) {
		seen.at = lseek(fd, 0, SEEK_CUR);
		seen.n = read(fd, seen.buf, 7);
		seen.error = errno;
		if (below(2))
			(void)!write(fd, "child", 5);
		(void)!write(pipes[1], &seen, sizeof(seen));
		_exit(0);
	}
	(void)!read(pipes[0], &seen, sizeof(seen));
	waitpid(pid, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	errno = seen.error;
	memcpy(buf, seen.buf, sizeof(buf));
	show("child", (int)seen.at, seen.n, buf);
}

static void step(void)
{
	static unsigned char buf[70000];
	struct iovec iov[2] = {{buf, 5}, {buf + 5, 9}};
	int i = below(FDS), fd = fds[i], other = fds[below(FDS)], n;
	struct stat st;
	loff_t pos;

	switch (below(40)) {
	case 0 ... 9:
		/* Habits. */
		n = 1 + below(below(4) ? 40 : 900);
		for (int k = below(60); k >= 0; k--)
			show("read", i, read(fd, buf, n), buf);
		break;
	case 10 ... 16:
		n = 1 + below(below(4) ? 40 : 900);
		for (int k = below(60); k >= 0; k--) {
			memset(buf, (char)k + n, n);
			show("write", i, write(fd, buf, n), NULL);
		}
		break;
	case 17:
		for (int k = below(40); k >= 0; k--) {
			n = read(fd, buf, 13);
			show("copy", i, n > 0 ? write(other, buf, n) : n, NULL);
		}
		break;
	case 18: show("large read", i, read(fd, buf, 1 + below(sizeof(buf))), buf); break;
	case 19: show("large write", i, write(fd, buf, 1 + below(20000)), NULL); break;
	case 20: show("readv", i, readv(fd, iov, 2), buf); break;
	case 21: show("writev", i, writev(fd, iov, 2), NULL); break;
	case 22: show("pread", i, pread(fd, buf, 100, below(9000)), buf); break;
	case 23: show("pwrite", i, pwrite(fd, "pwritten", 8, below(9000)), NULL); break;
	case 24: show("lseek", i, lseek(fd, 0, SEEK_CUR), NULL); break;
	case 25:
	case 26: show("lseek", i, lseek(fd, below(9000), SEEK_SET), NULL); break;
	case 27: show("lseek", i, lseek(fd, -(off_t)below(90), SEEK_END), NULL); break;
	case 28: show("ftruncate", i, ftruncate(fd, below(12000)), NULL); break;
	case 29: show("truncate", i, truncate(names[below(FILES)], below(12000)), NULL); break;
	case 30:
		n = fstat(fd, &st);
		show("fstat", i, n ? n : st.st_size, NULL);
		break;
	case 31:
		n = stat(names[below(FILES)], &st);
		show("stat", i, n ? n : st.st_size, NULL);
		break;
	case 32:
		n = below(FDS);
		if (n != i && fd >= 0) {
			if (fds[n] >= 0)
				close(fds[n]);
			fds[n] = dup(fd);
		}
		break;
	case 33:
		if (fd >= 0 && other >= 0)
			show("dup2", i, dup2(fd, other) >= 0, NULL);
		break;
	case 34: child(fd); break;
	case 35:
		pos = below(9000);
		show("copy_file_range", i,
		     copy_file_range(fd, below(2) ? &pos : NULL, other, NULL, below(3000), 0), NULL);
		break;
	case 36: show("sendfile", i, sendfile(other, fd, NULL, below(3000)), NULL); break;
	case 37: show("fcntl", i, fcntl(fd, F_SETFL, below(2) ? O_APPEND : 0), NULL); break;
	case 38: show("syscall", i, syscall(SYS_read, fd, buf, 9), buf); break;
	default: open_one(i);
	}
}

static void by_chance(unsigned seed, int steps)
{
	dice = seed;
	for (int i = 0; i < FILES; i++)
		make_file(names[i], 400 + below(20000));
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	for (int i = 0; i < FDS; i++)
		open_one(i);
	while (steps-- > 0)
		step();
}

/* ---- Scenes ---- */

/* Many small reads, so that they are a habit. */
static int habit(const char *name, int flags)
{
	char buf[4];
	int fd;

	make_file(name, 40000);
	fd = open(name, flags);
	for (int i = 0; i < 20; i++)
		if (read(fd, buf, 4) != 4)
			exit(2);
	return fd;
}

static void scene_exec(void)
{
	dup2(habit("one", O_RDONLY), 0);
	execlp("od", "od", "-An", "-tu4", "-N8", NULL);
}

static void scene_spawn(void)
{
	char buf[4];

	dup2(habit("one", O_RDONLY), 0);
	fflush(stdout);
	(void)!system("head -c 8 | od -An -tu4");
	show("after system", 0, read(0, buf, 4), buf);
	for (int i = 0; i < 9; i++)
		show("and on", 0, read(0, buf, 4), buf);
}

static void scene_vfork(void)
{
	int fd = habit("one", O_RDONLY), other = habit("two", O_RDONLY), status;
	char buf[4];
	pid_t pid = vfork();

	if (!pid) {
		dup2(fd, 0);
		close(other);
		dup2(fd, other);
		execlp("od", "od", "-An", "-tu4", "-N8", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	for (int i = 0; i < 9; i++) {
		show("after vfork", 0, read(fd, buf, 4), buf);
		show("the other", 0, read(other, buf, 4), buf);
	}
}

static void scene_stdio(void)
{
	int fd = habit("one", O_RDONLY);
	FILE *f = fdopen(fd, "r");
	char buf[4];

	for (int i = 0; i < 9; i++)
		show("fread", 0, (long)fread(buf, 1, 4, f), buf);
	fclose(f);
	f = fopen("one", "r");
	printf("%d\n", fileno(f) == fd);
	for (int i = 0; i < 9; i++)
		show("read", 0, read(fd, buf, 4), buf);
	show("fread", 0, (long)fread(buf, 1, 4, f), buf);
	show("read", 0, read(fd, buf, 4), buf);
}

static void scene_errors(void)
{
	/* Behind the compiler's back, which knows better. */
	void *volatile nowhere = NULL;
	volatile size_t too_much = (size_t)-1;
	int fd = habit("one", O_RDONLY);
	char buf[4];

	show("null", 0, read(fd, nowhere, 4), NULL);
	show("kernel's", 0, read(fd, (void *)-4096L, 4), NULL);
	show("nothing", 0, read(fd, buf, 0), buf);
	show("then", 0, read(fd, buf, 4), buf);
	show("write", 0, write(fd, buf, 4), buf);
	close(fd);
	show("closed", 0, read(fd, buf, 4), buf);
	fd = open("one", O_WRONLY);
	for (int i = 0; i < 9; i++)
		show("not for reading", 0, read(fd, buf, 4), buf);
	close(fd);
	fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 9; i++) {
		show("null device", 0, write(fd, buf, 4), NULL);
		show("null device", 0, write(fd, nowhere, 9), NULL);
		show("null device", 0, read(fd, buf, 4), NULL);
		show("null device", 0, write(fd, buf, too_much), NULL);
	}
	close(fd);
	show("null device", 0, write(fd, buf, 4), NULL);
	fd = open("/dev/null", O_RDONLY);
	for (int i = 0; i < 3; i++)
		show("null device", 0, write(fd, buf, 4), NULL);
	close(fd);
	/* What neither reads nor writes. */
	for (int i = 0; i < 8; i++) {
		fd = open(i & 1 ? "/dev/zero" : "/dev/null", i & 2   ? O_PATH
							     : i & 4 ? O_ACCMODE & 3
								     : O_PATH | O_RDWR);
		show("neither", 0, write(fd, buf, 4), NULL);
		show("neither", 0, read(fd, buf, 4), NULL);
		close(fd);
	}
}

static int shared;
static uint8_t times_read[10000];
static volatile sig_atomic_t handled;

/* Each number of the file is read once, whoever reads it. */
static void read_one(void)
{
	uint32_t n;

	if (read(shared, &n, 4) == 4 && n < 10000)
		__atomic_add_fetch(&times_read[n], 1, __ATOMIC_RELAXED);
}

static void *read_all(void *arg)
{
	for (int i = 0; i < 2500; i++)
		read_one();
	return arg;
}

static void tell_times(void)
{
	int n[3] = {0, 0, 0};

	for (int i = 0; i < 10000; i++)
		n[times_read[i] > 1 ? 2 : times_read[i]]++;
	printf("not read %d, once %d, more often %d, position %ld\n", n[0], n[1], n[2],
	       (long)lseek(shared, 0, SEEK_CUR));
}

static void scene_threads(void)
{
	pthread_t threads[4];

	make_file("one", 40000);
	shared = open("one", O_RDONLY);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, read_all, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	tell_times();
}

static void on_alarm(int sig)
{
	(void)sig;
	read_one();
	if (++handled % 8 == 0)
		lseek(shared, 0, SEEK_CUR);
}

static void scene_handler(void)
{
	struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};

	make_file("one", 40000);
	shared = open("one", O_RDONLY);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 12000; i++)
		read_one();
	setitimer(ITIMER_REAL, &never, NULL);
	tell_times();
}

/* Another process writes, and says so or not. */
static void scene_news(void)
{
	struct timespec moment = {0, 30000000};
	int tell[2], ask[2], fd;
	char buf[4];

	if (pipe(tell) || pipe(ask))
		exit(2);
	make_file("one", 40000);
	if (!fork()) {
		int out = open("one", O_WRONLY);

		for (int i = 0; i < 9; i++) {
			if (read(ask[0], buf, 1) != 1)
				_exit(0);
			(void)!pwrite(out, "news", 4, 80 + 4 * i);
			(void)!write(tell[1], "x", 1);
		}
		_exit(0);
	}
	fd = open("one", O_RDONLY);
	for (int i = 0; i < 20; i++)
		if (read(fd, buf, 4) != 4)
			exit(2);
	for (int i = 0; i < 8; i++) {
		(void)!write(ask[1], "x", 1);
		(void)!read(tell[0], buf, 1);
		show("told", i, read(fd, buf, 4), buf);
	}
	(void)!write(ask[1], "x", 1);
	nanosleep(&moment, NULL);
	show("not told", 0, read(fd, buf, 4), buf);
	show("as before", 0, read(fd, buf, 4), buf);
}

static void scene_message(void)
{
	int pair[2], fd, status;
	char data[4] = "fd", control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = {data, 2};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *m;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		exit(2);
	if (!fork()) {
		if (recvmsg(pair[1], &msg, 0) != 2 || !CMSG_FIRSTHDR(&msg))
			_exit(2);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		show("passed on", 0, read(fd, data, 4), data);
		fflush(stdout);
		_exit(0);
	}
	fd = habit("one", O_RDONLY);
	m = CMSG_FIRSTHDR(&msg);
	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(m), &fd, sizeof(fd));
	fflush(stdout);
	sendmsg(pair[0], &msg, 0);
	wait(&status);
	for (int i = 0; i < 9; i++)
		show("after", 0, read(fd, data, 4), data);
}

static void scene_direct(void)
{
	unsigned char *buf = aligned_alloc(4096, 16384);
	int fd;

	make_file("one", 3000 * 1000);
	fd = open("one", O_RDONLY | O_DIRECT);
	for (int i = 0; i < 800; i++) {
		show("direct", i, read(fd, buf, 4096), buf);
		if (i % 100 == 50)
			show("not aligned", i, read(fd, buf + 1, 4096), buf);
		if (i % 100 == 60)
			show("not whole", i, read(fd, buf, 1000), buf);
		if (i % 100 == 70)
			show("more", i, read(fd, buf, 16384), buf);
		if (i == 80)
			show("position", i, lseek(fd, 0, SEEK_CUR), NULL);
	}
}

/* ---- Writing ---- */

/* A file that small writes go to, as a habit. */
static int written(const char *name, int flags)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | flags, 0644);

	for (int i = 0; i < 20; i++)
		if (write(fd, "line\n", 5) != 5)
			exit(2);
	return fd;
}

static void tell_size(const char *when, const char *name)
{
	struct stat st;

	printf("%s: %ld\n", when, stat(name, &st) ? -1L : (long)st.st_size);
	fflush(stdout);
}

/* Another process looks at the file whenever it is told to. */
static void scene_watched(void)
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

static void scene_exits(void)
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

/* There is no room, and then there is. */
static void scene_full(void)
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

static void *write_lines(void *arg)
{
	char line[16];
	int n = snprintf(line, sizeof(line), "thread %d\n", *(int *)arg);

	for (int i = 0; i < 2000; i++)
		if (write(shared, line, n) != n)
			exit(2);
	return NULL;
}

static void scene_writers(void)
{
	pthread_t threads[4];
	int numbers[4];
	char line[16] = "", want[16];
	int n[4] = {0};
	FILE *f;

	shared = written("one", O_APPEND);
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
	printf("%d %d %d %d\n", n[0], n[1], n[2], n[3]);
	unlink("one");
}

static void on_alarm_write(int sig)
{
	(void)sig;
	if (write(shared, "handler\n", 8) == 8)
		handled++;
}

static void scene_write_handler(void)
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

/* What a killed process has told of is in the file, which ends where it was cut off and nowhere else. */
static void scene_killed(void)
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

/* What stdio writes to the same file stays in its place. */
static void scene_mixed(void)
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

static const struct {
	const char *name;
	void (*run)(void);
} scenes[] = {
	{"exec", scene_exec},
	{"spawn", scene_spawn},
	{"vfork", scene_vfork},
	{"stdio", scene_stdio},
	{"errors", scene_errors},
	{"threads", scene_threads},
	{"handler", scene_handler},
	{"news", scene_news},
	{"message", scene_message},
	{"direct", scene_direct},
	{"watched", scene_watched},
	{"exits", scene_exits},
	{"full", scene_full},
	{"writers", scene_writers},
	{"write-handler", scene_write_handler},
	{"mixed", scene_mixed},
	{"killed", scene_killed},
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "random")) {
		by_chance((unsigned)atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	for (size_t i = 0; argc == 2 && i < sizeof(scenes) / sizeof(scenes[0]); i++)
		if (!strcmp(argv[1], scenes[i].name)) {
			scenes[i].run();
			return 0;
		}
	return 2;
}
