/*
 * One file, read from end to end, or in equal steps.
 *
 *     0          pos                 pos + window
 *     |  read     |  asked for ahead  |                     |  size
 *
 *     |at|        |+1|        |+2|        |+3|        ...   |  by pread, or by lseek and read: a column, an index, backwards
 *
 * The kernel reads ahead by itself, but no further than its setting for the file system, 128 KiB for most that are far
 * away: one round trip for each. When two reads in a row had to wait, what follows is asked for as well, in a window
 * that doubles as long as the program keeps going. It goes into the page cache, and so changes nothing but the time.
 *
 * Asking takes no round trip, but time to find memory for the pages: workers of the ring do it, on the program's own fd.
 *
 * On FUSE, not so. There the kernel passes over what is asked for in advance while a few requests are on their way, if
 * the open file has been read from end to end before: a window for it is in the file. So the file is opened once more,
 * for us, and asked for by way of that. (That drops what is cached of it, on most such file systems; nothing is, yet.) What
 * is still on its way when the program closes the file keeps it open a little longer, and so does the kernel's own reading
 * ahead; but as this is more, it is for profile remote alone.
 */
#include <errno.h>

#include "shim/engine/scout.h"

enum {
	STEP = 128 * 1024, /* the most that the kernel takes in one call, on many file systems */
	FIRST_WINDOW = 1024 * 1024,
	QUICK = 64, /* reads in a row that did not wait, after which there is nothing to be done */
	SURE = 2,   /* equal steps in a row, before there are believed to be more */
	FIRST_STEPS = 8, /* so many are asked for; twice as many each time, up to */
	MOST_STEPS = 64,
	JUMPS = 32, /* steps that differ, after which there is no order */
};

static struct {
	int fd;		/* -1: none */
	unsigned slow;	/* reads that waited */
	unsigned quick; /* reads since the last that did */
	int64_t at;	/* where the last read began */
	int64_t pos;	/* behind it */
	int64_t ahead;	/* what has been asked for ends here */
	int64_t window;
	int64_t size;
	int64_t stride;	  /* from one read to the next, where that is not behind it */
	unsigned equal;	  /* steps of so much, in a row */
	unsigned jumps;	  /* steps of another */
	unsigned steps;	  /* to be asked for; 0: none of this length yet */
	int64_t ahead_at; /* the first step that has not been */
	bool fuse;
} seq = {.fd = -1};

bool seq_active(void)
{
	return seq.fd >= 0;
}

bool seq_pays(void)
{
	return seq.fd >= 0 && seq.slow >= 2;
}

void seq_forget(void)
{
	seq.fd = -1;
	if (scout)
		queue_close_own();
}

void seq_closes(int fd)
{
	if (fd == seq.fd)
		seq_forget();
}

/* Where the program is in the file. */
static int64_t position(int fd, int64_t offset, long n)
{
	return offset >= 0 ? offset + n : xu_sys(SYS_lseek, fd, 0, SEEK_CUR);
}

static void begin(int fd, int64_t pos, long n)
{
	struct stat st;

	/* Kernel structure and libc's are the same on what we build for; only the size is looked at. */
	if (pos < 0 || xu_sys(SYS_fstat, fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size - pos < 2 * STEP)
		return;
	seq_forget();
	seq.fd = fd;
	seq.slow = 1;
	seq.quick = 0;
	seq.at = pos - n;
	seq.pos = seq.ahead = pos;
	seq.stride = 0;
	seq.equal = seq.jumps = seq.steps = 0;
	seq.window = FIRST_WINDOW;
	seq.size = st.st_size;
	seq.fuse = dir_on_fuse(fd);
}

static void ask_ahead(void)
{
	int64_t most = (int64_t)process_config()->scout_bytes;
	int64_t end;

	if (seq.ahead < seq.pos)
		seq.ahead = seq.pos;
	if (seq.window > most)
		seq.window = most;
	if (seq.ahead >= seq.size || seq.pos + seq.window - seq.ahead < seq.window / 4)
		return;
	/* Opening it takes a round trip or two. */
	if (seq.fuse && seq.size - seq.ahead > FIRST_WINDOW)
		seq.fuse = scout->handoff && queue_open_own(seq.fd);
	end = seq.pos + seq.window < seq.size ? seq.pos + seq.window : seq.size;
	for (; seq.ahead < end && queue_advise(seq.fd, seq.ahead, STEP); seq.ahead += STEP)
		score.seq_bytes += STEP;
	queue_submit();
	queue_reap(scout_now());
	if (seq.ahead >= seq.size)
		queue_close_own();
	seq.window *= 2;
}

/* Ask for the next steps. */
static void ask_steps(long n)
{
	int64_t to;

	if (!seq.steps) {
		seq.steps = FIRST_STEPS;
		seq.ahead_at = seq.at + seq.stride;
	} else if ((seq.ahead_at - seq.at) / seq.stride > (int64_t)seq.steps / 2) {
		return;
	} else if (seq.steps < MOST_STEPS) {
		seq.steps *= 2;
	}
	to = seq.at + (seq.steps + 1) * seq.stride;
	for (; seq.ahead_at != to && seq.ahead_at >= 0 && seq.ahead_at < seq.size &&
	       queue_advise(seq.fd, seq.ahead_at, (unsigned)n);
	     seq.ahead_at += seq.stride)
		score.seq_bytes += (unsigned)n;
	queue_submit();
	queue_reap(scout_now());
}

/* The program read elsewhere: a step as long as the last? */
static void jumped(int64_t at, long n)
{
	int64_t stride = at - seq.at;

	if (stride == seq.stride) {
		seq.equal++;
	} else {
		seq.equal = seq.steps = 0;
		seq.jumps++;
	}
	seq.stride = stride;
	seq.at = at;
	seq.pos = at + n;
	if (seq.jumps > JUMPS || seq.quick > QUICK)
		seq_forget();
	else if (stride && seq.equal >= SURE && seq.slow >= 2 && scout)
		ask_steps(n < STEP ? n : STEP);
}

/* Where a read of the file began. To ask for the position is cheap, but not nothing. */
static int64_t began_at(int fd, int64_t offset, long n, bool waited)
{
	if (offset >= 0)
		return offset;
	return waited || seq.stride ? position(fd, offset, n) - n : seq.pos;
}

void seq_read(int fd, int64_t offset, long n, bool waited)
{
	int64_t at;

	if (fd != seq.fd) {
		if (waited && n > 0)
			begin(fd, position(fd, offset, n), n);
		return;
	}
	if (n <= 0) {
		seq_forget();
		return;
	}
	seq.quick = waited ? 0 : seq.quick + 1;
	seq.slow += waited;
	at = began_at(fd, offset, n, waited);
	if (at != seq.pos) {
		jumped(at, n);
		return;
	}
	seq.at = at;
	seq.pos += n;
	seq.stride = 0;
	if (seq.slow >= 2 && scout)
		ask_ahead();
	else if (seq.quick > QUICK)
		seq_forget();
}
