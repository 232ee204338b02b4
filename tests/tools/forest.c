/*
 * Makes a tree to walk in: always the same for the same arguments.
 *
 *     forest DIR FILES DIRS [SEED]      FILES files of 0.5 to 30 KB, spread over DIRS directories
 *
 * The directories are two levels deep. Contents are text of a kind, with the word "needle" in one file of a hundred.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t state;

static unsigned next(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % below;
}

static size_t text(char *to, size_t n, int needle)
{
	size_t at = 0;

	if (needle)
		at += (size_t)sprintf(to, "needle %u\n", next(1000));
	while (at < n)
		at += (size_t)sprintf(to + at, "%x %x%c", next(1u << 31), next(1u << 20),
				      next(8) ? ' ' : '\n');
	return at;
}

int main(int argc, char **argv)
{
	static char buf[40000];
	char path[4096];
	unsigned files, dirs;

	if (argc < 4) {
		fprintf(stderr, "usage: forest DIR FILES DIRS [SEED]\n");
		return 2;
	}
	files = (unsigned)atoi(argv[2]);
	dirs = (unsigned)atoi(argv[3]);
	state = argc > 4 ? (uint64_t)atoi(argv[4]) : 1;
	mkdir(argv[1], 0777);
	for (unsigned i = 0; i < files; i++) {
		unsigned dir = (unsigned)((uint64_t)i * dirs / files);
		size_t n = text(buf, 512 + next(29 * 1024 + 512), i % 100 == 7);
		int fd;

		snprintf(path, sizeof(path), "%s/part%02u", argv[1], dir / 20);
		mkdir(path, 0777);
		snprintf(path, sizeof(path), "%s/part%02u/dir%03u", argv[1], dir / 20, dir);
		mkdir(path, 0777);
		snprintf(path, sizeof(path), "%s/part%02u/dir%03u/%x-%u.txt", argv[1], dir / 20,
			 dir, next(1u << 20), i);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
		if (fd < 0 || write(fd, buf, n) != (ssize_t)n || close(fd)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
