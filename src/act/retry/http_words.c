#include "http_words.h"

#include <string.h>

static char lower(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return (char)(c - 'A' + 'a');
	}
	return c;
}

static bool in_word(char c)
{
	char small = lower(c);
	return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool same(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (lower(a[i]) != lower(b[i])) {
			return false;
		}
	}
	return true;
}

bool words_are(struct words words, const char *text)
{
	return words.length == strlen(text) && same(words.bytes, text, words.length);
}

bool words_have(struct words words, const char *text)
{
	size_t i = 0;
	while (i < words.length) {
		size_t start = i;
		while (i < words.length && in_word(words.bytes[i])) {
			i++;
		}
		if (words_are((struct words){words.bytes + start, i - start}, text)) {
			return true;
		}
		if (i == start) {
			i++;
		}
	}
	return false;
}

/* RFC 9110 5.6.2. */
static bool is_token(struct words words)
{
	for (size_t i = 0; i < words.length; i++) {
		if (!in_word(words.bytes[i]) && strchr("!#$%&'*+.^_`|~", words.bytes[i]) == NULL) {
			return false;
		}
	}
	return words.length > 0 && memchr(words.bytes, '\0', words.length) == NULL;
}

bool words_header(struct words line, struct words *name, struct words *value)
{
	const char *colon = memchr(line.bytes, ':', line.length);
	if (colon == NULL) {
		return false;
	}
	const char *from = colon + 1;
	const char *to = line.bytes + line.length;
	while (from < to && (*from == ' ' || *from == '\t')) {
		from++;
	}
	while (to > from && (to[-1] == ' ' || to[-1] == '\t')) {
		to--;
	}
	*name = (struct words){line.bytes, (size_t)(colon - line.bytes)};
	*value = (struct words){from, (size_t)(to - from)};
	return is_token(*name);
}

static unsigned digit_of(char c)
{
	char small = lower(c);
	return c >= '0' && c <= '9'           ? (unsigned)(c - '0')
	       : small >= 'a' && small <= 'f' ? (unsigned)(small - 'a' + 10)
					      : 99;
}

bool words_number(struct words words, unsigned base, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < words.length; i++) {
		unsigned digit = digit_of(words.bytes[i]);
		if (digit >= base || *number >> 57 != 0) {
			return false;
		}
		*number = *number * base + digit;
	}
	return words.length > 0;
}
