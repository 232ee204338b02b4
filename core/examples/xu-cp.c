/*
 * xu-cp: copies files and whole trees, with many reads and writes in flight.
 *
 * Work is done by slots. Each has a buffer, which is registered with the ring where that is allowed, and at most one entry
 * in flight. A slot opens the next file, or takes the next block of a large file that is open already; it reads a piece,
 * writes it to the same place, and goes on until the block, or the file, is done:
 *
 *     the tree --> OPEN --> READ --> WRITE --> (the rest of the block) --> next block, next file, or idle
 *
 * Slots do not wait for each other, so small files are opened, read and written many at a time, and a large one by many
 * slots. What can only be read or written in order (a pipe, a terminal) has one slot. The tree is walked, and directories,
 * links and the files to write are made, by plain calls: those do not wait for a disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "xuring.h"

#define BLOCK (128 * 1024)
#define SLOTS 64
#define HERE ((uint64_t)-1) /* at the file's own position */

/* A file that is being copied. It goes when its last slot leaves it. */
struct file {
	struct file *next; /* of those with blocks to give away */
	char *from, *to;
	int in, out;
	uint64_t size, given; /* bytes, and those that slots took on */
	unsigned slots;
	bool in_order; /* at the files' own positions, by one slot */
	bool at_end;   /* a read found the end: no new blocks */
	bool failed;
};

enum step { IDLE, OPEN, READ, WRITE };

/* One entry's worth of work. */
struct slot {
	struct file *file;
	enum step step;
	uint64_t offset;  /* of the block in the file */
	unsigned done;	  /* bytes of it that are copied */
	unsigned size;	  /* bytes in the buffer */
	unsigned written; /* bytes of those that are written */
};

/* A directory on the way down the tree. */
struct level {
	struct level *up;
	DIR *dir;
	char *from, *to;
	mode_t mode; /* what the copy gets at the end */
	bool narrow; /* and it does not have yet */
};

static struct xu_ring ring;
static struct slot slots[SLOTS];
static char memory[SLOTS][BLOCK];
static bool fixed;	   /* is the memory registered? */
static struct file *large; /* those with blocks to give away */
static unsigned in_flight;
static int status;
static mode_t mask;

/* What is to be copied: the arguments not yet begun, and the way down the tree of the last one. */
static char **sources;
static int nr_sources;
static const char *target;
static bool into; /* the target is a directory */
static bool recursive;
static struct level *level;

/* For the progress line. */
static struct {
	bool shown, wanted;
	struct timespec start, last;
	unsigned long long bytes, known;
	unsigned long files;
} progress;

static void complain(const char *what, const char *name, int error)
{
	fprintf(stderr, "%sxu-cp: %s%s%s: %s\n", progress.shown ? "\r\033[K" : "", what,
		*what ? " " : "", name, strerror(error));
	progress.shown = false;
	status = 1;
}

/* Memory that there has to be. */
static void *get_memory(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		fputs("xu-cp: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static char *copy_of(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(get_memory(size), text, size);
}

static char *join(const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	char *path = get_memory(size);

	snprintf(path, size, "%s/%s", directory, name);
	return path;
}

/* ---- Progress --------------------------------------------------------------------------------------------------- */

static double seconds_since(const struct timespec *then, const struct timespec *now)
{
	return (double)(now->tv_sec - then->tv_sec) + (double)(now->tv_nsec - then->tv_nsec) / 1e9;
}

/* A line on a terminal, from the first second on and five times in each. */
static void show_progress(void)
{
	struct timespec now;
	double all;
	unsigned part;

	if (!progress.wanted)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	all = seconds_since(&progress.start, &now);
	if (all < 1 || seconds_since(&progress.last, &now) < 0.2)
		return;
	progress.last = now;
	part = progress.known ? (unsigned)(progress.bytes * 20 / progress.known) : 0;
	part = part < 20 ? part : 20;
	fprintf(stderr, "\r\033[K[%.*s%*s] %llu of %llu MiB, %.0f MiB/s, %lu files", (int)part,
		"====================", 20 - (int)part, "", progress.bytes >> 20,
		progress.known >> 20, (double)(progress.bytes >> 20) / all, progress.files);
	progress.shown = true;
}

/* ---- The tree --------------------------------------------------------------------------------------------------- */

/* Neither a directory nor to be read: made anew. */
static void copy_special(const char *from, const char *to, const struct stat *st)
{
	char *link;
	ssize_t n;

	if (!S_ISLNK(st->st_mode)) {
		if (mknod(to, st->st_mode & ~mask, st->st_rdev) < 0)
			complain("cannot create special file", to, errno);
		return;
	}
	link = get_memory((size_t)st->st_size + 4096);
	n = readlink(from, link, (size_t)st->st_size + 4095);
	if (n < 0)
		complain("cannot read link", from, errno);
	else if (symlink(link, to) < 0 && (errno != EEXIST || unlink(to) < 0 || symlink(link, to) < 0))
		complain("cannot create link", to, errno);
	free(link);
}

/* Go down into a directory, which is made if there is none. */
static void enter_directory(char *from, char *to, const struct stat *st)
{
	struct level *down = get_memory(sizeof(*down));
	struct stat there;

	*down = (struct level){
		.up = level, .from = from, .to = to, .mode = st->st_mode & 07777 & ~mask};
	if (mkdir(to, (st->st_mode & 0777) | 0700) == 0)
		down->narrow = (down->mode & 0700) != 0700 || st->st_mode & 07000;
	else if (errno != EEXIST || stat(to, &there) < 0 || !S_ISDIR(there.st_mode))
		complain("cannot create directory", to, errno);
	down->dir = opendir(from);
	if (!down->dir)
		complain("cannot open directory", from, errno);
	level = down;
}

static void leave_directory(void)
{
	struct level *l = level;

	if (l->narrow && chmod(l->to, l->mode) < 0)
		complain("cannot set the mode of", l->to, errno);
	if (l->dir)
		closedir(l->dir);
	level = l->up;
	free(l->from);
	free(l->to);
	free(l);
}

/* Take up one name. A file to be read is returned, all else is done at once. The paths become ours. */
static struct file *take_up(char *from, char *to, bool follow)
{
	struct stat st, there;
	struct file *f;

	if ((follow ? stat(from, &st) : lstat(from, &st)) < 0) {
		complain("cannot stat", from, errno);
	} else if (stat(to, &there) == 0 && st.st_dev == there.st_dev && st.st_ino == there.st_ino) {
		fprintf(stderr, "xu-cp: %s and %s are the same file\n", from, to);
		status = 1;
	} else if (S_ISDIR(st.st_mode) && !recursive) {
		complain("", from, EISDIR);
	} else if (S_ISDIR(st.st_mode)) {
		enter_directory(from, to, &st);
		return NULL;
	} else if (!S_ISREG(st.st_mode) && (recursive || S_ISLNK(st.st_mode))) {
		copy_special(from, to, &st);
	} else {
		f = get_memory(sizeof(*f));
		*f = (struct file){.from = from, .to = to, .in = -1, .out = -1};
		return f;
	}
	free(from);
	free(to);
	return NULL;
}

/* Is the directory that is being read the one that is written to, somewhere below itself? */
static bool is_target(const struct level *l, const char *name)
{
	struct stat root, st;
	char *path = join(l->from, name);
	const struct level *top = l;
	bool same;

	while (top->up)
		top = top->up;
	same = stat(path, &st) == 0 && stat(top->to, &root) == 0 && st.st_dev == root.st_dev &&
	       st.st_ino == root.st_ino;
	if (same) {
		fprintf(stderr, "xu-cp: cannot copy a directory, %s, into itself, %s\n", top->from,
			top->to);
		status = 1;
	}
	free(path);
	return same;
}

/* The next file to be read, or NULL when there is none left. */
static struct file *next_file(void)
{
	while (level || nr_sources) {
		struct file *f = NULL;

		if (!level) {
			char *from = copy_of(*sources++), *name;

			nr_sources--;
			for (size_t n = strlen(from); n > 1 && from[n - 1] == '/'; n--)
				from[n - 1] = '\0';
			name = strrchr(from, '/');
			f = take_up(from,
				    into ? join(target, name && name[1] ? name + 1 : from)
					 : copy_of(target),
				    !recursive);
		} else {
			struct dirent *d = level->dir ? readdir(level->dir) : NULL;

			if (!d)
				leave_directory();
			else if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
				 !(d->d_type != DT_REG && is_target(level, d->d_name)))
				f = take_up(join(level->from, d->d_name),
					    join(level->to, d->d_name), false);
		}
		if (f)
			return f;
	}
	return NULL;
}

/* ---- Files ------------------------------------------------------------------------------------------------------ */

/* The source is open: open the other one and see what they are. */
static void opened(struct file *f)
{
	struct stat in, out;

	if (fstat(f->in, &in) < 0) {
		complain("cannot open", f->from, errno);
		f->failed = true;
		return;
	}
	f->out = open(f->to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, in.st_mode & 0777);
	if (f->out < 0 || fstat(f->out, &out) < 0) {
		complain("cannot create", f->to, errno);
		f->failed = true;
		return;
	}
	f->in_order = !S_ISREG(in.st_mode) || !S_ISREG(out.st_mode);
	f->size = (uint64_t)in.st_size;
	progress.known += f->size;
	progress.files++;
	/* Its other blocks are for whoever has nothing to do. */
	if (!f->in_order && f->size > BLOCK) {
		f->next = large;
		large = f;
	}
}

/* No more blocks of this one. */
static void withdraw(struct file *f)
{
	struct file **p = &large;

	while (*p && *p != f)
		p = &(*p)->next;
	if (*p)
		*p = f->next;
}

/* A slot leaves a file; the last one closes it. */
static void leave(struct slot *s)
{
	struct file *f = s->file;

	s->step = IDLE;
	s->file = NULL;
	if (--f->slots)
		return;
	withdraw(f);
	if (f->in >= 0)
		close(f->in);
	if (f->out >= 0 && close(f->out) < 0)
		complain("error writing", f->to, errno);
	free(f->from);
	free(f->to);
	free(f);
}

/* ---- Slots ------------------------------------------------------------------------------------------------------ */

/* Queue what a slot has to do next. */
static void put(struct slot *s)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);
	int index = (int)(s - slots);
	struct file *f = s->file;
	uint64_t at = s->offset + s->done;

	if (!sqe)
		abort(); /* a slot has no more than one entry, and there is room for that */
	if (s->step == OPEN)
		xu_prep_openat(sqe, AT_FDCWD, f->from, O_RDONLY | O_CLOEXEC, 0);
	else if (s->step == READ && fixed && !f->in_order)
		xu_prep_read_fixed(sqe, f->in, memory[index], BLOCK - s->done, at, index);
	else if (s->step == READ)
		xu_prep_read(sqe, f->in, memory[index], BLOCK - s->done, f->in_order ? HERE : at);
	else if (fixed && !f->in_order)
		xu_prep_write_fixed(sqe, f->out, memory[index] + s->written, s->size - s->written,
				    at + s->written, index);
	else
		xu_prep_write(sqe, f->out, memory[index] + s->written, s->size - s->written,
			      f->in_order ? HERE : at + s->written);
	xu_sqe_set_data64(sqe, (uint64_t)index);
	in_flight++;
}

/* Give a slot the next block of its file. False: there is none. */
static bool next_block(struct slot *s)
{
	struct file *f = s->file;

	/* The size is a hint: the last block goes on until a read finds the end (leave_or_go_on). */
	if (f->failed || f->at_end || (!f->in_order && f->given && f->given >= f->size))
		return false;
	s->offset = f->given;
	s->done = 0;
	s->step = READ;
	f->given += BLOCK;
	put(s);
	return true;
}

/* Find work for a slot that has none. */
static void employ(struct slot *s)
{
	struct file *f;

	while (large && (large->failed || large->at_end || large->given >= large->size))
		withdraw(large);
	if (large) {
		s->file = large;
		large->slots++;
		next_block(s);
		return;
	}
	f = next_file();
	if (!f)
		return;
	s->file = f;
	f->slots = 1;
	s->step = OPEN;
	put(s);
}

/* A file has failed: say so, once. */
static void fail(struct slot *s, int error)
{
	struct file *f = s->file;

	if (!f->failed)
		complain(s->step == OPEN   ? "cannot open"
			 : s->step == READ ? "error reading"
					   : "error writing",
			 s->step == WRITE ? f->to : f->from, error);
	f->failed = true;
}

/* The block is done: the next one, or, where the file has grown beyond what it was, what is behind it. */
static void go_on(struct slot *s)
{
	struct file *f = s->file;

	if (s->done < BLOCK && !f->failed && !f->at_end) {
		s->step = READ;
		put(s);
	} else if (!next_block(s)) {
		if (!f->in_order && !f->failed && !f->at_end && s->offset + BLOCK >= f->size &&
		    f->given < s->offset + 2 * (uint64_t)BLOCK) {
			s->offset = f->given;
			f->given += BLOCK;
			s->done = 0;
			s->step = READ;
			put(s);
		} else {
			leave(s);
		}
	}
}

/* A slot's entry has ended with `res`. */
static void advance(struct slot *s, int res)
{
	struct file *f = s->file;

	if (res == -EINTR || res == -EAGAIN) {
		put(s);
	} else if (res < 0 || (res == 0 && s->step == WRITE)) {
		fail(s, res ? -res : EIO);
		leave(s);
	} else if (s->step == OPEN) {
		f->in = res;
		opened(f);
		if (!next_block(s))
			leave(s);
	} else if (s->step == READ && res == 0) {
		f->at_end = true;
		leave(s);
	} else if (s->step == READ) {
		s->step = WRITE;
		s->size = (unsigned)res;
		s->written = 0;
		put(s);
	} else {
		s->written += (unsigned)res;
		progress.bytes += (unsigned)res;
		if (s->written < s->size) {
			put(s);
		} else {
			s->done += s->size;
			go_on(s);
		}
	}
}

/* Copy everything. False if the ring failed. */
static bool copy(unsigned depth)
{
	do {
		struct io_uring_cqe *cqe;
		int ret;

		for (unsigned i = 0; i < depth; i++)
			if (slots[i].step == IDLE)
				employ(&slots[i]);
		if (!in_flight)
			break;
		ret = xu_submit_and_wait(&ring, 1);
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY) {
			complain("", "ring", -ret);
			return false;
		}
		while ((cqe = xu_cq_front(&ring))) {
			struct slot *s = &slots[cqe->user_data];
			int res = cqe->res;

			xu_cqe_seen(&ring, cqe);
			in_flight--;
			advance(s, res);
		}
		show_progress();
	} while (true);
	return true;
}

/* Pin the slots' memory: not every user may pin so much, and it goes without. */
static void pin(unsigned depth)
{
	struct iovec iovecs[SLOTS];

	for (unsigned i = 0; i < depth; i++)
		iovecs[i] = (struct iovec){memory[i], BLOCK};
	fixed = xu_register_buffers(&ring, iovecs, depth) == 0;
}

static int usage(FILE *to, int result)
{
	fputs("usage: xu-cp [-hpqr] [-n SLOTS] SOURCE... DEST\n"
	      "Copies files, with up to SLOTS reads and writes in flight (1 to 64, else 16).\n"
	      "  -r      directories as well, with all that is in them\n"
	      "  -p, -q  show progress also where standard error is no terminal, or nowhere\n",
	      to);
	return result;
}

int main(int argc, char **argv)
{
	unsigned long depth = 16;
	bool quiet = false;
	struct stat st;
	int ret, opt;
	char *rest;

	progress.wanted = isatty(STDERR_FILENO);
	while ((opt = getopt(argc, argv, "hpqrRn:")) != -1) {
		if (opt == 'h')
			return usage(stdout, 0);
		if (opt == 'p') {
			progress.wanted = true;
		} else if (opt == 'q') {
			quiet = true;
		} else if (opt == 'r' || opt == 'R') {
			recursive = true;
		} else if (opt == 'n') {
			depth = strtoul(optarg, &rest, 10);
			if (*rest || depth < 1 || depth > SLOTS)
				return usage(stderr, 1);
		} else {
			return usage(stderr, 1);
		}
	}
	if (argc - optind < 2)
		return usage(stderr, 1);
	if (quiet)
		progress.wanted = false;
	sources = argv + optind;
	nr_sources = argc - optind - 1;
	target = argv[argc - 1];
	into = stat(target, &st) == 0 && S_ISDIR(st.st_mode);
	if (nr_sources > 1 && !into) {
		complain("target", target, ENOTDIR);
		return 1;
	}
	mask = umask(0);
	umask(mask);
	ret = xu_queue_init_best(SLOTS, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);
	if (ret) {
		complain("", "no io_uring", -ret);
		return 1;
	}
	pin((unsigned)depth);
	clock_gettime(CLOCK_MONOTONIC, &progress.start);
	if (!copy((unsigned)depth))
		return 1;
	if (progress.shown)
		fputs("\n", stderr);
	xu_queue_exit(&ring);
	return status;
}
