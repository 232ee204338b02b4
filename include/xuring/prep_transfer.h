/* Reading, writing, moving bytes, and the buffers for it. Included by xuring/prep.h, which says what holds for all. */
#ifndef XURING_PREP_TRANSFER_H
#define XURING_PREP_TRANSFER_H

#ifndef XURING_PREP_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Transfers ---- */

/* read(2), pread(2). 5.6 */
static inline void xu_prep_read(struct io_uring_sqe *sqe, int fd, void *buf, unsigned nbytes,
				uint64_t offset)
{
	xu_prep_rw(IORING_OP_READ, sqe, fd, buf, nbytes, offset);
}

/* write(2), pwrite(2). 5.6 */
static inline void xu_prep_write(struct io_uring_sqe *sqe, int fd, const void *buf, unsigned nbytes,
				 uint64_t offset)
{
	xu_prep_rw(IORING_OP_WRITE, sqe, fd, buf, nbytes, offset);
}

/* preadv2(2) with RWF_* flags. 5.1 */
static inline void xu_prep_readv2(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
				  unsigned nr, uint64_t offset, int flags)
{
	xu_prep_rw(IORING_OP_READV, sqe, fd, iov, nr, offset);
	sqe->rw_flags = flags;
}

/* readv(2), or preadv(2) at `offset`. 5.1 */
static inline void xu_prep_readv(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
				 unsigned nr, uint64_t offset)
{
	xu_prep_readv2(sqe, fd, iov, nr, offset, 0);
}

/* pwritev2(2) with RWF_* flags. 5.1 */
static inline void xu_prep_writev2(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
				   unsigned nr, uint64_t offset, int flags)
{
	xu_prep_rw(IORING_OP_WRITEV, sqe, fd, iov, nr, offset);
	sqe->rw_flags = flags;
}

/* writev(2), or pwritev(2) at `offset`. 5.1 */
static inline void xu_prep_writev(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
				  unsigned nr, uint64_t offset)
{
	xu_prep_writev2(sqe, fd, iov, nr, offset, 0);
}

/* Reads and writes of a registered buffer: `buf` lies in the buffer of that index. 5.1 */
static inline void xu_prep_read_fixed(struct io_uring_sqe *sqe, int fd, void *buf, unsigned nbytes,
				      uint64_t offset, int buf_index)
{
	xu_prep_rw(IORING_OP_READ_FIXED, sqe, fd, buf, nbytes, offset);
	sqe->buf_index = (uint16_t)buf_index;
}

/* Write from a registered buffer, or a part of it. 5.1 */
static inline void xu_prep_write_fixed(struct io_uring_sqe *sqe, int fd, const void *buf,
				       unsigned nbytes, uint64_t offset, int buf_index)
{
	xu_prep_rw(IORING_OP_WRITE_FIXED, sqe, fd, buf, nbytes, offset);
	sqe->buf_index = (uint16_t)buf_index;
}

/* The same with a vector whose parts all lie in that buffer. 6.15 */
static inline void xu_prep_readv_fixed(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
				       unsigned nr, uint64_t offset, int flags, int buf_index)
{
	xu_prep_rw(IORING_OP_READV_FIXED, sqe, fd, iov, nr, offset);
	sqe->rw_flags = (uint32_t)flags;
	sqe->buf_index = (uint16_t)buf_index;
}

/* writev(2) all of whose vector lies in one registered buffer. 6.15 */
static inline void xu_prep_writev_fixed(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
					unsigned nr, uint64_t offset, int flags, int buf_index)
{
	xu_prep_rw(IORING_OP_WRITEV_FIXED, sqe, fd, iov, nr, offset);
	sqe->rw_flags = (uint32_t)flags;
	sqe->buf_index = (uint16_t)buf_index;
}

/* Reads a pipe or socket again and again into provided buffers of a group: one completion a read. 6.7 */
static inline void xu_prep_read_multishot(struct io_uring_sqe *sqe, int fd, unsigned nbytes,
					  uint64_t offset, int buf_group)
{
	xu_prep_rw(IORING_OP_READ_MULTISHOT, sqe, fd, NULL, nbytes, offset);
	sqe->buf_group = (uint16_t)buf_group;
	sqe->flags = IOSQE_BUFFER_SELECT;
}

/* splice(2). off_in and off_out: -1 for a pipe or the file's own position. 5.7 */
static inline void xu_prep_splice(struct io_uring_sqe *sqe, int fd_in, int64_t off_in, int fd_out,
				  int64_t off_out, unsigned nbytes, unsigned splice_flags)
{
	xu_prep_rw(IORING_OP_SPLICE, sqe, fd_out, NULL, nbytes, (uint64_t)off_out);
	sqe->splice_off_in = (uint64_t)off_in;
	sqe->splice_fd_in = fd_in;
	sqe->splice_flags = splice_flags;
}

/* tee(2). 5.8 */
static inline void xu_prep_tee(struct io_uring_sqe *sqe, int fd_in, int fd_out, unsigned nbytes,
			       unsigned splice_flags)
{
	xu_prep_rw(IORING_OP_TEE, sqe, fd_out, NULL, nbytes, 0);
	sqe->splice_fd_in = fd_in;
	sqe->splice_flags = splice_flags;
}

/* pipe2(2). 6.16 */
static inline void xu_prep_pipe(struct io_uring_sqe *sqe, int *fds, int pipe_flags)
{
	xu_prep_rw(IORING_OP_PIPE, sqe, 0, fds, 0, 0);
	sqe->pipe_flags = (uint32_t)pipe_flags;
}

/*
 * The same into direct descriptors: slot `file_index` and the next, or two free ones (IORING_FILE_INDEX_ALLOC), which
 * `fds` tells then. Not with O_CLOEXEC. 6.16
 */
static inline void xu_prep_pipe_direct(struct io_uring_sqe *sqe, int *fds, int pipe_flags,
				       unsigned file_index)
{
	xu_prep_pipe(sqe, fds, pipe_flags);
	xu_set_target_fixed_file(sqe, file_index);
}

/* ---- Buffers provided one by one (before buffer rings, 5.19) ---- */

/* Give `nr` buffers of `len` bytes each, one behind the other from `addr`, to a group, with ids from `bid` on. 5.7 */
static inline void xu_prep_provide_buffers(struct io_uring_sqe *sqe, void *addr, int len, int nr,
					   int bgid, int bid)
{
	xu_prep_rw(IORING_OP_PROVIDE_BUFFERS, sqe, nr, addr, (unsigned)len, (uint64_t)bid);
	sqe->buf_group = (uint16_t)bgid;
}

/* Take up to `nr` buffers back. The result is how many. 5.7 */
static inline void xu_prep_remove_buffers(struct io_uring_sqe *sqe, int nr, int bgid)
{
	xu_prep_rw(IORING_OP_REMOVE_BUFFERS, sqe, nr, NULL, 0, 0);
	sqe->buf_group = (uint16_t)bgid;
}

#ifdef __cplusplus
}
#endif

#endif
