/*
 * Engine stream, for its own files and for the rows of symbols.def: see stream.c.
 *
 *     stream.c       what calls mean to it       stream_fds.c   which open file an fd leads to
 *     stream_in.c    small reads, from memory   stream_out.c   small writes, gathered
 *     stream_early.c large files, to the disk while they are written
 *     stream_fatal.c signals that end the process
 */
#ifndef SHIM_ENGINE_STREAM_H
#define SHIM_ENGINE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What an open file is, once it is looked at. */
enum stream_kind { KIND_UNKNOWN, KIND_REGULAR, KIND_NULL, KIND_ZERO, KIND_MEMORY, KIND_NONE };

/* An open file that this process opened itself, and that nobody else has; others are `plain`. */
struct stream {
	uint16_t refs; /* fds that lead to it; 0: free */
	uint8_t kind;
	bool plain;    /* its position is the kernel's for good */
	bool direct;   /* O_DIRECT, */
	bool asked;    /* as the kernel said */
	unsigned run;  /* small reads in a row that the kernel answered */
	unsigned poor; /* windows in a row of which little was used */
	unsigned mask; /* bits that neither a buffer's address nor a length may have (direct) */
	int fd;	       /* one of its fds, while it is armed */
	unsigned taken_on; /* somebody is about to arm it, or to begin to gather: one at a time (stream_take_on) */
	dev_t dev;
	ino_t ino;

	/*
	 * Where the next read begins, while that is ours to say (armed); with SETTLING, while it is being told to the kernel.
	 * Negative: the kernel knows best, and -1 - at plain reads are under way; or ARMING.
	 */
	int64_t at;

	/* Direct reads at a position given (pread): how many in a row, where the next one would be, and whether there is a window. */
	unsigned run_at;
	bool windowed;
	int64_t next;

	/* The window: bytes of the file in memory. `sequence` is odd while they change. */
	unsigned sequence;
	unsigned filling; /* somebody is at it */
	int64_t start, end;
	uint64_t tick; /* when they were read, by the kernel's clock tick */
	unsigned news; /* streams->news at that time */
	size_t size;   /* how much is read at a time */
	char *window;

	/*
	 * What is gathered: how much, with PUTTING while it is being written; and above that how often it was. Only the
	 * owner, a thread's mark, adds to it.
	 */
	uint64_t put;
	const void *owner;  /* NULL: nothing is gathered */
	unsigned writes;    /* small ones in a row that the kernel answered */
	unsigned gathered;  /* writes since it was last written */
	unsigned poor_puts; /* times in a row that there were few */
	int error;	    /* what the kernel said to what was gathered: for the next call */
	bool never;	    /* it does not pay, or another thread writes too */
	bool adding;	    /* the owner is at it: a handler that finds this comes first */
	uint64_t since;	    /* which of all that are outstanding was first */
	uint64_t seen;	    /* what the flusher saw of `put` */
	char *room;

	/* Early writeback. */
	uint64_t unsent; /* bytes written since `mark` was the end of what was */
	int64_t mark;
	bool large; /* so much was written, in order, and not synced */
};

enum { NR_STREAMS = 64, STREAM_FDS = 1 << 14 };

struct streams {
	unsigned news; /* counts what may have changed files: windows from before are not believed */
	unsigned armed; /* windows there are */
	uint64_t filled;
	uint64_t served;      /* reads, not counting those of the shortest way */
	uint64_t outstanding; /* a bit for each stream that has something gathered, or may have */
	uint64_t turn;	      /* the last `since` */
	uint64_t taken;	      /* writes that were gathered */
	uint64_t puts;	      /* and the kernel's that came of them */
	uint64_t large;	      /* pieces of large files that were written in order, */
	uint64_t begun;	      /* and those that were sent to the disk early */
	bool syncs;	      /* the last large file was synced */
	bool aside;	      /* none is taken on any more */
	struct stream all[NR_STREAMS];
	uint8_t of[STREAM_FDS]; /* by fd: 1 + the stream's place */
};

/* In memory that is zero in the child of a fork: all that it inherits is plain. NULL until a file is opened. */
extern struct streams *streams;

/* The stream that this fd leads to, or NULL. */
static inline struct stream *stream_of(int fd)
{
	unsigned place = streams && (unsigned)fd < STREAM_FDS ? streams->of[fd] : 0;

	return place ? &streams->all[place - 1] : NULL;
}

/*
 * Threads that read, or write, at the same time may find at the same time that it is a habit. One of them goes on; for the
 * others it is as if it were none yet.
 */
static inline bool stream_take_on(struct stream *s)
{
	return !__atomic_exchange_n(&s->taken_on, 1, __ATOMIC_ACQUIRE);
}

static inline void stream_taken_on(struct stream *s)
{
	__atomic_store_n(&s->taken_on, 0, __ATOMIC_RELEASE);
}

/* ---- stream_fds.c ---- */

/* The stream that this fd leads to, with its kind known. A plain one is made where there is none. NULL: no room. */
struct stream *stream_learn(int fd);

/* An open has made this fd. */
void stream_opened(int fd);

/* This fd leads to what that one leads to: it was duplicated. */
void stream_duplicated(int fd, int to);

/* It is about to be closed, or to lead elsewhere. */
void stream_before_gone(int fd);
void stream_before_gone_all(unsigned first, unsigned last, int flags);

/* Others are about to have it, or libc to use it in ways that we do not see: from here on it is plain. */
void stream_let_go(int fd);
void stream_let_go_all(void);

/* ---- stream_in.c ---- */

/*
 * The shortest way of a read: from the window. How many bytes, or -1 where that is not to be had: then the call goes its
 * ordinary way.
 */
long stream_quick_read(int fd, void *to, size_t n);

/* A read with all that it takes. -1: the plain call is to be made. */
long stream_read(struct stream *s, int fd, void *to, size_t n);

/* The same for a read at a position given. */
long stream_read_at(struct stream *s, int fd, int64_t off, void *to, size_t n);
void stream_read_at_ended(struct stream *s, int fd, int64_t off, const void *to, size_t n, long res);

/* A plain read of `n` bytes begins, and has ended. */
void stream_read_begins(struct stream *s);
void stream_read_ended(struct stream *s, int fd, const void *to, size_t n, long res);

/* The kernel is told where the file's position is, and keeps it from here on. */
void stream_put_right(struct stream *s);

/* The same without telling: nobody has the open file any more. */
void stream_drop(struct stream *s);

/* ---- stream_out.c ---- */

/* The shortest way of a write: to what is gathered, or to /dev/null. -1: it goes its ordinary way. */
long stream_quick_write(int fd, const void *from, size_t n);

/* The same with all that it takes. -1: the plain call is to be made. */
long stream_write(struct stream *s, int fd, const void *from, size_t n);

/* A plain write of `n` bytes was made, with this result. */
void stream_written(struct stream *s, size_t n, long res);

/* Is something gathered for the file that this stream leads to? */
bool stream_gathers(const struct stream *s);

/* The stream gathers no more, until it is a habit again. */
void stream_stop_gathering(struct stream *s);

/* The same of all: how large a file may become is about to change. */
void stream_stop_all(void);

/* All that is gathered is written, in order. */
void stream_put_out(void);

/* The same from a handler, before the process ends: not what the interrupted thread itself is at. */
void stream_put_out_at_end(void);

/* What could not be written never will be: nobody has the open file any more. */
void stream_give_up(struct stream *s);

/* An error that was not told yet, as -errno; it is told by that. */
long stream_take_error(struct stream *s);

/* For the flusher: is anything outstanding? What was so the last time, too, is written. */
bool stream_outstanding(void);
void stream_look(void);

/* ---- stream_fatal.c ---- */

/* From here on signals that end the process have what is gathered written first. */
void stream_watch_fatal(void);

/* The program asks for the action of this signal, or sets it. */
void stream_before_action(int sig);

/* ---- stream_early.c ---- */

/* A plain write of `n` bytes was made, up to this place in the file; -1: up to its position. */
void stream_early_wrote(struct stream *s, int fd, int64_t end, size_t n);

/* It is being synced; nobody has the open file any more. */
void stream_early_synced(struct stream *s);
void stream_early_closed(struct stream *s);

/* ---- stream.c: what calls do that are no engine's to answer ---- */

/* A call looks at the position of this fd, or changes it. */
void stream_before_fd(int fd);

/* It changes the file that this fd leads to. */
void stream_before_change(int fd);

/* It may bring news of what others have written. */
void stream_news(void);

void stream_after_fcntl(int fd, int op, int result);
void stream_before_fcntl(int fd, int op);

/* syscall() with a number that no row has. */
void stream_before_number(long nr, long a, long b);

#endif
