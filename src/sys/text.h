/*
 * Bounded strings: a text is written into a buffer of the caller's, never past its end, and
 * remembers when something had to be left out. No allocation, no stdio, no locale.
 */
#ifndef RESETBY_SYS_TEXT_H
#define RESETBY_SYS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *start;
	size_t size;   /* bytes of the buffer, the closing NUL included */
	size_t length; /* bytes written, the NUL not included */
	bool cut;      /* something did not fit */
};

/**
 * Begin an empty text in a buffer of at least one byte. The buffer always ends with a NUL.
 */
struct text text_in(char *buffer, size_t size);

void text_bytes(struct text *text, const char *bytes, size_t count);

/* Inline: the two that most of a line is made of. The length of a constant is one. */
static inline void text_char(struct text *text, char c)
{
	if (text->cut || text->length + 1 >= text->size) {
		text->cut = true;
		return;
	}
	text->start[text->length++] = c;
	text->start[text->length] = '\0';
}

static inline void text_string(struct text *text, const char *string)
{
	text_bytes(text, string, __builtin_strlen(string));
}

void text_number(struct text *text, int64_t value);
void text_unsigned(struct text *text, uint64_t value);
/** A number with leading zeros, as in the minutes of a clock. */
void text_padded(struct text *text, uint64_t value, unsigned width);
void text_hex(struct text *text, uint64_t value);

/**
 * Write by template: each `%` takes the next argument.
 *
 *     %s string   %d int   %u unsigned   %D int64_t   %U uint64_t   %% a percent sign
 *     %t duration in int64_t milliseconds, in the unit a person would choose: 40 ms, 2.5 s, 3 min
 *     %z size in uint64_t bytes: 1 byte, 300 bytes, 64 KiB
 *     %N uint64_t, and then a string, the noun of which there are so many: 1 segment, 3 segments
 *
 * The subset is small on purpose: all of it is async-signal-safe.
 */
void text_format(struct text *text, const char *format, ...) __attribute__((nonnull(1, 2)));

/** What %t, %z and %N write. */
void text_duration(struct text *text, int64_t milliseconds);
void text_size(struct text *text, uint64_t bytes);
void text_count(struct text *text, uint64_t count, const char *noun);

/**
 * Take everything from position `length` on away again; there is room again, and writing goes on.
 * (Once a text is cut nothing more is written to it, so that it is a prefix of what was meant.)
 */
void text_rewind(struct text *text, size_t length);

#endif
