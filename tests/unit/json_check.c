#include <string.h>
#include "json_check.h"

#define DEPTH_MAX 16

struct reader {
	const unsigned char *at;
	const unsigned char *end;
};

static bool take(struct reader *reader, char c)
{
	if (reader->at < reader->end && *reader->at == (unsigned char)c) {
		reader->at++;
		return true;
	}
	return false;
}

static bool take_word(struct reader *reader, const char *word)
{
	size_t length = strlen(word);
	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0) {
		return false;
	}
	reader->at += length;
	return true;
}

static bool take_digits(struct reader *reader)
{
	const unsigned char *start = reader->at;
	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
		reader->at++;
	}
	return reader->at > start;
}

static bool take_number(struct reader *reader)
{
	take(reader, '-');
	if (!take(reader, '0') && !take_digits(reader)) {
		return false;
	}
	return !take(reader, '.') || take_digits(reader);
}

static bool take_hex(struct reader *reader)
{
	for (int i = 0; i < 4; i++) {
		if (reader->at == reader->end || !strchr("0123456789abcdefABCDEF", *reader->at) ||
		    *reader->at == '\0') {
			return false;
		}
		reader->at++;
	}
	return true;
}

/* Decodes the number, so that overlong forms and surrogates show by what they mean. */
static bool take_utf8(struct reader *reader)
{
	unsigned first = *reader->at++;
	int tails = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	unsigned long least[] = {0, 0x80, 0x800, 0x10000};
	unsigned long number = first & (0x3fu >> tails);
	if (first < 0xc0 || first > 0xf7) {
		return false;
	}
	for (int i = 0; i < tails; i++) {
		if (reader->at == reader->end || *reader->at >> 6 != 2) {
			return false;
		}
		number = number << 6 | (*reader->at++ & 0x3fu);
	}
	return number >= least[tails] && number <= 0x10ffff && number >> 11 != 0x1b;
}

static bool take_string(struct reader *reader)
{
	if (!take(reader, '"')) {
		return false;
	}
	while (reader->at < reader->end) {
		if (take(reader, '"')) {
			return true;
		}
		if (*reader->at < 0x20) {
			return false;
		}
		if (*reader->at >= 0x80) {
			if (!take_utf8(reader)) {
				return false;
			}
		} else if (take(reader, '\\')) {
			if (take(reader, 'u')) {
				if (!take_hex(reader)) {
					return false;
				}
			} else if (reader->at == reader->end || *reader->at == '\0' ||
				   !strchr("\"\\/bfnrt", *reader->at++)) {
				return false;
			}
		} else {
			reader->at++;
		}
	}
	return false;
}

static bool take_value(struct reader *reader, int depth);

static bool take_members(struct reader *reader, bool named, char close, int depth)
{
	if (take(reader, close)) {
		return true;
	}
	do {
		if (named && (!take_string(reader) || !take(reader, ':'))) {
			return false;
		}
		if (!take_value(reader, depth + 1)) {
			return false;
		}
	} while (take(reader, ','));
	return take(reader, close);
}

static bool take_value(struct reader *reader, int depth)
{
	if (depth > DEPTH_MAX || reader->at == reader->end) {
		return false;
	}
	if (take(reader, '{')) {
		return take_members(reader, true, '}', depth);
	}
	if (take(reader, '[')) {
		return take_members(reader, false, ']', depth);
	}
	if (*reader->at == '"') {
		return take_string(reader);
	}
	return take_word(reader, "true") || take_word(reader, "false") ||
	       take_word(reader, "null") || take_number(reader);
}

bool json_is_valid(const char *bytes, size_t length)
{
	struct reader reader = {
		.at = (const unsigned char *)bytes,
		.end = (const unsigned char *)bytes + length,
	};
	return take_value(&reader, 0) && reader.at == reader.end;
}
