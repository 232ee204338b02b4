/* Options. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/examples/xu-cp/xu-cp.h"

struct options options;

enum { PROGRESS = 256, PRESERVE };

static const struct option longs[] = {
	{"archive", no_argument, NULL, 'a'},
	{"dereference", no_argument, NULL, 'L'},
	{"force", no_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},
	{"no-clobber", no_argument, NULL, 'n'},
	{"no-dereference", no_argument, NULL, 'P'},
	{"no-target-directory", no_argument, NULL, 'T'},
	{"preserve", optional_argument, NULL, PRESERVE},
	{"progress", no_argument, NULL, PROGRESS},
	{"quiet", no_argument, NULL, 'q'},
	{"recursive", no_argument, NULL, 'r'},
	{"slots", required_argument, NULL, 'j'},
	{"target-directory", required_argument, NULL, 't'},
	{"update", no_argument, NULL, 'u'},
	{"verbose", no_argument, NULL, 'v'},
	{NULL, 0, NULL, 0},
};

static int usage(FILE *to, int result)
{
	fputs("usage: xu-cp [OPTION...] SOURCE... DEST\n"
	      "Copies files and trees as cp does, with many reads and writes in flight.\n"
	      "  -r, -R      directories as well, with all that is in them\n"
	      "  -a          all as it is: -dr --preserve=all\n"
	      "  -d          symbolic links as such, and hard links as such: -P --preserve=links\n"
	      "  -p          --preserve=mode,ownership,timestamps\n"
	      "  --preserve=mode,ownership,timestamps,links,xattr,all\n"
	      "  -H, -L, -P  follow symbolic links among the SOURCEs, all of them, none\n"
	      "  -f          remove what cannot be opened for writing\n"
	      "  -n, -u      leave what is there already; what is not older than its SOURCE\n"
	      "  -t DIR, -T  copy into DIR; never take DEST for a directory to copy into\n"
	      "  -v          say what is copied\n"
	      "  -j SLOTS    so many reads and writes in flight (1 to 64, else 16)\n"
	      "  --progress, -q  show progress also where standard error is no terminal, or nowhere\n"
	      "Holes stay holes.\n",
	      to);
	return result;
}

/* The words of --preserve. */
static bool preserve(const char *words)
{
	const struct {
		const char *word;
		bool *mark;
	} all[] = {
		{"mode", &options.keep_mode},	     {"ownership", &options.keep_owner},
		{"timestamps", &options.keep_times}, {"links", &options.keep_links},
		{"xattr", &options.keep_xattrs},
	};

	while (*words) {
		size_t length = strcspn(words, ","), known = 0;

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			if ((length == strlen(all[i].word) && !memcmp(words, all[i].word, length)) ||
			    (length == 3 && !memcmp(words, "all", 3))) {
				*all[i].mark = true;
				known++;
			}
		if (!known)
			return false;
		words += length + (words[length] == ',');
	}
	return true;
}

/* One option. False: it is none, or badly used. */
static bool take_option(int opt, const char **into, unsigned *depth, bool *quiet)
{
	unsigned long number;
	char *rest;

	switch (opt) {
	case 'a':
		options.recursive = true;
		options.follow = FOLLOW_NONE;
		return preserve("all");
	case 'd': options.follow = FOLLOW_NONE; return preserve("links");
	case 'p': return preserve("mode,ownership,timestamps");
	case PRESERVE: return preserve(optarg ? optarg : "mode,ownership,timestamps");
	case 'r':
	case 'R': options.recursive = true; return true;
	case 'H': options.follow = FOLLOW_ARGUMENTS; return true;
	case 'L': options.follow = FOLLOW_ALL; return true;
	case 'P': options.follow = FOLLOW_NONE; return true;
	case 'f': return options.force = true;
	case 'n': return options.no_clobber = true;
	case 'u': return options.update = true;
	case 'v': return options.verbose = true;
	case 'T': return options.no_target_directory = true;
	case 't': *into = optarg; return true;
	case 'j':
		number = strtoul(optarg, &rest, 10);
		*depth = (unsigned)number;
		return !*rest && number >= 1 && number <= SLOTS;
	case PROGRESS: return progress.wanted = true;
	case 'q': return *quiet = true;
	default: return false;
	}
}

/* What to copy to, from what is left of the arguments. False after a complaint. */
static bool find_target(char **args, int nr, const char *into)
{
	const char *target = into ? into : args[nr - 1];
	int sources = into ? nr : nr - 1;
	struct stat st;
	bool directory = false;
	int error = 0;

	if (!options.no_target_directory) {
		if (stat(target, &st) < 0)
			error = errno;
		else
			directory = S_ISDIR(st.st_mode);
	}
	if (options.no_target_directory && (into || sources > 1))
		complain(0, "-T is for one SOURCE and one DEST");
	else if ((into || sources > 1) && !directory)
		complain(error ? error : ENOTDIR, into ? "target directory '%s'" : "target '%s'",
			 target);
	else {
		options.several = sources > 1;
		set_sources(args, sources, target, directory);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static char out[65536];
	const char *into = NULL;
	unsigned depth = 16;
	bool quiet = false;
	int opt;

	setvbuf(stdout, out, _IOFBF, sizeof(out));
	progress.wanted = isatty(STDERR_FILENO);
	while ((opt = getopt_long(argc, argv, "adfhj:npqrt:uvHLPRT", longs, NULL)) != -1) {
		if (opt == 'h')
			return usage(stdout, 0);
		if (!take_option(opt, &into, &depth, &quiet))
			return usage(stderr, 1);
	}
	if (argc - optind < (into ? 1 : 2))
		return usage(stderr, 1);
	if (quiet)
		progress.wanted = false;
	if (options.follow == FOLLOW_UNSAID)
		options.follow = options.recursive ? FOLLOW_NONE : FOLLOW_ALL;
	if (!find_target(argv + optind, argc - optind, into) || !copy(depth))
		return 1;
	if (fflush(stdout) || ferror(stdout))
		complain(errno, "write error");
	return status;
}
