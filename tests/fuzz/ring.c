/*
 * libFuzzer: sequences of entries, valid and not, linked, drained, cancelled; each completion is accounted for once.
 *
 * An input is a row of steps on one of a few rings. A step prepares an entry (its op, fd, flags and odd words from the
 * input), hands over what is prepared, reaps, or feeds a pipe and a socket that others wait on. Each entry has a ticket
 * of its own. At the end of an input everything is cancelled, and everything must have ended: each ticket by exactly one
 * completion without IORING_CQE_F_MORE, none by a completion that nobody waits for. Entries that may succeed in silence
 * (IOSQE_CQE_SKIP_SUCCESS) may stay out. Rings outlive inputs, so what one leaves behind, the next one finds.
 *
 * Sends without copying are left out: one that drains, or stands behind one that does, waits for its own notification,
 * for ever (seen with 6.18).
 *
 * All memory that entries point to is static: the kernel may write to it as late as it likes.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xuring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, which older headers lack. */
#define FUTEX_U32 (2u | 128u)

#define LINKS (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)

enum { ENTRIES = 16, OPEN_MAX_AT_ONCE = 512, ROOM = 256 };

/* An entry in flight; silent: it may end without a completion. */
struct entry {
	bool silent;
	unsigned op;
	struct iovec iov;
	struct xu_timespec ts;
	char memory[ROOM];
};

/* The first half may have entries that succeed in silence, the others have such as drain. */
static struct xu_ring rings[8];
static struct xu_ring *ring;
static int files[8]; /* what entries work on; some of them are no fds */
static struct entry entries[OPEN_MAX_AT_ONCE];
static struct xu_ticket_slot slots[OPEN_MAX_AT_ONCE];
static struct xu_tickets tickets;
static uint32_t futex;
static unsigned waits_for; /* the op of an entry that has not ended */

static bool drains; /* is it one of these? What drains is felt by the next entry, be it of another input: it waits */
static const uint8_t *in, *in_end;

/* The next byte of the input, 0 after its end. */
static unsigned byte(void)
{
	return in < in_end ? *in++ : 0;
}

_Noreturn static void broken(const char *what, uint64_t value)
{
	fprintf(stderr, "ring: %s: %llx\n", what, (unsigned long long)value);
	abort();
}

static void set_up(void)
{
	static const unsigned flags[] = {0, 0, IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
					 IORING_SETUP_CQE_MIXED};
	int pipes[2], sockets[2];

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (xu_queue_init_best(ENTRIES, &rings[i],
				       i % 4 ? XU_WANT_HIDDEN | XU_WANT_SINGLE : 0, flags[i % 4]))
			memset(&rings[i], 0, sizeof(rings[i]));
	if (pipe2(pipes, O_NONBLOCK) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		abort();
	files[0] = pipes[0];
	files[1] = pipes[1];
	files[2] = sockets[0];
	files[3] = sockets[1];
	files[4] = eventfd(0, EFD_NONBLOCK);
	files[5] = memfd_create("ring", 0);
	files[6] = -1;
	files[7] = 9999;
	if (files[4] < 0 || files[5] < 0)
		abort();
	xu_tickets_init(&tickets, slots, OPEN_MAX_AT_ONCE);
}

/* A completion: its ticket is good, and given back by the last of its entry. */
static void account(const struct io_uring_cqe *cqe)
{
	if (!xu_tickets_valid(&tickets, cqe->user_data)) {
		uint32_t index = xu_ticket_index(cqe->user_data);

		fprintf(stderr, "ring: result %d, flags %x; of op %u\n", cqe->res, cqe->flags,
			index < OPEN_MAX_AT_ONCE ? entries[index].op : 255u);
		broken("a completion that nobody waits for", cqe->user_data);
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		xu_tickets_give_back(&tickets, cqe->user_data);
}

/* Take what is there, in one of three ways. */
static void reap(unsigned how)
{
	struct io_uring_cqe *cqe, *batch[8];
	unsigned head, n;

	if (how % 3 == 0) {
		while (!xu_peek_cqe(ring, &cqe)) {
			account(cqe);
			xu_cqe_seen(ring, cqe);
		}
	} else if (how % 3 == 1) {
		xu_for_each_cqe(ring, head, cqe)
			account(cqe);
		xu_cq_advance_to(ring, head);
	} else {
		n = xu_peek_batch_cqe(ring, batch, 8);
		for (unsigned i = 0; i < n; i++) {
			cqe = xu_cq_front(ring);
			if (cqe != batch[i])
				broken("a batch out of order", i);
			account(cqe);
			xu_cqe_seen(ring, cqe);
		}
	}
}

/* Hand over what is prepared. A bad entry stops those behind it, on older rings, so again and again. */
static void submit(void)
{
	for (int i = 0; i < 4 * ENTRIES && xu_sq_ready(ring); i++) {
		int ret = xu_submit(ring);

		if (ret < 0 && ret != -EAGAIN && ret != -EBUSY && ret != -EINTR)
			broken("submit", (uint64_t)-ret);
		if (ret < 0)
			reap(0);
	}
}

/* A ticket that may be out, or not. */
static uint64_t some_ticket(void)
{
	uint32_t index = byte() % 64;

	return xu_ticket(index, slots[index].generation);
}

static void prepare_op(struct io_uring_sqe *sqe, struct entry *e, int fd)
{
	unsigned len = byte(), more = byte();

	e->ts.tv_sec = more & 1;
	e->ts.tv_nsec = 100000 + 1000 * (int)len;
	e->iov = (struct iovec){e->memory, len};
	switch (byte() % 23) {
	case 0: xu_prep_nop(sqe); break;
	case 1: xu_prep_read(sqe, fd, e->memory, len, more & 1 ? (uint64_t)-1 : more); break;
	case 2: xu_prep_write(sqe, fd, e->memory, len, more & 1 ? (uint64_t)-1 : more); break;
	case 3: xu_prep_readv(sqe, fd, &e->iov, 1, more); break;
	case 4: xu_prep_writev(sqe, fd, &e->iov, 1, more); break;
	case 5: xu_prep_poll_add(sqe, fd, more & 1 ? POLLIN : POLLPRI); break;
	case 6: xu_prep_poll_multishot(sqe, fd, POLLIN); break;
	case 7: xu_prep_poll_remove(sqe, some_ticket()); break;
	case 8:
		xu_prep_timeout(sqe, &e->ts, more % 4, more & 8 ? IORING_TIMEOUT_MULTISHOT : 0);
		break;
	case 9: xu_prep_timeout_remove(sqe, some_ticket(), 0); break;
	case 10: xu_prep_timeout_update(sqe, &e->ts, some_ticket(), 0); break;
	case 11: xu_prep_link_timeout(sqe, &e->ts, 0); break;
	case 12:
		xu_prep_cancel64(sqe, some_ticket(), more & 1 ? IORING_ASYNC_CANCEL_ALL : 0);
		break;
	case 13: xu_prep_cancel_fd(sqe, fd, more & 1 ? IORING_ASYNC_CANCEL_ALL : 0); break;
	case 14: xu_prep_recv(sqe, fd, e->memory, len, more & 1 ? MSG_DONTWAIT : 0); break;
	case 15: xu_prep_recv_multishot(sqe, fd, NULL, 0, 0); break;
	case 16: xu_prep_send(sqe, fd, e->memory, len, MSG_DONTWAIT); break;
	case 17: xu_prep_fsync(sqe, fd, more & 1 ? IORING_FSYNC_DATASYNC : 0); break;
	case 18: xu_prep_splice(sqe, files[0], -1, files[5], 0, len, 0); break;
	case 19: xu_prep_futex_wait(sqe, &futex, more & 1, 1, FUTEX_U32, 0); break;
	case 20: xu_prep_futex_wake(sqe, &futex, len, 1, FUTEX_U32, 0); break;
	case 21: xu_prep_provide_buffers(sqe, e->memory, ROOM / 4, 4, 1, 0); break;
	default:
		/* An op that no kernel has. */
		xu_prep_rw(200 + (int)(more % 55), sqe, fd, e->memory, len, more);
	}
}

/* Prepare an entry. Now and then one of its words is nonsense. */
static void prepare(void)
{
	static bool linked; /* to the entry before */
	unsigned flags = byte(), odd = byte();
	struct io_uring_sqe *sqe;
	uint64_t ticket;
	struct entry *e;

	if (tickets.used == OPEN_MAX_AT_ONCE)
		return;
	if (!xu_sq_space_left(ring))
		submit();
	sqe = xu_get_sqe(ring);
	if (!sqe)
		return;
	ticket = xu_tickets_take(&tickets, &entries[tickets.free]);
	e = xu_tickets_owner(&tickets, ticket);
	prepare_op(sqe, e, files[byte() % 8]);
	xu_sqe_set_data64(sqe, ticket);
	/* Beside what the preparation set; no registered files, which there are none of, but now and then. */
	e->op = sqe->opcode;
	sqe->flags |= flags & (IOSQE_IO_DRAIN | LINKS | IOSQE_ASYNC | IOSQE_CQE_SKIP_SUCCESS);
	if (odd == 1)
		sqe->flags |= IOSQE_FIXED_FILE;
	else if (odd == 2)
		sqe->flags |= IOSQE_BUFFER_SELECT;
	else if (odd == 3)
		sqe->ioprio = 0xffff;
	else if (odd == 4)
		sqe->personality = 77;
	else if (odd == 5)
		sqe->flags |= 0x80;
	else if (odd == 6)
		sqe->addr3 = ~0ull;
	if (!drains)
		sqe->flags &= (uint8_t)~IOSQE_IO_DRAIN;
	/* A timeout that comes again and again has no place in a chain. */
	if (e->op == IORING_OP_TIMEOUT && sqe->timeout_flags & IORING_TIMEOUT_MULTISHOT) {
		sqe->flags &= (uint8_t)~LINKS;
		sqe->timeout_flags = linked ? 0 : IORING_TIMEOUT_MULTISHOT;
	}
	/*
	 * In a chain, silence spreads; and of what waits it can not be known whether it is over. So only what ends at once may
	 * be silent.
	 */
	if (linked || drains || sqe->flags & (LINKS | IOSQE_ASYNC) || e->op != IORING_OP_NOP)
		sqe->flags &= (uint8_t)~IOSQE_CQE_SKIP_SUCCESS;
	e->silent = sqe->flags & IOSQE_CQE_SKIP_SUCCESS;
	linked = sqe->flags & LINKS;
}

/* Are only such entries left as may have ended in silence? */
static bool all_accounted(void)
{
	for (uint32_t i = 0; i < OPEN_MAX_AT_ONCE; i++)
		if (slots[i].generation & 1 && !entries[i].silent) {
			waits_for = entries[i].op;
			return false;
		}
	return true;
}

/* Empty the pipe and the sockets. */
static void drink_up(void)
{
	char rest[4096];

	while (read(files[0], rest, sizeof(rest)) > 0)
		;
	while (recv(files[2], rest, sizeof(rest), MSG_DONTWAIT) > 0 ||
	       recv(files[3], rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
}

/* Cancel everything, until everything has ended: not by entries, which would wait behind those that drain. */
static void finish(void)
{
	struct io_uring_sync_cancel_reg all = {
		.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
		.timeout = {0, 10000000},
	};

	for (int tries = 0; tries < 500; tries++) {
		int ret;

		submit();
		drink_up();
		/* A timer that has gone off is out of reach until its completion is there: one that repeats, nearly always. */
		xu_get_events(ring);
		ret = xu_register_sync_cancel(ring, &all);
		xu_get_events(ring);
		reap(0);
		/* Also what may be silent is over when there is nothing left to cancel. */
		if (ret <= 0 && ret != -ETIME && all_accounted())
			break;
		if (tries == 499)
			broken("an entry that does not end, of op", waits_for);
		if (tries > 10)
			usleep(1000);
	}
	/* What is silent is over: wait for a completion of it that would be late, then forget it. */
	xu_get_events(ring);
	reap(0);
	for (uint32_t i = 0; i < OPEN_MAX_AT_ONCE; i++)
		if (slots[i].generation & 1)
			xu_tickets_give_back(&tickets, xu_ticket(i, slots[i].generation));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	unsigned first;

	if (!ready)
		set_up();
	ready = true;
	in = data;
	in_end = data + size;
	first = byte();
	ring = &rings[first % 8];
	drains = first & 4;
	/* Without 5.19 there is no cancelling of all. */
	if (!ring->live || xu_op_number("socket", 6) < 0 ||
	    !(ring->features & IORING_FEAT_LINKED_FILE))
		return 0;
	while (in < in_end) {
		unsigned step = byte();

		if (step % 8 < 5)
			prepare();
		else if (step % 8 == 5)
			submit();
		else if (step % 8 == 6)
			reap(step / 8);
		else if (write(files[1], "feeds", 5) < 0 ||
			 send(files[3], "feeds", 5, MSG_DONTWAIT) < 0)
			continue;
	}
	finish();
	return 0;
}
