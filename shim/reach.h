/*
 * Is this memory of the program's there, for reading or for writing?
 *
 * An engine that answers a call from memory copies to or from where the program says. Where that is not, the kernel would
 * answer EFAULT, or do a part; a copy would be a crash. So it is asked before, and where the answer is no, the plain call
 * is made, which says all of it as it would have.
 *
 *     below 64 KiB, or beyond the address space     no
 *     a page that was found good before             yes: one load from a table of pages, direct-mapped
 *     else                                          the kernel is asked, a page at a time, in a way that changes nothing
 *
 * For reading, by a change of the signal mask in a way that there is none (it reads the mask first); for writing, by a
 * futex operation that adds 0 to a word of the page, in one step, so that no other thread's store is lost, and wakes
 * nobody. Both are as old as the kernels that we run on, take no lock that others wait for, and a quarter of the time that
 * madvise (MADV_POPULATE_*) or process_vm_readv takes.
 *
 * The table is of the whole process, as its memory is. What calls do to memory empties their part of it (the rows of
 * symbols.def with AWAKE_REACH: munmap, mprotect, mmap, mremap, brk, ...), and a fork all of it. Until a page is in it, such
 * calls pass as before. What is not seen is memory that libc gives back inside itself (free of large pieces, threads' stacks),
 * a file that is cut short while it is mapped, and rights by protection keys, which threads change without any call.
 */
#ifndef SHIM_REACH_H
#define SHIM_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/syscall.h"
#include "shim/user_memory.h"

enum { REACH_READ = 1, REACH_WRITE = 2 };

/* Of whatever size the kernel's pages are, these are a part. */
enum { REACH_PAGE = 4096, REACH_PAGES = 1024 };

/* Addresses of pages, and in the bits below what they were found good for. */
extern uintptr_t reach_table[REACH_PAGES];

static inline uintptr_t *reach_place(uintptr_t page)
{
	return &reach_table[page / REACH_PAGE % REACH_PAGES];
}

static inline bool reach_known(uintptr_t page, unsigned how)
{
	return (XU_LOAD(reach_place(page)) & (-(uintptr_t)REACH_PAGE | how)) == (page | how);
}

/* The same for any number of pages; those that are not known are asked for. */
bool reach_asked(uintptr_t from, size_t n, unsigned how);

/* May `n` bytes be copied from here (REACH_READ), or to here? */
static inline bool reach(const void *p, size_t n, unsigned how)
{
	uintptr_t first = (uintptr_t)p & -(uintptr_t)REACH_PAGE;
	uintptr_t last = ((uintptr_t)p + n - 1) & -(uintptr_t)REACH_PAGE;

	if (!n)
		return true;
	if (!user_may_be(p, n))
		return false;
	if (reach_known(first, how) &&
	    (first == last || (last - first == REACH_PAGE && reach_known(last, how))))
		return true;
	return reach_asked((uintptr_t)p, n, how);
}

/* The kernel's word on the page of this byte: for the child that finds out whether a sandbox lets us ask (policy.c). */
bool reach_ask(uintptr_t byte, unsigned how);

/* This memory is not what it was; nor is any. */
void reach_forget(const void *p, size_t n);
void reach_forget_all(void);

/* A call by number has ended: one that changes memory? */
void reach_after_number(long nr);

#endif
