/*
 * Answering the program with what was fetched ahead.
 *
 *     open    the file itself, if the name leads to it at this moment
 *     stat    attributes, if the same was asked in the same way of the same path, and nothing has been changed since
 *
 * In doubt the program's own call is made. What holds for both stands at the top of scout.c.
 */
#include <sys/sysmacros.h>

#include "shim/engine/scout.h"
#include "shim/user_memory.h"

/* The path of a call, in memory that is there. */
static bool read_path(const struct call *c, char *path, size_t size)
{
	long n = user_read(path, (const char *)(uintptr_t)c->sqe.addr, size);

	return n > 0 && memchr(path, 0, (size_t)n);
}

static bool too_old(uint64_t since)
{
	return scout_now() - since > process_config()->scout_age_ms * 1000000u;
}

static bool same_device(const struct statx *a, const struct statx *b)
{
	return a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

static bool answer(struct call *c, long res)
{
	c->state = STATE_DONE;
	c->way = WAY_RING;
	c->res = res;
	score.handed++;
	return true;
}

/* Is the name at this moment this file? Asked of what the kernel knows, as far as that is fresh. */
static bool same_file(int dfd, const char *path, int flags, int fd, uint64_t *ino)
{
	int how = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT |
		  (flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	struct statx a, b = {.stx_ino = 0};
	bool same;

	same = !xu_sys(SYS_statx, dfd, path, how, STATX_TYPE | STATX_INO, &a) &&
	       !xu_sys(SYS_statx, fd, "", AT_STATX_DONT_SYNC | AT_EMPTY_PATH,
		       STATX_TYPE | STATX_INO, &b) &&
	       a.stx_ino == b.stx_ino && same_device(&a, &b) && S_ISREG(b.stx_mode);
	*ino = b.stx_ino;
	return same;
}

bool hand_file(struct call *c)
{
	int flags = (int)c->sqe.open_flags;
	char path[SCOUT_PATH];
	const char *name;
	struct slot *s;
	size_t len;
	long fd;

	if (!scout->handoff || !scout->ahead || !read_path(c, path, sizeof(path)))
		return false;
	name = path_last(path, &len);
	s = plan_slot(name, len);
	if (!s || !s->keep || s->deed != DEED_OPEN || (s->flags ^ flags) & ~O_CLOEXEC)
		return false;
	queue_await(s);
	if (s->state != SLOT_HELD || too_old(s->since) || s->opened_at != change_of_opens())
		return false;
	fd = queue_install(s, flags & O_CLOEXEC);
	if (fd < 0 || !same_file(c->sqe.fd, path, flags, (int)fd, &s->ino)) {
		if (fd >= 0)
			xu_sys(SYS_close, fd);
		queue_release(s, false);
		if (fd >= 0)
			queue_returned((int)fd);
		return false;
	}
	plan_used(s);
	return answer(c, fd);
}

/* Attributes that were fetched at this time and at this count of changes: are they still good? */
static bool good(const struct statx *stx, uint64_t device, uint64_t since, unsigned changes, int how)
{
	if (too_old(since) || changes != change_count() || change_written(stx))
		return false;
	/* What is mounted there is another matter; and a link that is to be followed was not. */
	return makedev(stx->stx_dev_major, stx->stx_dev_minor) == device &&
	       !(stx->stx_attributes & STATX_ATTR_AUTOMOUNT) &&
	       (!S_ISLNK(stx->stx_mode) || how & AT_SYMLINK_NOFOLLOW);
}

static bool give(struct call *c, const struct statx *stx)
{
	if (c->symbol != SYM_statx)
		c->stx = *stx;
	else if (user_write((void *)(uintptr_t)c->sqe.off, stx, sizeof(*stx)) != sizeof(*stx))
		return false;
	return answer(c, 0);
}

/* What a slot knows. */
static bool give_slot(struct call *c, struct slot *s, int how)
{
	if (!s->keep || s->mask != c->sqe.len || (s->how ^ how) & ~AT_NO_AUTOMOUNT)
		return false;
	queue_await_asked(s);
	if (s->asked != ASKED_KNOWN || !good(&s->stx, s->device, s->since, s->change, how) ||
	    !give(c, &s->stx))
		return false;
	plan_told(s);
	return true;
}

/* What a directory knows of its entry. */
static bool give_entry(struct call *c, struct dir *d, int at, int how)
{
	const struct answer *a = dir_answer(d, at);

	if (!a || d->mask != c->sqe.len || (d->how | AT_SYMLINK_NOFOLLOW) != (how & ~AT_NO_AUTOMOUNT) ||
	    !good(&a->stx, d->dev, a->since, a->change, how) || !give(c, &a->stx))
		return false;
	plan_told_entry(d, at);
	return true;
}

bool hand_attributes(struct call *c)
{
	int how = (int)c->sqe.statx_flags;
	char path[SCOUT_PATH];
	struct dir *d;
	struct slot *s;
	int at;

	if (!change_watched() || how & AT_STATX_FORCE_SYNC || !read_path(c, path, sizeof(path)))
		return false;
	s = plan_asked(c->sqe.fd, path, &d, &at);
	return (s && give_slot(c, s, how)) || (d && at >= 0 && give_entry(c, d, at, how));
}

/*
 * NFS asks its server again after a file was read, for the time of access that may have changed, if somebody asks for it;
 * and what was opened ahead was read ahead. What the server said at the open is a second old at most.
 */
bool hand_status(struct call *c)
{
	int how = (int)c->sqe.statx_flags;
	char path[SCOUT_PATH];
	struct slot *s = queue_lent(c->sqe.fd);
	struct statx stx;

	if (!s || !change_watched() || how & AT_STATX_FORCE_SYNC || s->change != change_count() ||
	    too_old(s->since) || !read_path(c, path, sizeof(path)) || *path)
		return false;
	return !xu_sys(SYS_statx, c->sqe.fd, "", how | AT_STATX_DONT_SYNC, c->sqe.len, &stx) &&
	       stx.stx_ino == s->ino && !change_written(&stx) && give(c, &stx);
}
