/*
 * Telling the program that its operation has ended, as glibc's own functions do: by a signal to the process with
 * SI_ASYNCIO, or by a new thread with all signals open. SIGEV_THREAD_ID tells nobody, there as here.
 */
#include <pthread.h>
#include <signal.h>

#include "core/syscall.h"
#include "shim/engine/aio.h"

static void tell_signal(const struct aio_notice *notice)
{
	int pid = (int)xu_sys(SYS_getpid);
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = notice->signo;
	info.si_code = SI_ASYNCIO;
	info.si_pid = pid;
	info.si_uid = (uid_t)xu_sys(SYS_getuid);
	info.si_value = notice->value;
	xu_sys(SYS_rt_sigqueueinfo, pid, notice->signo, &info);
}

/* The start of such a thread. Its words lie in an operation that is its own until it has them. */
static void *call_function(void *arg)
{
	struct aio_op *op = arg;
	struct aio_notice notice = op->list.notice;
	uint64_t none = 0;

	aio_op_free(op);
	/* By itself, so that it never sees itself otherwise. */
	if (!notice.attributes)
		REAL(pthread_detach)(pthread_self());
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none));
	notice.function(notice.value);
	return NULL;
}

static void tell_thread(const struct aio_notice *notice)
{
	struct aio_op *op = aio_op_new();
	pthread_t thread = 0;

	if (!op)
		return;
	op->list.notice = *notice;
	if (REAL(pthread_create)(&thread, notice->attributes, call_function, op))
		aio_op_free(op);
}

void aio_notify(const struct aio_notice *notice)
{
	switch (notice->kind) {
	case SIGEV_SIGNAL:
		if (!notice->signo)
			return;
		tell_signal(notice);
		break;
	case SIGEV_THREAD: tell_thread(notice); break;
	default: return;
	}
	aio_count(AIO_SIGNALS, 1);
}
