/*
 * A JSON line. Whatever order its keys are in, it is read; in the order of the library it is read
 * fast. Each value is found, and strings and arrays are only stepped over.
 */
#include "line.h"

#include <string.h>

#define DATE_LENGTH 10
#define US_PER_DAY ((int64_t)86400 * 1000000)
/* `2026-01-31T12:01:02.123456Z` */
#define TS_LENGTH 27

struct cursor {
	const char *at;
	const char *end;
};

/* Days since 1970 of a date in the Gregorian calendar: "days_from_civil", Hinnant. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400;
	int64_t year_of_era = year % 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static int64_t read_date(const char *at)
{
	const char *month_at = at + 5;
	const char *day_at = at + 8;
	int64_t year = word_digits(&at, at + 4);
	int64_t month = word_digits(&month_at, month_at + 2);
	int64_t day = word_digits(&day_at, day_at + 2);
	bool form = at[0] == '-' && month_at[0] == '-' && day_at[0] == 'T';
	if (!form || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) {
		return -1;
	}
	return days_of(year, month, day);
}

/* Most lines are of the same day as the one before. */
static bool read_ts(struct slice ts, uint64_t *us)
{
	static char date[DATE_LENGTH];
	static int64_t days = -1;
	if (ts.length != TS_LENGTH || ts.at[TS_LENGTH - 1] != 'Z') {
		return false;
	}
	if (days < 0 || memcmp(date, ts.at, DATE_LENGTH) != 0 || ts.at[DATE_LENGTH] != 'T') {
		days = read_date(ts.at);
		memcpy(date, ts.at, DATE_LENGTH);
	}
	int64_t time = word_time(ts.at + DATE_LENGTH + 1);
	*us = (uint64_t)(days * US_PER_DAY + time);
	return days >= 0 && time >= 0;
}

static void skip_space(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t')) {
		cursor->at++;
	}
}

static bool take(struct cursor *cursor, char c)
{
	skip_space(cursor);
	bool there = cursor->at < cursor->end && *cursor->at == c;
	cursor->at += there;
	return there;
}

/* Behind the opening quote; leaves the cursor behind the closing one. */
static bool read_string(struct cursor *cursor, struct slice *string)
{
	const char *start = cursor->at;
	const char *at = start;
	for (;;) {
		at = memchr(at, '"', (size_t)(cursor->end - at));
		if (!at) {
			return false;
		}
		const char *before = at;
		while (before > start && before[-1] == '\\') {
			before--;
		}
		if ((at - before) % 2 == 0) {
			break;
		}
		at++;
	}
	*string = (struct slice){start, (size_t)(at - start)};
	cursor->at = at + 1;
	return true;
}

/*
 * The list of the calls before an error is long, and the same in form each time: up to the next
 * bracket when that is in no string and none is within, without a branch for every byte.
 */
static bool read_flat(struct cursor *cursor, struct slice *value)
{
	const char *start = cursor->at;
	const char *stop = memchr(start, ']', (size_t)(cursor->end - start));
	size_t length = stop ? (size_t)(stop - start) : 0;
	unsigned quotes = 0;
	for (size_t i = 0; i < length; i++) {
		quotes += start[i] == '"';
	}
	if (!stop || quotes % 2 != 0 || memchr(start, '[', length) || memchr(start, '\\', length)) {
		return false;
	}
	*value = (struct slice){start, length};
	cursor->at = stop + 1;
	return true;
}

/* Behind the opening bracket; the slice is what is between the brackets. */
static bool read_nested(struct cursor *cursor, struct slice *value)
{
	const char *start = cursor->at;
	struct slice string;
	int depth = 1;
	while (cursor->at < cursor->end) {
		char c = *cursor->at++;
		if (c == '"' && !read_string(cursor, &string)) {
			return false;
		}
		depth += (c == '[' || c == '{') - (c == ']' || c == '}');
		if (depth == 0) {
			*value = (struct slice){start, (size_t)(cursor->at - 1 - start)};
			return true;
		}
	}
	return false;
}

/* A number, true, false or null. */
static bool read_word(struct cursor *cursor, struct slice *value)
{
	const char *start = cursor->at;
	while (cursor->at < cursor->end &&
	       ((*cursor->at >= '0' && *cursor->at <= '9') ||
		(*cursor->at >= 'a' && *cursor->at <= 'z') || *cursor->at == '-' ||
		*cursor->at == '+' || *cursor->at == '.' || *cursor->at == 'E')) {
		cursor->at++;
	}
	*value = (struct slice){start, (size_t)(cursor->at - start)};
	return value->length > 0;
}

static bool read_value(struct cursor *cursor, struct slice *value)
{
	if (take(cursor, '"')) {
		return read_string(cursor, value);
	}
	if (take(cursor, '[')) {
		return read_flat(cursor, value) || read_nested(cursor, value);
	}
	if (take(cursor, '{')) {
		return read_nested(cursor, value);
	}
	return read_word(cursor, value);
}

/* With a constant the comparison becomes a few instructions. */
#define NAMED(name, word)                                                                          \
	((name).length == sizeof(word) - 1 && memcmp((name).at, word, sizeof(word) - 1) == 0)

/* What was found of what every line has. */
struct head {
	bool ts, pid, ev;
};

static bool keep_head(struct line *line, struct head *head, struct slice name, struct slice value)
{
	if (NAMED(name, "ts")) {
		head->ts = read_ts(value, &line->us);
	} else if (NAMED(name, "pid")) {
		const char *at = value.at;
		int64_t pid = word_digits(&at, value.at + value.length);
		head->pid = pid >= 0 && pid <= UINT32_MAX;
		line->pid = (uint32_t)pid;
	} else if (NAMED(name, "ev")) {
		line->kind = word_kind(value);
		head->ev = line->kind != EVENT_COUNT;
	} else if (NAMED(name, "exe")) {
		line->exe = value;
	} else if (NAMED(name, "local")) {
		line->local = value;
	} else if (NAMED(name, "peer")) {
		line->peer = value;
	} else if (NAMED(name, "cut")) {
		line->cut = true;
	} else {
		return false;
	}
	return true;
}

/* Is the cursor at the brace that ends the line? */
static bool ends(struct cursor *cursor)
{
	if (!take(cursor, '}')) {
		return false;
	}
	skip_space(cursor);
	return cursor->at == cursor->end;
}

/* A `call` line says nothing that a report needs: its keys are not looked at. */
static bool is_done(const struct line *line, const struct head *head, const struct cursor *cursor)
{
	return line->kind == EVENT_CALL && head->ts && head->pid && head->ev &&
	       cursor->end[-1] == '}';
}

static bool read_members(struct line *line, struct head *head, struct cursor *cursor)
{
	do {
		struct slice name;
		struct slice value;
		if (!take(cursor, '"') || !read_string(cursor, &name) || !take(cursor, ':')) {
			return false;
		}
		skip_space(cursor);
		if (!read_value(cursor, &value)) {
			return false;
		}
		if (!keep_head(line, head, name, value)) {
			enum key key = word_key(name);
			if (key != KEYS_END) {
				line->values[key] = value;
			}
		}
		if (is_done(line, head, cursor)) {
			return true;
		}
	} while (take(cursor, ','));
	return ends(cursor);
}

enum line_result line_read_json(struct line *line, const char *bytes, size_t length)
{
	struct cursor cursor = {bytes + 1, bytes + length};
	struct head head = {false, false, false};
	*line = (struct line){.json = true, .kind = EVENT_COUNT};
	bool whole = read_members(line, &head, &cursor);
	if (whole && head.ts && head.pid && head.ev) {
		return LINE_READ;
	}
	/* Another program's JSON is whole; and one of ours begins in one way only. */
	static const char start[] = "{\"ts\":\"";
	size_t known = length < sizeof start - 1 ? length : sizeof start - 1;
	return !whole && memcmp(bytes, start, known) == 0 ? LINE_DAMAGED : LINE_FOREIGN;
}
