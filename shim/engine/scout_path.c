/*
 * Paths as text: where a name stands, without asking the kernel more than where a directory's fd leads.
 */
#include "shim/engine/scout.h"

const char *path_last(const char *path, size_t *len)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	*len = strlen(name);
	return name;
}
/* Append the parts of `path` but the last, without those that say nothing. False: too long. */
static bool append_dir(struct xu_text *t, const char *path)
{
	const char *slash = strrchr(path, '/');

	while (slash && path < slash) {
		size_t n = strcspn(path, "/");

		if (n && !(n == 1 && *path == '.')) {
			if (t->len + n + 2 > t->size)
				return false;
			if (t->len > 1 || t->buf[0] != '/')
				xu_text_mem(t, "/", 1);
			xu_text_mem(t, path, n);
		}
		path += n + 1;
	}
	return true;
}

bool path_dir(int dfd, const char *path, struct xu_text *t)
{
	char link[40];
	struct xu_text l;
	long n;

	if (*path == '/') {
		xu_text_str(t, "/");
		return append_dir(t, path);
	}
	if (dfd == AT_FDCWD) {
		n = xu_sys(SYS_getcwd, t->buf, t->size) - 1;
	} else {
		xu_text_init(&l, link, sizeof(link));
		xu_text_str(&l, "/proc/self/fd/");
		xu_text_num(&l, (unsigned)dfd, 0);
		n = xu_sys(SYS_readlinkat, AT_FDCWD, link, t->buf, t->size - 1);
	}
	if (n <= 0 || t->buf[0] != '/')
		return false;
	t->len = (size_t)n;
	t->buf[n] = '\0';
	/* A directory that was removed while it is open has no path. */
	if (n > 10 && !strcmp(t->buf + n - 10, " (deleted)"))
		return false;
	return append_dir(t, path);
}

size_t path_common(const char *a, const char *b)
{
	size_t last = 0;

	for (size_t i = 0;; i++) {
		bool ends = (!a[i] || a[i] == '/') && (!b[i] || b[i] == '/');

		if (ends)
			last = i;
		if (!a[i] || a[i] != b[i])
			return last;
	}
}
