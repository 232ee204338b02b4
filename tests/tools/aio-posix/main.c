/*
 * What POSIX says of aio_read and kin, one case an argument: aio-posix CASE FILE. Prints what it saw, the same bare and
 * under the shim. FILE is of 1 MiB and is written to; its words are their own offsets.
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "aio-posix.h"

const char *path;

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define CASE(name)                                                                                 \
	{                                                                                          \
#name, case_##name                                                                 \
	}
	CASE(read),    CASE(write),    CASE(append), CASE(errors),  CASE(signal),  CASE(thread),
	CASE(suspend), CASE(quiet),    CASE(list),   CASE(cancel),  CASE(threads), CASE(fork),
	CASE(child),   CASE(identity), CASE(many),   CASE(handler), CASE(exit),
};

int main(int argc, char **argv)
{
	if (argc != 3) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			puts(cases[i].name);
		return 2;
	}
	path = argv[2];
	if (posix_memalign((void **)&memory, BLOCK, (size_t)MANY * BLOCK))
		die("memory");
	{
		int fd = open_file(O_RDWR | O_CREAT | O_TRUNC);

		for (int i = 0; i < BLOCKS; i++) {
			fill(block(0), (uint64_t)i * BLOCK);
			if (pwrite(fd, block(0), BLOCK, (off_t)i * BLOCK) != BLOCK)
				die("write");
		}
		close(fd);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			return 0;
		}
	return 2;
}
