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
	HOPE = 6,	 /* controls without a wait that end the work */
	WAIT_COUNTS = 3, /* one with a wait outweighs so many */
	BEHIND = 32,  /* files that may be taken out of turn before those passed by are given up */
	LEVELS = 8,   /* of directories between two that the program came from and went to */
	FAILURES = 4, /* of the plan in a row that get more room */
	NEAR_NS = 1000 * 1000,
	WASTE = 128, /* files fetched for nothing, and four times as many as others, are too many */
	ONLY_STATS = 100, /* questions without an open between them, or */
	ONLY_WAITED = 8,  /* so many that waited, after which no more opens are expected */
	ASKS = 4, /* more questions that waited than did not, before attributes are fetched with open files */
	TRUSTED = 4,	 /* steps forward in a directory, before those in it are gone into */
	DECIDED = 4,	 /* so far may the balance of a question go */
	READS_COUNT = 4, /* and that of first reads */
};
enum deed plan_deed(void)
{
	return scout->deeds & DEED_OPEN ? DEED_OPEN : DEED_STAT;
}

enum order plan_order(void)
{
	enum deed deed = plan_deed(), other = deed == DEED_OPEN ? DEED_STAT : DEED_OPEN;
	enum order mine = scout->orders[deed], others = scout->orders[other];

	/* As long as nothing speaks for any, it is the one in which it does the other. */
	return scout->votes[deed][mine] <= 0 && scout->votes[other][others] > 0 ? others : mine;
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
		if (strcmp(path_last(s->path, &n), name) != 0)
			continue;
		if (!found || (s->dir == scout->dir && found->dir != scout->dir) ||
		    s->number < found->number)
			found = s;
	}
	return found;
}
/* ---- Where is the program? ---- */

/* Where `path` is not known: have it listed, and what lies between it and the one that the program came from. */
static struct dir *enter(const char *path, size_t len)
{
	size_t from = scout->dir ? path_common(scout->dir->path, path) : 0;
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
static void vote(const struct dir *d, enum deed deed, int from, int to)
{
	int *votes = scout->votes[deed];

	for (enum order o = 0; o < NR_ORDERS; o++) {
		int *v = &votes[o];

		*v += follows(d, o, dir_rank(d, o, from), dir_rank(d, o, to)) ? 1 : -1;
		*v = *v > 8 ? 8 : *v < -8 ? -8 : *v;
	}
	for (enum order o = 0; o < NR_ORDERS; o++)
		if (votes[o] > votes[scout->orders[deed]] + 1)
			scout->orders[deed] = o;
}
/* ---- What the program did ---- */

void plan_control_waited(void)
{
	scout->doubts -= scout->doubts < WAIT_COUNTS ? scout->doubts : WAIT_COUNTS;
}

/* It comes to an entry: did it go into the directory before that one, or not yet? */
static void note_later(struct dir *d, int at)
{
	bool was = scout->later > 0;

	if (d->last < 0 || d->last == at || d->entries[d->last].type != DT_DIR)
		return;
	if (scout->dir == d && scout->later < DECIDED)
		scout->later++;
	else if (scout->dir != d && scout->later > -DECIDED)
		scout->later--;
	if (was != (scout->later > 0))
		plan_begin_behind(d, at);
}

/*
 * Programs that look for certain files by name (git in its own directory) go to and fro. Directories that they do not read,
 * and in which they do not go forward in some order, have nothing in them gone into: there may be much of it.
 */
static void note_step(struct dir *d, enum deed deed, int from, int to)
{
	enum order order = scout->orders[deed];

	if (from < 0 || from == to)
		return;
	if (dir_rank(d, order, from) > dir_rank(d, order, to))
		d->trust = 0;
	else if (d->trust < TRUSTED && ++d->trust == TRUSTED && d->parent)
		d->parent->trust = TRUSTED;
}

bool plan_walks(const struct dir *d)
{
	return scout->walks && d->trust == TRUSTED;
}

/* The program came to an entry, after another in this directory or to the first (-1), which is returned. */
static int came(struct dir *d, int at, enum deed deed)
{
	int last = d->lasts[deed];

	note_later(d, at);
	/* What it was spared counts as a control; that there was nothing to be spared, where it only asks. */
	if (XU_LOAD(&d->waited))
		plan_control_waited();
	else if (d->last < 0 && d->kind == FS_LOCAL && scout->deeds == DEED_STAT)
		scout->doubts++;
	XU_STORE_RELEASE(&d->waited, false);
	note_step(d, deed, last, at);
	if (deed == DEED_STAT && d->entries[at].type != DT_DIR)
		scout->asks_files = true;
	scout->dir = d;
	d->last = d->lasts[deed] = at;
	d->stamp = scout->touched;
	return last;
}

/* The program is at the file of this slot. */
static void arrived(const struct slot *s, enum deed deed)
{
	if (s->serial != s->dir->serial)
		return;
	came(s->dir, s->at, deed);
	s->dir->entries[s->at].fetched |= mark_of(deed);
}

/* Who has asked about many files and opened none, opens no more. */
static void note_deed(enum deed deed, bool waited)
{
	scout->deeds |= deed;
	if (deed == DEED_OPEN)
		scout->stats = 0;
	else if ((scout->stats += waited ? ONLY_STATS / ONLY_WAITED : 1) > ONLY_STATS)
		scout->deeds = DEED_STAT;
}

void plan_used(struct slot *s)
{
	uint64_t number = s->number;

	note_deed(s->deed, false);
	arrived(s, s->deed);
	scout->failures = 0;
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

bool plan_asks(void)
{
	return scout->deeds == DEED_STAT || scout->asks > ASKS;
}

bool plan_heeds_questions(void)
{
	return scout->handoff || !dir_listed(scout->dir) || scout->dir->kind != FS_LOCAL;
}

struct slot *plan_asked(int dfd, const char *path, struct dir **dir, int *at)
{
	char buf[SCOUT_PATH];
	struct slot *found = NULL;
	struct xu_text t;
	const char *name;
	uint32_t hash;
	size_t len;

	name = path_last(path, &len);
	xu_text_init(&t, buf, sizeof(buf));
	*dir = NULL;
	if (!len || len > NAME_MAX || !path_dir(dfd, path, &t) || t.len + len + 2 > t.size)
		return NULL;
	*dir = dir_known(t.buf, t.len);
	*at = dir_listed(*dir) ? dir_find(*dir, name, len) : -1;
	if (t.len > 1)
		xu_text_mem(&t, "/", 1);
	xu_text_mem(&t, name, len);
	hash = scout_hash(name, len);
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		struct slot *s = &scout->slots[i];

		if (s->hash == hash && s->asked && (!found || found->number < s->number) &&
		    !strcmp(s->path, buf))
			found = s;
	}
	return found;
}

void plan_told(struct slot *s)
{
	if (s->deed == DEED_STAT && (s->state == SLOT_FLYING || s->state == SLOT_DONE))
		plan_used(s);
	else if (s->state == SLOT_FLYING || s->state == SLOT_HELD)
		arrived(s, DEED_STAT);
}

void plan_told_entry(struct dir *d, int at)
{
	note_deed(DEED_STAT, false);
	came(d, at, DEED_STAT);
	scout->failures = 0;
	scout->useful++;
	score.used++;
	score.saved_ns += scout->wait_ns;
	d->entries[at].fetched |= mark_of(DEED_STAT);
}

void plan_first_read(bool waited)
{
	if (waited)
		plan_control_waited();
	if (waited && scout->reads_waited < READS_COUNT)
		scout->reads_waited += 2;
	else if (!waited && scout->reads_waited)
		scout->reads_waited--;
}

/* Is a file that is not among those fetched reason to plan anew? It had to be waited for, or will have to be. */
static bool counts(enum deed deed, uint64_t waited_ns)
{
	return waited_ns || (deed == DEED_OPEN && scout->reads_waited);
}

/*
 * The plan begins anew. What is ahead may be on the new way as well, and then it is numbered anew when the front comes by;
 * what is not gives its place to some that are, but for those whose plan keeps failing.
 */
static void renew(void)
{
	scout->renewed = scout->number;
	if (!scout->ahead || scout->failures == FAILURES)
		return;
	scout->failures++;
	scout->room = SCOUT_FIRST_DEPTH;
	scout->depth += SCOUT_FIRST_DEPTH;
	if (scout->depth > scout->slots_nr)
		scout->depth = scout->slots_nr;
}

/* Nothing was done there, but for what is ahead at this moment. */
static void anew(struct dir *d)
{
	for (unsigned i = 0; i < d->nr; i++)
		d->entries[i].fetched = 0;
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		const struct slot *s = &scout->slots[i];

		if (s->dir == d && s->serial == d->serial && s->state != SLOT_FREE &&
		    s->state != SLOT_LEAVING)
			d->entries[s->at].fetched |= (uint8_t)s->deed;
	}
}

/* In a directory that is known, but not one of those fetched. */
static void missed(struct dir *d, const char *name, size_t len, enum deed deed, uint64_t waited_ns)
{
	int at = dir_find(d, name, len);
	struct entry *e;
	int last;

	if (at < 0) {
		scout->dir = d;
		return;
	}
	e = &d->entries[at];
	last = came(d, at, deed);
	if (last >= 0 && last != at)
		vote(d, deed, last, at);
	if (e->fetched & MARK_CONTROL) {
		/* Of a file that is yet to be opened, the question is no measure. */
		if (deed == DEED_STAT && scout->deeds & DEED_OPEN)
			return;
		score.controls++;
		scout->doubts++;
		if (waited_ns)
			plan_control_waited();
		e->fetched = (uint8_t)((e->fetched & ~MARK_CONTROL) | mark_of(deed));
		return;
	}
	if (counts(deed, waited_ns) && e->type != DT_DIR && at != last && deed == plan_deed()) {
		renew();
		/* Known from a walk before this one, or given up too early: as new. */
		if (e->fetched)
			anew(d);
		plan_begin_behind(d, at);
	}
	e->fetched |= mark_of(deed);
}

static bool left_alone(const struct dir *d, const char *name, size_t len)
{
	int at = d && dir_listed(d) ? dir_find(d, name, len) : -1;

	return at >= 0 && d->entries[at].fetched & MARK_CONTROL;
}

/* The directory of the last name, if it was by the same fd and has this one, too. */
static struct dir *same_dir(int dfd, const char *name, size_t len)
{
	struct dir *d = scout->latest.dir;

	return d && dfd == scout->latest.fd && d->serial == scout->latest.serial && dir_listed(d) &&
			       dir_find(d, name, len) >= 0
		       ? d
		       : NULL;
}

static void note_dir(int dfd, struct dir *d)
{
	scout->latest.dir = dfd < 0 ? NULL : d;
	scout->latest.fd = dfd;
	scout->latest.serial = d->serial;
}

void plan_touch(int dfd, const char *path, enum deed deed, uint64_t waited_ns)
{
	char buf[SCOUT_PATH];
	struct xu_text t;
	struct slot *s;
	struct dir *d;
	const char *name;
	size_t len;

	name = path_last(path, &len);
	if (!len || len > NAME_MAX)
		return;
	note_deed(deed, waited_ns);
	if (waited_ns && scout->deeds == DEED_STAT)
		plan_control_waited();
	if (waited_ns)
		scout->wait_ns = scout->wait_ns ? (scout->wait_ns * 7 + waited_ns) / 8 : waited_ns;
	if (deed == DEED_STAT && waited_ns)
		scout->asks += scout->asks < 2 * ASKS;
	else if (deed == DEED_STAT)
		scout->asks -= scout->asks > 0;
	s = plan_slot(name, len);
	if (s && s->deed == DEED_OPEN && deed == DEED_STAT) {
		arrived(s, DEED_STAT);
		return;
	}
	if (s) {
		plan_used(s);
		return;
	}
	/* Where an fd leads is asked once for many names: it costs more than the program's own question. */
	d = name == path ? same_dir(dfd, name, len) : NULL;
	xu_text_init(&t, buf, sizeof(buf));
	if (!d && !path_dir(dfd, path, &t))
		return;
	if (!d)
		d = dir_known(t.buf, t.len);
	if (d && name == path)
		note_dir(dfd, d);
	/* A file that was left alone on purpose says nothing new. */
	if (deed == DEED_OPEN && counts(deed, waited_ns) && !left_alone(d, name, len))
		scout->by_args = dfd == AT_FDCWD && args_at(path);
	if (d && dir_listed(d)) {
		missed(d, name, len, deed, waited_ns);
		return;
	}
	if (!d && (counts(deed, waited_ns) || scout->dir_waited)) {
		d = enter(t.buf, t.len);
		scout->dir_waited = false;
	}
	if (!d)
		return;
	scout->dir = d;
	if (scout->front && deed != plan_deed())
		return;
	if (scout->front && waited_ns)
		renew();
	scout->front = d;
	scout->rank = -1;
	memcpy(scout->name, name, len + 1);
}

void plan_entered(int dfd, const char *path)
{
	char buf[SCOUT_PATH];
	struct xu_text t;
	struct dir *d;

	scout->latest.dir = NULL;
	xu_text_init(&t, buf, sizeof(buf));
	if (!path_dir(dfd, path, &t))
		return;
	d = dir_known(t.buf, t.len);
	if (!d)
		return;
	scout->walks = true;
	d->trust = TRUSTED;
}

bool plan_pays(void)
{
	return scout->doubts < HOPE;
}

bool plan_wastes(void)
{
	/* Near, a file that is left to the program costs it little, and one that is read in vain the device's time. */
	unsigned most = scout->wait_ns < NEAR_NS && !scout->handoff ? WASTE / 4 : WASTE;
	bool wastes = scout->useless > most && scout->useless / 4 > scout->useful;

	if (scout->useless + scout->useful > 4 * WASTE) {
		scout->useless /= 2;
		scout->useful /= 2;
	}
	return wastes;
}
