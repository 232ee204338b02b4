/*
 * Calls of which it shows when one is made twice, or not at all: what is made must not be there before, what is taken away
 * must be; counters count; positions move; each byte of a pipe and each connection is there once. Everything is printed.
 *
 * The fault tests run this with a ring that fails at the n-th use.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "life.h"

static void names(void)
{
	struct stat st;
	int fd;

	told("mkdir", mkdir("d", 0755));
	told("mkdir again", mkdir("d", 0755));
	fd = open("d/f", O_RDWR | O_CREAT | O_EXCL, 0640);
	say("open: %d", fd);
	told("open again", open("d/f", O_RDWR | O_CREAT | O_EXCL, 0640));
	told("link", link("d/f", "d/g"));
	told("link again", link("d/f", "d/g"));
	told("symlink", symlink("f", "d/s"));
	told("rename", rename("d/g", "d/h"));
	told("rename again", rename("d/g", "d/h"));
	must(!fstat(fd, &st));
	say("links %d", (int)st.st_nlink);
	told("unlink", unlink("d/h"));
	told("unlink again", unlink("d/h"));
	told("rmdir, not empty", rmdir("d"));
	told("lstat", lstat("d/s", &st));
	told("unlink", unlink("d/s"));
	told("unlink", unlink("d/f"));
	told("rmdir", rmdir("d"));
	told("rmdir again", rmdir("d"));
	told("close", close(fd));
	told("close again", close(fd));
}

static void positions(void)
{
	char buf[32] = "";
	struct iovec iov[2] = {{buf, 2}, {buf + 2, 3}};
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644);

	told("write", write(fd, "abcdefghij", 10));
	told("write", write(fd, "klmnop", 6));
	told("at", lseek(fd, 0, SEEK_CUR));
	told("to", lseek(fd, 3, SEEK_SET));
	told("read", read(fd, buf, 4));
	say("read %.4s, at %ld", buf, (long)lseek(fd, 0, SEEK_CUR));
	told("readv", readv(fd, iov, 2));
	say("read %.5s, at %ld", buf, (long)lseek(fd, 0, SEEK_CUR));
	told("pread", pread(fd, buf, 3, 1));
	told("pwrite", pwrite(fd, "XY", 2, 14));
	told("read to the end", read(fd, buf, 30));
	told("read at the end", read(fd, buf, 30));
	told("fsync", fsync(fd));
	told("fallocate", fallocate(fd, 0, 0, 100));
	told("ftruncate", ftruncate(fd, 20));
	told("fdatasync", fdatasync(fd));
	told("size", lseek(fd, 0, SEEK_END));
	must(!close(fd));
	fd = open("file", O_WRONLY | O_APPEND);
	told("append", write(fd, "+", 1));
	told("append", write(fd, "+", 1));
	told("size", lseek(fd, 0, SEEK_END));
	must(!close(fd));
	say("the file: %.16s", content("file"));
}

static void streams(void)
{
	struct sockaddr_un addr = unix_address("s");
	struct epoll_event ev = {.events = EPOLLIN}, got;
	uint64_t n = 3;
	char buf[32] = "";
	int ends[2], e, ep, s, c, a;

	told("pipe", pipe(ends));
	told("write", write(ends[1], "one", 3));
	told("write", write(ends[1], "two", 3));
	told("read", read(ends[0], buf, 32));
	say("read %s", buf);
	must(!close(ends[1]));
	told("read at the end", read(ends[0], buf, 32));
	must(!close(ends[0]));
	e = eventfd(0, 0);
	told("add 3", write(e, &n, 8));
	told("add 3", write(e, &n, 8));
	told("read", read(e, &n, 8));
	say("sum %d", (int)n);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	told("bind", bind(s, (struct sockaddr *)&addr, sizeof(addr)));
	told("bind again", bind(s, (struct sockaddr *)&addr, sizeof(addr)));
	told("listen", listen(s, 4));
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	told("connect", connect(c, (struct sockaddr *)&addr, sizeof(addr)));
	must(!fcntl(s, F_SETFL, O_NONBLOCK));
	a = accept(s, NULL, NULL);
	say("accept: %d", a);
	told("accept again", accept(s, NULL, NULL));
	ep = epoll_create1(0);
	told("epoll_ctl", epoll_ctl(ep, EPOLL_CTL_ADD, a, &ev));
	told("epoll_ctl again", epoll_ctl(ep, EPOLL_CTL_ADD, a, &ev));
	told("epoll_wait", epoll_wait(ep, &got, 1, 0));
	told("send", send(c, "hello", 5, 0));
	told("epoll_wait", epoll_wait(ep, &got, 1, 1000));
	told("recv", recv(a, buf, 32, 0));
	say("received %.5s", buf);
	told("recv again", recv(a, buf, 32, MSG_DONTWAIT));
	told("shutdown", shutdown(c, SHUT_WR));
	told("recv at the end", recv(a, buf, 32, 0));
	must(!close(a) && !close(c) && !close(s) && !close(ep) && !close(e));
	told("unlink", unlink("s"));
	told("next fd", dup(0));
}

static void play_all(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	names();
	positions();
	streams();
}

const struct scene scenes[] = {{"all", play_all}, {NULL, NULL}};
