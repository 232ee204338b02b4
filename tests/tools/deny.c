// SPDX-License-Identifier: MIT
/*
 * deny: runs a program under a seccomp filter that refuses io_uring, as containers and sandboxes do.
 *
 *     deny [-s setup,enter,register,cachestat] WHAT PROG [ARG...]
 *
 * WHAT is the answer to the refused calls:
 *     an errno by name (EPERM, ENOSYS, ...) or number
 *     kill     the process dies at the call (SECCOMP_RET_KILL_PROCESS)
 *     trap     the thread gets SIGSYS (SECCOMP_RET_TRAP)
 *
 * Without -s it is io_uring_setup alone that is refused. Everything else passes. The filter stays through
 * fork and exec. The exit status is PROG's, or 125 when the filter or PROG could not be started.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "deny knows the system call numbers of x86-64 and aarch64 only"
#endif

/* What we need of the kernel's ABI, said here because not every libc comes with the kernel's headers. */
#define SET_MODE_FILTER 1
#define RET_KILL_PROCESS 0x80000000U
#define RET_TRAP 0x00030000U
#define RET_ERRNO 0x00050000U
#define RET_ALLOW 0x7fff0000U

#define LOAD_WORD 0x20	   /* BPF_LD | BPF_W | BPF_ABS */
#define JUMP_IF_EQUAL 0x15 /* BPF_JMP | BPF_JEQ | BPF_K */
#define RETURN 0x06	   /* BPF_RET | BPF_K */

/* One instruction of a filter (struct sock_filter): what to do, how far to jump if so and if not, the operand. */
struct instruction {
	uint16_t code;
	uint8_t if_so;
	uint8_t if_not;
	uint32_t operand;
};

/* A filter as the kernel takes it (struct sock_fprog). */
struct filter {
	unsigned short length;
	struct instruction *instructions;
};

/* The calls that -s may name. Their numbers are the same on both architectures (and on 32-bit x86). */
enum { CALLS = 4 };
static const struct {
	const char *name;
	unsigned int number;
} calls[CALLS] = {{"setup", 425}, {"enter", 426}, {"register", 427}, {"cachestat", 451}};

#define STATUS_TROUBLE 125

/* One errno that WHAT may name. */
struct error_name {
	const char *name;
	int number;
};

static const struct error_name error_names[] = {
	{"EPERM", EPERM},	  {"ENOSYS", ENOSYS},
	{"ENOMEM", ENOMEM},	  {"EMFILE", EMFILE},
	{"ENFILE", ENFILE},	  {"EINVAL", EINVAL},
	{"EACCES", EACCES},	  {"EAGAIN", EAGAIN},
	{"EBUSY", EBUSY},	  {"EFAULT", EFAULT},
	{"EOVERFLOW", EOVERFLOW}, {"EOPNOTSUPP", EOPNOTSUPP},
	{"EINTR", EINTR},	  {"EIO", EIO},
	{"ENXIO", ENXIO},	  {"EBADF", EBADF},
	{"EBADFD", EBADFD},	  {"EEXIST", EEXIST},
};

/* Says how to use it, and ends. */
static _Noreturn void usage(void)
{
	fputs("usage: deny [-s setup,enter,register,cachestat] ERRNO|kill|trap PROG [ARG...]\n",
	      stderr);
	exit(STATUS_TROUBLE);
}

/* Says which step failed and with what errno, and ends. */
static _Noreturn void fail(const char *step)
{
	fprintf(stderr, "deny: %s: %s\n", step, strerror(errno));
	exit(STATUS_TROUBLE);
}

/* Turns WHAT into the value that the filter returns. */
static unsigned int filter_action(const char *what)
{
	char *end;
	long number;

	if (!strcmp(what, "kill"))
		return RET_KILL_PROCESS;
	if (!strcmp(what, "trap"))
		return RET_TRAP;

	for (size_t i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++) {
		if (!strcmp(what, error_names[i].name))
			return RET_ERRNO | (unsigned int)error_names[i].number;
	}

	number = strtol(what, &end, 10);
	if (end == what || *end || number < 1 || number > 4095) {
		fprintf(stderr, "deny: no errno is called %s\n", what);
		usage();
	}
	return RET_ERRNO | (unsigned int)number;
}

/* Reads the list after -s into one flag a call. */
static void parse_calls(char *list, bool refused[CALLS])
{
	char *rest = list;
	char *word;

	memset(refused, 0, CALLS * sizeof(refused[0]));
	while ((word = strsep(&rest, ","))) {
		int i = 0;

		while (i < CALLS && strcmp(word, calls[i].name) != 0)
			i++;
		if (i == CALLS) {
			fprintf(stderr, "deny: %s is no call that it knows\n", word);
			usage();
		}
		refused[i] = true;
	}
}

/*
 * Installs the filter: it answers the refused calls with the action and lets the rest pass. It need not look
 * at the architecture, as these numbers mean the same everywhere it can run. Without CAP_SYS_ADMIN
 * the kernel wants no_new_privs first.
 */
static void install(const bool refused[CALLS], unsigned int action)
{
	/* A number that no call has stands for "not refused". */
#define REFUSED(i) (refused[i] ? calls[i].number : ~0U)
	struct instruction instructions[] = {
		{LOAD_WORD, 0, 0, 0}, /* seccomp_data begins with the number of the call */
		{JUMP_IF_EQUAL, 4, 0, REFUSED(0)},
		{JUMP_IF_EQUAL, 3, 0, REFUSED(1)},
		{JUMP_IF_EQUAL, 2, 0, REFUSED(2)},
		{JUMP_IF_EQUAL, 1, 0, REFUSED(3)},
		{RETURN, 0, 0, RET_ALLOW},
		{RETURN, 0, 0, action},
	};
	struct filter filter = {
		.length = sizeof(instructions) / sizeof(instructions[0]),
		.instructions = instructions,
	};

	if (syscall(SYS_seccomp, SET_MODE_FILTER, 0, &filter) == 0)
		return;
	if (errno != EACCES)
		fail("seccomp");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fail("no_new_privs");
	if (syscall(SYS_seccomp, SET_MODE_FILTER, 0, &filter) != 0)
		fail("seccomp");
}

int main(int argc, char **argv)
{
	bool refused[CALLS] = {true};
	int option;

	while ((option = getopt(argc, argv, "+s:")) != -1) {
		if (option != 's')
			usage();
		parse_calls(optarg, refused);
	}
	if (argc - optind < 2)
		usage();

	install(refused, filter_action(argv[optind]));
	execvp(argv[optind + 1], argv + optind + 1);
	fail(argv[optind + 1]);
}
