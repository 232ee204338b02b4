/*
 * The engine aio: programs that already ask for asynchronous I/O get the real thing.
 *
 *     the program's threads                 the carrier                     the kernel
 *
 *     aio_read --.                        .----------------.
 *     aio_write --> [ queue ] ==========> | waiting: syncs |
 *     io_submit -'   one exchange,        | and appends    |    one enter
 *                    and a bell if        | that must come | ============> [ ring ]
 *                    it sleeps            | after others   |   for all        |
 *                                         '----------------'                  |
 *     aio_error  <----- memory of the  <---- telling: memory, futex, <--------'
 *     aio_suspend       control block        signal, thread, eventfd
 *
 * Why a thread of its own: what a ring does, it does in the name of the task that submitted it, and it interrupts that
 * task to finish its work. A program's thread that sleeps in epoll_wait would get EINTR for a read that it knows nothing
 * of; a blocked write to a pipe would end halfway; a thread's end would cancel what it asked for. The carrier is
 * interrupted instead, has the process's identity and its signals blocked, and is the only one that ever touches its
 * ring, which so has no fd and needs no lock. glibc's own aio_read makes such threads too, one for each file.
 *
 * What would be a loss is not done this way: a read that finds everything in the page cache is answered in the call, and
 * what the kernel's own asynchronous I/O does well (direct I/O by io_submit) stays there (aio_linux.c).
 *
 * The carrier comes with the first request and goes when it had nothing to do for a second, or when the identity of the
 * process changes: then everything in flight ends under the old one, and the next request makes a new ring.
 */
#include "shim/engine/aio.h"
#include "shim/engine/engine.h"
#include "shim/policy.h"

static void start(const struct xu_config *config)
{
	if (config->aio == XU_AIO_OFF)
		return;
	process_wake(AWAKE_AIO);
	hint_start(config);
}

bool aio_may(struct call *c)
{
	/* Asking whether something is cached is a read, which inotify tells of. */
	c->reason = policy_watches() ? REASON_WATCHED : REASON_SANDBOX;
	return !policy_watches() && !policy_sandboxed() && !policy_filtered();
}

static void report(struct xu_text *t)
{
	static const char *const names[NR_AIO_COUNTS] = {
		"submitted", "completed", "at_once", "batches", "hints", "notices", "carriers"};

	for (int i = 0; i < NR_AIO_COUNTS; i++) {
		xu_text_str(t, i ? ",\"" : "\"");
		xu_text_str(t, names[i]);
		xu_text_str(t, "\":");
		xu_text_num(t, aio_counted((enum aio_count)i), 0);
	}
}

static void seen(struct call *c, long res)
{
	(void)res;
	hint_seen(c);
}

const struct engine engine_aio = {
	.name = "aio",
	.start = start,
	.call = hint_call,
	.seen = seen,
	.end = hint_before_all_gone,
	.renew = aio_ring_renew,
	.report = report,
};
