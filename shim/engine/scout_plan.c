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
	CONTROL_EVERY = 256,
	HOPE = 6,	 /* controls without a wait that end the work */
	WAIT_COUNTS = 3, /* one with a wait outweighs so many */
	BEHIND = 32, /* files that may be taken out of turn before those passed by are given up */
	LEVELS = 8,  /* of directories between two that the program came from and went to */
	LISTED_AHEAD = 20, /* directories */
	FIRST_DEPTH = 8,
	FAILURES = 4, /* of the plan in a row that get more room */
	ONLY_STATS = 100,
	ARGS_AHEAD = 256, /* arguments whose directories are listed */
	ASKS = 4, /* more questions that waited than did not, before attributes are fetched with open files */
	DECIDED = 4, /* so far may the balance of a question go */
};

/* Marks of an entry besides its deeds. */
enum { MARK_CONTROL = 1 << 6 };

/* The program did this to it. */
static uint8_t mark_of(enum deed deed)
{
	return (uint8_t)(deed << 2);
}

/* What the plan goes by: the deed that takes longest, and the order in which the program does it. */
static enum deed main_deed(void)
{
	return scout->deeds & DEED_OPEN ? DEED_OPEN : DEED_STAT;
}

static enum order order(void)
{
	return scout->orders[main_deed()];
}

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
	/* A directory that was removed while it is open has no path. */
	if (n > 10 && !strcmp(t->buf + n - 10, " (deleted)"))
		return false;
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

static void begin_behind(struct dir *d, int at)
{
	scout->front = d;
	scout->rank = (int)dir_rank(d, order(), at) + 1;
}

/* The place in the plan from which a directory is gone into. */
static unsigned dir_place(const struct dir *d, int at)
{
	return scout->later > 0 ? d->nr + dir_rank(d, ORDER_NAME, at) : dir_rank(d, order(), at);
}

/* The program left a directory, or passed it by: go on behind it. */
static void begin_behind_dir(struct dir *d, int at)
{
	scout->front = d;
	scout->rank = (int)dir_place(d, at) + 1;
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
		begin_behind(d, at);
}

/* The program came to an entry, after another in this directory or to the first (-1), which is returned. */
static int came(struct dir *d, int at, enum deed deed)
{
	int last = d->lasts[deed];

	note_later(d, at);
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
static void note_deed(enum deed deed)
{
	scout->deeds |= deed;
	if (deed == DEED_OPEN)
		scout->stats = 0;
	else if (++scout->stats > ONLY_STATS)
		scout->deeds = DEED_STAT;
}

void plan_used(struct slot *s)
{
	uint64_t number = s->number;

	note_deed(s->deed);
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

struct slot *plan_asked(int dfd, const char *path, struct dir **dir, int *at)
{
	char buf[SCOUT_PATH];
	struct slot *found = NULL;
	struct xu_text t;
	const char *name;
	uint32_t hash;
	size_t len;

	name = plan_last(path, &len);
	xu_text_init(&t, buf, sizeof(buf));
	*dir = NULL;
	if (!len || len > NAME_MAX || !dir_of(dfd, path, &t) || t.len + len + 2 > t.size)
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
	note_deed(DEED_STAT);
	came(d, at, DEED_STAT);
	score.used++;
	score.saved_ns += scout->wait_ns;
	d->entries[at].fetched |= mark_of(DEED_STAT);
}

void plan_control_waited(void)
{
	scout->doubts -= scout->doubts < WAIT_COUNTS ? scout->doubts : WAIT_COUNTS;
}

/* The plan begins anew. What was fetched in vain does not stand in the way, but for those whose plan keeps failing. */
static void make_room(void)
{
	if (scout->failures++ < FAILURES && scout->ahead + FIRST_DEPTH > scout->depth)
		scout->depth = scout->ahead + FIRST_DEPTH < scout->slots_nr
				       ? scout->ahead + FIRST_DEPTH
				       : scout->slots_nr;
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
	if (waited_ns && e->type != DT_DIR && at != last && deed == main_deed()) {
		make_room();
		/* Known from a walk before this one, or given up too early: as new. */
		if (e->fetched)
			for (unsigned i = 0; i < d->nr; i++)
				d->entries[i].fetched = 0;
		begin_behind(d, at);
	}
	e->fetched |= mark_of(deed);
}

static bool left_alone(const struct dir *d, const char *name, size_t len)
{
	int at = dir_listed(d) ? dir_find(d, name, len) : -1;

	return at >= 0 && d->entries[at].fetched & MARK_CONTROL;
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
	note_deed(deed);
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
	xu_text_init(&t, buf, sizeof(buf));
	if (!dir_of(dfd, path, &t))
		return;
	d = dir_known(t.buf, t.len);
	/* A file that was left alone on purpose says nothing new. */
	if (deed == DEED_OPEN && waited_ns && !left_alone(d, name, len))
		scout->by_args = dfd == AT_FDCWD && args_at(path);
	if (d && dir_listed(d)) {
		missed(d, name, len, deed, waited_ns);
		return;
	}
	if (!d && waited_ns)
		d = enter(t.buf, t.len);
	if (!d)
		return;
	scout->dir = d;
	if (scout->front && deed != main_deed())
		return;
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
	scout->front->last = scout->front->lasts[main_deed()] = at;
	scout->front->entries[at].fetched |= mark_of(main_deed());
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
	begin_behind_dir(d->parent, at);
	return true;
}

/* The directory that an entry of the front is. */
static struct dir *child(struct dir *d, int at)
{
	char path[SCOUT_PATH];

	return dir_path(d, at, path, sizeof(path)) ? dir_want(path, strlen(path), d, at) : NULL;
}

/* Are there as many directories ahead as the program is to be followed by? */
static bool far_ahead(void)
{
	uint64_t age = process_config()->scout_age_ms * 1000000u;
	unsigned nr = 0;

	for (int i = 0; i < SCOUT_DIRS; i++) {
		const struct dir *d = &scout->dirs[i];

		nr += d->ask && d->last < 0 && scout->touched - d->wanted < age;
	}
	return nr >= LISTED_AHEAD;
}

/* False: not yet. */
static bool descend(int at)
{
	struct dir *d;

	if (far_ahead())
		return false;
	d = child(scout->front, at);
	scout->rank++;
	if (!d || d == scout->front)
		return true;
	scout->front = d;
	scout->rank = 0;
	return true;
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
	/* Whoever lists it does that. */
	if (deed == DEED_STAT && d->ask)
		return 0;
	return e->fetched & (deed | mark_of(deed) | mark_of(DEED_OPEN)) ? 0 : deed;
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
	s->keep = scout->handoff && d->kind != FS_LOCAL;
	s->device = d->dev;
	if (s->keep)
		change_watch(d->dev);
	s->flags = scout->flags;
	s->dir = d;
	s->serial = d->serial;
	s->at = at;
	s->hash = e->hash;
	queue_send(s);
	return true;
}

/*
 * How many places a directory has in the plan. Some programs go into directories as they come to them; others go through
 * all that is in a directory first, and then, by name, into those in it (ls, rsync): there it is gone through twice.
 */
static unsigned places(const struct dir *d)
{
	return scout->later > 0 && scout->walks ? 2 * d->nr : d->nr;
}

/* The second time. */
static bool second(struct dir *d)
{
	int at = dir_entry(d, ORDER_NAME, (unsigned)scout->rank - d->nr);

	if (d->entries[at].type == DT_DIR)
		return descend(at);
	scout->rank++;
	return true;
}

/* Send what comes next. False: nothing is known, or there is no place for it. */
static bool step(void)
{
	struct dir *d = scout->front;
	unsigned deed;
	int at;

	if (dir_listed(d) && d->keep)
		change_watch(d->dev);
	if (!place()) {
		/* What can not be listed is passed over. */
		if (d->state != DIR_FAILED || !d->parent || d->at < 0)
			return false;
		begin_behind_dir(d->parent, d->at);
		return true;
	}
	if ((unsigned)scout->rank >= places(d))
		return climb();
	if ((unsigned)scout->rank >= d->nr)
		return second(d);
	at = dir_entry(d, order(), (unsigned)scout->rank);
	/* What it is, is being found out. */
	if (XU_LOAD_ACQUIRE(&d->entries[at].type) == DT_UNKNOWN && XU_LOAD_ACQUIRE(&d->asking))
		return false;
	deed = deed_for(d, &d->entries[at]);
	if (deed && !fetch(d, at, deed))
		return false;
	if (scout->walks && scout->later <= 0 && d->entries[at].type == DT_DIR &&
	    !(d->entries[at].fetched & mark_of(main_deed())))
		return descend(at);
	scout->rank++;
	return true;
}

/* The directory of an argument, asked for if it is not known; its name there. */
static struct dir *dir_of_arg(const char *arg, const char **name, size_t *len)
{
	char buf[SCOUT_PATH];
	struct xu_text t;

	*name = plan_last(arg, len);
	xu_text_init(&t, buf, sizeof(buf));
	return *len && dir_of(AT_FDCWD, arg, &t) ? dir_want(t.buf, t.len, NULL, -1) : NULL;
}

/* Send the entry that an argument is, if it is one. False: not now. */
static bool send_arg(struct dir *d, int at)
{
	unsigned deed;

	if (at < 0)
		return true;
	if (XU_LOAD_ACQUIRE(&d->entries[at].type) == DT_UNKNOWN && XU_LOAD_ACQUIRE(&d->asking))
		return false;
	deed = deed_for(d, &d->entries[at]);
	return !deed || fetch(d, at, deed);
}

/* Send the next argument. False: there is none, or no place for it, or it is not known yet what it is. */
static bool step_args(void)
{
	unsigned at = scout->arg;
	const char *arg = args_next(&at), *name;
	struct dir *d;
	size_t len;

	if (!arg)
		return false;
	d = dir_of_arg(arg, &name, &len);
	if (d && !dir_listed(d) && d->state != DIR_FAILED)
		return false;
	if (d && dir_listed(d) && !send_arg(d, dir_find(d, name, len)))
		return false;
	scout->arg = at;
	return true;
}

/* Have the directories listed that the next arguments are in. */
static void list_args_ahead(void)
{
	unsigned at = scout->arg;
	const char *arg, *name;
	size_t len;

	for (int i = 0; i < ARGS_AHEAD && (arg = args_next(&at)); i++)
		dir_of_arg(arg, &name, &len);
}

bool plan_list_ahead(void)
{
	struct dir *d = scout->front;
	unsigned rank = (unsigned)scout->rank;
	unsigned found = 0, looked = 0;

	if (scout->by_args)
		list_args_ahead();
	while (d && dir_listed(d) && scout->walks && !scout->by_args) {
		for (; rank < places(d) && found < LISTED_AHEAD && looked < 256; rank++, looked++) {
			bool now = rank >= d->nr || scout->later <= 0;
			int at = rank < d->nr ? dir_entry(d, order(), rank)
					      : dir_entry(d, ORDER_NAME, rank - d->nr);

			if (now && d->entries[at].type == DT_DIR && child(d, at))
				found++;
		}
		if (found == LISTED_AHEAD || !d->parent || !dir_listed(d->parent) || dir_at(d) < 0)
			break;
		rank = dir_place(d->parent, d->at) + 1;
		d = d->parent;
	}
	for (int i = 0; i < SCOUT_DIRS; i++)
		if (XU_LOAD(&scout->dirs[i].state) == DIR_WANTED)
			return true;
	return false;
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
	while (scout->ahead < scout->depth && steps++ < 4 * SCOUT_SLOTS &&
	       (scout->by_args ? step_args() : step()))
		;
	if (plan_list_ahead())
		list_wake();
	queue_submit();
}
