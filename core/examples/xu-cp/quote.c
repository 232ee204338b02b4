/*
 * Names in messages, as cp and ls show them: what a shell would read as that name, and nothing that a terminal obeys.
 *
 *     'plain name'     "it's"     'say "it'\''s"'     'one'$'\n''two'
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/examples/xu-cp/xu-cp.h"

/* Does the user's terminal show UTF-8? */
static bool is_utf8(void)
{
	const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strstr(value, "UTF-8") || strstr(value, "utf8");
	}
	return false;
}

/* How many bytes at `s` are one character that can be shown as it is; 0: none is. */
static size_t shown(const char *s)
{
	unsigned char first = (unsigned char)*s;
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0x80)
		return isprint(first) ? 1 : 0;
	if (first < 0xc2 || first > 0xf4 || !is_utf8())
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	/* Controls of the upper half. */
	return first == 0xc2 && (unsigned char)s[1] < 0xa0 ? 0 : length;
}

/* Would it be itself between double quotes, as between single ones? */
static bool fits_double(const char *s)
{
	bool apostrophe = false;
	const char *plain = "%+,-./:]_{} '#~";

	for (size_t n; *s; s += n, plain = "%+,-./:]_{} '") {
		n = shown(s);
		apostrophe |= *s == '\'';
		if (!n || (n == 1 && !isalnum((unsigned char)*s) && !strchr(plain, *s)))
			return false;
	}
	return apostrophe;
}

void put_quoted(FILE *to, const char *s)
{
	static const char known[] = "\a\b\f\n\r\t\v", letters[] = "abfnrtv";
	bool inside = false; /* $'...' */

	if (fits_double(s)) {
		fprintf(to, "\"%s\"", s);
		return;
	}
	putc('\'', to);
	for (size_t n; *s; s += n ? n : 1) {
		n = shown(s);
		if (!n && !inside)
			fputs("'$'", to);
		else if (n && inside && *s != '\'')
			fputs("''", to);
		inside = !n;
		if (n)
			fwrite(*s == '\'' ? "'\\''" : s, 1, *s == '\'' ? 4 : n, to);
		else if (strchr(known, *s))
			fprintf(to, "\\%c", letters[strchr(known, *s) - known]);
		else
			fprintf(to, "\\%03o", (unsigned char)*s);
	}
	putc('\'', to);
}
