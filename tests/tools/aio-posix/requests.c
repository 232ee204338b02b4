/* Reading, writing, errors. */
#include <aio.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio-posix.h"

/* ---- Reading and writing ---- */

void case_read(void)
{
	static const int flags[] = {O_RDONLY, O_RDONLY | O_DIRECT};

	for (int f = 0; f < 2; f++) {
		int fd = open_file(flags[f]);
		struct aiocb cb[MANY];
		int good = 0;

		make_cold(fd);
		for (int round = 0; round < 2; round++) {
			memset(memory, 0, (size_t)MANY * BLOCK);
			for (int i = 0; i < MANY; i++) {
				cb[i] = request(fd, i, (i * 37) % BLOCKS);
				if (aio_read(&cb[i]))
					die("aio_read");
			}
			for (int i = 0; i < MANY; i++) {
				await(&cb[i]);
				good += aio_error(&cb[i]) == 0 && aio_return(&cb[i]) == BLOCK &&
					is_filled(block(i), (uint64_t)((i * 37) % BLOCKS) * BLOCK);
			}
		}
		printf("read %d of %d\n", good, 2 * MANY);
		cb[0] = request(fd, 0, BLOCKS);
		aio_read(&cb[0]);
		show_end("at the end", &cb[0]);
		cb[0] = request(fd, 0, BLOCKS - 1);
		cb[0].aio_nbytes = 2 * BLOCK;
		aio_read(&cb[0]);
		show_end("over the end", &cb[0]);
		cb[0] = request(fd, 0, 0);
		cb[0].aio_nbytes = 0;
		aio_read(&cb[0]);
		show_end("of nothing", &cb[0]);
		close(fd);
	}
}

void case_write(void)
{
	static const int flags[] = {O_RDWR, O_RDWR | O_DIRECT};

	for (int f = 0; f < 2; f++) {
		int fd = open_file(flags[f]);
		struct aiocb cb[MANY], sync;
		int good = 0, before;

		for (int i = 0; i < MANY; i++) {
			fill(block(i), (uint64_t)(7 + f) << 40 | (uint64_t)i);
			cb[i] = request(fd, i, i);
			if (aio_write(&cb[i]))
				die("aio_write");
		}
		sync = request(fd, 0, 0);
		show("aio_fsync", aio_fsync(f ? O_SYNC : O_DSYNC, &sync));
		show_end("sync", &sync);
		/* A sync ends after what was asked for before it. */
		for (int i = before = 0; i < MANY; i++)
			before += aio_error(&cb[i]) == 0;
		printf("ended before the sync: %d\n", before);
		for (int i = 0; i < MANY; i++) {
			char check[BLOCK];

			good += aio_return(&cb[i]) == BLOCK &&
				pread(fd, f ? block(i) : check, BLOCK, (off_t)i * BLOCK) == BLOCK &&
				is_filled(f ? block(i) : check, (uint64_t)(7 + f) << 40 | (uint64_t)i);
		}
		printf("wrote %d\n", good);
		close(fd);
	}
}

/* With O_APPEND, in the order of the calls, wherever the requests say. */
void case_append(void)
{
	static const int flags[] = {O_WRONLY | O_APPEND | O_TRUNC,
				    O_WRONLY | O_APPEND | O_TRUNC | O_DIRECT};

	for (int f = 0; f < 2; f++) {
		int fd = open_file(flags[f]), in;
		struct aiocb cb[MANY];
		int good = 0;

		for (int i = 0; i < MANY; i++) {
			fill(block(i), (uint64_t)i << 32);
			cb[i] = request(fd, i, 0);
			if (aio_write(&cb[i]))
				die("aio_write");
		}
		for (int i = 0; i < MANY; i++)
			await(&cb[i]);
		in = open_file(O_RDONLY);
		for (int i = 0; i < MANY; i++)
			good += pread(in, block(0), BLOCK, (off_t)i * BLOCK) == BLOCK &&
				is_filled(block(0), (uint64_t)i << 32);
		printf("in order: %d, size %ld\n", good, (long)lseek(in, 0, SEEK_END));
		close(in);
		close(fd);
	}
}

/* ---- Errors ---- */

void case_errors(void)
{
	int fd = open_file(O_RDONLY), out = open_file(O_WRONLY),
	    direct = open_file(O_RDWR | O_DIRECT);
	struct aiocb cb = request(-1, 0, 0);
	struct aiocb *list[2] = {&cb, NULL};

	show("read of fd -1", aio_read(&cb));
	show_end("", &cb);
	cb = request(12345, 0, 0);
	show("write to fd 12345", aio_write(&cb));
	show_end("", &cb);
	cb = request(out, 0, 0);
	show("read of what is open for writing", aio_read(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	show("write to what is open for reading", aio_write(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	cb.aio_offset = -1;
	show("negative offset", aio_read(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	cb.aio_reqprio = -1;
	show("negative priority", aio_read(&cb));
	printf("%s\n", strerror(aio_error(&cb)));
	cb = request(fd, 0, 0);
	cb.aio_reqprio = 1000;
	show("great priority", aio_read(&cb));
	cb = request(fd, 0, 0);
	cb.aio_reqprio = 10;
	show("priority", aio_read(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	cb.aio_buf = (void *)8;
	show("bad buffer", aio_read(&cb));
	show_end("", &cb);
	cb = request(direct, 0, 0);
	cb.aio_buf = block(0) + 1;
	cb.aio_nbytes = 511;
	show("askew", aio_write(&cb));
	show_end("", &cb);
	cb = request(fd, 0, 0);
	show("sync of an odd kind", aio_fsync(0x12345, &cb));
	show("sync of a bad fd", (cb = request(-1, 0, 0), aio_fsync(O_SYNC, &cb)));
	show("cancel of a bad fd", aio_cancel(-1, NULL));
	show("cancel of nothing", aio_cancel(fd, NULL));
	cb = request(fd, 0, 0);
	show("cancel of another fd", aio_cancel(out, &cb));
	show("a list of an odd mode", lio_listio(77, list, 1, NULL));
	show("an empty list", lio_listio(LIO_WAIT, list, 0, NULL));
	show("suspend of less than nothing", aio_suspend((const struct aiocb *const *)list, -1, NULL));
	list[0] = NULL;
	show("suspend of nobody", aio_suspend((const struct aiocb *const *)list, 2, NULL));
}

/* ---- The names for large files, and glibc's own call for its pool of threads ---- */

#ifdef __GLIBC__

void case_names(void)
{
	struct aioinit init = {.aio_threads = 2, .aio_num = 16, .aio_idle_time = 1};
	int fd = open_file(O_RDWR | O_DIRECT);
	struct aiocb64 cb[MANY], *list[MANY];
	const struct aiocb64 *one[1] = {&cb[0]};
	int good = 0;

	aio_init(&init);
	for (int i = 0; i < MANY; i++) {
		memset(&cb[i], 0, sizeof(cb[i]));
		cb[i].aio_fildes = fd;
		cb[i].aio_buf = block(i);
		cb[i].aio_nbytes = BLOCK;
		cb[i].aio_offset = (off64_t)i * BLOCK;
		cb[i].aio_sigevent.sigev_notify = SIGEV_NONE;
		cb[i].aio_lio_opcode = LIO_READ;
		list[i] = &cb[i];
	}
	show("lio_listio64", lio_listio64(LIO_WAIT, list, MANY, NULL));
	for (int i = 0; i < MANY; i++)
		good += !aio_error64(&cb[i]) && aio_return64(&cb[i]) == BLOCK &&
			is_filled(block(i), (uint64_t)i * BLOCK);
	printf("read %d\n", good);
	cb[0].aio_offset = (off64_t)9 * BLOCK;
	show("aio_read64", aio_read64(&cb[0]));
	while (aio_error64(&cb[0]) == EINPROGRESS)
		aio_suspend64(one, 1, NULL);
	printf("%zd, right %d\n", aio_return64(&cb[0]), is_filled(block(0), 9 * BLOCK));
	show("aio_write64", aio_write64(&cb[0]));
	show("aio_fsync64", aio_fsync64(O_SYNC, &cb[1]));
	for (int i = 1; i >= 0; i--) {
		one[0] = &cb[i];
		while (aio_error64(&cb[i]) == EINPROGRESS)
			aio_suspend64(one, 1, NULL);
		printf("%zd\n", aio_return64(&cb[i]));
	}
	show("aio_cancel64", aio_cancel64(fd, NULL));
}

#else

void case_names(void) {}

#endif
