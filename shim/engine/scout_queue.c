/*
 * Fetching ahead: a ring of the scout's own, and the files in it.
 *
 * What is done for a file is a chain of operations that a worker of the kernel goes through in one piece, so that a file
 * costs the program's thread one part in many of an enter, and no wait:
 *
 *     attributes   statx
 *     warm         openat -> fadvise(WILLNEED) -> close        the kernel's caches have it: DONE
 *     hand over    openat -> fadvise(WILLNEED)                 the file stays open: HELD
 *
 * Files are opened into the ring's own table, so that no fd of the process is taken, and none can be seen, closed or
 * inherited. To hand one over is to install it: it gets the lowest free number, as by open. Contents never pass through
 * our memory: they are in the page cache when the program reads, by whatever door.
 *
 * On network file systems the last close of a file may wait for the server (NFS does). There the table keeps the file until
 * the program has closed its fd, so that the last close is a worker's.
 *
 *     FREE --send--> FLYING --completions--> HELD | DONE --the program came, or too old--> LEAVING --closed--> FREE
 *
 * The ring is another task's (scout_ring.c), which is told of entries by a bell. It is plain: no work is deferred, so
 * completions appear in memory.
 */
#include <errno.h>

#include "shim/engine/scout.h"
#include "shim/policy.h"

/* How much of a file is read ahead with its open. */
#define FIRST_BYTES (256 * 1024)

/* What an operation was; the low byte of its ticket, above the slot's number. */
enum what { WHAT_STAT, WHAT_OPEN, WHAT_ADVISE, WHAT_CLOSE, WHAT_INSTALL };

/* The tickets of what is done for no slot. */
#define NO_SLOT ((uint64_t)SCOUT_SLOTS << 8)
#define OWN_FILE ((uint64_t)(SCOUT_SLOTS + 1) << 8)
#define ADVICE ((uint64_t)(SCOUT_SLOTS + 2) << 8)

static uint64_t ticket(const struct slot *s, enum what what)
{
	return (uint64_t)(s - scout->slots) << 8 | what;
}

static unsigned place(const struct slot *s)
{
	return (unsigned)(s - scout->slots);
}

/* Entries for a chain that is not torn. False: the kernel does not take them now. */
static bool room(unsigned nr)
{
	if (!ring_want())
		return false;
	if (xu_sq_space_left(&scout->ring) < nr) {
		queue_submit();
		ring_await_sent();
	}
	return xu_sq_space_left(&scout->ring) >= nr;
}

void queue_submit(void)
{
	struct thread *t = thread_self();

	if (!ring_ready() || !ring_send())
		return;
	if (t)
		t->enters++;
	/* Before the program can close the fd, and open another file by its number. */
	if (scout->by_number)
		ring_await_sent();
	scout->by_number = false;
}

/* The next entry, for which there is room. */
static struct io_uring_sqe *next(struct slot *s)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&scout->ring);

	s->pending++;
	if (!sqe)
		__builtin_unreachable();
	return sqe;
}

static void finish(struct slot *s, struct io_uring_sqe *sqe, enum what what, unsigned flags)
{
	xu_sqe_set_data64(sqe, ticket(s, what));
	xu_sqe_set_flags(sqe, flags);
}

static void close_file(struct slot *s)
{
	struct io_uring_sqe *sqe;

	if (!room(1))
		return;
	sqe = next(s);
	xu_prep_close_direct(sqe, place(s));
	finish(s, sqe, WHAT_CLOSE, s->lends ? IOSQE_ASYNC : 0);
	s->open = false;
}

/* A slot that nobody waits for is free once all has ended and its file is closed. */
static void settle(struct slot *s)
{
	if (s->state != SLOT_LEAVING || s->pending || s->lent >= 0)
		return;
	if (s->open)
		close_file(s);
	if (!s->open && !s->pending)
		s->state = SLOT_FREE;
}

struct slot *queue_slot(void)
{
	/* Until it is there, there are none. */
	if (!ring_want())
		return NULL;
	/* One after another, so that what a free one knows stays for a while. */
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		struct slot *s = &scout->slots[(scout->next + i) % scout->slots_nr];

		if (s->state == SLOT_FREE) {
			scout->next = place(s) + 1;
			return room(4) ? s : NULL;
		}
	}
	return NULL;
}

/* Have its attributes asked for, in the program's way. */
static void ask(struct slot *s)
{
	struct io_uring_sqe *sqe = next(s);

	s->how = AT_NO_AUTOMOUNT | (scout->handoff ? scout->how : AT_SYMLINK_NOFOLLOW);
	s->mask = scout->handoff ? scout->mask : STATX_BASIC_STATS;
	s->asked = ASKED;
	xu_prep_statx(sqe, AT_FDCWD, s->path, s->how, s->mask, &s->stx);
	finish(s, sqe, WHAT_STAT, IOSQE_ASYNC);
}

void queue_send(struct slot *s)
{
	struct io_uring_sqe *sqe;

	s->state = SLOT_FLYING;
	s->open = s->touched = false;
	s->lends = s->keep && s->dir->kind == FS_NETWORK;
	s->lent = -1;
	s->number = ++scout->number;
	s->since = scout_now();
	s->change = change_count();
	s->opened_at = change_of_opens();
	s->asked = ASKED_NOT;
	scout->ahead++;
	scout->flying++;
	score.predicted++;
	/* Opening may wait, whatever the file system says: it is a worker's business from the start. */
	if (s->deed == DEED_STAT) {
		ask(s);
		return;
	}
	if (s->keep && plan_asks())
		ask(s);
	sqe = next(s);
	/* A file that is to be closed again does not wait until another process has given up its lease. */
	xu_prep_openat_direct(sqe, AT_FDCWD, s->path,
			      (s->flags & ~O_CLOEXEC) | (s->keep ? 0 : O_NONBLOCK), 0, place(s));
	finish(s, sqe, WHAT_OPEN, IOSQE_ASYNC | IOSQE_IO_LINK);
	sqe = next(s);
	xu_prep_fadvise(sqe, (int)place(s), 0, FIRST_BYTES, POSIX_FADV_WILLNEED);
	finish(s, sqe, WHAT_ADVISE, IOSQE_FIXED_FILE | (s->keep ? 0 : IOSQE_IO_HARDLINK));
	if (s->keep)
		return;
	sqe = next(s);
	xu_prep_close_direct(sqe, place(s));
	finish(s, sqe, WHAT_CLOSE, 0);
}

/* One operation has ended. */
static void ended(struct slot *s, enum what what, int res)
{
	s->pending--;
	switch (what) {
	case WHAT_OPEN: s->open = res >= 0; break;
	case WHAT_CLOSE:
		if (!res)
			s->open = false;
		break;
	case WHAT_INSTALL: s->installed = res; break;
	case WHAT_STAT: s->asked = res ? ASKED_NOT : ASKED_KNOWN; break;
	case WHAT_ADVISE: break;
	}
	/* An open file may be asked for while its contents are still on their way. */
	if (s->state == SLOT_FLYING && what == WHAT_OPEN && s->open && s->keep)
		s->state = SLOT_HELD;
	else if (s->state == SLOT_FLYING && !s->pending)
		s->state = SLOT_DONE;
	else {
		settle(s);
		return;
	}
	scout->flying--;
	if (s->touched)
		queue_release(s, true);
}

void queue_reap(uint64_t now)
{
	uint64_t age = process_config()->scout_age_ms * 1000000u;
	struct io_uring_cqe *cqe;

	while (ring_ready() && (cqe = xu_cq_front(&scout->ring))) {
		uint64_t data = cqe->user_data;
		int res = cqe->res;

		xu_cq_advance(&scout->ring, 1);
		if (data >> 8 < SCOUT_SLOTS)
			ended(&scout->slots[data >> 8], (enum what)(data & 255), res);
		else if (data == OWN_FILE)
			scout->own = res < 0 ? OWN_NONE : OWN_OPEN;
		else if (data == ADVICE)
			scout->advices--;
	}
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		struct slot *s = &scout->slots[i];

		if (now - s->since > age)
			s->lent = -1;
		if ((s->state == SLOT_HELD || s->state == SLOT_DONE) && now - s->since > age)
			queue_release(s, false);
		else
			settle(s);
	}
}

bool queue_advise(int fd, int64_t offset, unsigned len)
{
	struct io_uring_sqe *sqe;

	if (!room(1))
		return false;
	sqe = xu_get_sqe(&scout->ring);
	if (!sqe)
		return false;
	if (scout->own == OWN_OPEN)
		fd = (int)scout->slots_nr;
	xu_prep_fadvise(sqe, fd, (uint64_t)offset, len, POSIX_FADV_WILLNEED);
	xu_sqe_set_data64(sqe, ADVICE);
	scout->advices++;
	if (scout->own == OWN_OPEN)
		xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	else
		scout->by_number = true;
	return true;
}

void queue_release(struct slot *s, bool used)
{
	if (s->state == SLOT_FREE || s->state == SLOT_LEAVING)
		return;
	if (s->state == SLOT_FLYING)
		scout->flying--;
	scout->ahead--;
	*(used ? &score.used : &score.wasted) += 1;
	*(used ? &scout->useful : &scout->useless) += 1;
	/* The program may come yet. */
	if (!used && s->serial == s->dir->serial)
		s->dir->entries[s->at].fetched &= (uint8_t)~s->deed;
	s->state = SLOT_LEAVING;
	settle(s);
}

/* Let completions come, for 100 ms at most. */
static void wait_some(void)
{
	queue_submit();
	ring_await_completion();
	queue_reap(scout_now());
}

void queue_await(struct slot *s)
{
	uint64_t number = s->number;

	for (int i = 0; i < 20 && s->number == number && s->state == SLOT_FLYING; i++)
		wait_some();
}

bool queue_open_own(int fd)
{
	struct io_uring_sqe *sqe;
	struct xu_text t;

	if (scout->own != OWN_NONE || !room(1))
		return scout->own == OWN_OPEN;
	xu_text_init(&t, scout->own_path, sizeof(scout->own_path));
	xu_text_str(&t, "/proc/self/fd/");
	xu_text_num(&t, (unsigned)fd, 0);
	sqe = xu_get_sqe(&scout->ring);
	if (!sqe)
		return false;
	scout->own = OWN_OPENING;
	xu_prep_openat_direct(sqe, AT_FDCWD, scout->own_path, O_RDONLY | O_NONBLOCK, 0,
			      scout->slots_nr);
	xu_sqe_set_data64(sqe, OWN_FILE);
	xu_sqe_set_flags(sqe, IOSQE_ASYNC);
	for (int i = 0; i < 5 && scout->own == OWN_OPENING; i++)
		wait_some();
	return scout->own == OWN_OPEN;
}

void queue_close_own(void)
{
	struct io_uring_sqe *sqe;

	if (scout->own != OWN_OPEN || !room(1))
		return;
	sqe = xu_get_sqe(&scout->ring);
	if (!sqe)
		return;
	xu_prep_close_direct(sqe, scout->slots_nr);
	xu_sqe_set_data64(sqe, NO_SLOT);
	scout->own = OWN_NONE;
	queue_submit();
	ring_await_sent();
}

void queue_await_asked(struct slot *s)
{
	uint64_t number = s->number;

	for (int i = 0; i < 20 && s->number == number && s->asked == ASKED; i++)
		wait_some();
}

/* What no worker has begun with is not to be begun with. Kernels before 5.19 can not do that for all at once. */
static void cancel_waiting(void)
{
	struct io_uring_sqe *sqe = room(1) ? xu_get_sqe(&scout->ring) : NULL;

	if (!sqe)
		return;
	xu_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	xu_sqe_set_data64(sqe, NO_SLOT);
}

/* How much there is that has not ended. What works on a file holds it open, after the process's end as well. */
static unsigned under_way(void)
{
	unsigned nr = scout->advices + (scout->own != OWN_NONE);

	for (unsigned i = 0; i < scout->slots_nr; i++)
		nr += scout->slots[i].state != SLOT_FREE;
	return nr;
}

/* The ring is gone, and all that was in it. */
static void forget_all(void)
{
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		struct slot *s = &scout->slots[i];

		if (s->state != SLOT_FREE && s->state != SLOT_LEAVING)
			score.wasted++;
		s->state = SLOT_FREE;
		s->pending = 0;
		s->lent = -1;
		s->open = false;
	}
	scout->ahead = scout->flying = scout->advices = 0;
	scout->own = OWN_NONE;
}

bool queue_drop(void)
{
	if (!ring_ready()) {
		forget_all();
		return true;
	}
	queue_close_own();
	for (unsigned i = 0; i < scout->slots_nr; i++) {
		scout->slots[i].lent = -1;
		queue_release(&scout->slots[i], false);
	}
	queue_submit();
	queue_reap(scout_now());
	if (under_way())
		cancel_waiting();
	for (int tries = 0; tries < 20 && under_way(); tries++) {
		wait_some();
		queue_close_own();
	}
	return !under_way();
}

void queue_end(void)
{
	if (queue_drop() && ring_ready())
		ring_end();
}

long queue_install(struct slot *s, bool cloexec)
{
	struct io_uring_sqe *sqe;

	if (!room(2))
		return -EAGAIN;
	s->installed = -EAGAIN;
	sqe = next(s);
	xu_prep_fixed_fd_install(sqe, (int)place(s), cloexec ? 0 : IORING_FIXED_FD_NO_CLOEXEC);
	finish(s, sqe, WHAT_INSTALL, IOSQE_FIXED_FILE);
	if (!s->lends)
		close_file(s);
	queue_submit();
	ring_await_sent();
	queue_reap(scout_now());
	if (s->lends && s->installed >= 0) {
		s->lent = (int)s->installed;
		process_wake(AWAKE_SCOUT_LENT);
	}
	return s->installed;
}

struct slot *queue_lent(int fd)
{
	for (unsigned i = 0; i < scout->slots_nr; i++)
		if (scout->slots[i].lent == fd && scout->slots[i].state == SLOT_LEAVING)
			return &scout->slots[i];
	return NULL;
}

void queue_returned(int fd)
{
	struct slot *s = queue_lent(fd);

	if (!s)
		return;
	s->lent = -1;
	settle(s);
}
