/*
 * A program that goes through a directory, and in between writes more into a pipe than it takes, and waits for events that
 * do not come: no write ends halfway, and no wait before its time, unless there is a signal, and there is none.
 *
 *     whole DIR FILES
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static char bytes[200000];

/* A child that takes its time to read. */
static int slow_reader(void)
{
	int fds[2];

	if (pipe(fds))
		exit(1);
	if (!fork()) {
		close(fds[1]);
		while (read(fds[0], bytes, 50000) > 0)
			usleep(300);
		_exit(0);
	}
	close(fds[0]);
	return fds[1];
}

int main(int argc, char **argv)
{
	unsigned files = argc == 3 ? (unsigned)atoi(argv[2]) : 0, n = 0, cut = 0, early = 0;
	int to = slow_reader(), ep = epoll_create1(0);
	DIR *dir = argc == 3 ? opendir(argv[1]) : NULL;
	struct dirent *d;

	if (!dir)
		return 2;
	while (n < files && (d = readdir(dir))) {
		struct epoll_event ev;
		int fd;

		if (d->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), d->d_name, O_RDONLY);
		if (fd < 0 || read(fd, bytes, 4096) < 0)
			return 2;
		close(fd);
		if (n++ % 2)
			cut += write(to, bytes, sizeof(bytes)) != sizeof(bytes);
		else
			early += epoll_wait(ep, &ev, 1, 2) < 0;
	}
	close(to);
	wait(NULL);
	printf("%u files, %u writes cut short, %u waits interrupted\n", n, cut, early);
	return 0;
}
