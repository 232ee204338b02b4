/* Waiting, cancelling, and what goes from ring to ring. Included by xuring/prep.h, which says what holds for all. */
#ifndef XURING_PREP_WAIT_H
#define XURING_PREP_WAIT_H

#ifndef XURING_PREP_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Waiting, cancelling ---- */

/* Readiness of a file: one completion with the ready events of poll(2). 5.1 */
static inline void xu_prep_poll_add(struct io_uring_sqe *sqe, int fd, unsigned events)
{
	xu_prep_rw(IORING_OP_POLL_ADD, sqe, fd, NULL, 0, 0);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	events = events << 16 | events >> 16;
#endif
	sqe->poll32_events = events;
}

/* The same again and again: one completion each time the file becomes ready. 5.13 */
static inline void xu_prep_poll_multishot(struct io_uring_sqe *sqe, int fd, unsigned events)
{
	xu_prep_poll_add(sqe, fd, events);
	sqe->len = IORING_POLL_ADD_MULTI;
}

/* Take a poll back by its user data. 5.1 */
static inline void xu_prep_poll_remove(struct io_uring_sqe *sqe, uint64_t user_data)
{
	xu_prep_rw(IORING_OP_POLL_REMOVE, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
}

/* Change a poll's events, user data, or both: IORING_POLL_UPDATE_* in `flags`. 5.13 */
static inline void xu_prep_poll_update(struct io_uring_sqe *sqe, uint64_t old_user_data,
				       uint64_t new_user_data, unsigned events, unsigned flags)
{
	xu_prep_poll_add(sqe, -1, events);
	sqe->opcode = IORING_OP_POLL_REMOVE;
	sqe->addr = old_user_data;
	sqe->off = new_user_data;
	sqe->len = flags;
}

/* A completion with -ETIME after `ts`, or 0 once `count` others have completed. IORING_TIMEOUT_* flags. 5.4 */
static inline void xu_prep_timeout(struct io_uring_sqe *sqe, const struct xu_timespec *ts,
				   unsigned count, unsigned flags)
{
	xu_prep_rw(IORING_OP_TIMEOUT, sqe, -1, ts, 1, count);
	sqe->timeout_flags = flags;
}

/* Bounds the entry before it, which carries IOSQE_IO_LINK. 5.5 */
static inline void xu_prep_link_timeout(struct io_uring_sqe *sqe, const struct xu_timespec *ts,
					unsigned flags)
{
	xu_prep_rw(IORING_OP_LINK_TIMEOUT, sqe, -1, ts, 1, 0);
	sqe->timeout_flags = flags;
}

/* Take a timeout back by its user data. 5.5 */
static inline void xu_prep_timeout_remove(struct io_uring_sqe *sqe, uint64_t user_data, unsigned flags)
{
	xu_prep_rw(IORING_OP_TIMEOUT_REMOVE, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
	sqe->timeout_flags = flags;
}

/* Give a timeout another time. 5.11 */
static inline void xu_prep_timeout_update(struct io_uring_sqe *sqe, const struct xu_timespec *ts,
					  uint64_t user_data, unsigned flags)
{
	xu_prep_timeout_remove(sqe, user_data, flags | IORING_TIMEOUT_UPDATE);
	sqe->off = (uint64_t)(uintptr_t)ts;
}

/*
 * Cancel by user data, or by IORING_ASYNC_CANCEL_* (5.19; with _ALL the result is how many). 0, or 1 where it was a wait
 * for a futex or for a child (waitid); -ENOENT, or -EALREADY when it can not be stopped any more. 5.5
 */
static inline void xu_prep_cancel64(struct io_uring_sqe *sqe, uint64_t user_data, int flags)
{
	xu_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
	sqe->cancel_flags = (uint32_t)flags;
}

/* The same where the user data are a pointer (xu_sqe_set_data). 5.5 */
static inline void xu_prep_cancel(struct io_uring_sqe *sqe, const void *user_data, int flags)
{
	xu_prep_cancel64(sqe, (uint64_t)(uintptr_t)user_data, flags);
}

/* Cancel what works on an fd; IORING_ASYNC_CANCEL_ALL in `flags` for all of it. 5.19 */
static inline void xu_prep_cancel_fd(struct io_uring_sqe *sqe, int fd, unsigned flags)
{
	xu_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, fd, NULL, 0, 0);
	sqe->cancel_flags = flags | IORING_ASYNC_CANCEL_FD;
}

/* epoll_ctl(2). 5.6 */
static inline void xu_prep_epoll_ctl(struct io_uring_sqe *sqe, int epfd, int fd, int op,
				     struct epoll_event *ev)
{
	xu_prep_rw(IORING_OP_EPOLL_CTL, sqe, epfd, ev, (unsigned)op, (uint64_t)(unsigned)fd);
}

/* epoll_wait(2): one completion with the number of events written to `events`. `flags` must be 0. 6.15 */
static inline void xu_prep_epoll_wait(struct io_uring_sqe *sqe, int epfd,
				      struct epoll_event *events, int maxevents, unsigned flags)
{
	xu_prep_rw(IORING_OP_EPOLL_WAIT, sqe, epfd, events, (unsigned)maxevents, 0);
	sqe->rw_flags = (int)flags;
}

/* waitid(2). The completion's result is 0, and `info`, if any, is filled. `flags` must be 0. 6.7 */
static inline void xu_prep_waitid(struct io_uring_sqe *sqe, int idtype, int id, void *info,
				  int options, unsigned flags)
{
	xu_prep_rw(IORING_OP_WAITID, sqe, id, NULL, (unsigned)idtype, (uint64_t)(uintptr_t)info);
	sqe->waitid_flags = flags;
	sqe->file_index = (uint32_t)options;
}

/* futex_wait(2): until *futex is woken with a mask that meets `mask`; EAGAIN if it is not `val`. FUTEX2_* flags. 6.7 */
static inline void xu_prep_futex_wait(struct io_uring_sqe *sqe, const uint32_t *futex, uint64_t val,
				      uint64_t mask, uint32_t futex_flags, unsigned flags)
{
	xu_prep_rw(IORING_OP_FUTEX_WAIT, sqe, (int)futex_flags, futex, 0, val);
	sqe->futex_flags = flags;
	sqe->addr3 = mask;
}

/* futex_wake(2): at most `val` waiters. The result is how many. 6.7 */
static inline void xu_prep_futex_wake(struct io_uring_sqe *sqe, const uint32_t *futex, uint64_t val,
				      uint64_t mask, uint32_t futex_flags, unsigned flags)
{
	xu_prep_rw(IORING_OP_FUTEX_WAKE, sqe, (int)futex_flags, futex, 0, val);
	sqe->futex_flags = flags;
	sqe->addr3 = mask;
}

/* futex_waitv(2): `waiters` is an array of `nr` struct futex_waitv. The result is the index that was woken. 6.7 */
static inline void xu_prep_futex_waitv(struct io_uring_sqe *sqe, const void *waiters, uint32_t nr,
				       unsigned flags)
{
	xu_prep_rw(IORING_OP_FUTEX_WAITV, sqe, 0, waiters, nr, 0);
	sqe->futex_flags = flags;
}

/* ---- Between rings, and to drivers ---- */

/* Post a completion with this result (`len`) and user data (`data`) to another ring, told by its fd. 5.18 */
static inline void xu_prep_msg_ring(struct io_uring_sqe *sqe, int fd, unsigned len, uint64_t data,
				    unsigned flags)
{
	xu_prep_rw(IORING_OP_MSG_RING, sqe, fd, NULL, len, data);
	sqe->msg_ring_flags = flags;
}

/* The same with flags in the completion. 6.3 */
static inline void xu_prep_msg_ring_cqe_flags(struct io_uring_sqe *sqe, int fd, unsigned len,
					      uint64_t data, unsigned flags, unsigned cqe_flags)
{
	xu_prep_msg_ring(sqe, fd, len, data, flags | IORING_MSG_RING_FLAGS_PASS);
	sqe->file_index = cqe_flags;
}

/* Hand a direct descriptor to another ring's table: slot `source` there into `target`, or ALLOC. 6.0 */
static inline void xu_prep_msg_ring_fd(struct io_uring_sqe *sqe, int fd, int source, int target,
				       uint64_t data, unsigned flags)
{
	xu_prep_rw(IORING_OP_MSG_RING, sqe, fd, (const void *)(uintptr_t)IORING_MSG_SEND_FD, 0, data);
	sqe->addr3 = (uint64_t)source;
	xu_set_target_fixed_file(sqe, (unsigned)target);
	sqe->msg_ring_flags = flags;
}

/* The same into any free slot there. 6.0 */
static inline void xu_prep_msg_ring_fd_alloc(struct io_uring_sqe *sqe, int fd, int source,
					     uint64_t data, unsigned flags)
{
	xu_prep_msg_ring_fd(sqe, fd, source, (int)IORING_FILE_INDEX_ALLOC, data, flags);
}

/* A command of a driver; its arguments go into sqe->cmd (80 bytes of an entry of 128, else 16). 5.19 */
static inline void xu_prep_uring_cmd(struct io_uring_sqe *sqe, int cmd_op, int fd)
{
	xu_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = (uint32_t)cmd_op;
}

/* BLOCK_URING_CMD_DISCARD of <linux/blkdev.h>, which older systems lack. */
#define XU_CMD_DISCARD 0x1200

/* Tell a disk that a range of its bytes is not needed any more: ioctl BLKDISCARD. `fd` is a block device. 6.12 */
static inline void xu_prep_cmd_discard(struct io_uring_sqe *sqe, int fd, uint64_t offset,
				       uint64_t nbytes)
{
	xu_prep_uring_cmd(sqe, XU_CMD_DISCARD, fd);
	sqe->addr = offset;
	sqe->addr3 = nbytes;
}

/* xu_prep_uring_cmd in an entry of 128 bytes among such of 64 (IORING_SETUP_SQE_MIXED; xu_get_sqe128). 6.19 */
static inline void xu_prep_uring_cmd128(struct io_uring_sqe *sqe, int cmd_op, int fd)
{
	xu_prep_uring_cmd(sqe, cmd_op, fd);
	sqe->opcode = IORING_OP_URING_CMD128;
}

/* A NOP in an entry of 128 bytes (xu_get_sqe128). 6.19 */
static inline void xu_prep_nop128(struct io_uring_sqe *sqe)
{
	xu_prep_rw(IORING_OP_NOP128, sqe, -1, NULL, 0, 0);
}

#ifdef __cplusplus
}
#endif

#endif
