/* xu_hide_newer: at each level the ladder, the features, the ops and the register calls are those of that kernel. */
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
		if (l->version < 6013)
			CHECK_EQ(xu_register(&ring, IORING_REGISTER_RESIZE_RINGS, NULL, 1), -EINVAL);
		if (l->version < 6018)
			CHECK_EQ(xu_query(NULL), -EINVAL);
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
