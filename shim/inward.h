/* Paths at which a process looks at itself: what is there is another thing for a worker of a ring, or counts it. */
#ifndef SHIM_INWARD_H
#define SHIM_INWARD_H

enum inward {
	INWARD_NOT,
	INWARD,	     /* below /proc */
	INWARD_STAT, /* and there the process's own stat, which many read for other figures: the number stands among them */
	INWARD_COUNT, /* and there the process's own task or status, where its threads are counted */
};

/*
 * Where does the program's `path`, which need not be memory, lead: by the whole of it, or from a directory that the program
 * has opened (self/task)? Programs that sandbox themselves make sure so that they are alone: no thread of ours, and no
 * worker, is to be seen by them.
 */
enum inward inward_path(const char *path);

#endif
