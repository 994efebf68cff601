#include <stdbool.h>
#include "escape.h"

static const char digits[] = "0123456789abcdef";

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * Bytes of the UTF-8 sequence that begins here, 0 when it is none: RFC 3629 section 4, without
 * overlong forms, surrogates, and numbers above U+10FFFF. A NUL ends every sequence.
 */
static size_t utf8_length(const unsigned char *at)
{
	if (at[0] < 0x80) {
		return 1;
	}
	if (at[0] < 0xc2 || at[0] > 0xf4 || !is_tail(at[1])) {
		return 0;
	}
	if (at[0] < 0xe0) {
		return 2;
	}
	bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
	bool surrogate = at[0] == 0xed && at[1] > 0x9f;
	bool too_large = at[0] == 0xf4 && at[1] > 0x8f;
	if (overlong || surrogate || too_large || !is_tail(at[2])) {
		return 0;
	}
	if (at[0] < 0xf0) {
		return 3;
	}
	return is_tail(at[3]) ? 4 : 0;
}

static char short_escape(unsigned char byte)
{
	switch (byte) {
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return '\0';
	}
}

static void write_hex(struct text *text, const char *prefix, unsigned char byte)
{
	text_string(text, prefix);
	text_char(text, digits[byte >> 4]);
	text_char(text, digits[byte & 0xf]);
}

enum { PLAIN = 1, BARE = 2 };

/* PLAIN needs no escape anywhere; BARE needs no quotes around the word that it is in. */
static const unsigned char classes[256] = {
	[' '] = PLAIN,
	['!'] = PLAIN | BARE,
	['#' ... '+'] = PLAIN | BARE,
	[','] = PLAIN,
	['-' ... '<'] = PLAIN | BARE,
	['='] = PLAIN,
	['>' ... '['] = PLAIN | BARE,
	[']' ... '~'] = PLAIN | BARE,
	[0x80 ... 0xff] = BARE,
};

/* How many bytes in a row are all of that; the NUL is nothing. */
static size_t run_of(const unsigned char *at, unsigned char class)
{
	size_t run = 0;
	while ((classes[at[run]] & class) == class) {
		run++;
	}
	return run;
}

/* One character that is not plain; returns its bytes. */
static size_t json_character(struct text *text, const unsigned char *at)
{
	size_t length = utf8_length(at);
	if (length == 0) {
		text_string(text, "\\ufffd");
		return 1;
	}
	if (length > 1) {
		text_bytes(text, (const char *)at, length);
		return length;
	}
	char letter = short_escape(*at);
	if (*at == '"' || *at == '\\') {
		letter = (char)*at;
	}
	if (letter != '\0') {
		text_char(text, '\\');
		text_char(text, letter);
	} else {
		write_hex(text, "\\u00", *at);
	}
	return 1;
}

void escape_json(struct text *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;
	text_char(text, '"');
	for (;;) {
		size_t run = run_of(at, PLAIN);
		text_bytes(text, (const char *)at, run);
		at += run;
		if (*at == '\0') {
			break;
		}
		at += json_character(text, at);
	}
	text_char(text, '"');
}

static size_t prose_character(struct text *text, const unsigned char *at, bool quoted)
{
	size_t length = utf8_length(at);
	/* U+0080 to U+009F steer terminals as ESC does. */
	bool c1_control = at[0] == 0xc2 && at[1] < 0xa0;
	if (length > 1 && !c1_control) {
		text_bytes(text, (const char *)at, length);
		return length;
	}
	if (*at == '"' || *at == '\\') {
		text_string(text, quoted ? "\\" : "");
		text_char(text, (char)*at);
		return 1;
	}
	char letter = short_escape(*at);
	if (letter != '\0') {
		text_char(text, '\\');
		text_char(text, letter);
		return 1;
	}
	length += length == 0;
	for (size_t i = 0; i < length; i++) {
		write_hex(text, "\\x", at[i]);
	}
	return length;
}

static void write_prose(struct text *text, const char *string, bool quoted)
{
	const unsigned char *at = (const unsigned char *)string;
	for (;;) {
		size_t run = run_of(at, PLAIN);
		text_bytes(text, (const char *)at, run);
		at += run;
		if (*at == '\0') {
			break;
		}
		at += prose_character(text, at, quoted);
	}
}

void escape_prose(struct text *text, const char *string)
{
	write_prose(text, string, false);
}

void escape_quoted(struct text *text, const char *string)
{
	text_char(text, '"');
	write_prose(text, string, true);
	text_char(text, '"');
}

void escape_word(struct text *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;
	size_t run = run_of(at, BARE);
	if (run == 0 || at[run] != '\0') {
		escape_quoted(text, string);
	} else {
		escape_prose(text, string);
	}
}
