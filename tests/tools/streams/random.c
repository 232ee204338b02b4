/* Steps by chance on a few files and fds. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "streams.h"

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

void by_chance(unsigned seed, int steps)
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
