/* Files and their names. Included by xuring/prep.h, which says what holds for all. */
#ifndef XURING_PREP_FILE_H
#define XURING_PREP_FILE_H

#ifndef XURING_PREP_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* AT_FDCWD, which <fcntl.h> shows only to programs that ask for POSIX.1-2008. */
#define XU_AT_FDCWD (-100)

/* ---- Files ---- */

/* openat(2). The path must stay until the entry was submitted. 5.6 */
static inline void xu_prep_openat(struct io_uring_sqe *sqe, int dfd, const char *path, int flags,
				  mode_t mode)
{
	xu_prep_rw(IORING_OP_OPENAT, sqe, dfd, path, mode, 0);
	sqe->open_flags = (uint32_t)flags;
}

/* open(2). 5.6 */
static inline void xu_prep_open(struct io_uring_sqe *sqe, const char *path, int flags, mode_t mode)
{
	xu_prep_openat(sqe, XU_AT_FDCWD, path, flags, mode);
}

/* openat2(2). 5.6 */
static inline void xu_prep_openat2(struct io_uring_sqe *sqe, int dfd, const char *path,
				   struct open_how *how, size_t how_size)
{
	xu_prep_rw(IORING_OP_OPENAT2, sqe, dfd, path, (unsigned)how_size, (uint64_t)(uintptr_t)how);
}

/* The same into a direct descriptor. 5.15 */
static inline void xu_prep_openat_direct(struct io_uring_sqe *sqe, int dfd, const char *path,
					 int flags, mode_t mode, unsigned file_index)
{
	xu_prep_openat(sqe, dfd, path, flags, mode);
	xu_set_target_fixed_file(sqe, file_index);
}

/* open(2) into a direct descriptor. 5.15 */
static inline void xu_prep_open_direct(struct io_uring_sqe *sqe, const char *path, int flags,
				       mode_t mode, unsigned file_index)
{
	xu_prep_openat_direct(sqe, XU_AT_FDCWD, path, flags, mode, file_index);
}

/* openat2(2) into a direct descriptor. 5.15 */
static inline void xu_prep_openat2_direct(struct io_uring_sqe *sqe, int dfd, const char *path,
					  struct open_how *how, size_t how_size, unsigned file_index)
{
	xu_prep_openat2(sqe, dfd, path, how, how_size);
	xu_set_target_fixed_file(sqe, file_index);
}

/* close(2). 5.6 */
static inline void xu_prep_close(struct io_uring_sqe *sqe, int fd)
{
	xu_prep_rw(IORING_OP_CLOSE, sqe, fd, NULL, 0, 0);
}

/* Empty a slot of the registered files. 5.15 */
static inline void xu_prep_close_direct(struct io_uring_sqe *sqe, unsigned file_index)
{
	xu_prep_close(sqe, 0);
	xu_set_target_fixed_file(sqe, file_index);
}

/* Change registered files: `fds` replace those from slot `offset` on; -1 empties one. 5.6 */
static inline void xu_prep_files_update(struct io_uring_sqe *sqe, int *fds, unsigned nr_fds, int offset)
{
	xu_prep_rw(IORING_OP_FILES_UPDATE, sqe, -1, fds, nr_fds, (uint64_t)offset);
}

/* Make an fd of a direct descriptor (IOSQE_FIXED_FILE is set here). `flags`: IORING_FIXED_FD_NO_CLOEXEC. 6.8 */
static inline void xu_prep_fixed_fd_install(struct io_uring_sqe *sqe, int file_index, unsigned flags)
{
	xu_prep_rw(IORING_OP_FIXED_FD_INSTALL, sqe, file_index, NULL, 0, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->install_fd_flags = flags;
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

/* The same with a length of 64 bits. 6.11 */
static inline void xu_prep_fadvise64(struct io_uring_sqe *sqe, int fd, uint64_t offset, off_t len,
				     int advice)
{
	xu_prep_rw(IORING_OP_FADVISE, sqe, fd, (const void *)(uintptr_t)len, 0, offset);
	sqe->fadvise_advice = (uint32_t)advice;
}

/* madvise(2). 5.6 */
static inline void xu_prep_madvise(struct io_uring_sqe *sqe, void *addr, uint32_t len, int advice)
{
	xu_prep_rw(IORING_OP_MADVISE, sqe, -1, addr, len, 0);
	sqe->fadvise_advice = (uint32_t)advice;
}

/* The same with a length of 64 bits. 6.11 */
static inline void xu_prep_madvise64(struct io_uring_sqe *sqe, void *addr, off_t len, int advice)
{
	xu_prep_rw(IORING_OP_MADVISE, sqe, -1, addr, 0, (uint64_t)len);
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

/* rename(2). 5.11 */
static inline void xu_prep_rename(struct io_uring_sqe *sqe, const char *oldpath, const char *newpath)
{
	xu_prep_renameat(sqe, XU_AT_FDCWD, oldpath, XU_AT_FDCWD, newpath, 0);
}

/* unlinkat(2). 5.11 */
static inline void xu_prep_unlinkat(struct io_uring_sqe *sqe, int dfd, const char *path, int flags)
{
	xu_prep_rw(IORING_OP_UNLINKAT, sqe, dfd, path, 0, 0);
	sqe->unlink_flags = (uint32_t)flags;
}

/* unlink(2), or rmdir(2) with AT_REMOVEDIR. 5.11 */
static inline void xu_prep_unlink(struct io_uring_sqe *sqe, const char *path, int flags)
{
	xu_prep_unlinkat(sqe, XU_AT_FDCWD, path, flags);
}

/* mkdirat(2). 5.15 */
static inline void xu_prep_mkdirat(struct io_uring_sqe *sqe, int dfd, const char *path, mode_t mode)
{
	xu_prep_rw(IORING_OP_MKDIRAT, sqe, dfd, path, mode, 0);
}

/* mkdir(2). 5.15 */
static inline void xu_prep_mkdir(struct io_uring_sqe *sqe, const char *path, mode_t mode)
{
	xu_prep_mkdirat(sqe, XU_AT_FDCWD, path, mode);
}

/* symlinkat(2). 5.15 */
static inline void xu_prep_symlinkat(struct io_uring_sqe *sqe, const char *target, int newdfd,
				     const char *linkpath)
{
	xu_prep_rw(IORING_OP_SYMLINKAT, sqe, newdfd, target, 0, (uint64_t)(uintptr_t)linkpath);
}

/* symlink(2). 5.15 */
static inline void xu_prep_symlink(struct io_uring_sqe *sqe, const char *target, const char *linkpath)
{
	xu_prep_symlinkat(sqe, target, XU_AT_FDCWD, linkpath);
}

/* linkat(2). 5.15 */
static inline void xu_prep_linkat(struct io_uring_sqe *sqe, int olddfd, const char *oldpath,
				  int newdfd, const char *newpath, int flags)
{
	xu_prep_rw(IORING_OP_LINKAT, sqe, olddfd, oldpath, (unsigned)newdfd,
		   (uint64_t)(uintptr_t)newpath);
	sqe->hardlink_flags = (uint32_t)flags;
}

/* link(2). 5.15 */
static inline void xu_prep_link(struct io_uring_sqe *sqe, const char *oldpath, const char *newpath,
				int flags)
{
	xu_prep_linkat(sqe, XU_AT_FDCWD, oldpath, XU_AT_FDCWD, newpath, flags);
}

/* fgetxattr(2). The answer is the length of the value. 5.19 */
static inline void xu_prep_fgetxattr(struct io_uring_sqe *sqe, int fd, const char *name,
				     char *value, unsigned len)
{
	xu_prep_rw(IORING_OP_FGETXATTR, sqe, fd, name, len, (uint64_t)(uintptr_t)value);
}

/* getxattr(2). The answer is the length of the value. 5.19 */
static inline void xu_prep_getxattr(struct io_uring_sqe *sqe, const char *name, char *value,
				    const char *path, unsigned len)
{
	xu_prep_rw(IORING_OP_GETXATTR, sqe, 0, name, len, (uint64_t)(uintptr_t)value);
	sqe->addr3 = (uint64_t)(uintptr_t)path;
}

/* fsetxattr(2). 5.19 */
static inline void xu_prep_fsetxattr(struct io_uring_sqe *sqe, int fd, const char *name,
				     const char *value, int flags, unsigned len)
{
	xu_prep_rw(IORING_OP_FSETXATTR, sqe, fd, name, len, (uint64_t)(uintptr_t)value);
	sqe->xattr_flags = (uint32_t)flags;
}

/* setxattr(2). 5.19 */
static inline void xu_prep_setxattr(struct io_uring_sqe *sqe, const char *name, const char *value,
				    const char *path, int flags, unsigned len)
{
	xu_prep_rw(IORING_OP_SETXATTR, sqe, 0, name, len, (uint64_t)(uintptr_t)value);
	sqe->addr3 = (uint64_t)(uintptr_t)path;
	sqe->xattr_flags = (uint32_t)flags;
}

#ifdef __cplusplus
}
#endif

#endif
