/*
 * Hints never wait: posix_fadvise(WILLNEED), readahead, madvise(WILLNEED), and sync_file_range that only begins to write.
 *
 * They ask for something to begin, and mostly return at once. But the kernel does a good part of the work inside the call:
 * it looks up where the data are, which may have to be read first, and it sleeps when the queue of the disk is full. Who
 * asks for a megabyte of a cold file waits a quarter of a millisecond here, and for a second megabyte longer.
 *
 *     a hint --> the last ones were quick? --> the plain call, and a look at the clock
 *                       | no: it waited
 *                       v
 *                  the carrier's ring --> a worker of the kernel makes the call, and waits in the program's place
 *
 * To hand a hint over takes some microseconds of another processor. So it is done only after a hint that waited, for a
 * number of them; then one is made plainly again, and if that waits, too, twice as many are handed over. A program whose hints
 * find everything in the page cache never has a carrier.
 *
 * A hint that is under way holds the open file. Before its fd is closed or replaced, or memory unmapped, before advice of
 * another kind or a sync_file_range that waits, and before the process ends, it is awaited: what was begun is begun, locks go
 * with the last close, and nothing is busy that would not be. What a hint may answer at once, it does: any but a good one goes
 * to the kernel, which has the error. What only shows as the work goes on (a disk that fails as its data are read ahead) is
 * told by the read, the sync or the close that comes after it, as it is bare where the work has not ended in the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "core/syscall.h"
#include "shim/engine/aio_ring.h"
#include "shim/engine/engine.h"
#include "shim/engine/steps.h"
#include "shim/policy.h"

/* A call that took so long has waited. So many are handed over after the first that did, and at most. */
enum { WAITED_NS = 100000, FEW = 8, MOST = 1024 };

/* So long is waited for hints that do not end. */
#define LONGEST_NS UINT64_C(30000000000)

/* Threads may be wrong about these in each other's favour. */
static unsigned left;	/* hints to be handed over before one is made plainly again */
static unsigned lesson; /* how many there were the last time */
static bool always;	/* for tests */

/* A plain hint took so long. */
static void learn(uint64_t ns)
{
	unsigned next = 0;

	if (ns >= WAITED_NS)
		next = !lesson ? FEW : lesson < MOST ? lesson * 2 : lesson;
	if (!next && !lesson)
		return;
	__atomic_store_n(&lesson, next, __ATOMIC_RELAXED);
	__atomic_store_n(&left, next, __ATOMIC_RELAXED);
}

/* In the carrier: one has ended. */
static void hint_done(struct aio_op *op, long res)
{
	(void)res;
	aio_op_free(op);
	if (__atomic_sub_fetch(&aio->hints, 1, __ATOMIC_SEQ_CST))
		return;
	process_sleep(AWAKE_HINT);
	if (__atomic_load_n(&aio->hints, __ATOMIC_SEQ_CST))
		process_wake(AWAKE_HINT);
}

/* Wait until no hint on this fd is under way; on none at all, if it is -1. For half a minute, if it has to be. */
static void await_hints(int fd)
{
	static const struct timespec second = {1, 0};
	struct aio *a = XU_LOAD_ACQUIRE(&aio);

	if (!a || !XU_LOAD(&a->hints)) {
		process_sleep(AWAKE_HINT);
		return;
	}
	/* Not in the child of vfork: they are its parent's. */
	if (a->pid != (int)xu_sys(SYS_getpid))
		return;
	for (uint64_t until = scout_now() + LONGEST_NS; scout_now() < until;) {
		unsigned seen = aio_ended(), n = XU_LOAD(&a->taken);
		bool any = false;

		for (unsigned i = 0; i < n && i < NR_OPS && !any; i++)
			any = XU_LOAD(&a->ops[i].used) && a->ops[i].kind == AIO_HINT &&
			      (fd < 0 || a->ops[i].sqe.fd == fd);
		if (!any)
			return;
		aio_await_any(seen, &second);
	}
}

void hint_before_gone(int fd)
{
	if (awake & AWAKE_HINT)
		await_hints(fd);
}

void hint_before_all_gone(void)
{
	if (awake & AWAKE_HINT)
		await_hints(-1);
}

/* Is all of this memory mapped? The kernel would say so if it were not. */
static bool mapped(uint64_t at, uint64_t n)
{
	unsigned char there[1024];

	for (uint64_t part; n; at += part, n -= part) {
		part = n < 4096 * sizeof(there) ? n : 4096 * sizeof(there);
		if (xu_sys(SYS_mincore, at, part, there))
			return false;
	}
	return true;
}

/* Is it a hint at all? */
static bool is_hint(const struct io_uring_sqe *s)
{
	switch (s->opcode) {
	case IORING_OP_FADVISE: return s->fadvise_advice == POSIX_FADV_WILLNEED;
	case IORING_OP_MADVISE: return s->fadvise_advice == MADV_WILLNEED;
	case IORING_OP_SYNC_FILE_RANGE: return s->sync_range_flags == SYNC_FILE_RANGE_WRITE;
	default: return false;
	}
}

/* And one that the kernel would not refuse? */
static bool is_good(const struct call *c)
{
	const struct io_uring_sqe *s = &c->sqe;
	int64_t off = (int64_t)s->off;
	long flags;

	if (s->opcode == IORING_OP_MADVISE)
		return s->len && s->addr % 4096 == 0 &&
		       mapped(s->addr, ((uint64_t)s->len + 4095) & ~UINT64_C(4095));
	if (off < 0 || off > INT64_MAX - s->len)
		return false;
	flags = xu_sys(SYS_fcntl, s->fd, F_GETFL);
	if (flags < 0 || flags & O_PATH ||
	    (c->symbol == SYM_readahead && (flags & O_ACCMODE) == O_WRONLY))
		return false;
	return kind_is_storage(s->fd);
}

/* Is one of these to be handed over now? */
static bool due(void)
{
	unsigned n = XU_LOAD(&left);

	if (n)
		__atomic_store_n(&left, n - 1, __ATOMIC_RELAXED);
	return n || always;
}

static bool hand_over(struct call *c)
{
	struct aio_op *op;

	if (!is_good(c) || !aio_ready(c) || !policy_has_op(c->sqe.opcode) || !(op = aio_op_new()))
		return false;
	op->kind = AIO_HINT;
	op->sqe = c->sqe;
	op->done = hint_done;
	__atomic_add_fetch(&aio->hints, 1, __ATOMIC_SEQ_CST);
	process_wake(AWAKE_HINT);
	aio_send(op);
	answer(c, 0);
	c->way = WAY_RING;
	return true;
}

bool hint_call(struct call *c)
{
	switch (c->route) {
	case ROUTE_CLOSE: hint_before_gone(c->fd); return false;
	case ROUTE_HINT:
	case ROUTE_HINT_CANCEL:
		if (!is_hint(&c->sqe))
			/* Advice of another kind, or something that waits for what was begun. */
			hint_before_gone(c->fd);
		else if (due())
			return hand_over(c);
		else
			c->began = scout_now();
		return false;
	default: return false;
	}
}

void hint_seen(struct call *c)
{
	if ((c->route == ROUTE_HINT || c->route == ROUTE_HINT_CANCEL) && c->began)
		learn(scout_now() - c->began);
}

void hint_start(const struct xu_config *config)
{
	always = config->aio == XU_AIO_ON;
}
