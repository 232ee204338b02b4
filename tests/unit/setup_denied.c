/* A refused set-up is told as it is, at the first attempt, and leaves nothing behind. */
#include <sys/resource.h>

#include "tests/unit/oldkernel.h"

static void refused(int error)
{
	char before[4096], after[4096];
	struct xu_probe probe;
	struct xu_ring ring;

	check_case = strerror(-error);
	list_fds(before, sizeof(before));
	old.setup_error = error;
	old.setups = 0;
	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_SINGLE, 0), error);
	CHECK_EQ(old.setups, 1);
	CHECK_EQ(xu_queue_init(8, &ring, 0), error);
	CHECK_STR(xu_ring_visibility(&ring), "none");
	CHECK_EQ(xu_probe_cached(&probe), error);
	list_fds(after, sizeof(after));
	CHECK_STR(after, before);
	old.setup_error = 0;
}

int main(void)
{
	static const int errors[] = {EPERM, ENOSYS, ENOMEM, EMFILE, ENFILE, EACCES};
	struct rlimit lim, none;
	struct xu_probe probe;
	struct xu_ring ring;

	old_begin();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		refused(-errors[i]);

	check_case = "no register calls";
	old.register_error = -EPERM;
	CHECK_EQ(xu_probe_cached(&probe), -EPERM);
	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_SINGLE, 0), 0);
	check_ring_works(&ring);
	xu_queue_exit(&ring);
	old.register_error = 0;

	/* A failed probe is not kept. */
	check_case = "probe after all";
	CHECK_EQ(xu_probe_cached(&probe), 0);
	CHECK(xu_opcode_supported(&probe, IORING_OP_NOP));

	/* No fd to be had: a ring that needs none goes on. */
	check_case = "no fd left";
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &lim), 0);
	none = lim;
	none.rlim_cur = (rlim_t)lowest_free_fd();
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(xu_queue_init(8, &ring, 0), -EMFILE);
	if (kernel_is(6, 5)) {
		CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_HIDDEN, 0), 0);
		CHECK_STR(xu_ring_visibility(&ring), "invisible");
		check_ring_works(&ring);
		xu_queue_exit(&ring);
	}
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &lim), 0);
	return 0;
}
