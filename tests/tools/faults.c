/*
 * What calls say of memory that is not there, or not all of it: to compare with and without the shim.
 *
 *     faults        works in the current directory; what it prints is the same in every run
 *
 * Each call is made on a connection whose bytes an event loop may have in hand, and on files that are read and written in
 * small pieces; and after each it is shown what the call has left. The memory is some that never was, some that was good
 * for the same call a moment ago, and some that is good in part.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, SIZE = 10 };

/* ---- Memory ---- */

/* Where a place is a page, it is at the end of two: what is beyond is no memory. */
static char *page(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p + PAGE, PAGE, PROT_NONE);
	memset(p, '.', PAGE);
	return p;
}

static void *null(char *p)
{
	(void)p;
	return NULL;
}

static void *one(char *p)
{
	(void)p;
	return (void *)1;
}

static void *last(char *p)
{
	(void)p;
	return (void *)-1;
}

static void *beyond(char *p)
{
	return p + PAGE;
}

static void *in_part(char *p)
{
	return p + PAGE - 3;
}

static void *by_the_word(char *p)
{
	return p + PAGE - SIZE;
}

static void *unmapped(char *p)
{
	/* No map, and none at the end of memory. */
	if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		puts("a map of nothing");
	if (!munmap((void *)-(uintptr_t)PAGE, PAGE - 1))
		puts("the end of memory unmapped");
	munmap(p, PAGE);
	return p;
}

static void *by_number(char *p)
{
	syscall(SYS_munmap, p, PAGE);
	return p;
}

static void *protected(char *p)
{
	mprotect(p, PAGE, PROT_NONE);
	return p;
}

static void *read_only(char *p)
{
	mprotect(p, PAGE, PROT_READ);
	return p;
}

static void *mapped_over(char *p)
{
	return mmap(p, PAGE, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *moved(char *p)
{
	char *to = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		perror("mremap");
	return p;
}

static void *past_the_file(char *p)
{
	int fd = open("short", O_RDWR | O_CREAT, 0600);

	p = mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_SHARED, fd, 0);
	close(fd);
	return p;
}

static const struct {
	const char *name;
	void *(*make)(char *good);
} places[] = {
	{"NULL", null},
	{"1", one},
	{"-1", last},
	{"PROT_NONE", beyond},
	{"in part", in_part},
	{"to the end", by_the_word},
	{"unmapped", unmapped},
	{"by number", by_number},
	{"protected", protected},
	{"read-only", read_only},
	{"mapped over", mapped_over},
	{"moved", moved},
	{"no file", past_the_file},
};

/* ---- Calls ---- */

static ssize_t do_read(int fd, void *p)
{
	return read(fd, p, SIZE);
}

static ssize_t do_recv(int fd, void *p)
{
	return recv(fd, p, SIZE, 0);
}

static ssize_t do_readv(int fd, void *p)
{
	struct iovec iov = {p, SIZE};

	return readv(fd, &iov, 1);
}

/* The first of two is good. */
static ssize_t do_readv_second(int fd, void *p)
{
	char good[4];
	struct iovec iov[2] = {{good, sizeof(good)}, {p, SIZE}};

	return readv(fd, iov, 2);
}

/* As far as it can be read, there is nothing in it. */
static ssize_t do_readv_vector(int fd, void *p)
{
	return readv(fd, p, 1);
}

static ssize_t do_recvmsg(int fd, void *p)
{
	struct iovec iov = {p, SIZE};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return recvmsg(fd, &msg, 0);
}

static ssize_t do_by_number(int fd, void *p)
{
	return syscall(SYS_read, fd, p, SIZE);
}

static ssize_t do_write(int fd, void *p)
{
	return write(fd, p, SIZE);
}

static ssize_t do_send(int fd, void *p)
{
	return send(fd, p, SIZE, 0);
}

static ssize_t do_writev(int fd, void *p)
{
	struct iovec iov = {p, SIZE};

	return writev(fd, &iov, 1);
}

static ssize_t do_writev_second(int fd, void *p)
{
	struct iovec iov[2] = {{"good", 4}, {p, SIZE}};

	return writev(fd, iov, 2);
}

static ssize_t do_writev_vector(int fd, void *p)
{
	return writev(fd, p, 1);
}

static ssize_t do_sendmsg(int fd, void *p)
{
	struct iovec iov = {p, SIZE};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return sendmsg(fd, &msg, 0);
}

static ssize_t do_sendmsg_vector(int fd, void *p)
{
	struct msghdr msg = {.msg_iov = p, .msg_iovlen = 1};

	return sendmsg(fd, &msg, 0);
}

static ssize_t do_sendmsg_message(int fd, void *p)
{
	return sendmsg(fd, p, 0);
}

struct action {
	const char *name;
	ssize_t (*call)(int fd, void *p);
	enum {
		DATA,
		OTHER
	} what; /* is it the bytes that are there? Else they are all zero, where there are any */
};

static const struct action ins[] = {
	{"read", do_read, DATA},
	{"recv", do_recv, DATA},
	{"readv", do_readv, DATA},
	{"readv, second", do_readv_second, DATA},
	{"readv, vector", do_readv_vector, OTHER},
	{"recvmsg", do_recvmsg, DATA},
	{"read by number", do_by_number, DATA},
};

static const struct action outs[] = {
	{"write", do_write, DATA},
	{"send", do_send, DATA},
	{"writev", do_writev, DATA},
	{"writev, second", do_writev_second, DATA},
	{"writev, vector", do_writev_vector, OTHER},
	{"sendmsg", do_sendmsg, DATA},
	{"sendmsg, vector", do_sendmsg_vector, OTHER},
	{"sendmsg, message", do_sendmsg_message, OTHER},
};

static void show(const char *what, ssize_t n)
{
	if (n < 0)
		printf(" %s: %s;", what, strerror(errno));
	else
		printf(" %s: %zd;", what, n);
}

/* ---- A connection in an event loop ---- */

static int epfd, far, near;

static void meet(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN};
	socklen_t len = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	epfd = epoll_create1(0);
	far = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(door, (struct sockaddr *)&at, len) || listen(door, 1) ||
	    getsockname(door, (struct sockaddr *)&at, &len) ||
	    connect(far, (struct sockaddr *)&at, len))
		perror("connect");
	near = accept4(door, NULL, NULL, SOCK_NONBLOCK);
	close(door);
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	ev.data.fd = near;
	epoll_ctl(epfd, EPOLL_CTL_ADD, near, &ev);
}

/* The other end says ten bytes, and the loop has heard. */
static void turn(void)
{
	struct timespec ts = {.tv_nsec = 500000};
	struct epoll_event ev;

	if (send(far, "0123456789", SIZE, 0) != SIZE)
		perror("send");
	nanosleep(&ts, NULL);
	epoll_wait(epfd, &ev, 1, 1000);
}

/* All that is to be had, until there is no more for now. */
static void rest(const char *what, int fd, bool waits)
{
	char buf[64];
	ssize_t n = 0;

	if (waits) {
		struct timespec ts = {.tv_nsec = 2000000};

		nanosleep(&ts, NULL);
	}
	while (n < (ssize_t)sizeof(buf)) {
		ssize_t got = recv(fd, buf + n, sizeof(buf) - (size_t)n, MSG_DONTWAIT);

		if (got <= 0)
			break;
		n += got;
	}
	for (ssize_t i = 0; i < n; i++)
		buf[i] = buf[i] ? buf[i] : '0';
	printf(" %s \"%.*s\"\n", what, (int)n, buf);
}

/* Memory for a call, and then for the same call once more when it is no more what it was. */
static void *place_for(const struct action *a, size_t place, int fd, char **good)
{
	ssize_t n;

	*good = page();
	if (a->what == OTHER)
		memset(*good, 0, PAGE);
	n = a->call(fd, a->what == OTHER ? *good : *good + PAGE / 2);
	show("good", n);
	return places[place].make(*good);
}

static void done_with(char *good)
{
	munmap(good, 2 * PAGE);
}

static void connections(void)
{
	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		char *good;
		void *bad;

		meet();
		for (int i = 0; i < 3; i++) {
			char buf[64];

			turn();
			if (read(near, buf, sizeof(buf)) != SIZE)
				printf("no greeting\n");
		}
		for (size_t i = 0; i < sizeof(ins) / sizeof(ins[0]); i++) {
			printf("connection, %s, %s:", ins[i].name, places[p].name);
			turn();
			bad = place_for(&ins[i], p, near, &good);
			turn();
			show("bad", ins[i].call(near, bad));
			rest("left", near, false);
			done_with(good);
		}
		for (size_t i = 0; i < sizeof(outs) / sizeof(outs[0]); i++) {
			printf("connection, %s, %s:", outs[i].name, places[p].name);
			turn();
			bad = place_for(&outs[i], p, near, &good);
			show("bad", outs[i].call(near, bad));
			turn();
			rest("said", far, true);
			rest("left", near, false);
			done_with(good);
		}
		close(near);
		close(far);
		close(epfd);
	}
}

/* ---- Files ---- */

/* One that is read in small pieces, as a habit. */
static void file_in(void)
{
	char buf[SIZE];
	int fd = open("numbers", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < 20000; i++)
		dprintf(fd, "%05d\n", i);
	close(fd);
	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		for (size_t i = 0; i < sizeof(ins) / sizeof(ins[0]); i++) {
			char *good;
			void *bad;

			fd = open("numbers", O_RDONLY);
			for (int n = 0; n < 8; n++)
				if (read(fd, buf, 6) != 6)
					printf("no habit\n");
			printf("file, %s, %s:", ins[i].name, places[p].name);
			bad = place_for(&ins[i], p, fd, &good);
			for (int n = 0; n < 8; n++)
				if (read(fd, buf, 6) != 6)
					printf("no habit\n");
			show("bad", ins[i].call(fd, bad));
			show("next", read(fd, buf, 6));
			printf(" \"%.5s\"\n", buf);
			done_with(good);
			close(fd);
		}
	}
}

static void file_out(void)
{
	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		for (size_t i = 0; i < sizeof(outs) / sizeof(outs[0]); i++) {
			int fd = open("lines", O_WRONLY | O_CREAT | O_TRUNC, 0600);
			char buf[512], *good;
			ssize_t n;
			void *bad;

			for (int k = 0; k < 8; k++)
				(void)!write(fd, "habit", 5);
			printf("lines, %s, %s:", outs[i].name, places[p].name);
			bad = place_for(&outs[i], p, fd, &good);
			for (int k = 0; k < 8; k++)
				(void)!write(fd, "habit", 5);
			show("bad", outs[i].call(fd, bad));
			close(fd);
			fd = open("lines", O_RDONLY);
			n = read(fd, buf, sizeof(buf));
			printf(" %zd \"%.*s\"\n", n, n > 80 ? (int)n - 80 : 0, buf + 80);
			done_with(good);
			close(fd);
		}
	}
}

static void devices(void)
{
	int zero = open("/dev/zero", O_RDONLY), none = open("/dev/null", O_WRONLY);

	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		char *good;
		void *bad;

		for (size_t i = 0; i < sizeof(ins) / sizeof(ins[0]); i++) {
			if (ins[i].what == OTHER)
				continue;
			printf("zero, %s, %s:", ins[i].name, places[p].name);
			bad = place_for(&ins[i], p, zero, &good);
			show("bad", ins[i].call(zero, bad));
			printf("\n");
			done_with(good);
		}
		printf("null, write, %s:", places[p].name);
		bad = place_for(&outs[0], p, none, &good);
		show("bad", write(none, bad, SIZE));
		printf("\n");
		done_with(good);
	}
	close(zero);
	close(none);
}

/* Attributes and names, of a directory that is gone through. */
static void names(void)
{
	char name[16];
	struct stat st;

	mkdir("names", 0700);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "names/%02d", i);
		close(open(name, O_WRONLY | O_CREAT, 0600));
	}
	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		char *good = page();
		void *bad = places[p].make(good);

		for (int i = 0; i < 10; i++) {
			snprintf(name, sizeof(name), "names/%02d", i);
			if (stat(name, &st))
				printf("no name\n");
		}
		printf("names, %s:", places[p].name);
		snprintf(name, sizeof(name), "names/%02d", 10);
		show("stat", syscall(SYS_newfstatat, AT_FDCWD, name, bad, 0));
		show("statx", syscall(SYS_statx, AT_FDCWD, name, 0, 0x7ff, bad));
		show("open", open(bad, O_RDONLY));
		printf("\n");
		done_with(good);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	connections();
	fflush(stdout);
	file_in();
	fflush(stdout);
	file_out();
	fflush(stdout);
	devices();
	names();
	return 0;
}
