/*
 * Scenes of the end: every door out of a process, with I/O on the way out, from each thread.
 */
#include <sys/mman.h>

#include "life.h"

/* What was written on the way out: a byte for each who passed by. Survives in the file. */
static int trail;

static void mark(char c)
{
	char buf[2] = {c, 0};

	must(write(trail, buf, 1) == 1);
}

static void mark_atexit(void)
{
	mark('a');
	some_io("atexit-file", true);
}

static void mark_at_quick_exit(void)
{
	mark('q');
	some_io("quick-file", false);
}

__attribute__((destructor)) static void mark_destructor(void)
{
	if (trail)
		mark('d');
}

static void mark_thread(void *arg)
{
	mark(*(char *)arg);
	some_io("key-file", false);
}

/* ---- The doors ---- */

static void by_return(void) {}

static void by_exit(void)
{
	exit(21);
}

static void by__exit(void)
{
	_exit(22);
}

static void by__Exit(void)
{
	_Exit(23);
}

static void by_quick_exit(void)
{
	quick_exit(24);
}

static void by_abort(void)
{
	abort();
}

static void by_exit_group(void)
{
	syscall(SYS_exit_group, 25);
}

/* The only thread's own end: the process's. */
static void by_exit_task(void)
{
	syscall(SYS_exit, 26);
}

static void by_pthread_exit(void)
{
	pthread_exit(NULL);
}

static void by_kill(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static void by_term(void)
{
	raise(SIGTERM);
}

static void by_fault(void)
{
	*(volatile char *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
}

static void exit_in_handler(int sig)
{
	(void)sig;
	mark('h');
	_exit(27);
}

static void by_handler(void)
{
	signal(SIGALRM, exit_in_handler);
	raise(SIGALRM);
}

/* abort, caught, and not left by a jump: still the end. */
static void abort_seen(int sig)
{
	(void)sig;
	mark('s');
}

static void by_abort_seen(void)
{
	signal(SIGABRT, abort_seen);
	abort();
}

static void *exit_thread(void *arg)
{
	some_io("thread-file", true);
	mark('t');
	exit(28);
	return arg;
}

static void by_other_thread(void)
{
	thread(exit_thread, NULL);
	for (;;)
		pause();
}

/* The main thread goes, and another one ends the process later. */
static void *late(void *arg)
{
	int i;

	/* main has ended: its task is a zombie. */
	for (i = 0; task_state(getpid()) != 'Z' && i < 5000; i++)
		sleep_ms(1);
	must(i < 5000);
	for (i = 0; i < 3; i++)
		some_io("late-file", true);
	mark('l');
	if (arg)
		exit(29);
	return NULL;
}

static void by_main_gone(void)
{
	thread(late, "exit");
	pthread_exit(NULL);
}

static void by_last_thread(void)
{
	thread(late, NULL);
	pthread_exit(NULL);
}

static void *block(void *arg)
{
	char c;

	some_io("blocked-file", false);
	*(volatile pid_t *)arg = my_tid();
	for (;;)
		(void)!read(*((int *)arg + 1), &c, 1);
	return NULL;
}

/* While others sleep in calls. */
static void by_exit_with_blocked(void)
{
	static int blocked[4][2];
	int ends[2];

	must(!pipe(ends));
	for (int i = 0; i < 4; i++) {
		blocked[i][1] = ends[0];
		thread(block, blocked[i]);
		wait_until_blocked(&blocked[i][0]);
	}
	exit(30);
}

static const struct {
	const char *name;
	void (*go)(void);
} doors[] = {
	{"return", by_return},
	{"exit", by_exit},
	{"_exit", by__exit},
	{"_Exit", by__Exit},
	{"quick_exit", by_quick_exit},
	{"abort", by_abort},
	{"abort, seen", by_abort_seen},
	{"exit_group", by_exit_group},
	{"exit of the task", by_exit_task},
	{"pthread_exit", by_pthread_exit},
	{"SIGKILL", by_kill},
	{"SIGTERM", by_term},
	{"a fault", by_fault},
	{"_exit in a handler", by_handler},
	{"exit in another thread", by_other_thread},
	{"exit after main", by_main_gone},
	{"the last thread's end", by_last_thread},
	{"exit with blocked threads", by_exit_with_blocked},
};

#define DOORS (sizeof(doors) / sizeof(doors[0]))

/* `leave N`: goes through door N, having left things to be done on the way out. */
static void play_leave(int argc, char **argv)
{
	static char kept = 'k';
	pthread_key_t key;
	unsigned n = argc > 0 ? (unsigned)atoi(argv[0]) : 0;

	must(n < DOORS);
	some_io("before", true);
	trail = open("trail", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	must(trail > 0);
	mark('b');
	must(!atexit(mark_atexit));
	must(!at_quick_exit(mark_at_quick_exit));
	must(!pthread_key_create(&key, mark_thread) && !pthread_setspecific(key, &kept));
	printf("not flushed yet");
	doors[n].go();
}

static const char *self(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	must(n > 0);
	path[n] = '\0';
	return path;
}

/* Each door, in a process of its own: its status, its trail, what it printed. */
static void play_doors(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < DOORS; i++) {
		char number[8];
		pid_t pid;

		snprintf(number, sizeof(number), "%u", i);
		pid = fork();
		must(pid >= 0);
		if (!pid) {
			int out = open("printed", O_WRONLY | O_CREAT | O_TRUNC, 0644);

			must(out >= 0 && dup2(out, 1) == 1 && !close(out));
			execl(self(), "life-exit", "leave", number, (char *)NULL);
			_exit(99);
		}
		say_status(doors[i].name, wait_for(pid));
		say("   trail %s", content("trail"));
		say("   printed <%s>", content("printed"));
	}
}

const struct scene scenes[] = {
	{"doors", play_doors},
	{"leave", play_leave},
	{NULL, NULL},
};
