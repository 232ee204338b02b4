/* Options: from the table, by the environment. A mistake is told with the nearest right name, and changes nothing. */
#include "config/config.h"

const struct xu_option xu_options[XU_NR_OPTIONS] = {
#define CHOICE(NAME, field, def, words, help)                                                      \
	{#NAME, words, def, help, 0, 0, 0, offsetof(struct xu_config, field), XU_CHOICE},
#define NUMBER(NAME, field, def, low, high, help)                                                  \
	{#NAME, "", "", help, def, low, high, offsetof(struct xu_config, field), XU_NUMBER},
#define TEXT(NAME, field, form, help)                                                              \
	{#NAME, form, "", help, 0, 0, 0, offsetof(struct xu_config, field), XU_TEXT},
#include "config/options.def"
};

static const char *option_name(size_t i)
{
	return i < XU_NR_OPTIONS ? xu_options[i].name : NULL;
}

static const struct xu_option *find(const char *name, size_t len)
{
	for (size_t i = 0; i < XU_NR_OPTIONS; i++)
		if (strlen(xu_options[i].name) == len && !memcmp(xu_options[i].name, name, len))
			return &xu_options[i];
	return NULL;
}

/* The place of `value` among words like "a|b|c", or -1. */
static int place_of(const char *words, const char *value)
{
	size_t len = strlen(value);

	for (int place = 0; *words; place++) {
		size_t n = xu_text_until(words, '|');

		if (n == len && !memcmp(words, value, n))
			return place;
		words += n + (words[n] == '|');
	}
	return -1;
}

/* A whole number and nothing else. */
static bool parse_number(const char *s, unsigned long *n)
{
	*n = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || *n > 1000000000ul)
			return false;
		*n = *n * 10 + (unsigned long)(*s - '0');
	}
	return true;
}

/* Names in messages are as the source has them. */
static void name_option(struct xu_text *why, enum xu_source source, const char *name, size_t len)
{
	if (source == XU_FROM_ENVIRONMENT)
		xu_text_str(why, "XURING_");
	xu_text_mem(why, name, len < 64 ? len : 64);
}

static void explain_name(struct xu_text *why, enum xu_source source, const char *name, size_t len)
{
	const char *near = xu_nearest(name, len, option_name);

	name_option(why, source, name, len);
	xu_text_str(why, ": no such option; the nearest is ");
	name_option(why, source, near, strlen(near));
}

static void explain_value(struct xu_text *why, enum xu_source source, const struct xu_option *o,
			  const char *value)
{
	name_option(why, source, o->name, strlen(o->name));
	xu_text_str(why, "=");
	xu_text_mem(why, value, strnlen(value, 100));
	switch (o->kind) {
	case XU_CHOICE:
		xu_text_str(why, ": not one of ");
		xu_text_str(why, o->form);
		break;
	case XU_NUMBER:
		xu_text_str(why, ": not a number from ");
		xu_text_num(why, o->low, 0);
		xu_text_str(why, " to ");
		xu_text_num(why, o->high, 0);
		break;
	case XU_TEXT:
		xu_text_str(why, ": longer than ");
		xu_text_num(why, XU_TEXT_MAX - 1, 0);
		xu_text_str(why, " characters");
		break;
	}
}

bool xu_config_set(struct xu_config *config, enum xu_source source, const char *name, size_t len,
		   const char *value, struct xu_text *why)
{
	const struct xu_option *o = find(name, len);
	unsigned long n = 0;
	int place = 0;
	bool good = false;
	char *member;

	if (!o) {
		explain_name(why, source, name, len);
		return false;
	}
	switch (o->kind) {
	case XU_CHOICE: good = (place = place_of(o->form, value)) >= 0; break;
	case XU_NUMBER: good = parse_number(value, &n) && n >= o->low && n <= o->high; break;
	case XU_TEXT: good = strlen(value) < XU_TEXT_MAX; break;
	}
	if (!good) {
		explain_value(why, source, o, value);
		return false;
	}
	if (config->source[o - xu_options] > source)
		return true;
	config->source[o - xu_options] = (unsigned char)source;
	member = (char *)config + o->offset;
	switch (o->kind) {
	case XU_CHOICE: *(unsigned *)(void *)member = (unsigned)place; break;
	case XU_NUMBER: *(unsigned long *)(void *)member = n; break;
	case XU_TEXT: memcpy(member, value, strlen(value) + 1); break;
	}
	return true;
}

void xu_config_defaults(struct xu_config *config)
{
	for (size_t i = 0; i < XU_NR_OPTIONS; i++) {
		const struct xu_option *o = &xu_options[i];
		char *member = (char *)config + o->offset;

		if (o->kind == XU_CHOICE)
			*(unsigned *)(void *)member = (unsigned)place_of(o->form, o->def);
		else if (o->kind == XU_NUMBER)
			*(unsigned long *)(void *)member = o->number;
	}
}

void xu_config_environment(struct xu_config *config, char *const *env, xu_config_report *report)
{
	static const char prefix[] = "XURING_";
	size_t n = sizeof(prefix) - 1;
	struct xu_text why;
	char buf[512];

	for (; env && *env; env++) {
		const char *name = *env + n;
		size_t len;

		if (strncmp(*env, prefix, n))
			continue;
		len = xu_text_until(name, '=');
		xu_text_init(&why, buf, sizeof(buf));
		if (name[len] != '=' ||
		    xu_config_set(config, XU_FROM_ENVIRONMENT, name, len, name + len + 1, &why))
			continue;
		xu_text_str(&why, "; ignored");
		report(buf);
	}
}

char *xu_config_word(const char *name, unsigned value, char *buf, size_t size)
{
	const struct xu_option *o = find(name, strlen(name));
	const char *words = o && o->kind == XU_CHOICE ? o->form : "";
	struct xu_text t;

	xu_text_init(&t, buf, size);
	while (value-- && strchr(words, '|'))
		words = strchr(words, '|') + 1;
	xu_text_mem(&t, words, xu_text_until(words, '|'));
	return buf;
}

/* One shell pattern, ending at `end`. Linear in practice: only the last * is ever tried again. */
static bool fits(const char *p, const char *end, const char *s)
{
	const char *star = NULL;
	const char *from = NULL;

	while (*s) {
		if (p < end && *p == '*') {
			star = ++p;
			from = s;
		} else if (p < end && (*p == '?' || *p == *s)) {
			p++;
			s++;
		} else if (star) {
			p = star;
			s = ++from;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

bool xu_pattern_list(const char *patterns, const char *name)
{
	while (*patterns) {
		size_t n = xu_text_until(patterns, ',');
		const char *from = patterns;
		const char *end = patterns + n;

		while (from < end && blank(*from))
			from++;
		while (from < end && blank(end[-1]))
			end--;
		if (from < end && fits(from, end, name))
			return true;
		patterns += n + (patterns[n] == ',');
	}
	return false;
}
