/*
 * Scenes of children: every way to make one, with I/O before, in and after it, and fds that both have.
 */
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "life.h"

extern char **environ;

#define STACK (256 * 1024)

static void *stack_top(void)
{
	char *p = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED);
	return p + STACK;
}

/* What a child does with what it inherited: `fd` is at offset 4 of "abcdefgh...". */
static void use_inherited(int fd)
{
	char buf[8] = "";

	must(read(fd, buf, 2) == 2);
	say("the child reads %s at offset %ld", buf, (long)lseek(fd, 0, SEEK_CUR));
	some_io("child-file", true);
}

static void play_fork(int argc, char **argv)
{
	int fd = alphabet();
	pid_t pid = fork();

	(void)argc;
	(void)argv;
	if (!pid) {
		use_inherited(fd);
		pid = fork();
		if (!pid) {
			use_inherited(fd);
			_exit(4);
		}
		say_status("grandchild", wait_for(pid));
		use_inherited(fd);
		_exit(3);
	}
	say_status("child", wait_for(pid));
	after(fd);
}

/* The middle process ends before its child: nobody waits for that one but init. */
static void play_double_fork(int argc, char **argv)
{
	int fd = alphabet();
	int ends[2];
	char buf[32] = "";
	pid_t pid;

	(void)argc;
	(void)argv;
	must(!pipe(ends));
	pid = fork();
	if (!pid) {
		if (!fork()) {
			must(setsid() > 0);
			use_inherited(fd);
			must(write(ends[1], "grandchild", 10) == 10);
			_exit(0);
		}
		_exit(0);
	}
	must(wait_for(pid) == 0);
	close(ends[1]);
	must(read_all(ends[0], buf, 10));
	say("heard of: %s", buf);
	must(read(ends[0], buf, 1) == 0);
	after(fd);
}

/* vfork's child runs in our memory, on our stack: it calls, and ends or executes. */
static void play_vfork(int argc, char **argv)
{
	int fd = alphabet();
	volatile int got = -1, made = -1, wrote = -1, synced = -1;
	char buf[8] = "";
	struct stat st;
	pid_t pid;

	(void)argc;
	(void)argv;
	for (int i = 0; i < 50; i++) {
		pid = vfork();
		must(pid >= 0);
		if (!pid) {
			must(lseek(fd, 4, SEEK_SET) == 4);
			got = (int)read(fd, buf, 2);
			made = open("by-child", O_RDWR | O_CREAT | O_TRUNC, 0600);
			wrote = (int)write(made, "vfork", 5);
			synced = fsync(made);
			synced |= fstat(made, &st);
			synced |= close(made);
			_exit(7);
		}
		must(got == 2 && !strncmp(buf, "ef", 2) && made == fd + 1 && wrote == 5 && !synced);
		must(WEXITSTATUS(wait_for(pid)) == 7);
		must(!strcmp(content("by-child"), "vfork"));
	}
	say("vfork's children wrote: %s", content("by-child"));
	after(fd);
}

/* As shells do: pipes put in place, then exec, 100 times; and an exec that fails. */
static void play_vfork_exec(int argc, char **argv)
{
	int fd = alphabet();
	char buf[64];

	(void)argc;
	(void)argv;
	for (int i = 0; i < 100; i++) {
		int ends[2];
		ssize_t n;
		pid_t pid;

		must(!pipe(ends));
		pid = vfork();
		must(pid >= 0);
		if (!pid) {
			dup2(ends[1], 1);
			close(ends[0]);
			close(ends[1]);
			if (i % 10 == 9)
				execl("/no/such/program", "no", (char *)NULL);
			else
				execl("/bin/echo", "echo", "by vfork", (char *)NULL);
			_exit(errno);
		}
		must(!close(ends[1]));
		n = read(ends[0], buf, sizeof(buf));
		must(i % 10 == 9 ? n == 0 : n == 9 && !memcmp(buf, "by vfork\n", 9));
		must(!close(ends[0]));
		must(WEXITSTATUS(wait_for(pid)) == (i % 10 == 9 ? ENOENT : 0));
	}
	after(fd);
}

static void play_spawn(int argc, char **argv)
{
	char *const echo[] = {"sh", "-c", "echo spawned; cat; exit 5", NULL};
	char *const nothing[] = {"nothing", NULL};
	posix_spawn_file_actions_t acts;
	int fd = alphabet();
	pid_t pid;

	(void)argc;
	(void)argv;
	must(!posix_spawn_file_actions_init(&acts));
	must(!posix_spawn_file_actions_addopen(&acts, 1, "spawned", O_WRONLY | O_CREAT | O_TRUNC,
					       0644));
	must(!posix_spawn_file_actions_adddup2(&acts, fd, 0));
	must(!posix_spawn_file_actions_addclose(&acts, fd));
	must(!posix_spawn(&pid, "/bin/sh", &acts, NULL, echo, environ));
	say_status("posix_spawn", wait_for(pid));
	say("it wrote: %s", content("spawned"));
	say("the offset is now %ld", (long)lseek(fd, 0, SEEK_CUR));
	must(!posix_spawnp(&pid, "sh", &acts, NULL, echo, environ));
	say_status("posix_spawnp", wait_for(pid));
	say("nowhere: %s", errno_name(posix_spawn(&pid, "/no/such", &acts, NULL, nothing, environ)));
	must(!posix_spawn_file_actions_destroy(&acts));
	lseek(fd, 4, SEEK_SET);
	after(fd);
}

static void play_system(int argc, char **argv)
{
	int fd = alphabet();
	char line[64];
	FILE *p;

	(void)argc;
	(void)argv;
	say_status("system", system("echo by system; cat alphabet; exit 6"));
	say_status("system of what fails", system("/no/such/program 2>/dev/null"));
	say_status("system that kills", system("kill -9 $$"));
	p = popen("echo by popen; exit 2", "r");
	must(p && fgets(line, sizeof(line), p));
	printf("popen read: %s", line);
	say_status("pclose", pclose(p));
	p = popen("cat >popened; exit 3", "we");
	must(p && fputs("to popen\n", p) >= 0);
	say_status("pclose", pclose(p));
	say("popen wrote: %s", content("popened"));
	after(fd);
}

static void play_daemon(int argc, char **argv)
{
	int fd = alphabet();
	int ends[2];
	char buf[64] = "";
	pid_t pid;

	(void)argc;
	(void)argv;
	must(!pipe(ends));
	pid = fork();
	if (!pid) {
		must(!daemon(1, 0));
		some_io("daemon-file", true);
		must(read(fd, buf, 2) == 2);
		must(write(1, "nobody reads this\n", 18) == 18); /* /dev/null now */
		must(getppid() != 0);
		snprintf(buf + 2, sizeof(buf) - 2, " by the daemon, session %s",
			 getsid(0) != getppid() ? "of its own" : "not");
		must(write(ends[1], buf, strlen(buf)) == (ssize_t)strlen(buf));
		_exit(0);
	}
	say_status("who called daemon", wait_for(pid));
	must(!close(ends[1]));
	must(read(ends[0], buf, sizeof(buf) - 1) > 0);
	say("read %s", buf);
	must(read(ends[0], buf, 1) == 0);
	after(fd);
}

/* ---- Forking while other threads are in calls ---- */

static volatile bool stop;

/* Reads and writes its own file, all checked, until told to stop. */
static void *busy(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char name[32], buf[5000], back[5000];
	int fd;

	snprintf(name, sizeof(name), "busy-%u", seed);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(fd >= 0);
	for (unsigned i = 0; !stop || i < 10; i++) {
		fill(buf, sizeof(buf), seed + i);
		must(pwrite(fd, buf, sizeof(buf), 64 * (i % 50)) == sizeof(buf));
		must(pread(fd, back, sizeof(back), 64 * (i % 50)) == sizeof(back));
		must(filled(back, sizeof(back), seed + i));
		must(!(i % 64) ? !fdatasync(fd) : 1);
	}
	must(!close(fd));
	must(!unlink(name));
	return NULL;
}

static void play_thread_fork(int argc, char **argv)
{
	pthread_t threads[4];
	int fd = alphabet();

	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < 4; i++)
		threads[i] = thread(busy, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (!pid) {
			char buf[4];

			must(pread(fd, buf, 4, 4) == 4 && !memcmp(buf, "efgh", 4));
			some_io("child-file", i % 10 == 0);
			_exit(i % 100);
		}
		must(WEXITSTATUS(wait_for(pid)) == i % 100);
	}
	stop = true;
	for (unsigned i = 0; i < 4; i++)
		must(!pthread_join(threads[i], NULL));
	say("100 children from between 4 busy threads");
	after(fd);
}

/* A child forked by a handler that came at any moment, also between two calls of ours. */
static volatile sig_atomic_t forked;

static void fork_in_handler(int sig)
{
	int saved = errno;
	pid_t pid;

	(void)sig;
	pid = fork();
	if (!pid) {
		int fd = open("from-handler", O_WRONLY | O_CREAT | O_APPEND, 0644);

		_exit(fd >= 0 && write(fd, "x", 1) == 1 && !close(fd) ? 0 : 1);
	}
	if (pid > 0) {
		int status;

		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		forked += status == 0;
	}
	errno = saved;
}

static void play_handler_fork(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = fork_in_handler, .sa_flags = SA_RESTART};
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec when = {{0, 3000000}, {0, 3000000}};
	struct itimerspec never = {{0, 0}, {0, 0}};
	char buf[1000], back[1000];
	struct stat st;
	int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0644);

	(void)argc;
	(void)argv;
	must(fd >= 0);
	must(!sigaction(SIGUSR1, &sa, NULL));
	must(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	must(!timer_settime(timer, 0, &when, NULL));
	for (unsigned i = 0; i < 2000 || forked < 20; i++) {
		fill(buf, sizeof(buf), i);
		must(pwrite(fd, buf, sizeof(buf), 0) == sizeof(buf));
		must(pread(fd, back, sizeof(back), 0) == sizeof(back) &&
		     filled(back, sizeof(back), i));
	}
	must(!timer_settime(timer, 0, &never, NULL));
	must(!stat("from-handler", &st) && st.st_size == forked);
	must(!unlink("from-handler"));
	say("each child of the handler wrote its byte");
}

/* ---- Many ---- */

/* Each child writes its own byte of a shared file, every other one through the shared offset. */
static void play_many(int argc, char **argv)
{
	int count = argc > 0 ? atoi(argv[0]) : 10000;
	int fds_before = 0, fds_after = 0;
	int fd = open("bytes", O_RDWR | O_CREAT | O_TRUNC, 0644);
	int shared = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0644);
	double start = now();
	struct stat st;
	char *back;

	must(fd >= 0 && shared >= 0);
	for (int i = 0; i < count; i++) {
		char byte = (char)('a' + i % 26);
		pid_t pid;

		if (i == 100)
			fds_before =
				(int)(status_number("VmSize:") != 0) + lines_of("/proc/self/maps");
		must(pwrite(fd, "?", 1, i) == 1);
		pid = fork();
		must(pid >= 0);
		if (!pid)
			_exit((i % 2 ? write(shared, "s", 1) == 1 : 1) && pwrite(fd, &byte, 1, i) == 1
				      ? 0
				      : 1);
		must(wait_for(pid) == 0);
	}
	fds_after = (int)(status_number("VmSize:") != 0) + lines_of("/proc/self/maps");
	back = malloc((size_t)count);
	must(back && pread(fd, back, (size_t)count, 0) == count);
	for (int i = 0; i < count; i++)
		must(back[i] == 'a' + i % 26);
	free(back);
	must(!fstat(shared, &st) && st.st_size == count / 2);
	must(fds_after <= fds_before + 2);
	must(now() - start < 60);
	must(!unlink("bytes") && !unlink("shared"));
	say("many children, each wrote");
}

/* ---- By the system calls themselves ---- */

static void play_raw_clone(int argc, char **argv)
{
	int fd = alphabet();
	long pid;

	(void)argc;
	(void)argv;
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	must(pid >= 0);
	if (!pid) {
		use_inherited(fd);
		syscall(SYS_exit_group, 9);
	}
	say_status("child", wait_for((pid_t)pid));
	after(fd);
#ifdef SYS_fork
	pid = syscall(SYS_fork);
	must(pid >= 0);
	if (!pid) {
		use_inherited(fd);
		_exit(10);
	}
	say_status("child", wait_for((pid_t)pid));
	after(fd);
#endif
}

/* The work of a child that shares our memory. It may not fail on errno's account, which is ours, too. */
static int shared_memory_child(void *arg)
{
	const char *name = arg;
	char buf[2000], back[2000];
	struct stat st;
	int fd;

	for (unsigned i = 0; i < 300; i++) {
		fd = open(name, O_RDWR | O_CREAT, 0644);
		fill(buf, sizeof(buf), i);
		if (fd < 0 || write(fd, buf, sizeof(buf)) != sizeof(buf) || fstat(fd, &st) ||
		    st.st_size != sizeof(buf))
			return 1;
		if (pread(fd, back, sizeof(back), 0) != sizeof(back) || !filled(back, sizeof(back), i))
			return 2;
		if (!(i % 100) && fsync(fd))
			return 3;
		if (lseek(fd, 0, SEEK_CUR) != sizeof(buf) || close(fd))
			return 4;
	}
	return 0;
}

static void play_clone_vfork(int argc, char **argv)
{
	int fd = alphabet();
	void *stack = stack_top();

	(void)argc;
	(void)argv;
	for (int i = 0; i < 10; i++) {
		pid_t pid = clone(shared_memory_child, stack, CLONE_VM | CLONE_VFORK | SIGCHLD,
				  "of-child");

		must(pid > 0);
		must(wait_for(pid) == 0);
		some_io("parent-file", false);
	}
	say("10 children in our memory, one at a time");
	after(fd);
}

/* Without CLONE_VFORK it runs beside us, on the same thread-local memory; both are in calls all the time. */
static void play_clone_vm(int argc, char **argv)
{
	int fd = alphabet();
	void *stack = stack_top();

	(void)argc;
	(void)argv;
	for (int i = 0; i < 5; i++) {
		pid_t pid = clone(shared_memory_child, stack, CLONE_VM | SIGCHLD, "of-child");

		must(pid > 0);
		must(shared_memory_child("of-parent") == 0);
		say_status("child", wait_for(pid));
	}
	after(fd);
}

/* As sandboxes make it: it changes the root and the directory that it shares with us, and ends. */
static int rooted_child(void *arg)
{
	(void)arg;
	_exit(chroot("/") || chdir("/") ? 1 : 7);
}

/* A child in our memory whose own thread-local memory is none. */
static void play_clone_no_tls(int argc, char **argv)
{
	char *none = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = alphabet(), flags = CLONE_VM | CLONE_FS | CLONE_VFORK | CLONE_SETTLS | SIGCHLD;
	pid_t pid;

	(void)argc;
	(void)argv;
	/* What would be below it is not there. */
	must(none != MAP_FAILED && !mprotect(none, 4096, PROT_NONE));
	errno = 0;
	pid = clone(rooted_child, stack_top(), flags, NULL, NULL, none + 4096, NULL);
	printf("errno %d\n", errno);
	must(pid > 0);
	say_status("child", wait_for(pid));
	after(fd);
}

/* Before anybody has called anything: the child is the first to be seen. */
static void play_clone_first(int argc, char **argv)
{
	void *stack = stack_top();
	pid_t pid;

	(void)argc;
	(void)argv;
	pid = clone(shared_memory_child, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, "of-child");
	must(pid > 0);
	say_status("child", wait_for(pid));
	must(shared_memory_child("of-parent") == 0);
	some_io("parent-file", true);
}

const struct scene scenes[] = {
	{"fork", play_fork},
	{"double-fork", play_double_fork},
	{"vfork", play_vfork},
	{"vfork-exec", play_vfork_exec},
	{"spawn", play_spawn},
	{"system", play_system},
	{"daemon", play_daemon},
	{"thread-fork", play_thread_fork},
	{"handler-fork", play_handler_fork},
	{"many", play_many},
	{"raw-clone", play_raw_clone},
	{"clone-vfork", play_clone_vfork},
	{"clone-vm", play_clone_vm},
	{"clone-first", play_clone_first},
	{"clone-no-tls", play_clone_no_tls},
	{NULL, NULL},
};
