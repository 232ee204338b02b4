/* recv_zc, and the registration that it needs: without a network card that can, both are refused cleanly. */
#include <net/if.h>

#include "tests/unit/op.h"

static void test_recv_zc(struct xu_ring *ring)
{
	int fds[2];

	tcp_pair(fds);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	xu_prep_recv_zc(sqe_of(ring), fds[0], 0, 0);
	CHECK_EQ(result_of(ring), -EINVAL);
	check_read(fds[0], "x");
	close_pair(fds);
}

static const struct prep_case cases[] = {{"recv_zc", IORING_OP_RECV_ZC, test_recv_zc}};

int main(void)
{
	return PREP_CASES(cases);
}
