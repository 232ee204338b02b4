// SPDX-License-Identifier: MIT
/*
 * The program's frame: options, random numbers, the log, what is seen after every call, the final state.
 *
 *     fuzzcalls --dir DIR --log FILE [--seed N] [--calls M] [--keep N,N-N,...] [--kinds PART] [--gentle] [--list]
 *
 * The log is memory shared with a file, so that it needs no fd, is common with forked children, and is there as far as
 * it came when the program is killed.
 */
#include <dirent.h>
#include <getopt.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "fuzz.h"

struct setting is;

long raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
#else
	int before = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	ret = ret < 0 ? -errno : ret;
	errno = before;
	return ret;
#endif
}

/* ---- Random numbers (splitmix64) ---- */

static uint64_t random_state;

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t rnd(uint32_t below)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	return below ? (uint32_t)((mix(random_state) >> 32) * below >> 32) : 0;
}

bool chance(unsigned percent)
{
	return rnd(100) < percent;
}

uint64_t rnd_state(void)
{
	return random_state;
}

void rnd_restore(uint64_t state)
{
	random_state = state;
}

uint64_t hash_mem(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *s = p;
	uint64_t h = seed ^ n * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t w;

	for (; n >= 8; s += 8, n -= 8) {
		memcpy(&w, s, 8);
		h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	w = 0;
	memcpy(&w, s, n);
	return mix(h ^ w);
}

/* ---- The log ---- */

#define LINE 1500

/* In front of it, in shared memory of its own: children go on where their parent stopped. */
static struct {
	size_t len;
} * where;
static char *text;
static size_t text_size;
static unsigned number; /* of the call */
static char inside[64]; /* "/fork2/thread1" */

static void vsay(const char *fmt, va_list ap)
{
	int n;

	if (where->len + 4 * LINE > text_size) {
		static const char full[] = "\nthe log is full\n";

		memcpy(text + where->len, full, sizeof(full) - 1);
		_exit(3);
	}
	n = vsnprintf(text + where->len, LINE, fmt, ap);
	where->len += (size_t)(n < LINE ? n : LINE - 1);
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

void note(const char *fmt, ...)
{
	int before = errno;
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	errno = before;
}

static int seen_before[65];

void log_head(const char *fmt, ...)
{
	va_list ap;

	say("\n%u%s ", number, inside);
	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	for (int s = 1; s < 65; s++)
		seen_before[s] = signals_seen[s];
}

/* The number that the next fd would get. */
static long lowest_fd(void)
{
	long fd = raw(SYS_eventfd2, 0, 0);

	if (fd >= 0)
		raw(SYS_close, fd);
	return fd;
}

long log_tail(long result, int error)
{
	say(" = %ld", result);
	if (error != UNTOUCHED)
		say(" E%d", error);
	say(" low %ld", lowest_fd());
	for (int s = 1; s < 65; s++)
		if (signals_seen[s] != seen_before[s] && s != SIGALRM)
			say(" signal %d x%d", s, signals_seen[s] - seen_before[s]);
	return result;
}

static void open_log(const char *path, size_t size)
{
	long fd = raw(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0666);

	if (fd < 0 || raw(SYS_ftruncate, fd, size) < 0) {
		fprintf(stderr, "fuzzcalls: %s: %s\n", path, strerror((int)-fd));
		exit(2);
	}
	text = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	where = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (text == MAP_FAILED || where == MAP_FAILED) {
		perror("fuzzcalls: mmap");
		exit(2);
	}
	text_size = size;
	raw(SYS_close, fd);
}

/* ---- Choosing what to do ---- */

static const char *only; /* kinds whose names have this in them, and no others */

static const struct kind *const tables[] = {transfer_kinds, file_kinds,	   name_kinds, socket_kinds,
					    event_kinds,    process_kinds, race_kinds, walk_kinds,
					    stream_kinds,   loop_kinds,	   aio_kinds};

static bool fits(const struct kind *k)
{
	if (is.depth && k->where & NOT_INSIDE)
		return false;
	if (is.handler && k->where & NOT_IN_HANDLER)
		return false;
	if (k->where & WATCHES && is.seed % 8 >= 4)
		return false;
	if (only && !strstr(k->name, only))
		return false;
	return is.root || !(k->where & ROOT);
}

/* The kind that owns this place, when each has as many as it weighs. NULL: beyond the last. */
static const struct kind *kind_at(unsigned *place)
{
	for (size_t t = 0; t < NR(tables); t++)
		for (const struct kind *k = tables[t]; k->name; k++) {
			if (*place < k->weight)
				return k;
			*place -= k->weight;
		}
	return NULL;
}

static const struct kind *pick_kind(void)
{
	unsigned all = ~0u, place;
	const struct kind *k;

	kind_at(&all);
	do {
		place = rnd(~0u - all);
		k = kind_at(&place);
	} while (!fits(k));
	return k;
}

void run_inside(const char *what, unsigned calls)
{
	uint64_t state = rnd_state();
	size_t len = strlen(inside);

	if (len > sizeof(inside) - 24)
		return;
	is.depth++;
	for (unsigned i = 1; i <= calls; i++) {
		snprintf(inside + len, sizeof(inside) - len, "/%s%u", what, i);
		random_state = mix(state ^ i);
		pick_kind()->run();
	}
	inside[len] = '\0';
	is.depth--;
	rnd_restore(state);
	rnd(1);
}

/* ---- The final state ---- */

/* Only what is not zero, so that it does not matter where a file has holes. */
static uint64_t hash_file(long fd, off_t size)
{
	static unsigned char page[4096];
	uint64_t h = 0;
	off_t at = 0;

	while (at < size) {
		long n;

		at = raw(SYS_lseek, fd, at, SEEK_DATA);
		if (at < 0)
			break;
		n = raw(SYS_pread64, fd, page, sizeof(page), at);
		if (n <= 0)
			break;
		for (long i = 0; i < n; i++)
			if (page[i]) {
				h = hash_mem(page, (size_t)n, h ^ (uint64_t)at);
				break;
			}
		at += n;
	}
	return h;
}

static void tree(const char *path, unsigned depth)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char name[PATH_MAX], target[256];
		struct stat st;
		long fd;

		if (!strcmp(list[i]->d_name, ".") || !strcmp(list[i]->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
		if (lstat(name, &st))
			memset(&st, 0, sizeof(st));
		say("\ntree %.200s mode %o links %ld owner %d:%d", name, st.st_mode,
		    (long)st.st_nlink, (int)st.st_uid, (int)st.st_gid);
		if (S_ISREG(st.st_mode)) {
			chmod(name, 0600);
			fd = raw(SYS_openat, AT_FDCWD, name, O_RDONLY);
			say(" size %lld hash %016llx", (long long)st.st_size,
			    fd < 0 ? 0ull : (unsigned long long)hash_file(fd, st.st_size));
			raw(SYS_close, fd);
		} else if (S_ISLNK(st.st_mode)) {
			fd = readlink(name, target, sizeof(target) - 1);
			say(" -> %.*s", (int)(fd > 0 ? fd : 0), target);
		} else if (S_ISDIR(st.st_mode) && depth < 6) {
			chmod(name, 0700);
			tree(name, depth + 1);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* What /proc says that an fd is, without what varies: numbers, and names made by chance. */
static const char *fd_name(int fd, char *buf, size_t size)
{
	char path[64];
	char *name = buf;
	long n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = raw(SYS_readlinkat, AT_FDCWD, path, buf, size - 1);
	if (n < 0)
		return NULL;
	buf[n] = '\0';
	if (!strncmp(buf, is.dir, strlen(is.dir)))
		name += strlen(is.dir);
	else if (!strncmp(buf, "/proc/", 6))
		return "proc";
	if (strchr(name, '#'))
		return "no name";
	if (strstr(name, "/t"))
		return "temporary";
	if (strchr(name, '['))
		*strchr(name, '[') = '\0';
	if (strlen(name) > 60)
		return "long";
	return name;
}

/* All fds that are open. */
static void note_fds(void)
{
	for (int fd = 0; fd < 200; fd++) {
		char buf[PATH_MAX];
		const char *name = fd_name(fd, buf, sizeof(buf));

		if (name)
			note(" %d:%s", fd, fd < 3 ? "" : name);
	}
}

/* ---- From the start to the end ---- */

static bool kept(const char *keep, unsigned n)
{
	if (!keep)
		return true;
	while (keep && *keep) {
		char *end;
		unsigned long from = strtoul(keep, &end, 10);
		unsigned long to = *end == '-' ? strtoul(end + 1, &end, 10) : from;

		if (n >= from && n <= to)
			return true;
		keep = *end == ',' ? end + 1 : NULL;
	}
	return false;
}

/* Of an exec'ed program: which fds did it get? As bits in a line. */
static int list_fds(void)
{
	char line[256];
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		line[n++] = raw(SYS_fcntl, fd, F_GETFD) < 0 ? '.' : 'x';
	line[n++] = '\n';
	return write(1, line, (size_t)n) != n;
}

/* Few enough that wrong numbers are wrong everywhere. */
static void limit_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max < 200)
		return;
	limit.rlim_cur = 200;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void list_kinds(void)
{
	unsigned n = 0;

	for (size_t t = 0; t < NR(tables); t++)
		for (const struct kind *k = tables[t]; k->name; k++, n++)
			printf("%-24s %u\n", k->name, k->weight);
	printf("%u kinds\n", n);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"dir", 1, NULL, 'd'},	 {"log", 1, NULL, 'l'},
						{"seed", 1, NULL, 's'},	 {"calls", 1, NULL, 'c'},
						{"keep", 1, NULL, 'k'},	 {"gentle", 0, NULL, 'g'},
						{"list", 0, NULL, 'L'},	 {"fds", 0, NULL, 'f'},
						{"kinds", 1, NULL, 'o'}, {NULL, 0, NULL, 0}};
	const char *log = NULL, *keep = NULL;
	unsigned calls = 1000;
	static char self[PATH_MAX];
	struct statfs fs;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'd': is.dir = optarg; break;
		case 'l': log = optarg; break;
		case 's': is.seed = strtoull(optarg, NULL, 10); break;
		case 'c': calls = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'k': keep = optarg; break;
		case 'o': only = optarg; break;
		case 'g': is.gentle = true; break;
		case 'L': list_kinds(); return 0;
		case 'f': return list_fds();
		default: return 2;
		}
	}
	if (!is.dir || !log || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) {
		fprintf(stderr, "usage: fuzzcalls --dir DIR --log FILE [--seed N] [--calls N]\n");
		return 2;
	}
	is.self = self;
	is.root = !geteuid();
	open_log(log, (size_t)(calls + 200) * 4 * LINE);
	if (chdir(is.dir) || statfs(".", &fs)) {
		perror(is.dir);
		return 2;
	}
	is.tmpfs = fs.f_type == 0x01021994;
	umask(022);
	limit_fds();
	raw(SYS_close_range, 3, ~0u, 0);
	for (int i = 0; i < SLOTS; i++)
		slots[i].fd = -1;
	ticker_start();
	say("seed %llu", (unsigned long long)is.seed);
	for (number = 1; number <= calls; number++) {
		random_state = mix(is.seed * UINT64_C(0x9e3779b97f4a7c15) + number);
		if (!kept(keep, number))
			continue;
		pick_kind()->run();
		if (number % 128 == 0) {
			say("\n%u fds", number);
			note_fds();
		}
	}
	say("\nend");
	note_fds();
	if (ticker_wrong())
		say("\ncalls of handlers went wrong: %d", ticker_wrong());
	close_all();
	say("\nclosed");
	note_fds();
	if (!chdir(is.dir))
		tree(".", 0);
	say("\ndone\n");
	raw(SYS_truncate, log, where->len);
	return 0;
}
