/*
 * What is this fd, and how much is asked of it? Looked at anew in each call: it may have been replaced by any door, and
 * to be wrong about it is to hang or to lose data.
 */
#include <limits.h>
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

enum { KNOWN = 1, ORDINARY = 2, LOCAL = 4 };

static unsigned bits_of(const struct statfs *fs)
{
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		if (ordinary[i].type == (long)(unsigned long)fs->f_type)
			return KNOWN | ORDINARY | (ordinary[i].local ? LOCAL : 0);
	return KNOWN;
}

/*
 * What is known of the file system of this device, ORDINARY and LOCAL: remembered by device number, 16 words of
 * device << 3 | bits. `fd` leads to it.
 */
static unsigned device_bits(dev_t dev, int fd)
{
	static uint64_t known[16];
	uint64_t *word = &known[(dev ^ dev >> 8) % 16];
	uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
	struct statfs fs;

	if (value >> 3 == dev && value & KNOWN)
		return value & 7;
	if (xu_sys(SYS_fstatfs, fd, &fs) < 0)
		return 0;
	value = (uint64_t)dev << 3 | bits_of(&fs);
	/* A number without a device behind it may be another file system's after an unmount. */
	if (major(dev))
		__atomic_store_n(word, value, __ATOMIC_RELAXED);
	return value & 7;
}

enum kind kind_of(struct call *c, int fd)
{
	struct stat st;

	c->reason = REASON_ARGUMENT;
	if (xu_sys(SYS_fstat, fd, &st) < 0)
		return KIND_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		c->reason = REASON_SPECIAL_FS;
		return device_bits(st.st_dev, fd) & ORDINARY ? KIND_FILE : KIND_OTHER;
	case S_IFIFO:
	case S_IFSOCK:
	case 0: /* eventfd, timerfd, ... */ return KIND_STREAM;
	case S_IFCHR:
		/* Memory devices: null, zero, full. */
		if (major(st.st_rdev) == 1 &&
		    (minor(st.st_rdev) == 3 || minor(st.st_rdev) == 5 || minor(st.st_rdev) == 7))
			return KIND_STEADY;
		c->reason = REASON_DEVICE;
		return KIND_OTHER;
	default: c->reason = REASON_DEVICE; return KIND_OTHER;
	}
}

bool kind_has_flag(int fd, long flag)
{
	long flags = xu_sys(SYS_fcntl, fd, F_GETFL);

	return flags >= 0 && flags & flag;
}

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
			if (part[i].iov_len > SSIZE_MAX - *size)
				return false;
			*size += part[i].iov_len;
		}
		iov += n;
		nr -= n;
	}
	return *size <= 0x7ffff000;
}

/* Set c->asked from the entry. False: leave it to the kernel. */
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
	default: c->asked = s->len;
	}
	c->reason = ok ? REASON_EMPTY : REASON_ARGUMENT;
	return ok && c->asked;
}

bool kind_is_local(const struct stat *st, int fd)
{
	return device_bits(st->st_dev, fd) & LOCAL;
}
