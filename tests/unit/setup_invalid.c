/* Combinations that make no sense are EINVAL, leave no ring and no fd, and the ladder does not hide them. */
#include "tests/unit/ring.h"

struct combination {
	const char *what;
	unsigned entries;
	unsigned flags;
};

static const struct combination invalid[] = {
	{"no entries", 0, 0},
	{"no entries, own memory", 0, IORING_SETUP_NO_MMAP},
	{"too many entries", 32769, 0},
	{"too many entries, own memory", 32769, IORING_SETUP_NO_MMAP},
	{"a flag that does not exist", 8, 1u << 31},
	{"a flag that does not exist, own memory", 8, 1u << 31 | IORING_SETUP_NO_MMAP},
	{"registered only, but mapped from an fd", 8, IORING_SETUP_REGISTERED_FD_ONLY},
	{"deferred work without a single issuer", 8, IORING_SETUP_DEFER_TASKRUN},
	{"a flag for work that is not held back", 8, IORING_SETUP_TASKRUN_FLAG},
	{"deferred work of a polling thread", 8,
	 IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
	{"a polling thread's processor without the thread", 8, IORING_SETUP_SQ_AFF},
};

int main(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 4};
	char before[4096], after[4096], names[100];
	struct xu_ring ring;

	need_ring();
	list_fds(before, sizeof(before));
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		check_case = invalid[i].what;
		memset(&ring, 0xff, sizeof(ring));
		CHECK_EQ(xu_queue_init(invalid[i].entries, &ring, invalid[i].flags), -EINVAL);
		CHECK_STR(xu_ring_visibility(&ring), "none");
		CHECK_STR(xu_ring_describe(&ring, names, sizeof(names)), "");
		CHECK(!ring.mem[0] && !ring.mem[1] && !ring.mem[2]);
		xu_queue_exit(&ring);
	}

	check_case = "fewer completions than submissions";
	CHECK_EQ(xu_queue_init_params(8, &ring, &p), -EINVAL);

	/* What the caller demands, the ladder does not take off. */
	check_case = "ladder";
	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 1u << 31), -EINVAL);
	CHECK_EQ(xu_queue_init_best(8, &ring, 0, IORING_SETUP_SQ_AFF), -EINVAL);
	CHECK_EQ(xu_queue_init_best(8, &ring, 0, IORING_SETUP_SQPOLL | IORING_SETUP_TASKRUN_FLAG),
		 -EINVAL);
	CHECK_EQ(xu_queue_init_best(0, &ring, XU_WANT_HIDDEN, 0), -EINVAL);
	CHECK_STR(xu_ring_visibility(&ring), "none");

	check_case = "";
	list_fds(after, sizeof(after));
	CHECK_STR(after, before);
	return 0;
}
