/* Messages, and a line that shows progress. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/examples/xu-cp/xu-cp.h"

int status;
struct progress progress;
static bool shown;
static struct timespec start, last;

/* Messages begin where the progress line was. */
static void clear_line(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}

void complain(int error, const char *format, ...)
{
	va_list args;

	clear_line();
	fputs("xu-cp: ", stderr);
	va_start(args, format);
	for (const char *at; (at = strstr(format, "%s")); format = at) {
		bool name = at > format && at[-1] == '\'';

		fwrite(format, 1, (size_t)(at - format) - name, stderr);
		if (name)
			put_quoted(stderr, va_arg(args, const char *));
		else
			fputs(va_arg(args, const char *), stderr);
		at += 2 + name;
	}
	va_end(args);
	fputs(format, stderr);
	fprintf(stderr, error ? ": %s\n" : "\n", strerror(error));
	status = 1;
}

void tell(const char *from, const char *to)
{
	if (!options.verbose)
		return;
	clear_line();
	put_quoted(stdout, from);
	fputs(" -> ", stdout);
	put_quoted(stdout, to);
	putchar('\n');
}

static double seconds_since(const struct timespec *then, const struct timespec *now)
{
	return (double)(now->tv_sec - then->tv_sec) + (double)(now->tv_nsec - then->tv_nsec) / 1e9;
}

void begin_progress(void)
{
	clock_gettime(CLOCK_MONOTONIC, &start);
	last = start;
}

/* From the first second on, five times in each. */
void show_progress(void)
{
	struct timespec now;
	double all;
	unsigned part;

	if (!progress.wanted)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	all = seconds_since(&start, &now);
	if (all < 1 || seconds_since(&last, &now) < 0.2)
		return;
	last = now;
	part = progress.known ? (unsigned)(progress.bytes * 20 / progress.known) : 0;
	part = part < 20 ? part : 20;
	fprintf(stderr, "\r\033[K[%.*s%*s] %llu of %llu MiB, %.0f MiB/s, %lu files", (int)part,
		"====================", 20 - (int)part, "", progress.bytes >> 20,
		progress.known >> 20, (double)(progress.bytes >> 20) / all, progress.files);
	shown = true;
}

void end_progress(void)
{
	if (shown)
		fputs("\n", stderr);
}
