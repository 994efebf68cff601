#include "line.h"

#include <errno.h>
#include <string.h>
#include "../../sys/errnames.h"

#define US_PER_S 1000000
#define DIGITS_MAX 18
#define TIME_LENGTH 15

/* ---- words ---- */

static bool equals(struct slice slice, const char *word)
{
	size_t length = strlen(word);
	return slice.length == length && memcmp(slice.at, word, length) == 0;
}

/* For short words that are compared very often: a call of memcmp would cost more. */
static bool same_word(struct slice word, const char *name, size_t length)
{
	size_t i = 0;
	if (word.length != length) {
		return false;
	}
	while (i < length && word.at[i] == name[i]) {
		i++;
	}
	return i == length;
}

#define WORD(string)                                                                               \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}

enum event_kind line_kind(const char *word, size_t length)
{
	static const struct slice names[EVENT_COUNT] = {
		WORD("error"), WORD("warn"),  WORD("inject"), WORD("mitigate"), WORD("retry"),
		WORD("open"),  WORD("close"), WORD("call"),   WORD("exit"),
	};
	unsigned kind = 0;
	while (kind < EVENT_COUNT && !same_word(names[kind], word, length)) {
		kind++;
	}
	return (enum event_kind)kind;
}

#define KEY_SLOTS 512u

/* Good enough for names that are known in advance: they hardly ever meet. */
static unsigned hash_name(const char *name, size_t length)
{
	if (length == 0) {
		return 0;
	}
	unsigned first = (unsigned char)name[0];
	unsigned middle = (unsigned char)name[length / 2];
	unsigned last = (unsigned char)name[length - 1];
	return (first * 67 + middle * 31 + last * 5 + (unsigned)length * 97) % KEY_SLOTS;
}

enum key line_key_of(const char *name, size_t length)
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
			unsigned slot = hash_name(names[key].at, names[key].length);
			while (slots[slot] != 0) {
				slot = (slot + 1) % KEY_SLOTS;
			}
			slots[slot] = (uint8_t)(key + 1);
		}
		filled = true;
	}
	unsigned slot = hash_name(name, length);
	while (slots[slot] != 0) {
		if (same_word(names[slots[slot] - 1], name, length)) {
			return (enum key)(slots[slot] - 1);
		}
		slot = (slot + 1) % KEY_SLOTS;
	}
	return KEYS_END;
}

/* ---- numbers ---- */

int64_t line_digits(const char **at, const char *end)
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

int64_t line_time(const char *at)
{
	static const char form[TIME_LENGTH + 1] = "00:00:00.000000";
	const char *end = at + TIME_LENGTH;
	for (int i = 0; i < TIME_LENGTH; i++) {
		bool digit = at[i] >= '0' && at[i] <= '9';
		if (form[i] == '0' ? !digit : at[i] != form[i]) {
			return -1;
		}
	}
	int64_t hours = line_digits(&at, at + 2);
	at++;
	int64_t minutes = line_digits(&at, at + 2);
	at++;
	int64_t seconds = line_digits(&at, at + 2);
	at++;
	int64_t us = line_digits(&at, end);
	if (hours > 23 || minutes > 59 || seconds > 60) {
		return -1;
	}
	return ((hours * 60 + minutes) * 60 + seconds) * US_PER_S + us;
}

static int64_t signed_number(struct slice slice)
{
	const char *at = slice.at;
	const char *end = at + slice.length;
	bool negative = at < end && *at == '-';
	at += negative;
	int64_t value = line_digits(&at, end);
	return value < 0 ? 0 : negative ? -value : value;
}

int64_t line_number(const struct line *line, enum key key)
{
	struct slice value = line->values[key];
	return value.at ? signed_number(value) : 0;
}

/* ---- strings ---- */

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

/* ---- the library's own words ---- */

static enum cause find_cause(struct slice id)
{
	static const struct slice ids[CAUSE_COUNT] = {
#define CAUSE(symbol, id, kind, title, what, advice) WORD(id),
#include "../../why/causes.def"
#undef CAUSE
	};
	unsigned cause = 0;
	while (cause < CAUSE_COUNT && !same_word(ids[cause], id.at, id.length)) {
		cause++;
	}
	return (enum cause)cause;
}

enum cause line_cause(const struct line *line)
{
	return line_has(line, KEY_CAUSE) ? find_cause(line->values[KEY_CAUSE]) : CAUSE_COUNT;
}

enum sure line_sure(const struct line *line)
{
	if (line_is(line, KEY_SURE, "certain")) {
		return SURE_CERTAIN;
	}
	return line_is(line, KEY_SURE, "likely") ? SURE_LIKELY : SURE_POSSIBLE;
}

enum side line_side(const struct line *line)
{
	if (line_is(line, KEY_SIDE, "client")) {
		return SIDE_CLIENT;
	}
	return line_is(line, KEY_SIDE, "server") ? SIDE_SERVER : SIDE_UNKNOWN;
}

static enum op find_op(struct slice name)
{
	static const struct slice names[OP_COUNT] = {
#define OP_SLICE(symbol, name, direction) WORD(name),
		OPS(OP_SLICE)
#undef OP_SLICE
	};
	for (unsigned op = 0; op < OP_COUNT; op++) {
		if (same_word(names[op], name.at, name.length)) {
			return (enum op)op;
		}
	}
	return OP_NONE;
}

enum op line_op(const struct line *line)
{
	return line_has(line, KEY_OP) ? find_op(line->values[KEY_OP]) : OP_NONE;
}

/* `ECONNRESET`, `none`, or `E999` for a number without a name. */
static int look_up_error(struct slice name)
{
	int error = errno_number(name.at, name.length);
	if (error == 0 && name.length > 1 && name.at[0] == 'E') {
		const char *at = name.at + 1;
		int64_t number = line_digits(&at, name.at + name.length);
		error = number > 0 && number < UINT16_MAX ? (int)number : 0;
	}
	return error;
}

/* There are many names to compare with, and most lines have that of the line before. */
static int find_error(struct slice name)
{
	static char last[16];
	static struct slice known = {last, 0};
	static int error;
	if (equals(name, "none")) {
		return 0;
	}
	if (!same_word(known, name.at, name.length)) {
		error = look_up_error(name);
		known.length = name.length <= sizeof last ? name.length : 0;
		memcpy(last, name.at, known.length);
	}
	return error;
}

int line_error(const struct line *line)
{
	return line_has(line, KEY_ERRNO) ? find_error(line->values[KEY_ERRNO]) : 0;
}

/* `10.0.0.1:8080`, which nearly all are; whatever else it is, the general reader tells. */
static bool read_ipv4(struct slice slice, struct addr *addr)
{
	const char *at = slice.at;
	const char *end = at + slice.length;
	*addr = (struct addr){.family = AF_INET};
	for (unsigned i = 0; i < 4; i++) {
		int64_t byte = line_digits(&at, end);
		if (byte < 0 || byte > UINT8_MAX || at == end || *at != "...:"[i]) {
			return false;
		}
		addr->bytes[i] = (uint8_t)byte;
		at++;
	}
	int64_t port = line_digits(&at, end);
	addr->port = (uint16_t)port;
	return port >= 0 && port <= UINT16_MAX && at == end;
}

static bool read_address(struct slice slice, struct addr *addr)
{
	struct addr_range range;
	size_t offset;
	const char *expected;
	if (read_ipv4(slice, addr)) {
		return true;
	}
	*addr = (struct addr){.family = 0};
	if (equals(slice, "*")) {
		return true;
	}
	/* Port 0: not bound yet. The reader of selectors has no such port. */
	bool unbound = slice.length > 2 && memcmp(slice.at + slice.length - 2, ":0", 2) == 0;
	size_t length = slice.length - (unbound ? 2 : 0);
	if (length == 0 || addr_range_read(slice.at, length, &range, &offset, &expected) != 0) {
		return false;
	}
	*addr = range.network;
	addr->port = unbound ? 0 : range.port_first;
	return true;
}

bool line_addresses(const struct line *line, struct addr *local, struct addr *peer)
{
	return line->local.at && line->peer.at && read_address(line->local, local) &&
	       read_address(line->peer, peer);
}

/* ---- lists ---- */

/* The end of a value that stands in quotes. */
static const char *skip_quoted(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		at += *at == '\\';
	}
	return at < end ? at + 1 : end;
}

/* Up to the next comma that is in no quotes and no braces. */
static bool next_item(struct slice *rest, struct slice *item)
{
	const char *at = rest->at;
	const char *end = at + rest->length;
	int depth = 0;
	if (rest->length == 0) {
		return false;
	}
	while (at < end && (*at != ',' || depth > 0)) {
		depth += (*at == '{') - (*at == '}');
		at = *at == '"' ? skip_quoted(at, end) : at + 1;
	}
	*item = (struct slice){rest->at, (size_t)(at - rest->at)};
	at += at < end;
	*rest = (struct slice){at, (size_t)(end - at)};
	return true;
}

/* A member of a flat JSON object; of a string what stands between the quotes. */
static struct slice member(struct slice object, const char *name)
{
	const char *end = object.at + object.length;
	const char *at = memmem(object.at, object.length, name, strlen(name));
	if (!at) {
		return (struct slice){"", 0};
	}
	at += strlen(name);
	bool quoted = at < end && *at == '"';
	const char *stop = at;
	if (quoted) {
		stop = skip_quoted(at, end) - 1;
		at++;
	} else {
		while (stop < end && *stop != ',' && *stop != '}') {
			stop++;
		}
	}
	return (struct slice){at, stop > at ? (size_t)(stop - at) : 0};
}

static struct slice unquoted(struct slice slice)
{
	if (slice.length > 1 && slice.at[0] == '"') {
		return (struct slice){slice.at + 1, slice.length - 2};
	}
	return slice;
}

bool line_next_cause(const struct line *line, struct slice *rest, enum cause *cause)
{
	struct slice item;
	(void)line;
	if (!next_item(rest, &item)) {
		return false;
	}
	*cause = find_cause(unquoted(item));
	return true;
}

/* `recv=EAGAIN@-12ms`, `send=12@-40ms` */
static bool text_call(struct slice item, struct line_call *call)
{
	const char *equal = memchr(item.at, '=', item.length);
	const char *end = item.at + item.length;
	const char *ago = memmem(item.at, item.length, "@-", 2);
	if (!equal || !ago || ago < equal) {
		return false;
	}
	struct slice result = {equal + 1, (size_t)(ago - equal - 1)};
	call->op = find_op((struct slice){item.at, (size_t)(equal - item.at)});
	call->error = find_error(result);
	call->result = call->error != 0 ? -1 : signed_number(result);
	ago += 2;
	int64_t ms = line_digits(&ago, end);
	call->ms = ms < 0 ? 0 : (uint64_t)ms;
	return ms >= 0;
}

bool line_next_call(const struct line *line, struct slice *rest, struct line_call *call)
{
	struct slice item;
	if (!next_item(rest, &item)) {
		return false;
	}
	if (!line->json) {
		return text_call(item, call);
	}
	int64_t ms = signed_number(member(item, "\"ms\":"));
	call->op = find_op(member(item, "\"op\":"));
	call->error = find_error(member(item, "\"errno\":"));
	call->result = signed_number(member(item, "\"result\":"));
	call->ms = ms < 0 ? 0 : (uint64_t)ms;
	return true;
}

bool line_next_count(const struct line *line, struct slice *rest, struct slice *name,
		     uint64_t *count)
{
	struct slice item;
	if (!next_item(rest, &item)) {
		return false;
	}
	if (line->json) {
		*name = member(item, "\"name\":");
		*count = (uint64_t)signed_number(member(item, "\"count\":"));
		return true;
	}
	const char *colon = memrchr(item.at, ':', item.length);
	if (!colon) {
		return false;
	}
	*name = (struct slice){item.at, (size_t)(colon - item.at)};
	*count = (uint64_t)signed_number((struct slice){colon + 1, item.length - name->length - 1});
	return true;
}

/* ---- which format ---- */

static const char json_start[] = "{\"ts\":\"";
static const char text_start[] = "resetby[";

/* Behind what journald, docker or another line cut short put before it. */
static const char *find_start(const char *bytes, size_t length)
{
	const char *json = memmem(bytes, length, json_start, sizeof json_start - 1);
	const char *text = memmem(bytes, length, text_start, sizeof text_start - 1);
	return json && (!text || json < text) ? json : text;
}

enum line_result line_read(struct line *line, const char *bytes, size_t length)
{
	if (length > 0 && bytes[length - 1] == '\r') {
		length--;
	}
	if (length == 0) {
		return LINE_EMPTY;
	}
	bool whole = bytes[0] == '{' || (length >= sizeof text_start - 1 &&
					 memcmp(bytes, text_start, sizeof text_start - 1) == 0);
	if (!whole) {
		const char *start = find_start(bytes, length);
		if (!start) {
			return LINE_FOREIGN;
		}
		length -= (size_t)(start - bytes);
		bytes = start;
	}
	if (memchr(bytes, '\0', length)) {
		return LINE_DAMAGED;
	}
	return bytes[0] == '{' ? line_read_json(line, bytes, length)
			       : line_read_text(line, bytes, length);
}
