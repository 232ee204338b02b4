/*
 * An older kernel, played: a seccomp filter traps the three calls of io_uring, and the signal handler answers them as
 * that kernel would, from the table of what came when (core/ops.def): unknown set-up flags are EINVAL, unknown features
 * are not told, unknown register calls and enter flags do not exist. What is left goes to the real kernel, marked by a
 * sixth argument that the filter lets pass (io_uring_enter has one of its own, in which a size that nobody would
 * use marks the call).
 *
 * The handler can also answer with an error of choice, and counts the calls.
 */
#ifndef OLDKERNEL_H
#define OLDKERNEL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "core/syscall.h"
#include "tests/unit/ring.h"

#define OLD_MARK 0x5ca1ab1e

/* The kernel that is played. */
static struct {
	unsigned version;     /* major * 1000 + minor; 0: the real one */
	int register_error;   /* the answer to all register calls, if not 0 */
	int setup_error;      /* the answer to all set-ups, if not 0 */
	int own_memory_error; /* the answer to set-ups with memory of ours, if not 0 */
	int enter_error;      /* the answer to the next enter_errors enters */
	int enter_errors;
	int setups;
	int enters;
} old;

struct old_row {
	unsigned value;
	unsigned since;
};

#define OLD_ROW(constant, major, minor) {(unsigned)(constant), (major)*1000 + (minor)},

static const struct old_row old_setup_flags[] = {
#define XU_SETUP_FLAG(NAME, name, major, minor) OLD_ROW(IORING_SETUP_##NAME, major, minor)
#include "core/ops.def"
};

static const struct old_row old_features[] = {
#define XU_FEATURE(NAME, name, major, minor) OLD_ROW(IORING_FEAT_##NAME, major, minor)
#include "core/ops.def"
};

static const struct old_row old_enter_flags[] = {
#define XU_ENTER_FLAG(NAME, name, major, minor) OLD_ROW(IORING_ENTER_##NAME, major, minor)
#include "core/ops.def"
};

static const struct old_row old_register_ops[] = {
#define XU_REGISTER_OP(NAME, name, major, minor) OLD_ROW(IORING_##NAME, major, minor)
#include "core/ops.def"
};

#define OLD_KNOWN(table) old_known(table, sizeof(table) / sizeof((table)[0]))

/* The bits of a table that the played kernel knows. */
static inline unsigned old_known(const struct old_row *rows, size_t nr)
{
	unsigned bits = 0;

	for (size_t i = 0; i < nr; i++)
		if (rows[i].since <= old.version)
			bits |= rows[i].value;
	return bits;
}

static inline long old_setup(unsigned entries, struct io_uring_params *p)
{
	long ret;

	old.setups++;
	if (old.setup_error)
		return old.setup_error;
	if (old.own_memory_error && p->flags & IORING_SETUP_NO_MMAP)
		return old.own_memory_error;
	if (old.version && p->flags & ~OLD_KNOWN(old_setup_flags))
		return -EINVAL;
	ret = xu_sys(SYS_io_uring_setup, entries, p, 0, 0, 0, OLD_MARK);
	if (old.version)
		p->features &= OLD_KNOWN(old_features);
	return ret;
}

static inline long old_enter(const long *arg)
{
	old.enters++;
	if (old.enter_errors > 0) {
		old.enter_errors--;
		return old.enter_error;
	}
	if (old.version && (unsigned)arg[3] & ~OLD_KNOWN(old_enter_flags))
		return -EINVAL;
	/* The upper half of fd is not looked at. */
	return xu_sys(SYS_io_uring_enter, (uint64_t)OLD_MARK << 32 | (uint32_t)arg[0], arg[1],
		      arg[2], arg[3], arg[4], arg[5]);
}

static inline long old_register(const long *arg)
{
	unsigned op = (unsigned)arg[1] & ~(unsigned)IORING_REGISTER_USE_REGISTERED_RING;
	bool by_index = op != (unsigned)arg[1];

	if (old.register_error)
		return old.register_error;
	if (old.version && by_index && !(OLD_KNOWN(old_features) & IORING_FEAT_REG_REG_RING))
		return -EINVAL;
	for (size_t i = 0;
	     old.version && i < sizeof(old_register_ops) / sizeof(old_register_ops[0]); i++)
		if (old_register_ops[i].value == op && old_register_ops[i].since > old.version)
			return -EINVAL;
	return xu_sys(SYS_io_uring_register, arg[0], arg[1], arg[2], arg[3], 0, OLD_MARK);
}

static inline void old_trap(int sig, siginfo_t *info, void *context)
{
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
	long arg[6] = {m->gregs[REG_RDI], m->gregs[REG_RSI], m->gregs[REG_RDX],
		       m->gregs[REG_R10], m->gregs[REG_R8],  m->gregs[REG_R9]};
#define OLD_ANSWER m->gregs[REG_RAX]
#elif defined(__aarch64__)
	long arg[6] = {(long)m->regs[0], (long)m->regs[1], (long)m->regs[2],
		       (long)m->regs[3], (long)m->regs[4], (long)m->regs[5]};
#define OLD_ANSWER m->regs[0]
#else
	long arg[6] = {0};
	long unused;
#define OLD_ANSWER unused
	(void)m;
#endif
	(void)sig;
	if (info->si_syscall == SYS_io_uring_setup)
		OLD_ANSWER = old_setup((unsigned)arg[0], (struct io_uring_params *)arg[1]);
	else if (info->si_syscall == SYS_io_uring_enter)
		OLD_ANSWER = old_enter(arg);
	else
		OLD_ANSWER = old_register(arg);
}

/* From here on the three calls come to us. */
static inline void old_begin(void)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_NODEFER};
	const unsigned low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;
	const unsigned mark = offsetof(struct seccomp_data, args[5]) + low;
	const unsigned fd_upper = offsetof(struct seccomp_data, args[0]) + 4 - low;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_register, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 3, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, mark),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, fd_upper),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OLD_MARK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

#if !defined(__x86_64__) && !defined(__aarch64__)
	skip("no older kernel can be played on this machine");
#endif
	if (getenv("XU_LEVEL"))
		skip("one older kernel is pretended already");
	need_ring();
	sa.sa_sigaction = old_trap;
	sigaction(SIGSYS, &sa, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		skip("no seccomp filter: %s", strerror(errno));
}

#endif
