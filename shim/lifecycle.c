/*
 * Beginnings, ends and changes of identity.
 *
 *     fork       needs nothing: a thread's slot and ring are not there in the child (thread.h)
 *     vfork      neither: a task that runs in our memory without being the slot's owner is told by its number
 *     exec, exit statistics are written; the kernel takes rings with it
 *     identity   rings are made anew, so that none carries rights from before
 *     sandbox    no ring is used again: it would go round the filter, or be the death of the process
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/syscall.h"
#include "shim/lifecycle.h"
#include "shim/policy.h"
#include "shim/signals.h"
#include "shim/stats.h"
#include "shim/thread.h"

/* linux/seccomp.h, which not every libc's headers have */
#ifndef SECCOMP_SET_MODE_STRICT
#define SECCOMP_SET_MODE_STRICT 0
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_MODE_STRICT 1
#endif

#define EXPORT(ret, name, params) __attribute__((visibility("default"))) ret xs_##name params __asm__(#name)

void before_exec(const char *path)
{
	/* Shells try one directory after another; a record for each that fails would say nothing. */
	if (path && xu_sys(SYS_faccessat, AT_FDCWD, path, X_OK) < 0)
		return;
	stats_write();
}

void before_exit(void)
{
	stats_write();
}

void before_fclose(FILE *stream)
{
	if (stream == stderr && stats_on_stderr())
		stats_write();
}

bool before_identity_change(void)
{
	policy_renew_rings();
	return policy_close_own_ring();
}

bool lifecycle_pause(int i)
{
	struct timespec ms = {.tv_nsec = 1000000};

	xu_sys(SYS_nanosleep, &ms, 0);
	return i < 100;
}

/* Statistics are written while files may still be. True: this call is the one that sandboxes. */
static bool sandbox(void)
{
	if (policy_sandboxed() || !thread_is_own())
		return false;
	stats_write();
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
		return (a == SECCOMP_SET_MODE_STRICT || (a == SECCOMP_SET_MODE_FILTER && c)) && sandbox();
	case SYS_prctl:
		return before_prctl((int)a, b, c);
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
	case SYS_unshare:
	case SYS_setns:
#ifdef SYS_landlock_restrict_self
	case SYS_landlock_restrict_self:
#endif
		before_identity_change();
		break;
	case SYS_execve:
		before_exec((const char *)a);
		break;
	case SYS_execveat:
		before_exec(NULL);
		break;
	case SYS_exit_group:
		before_exit();
		break;
	case SYS_rt_sigaction:
		before_handler((int)a);
		break;
	default:
		break;
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
	signals_handled(sig);
}

/* ---- Entry points that no table row can say ---- */

/* The arguments of execl and kin as an array on the stack, which is what they are anyway. */
#define COLLECT(argv, arg, ap)                                                                     \
	size_t argc_ = 1;                                                                          \
	va_start(ap, arg);                                                                         \
	while (argc_ < 1u << 20 && va_arg(ap, const char *))                                       \
		argc_++;                                                                           \
	va_end(ap);                                                                                \
	const char **argv = __builtin_alloca((argc_ + 1) * sizeof(*argv));                                                               \
	argv[0] = arg;                                                                             \
	va_start(ap, arg);                                                                         \
	for (size_t i = 1; i <= argc_; i++)                                                        \
		argv[i] = va_arg(ap, const char *)

EXPORT(int, execve, (const char *path, char *const *argv, char *const *envp));
EXPORT(int, execvp, (const char *path, char *const *argv));

EXPORT(int, execl, (const char *path, const char *arg, ...));
int xs_execl(const char *path, const char *arg, ...)
{
	va_list ap;

	COLLECT(argv, arg, ap);
	return xs_execve(path, (char *const *)argv, environ);
}

EXPORT(int, execlp, (const char *path, const char *arg, ...));
int xs_execlp(const char *path, const char *arg, ...)
{
	va_list ap;

	COLLECT(argv, arg, ap);
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
