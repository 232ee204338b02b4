/*
 * Scenes of cancellation: in every cancellation point that can block, deferred and at once; and with a cancellation that
 * is already there when a call begins that would not block.
 *
 * A point is a call together with what makes it block, or not. What is printed tells whether the thread was cancelled,
 * that its handlers ran, and what the call had done by then.
 */
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/un.h>
#include <termios.h>

#include "life.h"

#ifndef __GLIBC__
/* musl has them since 1.2.5. */
#define preadv2(fd, iov, nr, off, flags) preadv(fd, iov, nr, off)
#define pwritev2(fd, iov, nr, off, flags) pwritev(fd, iov, nr, off)
#endif

/* What the calls work on; made anew for each. */
static struct {
	int in, out;		 /* a pipe */
	int sock, peer;		 /* a pair of stream sockets */
	int listener;		 /* with nobody who wants in */
	int full;		 /* a socket that is not connected, to `busy` */
	int file;		 /* a file of 100 bytes, at 10 */
	int epoll;		 /* that waits for `in` */
	int event;		 /* an eventfd at 0 */
	pid_t child;		 /* a process that sleeps */
	struct sockaddr_un busy; /* whose queue is full */
} on;

static char buf[256 * 1024];
static struct iovec iov[2] = {{buf, 10}, {buf + 10, 10}};

static void fill_up(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	must(!fcntl(fd, F_SETFL, flags | O_NONBLOCK));
	while (write(fd, buf, sizeof(buf)) > 0)
		;
	while (write(fd, buf, 1) > 0)
		;
	must(errno == EAGAIN);
	must(!fcntl(fd, F_SETFL, flags));
}

static void set_up(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct sockaddr_un addr;
	int ends[2];
	int s;

	must(!pipe(ends));
	on.in = ends[0];
	on.out = ends[1];
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	on.sock = ends[0];
	on.peer = ends[1];
	unlink("listener");
	addr = unix_address("listener");
	on.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	must(on.listener >= 0 && !bind(on.listener, (struct sockaddr *)&addr, sizeof(addr)) &&
	     !listen(on.listener, 5));
	/* A queue of one, and one in it. */
	unlink("busy");
	on.busy = unix_address("busy");
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(s >= 0 && !bind(s, (struct sockaddr *)&on.busy, sizeof(on.busy)) && !listen(s, 0));
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(s >= 0 && !connect(s, (struct sockaddr *)&on.busy, sizeof(on.busy)));
	on.full = socket(AF_UNIX, SOCK_STREAM, 0);
	must(on.full >= 0);
	unlink("fifo");
	must(!mkfifo("fifo", 0644));
	on.file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644);
	fill(buf, 100, 1);
	must(on.file >= 0 && write(on.file, buf, 100) == 100 && lseek(on.file, 10, SEEK_SET) == 10);
	on.epoll = epoll_create1(0);
	must(on.epoll >= 0 && !epoll_ctl(on.epoll, EPOLL_CTL_ADD, on.in, &ev));
	on.event = eventfd(0, 0);
	must(on.event >= 0);
}

static void tear_down(void)
{
	for (int fd = 3; fd < 40; fd++)
		close(fd);
}

/* ---- The calls ---- */

static struct msghdr message(void)
{
	return (struct msghdr){.msg_iov = iov, .msg_iovlen = 2};
}

/* Those that block on what set_up made. */
CALL(read, read(on.in, buf, 10))
CALL(readv, readv(on.in, iov, 2))
CALL(read_socket, read(on.sock, buf, 10))
CALL(read_eventfd, read(on.event, buf, 8))
CALL(write, (fill_up(on.out), write(on.out, buf, 10)))
CALL(write_large, write(on.out, buf, sizeof(buf)))
CALL(writev, (fill_up(on.out), writev(on.out, iov, 2)))
CALL(write_socket, (fill_up(on.sock), write(on.sock, buf, 10)))
CALL(recv, recv(on.sock, buf, 10, 0))
CALL(recv_all, recv(on.sock, buf, 10, MSG_WAITALL))
CALL(recvfrom, recvfrom(on.sock, buf, 10, 0, NULL, NULL))
CALL(send, (fill_up(on.sock), send(on.sock, buf, 10, 0)))
CALL(sendto, (fill_up(on.sock), sendto(on.sock, buf, 10, 0, NULL, 0)))
CALL(accept, accept(on.listener, NULL, NULL))
CALL(accept4, accept4(on.listener, NULL, NULL, SOCK_CLOEXEC))
CALL(connect, connect(on.full, (struct sockaddr *)&on.busy, sizeof(on.busy)))
CALL(open, open("fifo", O_RDONLY))
CALL(openat, openat(AT_FDCWD, "fifo", O_WRONLY))
CALL(creat, creat("fifo", 0644))
CALL(pause, pause())
CALL(epoll_pwait, epoll_pwait(on.epoll, (struct epoll_event *)buf, 1, -1, NULL))
CALL(epoll_wait, epoll_wait(on.epoll, (struct epoll_event *)buf, 1, -1))
CALL(splice, splice(on.in, NULL, on.sock, NULL, 10, 0))
CALL(wait, wait(NULL))
CALL(waitpid, waitpid(on.child, NULL, 0))
CALL(system, system("exec sleep 1000"))

static long call_recvmsg(void)
{
	struct msghdr msg = message();

	return recvmsg(on.sock, &msg, 0);
}

static long call_sendmsg(void)
{
	struct msghdr msg = message();

	fill_up(on.sock);
	return sendmsg(on.sock, &msg, 0);
}

static long call_recvmmsg(void)
{
	struct mmsghdr msg = {.msg_hdr = message()};

	return recvmmsg(on.sock, &msg, 1, 0, NULL);
}

static long call_sendmmsg(void)
{
	struct mmsghdr msg = {.msg_hdr = message()};

	fill_up(on.sock);
	return sendmmsg(on.sock, &msg, 1, 0);
}

static long call_poll(void)
{
	struct pollfd p = {.fd = on.in, .events = POLLIN};

	return poll(&p, 1, -1);
}

static long call_ppoll(void)
{
	struct pollfd p = {.fd = on.in, .events = POLLIN};

	return ppoll(&p, 1, NULL, NULL);
}

static long call_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(on.in, &set);
	return select(on.in + 1, &set, NULL, NULL, NULL);
}

static long call_pselect(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(on.in, &set);
	return pselect(on.in + 1, &set, NULL, NULL, NULL, NULL);
}

/* The lock is another process's. */
static long call_fcntl(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(on.file, F_SETLKW, &lock);
}

static long call_sigwait(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigwait(&set, &sig);
}

static long call_nanosleep(void)
{
	struct timespec t = {1000, 0};

	return nanosleep(&t, NULL);
}

static const struct point blocking[] = {
	POINT(read),	    POINT(readv),	POINT(read_socket), POINT(read_eventfd),
	POINT(write),	    POINT(write_large), POINT(writev),	    POINT(write_socket),
	POINT(recv),	    POINT(recv_all),	POINT(recvfrom),    POINT(recvmsg),
	POINT(recvmmsg),    POINT(send),	POINT(sendto),	    POINT(sendmsg),
	POINT(sendmmsg),    POINT(accept),	POINT(accept4),	    POINT(connect),
	POINT(open),	    POINT(openat),	POINT(creat),	    POINT(poll),
	POINT(ppoll),	    POINT(select),	POINT(pselect),	    POINT(epoll_wait),
	POINT(epoll_pwait), POINT(splice),	POINT(fcntl),	    POINT(pause),
	POINT(sigwait),	    POINT(nanosleep),	POINT(wait),	    POINT(waitpid),
	POINT(system),
};

/* ---- Cancelled while blocked ---- */

struct victim {
	const struct point *point;
	bool at_once; /* asynchronous */
	volatile pid_t tid;
	int handlers;
	long res;
	int error;
};

static void handler(void *arg)
{
	((struct victim *)arg)->handlers++;
}

static void *blocks(void *arg)
{
	struct victim *v = arg;
	int old;

	must(!pthread_setcanceltype(
		v->at_once ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, &old));
	pthread_cleanup_push(handler, v);
	pthread_cleanup_push(handler, v);
	v->tid = my_tid();
	v->res = v->point->call();
	v->error = errno;
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

/* A process that sleeps, and has the lock. */
static pid_t sleeper(void)
{
	int ready[2];
	pid_t pid;
	char c;

	must(!pipe(ready));
	pid = fork();
	if (!pid) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

		must(!fcntl(on.file, F_SETLK, &lock) && write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	must(read(ready[0], &c, 1) == 1 && !close(ready[0]) && !close(ready[1]));
	return pid;
}

/* Afterwards the pipe and the sockets must still work, and hold what was in them. */
static void check_after(const char *name)
{
	static char drained[2 * sizeof(buf)];
	long left[3] = {0, 0, 0};
	const int fds[3] = {on.in, on.peer, on.sock};

	for (int i = 0; i < 3; i++) {
		ssize_t n;

		must(!fcntl(fds[i], F_SETFL, O_NONBLOCK));
		while ((n = read(fds[i], drained, sizeof(drained))) > 0)
			left[i] += n;
		must(n < 0 && errno == EAGAIN);
	}
	must(write(on.out, "pipe", 4) == 4 && read(on.in, drained, 8) == 4 &&
	     !memcmp(drained, "pipe", 4));
	must(write(on.peer, "sock", 4) == 4 && read(on.sock, drained, 8) == 4 &&
	     !memcmp(drained, "sock", 4));
	/* How many go into a socket is the kernel's affair. */
	say("   %s left %ld in the pipe, %s in the socket; fds from %d", name, left[0],
	    left[1] ? "something" : "nothing", dup(0));
}

static void play_blocked(int argc, char **argv)
{
	int old;

	(void)argc;
	(void)argv;
	some_io("main-file", true);
	for (size_t i = 0; i < sizeof(blocking) / sizeof(blocking[0]); i++) {
		for (int at_once = 0; at_once < 2; at_once++) {
			struct victim v = {.point = &blocking[i], .at_once = at_once};
			void *result = NULL;
			pthread_t t;

			set_up();
			on.child = sleeper();
			t = thread(blocks, &v);
			wait_until_blocked(&v.tid);
			must(!pthread_cancel(t));
			must(!pthread_join(t, &result));
			say("%s%s: %s, %d handlers ran", v.point->name, at_once ? ", at once" : "",
			    result == PTHREAD_CANCELED ? "cancelled" : "not cancelled", v.handlers);
			check_after(v.point->name);
			kill(on.child, SIGKILL);
			while (waitpid(-1, &old, 0) > 0)
				;
			tear_down();
		}
	}
	some_io("main-file", true);
}

/* ---- Cancelled before a call that would not block ---- */

CALL(read_file, read(on.file, buf, 10))
CALL(readv_file, readv(on.file, iov, 2))
CALL(write_file, write(on.file, "written", 7))
CALL(writev_file, writev(on.file, iov, 2))
CALL(pread, pread(on.file, buf, 10, 0))
CALL(pwrite, pwrite(on.file, "written", 7, 0))
CALL(preadv, preadv(on.file, iov, 2, 0))
CALL(pwritev, pwritev(on.file, iov, 2, 0))
CALL(preadv2, preadv2(on.file, iov, 2, 0, 0))
CALL(pwritev2, pwritev2(on.file, iov, 2, 0, 0))
CALL(read_pipe, read(on.in, buf, 10))
CALL(write_pipe, write(on.out, "more", 4))
CALL(recv_some, recv(on.sock, buf, 10, 0))
CALL(recvfrom_some, recvfrom(on.sock, buf, 10, 0, NULL, NULL))
CALL(send_some, send(on.sock, "more", 4, 0))
CALL(sendto_some, sendto(on.sock, "more", 4, 0, NULL, 0))
CALL(connect_free, connect(on.full, (struct sockaddr *)&on.busy, sizeof(on.busy)))
CALL(open_file, open("made", O_RDWR | O_CREAT, 0644))
CALL(openat_file, openat(AT_FDCWD, "made", O_RDWR | O_CREAT, 0644))
CALL(creat_file, creat("made", 0644))
CALL(close, close(on.event))
CALL(fsync, fsync(on.file))
CALL(fdatasync, fdatasync(on.file))
CALL(sync_file_range, sync_file_range(on.file, 0, 10, SYNC_FILE_RANGE_WRITE))
CALL(fallocate, fallocate(on.file, 0, 0, 5000))
CALL(posix_fallocate, posix_fallocate(on.file, 0, 5000))
CALL(posix_fadvise, posix_fadvise(on.file, 0, 0, POSIX_FADV_NORMAL))
CALL(ftruncate, ftruncate(on.file, 33))
CALL(lseek, lseek(on.file, 5, SEEK_SET))
CALL(stat, stat("file", (struct stat *)buf))
CALL(unlink, unlink("file"))
CALL(rename, rename("file", "file2"))
CALL(mkdir, mkdir("made", 0755))
CALL(pipe, pipe((int *)buf))
CALL(socket, socket(AF_UNIX, SOCK_STREAM, 0))
CALL(shutdown, shutdown(on.sock, SHUT_WR))
CALL(dup, dup(on.file))
CALL(fcntl_getfl, fcntl(on.file, F_GETFL) > 0)
CALL(epoll_ctl, epoll_ctl(on.epoll, EPOLL_CTL_DEL, on.in, NULL))
CALL(epoll_ready, epoll_wait(on.epoll, (struct epoll_event *)buf, 1, -1))
CALL(epoll_poll, epoll_wait(on.epoll, (struct epoll_event *)buf, 1, 0))
CALL(accept_ready, accept(on.listener, NULL, NULL) > 0)
CALL(msync, msync((void *)((uintptr_t)buf & ~4095ul), 4096, MS_ASYNC))
CALL(syscall_read, syscall(SYS_read, on.file, buf, 10))
CALL(raw_fsync, syscall(SYS_fsync, on.file))

static long call_recvmsg_some(void)
{
	struct msghdr msg = message();

	return recvmsg(on.sock, &msg, 0);
}

static long call_sendmsg_some(void)
{
	struct msghdr msg = message();

	return sendmsg(on.sock, &msg, 0);
}

static long call_poll_ready(void)
{
	struct pollfd p = {.fd = on.in, .events = POLLIN};

	return poll(&p, 1, -1);
}

static const struct point ready[] = {
	POINT(read_file),   POINT(readv_file),	    POINT(write_file),	  POINT(writev_file),
	POINT(pread),	    POINT(pwrite),	    POINT(preadv),	  POINT(pwritev),
	POINT(preadv2),	    POINT(pwritev2),	    POINT(read_pipe),	  POINT(write_pipe),
	POINT(recv_some),   POINT(recvfrom_some),   POINT(recvmsg_some),  POINT(send_some),
	POINT(sendto_some), POINT(sendmsg_some),    POINT(connect_free),  POINT(accept_ready),
	POINT(open_file),   POINT(openat_file),	    POINT(creat_file),	  POINT(close),
	POINT(fsync),	    POINT(fdatasync),	    POINT(fallocate),	  POINT(posix_fallocate),
	POINT(ftruncate),   POINT(sync_file_range), POINT(posix_fadvise), POINT(lseek),
	POINT(stat),	    POINT(unlink),	    POINT(rename),	  POINT(mkdir),
	POINT(pipe),	    POINT(socket),	    POINT(shutdown),	  POINT(dup),
	POINT(fcntl_getfl), POINT(epoll_ctl),	    POINT(epoll_ready),	  POINT(epoll_poll),
	POINT(poll_ready),  POINT(msync),	    POINT(syscall_read),  POINT(raw_fsync),
};

/* What is there to be done at once, for all of these calls. */
static void set_up_ready(void)
{
	struct sockaddr_un addr = unix_address("listener");
	int s;

	rmdir("made");
	unlink("made");
	unlink("file2");
	set_up();
	must(write(on.out, "in the pipe", 11) == 11);
	must(write(on.peer, "in the socket", 13) == 13);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(s >= 0 && !connect(s, (struct sockaddr *)&addr, sizeof(addr)));
	/* The one that waits is taken, so that there is room for us. */
	unlink("busy");
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	must(s >= 0 && !bind(s, (struct sockaddr *)&on.busy, sizeof(on.busy)) && !listen(s, 5));
}

static bool disabled;

/* Is cancelled already when it calls. */
static void *calls(void *arg)
{
	struct victim *v = arg;
	int old;

	/* So that a ring is there. */
	some_io("thread-file", false);
	must(!pthread_setcancelstate(disabled ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE, &old));
	pthread_cleanup_push(handler, v);
	must(!pthread_cancel(pthread_self()));
	v->res = v->point->call();
	v->error = errno;
	must(!pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
	pthread_cleanup_pop(0);
	return NULL;
}

static void describe(const struct victim *v, const void *result)
{
	struct stat st;
	char rest[64];
	ssize_t in_pipe, in_socket;

	must(!fcntl(on.in, F_SETFL, O_NONBLOCK) && !fcntl(on.sock, F_SETFL, O_NONBLOCK));
	in_pipe = read(on.in, rest, sizeof(rest));
	in_socket = recv(on.sock, rest, sizeof(rest), 0);
	must(!fstat(on.file, &st));
	printf("%s%s: ", v->point->name, disabled ? ", disabled" : "");
	if (result == PTHREAD_CANCELED)
		printf("cancelled, %d handler", v->handlers);
	else if (v->res < 0)
		printf("%s", errno_name(v->error));
	else
		printf("%ld", v->res);
	say("; pipe %zd, socket %zd, file of %ld at %ld, %s, next fd %d", in_pipe, in_socket,
	    (long)st.st_size, (long)lseek(on.file, 0, SEEK_CUR),
	    access("made", F_OK) ? "nothing made" : "made", dup(0));
}

static void play_pending(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int d = 0; d < 2; d++) {
		for (size_t i = 0; i < sizeof(ready) / sizeof(ready[0]); i++) {
			struct victim v = {.point = &ready[i]};
			void *result = NULL;

			disabled = d;
			set_up_ready();
			must(!pthread_join(thread(calls, &v), &result));
			describe(&v, result);
			tear_down();
		}
	}
}

/* ---- Cancelled at any moment of a fast loop ---- */

static void *loops(void *arg)
{
	struct victim *v = arg;
	char mine[100], back[100];
	int old;

	must(!pthread_setcanceltype(
		v->at_once ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, &old));
	pthread_cleanup_push(handler, v);
	v->tid = my_tid();
	for (unsigned i = 0;; i++) {
		fill(mine, sizeof(mine), i);
		if (pwrite(on.file, mine, sizeof(mine), 0) != sizeof(mine) ||
		    pread(on.file, back, sizeof(back), 0) != sizeof(back) ||
		    !filled(back, sizeof(back), i))
			break;
	}
	must(!"the data were right");
	pthread_cleanup_pop(0);
	return NULL;
}

static void play_loop(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	set_up();
	for (int i = 0; i < 400; i++) {
		struct victim v = {.at_once = i % 2};
		void *result = NULL;
		pthread_t t = thread(loops, &v);
		struct timespec nap = {0, i % 20 * 20000};

		while (!v.tid)
			sched_yield();
		nanosleep(&nap, NULL);
		must(!pthread_cancel(t));
		must(!pthread_join(t, &result) && result == PTHREAD_CANCELED && v.handlers == 1);
		some_io("main-file", false);
	}
	say("400 threads were cancelled in a loop");
	tear_down();
}

const struct scene scenes[] = {
	{"blocked", play_blocked},
	{"pending", play_pending},
	{"loop", play_loop},
	{NULL, NULL},
};
