/* The probe knows what this kernel has; it is made once a process, by whichever thread comes first. */
#include <pthread.h>
#include <sys/wait.h>

#include "tests/unit/ring.h"

static pthread_barrier_t barrier;

static void check_probe(const struct xu_probe *probe)
{
	CHECK(xu_opcode_supported(probe, IORING_OP_NOP));
	CHECK(xu_opcode_supported(probe, IORING_OP_READV));
	CHECK(xu_opcode_supported(probe, IORING_OP_POLL_ADD));
	CHECK(!xu_opcode_supported(probe, probe->last + 1));
	CHECK(!xu_opcode_supported(probe, 255));
	CHECK(!xu_opcode_supported(probe, 256));
	CHECK(!xu_opcode_supported(probe, 256 + IORING_OP_NOP));
	CHECK(!xu_opcode_supported(probe, ~0u));
	/* What a kernel is old enough for, it has. */
	for (unsigned op = 0; op < IORING_OP_LAST; op++) {
		unsigned since = xu_op_since(op);

		if (kernel_is(since / 1000, since % 1000) && !xu_opcode_supported(probe, op))
			check_fail(__FILE__, __LINE__, "%s: expected since %u.%u, got none",
				   xu_op_name(op), since / 1000, since % 1000);
	}
}

static void *ask(void *arg)
{
	pthread_barrier_wait(&barrier);
	CHECK_EQ(xu_probe_cached((struct xu_probe *)arg), 0);
	return NULL;
}

/* Two threads at once in a process that has not asked yet. */
static void both_at_once(void)
{
	struct xu_probe a, b;
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	CHECK_EQ(pthread_create(&thread, NULL, ask, &a), 0);
	ask(&b);
	pthread_join(thread, NULL);
	check_probe(&a);
	CHECK_MEM(&a, &b, sizeof(a));
	CHECK_EQ(xu_probe_cached(&b), 0);
	CHECK_MEM(&a, &b, sizeof(a));
}

int main(void)
{
	struct xu_probe direct, cached;
	struct xu_ring ring;
	int status, fd;

	need_ring();
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (!pid) {
			alarm(SECONDS_TO_LIVE);
			both_at_once();
			return 0;
		}
		CHECK(pid > 0);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}

	fd = lowest_free_fd();
	CHECK_EQ(xu_queue_init(1, &ring, 0), 0);
	memset(&direct, 0xff, sizeof(direct));
	CHECK_EQ(xu_probe_ring(&ring, &direct), 0);
	check_probe(&direct);
	xu_queue_exit(&ring);
	for (int i = 0; i < 3; i++) {
		memset(&cached, 0xff, sizeof(cached));
		CHECK_EQ(xu_probe_cached(&cached), 0);
		CHECK_MEM(&cached, &direct, sizeof(direct));
	}
	CHECK_EQ(lowest_free_fd(), fd);
	return 0;
}
