/* Asking for pages of the program's memory, and forgetting what was answered: see reach.h. */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "shim/policy.h"
#include "shim/process.h"
#include "shim/reach.h"

uintptr_t reach_table[REACH_PAGES];

bool reach_ask(uintptr_t byte, unsigned how)
{
	/* Nobody waits for it. */
	static const unsigned nobody;
	const unsigned never = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0x7ff);

	if (how == REACH_READ)
		return xu_sys(SYS_rt_sigprocmask, -1, byte & ~(uintptr_t)7, 0, 8) != -EFAULT;
	return xu_sys(SYS_futex, &nobody, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0,
		      byte & ~(uintptr_t)3, never) >= 0;
}

/* A sandbox may kill for it. Found out once. */
static bool may_ask(void)
{
	static enum { UNKNOWN, YES, NO } answer;

	if (XU_LOAD(&answer) == UNKNOWN)
		__atomic_store_n(&answer, policy_may_ask() && policy_user_memory() ? YES : NO,
				 __ATOMIC_RELAXED);
	return XU_LOAD(&answer) == YES;
}

static void remember(uintptr_t page, unsigned how)
{
	uintptr_t *place = reach_place(page);

	/* What can be written can be read. */
	__atomic_store_n(place, page | how | REACH_READ, __ATOMIC_RELAXED);
	if (!(awake & AWAKE_REACH))
		process_wake(AWAKE_REACH);
}

bool reach_asked(uintptr_t from, size_t n, unsigned how)
{
	uintptr_t end = from + n;

	for (uintptr_t at = from, page; at < end; at = page + REACH_PAGE) {
		page = at & -(uintptr_t)REACH_PAGE;
		if (reach_known(page, how))
			continue;
		if (!may_ask() || !reach_ask(at, how))
			return false;
		remember(page, how);
	}
	return true;
}

void reach_forget_all(void)
{
	if (awake & AWAKE_REACH)
		memset(reach_table, 0, sizeof(reach_table));
}

void reach_forget(const void *p, size_t n)
{
	uintptr_t page = (uintptr_t)p & -(uintptr_t)REACH_PAGE;
	size_t pages;

	if (!(awake & AWAKE_REACH))
		return;
	if (n >= (size_t)REACH_PAGES * REACH_PAGE) {
		reach_forget_all();
		return;
	}
	/* By their number: what failed, or has no sense, may end where memory does. */
	pages = ((uintptr_t)p - page + n + REACH_PAGE - 1) / REACH_PAGE;
	for (; pages--; page += REACH_PAGE)
		if ((XU_LOAD(reach_place(page)) & -(uintptr_t)REACH_PAGE) == page)
			__atomic_store_n(reach_place(page), 0, __ATOMIC_RELAXED);
}

void reach_after_number(long nr)
{
	switch (nr) {
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mremap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
	case SYS_madvise:
	case SYS_brk:
	case SYS_shmat:
	case SYS_shmdt:
	case SYS_remap_file_pages: reach_forget_all(); break;
	default: break;
	}
}
