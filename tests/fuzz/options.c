// SPDX-License-Identifier: MIT
/*
 * libFuzzer: any environment, any value of any option, any list of patterns. Nothing may crash or hang, every mistake is
 * told in one line, and whatever came in, the options are valid.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(const char *message)
{
	if (!*message || strchr(message, '\0') - message > 1000)
		abort();
}

/* Choices are one of their words, numbers in their range, texts terminated. */
static void check(const struct xu_config *config)
{
	char word[32];

#define CHOICE(NAME, field, def, words, help)                                                      \
	if (!*xu_config_word(#NAME, config->field, word, sizeof(word)) ||                          \
	    !strstr("|" words "|", word))                                                          \
		abort();
#define NUMBER(NAME, field, def, low, high, help)                                                  \
	if (config->field < (low) || config->field > (high))                                       \
		abort();
#define TEXT(NAME, field, form, help)                                                              \
	if (!memchr(config->field, '\0', sizeof(config->field)))                                   \
		abort();
#include "config/options.def"
}

/* The input's lines as an environment: each as it is, and as the value of an option. */
static void environment(char *text)
{
	static const char *const names[] = {
#define CHOICE(NAME, ...) #NAME,
#define NUMBER(NAME, ...) #NAME,
#define TEXT(NAME, ...) #NAME,
#include "config/options.def"
	};
	struct xu_config config = {0};
	struct xu_text why;
	char buf[256];
	char *env[64];
	size_t n = 0;

	xu_config_defaults(&config);
	check(&config);
	for (char *line = strtok(text, "\n"); line && n < 63; line = strtok(NULL, "\n")) {
		env[n++] = line;
		xu_text_init(&why, buf, sizeof(buf));
		xu_config_set(&config, XU_FROM_FILE, names[n % (sizeof(names) / sizeof(names[0]))],
			      strlen(names[n % (sizeof(names) / sizeof(names[0]))]), line, &why);
		check(&config);
	}
	env[n] = NULL;
	xu_config_environment(&config, env, report);
	xu_config_profiles(&config, report);
	check(&config);
}

/* The first line as patterns, the rest as a name. A name without blanks and signs fits itself. */
static void patterns(char *text)
{
	char *name = strchr(text, '\n');

	if (name)
		*name++ = '\0';
	else
		name = text;
	xu_pattern_list(text, name);
	if (*name && !strpbrk(name, ",*? \t") && !xu_pattern_list(name, name))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size > 5000)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (size && data[0] & 1)
		environment(text);
	else
		patterns(text);
	free(text);
	return 0;
}
