/* What the kernel has: the probe of its ops, and the table of all ops. */
#include <errno.h>

#include "core/level.h"
#include "xuring.h"

/* A row of ops.def. */
struct op {
	const char *name;
	unsigned since;
};

static const struct op ops[] = {
#define XU_OP(NAME, name, major, minor) [IORING_OP_##NAME] = {#name, (major)*1000 + (minor)},
#include "core/ops.def"
};

#define NR_OPS (sizeof(ops) / sizeof(ops[0]))

const char *xu_op_name(unsigned op)
{
	return op < NR_OPS ? ops[op].name : NULL;
}

unsigned xu_op_since(unsigned op)
{
	return op < NR_OPS ? ops[op].since : 0;
}

int xu_op_number(const char *name, size_t len)
{
	for (unsigned i = 0; i < NR_OPS; i++)
		if (ops[i].name && strlen(ops[i].name) == len && !memcmp(ops[i].name, name, len))
			return (int)i;
	return -1;
}

/* Before 5.6 there is no probe: what 5.5 had is known, and less than that is found out by trying. */
static void assume_5_5(struct xu_probe *probe)
{
	for (unsigned i = 0; i < NR_OPS; i++)
		if (ops[i].since && ops[i].since <= 5005 && !xu_hides(ops[i].since)) {
			probe->ops[0] |= UINT64_C(1) << i;
			probe->last = i;
		}
}

int xu_probe_ring(const struct xu_ring *ring, struct xu_probe *probe)
{
	/* The answer, and room for all ops that there can be. */
	union {
		struct io_uring_probe probe;
		char room[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)];
	} answer;
	int ret;

	memset(&answer, 0, sizeof(answer));
	memset(probe, 0, sizeof(*probe));
	ret = xu_register(ring, IORING_REGISTER_PROBE, &answer, 256);
	if (ret == -EINVAL) {
		assume_5_5(probe);
		return 0;
	}
	if (ret < 0)
		return ret;
	probe->last = answer.probe.last_op;
	for (unsigned i = 0; i < answer.probe.ops_len; i++)
		if (answer.probe.ops[i].flags & IO_URING_OP_SUPPORTED &&
		    !xu_hides(xu_op_since(answer.probe.ops[i].op)))
			probe->ops[answer.probe.ops[i].op / 64] |= UINT64_C(1)
								   << (answer.probe.ops[i].op % 64);
	return 0;
}

int xu_probe_cached(struct xu_probe *probe)
{
	/* 0: nothing there, 1: somebody writes it, 2: there. Whoever does not get to write asks for itself. */
	static int state;
	static struct xu_probe cache;
	struct xu_ring ring;
	int expected = 0;
	int ret;

	if (XU_LOAD_ACQUIRE(&state) == 2) {
		*probe = cache;
		return 0;
	}
	ret = xu_queue_init_best(1, &ring, XU_WANT_HIDDEN, 0);
	if (ret)
		return ret;
	ret = xu_probe_ring(&ring, probe);
	xu_queue_exit(&ring);
	if (!ret && __atomic_compare_exchange_n(&state, &expected, 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED)) {
		cache = *probe;
		XU_STORE_RELEASE(&state, 2);
	}
	return ret;
}
