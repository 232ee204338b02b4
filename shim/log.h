/* Messages, to standard error or XURING_LOG_FILE. Nothing is allocated and no libc I/O is used. */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include <stdbool.h>

#include "config/config.h"

/* From here on messages up to `level` are written; to `file` where it is not empty. */
void log_start(enum xu_log level, const char *file);

/* Would a message of this level be written? */
bool log_wanted(enum xu_log level);

/* One line: "xuring: prog[pid]: " and the strings, which end with NULL. */
void log_line(enum xu_log level, ...) __attribute__((sentinel));

/* Write all of a text to a file that is appended to, or to an open fd where `path` is NULL. False if it could not be. */
bool log_write(const char *path, int fd, const char *text, size_t len);

#endif
