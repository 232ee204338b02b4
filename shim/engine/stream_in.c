/*
 * Small reads, from memory: see stream.c.
 *
 * All that a reader needs is said by one word, `at`, the file's position: what has it at p copies the bytes from p on, and
 * then makes it p + n if it still is p. So a handler that comes in between, another thread, or a jump out of the middle
 * do no harm: whoever finds the word changed begins anew, and a copy that was not followed by the change never was.
 *
 *     -1 - n     the kernel's; n plain reads are under way
 *     ARMING     one who found it at -1 asks the kernel for the position; a plain read that comes in between makes it its own
 *     p          ours
 *     p SETTLING one who found it ours tells the kernel; handlers are held back, others wait
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/steps.h"
#include "shim/engine/stream.h"
#include "shim/reach.h"
#include "shim/signals.h"
#include "shim/thread.h"

#define ARMING INT64_MIN
#define SETTLING ((int64_t)1 << 62)

/* Reads of more than this are the kernel's: copying twice would cost more than asking. Direct ones wait for a disk. */
enum { SMALL = 1024, SMALL_DIRECT = 128 << 10 };

/* How much a window holds, at least, at first and at most. */
enum { LEAST = 4 << 10, FIRST = 16 << 10, MOST = 64 << 10, MOST_DIRECT = 1 << 20 };

/* So many small reads one after another are a habit; windows of which little is used are not worth having. */
enum { HABIT = 4, POOR = 8 };

static bool change(int64_t *word, int64_t from, int64_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

/* The kernel's clock, as it stood at its last tick: at most 10 ms ago. */
static uint64_t tick(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_ours(int64_t at)
{
	return (uint64_t)at < (uint64_t)SETTLING;
}

/*
 * Copy `n` bytes from the window and move on; or -1, if it has less. What it has will do, if `some`, where it begins at this
 * very place: then that is all the file has. (Somebody who was quicker may have left little of a window, or nothing.)
 */
static inline long take(struct stream *s, void *to, size_t n, bool some)
{
	int64_t at = XU_LOAD_ACQUIRE(&s->at);
	unsigned sequence = XU_LOAD_ACQUIRE(&s->sequence);
	int64_t start = s->start, end = s->end;

	if (!is_ours(at) || sequence & 1 || at < start || at > end)
		return -1;
	if ((uint64_t)(end - at) < n) {
		if (!some || at != start)
			return -1;
		n = (size_t)(end - at);
	}
	if (n == 1)
		*(char *)to = s->window[at - start];
	else
		memcpy(to, s->window + (at - start), n);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (XU_LOAD(&s->sequence) != sequence || !change(&s->at, at, at + (int64_t)n))
		return -1;
	return (long)n;
}

static bool fresh(const struct stream *s)
{
	return XU_LOAD_ACQUIRE(&s->news) == XU_LOAD(&streams->news) &&
	       XU_LOAD_ACQUIRE(&s->tick) == tick();
}

/* Does this read have a form that windows are for? */
static inline bool suits(const struct stream *s, const void *to, size_t n)
{
	return n - 1 < (s->direct ? SMALL_DIRECT : SMALL) && !(((uintptr_t)to | n) & s->mask) &&
	       reach(to, n, REACH_WRITE);
}

long stream_quick_read(int fd, void *to, size_t n)
{
	struct stream *s = stream_of(fd);

	if (s && s->kind == KIND_ZERO && n - 1 < LEAST && reach(to, n, REACH_WRITE))
		return memset(to, 0, n) ? (long)n : -1;
	if (!s || XU_LOAD(&s->at) < 0 || !suits(s, to, n) || !fresh(s))
		return -1;
	return take(s, to, n, false);
}

/* How much to read next, from how much of the last window was used. False: it does not pay. */
static bool adapt(struct stream *s, int64_t at, size_t n)
{
	size_t most = s->direct ? MOST_DIRECT : MOST;
	size_t used = (size_t)(at - s->start);

	if (!s->size) {
		s->size = s->direct ? most / 4 : FIRST;
		return true;
	}
	/* A window that ended with the file says nothing. */
	if ((size_t)(s->end - s->start) < s->size)
		return true;
	if (used >= s->size - s->size / 4)
		s->size = s->size * 2 < most ? s->size * 2 : most;
	else if (used < s->size / 4 && s->size > LEAST && s->size / 2 >= n)
		s->size /= 2;
	s->poor = used < 4 * n ? s->poor + 1 : 0;
	return s->poor < POOR;
}

/* Read a window from `at` on. False: that can not be done, or is being done. */
static bool fill(struct stream *s, int fd, int64_t at, size_t n)
{
	long got;

	if (__atomic_exchange_n(&s->filling, 1, __ATOMIC_ACQUIRE))
		return false;
	if (!adapt(s, at, n)) {
		s->plain = true;
		s->filling = 0;
		return false;
	}
	/* The whole of what was asked for, or a short window would look like the end of the file. */
	while (s->size < n)
		s->size *= 2;
	/* Not before the window is known to change: nobody may take what it had for fresh. */
	__atomic_add_fetch(&s->sequence, 1, __ATOMIC_ACQ_REL);
	XU_STORE_RELEASE(&s->news, XU_LOAD(&streams->news));
	XU_STORE_RELEASE(&s->tick, tick());
	got = xu_sys(SYS_pread64, fd, s->window, s->size, at);
	s->start = at;
	s->end = got < 0 ? at : at + got;
	__atomic_add_fetch(&s->sequence, 1, __ATOMIC_RELEASE);
	streams->filled++;
	XU_STORE_RELEASE(&s->filling, 0);
	return got >= 0;
}

/* Learn what the file is. False: none that is read ahead. */
static bool learn(struct stream *s, int fd)
{
	char *nothing = NULL, *made;
	struct stat st;

	if (!thread_is_own() || stream_learn(fd) != s || s->kind != KIND_REGULAR ||
	    stream_gathers(s) || !kind_look(fd, &st) || !kind_is_local(&st, fd))
		return false;
	if (XU_LOAD_ACQUIRE(&s->window))
		return true;
	made = thread_map_wiped(MOST_DIRECT);
	if (made && !__atomic_compare_exchange_n(&s->window, &nothing, made, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		xu_sys(SYS_munmap, made, MOST_DIRECT);
	return made || nothing;
}

static bool arm_alone(struct stream *s, int fd)
{
	int64_t at;

	if (!change(&s->at, -1, ARMING))
		return false;
	if (__atomic_load_n(&streams->aside, __ATOMIC_SEQ_CST) || !learn(s, fd)) {
		s->plain = true;
		change(&s->at, ARMING, -1);
		return false;
	}
	s->fd = fd;
	s->start = s->end = 0;
	at = xu_sys(SYS_lseek, fd, 0, SEEK_CUR);
	/* Counted first: what is not counted may be believed for too long. */
	__atomic_add_fetch(&streams->armed, 1, __ATOMIC_ACQ_REL);
	if (at >= 0 && at < SETTLING / 2 && change(&s->at, ARMING, at))
		return true;
	__atomic_sub_fetch(&streams->armed, 1, __ATOMIC_ACQ_REL);
	change(&s->at, ARMING, -1);
	return false;
}

/* Take the position over from the kernel. */
static bool arm(struct stream *s, int fd)
{
	bool armed;

	/* ARMING does not say whose it is. */
	if (!stream_take_on(s))
		return false;
	armed = arm_alone(s, fd);
	stream_taken_on(s);
	return armed;
}

/* Is it open for direct I/O? Whoever changes that has the stream let go. */
static bool is_direct(struct stream *s, int fd)
{
	if (!s->asked)
		s->direct = kind_has_flag(fd, O_DIRECT);
	s->asked = true;
	return s->direct;
}

long stream_read(struct stream *s, int fd, void *to, size_t n)
{
	if (XU_LOAD(&s->at) < 0 && (s->run < HABIT || !suits(s, to, n) || !arm(s, fd)))
		return -1;
	/* Another thread, or a handler, may have been quicker: then there is another try. */
	for (int tries = 0; tries < 8 && suits(s, to, n); tries++) {
		int64_t at = XU_LOAD_ACQUIRE(&s->at);
		long got = fresh(s) ? take(s, to, n, false) : -1;

		if (got < 0 && is_ours(at) && fill(s, fd, at, n))
			got = take(s, to, n, true);
		if (got >= 0) {
			__atomic_add_fetch(&streams->served, 1, __ATOMIC_RELAXED);
			return got;
		}
		if (s->plain)
			break;
	}
	stream_put_right(s);
	return -1;
}

long stream_read_at(struct stream *s, int fd, int64_t off, void *to, size_t n)
{
	if (s->plain || s->run_at < HABIT || off != s->next || !suits(s, to, n) || off & s->mask)
		return -1;
	if (!XU_LOAD(&s->windowed)) {
		s->plain = !learn(s, fd);
		if (s->plain)
			return -1;
		__atomic_add_fetch(&streams->armed, 1, __ATOMIC_ACQ_REL);
		if (__atomic_exchange_n(&s->windowed, true, __ATOMIC_ACQ_REL))
			__atomic_sub_fetch(&streams->armed, 1, __ATOMIC_ACQ_REL);
	}
	for (int tries = 0; tries < 2; tries++) {
		unsigned sequence = XU_LOAD_ACQUIRE(&s->sequence);
		int64_t start = s->start, end = s->end;
		size_t there = off >= start && off < end ? (size_t)(end - off) : 0;

		/* What a fresh window has not got, the file has not. */
		if (fresh(s) && !(sequence & 1) && (there >= n || (tries && off == start))) {
			n = there < n ? there : n;
			memcpy(to, s->window + (off - start), n);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (XU_LOAD(&s->sequence) != sequence)
				break;
			s->next = off + (int64_t)n;
			__atomic_add_fetch(&streams->served, 1, __ATOMIC_RELAXED);
			return (long)n;
		}
		if (tries || !fill(s, fd, off, n))
			break;
	}
	return -1;
}

void stream_read_at_ended(struct stream *s, int fd, int64_t off, const void *to, size_t n, long res)
{
	unsigned bits = (unsigned)(uintptr_t)to | (unsigned)n | (unsigned)off | 4096;

	if (s->plain)
		return;
	if (off != s->next || res <= 0 || (size_t)res != n || n > SMALL_DIRECT)
		s->run_at = 0;
	if (res <= 0)
		return;
	s->next = off + res;
	/* Others would be answered by the page cache as quickly. */
	if (!is_direct(s, fd))
		return;
	if (!s->run_at)
		s->mask = 4095;
	s->mask &= (bits & -bits) - 1;
	s->run_at++;
}

void stream_read_begins(struct stream *s)
{
	for (;;) {
		int64_t at = XU_LOAD(&s->at);

		if (at >= 0)
			stream_put_right(s);
		else if (change(&s->at, at, at == ARMING ? -2 : at - 1))
			return;
	}
}

void stream_read_ended(struct stream *s, int fd, const void *to, size_t n, long res)
{
	unsigned bits = (unsigned)(uintptr_t)to | (unsigned)n | 4096;
	int64_t at = XU_LOAD(&s->at);

	while (at < -1 && at != ARMING && !change(&s->at, at, at + 1))
		at = XU_LOAD(&s->at);
	if (s->plain)
		return;
	if (!s->run) {
		s->mask = is_direct(s, fd) ? 4095 : 0;
	}
	if (res <= 0 || (size_t)res != n || n > (s->direct ? SMALL_DIRECT : SMALL)) {
		s->run = 0;
		return;
	}
	/* Direct reads are to be as well aligned as one that the kernel has answered. */
	s->mask &= (bits & -bits) - 1;
	s->run++;
}

void stream_put_right(struct stream *s)
{
	bool hold = false;
	uint64_t before = 0;
	int64_t at;

	for (;;) {
		at = XU_LOAD_ACQUIRE(&s->at);
		if (at == ARMING) {
			change(&s->at, at, -1);
			continue;
		}
		if (at < 0)
			break;
		if (!hold && signals_any()) {
			before = signals_hold();
			hold = true;
		}
		if (is_ours(at) && change(&s->at, at, at | SETTLING)) {
			xu_sys(SYS_lseek, s->fd, at, SEEK_SET);
			__atomic_sub_fetch(&streams->armed, 1, __ATOMIC_ACQ_REL);
			XU_STORE_RELEASE(&s->at, -1);
			break;
		}
		/* Another thread is at it, for the time of one system call. */
		xu_sys(SYS_sched_yield);
	}
	if (hold)
		signals_resume(before);
	s->run = 0;
}

void stream_drop(struct stream *s)
{
	int64_t at = XU_LOAD(&s->at);

	while (is_ours(at) && !change(&s->at, at, -1))
		at = XU_LOAD(&s->at);
	if (is_ours(at))
		__atomic_sub_fetch(&streams->armed, 1, __ATOMIC_ACQ_REL);
	if (s->windowed)
		__atomic_sub_fetch(&streams->armed, 1, __ATOMIC_ACQ_REL);
	s->windowed = false;
}
