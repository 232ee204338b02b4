/* What the cases of `aio-linux` share. */
#ifndef AIO_LINUX_H
#define AIO_LINUX_H

#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/tools/aio_case.h"

static inline long io_setup(unsigned nr, aio_context_t *ctx)
{
	return syscall(SYS_io_setup, nr, ctx);
}

static inline long io_submit(aio_context_t ctx, long nr, struct iocb **list)
{
	return syscall(SYS_io_submit, ctx, nr, list);
}

static inline long io_getevents(aio_context_t ctx, long min, long nr, struct io_event *events,
				struct timespec *timeout)
{
	return syscall(SYS_io_getevents, ctx, min, nr, events, timeout);
}

/* ---- main.c ---- */

int open_cold(int flags);
aio_context_t context(unsigned nr);
struct iocb request(int opcode, int fd, int i, int at);

/* Submit MANY reads of `fd`, so many at a time, and check each event. */
int read_many(aio_context_t ctx, int fd, int opcode, int batch);

/* ---- reading.c ---- */

void case_read(void);
void case_late(void);
void case_mixed(void);
void case_eventfd(void);
void case_flags(void);
void case_library(void);

/* ---- errors.c ---- */

void case_errors(void);
void case_faults(void);
void case_full(void);

/* ---- sharing.c ---- */

void case_threads(void);
void case_destroy(void);
void case_fork(void);
void case_mapped(void);
void case_masked(void);

#endif
