/*
 * Writing without bounds, where the longest form is known to fit: a piece is a few instructions, and
 * may write past its own end as far as the piece could have been. Strings of the program's, which may
 * be of any length, are written with text.h.
 */
#ifndef RESETBY_SYS_PEN_H
#define RESETBY_SYS_PEN_H

#include <stdint.h>
#include <string.h>
#include "hidden.h"

/** Each returns where to go on. */
#define pen_literal(at, literal)                                                                   \
	((char *)memcpy((at), "" literal, sizeof(literal) - 1) + (sizeof(literal) - 1))

static inline char *pen_string(char *at, const char *string)
{
	while (*string != '\0') {
		*at++ = *string++;
	}
	return at;
}

/** `00` to `99`, two digits each. */
extern HIDDEN const char pen_pairs[201];

static inline char *pen_pair(char *at, uint32_t value)
{
	memcpy(at, pen_pairs + value * 2, 2);
	return at + 2;
}

/** A short word that is written very often: all of it is copied, by one move. */
struct pen_word {
	char text[16];
	uint8_t length;
};

#define PEN_WORD(literal)                                                                          \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

/** There is room for all of it, with what is behind its end. */
static inline char *pen_word(char *at, const struct pen_word *word)
{
	memcpy(at, word->text, sizeof word->text);
	return at + word->length;
}

/* Below 100. */
static inline char *pen_small(char *at, uint32_t value)
{
	if (value < 10) {
		*at = (char)('0' + value);
		return at + 1;
	}
	return pen_pair(at, value);
}

/* Below 10000. */
static inline char *pen_medium(char *at, uint32_t value)
{
	return value < 100 ? pen_small(at, value)
			   : pen_pair(pen_small(at, value / 100), value % 100);
}

/** Any number; the smaller, the cheaper. */
char *pen_large(char *at, uint64_t value);

static inline char *pen_unsigned(char *at, uint64_t value)
{
	if (value < 10000) {
		return pen_medium(at, (uint32_t)value);
	}
	if (value < 100000000) {
		uint32_t low = (uint32_t)value % 10000;
		at = pen_medium(at, (uint32_t)value / 10000);
		return pen_pair(pen_pair(at, low / 100), low % 100);
	}
	return pen_large(at, value);
}

static inline char *pen_number(char *at, int64_t value)
{
	if (value < 0) {
		*at = '-';
		return pen_unsigned(at + 1, -(uint64_t)value);
	}
	return pen_unsigned(at, (uint64_t)value);
}

#endif
