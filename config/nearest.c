/* The right name for a wrong one. */
#include "config/config.h"

#define LONGEST 63

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/*
 * How many letters have to be changed, put in or left out to make one name of the other (Levenshtein); capital or small is
 * the same.
 */
static size_t distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t row[LONGEST + 1];

	if (alen > LONGEST || blen > LONGEST)
		return LONGEST + 1;
	for (size_t j = 0; j <= blen; j++)
		row[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			size_t best = diagonal + (fold(a[i - 1]) != fold(b[j - 1]));

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

const char *xu_nearest(const char *name, size_t len, const char *(*nth)(size_t))
{
	const char *best = nth(0);
	size_t least = LONGEST + 1;

	for (size_t i = 0; nth(i); i++) {
		size_t d = distance(name, len, nth(i), strlen(nth(i)));

		if (d < least) {
			least = d;
			best = nth(i);
		}
	}
	return best;
}
