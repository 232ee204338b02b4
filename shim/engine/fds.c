/* What the loop engine knows of each file descriptor: see fds.h. */
#include <string.h>
#include <sys/epoll.h>

#include "core/syscall.h"
#include "shim/engine/fds.h"
#include "shim/engine/loop.h"
#include "shim/thread.h"

struct fd *fds;
unsigned fds_top;
unsigned fds_unsent;

/*
 * From an event's data to the fd, by a hash of (epfd, data): sets of four places, each with an fd + 1. It is a cache: an
 * entry is believed only if the fd's own says the same, and what falls out is not received for in company.
 */
enum { SETS = 1 << 15, WAYS = 4 };

static int (*by_data)[WAYS];

bool fds_start(void)
{
	struct fd *table = XU_LOAD_ACQUIRE(&fds);
	void *memory;

	if (table)
		return true;
	memory = thread_map_wiped(FDS_MAX * sizeof(struct fd) + SETS * sizeof(*by_data));
	if (!memory)
		return false;
	by_data = (void *)((struct fd *)memory + FDS_MAX);
	XU_STORE_RELEASE(&fds, (struct fd *)memory);
	return true;
}

void fds_forget(int fd)
{
	struct fd *f = fds_get(fd);

	if (f && (f->flags || f->epfd))
		memset(f, 0, sizeof(*f));
}

void fds_leave_alone(struct fd *f)
{
	__atomic_or_fetch(&f->flags, FD_PLAIN, __ATOMIC_RELAXED);
}

static int *set_of(int epfd, uint64_t data)
{
	uint64_t hash = (data ^ (uint64_t)(unsigned)epfd << 48) * UINT64_C(0x9e3779b97f4a7c15);

	return by_data[hash >> 40 & (SETS - 1)];
}

static bool is_event(int fd, int epfd, uint64_t data)
{
	const struct fd *f = fds_get(fd);

	return f && f->epfd == -1 - epfd && f->data == data;
}

static void remember(int epfd, uint64_t data, int fd)
{
	int *set = set_of(epfd, data);
	int place = fd % WAYS;

	for (int i = 0; i < WAYS; i++) {
		const struct fd *f = set[i] ? fds_get(set[i] - 1) : NULL;

		/* Free, its own, or of an fd that means something else by now. */
		if (!f || set[i] == fd + 1 || set_of(-1 - f->epfd, f->data) != set) {
			place = i;
			break;
		}
	}
	__atomic_store_n(&set[place], fd + 1, __ATOMIC_RELAXED);
}

void fds_watched(int epfd, int op, int fd, uint32_t events, uint64_t data)
{
	struct fd *f = fds_get(fd);

	if (!f)
		return;
	/* An epoll instance within another one, and an fd in two of them: readiness shows in more places than one. */
	if (f->flags & FD_EPOLL || (op == EPOLL_CTL_ADD && f->epfd && f->epfd != -1 - epfd))
		fds_leave_alone(f);
	if (op == EPOLL_CTL_DEL) {
		if (f->epfd == -1 - epfd)
			f->epfd = 0;
		return;
	}
	f->epfd = -1 - epfd;
	f->events = events;
	f->data = data;
	remember(epfd, data, fd);
}

int fds_of_event(int epfd, uint64_t data)
{
	const int *set;

	/* Most programs have the fd itself there. */
	if (data <= INT32_MAX && is_event((int)data, epfd, data))
		return (int)data;
	set = set_of(epfd, data);
	for (int i = 0; i < WAYS; i++)
		if (set[i] && is_event(set[i] - 1, epfd, data))
			return set[i] - 1;
	return -1;
}
