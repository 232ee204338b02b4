/*
 * Registering things with a ring: io_uring_register(2).
 *
 * Registered buffers and files save the kernel the work of pinning and looking them up at each op. They are told by
 * their index in a table that belongs to the ring: buffers by sqe->buf_index (the ops named _fixed), files ("direct
 * descriptors") by sqe->fd together with IOSQE_FIXED_FILE.
 *
 * Functions return 0 or -errno unless it says otherwise. Common to all: -EINVAL (this kernel does not know the call, or
 * an argument is wrong), -ENXIO (there is nothing to change or to take back), -EBUSY (there is one already), -ENOMEM,
 * -EFAULT, -EBADFD (the ring is not enabled yet), -EACCES (a restriction of the ring), -EEXIST (IORING_SETUP_SINGLE_ISSUER,
 * and another thread calls). The kernel copies the arguments: they may go after the call. Included by xuring.h.
 */
#ifndef XURING_REGISTER_H
#define XURING_REGISTER_H

#ifndef XURING_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* One io_uring_register call on the ring, by fd or by registered index (6.3). The kernel's value or -errno. */
int xu_register(const struct xu_ring *ring, unsigned opcode, const void *arg, unsigned nr);

/* ---- Buffers --------------------------------------------------------------------------------------------------- */

/*
 * Pin `nr` buffers (at most 16384, each at most 1 GiB); the first has index 0. The memory is the caller's and stays pinned
 * until it is unregistered; it counts towards RLIMIT_MEMLOCK (-ENOMEM) before 5.12 and without CAP_IPC_LOCK. 5.1
 */
int xu_register_buffers(struct xu_ring *ring, const struct iovec *iovecs, unsigned nr);

/* The same with a tag each (NULL: none): a completion with the tag as user data once the kernel is done with it. 5.13 */
int xu_register_buffers_tags(struct xu_ring *ring, const struct iovec *iovecs, const uint64_t *tags,
			     unsigned nr);

/* A table of `nr` empty places, to be filled by xu_register_buffers_update_tag. 5.19 */
int xu_register_buffers_sparse(struct xu_ring *ring, unsigned nr);

/* Put other buffers into the places from `off` on; an iovec of {NULL, 0} empties one. Returns how many. 5.13 */
int xu_register_buffers_update_tag(struct xu_ring *ring, unsigned off, const struct iovec *iovecs,
				   const uint64_t *tags, unsigned nr);

/* Take all buffers back. Before 5.13 this waits until no op uses them; since, they go with their last op. 5.1 */
int xu_unregister_buffers(struct xu_ring *ring);

/* Give `dst`, which must have none, all registered buffers of `src`, without pinning them again. 6.12 */
int xu_clone_buffers(struct xu_ring *dst, struct xu_ring *src);

/*
 * The same for `nr` buffers (0: all) from `src_off` on, into places from `dst_off` on. `flags`:
 * IORING_REGISTER_DST_REPLACE, for a `dst` that has buffers; IORING_REGISTER_SRC_REGISTERED is set here. 6.13
 */
int xu_clone_buffers_offset(struct xu_ring *dst, struct xu_ring *src, unsigned dst_off,
			    unsigned src_off, unsigned nr, unsigned flags);

/* ---- Files ------------------------------------------------------------------------------------------------------ */

/*
 * Make direct descriptors of `nr` fds; -1 leaves a place empty (5.5). The fds may be closed after it. At most
 * RLIMIT_NOFILE (-EMFILE). Not for rings' own fds. 5.1
 */
int xu_register_files(struct xu_ring *ring, const int *fds, unsigned nr);

/* The same with a tag each, see xu_register_buffers_tags. 5.13 */
int xu_register_files_tags(struct xu_ring *ring, const int *fds, const uint64_t *tags, unsigned nr);

/* A table of `nr` empty places, for xu_register_files_update and the ops named _direct. 5.19 */
int xu_register_files_sparse(struct xu_ring *ring, unsigned nr);

/*
 * Put other files into the places from `off` on; -1 empties one, IORING_REGISTER_FILES_SKIP (5.12) leaves it. Returns
 * how many places were worked off. 5.5; with tags 5.13.
 */
int xu_register_files_update(struct xu_ring *ring, unsigned off, const int *fds, unsigned nr);
int xu_register_files_update_tag(struct xu_ring *ring, unsigned off, const int *fds,
				 const uint64_t *tags, unsigned nr);

/* Let go of all direct descriptors. 5.1 */
int xu_unregister_files(struct xu_ring *ring);

/* IORING_FILE_INDEX_ALLOC takes only the `len` places from `off` on; the rest are for ops that name theirs. 6.0 */
int xu_register_file_alloc_range(struct xu_ring *ring, unsigned off, unsigned len);

/* ---- Being told -------------------------------------------------------------------------------------------------- */

/* Have completions signalled on an eventfd (5.2); `_async`: only those that end out of line (5.6). */
int xu_register_eventfd(struct xu_ring *ring, int fd);
int xu_register_eventfd_async(struct xu_ring *ring, int fd);
int xu_unregister_eventfd(struct xu_ring *ring);

/* ---- The ring itself --------------------------------------------------------------------------------------------- */

/*
 * Register the ring's own fd with the calling thread, so that enter need not look it up: 1 or -errno. Only that thread
 * can use the ring from then on. xu_unregister_ring_fd, by the same thread, takes that back (1, or -EINVAL where there
 * is no fd to go on with). 5.18
 */
int xu_register_ring_fd(struct xu_ring *ring);
int xu_unregister_ring_fd(struct xu_ring *ring);

/*
 * Give the fd of a registered ring back: the ring goes on without any. 0, -EINVAL (it is not registered), -EOPNOTSUPP
 * before 6.3 (nothing could be registered with the ring any more).
 */
int xu_close_ring_fd(struct xu_ring *ring);

/* Start a ring that was made with IORING_SETUP_R_DISABLED. The calling thread is its single issuer, if it has one. 5.10 */
int xu_enable_rings(struct xu_ring *ring);

/*
 * Allow no more than these ops, register calls and flags (IORING_RESTRICTION_*), for good. Only while the ring is
 * disabled, and once. What is not allowed completes, or returns, with -EACCES. 5.10
 */
int xu_register_restrictions(struct xu_ring *ring, const struct io_uring_restriction *res,
			     unsigned nr);

/* The same for all rings that the calling thread and its children will make. `res` ends with its nr_res rows. 7.0 */
int xu_register_task_restrictions(const struct io_uring_task_restriction *res);

/*
 * Have a classic BPF program (struct sock_filter of <linux/filter.h>) decide on each entry of the op filter.opcode: it
 * reads a struct io_uring_bpf_ctx, and denies by 0 (-EACCES), allows by anything else. For one ring, or for all that the
 * calling thread and its children will make; for good. bpf->cmd_type is IO_URING_BPF_CMD_FILTER. -EACCES without
 * CAP_SYS_ADMIN and without no_new_privs; -EMSGSIZE where filter.pdu_size is more than the kernel knows of this op, which
 * is stored there then. 7.0
 */
int xu_register_bpf_filter(struct xu_ring *ring, struct io_uring_bpf *bpf);
int xu_register_bpf_filter_task(struct io_uring_bpf *bpf);

/*
 * Keep the calling thread's credentials under a number, which is returned, for entries that carry it in
 * sqe->personality. 5.6
 */
int xu_register_personality(struct xu_ring *ring);
int xu_unregister_personality(struct xu_ring *ring, int id);

/*
 * Give the queues another size: p->sq_entries, and with IORING_SETUP_CQSIZE p->cq_entries; of the
 * flags only that and IORING_SETUP_CLAMP. What is in the queues stays; -EOVERFLOW when it has no
 * room. Pointers to entries of the old queues are void after it. Needs IORING_SETUP_DEFER_TASKRUN and
 * IORING_SETUP_NO_SQARRAY (the best ring has both). `p` has the kernel's answers. 6.13
 */
int xu_resize_rings(struct xu_ring *ring, struct io_uring_params *p);

/* The clock of waits with a timeout: CLOCK_MONOTONIC (as it is by default) or CLOCK_BOOTTIME. 6.12 */
int xu_register_clock(struct xu_ring *ring, const struct io_uring_clock_register *clock);

/* ---- Worker threads (for ops that block) ------------------------------------------------------------------------- */

/* Let the workers run only on these CPUs: a cpu_set_t of `size` bytes; or on all again. 5.14 */
int xu_register_iowq_aff(struct xu_ring *ring, size_t size, const void *cpus);
int xu_unregister_iowq_aff(struct xu_ring *ring);

/*
 * At most so many workers a NUMA node for this thread's rings: values[IO_WQ_BOUND] for files, values[IO_WQ_UNBOUND] for
 * all else. 0 leaves a limit as it is. The limits of before are left in `values`. 5.15
 */
int xu_register_iowq_max_workers(struct xu_ring *ring, unsigned values[2]);

/* ---- Without a completion ------------------------------------------------------------------------------------------ */

/*
 * Cancel and wait until what was cancelled has completed: by reg->addr (user data), fd and IORING_ASYNC_CANCEL_* flags,
 * for at most reg->timeout ({-1, -1}: no bound). How many with IORING_ASYNC_CANCEL_ALL, else 0; -ENOENT, -ETIME. 6.0
 */
int xu_register_sync_cancel(struct xu_ring *ring, const struct io_uring_sync_cancel_reg *reg);

/* Post a completion to a ring without having one: an entry of xu_prep_msg_ring. 6.13 */
int xu_register_sync_msg(const struct io_uring_sqe *sqe);

/*
 * Ask the kernel what it has, without a ring. `hdr` is the first of a list of questions, each of which gets its own
 * result; hdr->query_data is filled as far as hdr->size and the kernel's own struct go. 6.18
 */
int xu_register_query(struct io_uring_query_hdr *hdr);

/* ---- Memory that ring and program share ------------------------------------------------------------------------------ */

/*
 * Register a region of memory. With IORING_MEM_REGION_REG_WAIT_ARG, and while the ring is disabled, it holds an array of
 * struct io_uring_reg_wait for xu_submit_and_wait_reg. 6.13
 */
int xu_register_region(struct xu_ring *ring, const struct io_uring_mem_region_reg *reg);

/* ---- Networks -------------------------------------------------------------------------------------------------------- */

/* Poll the network card, for at most napi->busy_poll_to us, before sleeping in a wait. `napi` has the old values. 6.9 */
int xu_register_napi(struct xu_ring *ring, struct io_uring_napi *napi);
int xu_unregister_napi(struct xu_ring *ring, struct io_uring_napi *napi);

/*
 * Zero-copy receive: take over a hardware queue of a network card that splits headers from data (-EOPNOTSUPP for one
 * that can not; -EPERM without CAP_NET_ADMIN). The kernel's answers are left in `reg`. 6.15
 */
int xu_register_ifq(struct xu_ring *ring, struct io_uring_zcrx_ifq_reg *reg);

/* Commands for it: ZCRX_CTRL_*. 6.19 */
int xu_register_zcrx_ctrl(struct xu_ring *ring, struct zcrx_ctrl *ctrl);

#ifdef __cplusplus
}
#endif

#endif
