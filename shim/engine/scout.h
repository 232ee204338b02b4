/*
 * What the scout is made of, for its own files alone:
 *
 *     scout.c        what the program touched, the score                     scout_dir.c    what stands in directories
 *     scout_watch.c  whether to begin                                        scout_wait.c   whether a call waited
 *     scout_plan.c   where the program is, and in which order it goes        scout_queue.c  fetching it, many deep
 *     scout_next.c   what comes next                                         scout_path.c   paths as text
 *     scout_ring.c   whose ring it is
 *     scout_seq.c    one file read from end to end                           scout_list.c   who reads directories
 *     scout_args.c   the argument list
 *     scout_hand.c   answering with what was fetched                         scout_change.c what this process changes
 *
 * All of it is the business of one thread, the one that was seen to wait, but for the listing of directories.
 */
#ifndef SHIM_ENGINE_SCOUT_H
#define SHIM_ENGINE_SCOUT_H

#include <limits.h>

#include "core/syscall.h"
#include "shim/engine/engine.h"
#include "xuring.h"

/* After the table of symbols: musl makes macros of some of their names here. */
#include <dirent.h>

enum {
	SCOUT_SLOTS = 256, /* files ahead, at most */
	SCOUT_DIRS = 48,   /* directories known at the same time */
	SCOUT_ENTRIES = 4096, /* of one directory at a time; the next are read when these are through */
	SCOUT_NAMES = 128 * 1024,
	SCOUT_PATH = 1024,	 /* longer paths are not scouted */
	SCOUT_ARGS = 256 * 1024, /* bytes of the argument list */
	SCOUT_HELPERS = 20,
	SCOUT_ANSWERS = 512,   /* of one directory */
	SCOUT_FIRST_DEPTH = 8, /* files ahead of a plan that is new */
};

/* What getdents64 writes. */
struct scout_record {
	uint64_t ino;
	int64_t next;
	unsigned short len;
	unsigned char type;
	char name[];
};

/* What a program does with the files of a directory. */
enum deed { DEED_STAT = 1, DEED_OPEN = 2, NR_DEEDS };

/* The orders in which programs go through a directory. */
enum order { ORDER_READ, ORDER_INODE, ORDER_NAME, NR_ORDERS };

struct entry {
	uint64_t ino;
	uint32_t name;	 /* where it stands in the directory's names */
	uint32_t hash;	 /* of the name */
	uint8_t type;	 /* DT_* */
	uint8_t fetched; /* deeds done or under way, by us or by the program */
};

/* What opening ahead is good for. */
enum file_system {
	FS_LOCAL,   /* a device: what was read stays cached */
	FS_NETWORK, /* another machine: so it does, but opens wait */
	FS_FUSE, /* another process: a fresh open drops what was cached, so that only the open file itself is of use */
};

/* Is this open file on one that is scouted? May take a round trip. */
bool known_file_system(int fd, enum file_system *kind);

/* Marks of an entry besides its deeds: it was left to the program; the program did this to it. */
enum { MARK_CONTROL = 1 << 6 };

static inline uint8_t mark_of(enum deed deed)
{
	return (uint8_t)(deed << 2);
}

/* What was answered about an entry. */
struct answer {
	uint64_t since;	 /* when it was asked; 0: not yet */
	unsigned change; /* the count of changes then */
	struct statx stx;
};

enum dir_state { DIR_FREE, DIR_WANTED, DIR_LISTING, DIR_LISTED, DIR_FAILED };

struct dir {
	/* Whose it is: a helper's while it is WANTED or LISTING, else the scout's. */
	enum dir_state state;
	struct dir *parent;
	int at;		     /* of this directory in its parent, or -1 while that is not known */
	int last;	     /* the entry that the program touched last, or -1 */
	int lasts[NR_DEEDS]; /* and by what it did */
	unsigned trust;	     /* how often the program went forward in it, in a row */
	uint64_t stamp;	     /* when it was of use, to tell the least useful */
	uint64_t dev;
	uint64_t expected_dev; /* not listed unless it is on this one; 0: any */
	enum file_system kind;
	bool ask;      /* its lister is to look all names up as well */
	bool asking;   /* and is about it: the directory is to stay as it is */
	int how;       /* flags of the question */
	unsigned mask; /* what it is for */
	bool keep;     /* the answers may be handed over */
	unsigned answers_nr;
	uint64_t wanted; /* when it was asked for */
	bool waited;	 /* its lister did, and the program has not come to it yet */
	bool more;	 /* there are entries past these, from `resume` on */
	int64_t resume;
	unsigned serial; /* counts what this place has held: an index of before is another's */
	unsigned nr;
	unsigned names_len;
	char path[SCOUT_PATH];
	struct entry entries[SCOUT_ENTRIES];
	/* From a place in an order to the entry, and back; but for ORDER_READ, which is that of the entries. */
	uint16_t orders[NR_ORDERS][SCOUT_ENTRIES], ranks[NR_ORDERS][SCOUT_ENTRIES];
	char names[SCOUT_NAMES];
	struct answer answers[SCOUT_ANSWERS]; /* where the kernel does not remember them */
};

enum slot_state {
	SLOT_FREE,
	SLOT_FLYING,  /* under way */
	SLOT_HELD,    /* an open file, for the program to ask for */
	SLOT_DONE,    /* the kernel's caches have it */
	SLOT_LEAVING, /* of no use any more; not all of its operations have ended */
};

/* The attributes of a file, in a slot. They stay when it is free, until another file takes it. */
enum asked { ASKED_NOT, ASKED, ASKED_KNOWN };

/* One file ahead. Its number is that of its file in the ring's table, too. */
struct slot {
	enum slot_state state;
	enum deed deed;
	bool keep;	 /* its file is to be handed over */
	bool open;	 /* the table has a file */
	bool touched;	 /* the program came while it was under way */
	bool lends;	 /* its file is closed after the program has closed it */
	int lent;	 /* the program's fd of that file, or -1 */
	uint64_t ino;	 /* of that file */
	uint8_t pending; /* operations that have not ended */
	uint32_t hash;
	uint32_t serial; /* of `dir` */
	uint64_t device; /* on which it is to be */
	int flags;	 /* of the open */
	int at;		 /* the entry in `dir` */
	struct dir *dir;
	uint64_t since;		    /* when it was sent */
	uint64_t number;	    /* the how manieth it is in the plan */
	unsigned change, opened_at; /* the counts of changes when it was sent */
	long installed;		    /* the answer of the last installation */
	char path[SCOUT_PATH];
	enum asked asked;
	int how;       /* flags of the question */
	unsigned mask; /* what it was for */
	struct statx stx;
};

struct helper {
	int tid;    /* 0: none, or it has ended; the kernel clears it and wakes */
	int id;	    /* of the last */
	int parted; /* 1: it has none of the program's fds */
	char stack[32 * 1024];
	char buf[32 * 1024];
};

/* The task that the ring belongs to (scout_ring.c). */
struct carrier {
	struct helper task;
	unsigned state;	  /* futex */
	unsigned bell;	  /* futex: there is something to do */
	unsigned sleeps;  /* it waits for that */
	unsigned entered; /* futex: how often it was in the kernel */
	bool awaited;	  /* the program waits for a completion */
	bool leave;
	bool failed; /* there is no ring to be had */
	bool stuck;  /* not all that is under way has ended */
};

struct score {
	uint64_t predicted, used, wasted, handed, late, controls, saved_ns, starts, listed,
		looked_up, seq_bytes;
};

/* The file that the scout has opened for itself. */
enum own { OWN_NONE, OWN_OPENING, OWN_OPEN };

/* All that the scout has, in memory of its own that is there while it is at work. */
struct scout {
	struct xu_ring ring;
	bool live;
	bool handoff;	 /* files may be handed over */
	bool stopping;	 /* for helpers: end */
	unsigned deeds;	 /* what the program does (DEED_*) */
	int flags;	 /* how it opens files */
	int how;	 /* the flags with which it asks for attributes */
	unsigned mask;	 /* and which ones */
	unsigned asks;	 /* it waited for attributes of files that it opens as well */
	bool asks_files; /* about other entries than directories, too, unlike find -name and rm */
	int later; /* above 0: it goes into directories when it is through with the one that has them */
	bool dir_waited;   /* it waited for a directory that nobody had listed ahead */
	bool walks;	   /* it goes from directory to directory */
	unsigned slots_nr; /* how many there are */
	unsigned next;	   /* where to look for a free one first */
	enum own own;
	char own_path[32];
	unsigned depth;	   /* how far ahead, as things stand */
	unsigned failures; /* of the plan, since a file ahead was last of use */
	unsigned ahead;	   /* slots that wait for the program */
	unsigned flying;
	unsigned advices;	  /* for files that the program reads from end to end, under way */
	uint64_t number;	  /* of the last slot in the plan */
	uint64_t renewed;	  /* the number of the last one before the plan began anew */
	unsigned room;		  /* how many of those may give their places to others */
	uint64_t touched;	  /* when the program last did something of interest */
	unsigned touches;	  /* how often it has */
	unsigned crowd;		  /* grows with waits of other threads */
	unsigned useful, useless; /* files ahead, of late */
	enum order orders[NR_DEEDS]; /* in which it does what */
	int votes[NR_DEEDS][NR_ORDERS];
	unsigned stats;	 /* since the last open */
	struct dir *dir; /* where the program is */
	struct {
		int fd;
		unsigned serial;
		struct dir *dir;
	} latest; /* the directory of the last name by an fd; none after a directory was opened */
	struct dir *front;     /* where the plan is */
	int rank;	       /* in the front's order, or -1: behind `name` */
	unsigned planned;      /* files since the last control */
	unsigned controls;     /* files between two */
	unsigned doubts;       /* grow with controls that did not wait */
	uint64_t wait_ns;      /* how long the program waits for a file, on the average */
	unsigned reads_waited; /* more first reads that did than did not, of late: opens do not tell */
	bool by_args;	       /* what comes next stands in the argument list, from `arg` on */
	bool args_loaded;
	unsigned arg, args_len;
	char name[NAME_MAX + 1]; /* of what the program touched last, where the directory is not listed yet */
	uint64_t last_kind; /* of the last file system asked for: its device, times 4, and what it is */
	struct slot slots[SCOUT_SLOTS];
	struct dir dirs[SCOUT_DIRS];
	struct helper helpers[SCOUT_HELPERS];
	struct carrier carrier;
	bool by_number; /* what was filled in names a file by the program's fd */
	char args[SCOUT_ARGS];
};

/* The memory, while `live`. */
extern struct scout *scout;
extern struct score score;

uint32_t scout_hash(const char *name, size_t len);

/* For helpers: there are more directories known. Have those listed that come next, if the scout is not just about it. */
void scout_found_dirs(void);

/* An open that the scout could have made: of a file that is there, for reading. */
static inline bool plain_open(const struct call *c)
{
	return c->sqe.opcode == IORING_OP_OPENAT &&
	       !(c->sqe.open_flags &
		 ~(unsigned)(O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_LARGEFILE));
}

static inline bool dir_open(const struct call *c)
{
	return c->sqe.opcode == IORING_OP_OPENAT && c->sqe.open_flags & O_DIRECTORY;
}

static inline bool stat_by_name(const struct call *c)
{
	return c->sqe.opcode == IORING_OP_STATX && !(c->sqe.statx_flags & AT_EMPTY_PATH);
}

static inline bool reads(const struct call *c)
{
	return c->sqe.opcode == IORING_OP_READ || c->sqe.opcode == IORING_OP_READV;
}

/* What takes a name away from a file: no file may be open ahead meanwhile. */
static inline bool removes(const struct call *c)
{
	return c->sqe.opcode == IORING_OP_UNLINKAT || c->sqe.opcode == IORING_OP_RENAMEAT;
}

static inline const char *path_of(const struct call *c)
{
	return (const char *)(uintptr_t)c->sqe.addr;
}

/* Did a call on this that took so long wait for a file? */
bool scout_waits(int fd, const char *name, uint64_t took);

/* Has this thread waited for a device since the mark? */
void scout_mark(void);
bool scout_waited_since(void);

/* Be at work from this call on, if there may be use in it. */
bool scout_begin(struct call *c);

/* One at a time, of the program's thread and the scout's own tasks: for those. */
bool scout_enter_helper(void);
void scout_leave(void);

/* ---- scout_watch.c ---- */

/* While nothing is at work, the program made this call: is there reason to begin? */
void watch_call(struct call *c, long res, bool waited, uint64_t took);
/* It waited while nothing is at work: is that reason to begin? `c` may be NULL: then with the next call. */
void watch_waited(struct call *c, uint64_t took);
/* Have the first read of this file looked at. */
void watch_first_read(const struct call *c, long fd);
/* Is it this one's that is to be? */
bool watch_judges(int fd);
/* Has this thread opened a stream, whose reads are not seen? Once, at the next open: until then it was read. */
bool watch_takes_unseen(void);
/* At work, a question by name that is of no great interest; is it known in which way the program goes there? */
void watch_question(bool waited, bool known);
/* It was, or the file is closed unread: reads are of no interest any more. */
void watch_judged(void);
/* Another file was read or closed; this one is closed. */
void watch_other(void);
void watch_closed(int fd);
/* The program opened a directory. */
void watch_dir(void);
/* What waited before does not count any more. */
void watch_anew(void);

/* ---- scout_ring.c ---- */

/* Have the ring made. False: there is none to be had. */
bool ring_start(void);
/* End it; is something stuck? False: that does not come to an end in time, and the memory is to stay. */
bool ring_stop(bool stuck);
/* The process ends: have it taken apart so far that no file is open in it. */
void ring_end(void);
/* The same, but not waited for: is it there? A program that only asks needs none. */
bool ring_want(void);
bool ring_ready(void);
/* Is there none any more? Then nothing is under way. */
bool ring_gone(void);
/* Nor ever will be? */
bool ring_failed(void);
/* There is something to do, or to end for. */
void ring_wake(void);
/* Send what was filled in. False: there was nothing. */
bool ring_send(void);
/* Wait, in bounded time, until the kernel has taken what was sent; or until there is a completion, for 100 ms at most. */
void ring_await_sent(void);
void ring_await_completion(void);

/* ---- scout_queue.c ---- */

/* A place for one more file ahead, or NULL. Its path is to be filled in; then queue_send. */
struct slot *queue_slot(void);
void queue_send(struct slot *s);
/* Hand all that was sent to the kernel. */
void queue_submit(void);

/* Look at what has ended, and let go of what is too old. */
void queue_reap(uint64_t now);

/*
 * Have a part of a file that the program has open read into the page cache, with the next queue_submit; by way of the own
 * file, if there is one.
 */
bool queue_advise(int fd, int64_t offset, unsigned len);
/* Open once more, for ourselves, what is behind this fd of the program. */
bool queue_open_own(int fd);
void queue_close_own(void);

/* Let go of one slot, used or wasted. */
void queue_release(struct slot *s, bool used);
/* Let go of all, and wait, in bounded time, until nothing is under way. */
bool queue_drop(void);
/* And have the kernel forget the table of files now, not when it takes the ring apart. */
void queue_end(void);

/* Wait, in bounded time, until this slot's open has ended, or the question for its attributes. */
void queue_await(struct slot *s);
void queue_await_asked(struct slot *s);

/* Give the slot's file a number of the program's, as open would: the fd or -errno. */
long queue_install(struct slot *s, bool cloexec);
/* The program has closed this fd. */
void queue_returned(int fd);
/* The slot whose file this is, or NULL. */
struct slot *queue_lent(int fd);

/* ---- scout_list.c ---- */

/* A task of the kernel, with the program's memory and fds and none of its signals; false: there is none. */
bool helper_start(struct helper *h, int (*fn)(void *), void *arg);
/* Until the kernel has done with it, for it counts among the threads to the end; in bounded time, then false. */
bool helper_await_end(struct helper *h);

/* ---- scout_dir.c ---- */

/* The directory at this path, asked for if it is not known. NULL: there is no room. */
struct dir *dir_want(const char *path, size_t len, struct dir *parent, int at);
struct dir *dir_known(const char *path, size_t len);
bool dir_listed(const struct dir *d);
/* Is this file on such a file system? */
bool dir_on_fuse(int fd);
/* Is a helper at work on it, or to be? */
bool dir_with_helper(const struct dir *d);
/* The place of an entry by its name, or -1. */
int dir_find(const struct dir *d, const char *name, size_t len);
/* From a place in the order to the entry, and back. */
int dir_entry(const struct dir *d, enum order order, unsigned rank);
unsigned dir_rank(const struct dir *d, enum order order, int at);
/* What is known of an entry, or NULL. */
const struct answer *dir_answer(const struct dir *d, int at);
/* Where this directory stands in its parent, or -1. */
int dir_at(struct dir *d);
/* Write "path/name" of an entry. False: too long. */
bool dir_path(const struct dir *d, int at, char *buf, size_t size);
/* Its end was not its end: have the rest listed in the place of what is there. False: it was. */
bool dir_continue(struct dir *d);
/* For helpers: read it and put it in order. */
void dir_list(struct dir *d, char *buf, size_t size);

/* ---- scout_list.c ---- */

/* There are directories to be listed. */
void list_wake(void);
/* The same, by a helper. */
void list_wake_others(void);
/* End all helpers. False: one is stuck, and will look at the memory again. */
bool list_stop(void);

/* ---- scout_plan.c ---- */

/* The program touched a file, by this path, and waited so long for it. */
void plan_touch(int dfd, const char *path, enum deed deed, uint64_t waited_ns);
/* The program came for what this slot has. */
void plan_used(struct slot *s);
/* The program opened a directory. */
void plan_entered(int dfd, const char *path);
/* Do files that are left alone still wait? */
bool plan_pays(void);
/* Is the program believed to go through the directories in this one? */
bool plan_walks(const struct dir *d);
/* Is most of what is fetched for nothing? */
bool plan_wastes(void);
/* The slot that has this name, or NULL. */
struct slot *plan_slot(const char *name, size_t len);
/* Are attributes to be fetched? */
bool plan_asks(void);
/* Do questions that did not wait say no more than where the program is? */
bool plan_heeds_questions(void);
/* Who knows attributes of this very path: a slot, or else a directory that has it as an entry. */
struct slot *plan_asked(int dfd, const char *path, struct dir **dir, int *at);
/* The program was told what the slot knows, or what the directory knows of an entry. */
void plan_told(struct slot *s);
void plan_told_entry(struct dir *d, int at);

/* The program's controls and first reads: a file that was left alone had to be waited for after all. */
void plan_control_waited(void);
/* Did the first read of a file wait? */
void plan_first_read(bool waited);
/* What the plan goes by: the deed that takes longest, and the order in which the program does it. */
enum deed plan_deed(void);
enum order plan_order(void);

/* ---- scout_next.c ---- */

/* Fill the window. */
void plan_ahead(uint64_t now);
/* Have the directories listed that come next. False: none of them is new. */
bool plan_list_ahead(void);
/* Go on behind this entry. */
void plan_begin_behind(struct dir *d, int at);
/* The program left a directory, or passed it by: go on behind it. */
void plan_begin_behind_dir(struct dir *d, int at);
/* The place in the plan from which a directory is gone into. */
unsigned plan_dir_place(const struct dir *d, int at);

/* ---- scout_path.c ---- */

/* The last part of a path: where it begins. */
const char *path_last(const char *path, size_t *len);
/* The absolute path of the directory that `path` is in. False: there is none, or not as text. */
bool path_dir(int dfd, const char *path, struct xu_text *t);
/* The length of the longest path that both begin with and that ends a part in both. */
size_t path_common(const char *a, const char *b);

/* ---- scout_args.c ---- */

/* Is this path one of the program's arguments? Then the plan goes on behind it. */
bool args_at(const char *path);
/* The argument at this place that could be a file, NULL: there is none; and go on to the one behind it. */
const char *args_next(unsigned *at);

/* ---- scout_hand.c ---- */

/* Answer an open with the file that was opened ahead. False: there is none. */
bool hand_file(struct call *c);
/* Answer a question by name with what was asked ahead. False: that is not known. */
bool hand_attributes(struct call *c);
/* Answer a question about a file that was handed over with what the kernel knows of it. False: ask. */
bool hand_status(struct call *c);

/* ---- scout_change.c ---- */

/* A call was made: has it changed something? */
void change_seen(const struct call *c, long res);
/* From here on changes are to be noticed; on these devices, once the first is known. */
void change_begin(void);
void change_watch(uint64_t device);
/* Is there one? */
bool change_watched(void);
void change_forget(void);
/* Moves with every one of them. */
unsigned change_count(void);
/* Moves with those that files opened before may not outlive, as far as nobody else lets go of them. */
unsigned change_of_opens(void);
/* Is this name, or what it leads to, where something is held? */
bool change_near(int dfd, const char *path);
/* May this file be written by this process, unseen? */
bool change_written(const struct statx *stx);

/* ---- scout_seq.c ---- */

/* The program read `n` bytes of `fd`, from `offset` or from the file's own position (-1), and waited for them or not. */
void seq_read(int fd, int64_t offset, long n, bool waited);
bool seq_active(void);
/* The program closes this fd. */
void seq_closes(int fd);
/* Is it worth a ring? */
bool seq_pays(void);
void seq_forget(void);

#endif
