/*
 * What stands in directories: names, kinds, and the three orders in which programs go through them.
 *
 *     as read      what readdir gave                     grep, find, du, cat dir/ *
 *     by inode     tar, cp: kind to disks
 *     by name      ls, rsync, git, what a shell puts in the place of a *
 *
 * Listing is a helper's work (scout_list.c): dir_list runs in its task. A directory belongs to the helper while its
 * state is WANTED or LISTING, and is not looked at by anybody else until then.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "shim/engine/scout.h"

/* How many names of one directory are looked up ahead of the program. */
#define NAMES_ASKED 512

/* An answer within this time was not fetched. */
#define REMEMBERED_NS (20 * 1000)

/* ---- File systems ---- */

/* What is scouted: what keeps files on a device, or on another machine. All else is memory, or not files at all. */
static const struct {
	uint32_t magic;
	enum file_system kind;
} file_systems[] = {
	{0xef53, FS_LOCAL},	  /* ext2 to ext4 */
	{0x58465342, FS_LOCAL},	  /* xfs */
	{0x9123683e, FS_LOCAL},	  /* btrfs */
	{0xf2f52010, FS_LOCAL},	  /* f2fs */
	{0x2fc12fc1, FS_LOCAL},	  /* zfs */
	{0xca451a4e, FS_LOCAL},	  /* bcachefs */
	{0x794c7630, FS_LOCAL},	  /* overlayfs */
	{0x3153464a, FS_LOCAL},	  /* jfs */
	{0x4d44, FS_LOCAL},	  /* fat */
	{0x2011bab0, FS_LOCAL},	  /* exfat */
	{0x7366746e, FS_LOCAL},	  /* ntfs3 */
	{0x9660, FS_LOCAL},	  /* iso9660 */
	{0x15013346, FS_LOCAL},	  /* udf */
	{0x73717368, FS_LOCAL},	  /* squashfs */
	{0xe0f5e1e2, FS_LOCAL},	  /* erofs */
	{0x6969, FS_NETWORK},	  /* nfs */
	{0xff534d42, FS_NETWORK}, /* cifs */
	{0xfe534d42, FS_NETWORK}, /* smb2 */
	{0x01021997, FS_NETWORK}, /* 9p */
	{0x00c36400, FS_NETWORK}, /* ceph */
	{0x5346414f, FS_NETWORK}, /* afs */
	{0x0bd00bd0, FS_NETWORK}, /* lustre */
	{0x65735546, FS_FUSE},
};

bool known_file_system(int fd, enum file_system *kind)
{
	struct statfs fs;

	if (xu_sys(SYS_fstatfs, fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++)
		if (file_systems[i].magic == (uint32_t)fs.f_type) {
			*kind = file_systems[i].kind;
			return true;
		}
	return false;
}

/* The same for a file on this device: only the first is asked for, which may take a round trip. */
static bool kind_of_device(int fd, uint64_t dev, enum file_system *kind)
{
	uint64_t last = XU_LOAD(&scout->last_kind);

	if (dev && last >> 2 == dev) {
		*kind = (enum file_system)(last & 3);
		return true;
	}
	if (!known_file_system(fd, kind))
		return false;
	XU_STORE_RELEASE(&scout->last_kind, dev << 2 | *kind);
	return true;
}

bool dir_on_fuse(int fd)
{
	enum file_system kind;

	return known_file_system(fd, &kind) && kind == FS_FUSE;
}

/* ---- Listing ---- */

/* Take one over. False: there is no room for it. */
static bool add(struct dir *d, const struct scout_record *r)
{
	size_t len = strlen(r->name);

	if (r->name[0] == '.' && (len == 1 || (len == 2 && r->name[1] == '.')))
		return true;
	if (d->nr == SCOUT_ENTRIES || d->names_len + len + 1 > SCOUT_NAMES)
		return false;
	d->entries[d->nr++] = (struct entry){.ino = r->ino,
					     .name = d->names_len,
					     .hash = scout_hash(r->name, len),
					     .type = r->type};
	memcpy(d->names + d->names_len, r->name, len + 1);
	d->names_len += (unsigned)len + 1;
	return true;
}

static bool before(const struct dir *d, enum order order, unsigned a, unsigned b)
{
	const struct entry *x = &d->entries[a], *y = &d->entries[b];

	if (order == ORDER_NAME)
		return strcmp(d->names + x->name, d->names + y->name) < 0;
	return x->ino != y->ino ? x->ino < y->ino : a < b;
}

/* Heapsort: in place, and never slow. */
static void sift(const struct dir *d, enum order order, uint16_t *v, unsigned from, unsigned nr)
{
	for (unsigned child; (child = 2 * from + 1) < nr; from = child) {
		uint16_t swap = v[from];

		if (child + 1 < nr && before(d, order, v[child], v[child + 1]))
			child++;
		if (!before(d, order, v[from], v[child]))
			return;
		v[from] = v[child];
		v[child] = swap;
	}
}

static void sort(struct dir *d, enum order order)
{
	uint16_t *v = d->orders[order];

	for (unsigned i = 0; i < d->nr; i++)
		v[i] = (uint16_t)i;
	for (unsigned i = d->nr / 2; i-- > 0;)
		sift(d, order, v, i, d->nr);
	for (unsigned i = d->nr; i-- > 1;) {
		uint16_t swap = v[0];

		v[0] = v[i];
		v[i] = swap;
		sift(d, order, v, 0, i);
	}
	for (unsigned i = 0; i < d->nr; i++)
		d->ranks[order][v[i]] = (uint16_t)i;
}

/* Open it, if it is what we think: a directory, where it was expected, that nothing would have to be mounted for. */
static int open_dir(struct dir *d)
{
	int nofollow = d->expected_dev ? O_NOFOLLOW : 0;
	struct statx stx;
	uint64_t dev;
	long fd;

	if (xu_sys(SYS_statx, AT_FDCWD, d->path,
		   AT_NO_AUTOMOUNT | (nofollow ? AT_SYMLINK_NOFOLLOW : 0), STATX_TYPE | STATX_INO,
		   &stx) < 0)
		return -1;
	dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	if (!S_ISDIR(stx.stx_mode) || stx.stx_attributes & STATX_ATTR_AUTOMOUNT ||
	    (d->expected_dev && dev != d->expected_dev))
		return -1;
	d->dev = dev;
	/* Not even the time of access is to tell of us, where that is ours to say. */
	fd = xu_sys(SYS_openat, AT_FDCWD, d->path,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | O_NOATIME | nofollow, 0);
	if (fd == -EPERM)
		fd = xu_sys(SYS_openat, AT_FDCWD, d->path,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | nofollow, 0);
	return (int)fd;
}

static long ask(const struct dir *d, unsigned at, int fd, struct statx *stx)
{
	return xu_sys(SYS_statx, fd, d->names + d->entries[at].name,
		      AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | d->how, d->mask | STATX_TYPE, stx);
}

/* What an entry is. One more directory is one more to be listed, and the program may be waiting for long. */
static void learn_type(struct dir *d, unsigned at, const struct statx *stx)
{
	uint8_t type = (uint8_t)IFTODT(stx->stx_mode);
	bool news = type == DT_DIR && d->entries[at].type == DT_UNKNOWN;

	XU_STORE_RELEASE(&d->entries[at].type, type);
	if (news)
		scout_found_dirs();
}

/* Ask, and keep what is answered. */
static void answer(struct dir *d, unsigned at, int fd)
{
	struct answer *a = &d->answers[at];

	a->since = scout_now();
	a->change = change_count();
	if (ask(d, at, fd, &a->stx)) {
		a->since = 0;
		return;
	}
	XU_STORE_RELEASE(&d->answers_nr, at + 1);
	learn_type(d, at, &a->stx);
}

/* Does the kernel know what it was just told? */
static bool remembers(const struct dir *d, int fd)
{
	struct statx stx;
	uint64_t before;

	if (!d->nr || ask(d, 0, fd, &stx))
		return true;
	for (int i = 0; i < 2; i++) {
		before = scout_now();
		ask(d, 0, fd, &stx);
		if (scout_now() - before < REMEMBERED_NS)
			return true;
	}
	return false;
}

const struct answer *dir_answer(const struct dir *d, int at)
{
	if ((unsigned)at >= XU_LOAD_ACQUIRE(&d->answers_nr) || !d->answers[at].since)
		return NULL;
	return &d->answers[at];
}

/*
 * Local inodes stand side by side, many to a block and read ahead by the kernel: one that is asked for after another costs
 * next to nothing, and a ring's worker for each would cost more than it saves. The order is that of the disk.
 */
static void look_up_local(const struct dir *d, int fd)
{
	struct statx stx;

	for (unsigned i = 0; i < d->nr && !XU_LOAD_ACQUIRE(&scout->stopping); i++) {
		ask(d, (unsigned)dir_entry(d, ORDER_INODE, i), fd, &stx);
		__atomic_add_fetch(&score.looked_up, 1, __ATOMIC_RELAXED);
	}
}

/*
 * Some file systems do not say what an entry is, and the kernel has to look names up anyway. FUSE lets one new name of a
 * directory be looked up at a time, whoever asks, unless the file system has said that it can do more, which sshfs does not. So
 * it is directories that are gone through at the same time, a helper in each; the kernel keeps what it learns as long as the
 * file system allows, mostly for a second.
 */
static void look_up(struct dir *d, int fd)
{
	bool keeps = !d->keep || remembers(d, fd);
	struct statx stx;

	for (unsigned i = 0; i < d->nr && !XU_LOAD_ACQUIRE(&scout->stopping); i++) {
		int last = XU_LOAD(&d->last);

		if (i > NAMES_ASKED + (unsigned)(last < 0 ? 0 : last))
			break;
		if (!d->ask && d->entries[i].type != DT_UNKNOWN)
			continue;
		if (!keeps && i < SCOUT_ANSWERS)
			answer(d, i, fd);
		else if (!ask(d, i, fd, &stx))
			learn_type(d, i, &stx);
		__atomic_add_fetch(&score.looked_up, 1, __ATOMIC_RELAXED);
	}
}

/* How often this task has waited. */
static long waits(void)
{
	struct rusage usage;

	return xu_sys(SYS_getrusage, RUSAGE_THREAD, &usage) ? 0 : usage.ru_nvcsw;
}

void dir_list(struct dir *d, char *buf, size_t size)
{
	enum dir_state state = DIR_FAILED;
	long waited = waits();
	int fd = open_dir(d);
	long n = -1;

	if (fd >= 0 && kind_of_device(fd, d->dev, &d->kind)) {
		if (d->resume)
			xu_sys(SYS_lseek, fd, d->resume, SEEK_SET);
		d->more = false;
		while (!d->more && (n = xu_sys(SYS_getdents64, fd, buf, size)) > 0) {
			const struct scout_record *r;

			for (long at = 0; at < n && !d->more; at += r->len) {
				r = (const struct scout_record *)(buf + at);
				d->more = !add(d, r);
				if (!d->more)
					d->resume = r->next;
			}
		}
		if (n >= 0) {
			sort(d, ORDER_INODE);
			sort(d, ORDER_NAME);
			state = DIR_LISTED;
		}
	}
	__atomic_add_fetch(&score.listed, 1, __ATOMIC_RELAXED);
	/* One who asks about a name here or there (libraries at the start) does not ask about all that is beside it. */
	d->ask = d->ask && (d->kind == FS_FUSE || (d->kind == FS_LOCAL && XU_LOAD(&scout->walks) &&
						   XU_LOAD(&scout->asks_files)));
	d->keep = d->keep && d->kind == FS_FUSE;
	d->asking = state == DIR_LISTED;
	d->waited = d->asking && waits() != waited;
	XU_STORE_RELEASE(&d->state, state);
	if (d->asking) {
		scout_found_dirs();
		if (d->ask && d->kind == FS_LOCAL)
			look_up_local(d, fd);
		else
			look_up(d, fd);
		if (waits() != waited)
			XU_STORE_RELEASE(&d->waited, true);
		XU_STORE_RELEASE(&d->asking, false);
	}
	if (fd >= 0)
		xu_sys(SYS_close, fd);
}

/* ---- Looking ---- */

bool dir_listed(const struct dir *d)
{
	return d && XU_LOAD_ACQUIRE(&d->state) == DIR_LISTED;
}

bool dir_with_helper(const struct dir *d)
{
	enum dir_state state = XU_LOAD_ACQUIRE(&d->state);

	return state == DIR_WANTED || state == DIR_LISTING ||
	       (state == DIR_LISTED && XU_LOAD_ACQUIRE(&d->asking));
}

struct dir *dir_known(const char *path, size_t len)
{
	for (int i = 0; i < SCOUT_DIRS; i++) {
		struct dir *d = &scout->dirs[i];

		if (d->state != DIR_FREE && !memcmp(d->path, path, len) && !d->path[len])
			return d;
	}
	return NULL;
}

/* Is it on the way from where the program or the plan is to the root of what is known? */
static bool in_use(const struct dir *d)
{
	for (const struct dir *p = scout->front; p; p = p->parent)
		if (p == d)
			return true;
	for (const struct dir *p = scout->dir; p; p = p->parent)
		if (p == d)
			return true;
	return false;
}

static struct dir *least_useful(void)
{
	struct dir *found = NULL;

	for (int i = 0; i < SCOUT_DIRS; i++) {
		struct dir *d = &scout->dirs[i];

		if (d->state == DIR_FREE)
			return d;
		if (!dir_with_helper(d) && !in_use(d) && (!found || d->stamp < found->stamp))
			found = d;
	}
	return found;
}

struct dir *dir_want(const char *path, size_t len, struct dir *parent, int at)
{
	struct dir *d = dir_known(path, len);

	if (d) {
		d->stamp = scout->touched;
		if (parent && !d->parent) {
			d->parent = parent;
			d->at = at;
		}
		return d;
	}
	d = len < SCOUT_PATH ? least_useful() : NULL;
	if (!d)
		return NULL;
	for (int i = 0; i < SCOUT_DIRS; i++)
		if (scout->dirs[i].parent == d)
			scout->dirs[i].parent = NULL;
	memcpy(d->path, path, len);
	d->path[len] = '\0';
	d->parent = parent;
	d->at = at;
	d->last = d->lasts[DEED_STAT] = d->lasts[DEED_OPEN] = -1;
	d->stamp = scout->touched;
	d->expected_dev = parent && at >= 0 ? parent->dev : 0;
	d->serial++;
	d->nr = d->names_len = d->answers_nr = 0;
	d->resume = 0;
	d->trust = parent ? parent->trust : 0;
	d->more = d->waited = false;
	d->ask = plan_asks();
	d->mask = scout->mask;
	d->how = scout->how & AT_STATX_DONT_SYNC;
	d->keep = scout->handoff && scout->how & AT_SYMLINK_NOFOLLOW;
	d->wanted = scout->touched;
	XU_STORE_RELEASE(&d->state, DIR_WANTED);
	return d;
}

bool dir_continue(struct dir *d)
{
	if (!d->more || XU_LOAD_ACQUIRE(&d->asking))
		return false;
	d->serial++;
	d->nr = d->names_len = d->answers_nr = 0;
	d->last = d->lasts[DEED_STAT] = d->lasts[DEED_OPEN] = -1;
	XU_STORE_RELEASE(&d->state, DIR_WANTED);
	return true;
}

int dir_find(const struct dir *d, const char *name, size_t len)
{
	uint32_t hash = scout_hash(name, len);

	/* Mostly it is the next one. */
	for (unsigned i = 0, at = d->last < 0 ? 0 : (unsigned)d->last; i < d->nr; i++, at++) {
		const char *s;

		if (at >= d->nr)
			at = 0;
		s = d->names + d->entries[at].name;
		if (d->entries[at].hash == hash && !strncmp(s, name, len) && !s[len])
			return (int)at;
	}
	return -1;
}

int dir_entry(const struct dir *d, enum order order, unsigned rank)
{
	return order == ORDER_READ ? (int)rank : d->orders[order][rank];
}

unsigned dir_rank(const struct dir *d, enum order order, int at)
{
	return order == ORDER_READ ? (unsigned)at : d->ranks[order][at];
}

int dir_at(struct dir *d)
{
	const char *slash = strrchr(d->path, '/');

	if (d->at < 0 && dir_listed(d->parent) && slash)
		d->at = dir_find(d->parent, slash + 1, strlen(slash + 1));
	return d->at;
}

bool dir_path(const struct dir *d, int at, char *buf, size_t size)
{
	const char *name = d->names + d->entries[at].name;
	size_t len = strlen(d->path), n = strlen(name);

	if (len + n + 2 > size)
		return false;
	memcpy(buf, d->path, len);
	if (len && buf[len - 1] != '/')
		buf[len++] = '/';
	memcpy(buf + len, name, n + 1);
	return true;
}
