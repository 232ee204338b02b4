/* Statistics: see stats.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/engine/engine.h"
#include "shim/log.h"
#include "shim/policy.h"
#include "shim/process.h"
#include "shim/stats.h"
#include "shim/thread.h"

static enum { NONE, TABLE, JSON } form;
static char path[4096];

/* The sum over all threads. */
struct totals {
	uint64_t enters;
	uint64_t rings;
	uint64_t threads;
	uint64_t ns[NR_SYMBOLS], bytes[NR_SYMBOLS];
	uint64_t reasons[NR_REASONS];
	uint64_t calls[NR_SYMBOLS][NR_WAYS];
};

static const char *const ways[NR_WAYS] = {"kernel", "ring", "memory", "queued", "fallback"};

static const char *const reasons[NR_REASONS] = {
#define REASON(symbol, name, fallback) name,
#include "shim/reasons.def"
};

/* The path as it was meant at the start, whatever the program does to its working directory. */
static void set_path(const char *p)
{
	struct xu_text t;

	xu_text_init(&t, path, sizeof(path));
	if (*p != '/') {
		long n = xu_sys(SYS_getcwd, path, sizeof(path) - XU_TEXT_MAX - 1);

		if (n > 1) {
			t.len = (size_t)n - 1;
			xu_text_str(&t, "/");
		}
	}
	xu_text_str(&t, p);
}

bool stats_times;

void stats_start(const struct xu_config *config, xu_config_report *report)
{
	const char *s = config->stats;

	stats_times = config->times;
	if (!strcmp(s, "1")) {
		form = TABLE;
	} else if (!strncmp(s, "json:", 5) && s[5]) {
		form = JSON;
		set_path(s + 5);
	} else if (*s && strcmp(s, "0")) {
		report("XURING_STATS: not 1 or json:PATH; ignored");
	}
}

bool stats_wanted(void)
{
	return form != NONE;
}

bool stats_on_stderr(void)
{
	return form == TABLE;
}

uint64_t stats_clock(void)
{
	struct timespec now = {0, 0};

	/* In a sandbox it may be a system call, and the last one. */
	if (policy_sandboxed())
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void stats_add_spent(enum symbol symbol, uint64_t began, bool moves, long result)
{
	int saved = errno;
	uint64_t now = stats_clock();
	struct thread *t = thread_self();

	if (t && now) {
		__atomic_add_fetch(&t->spent[symbol].ns, now - began, __ATOMIC_RELAXED);
		if (moves && result > 0)
			__atomic_add_fetch(&t->spent[symbol].bytes, (uint64_t)result,
					   __ATOMIC_RELAXED);
	}
	errno = saved;
}

static void move(uint64_t *to, uint64_t *from)
{
	*to += __atomic_exchange_n(from, 0, __ATOMIC_RELAXED);
}

static void add(struct thread *t, void *arg)
{
	struct totals *sum = arg;

	if (!t->tid)
		return;
	sum->threads++;
	move(&sum->enters, &t->enters);
	move(&sum->rings, &t->rings);
	for (int r = 0; r < NR_REASONS; r++)
		move(&sum->reasons[r], &t->reasons[r]);
	for (int s = 0; s < NR_SYMBOLS; s++)
		for (int w = 0; w < NR_WAYS; w++)
			if (XU_LOAD(&t->calls[s][w]))
				move(&sum->calls[s][w], &t->calls[s][w]);
	for (int s = 0; stats_times && s < NR_SYMBOLS; s++) {
		move(&sum->ns[s], &t->spent[s].ns);
		move(&sum->bytes[s], &t->spent[s].bytes);
	}
}

static uint64_t total(const struct totals *sum, int symbol)
{
	uint64_t n = 0;

	for (int w = 0; w < NR_WAYS; w++)
		n += sum->calls[symbol][w];
	return n;
}

static uint64_t calls(const struct totals *sum)
{
	uint64_t n = 0;

	for (int s = 0; s < NR_SYMBOLS; s++)
		n += total(sum, s);
	return n;
}

static const char *ring_kind(const struct totals *sum)
{
	return sum->rings ? policy_ring_kind() : "none";
}

static const char *why_no_ring(const struct totals *sum, char *buf, size_t size)
{
	return sum->rings ? "" : policy_why_no_ring(buf, size);
}

static void json_key(struct xu_text *t, const char *key, const char *before)
{
	xu_text_str(t, before);
	xu_text_json(t, key);
	xu_text_str(t, ":");
}

static void json_number(struct xu_text *t, const char *key, uint64_t n, const char *before)
{
	json_key(t, key, before);
	xu_text_num(t, n, 0);
}

static void json_string(struct xu_text *t, const char *key, const char *value, const char *before)
{
	json_key(t, key, before);
	xu_text_json(t, value);
}

/* What calls took, where that was wanted: "spent". */
static void json_spent(struct xu_text *t, const uint64_t *ns, const uint64_t *bytes)
{
	const char *comma = "";

	json_key(t, "spent", ",");
	xu_text_str(t, "{");
	for (int s = 0; s < NR_SYMBOLS; s++) {
		if (!ns[s])
			continue;
		json_key(t, symbol_name((enum symbol)s), comma);
		json_number(t, "ns", ns[s], "{");
		json_number(t, "bytes", bytes[s], ",");
		xu_text_str(t, "}");
		comma = ",";
	}
	xu_text_str(t, "}");
}

static void json_engines(struct xu_text *t)
{
	json_key(t, "engines", ",");
	xu_text_str(t, "{");
	engines_report(t);
	xu_text_str(t, "}");
}

/* One line: design as in README.md. Symbols that were not called are left out. */
static void json(struct xu_text *t, const struct totals *sum)
{
	const struct xu_config *config = process_config();
	const char *comma = "";
	char word[16];
	char why[64];

	json_number(t, "pid", (uint64_t)xu_sys(SYS_getpid), "{");
	json_string(t, "prog", process_name(), ",");
	json_string(t, "mode", xu_config_word("MODE", config->mode, word, sizeof(word)), ",");
	json_string(t, "profile", *config->profile ? config->profile : "safe", ",");
	json_string(t, "ring", ring_kind(sum), ",");
	json_string(t, "why_no_ring", why_no_ring(sum, why, sizeof(why)), ",");
	json_number(t, "enters", sum->enters, ",");
	json_number(t, "rings", sum->rings, ",");
	json_number(t, "threads", sum->threads, ",");
	json_key(t, "calls", ",");
	xu_text_str(t, "{");
	for (int s = 0; s < NR_SYMBOLS; s++) {
		if (!total(sum, s))
			continue;
		json_key(t, symbol_name((enum symbol)s), comma);
		json_number(t, "total", total(sum, s), "{");
		for (int w = 0; w < NR_WAYS; w++)
			json_number(t, ways[w], sum->calls[s][w], ",");
		xu_text_str(t, "}");
		comma = ",";
	}
	json_key(t, "reasons", "},");
	xu_text_str(t, "{");
	comma = "";
	for (int r = REASON_NONE + 1; r < NR_REASONS; r++) {
		if (!sum->reasons[r])
			continue;
		json_number(t, reasons[r], sum->reasons[r], comma);
		comma = ",";
	}
	xu_text_str(t, "}");
	if (stats_times)
		json_spent(t, sum->ns, sum->bytes);
	json_engines(t);
	xu_text_str(t, "}\n");
}

/* The part of totals that stats_figures shows. */
struct figures {
	uint64_t enters, rings, threads, ns[NR_SYMBOLS], bytes[NR_SYMBOLS];
};

static void add_figures(struct thread *t, void *arg)
{
	struct figures *sum = arg;

	if (!t->tid)
		return;
	sum->threads++;
	sum->enters += XU_LOAD(&t->enters);
	sum->rings += XU_LOAD(&t->rings);
	for (int s = 0; stats_times && s < NR_SYMBOLS; s++) {
		sum->ns[s] += XU_LOAD(&t->spent[s].ns);
		sum->bytes[s] += XU_LOAD(&t->spent[s].bytes);
	}
}

void stats_figures(struct xu_text *t)
{
	static struct figures sum; /* the stack may be a handler's, and small */

	memset(&sum, 0, sizeof(sum));
	thread_each(add_figures, &sum);
	json_number(t, "enters", sum.enters, "{");
	json_number(t, "rings", sum.rings, ",");
	json_number(t, "threads", sum.threads, ",");
	if (stats_times)
		json_spent(t, sum.ns, sum.bytes);
	json_engines(t);
	xu_text_str(t, "}");
}

/* The same to be read by a person. */
static void table(struct xu_text *t, const struct totals *sum)
{
	char word[16];
	char why[64];

	xu_text_str(t, "xuring: ");
	xu_text_str(t, process_name());
	xu_text_str(t, "[");
	xu_text_num(t, (uint64_t)xu_sys(SYS_getpid), 0);
	xu_text_str(t, "] mode ");
	xu_text_str(t, xu_config_word("MODE", process_config()->mode, word, sizeof(word)));
	xu_text_str(t, ", ring ");
	xu_text_str(t, ring_kind(sum));
	if (*why_no_ring(sum, why, sizeof(why))) {
		xu_text_str(t, " (");
		xu_text_str(t, why);
		xu_text_str(t, ")");
	}
	xu_text_str(t, ", enters ");
	xu_text_num(t, sum->enters, 0);
	xu_text_str(t, "\n");
	xu_text_pad(t, "  call", 20);
	xu_text_str(t, "     total    kernel      ring    memory    queued  fallback\n");
	for (int s = 0; s < NR_SYMBOLS; s++) {
		if (!total(sum, s))
			continue;
		xu_text_str(t, "  ");
		xu_text_pad(t, symbol_name((enum symbol)s), 18);
		xu_text_num(t, total(sum, s), 10);
		for (int w = 0; w < NR_WAYS; w++)
			xu_text_num(t, sum->calls[s][w], 10);
		xu_text_str(t, "\n");
	}
	for (int r = REASON_NONE + 1; r < NR_REASONS; r++) {
		if (!sum->reasons[r])
			continue;
		xu_text_str(t, "  not by the ring: ");
		xu_text_pad(t, reasons[r], 14);
		xu_text_num(t, sum->reasons[r], 10);
		xu_text_str(t, "\n");
	}
}

void stats_write(void)
{
	/* On memory of its own: the way out may be a small stack. */
	struct workspace {
		struct totals sum;
		char buf[64 * 1024];
	} * w;
	static int written_by; /* the process that has written before, if any */
	struct xu_text t;
	int pid;
	long p;

	/* In a sandbox the least call may be the last one. */
	if (form == NONE || policy_sandboxed() || !thread_is_own())
		return;
	pid = (int)xu_sys(SYS_getpid);
	p = xu_sys(SYS_mmap, 0, sizeof(*w), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
	if (p < 0 && p > -4096)
		return;
	w = (struct workspace *)p;
	thread_each(add, &w->sum);
	if (written_by == pid && !calls(&w->sum))
		goto out;
	written_by = pid;
	xu_text_init(&t, w->buf, sizeof(w->buf));
	(form == JSON ? json : table)(&t, &w->sum);
	if (!log_write(form == JSON ? path : NULL, 2, t.buf, t.len))
		log_line(XU_LOG_INFO, "statistics could not be written to ",
			 form == JSON ? path : "stderr", NULL);
out:
	xu_sys(SYS_munmap, w, sizeof(*w));
}
