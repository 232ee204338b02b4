/*
 * Does company pay here, and from how many on?
 *
 * What a system call costs before it does anything is found out when the first event loop begins, by a few calls that do
 * nothing: where that is little, as on most machines, nothing that is done here can gain, and the engine ends before it
 * began. Where it is more, both ways are tried on the first ready lists that are long enough: their sockets are looked at
 * (MSG_PEEK: it changes nothing) one by one with plain calls, and all together through the ring. With
 *
 *     call    what any system call costs            plain   a receive by one: call + work
 *     op      the same by an op of the ring: its own price + work
 *
 * a request in company spares a receive, and a call where its answer is put off, too; it costs a look, a drop, and an op
 * that sends; and a turn costs two enters, however many requests are in it, and two calls more where handlers
 * are to be held back (loop_hold; four where it is a loop over poll or select). One of the enters is the wait, where
 * the kernel has an op for that, which it has for epoll alone:
 *
 *     n * (plain + call - 2 op - (op - work))  >  1 to 6 calls  ?
 */
#include <time.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/engine/loop.h"
#include "shim/log.h"
#include "shim/policy.h"
#include "shim/process.h"
#include "shim/signals.h"

/* Below this, a call costs less than the second way into the socket that receiving ahead makes. */
enum { CHEAP_NS = 200 };

/*
 * What is measured: lists of at least ENOUGH, as far as A_FEW, LISTS of them, ROUNDS times each; the best counts. That
 * holds up the requests of a list for some ten microseconds.
 */
enum { ENOUGH = 8, A_FEW = 16, LISTS = 8, ROUNDS = 2 };

/* Where it would take more than this to gain, it is not worth trying. */
enum { MANY = 64 };

static unsigned batch;
static bool defers;
static bool polls;
static enum { UNKNOWN, PAYS, LOSES } verdict;
static unsigned call_ns, plain_ns, op_ns, lists;

/* From so many on. */
static unsigned from;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Nanoseconds of a call that does nothing: the best of a few rounds, in about a microsecond where calls are cheap. */
static unsigned price(void)
{
	uint64_t best = UINT64_MAX;

	for (int round = 0; round < 4; round++) {
		uint64_t start = now(), t;

		for (int i = 0; i < 4; i++)
			xu_sys(SYS_getppid);
		t = (now() - start) / 4;
		best = t < best ? t : best;
	}
	return (unsigned)best;
}

static void say(const char *what)
{
	char buf[160];
	struct xu_text t;

	if (!log_wanted(XU_LOG_INFO))
		return;
	xu_text_init(&t, buf, sizeof(buf));
	xu_text_str(&t, "loop: ");
	xu_text_str(&t, what);
	xu_text_str(&t, ": ");
	cost_report(&t);
	log_line(XU_LOG_INFO, buf, NULL);
}

bool cost_begin(const struct xu_config *config)
{
	batch = config->batch;
	defers = config->send == XU_SEND_LATER;
	if (batch == XU_BATCH_ON) {
		verdict = PAYS;
		from = 1;
		return true;
	}
	if (!call_ns)
		call_ns = price();
	if (call_ns >= CHEAP_NS)
		return true;
	verdict = LOSES;
	say("calls are cheap here");
	return false;
}

void cost_of_polls(void)
{
	polls = true;
}

/* Nanoseconds for one of these sockets, plainly. */
static unsigned time_plain(struct loop *l, const int *ready, unsigned nr)
{
	uint64_t start = now();

	for (unsigned i = 0; i < nr; i++)
		xu_sys(SYS_recvfrom, ready[i], l->in[0], IN_SIZE, MSG_PEEK | MSG_DONTWAIT, 0, 0);
	return (unsigned)((now() - start) / nr);
}

/* Nanoseconds for one of them by an op, without the enter that is common to all. */
static unsigned time_op(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	uint64_t start = now();

	recv_look(c, l, ready, nr);
	start = now() - start;
	recv_forget(l);
	return start > call_ns ? (unsigned)((start - call_ns) / nr) : 0;
}

static void keep_least(unsigned *least, unsigned ns)
{
	if (!*least || ns < *least)
		*least = ns;
}

static void judge(void)
{
	unsigned calls = 2 + (signals_any() ? (polls ? 4 : 2) : 0) -
			 (!polls && policy_has_op(IORING_OP_EPOLL_WAIT));
	int gain = (int)plain_ns - 2 * (int)op_ns;

	if (defers)
		gain += (int)plain_ns - (int)op_ns;
	from = gain > 0 ? calls * call_ns / (unsigned)gain + 1 : MANY + 1;
	verdict = from <= MANY ? PAYS : LOSES;
	say(verdict == PAYS ? "in company from here on" : "company does not pay here");
	if (verdict == LOSES)
		process_sleep(AWAKE_LOOP);
}

static void compare(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	nr = nr < A_FEW ? nr : A_FEW;
	loop_hold(l);
	for (int round = 0; round < ROUNDS; round++) {
		keep_least(&op_ns, time_op(c, l, ready, nr));
		keep_least(&plain_ns, time_plain(l, ready, nr));
	}
	if (++lists == LISTS)
		judge();
}

bool cost_pays(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	if (verdict == UNKNOWN && nr >= ENOUGH)
		compare(c, l, ready, nr);
	return cost_paid(nr);
}

bool cost_paid(unsigned nr)
{
	return verdict == PAYS && nr >= from;
}

void cost_report(struct xu_text *t)
{
	static const char *const words[] = {"unknown", "pays", "loses"};
	const struct {
		const char *name;
		unsigned ns;
	} prices[] = {{"call_ns", call_ns}, {"plain_ns", plain_ns}, {"op_ns", op_ns}, {"from", from}};

	xu_text_str(t, "\"verdict\":\"");
	xu_text_str(t, words[verdict]);
	xu_text_str(t, "\"");
	for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
		xu_text_str(t, ",\"");
		xu_text_str(t, prices[i].name);
		xu_text_str(t, "\":");
		xu_text_num(t, prices[i].ns, 0);
	}
}
