/*
 * Early writeback: what is written to a large file, and will be synced, starts on its way to the disk at once
 * (XURING_WRITEBACK).
 *
 *     bare     write write write write | fsync ....................   the disk waits for the program, and then
 *                                                                     the program for the disk
 *     early    write write write write | fsync                        both work, all the time
 *              disk  .................
 *
 * After each 8 MiB written in order, sync_file_range is asked to begin with them. Nothing of it can be seen; but work is done
 * that the kernel would have put off by half a minute, and for a temporary file never done: who writes 256 MiB and does not
 * sync them needs 0.10 s in place of 0.07. So it is done for programs that are known to sync: those whose last large file
 * was synced before it was closed (auto). One that writes a single file and syncs it at its end (dd conv=fsync) has to
 * be told of by the user (early).
 *
 * 256 MiB and their fsync took 0.16 s bare and 0.10 so; with 1 ms of work between pieces of 1 MiB 0.42 and 0.36; 32 MiB
 * 0.083 and 0.070. They took the same where another thread made the calls, as a worker of a ring would: the call costs what
 * it saves the fsync, and waits only where the queue of the disk is full, which is when the program would wait at its
 * end for just that. So the plain call does, and no ring and no thread are needed.
 *
 * Not for what does not wait in the page cache (O_DIRECT, O_SYNC, O_DSYNC), files without a name, which nobody will find
 * after a crash, other than regular files, and what is written here and there: a page that is written again and again would
 * go to the disk as often.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "core/syscall.h"
#include "shim/engine/steps.h"
#include "shim/engine/stream.h"
#include "shim/process.h"

/* So much at a time, and pages are not begun with before they are full. */
enum { STEP = 8 << 20, PAGE = 4096 };

/* Does what is written to this file wait in the page cache, for a sync that somebody may ask for? */
static bool may_begin(struct stream *s, int fd)
{
	long flags = xu_sys(SYS_fcntl, fd, F_GETFL);
	struct stat st;

	return flags >= 0 && !(flags & (O_DIRECT | O_SYNC | O_DSYNC)) && stream_learn(fd) == s &&
	       s->kind == KIND_REGULAR && kind_look(fd, &st) && st.st_nlink && kind_is_local(&st, fd);
}

void stream_early_wrote(struct stream *s, int fd, int64_t end, size_t n)
{
	unsigned how = process_config()->writeback;
	int64_t mark = s->mark;

	s->unsent += n;
	if (s->unsent < STEP || how == XU_WRITEBACK_LATE)
		return;
	if (end < 0)
		end = xu_sys(SYS_lseek, fd, 0, SEEK_CUR);
	/* In order? Then what was written since the last time lies between these two. */
	s->mark = end;
	if (end == mark + (int64_t)s->unsent && may_begin(s, fd)) {
		s->large = true;
		streams->large++;
		mark &= -PAGE;
		if (how == XU_WRITEBACK_EARLY || XU_LOAD(&streams->syncs)) {
			xu_sys(SYS_sync_file_range, fd, mark, (end & -PAGE) - mark,
			       SYNC_FILE_RANGE_WRITE);
			streams->begun++;
		}
	}
	s->unsent = 0;
}

void stream_early_synced(struct stream *s)
{
	if (s->large)
		XU_STORE_RELEASE(&streams->syncs, true);
	s->large = false;
}

void stream_early_closed(struct stream *s)
{
	if (s->large)
		XU_STORE_RELEASE(&streams->syncs, false);
	s->large = false;
}
