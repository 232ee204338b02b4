/*
 * The ladder on kernels that lack its rungs, newest first: each is given up alone, in few attempts, and what is left is
 * a ring that works, is hidden as far as that kernel can, and tells what it has.
 */
#include "tests/unit/oldkernel.h"

struct kernel {
	const char *version;
	unsigned major, minor;
	int setups; /* attempts it takes with all wishes */
	const char *names;
	const char *visibility;
	bool registered; /* is the ring entered by index? */
};

static const struct kernel kernels[] = {
	{"6.6", 6, 6, 1, "no-sqarray invisible defer-taskrun coop-taskrun submit-all clamp",
	 "invisible", true},
	{"6.5", 6, 5, 2, "invisible defer-taskrun coop-taskrun submit-all clamp", "invisible", true},
	{"6.3", 6, 3, 3, "defer-taskrun coop-taskrun submit-all clamp", "invisible", true},
	{"6.1", 6, 1, 3, "defer-taskrun coop-taskrun submit-all clamp", "hidden-fd", true},
	{"6.0", 6, 0, 4, "coop-taskrun submit-all clamp", "hidden-fd", true},
	{"5.19", 5, 19, 4, "coop-taskrun submit-all clamp", "hidden-fd", true},
	{"5.18", 5, 18, 5, "submit-all clamp", "hidden-fd", true},
	{"5.15", 5, 15, 6, "clamp", "hidden-fd", false},
	{"5.6", 5, 6, 6, "clamp", "hidden-fd", false},
	{"5.4", 5, 4, 7, "", "hidden-fd", false},
	{"5.1", 5, 1, 7, "", "hidden-fd", false},
};

static void on_kernel(const struct kernel *k)
{
	char before[4096], after[4096], names[200];
	int fd = lowest_free_fd();
	struct xu_probe probe;
	struct xu_ring ring;

	check_case = k->version;
	old.version = k->major * 1000 + k->minor;
	old.setups = 0;
	list_fds(before, sizeof(before));
	CHECK_EQ(xu_queue_init_best(16, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
	CHECK_STR(xu_ring_describe(&ring, names, sizeof(names)), k->names);
	CHECK_EQ(old.setups, k->setups);
	CHECK_STR(xu_ring_visibility(&ring), k->visibility);
	CHECK_EQ(ring.enter_flags, k->registered ? IORING_ENTER_REGISTERED_RING : 0);
	CHECK_EQ(lowest_free_fd(), fd);
	if (ring.ring_fd >= 0) {
		CHECK_GE(ring.ring_fd, 256);
		CHECK_EQ(fcntl(ring.ring_fd, F_GETFD), FD_CLOEXEC);
	}
	CHECK_EQ(ring.mem[2] != NULL, old.version < 5004);
	check_ring_works(&ring);

	/* The probe, or what stands for it. */
	CHECK_EQ(xu_probe_ring(&ring, &probe), 0);
	CHECK(xu_opcode_supported(&probe, IORING_OP_NOP));
	CHECK(xu_opcode_supported(&probe, IORING_OP_READV));
	CHECK_EQ(xu_opcode_supported(&probe, IORING_OP_READ), old.version >= 5006);
	CHECK_EQ(xu_opcode_supported(&probe, IORING_OP_CONNECT), true);

	/* Without EXT_ARG a wait is bounded the older way. */
	if (old.version >= 5005) {
		struct xu_timespec ts = {0, 5000000};
		struct io_uring_cqe *cqe;

		CHECK_EQ(xu_wait_cqe_timeout(&ring, &cqe, &ts), -ETIME);
		CHECK_EQ(xu_cq_ready(&ring), 0);
	}

	xu_queue_exit(&ring);
	list_fds(after, sizeof(after));
	CHECK_STR(after, before);

	/* What is demanded is not given up, known or not. */
	for (unsigned bit = 0; bit < 17; bit++) {
		unsigned extra = 1u << bit;

		if (extra & ~(unsigned)(IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
					IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER |
					IORING_SETUP_NO_MMAP | IORING_SETUP_NO_SQARRAY))
			continue;
		if (OLD_KNOWN(old_setup_flags) & extra) {
			CHECK_EQ(xu_queue_init_best(16, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, extra),
				 0);
			CHECK_EQ(ring.flags & extra, extra);
			check_ring_works(&ring);
			xu_queue_exit(&ring);
		} else {
			CHECK_EQ(xu_queue_init_best(16, &ring, XU_WANT_HIDDEN, extra), -EINVAL);
		}
	}

	/* Nobody asked to hide it: an fd as any other. */
	CHECK_EQ(xu_queue_init_best(16, &ring, 0, 0), 0);
	CHECK_STR(xu_ring_visibility(&ring), "fd");
	CHECK_EQ(ring.ring_fd, fd);
	check_ring_works(&ring);
	xu_queue_exit(&ring);
}

int main(void)
{
	struct xu_ring ring;

	old_begin();
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (kernel_is(kernels[i].major, kernels[i].minor))
			on_kernel(&kernels[i]);

	/* Memory of ours that can not be had costs that rung alone. */
	old.version = 0;
	for (int i = 0; i < 2 && kernel_is(6, 6); i++) {
		char names[200];

		check_case = i ? "EBUSY for our memory" : "ENOMEM for our memory";
		old.own_memory_error = i ? -EBUSY : -ENOMEM;
		old.setups = 0;
		CHECK_EQ(xu_queue_init_best(16, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
		CHECK_EQ(old.setups, 2);
		CHECK_STR(xu_ring_describe(&ring, names, sizeof(names)),
			  "no-sqarray defer-taskrun coop-taskrun submit-all clamp");
		CHECK_STR(xu_ring_visibility(&ring), "invisible");
		check_ring_works(&ring);
		xu_queue_exit(&ring);
		/* Unless the caller demands it. */
		CHECK_EQ(xu_queue_init_best(16, &ring, XU_WANT_HIDDEN, IORING_SETUP_NO_MMAP),
			 old.own_memory_error);
	}
	return 0;
}
