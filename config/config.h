/* The options as the program's environment sets them. Nothing here allocates, and nothing touches errno. */
#ifndef XU_CONFIG_H
#define XU_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

/* Texts are copied: a program may overwrite the memory of its environment. */
#define XU_TEXT_MAX 1024

enum xu_mode { XU_MODE_AUTO, XU_MODE_RING, XU_MODE_OFF };
enum xu_fsync { XU_FSYNC_SHARE, XU_FSYNC_OFF };
enum xu_log { XU_LOG_ERROR, XU_LOG_WARN, XU_LOG_INFO, XU_LOG_DEBUG, XU_LOG_TRACE };

/* One member an option; the types follow the rows of options.def. */
struct xu_config {
#define CHOICE(NAME, field, def, words, help) unsigned field;
#define NUMBER(NAME, field, def, low, high, help) unsigned long field;
#define TEXT(NAME, field, form, help) char field[XU_TEXT_MAX];
#include "config/options.def"
};

/* Told of each mistake, as one line without a line end. */
typedef void xu_config_report(const char *message);

/* Fill `config` with the defaults. */
void xu_config_defaults(struct xu_config *config);

/* Take over every XURING_* of an environment. A mistake is reported and leaves the option as it was. */
void xu_config_environment(struct xu_config *config, char *const *env, xu_config_report *report);

/* Set one option by its name without XURING_. False, with a report, when name or value are wrong. */
bool xu_config_set(struct xu_config *config, const char *name, size_t name_len, const char *value,
		   xu_config_report *report);

/* The word of a choice: xu_config_word("MODE", 1) is "ring". Written into buf; returns buf. */
char *xu_config_word(const char *name, unsigned value, char *buf, size_t size);

/* Does `name` fit one of the comma-separated shell patterns (* and ?)? */
bool xu_pattern_list(const char *patterns, const char *name);

#endif
