/* What this kernel has, and which symbol takes which op. */
#include <sys/utsname.h>

#include "core/syscall.h"
#include "shim/info.h"
#include "shim/symbols.h"
#include "xuring.h"

/* A row of symbols.def: `how` is the text of its preparation, which names the op, or NULL where there is none. */
struct row {
	const char *symbol;
	const char *how;
};

static const struct row rows[] = {
#define CALL(ret, name, params, args, sys, route, prepare, then) {#name, #prepare},
#define PASS(ret, name, params, args, sys) {#name, NULL},
#define HOOK(ret, name, params, args, sys, before, after) {#name, NULL},
#define GONE(ret, name, params, args, sys, interest, before) {#name, NULL},
#define HAND(ret, name, params) {#name, NULL},
#include "shim/symbols.def"
};

static const struct {
	const char *prepare;
	const char *op;
} other_names[] = {{"writev2", "writev"}, {"cmd_sock", "uring_cmd"}};

/* The op that a preparation is for: xu_prep_NAME prepares the op NAME, with the exceptions above. -1: none. */
static int op_of(const char *how)
{
	static const char prefix[] = "xu_prep_";
	const char *name = how ? strstr(how, prefix) : NULL;
	size_t len;

	if (!name)
		return -1;
	name += sizeof(prefix) - 1;
	len = strcspn(name, "(");
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (strlen(other_names[i].prepare) == len &&
		    !memcmp(other_names[i].prepare, name, len))
			return xu_op_number(other_names[i].op, strlen(other_names[i].op));
	return xu_op_number(name, len);
}

static void version(struct xu_text *t, unsigned since)
{
	xu_text_num(t, since / 1000, 0);
	xu_text_str(t, ".");
	xu_text_num(t, since % 1000, 0);
}

/* False: no ring can be had. */
static bool describe_kernel(struct xu_text *t, struct xu_probe *probe)
{
	struct utsname uts;
	struct xu_ring ring;
	char features[256];
	unsigned ops = 0;
	int ret;

	if (!xu_sys(SYS_uname, &uts)) {
		xu_text_str(t, "kernel   ");
		xu_text_str(t, uts.release);
		xu_text_str(t, "\n");
	}
	memset(probe, 0, sizeof(*probe));
	ret = xu_queue_init_best(64, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);
	if (ret) {
		xu_text_str(t, "ring     none: io_uring_setup failed with error ");
		xu_text_num(t, (unsigned)-ret, 0);
		xu_text_str(t, "\n");
		return false;
	}
	xu_text_str(t, "ring     ");
	xu_text_str(t, xu_ring_visibility(&ring));
	xu_text_str(t, " (");
	xu_text_str(t, xu_ring_describe(&ring, features, sizeof(features)));
	xu_text_str(t, ")\n");
	xu_probe_ring(&ring, probe);
	xu_queue_exit(&ring);
	for (unsigned op = 0; op < 256; op++)
		ops += xu_opcode_supported(probe, op);
	xu_text_str(t, "ops      ");
	xu_text_num(t, ops, 0);
	xu_text_str(t, " of this kernel\n");
	return true;
}

static void describe_symbols(struct xu_text *t, const struct xu_probe *probe)
{
	xu_text_str(t, "\nsymbol             op               kernel  here\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int op = op_of(rows[i].how);

		if (op < 0)
			continue;
		xu_text_pad(t, rows[i].symbol, 19);
		xu_text_pad(t, xu_op_name((unsigned)op), 17);
		version(t, xu_op_since((unsigned)op));
		xu_text_str(t, xu_op_since((unsigned)op) % 1000 > 9 ? "    " : "     ");
		xu_text_str(t, xu_opcode_supported(probe, (unsigned)op) ? "yes\n" : "no\n");
	}
	xu_text_str(t,
		    "\nPassed on, with or without being watched, as io_uring has no op for them:\n");
	for (size_t i = 0, col = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].symbol) + 1;

		if (op_of(rows[i].how) >= 0)
			continue;
		xu_text_str(t, col + len > 78 ? "\n" : "");
		col = col + len > 78 ? len : col + len;
		xu_text_str(t, rows[i].symbol);
		xu_text_str(t, " ");
	}
	xu_text_str(t, "\n");
}

bool info_kernel(struct xu_text *t)
{
	struct xu_probe probe;
	bool ring;

	xu_text_str(t, "xuring " XU_VERSION
		       ": to be preloaded (LD_PRELOAD=.../libxuring-shim.so PROGRAM)\n");
	ring = describe_kernel(t, &probe);
	describe_symbols(t, &probe);
	return ring;
}
