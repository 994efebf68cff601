#include <errno.h>
#include <string.h>
#include "grammar.h"

static const struct {
	char letter, byte;
} escapes[] = {
	{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}, {'"', '"'}, {';', ';'},
};

const char *starts_end(const char *at, const char *end)
{
	bool quoted = at < end && *at == '"';
	at += quoted;
	while (at < end && *at != '\n') {
		if (quoted ? *at == '"' : is_blank(*at) || *at == ';') {
			/* What follows a closing quote belongs to the word: starts_read refuses it. */
			if (!quoted) {
				return at;
			}
			quoted = false;
		}
		at += *at == '\\' && end - at > 1 && at[1] != '\n' ? 2 : 1;
	}
	return at;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;
	return found ? (int)(found - digits) % 16 : -1;
}

/* One escape; *at stands on the backslash, and behind the escape afterwards. */
static int read_escape(struct parser *parser, const char **at, const char *end, char *byte)
{
	const char *escape = *at;
	const char *letter = escape + 1;
	if (letter < end && *letter == 'x') {
		int high = end - letter > 2 ? hex_digit(letter[1]) : -1;
		int low = high >= 0 ? hex_digit(letter[2]) : -1;
		if (low < 0) {
			return fault_expected_at(parser, escape,
						 "two hexadecimal digits after \\x");
		}
		*byte = (char)(high << 4 | low);
		*at = letter + 3;
		return 0;
	}
	for (size_t i = 0; letter < end && i < sizeof escapes / sizeof *escapes; i++) {
		if (*letter != escapes[i].letter) {
			continue;
		}
		/* In C \012 is one octal escape; here it would be three bytes. */
		if (*letter == '0' && end - letter > 1 && letter[1] >= '0' && letter[1] <= '7') {
			return fault_expected_at(parser, escape, "\\x00 for a NUL before a digit");
		}
		*byte = escapes[i].byte;
		*at = letter + 1;
		return 0;
	}
	return fault_expected_at(parser, escape,
				 "one of the escapes \\n \\r \\t \\0 \\xHH \\\\ \\\" \\;");
}

/* Take the quotes off; what is left is the text with its escapes. */
static int unquote(struct parser *parser, struct span *value)
{
	const char *end = span_end(*value);
	const char *at = value->start + 1;
	while (at < end && *at != '"') {
		at += *at == '\\' && end - at > 1 ? 2 : 1;
	}
	if (at == end) {
		return fault_expected_at(parser, value->start, "a closing quote in the same line");
	}
	if (at + 1 < end) {
		return fault_expected_at(parser, at + 1, "a blank or ; behind the closing quote");
	}
	value->start++;
	value->length -= 2;
	return 0;
}

int starts_read(struct parser *parser, struct span value, struct rule *rule)
{
	bool quoted = value.length > 0 && *value.start == '"';
	if (quoted && unquote(parser, &value) != 0) {
		return -EINVAL;
	}
	const char *at = value.start;
	const char *end = span_end(value);
	size_t length = 0;
	while (at < end) {
		const char *from = at;
		char byte = '\0';
		if (*at == '\\') {
			if (read_escape(parser, &at, end, &byte) != 0) {
				return -EINVAL;
			}
		} else if (*at == '"') {
			return fault_expected_at(parser, at, "\\\" for a quote inside the text");
		} else {
			byte = *at++;
		}
		if (length == REQUEST_HEAD_SIZE) {
			return fault_expected_at(parser, from, "at most 64 bytes of text");
		}
		rule->starts[length++] = byte;
	}
	if (length == 0) {
		return fault_expected(parser, "the first bytes of a request, as in starts=GET");
	}
	rule->starts_length = (uint8_t)length;
	return 0;
}

_Static_assert(REQUEST_HEAD_SIZE == 64, "the message says 64");

static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void write_byte(struct text *text, const struct rule *rule, size_t i)
{
	char c = rule->starts[i];
	bool digit_follows = i + 1 < rule->starts_length && rule->starts[i + 1] >= '0' &&
			     rule->starts[i + 1] <= '9';
	if (is_plain(c) || c == ' ') {
		text_char(text, c);
		return;
	}
	for (size_t e = 0; e < sizeof escapes / sizeof *escapes; e++) {
		if (c == escapes[e].byte && !(c == '\0' && digit_follows)) {
			text_char(text, '\\');
			text_char(text, escapes[e].letter);
			return;
		}
	}
	text_string(text, (unsigned char)c < 0x10 ? "\\x0" : "\\x");
	text_hex(text, (unsigned char)c);
}

void starts_write(struct text *text, const struct rule *rule)
{
	bool quoted = false;
	for (size_t i = 0; i < rule->starts_length; i++) {
		quoted = quoted || rule->starts[i] == ';' || rule->starts[i] == ' ';
	}
	if (quoted) {
		text_char(text, '"');
	}
	for (size_t i = 0; i < rule->starts_length; i++) {
		write_byte(text, rule, i);
	}
	if (quoted) {
		text_char(text, '"');
	}
}
