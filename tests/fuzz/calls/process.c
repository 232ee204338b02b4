// SPDX-License-Identifier: MIT
/*
 * Processes, threads, signals, limits and identities: surroundings in which other calls are made. Whoever starts
 * something waits until it has ended, so that everything is in turn.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "fuzz.h"

extern char **environ;

/* ---- Children ---- */

/* How a child ended, by signal or status. */
static void await(long pid, const char *what)
{
	int status = -1;
	long r;

	if (pid < 0)
		return;
	do
		r = waitpid((pid_t)pid, &status, 0);
	while (r < 0 && errno == EINTR);
	RUN(0, "%s ended: %s %d", what, WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Written down before, since the child may be the faster. */
static long start_child(const char *what)
{
	long pid;

	RUN(0, "fork for %s", what);
	errno = UNTOUCHED;
	pid = fork();
	if (!pid)
		is.child = true;
	if (errno != UNTOUCHED)
		RUN(pid, "fork failed");
	return pid;
}

static void do_fork(void)
{
	unsigned calls = 1 + rnd(6);
	long pid = start_child("calls");

	if (!pid) {
		run_inside("child", calls);
		if (chance(50))
			_exit(7);
		raw(SYS_exit_group, 8);
	}
	await(pid, "child");
}

/* A child of a child, that makes its calls while the child waits. */
static void do_double_fork(void)
{
	long pid = start_child("a child");

	if (!pid) {
		run_inside("child", 1);
		pid = start_child("a grandchild");
		if (!pid) {
			run_inside("grandchild", 2);
			_exit(3);
		}
		await(pid, "grandchild");
		run_inside("after", 1);
		_exit(4);
	}
	await(pid, "child");
}

/* The child runs on our memory, and its calls are on a copy of our fds. */
static void do_vfork(void)
{
	int fd = open_fd(W_FILE | W_PIPE | W_UNIX), other = open_fd(W_ALL), status = -1;
	bool execs = chance(40);
	static char *const argv[] = {(char *)"true", NULL};
	volatile long r[3] = {-9, -9, -9};
	long library = raw(SYS_openat, AT_FDCWD, "/bin/true", O_RDONLY);
	pid_t pid;

	/* Where nothing can be opened, the loader complains, and of one library more under the shim. */
	execs = execs && library >= 0;
	raw(SYS_close, library);
	if (fd < 0 || !(raw(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK))
		fd = open_fd(W_FILE);
	pid = vfork();
	if (!pid) {
		r[0] = write(fd, "vfork", 5);
		r[1] = other < 3 ? 0 : close(other);
		r[2] = dup2(fd, 90);
		if (execs)
			execve("/bin/true", argv, environ);
		_exit(9);
	}
	if (pid < 0)
		return;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	RUN(status, "vfork child with %d and %d%s: write %ld close %ld dup2 %ld", fd, other,
	    execs ? " and exec" : "", r[0], r[1], r[2]);
	note_fd(fd);
}

/* A new program gets these fds and no others. */
static void do_exec(void)
{
	char line[100] = "";
	char *argv[] = {(char *)"fuzzcalls", (char *)"--fds", NULL};
	char *envp[2] = {getenv("PATH") ? getenv("PATH") - 5 : NULL, NULL};
	int to[2], how = (int)rnd(6);
	posix_spawn_file_actions_t acts;
	pid_t pid = -1;
	long n = 0;

	if (pipe(to))
		return;
	log_head("exec %d", how);
	if (how == 0) {
		posix_spawn_file_actions_init(&acts);
		posix_spawn_file_actions_adddup2(&acts, to[1], 1);
		if (posix_spawn(&pid, is.self, &acts, NULL, argv, environ))
			pid = -1;
		posix_spawn_file_actions_destroy(&acts);
	} else {
		pid = fork();
	}
	if (!pid) {
		dup2(to[1], 1);
		switch (how) {
		case 1: execve(is.self, argv, envp); break;
		case 2: execl(is.self, "fuzzcalls", "--fds", (char *)NULL); break;
		case 3: execvp(is.self, argv); break;
		case 4: syscall(SYS_execve, is.self, argv, environ); break;
		default: execv(is.self, argv);
		}
		_exit(99);
	}
	close(to[1]);
	while (n < 65) {
		long r = read(to[0], line + n, sizeof(line) - 1 - (size_t)n);

		if (r == 0 || (r < 0 && errno != EINTR))
			break;
		n += r > 0 ? r : 0;
	}
	close(to[0]);
	log_tail(n, UNTOUCHED);
	note(" fds %.64s", line);
	await(pid, "program");
}

static void do_shell(void)
{
	char line[64] = "";
	FILE *f;

	if (chance(50)) {
		RUN(system("exit 3"), "system");
		return;
	}
	f = popen("echo hello; exit 4", "r");
	if (!f)
		return;
	RUN(fread(line, 1, sizeof(line) - 1, f), "popen");
	note(" %s", line[0] == 'h' ? "hello" : "nothing");
	RUN(pclose(f), "pclose");
}

/* ---- Threads ---- */

struct work {
	unsigned calls;
	pid_t tid;
	sigset_t mask;
};

/* Whoever joins a thread may come a moment before the kernel has taken it out of /proc. */
static void await_gone(pid_t tid)
{
	const struct timespec moment = {0, 20000};

	for (int i = 0; i < 50000 && !raw(SYS_tgkill, getpid(), tid, 0); i++)
		raw(SYS_nanosleep, &moment, NULL);
}

static void *thread(void *arg)
{
	struct work *w = arg;

	w->tid = (pid_t)raw(SYS_gettid, 0);
	pthread_sigmask(SIG_SETMASK, &w->mask, NULL);
	run_inside("thread", w->calls);
	return NULL;
}

/* While a thread has its turn, signals are its own. */
static void do_thread(void)
{
	struct work w = {.calls = 1 + rnd(6)};
	sigset_t all;
	pthread_t id;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &w.mask);
	if (!pthread_create(&id, NULL, thread, &w)) {
		pthread_join(id, NULL);
		await_gone(w.tid);
	}
	pthread_sigmask(SIG_SETMASK, &w.mask, NULL);
}

/* A thread that waits for what never comes is cancelled; one that is cancelled before is so at its next call. */
static void *cancelled(void *arg)
{
	int *fds = arg;
	char c;

	return (void *)read(fds[0], &c, 1);
}

static void do_cancel(void)
{
	int fds[2];
	pthread_t id;
	void *result = NULL;

	if (pipe(fds))
		return;
	if (!pthread_create(&id, NULL, cancelled, fds)) {
		if (chance(50))
			sched_yield();
		pthread_cancel(id);
		pthread_join(id, &result);
		RUN(result == PTHREAD_CANCELED, "a blocked thread is cancelled");
	}
	close(fds[0]);
	close(fds[1]);
}

/* ---- Signals ---- */

static unsigned handler_calls;

static void handler(int sig)
{
	signals_seen[sig]++;
	is.handler = true;
	run_inside("handler", handler_calls);
	is.handler = false;
}

static void do_handler(void)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = ONE_OF(0, SA_RESTART, SA_NODEFER)},
			 before;

	if (is.handler)
		return;
	handler_calls = 1 + rnd(4);
	if (chance(50))
		RUN(sigaction(SIGUSR1, &act, &before), "sigaction");
	else
		RUN(syscall(SYS_rt_sigaction, SIGWINCH, NULL, NULL, 8), "rt_sigaction asked")
	/* changes nothing */, sigaction(SIGUSR1, &act, &before);
	if (chance(50))
		RUN(raise(SIGUSR1), "raise");
	else
		RUN(kill(getpid(), SIGUSR1), "kill self");
	sigaction(SIGUSR1, &before, NULL);
}

static void do_disposition(void)
{
	int sig = ONE_OF(SIGPIPE, SIGXFSZ), how = (int)rnd(3);
	struct sigaction act;

	/* Never the default, which is the end. */
	sigaction(sig, NULL, &act);
	if (how == 0) {
		RUN(signal(sig, SIG_IGN) == SIG_ERR, "ignore %d", sig);
	} else {
		ticker_start();
		act.sa_flags = how == 1 ? SA_RESTART : 0;
		RUN(0, "handle %d", sig);
	}
}

/* A pipe and a socket without a reader, with the default action: the child dies, or gets EPIPE if it blocks it. */
static void do_sigpipe(void)
{
	int fds[2], how = (int)rnd(6);
	bool blocks = chance(25);
	struct rlimit none = {0, 0};
	char c[10] = "";
	long r = 0, pid;

	pid = start_child("SIGPIPE");
	if (!pid) {
		sigset_t mask;

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGPIPE, SIG_DFL);
		sigemptyset(&mask);
		sigaddset(&mask, SIGPIPE);
		if (blocks)
			sigprocmask(SIG_BLOCK, &mask, NULL);
		if (how < 3 ? pipe(fds) : socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
			_exit(1);
		close(fds[0]);
		switch (how) {
		case 0:
		case 3: r = RUN(write(fds[1], c, 1), "write to nobody"); break;
		case 1:
			r = RUN(writev(fds[1], &(struct iovec){c, 5}, 1), "writev to nobody");
			break;
		case 2: r = RUN(syscall(SYS_write, fds[1], c, 3), "syscall write to nobody"); break;
		case 4: r = RUN(send(fds[1], c, 3, 0), "send to nobody"); break;
		default: r = RUN(send(fds[1], c, 3, MSG_NOSIGNAL), "send to nobody, no signal");
		}
		sigpending(&mask);
		_exit(10 + (int)r + 2 * sigismember(&mask, SIGPIPE));
	}
	await(pid, "child");
}

/* ---- Limits ---- */

/* Files may not grow beyond this while the calls run. */
static void do_limit_fsize(void)
{
	struct rlimit was, limit;

	getrlimit(RLIMIT_FSIZE, &was);
	limit = was;
	limit.rlim_cur = ONE_OF(0ul, 1ul, 100ul, 4096ul, 5000ul, 65536ul);
	RUN(setrlimit(RLIMIT_FSIZE, &limit), "RLIMIT_FSIZE %lu", (unsigned long)limit.rlim_cur);
	run_inside("fsize", 1 + rnd(6));
	RUN(setrlimit(RLIMIT_FSIZE, &was), "RLIMIT_FSIZE back");
}

static void do_limit_nofile(void)
{
	struct rlimit was, limit;

	getrlimit(RLIMIT_NOFILE, &was);
	limit = was;
	limit.rlim_cur = 3 + rnd(20);
	RUN(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE %lu", (unsigned long)limit.rlim_cur);
	run_inside("nofile", 1 + rnd(5));
	RUN(setrlimit(RLIMIT_NOFILE, &was), "RLIMIT_NOFILE back");
}

/* ---- Who we are: in children, that cannot go back ---- */

/* From here on opening for writing, and sending, fail in a way of their own. */
static int filter(void)
{
#define REFUSE(nr, error)                                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),                                             \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_openat, ENOTTY),
		REFUSE(SYS_pwrite64, EDOM),
		REFUSE(SYS_sendto, ERANGE),
		REFUSE(SYS_fsync, EDOM),
		REFUSE(SYS_statx, EUCLEAN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {NR(code), code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (chance(50))
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static void do_identity(void)
{
	unsigned calls = 2 + rnd(6), how = rnd(8);
	long pid = start_child("another identity");

	if (!pid) {
		run_inside("before", 1);
		switch (how) {
		case 0: RUN(setresuid(65534, 65534, 65534), "setresuid"); break;
		case 1:
			RUN(setgroups(0, NULL), "setgroups");
			RUN(setgid(65534), "setgid");
			RUN(setuid(65534), "setuid");
			break;
		case 2: RUN(seteuid(65534), "seteuid"); break;
		case 3:
			RUN(syscall(SYS_setresuid, 65534, 65534, 65534), "syscall setresuid");
			break;
		case 4:
			if (!RUN(chroot("d0"), "chroot"))
				RUN(chdir("/"), "chdir(/)");
			break;
		case 5: RUN(unshare(CLONE_FS), "unshare fs"); break;
		case 6: RUN(unshare(CLONE_FILES), "unshare files"); break;
		default: RUN(setfsuid(65534), "setfsuid"); break;
		}
		run_inside("other", calls);
		_exit(5);
	}
	await(pid, "child");
}

static void do_sandbox(void)
{
	unsigned calls = 2 + rnd(6);
	long pid = start_child("a sandbox");

	if (!pid) {
		run_inside("before", 1);
		RUN(filter(), "seccomp");
		run_inside("sandbox", calls);
		_exit(5);
	}
	await(pid, "child");
}

/* Fortified calls that would write beyond their buffer end the program. */
static void do_overflow(void)
{
#ifdef __GLIBC__
	extern ssize_t __read_chk(int, void *, size_t, size_t);
	extern int __open_2(const char *, int);
	unsigned how = rnd(2);
	struct rlimit none = {0, 0};
	char buf[16];
	long pid = start_child("an overflow");

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 2);
		setrlimit(RLIMIT_CORE, &none);
		if (how)
			RUN(__read_chk(0, buf, 17, 16), "__read_chk beyond");
		else
			RUN(__open_2("x", O_CREAT | O_RDWR), "__open_2 creating");
		_exit(0);
	}
	await(pid, "child");
#endif
}

const struct kind process_kinds[] = {
	{"fork", do_fork, 5, NOT_IN_HANDLER | SLOW},
	{"double fork", do_double_fork, 1, NOT_INSIDE | SLOW},
	{"vfork", do_vfork, 3, NOT_IN_HANDLER | SLOW},
	{"exec", do_exec, 1, NOT_INSIDE | SLOW},
	{"shell", do_shell, 1, NOT_INSIDE | SLOW},
	{"thread", do_thread, 10, NOT_IN_HANDLER},
	{"cancel", do_cancel, 2, NOT_INSIDE},
	{"handler", do_handler, 12, ANYWHERE},
	{"disposition", do_disposition, 6, ANYWHERE},
	{"sigpipe", do_sigpipe, 2, NOT_INSIDE | SLOW},
	{"limit fsize", do_limit_fsize, 12, ANYWHERE},
	{"limit nofile", do_limit_nofile, 8, ANYWHERE},
	{"identity", do_identity, 2, NOT_INSIDE | ROOT | SLOW},
	{"sandbox", do_sandbox, 2, NOT_INSIDE | SLOW},
	{"overflow", do_overflow, 1, NOT_INSIDE | SLOW},
	{NULL, NULL, 0, ANYWHERE},
};
