/*
 * What the programs of the lifecycle tests share (life-*.c).
 *
 * Each program is a set of scenes; `life-fork vfork` plays one. A scene does something with a process's life while it does
 * I/O, checks what has to hold whatever the machine, and prints what the kernel answered. The tests play it bare and under
 * the shim and compare what was printed, so nothing that varies from run to run may be.
 *
 * Printing is libc's own stdio, which the shim does not see.
 */
#ifndef LIFE_H
#define LIFE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A scene: what it is called, and what it does with the arguments that are left. */
struct scene {
	const char *name;
	void (*play)(int argc, char **argv);
};

/* The scenes of the program; each defines them, the last one without a name. */
extern const struct scene scenes[];

/* Prints one line. */
static inline __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* What must hold for the scene to make sense: else it says what did not, and the program ends. */
#define must(condition) ((condition) ? (void)0 : must_not(#condition, __FILE__, __LINE__))
static inline _Noreturn void must_not(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", file, line, what, strerror(errno));
	_exit(99);
}

/* A call to be made in many scenes: CALL(name, expression) defines it, POINT(name) is its row in a table. */
struct point {
	const char *name;
	long (*call)(void);
};

#define CALL(name, expression)                                                                     \
	static long call_##name(void)                                                              \
	{                                                                                          \
		return (long)(expression);                                                         \
	}

#define POINT(name)                                                                                \
	{                                                                                          \
#name, call_##name                                                                 \
	}

/* Closes all but the standard three. */
static inline void close_all(void)
{
	for (int fd = 3; fd < 40; fd++)
		close(fd);
}

/* Has a signal handled. */
static inline void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

	must(!sigaction(sig, &sa, NULL));
}

/* The name of an errno; libc's own strerrorname_np is not everywhere. */
static inline const char *errno_name(int error)
{
#define NAME(e)                                                                                    \
	case e: return #e
	switch (error) {
		NAME(EPERM);
		NAME(ENOENT);
		NAME(EINTR);
		NAME(EIO);
		NAME(ENXIO);
		NAME(E2BIG);
		NAME(ENOEXEC);
		NAME(EBADF);
		NAME(ECHILD);
		NAME(EAGAIN);
		NAME(ENOMEM);
		NAME(EACCES);
		NAME(EFAULT);
		NAME(EBUSY);
		NAME(EEXIST);
		NAME(ENOTDIR);
		NAME(EISDIR);
		NAME(EINVAL);
		NAME(EMFILE);
		NAME(ETXTBSY);
		NAME(EFBIG);
		NAME(ENOSPC);
		NAME(ESPIPE);
		NAME(EROFS);
		NAME(EPIPE);
		NAME(ELOOP);
		NAME(ENOSYS);
		NAME(ENOTEMPTY);
		NAME(ENOTSOCK);
		NAME(EOPNOTSUPP);
		NAME(EADDRINUSE);
		NAME(ENETUNREACH);
		NAME(ECONNREFUSED);
		NAME(ETIMEDOUT);
		NAME(EINPROGRESS);
		NAME(ECANCELED);
	default: return strerror(error);
	}
#undef NAME
}

static inline const char *signal_name(int sig)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{SIGHUP, "HUP"},	{SIGINT, "INT"},   {SIGQUIT, "QUIT"}, {SIGABRT, "ABRT"},
		     {SIGKILL, "KILL"}, {SIGSEGV, "SEGV"}, {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"},
		     {SIGTERM, "TERM"}, {SIGUSR1, "USR1"}, {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"},
		     {SIGTTIN, "TTIN"}, {SIGTTOU, "TTOU"}, {SIGXFSZ, "XFSZ"}, {SIGSYS, "SYS"},
		     {SIGBUS, "BUS"},	{SIGCHLD, "CHLD"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == sig)
			return names[i].name;
	return "?";
}

/* Prints what a call answered: "open x: 3", "open x: EACCES". Evaluates to the answer. */
#define told(what, call) told_(what, (errno = 0, (long)(call)))
static inline long told_(const char *what, long res)
{
	int error = errno;

	if (res < 0)
		say("%s: %s", what, errno_name(error));
	else
		say("%s: %ld", what, res);
	errno = error;
	return res;
}

/* The same for calls whose result is an fd or has another value that does not matter: "ok" or the error. */
#define tried(what, call) tried_(what, (errno = 0, (long)(call)))
static inline long tried_(const char *what, long res)
{
	int error = errno;

	say("%s: %s", what, res < 0 ? errno_name(error) : "ok");
	errno = error;
	return res;
}

/* Prints how a child ended. */
static inline void say_status(const char *who, int status)
{
	if (WIFEXITED(status))
		say("%s: exit status %d", who, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		say("%s: killed by SIG%s", who, signal_name(WTERMSIG(status)));
	else if (WIFSTOPPED(status))
		say("%s: stopped by SIG%s", who, signal_name(WSTOPSIG(status)));
	else
		say("%s: status %#x", who, (unsigned)status);
}

/* Waits for a child; its status. */
static inline int wait_for(pid_t pid)
{
	int status = 0;
	pid_t got;

	do
		got = waitpid(pid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	must(got == pid);
	return status;
}

/* A forked child that does `fn` and ends with status 0. */
static inline pid_t child(void (*fn)(void *), void *arg)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (!pid) {
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

/* The same, and waits for it: it must end well. */
static inline void in_child(void (*fn)(void *), void *arg)
{
	must(wait_for(child(fn, arg)) == 0);
}

/* Seconds on the monotonic clock. */
static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* A thread that runs `fn`. */
static inline pthread_t thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	must(!pthread_create(&t, NULL, fn, arg));
	return t;
}

/* A pattern that is known by its seed. */
static inline void fill(void *buf, size_t n, unsigned seed)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(seed * 167 + i * 31 + (i >> 8) * 7);
}

static inline bool filled(const void *buf, size_t n, unsigned seed)
{
	const unsigned char *p = buf;

	for (size_t i = 0; i < n; i++)
		if (p[i] != (unsigned char)(seed * 167 + i * 31 + (i >> 8) * 7))
			return false;
	return true;
}

/*
 * A round of I/O on a file of its own, all of it checked: open, write, stat, fsync if asked for, read, close, unlink. In
 * mode ring this makes a ring, and with `sync` its worker thread.
 */
static inline void some_io(const char *name, bool sync)
{
	char buf[300], back[300];
	struct stat st;
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	must(fd >= 0);
	fill(buf, sizeof(buf), 5);
	must(write(fd, buf, sizeof(buf)) == sizeof(buf));
	must(!sync || !fsync(fd));
	must(!fstat(fd, &st) && st.st_size == sizeof(buf));
	must(!stat(name, &st) && st.st_size == sizeof(buf));
	memset(back, 0, sizeof(back));
	must(pread(fd, back, sizeof(back), 0) == sizeof(back) && filled(back, sizeof(back), 5));
	must(lseek(fd, 0, SEEK_CUR) == sizeof(buf));
	must(read(fd, back, 1) == 0);
	must(!close(fd));
	must(!unlink(name));
	must(stat(name, &st) == -1 && errno == ENOENT);
}

/* All of a file as a string, for files that are small. */
static inline const char *content(const char *name)
{
	static char buf[4096];
	int fd = open(name, O_RDONLY);
	ssize_t n;

	must(fd >= 0);
	n = read(fd, buf, sizeof(buf) - 1);
	must(n >= 0);
	buf[n] = '\0';
	must(!close(fd));
	return buf;
}

/* Makes a file with this content. */
static inline void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);

	must(fd >= 0);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	must(!fchmod(fd, mode));
	must(!close(fd));
}

/* Reads all of `n` bytes. False at an end before that. */
static inline bool read_all(int fd, void *buf, size_t n)
{
	char *p = buf;

	while (n) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* How many lines a file of /proc has; without the shim's eyes. */
static inline int lines_of(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = 0;
	int c;

	must(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* A number after a key in /proc/self/status. */
static inline long status_number(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long n = -1;

	must(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			n = strtol(line + strlen(key), NULL, 10);
	fclose(f);
	return n;
}

/* The state letter of a task of this process, and whether it sleeps in a system call. '?' when it is gone. */
static inline char task_state(pid_t tid)
{
	char path[64], line[512];
	char *close_bracket;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return '?';
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	close_bracket = strrchr(line, ')');
	return close_bracket ? close_bracket[2] : '?';
}

/* Waits until a task sleeps, and has done so for a moment: it is blocked, then. */
static inline void wait_until_blocked(const volatile pid_t *tid)
{
	double end = now() + 10;
	int still = 0;

	while (!*tid)
		sleep_ms(1);
	while (still < 4) {
		must(now() < end);
		still = task_state(*tid) == 'S' ? still + 1 : 0;
		sleep_ms(1);
	}
}

static inline pid_t my_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* A directory of its own for a socket, and an address there. */
static inline struct sockaddr_un unix_address(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", name);
	return a;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (const struct scene *s = scenes; argc > 1 && s->name; s++) {
		if (strcmp(s->name, argv[1]) != 0)
			continue;
		s->play(argc - 2, argv + 2);
		return 0;
	}
	fputs("usage: SCENE [ARG...]; the scenes:\n", stderr);
	for (const struct scene *s = scenes; s->name; s++)
		fprintf(stderr, "  %s\n", s->name);
	return 2;
}

/* The file of the letters, read up to offset 4. */
static inline int alphabet(void)
{
	char buf[8] = "";
	int fd;

	make_file("alphabet", "abcdefghijklmnopqrstuvwxyz", 0644);
	fd = open("alphabet", O_RDWR);
	must(fd >= 0 && read(fd, buf, 4) == 4);
	some_io("parent-file", true);
	return fd;
}

/* What the parent does afterwards. */
static inline void after(int fd)
{
	char buf[8] = "";

	must(read(fd, buf, 2) == 2);
	say("the parent reads %s at offset %ld", buf, (long)lseek(fd, 0, SEEK_CUR));
	some_io("parent-file", true);
}

#endif
