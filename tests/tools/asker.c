/*
 * Asks about the files of a directory one by one, and changes one on the way, by one of many doors, just before it asks
 * about that. What is answered is printed, so that two runs can be compared: an answer from before the change would be
 * seen.
 *
 *     asker DIR DOOR      DIR has files 000 to 011, a few bytes each, changed long ago
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

static const time_t long_ago = 1577836800 + 86400 * 2;

enum { FILES = 12 };

static char name[16], next[16];
static int kept = -1, odd;
static FILE *stream;

static void show(const char *how, int res, const struct stat *st)
{
	printf("%s %s: ", name, how);
	if (res)
		printf("%s\n", strerror(errno));
	else
		printf("%o size %ld links %ld %s\n", st->st_mode, (long)st->st_size,
		       S_ISDIR(st->st_mode) ? 0 : (long)st->st_nlink,
		       st->st_mtime < long_ago ? "old" : "new");
}

/* By statx, where libc has it. */
static void ask_more(int dir)
{
#ifdef STATX_SIZE
	struct statx stx;

	if (!statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_SIZE, &stx))
		printf("statx %lu\n", (unsigned long)stx.stx_size);
#else
	(void)dir;
#endif
}

static void ask(int dir)
{
	struct stat st;

	show("lstat", fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), &st);
	/* Now and then in another way. */
	if (!odd)
		return;
	show("stat", stat(name, &st), &st);
	ask_more(dir);
}

static void *remove_it(void *unused)
{
	(void)unused;
	unlink(name);
	return NULL;
}

static void by_child(void)
{
	if (!fork())
		_exit(truncate(name, 2) ? 1 : 0);
	wait(NULL);
}

static void by_thread(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, remove_it, NULL))
		pthread_join(t, NULL);
}

static void write_to(int flags, const char *text)
{
	int fd = open(name, flags, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("write: %s\n", strerror(errno));
	close(fd);
}

/* One door each. */
static void change(int door)
{
	struct timeval times[2] = {{.tv_sec = long_ago + 5}, {.tv_sec = long_ago + 5}};
	struct timespec spec[2] = {{.tv_sec = long_ago + 5}, {.tv_sec = long_ago + 5}};
	struct utimbuf buf = {long_ago + 5, long_ago + 5};
	int fd = -1;
	char command[40];
	FILE *f;

	switch (door) {
	case 0: unlink(name); break;
	case 1: rename(next, name); break;
	case 2: chmod(name, 0600); break;
	case 3:
		if (truncate(name, 1))
			printf("truncate: %s\n", strerror(errno));
		break;
	case 4: write_to(O_WRONLY | O_APPEND, "more and more"); break;
	case 5: write_to(O_WRONLY | O_TRUNC, "x"); break;
	case 6: utimes(name, times); break;
	case 7: utime(name, &buf); break;
	case 8: utimensat(AT_FDCWD, name, spec, 0); break;
	case 9:
		fd = open(name, O_RDONLY);
		futimens(fd, spec);
		break;
	case 10:
		fd = open(name, O_RDONLY);
		fchmod(fd, 0400);
		break;
	case 11:
		unlink(name);
		symlink(next, name);
		break;
	case 12:
		unlink(name);
		mkdir(name, 0700);
		break;
	case 13:
		if ((f = fopen(name, "a"))) {
			fputs("by stdio", f);
			fclose(f);
		}
		break;
	case 14: by_child(); break;
	case 15: by_thread(); break;
	case 16:
		snprintf(command, sizeof(command), "chmod 640 %s", name);
		if (system(command))
			printf("%s failed\n", command);
		break;
	case 17: /* opened long before */
		if (kept >= 0 && pwrite(kept, "through an old fd", 17, 0) < 0)
			perror("pwrite");
		break;
	case 18: /* so was this one */
		if (stream) {
			fputs("through an old stream", stream);
			fflush(stream);
		}
		break;
	case 19: syscall(SYS_fchmodat, AT_FDCWD, name, 0604); break;
	case 20: remove(name); break;
	case 21: syscall(SYS_unlinkat, AT_FDCWD, name, 0); break;
	case 22:
		if (!mkfifo("fifo", 0600))
			rename("fifo", name);
		break;
	case 23:
		fd = open(name, O_RDWR);
		if (ftruncate(fd, 3))
			printf("ftruncate: %s\n", strerror(errno));
		break;
	default: break;
	}
	if (fd >= 0)
		close(fd);
}

static void walk(int door)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	if (door == 17)
		kept = open("006", O_RDWR);
	if (door == 18)
		stream = fopen("006", "a");
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%03d", i);
		snprintf(next, sizeof(next), "%03d", i + 1);
		odd = i % 7 == 5;
		/* Who looks ahead gets time to. */
		if (i == 2)
			usleep(60000);
		if (i == 6)
			change(door);
		ask(dir);
	}
	close(dir);
}

int main(int argc, char **argv)
{
	if (argc < 3 || chdir(argv[1]))
		return 2;
	printf("door %s\n", argv[2]);
	walk(atoi(argv[2]));
	return 0;
}
