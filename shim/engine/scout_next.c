/*
 * What comes next: the front of the plan (scout_plan.c), on its way through the tree.
 *
 *     step        the next entry of the front: fetched, gone into, or passed over; then the front climbs back
 *     step_args   the same along the argument list
 *     list ahead  the directories that the front comes to next, for the helpers, further than files are fetched
 */
#include <errno.h>

#include "shim/engine/scout.h"

enum {
	FIRST_CONTROL = 8, /* files; twice as many each time, up to */
	CONTROL_EVERY = 256,
	LISTED_AHEAD = 20, /* directories */
	ARGS_AHEAD = 256,  /* arguments whose directories are listed */
};

void plan_begin_behind(struct dir *d, int at)
{
	scout->front = d;
	scout->rank = (int)dir_rank(d, plan_order(), at) + 1;
}

unsigned plan_dir_place(const struct dir *d, int at)
{
	return scout->later > 0 ? d->nr + dir_rank(d, ORDER_NAME, at) : dir_rank(d, plan_order(), at);
}

void plan_begin_behind_dir(struct dir *d, int at)
{
	scout->front = d;
	scout->rank = (int)plan_dir_place(d, at) + 1;
}

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
	scout->front->last = scout->front->lasts[plan_deed()] = at;
	scout->front->entries[at].fetched |= mark_of(plan_deed());
	plan_begin_behind(scout->front, at);
	return true;
}

/* Go on behind the directory that is through. False: there is nothing, or not yet. */
static bool climb(void)
{
	struct dir *d = scout->front;
	int at;

	/* Whoever asks about millions of files is helped with the first of them: nobody looks where it is. */
	if (!(d->ask && d->kind == FS_LOCAL) && dir_continue(d)) {
		scout->rank = 0;
		return false;
	}
	if (!dir_listed(d->parent) || !plan_walks(d->parent))
		return false;
	at = dir_at(d);
	if (at < 0)
		return false;
	plan_begin_behind_dir(d->parent, at);
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

	if (!plan_walks(scout->front) || far_ahead())
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
	/* Whoever lists it does that, or nobody needs to. */
	if (deed == DEED_STAT && (d->ask || d->kind == FS_LOCAL))
		return 0;
	return e->fetched & (deed | mark_of(deed) | mark_of(DEED_OPEN)) ? 0 : deed;
}

/* The file that comes first, of those that wait for the program and are not on the plan's way any more, as far as is known. */
static struct slot *passed_by(void)
{
	struct slot *found = NULL;

	for (unsigned i = 0; i < scout->slots_nr; i++) {
		struct slot *s = &scout->slots[i];

		if ((s->state == SLOT_HELD || s->state == SLOT_DONE) &&
		    s->number <= scout->renewed && (!found || s->number < found->number))
			found = s;
	}
	return found;
}

/* Is there a place in the window? */
static bool place_in_window(void)
{
	struct slot *s;

	if (scout->ahead < scout->depth)
		return true;
	s = scout->room ? passed_by() : NULL;
	if (!s) {
		scout->room = 0;
		return false;
	}
	scout->room--;
	queue_release(s, false);
	return true;
}

/* The front comes by an entry that is to be left as it is: one that was fetched before the plan began anew is on its way. */
static void pass(const struct dir *d, int at)
{
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		struct slot *s = &scout->slots[i];

		if (s->dir == d && s->at == at && s->serial == d->serial &&
		    s->number <= scout->renewed && s->state != SLOT_FREE && s->state != SLOT_LEAVING)
			s->number = ++scout->number;
	}
}

/* Send one entry. False: there is no place for it now. */
static bool fetch(struct dir *d, int at, unsigned deed)
{
	struct entry *e = &d->entries[at];
	struct slot *s;

	if (!place_in_window())
		return false;
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
		plan_begin_behind_dir(d->parent, d->at);
		return true;
	}
	if ((unsigned)scout->rank >= places(d))
		return climb();
	if ((unsigned)scout->rank >= d->nr)
		return second(d);
	at = dir_entry(d, plan_order(), (unsigned)scout->rank);
	/* What it is, is being found out. */
	if (XU_LOAD_ACQUIRE(&d->entries[at].type) == DT_UNKNOWN && XU_LOAD_ACQUIRE(&d->asking))
		return false;
	deed = deed_for(d, &d->entries[at]);
	if (deed && !fetch(d, at, deed))
		return false;
	if (!deed && d->entries[at].fetched & (DEED_STAT | DEED_OPEN))
		pass(d, at);
	if (scout->walks && scout->later <= 0 && d->entries[at].type == DT_DIR &&
	    !(d->entries[at].fetched & mark_of(plan_deed())))
		return descend(at);
	scout->rank++;
	return true;
}

/* The directory of an argument, asked for if it is not known; its name there. */
static struct dir *dir_of_arg(const char *arg, const char **name, size_t *len)
{
	char buf[SCOUT_PATH];
	struct xu_text t;

	*name = path_last(arg, len);
	xu_text_init(&t, buf, sizeof(buf));
	return *len && path_dir(AT_FDCWD, arg, &t) ? dir_want(t.buf, t.len, NULL, -1) : NULL;
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
	if (!deed)
		pass(d, at);
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
	while (d && dir_listed(d) && plan_walks(d) && !scout->by_args) {
		for (; rank < places(d) && found < LISTED_AHEAD && looked < 256; rank++, looked++) {
			bool now = rank >= d->nr || scout->later <= 0;
			int at = rank < d->nr ? dir_entry(d, plan_order(), rank)
					      : dir_entry(d, ORDER_NAME, rank - d->nr);

			if (now && d->entries[at].type == DT_DIR && child(d, at))
				found++;
		}
		if (found == LISTED_AHEAD || !d->parent || !dir_listed(d->parent) || dir_at(d) < 0)
			break;
		rank = plan_dir_place(d->parent, d->at) + 1;
		d = d->parent;
	}
	for (int i = 0; i < SCOUT_DIRS; i++)
		if (XU_LOAD(&scout->dirs[i].state) == DIR_WANTED)
			return true;
	return false;
}

void plan_ahead(uint64_t now)
{
	unsigned steps = 0;

	queue_reap(now);
	if (!scout->front)
		return;
	if (!scout->depth) {
		scout->depth = SCOUT_FIRST_DEPTH;
		scout->controls = FIRST_CONTROL;
	}
	/* A window that is nearly full is left alone: one enter for many. */
	if (scout->ahead * 4 > scout->depth * 3 && !scout->room) {
		if (!dir_listed(scout->front) && plan_list_ahead())
			list_wake();
		return;
	}
	while (steps++ < 4 * SCOUT_SLOTS && (scout->by_args ? step_args() : step()))
		;
	if (plan_list_ahead())
		list_wake();
	queue_submit();
}
