/* xu_hide_newer: at each level the ladder, the features, the ops and the register calls are those of that kernel. */
#include <poll.h>

#include "tests/unit/ring.h"

struct level {
	unsigned version;
	const char *names, *visibility;
};

static const struct level levels[] = {
	{6011, "no-sqarray invisible defer-taskrun coop-taskrun submit-all clamp", "invisible"},
	{6005, "invisible defer-taskrun coop-taskrun submit-all clamp", "invisible"},
	{6003, "defer-taskrun coop-taskrun submit-all clamp", "invisible"},
	{6001, "defer-taskrun coop-taskrun submit-all clamp", "hidden-fd"},
	{5019, "coop-taskrun submit-all clamp", "hidden-fd"},
	{5015, "clamp", "hidden-fd"},
	{5004, "", "hidden-fd"},
};

/* In the order of their age: an op is there exactly if the level has it. */
static void check_ops(const struct xu_ring *ring, unsigned version)
{
	struct xu_probe probe;

	CHECK_EQ(xu_probe_ring(ring, &probe), 0);
	for (unsigned op = 0; xu_op_name(op); op++)
		if (xu_op_since(op) > version)
			CHECK(!xu_opcode_supported(&probe, op));
	CHECK(xu_opcode_supported(&probe, IORING_OP_READV));
	if (version >= 5006)
		CHECK(xu_opcode_supported(&probe, IORING_OP_READ));
}

/* What an entry ends with that asks for something of Linux `since`, at a level and where it is known. */
static void check_late(struct xu_ring *ring, struct io_uring_sqe *sqe, unsigned since, unsigned version)
{
	bool late = since > version;
	struct io_uring_cqe *cqe;

	if (!late && !kernel_is(since / 1000, since % 1000))
		sqe->opcode = IORING_OP_NOP, sqe->nop_flags = 0, sqe->flags = 0;
	CHECK_EQ(xu_submit_and_wait(ring, 1), 1);
	CHECK_EQ(xu_peek_cqe(ring, &cqe), 0);
	if ((cqe->res == -EINVAL) != late)
		check_fail(__FILE__, __LINE__, "what came with %u ended with %d", since, cqe->res);
	xu_cqe_seen(ring, cqe);
}

/* Ops and their flags that came later, one for each place where flags are. */
static void check_entries(struct xu_ring *ring, unsigned version)
{
	static const struct xu_timespec soon = {.tv_nsec = 1};
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_nop(sqe);
	sqe->nop_flags = IORING_NOP_INJECT_RESULT;
	check_late(ring, sqe, 6010, version);
	sqe = sqe_of(ring);
	xu_prep_timeout(sqe, &soon, 0, IORING_TIMEOUT_BOOTTIME);
	check_late(ring, sqe, 5015, version);
	sqe = sqe_of(ring);
	xu_prep_cancel64(sqe, 1234, IORING_ASYNC_CANCEL_ALL);
	check_late(ring, sqe, 5019, version);
	sqe = sqe_of(ring);
	xu_prep_recv(sqe, -1, NULL, 0, 0);
	sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
	check_late(ring, sqe, 5019, version);
	sqe = sqe_of(ring);
	xu_prep_ftruncate(sqe, -1, 0);
	check_late(ring, sqe, 6009, version);
	sqe = sqe_of(ring);
	xu_prep_poll_add(sqe, -1, POLLIN);
	sqe->len = IORING_POLL_ADD_MULTI;
	check_late(ring, sqe, 5013, version);
	sqe = sqe_of(ring);
	xu_prep_nop(sqe);
	check_late(ring, sqe, 5001, version);
}

int main(void)
{
	struct xu_ring ring;
	char names[200];

	if (getenv("XU_LEVEL"))
		skip("an older kernel is pretended already");
	need_ring();
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		const struct level *l = &levels[i];

		if (!kernel_is(l->version / 1000, l->version % 1000))
			continue;
		check_case = l->names;
		xu_hide_newer(l->version);
		CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
		CHECK_STR(xu_ring_describe(&ring, names, sizeof(names)), l->names);
		CHECK_STR(xu_ring_visibility(&ring), l->visibility);
		CHECK_EQ(!!(ring.features & IORING_FEAT_EXT_ARG), l->version >= 5011);
		check_ops(&ring, l->version);
		check_ring_works(&ring);
		check_entries(&ring, l->version);
		if (l->version < 6013)
			CHECK_EQ(xu_register(&ring, IORING_REGISTER_RESIZE_RINGS, NULL, 1), -EINVAL);
		if (l->version < 6018)
			CHECK_EQ(xu_register_query(NULL), -EINVAL);
		xu_queue_exit(&ring);
	}
	/* And all is there again. */
	xu_hide_newer(0);
	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
	if (kernel_is(6, 6))
		CHECK_STR(xu_ring_describe(&ring, names, sizeof(names)), levels[0].names);
	xu_queue_exit(&ring);
	return 0;
}
