/* Scenes of programs that read in small pieces, and of others that look on. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"

void scene_exec(void)
{
	dup2(habit("one", O_RDONLY), 0);
	execlp("od", "od", "-An", "-tu4", "-N8", NULL);
}

void scene_spawn(void)
{
	char buf[4];

	dup2(habit("one", O_RDONLY), 0);
	fflush(stdout);
	(void)!system("head -c 8 | od -An -tu4");
	show("after system", 0, read(0, buf, 4), buf);
	for (int i = 0; i < 9; i++)
		show("and on", 0, read(0, buf, 4), buf);
}

void scene_vfork(void)
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

void scene_stdio(void)
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

void scene_errors(void)
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

static void four_threads(void)
{
	pthread_t threads[4];

	shared = open("one", O_RDONLY);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, read_all, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	tell_times();
}

/* How they meet at the beginning, where there is no memory yet, is what matters: so in one process after another. */
void scene_threads(void)
{
	make_file("one", 40000);
	for (int round = 0; round < 50; round++) {
		fflush(stdout);
		if (!fork()) {
			four_threads();
			exit(0);
		}
		wait(NULL);
	}
}

static void on_alarm(int sig)
{
	(void)sig;
	read_one();
	if (++handled % 8 == 0)
		lseek(shared, 0, SEEK_CUR);
}

void scene_handler(void)
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
void scene_news(void)
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

void scene_message(void)
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

void scene_direct(void)
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

void scene_direct_at(void)
{
	unsigned char *buf = aligned_alloc(4096, 16384);
	int fd, other;
	off_t at = 0;

	make_file("one", 3000 * 1000);
	fd = open("one", O_RDWR | O_DIRECT);
	other = open("one", O_WRONLY);
	for (int i = 0; i < 1600; i++) {
		long n = pread(fd, buf, 4096, at);

		show("direct", i, n, buf);
		at = n <= 0 ? 0 : at + n;
		switch (i % 100) {
		case 40: show("ahead", i, pwrite(other, "xyz", 3, at + 10), NULL); break;
		case 50: show("not aligned", i, pread(fd, buf + 1, 4096, at), buf); break;
		case 60: show("not whole", i, pread(fd, buf, 1000, at), buf); break;
		case 70: show("a step", i, pread(fd, buf, 4096, at + 1), buf); break;
		case 75: show("again", i, pread(fd, buf, 4096, at - 4096), buf); break;
		case 80: show("more", i, pread(fd, buf, 16384, at), buf); break;
		case 85: show("by the position", i, read(fd, buf, 4096), buf); break;
		case 88: show("written so", i, pwrite(fd, buf, 4096, at + 4096), NULL); break;
		case 90: show("cut", i, ftruncate(other, 3000 * 1000 - i), NULL); break;
		default: break;
		}
		/* The end of the file is asked for, not believed. */
		if (n >= 0 && n < 4096) {
			show("grown", i, pwrite(other, "end", 3, 2990 * 1000), NULL);
			show("seen", i, pread(fd, buf, 4096, 2990 * 1000 & -4096), buf);
			show("beyond", i, pread(fd, buf, 4096, 4096 * 4096), buf);
		}
	}
	show("position", 0, lseek(fd, 0, SEEK_CUR), NULL);
}
