/*
 * The cost of the ring itself: operations that do nothing, and short reads, by the core and by liburing.
 *
 * Both get the best ring that they can make on this kernel, in one process, and run in turns. xuring.h comes first:
 * it brings the kernel's structs, and liburing's copy of them then stands back.
 *
 *     nop-liburing SECONDS              the figures
 *     nop-liburing run SIDE COUNT       one side alone, COUNT times (scripts/bench counts its instructions)
 *
 * What the libraries cost without the kernel is measured on queues in plain memory: what is prepared is taken to be
 * submitted, and as many completions lie ready.
 */
#include "bench.h"
#include "xuring.h"

#include <liburing.h>

enum { DEPTH = 32 };

/* liburing's best ring: newest flags first, as the core's ladder does. What its own code must know, it adds itself. */
static void best_liburing(struct io_uring *ring)
{
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
		0,
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!io_uring_queue_init(DEPTH, ring, flags[i])) {
			io_uring_register_ring_fd(ring);
			return;
		}
	fputs("nop: liburing can make no ring\n", stderr);
	exit(77);
}

_Noreturn static void wrong(const char *who)
{
	fprintf(stderr, "nop: %s has no entry, or lost a completion\n", who);
	exit(1);
}

static void core_one(void *arg, unsigned count)
{
	struct xu_ring *ring = arg;
	struct io_uring_cqe *cqe;

	for (unsigned i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = xu_get_sqe(ring);

		if (!sqe)
			wrong("core");
		xu_prep_nop(sqe);
		xu_sqe_set_data64(sqe, i);
		if (xu_submit_and_wait(ring, 1) != 1 || xu_peek_cqe(ring, &cqe) ||
		    xu_cqe_get_data64(cqe) != i)
			wrong("core");
		xu_cqe_seen(ring, cqe);
	}
}

static void liburing_one(void *arg, unsigned count)
{
	struct io_uring *ring = arg;
	struct io_uring_cqe *cqe;

	for (unsigned i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

		if (!sqe)
			wrong("liburing");
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, i);
		if (io_uring_submit_and_wait(ring, 1) != 1 || io_uring_peek_cqe(ring, &cqe) ||
		    io_uring_cqe_get_data64(cqe) != i)
			wrong("liburing");
		io_uring_cqe_seen(ring, cqe);
	}
}

static void core_batch(void *arg, unsigned count)
{
	struct xu_ring *ring = arg;
	struct io_uring_cqe *cqe;
	unsigned head;

	for (unsigned i = 0; i < count; i++) {
		unsigned seen = 0;

		for (unsigned k = 0; k < DEPTH; k++) {
			struct io_uring_sqe *sqe = xu_get_sqe(ring);

			if (!sqe)
				wrong("core");
			xu_prep_nop(sqe);
			xu_sqe_set_data64(sqe, k);
		}
		if (xu_submit_and_wait(ring, DEPTH) != DEPTH)
			wrong("core");
		xu_for_each_cqe(ring, head, cqe)
			seen += xu_cqe_get_data64(cqe) == seen;
		if (seen != DEPTH)
			wrong("core");
		xu_cq_advance(ring, seen);
	}
}

static void liburing_batch(void *arg, unsigned count)
{
	struct io_uring *ring = arg;
	struct io_uring_cqe *cqe;
	unsigned head;

	for (unsigned i = 0; i < count; i++) {
		unsigned seen = 0;

		for (unsigned k = 0; k < DEPTH; k++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

			if (!sqe)
				wrong("liburing");
			io_uring_prep_nop(sqe);
			io_uring_sqe_set_data64(sqe, k);
		}
		if (io_uring_submit_and_wait(ring, DEPTH) != DEPTH)
			wrong("liburing");
		io_uring_for_each_cqe(ring, head, cqe)
			seen += io_uring_cqe_get_data64(cqe) == seen;
		if (seen != DEPTH)
			wrong("liburing");
		io_uring_cq_advance(ring, seen);
	}
}

/* Reads of 4 KiB each, 32 in one enter, from a file in the page cache. */
static char blocks[DEPTH][4096];
static int file;

static void make_file(void)
{
	FILE *f = tmpfile();

	if (!f || fwrite(blocks, sizeof(blocks), 1, f) != 1 || fflush(f))
		die("tmpfile");
	file = fileno(f);
}

static void core_read(void *arg, unsigned count)
{
	struct xu_ring *ring = arg;
	struct io_uring_cqe *cqe;
	unsigned head;

	for (unsigned i = 0; i < count; i++) {
		unsigned seen = 0;

		for (unsigned k = 0; k < DEPTH; k++) {
			struct io_uring_sqe *sqe = xu_get_sqe(ring);

			if (!sqe)
				wrong("core");
			xu_prep_read(sqe, file, blocks[k], sizeof(blocks[k]), k * sizeof(blocks[k]));
			xu_sqe_set_data64(sqe, k);
		}
		if (xu_submit_and_wait(ring, DEPTH) != DEPTH)
			wrong("core");
		xu_for_each_cqe(ring, head, cqe)
			seen += cqe->res == (int)sizeof(blocks[0]);
		if (seen != DEPTH)
			wrong("core");
		xu_cq_advance(ring, seen);
	}
}

static void liburing_read(void *arg, unsigned count)
{
	struct io_uring *ring = arg;
	struct io_uring_cqe *cqe;
	unsigned head;

	for (unsigned i = 0; i < count; i++) {
		unsigned seen = 0;

		for (unsigned k = 0; k < DEPTH; k++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

			if (!sqe)
				wrong("liburing");
			io_uring_prep_read(sqe, file, blocks[k], sizeof(blocks[k]),
					   k * sizeof(blocks[k]));
			io_uring_sqe_set_data64(sqe, k);
		}
		if (io_uring_submit_and_wait(ring, DEPTH) != DEPTH)
			wrong("liburing");
		io_uring_for_each_cqe(ring, head, cqe)
			seen += cqe->res == (int)sizeof(blocks[0]);
		if (seen != DEPTH)
			wrong("liburing");
		io_uring_cq_advance(ring, seen);
	}
}

/* Reads of 4 KiB, as prepared and reaped by the library; nothing is done. */
static char block[4096];
static struct io_uring_sqe sqes[DEPTH];
static struct io_uring_cqe cqes[2 * DEPTH];
static unsigned sq_head[2], sq_tail[2], sq_flags, cq_head, cq_tail;

static void core_alone(void *arg, unsigned count)
{
	struct xu_ring *ring = arg;
	struct io_uring_cqe *cqe;
	unsigned head;

	for (unsigned i = 0; i < count; i++) {
		unsigned seen = 0;

		for (unsigned k = 0; k < DEPTH; k++) {
			struct io_uring_sqe *sqe = xu_get_sqe(ring);

			if (!sqe)
				wrong("core");
			xu_prep_read(sqe, 3, block, sizeof(block), k);
			xu_sqe_set_data64(sqe, k);
		}
		XU_STORE_RELEASE(&sq_tail[0], ring->sq.tail);
		XU_STORE_RELEASE(&sq_head[0], ring->sq.tail);
		XU_STORE_RELEASE(&cq_tail, cq_tail + DEPTH);
		xu_for_each_cqe(ring, head, cqe)
			seen += xu_cqe_get_data64(cqe) == 0;
		xu_cq_advance_to(ring, head);
		if (seen != DEPTH)
			wrong("core");
	}
}

static void liburing_alone(void *arg, unsigned count)
{
	struct io_uring *ring = arg;
	struct io_uring_cqe *cqe;
	unsigned head;

	for (unsigned i = 0; i < count; i++) {
		unsigned seen = 0;

		for (unsigned k = 0; k < DEPTH; k++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

			if (!sqe)
				wrong("liburing");
			io_uring_prep_read(sqe, 3, block, sizeof(block), k);
			io_uring_sqe_set_data64(sqe, k);
		}
		XU_STORE_RELEASE(&sq_tail[1], ring->sq.sqe_tail);
		XU_STORE_RELEASE(&sq_head[1], ring->sq.sqe_tail);
		XU_STORE_RELEASE(&cq_tail, cq_tail + DEPTH);
		io_uring_for_each_cqe(ring, head, cqe) {
			seen += io_uring_cqe_get_data64(cqe) == 0;
		}
		io_uring_cq_advance(ring, seen);
		if (seen != DEPTH)
			wrong("liburing");
	}
}

/* Queues that no kernel knows. */
static struct xu_ring core_queues = {
	.sq = {.khead = &sq_head[0],
	       .ktail = &sq_tail[0],
	       .kflags = &sq_flags,
	       .sqes = sqes,
	       .mask = DEPTH - 1,
	       .entries = DEPTH},
	.cq = {.khead = &cq_head,
	       .ktail = &cq_tail,
	       .cqes = cqes,
	       .mask = 2 * DEPTH - 1,
	       .entries = 2 * DEPTH},
};
static struct io_uring liburing_queues = {
	.sq = {.khead = &sq_head[1],
	       .ktail = &sq_tail[1],
	       .kflags = &sq_flags,
	       .sqes = sqes,
	       .ring_mask = DEPTH - 1,
	       .ring_entries = DEPTH},
	.cq = {.khead = &cq_head,
	       .ktail = &cq_tail,
	       .cqes = cqes,
	       .ring_mask = 2 * DEPTH - 1,
	       .ring_entries = 2 * DEPTH},
};

/* One side alone. */
static int run_one(const char *side, unsigned count, struct xu_ring *ring, struct io_uring *uring)
{
	const struct side sides[] = {
		{"core-one", core_one, ring},
		{"core-batch", core_batch, ring},
		{"core-read", core_read, ring},
		{"core-alone", core_alone, &core_queues},
		{"liburing-one", liburing_one, uring},
		{"liburing-batch", liburing_batch, uring},
		{"liburing-read", liburing_read, uring},
		{"liburing-alone", liburing_alone, &liburing_queues},
	};

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
		if (!strcmp(sides[i].name, side)) {
			sides[i].block(sides[i].arg, count);
			return 0;
		}
	return 1;
}

int main(int argc, char **argv)
{
	double seconds = bench_seconds(argc, argv);
	struct io_uring uring;
	struct xu_ring ring;

	stay_on_one_cpu();
	best_liburing(&uring);
	if (xu_queue_init_best(DEPTH, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0)) {
		fputs("nop: the core can make no ring\n", stderr);
		return 77;
	}
	make_file();
	if (argc == 4 && !strcmp(argv[1], "run"))
		return run_one(argv[2], (unsigned)atoi(argv[3]), &ring, &uring);
	measure(&(struct figure){.suite = "nop",
				 .name = "NOP round trip",
				 .base = {"liburing", liburing_one, &uring},
				 .other = {"core", core_one, &ring},
				 .per_block = 500,
				 .ops = 1,
				 .alone = true},
		seconds);
	measure(&(struct figure){.suite = "nop",
				 .name = "NOP, 32 in one enter",
				 .base = {"liburing", liburing_batch, &uring},
				 .other = {"core", core_batch, &ring},
				 .per_block = 40,
				 .ops = DEPTH,
				 .alone = true},
		seconds);
	measure(&(struct figure){.suite = "nop",
				 .name = "read of 4 KiB, 32 in one",
				 .base = {"liburing", liburing_read, &uring},
				 .other = {"core", core_read, &ring},
				 .per_block = 20,
				 .ops = DEPTH,
				 .alone = true},
		seconds);
	measure(&(struct figure){.suite = "nop",
				 .name = "library alone, an op",
				 .base = {"liburing", liburing_alone, &liburing_queues},
				 .other = {"core", core_alone, &core_queues},
				 .per_block = 100,
				 .ops = DEPTH,
				 .alone = true},
		seconds);
	xu_queue_exit(&ring);
	io_uring_queue_exit(&uring);
	return 0;
}
