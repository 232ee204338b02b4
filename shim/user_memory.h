/*
 * The program's memory, read and written without trusting it: where a plain call would answer EFAULT, we must not crash.
 * Not to be used where a sandbox may forbid it (policy_user_memory).
 */
#ifndef SHIM_USER_MEMORY_H
#define SHIM_USER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/syscall.h"

/* Beyond it, and before the first 64 KiB, no program has memory without asking for the place (vm.mmap_min_addr). */
#ifdef __x86_64__
#define USER_END (UINT64_C(1) << 47)
#else
#define USER_END (UINT64_C(1) << 48)
#endif

/* May these bytes be the program's, by their address alone? False: a plain call has to say what they are. */
static inline bool user_may_be(const void *p, size_t n)
{
	return (uintptr_t)p >= 65536 && n < USER_END && (uintptr_t)p < USER_END - n;
}

/*
 * The task is named by the thread: once the main thread has ended, the process's number leads to no memory.
 *
 * Copy up to `n` bytes from the program. Returns how many could be read, or -errno.
 */
static inline long user_read(void *to, const void *from, size_t n)
{
	struct iovec local = {to, n};
	struct iovec remote = {(void *)from, n};

	return xu_sys(SYS_process_vm_readv, xu_sys(SYS_gettid), &local, 1, &remote, 1, 0);
}

/* Copy `n` bytes to the program. Returns how many could be written, or -errno. */
static inline long user_write(void *to, const void *from, size_t n)
{
	struct iovec local = {(void *)from, n};
	struct iovec remote = {to, n};

	return xu_sys(SYS_process_vm_writev, xu_sys(SYS_gettid), &local, 1, &remote, 1, 0);
}

#endif
