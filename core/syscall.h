/*
 * Raw system calls.
 *
 * Each answers with the kernel's own value: a result, or -errno. errno is never touched, no cancellation
 * point is passed and nothing is allocated, so they may be used from a signal handler, in a vfork child,
 * and before libc is ready. The arguments are cast to long, as the kernel takes them.
 */
#ifndef XU_CORE_SYSCALL_H
#define XU_CORE_SYSCALL_H

#include <sys/syscall.h>

#if defined(__x86_64__) && !defined(__ILP32__)

static inline long xu_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__)

static inline long xu_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

#elif defined(__riscv) && __riscv_xlen == 64

static inline long xu_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}

#else
#error "xuring knows the system call instruction of x86-64, aarch64 and riscv64 only"
#endif

#define XU_SYS_PICK(_0, _1, _2, _3, _4, _5, _6, name, ...) name
#define xu_sys0(nr) xu_syscall6(nr, 0, 0, 0, 0, 0, 0)
#define xu_sys1(nr, a) xu_syscall6(nr, (long)(a), 0, 0, 0, 0, 0)
#define xu_sys2(nr, a, b) xu_syscall6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define xu_sys3(nr, a, b, c) xu_syscall6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define xu_sys4(nr, a, b, c, d) xu_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define xu_sys5(nr, a, b, c, d, e)                                                                 \
	xu_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define xu_sys6(nr, a, b, c, d, e, f)                                                              \
	xu_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* xu_sys(number, up to six arguments): one system call. */
#define xu_sys(...)                                                                                \
	XU_SYS_PICK(__VA_ARGS__, xu_sys6, xu_sys5, xu_sys4, xu_sys3, xu_sys2, xu_sys1, xu_sys0)    \
	(__VA_ARGS__)

#endif
