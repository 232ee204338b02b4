/*
 * Which open file an fd leads to: see stream.h.
 *
 * A stream is there for an open file that this process opened itself, and for as long as it can tell which fds lead to
 * it. What was there at the start, or before a fork, others have too, and they may look at its position at any time.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/syscall.h"
#include "shim/engine/steps.h"
#include "shim/engine/stream.h"
#include "shim/thread.h"
#include "xuring.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

struct streams *streams;

static bool have_table(void)
{
	struct streams *nothing = NULL, *made;

	if (XU_LOAD_ACQUIRE(&streams))
		return true;
	made = thread_map_wiped(sizeof(*made));
	if (made && !__atomic_compare_exchange_n(&streams, &nothing, made, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
		xu_sys(SYS_munmap, made, sizeof(*made));
		return true;
	}
	return made;
}

/*
 * Are the fds those of the process that the table is about? The child of a vfork runs in our memory with fds of its own:
 * it has all our open files, and where it leads its fds to we do not follow.
 */
static bool ours(void)
{
	if (thread_is_own())
		return true;
	stream_let_go_all();
	return false;
}

static void lead(int fd, struct stream *s)
{
	__atomic_store_n(&streams->of[fd], (uint8_t)(s - streams->all + 1), __ATOMIC_RELEASE);
}

static void forget(int fd, struct stream *s)
{
	if (s->owner && s->fd == fd)
		stream_stop_gathering(s);
	__atomic_store_n(&streams->of[fd], 0, __ATOMIC_RELEASE);
	if (__atomic_load_n(&s->refs, __ATOMIC_ACQUIRE) == 1) {
		stream_give_up(s);
		stream_early_closed(s);
		stream_drop(s);
	} else if (s->fd == fd) {
		stream_put_right(s);
	}
	__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL);
}

/* A new stream for this fd, or NULL. */
static struct stream *make(int fd, bool plain)
{
	struct stream *s;

	if ((unsigned)fd >= STREAM_FDS || !ours() || !have_table())
		return NULL;
	/* It was closed where we did not see it. */
	s = stream_of(fd);
	if (s)
		forget(fd, s);
	for (s = streams->all; s < streams->all + NR_STREAMS; s++) {
		uint16_t nobody = 0;

		if (s->refs || !__atomic_compare_exchange_n(&s->refs, &nobody, 1, false,
							    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		s->plain = plain;
		s->asked = false;
		s->kind = KIND_UNKNOWN;
		s->run = s->run_at = s->poor = 0;
		s->windowed = false;
		s->start = s->end = 0;
		s->size = 0;
		s->filling = s->taken_on = 0;
		s->writes = s->poor_puts = 0;
		s->never = false;
		s->error = 0;
		s->unsent = 0;
		s->mark = 0;
		s->large = false;
		s->sequence &= ~1u;
		__atomic_store_n(&s->at, -1, __ATOMIC_RELEASE);
		lead(fd, s);
		return s;
	}
	return NULL;
}

void stream_opened(int fd)
{
	make(fd, false);
}

/* Was it opened to do this: O_RDONLY or O_WRONLY? Not one of O_PATH, nor with the access mode 3, which can do neither. */
static bool is_open_to(int fd, int access)
{
	long flags = xu_sys(SYS_fcntl, fd, F_GETFL), mode = flags & O_ACCMODE;

	return flags >= 0 && !(flags & O_PATH) && (mode == access || mode == O_RDWR);
}

struct stream *stream_learn(int fd)
{
	struct stream *s = stream_of(fd);
	struct stat st;

	if (s && s->kind)
		return s;
	if (!kind_look(fd, &st))
		return NULL;
	if (!s)
		s = make(fd, true);
	if (!s)
		return NULL;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (S_ISREG(st.st_mode))
		s->kind = KIND_REGULAR;
	else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) && is_open_to(fd, O_WRONLY))
		s->kind = KIND_NULL;
	else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 5) && is_open_to(fd, O_RDONLY))
		s->kind = KIND_ZERO;
	else if (S_ISCHR(st.st_mode) && major(st.st_rdev) == 1)
		s->kind = KIND_MEMORY;
	else
		s->kind = KIND_NONE;
	return s;
}

void stream_duplicated(int fd, int to)
{
	struct stream *s = stream_of(fd), *was = stream_of(to);

	if (to < 0 || to == fd || !ours())
		return;
	if (was)
		forget(to, was);
	if (!s)
		return;
	if ((unsigned)to >= STREAM_FDS) {
		stream_let_go(fd);
		return;
	}
	/* What libc writes there by itself, we do not see. */
	if (to <= 2)
		stream_stop_gathering(s);
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_ACQ_REL);
	lead(to, s);
}

void stream_before_gone(int fd)
{
	struct stream *s = stream_of(fd);

	if (s && ours())
		forget(fd, s);
}

void stream_before_gone_all(unsigned first, unsigned last, int flags)
{
	if (!streams || flags & CLOSE_RANGE_CLOEXEC)
		return;
	for (unsigned fd = first; fd <= last && fd < STREAM_FDS; fd++) {
		/* It may fail. */
		stream_before_fd((int)fd);
		stream_before_gone((int)fd);
	}
}

void stream_let_go(int fd)
{
	struct stream *s = stream_of(fd);

	if (!s)
		return;
	stream_stop_gathering(s);
	stream_put_right(s);
	s->plain = true;
}

void stream_let_go_all(void)
{
	if (!streams)
		return;
	stream_put_out();
	for (struct stream *s = streams->all; s < streams->all + NR_STREAMS; s++) {
		if (!XU_LOAD_ACQUIRE(&s->refs))
			continue;
		stream_stop_gathering(s);
		stream_put_right(s);
		s->plain = true;
		s->kind = KIND_UNKNOWN;
	}
}
