/*
 * What a preloaded library costs at the start of a program: from posix_spawn of true(1) to its end, in turns bare
 * and preloaded.
 *
 *     start SECONDS LIBRARY NAME
 */
#include "bench.h"

#include <spawn.h>
#include <sys/wait.h>

/* How to start it. */
struct how {
	char *path;
	char **env;
};

static void run(void *arg, unsigned count)
{
	const struct how *how = arg;
	char *argv[] = {how->path, NULL};
	int status;
	pid_t pid;

	for (unsigned i = 0; i < count; i++)
		if (posix_spawn(&pid, how->path, NULL, NULL, argv, how->env) ||
		    waitpid(pid, &status, 0) != pid || status) {
			fputs("start: true did not end well\n", stderr);
			exit(1);
		}
}

int main(int argc, char **argv)
{
	char *preload = NULL;
	char *bare_env[] = {"PATH=/usr/bin:/bin", NULL};
	char *shim_env[] = {bare_env[0], NULL, NULL};
	struct how bare = {"/bin/true", bare_env}, shim = {"/bin/true", shim_env};
	char figure[64];

	if (argc != 4) {
		fputs("usage: start SECONDS LIBRARY NAME\n", stderr);
		return 2;
	}
	if (asprintf(&preload, "LD_PRELOAD=%s", argv[2]) < 0)
		die("memory");
	shim_env[1] = preload;
	snprintf(figure, sizeof(figure), "start of true, %s", argv[3]);
	stay_on_one_cpu();
	measure(&(struct figure){.suite = "start",
				 .name = figure,
				 .base = {"bare", run, &bare},
				 .other = {argv[3], run, &shim},
				 .per_block = 1,
				 .ops = 1},
		bench_seconds(argc, argv));
	free(preload);
	return 0;
}
