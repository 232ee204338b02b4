/* The library as a program (info.c): its commands, and what they share. */
#ifndef SHIM_INFO_H
#define SHIM_INFO_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/text.h"

/* The dynamic loader that we need, and with it the libc that we are for. */
#if defined(__GLIBC__) && defined(__x86_64__)
#define INFO_INTERPRETER "/lib64/ld-linux-x86-64.so.2"
#elif defined(__GLIBC__) && defined(__aarch64__)
#define INFO_INTERPRETER "/lib/ld-linux-aarch64.so.1"
#elif defined(__GLIBC__)
#define INFO_INTERPRETER "/lib/ld-linux-riscv64-lp64d.so.1"
#elif defined(__x86_64__)
#define INFO_INTERPRETER "/lib/ld-musl-x86_64.so.1"
#elif defined(__aarch64__)
#define INFO_INTERPRETER "/lib/ld-musl-aarch64.so.1"
#else
#define INFO_INTERPRETER "/lib/ld-musl-riscv64.so.1"
#endif

/* A command: `args` are what follows its name, up to NULL. Returns the exit status. */
int info_options(struct xu_text *out, char **args);
int info_profiles(struct xu_text *out, char **args);
int info_engines(struct xu_text *out, char **args);
int info_check(struct xu_text *out, char **args);
int info_judge(struct xu_text *out, char **args);

/* False: no ring can be had. */
bool info_kernel(struct xu_text *out);

/* One line on standard error. Also told of mistakes in options. */
void info_say(const char *message);

/* Can a ring be had here? Otherwise `why` and what to do about it. */
struct ring_answer {
	bool had;
	char what[256]; /* the kind of ring and its features, or why there is none */
	const char *remedy;
};
void info_ring(struct ring_answer *answer);

/* What is known of a program before it runs. */
struct target {
	enum { TARGET_SERVED, TARGET_BARE, TARGET_MISSING, TARGET_REFUSED } verdict;
	char path[4096]; /* where it was found */
	char why[512];	 /* why it is not served, or can not be run */
	bool go;	 /* written in Go: makes its system calls itself */
};
void info_target(struct target *target, const char *program);

#endif
