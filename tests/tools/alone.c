/*
 * Reads all files of a directory, and says how many threads it has, by each of the ways in which programs ask; those that
 * sandbox themselves do, for they have to be the only one.
 *
 *     alone DIR [inside]     inside: once more with DIR as its root
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say_links(const char *how, int failed, const struct stat *st)
{
	if (failed)
		perror(how);
	else
		printf("%s: %d\n", how, (int)st->st_nlink - 2);
}

static void count(void)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[64], line[256];
	struct dirent *e;
	struct stat st;
	int entries = 0;
	FILE *f;
	DIR *d;

	say_links("from /proc", fstatat(proc, "self/task/", &st, 0), &st);
	close(proc);
	say_links("by name", stat("/proc/self/task", &st), &st);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)getpid());
	say_links("by number", stat(path, &st), &st);
	d = opendir("/proc/self/task");
	while (d && (e = readdir(d)))
		entries += e->d_name[0] != '.';
	printf("listed: %d\n", entries);
	if (d)
		closedir(d);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Threads:", 8))
			printf("%s", line);
	if (f)
		fclose(f);
}

/* The same with nothing but the directory to be seen, as in a sandbox, and a /proc that was opened before. */
static void count_inside(const char *dir)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	struct stat st;

	if (chroot(dir) || chdir("/")) {
		perror("chroot");
		return;
	}
	/* Whatever asks for workers. */
	for (int i = 0; i < 10; i++)
		if (stat("/", &st))
			perror("stat");
	say_links("inside", fstatat(proc, "self/task/", &st, 0), &st);
	fd = openat(proc, "self/fd/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	printf("fds: %d\n", fd < 0 ? -1 : fd - proc);
}

/* As Python does at a fork. */
static void count_by_stat(void)
{
	FILE *f = fopen("/proc/self/stat", "r");
	int nr = 0;

	if (!f ||
	    fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
		   &nr) != 1)
		perror("/proc/self/stat");
	else
		printf("by stat: %d\n", nr);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	struct dirent *e;
	char buf[4096];
	int fd, nr = 0;
	DIR *d;

	if ((argc != 2 && argc != 3) || !(d = opendir(argv[1]))) {
		fputs("usage: alone DIR [inside]\n", stderr);
		return 2;
	}
	while ((e = readdir(d))) {
		struct stat st;

		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0) ||
		    !S_ISREG(st.st_mode))
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, buf, sizeof(buf)) < 0)
			perror(e->d_name);
		close(fd);
		if (++nr != 40)
			continue;
		if (argc == 2)
			count_by_stat();
		count();
	}
	closedir(d);
	count();
	if (argc == 3)
		count_inside(argv[1]);
	return 0;
}
