// SPDX-License-Identifier: MIT
/*
 * nth: runs a program under a seccomp filter that refuses the n-th call of io_uring.
 *
 *     nth setup|enter|register:ERRNO@N PROG [ARG...]       N-: from the n-th on
 *
 * A filter can not count. So it asks: each such call of PROG and its children waits for us, who lets it through or answers
 * with the error. The exit status is PROG's, or 125 when that could not be begun, as where the kernel lacks it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SETUP = 425, ENTER, REGISTER };

static const struct {
	const char *name;
	int nr;
} calls[] = {{"setup", SETUP}, {"enter", ENTER}, {"register", REGISTER}};

static const struct {
	const char *name;
	int error;
} errors[] = {{"EPERM", EPERM},	  {"EACCES", EACCES}, {"ENOSYS", ENOSYS},
	      {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}, {"EINVAL", EINVAL},
	      {"EAGAIN", EAGAIN}, {"EBUSY", EBUSY},   {"EINTR", EINTR}};

static void fail(const char *what)
{
	perror(what);
	exit(125);
}

/* The filter, and the fd by which it asks. */
static int install(int nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("PR_SET_NO_NEW_PRIVS");
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &prog);
}

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void send_fd(int to, int fd)
{
	char byte = 0;
	struct iovec iov = {&byte, 1};
	union control c = {.buf = {0}};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	if (sendmsg(to, &msg, 0) != 1)
		fail("sendmsg");
}

static int receive_fd(int from)
{
	char byte;
	struct iovec iov = {&byte, 1};
	union control c;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	int fd;

	if (recvmsg(from, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		exit(125);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* Answer until nobody is left to ask. */
static void answer(int listener, unsigned long n, bool on, int error)
{
	struct pollfd p = {listener, POLLIN, 0};
	unsigned long asked = 0;

	while (poll(&p, 1, -1) >= 0 || errno == EINTR) {
		struct seccomp_notif ask;
		struct seccomp_notif_resp say;

		if (p.revents & POLLHUP)
			return;
		memset(&ask, 0, sizeof(ask));
		memset(&say, 0, sizeof(say));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask))
			continue;
		say.id = ask.id;
		if (++asked < n || (asked > n && !on))
			say.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else
			say.error = -error;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &say);
	}
}

int main(int argc, char **argv)
{
	char call[16], error[16], on = 0;
	int nr = 0, number = 0, pair[2], listener, status;
	unsigned long n;
	pid_t pid;

	if (argc < 3 || sscanf(argv[1], "%15[a-z]:%15[A-Z]@%lu%c", call, error, &n, &on) < 3)
		return 125;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(call, calls[i].name))
			nr = calls[i].nr;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(error, errors[i].name))
			number = errors[i].error;
	if (!nr || !number || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return 125;
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		listener = install(nr);
		if (listener < 0)
			fail("seccomp");
		send_fd(pair[1], listener);
		close(listener);
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}
	close(pair[1]);
	/* What ends the program is meant for it, and not for us. */
	signal(SIGINT, SIG_IGN);
	listener = receive_fd(pair[0]);
	answer(listener, n, on == '-', number);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
