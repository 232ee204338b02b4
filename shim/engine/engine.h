/*
 * What an engine is, and what the rest of the shim knows of engines.
 *
 * In mode auto a call goes the way of libc unless an engine is interested in its kind. Interests are bits of `awake`
 * (process.h), and each row of symbols.def knows which bits concern it, so that what no engine wants costs one test.
 * An engine turns its interests on and off as it learns whether it pays: most start with those alone that tell them
 * whether there is anything to do here.
 *
 *     read(fd, ...)  ->  awake & (all | interests of the row)?  no: libc's read
 *                    ->  engines_call: the engines in the order of engines.def; the first that takes it answers it
 *                    ->  none took it: libc's read, then engines_seen
 *
 * Engines never call each other. In modes ring and off there are none.
 */
#ifndef SHIM_ENGINE_ENGINE_H
#define SHIM_ENGINE_ENGINE_H

#include "config/config.h"
#include "config/text.h"
#include "shim/call.h"
#include "shim/process.h"

struct engine {
	const char *name;

	/*
	 * At start-up, in mode auto: look at the options, wake what is to be watched (process_wake). No ring, no thread,
	 * no memory, no system call.
	 */
	void (*start)(const struct xu_config *config);

	/*
	 * A call that is prepared (c->symbol, c->route, c->sqe). True: it is answered (c->state, c->res, c->way), once.
	 * False: it goes on, untouched. Async-signal-safe: it may come from a handler, in the middle of the engine.
	 */
	bool (*call)(struct call *c);

	/* Whatever was said or not asked: the plain call is about to be made. */
	void (*plain)(struct call *c);

	/* The plain call was made, with this result or -errno. */
	void (*seen)(struct call *c, long res);

	/*
	 * All that was put off is to be put out now: before a fork, an exec, an exit, a change of identity, a sandbox. Where
	 * there is nothing, no system call is made.
	 */
	void (*settle)(void);

	/* Who the process is, or what it may, is about to change: rings from before are to be gone, with what they carry done. */
	void (*renew)(void);

	/*
	 * The process is about to end, or to run another program. The kernel takes rings apart later: what a ring of ours has
	 * open would be open still, and a file system that the program was on could not be unmounted.
	 */
	void (*end)(void);

	/* In the child of a fork, before the program goes on. */
	void (*forked)(void);

	/* The members of its object in the statistics record, without the braces. */
	void (*report)(struct xu_text *t);
};

/* Any of the functions may be missing. */
#define ENGINE(name) extern const struct engine engine_##name;
#include "shim/engine/engines.def"

void engines_start(const struct xu_config *config);
bool engines_call(struct call *c);
void engines_plain(struct call *c);
void engines_seen(struct call *c, long res);
void engines_settle(void);
void engines_renew(void);
void engines_end(void);
void engines_forked(void);

/* For rows of symbols.def: a directory is opened; a file was copied inside the kernel; a name or its permissions are about
 * to change (scout.c). */
void scout_opens_dir(void);
void scout_reads_dir(void);
void scout_read_dir(void *dir);
uint64_t scout_now(void);
void scout_copied(int fd, uint64_t began);
void scout_lets_go(void);
void scout_lets_go_near(int dfd, const char *path);
/* This process has changed something; or the file of this name, or of this fd; or opened this fd, or this name, for writing. */
void scout_changed(void);
void scout_changed_name(int dfd, const char *path);
void scout_changed_fd(int fd);
void scout_opened(int fd);
void scout_opened_name(const char *path);

/* "loop":{...},"scout":{...} */
void engines_report(struct xu_text *t);

#endif
