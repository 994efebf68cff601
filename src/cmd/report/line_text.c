/*
 * A text line:
 *
 *     resetby[PID] TIME EVENT fd=N LOCAL>PEER OP ERRNO "DOC": CAUSE (SURE): WHY. ADVICE KEY=VALUE...
 *
 * It is written for people: what stands where depends on the event, and the sentence ends where the
 * first KEY= that the library knows begins.
 */
#include "line.h"

#include <string.h>

struct cursor {
	const char *at;
	const char *end;
};

static size_t left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static bool take(struct cursor *cursor, const char *string)
{
	size_t length = strlen(string);
	if (left(cursor) < length || memcmp(cursor->at, string, length) != 0) {
		return false;
	}
	cursor->at += length;
	return true;
}

/* Up to the next byte that is one of the two, or the end. */
static struct slice until(struct cursor *cursor, char stop, char other)
{
	const char *start = cursor->at;
	const char *at = start;
	while (at < cursor->end && *at != stop && *at != other) {
		at++;
	}
	cursor->at = at;
	return (struct slice){start, (size_t)(at - start)};
}

/* The value of KEY=VALUE: up to a blank that is in no quotes. */
static bool read_value(struct cursor *cursor, struct slice *value)
{
	const char *start = cursor->at;
	while (cursor->at < cursor->end && *cursor->at != ' ') {
		if (*cursor->at++ != '"') {
			continue;
		}
		while (cursor->at < cursor->end && *cursor->at != '"') {
			cursor->at += *cursor->at == '\\' ? 2 : 1;
		}
		if (cursor->at >= cursor->end) {
			cursor->at = cursor->end;
			return false;
		}
		cursor->at++;
	}
	*value = (struct slice){start, (size_t)(cursor->at - start)};
	return true;
}

static const bool pairs[KEYS_END] = {
#define STYLE_WORD false
#define STYLE_QUOTED false
#define STYLE_COLON false
#define STYLE_PAREN false
#define STYLE_PAIR true
#define KEY(symbol, name, style, meaning) [KEY_##symbol] = STYLE_##style,
#include "../../log/keys.def"
#undef KEY
};

/* Does ` KEY=` begin here? `exe`, `tid` and the closing `cut` are no keys of keys.def. */
static bool is_pair(const struct cursor *cursor)
{
	struct cursor at = *cursor;
	if (!take(&at, " ")) {
		return false;
	}
	struct slice name = until(&at, '=', ' ');
	/* Most words are prose: they need not be looked up. */
	if (at.at == at.end || *at.at != '=') {
		return false;
	}
	enum key key = word_key(name);
	return (key != KEYS_END && pairs[key]) ||
	       (name.length == 3 && (!memcmp(name.at, "exe", 3) || !memcmp(name.at, "tid", 3)));
}

/* Prose, up to the first pair. */
static struct slice read_prose(struct cursor *cursor)
{
	const char *start = cursor->at;
	while (cursor->at < cursor->end && !is_pair(cursor)) {
		const char *blank = memchr(cursor->at + 1, ' ', left(cursor) - 1);
		cursor->at = blank ? blank : cursor->end;
	}
	return (struct slice){start, (size_t)(cursor->at - start)};
}

/* `: PROSE`, which may be empty: then a pair begins at the blank. */
static bool take_prose(struct cursor *cursor, struct slice *prose)
{
	if (!take(cursor, ": ")) {
		return false;
	}
	cursor->at--;
	*prose = read_prose(cursor);
	if (prose->length > 0) {
		prose->at++;
		prose->length--;
	}
	return true;
}

static bool read_pairs(struct line *line, struct cursor *cursor)
{
	while (cursor->at < cursor->end) {
		struct slice value;
		if (take(cursor, " cut") && cursor->at == cursor->end) {
			line->cut = true;
			return true;
		}
		if (!take(cursor, " ")) {
			return false;
		}
		struct slice name = until(cursor, '=', ' ');
		if (!take(cursor, "=") || !read_value(cursor, &value)) {
			return false;
		}
		enum key key = word_key(name);
		if (key != KEYS_END) {
			line->values[key] = value;
		} else if (name.length == 3 && memcmp(name.at, "exe", 3) == 0) {
			line->exe = value;
		}
	}
	return true;
}

static bool read_connection(struct line *line, struct cursor *cursor)
{
	if (!take(cursor, " fd=")) {
		return true;
	}
	line->values[KEY_FD] = until(cursor, ' ', ' ');
	if (!take(cursor, " ")) {
		return false;
	}
	line->local = until(cursor, '>', '>');
	if (!take(cursor, ">")) {
		return false;
	}
	line->peer = until(cursor, ' ', ' ');
	return true;
}

/* ` WORD`, when the next thing is no pair and no colon. */
static void read_word(struct line *line, struct cursor *cursor, enum key key)
{
	if (!is_pair(cursor) && left(cursor) > 1 && cursor->at[0] == ' ' && cursor->at[1] != '"' &&
	    cursor->at[1] != '(') {
		cursor->at++;
		line->values[key] = until(cursor, ' ', ':');
	}
}

/*
 * The advice is the library's, so it is known where it begins. It is compared in the writer's own
 * version only: what is not found belongs to `why`.
 */
static void split_advice(struct line *line)
{
	enum cause cause = line_cause(line);
	struct slice *why = &line->values[KEY_WHY];
	const char *advice = cause == CAUSE_COUNT ? NULL : cause_infos[cause].advice;
	size_t length = advice ? strlen(advice) : 0;
	if (advice && why->length > length + 1 &&
	    memcmp(why->at + why->length - length, advice, length) == 0) {
		line->values[KEY_ADVICE] = (struct slice){why->at + why->length - length, length};
		why->length -= length + 1;
	}
}

/* ` "DOC": CAUSE (SURE): WHY. ADVICE` */
static bool read_sentence(struct line *line, struct cursor *cursor)
{
	if (take(cursor, " \"")) {
		cursor->at--;
		/* A quoted string, with or without a colon behind it. */
		const char *start = cursor->at;
		struct slice value;
		if (!read_value(cursor, &value)) {
			return false;
		}
		const char *close = memrchr(start, '"', (size_t)(cursor->at - start));
		cursor->at = close + 1;
		line->values[KEY_DOC] = (struct slice){start, (size_t)(cursor->at - start)};
	}
	if (!take(cursor, ": ")) {
		return line->kind != EVENT_ERROR && line->kind != EVENT_WARN;
	}
	line->values[KEY_CAUSE] = until(cursor, ' ', ':');
	if (take(cursor, " (")) {
		line->values[KEY_SURE] = until(cursor, ')', ')');
		if (!take(cursor, ")")) {
			return false;
		}
	}
	if (take_prose(cursor, &line->values[KEY_WHY])) {
		split_advice(line);
	}
	return true;
}

static bool read_event(struct line *line, struct cursor *cursor)
{
	switch (line->kind) {
	case EVENT_ERROR:
		read_word(line, cursor, KEY_OP);
		read_word(line, cursor, KEY_ERRNO);
		return line_has(line, KEY_ERRNO) && read_sentence(line, cursor);
	case EVENT_WARN:
		read_word(line, cursor, KEY_ACTION);
		return read_sentence(line, cursor);
	case EVENT_INJECT:
	case EVENT_MITIGATE:
		read_word(line, cursor, KEY_ACTION);
		take_prose(cursor, &line->values[KEY_BY]);
		return line_has(line, KEY_ACTION);
	case EVENT_RETRY:
		read_word(line, cursor, KEY_DID);
		take_prose(cursor, &line->values[KEY_REASON]);
		return true;
	case EVENT_OPEN:
		read_word(line, cursor, KEY_OP);
		return true;
	default:
		return true;
	}
}

static bool read_head(struct line *line, struct cursor *cursor)
{
	if (!take(cursor, "resetby[")) {
		return false;
	}
	int64_t pid = word_digits(&cursor->at, cursor->end);
	if (pid < 0 || pid > UINT32_MAX || !take(cursor, "] ") ||
	    left(cursor) < WORD_TIME_LENGTH + 2) {
		return false;
	}
	int64_t us = word_time(cursor->at);
	cursor->at += WORD_TIME_LENGTH;
	if (us < 0 || !take(cursor, " ")) {
		return false;
	}
	struct slice kind = until(cursor, ' ', ' ');
	line->kind = word_kind(kind);
	line->pid = (uint32_t)pid;
	line->us = (uint64_t)us;
	return line->kind != EVENT_COUNT;
}

/* Each line ends in its exe, which a line that was cut off on its way lacks. */
static enum line_result read_call(struct line *line, const struct cursor *cursor)
{
	const char *exe = memmem(cursor->at, left(cursor), " exe=", 5);
	if (!exe) {
		return LINE_DAMAGED;
	}
	struct cursor rest = {exe + 5, cursor->end};
	return read_value(&rest, &line->exe) ? LINE_READ : LINE_DAMAGED;
}

enum line_result line_read_text(struct line *line, const char *bytes, size_t length)
{
	struct cursor cursor = {bytes, bytes + length};
	*line = (struct line){.json = false, .kind = EVENT_COUNT};
	if (!read_head(line, &cursor)) {
		return LINE_DAMAGED;
	}
	if (line->kind == EVENT_CALL) {
		return read_call(line, &cursor);
	}
	if (!read_connection(line, &cursor) || !read_event(line, &cursor) ||
	    !read_pairs(line, &cursor)) {
		return LINE_DAMAGED;
	}
	return line->exe.at || line->cut ? LINE_READ : LINE_DAMAGED;
}
