/* Contexts that are shared, destroyed, inherited, looked into, and waited for with another mask. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "aio-linux.h"

static long arrived; /* events that any of the waiters has had */

static void *waiter(void *arg)
{
	aio_context_t ctx = *(aio_context_t *)arg;
	struct io_event events[1];
	long got = 0;

	while (got < 500) {
		long n = io_getevents(ctx, 1, 1, events, NULL);

		if (n <= 0)
			break;
		for (long i = 0; i < n; i++) {
			if (events[i].data == 1)
				return (void *)got;
			got += events[i].res == BLOCK;
			__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
		}
	}
	return (void *)got;
}

/* One thread submits, others wait from the start. */
void case_threads(void)
{
	aio_context_t ctx = context(MANY);
	int cold = open_cold(O_RDONLY);
	pthread_t threads[3];
	long got = 0;
	void *res;

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, waiter, &ctx);
	usleep(50000);
	for (int i = 0; i < 400; i++) {
		struct iocb cb = request(IOCB_CMD_PREAD, cold, i % MANY, i % BLOCKS), *one = &cb;

		while (io_submit(ctx, 1, &one) != 1)
			usleep(100);
		if (i % 64 == 63)
			posix_fadvise(cold, 0, 0, POSIX_FADV_DONTNEED);
	}
	for (int i = 0; i < 2000 && __atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < 400; i++)
		usleep(10000);
	for (int i = 0; i < 3; i++) {
		struct iocb cb = request(IOCB_CMD_PREAD, cold, 0, BLOCKS), *one = &cb;

		cb.aio_data = 1;
		while (io_submit(ctx, 1, &one) != 1)
			usleep(100);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &res);
		got += (long)res;
	}
	printf("got %ld\n", got);
}

/* A context with requests under way is destroyed; nothing is written to their memory after that. */
void case_destroy(void)
{
	int wrong = 0;

	for (int round = 0; round < 20; round++) {
		aio_context_t ctx = context(MANY);
		int cold = open_cold(O_RDONLY);
		struct iocb cb[MANY], *list[MANY];

		for (int i = 0; i < MANY; i++) {
			cb[i] = request(IOCB_CMD_PREAD, cold, i, i);
			list[i] = &cb[i];
		}
		if (io_submit(ctx, MANY, list) != MANY)
			perror("io_submit");
		if (syscall(SYS_io_destroy, ctx))
			perror("io_destroy");
		memset(memory, 0x55, (size_t)MANY * BLOCK);
		usleep(2000);
		for (int i = 0; i < MANY * BLOCK; i++)
			wrong += memory[i] != 0x55;
		close(cold);
	}
	printf("written afterwards: %d\n", wrong);
}

void case_fork(void)
{
	aio_context_t ctx = context(MANY);
	struct io_event event;
	int status;

	printf("parent %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, MANY));
	fflush(stdout);
	if (!fork()) {
		struct timespec nothing = {0, 0};

		show("child", io_getevents(ctx, 0, 1, &event, &nothing));
		ctx = context(MANY);
		printf("child %d\n", read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, MANY));
		fflush(stdout);
		_exit(3);
	}
	wait(&status);
	printf("child ended with %d, parent %d\n", WEXITSTATUS(status),
	       read_many(ctx, open_cold(O_RDONLY), IOCB_CMD_PREAD, MANY));
}

/* As the kernel maps it (fs/aio.c). */
struct ring {
	unsigned id, nr, head, tail, magic, compat, incompat, header;
	struct io_event events[];
};

/* As fio and libaio look: a ring with its magic number may be read in memory, any other one by the call. */
static long look(aio_context_t ctx, struct io_event *event)
{
	struct ring *ring = (struct ring *)ctx;
	unsigned head = ring->head;

	if (__atomic_load_n(&ring->magic, __ATOMIC_ACQUIRE) != 0xa10a10a1)
		return io_getevents(ctx, 0, 1, event, &(struct timespec){0, 0});
	if (head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
		return 0;
	*event = ring->events[head];
	__atomic_store_n(&ring->head, (head + 1) % ring->nr, __ATOMIC_RELEASE);
	return 1;
}

/* Direct reads, then reads by the page cache, then both. */
void case_mapped(void)
{
	aio_context_t ctx = context(MANY);
	int direct = open_file(O_RDONLY | O_DIRECT), cold = open_cold(O_RDONLY);

	for (int round = 0; round < 3; round++) {
		struct iocb cb[MANY], *list[MANY];
		int good = 0, left = MANY;

		for (int i = 0; i < MANY; i++) {
			cb[i] = request(IOCB_CMD_PREAD,
					round == 0 || (round == 2 && i % 2) ? direct : cold, i,
					(i * 37 + round) % BLOCKS);
			list[i] = &cb[i];
		}
		show("io_submit", io_submit(ctx, MANY, list));
		for (int i = 0; i < 20000 && left; i++) {
			struct io_event event;

			if (look(ctx, &event) == 1) {
				int n = (int)event.data - 1000;

				left--;
				good += n >= 0 && n < MANY && event.obj == (uintptr_t)&cb[n] &&
					event.res == BLOCK &&
					is_filled(block(n), (uint64_t)cb[n].aio_offset);
			} else {
				usleep(1000);
			}
		}
		printf("left %d, right %d\n", left, good);
		make_cold(cold);
	}
}

static volatile sig_atomic_t handled;

static void count_signal(int sig)
{
	(void)sig;
	handled++;
}

/* With a mask for as long as it waits. */
void case_masked(void)
{
	aio_context_t ctx = context(8);
	int cold = open_cold(O_RDONLY);
	struct iocb cb = request(IOCB_CMD_PREAD, cold, 0, 50), *one = &cb;
	struct timespec long_time = {20, 0};
	struct io_event event;
	sigset_t none, usr1;
	struct {
		const void *mask;
		size_t size;
	} masked = {&none, 8};

	signal(SIGUSR1, count_signal);
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	show("interrupted", syscall(SYS_io_pgetevents, ctx, 1L, 1L, &event, &long_time, &masked));
	printf("handled %d\n", (int)handled);
	show("io_submit", io_submit(ctx, 1, &one));
	show("not", syscall(SYS_io_pgetevents, ctx, 1L, 1L, &event, &long_time, &masked));
	printf("%lld, its own %d, right %d\n", (long long)event.res, event.obj == (uintptr_t)&cb,
	       is_filled(block(0), 50 * BLOCK));
	masked.size = 3;
	show("a mask of another size",
	     syscall(SYS_io_pgetevents, ctx, 0L, 1L, &event, &long_time, &masked));
}
