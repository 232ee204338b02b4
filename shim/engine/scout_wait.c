/*
 * Did a call wait for a file? Time alone does not tell: a busy or an emulated machine makes quick calls slow, and a thread
 * sleeps for locks as well. So the kernel is asked what it counts for each thread: whether it has gone to sleep of itself, and
 * whether it has had something read from a device. Where there is no device, the file's place decides.
 */
#include <sys/resource.h>
#include <time.h>

#include "shim/engine/scout.h"
#include "shim/policy.h"

enum { WAITED_NS = 60 * 1000 }; /* a call that takes longer may have waited for something */

uint64_t scout_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Does the kernel count for each thread what it has read from devices? */
static bool reads_are_counted(void)
{
	static enum { NOT_ASKED, NO, YES } counted;

	if (counted == NOT_ASKED)
		counted = xu_sys(SYS_faccessat, AT_FDCWD, "/proc/self/io", F_OK) ? NO : YES;
	return counted == YES;
}

/* What a call may have to wait for. */
enum place {
	ON_DEVICE,
	FAR,	 /* another machine, or a file system that has no device to itself */
	NOWHERE, /* memory, and what are no files (/proc) */
};

/* Where is this, or what has this name there? Asked of what the kernel knows; in doubt it is far. */
static enum place place_of(int fd, const char *name)
{
	static uint64_t last; /* the last device by number that is none, and below it whether it is NOWHERE */
	enum file_system kind;
	struct statx stx;
	uint64_t dev;

	if (xu_sys(SYS_statx, fd, name,
		   AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		   STATX_TYPE, &stx))
		return FAR;
	if (stx.stx_dev_major)
		return ON_DEVICE;
	dev = (uint64_t)stx.stx_dev_minor << 1;
	/* What kind it is may take a round trip: once. A name has no fd to ask by. */
	if ((XU_LOAD(&last) | 1) != (dev | 1)) {
		if (*name)
			return FAR;
		__atomic_store_n(&last, dev | !known_file_system(fd, &kind), __ATOMIC_RELAXED);
	}
	return XU_LOAD(&last) & 1 ? NOWHERE : FAR;
}

/*
 * Who has waited has gone to sleep of itself. Who was only slow, on a busy or an emulated machine, has not. What is on a
 * device can only be waited for in earnest by reading from it: a thread that has had nothing read slept for a lock.
 */
bool scout_waits(int fd, const char *name, uint64_t took)
{
	struct thread *t;
	struct rusage usage;
	unsigned long slept, read;
	enum place place;
	bool reads;

	if (took <= WAITED_NS || policy_filtered())
		return false;
	t = thread_self();
	if (!t || xu_sys(SYS_getrusage, RUSAGE_THREAD, &usage))
		return true;
	slept = (unsigned long)usage.ru_nvcsw;
	if (slept == t->slept)
		return false;
	read = (unsigned long)usage.ru_inblock;
	reads = read != t->had_read;
	t->slept = slept;
	t->had_read = read;
	/* At work, it may be the scout's own reading that it waits for. */
	if (reads || scout)
		return true;
	place = place_of(fd, name);
	return place == FAR || (place == ON_DEVICE && !reads_are_counted());
}

/* The counts of the calling thread. False: there are none. */
static bool look(struct thread *t, bool *slept, bool *had_read)
{
	struct rusage usage;

	if (!t || policy_filtered() || xu_sys(SYS_getrusage, RUSAGE_THREAD, &usage))
		return false;
	*slept = t->slept != (unsigned long)usage.ru_nvcsw;
	*had_read = t->had_read != (unsigned long)usage.ru_inblock;
	t->slept = (unsigned long)usage.ru_nvcsw;
	t->had_read = (unsigned long)usage.ru_inblock;
	return true;
}

void scout_mark(void)
{
	bool slept, had_read;

	look(thread_self(), &slept, &had_read);
}

bool scout_waited_since(void)
{
	bool slept, had_read;

	return look(thread_self(), &slept, &had_read) && slept && had_read;
}
