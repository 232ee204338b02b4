/* What the kernel refuses: requests, memory, and more than there is room for. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "aio-linux.h"

void case_errors(void)
{
	aio_context_t ctx = context(8), none = 0;
	int cold = open_cold(O_RDONLY), out = open_file(O_WRONLY);
	struct iocb cb = request(IOCB_CMD_PREAD, cold, 0, 9), other = cb,
		    *list[3] = {&cb, &other, (struct iocb *)8};
	struct io_event event;
	struct timespec nothing = {0, 0};

	show("io_setup of none", io_setup(0, &none));
	show("io_setup again", io_setup(8, &ctx));
	show("no context", io_submit(0x1000, 1, list));
	show("less than none", io_submit(ctx, -1, list));
	show("none", io_submit(ctx, 0, list));
	show("a bad list", io_submit(ctx, 1, (struct iocb **)8));
	show("a bad request at the end", io_submit(ctx, 3, list));
	show("events", io_getevents(ctx, 2, 2, (struct io_event[2]){{0}}, NULL));
	show("a bad request", io_submit(ctx, 1, list + 2));
	cb.aio_fildes = 12345;
	show("a bad fd", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, out, 0, 0);
	show("not for reading", io_submit(ctx, 1, list));
	cb = request(77, cold, 0, 0);
	show("a bad opcode", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, cold, 0, -1);
	show("a negative offset", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, cold, 0, 0);
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = (uint32_t)out;
	show("no eventfd", io_submit(ctx, 1, list));
	cb = request(IOCB_CMD_PREAD, cold, 0, 100);
	cb.aio_buf = 8;
	show("a bad buffer", io_submit(ctx, 1, list));
	show("its event", io_getevents(ctx, 1, 1, &event, NULL));
	printf("%s\n", strerror(-(int)event.res));
	show("more than all", io_getevents(ctx, 2, 1, &event, &nothing));
	show("nothing there", io_getevents(ctx, 0, 1, &event, &nothing));
	cb = request(IOCB_CMD_PREAD, cold, 0, 110);
	show("io_submit", io_submit(ctx, 1, list));
	show("io_cancel", syscall(SYS_io_cancel, ctx, &cb, &event));
	show("io_getevents", io_getevents(ctx, 1, 1, &event, NULL));
}

/* A page to be read and written, the second of two whose first is. */
static char *page_after(char **before)
{
	*before = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*before == MAP_FAILED)
		exit(1);
	return *before + BLOCK;
}

/* Memory that was there and is not any more, or may not be written to. */
void case_faults(void)
{
	aio_context_t ctx = context(8);
	int cold = open_cold(O_RDONLY);
	char *before, *page = page_after(&before);
	struct iocb *cb = (void *)page, **list = (void *)before, mine, *one = &mine;
	struct timespec *timeout = (void *)page, nothing = {0, 0};
	struct io_event event, *events = (void *)page;
	struct iovec *iov = (void *)page;

	list[0] = cb;
	*cb = request(IOCB_CMD_PREAD, cold, 0, 3);
	cb->aio_key = 77;
	show("a request in a page", io_submit(ctx, 1, list));
	show("its event", io_getevents(ctx, 1, 1, &event, NULL));
	printf("key %u\n", (unsigned)cb->aio_key);
	*cb = request(IOCB_CMD_PREAD, cold, 0, 20);
	mprotect(page, BLOCK, PROT_READ);
	show("in one that is only read", io_submit(ctx, 1, list));
	mprotect(page, BLOCK, PROT_NONE);
	show("in one that is not", io_submit(ctx, 1, list));
	munmap(page, BLOCK);
	show("in one that is gone", io_submit(ctx, 1, list));
	show("with one before it", io_submit(ctx, 2, list));
	show("a list that is gone", io_submit(ctx, 1, (struct iocb **)page));
	list = (struct iocb **)page - 1;
	mine = request(IOCB_CMD_PREAD, cold, 0, 40);
	*list = &mine;
	show("a list of which half is gone", io_submit(ctx, 2, list));
	show("its events", io_getevents(ctx, 1, 8, (struct io_event[8]){{0}}, NULL));
	mine = request(IOCB_CMD_PREADV, cold, 0, 60);
	mine.aio_buf = (uintptr_t)iov;
	mine.aio_nbytes = 2;
	show("a vector that is gone", io_submit(ctx, 1, &one));
	mine.aio_buf = (uintptr_t)(iov - 1);
	show("half of a vector", io_submit(ctx, 1, &one));
	mine = request(IOCB_CMD_PREAD, cold, 0, 80);
	show("io_submit", io_submit(ctx, 1, &one));
	show("no room for events", io_getevents(ctx, 1, 1, events, NULL));
	show("half of the room", io_getevents(ctx, 1, 2, events - 1, NULL));
	show("no timeout", io_getevents(ctx, 0, 1, &event, timeout));
	show("no mask", syscall(SYS_io_pgetevents, ctx, 0L, 1L, &event, &nothing, page));
	show("no context", io_getevents((uintptr_t)page, 0, 1, &event, &nothing));
	show("no list for it", io_submit((uintptr_t)page, 1, &one));
}

/* Nobody takes the events: at some time there is no room, and it is there again when they are taken. */
void case_full(void)
{
	aio_context_t ctx = context(4);
	int cold = open_cold(O_RDONLY);
	static struct iocb cb[20000];
	static unsigned char ended[20000];
	struct io_event events[MANY];
	long sent = 0, got = 0, wrong = 0;

	for (int round = 0; round < 2; round++) {
		struct iocb *one;

		do {
			cb[sent] = request(IOCB_CMD_PREAD, cold, (int)sent % MANY,
					   (int)(sent * 37) % BLOCKS);
			cb[sent].aio_data = (uint64_t)sent;
			one = &cb[sent];
		} while (io_submit(ctx, 1, &one) == 1 && ++sent < 10000 * (round + 1));
		/*
		 * The second word of what the kernel maps is how many have room. The kernel does not know of those that are
		 * under way elsewhere, so there may be that many of both.
		 */
		printf("full: %s, before its end %d\n",
		       sent < 10000 * (round + 1) ? strerror(errno) : "never",
		       sent - got <= 2L * ((const unsigned *)ctx)[1]);
		while (got < sent) {
			long n = io_getevents(ctx, 1, MANY, events, NULL);

			for (long i = 0; i < n; i++) {
				wrong += events[i].res != BLOCK || events[i].data >= (uint64_t)sent;
				ended[events[i].data % 20000]++;
			}
			got += n;
		}
		make_cold(cold);
	}
	for (long i = 0; i < sent; i++)
		wrong += ended[i] != 1;
	printf("wrong events: %ld\n", wrong);
	show("none is left", io_getevents(ctx, 0, 1, events, &(struct timespec){0, 0}));
}
