/*
 * The scout in one file: what is asked for ahead of reads in equal steps. The file that does it is compiled in; what it asks
 * of the queue is noted here.
 */
#include "shim/engine/scout_seq.c" // NOLINT(bugprone-suspicious-include)
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 64 << 20, EACH = 4096, FAR = 1 << 18 };

struct scout *scout;
struct score score;
static struct xu_config config;
static unsigned asked;
static int64_t first, last;

const struct xu_config *process_config(void)
{
	return &config;
}

uint64_t scout_now(void)
{
	return 1;
}

bool dir_on_fuse(int fd)
{
	(void)fd;
	return false;
}

bool queue_advise(int fd, int64_t offset, unsigned len)
{
	(void)fd;
	CHECK_EQ(len, EACH);
	if (!asked++)
		first = offset;
	last = offset;
	return true;
}

bool queue_open_own(int fd)
{
	(void)fd;
	return false;
}

void queue_close_own(void) {}

void queue_submit(void) {}

void queue_reap(uint64_t now)
{
	(void)now;
}

/* Reads at steps `from` to `to` of `stride` bytes; those before the last one do not wait, but for the very first. */
static void steps(int fd, int from, int to, int64_t stride)
{
	asked = 0;
	seq_forget();
	for (int i = from; i <= to; i++) {
		CHECK_EQ(asked, 0);
		seq_read(fd, SIZE / 2 + i * stride, EACH, i == from || i == to);
	}
}

int main(void)
{
	int fd;

	scout = calloc(1, sizeof(*scout));
	CHECK(scout);
	scratch();
	fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK_GE(fd, 0);
	CHECK_EQ(ftruncate(fd, SIZE), 0);

	/* The second wait may come as soon as the steps are believed in, or long after. */
	for (int n = 3; n < 20; n++) {
		steps(fd, 0, n, FAR);
		CHECK_EQ(asked, FIRST_STEPS);
		CHECK_EQ(first, SIZE / 2 + (n + 1) * (int64_t)FAR);
		CHECK_EQ(last, SIZE / 2 + (n + FIRST_STEPS) * (int64_t)FAR);
		steps(fd, 0, n, -FAR);
		CHECK_EQ(asked, FIRST_STEPS);
		CHECK_EQ(last, SIZE / 2 - (n + FIRST_STEPS) * (int64_t)FAR);
	}
	/* Another step begins anew. */
	steps(fd, 0, 5, FAR);
	asked = 0;
	for (int i = 1; i < 3; i++)
		seq_read(fd, (int64_t)FAR * i * 3, EACH, true);
	CHECK_EQ(asked, 0);
	for (int i = 3; i < 5; i++)
		seq_read(fd, (int64_t)FAR * i * 3, EACH, true);
	CHECK_EQ(first, FAR * 15);
	free(scout);
	return 0;
}
