/* Prints the names of the ops that this kernel has, one a line. Fails where there is no io_uring. */
#include <stdio.h>
#include <string.h>

#include "xuring.h"

int main(void)
{
	struct xu_probe probe;
	int ret = xu_probe_cached(&probe);

	if (ret) {
		fprintf(stderr, "ops: no io_uring here: %s\n", strerror(-ret));
		return 1;
	}
	for (unsigned op = 0; xu_op_name(op); op++)
		if (xu_opcode_supported(&probe, op))
			puts(xu_op_name(op));
	return 0;
}
