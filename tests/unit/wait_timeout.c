/* Waiting with a bound in time that the kernel keeps (IORING_FEAT_EXT_ARG). */
#include "tests/unit/timed.h"

static void all(struct xu_ring *ring)
{
	if (!(ring->features & IORING_FEAT_EXT_ARG))
		skip("this kernel keeps no time for us (before 5.11)");
	timed_waits(ring);
}

int main(void)
{
	on_each_ring(8, all);
	return 0;
}
