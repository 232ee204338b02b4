/*
 * Small writes, gathered: see stream.c.
 *
 * Only one thread, the stream's owner, adds to what is gathered: it copies its bytes behind what is there, and then makes
 * them part of it, if the word that says how much there is still is what it was. A handler that writes in between has what
 * is there written, and its own after it; the copy is made again. Whoever writes it all out (the owner for want of room, any
 * thread before a call that others could see, the flusher) marks the word PUTTING meanwhile, with handlers held back; the owner
 * waits for that.
 *
 * What the kernel does not take stays, in order, and is tried again: a full disk that was made room on loses nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/engine/flusher.h"
#include "shim/engine/steps.h"
#include "shim/engine/stream.h"
#include "shim/log.h"
#include "shim/process.h"
#include "shim/reach.h"
#include "shim/signals.h"
#include "shim/thread.h"

#define PUTTING ((uint64_t)1 << 31)
#define LENGTH(word) ((size_t)((word) & (PUTTING - 1)))

/* Larger writes are the kernel's. So many small ones are a habit, and fewer than so many together do not pay. */
enum { ROOM = 64 << 10, SMALL = 2048, HABIT = 4, FEW = 4, POOR = 8 };

/* The kernel cuts what is longer. */
enum { MOST = 0x7ffff000 };

/* The thread's mark. */
static __thread char mark;

/* The thread is in the middle of writing what was gathered. */
static __thread bool putting;

/* Has stdio something to do with this fd, that we would not see? */
static bool of_stdio(int fd)
{
#ifdef __GLIBC__
	if (fd == 1)
		return stdout->_fileno == 1 && stdout->_IO_buf_base;
#endif
	return (unsigned)fd <= 2;
}

/* Add to what is gathered. False: there is no room, it is not the time, or something came in between. */
static inline bool add(struct stream *s, const void *from, size_t n, bool first)
{
	uint64_t word;
	size_t length;
	bool added = false;

	if (s->adding)
		return false;
	s->adding = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	/* From here on handlers add nothing; they may have it put out. */
	word = XU_LOAD_ACQUIRE(&s->put);
	length = LENGTH(word);
	if (!(word & PUTTING) && length + n <= ROOM && first == !length && !s->error) {
		memcpy(s->room + length, from, n);
		added = __atomic_compare_exchange_n(&s->put, &word, word + n, false,
						    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		s->gathered += added;
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	s->adding = false;
	return added;
}

long stream_quick_write(int fd, const void *from, size_t n)
{
	struct stream *s = stream_of(fd);

	if (!s)
		return -1;
	/* That one does not look at them. */
	if (s->kind == KIND_NULL)
		return n < MOST && user_may_be(from, n) ? (long)n : -1;
	if (s->owner != &mark || n - 1 >= SMALL || of_stdio(fd) || !reach(from, n, REACH_READ))
		return -1;
	return add(s, from, n, false) ? (long)n : -1;
}

/* ---- Out ---- */

/* Make what is gathered ours to write. How much there is. */
static size_t claim(struct stream *s)
{
	for (;;) {
		uint64_t word = XU_LOAD_ACQUIRE(&s->put);

		if (!LENGTH(word))
			return 0;
		if (word & PUTTING)
			xu_sys(SYS_sched_yield);
		else if (__atomic_compare_exchange_n(&s->put, &word, word | PUTTING, false,
						     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return LENGTH(word);
	}
}

/* Write what this stream has gathered. */
static void put(struct stream *s)
{
	uint64_t mask = signals_hold();
	size_t length, done = 0;
	long n = 0;

	putting = true;
	length = claim(s);
	while (done < length && (n = xu_sys(SYS_write, s->fd, s->room + done, length - done)) > 0)
		done += (size_t)n;
	if (done < length) {
		s->error = n < 0 ? (int)-n : EIO;
		memmove(s->room, s->room + done, length - done);
	}
	if (length) {
		s->poor_puts = s->gathered < FEW ? s->poor_puts + 1 : 0;
		streams->taken += s->gathered;
		streams->puts++;
		s->gathered = 0;
		XU_STORE_RELEASE(&s->put, ((s->put >> 32) + 1) << 32 | (length - done));
	}
	putting = false;
	signals_resume(mask);
}

/* The stream's place in `outstanding`. */
static uint64_t bit(const struct stream *s)
{
	return (uint64_t)1 << (s - streams->all);
}

/* Whoever calls has to look after this stream. */
static void note(const struct stream *s)
{
	__atomic_or_fetch(&streams->outstanding, bit(s), __ATOMIC_SEQ_CST);
	process_wake(AWAKE_PUT);
}

/* The one whose first write is the oldest of those after `after`, or NULL. */
static struct stream *oldest(uint64_t after)
{
	struct stream *found = NULL;

	for (struct stream *s = streams->all; s < streams->all + NR_STREAMS; s++)
		if (LENGTH(XU_LOAD(&s->put)) && s->since > after &&
		    (!found || s->since < found->since))
			found = s;
	return found;
}

bool stream_outstanding(void)
{
	return streams && __atomic_load_n(&streams->outstanding, __ATOMIC_SEQ_CST);
}

void stream_put_out(void)
{
	uint64_t at = 0;
	struct stream *s;

	if (!stream_outstanding())
		return;
	while ((s = oldest(at))) {
		at = s->since;
		put(s);
	}
	for (s = streams->all; s < streams->all + NR_STREAMS; s++) {
		if (LENGTH(XU_LOAD_ACQUIRE(&s->put)) || !(streams->outstanding & bit(s)))
			continue;
		__atomic_and_fetch(&streams->outstanding, ~bit(s), __ATOMIC_SEQ_CST);
		/* Its owner may have added something in this very moment. */
		if (LENGTH(__atomic_load_n(&s->put, __ATOMIC_SEQ_CST)))
			note(s);
	}
	if (stream_outstanding())
		return;
	process_sleep(AWAKE_PUT);
	if (stream_outstanding())
		process_wake(AWAKE_PUT);
}

void stream_put_out_at_end(void)
{
	if (!putting)
		stream_put_out();
}

void stream_look(void)
{
	bool due = false;

	if (!stream_outstanding())
		return;
	for (struct stream *s = streams->all; s < streams->all + NR_STREAMS; s++) {
		uint64_t word = XU_LOAD_ACQUIRE(&s->put);

		due = due || (LENGTH(word) && s->seen == word >> 32 && !s->error);
		s->seen = word >> 32;
	}
	if (due)
		stream_put_out();
}

void stream_give_up(struct stream *s)
{
	size_t length;
	char number[24];
	struct xu_text t;

	putting = true;
	length = claim(s);
	if (length)
		XU_STORE_RELEASE(&s->put, ((s->put >> 32) + 1) << 32);
	putting = false;
	if (!length)
		return;
	xu_text_init(&t, number, sizeof(number));
	xu_text_num(&t, length, 0);
	log_line(XU_LOG_ERROR, number, " bytes that a program wrote could not be written", NULL);
}

long stream_take_error(struct stream *s)
{
	int error = s->error;

	s->error = 0;
	return -error;
}

/* ---- In ---- */

bool stream_gathers(const struct stream *s)
{
	for (const struct stream *o = streams->all; o < streams->all + NR_STREAMS; o++)
		if (o->owner && o->dev == s->dev && o->ino == s->ino)
			return true;
	return false;
}

/*
 * May what is written to this file be put off, and by this thread? An open file that can be read, too, could be mapped into
 * memory, where what is put off would be missed.
 */
static bool may_gather(struct stream *s, int fd)
{
	const int refused = O_SYNC | O_DSYNC | O_DIRECT | O_PATH | O_ASYNC;
	long flags = xu_sys(SYS_fcntl, fd, F_GETFL);
	struct rlimit limit = {0, 0};
	struct stat st;

	if (s->plain || s->never || of_stdio(fd) || stream_of(2) == s ||
	    (fd > 2 && stream_of(1) == s) || flags < 0 || flags & refused ||
	    (flags & O_ACCMODE) != O_WRONLY || !thread_is_own() || stream_learn(fd) != s ||
	    s->kind != KIND_REGULAR || stream_gathers(s))
		return false;
	/* A write that goes beyond it would bring a signal, in the middle. */
	if (xu_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) || limit.rlim_cur != RLIM_INFINITY)
		return false;
	return kind_look(fd, &st) && kind_is_local(&st, fd);
}

static bool begin_alone(struct stream *s, int fd)
{
	if (!may_gather(s, fd) || (!s->room && !(s->room = thread_map_wiped(ROOM)))) {
		s->writes = 0;
		return false;
	}
	/* No window of the file, by whatever fd. */
	for (struct stream *o = streams->all; o < streams->all + NR_STREAMS; o++)
		if (o->refs && o->dev == s->dev && o->ino == s->ino)
			stream_put_right(o);
	s->fd = fd;
	s->poor_puts = 0;
	stream_watch_fatal();
	__atomic_store_n(&s->owner, &mark, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&streams->aside, __ATOMIC_SEQ_CST))
		return true;
	stream_stop_gathering(s);
	return false;
}

/* Begin to gather. */
static bool begin(struct stream *s, int fd)
{
	bool begun;

	if (!stream_take_on(s))
		return false;
	/* Another thread may just have: then it is seen that two write. */
	begun = !s->owner && begin_alone(s, fd);
	stream_taken_on(s);
	return begun;
}

void stream_stop_gathering(struct stream *s)
{
	s->writes = 0;
	if (!s->owner)
		return;
	__atomic_store_n(&s->owner, NULL, __ATOMIC_RELEASE);
	put(s);
}

void stream_stop_all(void)
{
	if (!streams)
		return;
	stream_put_out();
	for (struct stream *s = streams->all; s < streams->all + NR_STREAMS; s++)
		if (XU_LOAD_ACQUIRE(&s->refs))
			stream_stop_gathering(s);
}

long stream_write(struct stream *s, int fd, const void *from, size_t n)
{
	bool added;

	if (s->owner && s->owner != &mark)
		s->never = true;
	if (s->never || s->poor_puts >= POOR) {
		s->never = true;
		stream_stop_gathering(s);
		return -1;
	}
	if (n - 1 >= SMALL || !reach(from, n, REACH_READ) || of_stdio(fd) || s->error ||
	    s->adding || (!s->owner && (s->writes < HABIT || !begin(s, fd))))
		return -1;
	/* Handlers may take the place, and have it written. */
	for (int tries = 0; tries < 8; tries++) {
		uint64_t word = XU_LOAD_ACQUIRE(&s->put);

		bool first = !LENGTH(word);

		if (first && !flush_awake())
			break;
		if (first)
			s->since = __atomic_add_fetch(&streams->turn, 1, __ATOMIC_RELAXED);
		/* Before and after: what others find put out in between, they forget. */
		note(s);
		added = add(s, from, n, first);
		note(s);
		if (added)
			return (long)n;
		if (!first)
			stream_put_out();
		if (s->error)
			break;
	}
	return -1;
}

void stream_written(struct stream *s, size_t n, long res)
{
	s->writes = n - 1 < SMALL && res == (long)n ? s->writes + 1 : 0;
}
