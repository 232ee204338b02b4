/*
 * An older kernel, pretended: what came after it is hidden, by the versions in ops.def.
 *
 * Ops are missing in the probe, set-up flags and register calls are -EINVAL, features are not told: what a program can
 * ask before it submits. So each step of the ladder, and whatever a program does without an op, can be tried on one new
 * kernel. Of what is submitted, an op, or a flag of one, that came later is replaced by an op that no kernel has: it ends
 * with -EINVAL, as it would there. Entries of rings that were made before the pretence are left alone.
 */
#include "core/level.h"
#include "xuring.h"

/* 0: nothing is hidden. */
static unsigned level;

void xu_hide_newer(unsigned version)
{
	__atomic_store_n(&level, version, __ATOMIC_RELAXED);
}

bool xu_hides(unsigned since)
{
	unsigned now = XU_LOAD(&level);

	return now && since > now;
}

struct row {
	unsigned value;
	unsigned since;
};

#define ROW(constant, major, minor) {(unsigned)(constant), (major)*1000 + (minor)},

static const struct row setup_flags[] = {
#define XU_SETUP_FLAG(NAME, name, major, minor) ROW(IORING_SETUP_##NAME, major, minor)
#include "core/ops.def"
};

static const struct row features[] = {
#define XU_FEATURE(NAME, name, major, minor) ROW(IORING_FEAT_##NAME, major, minor)
#include "core/ops.def"
};

static const struct row register_ops[] = {
#define XU_REGISTER_OP(NAME, name, major, minor) ROW(IORING_##NAME, major, minor)
#include "core/ops.def"
};

/* The bits of a table that are hidden. */
static unsigned hidden(const struct row *rows, size_t nr)
{
	unsigned bits = 0;

	for (size_t i = 0; i < nr; i++)
		if (xu_hides(rows[i].since))
			bits |= rows[i].value;
	return bits;
}

unsigned xu_hidden_setup_flags(void)
{
	return hidden(setup_flags, sizeof(setup_flags) / sizeof(setup_flags[0]));
}

unsigned xu_hidden_features(void)
{
	return hidden(features, sizeof(features) / sizeof(features[0]));
}

bool xu_hidden_register(unsigned opcode)
{
	unsigned op = opcode & ~(unsigned)IORING_REGISTER_USE_REGISTERED_RING;

	if (op != opcode && xu_hidden_features() & IORING_FEAT_REG_REG_RING)
		return true;
	for (size_t i = 0; i < sizeof(register_ops) / sizeof(register_ops[0]); i++)
		if (register_ops[i].value == op)
			return xu_hides(register_ops[i].since);
	return false;
}

bool xu_pretends(void)
{
	return XU_LOAD(&level) != 0;
}

/* ---- Entries ---------------------------------------------------------------------------------------------------- */

/* Where an op has flags of its own. */
enum place { OP_FLAGS, IOPRIO, LEN };

/* The flags in ops.def whose names begin so are of this op, and there. */
static const struct flags_of {
	const char *prefix;
	unsigned char op, place;
} flags_of[] = {
	{"nop_", IORING_OP_NOP, OP_FLAGS},
	{"nop_", IORING_OP_NOP128, OP_FLAGS},
	{"uring_cmd_", IORING_OP_URING_CMD, OP_FLAGS},
	{"uring_cmd_", IORING_OP_URING_CMD128, OP_FLAGS},
	{"fsync_", IORING_OP_FSYNC, OP_FLAGS},
	{"timeout_", IORING_OP_TIMEOUT, OP_FLAGS},
	{"timeout_", IORING_OP_TIMEOUT_REMOVE, OP_FLAGS},
	{"timeout_", IORING_OP_LINK_TIMEOUT, OP_FLAGS},
	{"link_timeout_", IORING_OP_TIMEOUT_REMOVE, OP_FLAGS},
	{"poll_add_", IORING_OP_POLL_ADD, LEN},
	{"poll_", IORING_OP_POLL_REMOVE, LEN},
	{"async_cancel_", IORING_OP_ASYNC_CANCEL, OP_FLAGS},
	{"recvsend_", IORING_OP_SEND, IOPRIO},
	{"recvsend_", IORING_OP_SENDMSG, IOPRIO},
	{"recvsend_", IORING_OP_SEND_ZC, IOPRIO},
	{"recvsend_", IORING_OP_SENDMSG_ZC, IOPRIO},
	{"recvsend_", IORING_OP_RECV, IOPRIO},
	{"recvsend_", IORING_OP_RECVMSG, IOPRIO},
	{"send_", IORING_OP_SEND, IOPRIO},
	{"send_", IORING_OP_SEND_ZC, IOPRIO},
	{"send_", IORING_OP_SENDMSG_ZC, IOPRIO},
	{"recv_", IORING_OP_RECV, IOPRIO},
	{"recv_", IORING_OP_RECVMSG, IOPRIO},
	{"accept_", IORING_OP_ACCEPT, IOPRIO},
	{"msg_ring_", IORING_OP_MSG_RING, OP_FLAGS},
	{"fixed_fd_", IORING_OP_FIXED_FD_INSTALL, OP_FLAGS},
};

/* A flag of single ops, by its name. */
static const struct op_flag {
	const char *name;
	unsigned value;
	unsigned since;
} op_flags[] = {
#define XU_OP_FLAG(NAME, name, major, minor)                                                       \
	{#name, (unsigned)IORING_##NAME, (major)*1000 + (minor)},
#include "core/ops.def"
};

static const struct row sqe_flags[] = {
#define XU_SQE_FLAG(NAME, name, major, minor) ROW(IOSQE_##NAME, major, minor)
#include "core/ops.def"
};

/* Has the entry a flag of its op that is hidden? */
static bool has_hidden_flag(const struct io_uring_sqe *sqe)
{
	for (size_t i = 0; i < sizeof(flags_of) / sizeof(flags_of[0]); i++) {
		const struct flags_of *of = &flags_of[i];
		unsigned flags = of->place == OP_FLAGS ? sqe->rw_flags
				 : of->place == IOPRIO ? sqe->ioprio
						       : sqe->len;

		if (of->op != sqe->opcode || !flags)
			continue;
		for (size_t k = 0; k < sizeof(op_flags) / sizeof(op_flags[0]); k++)
			if (flags & op_flags[k].value && xu_hides(op_flags[k].since) &&
			    !strncmp(op_flags[k].name, of->prefix, strlen(of->prefix)))
				return true;
	}
	return false;
}

void xu_hide_entries(struct xu_ring *ring)
{
	const struct xu_sq *sq = &ring->sq;
	unsigned late = hidden(sqe_flags, sizeof(sqe_flags) / sizeof(sqe_flags[0]));

	for (unsigned at = *sq->ktail; at != sq->tail; at++) {
		struct io_uring_sqe *sqe = &sq->sqes[(at & sq->mask) << sq->shift];

		if (sqe->flags & late || xu_hides(xu_op_since(sqe->opcode)) || has_hidden_flag(sqe))
			sqe->opcode = UINT8_MAX;
	}
}
