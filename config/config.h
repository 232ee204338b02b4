/*
 * The options of a process: from defaults, profiles, configuration files and the environment, each stronger than the one
 * before. Every value remembers how strong its source was, and is replaced only by one that is at least as strong; so
 * the sources may be read in any order, and each is read once. Nothing here allocates, and nothing touches errno.
 *
 *     xu_config_defaults      options.def
 *     xu_config_environment   XURING_NAME=value
 *     xu_config_files         /etc/xuring.conf and ~/.config/xuring.conf, or the file that XURING_CONFIG names (file.c)
 *     xu_config_profiles      the profiles that the option PROFILE names by now (profiles.def)
 */
#ifndef XU_CONFIG_H
#define XU_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "config/text.h"

/* Texts are copied: a program may overwrite the memory of its environment. */
#define XU_TEXT_MAX 1024

enum xu_mode { XU_MODE_AUTO, XU_MODE_RING, XU_MODE_OFF };
enum xu_fsync { XU_FSYNC_SHARE, XU_FSYNC_OFF, XU_FSYNC_BATCH };
enum xu_aio { XU_AIO_AUTO, XU_AIO_OFF, XU_AIO_ON };
enum xu_scout { XU_SCOUT_AUTO, XU_SCOUT_ON, XU_SCOUT_OFF };
enum xu_batch { XU_BATCH_AUTO, XU_BATCH_ON, XU_BATCH_OFF };
enum xu_send { XU_SEND_NOW, XU_SEND_LATER };
enum xu_read { XU_READ_NOW, XU_READ_AHEAD };
enum xu_write { XU_WRITE_NOW, XU_WRITE_LATER };
enum xu_writeback { XU_WRITEBACK_LATE, XU_WRITEBACK_AUTO, XU_WRITEBACK_EARLY };
enum xu_log { XU_LOG_ERROR, XU_LOG_WARN, XU_LOG_INFO, XU_LOG_DEBUG, XU_LOG_TRACE };

/* Where a value comes from, the weakest first. */
enum xu_source { XU_FROM_DEFAULT, XU_FROM_PROFILE, XU_FROM_FILE, XU_FROM_ENVIRONMENT };

/* The places of the rows of options.def: XU_OPTION_MODE, ... */
enum xu_option_place {
#define CHOICE(NAME, field, def, words, help) XU_OPTION_##NAME,
#define NUMBER(NAME, field, def, low, high, help) XU_OPTION_##NAME,
#define TEXT(NAME, field, form, help) XU_OPTION_##NAME,
#include "config/options.def"
	XU_NR_OPTIONS
};

/*
 * The options: one member each; the types follow the rows of options.def. The texts, mostly empty, come last: most
 * programs never touch the pages in which they lie.
 */
struct xu_config {
#define CHOICE(NAME, field, def, words, help) unsigned field;
#define NUMBER(NAME, field, def, low, high, help) unsigned long field;
#define TEXT(NAME, field, form, help)
#include "config/options.def"
	unsigned long profiles;		     /* a bit for each profile that is in force */
	unsigned char source[XU_NR_OPTIONS]; /* enum xu_source of each value */
#define CHOICE(NAME, field, def, words, help)
#define NUMBER(NAME, field, def, low, high, help)
#define TEXT(NAME, field, form, help) char field[XU_TEXT_MAX];
#include "config/options.def"
};

enum xu_kind { XU_CHOICE, XU_NUMBER, XU_TEXT };

/* A row of options.def. */
struct xu_option {
	const char *name;
	const char *form; /* the words of a choice, or what a text looks like */
	const char *def;  /* of a choice, or what an empty text means */
	const char *help;
	unsigned long number, low, high;
	size_t offset; /* of its member in struct xu_config */
	enum xu_kind kind;
};
extern const struct xu_option xu_options[XU_NR_OPTIONS];

/* A row of a file in profiles/: a profile, or, with neither purpose nor relaxation, a setting of the last profile. */
struct xu_profile_row {
	const char *name;    /* of the profile, or of the option */
	const char *purpose; /* what programs it is for */
	const char *relaxes; /* what of a program's view of the system, in plain words */
	const char *value;   /* of a setting */
};
extern const struct xu_profile_row xu_profile_rows[];
extern const size_t xu_nr_profile_rows;

/* Told of each mistake, as one line without a line end. */
typedef void xu_config_report(const char *message);

/* Fill `config`, whose bytes are all zero, with the defaults. */
void xu_config_defaults(struct xu_config *config);

/* Take over every XURING_* of an environment. A mistake is reported and leaves the option as it was. */
void xu_config_environment(struct xu_config *config, char *const *env, xu_config_report *report);

/*
 * Take over the configuration files as they concern a program of this name; `env` has HOME. Of the mistakes in a file
 * the first is reported. With no program, what stands in any section is looked at, and all mistakes are reported.
 */
void xu_config_files(struct xu_config *config, char *const *env, const char *program,
		     xu_config_report *report);

/* Turn the text of the option PROFILE into settings. */
void xu_config_profiles(struct xu_config *config, xu_config_report *report);

/* Is this profile in force, named by the user or included by one that is? */
bool xu_config_profile(const struct xu_config *config, const char *name);

/*
 * Set one option by its name without XURING_, unless it has a value from a stronger source. False, with the reason in
 * `why`, when name or value are wrong.
 */
bool xu_config_set(struct xu_config *config, enum xu_source source, const char *name, size_t len,
		   const char *value, struct xu_text *why);

/* The word of a choice: xu_config_word("MODE", 1) is "ring". Written into buf; returns buf. */
char *xu_config_word(const char *name, unsigned value, char *buf, size_t size);

/* Does `name` fit one of the comma-separated shell patterns (* and ?)? Blanks around a pattern do not count. */
bool xu_pattern_list(const char *patterns, const char *name);

/* The name that is spelt most like this one. `nth` gives all names, and NULL after the last. */
const char *xu_nearest(const char *name, size_t len, const char *(*nth)(size_t));

#endif
