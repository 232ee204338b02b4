/* splice and tee through the ring. */
#include "tests/unit/prep.h"

static void test_splice(struct xu_ring *ring)
{
	int in = file_with("in", "0123456789"), out = file_with("out", "----------"), pipes[2];
	char buf[10] = "";

	CHECK_EQ(pipe(pipes), 0);
	/* From a place in a file, from a file's own position, and back. */
	xu_prep_splice(sqe_of(ring), in, 4, pipes[1], -1, 3, 0);
	CHECK_EQ(result_of(ring), 3);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 0);
	xu_prep_splice(sqe_of(ring), in, -1, pipes[1], -1, 2, 0);
	CHECK_EQ(result_of(ring), 2);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 2);
	xu_prep_splice(sqe_of(ring), pipes[0], -1, out, 5, 4, 0);
	CHECK_EQ(result_of(ring), 4);
	check_content("out", "-----4560-");
	CHECK_EQ(read(pipes[0], buf, sizeof(buf)), 1);
	CHECK_STR(buf, "1");

	/* Neither side is a pipe; nothing there and no wait for it. */
	xu_prep_splice(sqe_of(ring), in, 0, out, 0, 1, 0);
	CHECK_EQ(result_of(ring), -EINVAL);
	xu_prep_splice(sqe_of(ring), pipes[0], -1, out, 0, 1, SPLICE_F_NONBLOCK);
	CHECK_EQ(result_of(ring), -EAGAIN);
	close(pipes[0]);
	close(pipes[1]);
	close(in);
	close(out);
}

static void test_tee(struct xu_ring *ring)
{
	char buf[10] = "";
	int a[2], b[2];

	CHECK_EQ(pipe(a), 0);
	CHECK_EQ(pipe(b), 0);
	CHECK_EQ(write(a[1], "abcdef", 6), 6);
	xu_prep_tee(sqe_of(ring), a[0], b[1], 6, 0);
	CHECK_EQ(result_of(ring), 6);
	CHECK_EQ(read(b[0], buf, sizeof(buf)), 6);
	CHECK_STR(buf, "abcdef");
	memset(buf, 0, sizeof(buf));
	/* It is still in the first. */
	CHECK_EQ(read(a[0], buf, sizeof(buf)), 6);
	CHECK_STR(buf, "abcdef");
	CHECK_EQ(write(a[1], "xyz", 3), 3);
	xu_prep_tee(sqe_of(ring), a[0], b[1], 2, SPLICE_F_NONBLOCK);
	CHECK_EQ(result_of(ring), 2);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static const struct prep_case cases[] = {
	{"splice", IORING_OP_SPLICE, test_splice},
	{"tee", IORING_OP_TEE, test_tee},
};

int main(void)
{
	scratch();
	return PREP_CASES(cases);
}
