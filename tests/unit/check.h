/*
 * What the unit tests share: checks, skipping, a watchdog.
 *
 * A test is a program. It ends with 0 when all is well, with 77 when it can not run here, the reason being its last
 * line; anything else is a failure, which says where, what was expected and what came. A test that hangs is ended
 * after 20 seconds, with the line of the last check that it passed.
 */
#ifndef CHECK_H
#define CHECK_H

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_TO_LIVE 20

/* What a failure message begins with, besides the place: the case of a test with many. */
static const char *check_case = "";
static const char *check_last_file = "?";
static int check_last_line;

/* For the watchdog: a check is being made here, in whichever thread. */
static inline void check_at(const char *file, int line)
{
	__atomic_store_n(&check_last_file, file, __ATOMIC_RELAXED);
	__atomic_store_n(&check_last_line, line, __ATOMIC_RELAXED);
}

/* The check failed: say so, and end. */
__attribute__((noreturn, format(printf, 3, 4))) static inline void check_fail(const char *file,
									      int line,
									      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fflush(stdout);
	fprintf(stderr, "%s:%d: %s%s", file, line, check_case, *check_case ? ": " : "");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* The test can not run here, and says why. */
__attribute__((noreturn, format(printf, 1, 2))) static inline void skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	exit(77);
}

/* " (text of the error)" in `text` for what looks like -errno, else nothing. */
static inline const char *check_errno(char text[80], long long value)
{
	text[0] = '\0';
	if (value < 0 && value > -4096)
		snprintf(text, 80, " (%s)", strerror((int)-value));
	return text;
}

static inline void check_number(const char *file, int line, const char *what, const char *relation,
				bool good, long long got, long long want)
{
	char wanted[80], gotten[80];

	check_at(file, line);
	if (!good)
		check_fail(file, line, "%s: expected %s%lld%s, got %lld%s", what, relation, want,
			   check_errno(wanted, want), got, check_errno(gotten, got));
}

#define CHECK_NUMBER_(got, op, want, word, text)                                                   \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		check_number(__FILE__, __LINE__, text, word, got_ op want_, got_, want_);          \
	} while (0)

#define CHECK_EQ(got, want) CHECK_NUMBER_(got, ==, want, "", #got)
#define CHECK_NE(got, want) CHECK_NUMBER_(got, !=, want, "other than ", #got)
#define CHECK_GE(got, want) CHECK_NUMBER_(got, >=, want, "at least ", #got)
#define CHECK_LE(got, want) CHECK_NUMBER_(got, <=, want, "at most ", #got)

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		check_at(__FILE__, __LINE__);                                                      \
		if (!(cond))                                                                       \
			check_fail(__FILE__, __LINE__, "expected %s, got the contrary", #cond);    \
	} while (0)

#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		check_at(__FILE__, __LINE__);                                                      \
		if (!got_ || strcmp(got_, want_) != 0)                                             \
			check_fail(__FILE__, __LINE__, "%s: expected \"%s\", got \"%s\"", #got,    \
				   want_, got_ ? got_ : "(null)");                                 \
	} while (0)

/* Bytes; says which is the first that differs. */
#define CHECK_MEM(got, want, size)                                                                 \
	do {                                                                                       \
		const unsigned char *got_ = (const void *)(got), *want_ = (const void *)(want);    \
		check_at(__FILE__, __LINE__);                                                      \
		for (size_t i_ = 0; i_ < (size_t)(size); i_++)                                     \
			if (got_[i_] != want_[i_])                                                 \
				check_fail(__FILE__, __LINE__,                                     \
					   "%s: expected byte %zu to be 0x%02x, got 0x%02x", #got, \
					   i_, want_[i_], got_[i_]);                               \
	} while (0)

/* The watchdog. */
static inline void check_hangs(int sig)
{
	char text[300];
	const char *file = __atomic_load_n(&check_last_file, __ATOMIC_RELAXED);
	int line = __atomic_load_n(&check_last_line, __ATOMIC_RELAXED);
	int len = snprintf(text, sizeof(text),
			   "%s:%d: expected an end, got none: hangs after this check\n", file, line);

	(void)sig;
	_exit(write(2, text, (size_t)len) == len ? 1 : 2);
}

__attribute__((constructor)) static void check_watchdog(void)
{
	signal(SIGALRM, check_hangs);
	alarm(SECONDS_TO_LIVE);
}

/* Milliseconds of a clock that only goes forward. */
static inline long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

static inline void sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) < 0)
		;
}

/* Is a version ("6.1.0-rc1") at least this one? */
static inline bool version_is(const char *version, unsigned major, unsigned minor)
{
	unsigned a = 0, b = 0;

	sscanf(version, "%u.%u", &a, &b);
	return a > major || (a == major && b >= minor);
}

/* Is the running kernel at least this one? For what differs between kernels and can not be hidden. */
static inline bool real_kernel_is(unsigned major, unsigned minor)
{
	struct utsname uts;

	uname(&uts);
	return version_is(uts.release, major, minor);
}

/* Is the kernel at least this one, or the one that is pretended (see pretend_level in ring.h)? */
static inline bool kernel_is(unsigned major, unsigned minor)
{
	const char *level = getenv("XU_LEVEL");

	return level ? version_is(level, major, minor) : real_kernel_is(major, minor);
}

static char scratch_path[4096];
static pid_t scratch_owner;

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void scratch_remove(void)
{
	if (getpid() != scratch_owner || chdir("/") < 0)
		return;
	nftw(scratch_path, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Go to an empty directory, which goes with the process. */
static inline void scratch(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(scratch_path, sizeof(scratch_path), "%s/xuring-test-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(scratch_path) || chdir(scratch_path) < 0)
		skip("no scratch directory %s", scratch_path);
	scratch_owner = getpid();
	atexit(scratch_remove);
}

#endif
