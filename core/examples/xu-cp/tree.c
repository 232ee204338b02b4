/*
 * The walk through the sources.
 *
 * It goes down before it goes on. Of the directories on the way down, those farthest down are open, each with a piece of
 * its list of names; one that is so far up that another took its place is opened again, and read on from where it was.
 * A directory is done when the walk has left it and all files in it are copied: only then does it get a mode that may
 * forbid to write to it, and its times.
 *
 * Names are looked at, and directories, links and special files made, by plain calls: what they need was read with the
 * list of names, or is new. Only of files whose kind the list does not tell must the disk be asked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/examples/xu-cp/xu-cp.h"

/* As many as a path can have, and as many that wait for files to be done. */
#define DIRECTORIES (2 * PATH_MAX / 2)

#define READERS 16

struct directory {
	struct directory *up;	       /* of one that is free: the next */
	const char *source;	       /* of one that was named: the argument */
	char name[NAME_MAX + 1];       /* of the others */
	size_t from_length, to_length; /* of the paths of what it is in */
	unsigned depth;
	unsigned users; /* files and directories in it that are not done, and the walk */
	off_t position; /* in the list of names */
	struct stat st; /* of the source */
	dev_t copy_dev; /* the copy of the topmost */
	ino_t copy_ino;
	bool made; /* by us */
};

/* As getdents64(2) tells it. */
struct name {
	uint64_t ino;
	int64_t position;
	unsigned short length;
	unsigned char type;
	char text[];
};

static struct directory directories[DIRECTORIES], *unused;
static unsigned in_use;

/* Lists of names; which one a directory uses is a matter of its depth. */
static struct reader {
	_Alignas(8) char names[32768];
	const struct directory *of;
	int fd;
	unsigned at, size;
} readers[READERS];

static char **sources;
static int nr_sources;
static char target[PATH_MAX + 1];
static bool into;

/* Where the walk is, and the paths of that. */
static struct directory *here;
static char from[PATH_MAX], to[PATH_MAX];

void set_sources(char **names, int nr, const char *name, bool is_directory)
{
	sources = names;
	nr_sources = nr;
	size_t length = strlen(name);

	/* As cp shows it. Too long a one is told later. */
	while (is_directory && length > 1 && name[length - 1] == '/')
		length--;
	snprintf(target, sizeof(target), "%.*s", (int)(length < PATH_MAX ? length : PATH_MAX), name);
	into = is_directory;
	for (size_t i = 0; i < DIRECTORIES; i++) {
		directories[i].up = unused;
		unused = &directories[i];
	}
}

/* ---- Paths ------------------------------------------------------------------------------------------------------ */

/* Append a name to a path of `length`. The new length; PATH_MAX or more where it does not fit. */
static size_t append(char *path, size_t length, const char *name)
{
	const char *slash;

	while (length > 1 && path[length - 1] == '/')
		length--;
	slash = length && path[length - 1] == '/' ? "" : "/";
	return length + (size_t)snprintf(path + length, PATH_MAX - length, "%s%s", slash, name);
}

/* What an argument is copied to. */
static size_t target_of(char *path, const char *source)
{
	size_t length = (size_t)snprintf(path, PATH_MAX, "%s", target), end = strlen(source);
	char name[PATH_MAX];
	size_t begin;

	if (!into || length >= PATH_MAX)
		return length;
	while (end && source[end - 1] == '/')
		end--;
	for (begin = end; begin && source[begin - 1] != '/'; begin--)
		;
	snprintf(name, sizeof(name), "%.*s", (int)(end - begin), source + begin);
	/* The copy of what is above a directory goes into the target, not beside it. */
	return append(path, length, strcmp(name, "..") ? name : ".");
}

/* The path of a directory, or of its copy. It fitted once. */
static size_t path_of(const struct directory *d, char *path, bool copy)
{
	if (d->up)
		return append(path, path_of(d->up, path, copy), d->name);
	return copy ? target_of(path, d->source) : (size_t)snprintf(path, PATH_MAX, "%s", d->source);
}

/* ---- Directories ------------------------------------------------------------------------------------------------ */

/* The walk has left it, and nothing in it is left to do. */
static void end_directory(const struct directory *d)
{
	static char source[PATH_MAX], copy[PATH_MAX];
	mode_t mode = d->st.st_mode;

	path_of(d, source, false);
	path_of(d, copy, true);
	if (d->made && !options.keep_mode && (mode & 0700) != 0700) {
		mode_t mask = umask(0);

		umask(mask);
		if (chmod(copy, mode & 01777 & ~mask) < 0)
			complain(errno, "preserving permissions for '%s'", copy);
	}
	keep_attributes((struct end){-1, source}, (struct end){-1, copy}, &d->st);
}

void leave_directory(struct directory *d)
{
	while (d && !--d->users) {
		struct directory *up = d->up;

		end_directory(d);
		d->up = unused;
		unused = d;
		in_use--;
		d = up;
	}
}

static void close_reader(struct reader *r)
{
	if (r->of && r->fd >= 0)
		close(r->fd);
	r->of = NULL;
}

/* The walk goes up. */
static void go_up(void)
{
	struct directory *d = here;
	struct reader *r = &readers[d->depth % READERS];

	if (r->of == d)
		close_reader(r);
	from[d->from_length] = '\0';
	to[d->to_length] = '\0';
	here = d->up;
	leave_directory(d);
}

/* Is it one that we are in already, by way of a symbolic link? */
static bool is_cycle(const struct stat *st)
{
	for (const struct directory *d = here; d; d = d->up)
		if (d->st.st_dev == st->st_dev && d->st.st_ino == st->st_ino)
			return true;
	return false;
}

/* Is it the copy itself, somewhere below what is copied? */
static bool is_copy(const struct directory *d, const struct stat *st)
{
	char copy[PATH_MAX];

	while (d->up)
		d = d->up;
	if (d->copy_dev != st->st_dev || d->copy_ino != st->st_ino)
		return false;
	target_of(copy, d->source);
	complain(0, "cannot copy a directory, '%s', into itself, '%s'", d->source, copy);
	return true;
}

/* Have a directory at `path` to copy into. */
static bool make_directory(struct directory *d, const char *name, const char *path)
{
	/* What is to get its mode at the end is nobody else's until then. */
	mode_t mode = options.keep_mode ? 0 : d->st.st_mode & 01777;
	struct stat there = {.st_mode = 0};

	if (mkdir(path, mode | 0700) == 0) {
		d->made = true;
		tell(name, path);
	} else if (errno != EEXIST) {
		complain(errno, "cannot create directory '%s'", path);
		return false;
	} else if (lstat(path, &there) < 0 || !S_ISDIR(there.st_mode)) {
		complain(0, "cannot overwrite non-directory '%s' with directory '%s'", path, name);
		return false;
	}
	if (d->up)
		return true;
	if (!there.st_mode && lstat(path, &there) < 0) {
		complain(errno, "cannot stat '%s'", path);
		return false;
	}
	d->copy_dev = there.st_dev;
	d->copy_ino = there.st_ino;
	if (there.st_dev != d->st.st_dev || there.st_ino != d->st.st_ino)
		return true;
	complain(0, "'%s' and '%s' are the same file", name, path);
	return false;
}

/* Go down into the directory that `f` is. There is an unused struct for it. */
static void go_down(const struct file *f, const char *name, const struct stat *st)
{
	struct directory *d = unused;

	if (here && is_copy(here, st))
		return;
	if (is_cycle(st)) {
		complain(0, "cannot copy cyclic symbolic link '%s'", f->from);
		return;
	}
	unused = d->up;
	*d = (struct directory){
		.up = here,
		.source = name,
		.from_length = strlen(from),
		.to_length = strlen(to),
		.depth = here ? here->depth + 1 : 0,
		.users = 1,
		.st = *st,
	};
	if (here)
		snprintf(d->name, sizeof(d->name), "%s", name);
	if (!make_directory(d, f->from, f->to)) {
		d->up = unused;
		unused = d;
		return;
	}
	if (here)
		here->users++;
	here = d;
	in_use++;
	memcpy(from, f->from, sizeof(from));
	memcpy(to, f->to, sizeof(to));
}

/* The next name in the directory where the walk is, or NULL past the last. */
static const struct name *next_name(void)
{
	struct reader *r = &readers[here->depth % READERS];
	const struct name *name;

	if (r->of != here) {
		close_reader(r);
		*r = (struct reader){.of = here, .fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
		if (r->fd < 0 || (here->position && lseek(r->fd, here->position, SEEK_SET) < 0)) {
			complain(errno, "cannot access '%s'", from);
			return NULL;
		}
	}
	if (r->at == r->size) {
		long n = syscall(SYS_getdents64, r->fd, r->names, sizeof(r->names));

		if (n < 0)
			complain(errno, "error reading directory '%s'", from);
		if (n <= 0)
			return NULL;
		r->at = 0;
		r->size = (unsigned)n;
	}
	name = (const struct name *)(void *)(r->names + r->at);
	r->at += name->length;
	here->position = name->position;
	return name;
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */

/* Neither a directory nor to be read: made anew. */
static void copy_special(const struct file *f, const struct stat *st)
{
	static char text[PATH_MAX];
	struct stat made;
	ssize_t n;

	if (!clear_way(f, st))
		return;
	tell(f->from, f->to);
	if (made_link(f->to, st))
		return;
	if (S_ISLNK(st->st_mode)) {
		n = readlink(f->from, text, sizeof(text) - 1);
		if (n < 0) {
			complain(errno, "cannot read symbolic link '%s'", f->from);
			return;
		}
		text[n] = '\0';
		if (symlink(text, f->to) < 0) {
			complain(errno, "cannot create symbolic link '%s'", f->to);
			return;
		}
	} else if (mknod(f->to, st->st_mode, st->st_rdev) < 0) {
		complain(errno, "cannot create %s '%s'",
			 S_ISFIFO(st->st_mode) ? "fifo" : "special file", f->to);
		return;
	}
	if (options.keep_links && st->st_nlink > 1)
		remember(SOURCE, st, f->to);
	if (options.several && !here && lstat(f->to, &made) == 0)
		remember(COPY, &made, "");
	keep_attributes((struct end){-1, f->from}, (struct end){-1, f->to}, st);
}

/* Is there something already that shall stay? */
static bool is_to_stay(const struct file *f, const struct stat *st)
{
	struct stat there;

	if (options.no_clobber)
		return lstat(f->to, &there) == 0;
	if (!options.update)
		return false;
	if ((S_ISREG(st->st_mode) ? stat(f->to, &there) : lstat(f->to, &there)) < 0)
		return false;
	return there.st_mtim.tv_sec > st->st_mtim.tv_sec ||
	       (there.st_mtim.tv_sec == st->st_mtim.tv_sec &&
		there.st_mtim.tv_nsec >= st->st_mtim.tv_nsec);
}

/* Was this argument there before? There is one warning more then, and no error. */
static bool is_repeated(const struct file *f, const struct stat *st)
{
	const char *before = recall(ARGUMENT, st), *slash = strrchr(f->to, '/');
	const char *last = slash ? slash + 1 : f->to;
	int as_it_was = status;

	/* Links of one file are two arguments. */
	if (!before || strcmp(before, last) != 0) {
		remember(ARGUMENT, st, last);
		return false;
	}
	complain(0, "warning: source %s '%s' specified more than once",
		 S_ISDIR(st->st_mode) ? "directory" : "file", f->from);
	status = as_it_was;
	return true;
}

/* Take up what the paths of `f` name. True if it is a file to be read, all else is done at once. */
static bool take_up(struct file *f, const char *name, unsigned char type)
{
	bool follow = options.follow == FOLLOW_ALL || (options.follow == FOLLOW_ARGUMENTS && !here);
	struct stat st;

	if (type == DT_REG && !options.no_clobber && !options.update)
		return true;
	if ((follow ? stat(f->from, &st) : lstat(f->from, &st)) < 0) {
		complain(errno, "cannot stat '%s'", f->from);
	} else if (S_ISDIR(st.st_mode) && !options.recursive) {
		complain(0, "-r not specified; omitting directory '%s'", f->from);
	} else if (options.several && !here && is_repeated(f, &st)) {
		return false;
	} else if (S_ISDIR(st.st_mode)) {
		go_down(f, name, &st);
	} else if (!is_to_stay(f, &st)) {
		/* What is no file is read where it was named, and what it stands for was asked for. */
		if (S_ISREG(st.st_mode) || (!options.recursive && !S_ISLNK(st.st_mode)))
			return true;
		copy_special(f, &st);
	}
	return false;
}

/* Fill in the paths of `f`. False: too long. */
static bool set_paths(struct file *f, const char *name)
{
	bool fits;

	if (here) {
		memcpy(f->from, from, sizeof(from));
		memcpy(f->to, to, sizeof(to));
		fits = append(f->from, strlen(from), name) < PATH_MAX &&
		       append(f->to, strlen(to), name) < PATH_MAX;
	} else {
		fits = (size_t)snprintf(f->from, PATH_MAX, "%s", name) < PATH_MAX &&
		       target_of(f->to, name) < PATH_MAX;
	}
	if (!fits)
		complain(ENAMETOOLONG, "cannot copy '%s'", name);
	return fits;
}

bool next_file(struct file *f)
{
	while (unused && (here || nr_sources)) {
		const struct name *entry;
		const char *name;
		struct stat there;
		bool fits;

		if (!here) {
			name = *sources;
			fits = set_paths(f, name);
			/* What is copied into the same directory as one before, is copied after it. */
			if (fits && in_use && lstat(f->to, &there) == 0)
				return false;
			sources++;
			nr_sources--;
			f->dir = NULL;
			if (fits && take_up(f, name, DT_UNKNOWN))
				return true;
			continue;
		}
		entry = next_name();
		if (!entry) {
			go_up();
			continue;
		}
		name = entry->text;
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		f->dir = here;
		if (!set_paths(f, name) || !take_up(f, name, entry->type))
			continue;
		f->dir->users++;
		return true;
	}
	return false;
}
