#include "../sys/clock.h"
#include "../sys/self.h"
#include "escape.h"
#include "line.h"
#include "log.h"

/* Room kept for the end of the line: `],"cut":true}` or ` conn= side= exe= tid= cut`. */
#define JSON_RESERVE ((size_t)24)
#define TEXT_RESERVE ((size_t)112)
#define CUT_RESERVE (sizeof " cut\n")

enum style { WORD, QUOTED, COLON, PAREN, PAIR };

struct opening {
	const char *bytes;
	size_t length;
};

#define OPENING(string)                                                                            \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}
#define WORD_OPENING(name) OPENING(" ")
#define QUOTED_OPENING(name) OPENING(" ")
#define COLON_OPENING(name) OPENING(": ")
#define PAREN_OPENING(name) OPENING(" (")
#define PAIR_OPENING(name) OPENING(" " name "=")

static const struct {
	enum style style;
	struct opening text, json;
} keys[KEYS_END] = {
#define KEY(symbol, name, style, meaning) {style, style##_OPENING(name), OPENING(",\"" name "\":")},
#include "keys.def"
#undef KEY
};

static const struct {
	struct opening text, json;
} kinds[EVENT_COUNT] = {
#define KIND(symbol, name) [EVENT_##symbol] = {OPENING(" " name), OPENING(",\"ev\":\"" name "\"")}
	KIND(ERROR, "error"),       KIND(WARN, "warn"),   KIND(INJECT, "inject"),
	KIND(MITIGATE, "mitigate"), KIND(RETRY, "retry"), KIND(OPEN, "open"),
	KIND(CLOSE, "close"),       KIND(CALL, "call"),   KIND(EXIT, "exit"),
#undef KIND
};

void line_take_back(struct event *event, size_t mark)
{
	text_rewind(&event->line, mark);
	event->line.cut = false;
	event->cut = true;
}

bool line_settle(struct event *event, size_t mark)
{
	if (event->line.cut) {
		line_take_back(event, mark);
		return false;
	}
	return true;
}

static void open_with(struct text *line, const struct opening *opening)
{
	text_bytes(line, opening->bytes, opening->length);
}

void line_key(struct event *event, enum key key)
{
	open_with(&event->line, event->json ? &keys[key].json : &keys[key].text);
}

static void value_end(struct event *event, enum key key, size_t mark)
{
	if (!event->json && keys[key].style == PAREN) {
		text_char(&event->line, ')');
	}
	line_settle(event, mark);
}

void event_begin(struct event *event, enum event_kind kind, char *buffer, size_t size)
{
	bool json = log_format() == LOG_JSON;
	*event = (struct event){
		.line = text_in(buffer, size - (json ? JSON_RESERVE : TEXT_RESERVE)),
		.json = json,
		.kind = kind,
	};
	line_head(event);
	open_with(&event->line, json ? &kinds[kind].json : &kinds[kind].text);
}

static void json_connection(struct text *line, int fd, uint64_t conn, const char *side,
			    const struct addr *local, const struct addr *peer)
{
	text_string(line, ",\"fd\":");
	text_number(line, fd);
	text_string(line, ",\"conn\":");
	text_unsigned(line, conn);
	text_string(line, ",\"side\":");
	escape_json(line, side);
	text_string(line, ",\"local\":\"");
	addr_write(line, local);
	text_string(line, "\",\"peer\":\"");
	addr_write(line, peer);
	text_char(line, '"');
}

void event_connection(struct event *event, int fd, uint64_t conn, const char *side,
		      const struct addr *local, const struct addr *peer)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (event->json) {
		json_connection(line, fd, conn, side, local, peer);
	} else {
		event->has_connection = true;
		event->conn = conn;
		event->side = side;
		text_string(line, " fd=");
		text_number(line, fd);
		text_char(line, ' ');
		addr_write(line, local);
		text_char(line, '>');
		addr_write(line, peer);
	}
	line_settle(event, mark);
}

void event_string(struct event *event, enum key key, const char *value)
{
	if (!value) {
		return;
	}
	size_t mark = event->line.length;
	line_key(event, key);
	if (event->json) {
		escape_json(&event->line, value);
	} else if (keys[key].style == PAIR) {
		escape_word(&event->line, value);
	} else if (keys[key].style == QUOTED) {
		escape_quoted(&event->line, value);
	} else {
		escape_prose(&event->line, value);
	}
	value_end(event, key, mark);
}

void event_number(struct event *event, enum key key, int64_t value)
{
	size_t mark = event->line.length;
	line_key(event, key);
	text_number(&event->line, value);
	value_end(event, key, mark);
}

void event_unsigned(struct event *event, enum key key, uint64_t value)
{
	size_t mark = event->line.length;
	line_key(event, key);
	text_unsigned(&event->line, value);
	value_end(event, key, mark);
}

static void text_tail(struct event *event)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (event->has_connection) {
		text_string(line, " conn=");
		text_unsigned(line, event->conn);
		text_string(line, " side=");
		escape_word(line, event->side);
		line_settle(event, mark);
		mark = line->length;
	}
	if (event->tid != event->pid) {
		text_string(line, " tid=");
		text_number(line, event->tid);
		line_settle(event, mark);
		mark = line->length;
	}
	text_string(line, " exe=");
	escape_word(line, log_exe());
	line_settle(event, mark);
}

size_t event_end(struct event *event)
{
	struct text *line = &event->line;
	if (event->json) {
		line->size += JSON_RESERVE;
		text_string(line, event->cut ? ",\"cut\":true}\n" : "}\n");
	} else {
		line->size += TEXT_RESERVE - CUT_RESERVE;
		text_tail(event);
		line->size += CUT_RESERVE;
		text_string(line, event->cut ? " cut\n" : "\n");
	}
	return line->length;
}

void event_send(struct event *event)
{
	size_t length = event_end(event);
	bool chatty = event->kind == EVENT_OPEN || event->kind == EVENT_CLOSE;
	if (event->kind == EVENT_CALL || (chatty && log_wants(LOG_CALLS))) {
		struct self self = self_now();
		log_write_call(&self, clock_wall_us(), event->line.start, length);
	} else {
		log_write(event->line.start, length);
	}
}
