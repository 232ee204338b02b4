/*
 * Prints the names of the ops that this kernel has, one a line. Fails where there is no io_uring.
 *
 * With -a, the best ring that there is, and a line for each op that the table or the kernel knows (a nameless one is ?):
 *
 *     ring VISIBILITY FEATURE...
 *     op NUMBER NAME yes|no
 */
#include <stdio.h>
#include <string.h>

#include "xuring.h"

static int complain(int error)
{
	fprintf(stderr, "ops: no io_uring here: %s\n", strerror(-error));
	return 1;
}

int main(int argc, char **argv)
{
	bool all = argc > 1 && !strcmp(argv[1], "-a");
	struct xu_probe probe;
	int ret = xu_probe_cached(&probe);

	if (ret)
		return complain(ret);
	if (all) {
		struct xu_ring ring;
		char rungs[200];

		ret = xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);
		if (ret)
			return complain(ret);
		printf("ring %s %s\n", xu_ring_visibility(&ring),
		       xu_ring_describe(&ring, rungs, sizeof(rungs)));
		xu_queue_exit(&ring);
	}
	for (unsigned op = 0; xu_op_name(op) || (all && op <= probe.last); op++) {
		const char *name = xu_op_name(op) ? xu_op_name(op) : "?";
		bool has = xu_opcode_supported(&probe, op);

		if (all)
			printf("op %u %s %s\n", op, name, has ? "yes" : "no");
		else if (has)
			puts(name);
	}
	return 0;
}
