/* Files, numbers, and telling what came of a call. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "streams.h"

unsigned long long dice;

/* A number below n, by chance. */
unsigned below(unsigned n)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice >> 33) % n;
}

unsigned checksum(const unsigned char *p, long n)
{
	unsigned sum = 0;

	for (long i = 0; i < n; i++)
		sum = sum * 31 + p[i];
	return sum;
}

void show(const char *what, int which, long res, const void *data)
{
	if (res < 0)
		printf("%s %d: %s\n", what, which, strerror(errno));
	else
		printf("%s %d: %ld %08x\n", what, which, res, data ? checksum(data, res) : 0);
}

void make_file(const char *name, long size)
{
	FILE *f = fopen(name, "w");

	for (long i = 0; i < size / 4; i++) {
		uint32_t n = (uint32_t)i;

		fwrite(&n, 4, 1, f);
	}
	fclose(f);
}

/* Many small reads, so that they are a habit. */
int habit(const char *name, int flags)
{
	char buf[4];
	int fd;

	make_file(name, 40000);
	fd = open(name, flags);
	for (int i = 0; i < 20; i++)
		if (read(fd, buf, 4) != 4)
			exit(2);
	return fd;
}

/* A file that small writes go to, as a habit. */
int written(const char *name, int flags)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | flags, 0644);

	for (int i = 0; i < 20; i++)
		if (write(fd, "line\n", 5) != 5)
			exit(2);
	return fd;
}

void tell_size(const char *when, const char *name)
{
	struct stat st;

	printf("%s: %ld\n", when, stat(name, &st) ? -1L : (long)st.st_size);
	fflush(stdout);
}
