/*
 * xuring: a small, complete io_uring library.
 *
 * A ring is two queues in memory shared with the kernel. The program fills submission entries (SQEs),
 * hands them over with one system call, and finds completion entries (CQEs) in memory:
 *
 *     struct xu_ring ring;
 *     xu_queue_init(64, &ring, 0);
 *     struct io_uring_sqe *sqe = xu_get_sqe(&ring);
 *     xu_prep_read(sqe, fd, buf, sizeof(buf), 0);
 *     xu_sqe_set_data64(sqe, 42);
 *     xu_submit_and_wait(&ring, 1);
 *     struct io_uring_cqe *cqe;
 *     if (!xu_peek_cqe(&ring, &cqe)) {
 *             use(cqe->user_data, cqe->res);          // res: what the system call would return, or -errno
 *             xu_cqe_seen(&ring, cqe);
 *     }
 *     xu_queue_exit(&ring);
 *
 * Names and argument order are those of liburing with xu_ in place of io_uring_. What holds everywhere:
 *
 *   errors     a function that can fail returns -errno; errno itself is never touched
 *   memory     nothing is allocated after set-up; a ring belongs to its caller and is used by one thread at a time
 *   buffers    what an SQE points to belongs to the kernel from submission to completion
 *   user data  64 bits that come back with the completion; best a ticket (xu_ticket), never a pointer
 *              to what may be gone by then
 *
 * What liburing (2.15) has and this has not:
 *
 *   io_uring_get_probe, io_uring_get_probe_ring, io_uring_free_probe, io_uring_register_probe
 *                                         would allocate: xu_probe_cached, xu_probe_ring
 *   io_uring_setup, io_uring_enter, io_uring_enter2
 *                                         the bare calls: syscall(2). (io_uring_register: xu_register takes a ring)
 *   io_uring_queue_mmap                   a ring that somebody else made; rings are made here
 *   io_uring_register_wait_reg            gone from kernels: xu_register_region
 *   io_uring_mlock_size, io_uring_mlock_size_params
 *                                         what a ring adds to RLIMIT_MEMLOCK, see xu_queue_init: xu_memory_size
 *   io_uring_cqe_iter_init, io_uring_cqe_iter_next, io_uring_skip_cqe, io_uring_cqe_shift,
 *   io_uring_cqe_shift_from_flags, io_uring_sqe_shift, io_uring_sqe_shift_from_flags, io_uring_load_sq_head,
 *   io_uring_initialize_sqe, io_uring_cqe_index
 *                                         its inside: xu_for_each_cqe, xu_cq_at; xu_prep_* write the whole entry
 *   io_uring_major_version, io_uring_minor_version, io_uring_check_version
 *                                         pkg-config --modversion xuring
 *
 * Kernel versions are named where a function needs more than 5.1. The kernel's side of each call is described in
 * io_uring_setup(2), io_uring_enter(2) and io_uring_register(2).
 */
#ifndef XURING_H
#define XURING_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <xuring/uapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The structures ------------------------------------------------------------------------------------------- */

/* The submission queue: head is the kernel's, tail is ours. */
struct xu_sq {
	unsigned *khead;
	unsigned *ktail;
	unsigned *kflags;
	unsigned *kdropped;
	unsigned *array; /* NULL where the kernel indexes the entries directly (IORING_SETUP_NO_SQARRAY) */
	struct io_uring_sqe *sqes;
	unsigned mask;
	unsigned entries;
	unsigned tail;	/* entries given out by xu_get_sqe; *ktail follows at submission */
	unsigned shift; /* 1 where entries are 128 bytes (IORING_SETUP_SQE128), else 0 */
};

/* The completion queue: tail is the kernel's, head is ours. */
struct xu_cq {
	unsigned *khead;
	unsigned *ktail;
	unsigned *kflags; /* NULL before 5.8 */
	unsigned *koverflow;
	struct io_uring_cqe *cqes;
	unsigned mask;
	unsigned entries;
	unsigned shift; /* 1 where entries are 32 bytes (IORING_SETUP_CQE32), else 0 */
};

/* A ring. Zeroed memory is a valid "no ring": xu_queue_exit of it does nothing. */
struct xu_ring {
	struct xu_sq sq;
	struct xu_cq cq;
	unsigned flags;	   /* IORING_SETUP_* that the kernel granted */
	unsigned features; /* IORING_FEAT_* */
	int ring_fd;	   /* the ring's file descriptor, or -1 where there is none to see */
	int enter_fd; /* what io_uring_enter is called with: the fd, or an index of registered rings */
	unsigned enter_flags; /* IORING_ENTER_REGISTERED_RING where enter_fd is an index; _NO_IOWAIT */
	unsigned char live;	/* 1 between a successful initialisation and xu_queue_exit */
	unsigned char hidden;	/* 1 where ring_fd was moved out of the way */
	unsigned char pretends; /* 1 where an older kernel is pretended (xu_hide_newer) */
	void *mem[3]; /* mappings: submission entries, queues, and before 5.4 the completion queue apart */
	size_t mem_size[3];
};

/* Wishes for xu_queue_init_best. */
enum {
	/* No fd that the process can see, or else one moved out of the way. The ring is then the creating thread's own. */
	XU_WANT_HIDDEN = 1u << 0,
	XU_WANT_SINGLE =
		1u << 1, /* only the creating thread will use the ring: allows SINGLE_ISSUER, DEFER_TASKRUN */
};

/* ---- Set-up and end ------------------------------------------------------------------------------------------- */

/*
 * Make a ring with room for `entries` submissions (a power of two is best) and the given IORING_SETUP_* flags,
 * exactly as asked. 0 or -errno: EPERM (forbidden by a sandbox or kernel.io_uring_disabled), ENOSYS, ENOMEM,
 * EMFILE, EINVAL (this kernel does not know a flag; or IORING_SETUP_SQ_REWIND, under which entries have no queue).
 * Before 5.12, and from 6.14 on, the ring's memory counts towards RLIMIT_MEMLOCK (-ENOMEM) without CAP_IPC_LOCK.
 * io_uring_setup(2).
 */
int xu_queue_init(unsigned entries, struct xu_ring *ring, unsigned flags);

/* The same with all of struct io_uring_params; the kernel's answers (features, offsets) are left in `p`. */
int xu_queue_init_params(unsigned entries, struct xu_ring *ring, struct io_uring_params *p);

/*
 * The same in memory of the caller's, `buf`, aligned to a page (-EINVAL), of `buf_size` bytes (-ENOMEM if they are too
 * few): huge pages, say, or memory shared by rings. IORING_SETUP_NO_MMAP is set here. How many bytes were used, or
 * -errno. The memory must stay until some time after xu_queue_exit, which does not touch it. Before 6.10 it must be
 * contiguous for the kernel, too: one page, or huge pages. 6.5
 */
int xu_queue_init_mem(unsigned entries, struct xu_ring *ring, struct io_uring_params *p, void *buf,
		      size_t buf_size);

/* How many bytes that takes with these flags or parameters, whatever the kernel; or -EINVAL. */
ssize_t xu_memory_size(unsigned entries, unsigned flags);
ssize_t xu_memory_size_params(unsigned entries, const struct io_uring_params *p);

/*
 * Make the best ring that this kernel has: tries all features of the ladder (core/ladder.c) and steps down one at
 * a time. `want` is a set of XU_WANT_*, `extra` are flags that must be granted. Kernel 5.1 and up. 0 or -errno.
 */
int xu_queue_init_best(unsigned entries, struct xu_ring *ring, unsigned want, unsigned extra);

/* The same with all of struct io_uring_params; p->flags are those that must be granted. The answers are left in `p`. */
int xu_queue_init_best_params(unsigned entries, struct xu_ring *ring, unsigned want,
			      struct io_uring_params *p);

/*
 * Give a ring's memory and fd back. By the thread that registered it, if it is registered. What is in flight is
 * cancelled by the kernel, but some time later: wait for its completions first, or leave its buffers alone for good.
 */
void xu_queue_exit(struct xu_ring *ring);

/*
 * Tell the kernel not to copy the ring's memory into children made by fork. 0 or -errno. In a child the ring is
 * dead: forget it there (zero the struct); xu_queue_exit would unmap whatever the child has at those addresses since.
 */
int xu_ring_dontfork(struct xu_ring *ring);

/*
 * Write the names of the ring's set-up features ("no-sqarray invisible defer-taskrun ...") into `buf`, space between,
 * always terminated. Returns buf. Names: core/ladder.c.
 */
char *xu_ring_describe(const struct xu_ring *ring, char *buf, size_t size);

/* How visible the ring is: "invisible" (no fd at all), "hidden-fd" (a guarded high one), "fd", or "none". */
const char *xu_ring_visibility(const struct xu_ring *ring);

/* ---- Submitting and waiting ----------------------------------------------------------------------------------- */

/*
 * Hand all prepared entries to the kernel. Returns how many it took, or -errno if none: EAGAIN (no memory for
 * requests now), EBUSY (completions must be reaped first), EINTR. What was not taken stays queued for the next call.
 */
int xu_submit(struct xu_ring *ring);

/*
 * The same, and wait in the same system call until `wait_nr` completions are there. Returns how many were taken;
 * after an interruption that may be with fewer completions than asked for, so look again (xu_cq_ready).
 */
int xu_submit_and_wait(struct xu_ring *ring, unsigned wait_nr);

/*
 * The same with a bound in time (relative; NULL: none) and a signal mask that holds while waiting (of `_NSIG / 8`
 * = 8 bytes; NULL: unchanged). The first completion, if any, is stored in *cqe (NULL else).
 * Returns the number taken, or -ETIME, -EINTR, other -errno. An interruption after entries were taken is told by the
 * number with *cqe NULL or fewer completions than asked for. With IORING_FEAT_EXT_ARG (5.11) the kernel keeps the
 * time; before, a timeout entry is queued, and removed and its completions swallowed before the return (5.5; not with
 * SQPOLL: -EINVAL).
 */
int xu_submit_and_wait_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
			       const struct xu_timespec *ts, const void *sigmask);

/*
 * Wait for a completion and show it. 0 or -errno (EINTR). It stays until xu_cqe_seen. If there is none yet, what is
 * prepared is handed over in the same call.
 */
int xu_wait_cqe(struct xu_ring *ring, struct io_uring_cqe **cqe);

/*
 * The same for `wait_nr` completions, no more than the queue holds (else -EINVAL); the first is shown. -EINTR says that
 * the wait ended early, by a signal or by a timeout entry of the caller's.
 */
int xu_wait_cqe_nr(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr);

/* xu_wait_cqe with a bound in time; -ETIME when it ran out. */
int xu_wait_cqe_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe, const struct xu_timespec *ts);

/*
 * xu_wait_cqe_nr with a bound in time and a signal mask, as xu_submit_and_wait_timeout has them. 0: they are there.
 * Else the first, if any has come, is shown in *cqe beside the error: -ETIME, -EINTR, -EINVAL (more than fit).
 */
int xu_wait_cqes(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
		 const struct xu_timespec *ts, const void *sigmask);

/*
 * xu_submit_and_wait_timeout for a wait that should gather: it ends when `wait_nr` completions are there, or, once
 * `min_wait_us` microseconds have gone by, as soon as there is any. -EINVAL before 6.12 (IORING_FEAT_MIN_TIMEOUT).
 */
int xu_submit_and_wait_min_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe,
				   unsigned wait_nr, const struct xu_timespec *ts,
				   unsigned min_wait_us, const void *sigmask);

/* The same; 0 as soon as there is one to show, else -errno. */
int xu_wait_cqes_min_timeout(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
			     const struct xu_timespec *ts, unsigned min_wait_us, const void *sigmask);

/*
 * xu_submit_and_wait_timeout with its arguments in memory that the kernel knows: the struct io_uring_reg_wait number `index` of
 * a region (xu_register_region). The number taken or -errno: -ETIME, -EINTR, -EINVAL, -EFAULT (past the region). 6.13
 */
int xu_submit_and_wait_reg(struct xu_ring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
			   unsigned index);

/* xu_submit and xu_get_events in one system call, made in any case. How many entries were taken, or -errno. */
int xu_submit_and_get_events(struct xu_ring *ring);

/*
 * Wait until the polling thread (IORING_SETUP_SQPOLL) has taken entries of a full queue, so that xu_get_sqe has room
 * again. What is prepared is handed over. 0 or -errno; at once where there is room, or no such thread. 5.10
 */
int xu_sqring_wait(struct xu_ring *ring);

/*
 * Does this ring's waiting count as waiting for a disk, as it does by default (in /proc/stat, and for the speed of the
 * CPU)? Turn that off for one that waits for sockets. 0, or -EOPNOTSUPP before 6.15 (IORING_FEAT_NO_IOWAIT).
 */
int xu_set_iowait(struct xu_ring *ring, bool enable);

/* Have the kernel run what it deferred and move overflowed completions into the queue, without waiting. 0 or -errno. */
int xu_get_events(struct xu_ring *ring);

/* ---- What the kernel has ---------------------------------------------------------------------------------------- */

/* Which ops a kernel knows: one bit each. */
struct xu_probe {
	uint64_t ops[4];
	unsigned last; /* the highest op known */
};

/* Ask the kernel through a ring (5.6). 0 or -errno. */
int xu_probe_ring(const struct xu_ring *ring, struct xu_probe *probe);

/* Is the op in the probe? */
static inline bool xu_opcode_supported(const struct xu_probe *probe, unsigned op)
{
	return op < 256 && (probe->ops[op / 64] >> (op % 64) & 1);
}

/*
 * The process's one probe, made at the first call (through a short-lived ring) and kept. 0 or -errno; on failure the
 * next call tries again.
 */
int xu_probe_cached(struct xu_probe *probe);

/* An op's lower-case name ("read"), or NULL past the end of the table; its number by name, or -1. */
const char *xu_op_name(unsigned op);
int xu_op_number(const char *name, size_t len);

/* The kernel in which an op appeared, major * 1000 + minor, or 0. */
unsigned xu_op_since(unsigned op);

/*
 * Pretend, in the whole process, that the kernel is no newer than this (6001 for 6.1; 0: no pretence), for tests: rings
 * made from here on have no newer set-up flags and features, probes no newer ops, newer register calls are -EINVAL, and
 * entries with a newer op or flag complete with it. Before the first xu_probe_cached.
 */
void xu_hide_newer(unsigned version);

/* ---- Tickets ---------------------------------------------------------------------------------------------------- */

/* User data that can be told stale: an index (of a slot, say) and the generation it was handed out in. */
static inline uint64_t xu_ticket(uint32_t index, uint32_t generation)
{
	return (uint64_t)generation << 32 | index;
}

/* The index in a ticket. */
static inline uint32_t xu_ticket_index(uint64_t ticket)
{
	return (uint32_t)ticket;
}

/* The generation in a ticket. */
static inline uint32_t xu_ticket_generation(uint64_t ticket)
{
	return (uint32_t)(ticket >> 32);
}

/* User data that the library uses for its own entries (timeouts, before 5.11); a program's must differ. */
#define XU_TICKET_INTERNAL UINT64_MAX

/* ---- The queues, inline ------------------------------------------------------------------------------------------- */

#define XU_LOAD(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define XU_LOAD_ACQUIRE(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define XU_STORE_RELEASE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/* Entries prepared or handed over that the kernel has not consumed yet. */
static inline unsigned xu_sq_ready(const struct xu_ring *ring)
{
	return ring->sq.tail - XU_LOAD_ACQUIRE(ring->sq.khead);
}

/* Entries that xu_get_sqe can give out before the next submission. */
static inline unsigned xu_sq_space_left(const struct xu_ring *ring)
{
	return ring->sq.entries - xu_sq_ready(ring);
}

/* The next free submission entry, or NULL when the queue is full (submit first). Its content is left from before. */
static inline struct io_uring_sqe *xu_get_sqe(struct xu_ring *ring)
{
	struct xu_sq *sq = &ring->sq;
	unsigned tail = sq->tail;

	/*
	 * The kernel has read an entry before its release of head says so. What the caller does to it are stores, and none
	 * of them can be done before this branch is decided: it needs no acquire. Nor any atomic access, at which compilers
	 * forget what they know of other memory, and so of `tail`.
	 */
	if (tail - *(const volatile unsigned *)sq->khead >= sq->entries)
		return NULL;
	sq->tail = tail + 1;
	return &sq->sqes[(tail & sq->mask) << sq->shift];
}

/*
 * The next submission entry of 128 bytes, zeroed: on a ring with IORING_SETUP_SQE128, or with IORING_SETUP_SQE_MIXED
 * (6.19), where it takes two places side by side, for the ops named 128. NULL when there is no room, or no such ring.
 */
struct io_uring_sqe *xu_get_sqe128(struct xu_ring *ring);

/* Completions in the queue now. (With IORING_SETUP_CQE_MIXED it counts places of 16 bytes, and so do waits.) */
static inline unsigned xu_cq_ready(const struct xu_ring *ring)
{
	return XU_LOAD_ACQUIRE(ring->cq.ktail) - *ring->cq.khead;
}

/*
 * Does the kernel hold back completions until it is entered (overflow, polled devices, or work deferred to us)? Of
 * deferred work it only tells with IORING_SETUP_TASKRUN_FLAG; without that flag, use xu_get_events.
 */
static inline bool xu_cq_needs_enter(const struct xu_ring *ring)
{
	return (XU_LOAD(ring->sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0 ||
	       (ring->flags & IORING_SETUP_IOPOLL) != 0;
}

/* Have completions overflowed that xu_get_events would bring? The kernel keeps them since 5.5. */
static inline bool xu_cq_has_overflow(const struct xu_ring *ring)
{
	return (XU_LOAD(ring->sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
}

/* Are completions signalled on the registered eventfd (xu_register_eventfd)? */
static inline bool xu_cq_eventfd_enabled(const struct xu_ring *ring)
{
	return !ring->cq.kflags || !(XU_LOAD(ring->cq.kflags) & IORING_CQ_EVENTFD_DISABLED);
}

/* Stop signalling them, or go on with it, without a system call. 0, or -EOPNOTSUPP before 5.8. */
static inline int xu_cq_eventfd_toggle(struct xu_ring *ring, bool enabled)
{
	if (enabled == xu_cq_eventfd_enabled(ring))
		return 0;
	if (!ring->cq.kflags)
		return -EOPNOTSUPP;
	__atomic_fetch_xor(ring->cq.kflags, IORING_CQ_EVENTFD_DISABLED, __ATOMIC_RELAXED);
	return 0;
}

/*
 * Completions of both sizes in one queue (IORING_SETUP_CQE_MIXED, 6.18): one of 32 bytes has IORING_CQE_F_32, its second
 * half in cqe->big_cqe, and takes two places. It never wraps: where it would, the kernel fills the queue's last place with
 * an entry that is none (IORING_CQE_F_SKIP). Older kernels, and other rings, set neither flag.
 */

/* How many places a completion takes: what xu_cq_advance must be given for it. */
static inline unsigned xu_cqe_nr(const struct io_uring_cqe *cqe)
{
	unsigned nr = 1;

	/* A branch, which is foretold, and no arithmetic: where the next one lies must not wait for this one's words. */
	if (__builtin_expect(cqe->flags & IORING_CQE_F_32, 0)) {
		__asm__ volatile("");
		nr = 2;
	}
	return nr;
}

/* The completion at place *head of the queue, or NULL past the last; moves *head over a filler. For xu_for_each_cqe. */
static inline struct io_uring_cqe *xu_cq_at(const struct xu_ring *ring, unsigned *head)
{
	/* The acquire pairs with the kernel's release of tail: the entry's words are there before its index. */
	while (*head != XU_LOAD_ACQUIRE(ring->cq.ktail)) {
		struct io_uring_cqe *cqe = &ring->cq.cqes[(*head & ring->cq.mask) << ring->cq.shift];

		if (!(cqe->flags & IORING_CQE_F_SKIP))
			return cqe;
		++*head;
	}
	return NULL;
}

/* The first completion if one is in the queue; never enters the kernel. A filler before it is given back. */
static inline struct io_uring_cqe *xu_cq_front(const struct xu_ring *ring)
{
	unsigned head = *ring->cq.khead;
	struct io_uring_cqe *cqe = xu_cq_at(ring, &head);

	if (head != *ring->cq.khead)
		XU_STORE_RELEASE(ring->cq.khead, head);
	return cqe;
}

/* Show the first completion without waiting. 0, or -EAGAIN when there is none. Enters only if the kernel asks for it. */
int xu_peek_cqe_enter(struct xu_ring *ring, struct io_uring_cqe **cqe);

/* The same, and all there is to do where a completion is already there: 0, -EAGAIN or another -errno. */
static inline int xu_peek_cqe(struct xu_ring *ring, struct io_uring_cqe **cqe)
{
	*cqe = xu_cq_front(ring);
	return *cqe ? 0 : xu_peek_cqe_enter(ring, cqe);
}

/* Give `nr` completions back to the kernel: their memory may change from here on. */
static inline void xu_cq_advance(struct xu_ring *ring, unsigned nr)
{
	XU_STORE_RELEASE(ring->cq.khead, *ring->cq.khead + nr);
}

/* Give the first completion, which was shown as `cqe`, back to the kernel. NULL does nothing. */
static inline void xu_cqe_seen(struct xu_ring *ring, const struct io_uring_cqe *cqe)
{
	if (cqe)
		xu_cq_advance(ring, xu_cqe_nr(cqe));
}

/* Give back all that a walk has passed: everything before place `head`. */
static inline void xu_cq_advance_to(struct xu_ring *ring, unsigned head)
{
	XU_STORE_RELEASE(ring->cq.khead, head);
}

/* Show up to `nr` completions in `cqes` without giving them back. Returns how many. */
unsigned xu_peek_batch_cqe(struct xu_ring *ring, struct io_uring_cqe **cqes, unsigned nr);

/*
 * Walk over all completions in the queue; `head` is an unsigned. End with xu_cq_advance(ring, how many were walked), or
 * with xu_cq_advance_to(ring, head), which is right on mixed rings as well (after a break: for those before this one).
 */
#define xu_for_each_cqe(ring, head, cqe)                                                           \
	for ((head) = *(ring)->cq.khead; ((cqe) = xu_cq_at(ring, &(head))); (head) += xu_cqe_nr(cqe))

/* User data of an entry: comes back as it is. After the preparation, which clears it. */
static inline void xu_sqe_set_data64(struct io_uring_sqe *sqe, uint64_t data)
{
	sqe->user_data = data;
}

/* The user data of the entry that has completed. */
static inline uint64_t xu_cqe_get_data64(const struct io_uring_cqe *cqe)
{
	return cqe->user_data;
}

/* User data that are a pointer. It is not looked at, and must still be good when the completion comes. */
static inline void xu_sqe_set_data(struct io_uring_sqe *sqe, void *data)
{
	sqe->user_data = (uint64_t)(uintptr_t)data;
}

/* The pointer that xu_sqe_set_data set. */
static inline void *xu_cqe_get_data(const struct io_uring_cqe *cqe)
{
	return (void *)(uintptr_t)cqe->user_data;
}

/* IOSQE_* of an entry; after the preparation, which clears them. */
static inline void xu_sqe_set_flags(struct io_uring_sqe *sqe, unsigned flags)
{
	sqe->flags = (uint8_t)flags;
}

/* The group of provided buffers that an entry with IOSQE_BUFFER_SELECT takes from (buffers.h). After the preparation. */
static inline void xu_sqe_set_buf_group(struct io_uring_sqe *sqe, int bgid)
{
	sqe->buf_group = (uint16_t)bgid;
}

#ifdef __cplusplus
}
#endif

#include <xuring/prep.h>
#include <xuring/register.h>
#include <xuring/buffers.h>
#include <xuring/tickets.h>

#endif
