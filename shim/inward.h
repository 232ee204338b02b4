/* Paths at which a process finds its own threads counted: a thread of ours, or a worker of a ring, is not to be among them. */
#ifndef SHIM_INWARD_H
#define SHIM_INWARD_H

#include <stdbool.h>

/*
 * Does the program's `path`, which need not be memory, lead to its own task or status in /proc: by the whole path, or from
 * a directory that it has opened (self/task)? Programs that sandbox themselves make sure so that they are alone.
 */
bool inward_path(const char *path);

#endif
