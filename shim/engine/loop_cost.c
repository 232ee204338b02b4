/*
 * Does company pay here?
 *
 * Two prices decide. What a system call costs before it does anything is found out when the first event loop begins, by
 * a few calls that do nothing: where that is little, as on most machines, nothing that is done here can gain, and the
 * engine ends before it began. Where it is more, both ways are tried on the first ready list that is long enough: its
 * sockets are looked at (MSG_PEEK: it changes nothing) one by one with plain calls, and all together through the ring.
 */
#include <time.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/engine/loop.h"
#include "shim/log.h"
#include "shim/process.h"

/* Below this, a call costs less than the second way into the socket that receiving ahead makes. */
enum { CHEAP_NS = 200, ENOUGH = 8, ROUNDS = 3 };

static unsigned batch;
static bool defers;
static enum { UNKNOWN, PAYS, LOSES } verdict;
static unsigned price_ns, plain_ns, ring_ns;

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
		return true;
	}
	if (!price_ns)
		price_ns = price();
	if (price_ns >= CHEAP_NS)
		return true;
	verdict = LOSES;
	say("calls are cheap here");
	return false;
}

/* Nanoseconds for one of these sockets, plainly. */
static unsigned time_plain(struct loop *l, const int *ready, unsigned nr)
{
	uint64_t start = now();

	for (unsigned i = 0; i < nr; i++)
		xu_sys(SYS_recvfrom, ready[i], l->in[0], IN_SIZE, MSG_PEEK | MSG_DONTWAIT, 0, 0);
	return (unsigned)((now() - start) / nr);
}

static unsigned time_ring(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	uint64_t start = now();

	recv_look(c, l, ready, nr);
	start = now() - start;
	recv_forget(l);
	return (unsigned)(start / nr);
}

static void compare(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	unsigned plain = ~0u, ring = ~0u, saved, spent;

	for (int round = 0; round < ROUNDS; round++) {
		unsigned t = time_ring(c, l, ready, nr);

		ring = t < ring ? t : ring;
		t = time_plain(l, ready, nr);
		plain = t < plain ? t : plain;
	}
	/* A request is received: one call, or a look and a drop. And, where sends are put off, sent. */
	saved = plain * (defers ? 2 : 1);
	spent = ring * (defers ? 3 : 2);
	plain_ns = plain;
	ring_ns = ring;
	verdict = saved > spent ? PAYS : LOSES;
	say(verdict == PAYS ? "in company from here on" : "company does not pay here");
	if (verdict == LOSES)
		process_sleep(AWAKE_LOOP);
}

bool cost_pays(struct call *c, struct loop *l, const int *ready, unsigned nr)
{
	if (verdict == UNKNOWN && nr >= ENOUGH)
		compare(c, l, ready, nr);
	return verdict == PAYS && (nr >= HANDFUL || batch == XU_BATCH_ON);
}

bool cost_paid(unsigned nr)
{
	return verdict == PAYS && (nr >= HANDFUL || batch == XU_BATCH_ON);
}

void cost_report(struct xu_text *t)
{
	static const char *const words[] = {"unknown", "pays", "loses"};
	const struct {
		const char *name;
		unsigned ns;
	} prices[] = {{"call_ns", price_ns}, {"plain_ns", plain_ns}, {"ring_ns", ring_ns}};

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
