/*
 * Slots: all that may wait for a disk.
 *
 * Each slot has a buffer, which is registered with the ring where that is allowed, and at most one entry in flight. A slot
 * opens the next file, or takes the next block of a large file that is open already; it reads a piece, writes it to the
 * same place, and goes on until the block, or the file, is done:
 *
 *     the tree --> OPEN --> READ --> WRITE --> (the rest of the block) --> next block, next file, or idle
 *
 * Slots do not wait for each other, so small files are opened, read and written many at a time, and a large one by many
 * slots. What can only be read or written in order (a pipe, a terminal) has one slot. Of a file with holes the data alone
 * are read: what is never written is a hole again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/examples/xu-cp/xu-cp.h"
#include "xuring.h"

#define BLOCK (128 * 1024)
#define HERE ((uint64_t)-1) /* at the file's own position */

enum step { IDLE, OPEN, BEGIN, READ, WRITE };

/* One entry's worth of work. */
struct slot {
	struct file *file;
	enum step step;
	uint64_t offset;  /* of the block in the file */
	unsigned length;  /* of the block */
	unsigned done;	  /* bytes of it that are copied */
	unsigned size;	  /* bytes in the buffer */
	unsigned written; /* bytes of those that are written */
};

static struct xu_ring ring;
static struct slot slots[SLOTS];
static struct file files[SLOTS];
static char memory[SLOTS][BLOCK];
static bool fixed;	   /* is the memory registered? */
static struct file *large; /* those with blocks to give away */
static unsigned in_flight;

/* What was a file in a list of names must still be one, and no link, when it is opened. */
static int no_follow(const struct file *f)
{
	return f->dir && options.follow != FOLLOW_ALL ? O_NOFOLLOW : 0;
}

/* Queue what a slot has to do next. */
static void put(struct slot *s)
{
	struct io_uring_sqe *sqe = xu_get_sqe(&ring);
	int index = (int)(s - slots);
	struct file *f = s->file;
	uint64_t at = s->offset + s->done;

	if (!sqe)
		abort(); /* a slot has no more than one entry, and there is room for that */
	if (s->step == OPEN)
		xu_prep_openat(sqe, AT_FDCWD, f->from, O_RDONLY | O_CLOEXEC | no_follow(f), 0);
	else if (s->step == READ && fixed && !f->in_order)
		xu_prep_read_fixed(sqe, f->in, memory[index], s->length - s->done, at, index);
	else if (s->step == READ)
		xu_prep_read(sqe, f->in, memory[index], s->length - s->done, f->in_order ? HERE : at);
	else if (fixed && !f->in_order)
		xu_prep_write_fixed(sqe, f->out, memory[index] + s->written, s->size - s->written,
				    at + s->written, index);
	else
		xu_prep_write(sqe, f->out, memory[index] + s->written, s->size - s->written,
			      f->in_order ? HERE : at + s->written);
	xu_sqe_set_data64(sqe, (uint64_t)index);
	in_flight++;
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

/* No more blocks of this one for others. */
static void withdraw(struct file *f)
{
	struct file **p = &large;

	while (*p && *p != f)
		p = &(*p)->next;
	if (*p)
		*p = f->next;
}

/* Past a hole, to where the next data begin and where they end. */
static void skip_hole(struct file *f)
{
	off_t data = lseek(f->in, (off_t)f->given, SEEK_DATA), hole;

	if (data < 0 && errno == ENXIO) {
		f->given = f->size;
		return;
	}
	hole = data < 0 ? -1 : lseek(f->in, data, SEEK_HOLE);
	if (hole < 0) {
		f->sparse = false; /* a file system that does not tell */
		return;
	}
	f->given = (uint64_t)data;
	f->data_end = (uint64_t)hole;
}

/* Give a slot the next block of its file. False: there is none. */
static bool next_block(struct slot *s)
{
	struct file *f = s->file;

	if (f->sparse && f->given >= f->data_end && f->given < f->size)
		skip_hole(f);
	/* The size is a hint: of an empty file, too, a block is read, and the last one goes on (go_on). */
	if (f->failed || f->at_end || (!f->in_order && f->given && f->given >= f->size))
		return false;
	s->offset = f->given;
	s->length = BLOCK;
	if (f->sparse && f->data_end - f->given < BLOCK)
		s->length = (unsigned)(f->data_end - f->given);
	s->done = 0;
	s->step = READ;
	f->given += s->length;
	put(s);
	return true;
}

/* A slot leaves its file; with the last one the file is done. */
static void leave(struct slot *s)
{
	struct file *f = s->file;

	s->step = IDLE;
	s->file = NULL;
	if (--f->slots)
		return;
	withdraw(f);
	end_file(f);
	leave_directory(f->dir);
}

/* The block is done. The last one goes on until a read finds the end: the file may be longer than it said. */
static void go_on(struct slot *s)
{
	struct file *f = s->file;

	if (s->done < s->length) {
		s->step = READ;
		put(s);
	} else if (f->in_order || f->sparse || f->failed || f->at_end ||
		   s->offset + s->length < f->size) {
		if (!next_block(s))
			leave(s);
	} else {
		s->offset += s->length;
		s->length = BLOCK;
		s->done = 0;
		s->step = READ;
		put(s);
	}
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

/* The source is open: go on with the first block. Its other blocks are for whoever has nothing to do. */
static void begin(struct slot *s)
{
	struct file *f = s->file;
	enum begun begun = begin_file(f, files);

	s->step = BEGIN;
	if (begun == BUSY)
		return;
	if (begun == DONE) {
		leave(s);
		return;
	}
	progress.known += f->size;
	progress.files++;
	if (!f->in_order && f->size > BLOCK) {
		f->next = large;
		large = f;
	}
	if (!next_block(s))
		leave(s);
}

/* Find work for a slot that has none. */
static void employ(struct slot *s)
{
	struct file *f = files;

	while (large && (large->failed || large->at_end || large->given >= large->size))
		withdraw(large);
	if (large) {
		s->file = large;
		large->slots++;
		if (!next_block(s))
			leave(s);
		return;
	}
	/* There are as many as slots. */
	while (f->slots)
		f++;
	if (!next_file(f))
		return;
	f->in = f->out = -1;
	f->given = f->data_end = 0;
	f->at_end = f->failed = false;
	f->slots = 1;
	s->file = f;
	s->step = OPEN;
	put(s);
}

/* A file has failed: say so, once. */
static void fail(struct slot *s, int error)
{
	struct file *f = s->file;

	if (!f->failed && s->step == OPEN)
		complain(error, "cannot open '%s' for reading", f->from);
	else if (!f->failed && s->step == READ)
		complain(error, "error reading '%s'", f->from);
	else if (!f->failed)
		complain(error, "error writing '%s'", f->to);
	f->failed = true;
	leave(s);
}

/* A slot's entry has ended with `res`. */
static void advance(struct slot *s, int res)
{
	struct file *f = s->file;

	if (res == -EINTR || res == -EAGAIN) {
		put(s);
	} else if (res < 0 || (res == 0 && s->step == WRITE)) {
		fail(s, res ? -res : EIO);
	} else if (s->step == OPEN) {
		f->in = res;
		begin(s);
	} else if (s->step == READ && res == 0) {
		f->at_end = true;
		leave(s);
	} else if (s->step == READ) {
		s->step = WRITE;
		s->size = (unsigned)res;
		s->written = 0;
		put(s);
	} else {
		s->written += (unsigned)res;
		progress.bytes += (unsigned)res;
		if (s->written < s->size) {
			put(s);
		} else {
			s->done += s->size;
			go_on(s);
		}
	}
}

/* ---- All of it -------------------------------------------------------------------------------------------------- */

/* Pin the slots' memory: not every user may pin so much, and it goes without. */
static void pin(unsigned depth)
{
	struct iovec iovecs[SLOTS];

	for (unsigned i = 0; i < depth; i++)
		iovecs[i] = (struct iovec){memory[i], BLOCK};
	fixed = xu_register_buffers(&ring, iovecs, depth) == 0;
}

/* Let those begin that can. */
static void employ_all(unsigned depth)
{
	for (unsigned i = 0; i < depth; i++) {
		if (slots[i].step == BEGIN)
			begin(&slots[i]);
		if (slots[i].step == IDLE)
			employ(&slots[i]);
	}
}

/* Go on as long as there is something to do. 0 or -errno of the ring. */
static int work(unsigned depth)
{
	while (employ_all(depth), in_flight) {
		struct io_uring_cqe *cqe;
		int ret = xu_submit_and_wait(&ring, 1);

		if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
			return ret;
		while ((cqe = xu_cq_front(&ring))) {
			struct slot *s = &slots[cqe->user_data];
			int res = cqe->res;

			xu_cqe_seen(&ring, cqe);
			in_flight--;
			advance(s, res);
		}
		show_progress();
	}
	return 0;
}

bool copy(unsigned depth)
{
	int ret = xu_queue_init_best(SLOTS, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);

	if (ret) {
		complain(-ret, "no io_uring");
		return false;
	}
	pin(depth);
	begin_progress();
	ret = work(depth);
	if (ret)
		complain(-ret, "ring");
	end_progress();
	xu_queue_exit(&ring);
	return !ret;
}
