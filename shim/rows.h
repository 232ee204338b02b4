/*
 * What rows of symbols.def are written with, beside the preparation functions of the core: for entry.c, which expands
 * them.
 */
#ifndef SHIM_ROWS_H
#define SHIM_ROWS_H

#include <errno.h>
#include <stdint.h>

#include "shim/call.h"
#include "shim/lifecycle.h"
#include "shim/policy.h"
#include "shim/user_memory.h"

/* Leave it to the kernel. */
#define PLAIN_IF(condition, why)                                                                   \
	if (condition) {                                                                           \
		c->reason = why;                                                                   \
		return false;                                                                      \
	}

/* Lengths as the kernel cuts them (MAX_RW_COUNT), counts and offsets as entries have them. */
#define LEN(n) ((unsigned)((n) > 0x7ffff000 ? 0x7ffff000 : (n)))
#define NR(nr) ((unsigned)(nr))
#define AT(off) ((uint64_t)(off))

#define MAKES(flags) ((flags)&O_CREAT || ((flags)&O_TMPFILE) == O_TMPFILE)
#define MODE(flags, mode) (MAKES(flags) ? (mode) : 0)

/* The fds that a poll or a select is about, for engines. Whether a connection is in hand or not, they have no op for it. */
#define POLLS(list, nr, except)                                                                    \
	PLAIN_IF(awake &AWAKE_RING, REASON_NO_OP);                                                 \
	c->fd = -1;                                                                                \
	xu_prep_rw(IORING_OP_POLL_ADD, sqe, -1, list, (unsigned)(nr), (uint64_t)(uintptr_t)(except))

/* The longest value of an extended attribute (XATTR_SIZE_MAX). */
#define XATTR_SIZE 65536

/* Functions that answer with an error number. */
static inline void give_error_number(struct call *c)
{
	c->res = -c->res;
}

/* Before and after what the thread parts with its ring's workers by: unshare and setns. */
#define PARTS                                                                                      \
	int errno_ = errno;                                                                        \
	before_part()

#define ONCE_ALONE(again)                                                                          \
	if (result < 0 && errno == EINVAL && lifecycle_again()) {                                  \
		errno = errno_;                                                                    \
		result = (__typeof__(result))errno_result(again);                                  \
	}

/* statx's answer as stat gives it, into memory that may not be there. */
static inline void give_stat(struct call *c, struct stat *to)
{
	const struct statx *x = &c->stx;
	struct stat st;

	if (c->res)
		return;
	if (!policy_user_memory()) {
		c->state = STATE_PLAIN;
		c->reason = REASON_SANDBOX;
		return;
	}
	memset(&st, 0, sizeof(st));
	st.st_dev = (dev_t)x->stx_dev_minor % 256 | (dev_t)x->stx_dev_major << 8 |
		    (dev_t)(x->stx_dev_minor / 256) << 20;
	st.st_rdev = (dev_t)x->stx_rdev_minor % 256 | (dev_t)x->stx_rdev_major << 8 |
		     (dev_t)(x->stx_rdev_minor / 256) << 20;
	st.st_ino = x->stx_ino;
	st.st_mode = x->stx_mode;
	st.st_nlink = x->stx_nlink;
	st.st_uid = x->stx_uid;
	st.st_gid = x->stx_gid;
	st.st_size = (off_t)x->stx_size;
	st.st_blksize = (blksize_t)x->stx_blksize;
	st.st_blocks = (blkcnt_t)x->stx_blocks;
	st.st_atim = (struct timespec){x->stx_atime.tv_sec, x->stx_atime.tv_nsec};
	st.st_mtim = (struct timespec){x->stx_mtime.tv_sec, x->stx_mtime.tv_nsec};
	st.st_ctim = (struct timespec){x->stx_ctime.tv_sec, x->stx_ctime.tv_nsec};
	if (user_write(to, &st, sizeof(st)) != sizeof(st))
		c->res = -EFAULT;
}

/* sendto with an address is sendmsg. */
static inline void prepare_message(struct call *c, int fd, const void *buf, size_t n, int flags,
				   const struct sockaddr *addr, socklen_t len)
{
	c->iov = (struct iovec){(void *)buf, n};
	memset(&c->msg, 0, sizeof(c->msg));
	c->msg.msg_name = (void *)addr;
	c->msg.msg_namelen = len;
	c->msg.msg_iov = &c->iov;
	c->msg.msg_iovlen = 1;
	xu_prep_sendmsg(&c->sqe, fd, &c->msg, (unsigned)flags);
}

/* recvfrom with an address is recvmsg. False: its length can not be read, or is none. */
static inline bool prepare_from(struct call *c, int fd, void *buf, size_t n, int flags,
				struct sockaddr *addr, const socklen_t *len)
{
	socklen_t room;

	if (!policy_user_memory() || user_read(&room, len, sizeof(room)) != sizeof(room) ||
	    room > INT32_MAX)
		return false;
	prepare_message(c, fd, buf, n, flags, addr, room);
	xu_prep_recvmsg(&c->sqe, fd, &c->msg, (unsigned)flags);
	return true;
}

/* How long the address is. */
static inline void give_length(struct call *c, socklen_t *len)
{
	if (c->res >= 0 && user_write(len, &c->msg.msg_namelen, sizeof(*len)) != sizeof(*len))
		c->res = -EFAULT;
}

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

/* Is there none, or one that can be read, and written as it is? */
static inline bool good_position(off_t *pos)
{
	off_t value;

	return !pos ||
	       (policy_user_memory() && user_read(&value, pos, sizeof(value)) == sizeof(value) &&
		value >= 0 && user_write(pos, &value, sizeof(value)) == sizeof(value));
}

/* How far a splice came, where it was told where to begin. */
static inline void give_positions(struct call *c, off_t *in, off_t *out)
{
	if (c->res > 0 && in)
		*in += c->res;
	if (c->res > 0 && out)
		*out += c->res;
}

/* Does openat2 find names as open does? What it may find otherwise can not be looked at beforehand (run_open). */
static inline bool resolves_freely(const void *how, size_t n)
{
	struct {
		uint64_t flags, mode, resolve;
	} copy;

	return n == sizeof(copy) && policy_user_memory() &&
	       user_read(&copy, how, sizeof(copy)) == sizeof(copy) && !copy.resolve;
}

#endif
