/*
 * While nothing is at work: which calls are looked at, and whether they are reason to begin.
 *
 * Looking costs two questions for the time, so it is done where there may be something to see, and ends after many calls that
 * did not wait, until the program opens a directory. It begins to work when two of the last few waited.
 */
#include "shim/engine/scout.h"
#include "shim/thread.h"

enum {
	WATCHED = 256,	      /* quick calls in a row after which there is nothing to watch */
	PATIENCE = 16,	      /* calls that are watched in a new directory then, */
	LEAST_PATIENCE = 2,   /* and where none of them ever waits: */
	PASSED = 4,	      /* of so many directories then one is watched */
	ENOUGH = 2,	      /* questions at work, */
	UNKNOWN = 8,	      /* and where it is not known how the program goes */
	FEW = 8,	      /* reads and closes after a file was closed unread */
	SAMPLED = 8,	      /* of so many quick opens, one has its first read looked at */
	LONG_NS = 500 * 1000, /* a wait that is worth while, were it one in a dozen calls */
};

static unsigned quick[NR_DEEDS];     /* calls in a row that did not wait: questions, and opens */
static unsigned passed;		     /* directories that were not watched */
static unsigned heeded;		     /* questions at work that did not */
static unsigned patience = PATIENCE; /* calls to be watched in the next directory */
static unsigned slow;		     /* those of the last calls that did, a bit each */
static bool due;		     /* there was reason to begin */
static int judged = -1;		     /* the fd whose first read is to be looked at as well */
static const struct thread *unseen;  /* who has opened a stream, of which no read will be seen */
static unsigned few; /* reads and closes that are looked at still, where no file is judged */

/* Something waited: all is watched. */
static void alert(void)
{
	quick[DEED_STAT] = quick[DEED_OPEN] = 0;
	patience = PATIENCE;
	process_wake(AWAKE_SCOUT_OPEN | AWAKE_SCOUT_NAME);
}

void watch_waited(struct call *c, uint64_t took)
{
	unsigned lately = took > LONG_NS ? ~0u : 255;

	slow = slow << 1 | 1;
	alert();
	due = __builtin_popcount(slow & lately) >= 2;
	if (due && !scout && c && scout_begin(c))
		scout->reads_waited += reads(c);
}

bool watch_takes_unseen(void)
{
	bool taken = unseen && unseen == thread_self();

	if (taken)
		unseen = NULL;
	return taken;
}

bool watch_judges(int fd)
{
	return fd == judged;
}

void watch_judged(void)
{
	judged = -1;
	if (!seq_active())
		process_sleep(AWAKE_SCOUT_READ);
}

void watch_other(void)
{
	if (few && !--few && judged < 0)
		watch_judged();
}

/* A file that is closed unread may have got another number before, as dd does it: the next few calls tell. */
void watch_closed(int fd)
{
	if (fd != judged) {
		watch_other();
		return;
	}
	judged = -1;
	few = FEW;
}

/*
 * A quick call while nothing is at work: after many of them, there is nothing to watch. Of the two kinds each for itself:
 * who has asked about everything first (rsync) may open it later.
 */
static void note_quick(enum deed deed)
{
	if (++quick[deed] > WATCHED) {
		patience = patience / 2 > LEAST_PATIENCE ? patience / 2 : LEAST_PATIENCE;
		process_sleep(deed == DEED_OPEN ? AWAKE_SCOUT_OPEN : AWAKE_SCOUT_NAME);
	}
}

/*
 * The same at work, where it would only say where the program is: a few are enough for that, until it comes to another
 * directory.
 */
void watch_question(bool waited, bool known)
{
	if (waited)
		heeded = 0;
	else if (++heeded > (known ? ENOUGH : UNKNOWN))
		process_sleep(AWAKE_SCOUT_NAME);
}

void watch_first_read(const struct call *c, long fd)
{
	if (c->symbol == SYM_fopen) {
		unseen = thread_self();
		scout_mark();
		return;
	}
	judged = (int)fd;
	process_wake(AWAKE_SCOUT_READ);
}

void watch_call(struct call *c, long res, bool waited, uint64_t took)
{
	if (!waited) {
		note_quick(stat_by_name(c) ? DEED_STAT : DEED_OPEN);
		/* The name may be known, and what is in the file not. */
		if (plain_open(c) && (quick[DEED_OPEN] % SAMPLED == 0 || slow & 15))
			watch_first_read(c, res);
		slow <<= 1;
		if (due && scout_begin(c))
			scout->reads_waited = scout->dir_waited = true;
		return;
	}
	if (plain_open(c))
		watch_first_read(c, res);
	alert();
	if (!dir_open(c))
		watch_waited(c, took);
}

void watch_dir(void)
{
	heeded = 0;
	/* Where nothing ever waits, one directory in some says so as well. */
	if (!scout && patience == LEAST_PATIENCE && ++passed % PASSED)
		return;
	for (enum deed deed = DEED_STAT; deed <= DEED_OPEN; deed++)
		if (quick[deed] > WATCHED - patience)
			quick[deed] = WATCHED - patience;
	process_wake(AWAKE_SCOUT_OPEN | AWAKE_SCOUT_NAME | AWAKE_SCOUT_LIST);
}

void watch_anew(void)
{
	unseen = NULL;
	due = false;
	slow = 0;
}
