/* What the cases of `aio-posix` share. */
#ifndef AIO_POSIX_H
#define AIO_POSIX_H

#include <aio.h>
#include <stdint.h>

#include "tests/tools/aio_case.h"

/* ---- common.c ---- */

struct aiocb request(int fd, int i, int at);
void await(const struct aiocb *cb);
void show_end(const char *what, struct aiocb *cb);

/* ---- requests.c ---- */

void case_read(void);
void case_write(void);
void case_append(void);
void case_errors(void);
void case_names(void);

/* ---- telling.c ---- */

void case_signal(void);
void case_thread(void);
void case_told_of_lists(void);
void case_suspend(void);
void case_quiet(void);
void case_list(void);
void case_handler(void);

/* ---- sharing.c ---- */

void case_cancel(void);
void case_threads(void);
void case_polled(void);
void case_closed(void);
void case_fork(void);
void case_child(void);
void case_identity(void);
void case_many(void);
void case_exit(void);

#endif
