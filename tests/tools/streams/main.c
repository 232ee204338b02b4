/*
 * What a program sees that reads and writes files in small pieces, to compare with and without the shim.
 *
 *     streams random SEED STEPS    so many steps by chance on a few files and fds, each with what came of it
 *     streams NAME                 one of the scenes below
 *
 * Works in the current directory. What it prints is the same in every run where nothing is wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "streams.h"

static const struct {
	const char *name;
	void (*run)(void);
} scenes[] = {
	{"exec", scene_exec},		{"spawn", scene_spawn},
	{"vfork", scene_vfork},		{"stdio", scene_stdio},
	{"errors", scene_errors},	{"threads", scene_threads},
	{"handler", scene_handler},	{"news", scene_news},
	{"message", scene_message},	{"direct", scene_direct},
	{"direct-at", scene_direct_at}, {"watched", scene_watched},
	{"exits", scene_exits},		{"full", scene_full},
	{"writers", scene_writers},	{"write-handler", scene_write_handler},
	{"mixed", scene_mixed},		{"killed", scene_killed},
	{"fatal", scene_fatal},		{"fatal-actions", scene_fatal_actions},
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "random")) {
		by_chance((unsigned)atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	for (size_t i = 0; argc == 2 && i < sizeof(scenes) / sizeof(scenes[0]); i++)
		if (!strcmp(argv[1], scenes[i].name)) {
			scenes[i].run();
			return 0;
		}
	return 2;
}
