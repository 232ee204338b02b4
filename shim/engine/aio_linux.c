/*
 * The kernel's own asynchronous I/O: io_submit and kin, by libaio or by number.
 *
 * It is good at direct I/O, and a context in the kernel is what programs and libaio look into; so contexts stay the
 * kernel's. But a buffered request is done inside io_submit: the program waits for the disk at each. Such a request is
 * given to the carrier, and when it has ended, its event takes the kernel's way to the program:
 *
 *     io_submit --> buffered, and not in the page cache --> carrier --> ring
 *         |                                                              | its end
 *         | all others                                                   v
 *         '----------------> the context in the kernel <----- a read of 0 bytes in the same context
 *                                       |
 *     io_getevents <-- the events of such reads turned into those they stand for
 *
 * So waiting, timeouts, signals, threads that share a context, and eventfds are all as the kernel has them. Who looks
 * into the completion ring in memory without any call would see the stand-ins: from the first one on, that ring says of
 * itself that it is not for reading (no magic number), which is the kernel's own way of sending readers to the call.
 */
#include <errno.h>
#include <linux/aio_abi.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/engine/aio.h"
#include "shim/engine/steps.h"
#include "shim/policy.h"
#include "shim/user_memory.h"

/* The head of a context's mapping (fs/aio.c in the kernel), which libaio knows too. */
struct context_page {
	unsigned id, nr, head, tail, magic;
};
enum { CONTEXT_MAGIC = (int)0xa10a10a1 };

/* The longest vector that is copied. */
enum { PARTS = 4 };

/* ---- Submitting ---- */

/* Can this byte be read without waiting, or is it one that is not there? */
static bool is_cached_at(int fd, uint64_t off)
{
	char byte;
	struct iovec iov = {&byte, 1};

	return xu_sys(SYS_preadv2, fd, &iov, 1, off, 0, RWF_NOWAIT) != -EAGAIN;
}

/* Can all of this be? Its ends speak for it. */
static bool is_cached(int fd, uint64_t off, size_t n)
{
	uint64_t last = off + n - 1;

	return is_cached_at(fd, off) && (off / 4096 == last / 4096 || is_cached_at(fd, last));
}

/*
 * May this be read? The kernel would answer EFAULT where it may not. Asked by a call that copies a signal mask before it
 * finds that it is not told what to do with it: it does nothing, and every sandbox allows it. `known` is the last page
 * that could be read in this call, plus one: what could be read by an earlier call may be gone by now.
 */
static bool readable(const void *at, size_t n, uintptr_t *known)
{
	uintptr_t page = (uintptr_t)at / 4096, last = ((uintptr_t)at + n - 1) / 4096;

	for (; page <= last; page++) {
		if (!page)
			return false;
		if (*known == page + 1)
			continue;
		if (xu_sys(SYS_rt_sigprocmask, -1, page * 4096, 0, 8) == -EFAULT)
			return false;
		*known = page + 1;
	}
	return true;
}

/* How many bytes a vector asks for; it is copied to `to`. 0: it is not for us. */
static size_t copy_vector(struct iovec *to, const struct iocb *cb)
{
	uintptr_t known = 0;
	size_t size = 0;

	if (!cb->aio_nbytes || cb->aio_nbytes > PARTS ||
	    !readable((const void *)(uintptr_t)cb->aio_buf, cb->aio_nbytes * sizeof(*to), &known))
		return 0;
	memcpy(to, (const void *)(uintptr_t)cb->aio_buf, cb->aio_nbytes * sizeof(*to));
	for (unsigned i = 0; i < cb->aio_nbytes; i++) {
		if (to[i].iov_len > 0x7ffff000 - size)
			return 0;
		size += to[i].iov_len;
	}
	return size;
}

static void kernel_done(struct aio_op *op, long res);

/*
 * The operation for a request that would hold up io_submit, or NULL where the kernel does as well, or where there is
 * anything about it that it might refuse. `*reads`: it reads by the page cache.
 */
static struct aio_op *take_request(struct call *c, aio_context_t context, struct iocb *user,
				   const struct iocb *cb, bool *reads)
{
	bool vector = cb->aio_lio_opcode == IOCB_CMD_PREADV;
	const uint32_t unmarked = 0;
	struct iovec parts[PARTS];
	struct aio_op *op;
	size_t size = cb->aio_nbytes;
	long flags;

	if ((cb->aio_lio_opcode != IOCB_CMD_PREAD && !vector) || cb->aio_reserved2 ||
	    cb->aio_rw_flags || cb->aio_flags & ~IOCB_FLAG_RESFD || cb->aio_offset < 0)
		return NULL;
	flags = xu_sys(SYS_fcntl, cb->aio_fildes, F_GETFL);
	if (flags < 0 || flags & (O_DIRECT | O_PATH) || (flags & O_ACCMODE) == O_WRONLY ||
	    !kind_is_storage((int)cb->aio_fildes))
		return NULL;
	*reads = true;
	if (vector)
		size = copy_vector(parts, cb);
	if (!size || size > 0x7ffff000 ||
	    is_cached((int)cb->aio_fildes, (uint64_t)cb->aio_offset, size))
		return NULL;
	if (!aio_ready(c) || !(op = aio_op_new()))
		return NULL;
	xu_prep_rw(IORING_OP_READ, &op->sqe, (int)cb->aio_fildes,
		   (const void *)(uintptr_t)cb->aio_buf, (unsigned)size, (uint64_t)cb->aio_offset);
	if (vector) {
		memcpy(op->kernel.parts, parts, sizeof(parts));
		xu_prep_readv(&op->sqe, (int)cb->aio_fildes, op->kernel.parts,
			      (unsigned)cb->aio_nbytes, (uint64_t)cb->aio_offset);
	}
	/* The kernel marks what it has taken, or finds that it can not. */
	if (!policy_user_memory() ||
	    user_write(&user->aio_key, &unmarked, sizeof(unmarked)) != sizeof(unmarked)) {
		aio_op_free(op);
		return NULL;
	}
	op->done = kernel_done;
	op->context = context;
	op->kernel.object = (uintptr_t)user;
	op->kernel.data = cb->aio_data;
	op->kernel.eventfd = cb->aio_flags & IOCB_FLAG_RESFD ? (int)cb->aio_resfd : -1;
	return op;
}

/*
 * How many requests may be under way in this context, less those that are ours? 0: it is none, or full. It stops being
 * read in memory.
 */
static unsigned room_in(aio_context_t context)
{
	struct context_page *page = (struct context_page *)context;
	uintptr_t known = 0;
	unsigned ours, head, tail;

	if (!context || context % 4096 || !readable(page, sizeof(*page), &known))
		return 0;
	if (XU_LOAD(&page->magic) == (unsigned)CONTEXT_MAGIC)
		__atomic_store_n(&page->magic, 0, __ATOMIC_RELAXED);
	if (page->magic || page->nr < 2)
		return 0;
	ours = aio_ops_of(context);
	/* Events that nobody has taken have their place, too. */
	head = XU_LOAD(&page->head) % page->nr;
	tail = XU_LOAD(&page->tail) % page->nr;
	ours += (tail + page->nr - head) % page->nr;
	return ours < page->nr - 1 ? page->nr - 1 - ours : 0;
}

static bool is_eventfd(int fd)
{
	char path[40], target[32];
	struct xu_text t;
	long n;

	xu_text_init(&t, path, sizeof(path));
	xu_text_str(&t, "/proc/self/fd/");
	xu_text_num(&t, (unsigned)fd, 0);
	n = xu_sys(SYS_readlinkat, AT_FDCWD, path, target, sizeof(target));
	return n >= 20 && !memcmp(target, "anon_inode:[eventfd]", 20);
}

/*
 * To look at a request takes calls of its own. A program whose requests are all for the kernel, direct I/O or writes, is
 * looked at once in a while: what it then has for us waits, a few times, as it would without us.
 */
enum { BARREN = 64, ONE_IN = 32 };
static unsigned barren; /* calls in a row without a read by the page cache; threads may be wrong about it */

/* Is this call to be looked at? */
static bool worth_a_look(void)
{
	unsigned n = XU_LOAD(&barren);

	if (n < BARREN)
		return true;
	__atomic_store_n(&barren, n + 1 < BARREN + ONE_IN ? n + 1 : BARREN, __ATOMIC_RELAXED);
	return n + 1 == BARREN + ONE_IN;
}

/* It was. */
static void looked(bool reads)
{
	unsigned n = XU_LOAD(&barren);

	if (reads && n)
		__atomic_store_n(&barren, 0, __ATOMIC_RELAXED);
	else if (!reads && n < BARREN)
		__atomic_store_n(&barren, n + 1, __ATOMIC_RELAXED);
}

/* All of it is the kernel's, by the call itself: libaio's function would come by here again, as syscall(). */
static bool leave(struct call *c, aio_context_t context, long nr, struct iocb **list)
{
	answer(c, xu_sys(SYS_io_submit, context, nr, list));
	c->way = WAY_KERNEL;
	return true;
}

bool aio_take_submit(struct call *c, aio_context_t context, long nr, struct iocb **list)
{
	uintptr_t lists = 0, requests = 0; /* pages, see readable() */
	long done = 0, from = 0, ret = 0;
	bool any = false, reads = false;

	if (nr <= 0 || nr > 65536 || !aio_may(c))
		return false;
	if (!worth_a_look())
		return leave(c, context, nr, list);
	for (long i = 0; i < nr; i++) {
		struct aio_op *op = NULL;
		struct iocb *user, cb;

		if (readable(&list[i], sizeof(void *), &lists) &&
		    readable(list[i], sizeof(cb), &requests)) {
			user = list[i];
			cb = *user;
			op = take_request(c, context, user, &cb, &reads);
		}
		if (op && ((op->kernel.eventfd >= 0 && !is_eventfd(op->kernel.eventfd)) ||
			   !room_in(context))) {
			aio_op_free(op);
			op = NULL;
		}
		if (!op)
			continue;
		/* What stands before it is the kernel's, and is to begin before it. */
		if (i > from) {
			ret = xu_sys(SYS_io_submit, context, i - from, &list[from]);
			if (ret > 0)
				done += ret;
			if (ret != i - from) {
				aio_op_free(op);
				goto out;
			}
		}
		any = true;
		aio_send(op);
		done++;
		from = i + 1;
	}
	looked(reads);
	if (!any)
		return leave(c, context, nr, list);
	if (from < nr) {
		ret = xu_sys(SYS_io_submit, context, nr - from, &list[from]);
		if (ret > 0)
			done += ret;
	}
out:
	answer(c, done ? done : ret);
	return true;
}

/* ---- Events ---- */

/* Send the event on its way, by a read of nothing. False: the context is full until the program has taken some. */
static bool deliver(struct aio_op *op)
{
	struct iocb *cb = &op->kernel.stand_in;
	aio_context_t context = op->context;
	long fd, ret;

	/* Once it is on its way, it may be taken and freed at any time. */
	__atomic_store_n(&op->context, 0, __ATOMIC_RELAXED);
	ret = xu_sys(SYS_io_submit, context, 1, &cb);
	if (ret != 1 && ret != -EAGAIN) {
		/* The fd is closed by now, or another one's. */
		fd = xu_sys(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
		cb->aio_fildes = (uint32_t)fd;
		ret = xu_sys(SYS_io_submit, context, 1, &cb);
		if (ret != 1 && ret != -EAGAIN) {
			cb->aio_flags = 0; /* so is the eventfd */
			ret = xu_sys(SYS_io_submit, context, 1, &cb);
		}
		if (fd >= 0)
			xu_sys(SYS_close, fd);
	}
	if (ret == -EAGAIN) {
		__atomic_store_n(&op->context, context, __ATOMIC_RELAXED);
		return false;
	}
	/* Else the context is gone, and nobody will ask. */
	if (ret != 1)
		aio_op_free(op);
	return true;
}

/* In the carrier: a request has ended. */
static void kernel_done(struct aio_op *op, long res)
{
	struct iocb *cb = &op->kernel.stand_in;

	op->kernel.result = res;
	memset(cb, 0, sizeof(*cb));
	cb->aio_lio_opcode = IOCB_CMD_PREAD;
	cb->aio_fildes = (uint32_t)op->sqe.fd;
	if (op->kernel.eventfd >= 0) {
		cb->aio_flags = IOCB_FLAG_RESFD;
		cb->aio_resfd = (uint32_t)op->kernel.eventfd;
	}
	if (!deliver(op))
		aio_later(op, deliver);
}

/* Turn stand-ins into the events they stand for. */
static void translate(struct io_event *events, long nr)
{
	for (long i = 0; i < nr; i++) {
		struct aio_op *op = aio_op_of((const void *)(uintptr_t)events[i].obj);

		if (!op)
			continue;
		events[i].data = op->kernel.data;
		events[i].obj = op->kernel.object;
		events[i].res = op->kernel.result;
		events[i].res2 = 0;
		aio_op_free(op);
	}
}

bool aio_take_events(struct call *c, aio_context_t context, long min_nr, long nr,
		     struct io_event *events, struct timespec *timeout, const void *masked)
{
	long ret;

	if (masked)
		ret = xu_sys(SYS_io_pgetevents, context, min_nr, nr, events, timeout, masked);
	else
		ret = xu_sys(SYS_io_getevents, context, min_nr, nr, events, timeout);
	if (ret > 0)
		translate(events, ret);
	answer(c, ret);
	c->way = WAY_KERNEL;
	return true;
}

/* libaio's, with a plain mask; the call has it as a pair with its size. */
bool aio_take_pgetevents(struct call *c, aio_context_t context, long min_nr, long nr,
			 struct io_event *events, struct timespec *timeout, const void *mask)
{
	const struct {
		const void *mask;
		size_t size;
	} masked = {mask, 8};

	return aio_take_events(c, context, min_nr, nr, events, timeout, &masked);
}

/* libaio's: call the function of each event that is there. */
bool aio_take_run(struct call *c, aio_context_t context)
{
	struct timespec none = {0, 0};
	struct io_event event;
	long ret;

	while ((ret = xu_sys(SYS_io_getevents, context, 0, 1, &event, &none)) == 1) {
		void (*fn)(aio_context_t, struct iocb *, long, long);

		translate(&event, 1);
		fn = (void (*)(aio_context_t, struct iocb *, long, long))(uintptr_t)event.data;
		fn(context, (struct iocb *)(uintptr_t)event.obj, (long)event.res, (long)event.res2);
	}
	answer(c, ret);
	c->way = WAY_KERNEL;
	return true;
}

/* What of it is with the carrier has ended when the kernel destroys it: it will not touch the program's memory. */
bool aio_take_destroy(struct call *c, aio_context_t context)
{
	static const struct timespec second = {1, 0};

	for (int i = 0; i < 30 && aio_counted(AIO_SUBMITTED); i++) {
		unsigned seen = aio_ended();

		if (!aio_ops_of(context))
			break;
		aio_await_any(seen, &second);
	}
	(void)c;
	return false;
}
