/*
 * What is this fd, and how much is asked of it? Looked at anew in each call: it may have been replaced by any door, and
 * to be wrong about it is to hang or to lose data.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "core/syscall.h"
#include "shim/engine/steps.h"
#include "shim/policy.h"
#include "shim/user_memory.h"

/*
 * File systems whose regular files are just that: bytes at positions, short only at the end. `local` are those that
 * close a file in line; the others have a flush of their own. Numbers: linux/magic.h and the file systems' sources.
 */
static const struct {
	long type;
	bool local;
} ordinary[] = {
	{0xef53, true},	     /* ext2, ext3, ext4 */
	{0x58465342, true},  /* XFS */
	{0x9123683e, true},  /* btrfs */
	{0xf2f52010, true},  /* F2FS */
	{0x01021994, true},  /* tmpfs */
	{0x858458f6, true},  /* ramfs */
	{0x4d44, true},	     /* FAT */
	{0xca451a4e, true},  /* bcachefs */
	{0x794c7630, false}, /* overlayfs */
	{0x6969, false},     /* NFS */
	{0x65735546, false}, /* FUSE */
	{0x01021997, false}, /* 9p */
	{0xfe534d42, false}, /* SMB */
	{0x2fc12fc1, false}, /* ZFS */
};

/* STATX_MNT_ID_UNIQUE, and where in struct statx the number is: older headers lack them. */
enum { MNT_ID_UNIQUE = 0x4000, MNT_ID_AT = 144 };

enum { KNOWN = 1, ORDINARY = 2, LOCAL = 4 };

static unsigned bits_of(const struct statfs *fs)
{
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		if (ordinary[i].type == (long)(unsigned long)fs->f_type)
			return KNOWN | ORDINARY | (ordinary[i].local ? LOCAL : 0);
	return KNOWN;
}

/*
 * What is known of the file system that `fd` leads to, ORDINARY and LOCAL: remembered under a number that is this file system's
 * alone, if there is one (not 0): 16 words of key << 3 | bits.
 */
static unsigned bits_by(uint64_t key, int fd)
{
	static uint64_t known[16];
	uint64_t *word = &known[(key ^ key >> 8) % 16];
	uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
	struct statfs fs;

	if (key && value >> 3 == key && value & KNOWN)
		return value & 7;
	if (xu_sys(SYS_fstatfs, fd, &fs) < 0)
		return 0;
	value = key << 3 | bits_of(&fs);
	if (key)
		__atomic_store_n(word, value, __ATOMIC_RELAXED);
	return value & 7;
}

/* By device number: one without a device behind it may be another file system's after an unmount. */
static unsigned device_bits(dev_t dev, int fd)
{
	return bits_by(major(dev) ? (uint64_t)dev << 1 : 0, fd);
}

/*
 * Where it is without a device, by the number of the mount, which since Linux 6.8 is never given out again: to ask for the file
 * system may be to ask a server.
 */
static unsigned mount_bits(const struct statx *x, int fd)
{
	uint64_t mount;

	memcpy(&mount, (const char *)x + MNT_ID_AT, sizeof(mount));
	return bits_by(x->stx_mask & MNT_ID_UNIQUE ? mount << 1 | 1 : 0, fd);
}

/* How much is in the pipe? */
static int64_t queued(int fd)
{
	int n = 0;

	return xu_sys(SYS_ioctl, fd, FIONREAD, &n) < 0 ? INT64_MAX : n;
}

enum kind kind_of(struct call *c, int fd)
{
	struct stat st;

	c->reason = REASON_ARGUMENT;
	c->size = INT64_MAX;
	if (xu_sys(SYS_fstat, fd, &st) < 0)
		return KIND_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		c->reason = REASON_SPECIAL_FS;
		c->size = st.st_size;
		return device_bits(st.st_dev, fd) & ORDINARY ? KIND_FILE : KIND_OTHER;
	case S_IFIFO:
		if (policy_watches())
			c->size = queued(fd);
		return KIND_STREAM;
	case S_IFSOCK: return KIND_STREAM;
	case 0: return KIND_ANONYMOUS;
	case S_IFCHR:
		/* Memory devices: null, zero, full. */
		if (policy_watches() && st.st_rdev == makedev(1, 3))
			c->size = 0;
		if (st.st_rdev == makedev(1, 3) || st.st_rdev == makedev(1, 5) ||
		    st.st_rdev == makedev(1, 7))
			return KIND_STEADY;
		c->reason = REASON_DEVICE;
		return KIND_OTHER;
	default: c->reason = REASON_DEVICE; return KIND_OTHER;
	}
}

/*
 * Not by fstat: since Linux 6.13, whoever is told the times of a file has the next write to it keep a finer one, which on
 * ext4 is a change of the inode each time, and half as long again as the write. Nor is a server asked.
 */
bool kind_look(int fd, struct stat *st)
{
	const unsigned mask = STATX_TYPE | STATX_INO | STATX_NLINK;
	struct statx x;

	if (policy_filtered() ||
	    xu_sys(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, &x))
		return !xu_sys(SYS_fstat, fd, st);
	st->st_mode = x.stx_mode;
	st->st_ino = x.stx_ino;
	st->st_nlink = x.stx_nlink;
	st->st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	st->st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor);
	return true;
}

bool kind_stores(const struct stat *st, int fd)
{
	return S_ISBLK(st->st_mode) ||
	       (S_ISREG(st->st_mode) && device_bits(st->st_dev, fd) & ORDINARY);
}

bool kind_is_storage(int fd)
{
	const unsigned mask = STATX_TYPE | MNT_ID_UNIQUE;
	struct statx x;
	struct stat st;

	if (policy_filtered() ||
	    xu_sys(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, &x))
		return kind_look(fd, &st) && kind_stores(&st, fd);
	if (!S_ISREG(x.stx_mode))
		return S_ISBLK(x.stx_mode);
	return (x.stx_dev_major ? device_bits(makedev(x.stx_dev_major, x.stx_dev_minor), fd)
				: mount_bits(&x, fd)) &
	       ORDINARY;
}

bool kind_has_flag(int fd, long flag)
{
	long flags = xu_sys(SYS_fcntl, fd, F_GETFL);

	return flags >= 0 && flags & flag;
}

/* As much as the kernel transfers in one call: what asks for more is cut, but its buffer is judged as a whole. */
#define MOST 0x7ffff000

/* How many bytes a vector asks for. False: it can not be read, or is not valid. */
static bool vector_size(const struct iovec *iov, size_t nr, size_t *size)
{
	struct iovec part[16];

	*size = 0;
	if (nr > IOV_MAX || !policy_user_memory())
		return false;
	while (nr) {
		size_t n = nr < 16 ? nr : 16;

		if (user_read(part, iov, n * sizeof(*iov)) != (long)(n * sizeof(*iov)))
			return false;
		for (size_t i = 0; i < n; i++) {
			/* The op looks at addresses before it looks at the fd. */
			if (part[i].iov_len > MOST - *size ||
			    (uintptr_t)part[i].iov_base >= USER_END - part[i].iov_len)
				return false;
			*size += part[i].iov_len;
		}
		iov += n;
		nr -= n;
	}
	return true;
}

bool kind_learn_size(struct call *c)
{
	const struct io_uring_sqe *s = &c->sqe;
	const void *addr = (const void *)(uintptr_t)s->addr;
	struct msghdr msg;
	bool ok = true;

	switch (s->opcode) {
	case IORING_OP_READV:
	case IORING_OP_WRITEV: ok = vector_size(addr, s->len, &c->asked); break;
	case IORING_OP_RECVMSG:
	case IORING_OP_SENDMSG:
		ok = policy_user_memory() && user_read(&msg, addr, sizeof(msg)) == sizeof(msg) &&
		     vector_size(msg.msg_iov, msg.msg_iovlen, &c->asked);
		break;
	default: c->asked = s->len; ok = s->len < MOST && s->addr < USER_END - s->len;
	}
	c->reason = ok ? REASON_EMPTY : REASON_ARGUMENT;
	return ok && c->asked;
}

#define PAGE 4096

/* Are these `n` bytes there to be read? A byte of each page is. */
static bool there(const char *p, size_t n)
{
	struct iovec places[64], copies;
	char bytes[64] = "";
	long nr = 0;

	for (const char *end = p + n; p < end; p += PAGE - (uintptr_t)p % PAGE) {
		places[nr++] = (struct iovec){(void *)p, 1};
		if (nr < 64 && end - p > PAGE - (long)((uintptr_t)p % PAGE))
			continue;
		copies = (struct iovec){bytes, (size_t)nr};
		if (xu_sys(SYS_process_vm_readv, xu_sys(SYS_gettid), &copies, 1, places, nr, 0) != nr)
			return false;
		nr = 0;
	}
	return true;
}

bool kind_has_memory(const struct call *c, size_t n)
{
	const struct iovec *iov = (const struct iovec *)(uintptr_t)c->sqe.addr;
	const struct iovec one = {(void *)iov, c->sqe.len};

	if (!policy_user_memory())
		return true;
	if (c->sqe.opcode == IORING_OP_READ || c->sqe.opcode == IORING_OP_WRITE)
		iov = &one;
	else if (c->sqe.opcode == IORING_OP_SENDMSG)
		iov = ((const struct msghdr *)iov)->msg_iov;
	/* A vector has been read before (vector_size). */
	for (; n; iov++) {
		size_t part = iov->iov_len < n ? iov->iov_len : n;

		if (!there(iov->iov_base, part))
			return false;
		n -= part;
	}
	return true;
}

bool kind_is_local(const struct stat *st, int fd)
{
	return device_bits(st->st_dev, fd) & LOCAL;
}
