// SPDX-License-Identifier: MIT
/*
 * libFuzzer: XURING_DENY and XURING_DENY_OPS, and the names of ops. policy.c is taken in whole, since its parsers are its
 * own; what it calls elsewhere is not reached from them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/policy.c" /* NOLINT(bugprone-suspicious-include) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

unsigned awake;

void log_line(enum xu_log level, ...)
{
	(void)level;
}

bool log_wanted(enum xu_log level)
{
	(void)level;
	return false;
}

struct thread *thread_self(void)
{
	return NULL;
}

bool thread_is_own(void)
{
	return true;
}

const struct xu_config *process_config(void)
{
	static struct xu_config config;

	return &config;
}

int polling_queue_init(unsigned entries, struct xu_ring *ring, unsigned want)
{
	(void)entries;
	(void)ring;
	(void)want;
	return -ENOSYS;
}

void polling_renew(void) {}

bool reach_ask(uintptr_t byte, unsigned how)
{
	(void)byte;
	(void)how;
	return true;
}

static void told(const char *message)
{
	if (!*message)
		abort();
}

/* An op's name leads back to it, and a name that is not one to nothing. */
static void op_names(const char *text, size_t size)
{
	int op = xu_op_number(text, size);

	if (op >= 0 && (strlen(xu_op_name((unsigned)op)) != size ||
			memcmp(xu_op_name((unsigned)op), text, size)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xu_config config;
	char *half;

	if (size >= XU_TEXT_MAX)
		return 0;
	op_names((const char *)data, size);
	memset(&config, 0, sizeof(config));
	xu_config_defaults(&config);
	memcpy(config.deny, data, size);
	config.deny[size] = '\0';
	half = strchr(config.deny, ';');
	strcpy(config.deny_ops, half ? half + 1 : config.deny);
	if (half)
		*half = '\0';
	policy_start(&config, told);
	if ((deny_setup.error && !deny_setup.from) || (deny_enter.error && !deny_enter.from))
		abort();
	return 0;
}
