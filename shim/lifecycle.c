/*
 * Beginnings, ends and changes of identity.
 *
 *     fork       needs nothing: a thread's slot and ring are not there in the child (thread.h)
 *     vfork      neither: a task that runs in our memory without being the slot's owner is told by its number; clone as well
 *     exec, exit statistics are written; the kernel takes rings with it
 *     identity   rings are made anew, so that none carries rights from before
 *     sandbox    no ring is used again: it would go round the filter, or be the death of the process
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/engine/engine.h"
#include "shim/engine/hooks.h"
#include "shim/lifecycle.h"
#include "shim/live.h"
#include "shim/policy.h"
#include "shim/signals.h"
#include "shim/stats.h"
#include "shim/thread.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

/* linux/seccomp.h, which not every libc's headers have */
#ifndef SECCOMP_SET_MODE_STRICT
#define SECCOMP_SET_MODE_STRICT 0
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_MODE_STRICT 1
#endif

#define EXPORT(ret, name, params)                                                                  \
	__attribute__((visibility("default"))) ret xs_##name params __asm__(#name)

void before_exec(const char *path)
{
	/* Shells try one directory after another; a record for each that fails would say nothing. */
	if (path && xu_sys(SYS_faccessat, AT_FDCWD, path, X_OK) < 0)
		return;
	engines_settle();
	engines_end();
	stats_write();
}

void before_exit(void)
{
	engines_settle();
	engines_end();
	stats_write();
	live_stop();
}

void before_fclose(FILE *stream)
{
	if (stream == stderr && stats_on_stderr())
		stats_write();
	before_stream_gone(stream);
}

void before_identity_change(void)
{
	engines_settle();
	engines_renew();
	policy_renew_rings();
	policy_close_own_ring();
}

/* From here on the program hears what is done to files: what engines do ahead of it has to have ended. */
void before_watch(void)
{
	if (policy_watches())
		return;
	policy_watch();
	engines_renew();
}

void before_part(void)
{
	engines_settle();
	engines_renew();
	policy_renew_rings();
	policy_part();
}

void before_close_range(int flags)
{
	if (flags & CLOSE_RANGE_UNSHARE)
		before_part();
}

/*
 * Does the process have one thread? As many directories as threads are in this one. Where /proc is not, it is what unshare
 * with this flag asks for, and does nothing; where that is forbidden, true.
 */
static bool alone(void)
{
	struct stat st;

	if (!xu_sys(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &st, 0))
		return st.st_nlink <= 3;
	return xu_sys(SYS_unshare, CLONE_THREAD) != -EINVAL;
}

/* Is this task of the process a worker of the calling thread's ring? The kernel names it after that thread. */
static bool is_our_worker(const char *task)
{
	char path[48], comm[16] = "", ours[24];
	struct xu_text t;
	long fd;

	xu_text_init(&t, path, sizeof(path));
	xu_text_str(&t, "/proc/self/task/");
	xu_text_str(&t, task);
	xu_text_str(&t, "/comm");
	fd = xu_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	xu_sys(SYS_read, fd, comm, sizeof(comm) - 1);
	xu_sys(SYS_close, fd);
	comm[strcspn(comm, "\n")] = '\0';
	xu_text_init(&t, ours, sizeof(ours));
	xu_text_str(&t, "iou-wrk-");
	xu_text_num(&t, (unsigned)xu_sys(SYS_gettid), 0);
	return !strncmp(comm, ours, sizeof(comm) - 1);
}

/*
 * Has our closed ring a worker left, after so many ms? Where /proc is not, other threads may be the program's own, and
 * after a while are taken to be.
 */
static bool worker_left(int waited)
{
	struct entry {
		uint64_t inode;
		int64_t next;
		unsigned short len;
		unsigned char type;
		char name[];
	};
	union {
		struct entry entry;
		char bytes[512];
	} buf;
	bool found = false;
	long fd, n;

	if (alone())
		return false;
	fd = xu_sys(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return waited < 100;
	while (!found && (n = xu_sys(SYS_getdents64, fd, &buf, sizeof(buf))) > 0) {
		const struct entry *e;

		for (long at = 0; at < n && !found; at += e->len) {
			e = (const struct entry *)(buf.bytes + at);
			found = is_our_worker(e->name);
		}
	}
	xu_sys(SYS_close, fd);
	return found;
}

/*
 * The workers of a closed ring take some milliseconds to go, and seconds where the kernel has thousands of rings to clear
 * away. Kernels whose workers stay exist.
 */
static void wait_for_worker(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < 10000 && worker_left(i); i++)
		xu_sys(SYS_nanosleep, &ms, 0);
}

void lifecycle_alone(void)
{
	before_part();
	wait_for_worker();
}

bool lifecycle_again(void)
{
	if (!policy_parted())
		return false;
	wait_for_worker();
	return true;
}

/*
 * The last task of a process to end gives it its exit status, and that must not be a worker. Only for ends by the system
 * call for one task: all other doors end the whole process.
 */
static void before_task_exit(void)
{
	if (policy_part())
		wait_for_worker();
}

/* Statistics are written while files may still be. True: this call is the one that sandboxes. */
static bool sandbox(void)
{
	if (policy_sandboxed() || !thread_is_own())
		return false;
	engines_settle();
	engines_renew();
	loop_before_sandbox();
	stats_write();
	/* Before the strictest sandbox, which has no other end than that of a task. */
	before_task_exit();
	policy_sandbox();
	return true;
}

bool before_prctl(int op, long a, long b)
{
	/* A filter that is not there is how programs ask whether the kernel has filters. */
	if (op == PR_SET_SECCOMP)
		return (a == SECCOMP_MODE_STRICT || b) && sandbox();
	if (op != PR_SET_NAME && op != PR_GET_NAME)
		policy_renew_rings();
	return false;
}

bool before_syscall(long nr, long a, long b, long c)
{
	switch (nr) {
	case SYS_seccomp:
		return (a == SECCOMP_SET_MODE_STRICT || (a == SECCOMP_SET_MODE_FILTER && c)) &&
		       sandbox();
	case SYS_prctl: return before_prctl((int)a, b, c);
	case SYS_setuid:
	case SYS_setgid:
	case SYS_setreuid:
	case SYS_setregid:
	case SYS_setresuid:
	case SYS_setresgid:
	case SYS_setfsuid:
	case SYS_setfsgid:
	case SYS_setgroups:
	case SYS_capset:
	case SYS_chroot:
	case SYS_pivot_root:
#ifdef SYS_landlock_restrict_self
	case SYS_landlock_restrict_self:
#endif
		before_identity_change();
		break;
	case SYS_unshare:
	case SYS_setns: before_part(); break;
#ifdef SYS_close_range
	case SYS_close_range: before_close_range((int)c); break;
#endif
	case SYS_exit:
		if (!policy_sandboxed())
			before_task_exit();
		break;
	case SYS_clone:
#ifdef SYS_clone3
	case SYS_clone3:
#endif
#ifdef SYS_fork
	case SYS_fork:
	case SYS_vfork:
#endif
		engines_settle();
		break;
	case SYS_execve: before_exec((const char *)a); break;
	case SYS_execveat: before_exec(NULL); break;
	case SYS_exit_group: before_exit(); break;
#ifdef SYS_inotify_init
	case SYS_inotify_init:
#endif
	case SYS_inotify_init1:
	case SYS_fanotify_init: before_watch(); break;
	case SYS_rt_sigaction: before_handler((int)a); break;
	default: break;
	}
	return false;
}

void after_sandbox(bool this_call, long res)
{
	if (this_call && res < 0)
		policy_unsandbox();
}

void before_handler(int sig)
{
	stream_before_action(sig);
	signals_handled(sig);
}

/* ---- Entry points that no table row can say ---- */

EXPORT(void, closefrom, (int first));
void xs_closefrom(int first)
{
	if (awake) {
		call_passed(SYM_closefrom);
		before_close_fds((unsigned)first, ~0u, 0);
	}
	if (REAL(closefrom))
		REAL(closefrom)(first);
	else
		xu_sys(SYS_close_range, first, ~0u, 0);
}

EXPORT(int, clone, (int (*fn)(void *), void *stack, int flags, void *arg, ...));
/*
 * What is put off is put out before a child can look. And: sandboxes have a child on our memory that does a call or two
 * and ends, while its parent waits, and give it thread-local memory that is none, all zero, which ours would not be in. It
 * runs on its parent's instead, as the child of a vfork does; of that nothing is to be seen but errno, which is put back.
 */
int xs_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	const int waited_for = CLONE_VM | CLONE_VFORK | CLONE_SETTLS;
	int before = errno, pid;
	pid_t *parent_tid, *child_tid;
	void *tls;
	va_list ap;

	/* Where they are not given, they are not looked at either. */
	va_start(ap, arg);
	parent_tid = va_arg(ap, pid_t *);
	tls = va_arg(ap, void *);
	child_tid = va_arg(ap, pid_t *);
	va_end(ap);
	if (awake) {
		call_passed(SYM_clone);
		if (!(flags & CLONE_THREAD))
			engines_settle();
	}
	if ((flags & (waited_for | CLONE_THREAD)) == waited_for && tls && !*(void **)tls) {
		pid = REAL(clone)(fn, stack, flags & ~CLONE_SETTLS, arg, parent_tid, NULL, child_tid);
		if (pid >= 0)
			errno = before;
		return pid;
	}
	return REAL(clone)(fn, stack, flags, arg, parent_tid, tls, child_tid);
}

/* How many arguments an execl was given, with the NULL that ends them. */
static size_t count_arguments(const char *arg, va_list *ap)
{
	size_t n = 1;

	for (; arg; n++)
		arg = va_arg(*ap, const char *);
	return n;
}

/* Fill `argv` with them. */
static void take_arguments(const char **argv, size_t n, const char *arg, va_list *ap)
{
	argv[0] = arg;
	for (size_t i = 1; i < n; i++)
		argv[i] = va_arg(*ap, const char *);
}

/* `argv`, on the stack, has the arguments of an execl; `ap` is left behind them. */
#define COLLECT(argv, arg, ap)                                                                     \
	size_t nr_;                                                                                \
	va_start(ap, arg);                                                                         \
	nr_ = count_arguments(arg, &ap);                                                           \
	va_end(ap);                                                                                \
	const char **argv = __builtin_alloca(nr_ * sizeof(*argv));                                 \
	va_start(ap, arg);                                                                         \
	take_arguments(argv, nr_, arg, &ap)

EXPORT(int, execve, (const char *path, char *const *argv, char *const *envp));
EXPORT(int, execvp, (const char *path, char *const *argv));

EXPORT(int, execl, (const char *path, const char *arg, ...));
int xs_execl(const char *path, const char *arg, ...)
{
	va_list ap;

	COLLECT(argv, arg, ap);
	va_end(ap);
	return xs_execve(path, (char *const *)argv, environ);
}

EXPORT(int, execlp, (const char *path, const char *arg, ...));
int xs_execlp(const char *path, const char *arg, ...)
{
	va_list ap;

	COLLECT(argv, arg, ap);
	va_end(ap);
	return xs_execvp(path, (char *const *)argv);
}

EXPORT(int, execle, (const char *path, const char *arg, ...));
int xs_execle(const char *path, const char *arg, ...)
{
	char *const *envp;
	va_list ap;

	COLLECT(argv, arg, ap);
	envp = va_arg(ap, char *const *);
	va_end(ap);
	return xs_execve(path, (char *const *)argv, envp);
}
