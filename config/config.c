/* Options: from the table, by the environment. A mistake is told with the nearest right name, and changes nothing. */
#include "config/config.h"
#include "config/text.h"

enum kind { KIND_CHOICE, KIND_NUMBER, KIND_TEXT };

/* A row of options.def. */
struct option {
	const char *name;
	enum kind kind;
	size_t offset;	  /* of its member in struct xu_config */
	const char *form; /* the words of a choice, or what a text looks like */
	const char *def;  /* of a choice */
	unsigned long number, low, high;
};

static const struct option options[] = {
#define CHOICE(NAME, field, def, words, help)                                                      \
	{#NAME, KIND_CHOICE, offsetof(struct xu_config, field), words, def, 0, 0, 0},
#define NUMBER(NAME, field, def, low, high, help)                                                  \
	{#NAME, KIND_NUMBER, offsetof(struct xu_config, field), "", "", def, low, high},
#define TEXT(NAME, field, form, help)                                                              \
	{#NAME, KIND_TEXT, offsetof(struct xu_config, field), form, "", 0, 0, 0},
#include "config/options.def"
};

#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))

static const struct option *find(const char *name, size_t len)
{
	for (size_t i = 0; i < NR_OPTIONS; i++)
		if (strlen(options[i].name) == len && !memcmp(options[i].name, name, len))
			return &options[i];
	return NULL;
}

/* How many letters have to be changed, put in or left out to make one name of the other (Levenshtein). */
static size_t distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t row[64];

	if (alen > 63 || blen > 63)
		return 64;
	for (size_t j = 0; j <= blen; j++)
		row[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[blen];
}

static const struct option *nearest(const char *name, size_t len)
{
	const struct option *best = &options[0];
	size_t least = 64;

	for (size_t i = 0; i < NR_OPTIONS; i++) {
		size_t d = distance(name, len, options[i].name, strlen(options[i].name));

		if (d < least) {
			least = d;
			best = &options[i];
		}
	}
	return best;
}

/* The place of `value` among words like "a|b|c", or -1. */
static int place_of(const char *words, const char *value)
{
	size_t len = strlen(value);

	for (int place = 0; *words; place++) {
		size_t n = strcspn(words, "|");

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

static void report_value(const struct option *o, const char *value, xu_config_report *report)
{
	char buf[512];
	struct xu_text t;

	xu_text_init(&t, buf, sizeof(buf));
	xu_text_str(&t, "XURING_");
	xu_text_str(&t, o->name);
	xu_text_str(&t, "=");
	xu_text_mem(&t, value, strnlen(value, 100));
	switch (o->kind) {
	case KIND_CHOICE:
		xu_text_str(&t, ": not one of ");
		xu_text_str(&t, o->form);
		break;
	case KIND_NUMBER:
		xu_text_str(&t, ": not a number from ");
		xu_text_num(&t, o->low, 0);
		xu_text_str(&t, " to ");
		xu_text_num(&t, o->high, 0);
		break;
	case KIND_TEXT:
		xu_text_str(&t, ": longer than ");
		xu_text_num(&t, XU_TEXT_MAX - 1, 0);
		xu_text_str(&t, " characters");
		break;
	}
	xu_text_str(&t, "; ignored");
	report(buf);
}

bool xu_config_set(struct xu_config *config, const char *name, size_t name_len, const char *value,
		   xu_config_report *report)
{
	const struct option *o = find(name, name_len);
	char *member = o ? (char *)config + o->offset : NULL;
	char buf[256];
	struct xu_text t;
	unsigned long n;
	int place;

	if (!o) {
		xu_text_init(&t, buf, sizeof(buf));
		xu_text_str(&t, "XURING_");
		xu_text_mem(&t, name, name_len < 64 ? name_len : 64);
		xu_text_str(&t, ": no such option; the nearest is XURING_");
		xu_text_str(&t, nearest(name, name_len)->name);
		report(buf);
		return false;
	}
	switch (o->kind) {
	case KIND_CHOICE:
		place = place_of(o->form, value);
		if (place < 0)
			break;
		*(unsigned *)(void *)member = (unsigned)place;
		return true;
	case KIND_NUMBER:
		if (!parse_number(value, &n) || n < o->low || n > o->high)
			break;
		*(unsigned long *)(void *)member = n;
		return true;
	case KIND_TEXT:
		if (strlen(value) >= XU_TEXT_MAX)
			break;
		memcpy(member, value, strlen(value) + 1);
		return true;
	}
	report_value(o, value, report);
	return false;
}

void xu_config_defaults(struct xu_config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < NR_OPTIONS; i++) {
		char *member = (char *)config + options[i].offset;

		if (options[i].kind == KIND_CHOICE)
			*(unsigned *)(void *)member =
				(unsigned)place_of(options[i].form, options[i].def);
		else if (options[i].kind == KIND_NUMBER)
			*(unsigned long *)(void *)member = options[i].number;
	}
}

void xu_config_environment(struct xu_config *config, char *const *env, xu_config_report *report)
{
	static const char prefix[] = "XURING_";
	size_t n = sizeof(prefix) - 1;

	for (; env && *env; env++) {
		const char *name = *env + n;
		size_t len;

		if (strncmp(*env, prefix, n))
			continue;
		len = strcspn(name, "=");
		if (name[len] == '=')
			xu_config_set(config, name, len, name + len + 1, report);
	}
}

char *xu_config_word(const char *name, unsigned value, char *buf, size_t size)
{
	const struct option *o = find(name, strlen(name));
	const char *words = o && o->kind == KIND_CHOICE ? o->form : "";
	struct xu_text t;

	xu_text_init(&t, buf, size);
	while (value-- && strchr(words, '|'))
		words = strchr(words, '|') + 1;
	xu_text_mem(&t, words, strcspn(words, "|"));
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

bool xu_pattern_list(const char *patterns, const char *name)
{
	while (*patterns) {
		size_t n = strcspn(patterns, ",");

		if (n && fits(patterns, patterns + n, name))
			return true;
		patterns += n + (patterns[n] == ',');
	}
	return false;
}
