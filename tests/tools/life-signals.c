/*
 * Scenes of signals: handlers that do I/O, calls that are interrupted, or left for good by a jump; stopping and going on.
 */
#include <poll.h>
#include <setjmp.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/time.h>

#include "life.h"

/* A timer for this process that fires again and again, until told to stop with 0. */
static void fire_every(int sig, long us)
{
	static timer_t timer;
	static bool made;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
	struct itimerspec when = {{us / 1000000, us % 1000000 * 1000},
				  {us / 1000000, us % 1000000 * 1000}};

	if (!made)
		must(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	made = true;
	must(!timer_settime(timer, 0, &when, NULL));
}

/* ---- Handlers that do I/O ---- */

static volatile sig_atomic_t handled;
static int handler_file, handler_pipe[2];

/* Calls what a handler may call, and checks what comes of it. */
static void io_in_handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	char buf[64], back[64];
	struct stat st;
	int fd;

	(void)sig;
	(void)info;
	(void)context;
	handled++;
	fill(buf, sizeof(buf), (unsigned)handled);
	must(pwrite(handler_file, buf, sizeof(buf), 0) == sizeof(buf));
	must(pread(handler_file, back, sizeof(back), 0) == sizeof(back) &&
	     filled(back, sizeof(back), (unsigned)handled));
	must(write(handler_pipe[1], "h", 1) == 1 && read(handler_pipe[0], back, 10) == 1);
	must(!stat("handled", &st) && st.st_size == sizeof(buf));
	fd = open("handled", O_RDONLY);
	must(fd >= 0 && read(fd, back, sizeof(back)) == sizeof(back) && !close(fd));
	must(handled % 64 ? 1 : !fdatasync(handler_file));
	errno = saved;
}

/* The loop that is disturbed: all of it checked. */
static void disturbed(unsigned i)
{
	char buf[700], back[700];
	struct stat st;
	int fd = open("disturbed", O_RDWR | O_CREAT, 0644);

	must(fd >= 0);
	fill(buf, sizeof(buf), i);
	must(write(fd, buf, sizeof(buf)) == sizeof(buf));
	must(lseek(fd, 0, SEEK_SET) == 0);
	must(read(fd, back, sizeof(back)) == sizeof(back) && filled(back, sizeof(back), i));
	must(!fstat(fd, &st) && st.st_size == sizeof(buf));
	must(!close(fd));
	errno = 12345;
	must(!stat("disturbed", &st) && errno == 12345);
}

static void play_handler(int argc, char **argv)
{
	sigset_t before, after;

	(void)argc;
	(void)argv;
	handler_file = open("handled", O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(handler_file >= 0 && !pipe(handler_pipe));
	must(!sigprocmask(SIG_BLOCK, NULL, &before));
	handle(SIGALRM, io_in_handler, SA_RESTART);
	fire_every(SIGALRM, 300);
	for (unsigned i = 0; i < 1000 || handled < 300; i++)
		disturbed(i);
	fire_every(SIGALRM, 0);
	must(!sigprocmask(SIG_BLOCK, NULL, &after));
	must(!memcmp(&before, &after, 8));
	say("handlers did I/O, and the loop went on");
}

/* ---- On a stack of their own ---- */

static volatile sig_atomic_t on_stack;

static void first_io(int sig, siginfo_t *info, void *context)
{
	struct stat st;
	char buf[8];
	int fd;

	(void)sig;
	(void)info;
	(void)context;
	/* The very first calls of this thread: rings and what they need are made here. */
	fd = open("on-stack", O_RDWR | O_CREAT, 0644);
	on_stack = fd >= 0 && write(fd, "stack", 5) == 5 && pread(fd, buf, 8, 0) == 5 &&
		   !fsync(fd) && !fstat(fd, &st) && !close(fd) && !unlink("on-stack");
}

/* The stack ends at a page that must not be touched. */
static void use_stack(size_t size)
{
	size_t pages = (size + 4095) & ~4095ul;
	char *p =
		mmap(NULL, pages + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = {.ss_sp = p + 4096 + (pages - size), .ss_size = size};

	must(p != MAP_FAILED && !mprotect(p, 4096, PROT_NONE));
	must(!sigaltstack(&ss, NULL));
}

static void *on_alternate_stack(void *arg)
{
	use_stack(*(size_t *)arg);
	on_stack = 0;
	must(!raise(SIGUSR1));
	must(on_stack);
	return NULL;
}

static void play_stack(int argc, char **argv)
{
	/* SIGSTKSZ of old, and what the kernel's own frame takes with 4 KiB more. */
	size_t sizes[2] = {8192, 0};

	(void)argc;
	(void)argv;
	sizes[1] = getauxval(AT_MINSIGSTKSZ) > 3072 ? getauxval(AT_MINSIGSTKSZ) : 3072;
	sizes[1] += 4096;
	handle(SIGUSR1, first_io, SA_ONSTACK);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (!pid) {
			on_alternate_stack(&sizes[i]);
			for (int k = 0; k < 3; k++)
				must(!pthread_join(thread(on_alternate_stack, &sizes[i]), NULL));
			_exit(0);
		}
		say_status(i ? "a small stack" : "8 KiB of stack", wait_for(pid));
	}
}

/* ---- Interrupted calls ---- */

static struct {
	int in, out;
	int sock, peer;
	int listener;
	int timed; /* with SO_RCVTIMEO and SO_SNDTIMEO */
	int epoll;
	int event;
	int full_pipe;
	int full_sock;
	struct sockaddr_un busy;
} on;

static char buf[256 * 1024];

static void fill_up(int fd)
{
	must(!fcntl(fd, F_SETFL, O_NONBLOCK));
	while (write(fd, buf, sizeof(buf)) > 0)
		;
	while (write(fd, buf, 1) > 0)
		;
	must(errno == EAGAIN && !fcntl(fd, F_SETFL, 0));
}

static void set_up(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct sockaddr_un addr = unix_address("listener");
	struct timeval t = {10, 0};
	int ends[2], s;

	must(!pipe(ends));
	on.in = ends[0];
	on.out = ends[1];
	must(!pipe(ends));
	on.full_pipe = ends[1];
	fill_up(on.full_pipe);
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	on.sock = ends[0];
	on.peer = ends[1];
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	on.full_sock = ends[0];
	fill_up(on.full_sock);
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	on.timed = ends[0];
	must(!setsockopt(on.timed, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	unlink("listener");
	on.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	must(!bind(on.listener, (struct sockaddr *)&addr, sizeof(addr)) && !listen(on.listener, 4));
	unlink("busy");
	on.busy = unix_address("busy");
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(!bind(s, (struct sockaddr *)&on.busy, sizeof(on.busy)) && !listen(s, 0));
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(!connect(s, (struct sockaddr *)&on.busy, sizeof(on.busy)));
	unlink("fifo");
	must(!mkfifo("fifo", 0644));
	on.epoll = epoll_create1(0);
	must(on.epoll >= 0 && !epoll_ctl(on.epoll, EPOLL_CTL_ADD, on.in, &ev));
	on.event = eventfd(0, 0);
}

static struct iovec iov[2] = {{buf, 10}, {buf + 10, 10}};

CALL(read, read(on.in, buf, 10))
CALL(readv, readv(on.in, iov, 2))
CALL(read_socket, read(on.sock, buf, 10))
CALL(read_timed, read(on.timed, buf, 10))
CALL(read_eventfd, read(on.event, buf, 8))
CALL(write, write(on.full_pipe, buf, 10))
CALL(write_large, write(on.out, buf, sizeof(buf)))
CALL(write_socket, write(on.full_sock, buf, 10))
CALL(writev, writev(on.full_pipe, iov, 2))
CALL(recv, recv(on.sock, buf, 10, 0))
CALL(recv_timed, recv(on.timed, buf, 10, 0))
CALL(recvfrom, recvfrom(on.sock, buf, 10, 0, NULL, NULL))
CALL(send, send(on.full_sock, buf, 10, 0))
CALL(accept, accept(on.listener, NULL, NULL))
CALL(connect, connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&on.busy, sizeof(on.busy)))
CALL(open, open("fifo", O_RDONLY))
CALL(epoll_wait, epoll_wait(on.epoll, (struct epoll_event *)buf, 1, -1))
CALL(epoll_wait_timed, epoll_wait(on.epoll, (struct epoll_event *)buf, 1, 10000))
CALL(splice, splice(on.in, NULL, on.sock, NULL, 10, 0))
CALL(syscall_read, syscall(SYS_read, on.in, buf, 10))
CALL(pause, pause())

static long call_recvmsg(void)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return recvmsg(on.sock, &msg, 0);
}

static long call_sendmsg(void)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(on.full_sock, &msg, 0);
}

static long call_poll(void)
{
	struct pollfd p = {.fd = on.in, .events = POLLIN};

	return poll(&p, 1, 10000);
}

static long call_select(void)
{
	struct timeval t = {10, 0};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(on.in, &set);
	return select(on.in + 1, &set, NULL, NULL, &t);
}

static long call_nanosleep(void)
{
	struct timespec t = {10, 0};

	return nanosleep(&t, NULL);
}

static const struct point points[] = {
	POINT(read),	     POINT(readv),
	POINT(read_socket),  POINT(read_timed),
	POINT(read_eventfd), POINT(write),
	POINT(write_large),  POINT(write_socket),
	POINT(writev),	     POINT(recv),
	POINT(recv_timed),   POINT(recvfrom),
	POINT(recvmsg),	     POINT(send),
	POINT(sendmsg),	     POINT(accept),
	POINT(connect),	     POINT(open),
	POINT(poll),	     POINT(select),
	POINT(epoll_wait),   POINT(epoll_wait_timed),
	POINT(splice),	     POINT(syscall_read),
	POINT(pause),	     POINT(nanosleep),
};

#define POINTS (sizeof(points) / sizeof(points[0]))

static volatile sig_atomic_t interrupts;

static void count_only(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	interrupts++;
}

struct blocked {
	const struct point *point;
	volatile pid_t tid;
	volatile bool back;
	long res;
	int error;
};

static void *blocks(void *arg)
{
	struct blocked *b = arg;

	b->tid = my_tid();
	b->res = b->point->call();
	b->error = errno;
	b->back = true;
	return NULL;
}

/* For each call: a signal while it is blocked, with SA_RESTART and without. Does it come back, and with what? */
static void play_eintr(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	some_io("first", true);
	for (int restart = 0; restart < 2; restart++) {
		handle(SIGUSR1, count_only, restart ? SA_RESTART : 0);
		for (size_t i = 0; i < POINTS; i++) {
			struct blocked b = {.point = &points[i]};
			sig_atomic_t before = interrupts;
			pthread_t t;

			set_up();
			t = thread(blocks, &b);
			wait_until_blocked(&b.tid);
			must(!pthread_kill(t, SIGUSR1));
			while (interrupts == before)
				sleep_ms(1);
			/* Back, or blocked again. */
			for (int n = 0; !b.back && n < 8; n++)
				sleep_ms(1);
			if (!b.back)
				wait_until_blocked(&b.tid);
			if (!b.back)
				say("%s%s: goes on waiting", b.point->name,
				    restart ? ", restarting" : "");
			else if (b.res < 0)
				say("%s%s: %s", b.point->name, restart ? ", restarting" : "",
				    errno_name(b.error));
			else
				say("%s%s: %ld", b.point->name, restart ? ", restarting" : "", b.res);
			if (!b.back)
				pthread_cancel(t);
			/* Not every call is a cancellation point. */
			if (!b.back)
				must(write(on.out, "x", 1) == 1);
			must(!pthread_join(t, NULL));
			close_all();
		}
	}
}

/* ---- Left by a jump ---- */

static sigjmp_buf jump_to;
static volatile bool armed;

static void jump(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	if (armed) {
		armed = false;
		siglongjmp(jump_to, 1);
	}
}

/* Out of each blocked call, many times; then all has to work on. */
static void play_jump_blocked(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	some_io("first", true);
	handle(SIGALRM, jump, SA_RESTART);
	for (size_t i = 0; i < POINTS; i++) {
		static volatile int times;

		set_up();
		fire_every(SIGALRM, 500);
		for (times = 0; times < 15; times++) {
			if (!sigsetjmp(jump_to, 1)) {
				armed = true;
				points[i].call();
				must(!"it came back");
			}
		}
		fire_every(SIGALRM, 0);
		/* What was left behind must not take what comes now. */
		must(write(on.peer, "sock", 4) == 4 && recv(on.sock, buf, 10, 0) == 4 &&
		     !memcmp(buf, "sock", 4));
		if (points[i].call != call_write_large) {
			must(write(on.out, "pipe", 4) == 4 && read(on.in, buf, 10) == 4 &&
			     !memcmp(buf, "pipe", 4));
		}
		some_io("then", i % 4 == 0);
		say("out of %s", points[i].name);
		close_all();
	}
}

/* Out of a fast loop: of whatever call, at any moment. What was written must be either the old or the new. */
static void play_jump_loop(int argc, char **argv)
{
	static volatile unsigned i, jumps;
	static volatile int fd;
	static char mine[512], back[512];
	int rounds = argc > 0 ? atoi(argv[0]) : 20000;
	struct stat st;
	sigset_t mask;

	fd = open("jumped", O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(fd == 3);
	fill(mine, sizeof(mine), 0);
	must(pwrite(fd, mine, sizeof(mine), 0) == sizeof(mine));
	handle(SIGALRM, jump, 0);
	fire_every(SIGALRM, 100);
	for (i = 1; i <= (unsigned)rounds; i++) {
		if (sigsetjmp(jump_to, 1)) {
			jumps++;
			must(pread(fd, back, sizeof(back), 0) == sizeof(back));
			must(filled(back, sizeof(back), i) || filled(back, sizeof(back), i - 1));
			fill(mine, sizeof(mine), i);
			must(pwrite(fd, mine, sizeof(mine), 0) == sizeof(mine));
			/* An open that was left may have left its fd. */
			for (int k = 4; k < 12; k++)
				close(k);
		} else {
			armed = true;
			fill(mine, sizeof(mine), i);
			must(pwrite(fd, mine, sizeof(mine), 0) == sizeof(mine));
			must(pread(fd, back, sizeof(back), 0) == sizeof(back) &&
			     filled(back, sizeof(back), i));
			must(!stat("jumped", &st) && st.st_size == sizeof(mine));
			if (i % 4 == 0) {
				int other = open("jumped", O_RDONLY);

				must(other > 3 && read(other, back, 100) == 100 &&
				     !memcmp(back, mine, 100));
				must(!close(other));
			}
			if (i % 100 == 0)
				must(!fdatasync(fd));
		}
		armed = false;
	}
	fire_every(SIGALRM, 0);
	must(jumps > 20);
	must(pread(fd, back, sizeof(back), 0) == sizeof(back) && filled(back, sizeof(back), i - 1));
	must(!sigprocmask(SIG_BLOCK, NULL, &mask) && !sigismember(&mask, SIGALRM));
	for (int k = 0; k < 20; k++)
		some_io("then", true);
	say("%d rounds, with jumps", rounds);
}

/* A process whose every call is its first: the jump may come while the function is being looked for. */
static void play_jump_first(int argc, char **argv)
{
	static const char *const dirs[] = {"d1", "d2", "d3"};

	(void)argc;
	(void)argv;
	for (volatile int round = 0; round < 300; round++) {
		pid_t pid = fork();
		int status;

		must(pid >= 0);
		if (pid) {
			status = wait_for(pid);
			must(status == 0);
			continue;
		}
		handle(SIGALRM, jump, 0);
		if (!sigsetjmp(jump_to, 1)) {
			struct itimerval t = {{0, 0}, {0, 1 + round % 100}};

			armed = true;
			must(!setitimer(ITIMER_REAL, &t, NULL));
			for (int i = 0; i < 3; i++) {
				struct pollfd p = {.fd = 0, .events = 0};

				mkdir(dirs[i], 0755);
				poll(&p, 1, 0);
				(void)access(dirs[i], F_OK);
				chmod(dirs[i], 0700);
				rename(dirs[i], "d4");
				rmdir("d4");
				umask(022);
				symlink("x", "y");
				unlink("y");
			}
		}
		armed = false;
		/* The same again: each has to be there. */
		must(!mkdir("e", 0755) || errno == EEXIST);
		must(poll(NULL, 0, 0) == 0);
		must(!access("e", F_OK) && !chmod("e", 0700) && !rename("e", "f") && !rmdir("f"));
		some_io("then", false);
		_exit(0);
	}
	/* What they left behind, wherever they were. */
	for (int i = 0; i < 3; i++)
		rmdir(dirs[i]);
	rmdir("d4");
	unlink("y");
	say("300 processes were disturbed in their first calls");
}

/* ---- Stopped, and going on ---- */

static void play_stop(int argc, char **argv)
{
	static const struct point some[] = {
		POINT(read),  POINT(recv),   POINT(recv_timed), POINT(accept),
		POINT(write), POINT(open),   POINT(epoll_wait), POINT(epoll_wait_timed),
		POINT(poll),  POINT(select), POINT(connect)};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		char path[64], line[256];
		int status;
		pid_t pid;
		int tries;

		pid = fork();
		must(pid >= 0);
		if (!pid) {
			some_io("first", true);
			set_up();
			told(some[i].name, some[i].call());
			_exit(0);
		}
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		/* Until it sleeps for good, stopped, going on, and asleep again, or ended. */
		for (int round = 0; round < 2; round++) {
			int asleep = 0;

			for (tries = 0; asleep < 25 && tries < 5000; tries++) {
				FILE *f = fopen(path, "re");
				char state = '?';

				if (f && fgets(line, sizeof(line), f) && strrchr(line, ')'))
					state = strrchr(line, ')')[2];
				if (f)
					fclose(f);
				if (state == 'Z')
					break;
				asleep = state == 'S' ? asleep + 1 : 0;
				sleep_ms(1);
			}
			must(tries < 5000);
			if (round)
				break;
			must(!kill(pid, SIGSTOP));
			must(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
			must(!kill(pid, SIGCONT));
			sleep_ms(5);
		}
		if (waitpid(pid, &status, WNOHANG) == 0) {
			say("%s: stopped, and waits again", some[i].name);
			must(!kill(pid, SIGKILL));
			wait_for(pid);
		} else {
			say_status(some[i].name, status);
		}
	}
}

const struct scene scenes[] = {
	{"handler", play_handler},     {"stack", play_stack},
	{"eintr", play_eintr},	       {"jump-blocked", play_jump_blocked},
	{"jump-loop", play_jump_loop}, {"jump-first", play_jump_first},
	{"stop", play_stop},	       {NULL, NULL},
};
