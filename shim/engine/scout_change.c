/*
 * What this process changes, so that nothing fetched before a change answers a question after it.
 *
 *     program:    stat a                chmod b        stat b
 *     scout:      fetch a, b, c, d      count + 1      b was fetched at another count: the kernel is asked
 *
 * Every call that gives a name or attributes to a file, or takes them away, moves the count once it has been made, by
 * whichever thread. What was fetched at an earlier count is of no use any more. Only changes near the files that are
 * fetched count: on the same file systems; copying away from them moves nothing.
 *
 * Writing is another matter: it may be done by stdio, or into a mapping, and nobody sees it. But it takes a file that is
 * open for writing, and these are known: those that were open when the first attributes were fetched, and those opened
 * since. Questions about them always go to the kernel.
 *
 * Children are other processes; what one has changed is known once it has been waited for.
 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "shim/engine/scout.h"
#include "shim/user_memory.h"

enum { DEVICES = 8, WRITTEN = 32 };

static struct {
	bool on;	/* something is held */
	unsigned count; /* of changes */
	unsigned opens; /* of those that matter for open files as well */
	unsigned devices_nr, written_nr;
	uint64_t devices[DEVICES]; /* the file systems near */
	struct {
		uint64_t device, ino;
	} written[WRITTEN];
} change;

static uint64_t device_of(const struct statx *stx)
{
	return makedev(stx->stx_dev_major, stx->stx_dev_minor);
}

unsigned change_count(void)
{
	return XU_LOAD_ACQUIRE(&change.count);
}

unsigned change_of_opens(void)
{
	return XU_LOAD_ACQUIRE(&change.opens);
}

static void moved(void)
{
	__atomic_add_fetch(&change.count, 1, __ATOMIC_ACQ_REL);
}

/* ---- What is near? ---- */

static bool near_device(uint64_t device)
{
	unsigned nr = XU_LOAD_ACQUIRE(&change.devices_nr);

	for (unsigned i = 0; i < nr && i < DEVICES; i++)
		if (change.devices[i] == device)
			return true;
	/* Before the first is known, all of them are. */
	return !nr || nr > DEVICES;
}

/* Where this is, asked of what the kernel knows as far as it does. In doubt it is near. */
static bool near(int dfd, const char *path)
{
	struct statx stx;

	return xu_sys(SYS_statx, dfd, path, AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		      STATX_TYPE, &stx) ||
	       near_device(device_of(&stx));
}

/* The directory that has this name, or what the name leads to: is one of them near? */
bool change_near(int dfd, const char *path)
{
	char buf[SCOUT_PATH];
	struct statx stx;
	size_t len;
	char *end;
	long n;

	if (!XU_LOAD_ACQUIRE(&change.on))
		return false;
	n = user_read(buf, path, sizeof(buf));
	if (n <= 0 || !memchr(buf, 0, (size_t)n))
		return true;
	if (!xu_sys(SYS_statx, dfd, buf, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) &&
	    near_device(device_of(&stx)))
		return true;
	for (len = strlen(buf); len > 1 && buf[len - 1] == '/'; len--)
		buf[len - 1] = '\0';
	end = strrchr(buf, '/');
	if (end)
		end[end == buf] = '\0';
	else
		buf[0] = '\0';
	return near(dfd, buf);
}

/* ---- What is written ---- */

static void note_written(const struct statx *stx)
{
	uint64_t device = device_of(stx);
	unsigned at;

	if (!near_device(device) || change_written(stx))
		return;
	at = __atomic_fetch_add(&change.written_nr, 1, __ATOMIC_ACQ_REL);
	if (at < WRITTEN) {
		change.written[at].device = device;
		change.written[at].ino = stx->stx_ino;
	}
}

bool change_written(const struct statx *stx)
{
	unsigned nr = XU_LOAD_ACQUIRE(&change.written_nr);

	for (unsigned i = 0; i < nr && i < WRITTEN; i++)
		if (change.written[i].ino == stx->stx_ino &&
		    change.written[i].device == device_of(stx))
			return true;
	return nr > WRITTEN;
}

/* False: it is not open for writing. */
static bool note_fd(int fd)
{
	long flags = xu_sys(SYS_fcntl, fd, F_GETFL);
	struct statx stx;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return false;
	if (!xu_sys(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO,
		    &stx))
		note_written(&stx);
	return true;
}

/* All that is open for writing. False: that can not be found out. */
static bool note_fds(void)
{
	char buf[4096];
	long dir, n;

	dir = xu_sys(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return false;
	while ((n = xu_sys(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		const struct scout_record *r;

		for (long at = 0; at < n; at += r->len) {
			int fd = 0;

			r = (const struct scout_record *)(buf + at);
			for (const char *s = r->name; *s >= '0' && *s <= '9'; s++)
				fd = fd * 10 + *s - '0';
			if (r->name[0] != '.' && fd != dir)
				note_fd(fd);
		}
	}
	xu_sys(SYS_close, dir);
	return !n;
}

/* ---- Beginning and end ---- */

void change_begin(void)
{
	change.devices_nr = change.written_nr = 0;
	XU_STORE_RELEASE(&change.on, true);
}

void change_watch(uint64_t device)
{
	if (change.devices_nr && near_device(device))
		return;
	if (change.devices_nr < DEVICES)
		change.devices[change.devices_nr] = device;
	XU_STORE_RELEASE(&change.devices_nr, change.devices_nr + 1);
	if (!note_fds())
		XU_STORE_RELEASE(&change.written_nr, WRITTEN + 1);
	/* What was fetched there before was not watched; before the first, everything was. */
	if (change.devices_nr > 1)
		moved();
}

bool change_watched(void)
{
	return XU_LOAD_ACQUIRE(&change.on) && XU_LOAD_ACQUIRE(&change.devices_nr);
}

void change_forget(void)
{
	XU_STORE_RELEASE(&change.on, false);
	moved();
}

/* ---- What entry points and the engine tell ---- */

void scout_changed(void)
{
	if (!XU_LOAD_ACQUIRE(&change.on))
		return;
	__atomic_add_fetch(&change.opens, 1, __ATOMIC_ACQ_REL);
	moved();
}

void scout_changed_name(int dfd, const char *path)
{
	if (change_near(dfd, path))
		moved();
}

void scout_changed_fd(int fd)
{
	if (XU_LOAD_ACQUIRE(&change.on) && near(fd, ""))
		moved();
}

void scout_opened(int fd)
{
	if (!XU_LOAD_ACQUIRE(&change.on) || fd < 0)
		return;
	if (note_fd(fd) && near(fd, ""))
		moved();
}

void scout_opened_name(const char *path)
{
	struct statx stx;
	char buf[SCOUT_PATH];
	long n;

	if (!XU_LOAD_ACQUIRE(&change.on))
		return;
	n = user_read(buf, path, sizeof(buf));
	if (n <= 0 || !memchr(buf, 0, (size_t)n)) {
		XU_STORE_RELEASE(&change.written_nr, WRITTEN + 1);
		moved();
	} else if (!xu_sys(SYS_statx, AT_FDCWD, buf, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
			   STATX_TYPE | STATX_INO, &stx) &&
		   near_device(device_of(&stx))) {
		note_written(&stx);
		moved();
	}
}

void change_seen(const struct call *c, long res)
{
	const struct io_uring_sqe *sqe = &c->sqe;

	switch (sqe->opcode) {
	case IORING_OP_OPENAT:
		if ((sqe->open_flags & O_ACCMODE) == O_RDONLY &&
		    !(sqe->open_flags & (O_CREAT | O_TRUNC)))
			break;
		__attribute__((fallthrough));
	case IORING_OP_OPENAT2: scout_opened((int)res); break;
	case IORING_OP_RENAMEAT:
	case IORING_OP_LINKAT:
		scout_changed_name((int)sqe->len, (const char *)(uintptr_t)sqe->addr2);
		__attribute__((fallthrough));
	case IORING_OP_MKDIRAT:
	case IORING_OP_UNLINKAT:
		scout_changed_name(sqe->fd, (const char *)(uintptr_t)sqe->addr);
		break;
	case IORING_OP_SYMLINKAT:
		scout_changed_name(sqe->fd, (const char *)(uintptr_t)sqe->addr2);
		break;
	case IORING_OP_SETXATTR:
		scout_changed_name(AT_FDCWD, (const char *)(uintptr_t)sqe->addr3);
		break;
	case IORING_OP_FSETXATTR: scout_changed_fd(sqe->fd); break;
	default: break;
	}
}
