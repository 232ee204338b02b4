/* multishot_accept, accept_direct, multishot_accept_direct, socket_direct(_alloc): sockets that have no fd. */
#include "tests/unit/op.h"

static bool begin(struct xu_ring *ring)
{
	int ret = xu_register_files_sparse(ring, 4);

	if (ret == -EINVAL)
		prep_not_here = "no sparse tables";
	else
		CHECK_EQ(ret, 0);
	return !ret;
}

/* What goes into the direct descriptor comes out at `peer`. */
static void check_connected(struct xu_ring *ring, int slot, int peer)
{
	struct io_uring_sqe *sqe = sqe_of(ring);

	xu_prep_send(sqe, slot, "hello", 5, 0);
	xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(result_of(ring), 5);
	check_read(peer, "hello");
}

static void test_multishot_accept(struct xu_ring *ring)
{
	struct sockaddr_in addr;
	struct io_uring_sqe *sqe;
	int listener;

	if (!kernel_is(5, 19)) {
		prep_not_here = "this kernel has none";
		return;
	}
	listener = tcp_listener(&addr);
	sqe = sqe_of(ring);
	xu_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	start(ring, sqe, 1);
	for (int i = 0; i < 3; i++) {
		int fds[2] = {tcp_connect(&addr), -1};
		struct done done = next(ring);

		fds[1] = done.res;
		CHECK_GE(fds[1], 0);
		CHECK_EQ(done.flags & MORE, MORE);
		CHECK_EQ(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		check_read(fds[0], "x");
		close_pair(fds);
	}
	stop(ring, 1);
	close(listener);
}

static void test_accept_direct(struct xu_ring *ring)
{
	struct sockaddr_in addr;
	int listener, peer;

	if (!begin(ring))
		return;
	listener = tcp_listener(&addr);
	peer = tcp_connect(&addr);
	xu_prep_accept_direct(sqe_of(ring), listener, NULL, NULL, 0, 3);
	CHECK_EQ(result_of(ring), 0);
	check_connected(ring, 3, peer);
	close(peer);
	close(listener);
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static void test_multishot_accept_direct(struct xu_ring *ring)
{
	struct sockaddr_in addr;
	struct io_uring_sqe *sqe;
	bool used[4] = {false};
	int listener, peer[5];

	if (!kernel_is(5, 19)) {
		prep_not_here = "this kernel has none";
		return;
	}
	if (!begin(ring))
		return;
	listener = tcp_listener(&addr);
	sqe = sqe_of(ring);
	xu_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
	start(ring, sqe, 1);
	for (int i = 0; i < 4; i++) {
		struct done done;

		peer[i] = tcp_connect(&addr);
		done = next(ring);
		CHECK_GE(done.res, 0);
		CHECK_LE(done.res, 3);
		CHECK_EQ(done.flags & MORE, MORE);
		CHECK(!used[done.res]);
		used[done.res] = true;
		/* The accepting entry is still there, so there is more than this one completion to come. */
		sqe = sqe_of(ring);
		xu_prep_send(sqe, done.res, "hello", 5, 0);
		xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		CHECK_EQ(result_of(ring), 5);
		check_read(peer[i], "hello");
	}
	/* All places are taken. */
	peer[4] = tcp_connect(&addr);
	{
		struct done done = next(ring);

		CHECK_EQ(done.res, -ENFILE);
		CHECK_EQ(done.flags & MORE, 0);
	}
	for (int i = 0; i < 5; i++)
		close(peer[i]);
	close(listener);
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static void test_socket_direct(struct xu_ring *ring)
{
	struct sockaddr_in addr;
	struct io_uring_sqe *sqe;
	int lowest, listener, slot;

	if (!begin(ring))
		return;
	lowest = lowest_free_fd();
	for (int alloc = 0; alloc < 2; alloc++) {
		int peer;

		if (alloc)
			xu_prep_socket_direct_alloc(sqe_of(ring), AF_INET, SOCK_STREAM, 0, 0);
		else
			xu_prep_socket_direct(sqe_of(ring), AF_INET, SOCK_STREAM, 0, 1, 0);
		slot = result_of(ring);
		CHECK_GE(slot, 0);
		CHECK_EQ(lowest_free_fd(), lowest);
		if (!alloc)
			slot = 1;
		listener = tcp_listener(&addr);
		sqe = sqe_of(ring);
		xu_prep_connect(sqe, slot, (struct sockaddr *)&addr, sizeof(addr));
		xu_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		CHECK_EQ(result_of(ring), 0);
		peer = accept(listener, NULL, NULL);
		CHECK_GE(peer, 0);
		check_connected(ring, slot, peer);
		close(peer);
		close(listener);
	}
	CHECK_EQ(xu_unregister_files(ring), 0);
}

static const struct prep_case cases[] = {
	{"multishot_accept", IORING_OP_ACCEPT, test_multishot_accept},
	{"accept_direct", IORING_OP_ACCEPT, test_accept_direct},
	{"multishot_accept_direct", IORING_OP_ACCEPT, test_multishot_accept_direct},
	{"socket_direct", IORING_OP_SOCKET, test_socket_direct},
};

int main(void)
{
	return PREP_CASES(cases);
}
