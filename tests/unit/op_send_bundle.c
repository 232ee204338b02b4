/* send_bundle: all provided buffers that are ready leave in one send, in order. */
#include "tests/unit/op.h"

static void test_send_bundle(struct xu_ring *ring)
{
	static const char *const texts[BUFFERS] = {"one ", "two ", "three ", "four"};
	struct io_uring_sqe *sqe;
	int fds[2], err;

	if (!(ring->features & IORING_FEAT_RECVSEND_BUNDLE)) {
		prep_not_here = "this kernel has none";
		return;
	}
	tcp_pair(fds);
	group = xu_setup_buf_ring(ring, BUFFERS, GROUP, 0, &err);
	CHECK(group != NULL);
	for (int i = 0; i < BUFFERS; i++) {
		memcpy(group_memory[i], texts[i], strlen(texts[i]));
		xu_buf_ring_add(group, group_memory[i], (unsigned)strlen(texts[i]), (uint16_t)i,
				xu_buf_ring_mask(BUFFERS), i);
	}
	xu_buf_ring_advance(group, BUFFERS);
	sqe = sqe_of(ring);
	xu_prep_send_bundle(sqe, fds[0], 0, 0);
	sqe->buf_group = GROUP;
	start(ring, sqe, 1);
	{
		struct done done = next(ring);

		CHECK_EQ(done.res, 18);
		CHECK_EQ(done.buffer, 0);
		/* It may find that there is no more only by trying. */
		if (done.flags & MORE)
			CHECK_EQ(next(ring).res, -ENOBUFS);
	}
	check_read(fds[1], "one two three four");
	group_end(ring);
	close_pair(fds);
}

static const struct prep_case cases[] = {{"send_bundle", IORING_OP_SEND, test_send_bundle}};

int main(void)
{
	return PREP_CASES(cases);
}
