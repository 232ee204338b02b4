/*
 * Signals that end the program: what is gathered is written before they do.
 *
 * While a program gathers, those signals that would end it, and that it leaves at their default, have a handler of ours,
 * which writes what is gathered and lets the signal come again, with the default action and what was known of its
 * sender. So the end is the same: its status, its core, who is told. A fault comes again by itself, as the instruction is
 * tried again.
 *
 * The program does not find it: before it asks for a signal's action, or sets it, the default is put back, and from the next
 * file on that is gathered for we look again. Programs that are executed get the default, as of every handler.
 * What is seen is SigCgt in /proc/self/status.
 *
 * Nobody can do this for SIGKILL, nor for the first process of a PID namespace, which such signals do not end.
 */
#include <signal.h>

#include "core/syscall.h"
#include "shim/engine/stream.h"
#include "shim/signals.h"
#include "shim/symbols.h"
#include "xuring.h"

static const uint8_t fatal[] = {SIGHUP,	 SIGINT,    SIGQUIT, SIGTERM,	SIGALRM, SIGUSR1,
				SIGUSR2, SIGVTALRM, SIGPROF, SIGSTKFLT, SIGPOLL, SIGPWR,
				SIGXCPU, SIGABRT,   SIGSEGV, SIGBUS,	SIGFPE,	 SIGILL};

/* There are handlers of ours, or were. */
static bool ever;

/* The kernel has put back the default already (SA_RESETHAND); the signal is blocked until this returns. */
static void on_fatal(int sig, siginfo_t *info, void *context)
{
	bool fault = info->si_code > 0 && info->si_code != SI_KERNEL &&
		     (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL);

	(void)context;
	stream_put_out_at_end();
	if (!fault)
		xu_sys(SYS_rt_tgsigqueueinfo, xu_sys(SYS_getpid), xu_sys(SYS_gettid), sig, info);
}

/* As the kernel has it, on x86-64 and aarch64. */
struct kernel_action {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

/* What was there before. */
static struct kernel_action before[32];

static bool has_action(int sig, struct kernel_action *action)
{
	return !xu_sys(SYS_rt_sigaction, sig, 0, action, sizeof(action->mask));
}

void stream_watch_fatal(void)
{
	struct sigaction action = {.sa_sigaction = on_fatal,
				   .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK | SA_RESTART};
	struct kernel_action now;

	if (xu_sys(SYS_getpid) == 1 || !REAL(sigaction))
		return;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(fatal); i++) {
		if (!has_action(fatal[i], &now) || now.handler != (uintptr_t)SIG_DFL)
			continue;
		before[fatal[i]] = now;
		XU_STORE_RELEASE(&ever, true);
		signals_handled(fatal[i]);
		REAL(sigaction)(fatal[i], &action, NULL);
	}
}

void stream_before_action(int sig)
{
	struct kernel_action now;

	if (XU_LOAD_ACQUIRE(&ever) && has_action(sig, &now) && now.handler == (uintptr_t)on_fatal)
		xu_sys(SYS_rt_sigaction, sig, &before[sig], 0, sizeof(now.mask));
}
