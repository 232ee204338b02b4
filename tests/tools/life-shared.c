/*
 * Scenes of one open file that several processes or threads use: what each gets of it, and where it comes from.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "life.h"

/* ---- One description, several users ---- */

#define WRITERS 4
#define RECORDS 300
#define RECORD 48

/* Record i of writer w; its text tells both. */
static void make_record(char *to, int w, int i)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "writer %d record %d", w, i);

	memset(to, ' ', RECORD);
	memcpy(to, text, (size_t)n);
	to[RECORD - 1] = '\n';
}

/* All records must be there, each whole and once, those of a writer in order. */
static void check_records(const char *name)
{
	int next[WRITERS] = {0};
	char buf[RECORD], expected[RECORD];
	int fd = open(name, O_RDONLY);

	must(fd >= 0);
	for (int i = 0; i < WRITERS * RECORDS; i++) {
		int w;

		must(read_all(fd, buf, RECORD));
		w = buf[7] - '0';
		must(w >= 0 && w < WRITERS && next[w] < RECORDS);
		make_record(expected, w, next[w]++);
		must(!memcmp(buf, expected, RECORD));
	}
	must(read(fd, buf, 1) == 0);
	must(!close(fd));
}

static int shared_fd;
static bool by_vector;

static void write_records(int w)
{
	char buf[RECORD];

	for (int i = 0; i < RECORDS; i++) {
		struct iovec iov[2] = {{buf, 10}, {buf + 10, RECORD - 10}};

		make_record(buf, w, i);
		must((by_vector ? writev(shared_fd, iov, 2) : write(shared_fd, buf, RECORD)) ==
		     RECORD);
	}
}

static void *write_records_thread(void *arg)
{
	write_records((int)(intptr_t)arg);
	return NULL;
}

static void play_writers(int argc, char **argv)
{
	static const struct {
		const char *what;
		int flags;
		bool vector, threads;
	} ways[] = {
		{"processes", 0, false, false},
		{"processes, writev", 0, true, false},
		{"processes, O_APPEND", O_APPEND, false, false},
		{"threads", 0, false, true},
	};

	(void)argc;
	(void)argv;
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		pid_t pids[WRITERS];
		pthread_t threads[WRITERS];

		shared_fd = open("records", O_WRONLY | O_CREAT | O_TRUNC | ways[way].flags, 0644);
		must(shared_fd >= 0);
		by_vector = ways[way].vector;
		for (int w = 0; w < WRITERS; w++) {
			if (ways[way].threads) {
				threads[w] = thread(write_records_thread, (void *)(intptr_t)w);
				continue;
			}
			pids[w] = fork();
			if (!pids[w]) {
				write_records(w);
				_exit(0);
			}
		}
		for (int w = 0; w < WRITERS; w++)
			must(ways[way].threads ? !pthread_join(threads[w], NULL) : !wait_for(pids[w]));
		say("%s: end at %ld", ways[way].what, (long)lseek(shared_fd, 0, SEEK_CUR));
		must(!close(shared_fd));
		check_records("records");
	}
}

/* Reads records of a number each from what all share, and notes each in a map that all share. */
static unsigned char *seen;
static int chunk;

static void read_numbers(void)
{
	char buf[8 * 32];
	ssize_t n;

	while ((n = read(shared_fd, buf, (size_t)(8 * chunk))) > 0) {
		must(n % 8 == 0);
		for (ssize_t i = 0; i < n; i += 8) {
			char digits[9] = "";

			memcpy(digits, buf + i, 7);
			__atomic_add_fetch(&seen[atoi(digits)], 1, __ATOMIC_RELAXED);
		}
	}
	must(n == 0);
}

static void *read_numbers_thread(void *arg)
{
	read_numbers();
	return arg;
}

#define NUMBERS 4000

/* `fd` has all numbers once. */
static void share_out(const char *what, int fd, bool threads, int records)
{
	pthread_t t[WRITERS];
	pid_t pids[WRITERS];

	memset(seen, 0, NUMBERS);
	shared_fd = fd;
	chunk = records;
	for (int w = 0; w < WRITERS; w++) {
		if (threads) {
			t[w] = thread(read_numbers_thread, NULL);
			continue;
		}
		pids[w] = fork();
		if (!pids[w]) {
			read_numbers();
			_exit(0);
		}
	}
	for (int w = 0; w < WRITERS; w++)
		must(threads ? !pthread_join(t[w], NULL) : !wait_for(pids[w]));
	for (int i = 0; i < NUMBERS; i++)
		must(seen[i] == 1);
	say("%s: all %d numbers, none twice", what, NUMBERS);
}

static void put_numbers(int fd)
{
	char buf[16];

	for (int i = 0; i < NUMBERS; i++) {
		snprintf(buf, sizeof(buf), "%07d\n", i);
		must(write(fd, buf, 8) == 8);
	}
}

static void play_readers(int argc, char **argv)
{
	int fd = open("numbers", O_RDWR | O_CREAT | O_TRUNC, 0644);
	int ends[2];

	(void)argc;
	(void)argv;
	seen = mmap(NULL, NUMBERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(fd >= 0 && seen != MAP_FAILED);
	put_numbers(fd);
	lseek(fd, 0, SEEK_SET);
	share_out("processes, one file", fd, false, 1);
	say("end at %ld", (long)lseek(fd, 0, SEEK_CUR));
	lseek(fd, 0, SEEK_SET);
	share_out("processes, 32 at a time", fd, false, 32);
	say("end at %ld", (long)lseek(fd, 0, SEEK_CUR));
	lseek(fd, 0, SEEK_SET);
	share_out("threads, one file", fd, true, 3);
	say("end at %ld", (long)lseek(fd, 0, SEEK_CUR));
	must(!pipe(ends));
	must(fcntl(ends[1], F_SETPIPE_SZ, NUMBERS * 8) >= 0);
	put_numbers(ends[1]);
	must(!close(ends[1]));
	share_out("processes, one pipe", ends[0], false, 1);
}

/* ---- Descriptors that travel ---- */

static void send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {"!", 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	memset(&control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	must(sendmsg(sock, &msg, 0) == 1);
}

/* The fd, or -1 where none came. */
static int receive_fd(int sock, int flags)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c;
	int fd = -1;

	must(recvmsg(sock, &msg, flags) == 1 && byte == '!');
	say("control %d bytes, flags %#x", (int)msg.msg_controllen,
	    (unsigned)(msg.msg_flags & ~MSG_CMSG_CLOEXEC));
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static void play_scm(int argc, char **argv)
{
	struct rlimit lim;
	int socks[2], ends[2];
	char buf[16] = "";
	int fd, got;
	pid_t pid;

	(void)argc;
	(void)argv;
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	pid = fork();
	if (!pid) {
		some_io("child-file", true);
		got = receive_fd(socks[1], 0);
		say("a file as %d, close-on-exec %d", got, fcntl(got, F_GETFD));
		must(read(got, buf, 3) == 3);
		say("read %s at offset %ld", buf, (long)lseek(got, 0, SEEK_CUR));
		must(write(got, "XYZ", 3) == 3);
		got = receive_fd(socks[1], MSG_CMSG_CLOEXEC);
		say("a pipe as %d, close-on-exec %d", got, fcntl(got, F_GETFD));
		must(write(got, "through a pipe", 14) == 14);
		must(!close(got));
		/* No number left: the message comes, the fd does not. */
		must(!getrlimit(RLIMIT_NOFILE, &lim));
		lim.rlim_cur = (rlim_t)dup(0);
		close((int)lim.rlim_cur);
		must(!setrlimit(RLIMIT_NOFILE, &lim));
		say("with a full table: %d", receive_fd(socks[1], 0));
		_exit(0);
	}
	fd = alphabet();
	send_fd(socks[0], fd);
	must(!pipe(ends));
	send_fd(socks[0], ends[1]);
	must(!close(ends[1]));
	send_fd(socks[0], fd);
	say_status("child", wait_for(pid));
	must(read_all(ends[0], buf, 14));
	say("the parent reads: %.14s", buf);
	must(read(ends[0], buf, 1) == 0);
	say("the file: %s, offset %ld", content("alphabet"), (long)lseek(fd, 0, SEEK_CUR));
	after(fd);
}

const struct scene scenes[] = {
	{"writers", play_writers},
	{"readers", play_readers},
	{"scm", play_scm},
	{NULL, NULL},
};
