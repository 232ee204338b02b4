/*
 * An older kernel, pretended: what came after it is hidden, by the versions in ops.def.
 *
 * Ops are missing in the probe, set-up flags and register calls are -EINVAL, features are not told: what a program can
 * ask before it submits. So each step of the ladder, and whatever a program does without an op, can be tried on one new
 * kernel. What is submitted is not looked at: an op, or a flag of one, that the program uses without asking works on.
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
