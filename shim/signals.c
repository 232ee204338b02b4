/* Signals while an op is under way: see signals.h. */
#include <signal.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/signals.h"

#define BIT(sig) (UINT64_C(1) << ((sig)-1))

/* 32 to 34 are libc's own, for cancelling threads and for changing all threads' identity. */
#define LIBC (BIT(32) | BIT(33) | BIT(34))

static uint64_t handled = LIBC;

void signals_handled(int sig)
{
	if (sig > 0 && sig <= 64)
		__atomic_or_fetch(&handled, BIT(sig), __ATOMIC_RELAXED);
}

bool signals_any(void)
{
	return __atomic_load_n(&handled, __ATOMIC_RELAXED) != LIBC;
}

uint64_t signals_hold(void)
{
	uint64_t hold = __atomic_load_n(&handled, __ATOMIC_RELAXED);
	uint64_t before = 0;

	xu_sys(SYS_rt_sigprocmask, SIG_BLOCK, &hold, &before, sizeof(before));
	return before;
}

void signals_resume(uint64_t before)
{
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
}

#define BROUGHT (BIT(SIGPIPE) | BIT(SIGXFSZ))

uint64_t signals_mute(uint64_t *pending)
{
	uint64_t mute = BROUGHT;
	uint64_t before = 0;

	xu_sys(SYS_rt_sigprocmask, SIG_BLOCK, &mute, &before, sizeof(before));
	*pending = 0;
	xu_sys(SYS_rt_sigpending, pending, sizeof(*pending));
	return before;
}

void signals_unmute(uint64_t before, uint64_t pending)
{
	static const struct timespec at_once;
	uint64_t ours = BROUGHT & ~pending;

	while (ours && xu_sys(SYS_rt_sigtimedwait, &ours, 0, &at_once, sizeof(ours)) > 0)
		;
	signals_resume(before);
}
