/* A file's other end: what it is written to, and what becomes of that at the end. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/examples/xu-cp/xu-cp.h"

/* May `f`, which is `st`, be copied over `there`? */
static bool may_overwrite(const struct file *f, const struct stat *st, const struct stat *there)
{
	if (st->st_dev == there->st_dev && st->st_ino == there->st_ino)
		complain(0, "'%s' and '%s' are the same file", f->from, f->to);
	else if (S_ISDIR(there->st_mode))
		complain(0, "cannot overwrite directory '%s' with non-directory", f->to);
	else if (!f->dir && recall(COPY, there))
		complain(0, "will not overwrite just-created '%s' with '%s'", f->to, f->from);
	else
		return true;
	return false;
}

bool clear_way(const struct file *f, const struct stat *st)
{
	struct stat there, aim;

	if (lstat(f->to, &there) < 0)
		return true;
	/* Nor may a link take the place of what it leads to. */
	if (!may_overwrite(f, st, &there) ||
	    (S_ISLNK(st->st_mode) && stat(f->from, &aim) == 0 && !may_overwrite(f, &aim, &there)))
		return false;
	if (unlink(f->to) == 0)
		return true;
	complain(errno, "cannot remove '%s'", f->to);
	return false;
}

bool made_link(const char *to, const struct stat *st)
{
	const char *first;

	if (!options.keep_links || st->st_nlink < 2)
		return false;
	first = recall(SOURCE, st);
	if (!first)
		return false;
	if (link(first, to) < 0 && (errno != EEXIST || unlink(to) < 0 || link(first, to) < 0))
		complain(errno, "cannot create hard link '%s' to '%s'", to, first);
	return true;
}

/* A new file. What is to get its mode at the end is nobody else's until then. */
static int create(const struct file *f)
{
	mode_t mode = options.keep_mode ? 0600 : f->st.st_mode & 0777;

	return open(f->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}

/* Nothing can be made at `to`: say why. cp looks there first, and so has other words for it. */
static void complain_of_way(const struct file *f, int error)
{
	size_t length = strlen(f->to);
	struct stat st;

	errno = ENOENT;
	if (stat(f->to, &st) == 0 && S_ISDIR(st.st_mode))
		complain(0, "cannot overwrite directory '%s' with non-directory", f->to);
	else if (errno != ENOENT)
		complain(errno, "cannot stat '%s'", f->to);
	else
		complain(error == EISDIR && length && f->to[length - 1] == '/' ? ENOTDIR : error,
			 "cannot create regular file '%s'", f->to);
}

/* Open what exists at `to`. -1 after a complaint. *busy: another file is being written there. */
static int open_existing(struct file *f, const struct file *all, bool *busy)
{
	struct stat there;
	int fd;

	if (stat(f->to, &there) < 0) {
		if (errno == ENOENT)
			complain(0, "not writing through dangling symlink '%s'", f->to);
		else
			complain(errno, "cannot stat '%s'", f->to);
		return -1;
	}
	for (int i = 0; i < SLOTS; i++)
		if (all[i].slots && &all[i] != f && all[i].out >= 0 && all[i].out_dev == there.st_dev &&
		    all[i].out_ino == there.st_ino && S_ISREG(there.st_mode))
			*busy = true;
	if (*busy || !may_overwrite(f, &f->st, &there))
		return -1;
	/* Whoever keeps links apart from files does not write to those that were there. */
	if (options.keep_links && there.st_nlink > 1 && S_ISREG(there.st_mode) && unlink(f->to) == 0)
		return create(f);
	fd = open(f->to, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 && options.force && unlink(f->to) == 0)
		fd = create(f);
	if (fd < 0)
		complain(errno, "cannot create regular file '%s'", f->to);
	return fd;
}

enum begun begin_file(struct file *f, const struct file *all)
{
	bool busy = false;
	struct stat out;

	if (fstat(f->in, &f->st) < 0) {
		complain(errno, "cannot stat '%s'", f->from);
		return DONE;
	}
	if (made_link(f->to, &f->st)) {
		tell(f->from, f->to);
		return DONE;
	}
	/* Most copies are new, and need no more than this. */
	f->out = create(f);
	if (f->out < 0 && errno == EEXIST)
		f->out = open_existing(f, all, &busy);
	else if (f->out < 0)
		complain_of_way(f, errno);
	if (f->out < 0)
		return busy ? BUSY : DONE;
	if (fstat(f->out, &out) < 0) {
		complain(errno, "cannot stat '%s'", f->to);
		return DONE;
	}
	tell(f->from, f->to);
	f->out_dev = out.st_dev;
	f->out_ino = out.st_ino;
	if (options.keep_links && f->st.st_nlink > 1)
		remember(SOURCE, &f->st, f->to);
	f->regular = S_ISREG(out.st_mode);
	if (options.several && !f->dir && f->regular)
		remember(COPY, &out, "");
	f->in_order = !S_ISREG(f->st.st_mode) || !f->regular;
	f->size = (uint64_t)f->st.st_size;
	f->sparse = !f->in_order && (uint64_t)f->st.st_blocks * 512 < f->size;
	return BEGUN;
}

void end_file(struct file *f)
{
	if (f->out >= 0 && !f->failed) {
		/* The hole at the end, if there is one. */
		if (f->sparse && ftruncate(f->out, (off_t)f->size) < 0)
			complain(errno, "failed to extend '%s'", f->to);
		if (f->regular)
			keep_attributes((struct end){f->in, f->from}, (struct end){f->out, f->to},
					&f->st);
	}
	if (f->in >= 0)
		close(f->in);
	if (f->out >= 0 && close(f->out) < 0)
		complain(errno, "failed to close '%s'", f->to);
}
