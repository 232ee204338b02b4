/*
 * What the parts of the engine aio have in common: an operation, and the carrier that takes it to the ring.
 *
 *     aio.c         the engine, and its essay             aio_posix.c   aio_read and kin
 *     aio_ring.c    the carrier: its thread and ring      aio_linux.c   io_submit and kin
 *     aio_send.c    the way there, from callers           aio_notify.c  telling the program of an end
 *     aio_ops.c     memory of operations, waiting         aio_hint.c    hints that would wait
 */
#ifndef SHIM_ENGINE_AIO_H
#define SHIM_ENGINE_AIO_H

#include <linux/aio_abi.h>
#include <signal.h>

#include "config/config.h"
#include "shim/call.h"
#include "xuring.h"

struct aiocb;
struct aio_op;

/* Who is told when operations have ended: the program's own sigevent, without what only its libc knows. */
struct aio_notice {
	int kind; /* SIGEV_* */
	int signo;
	union sigval value;
	void (*function)(union sigval);
	void *attributes; /* pthread_attr_t of the thread, or NULL */
};

/* Operations that were asked for together (lio_listio). */
struct aio_group {
	unsigned pending;  /* operations that have not ended, and one for whoever waits */
	unsigned failed;   /* some of them with an error */
	unsigned released; /* futex: all have ended */
};

enum aio_kind {
	AIO_IO,	    /* an entry for the ring */
	AIO_CANCEL, /* a request to cancel others */
	AIO_HINT,   /* an entry for the ring whose end nobody waits for */
};

/* One operation, from the caller that fills it in to the carrier that ends it. */
struct aio_op {
	struct aio_op *next; /* in the queue, among the waiting, in flight, or free */
	struct aio_op *prev; /* in flight */
	enum aio_kind kind;
	bool used;
	bool after_all;	       /* not before all others of its fd have ended: a sync */
	bool after_appends;    /* not before all earlier ones of its kind have ended: O_APPEND */
	bool from_posix;       /* aio_cancel may end it */
	bool cancelled;	       /* it was asked to end early */
	bool awaited;	       /* somebody sleeps until this one has ended */
	unsigned long context; /* of io_submit: 0 once its event is on its way */
	bool (*again)(struct aio_op *op);	   /* see aio_later */
	void (*done)(struct aio_op *op, long res); /* in the carrier, at the end; frees it */
	struct io_uring_sqe sqe;
	union {
		struct {
			struct aiocb *cb;
			struct aio_op *group; /* the list it belongs to, or NULL */
			struct aio_notice notice;
		} posix;
		struct {
			struct aio_notice notice;
			struct aio_group group;
		} list;
		struct {
			int fd;
			struct aiocb *cb; /* NULL: all of fd */
			unsigned cancelled, too_late;
			unsigned answered; /* futex */
		} cancel;
		struct {
			uint64_t object, data; /* as in struct io_event */
			long result;
			int eventfd; /* or -1 */
			struct iocb stand_in;
			struct iovec parts[4];
		} kernel;
	};
};

/* No sandbox, and no watching of files? The calls that the engine makes of its own could be the program's end, or be heard of. */
bool aio_may(struct call *c);

/* ---- The carrier (aio_ring.c, aio_send.c), and its operations (aio_ops.c) ---- */

/* Is there a carrier with a ring? Started here, if need be. False: c->reason. */
bool aio_ready(struct call *c);

/* A blank operation, or NULL when there are too many. By aio_op_free it goes back. */
struct aio_op *aio_op_new(void);
void aio_op_free(struct aio_op *op);

/* Its number, and the operation of a number, if it is in use. */
unsigned aio_op_number(const struct aio_op *op);
struct aio_op *aio_op_at(unsigned number);

/* The operation whose stand-in that is, or NULL; how many of a kernel's context have not ended. */
struct aio_op *aio_op_of(const void *stand_in);
unsigned aio_ops_of(unsigned long context);

/* In the carrier: `op` has ended, but can not be told of yet. `again` is asked soon, until it says true. */
void aio_later(struct aio_op *op, bool (*again)(struct aio_op *op));

/* Hand operations to the carrier: a chain by `next`, in order. Only after aio_ready. Async-signal-safe. */
void aio_send(struct aio_op *first);

/*
 * How many operations have ended so far. aio_await_any sleeps until that is not `seen` any more, or `left` has gone by: 0 or
 * -errno, as futex(2) has it. aio_await is woken only by the end of operations that were marked (aio_op_mark).
 */
unsigned aio_ended(void);
long aio_await_any(unsigned seen, const struct timespec *left);
long aio_await(unsigned seen, const struct timespec *left, bool cancels);

/* Somebody is about to sleep until `op` has ended, and looks once more whether it has; in the carrier, it has just ended. */
void aio_op_mark(struct aio_op *op);
void aio_op_wake(const struct aio_op *op);

/* Sleep on a word while it is `value`; wake all who do. */
long aio_sleep(unsigned *word, unsigned value, const struct timespec *left);
void aio_wake(unsigned *word);

/* No carrier and no ring from here on, until there is need of them again; all operations have ended. */
void aio_ring_renew(void);

/* ---- The others ---- */

/* Tell the program (aio_notify.c). In the carrier alone. */
void aio_notify(const struct aio_notice *notice);

/* Hints (aio_hint.c), for the engine alone: see engine.h. What rows of symbols.def have, stands in hooks.h. */
void hint_start(const struct xu_config *config);
bool hint_call(struct call *c);
void hint_seen(struct call *c);
void hint_before_all_gone(void);

/* What the statistics record says of the engine. Emptied by fork. */
enum aio_count {
	AIO_SUBMITTED, /* operations given to the carrier */
	AIO_COMPLETED, /* operations ended */
	AIO_AT_ONCE,   /* reads that were in the page cache */
	AIO_BATCHES,   /* enters that carried operations */
	AIO_HINTS,     /* hints that were handed over */
	AIO_SIGNALS,   /* signals and threads that told of an end */
	AIO_CARRIERS,  /* carrier threads */
	NR_AIO_COUNTS
};
void aio_count(enum aio_count what, unsigned n);
uint64_t aio_counted(enum aio_count what);

/* ---- Calls, from the table: true if they are answered ---- */

bool aio_take_read(struct call *c, struct aiocb *cb);
bool aio_take_write(struct call *c, struct aiocb *cb);
bool aio_take_fsync(struct call *c, int op, struct aiocb *cb);
bool aio_take_suspend(struct call *c, const struct aiocb *const *list, int nr,
		      const struct timespec *timeout);
bool aio_take_cancel(struct call *c, int fd, struct aiocb *cb);
bool aio_take_list(struct call *c, int mode, struct aiocb *const *list, int nr, const void *event);
bool aio_take_submit(struct call *c, unsigned long context, long nr, struct iocb **list);
bool aio_take_events(struct call *c, unsigned long context, long min_nr, long nr,
		     struct io_event *events, struct timespec *timeout, const void *mask);
bool aio_take_pgetevents(struct call *c, unsigned long context, long min_nr, long nr,
			 struct io_event *events, struct timespec *timeout, const void *mask);
bool aio_take_run(struct call *c, unsigned long context);
bool aio_take_destroy(struct call *c, unsigned long context);

#endif
