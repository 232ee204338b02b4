/*
 * Make every system call of a program dearer, as sandboxes do: by a long seccomp filter that allows everything.
 *
 *     dear NANOSECONDS PROGRAM [ARGUMENT...]
 *     dear NANOSECONDS                           prints what a call costs then, in nanoseconds
 *
 * The filter looks at an argument, so that the kernel can not know its answer beforehand and runs it every time. How
 * long it has to be is found out first, in a child that gets the longest. io_uring is allowed like everything else;
 * operations of a ring pass no filter.
 */
#include "bench.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LONGEST = 4000, ARGUMENT = offsetof(struct seccomp_data, args[5]) };

static uint64_t price(void)
{
	uint64_t best = UINT64_MAX;

	for (int round = 0; round < 50; round++) {
		uint64_t start = now_ns(), t;

		for (int i = 0; i < 100; i++)
			syscall(SYS_getppid);
		t = (now_ns() - start) / 100;
		best = t < best ? t : best;
	}
	return best;
}

/* Install a filter with so many steps that each need the one before. */
static void filter(unsigned steps)
{
	struct sock_filter *f = calloc(steps + 2, sizeof(*f));
	struct sock_fprog prog = {(unsigned short)(steps + 2), f};

	if (!f)
		die("memory");
	f[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT);
	for (unsigned i = 1; i <= steps; i++)
		f[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, i);
	f[steps + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("seccomp");
	free(f);
}

/* What the longest filter adds to a call, in nanoseconds. */
static uint64_t dearest(void)
{
	uint64_t added = 0;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		uint64_t before = price();

		filter(LONGEST);
		added = price() - before;
		_exit(write(fds[1], &added, sizeof(added)) != sizeof(added));
	}
	close(fds[1]);
	if (read(fds[0], &added, sizeof(added)) != sizeof(added))
		die("child");
	close(fds[0]);
	waitpid(pid, &status, 0);
	return added ? added : 1;
}

int main(int argc, char **argv)
{
	unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	uint64_t each;

	if (argc < 2) {
		fputs("usage: dear NANOSECONDS [PROGRAM [ARGUMENT...]]\n", stderr);
		return 2;
	}
	each = wanted ? dearest() : 1;
	while (wanted) {
		uint64_t now = wanted < each ? wanted : each;

		filter((unsigned)(LONGEST * now / each));
		wanted -= (unsigned long)now;
	}
	if (argc == 2) {
		printf("%llu\n", (unsigned long long)price());
		return 0;
	}
	execvp(argv[2], argv + 2);
	die(argv[2]);
}
