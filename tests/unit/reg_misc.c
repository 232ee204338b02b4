/* Personality, worker threads, clock, sync cancel, sync message, NAPI, query; and what needs hardware is refused. */
#include <sched.h>
#include <sys/syscall.h>

#include "tests/unit/op.h"

static void test_personality(struct xu_ring *ring)
{
	struct io_uring_sqe *sqe;
	int id, fd;

	if (geteuid()) {
		prep_not_here = "needs root";
		return;
	}
	close(file_with("secret", "x"));
	CHECK_EQ(chmod("secret", 0600), 0);
	CHECK_EQ(chmod(".", 0755), 0);
	id = xu_register_personality(ring);
	CHECK_GE(id, 1);
	/* The thread alone becomes somebody else. */
	CHECK_EQ(syscall(SYS_setresuid, -1, 65534, -1), 0);
	xu_prep_openat(sqe_of(ring), AT_FDCWD, "secret", O_RDONLY, 0);
	CHECK_EQ(result_of(ring), -EACCES);
	sqe = sqe_of(ring);
	xu_prep_openat(sqe, AT_FDCWD, "secret", O_RDONLY, 0);
	sqe->personality = (uint16_t)id;
	fd = result_of(ring);
	CHECK_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
	CHECK_GE(fd, 0);
	close(fd);
	CHECK_EQ(xu_unregister_personality(ring, id), 0);
	CHECK_EQ(xu_unregister_personality(ring, id), -EINVAL);
	sqe = sqe_of(ring);
	xu_prep_nop(sqe);
	sqe->personality = (uint16_t)id;
	CHECK_EQ(result_of(ring), -EINVAL);
}

static void test_workers(struct xu_ring *ring)
{
	unsigned values[2] = {3, 5}, again[2] = {0, 0};
	cpu_set_t cpus;
	int ret = xu_register_iowq_max_workers(ring, values);

	if (ret == -EINVAL && !kernel_is(5, 15)) {
		prep_not_here = "this kernel has none";
		return;
	}
	CHECK_EQ(ret, 0);
	CHECK_GE(values[IO_WQ_BOUND], 1);
	CHECK_EQ(xu_register_iowq_max_workers(ring, again), 0);
	CHECK_EQ(again[IO_WQ_BOUND], 3);
	CHECK_EQ(again[IO_WQ_UNBOUND], 5);
	CHECK_EQ(xu_register_iowq_max_workers(ring, values), 0);

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CHECK_EQ(xu_register_iowq_aff(ring, sizeof(cpus), &cpus), 0);
	CHECK_EQ(xu_unregister_iowq_aff(ring), 0);
	CHECK_EQ(xu_register_iowq_aff(ring, 0, &cpus), -EINVAL);
}

static void test_clock(struct xu_ring *ring)
{
	struct io_uring_clock_register clock;
	struct xu_timespec soon = {0, 20 * 1000000};
	struct io_uring_cqe *cqe;
	long long begin;
	int ret;

	memset(&clock, 0, sizeof(clock));
	clock.clockid = CLOCK_BOOTTIME;
	ret = xu_register_clock(ring, &clock);
	if (ret == -EINVAL && !kernel_is(6, 12)) {
		prep_not_here = "this kernel has none";
		return;
	}
	CHECK_EQ(ret, 0);
	begin = now_ms();
	CHECK_EQ(xu_wait_cqe_timeout(ring, &cqe, &soon), -ETIME);
	CHECK_GE(now_ms() - begin, 19);
	clock.clockid = CLOCK_REALTIME;
	CHECK_EQ(xu_register_clock(ring, &clock), -EINVAL);
}

static void test_sync_cancel(struct xu_ring *ring)
{
	struct io_uring_sync_cancel_reg reg;
	struct io_uring_sqe *sqe;
	int pipes[2], ret;
	char c;

	CHECK_EQ(pipe(pipes), 0);
	sqe = sqe_of(ring);
	xu_prep_read(sqe, pipes[0], &c, 1, HERE);
	start(ring, sqe, 17);
	memset(&reg, 0, sizeof(reg));
	reg.addr = 17;
	reg.timeout.tv_sec = reg.timeout.tv_nsec = -1;
	ret = xu_register_sync_cancel(ring, &reg);
	if (ret == -EINVAL && !kernel_is(6, 0)) {
		prep_not_here = "this kernel has none";
		CHECK_EQ(write(pipes[1], "x", 1), 1);
		CHECK_EQ(next(ring).res, 1);
	} else {
		CHECK_EQ(ret, 0);
		CHECK_EQ(next(ring).res, -ECANCELED);
		CHECK_EQ(xu_register_sync_cancel(ring, &reg), -ENOENT);
	}
	close_pair(pipes);
}

static void test_sync_msg(struct xu_ring *ring)
{
	struct io_uring_sqe sqe;
	struct xu_ring other;
	struct done done;
	int ret;

	(void)ring;
	CHECK_EQ(xu_queue_init(4, &other, 0), 0);
	xu_prep_msg_ring(&sqe, other.ring_fd, 12, 34, 0);
	ret = xu_register_sync_msg(&sqe);
	if (ret == -EINVAL && !kernel_is(6, 13)) {
		prep_not_here = "this kernel has none";
	} else {
		CHECK_EQ(ret, 0);
		done = next(&other);
		CHECK_EQ(done.res, 12);
		CHECK_EQ(done.data, 34);
	}
	xu_queue_exit(&other);
}

static void test_napi(struct xu_ring *ring)
{
	struct io_uring_napi napi, old;
	int ret;

	memset(&napi, 0, sizeof(napi));
	napi.busy_poll_to = 25;
	ret = xu_register_napi(ring, &napi);
	if (ret == -EINVAL) {
		prep_not_here = "this kernel has none";
		return;
	}
	CHECK_EQ(ret, 0);
	CHECK_EQ(napi.busy_poll_to, 0);
	check_ring_works(ring);
	memset(&old, 0, sizeof(old));
	CHECK_EQ(xu_unregister_napi(ring, &old), 0);
	CHECK_EQ(old.busy_poll_to, 25);
}

static void test_query(struct xu_ring *ring)
{
	struct io_uring_query_opcode ops;
	struct io_uring_query_hdr hdr[2];
	struct xu_probe probe;
	int ret;

	memset(&ops, 0, sizeof(ops));
	memset(hdr, 0, sizeof(hdr));
	hdr[0].query_op = IO_URING_QUERY_OPCODES;
	hdr[0].query_data = (uint64_t)(uintptr_t)&ops;
	hdr[0].size = sizeof(ops);
	hdr[0].next_entry = (uint64_t)(uintptr_t)&hdr[1];
	hdr[1].query_op = 10000;
	ret = xu_register_query(hdr);
	if (ret == -EINVAL) {
		prep_not_here = "this kernel has none";
		return;
	}
	CHECK_EQ(ret, 0);
	CHECK_EQ(hdr[0].result, 0);
	CHECK_EQ(hdr[1].result, -EOPNOTSUPP);
	CHECK_EQ(xu_probe_ring(ring, &probe), 0);
	CHECK_EQ(ops.nr_request_opcodes, probe.last + 1);
	CHECK_EQ(ops.ring_setup_flags & ring->flags, ring->flags);
	CHECK_EQ(ops.feature_flags & ring->features, ring->features);
}

/* Without a network card that can: an error, and the ring goes on. Nothing of these may be done to the test itself. */
static void test_hardware(struct xu_ring *ring)
{
	struct io_uring_zcrx_ifq_reg ifq;
	struct zcrx_ctrl ctrl;
	struct io_uring_bpf bpf;

	memset(&ifq, 0, sizeof(ifq));
	ifq.if_idx = 1;
	ifq.rq_entries = 4;
	CHECK_LE(xu_register_ifq(ring, &ifq), -1);
	memset(&ctrl, 0, sizeof(ctrl));
	ctrl.zcrx_id = 12345;
	CHECK_LE(xu_register_zcrx_ctrl(ring, &ctrl), -1);
	memset(&bpf, 0, sizeof(bpf));
	bpf.cmd_type = 1000;
	CHECK_LE(xu_register_bpf_filter(ring, &bpf), -1);
	CHECK_LE(xu_register_bpf_filter_task(&bpf), -1);
	CHECK_LE(xu_register_task_restrictions((const void *)16), -1);
	check_ring_works(ring);
}

static const struct prep_case cases[] = {
	{"personality", IORING_OP_OPENAT, test_personality},
	{"workers", IORING_OP_NOP, test_workers},
	{"clock", IORING_OP_NOP, test_clock},
	{"sync_cancel", IORING_OP_READ, test_sync_cancel},
	{"sync_msg", IORING_OP_MSG_RING, test_sync_msg},
	{"napi", IORING_OP_NOP, test_napi},
	{"query", IORING_OP_NOP, test_query},
	{"zcrx, bpf filter", IORING_OP_NOP, test_hardware},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
