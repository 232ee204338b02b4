/*
 * POSIX AIO: aio_read and kin.
 *
 * Served is what is asked of files and disks with arguments that glibc would not refuse; all else is glibc's own affair,
 * with its errors. Both keep the state of a request where aio_error and aio_return look for it, in the control block, so
 * these two are left to glibc, and cost no more than they ever did. What glibc keeps to itself in a control block, the
 * number of the operation is noted in, which tells our requests from its.
 *
 * Only for glibc: musl's control block is another, and its functions have another rule for threads.
 */
#include <aio.h>
#include <errno.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/aio.h"
#include "shim/engine/steps.h"
#include "shim/signals.h"
#include "shim/thread.h"

#ifdef __GLIBC__

/* As in glibc: the greatest aio_reqprio. */
#define PRIO_DELTA_MAX 20

/* Were requests left to glibc? Then those of a list have to be told apart. */
static bool some_are_foreign;

/* This request is glibc's. */
static bool foreign_request(struct call *c, enum reason reason)
{
	c->reason = reason;
	__atomic_store_n(&some_are_foreign, true, __ATOMIC_RELAXED);
	return false;
}

static void publish(struct aiocb *cb, long res)
{
	cb->__return_value = res < 0 ? -1 : res;
	XU_STORE_RELEASE(&cb->__error_code, res < 0 ? (int)-res : 0);
}

static int error_of(const struct aiocb *cb)
{
	return XU_LOAD_ACQUIRE(&cb->__error_code);
}

/* The operation of a request that is under way here, or NULL. */
static struct aio_op *find(const struct aiocb *cb)
{
	struct aio_op *op = aio_op_at((unsigned)cb->__abs_prio);

	return op && op->kind == AIO_IO && op->posix.cb == cb ? op : NULL;
}

static void copy_notice(struct aio_notice *notice, const struct sigevent *event)
{
	notice->kind = event->sigev_notify;
	notice->signo = event->sigev_signo;
	notice->value = event->sigev_value;
	notice->function = event->sigev_notify_function;
	notice->attributes = event->sigev_notify_attributes;
}

static bool notifies(const struct sigevent *event)
{
	return event->sigev_notify == SIGEV_THREAD ||
	       (event->sigev_notify == SIGEV_SIGNAL && event->sigev_signo);
}

/* One of a list has ended, or its maker has let go of it. */
static void leave_group(struct aio_op *list, bool failed)
{
	struct aio_group *g = &list->list.group;

	if (failed)
		__atomic_store_n(&g->failed, 1, __ATOMIC_RELAXED);
	if (__atomic_sub_fetch(&g->pending, 1, __ATOMIC_ACQ_REL))
		return;
	aio_notify(&list->list.notice);
	aio_op_free(list);
}

/* In the carrier: a request has ended. From here on the control block may be used again, or be gone. */
static void request_done(struct aio_op *op, long res)
{
	publish(op->posix.cb, res);
	aio_op_wake(op);
	aio_notify(&op->posix.notice);
	if (op->posix.group)
		leave_group(op->posix.group, res < 0);
	aio_op_free(op);
}

/* Would glibc take this request without an error of its own, and is it one for us? */
static bool is_ours(const struct aiocb *cb)
{
	return cb->aio_reqprio >= 0 && cb->aio_reqprio <= PRIO_DELTA_MAX && cb->aio_offset >= 0 &&
	       cb->aio_nbytes <= 0x7ffff000 && kind_is_storage(cb->aio_fildes);
}

/* An operation for a request, not yet sent. NULL: there are too many. */
static struct aio_op *new_request(struct aiocb *cb, int opcode)
{
	struct aio_op *op = aio_op_new();
	struct io_uring_sqe *sqe;

	if (!op)
		return NULL;
	sqe = &op->sqe;
	xu_prep_rw(opcode, sqe, cb->aio_fildes, (void *)cb->aio_buf, (unsigned)cb->aio_nbytes,
		   (uint64_t)cb->aio_offset);
	op->done = request_done;
	op->from_posix = true;
	op->posix.cb = cb;
	copy_notice(&op->posix.notice, &cb->aio_sigevent);
	if (opcode == IORING_OP_WRITE)
		op->after_appends = kind_has_flag(cb->aio_fildes, O_APPEND);
	cb->__abs_prio = (int)aio_op_number(op);
	return op;
}

/* From here on the request is under way, as far as the program can see. */
static void begin(struct aiocb *cb, int opcode)
{
	cb->aio_lio_opcode = opcode;
	cb->__return_value = 0;
	XU_STORE_RELEASE(&cb->__error_code, EINPROGRESS);
}

/*
 * A read of what the page cache has is done here and now. Not where somebody is to be told of its end, who might be told
 * before this call has returned.
 */
static bool read_at_once(struct call *c, struct aiocb *cb)
{
	struct iovec iov = {(void *)cb->aio_buf, cb->aio_nbytes};
	long res;

	if (notifies(&cb->aio_sigevent) || kind_has_flag(cb->aio_fildes, O_DIRECT))
		return false;
	res = xu_sys(SYS_preadv2, cb->aio_fildes, &iov, 1, cb->aio_offset, 0, RWF_NOWAIT);
	if (res < 0 || (res && (size_t)res != cb->aio_nbytes))
		return false;
	begin(cb, LIO_READ);
	publish(cb, res);
	aio_count(AIO_AT_ONCE, 1);
	answer(c, 0);
	c->way = WAY_MEMORY;
	return true;
}

static bool enqueue(struct call *c, struct aiocb *cb, int opcode, int lio_opcode)
{
	struct aio_op *op;

	if (!aio_ready(c))
		return foreign_request(c, c->reason);
	op = new_request(cb, opcode);
	if (!op)
		return foreign_request(c, REASON_SIZE);
	begin(cb, lio_opcode);
	if (opcode == IORING_OP_FSYNC) {
		xu_prep_fsync(&op->sqe, cb->aio_fildes,
			      lio_opcode == LIO_NOP + 1 ? IORING_FSYNC_DATASYNC : 0);
		op->after_all = true;
	}
	aio_send(op);
	answer(c, 0);
	c->way = WAY_RING;
	return true;
}

bool aio_take_read(struct call *c, struct aiocb *cb)
{
	if (!aio_may(c))
		return foreign_request(c, c->reason);
	if (!is_ours(cb))
		return foreign_request(c, REASON_ARGUMENT);
	return (aio_ready(c) && read_at_once(c, cb)) || enqueue(c, cb, IORING_OP_READ, LIO_READ);
}

/*
 * A write through the page cache does not wait for the disk, and ext4 has each done by a worker of the ring, one after
 * another: glibc's thread for the file does that with less ado. So does it than the caller, by a plain write here and now,
 * which takes as much processor time, of one processor instead of two. A ring has nothing to give here: fio's own engine for
 * io_uring made 84,000 such writes a second on a busy machine, glibc's threads 76,000, and the kernel's io_submit 92,000. Then
 * the syncs of such files are glibc's, too, since they have to come after its writes.
 */
static bool writes_directly(int fd)
{
	return kind_has_flag(fd, O_DIRECT);
}

bool aio_take_write(struct call *c, struct aiocb *cb)
{
	if (!aio_may(c))
		return foreign_request(c, c->reason);
	if (!writes_directly(cb->aio_fildes))
		return foreign_request(c, REASON_PAGE_CACHE);
	if (!is_ours(cb))
		return foreign_request(c, REASON_ARGUMENT);
	return enqueue(c, cb, IORING_OP_WRITE, LIO_WRITE);
}

/* glibc has two more codes behind those of the header: for O_DSYNC and for O_SYNC. */
bool aio_take_fsync(struct call *c, int op, struct aiocb *cb)
{
	long flags = xu_sys(SYS_fcntl, cb->aio_fildes, F_GETFL);

	if ((op != O_DSYNC && op != O_SYNC) || flags < 0 || (flags & O_ACCMODE) == O_RDONLY ||
	    cb->aio_reqprio < 0 || cb->aio_reqprio > PRIO_DELTA_MAX ||
	    !kind_is_storage(cb->aio_fildes))
		return foreign_request(c, REASON_ARGUMENT);
	if (!(flags & O_DIRECT))
		return foreign_request(c, REASON_PAGE_CACHE);
	return enqueue(c, cb, IORING_OP_FSYNC, op == O_DSYNC ? LIO_NOP + 1 : LIO_NOP + 2);
}

/* ---- Waiting ---- */

/* The time that is left until `end`, in *left. False: none. */
static bool time_left(const struct timespec *end, struct timespec *left)
{
	struct timespec now;

	xu_sys(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	left->tv_sec = end->tv_sec - now.tv_sec;
	left->tv_nsec = end->tv_nsec - now.tv_nsec;
	if (left->tv_nsec < 0) {
		left->tv_sec--;
		left->tv_nsec += 1000000000;
	}
	return left->tv_sec >= 0 && (left->tv_sec || left->tv_nsec);
}

enum outlook { SOME_ENDED, ALL_OURS, SOME_FOREIGN, ALL_FOREIGN };

/* What there is to wait for, and the end of ours will wake who waits. A NULL entry is nothing to wait for. */
static enum outlook look(const struct aiocb *const *list, int nr)
{
	int ours = 0, foreign = 0;

	for (int i = 0; i < nr; i++)
		if (list[i] && error_of(list[i]) != EINPROGRESS)
			return SOME_ENDED;
	for (int i = 0; i < nr; i++) {
		struct aio_op *op = list[i] ? find(list[i]) : NULL;

		if (!list[i])
			continue;
		if (op)
			aio_op_mark(op);
		if (error_of(list[i]) != EINPROGRESS)
			return SOME_ENDED; /* between the two looks */
		if (op)
			ours++;
		else
			foreign++;
	}
	return !ours ? ALL_FOREIGN : foreign ? SOME_FOREIGN : ALL_OURS;
}

bool aio_take_suspend(struct call *c, const struct aiocb *const *list, int nr,
		      const struct timespec *timeout)
{
	static const struct timespec slice = {0, 1000000};
	struct timespec end, left;
	bool slept = false;

	if (nr < 0)
		return false;
	if (timeout) {
		if (timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000 || timeout->tv_sec < 0 ||
		    timeout->tv_sec > 1000000000)
			return false;
		xu_sys(SYS_clock_gettime, CLOCK_MONOTONIC, &end);
		end.tv_sec += timeout->tv_sec;
		end.tv_nsec += timeout->tv_nsec;
		if (end.tv_nsec >= 1000000000) {
			end.tv_sec++;
			end.tv_nsec -= 1000000000;
		}
	}
	if (!aio_counted(AIO_SUBMITTED))
		return false;
	for (;;) {
		unsigned seen = aio_ended();
		enum outlook what = look(list, nr);
		bool bounded = timeout;
		long ret;

		if (what == SOME_ENDED)
			break;
		if (what == ALL_FOREIGN)
			return false;
		if (timeout && !time_left(&end, &left)) {
			answer(c, -EAGAIN);
			goto out;
		}
		if (what == SOME_FOREIGN && (!timeout || left.tv_sec || left.tv_nsec > slice.tv_nsec)) {
			left = slice;
			bounded = true;
		}
		slept = true;
		ret = aio_await(seen, bounded ? &left : NULL, c->cancels);
		if (ret == -EINTR) {
			answer(c, -EINTR);
			goto out;
		}
	}
	answer(c, 0);
out:
	c->way = slept ? WAY_RING : WAY_MEMORY;
	return true;
}

/* ---- Cancelling ---- */

/* What glibc would answer of its own requests, and what became of ours, in one. */
static int combine(int a, int b)
{
	if (a == AIO_NOTCANCELED || b == AIO_NOTCANCELED)
		return AIO_NOTCANCELED;
	return a == AIO_CANCELED || b == AIO_CANCELED ? AIO_CANCELED : AIO_ALLDONE;
}

bool aio_take_cancel(struct call *c, int fd, struct aiocb *cb)
{
	struct aio_op *op;
	int result;

	if (!aio_counted(AIO_SUBMITTED) || xu_sys(SYS_fcntl, fd, F_GETFL) < 0)
		return false;
	if (cb && (cb->aio_fildes != fd || error_of(cb) != EINPROGRESS || !find(cb)))
		return false;
	if (!aio_ready(c) || !(op = aio_op_new()))
		return false;
	op->kind = AIO_CANCEL;
	op->cancel.fd = fd;
	op->cancel.cb = cb;
	aio_send(op);
	while (!XU_LOAD_ACQUIRE(&op->cancel.answered))
		aio_sleep(&op->cancel.answered, 0, NULL);
	result = op->cancel.too_late	? AIO_NOTCANCELED
		 : op->cancel.cancelled ? AIO_CANCELED
					: AIO_ALLDONE;
	aio_op_free(op);
	if (!cb && XU_LOAD(&some_are_foreign) && REAL(aio_cancel))
		result = combine(result, REAL(aio_cancel)(fd, NULL));
	answer(c, result);
	return true;
}

/* ---- Lists ---- */

static bool list_is_ours(struct aiocb *const *list, int nr, unsigned *requests)
{
	*requests = 0;
	for (int i = 0; i < nr; i++) {
		if (!list[i] || list[i]->aio_lio_opcode == LIO_NOP)
			continue;
		if ((list[i]->aio_lio_opcode != LIO_READ && list[i]->aio_lio_opcode != LIO_WRITE) ||
		    !is_ours(list[i]) ||
		    (list[i]->aio_lio_opcode == LIO_WRITE && !writes_directly(list[i]->aio_fildes)))
			return false;
		++*requests;
	}
	return true;
}

/* Free what was prepared and will not be sent. */
static void drop_chain(struct aio_op *op)
{
	while (op) {
		struct aio_op *next = op->next;

		aio_op_free(op);
		op = next;
	}
}

/* The requests of a list as one chain. NULL: there are too many. */
static struct aio_op *chain(struct aiocb *const *list, int nr, struct aio_op *group)
{
	struct aio_op *first = NULL, **end = &first;

	for (int i = 0; i < nr; i++) {
		if (!list[i] || list[i]->aio_lio_opcode == LIO_NOP)
			continue;
		*end = new_request(list[i], list[i]->aio_lio_opcode == LIO_READ ? IORING_OP_READ
										: IORING_OP_WRITE);
		if (!*end) {
			drop_chain(first);
			return NULL;
		}
		(*end)->posix.group = group;
		end = &(*end)->next;
	}
	return first;
}

bool aio_take_list(struct call *c, int mode, struct aiocb *const *list, int nr, const void *event)
{
	struct aio_op *group, *first;
	unsigned requests;
	long res = 0;

	if ((mode != LIO_WAIT && mode != LIO_NOWAIT) || nr < 0 ||
	    !list_is_ours(list, nr, &requests) || !requests)
		return foreign_request(c, REASON_ARGUMENT);
	if (!aio_ready(c))
		return foreign_request(c, c->reason);
	group = aio_op_new();
	first = group ? chain(list, nr, group) : NULL;
	if (!first) {
		if (group)
			aio_op_free(group);
		return foreign_request(c, REASON_SIZE);
	}
	group->list.notice.kind = SIGEV_NONE;
	if (mode == LIO_NOWAIT && event)
		copy_notice(&group->list.notice, event);
	group->list.group.pending = requests + (mode == LIO_WAIT);
	for (struct aio_op *op = first; op; op = op->next)
		begin(op->posix.cb, op->posix.cb->aio_lio_opcode);
	aio_send(first);
	if (mode == LIO_WAIT) {
		while (XU_LOAD_ACQUIRE(&group->list.group.pending) > 1 && !res) {
			unsigned seen = aio_ended();

			if (XU_LOAD_ACQUIRE(&group->list.group.pending) > 1 &&
			    aio_await_any(seen, NULL) == -EINTR)
				res = -EINTR;
		}
		if (!res && XU_LOAD(&group->list.group.failed))
			res = -EIO;
		leave_group(group, false);
	}
	answer(c, res);
	return true;
}

#else

bool aio_take_read(struct call *c, struct aiocb *cb)
{
	(void)c, (void)cb;
	return false;
}

bool aio_take_write(struct call *c, struct aiocb *cb)
{
	(void)c, (void)cb;
	return false;
}

bool aio_take_fsync(struct call *c, int op, struct aiocb *cb)
{
	(void)c, (void)op, (void)cb;
	return false;
}

bool aio_take_suspend(struct call *c, const struct aiocb *const *list, int nr,
		      const struct timespec *timeout)
{
	(void)c, (void)list, (void)nr, (void)timeout;
	return false;
}

bool aio_take_cancel(struct call *c, int fd, struct aiocb *cb)
{
	(void)c, (void)fd, (void)cb;
	return false;
}

bool aio_take_list(struct call *c, int mode, struct aiocb *const *list, int nr, const void *event)
{
	(void)c, (void)mode, (void)list, (void)nr, (void)event;
	return false;
}

#endif
