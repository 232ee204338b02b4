/*
 * What the programs of the tests of asynchronous I/O and of hints share (aio-posix, aio-linux, hints): each has cases, one an
 * argument: PROGRAM CASE FILE. A case prints what it saw, the same bare and under the shim. FILE is written anew, and its words
 * are their own offsets.
 */
#ifndef AIO_CASE_H
#define AIO_CASE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each program has these: the file, and memory for what is read and written, MANY blocks, aligned. */
extern const char *path;
extern char *memory;

enum { BLOCK = 4096, BLOCKS = 256, MANY = 64 };

struct aio_case {
	const char *name;
	void (*run)(void);
};
#define CASE(name)                                                                                 \
	{                                                                                          \
#name, case_##name                                                                 \
	}

/* A call that sets errno: its result, and the error if it failed. */
static inline void show(const char *what, long res)
{
	printf("%s: %ld%s%s\n", what, res, res == -1 ? " " : "", res == -1 ? strerror(errno) : "");
}

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline int open_file(int flags)
{
	int fd = open(path, flags, 0600);

	if (fd < 0)
		die(path);
	return fd;
}

/* Out of the page cache, so that reads take a while. */
static inline void make_cold(int fd)
{
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static inline char *block(int i)
{
	return memory + (size_t)i * BLOCK;
}

static inline void fill(char *buf, uint64_t offset)
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		((uint64_t *)(void *)buf)[i] = offset + 8 * i;
}

static inline int is_filled(const char *buf, uint64_t offset)
{
	for (size_t i = 0; i < BLOCK / 8; i++)
		if (((const uint64_t *)(const void *)buf)[i] != offset + 8 * i)
			return 0;
	return 1;
}

/* The whole of such a program: makes the file, of so many blocks, and runs the case. */
static inline int run_case(int argc, char **argv, const struct aio_case *cases, size_t nr, int blocks)
{
	int fd;

	for (size_t i = 0; i < nr; i++) {
		if (argc != 3)
			puts(cases[i].name);
		if (argc != 3 || strcmp(cases[i].name, argv[1]))
			continue;
		path = argv[2];
		if (posix_memalign((void **)&memory, BLOCK, (size_t)MANY * BLOCK))
			die("memory");
		fd = open_file(O_RDWR | O_CREAT | O_TRUNC);
		for (int b = 0; b < blocks; b++) {
			fill(memory, (uint64_t)b * BLOCK);
			if (write(fd, memory, BLOCK) != BLOCK)
				die("write");
		}
		fsync(fd);
		close(fd);
		cases[i].run();
		return 0;
	}
	return 2;
}

#endif
