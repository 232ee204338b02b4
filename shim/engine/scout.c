/*
 * The scout: old programs read ahead of themselves, many deep, with nobody's source changed.
 *
 *     program:   open a   read a   open b   read b   open c   ...          each waits for the disk or the network
 *
 *     scout:     "a, then b, of this directory, in this order: and both had to wait"
 *                 open c, d, e ... read c, d, e ...                        at the same time, in a ring of its own
 *
 *     program:   open c   read c   open d   ...                            all there already
 *
 * It watches opens, and only them, until two of the last few had to wait (scout_watch.c); only then is there anything else:
 * memory, a ring, helpers that list directories, a plan (scout_plan.c). When nothing waits any more, or the program does
 * other things, all that goes again.
 *
 * In what the scout does ahead nothing is final. Attributes and contents go into the kernel's caches and nowhere else, so
 * that the program's own calls stay as they are and find what they would have found, only sooner. That is all, but for
 * profile `remote`. On file systems where opening is the slow part, or where a fresh open drops what is cached, the open
 * file itself is handed over when the program opens it, if
 *
 *     - it was opened ahead with the same flags, for reading, at most a second ago (XURING_SCOUT_AGE_MS), and
 *     - the name, looked up at this moment by the program's own path or directory fd, is that very file: same device, same
 *       inode. So whatever this process has renamed, replaced or mounted in between counts; and
 *     - nothing has been removed, renamed or had its permissions changed by this process in between: such calls let go of
 *       all files ahead before they are made.
 *
 * It has the lowest free number, its offset is 0, nobody else has it: a fresh open file. What remains to be different is that
 * a change of permissions by another machine is noticed up to a second later.
 *
 *     ASLEEP --two opens waited--> AT WORK --controls do not wait | nothing for 2 s | identity--> ASLEEP
 *
 * One thread is served at a time: the one that was seen to wait. When it makes no more calls, and another one waits, that
 * one is served in its place, by the same ring and the same plan. (All at once would be too many for one plan: threads that
 * share out a tree wait at the same time as it is, and each would have the window moved to where it is itself.)
 *
 * Helpers are threads, which a program sees that counts its own in /proc, as those do that sandbox themselves once they
 * are alone: before it looks, they are gone, for good.
 */
#include <errno.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/mman.h>

#include "shim/engine/scout.h"
#include "shim/inward.h"
#include "shim/policy.h"

#ifndef MADV_DONTFORK
#define MADV_DONTFORK 10
#endif

enum {
	TRIES = 20, /* of a thread to get in while another one is here */
	RIVAL = 4,  /* waits of another thread, between two calls of the one that is served */
	CROWD = 64, /* waits of others that much more than the one that is served comes along */
	PAUSE_NS = 250000000, /* after work that was of no use; twice as long each time, up to */
	PAUSES = 7,	      /* times that */
	PATIENT_MS = 3000,    /* before a change of identity, while another thread is in here */
	IDLE_NS = 2000000000,
};

struct scout *scout;
struct score score;

static int owner; /* the thread that is served, while at work */
static int process;
static bool stale;  /* it is to end, another thread has said */
static bool differ; /* threads may have become somebody else, each for itself */
/* Who is in here: NULL, the slot of a thread, or this for a helper, which is soon through. */
static void *busy;
#define HELPER ((void *)&busy)
static uint64_t dir_since; /* when the program began to read a directory that it has opened, or 0 */
static bool started;
static bool refused;	    /* no ring, or a program that counts its threads: no scout */
static uint64_t not_before; /* when there may be use in it again */
static unsigned pauses;
static bool on;	     /* at the first call already */
static bool handoff; /* XURING_SCOUT_HANDOFF */
static bool hands;   /* it does so, now */

uint32_t scout_hash(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h;
}

/* ---- To work and to rest ---- */

/* Everything goes, and the scout watches again. */
static void rest(void)
{
	bool ended = queue_drop(), still;

	refused = refused || ring_failed();
	still = list_stop() && ended;
	still = ring_stop(!ended) && still;
	change_forget();
	process_sleep(AWAKE_SCOUT_NAME | AWAKE_SCOUT_LENT);
	/* What is stuck in a directory that does not answer, a helper or an operation, keeps the memory; then that was all. */
	if (still) {
		xu_sys(SYS_munmap, scout, sizeof(*scout));
		scout = NULL;
	} else {
		owner = 0;
	}
	stale = hands = false;
	watch_anew();
}

bool scout_begin(struct call *c)
{
	long p;

	/* A program that watches files would hear of those that are opened ahead. */
	if (refused || scout_now() < not_before || policy_watches() || !thread_is_own() ||
	    policy_filtered())
		return false;
	p = xu_sys(SYS_mmap, 0, sizeof(*scout), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p < 0 && p > -4096)
		return false;
	xu_sys(SYS_madvise, p, sizeof(*scout), MADV_DONTFORK);
	scout = (struct scout *)p;
	if (handoff && !ring_start()) {
		if (ring_stop(false))
			xu_sys(SYS_munmap, scout, sizeof(*scout));
		scout = NULL;
		refused = true;
		return false;
	}
	hands = handoff && policy_has_op(IORING_OP_FIXED_FD_INSTALL) && policy_user_memory();
	scout->handoff = hands;
	if (hands)
		change_begin();
	owner = (int)xu_sys(SYS_gettid);
	process = (int)xu_sys(SYS_getpid);
	/* The ring's workers are to be waited for where they would be in the way. */
	c->thread->had_ring = true;
	c->thread->rings++;
	score.starts++;
	process_wake(AWAKE_SCOUT_OPEN | AWAKE_SCOUT_NAME);
	watch_anew();
	scout->touched = scout_now();
	return true;
}

/* Is the calling thread the one that is served, and not a child that runs in its memory, or a copy of it? */
static bool ours(void)
{
	return scout && owner == (int)xu_sys(SYS_gettid);
}

static bool enter_as(void *who)
{
	void *nobody = NULL;

	return __atomic_compare_exchange_n(&busy, &nobody, who, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* One at a time: false for a signal handler that came in between, and for a thread while another one is here for long. */
static bool enter(void)
{
	const struct timespec moment = {.tv_nsec = 10000};
	struct thread *t = thread_self();

	for (int i = 0; t && i < 1000; i++) {
		void *who;

		if (enter_as(t))
			return true;
		who = XU_LOAD(&busy);
		if (who == t || (who != HELPER && i >= TRIES))
			return false;
		/* Not by yielding: that costs a whole slice where others are at work. */
		if (i >= TRIES)
			xu_sys(SYS_nanosleep, &moment, 0);
	}
	return false;
}

static void leave(void)
{
	XU_STORE_RELEASE(&busy, NULL);
}

/* The same where the thread is the one that is served, and still is inside. */
static bool enter_ours(void)
{
	if (!ours() || !enter())
		return false;
	if (ours())
		return true;
	leave();
	return false;
}

/*
 * Another thread than the one that is served waited. It may be served in its place if it has the same fds and the same
 * root as the carrier, which does what is done for it: the kernel knows. Who it is can not be asked, but noticed.
 */
static void rival(struct thread *t)
{
	int tid = (int)xu_sys(SYS_gettid), carrier;

	if (!owner || differ || tid != t->tid || process != (int)xu_sys(SYS_getpid))
		return;
	scout->crowd += 2;
	if (t->rival_since != scout->touches)
		t->rival_waits = 0;
	t->rival_since = scout->touches;
	carrier = XU_LOAD_ACQUIRE(&scout->carrier.task.tid);
	if (++t->rival_waits < RIVAL || !carrier || xu_sys(SYS_kcmp, tid, carrier, KCMP_FILES, 0, 0) ||
	    xu_sys(SYS_kcmp, tid, carrier, KCMP_FS, 0, 0))
		return;
	seq_forget();
	owner = tid;
}

bool scout_enter_helper(void)
{
	return enter_as(HELPER);
}

void scout_leave(void)
{
	leave();
}

void scout_found_dirs(void)
{
	if (!enter_as(HELPER))
		return;
	if (!XU_LOAD_ACQUIRE(&scout->stopping) && scout->front && plan_list_ahead())
		list_wake_others();
	leave();
}

/* ---- The engine ---- */

/* To remove a file takes to know it, which is what a walk that removes all waits for. */
static void seen_removal(void)
{
	queue_close_own();
	scout->asks_files = true;
}

/* The program did something of interest. */
static void touch(uint64_t now)
{
	scout->touched = now;
	scout->touches++;
	scout->crowd -= scout->crowd > 0;
}

/* In this very process, by whichever thread? */
static bool at_work_here(void)
{
	return XU_LOAD(&scout) && process == (int)xu_sys(SYS_getpid);
}

/* Whichever thread is served: ring and helpers are gone after this. */
static void stop(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	if (!at_work_here())
		return;
	for (int i = 0; i < PATIENT_MS; i++) {
		if (enter()) {
			if (scout)
				rest();
			leave();
			return;
		}
		/* A signal handler in the middle of it: with the next call. */
		if (XU_LOAD(&busy) == thread_self())
			break;
		xu_sys(SYS_nanosleep, &ms, 0);
	}
	stale = true;
}

/* The first read of a file waited, or it did not. */
static void judgement(struct call *c, bool waited, uint64_t took)
{
	if (ours())
		plan_first_read(waited);
	else if (waited)
		watch_waited(c, took);
	watch_judged();
}

/* What the calls before this one tell: of a file that nobody saw being read. */
static void look_back(const struct call *c)
{
	if (plain_open(c) && watch_takes_unseen() && enter()) {
		judgement(NULL, scout_waited_since(), 0);
		leave();
	}
}

static bool scout_call(struct call *c)
{
	bool answered = false;

	if (c->sqe.opcode == IORING_OP_CLOSE)
		watch_closed(c->sqe.fd);
	else if (!refused && (dir_open(c) || plain_open(c) || stat_by_name(c)) &&
		 inward_path(path_of(c)) >= INWARD_STAT) {
		refused = true;
		stop();
	}
	look_back(c);
	/* Where nothing is handed over, questions are looked at when they are answered. */
	if ((hands || !stat_by_name(c)) && enter_ours()) {
		if (stale || ring_gone())
			rest();
		else if (removes(c) && scout->handoff)
			queue_drop();
		else if (removes(c))
			seen_removal();
		else if (c->sqe.opcode == IORING_OP_CLOSE)
			seq_closes(c->sqe.fd);
		if (scout && owner && plain_open(c)) {
			touch(scout_now());
			answered = hand_file(c);
		} else if (scout && owner && stat_by_name(c)) {
			touch(scout_now());
			answered = hand_attributes(c);
		} else if (scout && owner && c->sqe.opcode == IORING_OP_STATX) {
			answered = hand_status(c);
		}
		if (answered)
			plan_ahead(scout->touched);
		leave();
	}
	if (answered)
		return true;
	c->began = scout_now();
	return false;
}

/* The first read of a file counts with its open; many in a row are scout_seq.c's. */
static void seen_read(struct call *c, long res, bool waited, uint64_t took)
{
	int64_t offset = c->route == ROUTE_READ ? -1 : (int64_t)c->sqe.off;

	if (!scout && seq_pays())
		scout_begin(c);
	if (!scout || ours())
		seq_read(c->sqe.fd, offset, res, waited);
	if (watch_judges(c->sqe.fd))
		judgement(c, waited, took);
	else
		watch_other();
}

void scout_copied(int fd, uint64_t began)
{
	int saved = errno;

	if (watch_judges(fd) && enter()) {
		uint64_t took = scout_now() - began;

		judgement(NULL, scout_waits(fd, "", took), took);
		leave();
	}
	errno = saved;
}

/*
 * Is most of what is fetched for nothing? Or do other threads wait for what they go through themselves, at the same time,
 * so that nothing is won? Then there is a pause.
 */
static bool useless(uint64_t now)
{
	if (!plan_wastes() && scout->crowd < CROWD)
		return false;
	not_before = now + ((uint64_t)PAUSE_NS << pauses);
	pauses += pauses < PAUSES;
	return true;
}

/* What this is, or this name there: S_IFDIR and the like. 0: nobody knows. Asked of what the kernel knows. */
static unsigned type_of(int fd, const char *name)
{
	struct statx stx;

	if (xu_sys(SYS_statx, fd, name,
		   AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		   STATX_TYPE, &stx))
		return 0;
	return stx.stx_mode & S_IFMT;
}

/* Was a directory opened, if not by that flag (tar)? Of a stream the fd is not known. */
static bool opened_dir(const struct call *c, long res)
{
	return dir_open(c) ||
	       (plain_open(c) && c->symbol != SYM_fopen && type_of((int)res, "") == S_IFDIR);
}

/* An open or a question by name that the program made itself, at work. */
static void seen_name(struct call *c, long res, uint64_t now, uint64_t waited_ns)
{
	bool dir = opened_dir(c, res);

	touch(now);
	if (plain_open(c) && !dir) {
		scout->flags = (int)c->sqe.open_flags;
		watch_first_read(c, res);
	}
	if (stat_by_name(c)) {
		scout->how = (int)c->sqe.statx_flags;
		scout->mask = c->sqe.len;
		if (waited_ns && !scout->asks_files)
			scout->asks_files = type_of(c->sqe.fd, path_of(c)) != S_IFDIR;
	}
	if (stat_by_name(c) && !plan_heeds_questions())
		watch_question(waited_ns, plan_walks(scout->dir));
	if (dir)
		plan_entered(c->sqe.fd, path_of(c));
	else
		plan_touch(c->sqe.fd, path_of(c), stat_by_name(c) ? DEED_STAT : DEED_OPEN, waited_ns);
	if (plan_pays() && !useless(now))
		plan_ahead(now);
	else
		rest();
}

static void scout_seen(struct call *c, long res)
{
	uint64_t now, took;
	bool waited;

	change_seen(c, res);
	if (c->sqe.opcode == IORING_OP_CLOSE && ours() && enter()) {
		queue_returned(c->sqe.fd);
		leave();
	}
	if (!c->began || res < 0)
		return;
	if (!(plain_open(c) || stat_by_name(c) || dir_open(c) || reads(c)) || !enter())
		return;
	now = scout_now();
	took = now - c->began;
	/* The fd of a stream is not known. */
	if (stat_by_name(c) || c->symbol == SYM_fopen)
		waited = scout_waits(c->sqe.fd, path_of(c), took);
	else
		waited = scout_waits(reads(c) ? c->sqe.fd : (int)res, "", took);
	if (ours() && (stale || ring_gone() || now - scout->touched > IDLE_NS))
		rest();
	if (reads(c)) {
		seen_read(c, res, waited, took);
		if (ours())
			scout->touched = now;
	} else {
		if (!scout)
			watch_call(c, res, waited || on, took);
		else if (waited && !ours())
			rival(c->thread);
		if (ours())
			seen_name(c, res, now, waited || on ? took : 0);
	}
	leave();
}

void scout_opens_dir(void)
{
	if (started)
		watch_dir();
}

void scout_reads_dir(void)
{
	/* Whoever counts calls is told of all of them. */
	dir_since = XU_LOAD(&awake) & AWAKE_SCOUT_LIST ? scout_now() : 0;
	process_sleep(AWAKE_SCOUT_LIST);
}

void scout_read_dir(void *dir)
{
	uint64_t took;

	if (!dir_since)
		return;
	took = scout_now() - dir_since;
	if (!scout_waits(dirfd(dir), "", took) || !enter())
		return;
	if (!scout)
		watch_waited(NULL, took);
	else if (ours())
		scout->dir_waited = true;
	leave();
}

void scout_lets_go(void)
{
	if (!enter_ours()) {
		scout_changed();
		return;
	}
	if (scout->handoff)
		queue_drop();
	leave();
}

void scout_lets_go_near(int dfd, const char *path)
{
	/* Where copies are written is seldom where files are read. */
	if (change_near(dfd, path))
		scout_lets_go();
}

static void start(const struct xu_config *config)
{
	if (config->scout == XU_SCOUT_OFF)
		return;
	started = true;
	on = config->scout == XU_SCOUT_ON;
	handoff = config->scout_handoff;
	process_wake(AWAKE_SCOUT_OPEN | AWAKE_SCOUT_DIR | (on ? AWAKE_SCOUT_NAME : 0));
}

/* Rings and helpers of before are not to outlive a change of identity. For all other ends there is nothing to put out. */
static void renew(void)
{
	differ = true;
	stop();
}

/* What is open ahead is closed; if the process goes on after all, as after an exec that failed, all goes. */
static void end(void)
{
	if (!at_work_here() || !enter())
		return;
	if (scout && !ring_gone())
		queue_end();
	stale = true;
	leave();
}

/* The ring and the memory are not in the child, and whose work it was is not either. */
static void forked(void)
{
	scout = NULL;
	busy = NULL;
	stale = differ = hands = false;
	seq_forget();
	watch_anew();
	watch_judged();
	change_forget();
	memset(&score, 0, sizeof(score));
}

static void report(struct xu_text *t)
{
	static const struct {
		const char *name;
		const uint64_t *value;
		unsigned divisor;
	} members[] = {
		{"predicted", &score.predicted, 1},
		{"used", &score.used, 1},
		{"wasted", &score.wasted, 1},
		{"handed", &score.handed, 1},
		{"late", &score.late, 1},
		{"controls", &score.controls, 1},
		{"listed", &score.listed, 1},
		{"looked_up", &score.looked_up, 1},
		{"starts", &score.starts, 1},
		{"ahead_bytes", &score.seq_bytes, 1},
		{"saved_us", &score.saved_ns, 1000},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		xu_text_str(t, i ? ",\"" : "\"");
		xu_text_str(t, members[i].name);
		xu_text_str(t, "\":");
		xu_text_num(t, *members[i].value / members[i].divisor, 0);
	}
}

const struct engine engine_scout = {
	.name = "scout",
	.start = start,
	.call = scout_call,
	.seen = scout_seen,
	.renew = renew,
	.end = end,
	.forked = forked,
	.report = report,
};
