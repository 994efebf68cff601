/*
 * Values of several items. Those of JSON are flat: no item holds a list; who has passed the line on
 * may have put blanks between the parts.
 */
#include <string.h>
#include "line.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at)) {
		at++;
	}
	return at;
}

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
	const char *end = rest->at + rest->length;
	const char *start = skip_blanks(rest->at, end);
	const char *at = start;
	int depth = 0;
	if (at == end) {
		return false;
	}
	while (at < end && (*at != ',' || depth > 0)) {
		depth += (*at == '{') - (*at == '}');
		at = *at == '"' ? skip_quoted(at, end) : at + 1;
	}
	const char *stop = at;
	while (stop > start && is_blank(stop[-1])) {
		stop--;
	}
	*item = (struct slice){start, (size_t)(stop - start)};
	at += at < end;
	*rest = (struct slice){at, (size_t)(end - at)};
	return true;
}

/* A member of a flat JSON object; of a string what stands between the quotes. */
static struct slice member(struct slice object, const char *name)
{
	const char *end = object.at + object.length;
	const char *at = object.at;
	do {
		at = memmem(at, (size_t)(end - at), name, strlen(name));
		if (!at) {
			return (struct slice){"", 0};
		}
		at = skip_blanks(at + strlen(name), end);
	} while (at == end || *at != ':');
	at = skip_blanks(at + 1, end);
	bool quoted = at < end && *at == '"';
	const char *stop = at;
	if (quoted) {
		stop = skip_quoted(at, end) - 1;
		at++;
	} else {
		while (stop < end && *stop != ',' && *stop != '}' && !is_blank(*stop)) {
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
	*cause = word_cause(unquoted(item));
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
	call->op = word_op((struct slice){item.at, (size_t)(equal - item.at)});
	call->error = word_error(result);
	call->result = call->error != 0 ? -1 : word_number(result);
	ago += 2;
	int64_t ms = word_digits(&ago, end);
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
	int64_t ms = word_number(member(item, "\"ms\""));
	call->op = word_op(member(item, "\"op\""));
	call->error = word_error(member(item, "\"errno\""));
	call->result = word_number(member(item, "\"result\""));
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
		*name = member(item, "\"name\"");
		*count = (uint64_t)word_number(member(item, "\"count\""));
		return true;
	}
	const char *colon = memrchr(item.at, ':', item.length);
	if (!colon) {
		return false;
	}
	*name = (struct slice){item.at, (size_t)(colon - item.at)};
	*count = (uint64_t)word_number((struct slice){colon + 1, item.length - name->length - 1});
	return true;
}
