/* Registered buffers and files: the same calls under other numbers. */
#include <errno.h>

#include "xuring.h"

/* Register a table with tags, or an empty one. 5.13 */
static int register_table(struct xu_ring *ring, unsigned opcode, const void *data,
			  const uint64_t *tags, unsigned nr, unsigned flags)
{
	struct io_uring_rsrc_register reg = {
		.nr = nr,
		.flags = flags,
		.data = (uint64_t)(uintptr_t)data,
		.tags = (uint64_t)(uintptr_t)tags,
	};

	return xu_register(ring, opcode, &reg, sizeof(reg));
}

/* Change places of a table. 5.13 */
static int update_table(struct xu_ring *ring, unsigned opcode, unsigned off, const void *data,
			const uint64_t *tags, unsigned nr)
{
	struct io_uring_rsrc_update2 up = {
		.offset = off,
		.data = (uint64_t)(uintptr_t)data,
		.tags = (uint64_t)(uintptr_t)tags,
		.nr = nr,
	};

	return xu_register(ring, opcode, &up, sizeof(up));
}

/* ---- Buffers ---- */

int xu_register_buffers(struct xu_ring *ring, const struct iovec *iovecs, unsigned nr)
{
	return xu_register(ring, IORING_REGISTER_BUFFERS, iovecs, nr);
}

int xu_register_buffers_tags(struct xu_ring *ring, const struct iovec *iovecs, const uint64_t *tags,
			     unsigned nr)
{
	return register_table(ring, IORING_REGISTER_BUFFERS2, iovecs, tags, nr, 0);
}

int xu_register_buffers_sparse(struct xu_ring *ring, unsigned nr)
{
	return register_table(ring, IORING_REGISTER_BUFFERS2, NULL, NULL, nr,
			      IORING_RSRC_REGISTER_SPARSE);
}

int xu_register_buffers_update_tag(struct xu_ring *ring, unsigned off, const struct iovec *iovecs,
				   const uint64_t *tags, unsigned nr)
{
	return update_table(ring, IORING_REGISTER_BUFFERS_UPDATE, off, iovecs, tags, nr);
}

int xu_unregister_buffers(struct xu_ring *ring)
{
	return xu_register(ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

int xu_clone_buffers_offset(struct xu_ring *dst, struct xu_ring *src, unsigned dst_off,
			    unsigned src_off, unsigned nr, unsigned flags)
{
	bool by_index = src->ring_fd < 0;
	struct io_uring_clone_buffers clone = {
		.src_fd = (uint32_t)(by_index ? src->enter_fd : src->ring_fd),
		.flags = flags | (by_index ? IORING_REGISTER_SRC_REGISTERED : 0u),
		.src_off = src_off,
		.dst_off = dst_off,
		.nr = nr,
	};

	return xu_register(dst, IORING_REGISTER_CLONE_BUFFERS, &clone, 1);
}

int xu_clone_buffers(struct xu_ring *dst, struct xu_ring *src)
{
	return xu_clone_buffers_offset(dst, src, 0, 0, 0, 0);
}

/* ---- Files ---- */

int xu_register_files(struct xu_ring *ring, const int *fds, unsigned nr)
{
	return xu_register(ring, IORING_REGISTER_FILES, fds, nr);
}

int xu_register_files_tags(struct xu_ring *ring, const int *fds, const uint64_t *tags, unsigned nr)
{
	return register_table(ring, IORING_REGISTER_FILES2, fds, tags, nr, 0);
}

int xu_register_files_sparse(struct xu_ring *ring, unsigned nr)
{
	return register_table(ring, IORING_REGISTER_FILES2, NULL, NULL, nr,
			      IORING_RSRC_REGISTER_SPARSE);
}

int xu_register_files_update(struct xu_ring *ring, unsigned off, const int *fds, unsigned nr)
{
	struct io_uring_files_update up = {.offset = off, .fds = (uint64_t)(uintptr_t)fds};

	return xu_register(ring, IORING_REGISTER_FILES_UPDATE, &up, nr);
}

int xu_register_files_update_tag(struct xu_ring *ring, unsigned off, const int *fds,
				 const uint64_t *tags, unsigned nr)
{
	return update_table(ring, IORING_REGISTER_FILES_UPDATE2, off, fds, tags, nr);
}

int xu_unregister_files(struct xu_ring *ring)
{
	return xu_register(ring, IORING_UNREGISTER_FILES, NULL, 0);
}

int xu_register_file_alloc_range(struct xu_ring *ring, unsigned off, unsigned len)
{
	struct io_uring_file_index_range range = {.off = off, .len = len};

	return xu_register(ring, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0);
}
