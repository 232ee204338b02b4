/* What may be done on a ring, decided by a BPF program, and for all rings of a thread (Linux 7.0). */
#include <linux/filter.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/op.h"

/* Allow an op if its user data are this number. */
static const struct sock_filter program[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct io_uring_bpf_ctx, user_data)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 1),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static void filter_for(struct io_uring_bpf *bpf, unsigned op)
{
	memset(bpf, 0, sizeof(*bpf));
	bpf->cmd_type = IO_URING_BPF_CMD_FILTER;
	bpf->filter.opcode = op;
	bpf->filter.filter_len = sizeof(program) / sizeof(program[0]);
	bpf->filter.filter_ptr = (uint64_t)(uintptr_t)program;
}

static int nop_with(struct xu_ring *ring, uint64_t data)
{
	put_nop(ring, data);
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	return take(ring, NULL);
}

/* The ring's own; the others go on as before. */
static void on_a_ring(void)
{
	struct xu_ring ring, other;
	struct io_uring_bpf bpf;

	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	CHECK_EQ(xu_queue_init(4, &other, 0), 0);
	filter_for(&bpf, IORING_OP_NOP);
	bpf.filter.pdu_size = 200;
	CHECK_EQ(xu_register_bpf_filter(&ring, &bpf), -EMSGSIZE);
	CHECK_EQ(bpf.filter.pdu_size, 0);
	CHECK_EQ(xu_register_bpf_filter(&ring, &bpf), 0);
	CHECK_EQ(nop_with(&ring, 7), 0);
	CHECK_EQ(nop_with(&ring, 8), -EACCES);
	CHECK_EQ(nop_with(&other, 8), 0);
	xu_prep_close(sqe_of(&ring), 12345);
	CHECK_EQ(result_of(&ring), -EBADF);
	xu_queue_exit(&ring);
	xu_queue_exit(&other);
}

/* The thread's: for rings from here on. */
static void on_a_thread(void)
{
	struct io_uring_bpf bpf;
	struct xu_ring before, ring;

	CHECK_EQ(xu_queue_init(4, &before, 0), 0);
	filter_for(&bpf, IORING_OP_NOP);
	CHECK_EQ(xu_register_bpf_filter_task(&bpf), 0);
	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	CHECK_EQ(nop_with(&before, 8), 0);
	CHECK_EQ(nop_with(&ring, 7), 0);
	CHECK_EQ(nop_with(&ring, 8), -EACCES);
}

/* No more than these ops, likewise. */
static void restricted(void)
{
	struct io_uring_task_restriction *all =
		calloc(1, sizeof(*all) + sizeof(struct io_uring_restriction));
	struct xu_ring before, ring;

	CHECK(all);
	all->nr_res = 1;
	all->restrictions[0].opcode = IORING_RESTRICTION_SQE_OP;
	all->restrictions[0].sqe_op = IORING_OP_NOP;
	CHECK_EQ(xu_queue_init(4, &before, 0), 0);
	CHECK_EQ(xu_register_task_restrictions(all), 0);
	free(all);
	CHECK_EQ(xu_queue_init(4, &ring, 0), 0);
	CHECK_EQ(nop_with(&ring, 1), 0);
	xu_prep_close(sqe_of(&ring), 12345);
	CHECK_EQ(result_of(&ring), -EACCES);
	xu_prep_close(sqe_of(&before), 12345);
	CHECK_EQ(result_of(&before), -EBADF);
}

/* In a child, since it is for good. */
static void in_child(const char *what, void (*test)(void))
{
	pid_t pid = fork();
	int status;

	CHECK_GE(pid, 0);
	if (!pid) {
		check_case = what;
		CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
		test();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

int main(void)
{
	struct io_uring_bpf bpf;

	need_ring();
	filter_for(&bpf, IORING_OP_NOP);
	if (!kernel_is(7, 0)) {
		CHECK_EQ(xu_register_bpf_filter_task(&bpf), -EINVAL);
		skip("no filters and no restrictions of threads before Linux 7.0");
	}
	in_child("restrictions of a thread", restricted);
	in_child("filter of a ring", on_a_ring);
	in_child("filter of a thread", on_a_thread);
	return 0;
}
