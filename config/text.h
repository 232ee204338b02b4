/*
 * Text built into a fixed buffer: no allocation, no locale, usable in a signal handler.
 * What does not fit is cut off; the text is always terminated.
 */
#ifndef XU_TEXT_H
#define XU_TEXT_H

#include <stddef.h>
#include <string.h>

struct xu_text {
	char *buf;
	size_t size;
	size_t len;
};

/*
 * The length of what stands before the first `end`, or of all of `s`. At the start of each program a call of strcspn
 * would be the one for which two pages of libc are fetched.
 */
static inline size_t xu_text_until(const char *s, char end)
{
	size_t n = 0;

	while (s[n] && s[n] != end)
		n++;
	return n;
}

static inline void xu_text_init(struct xu_text *t, char *buf, size_t size)
{
	t->buf = buf;
	t->size = size;
	t->len = 0;
	buf[0] = '\0';
}

static inline void xu_text_mem(struct xu_text *t, const char *s, size_t n)
{
	if (n > t->size - 1 - t->len)
		n = t->size - 1 - t->len;
	memcpy(t->buf + t->len, s, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

static inline void xu_text_str(struct xu_text *t, const char *s)
{
	xu_text_mem(t, s, strlen(s));
}

/* A number, right-aligned in at least `width` characters. */
static inline void xu_text_num(struct xu_text *t, unsigned long long n, int width)
{
	char digits[24];
	int i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	for (int pad = width - (int)(sizeof(digits) - (size_t)i); pad > 0; pad--)
		xu_text_mem(t, " ", 1);
	xu_text_mem(t, digits + i, sizeof(digits) - (size_t)i);
}

/* A string, left-aligned in at least `width` characters. */
static inline void xu_text_pad(struct xu_text *t, const char *s, int width)
{
	xu_text_str(t, s);
	for (int pad = width - (int)strlen(s); pad > 0; pad--)
		xu_text_mem(t, " ", 1);
}

/* A string between quotes as JSON has it. Bytes over 127 are taken to be UTF-8 and kept. */
static inline void xu_text_json(struct xu_text *t, const char *s)
{
	static const char hex[] = "0123456789abcdef";

	xu_text_mem(t, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

		if (c == '"' || c == '\\') {
			xu_text_mem(t, "\\", 1);
			xu_text_mem(t, s, 1);
		} else if (c < 32) {
			xu_text_mem(t, esc, 6);
		} else {
			xu_text_mem(t, s, 1);
		}
	}
	xu_text_mem(t, "\"", 1);
}

#endif
