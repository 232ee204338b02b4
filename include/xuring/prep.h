/*
 * Preparing submission entries: one function an op, by liburing's names under xu_.
 *
 * Each writes the whole entry, user data included (0), so nothing of an earlier use is left; flags and user data are
 * set after it. Lengths are bytes, offsets are bytes from the start of the file, -1 meaning the file's own position.
 * The result in cqe->res is what the system call of that name returns, or -errno. Included by xuring.h.
 */
#ifndef XURING_PREP_H
#define XURING_PREP_H

#ifndef XURING_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct statx;
struct open_how;
struct epoll_event;

/* The words that nearly all ops have in common. */
static inline void xu_prep_rw(int op, struct io_uring_sqe *sqe, int fd, const void *addr,
			      unsigned len, uint64_t offset)
{
	/* Word by word, in order: the compiler makes seven stores of it, and drops those that the caller overwrites. */
	sqe->opcode = (uint8_t)op;
	sqe->flags = 0;
	sqe->ioprio = 0;
	sqe->fd = fd;
	sqe->off = offset;
	sqe->addr = (uint64_t)(uintptr_t)addr;
	sqe->len = len;
	sqe->rw_flags = 0;
	sqe->user_data = 0;
	sqe->buf_index = 0;
	sqe->personality = 0;
	sqe->file_index = 0;
	sqe->addr3 = 0;
	sqe->__pad2[0] = 0;
}

/* Does nothing, and completes with 0. 5.1 */
static inline void xu_prep_nop(struct io_uring_sqe *sqe)
{
	xu_prep_rw(IORING_OP_NOP, sqe, -1, NULL, 0, 0);
}

/*
 * Direct descriptors: the ring's table of registered files instead of the process's fds. `file_index` is a slot, or
 * IORING_FILE_INDEX_ALLOC for any free one (5.19), which the completion then tells.
 */
static inline void xu_set_target_fixed_file(struct io_uring_sqe *sqe, unsigned file_index)
{
	/* 0 stands for "no direct descriptor", so slots are one up. */
	sqe->file_index = file_index == IORING_FILE_INDEX_ALLOC ? file_index : file_index + 1;
}

#ifdef __cplusplus
}
#endif

#include <xuring/prep_transfer.h>
#include <xuring/prep_socket.h>
#include <xuring/prep_file.h>
#include <xuring/prep_wait.h>

#endif
