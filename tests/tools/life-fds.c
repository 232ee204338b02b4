/*
 * Scenes of file descriptors: which numbers are given, what is listed, how many there may be, and programs that close or
 * replace all that they do not know.
 */
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "life.h"

static void list(const char *when)
{
	DIR *dir = opendir("/proc/self/fd");
	char seen[20000] = "";
	struct dirent *e;
	int n = 0;

	must(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (atoi(e->d_name) < (int)sizeof(seen))
			seen[atoi(e->d_name)] = 1;
	}
	seen[dirfd(dir)] = 0;
	closedir(dir);
	printf("%s: %d fds:", when, n - 1);
	for (int i = 0; i < (int)sizeof(seen); i++)
		if (seen[i])
			printf(" %d", i);
	say(" ");
}

static void limit(rlim_t n)
{
	struct rlimit lim;

	must(!getrlimit(RLIMIT_NOFILE, &lim));
	lim.rlim_cur = n;
	must(!setrlimit(RLIMIT_NOFILE, &lim));
}

/* All fds above 2 are closed, so that numbers are the same wherever the test runs. */
static void start_clean(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

/* ---- Numbers ---- */

static void *thread_numbers(void *arg)
{
	int a = open("a", O_RDONLY);
	int b = dup(a);

	some_io("thread-file", true);
	list("in a thread");
	say("thread: %d %d", a, b);
	must(!close(a) && !close(b));
	return arg;
}

static void play_numbers(int argc, char **argv)
{
	struct sockaddr_un addr = unix_address("s");
	int ends[2], socks[2];
	int s;

	(void)argc;
	(void)argv;
	start_clean();
	make_file("a", "a", 0644);
	list("at first");
	some_io("first", true);
	list("after I/O");
	told("open", open("a", O_RDONLY));
	told("open", open("a", O_RDWR | O_CREAT, 0644));
	told("close 3", close(3));
	told("open", open("a", O_RDONLY));
	must(!pipe(ends));
	say("pipe: %d %d", ends[0], ends[1]);
	must(!close(ends[0]));
	told("socket", socket(AF_UNIX, SOCK_STREAM, 0));
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	say("socketpair: %d %d", socks[0], socks[1]);
	told("epoll", epoll_create1(0));
	told("eventfd", eventfd(0, 0));
	told("dup", dup(4));
	told("dup2", dup2(4, 20));
	told("dup2 onto one", dup2(4, 20));
	told("F_DUPFD", fcntl(4, F_DUPFD, 15));
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(!bind(s, (struct sockaddr *)&addr, sizeof(addr)) && !listen(s, 4));
	must(!connect(5, (struct sockaddr *)&addr, sizeof(addr)));
	told("accept", accept(s, NULL, NULL));
	told("creat", creat("b", 0600));
	told("open of nothing", open("none", O_RDONLY));
	told("open", open("a", O_RDONLY));
	list("then");
	told("close twice", close(3));
	told("close twice", close(3));
	told("close -1", close(-1));
	told("close 5000", close(5000));
	told("open", open("a", O_RDONLY));
	for (int i = 0; i < 3; i++)
		must(!pthread_join(thread(thread_numbers, NULL), NULL));
	list("at last");
}

/* ---- Limits ---- */

/* The table gets full before the first call that could want a ring. */
static void play_full(int argc, char **argv)
{
	struct stat st;
	char buf[8];
	int ends[2], n = 0;

	(void)argc;
	(void)argv;
	start_clean();
	limit(12);
	while (dup(0) >= 0)
		n++;
	say("dup: %d times, then %s", n, errno_name(errno));
	told("open", open(".", O_RDONLY));
	told("stat", stat(".", &st));
	told("mkdir", mkdir("d", 0755));
	told("pipe", pipe(ends));
	told("socket", socket(AF_UNIX, SOCK_STREAM, 0));
	must(!close(11));
	told("open", open("x", O_RDWR | O_CREAT, 0644));
	told("write", write(11, "full", 4));
	told("fsync", fsync(11));
	told("pread", pread(11, buf, 8, 0));
	told("open", open("y", O_RDWR | O_CREAT, 0644));
	told("stat of what was not made", stat("y", &st));
	told("pipe", pipe(ends));
	must(!close(10));
	told("pipe, with one free", pipe(ends));
	told("open", open("x", O_RDONLY));
	limit(64);
	list("full");
}

static void play_limit(int argc, char **argv)
{
	struct sockaddr_un addr = unix_address("s");
	int c, s, n = 0;

	(void)argc;
	(void)argv;
	start_clean();
	some_io("first", true);
	limit(16);
	some_io("second", true);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(!bind(s, (struct sockaddr *)&addr, sizeof(addr)) && !listen(s, 4));
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	must(!connect(c, (struct sockaddr *)&addr, sizeof(addr)));
	while (open("f", O_RDWR | O_CREAT, 0644) >= 0)
		n++;
	say("open: %d times, then %s", n, errno_name(errno));
	told("accept", accept(s, NULL, NULL));
	must(!close(15));
	/* It was not lost. */
	told("accept", accept(s, NULL, NULL));
	told("epoll", epoll_create1(0));
	/* What is above the limit stays, and works. */
	must(dup2(5, 9) == 9);
	limit(7);
	told("write above the limit", write(9, "above", 5));
	told("fsync above the limit", fsync(9));
	told("open", open("f", O_RDONLY));
	told("dup2 above the limit", dup2(9, 8));
	must(!close(6));
	told("open", open("f", O_RDONLY));
	limit(64);
	list("limited");
}

/* ---- Those who close all ---- */

static int kept;

/* Before: a ring, threads with rings, a file that is kept as fd 5. */
static void begin(void)
{
	char buf[100];

	start_clean();
	some_io("first", true);
	kept = open("kept", O_RDWR | O_CREAT | O_TRUNC, 0644);
	fill(buf, sizeof(buf), 9);
	must(write(kept, buf, sizeof(buf)) == sizeof(buf));
	must(dup2(kept, 5) == 5 && !close(kept));
	kept = 5;
	must(open("first", O_RDWR | O_CREAT, 0644) == 3);
	must(socket(AF_UNIX, SOCK_STREAM, 0) == 4);
	must(dup2(3, 700) == 700);
}

/* Afterwards everything works on. */
static void go_on(const char *what, bool has_kept)
{
	char buf[100];
	int ends[2];

	list(what);
	if (has_kept)
		must(pread(kept, buf, sizeof(buf), 0) == sizeof(buf) && filled(buf, sizeof(buf), 9));
	for (int i = 0; i < 5; i++)
		some_io("after", i % 2);
	must(!pipe(ends));
	must(write(ends[1], "go on", 5) == 5 && read(ends[0], buf, 10) == 5 &&
	     !memcmp(buf, "go on", 5));
	must(!close(ends[0]) && !close(ends[1]));
	told("open", open("first", O_RDONLY));
	list("in the end");
}

static void by_closefrom(void *arg)
{
	(void)arg;
	begin();
#ifdef __GLIBC__
	closefrom(3);
#else
	syscall(SYS_close_range, 3, ~0u, 0);
#endif
	go_on("closefrom", false);
}

static void by_close_range(void *arg)
{
	(void)arg;
	begin();
	must(!syscall(SYS_close_range, 6, ~0u, 0) && !syscall(SYS_close_range, 3, 4, 0));
	go_on("close_range but for one", true);
}

static void by_close_range_cloexec(void *arg)
{
	(void)arg;
	begin();
	/* CLOSE_RANGE_CLOEXEC is of Linux 5.11. */
	if (syscall(SYS_close_range, 3, ~0u, 4))
		for (int fd = 3; fd < 1024; fd++)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	say("flags %d %d", fcntl(3, F_GETFD), fcntl(5, F_GETFD));
	go_on("close_range close-on-exec", true);
}

/* From the top, as old daemons do, with close's own answer counted. */
static void by_loop(void *arg)
{
	struct rlimit lim;
	int closed = 0;

	(void)arg;
	limit(4096);
	begin();
	must(!getrlimit(RLIMIT_NOFILE, &lim));
	for (int fd = (int)lim.rlim_cur - 1; fd > 2; fd--)
		closed += !close(fd);
	say("closed %d of %d", closed, (int)lim.rlim_cur);
	go_on("a loop", false);
}

static void by_loop_up(void *arg)
{
	struct rlimit lim;
	int closed = 0, open_before = 0;

	(void)arg;
	limit(4096);
	begin();
	must(!getrlimit(RLIMIT_NOFILE, &lim));
	for (int fd = 3; fd < (int)lim.rlim_cur; fd++) {
		open_before += fcntl(fd, F_GETFD) >= 0;
		if (fd != kept)
			closed += !close(fd);
	}
	say("%d were open, closed %d", open_before, closed);
	go_on("a loop but for one", true);
}

/* What /proc says is open, while it is being closed. */
static void by_list(void *arg)
{
	int fds[100], n = 0;
	struct dirent *e;
	DIR *dir;

	(void)arg;
	begin();
	dir = opendir("/proc/self/fd");
	must(dir);
	while ((e = readdir(dir)) && n < 100)
		if (e->d_name[0] != '.' && atoi(e->d_name) > 2 && atoi(e->d_name) != dirfd(dir))
			fds[n++] = atoi(e->d_name);
	closedir(dir);
	for (int i = 0; i < n; i++)
		must(!close(fds[i]));
	say("%d were listed", n);
	go_on("a list", false);
}

/* Every number there is becomes an end of one pipe, and nobody else may close it, or write there. */
static void by_dup2(void *arg)
{
	const int top = 1024;
	int ends[2];
	struct stat st;
	char buf[16];

	(void)arg;
	limit((rlim_t)top);
	begin();
	must(!pipe(ends) && dup2(ends[0], 3) == 3 && dup2(ends[1], 4) == 4);
	for (int fd = 5; fd < top; fd++)
		must(dup2(4, fd) == fd);
	for (int i = 0; i < 3; i++) {
		/* No number is left: only names. */
		must(!stat(".", &st) && !mkdir("d", 0755) && !rmdir("d"));
		must(open("over", O_RDWR | O_CREAT, 0644) == -1 && errno == EMFILE);
	}
	for (int fd = 3; fd < top; fd++)
		must(fcntl(fd, F_GETFD) == 0 && !fstat(fd, &st) && S_ISFIFO(st.st_mode));
	/* With the upper half free again. */
	for (int fd = top / 2; fd < top; fd++)
		must(!close(fd));
	for (int i = 0; i < 3; i++) {
		int fd = open("over", O_RDWR | O_CREAT, 0644);

		must(fd == top / 2);
		must(write(fd, "over", 4) == 4 && !fsync(fd) && pread(fd, buf, 8, 0) == 4 &&
		     !close(fd));
		must(!unlink("over"));
	}
	/* And all of them again. */
	for (int fd = 5; fd < top; fd++)
		must(dup2(4, fd) == fd);
	must(!stat(".", &st) && !mkdir("d", 0755) && !rmdir("d"));
	for (int fd = 4; fd < top; fd++)
		must(!close(fd));
	must(read(3, buf, sizeof(buf)) == 0);
	must(!close(3));
	go_on("dup2 over everything", false);
}

/* With standard input, output and error closed: the numbers 0 to 2 are given out like others. */
static void by_nothing(void *arg)
{
	const int saved = 900;
	int numbers[3];

	(void)arg;
	begin();
	must(dup2(1, saved) == saved);
	close(0);
	close(1);
	close(2);
	some_io("bare", true);
	for (int i = 0; i < 3; i++)
		numbers[i] = open("first", O_RDWR | O_CREAT, 0644);
	some_io("bare", true);
	must(write(numbers[2], "two", 3) == 3);
	must(dup2(saved, 1) == 1 && dup2(saved, 2) == 2);
	close(saved);
	say("%d %d %d, the file: %s", numbers[0], numbers[1], numbers[2], content("first"));
	go_on("without the first three", true);
}

static void *thread_goes_on(void *arg)
{
	go_on(arg, false);
	return NULL;
}

static void *closes(void *arg)
{
	some_io("closer", true);
	must(!syscall(SYS_close_range, 3, ~0u, 0));
	return arg;
}

/* One thread closes all, others go on. */
static void by_thread(void *arg)
{
	(void)arg;
	begin();
	must(!pthread_join(thread(closes, NULL), NULL));
	go_on("main, after a thread has closed all", false);
	must(!pthread_join(thread(thread_goes_on, "a thread, after that"), NULL));
}

static void play_closers(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	in_child(by_closefrom, NULL);
	in_child(by_close_range, NULL);
	in_child(by_close_range_cloexec, NULL);
	in_child(by_loop, NULL);
	in_child(by_loop_up, NULL);
	in_child(by_list, NULL);
	in_child(by_dup2, NULL);
	in_child(by_nothing, NULL);
	in_child(by_thread, NULL);
}

/* A daemon as books have it: two forks, a session, all closed, the first three on /dev/null. */
static void play_daemon(int argc, char **argv)
{
	pid_t pid;

	(void)argc;
	(void)argv;
	begin();
	pid = fork();
	if (!pid) {
		must(setsid() > 0);
		pid = fork();
		if (pid)
			_exit(0);
		umask(027);
		for (int fd = sysconf(_SC_OPEN_MAX) > 5000 ? 5000 : (int)sysconf(_SC_OPEN_MAX);
		     fd >= 0; fd--)
			close(fd);
		must(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
		some_io("daemon-file", true);
		make_file("pidfile.new", "done", 0640);
		must(!rename("pidfile.new", "pidfile"));
		_exit(0);
	}
	must(wait_for(pid) == 0);
	for (int i = 0; access("pidfile", F_OK) && i < 5000; i++)
		sleep_ms(1);
	say("the daemon: %s", content("pidfile"));
}

const struct scene scenes[] = {
	{"numbers", play_numbers}, {"full", play_full},	    {"limit", play_limit},
	{"closers", play_closers}, {"daemon", play_daemon}, {NULL, NULL},
};
