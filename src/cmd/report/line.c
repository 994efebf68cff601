#include "line.h"

#include <string.h>

static const char json_start[] = "{\"ts\":\"";
static const char text_start[] = "resetby[";

/* Behind what journald, docker or another line cut short put before it. */
static const char *find_start(const char *bytes, size_t length)
{
	const char *json = memmem(bytes, length, json_start, sizeof json_start - 1);
	const char *text = memmem(bytes, length, text_start, sizeof text_start - 1);
	return json && (!text || json < text) ? json : text;
}

/* Also what half a line was made into (log/mend.h). */
static bool is_blank(const char *bytes, size_t length)
{
	size_t at = 0;
	while (at < length && bytes[at] == ' ') {
		at++;
	}
	return at == length;
}

enum line_result line_read(struct line *line, const char *bytes, size_t length)
{
	if (length > 0 && bytes[length - 1] == '\r') {
		length--;
	}
	if (is_blank(bytes, length)) {
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

int64_t line_number(const struct line *line, enum key key)
{
	struct slice value = line->values[key];
	return value.at ? word_number(value) : 0;
}

enum cause line_cause(const struct line *line)
{
	return line_has(line, KEY_CAUSE) ? word_cause(line->values[KEY_CAUSE]) : CAUSE_COUNT;
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

enum op line_op(const struct line *line)
{
	return line_has(line, KEY_OP) ? word_op(line->values[KEY_OP]) : OP_NONE;
}

int line_error(const struct line *line)
{
	return line_has(line, KEY_ERRNO) ? word_error(line->values[KEY_ERRNO]) : 0;
}

bool line_addresses(const struct line *line, struct addr *local, struct addr *peer)
{
	return line->local.at && line->peer.at && word_address(line->local, local) &&
	       word_address(line->peer, peer);
}
