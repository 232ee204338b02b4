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
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = (uint8_t)op;
	sqe->fd = fd;
	sqe->off = offset;
	sqe->addr = (uint64_t)(uintptr_t)addr;
	sqe->len = len;
}

static inline void xu_prep_nop(struct io_uring_sqe *sqe)
{
	xu_prep_rw(IORING_OP_NOP, sqe, -1, NULL, 0, 0);
}

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

static inline void xu_prep_writev(struct io_uring_sqe *sqe, int fd, const struct iovec *iov,
				  unsigned nr, uint64_t offset)
{
	xu_prep_writev2(sqe, fd, iov, nr, offset, 0);
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

/* ---- Sockets ---- */

/* recv(2). 5.6 */
static inline void xu_prep_recv(struct io_uring_sqe *sqe, int fd, void *buf, size_t len, int flags)
{
	xu_prep_rw(IORING_OP_RECV, sqe, fd, buf, (unsigned)len, 0);
	sqe->msg_flags = (uint32_t)flags;
}

/* send(2); never raises SIGPIPE. 5.6 */
static inline void xu_prep_send(struct io_uring_sqe *sqe, int fd, const void *buf, size_t len,
				int flags)
{
	xu_prep_rw(IORING_OP_SEND, sqe, fd, buf, (unsigned)len, 0);
	sqe->msg_flags = (uint32_t)flags;
}

/* recvmsg(2). The header must stay until the completion. 5.3 */
static inline void xu_prep_recvmsg(struct io_uring_sqe *sqe, int fd, struct msghdr *msg, unsigned flags)
{
	xu_prep_rw(IORING_OP_RECVMSG, sqe, fd, msg, 1, 0);
	sqe->msg_flags = flags;
}

/* sendmsg(2); never raises SIGPIPE. The header must stay until the entry was submitted (5.5; before, the completion). 5.3 */
static inline void xu_prep_sendmsg(struct io_uring_sqe *sqe, int fd, const struct msghdr *msg,
				   unsigned flags)
{
	xu_prep_rw(IORING_OP_SENDMSG, sqe, fd, msg, 1, 0);
	sqe->msg_flags = flags;
}

/* accept4(2). `flags` are SOCK_*; IORING_ACCEPT_* go into sqe->ioprio. 5.5 */
static inline void xu_prep_accept(struct io_uring_sqe *sqe, int fd, struct sockaddr *addr,
				  socklen_t *addrlen, int flags)
{
	xu_prep_rw(IORING_OP_ACCEPT, sqe, fd, addr, 0, (uint64_t)(uintptr_t)addrlen);
	sqe->accept_flags = (uint32_t)flags;
}

/* connect(2). 5.5 */
static inline void xu_prep_connect(struct io_uring_sqe *sqe, int fd, const struct sockaddr *addr,
				   socklen_t addrlen)
{
	xu_prep_rw(IORING_OP_CONNECT, sqe, fd, addr, 0, addrlen);
}

/* shutdown(2). 5.11 */
static inline void xu_prep_shutdown(struct io_uring_sqe *sqe, int fd, int how)
{
	xu_prep_rw(IORING_OP_SHUTDOWN, sqe, fd, NULL, (unsigned)how, 0);
}

/* socket(2). `flags` must be 0: SOCK_* flags go into `type`. 5.19 */
static inline void xu_prep_socket(struct io_uring_sqe *sqe, int domain, int type, int protocol,
				  unsigned flags)
{
	xu_prep_rw(IORING_OP_SOCKET, sqe, domain, NULL, (unsigned)protocol, (uint64_t)(unsigned)type);
	sqe->rw_flags = (int)flags;
}

/* bind(2). 6.11 */
static inline void xu_prep_bind(struct io_uring_sqe *sqe, int fd, const struct sockaddr *addr,
				socklen_t addrlen)
{
	xu_prep_rw(IORING_OP_BIND, sqe, fd, addr, 0, addrlen);
}

/* listen(2). 6.11 */
static inline void xu_prep_listen(struct io_uring_sqe *sqe, int fd, int backlog)
{
	xu_prep_rw(IORING_OP_LISTEN, sqe, fd, NULL, (unsigned)backlog, 0);
}

/* ---- Files ---- */

/* openat(2). The path must stay until the entry was submitted. 5.6 */
static inline void xu_prep_openat(struct io_uring_sqe *sqe, int dfd, const char *path, int flags,
				  mode_t mode)
{
	xu_prep_rw(IORING_OP_OPENAT, sqe, dfd, path, mode, 0);
	sqe->open_flags = (uint32_t)flags;
}

/* openat2(2). 5.6 */
static inline void xu_prep_openat2(struct io_uring_sqe *sqe, int dfd, const char *path,
				   struct open_how *how, size_t how_size)
{
	xu_prep_rw(IORING_OP_OPENAT2, sqe, dfd, path, (unsigned)how_size, (uint64_t)(uintptr_t)how);
}

/* close(2). 5.6 */
static inline void xu_prep_close(struct io_uring_sqe *sqe, int fd)
{
	xu_prep_rw(IORING_OP_CLOSE, sqe, fd, NULL, 0, 0);
}

/* statx(2). 5.6 */
static inline void xu_prep_statx(struct io_uring_sqe *sqe, int dfd, const char *path, int flags,
				 unsigned mask, struct statx *buf)
{
	xu_prep_rw(IORING_OP_STATX, sqe, dfd, path, mask, (uint64_t)(uintptr_t)buf);
	sqe->statx_flags = (uint32_t)flags;
}

/* fsync(2), or fdatasync(2) with IORING_FSYNC_DATASYNC. 5.1 */
static inline void xu_prep_fsync(struct io_uring_sqe *sqe, int fd, unsigned fsync_flags)
{
	xu_prep_rw(IORING_OP_FSYNC, sqe, fd, NULL, 0, 0);
	sqe->fsync_flags = fsync_flags;
}

/* sync_file_range(2); len 0: to the end. 5.2 */
static inline void xu_prep_sync_file_range(struct io_uring_sqe *sqe, int fd, unsigned len,
					   uint64_t offset, int flags)
{
	xu_prep_rw(IORING_OP_SYNC_FILE_RANGE, sqe, fd, NULL, len, offset);
	sqe->sync_range_flags = (uint32_t)flags;
}

/* fallocate(2). 5.6 */
static inline void xu_prep_fallocate(struct io_uring_sqe *sqe, int fd, int mode, uint64_t offset,
				     uint64_t len)
{
	xu_prep_rw(IORING_OP_FALLOCATE, sqe, fd, NULL, (unsigned)mode, offset);
	sqe->addr = len;
}

/* ftruncate(2). 6.9 */
static inline void xu_prep_ftruncate(struct io_uring_sqe *sqe, int fd, uint64_t len)
{
	xu_prep_rw(IORING_OP_FTRUNCATE, sqe, fd, NULL, 0, len);
}

/* posix_fadvise(2). 5.6 */
static inline void xu_prep_fadvise(struct io_uring_sqe *sqe, int fd, uint64_t offset, uint32_t len,
				   int advice)
{
	xu_prep_rw(IORING_OP_FADVISE, sqe, fd, NULL, len, offset);
	sqe->fadvise_advice = (uint32_t)advice;
}

/* madvise(2). 5.6 */
static inline void xu_prep_madvise(struct io_uring_sqe *sqe, void *addr, uint32_t len, int advice)
{
	xu_prep_rw(IORING_OP_MADVISE, sqe, -1, addr, len, 0);
	sqe->fadvise_advice = (uint32_t)advice;
}

/* ---- Names ---- */

/* renameat2(2). 5.11 */
static inline void xu_prep_renameat(struct io_uring_sqe *sqe, int olddfd, const char *oldpath,
				    int newdfd, const char *newpath, unsigned flags)
{
	xu_prep_rw(IORING_OP_RENAMEAT, sqe, olddfd, oldpath, (unsigned)newdfd,
		   (uint64_t)(uintptr_t)newpath);
	sqe->rename_flags = flags;
}

/* unlinkat(2). 5.11 */
static inline void xu_prep_unlinkat(struct io_uring_sqe *sqe, int dfd, const char *path, int flags)
{
	xu_prep_rw(IORING_OP_UNLINKAT, sqe, dfd, path, 0, 0);
	sqe->unlink_flags = (uint32_t)flags;
}

/* mkdirat(2). 5.15 */
static inline void xu_prep_mkdirat(struct io_uring_sqe *sqe, int dfd, const char *path, mode_t mode)
{
	xu_prep_rw(IORING_OP_MKDIRAT, sqe, dfd, path, mode, 0);
}

/* symlinkat(2). 5.15 */
static inline void xu_prep_symlinkat(struct io_uring_sqe *sqe, const char *target, int newdfd,
				     const char *linkpath)
{
	xu_prep_rw(IORING_OP_SYMLINKAT, sqe, newdfd, target, 0, (uint64_t)(uintptr_t)linkpath);
}

/* linkat(2). 5.15 */
static inline void xu_prep_linkat(struct io_uring_sqe *sqe, int olddfd, const char *oldpath,
				  int newdfd, const char *newpath, int flags)
{
	xu_prep_rw(IORING_OP_LINKAT, sqe, olddfd, oldpath, (unsigned)newdfd,
		   (uint64_t)(uintptr_t)newpath);
	sqe->hardlink_flags = (uint32_t)flags;
}

/* fgetxattr(2), getxattr(2), fsetxattr(2), setxattr(2). 5.19 */
static inline void xu_prep_fgetxattr(struct io_uring_sqe *sqe, int fd, const char *name,
				     char *value, unsigned len)
{
	xu_prep_rw(IORING_OP_FGETXATTR, sqe, fd, name, len, (uint64_t)(uintptr_t)value);
}

static inline void xu_prep_getxattr(struct io_uring_sqe *sqe, const char *name, char *value,
				    const char *path, unsigned len)
{
	xu_prep_rw(IORING_OP_GETXATTR, sqe, 0, name, len, (uint64_t)(uintptr_t)value);
	sqe->addr3 = (uint64_t)(uintptr_t)path;
}

static inline void xu_prep_fsetxattr(struct io_uring_sqe *sqe, int fd, const char *name,
				     const char *value, int flags, unsigned len)
{
	xu_prep_rw(IORING_OP_FSETXATTR, sqe, fd, name, len, (uint64_t)(uintptr_t)value);
	sqe->xattr_flags = (uint32_t)flags;
}

static inline void xu_prep_setxattr(struct io_uring_sqe *sqe, const char *name, const char *value,
				    const char *path, int flags, unsigned len)
{
	xu_prep_rw(IORING_OP_SETXATTR, sqe, 0, name, len, (uint64_t)(uintptr_t)value);
	sqe->addr3 = (uint64_t)(uintptr_t)path;
	sqe->xattr_flags = (uint32_t)flags;
}

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

/* Cancel by user data, or by IORING_ASYNC_CANCEL_* (5.19). 0, -ENOENT, or -EALREADY when it can not be stopped. 5.5 */
static inline void xu_prep_cancel64(struct io_uring_sqe *sqe, uint64_t user_data, int flags)
{
	xu_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
	sqe->cancel_flags = (uint32_t)flags;
}

/* epoll_ctl(2). 5.6 */
static inline void xu_prep_epoll_ctl(struct io_uring_sqe *sqe, int epfd, int fd, int op,
				     struct epoll_event *ev)
{
	xu_prep_rw(IORING_OP_EPOLL_CTL, sqe, epfd, ev, (unsigned)op, (uint64_t)(unsigned)fd);
}

/* epoll_wait(2): one completion with the number of events written to `events`. `flags` must be 0. 6.15 */
static inline void xu_prep_epoll_wait(struct io_uring_sqe *sqe, int epfd, struct epoll_event *events, int maxevents,
				      unsigned flags)
{
	xu_prep_rw(IORING_OP_EPOLL_WAIT, sqe, epfd, events, (unsigned)maxevents, 0);
	sqe->rw_flags = (int)flags;
}

/* pipe2(2). 6.16 */
static inline void xu_prep_pipe(struct io_uring_sqe *sqe, int *fds, int pipe_flags)
{
	xu_prep_rw(IORING_OP_PIPE, sqe, 0, fds, 0, 0);
	sqe->pipe_flags = (uint32_t)pipe_flags;
}

/* A command of a socket: SOCKET_URING_OP_*, with the arguments of getsockopt(2) and setsockopt(2). 6.7 */
static inline void xu_prep_cmd_sock(struct io_uring_sqe *sqe, int cmd_op, int fd, int level, int optname, void *optval,
				    int optlen)
{
	xu_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = (uint32_t)cmd_op;
	sqe->level = (uint32_t)level;
	sqe->optname = (uint32_t)optname;
	sqe->optval = (uint64_t)(uintptr_t)optval;
	sqe->optlen = (uint32_t)optlen;
}

#ifdef __cplusplus
}
#endif

#endif
