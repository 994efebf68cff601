/* What request and response readers share: lines, header names, numbers. */
#ifndef RESETBY_ACT_RETRY_HTTP_WORDS_H
#define RESETBY_ACT_RETRY_HTTP_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A piece of text that is not terminated. */
struct words {
	const char *bytes;
	size_t length;
};

/** Is it `text`, whatever the case of its letters? */
bool words_are(struct words words, const char *text);

/** Is `text` one of its words, which anything but letters, digits and `-` parts? */
bool words_have(struct words words, const char *text);

/**
 * A header line without its end: `Name: value`.
 *
 * @return
 *         false when it is none (RFC 9112 5: no space before the colon, no folded line).
 */
bool words_header(struct words line, struct words *name, struct words *value);

/** A number of digits alone, to the base 10 or 16, below 2^62; false for anything else. */
bool words_number(struct words words, unsigned base, uint64_t *number);

#endif
