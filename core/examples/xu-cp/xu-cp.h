/*
 * xu-cp: copies files and whole trees, with many reads and writes in flight.
 *
 *     main.c        options
 *     tree.c        the walk through the sources: directories, links and special files are made on the way
 *     file.c        a file's other end: what it is written to, and what becomes of that at the end
 *     copy.c        slots, which open, read and write: all that may wait for a disk
 *     attributes.c  modes, owners, times, extended attributes
 *     seen.c        which files were met before: hard links, and what must not be overwritten
 *     report.c      messages, the progress line
 *     quote.c       names in messages
 *
 * Nothing is allocated on the heap: there are as many files as slots, and room for as many directories as a path can
 * have, and as many again.
 */
#ifndef XU_CP_H
#define XU_CP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#define SLOTS 64

/* What was asked for. */
enum follow { FOLLOW_UNSAID, FOLLOW_NONE, FOLLOW_ARGUMENTS, FOLLOW_ALL };
struct options {
	bool recursive;
	bool force, no_clobber, update, verbose;
	bool no_target_directory;
	bool several;	    /* sources: none may overwrite what another has made */
	enum follow follow; /* symbolic links */
	bool keep_mode, keep_owner, keep_times, keep_links, keep_xattrs;
};
extern struct options options;

/* ---- report.c -------------------------------------------------------------------------------------------------- */

extern int status; /* of the program */
extern struct progress {
	bool wanted;
	unsigned long long bytes, known;
	unsigned long files;
} progress;

/*
 * Says what went wrong, and why if `error` is not 0; the program will end with status 1. The format knows words, %s, and
 * names, '%s', which are quoted as they need it.
 */
__attribute__((format(printf, 2, 3))) void complain(int error, const char *format, ...);

/* With -v, says that this is copied. */
void tell(const char *from, const char *to);

/* Writes a name so that a shell would read it, and no terminal obey it. (quote.c) */
void put_quoted(FILE *to, const char *name);

void begin_progress(void);
void show_progress(void);

/* At the end. */
void end_progress(void);

/* ---- tree.c ---------------------------------------------------------------------------------------------------- */

struct directory;

/* A file that is being copied, by one slot or more. */
struct file {
	char from[PATH_MAX], to[PATH_MAX];
	struct directory *dir; /* that it is in, or NULL */
	int in, out;
	struct stat st; /* of the source */
	dev_t out_dev;	/* what is written to */
	ino_t out_ino;
	uint64_t size, given; /* bytes, and how far slots took them on */
	uint64_t data_end;    /* of a file with holes: where the data end that `given` is in */
	unsigned slots;
	struct file *next; /* of those with blocks to give away (copy.c) */
	bool sparse;
	bool regular;  /* what is written to */
	bool in_order; /* at the files' own positions, by one slot */
	bool at_end;   /* a read found the end: no new blocks */
	bool failed;
};

/* What to copy where: `target` is a directory to copy into, if `into`. */
void set_sources(char **sources, int nr, const char *target, bool into);

/* Look for the next file to be read: its paths go into `f`. False: there is none, or none until others are done. */
bool next_file(struct file *f);

/* A file in this directory is done. When all are, and the walk has left it, the directory gets its attributes. */
void leave_directory(struct directory *dir);

/* ---- file.c ---------------------------------------------------------------------------------------------------- */

enum begun { BEGUN, DONE, BUSY };

/* The source is open: make and open what it is copied to. DONE: there is nothing to copy. BUSY: try again later. */
enum begun begin_file(struct file *f, const struct file *all);

/* All is copied, or will not be. */
void end_file(struct file *f);

/* See to it that nothing is where a copy of `f`, which is `st` and no file, shall be made. */
bool clear_way(const struct file *f, const struct stat *st);

/* If this was met before, and hard links are to stay such: make one. True: that is done, or failed for good. */
bool made_link(const char *to, const struct stat *st);

/* ---- copy.c ---------------------------------------------------------------------------------------------------- */

/* Copy everything, with so many slots. False if the ring failed. */
bool copy(unsigned depth);

/* ---- attributes.c ---------------------------------------------------------------------------------------------- */

/* One end of a copy: an open file, or (fd -1) a path that is not followed. */
struct end {
	int fd;
	const char *path;
};

/* Give the copy those of the source's attributes that are to be kept. */
void keep_attributes(struct end from, struct end to, const struct stat *st);

/* ---- seen.c ---------------------------------------------------------------------------------------------------- */

enum kind { ARGUMENT, SOURCE, COPY };

/* Remember a file; of a source, where its copy is. */
void remember(enum kind kind, const struct stat *st, const char *path);

/* The path that was told then, or NULL: never met. */
const char *recall(enum kind kind, const struct stat *st);

#endif
