/*
 * Scenes of exec: every door, with the environment and without, from any thread, and when it fails.
 */
#include <dirent.h>

#include "life.h"

extern char **environ;

/* Where this program is. */
static const char *self(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	must(n > 0);
	path[n] = '\0';
	return path;
}

/* Prints the numbers of the fds that are open, but for the one that lists them. */
static void list_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	char seen[256] = "";
	struct dirent *e;

	must(dir);
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && atoi(e->d_name) < 256)
			seen[atoi(e->d_name)] = 1;
	seen[dirfd(dir)] = 0;
	closedir(dir);
	printf("fds:");
	for (int i = 0; i < 256; i++)
		if (seen[i])
			printf(" %d", i);
	say(" ");
}

/* What the executed program does: tells what it was given, and does I/O. */
static void play_show(int argc, char **argv)
{
	bool preloaded = false;
	char line[4096];
	FILE *maps = fopen("/proc/self/maps", "re");

	printf("arguments:");
	for (int i = 0; i < argc; i++)
		printf(" <%s>", argv[i]);
	say(" ");
	if (getenv("ONLY"))
		say("ONLY=%s", getenv("ONLY"));
	if (getenv("SHOW_ENVIRONMENT")) {
		must(maps);
		while (fgets(line, sizeof(line), maps))
			preloaded = preloaded || strstr(line, "libxuring-shim");
		say("preloaded without an environment: %s", preloaded ? "yes" : "no");
	}
	if (maps)
		fclose(maps);
	some_io("executed-file", true);
	list_fds();
}

/* In a child, with a ring in use, goes through one of the doors. */
static void go(const char *how)
{
	const char *path = self();
	char *only[] = {"ONLY=this", NULL};
	char *av[] = {"shown", "show", (char *)how, "", "b c", NULL};
	int fd;

	if (!strcmp(how, "execl"))
		execl(path, "shown", "show", how, "", "b c", (char *)NULL);
	else if (!strcmp(how, "execlp"))
		execlp("life-exec", "shown", "show", how, "", "b c", (char *)NULL);
	else if (!strcmp(how, "execle"))
		execle(path, "shown", "show", how, "", "b c", (char *)NULL, only);
	else if (!strcmp(how, "execv"))
		execv(path, av);
	else if (!strcmp(how, "execve"))
		execve(path, av, only);
	else if (!strcmp(how, "execvp"))
		execvp("life-exec", av);
	else if (!strcmp(how, "execvpe"))
		execvpe("life-exec", av, environ);
	else if (!strcmp(how, "fexecve")) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		fexecve(fd, av, environ);
	} else if (!strcmp(how, "execveat-fd")) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		syscall(SYS_execveat, fd, "", av, environ, AT_EMPTY_PATH);
	} else if (!strcmp(how, "execveat")) {
#ifdef __GLIBC__
		execveat(AT_FDCWD, path, av, environ, 0);
#else
		syscall(SYS_execveat, AT_FDCWD, path, av, environ, 0);
#endif
	} else if (!strcmp(how, "syscall")) {
		syscall(SYS_execve, path, av, environ);
	}
	must(!"exec came back");
}

static void play_doors(int argc, char **argv)
{
	static const char *const doors[] = {"execl",	   "execlp",   "execle",  "execv",
					    "execve",	   "execvp",   "execvpe", "fexecve",
					    "execveat-fd", "execveat", "syscall"};
	char path[8192];
	char *slash;

	(void)argc;
	(void)argv;
	snprintf(path, sizeof(path), "%s", self());
	slash = strrchr(path, '/');
	*slash = '\0';
	must(!setenv("PATH", path, 1));
	for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (!pid) {
			some_io("before-exec", true);
			go(doors[i]);
		}
		say_status(doors[i], wait_for(pid));
		some_io("parent-file", false);
	}
}

/* Nothing of the environment is left, or LD_PRELOAD alone. */
static void play_environment(int argc, char **argv)
{
	char *av[] = {"shown", "show", "environment", NULL};
	char *none[] = {NULL};
	char *marked[] = {"SHOW_ENVIRONMENT=1", NULL};
	char *preload = getenv("LD_PRELOAD");
	char text[4096];
	char *alone[] = {text, NULL};

	(void)argc;
	(void)argv;
	snprintf(text, sizeof(text), preload ? "LD_PRELOAD=%s" : "NOTHING=%s", preload ? preload : "");
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid) {
			some_io("before-exec", true);
			execve(self(), av, i == 0 ? none : i == 1 ? marked : alone);
			_exit(98);
		}
		say_status(i == 0   ? "no environment"
			   : i == 1 ? "without LD_PRELOAD"
				    : "LD_PRELOAD alone",
			   wait_for(pid));
	}
	/* Emptied by the program itself. */
	must(!clearenv());
	some_io("before-exec", true);
	must(!setenv("SHOW_ENVIRONMENT", "1", 1));
	execv(self(), av);
}

static void fails(const char *what, const char *path)
{
	char *av[] = {"failing", NULL};

	told(what, execve(path, av, environ));
	some_io("after-failure", true);
}

/* An exec that fails leaves everything as it was; and then one that does not. */
static void play_failed(int argc, char **argv)
{
	static char long_argument[1 << 20];
	char *too_much[] = {"failing", long_argument, NULL};
	char *av[] = {"failing", NULL};
	char buf[8] = "";
	int fd;

	(void)argc;
	(void)argv;
	make_file("kept", "abcdef", 0644);
	fd = open("kept", O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && read(fd, buf, 2) == 2);
	fails("missing", "./missing");
	fails("not executable", "./kept");
	fails("a directory", ".");
	fails("through a file", "./kept/x");
	fails("the empty name", "");
	make_file("no-format", "this is no program\n", 0755);
	fails("no format", "./no-format");
	make_file("bad-interpreter", "#!/no/such/interpreter\n", 0755);
	fails("bad interpreter", "./bad-interpreter");
	must(!symlink("loop", "loop"));
	fails("a loop", "./loop");
	memset(long_argument, 'x', sizeof(long_argument) - 1);
	told("too long", execv("/bin/true", too_much));
	told("execvp, missing", execvp("no-such-program-anywhere", av));
	told("execl, missing", execl("./missing", "x", (char *)NULL));
	told("execlp, missing", execlp("no-such-program-anywhere", "x", (char *)NULL));
	told("fexecve, no fd", fexecve(99, av, environ));
	must(read(fd, buf + 2, 2) == 2);
	say("went on reading: %s", buf);
	/* The C library lets a shell have what has no format of its own. */
	make_file("for-a-shell", "echo a shell has it; exit 5\n", 0755);
	execlp("./for-a-shell", "for-a-shell", (char *)NULL);
	must(!"it could be executed");
}

/* A program is written, closed, and executed at once, again and again: nobody may still have it open for writing. */
static void play_fresh(int argc, char **argv)
{
	char *av[] = {"fresh", NULL};

	(void)argc;
	(void)argv;
	for (volatile int i = 0; i < 60; i++) {
		int fd;
		pid_t pid;

		unlink("fresh");
		fd = open("fresh", O_WRONLY | O_CREAT | O_TRUNC, 0755);
		must(fd >= 0);
		must(write(fd, "#!/bin/sh\nexit 11\n", 18) == 18);
		must(i % 2 || !fsync(fd));
		must(!close(fd));
		pid = i % 3 ? fork() : vfork();
		must(pid >= 0);
		if (!pid) {
			execve("./fresh", av, environ);
			_exit(errno);
		}
		must(WEXITSTATUS(wait_for(pid)) == 11);
	}
	say("60 fresh programs were executed");
	/* And while it is open for writing, it must not be. */
	must(open("fresh", O_WRONLY) >= 0);
	told("open for writing", execve("./fresh", av, environ));
}

/* Writes without an end, to be cut off by another thread's exec. */
static void *endless(void *arg)
{
	char name[32], buf[4000];
	int fd;

	snprintf(name, sizeof(name), "endless-%d", (int)(intptr_t)arg);
	fd = open(name, O_RDWR | O_CREAT, 0644);
	must(fd >= 0);
	fill(buf, sizeof(buf), 3);
	for (;;) {
		must(pwrite(fd, buf, sizeof(buf), 0) == sizeof(buf));
		must(pread(fd, buf, sizeof(buf), 0) == sizeof(buf));
		must(!fdatasync(fd));
	}
	return NULL;
}

static void *exec_from_thread(void *arg)
{
	some_io("thread-file", true);
	execl(self(), "shown", "show", "from a thread", (char *)NULL);
	return arg;
}

static void play_threads(int argc, char **argv)
{
	pid_t pid;

	(void)argc;
	(void)argv;
	for (int who = 0; who < 2; who++) {
		pid = fork();
		must(pid >= 0);
		if (!pid) {
			must(fcntl(open(".", O_RDONLY), F_SETFD, FD_CLOEXEC) == 0);
			for (int i = 0; i < 3; i++)
				thread(endless, (void *)(intptr_t)i);
			some_io("main-file", true);
			sleep_ms(30);
			/* What they have open goes on to the program: close all when it starts. */
			for (int fd = 3; fd < 20; fd++)
				fcntl(fd, F_SETFD, FD_CLOEXEC);
			if (who)
				pthread_join(thread(exec_from_thread, NULL), NULL);
			else
				execl(self(), "shown", "show", "from main", (char *)NULL);
			_exit(97);
		}
		say_status(who ? "from another thread" : "from main", wait_for(pid));
	}
}

/* Which fds the next program has: those without close-on-exec, and no other. */
static void play_cloexec(int argc, char **argv)
{
	int ends[2];

	(void)argc;
	(void)argv;
	make_file("a", "a", 0644);
	some_io("before-exec", true);
	must(open("a", O_RDONLY) == 3);
	must(open("a", O_RDONLY | O_CLOEXEC) == 4);
	must(!pipe2(ends, O_CLOEXEC));
	must(!pipe(ends));
	must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
	must(dup(3) == 10);
	must(fcntl(3, F_DUPFD_CLOEXEC, 20) == 20);
	must(dup2(3, 30) == 30);
	list_fds();
	execl(self(), "shown", "show", (char *)NULL);
}

const struct scene scenes[] = {
	{"show", play_show},	   {"doors", play_doors}, {"environment", play_environment},
	{"failed", play_failed},   {"fresh", play_fresh}, {"threads", play_threads},
	{"cloexec", play_cloexec}, {NULL, NULL},
};
