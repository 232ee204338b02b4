/*
 * Scenes of sandboxes: after a program has shut itself in, what is forbidden stays forbidden, with the answer that the
 * sandbox gives, whichever way the calls went before.
 *
 * Before each there was I/O of every kind, so that a ring and its worker are there where there can be.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "life.h"

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#define SYS_io_uring_register 427
#endif

/* ---- Filters ---- */

#define MAX_CALLS 24

/* The same answer for all these calls, and everything else is allowed. -1 ends the list. */
static struct sock_fprog filter_for(const int *calls, unsigned answer)
{
	static struct sock_filter code[2 * MAX_CALLS + 3];
	struct sock_fprog prog = {.filter = code};
	unsigned n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (; *calls >= 0; calls++) {
		must(n + 3 < sizeof(code) / sizeof(code[0]));
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned)*calls, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	return prog;
}

/* By none of libc's doors: nobody but the kernel hears of it. */
static long unheard(long nr, long a, long b, long c)
{
#if defined(__x86_64__)
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
#else
	return syscall(nr, a, b, c) < 0 ? -errno : 0;
#endif
}

enum way { BY_PRCTL, BY_SYSCALL, BY_SYSCALL_PRCTL, UNHEARD, UNHEARD_PRCTL };

static const char *const way_names[] = {"prctl", "syscall(seccomp)", "syscall(prctl)"};

static int install(enum way way, const int *calls, unsigned answer)
{
	struct sock_fprog prog = filter_for(calls, answer);

	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	switch (way) {
	case BY_PRCTL: return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
	case BY_SYSCALL: return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
	case BY_SYSCALL_PRCTL:
		return (int)syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
	case UNHEARD: return (int)unheard(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&prog);
	case UNHEARD_PRCTL:
		return (int)unheard(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&prog);
	}
	return -1;
}

static const int forbidden[] = {
#ifdef SYS_open
	SYS_open,	SYS_creat,    SYS_unlink,   SYS_mkdir,	   SYS_rename,
	SYS_stat,	SYS_lstat,
#endif
	SYS_openat,	SYS_unlinkat, SYS_mkdirat,  SYS_renameat2, SYS_statx,
	SYS_newfstatat, SYS_fsync,    SYS_pwrite64, SYS_socket,	   -1,
};

static int given; /* a file that is open from before */

static void warm_up(void)
{
	some_io("warm", true);
	make_file("file", "in the file", 0644);
	given = open("file", O_RDWR);
	must(given >= 0);
}

/* What is forbidden, and what is not. */
static void judge(const char *who)
{
	char buf[16] = "";
	struct stat st;
	int ends[2];

	say("%s", who);
	tried("   open", open("file", O_RDONLY));
	tried("   open to make", open("made", O_RDWR | O_CREAT, 0644));
	tried("   openat", openat(AT_FDCWD, "file", O_RDONLY));
	tried("   creat", creat("made", 0644));
	told("   stat", stat("file", &st));
	told("   lstat", lstat("file", &st));
	told("   unlink", unlink("file"));
	told("   mkdir", mkdir("dir", 0755));
	told("   renameat2", syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "file2", 0));
	told("   fsync", fsync(given));
	told("   pwrite", pwrite(given, "x", 1, 0));
	tried("   socket", socket(AF_UNIX, SOCK_STREAM, 0));
	told("   syscall(openat)", syscall(SYS_openat, AT_FDCWD, "file", O_RDONLY, 0) >= 0 ? 0 : -1);
	told("   syscall(fsync)", syscall(SYS_fsync, given));
	/* These are allowed. */
	told("   pread", pread(given, buf, 5, 3));
	told("   read", read(given, buf, 2));
	told("   fdatasync", fdatasync(given));
	told("   lseek", lseek(given, 0, SEEK_SET));
	must(!pipe(ends) && write(ends[1], "p", 1) == 1 && read(ends[0], buf, 2) == 1);
	must(!close(ends[0]) && !close(ends[1]));
}

/* In a child, as there is no way back. */
static void in_sandbox(const char *what, void (*fn)(void *), void *arg)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (!pid) {
		warm_up();
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	say_status(what, wait_for(pid));
}

static void forbid(void *arg)
{
	enum way way = (enum way)(intptr_t)arg;

	must(!install(way, forbidden, SECCOMP_RET_ERRNO | EACCES));
	judge(way_names[way]);
}

static void forbid_twice(void *arg)
{
	static const int more[] = {SYS_pread64, SYS_fdatasync, -1};

	(void)arg;
	must(!install(BY_PRCTL, forbidden, SECCOMP_RET_ERRNO | EXDEV));
	must(!install(BY_SYSCALL, more, SECCOMP_RET_ERRNO | EPERM));
	judge("two filters");
}

static void *other_thread(void *arg)
{
	judge(arg);
	return NULL;
}

/* A thread from before and one from after; without TSYNC the first is free, with it it is not. */
static pthread_barrier_t meet;

static void *earlier_thread(void *arg)
{
	some_io("thread-file", true);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	judge(arg);
	return NULL;
}

static void forbid_all_threads(void *arg)
{
	struct sock_fprog prog = filter_for(forbidden, SECCOMP_RET_ERRNO | EACCES);
	pthread_t t;

	(void)arg;
	must(!pthread_barrier_init(&meet, NULL, 2));
	t = thread(earlier_thread, "a thread from before, TSYNC");
	pthread_barrier_wait(&meet);
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog));
	pthread_barrier_wait(&meet);
	must(!pthread_join(t, NULL));
	must(!pthread_join(thread(other_thread, "a thread from after"), NULL));
}

static void forbid_child(void *arg)
{
	pid_t pid;

	(void)arg;
	must(!install(BY_PRCTL, forbidden, SECCOMP_RET_ERRNO | EACCES));
	pid = fork();
	if (!pid) {
		judge("a child");
		_exit(0);
	}
	must(wait_for(pid) == 0);
	pid = vfork();
	if (!pid)
		_exit(open("file", O_RDONLY) >= 0 ? 0 : errno);
	say("a vfork child: %s", errno_name(WEXITSTATUS(wait_for(pid))));
}

/* A filter that can not be installed changes nothing. */
static void refused(void *arg)
{
	struct sock_fprog empty = {.len = 0, .filter = NULL};

	(void)arg;
	told("no filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0));
	told("an empty filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &empty, 0, 0));
	told("an empty filter", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &empty));
	told("from nowhere", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 16));
	told("what mode", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	some_io("then", true);
	judge("no sandbox");
}

static void play_filter(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	in_sandbox("by prctl", forbid, (void *)BY_PRCTL);
	in_sandbox("by syscall(seccomp)", forbid, (void *)BY_SYSCALL);
	in_sandbox("by syscall(prctl)", forbid, (void *)BY_SYSCALL_PRCTL);
	in_sandbox("twice", forbid_twice, NULL);
	in_sandbox("in all threads", forbid_all_threads, NULL);
	in_sandbox("in children", forbid_child, NULL);
	in_sandbox("refused", refused, NULL);
}

/* ---- Filters against rings ---- */

static const int rings[] = {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, -1};

/* A kill where a ring is used; the program itself never asks for one. */
static void kill_rings(void *arg)
{
	must(!install((enum way)(intptr_t)arg, rings, SECCOMP_RET_KILL_PROCESS));
	for (int i = 0; i < 5; i++)
		some_io("then", i % 2);
	must(!pthread_join(thread(other_thread, "a thread"), NULL));
}

/* The same for all that the shim might call beside what the program calls. */
static void kill_unusual(void *arg)
{
	static const int unusual[] = {SYS_io_uring_setup,
				      SYS_io_uring_enter,
				      SYS_io_uring_register,
				      SYS_process_vm_readv,
				      SYS_process_vm_writev,
				      SYS_tgkill,
				      SYS_fstatfs,
				      SYS_madvise,
				      SYS_getpid,
				      SYS_gettid,
				      SYS_nanosleep,
				      SYS_faccessat,
				      -1};

	must(!install((enum way)(intptr_t)arg, unusual, SECCOMP_RET_KILL_PROCESS));
	for (int i = 0; i < 5; i++)
		some_io("then", i % 2);
}

/* Entering is denied from some moment on, by a filter that nobody was told of: all that was asked must be done, once. */
static void deny_enter(void *arg)
{
	static const int enter[] = {SYS_io_uring_enter, -1};
	int error = (int)(intptr_t)arg;
	char name[16], buf[8] = "";
	int ends[2];

	must(!pipe(ends));
	must(!install(error % 2 ? UNHEARD : UNHEARD_PRCTL, enter,
		      SECCOMP_RET_ERRNO | (unsigned)error));
	must(write(ends[1], "once", 4) == 4);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		must(!mkdir(name, 0755));
		must(!rename(name, "e") && !rmdir("e"));
		must(mkdir("file", 0755) == -1 && errno == EEXIST);
		some_io("then", true);
	}
	must(read(ends[0], buf, 8) == 4 && !strcmp(buf, "once"));
	must(lseek(given, 0, SEEK_SET) == 0 && read(given, buf, 6) == 6 &&
	     lseek(given, 0, SEEK_CUR) == 6);
	say("entering answers %s: all was done", errno_name(error));
}

static void play_rings(int argc, char **argv)
{
	static const int errors[] = {EPERM, ENOSYS, EACCES, EINVAL, EAGAIN,
				     EBUSY, ENOMEM, EBADF,  ENXIO,  EOPNOTSUPP};

	(void)argc;
	(void)argv;
	in_sandbox("kills for rings, by prctl", kill_rings, (void *)BY_PRCTL);
	in_sandbox("kills for rings, by syscall(seccomp)", kill_rings, (void *)BY_SYSCALL);
	in_sandbox("kills for what is unusual, by prctl", kill_unusual, (void *)BY_PRCTL);
	in_sandbox("kills for what is unusual, by syscall(prctl)", kill_unusual,
		   (void *)BY_SYSCALL_PRCTL);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		in_sandbox("denied", deny_enter, (void *)(intptr_t)errors[i]);
}

/* ---- The strict one ---- */

/* Only read, write and the end of the task are left. */
static void strict(void *arg)
{
	int way = (int)(intptr_t)arg;
	char buf[16] = "";
	int out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	ssize_t n;

	must(out >= 0);
	if (way % 2)
		must(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
	else
		must(!syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
	n = read(given, buf, 6);
	if (n != 6 || write(out, buf, 6) != 6 || write(out, "!", 1) != 1)
		syscall(SYS_exit, 90);
	if (way < 2)
		syscall(SYS_exit, 41 + way);
	/* What else there is brings the end. */
	if (way < 4)
		(void)!open("file", O_RDONLY);
	else if (way < 6)
		fsync(out);
	else
		_exit(0);
	syscall(SYS_exit, 91);
}

static void play_strict(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int way = 0; way < 8; way++) {
		in_sandbox(way % 2 ? "strict, by prctl" : "strict, by seccomp", strict,
			   (void *)(intptr_t)way);
		say("   out: %s", content("out"));
	}
}

/* ---- Landlock ---- */

struct ruleset {
	uint64_t handled;
};

struct __attribute__((packed)) rule {
	uint64_t allowed;
	int32_t fd;
};

/* Files may be read and written below `allowed`, and made there; nothing of that elsewhere. */
static void landlock(void *arg)
{
	/* execute, write, read, read a directory, remove a directory, a file, make: char, dir, regular, sock, fifo, block, sym */
	struct ruleset set = {(1u << 13) - 1};
	struct rule rule;
	long ruleset;
	struct stat st;

	must(!mkdir("allowed", 0755) || errno == EEXIST);
	must(!mkdir("elsewhere", 0755) || errno == EEXIST);
	some_io("allowed/warm", true);
	some_io("elsewhere/warm", true);
	make_file("elsewhere/old", "old", 0644);
	ruleset = syscall(444, &set, sizeof(set), 0);
	must(ruleset >= 0);
	rule = (struct rule){set.handled, open("allowed", O_PATH | O_DIRECTORY)};
	must(rule.fd >= 0 && !syscall(445, ruleset, 1, &rule, 0));
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (arg)
		must(!syscall(446, ruleset, 0));
	else
		must(!unheard(446, ruleset, 0, 0));
	some_io("allowed/file", true);
	told("open elsewhere", open("elsewhere/old", O_RDONLY));
	told("open to write", open("elsewhere/old", O_WRONLY));
	told("make", open("elsewhere/new", O_RDWR | O_CREAT, 0644));
	told("make", open("elsewhere/new", O_RDWR | O_CREAT, 0644));
	told("mkdir", mkdir("elsewhere/dir", 0755));
	told("unlink", unlink("elsewhere/old"));
	told("symlink", symlink("x", "elsewhere/sym"));
	told("stat", stat("elsewhere/old", &st));
	told("write to what is open", write(given, "x", 1));
	told("fsync of what is open", fsync(given));
	must(!mkdir("allowed/dir", 0755) && !rmdir("allowed/dir"));
}

static void play_landlock(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (syscall(444, NULL, 0, 1) < 0) {
		puts("skip: this kernel has no Landlock");
		return;
	}
	in_sandbox("landlock", landlock, "");
	in_sandbox("landlock, unheard", landlock, NULL);
}

/* ---- From outside ---- */

/* plain: just I/O, under a sandbox that is there from the start. */
static void play_plain(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	warm_up();
	some_io("plain", true);
	must(!pthread_join(thread(other_thread, "a thread"), NULL));
}

const struct scene scenes[] = {
	{"filter", play_filter},     {"rings", play_rings}, {"strict", play_strict},
	{"landlock", play_landlock}, {"plain", play_plain}, {NULL, NULL},
};
