#include "word.h"

#include <string.h>
#include "../../sys/errnames.h"

#define US_PER_S 1000000
#define DIGITS_MAX 18

int64_t word_digits(const char **at, const char *end)
{
	int64_t sum = 0;
	int count = 0;
	while (*at < end && **at >= '0' && **at <= '9') {
		if (++count > DIGITS_MAX) {
			return -1;
		}
		sum = sum * 10 + (**at - '0');
		(*at)++;
	}
	return count > 0 ? sum : -1;
}

int64_t word_time(const char *at)
{
	static const char form[WORD_TIME_LENGTH + 1] = "00:00:00.000000";
	const char *end = at + WORD_TIME_LENGTH;
	for (int i = 0; i < WORD_TIME_LENGTH; i++) {
		bool digit = at[i] >= '0' && at[i] <= '9';
		if (form[i] == '0' ? !digit : at[i] != form[i]) {
			return -1;
		}
	}
	int64_t hours = word_digits(&at, at + 2);
	at++;
	int64_t minutes = word_digits(&at, at + 2);
	at++;
	int64_t seconds = word_digits(&at, at + 2);
	at++;
	int64_t us = word_digits(&at, end);
	if (hours > 23 || minutes > 59 || seconds > 60) {
		return -1;
	}
	return ((hours * 60 + minutes) * 60 + seconds) * US_PER_S + us;
}

int64_t word_number(struct slice word)
{
	const char *at = word.at;
	const char *end = at + word.length;
	bool negative = at < end && *at == '-';
	at += negative;
	int64_t value = word_digits(&at, end);
	return value < 0 ? 0 : negative ? -value : value;
}

/* The words are short and compared very often: a call of memcmp would cost more. */
static bool same(struct slice one, struct slice other)
{
	size_t i = 0;
	if (one.length != other.length) {
		return false;
	}
	while (i < one.length && one.at[i] == other.at[i]) {
		i++;
	}
	return i == one.length;
}

#define WORD(string)                                                                               \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}

/* Its index; `count` when it is not among them. */
static unsigned find(const struct slice *names, unsigned count, struct slice word)
{
	unsigned i = 0;
	while (i < count && !same(names[i], word)) {
		i++;
	}
	return i;
}

enum event_kind word_kind(struct slice word)
{
	static const struct slice names[EVENT_COUNT] = {
		WORD("error"), WORD("warn"),  WORD("inject"), WORD("mitigate"), WORD("retry"),
		WORD("open"),  WORD("close"), WORD("call"),   WORD("exit"),
	};
	return (enum event_kind)find(names, EVENT_COUNT, word);
}

enum cause word_cause(struct slice word)
{
	static const struct slice ids[CAUSE_COUNT] = {
#define CAUSE(symbol, id, kind, title, what, advice) WORD(id),
#include "../../why/causes.def"
#undef CAUSE
	};
	return (enum cause)find(ids, CAUSE_COUNT, word);
}

enum op word_op(struct slice word)
{
	static const struct slice names[OP_COUNT] = {
#define OP_SLICE(symbol, name, direction) WORD(name),
		OPS(OP_SLICE)
#undef OP_SLICE
	};
	unsigned op = find(names, OP_COUNT, word);
	return op < OP_COUNT ? (enum op)op : OP_NONE;
}

#define KEY_SLOTS 512u

/* Good enough for names that are known in advance: they hardly ever meet. */
static unsigned hash(struct slice name)
{
	if (name.length == 0) {
		return 0;
	}
	unsigned first = (unsigned char)name.at[0];
	unsigned middle = (unsigned char)name.at[name.length / 2];
	unsigned last = (unsigned char)name.at[name.length - 1];
	return (first * 67 + middle * 31 + last * 5 + (unsigned)name.length * 97) % KEY_SLOTS;
}

enum key word_key(struct slice word)
{
	static const struct slice names[KEYS_END] = {
#define KEY(symbol, key_name, style, meaning) WORD(key_name),
#include "../../log/keys.def"
#undef KEY
	};
	static uint8_t slots[KEY_SLOTS]; /* 1 + key */
	static bool filled;
	if (!filled) {
		for (unsigned key = 0; key < KEYS_END; key++) {
			unsigned slot = hash(names[key]);
			while (slots[slot] != 0) {
				slot = (slot + 1) % KEY_SLOTS;
			}
			slots[slot] = (uint8_t)(key + 1);
		}
		filled = true;
	}
	unsigned slot = hash(word);
	while (slots[slot] != 0) {
		if (same(names[slots[slot] - 1], word)) {
			return (enum key)(slots[slot] - 1);
		}
		slot = (slot + 1) % KEY_SLOTS;
	}
	return KEYS_END;
}

/* `ECONNRESET`, `none`, or `E999` for a number without a name. */
static int look_up_error(struct slice name)
{
	int error = errno_number(name.at, name.length);
	if (error == 0 && name.length > 1 && name.at[0] == 'E') {
		const char *at = name.at + 1;
		int64_t number = word_digits(&at, name.at + name.length);
		error = number > 0 && number < UINT16_MAX ? (int)number : 0;
	}
	return error;
}

/* There are many names to compare with, and most lines have that of the line before. */
int word_error(struct slice word)
{
	static char last[16];
	static struct slice known = {last, 0};
	static int error;
	if (word_is(word, "none")) {
		return 0;
	}
	if (!same(known, word)) {
		error = look_up_error(word);
		known.length = word.length <= sizeof last ? word.length : 0;
		memcpy(last, word.at, known.length);
	}
	return error;
}

/* `10.0.0.1:8080`, which nearly all are; whatever else it is, the general reader tells. */
static bool read_ipv4(struct slice word, struct addr *addr)
{
	const char *at = word.at;
	const char *end = at + word.length;
	*addr = (struct addr){.family = AF_INET};
	for (unsigned i = 0; i < 4; i++) {
		int64_t byte = word_digits(&at, end);
		if (byte < 0 || byte > UINT8_MAX || at == end || *at != "...:"[i]) {
			return false;
		}
		addr->bytes[i] = (uint8_t)byte;
		at++;
	}
	int64_t port = word_digits(&at, end);
	addr->port = (uint16_t)port;
	return port >= 0 && port <= UINT16_MAX && at == end;
}

bool word_address(struct slice word, struct addr *addr)
{
	struct addr_range range;
	size_t offset;
	const char *expected;
	if (read_ipv4(word, addr)) {
		return true;
	}
	*addr = (struct addr){.family = 0};
	if (word_is(word, "*")) {
		return true;
	}
	/* Port 0: not bound yet. The reader of selectors has no such port. */
	bool unbound = word.length > 2 && memcmp(word.at + word.length - 2, ":0", 2) == 0;
	size_t length = word.length - (unbound ? 2 : 0);
	if (length == 0 || addr_range_read(word.at, length, &range, &offset, &expected) != 0) {
		return false;
	}
	*addr = range.network;
	addr->port = unbound ? 0 : range.port_first;
	return true;
}
