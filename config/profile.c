/* Profiles: settings under one name, from the files in profiles/. */
#include "config/config.h"

/* A setting of an option that does not exist does not compile: it has no place. */
const struct xu_profile_row xu_profile_rows[] = {
#define PROFILE(name, purpose, relaxes) {#name, purpose, relaxes, NULL},
#define SET(NAME, value) {&#NAME[0 * XU_OPTION_##NAME], NULL, NULL, value},
#include "config/profiles.def"
};

const size_t xu_nr_profile_rows = sizeof(xu_profile_rows) / sizeof(xu_profile_rows[0]);

/* The row of the n-th profile; NULL after the last. */
static const struct xu_profile_row *profile_row(size_t n)
{
	for (size_t i = 0; i < xu_nr_profile_rows; i++)
		if (!xu_profile_rows[i].value && !n--)
			return &xu_profile_rows[i];
	return NULL;
}

static const char *profile_name(size_t n)
{
	const struct xu_profile_row *row = profile_row(n);

	return row ? row->name : NULL;
}

/* Its place among the profiles, or -1. */
static int place_of(const char *name, size_t len)
{
	for (size_t n = 0; profile_name(n); n++)
		if (strlen(profile_name(n)) == len && !memcmp(profile_name(n), name, len))
			return (int)n;
	return -1;
}

static void report_unknown(const char *name, size_t len, xu_config_report *report)
{
	char buf[256];
	struct xu_text t;

	xu_text_init(&t, buf, sizeof(buf));
	xu_text_str(&t, "PROFILE ");
	xu_text_mem(&t, name, len < 64 ? len : 64);
	xu_text_str(&t, ": no such profile; the nearest is ");
	xu_text_str(&t, xu_nearest(name, len, profile_name));
	xu_text_str(&t, "; ignored");
	report(buf);
}

/* Put the profiles of a comma-separated list in force, each after those that it includes. The bit stops those in a circle. */
static void apply(struct xu_config *config, const char *list, xu_config_report *report)
{
	char buf[256];
	struct xu_text why;

	while (*list) {
		size_t comma = xu_text_until(list, ','), blank = xu_text_until(list, ' ');
		size_t len = comma < blank ? comma : blank;
		int place = len ? place_of(list, len) : -1;

		if (len && place < 0) {
			report_unknown(list, len, report);
		} else if (len && !(config->profiles & 1ul << place)) {
			const struct xu_profile_row *row = profile_row((size_t)place);
			const struct xu_profile_row *end = xu_profile_rows + xu_nr_profile_rows;

			config->profiles |= 1ul << place;
			for (row++; row < end && row->value; row++) {
				if (!strcmp(row->name, "PROFILE")) {
					apply(config, row->value, report);
					continue;
				}
				xu_text_init(&why, buf, sizeof(buf));
				if (!xu_config_set(config, XU_FROM_PROFILE, row->name,
						   strlen(row->name), row->value, &why))
					report(buf);
			}
		}
		list += len;
		while (*list == ',' || *list == ' ')
			list++;
	}
}

void xu_config_profiles(struct xu_config *config, xu_config_report *report)
{
	apply(config, *config->profile ? config->profile : "safe", report);
}

bool xu_config_profile(const struct xu_config *config, const char *name)
{
	int place = place_of(name, strlen(name));

	return place >= 0 && config->profiles & 1ul << place;
}
