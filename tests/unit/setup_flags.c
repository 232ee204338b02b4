/* Each rung of the ladder, asked for by itself, gives a ring that has it, says so by name, and works. */
#include "tests/unit/ring.h"

struct rung {
	const char *name;
	unsigned flags;
	unsigned major, minor;
	const char *visibility;
};

static const struct rung rungs[] = {
	{"", 0, 5, 1, "fd"},
	{"clamp", IORING_SETUP_CLAMP, 5, 6, "fd"},
	{"submit-all", IORING_SETUP_SUBMIT_ALL, 5, 18, "fd"},
	{"coop-taskrun", IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 5, 19, "fd"},
	{"defer-taskrun", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 6, 1, "fd"},
	{"", IORING_SETUP_NO_MMAP, 6, 5, "fd"},
	{"invisible", IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY, 6, 5, "invisible"},
	{"no-sqarray", IORING_SETUP_NO_SQARRAY, 6, 6, "fd"},
};

int main(void)
{
	char names[200];
	struct xu_ring ring;
	int fd;

	need_ring();
	fd = lowest_free_fd();
	for (size_t i = 0; i < sizeof(rungs) / sizeof(rungs[0]); i++) {
		const struct rung *r = &rungs[i];
		int ret = xu_queue_init(8, &ring, r->flags);

		check_case = r->name;
		if (!kernel_is(r->major, r->minor) && ret == -EINVAL)
			continue;
		CHECK_EQ(ret, 0);
		CHECK_EQ(ring.flags & r->flags, r->flags);
		CHECK_STR(xu_ring_describe(&ring, names, sizeof(names)), r->name);
		CHECK_STR(xu_ring_visibility(&ring), r->visibility);
		CHECK_EQ(ring.ring_fd, strcmp(r->visibility, "fd") ? -1 : fd);
		CHECK_EQ(ring.sq.array == NULL, !!(r->flags & IORING_SETUP_NO_SQARRAY));
		CHECK_EQ(ring.sq.entries, 8);
		CHECK_EQ(ring.cq.entries, 16);
		check_ring_works(&ring);
		xu_queue_exit(&ring);
		CHECK_STR(xu_ring_visibility(&ring), "none");
		CHECK_STR(xu_ring_describe(&ring, names, sizeof(names)), "");
		CHECK_EQ(lowest_free_fd(), fd);
		/* Once more does nothing. */
		xu_queue_exit(&ring);
	}

	/* The description is cut between words, and always ends. */
	check_case = "describe";
	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_SINGLE, 0), 0);
	xu_ring_describe(&ring, names, sizeof(names));
	for (size_t size = 1; size <= strlen(names) + 1; size++) {
		char part[200];

		memset(part, '#', sizeof(part));
		CHECK(xu_ring_describe(&ring, part, size) == part);
		CHECK_LE(strlen(part), size - 1);
		CHECK_EQ((unsigned char)part[size], '#');
	}
	xu_queue_exit(&ring);
	return 0;
}
