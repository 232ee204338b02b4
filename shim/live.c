/* Counts to be watched: see live.h. Whoever reads the page finds in it all that it needs to know (scripts/report/top.py). */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/live.h"
#include "shim/policy.h"
#include "shim/process.h"
#include "shim/stats.h"

#define PLACE "/dev/shm/xuring-live."

enum { FIGURES = 16384, REFRESH_NS = 250000000 };

struct page {
	char magic[16];
	uint32_t pid, symbols, ways, name_size;
	uint64_t started; /* CLOCK_BOOTTIME in nanoseconds: a process that is younger has only inherited the number */
	char prog[64], mode[16], profile[128];
	char way_names[NR_WAYS][32];
	char names[NR_SYMBOLS][32];
	uint64_t calls[NR_SYMBOLS][NR_WAYS];
	uint32_t version; /* odd while `figures` is being written */
	char figures[FIGURES];
};

static bool wanted;
static struct page *page;
static int page_pid; /* whose page it is: a child inherits the variables, but not the memory */

static void set(char *to, size_t size, const char *from)
{
	struct xu_text t;

	xu_text_init(&t, to, size);
	xu_text_str(&t, from);
}

static void path_of(int pid, char *buf, size_t size)
{
	struct xu_text t;

	xu_text_init(&t, buf, size);
	xu_text_str(&t, PLACE);
	xu_text_num(&t, (unsigned)pid, 0);
}

/* Memory under that name, which may still be there from a process of the same number. NULL: there is none to be had. */
static struct page *map(const char *path)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	long fd = xu_sys(SYS_openat, AT_FDCWD, path, flags, 0600);
	long p = -1;

	if (fd == -EEXIST) {
		xu_sys(SYS_unlinkat, AT_FDCWD, path, 0);
		fd = xu_sys(SYS_openat, AT_FDCWD, path, flags, 0600);
	}
	if (fd < 0)
		return NULL;
	/* All of it now: where memory is short, writing to it would end the program. */
	if (!xu_sys(SYS_fallocate, fd, 0, 0, sizeof(struct page)))
		p = xu_sys(SYS_mmap, 0, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	xu_sys(SYS_close, fd);
	if (p < 0 && p > -4096) {
		xu_sys(SYS_unlinkat, AT_FDCWD, path, 0);
		return NULL;
	}
	xu_sys(SYS_madvise, p, sizeof(struct page), MADV_DONTFORK);
	return (struct page *)p;
}

static struct page *make(int pid)
{
	static const char *const ways[NR_WAYS] = {"kernel", "ring", "memory", "queued", "fallback"};
	const struct xu_config *config = process_config();
	struct timespec now = {0, 0};
	struct page *p;
	char text[64];

	path_of(pid, text, sizeof(text));
	p = map(text);
	if (!p)
		return NULL;
	xu_sys(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
	p->pid = (uint32_t)pid;
	p->symbols = NR_SYMBOLS;
	p->ways = NR_WAYS;
	p->name_size = sizeof(p->names[0]);
	p->started = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	set(p->prog, sizeof(p->prog), process_name());
	set(p->mode, sizeof(p->mode), xu_config_word("MODE", config->mode, text, sizeof(text)));
	set(p->profile, sizeof(p->profile), *config->profile ? config->profile : "safe");
	for (int w = 0; w < NR_WAYS; w++)
		set(p->way_names[w], sizeof(p->way_names[w]), ways[w]);
	for (int s = 0; s < NR_SYMBOLS; s++)
		set(p->names[s], sizeof(p->names[s]), symbol_name((enum symbol)s));
	/* Last: who reads a page without it comes too early. */
	set(p->magic, sizeof(p->magic), "xuring-live 1");
	return p;
}

uint64_t (*live_calls(void))[NR_WAYS]
{
	int pid, owner;

	if (!wanted)
		return NULL;
	pid = (int)xu_sys(SYS_getpid);
	owner = __atomic_load_n(&page_pid, __ATOMIC_ACQUIRE);
	if (owner != pid) {
		/* The first one makes it; those who come meanwhile are not counted. */
		if (!__atomic_compare_exchange_n(&page_pid, &owner, pid, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			return NULL;
		__atomic_store_n(&page, NULL, __ATOMIC_RELAXED);
		__atomic_store_n(&page, make(pid), __ATOMIC_RELEASE);
	}
	return page ? page->calls : NULL;
}

/* Who reads meanwhile sees an odd version, or another one after it than before. */
void live_refresh(void)
{
	static uint64_t last;
	struct page *p = __atomic_load_n(&page, __ATOMIC_ACQUIRE);
	uint64_t now = stats_clock(), before = __atomic_load_n(&last, __ATOMIC_RELAXED);
	struct xu_text t;

	if (!p || !now || now - before < REFRESH_NS ||
	    !__atomic_compare_exchange_n(&last, &before, now, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	if (__atomic_fetch_or(&p->version, 1, __ATOMIC_ACQUIRE) & 1)
		return; /* somebody is at it, since a quarter of a second */
	xu_text_init(&t, p->figures, sizeof(p->figures));
	stats_figures(&t);
	__atomic_add_fetch(&p->version, 1, __ATOMIC_RELEASE);
}

bool live_start(const struct xu_config *config)
{
	wanted = config->live;
	live_calls();
	return wanted;
}

void live_stop(void)
{
	char path[64];

	/* In a sandbox the least call may be the last one. */
	if (!wanted || !page || policy_sandboxed() || page_pid != (int)xu_sys(SYS_getpid))
		return;
	path_of(page_pid, path, sizeof(path));
	xu_sys(SYS_unlinkat, AT_FDCWD, path, 0);
}
