#include <stdarg.h>
#include <string.h>
#include "pen.h"
#include "text.h"

#define MS_PER_S ((uint64_t)1000)
#define S_PER_MIN ((uint64_t)60)
#define MIN_PER_H ((uint64_t)60)
#define H_PER_DAY ((uint64_t)24)

#define KIB ((uint64_t)1024)
/* Below this a size is easier to read in bytes, if it is no whole number of KiB. */
#define BYTES_READABLE 10000u

/* Digits of the largest 64-bit number. */
#define DIGITS_MAX 20

struct text text_in(char *buffer, size_t size)
{
	buffer[0] = '\0';
	return (struct text){.start = buffer, .size = size};
}

/*
 * Most pieces of a line are a few bytes, for which calling memcpy costs more than copying: two
 * copies of a fixed size that overlap are any size between it and its double.
 */
static inline void copy(char *to, const char *from, size_t count)
{
	if (count > 16) {
		memcpy(to, from, count);
	} else if (count >= 8) {
		uint64_t first, last;
		memcpy(&first, from, 8);
		memcpy(&last, from + count - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + count - 8, &last, 8);
	} else if (count >= 4) {
		uint32_t first, last;
		memcpy(&first, from, 4);
		memcpy(&last, from + count - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + count - 4, &last, 4);
	} else if (count > 0) {
		to[0] = from[0];
		to[count / 2] = from[count / 2];
		to[count - 1] = from[count - 1];
	}
}

void text_bytes(struct text *text, const char *bytes, size_t count)
{
	/* A caller that keeps a reserve makes size smaller for a while, even below length. */
	size_t room = text->size > text->length + 1 ? text->size - 1 - text->length : 0;
	/* What is cut is cut for good: the text stays a prefix of what was meant. */
	if (text->cut) {
		room = 0;
	}
	if (count > room) {
		count = room;
		text->cut = true;
	}
	copy(text->start + text->length, bytes, count);
	text->length += count;
	text->start[text->length] = '\0';
}

void text_padded(struct text *text, uint64_t value, unsigned width)
{
	char digits[DIGITS_MAX];
	size_t count = (size_t)(pen_unsigned(digits, value) - digits);
	for (size_t written = count; written < width; written++) {
		text_char(text, '0');
	}
	text_bytes(text, digits, count);
}

void text_unsigned(struct text *text, uint64_t value)
{
	char digits[DIGITS_MAX];
	text_bytes(text, digits, (size_t)(pen_unsigned(digits, value) - digits));
}

void text_number(struct text *text, int64_t value)
{
	if (value < 0) {
		text_char(text, '-');
		text_unsigned(text, -(uint64_t)value);
	} else {
		text_unsigned(text, (uint64_t)value);
	}
}

void text_hex(struct text *text, uint64_t value)
{
	int shift = 60;
	while (shift > 0 && value >> shift == 0) {
		shift -= 4;
	}
	for (; shift >= 0; shift -= 4) {
		text_char(text, "0123456789abcdef"[value >> shift & 0xf]);
	}
}

static void write_tenths(struct text *text, uint64_t tenths)
{
	text_unsigned(text, tenths / 10);
	if (tenths % 10 != 0) {
		text_char(text, '.');
		text_unsigned(text, tenths % 10);
	}
}

static void write_two_units(struct text *text, uint64_t count, uint64_t per_large,
			    const char *large, const char *small)
{
	text_unsigned(text, count / per_large);
	text_string(text, large);
	if (count % per_large != 0) {
		text_char(text, ' ');
		text_unsigned(text, count % per_large);
		text_string(text, small);
	}
}

void text_duration(struct text *text, int64_t milliseconds)
{
	uint64_t ms = (uint64_t)milliseconds;
	if (milliseconds < 0) {
		text_char(text, '-');
		ms = -ms;
	}
	uint64_t tenths = (ms + 50) / 100;
	uint64_t seconds = (ms + MS_PER_S / 2) / MS_PER_S;
	uint64_t minutes = (seconds + S_PER_MIN / 2) / S_PER_MIN;
	uint64_t hours = (minutes + MIN_PER_H / 2) / MIN_PER_H;
	if (ms < MS_PER_S) {
		text_unsigned(text, ms);
		text_string(text, " ms");
	} else if (tenths < 100) {
		write_tenths(text, tenths);
		text_string(text, " s");
	} else if (seconds < 2 * S_PER_MIN) {
		text_unsigned(text, seconds);
		text_string(text, " s");
	} else if (seconds < S_PER_MIN * MIN_PER_H) {
		write_two_units(text, seconds, S_PER_MIN, " min", " s");
	} else if (minutes < 2 * MIN_PER_H * H_PER_DAY) {
		write_two_units(text, minutes, MIN_PER_H, " h", " min");
	} else {
		write_two_units(text, hours, H_PER_DAY, " days", " h");
	}
}

void text_size(struct text *text, uint64_t bytes)
{
	static const char *const units[] = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
	if (bytes < KIB || (bytes < BYTES_READABLE && bytes % KIB != 0)) {
		text_unsigned(text, bytes);
		text_string(text, bytes == 1 ? " byte" : " bytes");
		return;
	}
	unsigned unit = 0;
	uint64_t whole = bytes / KIB;
	uint64_t below = bytes % KIB;
	while (whole >= KIB) {
		below = whole % KIB;
		whole /= KIB;
		unit++;
	}
	uint64_t tenths = whole * 10 + (below * 10 + KIB / 2) / KIB;
	if (tenths >= 1000) {
		tenths = (tenths + 5) / 10 * 10;
	}
	/* The last unit comes to 16 of it. */
	if (tenths >= KIB * 10) {
		tenths = 10;
		unit++;
	}
	write_tenths(text, tenths);
	text_string(text, units[unit]);
}

void text_count(struct text *text, uint64_t count, const char *noun)
{
	text_unsigned(text, count);
	text_char(text, ' ');
	text_string(text, noun);
	text_string(text, count == 1 ? "" : "s");
}

static void write_argument(struct text *text, char kind, va_list *arguments)
{
	switch (kind) {
	case 's':
		text_string(text, va_arg(*arguments, const char *));
		break;
	case 'd':
		text_number(text, va_arg(*arguments, int));
		break;
	case 'u':
		text_unsigned(text, va_arg(*arguments, unsigned));
		break;
	case 'D':
		text_number(text, va_arg(*arguments, int64_t));
		break;
	case 'U':
		text_unsigned(text, va_arg(*arguments, uint64_t));
		break;
	case 't':
		text_duration(text, va_arg(*arguments, int64_t));
		break;
	case 'z':
		text_size(text, va_arg(*arguments, uint64_t));
		break;
	case 'N': {
		uint64_t count = va_arg(*arguments, uint64_t);
		text_count(text, count, va_arg(*arguments, const char *));
		break;
	}
	default:
		text_char(text, kind);
	}
}

void text_format(struct text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	while (*format != '\0') {
		size_t plain = strcspn(format, "%");
		text_bytes(text, format, plain);
		format += plain;
		if (format[0] == '%' && format[1] != '\0') {
			write_argument(text, format[1], &arguments);
			format += 2;
		} else if (format[0] == '%') {
			text_char(text, '%');
			format++;
		}
	}
	va_end(arguments);
}

void text_rewind(struct text *text, size_t length)
{
	if (length < text->length) {
		text->length = length;
		text->start[length] = '\0';
		text->cut = false;
	}
}
