/* May this process use a ring: see policy.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/log.h"
#include "shim/policy.h"
#include "shim/polling.h"
#include "shim/process.h"
#include "shim/reach.h"
#include "shim/user_memory.h"

/* An XURING_DENY of one system call: from its `from`-th use on it fails with `error`. 0: not denied. */
struct denial {
	int error;
	unsigned long from;
	unsigned long seen;
};

static struct denial deny_setup, deny_enter;
static bool deny_all_ops;
static uint64_t deny_ops[4];

/* Older than this means: to be made anew. Starts at 1, since a zeroed slot has 0. */
static unsigned ring_epoch = 1;
static bool sandboxed;
static bool watches;

/* The ops that the kernel has and the user does not deny; filled by whoever makes the first ring. */
static struct xu_probe probe;
static bool probed;

/* A refusal that will not pass: no ring is asked for again. */
static int refused;
static bool user_memory = true;
static const char *ring_kind = "none";

/* The last call that a ring failed at, and the error; both NULL once there was a ring. */
static const char *failed_call, *failed_error;

/* ---- Options ---- */

static const struct {
	const char *name;
	int value;
} errnos[] = {{"EPERM", EPERM},	  {"EACCES", EACCES}, {"ENOSYS", ENOSYS}, {"ENOMEM", ENOMEM},
	      {"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"EINVAL", EINVAL}, {"EAGAIN", EAGAIN},
	      {"EBUSY", EBUSY},	  {"EINTR", EINTR}};

static const char *errno_word(int error)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (errnos[i].value == error)
			return errnos[i].name;
	return "error";
}

static int errno_number(const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (strlen(errnos[i].name) == len && !memcmp(errnos[i].name, s, len))
			return errnos[i].value;
	return 0;
}

/* One "setup:EPERM@3" of XURING_DENY. */
static bool parse_denial(const char *s, size_t len)
{
	size_t word = strcspn(s, ":@,");
	struct denial d = {.error = EPERM, .from = 1};
	const char *end = s + len;
	const char *p = s + word;

	if (p < end && *p == ':') {
		size_t n = strcspn(++p, "@,");

		d.error = errno_number(p, n);
		p += n;
	}
	if (p < end && *p == '@') {
		for (d.from = 0, p++; p < end && *p >= '0' && *p <= '9'; p++)
			d.from = d.from * 10 + (unsigned long)(*p - '0');
	}
	if (!d.error || !d.from || p != end)
		return false;
	if (word == 5 && !memcmp(s, "setup", 5))
		deny_setup = d;
	else if (word == 5 && !memcmp(s, "enter", 5))
		deny_enter = d;
	else
		return false;
	return true;
}

static bool parse_op(const char *s, size_t len)
{
	int op = xu_op_number(s, len);

	if (len == 3 && !memcmp(s, "all", 3)) {
		deny_all_ops = true;
		return true;
	}
	if (op >= 0)
		deny_ops[op / 64] |= UINT64_C(1) << (op % 64);
	return op >= 0;
}

/* The "6.1" of XURING_DENY_NEWER. */
static bool parse_kernel(const char *s, size_t len)
{
	unsigned number[2] = {0, 0};
	size_t i = 0;

	for (int part = 0; part < 2; part++) {
		size_t begin = i;

		while (i < len && i - begin < 3 && s[i] >= '0' && s[i] <= '9')
			number[part] = number[part] * 10 + (unsigned)(s[i++] - '0');
		if (i == begin || (part == 0 && (i == len || s[i++] != '.')))
			return false;
	}
	if (i != len || !number[0])
		return false;
	xu_hide_newer(number[0] * 1000 + number[1]);
	return true;
}

/* Give each comma-separated part to `parse`; report those that it does not take. */
static void parse_list(const char *list, const char *what, bool (*parse)(const char *, size_t),
		       xu_config_report *report)
{
	char buf[256];
	struct xu_text t;

	while (*list) {
		size_t n = xu_text_until(list, ',');

		if (n && !parse(list, n)) {
			xu_text_init(&t, buf, sizeof(buf));
			xu_text_str(&t, what);
			xu_text_str(&t, ": not understood, ignored: ");
			xu_text_mem(&t, list, n < 64 ? n : 64);
			report(buf);
		}
		list += n + (list[n] == ',');
	}
}

void policy_start(const struct xu_config *config, xu_config_report *report)
{
	parse_list(config->deny, "XURING_DENY", parse_denial, report);
	parse_list(config->deny_ops, "XURING_DENY_OPS", parse_op, report);
	parse_list(config->deny_newer, "XURING_DENY_NEWER", parse_kernel, report);
}

static int denied(struct denial *d)
{
	if (!d->error)
		return 0;
	return __atomic_add_fetch(&d->seen, 1, __ATOMIC_RELAXED) >= d->from ? -d->error : 0;
}

int policy_deny_enter(void)
{
	return denied(&deny_enter);
}

/* ---- Sandboxes that kill ---- */

/* In small pieces, as this may be on the small stack of a signal handler. */
int policy_seccomp_mode(void)
{
	static const char key[] = "\nSeccomp:";
	long fd = xu_sys(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
	size_t matched = 0;
	int mode = -1;
	char buf[128];
	long n;

	if (fd < 0)
		return -1;
	while (mode < 0 && (n = xu_sys(SYS_read, fd, buf, sizeof(buf))) > 0) {
		for (long i = 0; i < n && mode < 0; i++) {
			if (matched < sizeof(key) - 1)
				matched = buf[i] == key[matched] ? matched + 1 : buf[i] == key[0];
			else if (buf[i] != '\t' && buf[i] != ' ')
				mode = buf[i] - '0';
		}
	}
	xu_sys(SYS_close, fd);
	return mode;
}

bool policy_filtered(void)
{
	static int mode = -2;

	if (XU_LOAD(&mode) == -2)
		__atomic_store_n(&mode, policy_seccomp_mode(), __ATOMIC_RELAXED);
	return XU_LOAD(&mode) > 0;
}

/* What the child found out, as its exit status. */
enum { CHILD_RING = 1, CHILD_MEMORY = 2 };

/* In the child: do once what mode ring does, and say what came of it. */
static void try_all(void)
{
	struct io_uring_params p;
	char byte = 0, copy = 1;
	uint64_t stack[1] = {0};
	long fd;
	int found = 0;

	if (user_read(&copy, &byte, 1) == 1 && user_write(&copy, &byte, 1) == 1 &&
	    reach_ask((uintptr_t)stack, REACH_READ) && reach_ask((uintptr_t)stack, REACH_WRITE))
		found |= CHILD_MEMORY;
	memset(&p, 0, sizeof(p));
	fd = xu_sys(SYS_io_uring_setup, 1, &p);
	if (fd >= 0) {
		xu_sys(SYS_io_uring_register, fd, IORING_REGISTER_PROBE, 0, 0);
		if (!xu_sys(SYS_io_uring_enter, fd, 0, 0, 0, 0, 0))
			found |= CHILD_RING;
	}
	xu_sys(SYS_exit_group, found);
}

/*
 * Would asking for a ring be our death? A child asks in our place. It is a copy, so that not even a core dump of it
 * reaches us, and it ends without any signal (exit signal 0), so that the program never hears of it. What it was killed
 * for is not known: then there is no ring, and no other unusual call. -1: it was killed; else CHILD_* bits.
 */
static int ask_child(void)
{
	int status = 0;
	long pid = xu_sys(SYS_clone, 0, 0, 0, 0, 0);
	long ret;

	if (pid < 0)
		return -1;
	if (!pid)
		try_all();
	do
		ret = xu_sys(SYS_wait4, pid, &status, __WCLONE, 0);
	while (ret == -EINTR);
	return ret == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Found out once. */
bool policy_may_ask(void)
{
	static int checked; /* 1: it lets us ask */
	int found = CHILD_MEMORY;

	if (XU_LOAD_ACQUIRE(&checked))
		return true;
	if (policy_seccomp_mode() > 0)
		found = ask_child();
	if (found < 0)
		return false;
	user_memory = found & CHILD_MEMORY;
	XU_STORE_RELEASE(&checked, 1);
	return true;
}

/* ---- The ring ---- */

/* Note why there is no ring. */
static void note(const char *call, const char *error)
{
	__atomic_store_n(&failed_call, call, __ATOMIC_RELAXED);
	__atomic_store_n(&failed_error, error, __ATOMIC_RELAXED);
	if (call)
		log_line(XU_LOG_DEBUG, "no ring: ", call, ": ", error, NULL);
}

static void refuse(int error, const char *call, const char *what)
{
	if (XU_LOAD(&refused))
		return;
	note(call, what);
	__atomic_store_n(&refused, error, __ATOMIC_RELEASE);
	log_line(XU_LOG_INFO, "no ring from here on: ", call, ": ", what, NULL);
}

/* What the first ring can tell about the kernel is kept for all. 0 or -errno. */
static int learn_ops(const struct xu_ring *ring)
{
	struct xu_probe answer;
	int ret;

	if (XU_LOAD_ACQUIRE(&probed))
		return 0;
	ret = xu_probe_ring(ring, &answer);
	if (ret)
		return ret;
	/* Whoever comes at the same time writes the same. */
	for (int i = 0; i < 4; i++)
		__atomic_store_n(&probe.ops[i], deny_all_ops ? 0 : answer.ops[i] & ~deny_ops[i],
				 __ATOMIC_RELAXED);
	XU_STORE_RELEASE(&probed, true);
	return 0;
}

/* A ring has been made; what else does it take? 0 or -errno. */
static int equip(struct thread *t)
{
	/* One worker of a kind, so that what is sent after an op through its worker comes after it (single.c). */
	unsigned workers[2] = {1, 1};
	char features[128];
	int ret = learn_ops(&t->ring);

	if (!ret)
		ret = xu_ring_dontfork(&t->ring);
	/* An fd among the program's own would be in the way of what it opens next. */
	if (!ret && t->ring.ring_fd >= 0 && !t->ring.hidden)
		ret = -EMFILE;
	if (ret)
		return ret;
	xu_register(&t->ring, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
	t->rings++;
	t->had_ring = true;
	ring_kind = xu_ring_visibility(&t->ring);
	note(NULL, NULL);
	if (log_wanted(XU_LOG_DEBUG))
		log_line(XU_LOG_DEBUG,
			 "ring: ", xu_ring_describe(&t->ring, features, sizeof(features)), NULL);
	return 0;
}

void policy_drop_ring(struct thread *t)
{
	int fd = t->ring.live ? t->ring.ring_fd : -1;

	if (fd >= 0) {
		long ret = xu_sys(SYS_io_uring_enter, fd, 0, 0, 0, 0, 0);

		if (ret < 0 && ret != -EEXIST)
			t->ring.ring_fd = -1;
	}
	xu_queue_exit(&t->ring);
}

/*
 * The kernel takes a closed ring apart a little later, and interrupts the thread for it: a call that waits by then (for
 * events, or on a socket with a timeout) would end with EINTR and no signal. So the thread waits for that here, in a call
 * that says whether it was interrupted: 16 ms as a rule.
 */
static void await_interruption(void)
{
	static const struct timespec most = {.tv_nsec = 500 * 1000000};
	uint64_t none = 0, all = ~none, before = 0;

	xu_sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(before));
	xu_sys(SYS_rt_sigtimedwait, &none, 0, &most, sizeof(none));
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
}

void policy_drop_own_ring(struct thread *t)
{
	if (!t->ring.live)
		return;
	policy_drop_ring(t);
	await_interruption();
}

/* One try at a ring for this thread. 0 or -errno. */
static int make_ring(struct thread *t)
{
	unsigned want = XU_WANT_HIDDEN | XU_WANT_SINGLE;
	const char *call = "io_uring_setup";
	int ret = denied(&deny_setup);

	if (!ret && !policy_may_ask()) {
		refuse(EPERM, call, "killed by a sandbox");
		return -EPERM;
	}
	if (!ret)
		ret = polling_queue_init((unsigned)process_config()->entries, &t->ring, want);
	if (!ret) {
		call = "io_uring_register";
		ret = equip(t);
		if (ret)
			policy_drop_own_ring(t);
	}
	/* Want of memory or fds passes; these do not. */
	if (ret == -EPERM || ret == -EACCES || ret == -ENOSYS || ret == -EINVAL)
		refuse(-ret, call, errno_word(-ret));
	else if (ret)
		note(call, errno_word(-ret));
	return ret;
}

int policy_own_ring(struct xu_ring *ring, unsigned entries)
{
	int ret = XU_LOAD_ACQUIRE(&refused) ? -EPERM : denied(&deny_setup);

	if (!ret && !policy_may_ask())
		ret = -EPERM;
	if (!ret)
		ret = xu_queue_init_best(entries, ring, XU_WANT_HIDDEN, 0);
	if (ret)
		return ret;
	ret = learn_ops(ring);
	if (!ret)
		ret = xu_ring_dontfork(ring);
	if (!ret && ring->ring_fd >= 0 && !ring->hidden)
		ret = -EMFILE;
	if (ret)
		xu_queue_exit(ring);
	else
		ring_kind = xu_ring_visibility(ring);
	return ret;
}

bool policy_has_op(unsigned op)
{
	return xu_opcode_supported(&probe, op);
}

bool policy_ring(struct call *c)
{
	struct thread *t = c->thread;
	unsigned epoch = XU_LOAD_ACQUIRE(&ring_epoch);

	if (__builtin_expect(t->ring.live && t->epoch == epoch, 1))
		return true;
	c->reason = t->parted ? REASON_PARTED : REASON_NO_RING;
	if (t->parted)
		return false;
	policy_drop_own_ring(t);
	if (XU_LOAD_ACQUIRE(&refused))
		return false;
	/* What failed and may pass is asked for again, but not at every call. */
	if (t->ring_failed && --t->ring_retry)
		return false;
	t->ring_failed = make_ring(t) < 0;
	t->ring_retry = 1000;
	t->epoch = epoch;
	return !t->ring_failed;
}

bool policy_ring_current(const struct thread *t)
{
	return t->ring.live && t->epoch == XU_LOAD_ACQUIRE(&ring_epoch);
}

void policy_enter_failed(int error)
{
	if (error == -EPERM || error == -EACCES || error == -ENOSYS)
		refuse(-error, "io_uring_enter", errno_word(-error));
}

bool policy_user_memory(void)
{
	return user_memory;
}

bool policy_op(struct call *c, unsigned op)
{
	if (xu_opcode_supported(&probe, op))
		return true;
	c->reason = REASON_NO_OP;
	return false;
}

bool policy_accept_nowait(const struct thread *t)
{
	return t->ring.features & IORING_FEAT_RECVSEND_BUNDLE;
}

void policy_renew_rings(void)
{
	__atomic_add_fetch(&ring_epoch, 1, __ATOMIC_RELEASE);
	if (process_config()->sqpoll)
		polling_renew();
}

void policy_close_own_ring(void)
{
	struct thread *t = thread_self();

	if (t && thread_is_own())
		policy_drop_own_ring(t);
}

bool policy_part(void)
{
	struct thread *t = thread_self();

	if (!t || !thread_is_own())
		return false;
	policy_drop_own_ring(t);
	t->parted = true;
	return t->had_ring;
}

bool policy_parted(void)
{
	struct thread *t = thread_self();

	return t && t->parted && t->had_ring && thread_is_own();
}

void policy_watch(void)
{
	__atomic_store_n(&watches, true, __ATOMIC_RELAXED);
}

bool policy_watches(void)
{
	return XU_LOAD(&watches);
}

/* What engines were interested in before the process sandboxed itself. */
static unsigned interests;

void policy_sandbox(void)
{
	interests = awake & ~(unsigned)AWAKE_ALL;
	process_sleep(interests);
	__atomic_store_n(&sandboxed, true, __ATOMIC_RELEASE);
}

void policy_unsandbox(void)
{
	__atomic_store_n(&sandboxed, false, __ATOMIC_RELEASE);
	process_wake(interests);
}

bool policy_sandboxed(void)
{
	return XU_LOAD_ACQUIRE(&sandboxed);
}

const char *policy_ring_kind(void)
{
	return ring_kind;
}

char *policy_why_no_ring(char *buf, size_t size)
{
	const char *call = XU_LOAD(&failed_call);
	const char *error = XU_LOAD(&failed_error);
	struct xu_text t;

	xu_text_init(&t, buf, size);
	if (call && error) {
		xu_text_str(&t, call);
		xu_text_str(&t, ": ");
		xu_text_str(&t, error);
	}
	return buf;
}
