/*
 * The argument list as a source of what comes next: md5sum a b c, cat *, what xargs runs.
 *
 *     /proc/self/cmdline    md5sum \0 x/a \0 x/b \0 y/c \0 ...
 *                                      ^      ^
 *                            the program      the next
 *
 * When a file that the program opens and waits for is one of its arguments, the files behind it are believed to follow.
 * Only names come from here. Whether one is a plain file, and may be opened at all, is asked of the directory that it is
 * in, as for all others.
 */
#include "shim/engine/scout.h"

/* Read the list, once for each time at work. */
static void load(void)
{
	long fd, n;

	scout->args_loaded = true;
	fd = xu_sys(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	while ((n = xu_sys(SYS_read, fd, scout->args + scout->args_len,
			   sizeof(scout->args) - scout->args_len)) > 0)
		scout->args_len += (unsigned)n;
	xu_sys(SYS_close, fd);
	/* What may have been cut off is no name. */
	while (scout->args_len && scout->args[scout->args_len - 1])
		scout->args_len--;
}

/* Is this an argument, from here on up to there? */
static bool find(const char *path, size_t len, unsigned from, unsigned to)
{
	for (unsigned at = from; at < to; at += (unsigned)strlen(scout->args + at) + 1)
		if (!strncmp(scout->args + at, path, len + 1)) {
			scout->arg = at + (unsigned)len + 1;
			return true;
		}
	return false;
}

bool args_at(const char *path)
{
	size_t len = strlen(path);
	unsigned arg;

	if (!scout->args_loaded)
		load();
	arg = scout->arg;
	return find(path, len, arg, scout->args_len) || find(path, len, 0, arg);
}

const char *args_next(unsigned *at)
{
	const char *name;

	while (*at < scout->args_len) {
		name = scout->args + *at;
		*at += (unsigned)strlen(name) + 1;
		if (*name && *name != '-')
			return name;
	}
	return NULL;
}
