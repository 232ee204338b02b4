/*
 * What comes next.
 *
 * The program is somewhere in a tree, and the plan is a little way ahead of it:
 *
 *     src/            a.c      lib/ x.c  y.c     z.c  main.c  ...
 *                      ^                ^
 *                  the program       the front: what was sent last
 *
 * Every file that the program opens (or asks about) tells where it is. Is it one of those fetched ahead, all is well: the
 * window moves on. If not, the plan is wrong, and begins anew behind that file: in another order, when another fits
 * better with the steps seen; in another directory, which is then read; and the program that was seen to go from one
 * directory to another is believed to go through all below the one that has both.
 *
 * From time to time a file is left to the program on purpose. What it waits for such a control is what the others save
 * it, and when it does not wait for several in a row there is nothing to be had here.
 */
#include <errno.h>

#include "shim/engine/scout.h"

enum {
	FIRST_CONTROL = 8, /* files; twice as many each time, up to */
	CONTROL_EVERY = 64,
	HOPE = 6,	 /* controls without a wait that end the work */
	WAIT_COUNTS = 3, /* one with a wait outweighs so many */
	BEHIND = 32, /* files that may be taken out of turn before those passed by are given up */
	LEVELS = 8,  /* of directories between two that the program came from and went to */
	LISTED_AHEAD = 6, /* directories */
	FIRST_DEPTH = 8,
};

/* Marks of an entry besides its deeds. */
enum { MARK_CONTROL = 1 << 6, MARK_TOUCHED = 1 << 7 };

const char *plan_last(const char *path, size_t *len)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	*len = strlen(name);
	return name;
}

struct slot *plan_slot(const char *name, size_t len)
{
	uint32_t hash = scout_hash(name, len);
	struct slot *found = NULL;

	for (unsigned i = 0; i < scout->slots_nr; i++) {
		struct slot *s = &scout->slots[i];
		size_t n;

		if (s->hash != hash || s->state == SLOT_FREE || s->state == SLOT_LEAVING || s->touched)
			continue;
		if (strcmp(plan_last(s->path, &n), name) != 0)
			continue;
		if (!found || (s->dir == scout->dir && found->dir != scout->dir) ||
		    s->number < found->number)
			found = s;
	}
	return found;
}

/* ---- Where is the program? ---- */

/* Append the parts of `path` but the last, without those that say nothing. False: too long. */
static bool append_dir(struct xu_text *t, const char *path)
{
	const char *slash = strrchr(path, '/');

	while (slash && path < slash) {
		size_t n = strcspn(path, "/");

		if (n && !(n == 1 && *path == '.')) {
			if (t->len + n + 2 > t->size)
				return false;
			if (t->len > 1 || t->buf[0] != '/')
				xu_text_mem(t, "/", 1);
			xu_text_mem(t, path, n);
		}
		path += n + 1;
	}
	return true;
}

/* The absolute path of the directory that `path` is in. False: there is none, or not as text. */
static bool dir_of(int dfd, const char *path, struct xu_text *t)
{
	char link[40];
	struct xu_text l;
	long n;

	if (*path == '/') {
		xu_text_str(t, "/");
		return append_dir(t, path);
	}
	if (dfd == AT_FDCWD) {
		n = xu_sys(SYS_getcwd, t->buf, t->size) - 1;
	} else {
		xu_text_init(&l, link, sizeof(link));
		xu_text_str(&l, "/proc/self/fd/");
		xu_text_num(&l, (unsigned)dfd, 0);
		n = xu_sys(SYS_readlinkat, AT_FDCWD, link, t->buf, t->size - 1);
	}
	if (n <= 0 || t->buf[0] != '/')
		return false;
	t->len = (size_t)n;
	t->buf[n] = '\0';
	return append_dir(t, path);
}

/* The length of the longest path that both begin with and that ends a part in both. */
static size_t common(const char *a, const char *b)
{
	size_t last = 0;

	for (size_t i = 0;; i++) {
		bool ends = (!a[i] || a[i] == '/') && (!b[i] || b[i] == '/');

		if (ends)
			last = i;
		if (!a[i] || a[i] != b[i])
			return last;
	}
}

/* Where `path` is not known: have it listed, and what lies between it and the one that the program came from. */
static struct dir *enter(const char *path, size_t len)
{
	size_t from = scout->dir ? common(scout->dir->path, path) : 0;
	struct dir *d = NULL;
	unsigned levels = 0;

	for (size_t i = from; i < len; i++)
		levels += path[i] == '/';
	/* What all paths begin with is no sign of anything. */
	if (from > 1 && levels <= LEVELS) {
		scout->walks = true;
		for (size_t i = from; i < len; i++)
			if (i == from || path[i] == '/')
				d = dir_want(path, i, d ? d : NULL, -1);
	}
	d = dir_want(path, len, d, -1);
	return d;
}

/* ---- In which order? ---- */

/* Is there no other file between these two places? */
static bool follows(const struct dir *d, enum order order, unsigned a, unsigned b)
{
	for (a++; a < b; a++)
		if (d->entries[dir_entry(d, order, a)].type != DT_DIR)
			return false;
	return a == b;
}

/* The program went from one entry to another: which order has them side by side? */
static void vote(const struct dir *d, int from, int to)
{
	for (enum order o = 0; o < NR_ORDERS; o++) {
		int *v = &scout->votes[o];

		*v += follows(d, o, dir_rank(d, o, from), dir_rank(d, o, to)) ? 1 : -1;
		*v = *v > 8 ? 8 : *v < -8 ? -8 : *v;
	}
	for (enum order o = 0; o < NR_ORDERS; o++)
		if (scout->votes[o] > scout->votes[scout->order] + 1)
			scout->order = o;
}

/* ---- What the program did ---- */

static void begin_behind(struct dir *d, int at)
{
	scout->front = d;
	scout->rank = (int)dir_rank(d, scout->order, at) + 1;
}

/* The program is at the file of this slot. */
static void arrived(const struct slot *s)
{
	if (s->serial != s->dir->serial)
		return;
	scout->dir = s->dir;
	s->dir->last = s->at;
	s->dir->stamp = scout->touched;
	s->dir->entries[s->at].fetched |= MARK_TOUCHED;
}

void plan_used(struct slot *s)
{
	uint64_t number = s->number;

	arrived(s);
	score.saved_ns += scout->wait_ns;
	if (s->state == SLOT_FLYING) {
		score.late++;
		s->touched = true;
	} else {
		queue_release(s, true);
	}
	if (scout->depth < scout->slots_nr)
		scout->depth++;
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		s = &scout->slots[i];
		if ((s->state == SLOT_HELD || s->state == SLOT_DONE) && s->number + BEHIND < number)
			queue_release(s, false);
	}
}

void plan_control_waited(void)
{
	scout->doubts -= scout->doubts < WAIT_COUNTS ? scout->doubts : WAIT_COUNTS;
}

/* In a directory that is known, but not one of those fetched. */
static void missed(struct dir *d, const char *name, size_t len, enum deed deed, uint64_t waited_ns)
{
	int at = dir_find(d, name, len);
	struct entry *e = at < 0 ? NULL : &d->entries[at];
	int last = d->last;

	scout->dir = d;
	d->stamp = scout->touched;
	if (!e)
		return;
	d->last = at;
	if (last >= 0 && last != at)
		vote(d, last, at);
	if (e->fetched & MARK_CONTROL) {
		/* Of a file that is yet to be opened, the question is no measure. */
		if (deed == DEED_STAT && scout->deeds & DEED_OPEN)
			return;
		score.controls++;
		scout->doubts++;
		if (waited_ns)
			plan_control_waited();
		e->fetched = (uint8_t)((e->fetched & ~MARK_CONTROL) | MARK_TOUCHED);
		return;
	}
	if (waited_ns && e->type != DT_DIR && at != last) {
		/* Known from a walk before this one, or given up too early: as new. */
		if (e->fetched)
			for (unsigned i = 0; i < d->nr; i++)
				d->entries[i].fetched = 0;
		begin_behind(d, at);
	}
	e->fetched |= MARK_TOUCHED;
}

void plan_touch(int dfd, const char *path, enum deed deed, uint64_t waited_ns)
{
	char buf[SCOUT_PATH];
	struct xu_text t;
	struct slot *s;
	struct dir *d;
	const char *name;
	size_t len;

	name = plan_last(path, &len);
	if (!len || len > NAME_MAX)
		return;
	scout->deeds |= deed;
	if (waited_ns)
		scout->wait_ns = scout->wait_ns ? (scout->wait_ns * 7 + waited_ns) / 8 : waited_ns;
	s = plan_slot(name, len);
	if (s && s->deed == DEED_OPEN && deed == DEED_STAT) {
		arrived(s);
		return;
	}
	if (s) {
		plan_used(s);
		return;
	}
	xu_text_init(&t, buf, sizeof(buf));
	if (!dir_of(dfd, path, &t))
		return;
	d = dir_known(t.buf, t.len);
	if (d && dir_listed(d)) {
		missed(d, name, len, deed, waited_ns);
		return;
	}
	if (!d && waited_ns)
		d = enter(t.buf, t.len);
	if (!d)
		return;
	scout->dir = d;
	scout->front = d;
	scout->rank = -1;
	memcpy(scout->name, name, len + 1);
}

void plan_entered(int dfd, const char *path)
{
	char buf[SCOUT_PATH];
	struct xu_text t;

	xu_text_init(&t, buf, sizeof(buf));
	if (!scout->walks && dir_of(dfd, path, &t) && dir_known(t.buf, t.len))
		scout->walks = true;
}

/* ---- What comes next ---- */

/* The place of the front, once its directory is listed. */
static bool place(void)
{
	int at;

	if (!dir_listed(scout->front))
		return false;
	if (scout->rank >= 0)
		return true;
	at = dir_find(scout->front, scout->name, strlen(scout->name));
	if (at < 0)
		return false;
	scout->front->last = at;
	scout->front->entries[at].fetched |= MARK_TOUCHED;
	begin_behind(scout->front, at);
	return true;
}

/* Go on behind the directory that is through. False: there is nothing, or not yet. */
static bool climb(void)
{
	struct dir *d = scout->front;
	int at;

	if (dir_continue(d)) {
		scout->rank = 0;
		return false;
	}
	if (!scout->walks || !dir_listed(d->parent))
		return false;
	at = dir_at(d);
	if (at < 0)
		return false;
	begin_behind(d->parent, at);
	return true;
}

/* The directory that an entry of the front is. */
static struct dir *child(struct dir *d, int at)
{
	char path[SCOUT_PATH];

	return dir_path(d, at, path, sizeof(path)) ? dir_want(path, strlen(path), d, at) : NULL;
}

static void descend(int at)
{
	struct dir *d = child(scout->front, at);

	scout->rank++;
	if (!d || d == scout->front)
		return;
	scout->front = d;
	scout->rank = 0;
}

/* What there is to be done ahead for an entry; 0: nothing. */
static unsigned deed_for(const struct dir *d, const struct entry *e)
{
	bool open = e->type == DT_REG && scout->deeds & DEED_OPEN &&
		    (d->kind != FS_FUSE || scout->handoff);
	unsigned deed = open						 ? DEED_OPEN
			: scout->deeds & DEED_STAT || d->kind == FS_FUSE ? DEED_STAT
									 : 0;

	if (e->type == DT_DIR && !(scout->deeds & DEED_STAT))
		return 0;
	return e->fetched & (deed | MARK_TOUCHED) ? 0 : deed;
}

/* Send one entry. False: there is no place for it now. */
static bool fetch(struct dir *d, int at, unsigned deed)
{
	struct entry *e = &d->entries[at];
	struct slot *s;

	if (scout->planned++ >= scout->controls) {
		scout->planned = 0;
		if (scout->controls < CONTROL_EVERY)
			scout->controls *= 2;
		e->fetched |= MARK_CONTROL;
		return true;
	}
	s = queue_slot();
	if (!s)
		return false;
	e->fetched |= (uint8_t)deed;
	if (!dir_path(d, at, s->path, sizeof(s->path)))
		return true;
	s->deed = (enum deed)deed;
	s->keep = deed == DEED_OPEN && scout->handoff && d->kind != FS_LOCAL;
	s->flags = scout->flags;
	s->dir = d;
	s->serial = d->serial;
	s->at = at;
	s->hash = e->hash;
	queue_send(s);
	return true;
}

/* Send what comes next. False: nothing is known, or there is no place for it. */
static bool step(void)
{
	struct dir *d = scout->front;
	unsigned deed;
	int at;

	if (!place()) {
		/* What can not be listed is passed over. */
		if (d->state != DIR_FAILED || !d->parent || d->at < 0)
			return false;
		begin_behind(d->parent, d->at);
		return true;
	}
	if ((unsigned)scout->rank >= d->nr)
		return climb();
	at = dir_entry(d, scout->order, (unsigned)scout->rank);
	deed = deed_for(d, &d->entries[at]);
	if (deed && !fetch(d, at, deed))
		return false;
	if (scout->walks && d->entries[at].type == DT_DIR && !(d->entries[at].fetched & MARK_TOUCHED))
		descend(at);
	else
		scout->rank++;
	return true;
}

/* Have the directories listed that come next. */
static void list_ahead(void)
{
	struct dir *d = scout->front;
	unsigned rank = (unsigned)scout->rank;
	unsigned found = 0, looked = 0;

	while (d && dir_listed(d) && scout->walks) {
		for (; rank < d->nr && found < LISTED_AHEAD && looked < 256; rank++, looked++) {
			int at = dir_entry(d, scout->order, rank);

			if (d->entries[at].type == DT_DIR && child(d, at))
				found++;
		}
		if (found == LISTED_AHEAD || !d->parent || !dir_listed(d->parent) || dir_at(d) < 0)
			break;
		rank = dir_rank(d->parent, scout->order, d->at) + 1;
		d = d->parent;
	}
	for (int i = 0; i < SCOUT_DIRS; i++)
		if (XU_LOAD(&scout->dirs[i].state) == DIR_WANTED) {
			list_wake();
			break;
		}
}

bool plan_pays(void)
{
	return scout->doubts < HOPE;
}

void plan_ahead(uint64_t now)
{
	unsigned steps = 0;

	queue_reap(now);
	if (!scout->front)
		return;
	if (!scout->depth) {
		scout->depth = FIRST_DEPTH;
		scout->controls = FIRST_CONTROL;
	}
	/* A window that is nearly full is left alone: one enter for many. */
	if (scout->ahead * 4 > scout->depth * 3)
		return;
	while (scout->ahead < scout->depth && steps++ < 4 * SCOUT_SLOTS && step())
		;
	list_ahead();
	queue_submit();
}
