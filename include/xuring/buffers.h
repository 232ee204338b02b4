/*
 * Provided buffers: the kernel picks one when data are there, so that an op that waits holds none.
 *
 * A buffer ring (5.19) is a group of buffers that the program fills and the kernel empties, without system calls. An
 * entry with IOSQE_BUFFER_SELECT and sqe->buf_group takes from it; its completion says which (xu_cqe_buffer_id). That
 * buffer is the program's until it is added again. Where the group is empty, the op ends with -ENOBUFS.
 *
 *     struct io_uring_buf_ring *br = xu_setup_buf_ring(&ring, 16, GROUP, 0, &err);
 *     for (int i = 0; i < 16; i++)
 *             xu_buf_ring_add(br, memory[i], SIZE, i, xu_buf_ring_mask(16), i);
 *     xu_buf_ring_advance(br, 16);
 *
 * Included by xuring.h.
 */
#ifndef XURING_BUFFERS_H
#define XURING_BUFFERS_H

#ifndef XURING_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Register a ring of reg->ring_entries (a power of two, at most 32768) buffers for group reg->bgid, in the program's
 * memory at reg->ring_addr (aligned to a page) or, with IOU_PBUF_RING_MMAP (6.4), in the kernel's. `flags` are added to
 * reg->flags. IOU_PBUF_RING_INC (6.12): completions consume buffers bit by bit; as long as they carry
 * IORING_CQE_F_BUF_MORE, the rest of the buffer stays with the kernel. 0 or -errno: -EEXIST. 5.19
 */
int xu_register_buf_ring(struct xu_ring *ring, struct io_uring_buf_reg *reg, unsigned flags);

/* Take a group back; what is in it is the program's again. 0 or -errno: -ENOENT, -EINVAL. 5.19 */
int xu_unregister_buf_ring(struct xu_ring *ring, int bgid);

/* How far the kernel has come: the number of buffers it took since the beginning, modulo 65536. 0 or -errno. 6.8 */
int xu_buf_ring_head(struct xu_ring *ring, int bgid, uint16_t *head);

/*
 * Memory for a ring of `entries` buffers, registered, empty. NULL, and -errno in *err. 5.19. `flags` are
 * IOU_PBUF_RING_INC (6.12) and IOU_PBUF_RING_MMAP (6.4): the kernel's memory, which counts towards no limit of the
 * program's; not for a ring without fd (-EBADF), from which nothing can be mapped.
 * xu_free_buf_ring unregisters it and gives the memory back; no op may use the group then.
 */
struct io_uring_buf_ring *xu_setup_buf_ring(struct xu_ring *ring, unsigned entries, int bgid,
					    unsigned flags, int *err);
int xu_free_buf_ring(struct xu_ring *ring, struct io_uring_buf_ring *br, unsigned entries, int bgid);

/* ---- Filling it ------------------------------------------------------------------------------------------------ */

/* Make the ring empty: once, before the first buffer is added, in memory that is the program's own. */
static inline void xu_buf_ring_init(struct io_uring_buf_ring *br)
{
	br->tail = 0;
}

/* What xu_buf_ring_add wants as `mask`, for a ring of so many buffers. */
static inline int xu_buf_ring_mask(unsigned entries)
{
	return (int)entries - 1;
}

/*
 * Put a buffer of `len` bytes with the id `bid` into the ring, `offset` places behind those that are in it. The kernel
 * sees it after xu_buf_ring_advance.
 */
static inline void xu_buf_ring_add(struct io_uring_buf_ring *br, void *addr, unsigned len,
				   uint16_t bid, int mask, int offset)
{
	struct io_uring_buf *buf = &br->bufs[(br->tail + offset) & mask];

	/* Not by the struct: the first buffer's last word is the tail. */
	buf->addr = (uint64_t)(uintptr_t)addr;
	buf->len = len;
	buf->bid = bid;
}

/* Hand `nr` added buffers to the kernel. */
static inline void xu_buf_ring_advance(struct io_uring_buf_ring *br, int nr)
{
	/* The release makes the buffers' words visible before the tail that covers them. */
	__atomic_store_n(&br->tail, (uint16_t)(br->tail + nr), __ATOMIC_RELEASE);
}

/* The same, and `nr` completions back to the kernel. */
static inline void xu_buf_ring_cq_advance(struct xu_ring *ring, struct io_uring_buf_ring *br, int nr)
{
	xu_buf_ring_advance(br, nr);
	xu_cq_advance(ring, (unsigned)nr);
}

/* How many buffers the kernel still has, or -errno. 6.8 */
static inline int xu_buf_ring_available(struct xu_ring *ring, const struct io_uring_buf_ring *br,
					int bgid)
{
	uint16_t head;
	int ret = xu_buf_ring_head(ring, bgid, &head);

	return ret ? ret : (uint16_t)(br->tail - head);
}

/* ---- Reading completions ---------------------------------------------------------------------------------------- */

/* The id of the buffer that a completion used, or -1. */
static inline int xu_cqe_buffer_id(const struct io_uring_cqe *cqe)
{
	return cqe->flags & IORING_CQE_F_BUFFER ? (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT) : -1;
}

/*
 * The parts of a buffer that xu_prep_recvmsg_multishot filled with `len` bytes (cqe->res): the struct itself, the sender's
 * address, control messages, payload. `msg` is the header of the op. validate: NULL where there is too little for the
 * struct and the room that `msg` asks for.
 */
static inline struct io_uring_recvmsg_out *xu_recvmsg_validate(void *buf, int len,
							       const struct msghdr *msg)
{
	size_t head = sizeof(struct io_uring_recvmsg_out) + msg->msg_namelen + msg->msg_controllen;

	return len < 0 || (size_t)len < head ? NULL : (struct io_uring_recvmsg_out *)buf;
}

/* The sender's address; out->namelen bytes of it are there. */
static inline void *xu_recvmsg_name(struct io_uring_recvmsg_out *out)
{
	return out + 1;
}

/* The control messages; out->controllen bytes. */
static inline void *xu_recvmsg_control(struct io_uring_recvmsg_out *out, const struct msghdr *msg)
{
	return (char *)(out + 1) + msg->msg_namelen;
}

/* The first control message, or NULL: CMSG_FIRSTHDR of what was received. Each is read as in cmsg(3). */
static inline struct cmsghdr *xu_recvmsg_cmsg_firsthdr(struct io_uring_recvmsg_out *out,
						       const struct msghdr *msg)
{
	return out->controllen < sizeof(struct cmsghdr)
		       ? NULL
		       : (struct cmsghdr *)xu_recvmsg_control(out, msg);
}

/* The one after `cmsg`, or NULL: CMSG_NXTHDR of what was received. */
static inline struct cmsghdr *xu_recvmsg_cmsg_nexthdr(struct io_uring_recvmsg_out *out,
						      const struct msghdr *msg, struct cmsghdr *cmsg)
{
	size_t left = out->controllen - (size_t)((char *)cmsg - (char *)xu_recvmsg_control(out, msg));
	size_t len = cmsg->cmsg_len;

	/* One that does not hold its own head, or is longer than all, has no next. */
	if (len < sizeof(*cmsg) || len > left)
		return NULL;
	len = (len + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
	if (left < len + sizeof(*cmsg))
		return NULL;
	return (struct cmsghdr *)((char *)cmsg + len);
}

/* The message itself; see xu_recvmsg_payload_length. */
static inline void *xu_recvmsg_payload(struct io_uring_recvmsg_out *out, const struct msghdr *msg)
{
	return (char *)xu_recvmsg_control(out, msg) + msg->msg_controllen;
}

/* Bytes of payload in the buffer; out->payloadlen is what the message had, which may be more (MSG_TRUNC). */
static inline unsigned xu_recvmsg_payload_length(const struct io_uring_recvmsg_out *out, int len,
						 const struct msghdr *msg)
{
	return (unsigned)(len - (int)(sizeof(*out) + msg->msg_namelen + msg->msg_controllen));
}

#ifdef __cplusplus
}
#endif

#endif
