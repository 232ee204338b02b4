/*
 * What the benchmarks share: two ways of doing the same thing, measured side by side.
 *
 * A virtual machine is never quiet: its speed drifts by tens of percent within a second. So nothing here is measured
 * first one way and then the other. Both sides run in short blocks that alternate,
 *
 *     a b   b a   a b   b a   ...      until the time is up
 *
 * and what counts is the median over all pairs: of each side's time, of the difference within a pair, and of the
 * ratio within a pair. Drift hits both halves of a pair alike. A pair in which another process got our CPU is not
 * counted, where the thing itself does not make others run.
 *
 * A program prints one JSON object a line, a record for scripts/bench, which makes the table.
 */
#ifndef XU_BENCH_H
#define XU_BENCH_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* One side: does the thing `count` times. */
struct side {
	const char *name;
	void (*block)(void *arg, unsigned count);
	void *arg;
};

/* What is compared: `per_block` times the thing, of which each counts as `ops` operations. */
struct figure {
	const char *suite;
	const char *name;
	struct side base, other;
	unsigned per_block;
	unsigned ops;
	pid_t base_pid,
		other_pid; /* if not 0: what counts is their CPU time, not the time that goes by */
	bool alone; /* it makes no other process run: a pair that was interrupted says nothing */
};

enum { BENCH_PAIRS_MAX = 20000 };

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Stay on the last CPU that is allowed, or on the first. */
static inline void stay_on_cpu(bool last)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		int cpu = last ? CPU_SETSIZE - 1 - i : i;

		if (CPU_ISSET(cpu, &allowed)) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof(one), &one);
			return;
		}
	}
}

/* Stay on one CPU: the last one, since the first is where a machine's own work tends to be. */
static inline void stay_on_one_cpu(void)
{
	stay_on_cpu(true);
}

/* Seconds for each figure: the first argument, or one. */
static inline double bench_seconds(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;

	return seconds > 0 ? seconds : 1;
}

/* How often this process had to leave its CPU to another. */
static inline long interruptions(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_nivcsw;
}

/* The CPU time of a process, or, without one, what time it is. */
static inline uint64_t clock_ns(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (!pid)
		return now_ns();
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		die("CPU clock");
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Nanoseconds an operation of one block. */
static inline double time_block(const struct figure *f, const struct side *s)
{
	pid_t pid = s == &f->base ? f->base_pid : f->other_pid;
	uint64_t start = clock_ns(pid);

	s->block(s->arg, f->per_block);
	return (double)(clock_ns(pid) - start) / f->per_block / f->ops;
}

static inline int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value below which `part` of the n values lie. Sorts them. */
static inline double quantile(double *v, size_t n, double part)
{
	qsort(v, n, sizeof(*v), compare_doubles);
	return v[(size_t)((double)(n - 1) * part + 0.5)];
}

/* Run both sides alternately for so many seconds and print the record. */
static inline void measure(const struct figure *f, double seconds)
{
	static double base[BENCH_PAIRS_MAX], other[BENCH_PAIRS_MAX], diff[BENCH_PAIRS_MAX],
		ratio[BENCH_PAIRS_MAX];
	uint64_t end;
	size_t n = 0;

	for (int i = 0; i < 3; i++) {
		time_block(f, &f->base);
		time_block(f, &f->other);
	}
	end = now_ns() + (uint64_t)(seconds * 1e9);
	while ((n < 5 || now_ns() < end) && n < BENCH_PAIRS_MAX) {
		long before = interruptions();

		if (n % 2)
			other[n] = time_block(f, &f->other);
		base[n] = time_block(f, &f->base);
		if (n % 2 == 0)
			other[n] = time_block(f, &f->other);
		diff[n] = other[n] - base[n];
		ratio[n] = other[n] / base[n];
		n += !f->alone || interruptions() == before;
	}
	printf("{\"suite\":\"%s\",\"figure\":\"%s\",\"base\":\"%s\",\"other\":\"%s\",\"unit\":\"ns\",\"pairs\":%zu,"
	       "\"base_ns\":%.2f,\"other_ns\":%.2f,\"diff_ns\":%.2f,\"ratio\":%.4f,\"ratio_low\":%.4f,"
	       "\"ratio_high\":%.4f}\n",
	       f->suite, f->name, f->base.name, f->other.name, n, quantile(base, n, 0.5),
	       quantile(other, n, 0.5), quantile(diff, n, 0.5), quantile(ratio, n, 0.5),
	       quantile(ratio, n, 0.25), quantile(ratio, n, 0.75));
	fflush(stdout);
}

#endif
