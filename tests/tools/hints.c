/*
 * Hints, one case an argument (aio_case.h). The file is of 8 MiB.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio_case.h"

const char *path;
char *memory;

enum { SIZE = 8 << 20, PART = 512 << 10, PAGE = 4096 };

static int open_cold(int flags)
{
	static char block[PART];
	int in = open_file(O_RDONLY);

	/* What is on its way from the disk would stay. */
	while (read(in, block, PART) > 0)
		;
	fdatasync(in);
	posix_fadvise(in, 0, 0, POSIX_FADV_DONTNEED);
	close(in);
	return open_file(flags);
}

static char *map(int fd)
{
	char *p = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

/* How many pages of the file are in the page cache? */
static int resident(int fd)
{
	static unsigned char there[SIZE / PAGE];
	char *p = map(fd);
	int n = 0;

	mincore(p, SIZE, there);
	munmap(p, SIZE);
	for (int i = 0; i < SIZE / PAGE; i++)
		n += there[i] & 1;
	return n;
}

/* How many pages the disk has been asked for by this process, or by its children that have ended (RUSAGE_*). */
static long pages_read(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return usage.ru_inblock / (PAGE / 512);
}

/* The whole file is to be asked for: what of it is missing in memory, on top of what was read before. */
static long pages_wanted(int fd, int who)
{
	return pages_read(who) + SIZE / PAGE - resident(fd);
}

/* Wait until it has been. Others may drop what is in memory at any time; this count only grows. */
static bool all_asked_for(int fd, int who, long wanted)
{
	for (int i = 0; i < 3000; i++) {
		if (pages_read(who) >= wanted || resident(fd) == SIZE / PAGE)
			return true;
		usleep(10000);
	}
	return false;
}

/* One hint for each part, in the way number `how`. */
static long hint_all(int fd, int how)
{
	char *p = map(fd);
	long res = 0;

	for (off_t at = 0; at < SIZE; at += PART)
		switch (how) {
		case 0: res |= posix_fadvise(fd, at, PART, POSIX_FADV_WILLNEED); break;
		case 1: res |= readahead(fd, at, PART); break;
		default: res |= madvise(p + at, PART, MADV_WILLNEED);
		}
	munmap(p, SIZE);
	return res;
}

static void case_effect(void)
{
	static const char *const names[] = {"posix_fadvise", "readahead", "madvise"};

	for (int how = 0; how < 3; how++) {
		int fd = open_cold(O_RDONLY);
		long wanted = pages_wanted(fd, RUSAGE_SELF);

		if (hint_all(fd, how))
			printf("an error\n");
		printf("%s: %s\n", names[how],
		       all_asked_for(fd, RUSAGE_SELF, wanted) ? "all read" : "not all read");
		close(fd);
	}
}

static void case_errors(void)
{
	int in = open_file(O_RDONLY), out = open_file(O_WRONLY), nowhere = open_file(O_PATH), fds[2];
	char *p = map(in), *memory;

	if (pipe(fds))
		return;
	show("fadvise of no file", posix_fadvise(1234, 0, PAGE, POSIX_FADV_WILLNEED));
	show("a pipe", posix_fadvise(fds[0], 0, PAGE, POSIX_FADV_WILLNEED));
	show("a path", posix_fadvise(nowhere, 0, PAGE, POSIX_FADV_WILLNEED));
	show("other advice", posix_fadvise(in, 0, PAGE, 77));
	show("less than none", posix_fadvise(in, 0, -1, POSIX_FADV_WILLNEED));
	show("before the file", posix_fadvise(in, -5, PAGE, POSIX_FADV_WILLNEED));
	show("beyond it", posix_fadvise(in, INT64_MAX - 5, PAGE, POSIX_FADV_WILLNEED));
	show("all", posix_fadvise(in, 0, 0, POSIX_FADV_WILLNEED));
	show("for writing", posix_fadvise(out, 0, PAGE, POSIX_FADV_WILLNEED));
	show("readahead of no file", readahead(1234, 0, PAGE));
	show("a pipe", readahead(fds[0], 0, PAGE));
	show("for writing", readahead(out, 0, PAGE));
	show("nothing", readahead(in, 0, 0));
	show("before the file", readahead(in, -5, PAGE));
	show("by number", syscall(SYS_readahead, 1234, (off_t)0, (size_t)PAGE));
	show("sync_file_range of no file", sync_file_range(1234, 0, PAGE, SYNC_FILE_RANGE_WRITE));
	show("a pipe", sync_file_range(fds[1], 0, PAGE, SYNC_FILE_RANGE_WRITE));
	show("before the file", sync_file_range(out, -5, PAGE, SYNC_FILE_RANGE_WRITE));
	show("beyond it", sync_file_range(out, INT64_MAX, PAGE, SYNC_FILE_RANGE_WRITE));
	show("other flags", sync_file_range(out, 0, PAGE, 64 | SYNC_FILE_RANGE_WRITE));
	show("for reading", sync_file_range(in, 0, PAGE, SYNC_FILE_RANGE_WRITE));
	show("madvise between pages", madvise(p + 1, PAGE, MADV_WILLNEED));
	show("nothing", madvise(p, 0, MADV_WILLNEED));
	show("round the end", madvise(p, (size_t)-1, MADV_WILLNEED));
	show("less than a page", madvise(p, 5, MADV_WILLNEED));
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	show("memory", madvise(memory, SIZE, MADV_WILLNEED));
	munmap(memory + SIZE / 2, PAGE);
	show("with a hole", madvise(memory, SIZE, MADV_WILLNEED));
	show("other advice", madvise(memory, PAGE, 7777));
	show("to be empty", madvise(memory, PAGE, MADV_DONTNEED));
}

/* Who holds the lock lets go of it with the last fd, whatever is under way on it. */
static void case_close(void)
{
	int wrong = 0;

	for (int round = 0; round < 20; round++) {
		int fd = open_cold(O_RDONLY), other;

		flock(fd, LOCK_EX);
		hint_all(fd, round % 2);
		switch (round % 5) {
		case 0: close(fd); break;
		case 1:
			other = open("/dev/null", O_RDONLY);
			dup2(other, fd);
			close(other);
			break;
#ifdef __GLIBC__
		case 2: closefrom(fd); break;
		case 3: close_range((unsigned)fd, (unsigned)fd, 0); break;
#endif
		default: fclose(fdopen(fd, "r"));
		}
		other = open_file(O_RDONLY);
		wrong += flock(other, LOCK_EX | LOCK_NB) != 0;
		close(other);
		if (round % 5 == 1)
			close(fd);
	}
	printf("locks that were still held: %d\n", wrong);
}

/* What was begun is waited for by who asks for that. */
static void case_sync(void)
{
	int fd = open_file(O_RDWR), wrong = 0;
	static char block[PART];

	for (int round = 0; round < 10; round++) {
		struct {
			uint64_t cached, dirty, writeback, evicted, lately;
		} pages = {0};
		uint64_t all[2] = {0, 0};

		for (off_t at = 0; at < SIZE; at += PART)
			if (pwrite(fd, block, PART, at) != PART)
				perror("pwrite");
		for (off_t at = 0; at < SIZE; at += PART)
			if (sync_file_range(fd, at, PART, SYNC_FILE_RANGE_WRITE))
				perror("sync_file_range");
		if (sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE))
			perror("sync_file_range");
		if (!syscall(451 /* cachestat */, fd, all, &pages, 0))
			wrong += pages.dirty || pages.writeback;
	}
	printf("not written: %d\n", wrong);
}

/* A process begins to read the file, and ends: in the way number `how`. */
static void hint_and_end(int fd, int how)
{
	int status;

	fflush(stdout);
	if (!fork()) {
		hint_all(fd, 0);
		if (how == 0)
			_exit(7);
		if (how == 1)
			exit(7);
		execl("/bin/sh", "sh", "-c", "exit 7", NULL);
	}
	wait(&status);
	if (WEXITSTATUS(status) != 7)
		printf("status %d\n", WEXITSTATUS(status));
}

/* The end of a process does not undo what it began; nor does a program that it becomes. */
static void case_end(void)
{
	for (int how = 0; how < 3; how++) {
		int fd = open_cold(O_RDONLY);
		long wanted = pages_wanted(fd, RUSAGE_CHILDREN);

		hint_and_end(fd, how);
		printf("end %d: %s\n", how,
		       all_asked_for(fd, RUSAGE_CHILDREN, wanted) ? "all read" : "not all read");
		close(fd);
	}
}

static const struct aio_case cases[] = {CASE(effect), CASE(errors), CASE(close), CASE(sync),
					CASE(end)};

int main(int argc, char **argv)
{
	return run_case(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), SIZE / BLOCK);
}
