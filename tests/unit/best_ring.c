/* The ladder's best ring for each wish: what it has, what can be seen of it, and that it works. */
#include <sys/mman.h>

#include "tests/unit/ring.h"

/* More than a thread can register (16), so that some of them need another way. */
#define MANY 20

static char names[200];

/* Is the name one of those that the ring says it has? */
static bool has(const struct xu_ring *ring, const char *name)
{
	char padded[220], word[50];

	snprintf(padded, sizeof(padded), " %s ", xu_ring_describe(ring, names, sizeof(names)));
	snprintf(word, sizeof(word), " %s ", name);
	return strstr(padded, word) != NULL;
}

static void each_wish(void)
{
	for (unsigned want = 0; want < 4; want++) {
		struct xu_ring ring;
		static const char *const text[] = {"no wish", "hidden", "single", "hidden, single"};
		int fd = lowest_free_fd();

		check_case = text[want];
		CHECK_EQ(xu_queue_init_best(64, &ring, want, 0), 0);
		CHECK_EQ(ring.sq.entries, 64);
		if (kernel_is(6, 6)) {
			CHECK(has(&ring, "no-sqarray"));
			CHECK(has(&ring, "submit-all"));
			CHECK(has(&ring, "coop-taskrun"));
			CHECK(has(&ring, "clamp"));
			CHECK_EQ(has(&ring, "invisible"), !!(want & XU_WANT_HIDDEN));
			CHECK_EQ(has(&ring, "defer-taskrun"), !!(want & XU_WANT_SINGLE));
			CHECK_STR(xu_ring_visibility(&ring),
				  want & XU_WANT_HIDDEN ? "invisible" : "fd");
		}
		if (want & XU_WANT_HIDDEN) {
			CHECK_NE(strcmp(xu_ring_visibility(&ring), "fd"), 0);
			CHECK_EQ(lowest_free_fd(), fd);
		} else {
			CHECK_EQ(ring.ring_fd, fd);
		}
		check_ring_works(&ring);
		xu_queue_exit(&ring);
		CHECK_EQ(lowest_free_fd(), fd);
	}
}

/* Flags that must be granted come on top, and what does not go together with them goes. */
static void with_extra(void)
{
	struct io_uring_params p = {.flags = 0};
	struct xu_ring ring;

	check_case = "SQPOLL";
	CHECK_EQ(xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, IORING_SETUP_SQPOLL),
		 0);
	CHECK(ring.flags & IORING_SETUP_SQPOLL);
	CHECK(!has(&ring, "defer-taskrun"));
	CHECK(!has(&ring, "coop-taskrun"));
	if (kernel_is(6, 6)) {
		CHECK(has(&ring, "no-sqarray"));
		CHECK(has(&ring, "invisible"));
	}
	if (kernel_is(5, 11))
		check_ring_works(&ring);
	xu_queue_exit(&ring);

	check_case = "128 and 32 bytes";
	if (kernel_is(5, 19)) {
		CHECK_EQ(xu_queue_init_best(8, &ring, 3, IORING_SETUP_SQE128 | IORING_SETUP_CQE32), 0);
		CHECK_EQ(ring.flags & (IORING_SETUP_SQE128 | IORING_SETUP_CQE32),
			 IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
		check_ring_works(&ring);
		xu_queue_exit(&ring);
	}

	/* A queue of completions of another size, in memory of the kernel's and of ours. */
	check_case = "CQSIZE";
	for (int ours = 0; ours < 2 && kernel_is(5, 5); ours++) {
		memset(&p, 0, sizeof(p));
		p.flags = IORING_SETUP_CQSIZE | (ours ? IORING_SETUP_NO_MMAP : 0);
		p.cq_entries = 1000;
		if (ours && !kernel_is(6, 9))
			break;
		CHECK_EQ(xu_queue_init_params(4, &ring, &p), 0);
		CHECK_EQ(ring.cq.entries, 1024);
		CHECK_EQ(p.cq_entries, 1024);
		check_ring_works(&ring);
		xu_queue_exit(&ring);
	}
}

/* A queue larger than allowed is made as large as allowed, and is still the best ring. */
static void too_large(void)
{
	struct xu_ring ring;
	int ret = xu_queue_init_best(1000000, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);

	check_case = "too large";
	if (ret == -ENOMEM || !kernel_is(5, 6))
		return;
	CHECK_EQ(ret, 0);
	CHECK_EQ(ring.sq.entries, 32768);
	CHECK_EQ(ring.cq.entries, 65536);
	if (kernel_is(6, 9)) {
		CHECK(has(&ring, "no-sqarray"));
		CHECK(has(&ring, "defer-taskrun"));
		CHECK_STR(xu_ring_visibility(&ring), "invisible");
	}
	check_ring_works(&ring);
	xu_queue_exit(&ring);
}

/* Many rings in one thread: all work, none takes a number that the program would get. */
static void many(void)
{
	static struct xu_ring ring[MANY];
	char before[4096], after[4096];
	int fd = lowest_free_fd();

	check_case = "many rings";
	list_fds(before, sizeof(before));
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(xu_queue_init_best(8, &ring[i], XU_WANT_HIDDEN | XU_WANT_SINGLE, 0), 0);
		CHECK_NE(strcmp(xu_ring_visibility(&ring[i]), "fd"), 0);
		CHECK_EQ(lowest_free_fd(), fd);
	}
	if (kernel_is(6, 5)) {
		CHECK_STR(xu_ring_visibility(&ring[0]), "invisible");
		CHECK_STR(xu_ring_visibility(&ring[MANY - 1]), "hidden-fd");
		CHECK_GE(ring[MANY - 1].ring_fd, 256);
	}
	for (int i = 0; i < MANY; i++)
		check_ring_works(&ring[i]);
	for (int i = 0; i < MANY; i++)
		xu_queue_exit(&ring[i]);
	list_fds(after, sizeof(after));
	CHECK_STR(after, before);
}

int main(void)
{
	need_ring();
	each_wish();
	with_extra();
	too_large();
	many();
	return 0;
}
