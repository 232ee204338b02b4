/* waitid: a child's end as a completion. */
#include <sys/wait.h>

#include "tests/unit/op.h"

static void test_waitid(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;
	struct done done;
	siginfo_t info;
	int pipes[2];
	pid_t pid;
	char c;

	CHECK_EQ(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		close(pipes[1]);
		/* Until the parent closes the pipe. */
		_exit(read(pipes[0], &c, 1) ? 1 : 42);
	}
	CHECK_GE(pid, 1);
	memset(&info, 0, sizeof(info));
	sqe = sqe_of(ring);
	xu_prep_waitid(sqe, P_PID, pid, &info, WEXITED, 0);
	start(ring, sqe, 1);
	check_quiet(ring);
	close_pair(pipes);
	done = next(ring);
	CHECK_EQ(done.res, 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 42);
	CHECK_EQ(waitpid(pid, NULL, 0), -1);
	xu_prep_waitid(sqe_of(ring), P_PID, pid, &info, WEXITED, 0);
	CHECK_EQ(result_of(ring), -ECHILD);
}

static const struct prep_case cases[] = {{"waitid", IORING_OP_WAITID, test_waitid}};

int main(void)
{
	return PREP_CASES(cases);
}
