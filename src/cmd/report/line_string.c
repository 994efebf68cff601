/* A value as it was before the log escaped it. */
#include <string.h>
#include "line.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal digits; -1 when they are none, or too few. */
static int read_hex(const char *at, const char *end, int digits)
{
	int value = 0;
	for (int i = 0; i < digits; i++) {
		int digit = at + i < end ? hex(at[i]) : -1;
		if (digit < 0) {
			return -1;
		}
		value = value << 4 | digit;
	}
	return value;
}

/* UTF-8; a NUL or half of a surrogate pair becomes U+FFFD, as no string can hold it. */
static void put_character(struct text *text, int number)
{
	if (number == 0 || (number >= 0xd800 && number < 0xe000)) {
		number = 0xfffd;
	}
	unsigned char bytes[3] = {(unsigned char)number};
	size_t count = 1;
	if (number >= 0x800) {
		bytes[0] = (unsigned char)(0xe0 | number >> 12);
		bytes[1] = (unsigned char)(0x80 | (number >> 6 & 0x3f));
		bytes[2] = (unsigned char)(0x80 | (number & 0x3f));
		count = 3;
	} else if (number >= 0x80) {
		bytes[0] = (unsigned char)(0xc0 | number >> 6);
		bytes[1] = (unsigned char)(0x80 | (number & 0x3f));
		count = 2;
	}
	text_bytes(text, (const char *)bytes, count);
}

/* What stands behind a backslash; returns where to go on. */
static const char *put_escape(struct text *text, const char *at, const char *end)
{
	static const char letters[] = "nrtbf";
	static const char meanings[] = "\n\r\t\b\f";
	int digits = *at == 'u' ? 4 : *at == 'x' ? 2 : 0;
	int number = digits > 0 ? read_hex(at + 1, end, digits) : -1;
	const char *letter = *at != '\0' ? strchr(letters, *at) : NULL;
	if (number >= 0 && digits == 2 && number != 0) {
		text_bytes(text, (const char *)&(unsigned char){(unsigned char)number}, 1);
	} else if (number >= 0) {
		put_character(text, number);
	} else {
		text_bytes(text, letter ? &meanings[letter - letters] : at, 1);
	}
	return at + 1 + (number >= 0 ? digits : 0);
}

size_t line_string(const struct line *line, struct slice value, char *buffer, size_t size)
{
	struct text text = text_in(buffer, size);
	if (!value.at) {
		return 0;
	}
	const char *at = value.at;
	const char *end = at + value.length;
	bool quoted = !line->json && value.length > 1 && at[0] == '"' && end[-1] == '"';
	if (quoted) {
		at++;
		end--;
	}
	/* Prose of the text format has escapes, too, but no escape for a backslash. */
	bool escapes = line->json || quoted;
	while (at < end) {
		const char *stop = escapes ? memchr(at, '\\', (size_t)(end - at)) : NULL;
		stop = stop ? stop : end;
		text_bytes(&text, at, (size_t)(stop - at));
		at = stop;
		if (at + 1 < end) {
			at = put_escape(&text, at + 1, end);
		} else {
			at = end;
		}
	}
	return text.length;
}
