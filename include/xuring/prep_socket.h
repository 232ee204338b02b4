/* Sockets. Included by xuring/prep.h, which says what holds for all. */
#ifndef XURING_PREP_SOCKET_H
#define XURING_PREP_SOCKET_H

#ifndef XURING_PREP_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

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

/* Receives again and again into provided buffers (set sqe->buf_group): one completion a receive. 6.0 */
static inline void xu_prep_recv_multishot(struct io_uring_sqe *sqe, int fd, void *buf, size_t len,
					  int flags)
{
	xu_prep_recv(sqe, fd, buf, len, flags);
	sqe->ioprio |= IORING_RECV_MULTISHOT;
	sqe->flags |= IOSQE_BUFFER_SELECT;
}

/* Sends as many provided buffers of a group as are there, in order, in one call; len 0: no bound. 6.10 */
static inline void xu_prep_send_bundle(struct io_uring_sqe *sqe, int fd, size_t len, int flags)
{
	xu_prep_send(sqe, fd, NULL, len, flags);
	sqe->ioprio |= IORING_RECVSEND_BUNDLE;
	sqe->flags |= IOSQE_BUFFER_SELECT;
}

/* Give a prepared send a destination: sendto(2). The address must stay until the entry was submitted. 6.1 */
static inline void xu_prep_send_set_addr(struct io_uring_sqe *sqe, const struct sockaddr *addr,
					 uint16_t addr_len)
{
	sqe->addr2 = (uint64_t)(uintptr_t)addr;
	sqe->addr_len = addr_len;
}

/* sendto(2); never raises SIGPIPE. The address must stay until the entry was submitted. 6.1 */
static inline void xu_prep_sendto(struct io_uring_sqe *sqe, int fd, const void *buf, size_t len,
				  int flags, const struct sockaddr *addr, socklen_t addr_len)
{
	xu_prep_send(sqe, fd, buf, len, flags);
	xu_prep_send_set_addr(sqe, addr, (uint16_t)addr_len);
}

/*
 * send(2) without copying: the buffer is the kernel's until a second completion (IORING_CQE_F_NOTIF), which comes if
 * the first has IORING_CQE_F_MORE. `zc_flags` are IORING_SEND_ZC_* and IORING_RECVSEND_*. Not with IOSQE_IO_DRAIN: 6.18
 * lets it wait for its own notification, for ever. 6.0
 */
static inline void xu_prep_send_zc(struct io_uring_sqe *sqe, int fd, const void *buf, size_t len,
				   int flags, unsigned zc_flags)
{
	xu_prep_rw(IORING_OP_SEND_ZC, sqe, fd, buf, (unsigned)len, 0);
	sqe->msg_flags = (uint32_t)flags;
	sqe->ioprio = (uint16_t)zc_flags;
}

/* The same from a registered buffer. 6.0 */
static inline void xu_prep_send_zc_fixed(struct io_uring_sqe *sqe, int fd, const void *buf,
					 size_t len, int flags, unsigned zc_flags, unsigned buf_index)
{
	xu_prep_send_zc(sqe, fd, buf, len, flags, zc_flags);
	sqe->ioprio |= IORING_RECVSEND_FIXED_BUF;
	sqe->buf_index = (uint16_t)buf_index;
}

/* Zero-copy receive: into the area of a registered interface queue, told by sqe->zcrx_ifq_idx. 6.15 */
static inline void xu_prep_recv_zc(struct io_uring_sqe *sqe, int fd, size_t len, unsigned zcrx_ifq_idx)
{
	xu_prep_rw(IORING_OP_RECV_ZC, sqe, fd, NULL, (unsigned)len, 0);
	sqe->zcrx_ifq_idx = zcrx_ifq_idx;
	sqe->ioprio |= IORING_RECV_MULTISHOT;
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

/* The same again and again, into provided buffers; each begins with a struct io_uring_recvmsg_out. 6.0 */
static inline void xu_prep_recvmsg_multishot(struct io_uring_sqe *sqe, int fd, struct msghdr *msg,
					     unsigned flags)
{
	xu_prep_recvmsg(sqe, fd, msg, flags);
	sqe->ioprio |= IORING_RECV_MULTISHOT;
	sqe->flags |= IOSQE_BUFFER_SELECT;
}

/* sendmsg(2) without copying: see xu_prep_send_zc. 6.1 */
static inline void xu_prep_sendmsg_zc(struct io_uring_sqe *sqe, int fd, const struct msghdr *msg,
				      unsigned flags)
{
	xu_prep_sendmsg(sqe, fd, msg, flags);
	sqe->opcode = IORING_OP_SENDMSG_ZC;
}

/* The same, all of the message's vector in one registered buffer. 6.15 */
static inline void xu_prep_sendmsg_zc_fixed(struct io_uring_sqe *sqe, int fd, const struct msghdr *msg,
					    unsigned flags, unsigned buf_index)
{
	xu_prep_sendmsg_zc(sqe, fd, msg, flags);
	sqe->ioprio |= IORING_RECVSEND_FIXED_BUF;
	sqe->buf_index = (uint16_t)buf_index;
}

/* accept4(2). `flags` are SOCK_*; IORING_ACCEPT_* go into sqe->ioprio. 5.5 */
static inline void xu_prep_accept(struct io_uring_sqe *sqe, int fd, struct sockaddr *addr,
				  socklen_t *addrlen, int flags)
{
	xu_prep_rw(IORING_OP_ACCEPT, sqe, fd, addr, 0, (uint64_t)(uintptr_t)addrlen);
	sqe->accept_flags = (uint32_t)flags;
}

/* The same into a direct descriptor. 5.15 */
static inline void xu_prep_accept_direct(struct io_uring_sqe *sqe, int fd, struct sockaddr *addr,
					 socklen_t *addrlen, int flags, unsigned file_index)
{
	xu_prep_accept(sqe, fd, addr, addrlen, flags);
	xu_set_target_fixed_file(sqe, file_index);
}

/* Accepts again and again: one completion a connection. 5.19 */
static inline void xu_prep_multishot_accept(struct io_uring_sqe *sqe, int fd, struct sockaddr *addr,
					    socklen_t *addrlen, int flags)
{
	xu_prep_accept(sqe, fd, addr, addrlen, flags);
	sqe->ioprio |= IORING_ACCEPT_MULTISHOT;
}

/* The same into any free direct descriptors. 5.19 */
static inline void xu_prep_multishot_accept_direct(struct io_uring_sqe *sqe, int fd,
						   struct sockaddr *addr, socklen_t *addrlen,
						   int flags)
{
	xu_prep_multishot_accept(sqe, fd, addr, addrlen, flags);
	xu_set_target_fixed_file(sqe, IORING_FILE_INDEX_ALLOC);
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

/* The same into a direct descriptor. 5.19 */
static inline void xu_prep_socket_direct(struct io_uring_sqe *sqe, int domain, int type,
					 int protocol, unsigned file_index, unsigned flags)
{
	xu_prep_socket(sqe, domain, type, protocol, flags);
	xu_set_target_fixed_file(sqe, file_index);
}

/* The same into any free direct descriptor, which the completion tells. 5.19 */
static inline void xu_prep_socket_direct_alloc(struct io_uring_sqe *sqe, int domain, int type,
					       int protocol, unsigned flags)
{
	xu_prep_socket_direct(sqe, domain, type, protocol, IORING_FILE_INDEX_ALLOC, flags);
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

/* A command of a socket: SOCKET_URING_OP_*, with the arguments of getsockopt(2) and setsockopt(2). 6.7 */
static inline void xu_prep_cmd_sock(struct io_uring_sqe *sqe, int cmd_op, int fd, int level,
				    int optname, void *optval, int optlen)
{
	xu_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = (uint32_t)cmd_op;
	sqe->level = (uint32_t)level;
	sqe->optname = (uint32_t)optname;
	sqe->optval = (uint64_t)(uintptr_t)optval;
	sqe->optlen = (uint32_t)optlen;
}

/*
 * getsockname(2), or getpeername(2) where `peer` is 1. *addrlen is the room at `addr`, and what was needed of it
 * afterwards; both must stay until the completion. 6.19
 */
static inline void xu_prep_cmd_getsockname(struct io_uring_sqe *sqe, int fd, struct sockaddr *addr,
					   socklen_t *addrlen, int peer)
{
	xu_prep_rw(IORING_OP_URING_CMD, sqe, fd, addr, 0, 0);
	sqe->cmd_op = SOCKET_URING_OP_GETSOCKNAME;
	sqe->optlen = (uint32_t)peer;
	sqe->addr3 = (uint64_t)(uintptr_t)addrlen;
}

#ifdef __cplusplus
}
#endif

#endif
