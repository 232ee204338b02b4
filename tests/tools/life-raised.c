/*
 * Scenes of the signals that calls bring themselves, at their default, ignored and handled: SIGPIPE, SIGXFSZ, and what who
 * is in the background of a terminal gets.
 */
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <termios.h>

#include "life.h"

#ifndef __GLIBC__
/* musl has it since 1.2.5. */
#define pwritev2(fd, iov, nr, off, flags) pwritev(fd, iov, nr, off)
#endif

/* ---- SIGPIPE ---- */

static struct {
	int in, out, sock;
} on;

static char buf[256 * 1024];
static struct iovec iov[2] = {{buf, 10}, {buf + 10, 10}};

static volatile sig_atomic_t told_times;
static siginfo_t told_info;

static void note(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	told_times++;
	told_info = *info;
}

static void broken(void)
{
	int ends[2];

	must(!pipe(ends) && !close(ends[0]));
	on.out = ends[1];
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends) && !close(ends[1]));
	on.sock = ends[0];
}

CALL(bwrite, write(on.out, buf, 10))
CALL(bwritev, writev(on.out, iov, 2))
CALL(bwrite_socket, write(on.sock, buf, 10))
CALL(bwritev_socket, writev(on.sock, iov, 2))
CALL(bsend, send(on.sock, buf, 10, 0))
CALL(bsend_quiet, send(on.sock, buf, 10, MSG_NOSIGNAL))
CALL(bsend_dontwait, send(on.sock, buf, 10, MSG_DONTWAIT))
CALL(bsendto, sendto(on.sock, buf, 10, 0, NULL, 0))
CALL(bwrite_nothing, write(on.out, buf, 0))
CALL(bsend_nothing, send(on.sock, buf, 0, 0))
CALL(bsyscall, syscall(SYS_write, on.out, buf, 10))
CALL(bsplice, splice(open("data", O_RDONLY), NULL, on.out, NULL, 10, 0))
CALL(bsendfile, sendfile(on.sock, open("data", O_RDONLY), NULL, 10))

static long call_bsendmsg(void)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(on.sock, &msg, 0);
}

static long call_bsendmsg_quiet(void)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(on.sock, &msg, MSG_NOSIGNAL);
}

static const struct point breaking[] = {
	POINT(bwrite),	 POINT(bwritev),	POINT(bwrite_socket),  POINT(bwritev_socket),
	POINT(bsend),	 POINT(bsend_quiet),	POINT(bsend_dontwait), POINT(bsendto),
	POINT(bsendmsg), POINT(bsendmsg_quiet), POINT(bwrite_nothing), POINT(bsend_nothing),
	POINT(bsyscall), POINT(bsplice),	POINT(bsendfile),
};

/* Tells a call's answer and the signals that came with it. */
static void with_signals(const char *name, long (*call)(void))
{
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};
	long res;
	int error;

	told_times = 0;
	memset(&told_info, 0, sizeof(told_info));
	errno = 0;
	res = call();
	error = errno;
	/* The limit is not for what we print. */
	must(!setrlimit(RLIMIT_FSIZE, &lim));
	say("%s: %ld %s, %d signals%s%s", name, res, res < 0 ? errno_name(error) : "", (int)told_times,
	    told_times ? told_info.si_code == SI_USER	  ? ", SI_USER"
			 : told_info.si_code == SI_KERNEL ? ", SI_KERNEL"
							  : ", code"
		       : "",
	    told_times ? told_info.si_pid == getpid() ? ", of ourselves" : ", of another" : "");
}

static void play_sigpipe(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	make_file("data", "0123456789abcdef", 0644);
	for (size_t i = 0; i < sizeof(breaking) / sizeof(breaking[0]); i++) {
		pid_t pid = fork();

		if (!pid) {
			signal(SIGPIPE, SIG_DFL);
			some_io("first", true);
			broken();
			told(breaking[i].name, breaking[i].call());
			_exit(0);
		}
		say_status("   by default", wait_for(pid));
	}
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(breaking) / sizeof(breaking[0]); i++) {
		broken();
		told(breaking[i].name, breaking[i].call());
		close_all();
	}
	handle(SIGPIPE, note, 0);
	for (size_t i = 0; i < sizeof(breaking) / sizeof(breaking[0]); i++) {
		broken();
		with_signals(breaking[i].name, breaking[i].call);
		close_all();
	}
}

/* ---- SIGXFSZ ---- */

static int limited;

CALL(xwrite, write(limited, buf, 10))
CALL(xwrite_part, (lseek(limited, 995, SEEK_SET), write(limited, buf, 10)))
CALL(xwritev, writev(limited, iov, 2))
CALL(xpwrite, pwrite(limited, buf, 10, 2000))
CALL(xpwrite_at, pwrite(limited, buf, 10, 1000))
CALL(xpwrite_part, pwrite(limited, buf, 10, 995))
CALL(xpwritev, pwritev(limited, iov, 2, 1000))
CALL(xpwritev2, pwritev2(limited, iov, 2, 1000, 0))
CALL(xftruncate, ftruncate(limited, 1001))
CALL(xfallocate, fallocate(limited, 0, 0, 1001))
CALL(xposix_fallocate, posix_fallocate(limited, 0, 1001))
CALL(xtruncate, truncate("limited", 1001))
CALL(xappend, (fcntl(limited, F_SETFL, O_APPEND), write(limited, buf, 10)))
CALL(xsyscall, syscall(SYS_pwrite64, limited, buf, 10, 1000))
CALL(xwrite_below, pwrite(limited, buf, 10, 100))

static const struct point exceeding[] = {
	POINT(xwrite),	   POINT(xwrite_part),	POINT(xwritev),		 POINT(xpwrite),
	POINT(xpwrite_at), POINT(xpwrite_part), POINT(xpwritev),	 POINT(xpwritev2),
	POINT(xftruncate), POINT(xfallocate),	POINT(xposix_fallocate), POINT(xtruncate),
	POINT(xappend),	   POINT(xsyscall),	POINT(xwrite_below),
};

static void at_limit(void)
{
	struct rlimit lim;

	limited = open("limited", O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(limited >= 0 && write(limited, buf, 1000) == 1000);
	must(!getrlimit(RLIMIT_FSIZE, &lim));
	lim.rlim_cur = 1000;
	must(!setrlimit(RLIMIT_FSIZE, &lim));
}

static void play_sigxfsz(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int way = 0; way < 3; way++) {
		for (size_t i = 0; i < sizeof(exceeding) / sizeof(exceeding[0]); i++) {
			struct stat st;
			int status;
			pid_t pid = fork();

			if (!pid) {
				some_io("first", true);
				at_limit();
				signal(SIGXFSZ, way == 1 ? SIG_IGN : SIG_DFL);
				if (way == 2)
					handle(SIGXFSZ, note, 0);
				with_signals(exceeding[i].name, exceeding[i].call);
				say("   the file is at %ld", (long)lseek(limited, 0, SEEK_CUR));
				_exit(0);
			}
			status = wait_for(pid);
			must(!stat("limited", &st));
			if (status)
				say_status(exceeding[i].name, status);
			say("   the file has %ld bytes", (long)st.st_size);
		}
	}
}
/* ---- Terminals ---- */

/* A session with a terminal of its own: `fn` runs in its leader, which is in the foreground. */
static void in_terminal(void (*fn)(void))
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char name[64];
	pid_t pid;

	must(master >= 0 && !grantpt(master) && !unlockpt(master) &&
	     !ptsname_r(master, name, sizeof(name)));
	pid = fork();
	must(pid >= 0);
	if (!pid) {
		int tty;

		must(setsid() > 0);
		tty = open(name, O_RDWR);
		must(tty >= 0 && !ioctl(tty, TIOCSCTTY, 0));
		must(tcgetpgrp(tty) == getpgrp());
		must(dup2(tty, 0) == 0);
		on.in = tty;
		on.out = master;
		fn();
		_exit(0);
	}
	must(wait_for(pid) == 0);
	must(!close(master));
}

/* A child in a process group of its own, in the background; what does it come to? */
static void background(const char *what, void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	must(pid >= 0);
	if (!pid) {
		must(!setpgid(0, 0));
		fn();
		_exit(0);
	}
	setpgid(pid, pid);
	must(waitpid(pid, &status, WUNTRACED) == pid);
	say_status(what, status);
	if (!WIFSTOPPED(status))
		return;
	/* Put into the foreground, it goes on with what it was at. */
	must(!tcsetpgrp(on.in, pid));
	must(write(on.out, "line\n", 5) == 5);
	must(!kill(-pid, SIGCONT));
	must(waitpid(pid, &status, WUNTRACED) == pid);
	say_status("   in the foreground", status);
	signal(SIGTTOU, SIG_IGN);
	must(!tcsetpgrp(on.in, getpgrp()));
	signal(SIGTTOU, SIG_DFL);
}

static void reads_tty(void)
{
	char line[32] = "";

	some_io("first", true);
	told("read", read(on.in, line, sizeof(line)));
	say("read: %s", line);
}

static void writes_tty(void)
{
	some_io("first", true);
	told("write", write(on.in, "out\n", 4));
	told("writev", writev(on.in, iov, 1));
}

static void reads_ignoring(void)
{
	char line[32];

	signal(SIGTTIN, SIG_IGN);
	told("read, ignoring", read(on.in, line, sizeof(line)));
}

static void reads_handling(void)
{
	char line[32];

	handle(SIGTTIN, note, 0);
	told("read, handling", read(on.in, line, sizeof(line)));
	say("signals %d, code %d", (int)told_times, told_info.si_code == SI_KERNEL);
}

static void writes_handling(void)
{
	handle(SIGTTOU, note, 0);
	told("write, handling", write(on.in, "x", 1));
	say("signals %d, code %d", (int)told_times, told_info.si_code == SI_KERNEL);
}

static void opens_tty(void)
{
	int fd = open("/dev/tty", O_RDWR);

	must(fd >= 0);
	told("read of /dev/tty", read(fd, buf, 10));
}

static void terminal(void)
{
	struct termios t;

	must(!tcgetattr(on.in, &t));
	t.c_lflag &= ~(tcflag_t)ECHO;
	must(!tcsetattr(on.in, TCSANOW, &t));
	background("a reader", reads_tty);
	background("a writer", writes_tty);
	background("a reader that ignores", reads_ignoring);
	background("a reader that handles", reads_handling);
	background("a reader of /dev/tty", opens_tty);
	t.c_lflag |= TOSTOP;
	must(!tcsetattr(on.in, TCSANOW, &t));
	background("a writer, TOSTOP", writes_tty);
	background("a writer that handles, TOSTOP", writes_handling);
	/* A key that sends a signal. */
	handle(SIGINT, note, 0);
	must(write(on.out, "\003", 1) == 1);
	for (int i = 0; !told_times && i < 5000; i++)
		sleep_ms(1);
	say("a key: %d signals, %s", (int)told_times,
	    told_info.si_code == SI_KERNEL ? "the kernel's" : "not the kernel's");
}

static void play_terminal(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	in_terminal(terminal);
}
const struct scene scenes[] = {
	{"sigpipe", play_sigpipe},
	{"sigxfsz", play_sigxfsz},
	{"terminal", play_terminal},
	{NULL, NULL},
};
