/*
 * Goes through a directory file by file and does to it, on the way, what one who opened ahead might miss. Everything that
 * a program can see is printed, so that two runs can be compared.
 *
 *     walker DIR       DIR has files 000 to 199, each with its name in it
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int dir;

/* The numbers of the open fds. */
static void show_fds(void)
{
	for (int fd = 0; fd < 40; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d", fd);
	printf("\n");
}

static int open_at(const char *name, int flags)
{
	int fd = openat(dir, name, flags);

	printf("%s: fd %d", name, fd);
	if (fd < 0)
		printf(" %s", strerror(errno));
	else
		printf(" flags %x fd flags %x at %ld", (unsigned)fcntl(fd, F_GETFL),
		       (unsigned)fcntl(fd, F_GETFD), (long)lseek(fd, 0, SEEK_CUR));
	return fd;
}

static void show(int fd)
{
	char buf[100] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	printf(" read %zd: %.*s\n", n, (int)strcspn(buf, "\n"), buf);
}

static void plain(int i, int flags)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%03d", i);
	fd = open_at(name, flags);
	show(fd);
	if (fd >= 0)
		close(fd);
}

static void make(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("make %s: %s\n", name, strerror(errno));
	close(fd);
}

/* The offset is shared with a child and with a duplicate. */
static void share(const char *name)
{
	int fd = open_at(name, O_RDONLY), copy = dup(fd);
	char c;

	if (!fork())
		_exit(read(fd, &c, 1) == 1 ? c : 0);
	else {
		int status;

		wait(&status);
		printf(" child read %c", WEXITSTATUS(status));
	}
	show(copy);
	close(fd);
	close(copy);
}

static void limited(int i)
{
	struct rlimit old, none = {0};

	getrlimit(RLIMIT_NOFILE, &old);
	none.rlim_max = old.rlim_max;
	none.rlim_cur = (rlim_t)dir + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	plain(i, O_RDONLY);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void child_walks(int from)
{
	fflush(stdout);
	if (!fork()) {
		for (int i = from; i < from + 10; i++)
			plain(i, O_RDONLY);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

/* What is done before file number `i` is opened. */
static void before(int i)
{
	char name[16], next[16];

	snprintf(name, sizeof(name), "%03d", i);
	snprintf(next, sizeof(next), "%03d", i + 1);
	switch (i) {
	case 20: unlinkat(dir, name, 0); break;
	case 30: renameat(dir, next, dir, name); break;
	case 40:
		unlinkat(dir, name, 0);
		symlinkat("041", dir, name);
		break;
	case 50: make(name, "written anew\n"); break;
	case 60:
		unlinkat(dir, name, 0);
		make(name, "another file\n");
		break;
	case 70: share(name); break;
	case 80: limited(i); break;
	case 90: child_walks(i); break;
	case 100: truncate("100", 0); break;
	case 110:
		unlinkat(dir, name, 0);
		mkdirat(dir, name, 0755);
		break;
	case 120:
		mkdirat(dir, "sub", 0755);
		renameat(dir, next, dir, "sub/moved");
		break;
	case 130: close(0); break;
	case 140:
		renameat(dir, name, dir, "aside");
		renameat(dir, next, dir, name);
		renameat(dir, "aside", dir, next);
		break;
	default: break;
	}
}

int main(int argc, char **argv)
{
	static const int flags[] = {O_RDONLY, O_RDONLY | O_CLOEXEC, O_RDONLY | O_NOFOLLOW,
				    O_RDONLY | O_NONBLOCK, O_RDWR};

	if (argc < 2 || chdir(argv[1]))
		return 2;
	dir = open(".", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 200; i++) {
		before(i);
		/* Mostly the same, as programs do. */
		plain(i, i < 150 ? flags[i % 10 == 9 ? 1 : 0] : flags[i / 10 % 5]);
		if (i % 25 == 0)
			show_fds();
	}
	return 0;
}
