/* See inward.h. */
#include "core/syscall.h"
#include "xuring.h"
#include "shim/inward.h"
#include "shim/reach.h"

/* If what is left of the path begins so, go on behind it. */
static bool begins(const char **path, const char *with)
{
	const char *p = *path;

	for (; *with; p++, with++)
		if (!reach(p, 1, REACH_READ) || *p != *with)
			return false;
	*path = p;
	return true;
}

static bool ends(const char *path)
{
	return reach(path, 1, REACH_READ) && !*path;
}

/* The same with our number. */
static bool begins_with_pid(const char **path)
{
	char digits[12];
	char *d = digits + sizeof(digits);
	long pid = xu_sys(SYS_getpid);

	for (*--d = '\0'; pid; pid /= 10)
		*--d = (char)('0' + pid % 10);
	return begins(path, d);
}

enum inward inward_path(const char *path)
{
	bool whole = begins(&path, "/proc/"), own = begins(&path, "self/");

	if (!own && whole)
		own = begins_with_pid(&path) && begins(&path, "/");
	if (own && (begins(&path, "task") || begins(&path, "status")))
		return INWARD_COUNT;
	if (own && begins(&path, "stat") && ends(path))
		return INWARD_STAT;
	return own || whole || begins(&path, "thread-self/") ? INWARD : INWARD_NOT;
}
