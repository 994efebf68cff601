#include "../sys/clock.h"
#include "../sys/errnames.h"
#include "../sys/raw.h"
#include "escape.h"
#include "event.h"
#include "log.h"

/* Room kept for the end of the line: `],"cut":true}` or ` conn= side= exe= tid= cut`. */
#define JSON_RESERVE ((size_t)24)
#define TEXT_RESERVE ((size_t)112)
#define CUT_RESERVE (sizeof " cut\n")
/* Room that the last key of the head needs after exe, whose length is the program's choice. */
#define EV_RESERVE (sizeof ",\"ev\":\"mitigate\"")

enum style { WORD, QUOTED, COLON, PAREN, PAIR };

static const struct {
	const char *name;
	enum style style;
} keys[KEYS_END] = {
#define KEY(symbol, name, style, meaning) {name, style},
#include "keys.def"
#undef KEY
};

static const char *const kind_names[EVENT_COUNT] = {
	[EVENT_ERROR] = "error",       [EVENT_WARN] = "warn",   [EVENT_INJECT] = "inject",
	[EVENT_MITIGATE] = "mitigate", [EVENT_RETRY] = "retry", [EVENT_OPEN] = "open",
	[EVENT_CLOSE] = "close",       [EVENT_CALL] = "call",   [EVENT_EXIT] = "exit",
};

static void take_back(struct event *event, size_t mark)
{
	text_rewind(&event->line, mark);
	event->line.cut = false;
	event->cut = true;
}

/* Whatever was written since mark stays when all of it fitted, and goes when it did not. */
static bool settle(struct event *event, size_t mark)
{
	if (event->line.cut) {
		take_back(event, mark);
		return false;
	}
	return true;
}

static void json_key(struct event *event, const char *name)
{
	text_bytes(&event->line, ",\"", 2);
	text_string(&event->line, name);
	text_bytes(&event->line, "\":", 2);
}

static void value_begin(struct event *event, enum key key)
{
	static const char *const openings[] = {
		[WORD] = " ", [QUOTED] = " ", [COLON] = ": ", [PAREN] = " (", [PAIR] = " ",
	};
	if (event->json) {
		json_key(event, keys[key].name);
		return;
	}
	text_string(&event->line, openings[keys[key].style]);
	if (keys[key].style == PAIR) {
		text_string(&event->line, keys[key].name);
		text_char(&event->line, '=');
	}
}

static void value_end(struct event *event, enum key key, size_t mark)
{
	if (!event->json && keys[key].style == PAREN) {
		text_char(&event->line, ')');
	}
	settle(event, mark);
}

static void json_head(struct event *event, uint64_t now_us)
{
	struct text *line = &event->line;
	text_string(line, "{\"ts\":\"");
	clock_write_rfc3339(line, now_us);
	text_string(line, "\",\"pid\":");
	text_number(line, event->pid);
	json_key(event, "tid");
	text_number(line, event->tid);
	line->size -= EV_RESERVE;
	size_t mark = line->length;
	json_key(event, "exe");
	escape_json(line, log_exe());
	settle(event, mark);
	line->size += EV_RESERVE;
	json_key(event, "ev");
	escape_json(line, kind_names[event->kind]);
}

static void text_head(struct event *event, uint64_t now_us)
{
	struct text *line = &event->line;
	text_string(line, "resetby[");
	text_number(line, event->pid);
	text_string(line, "] ");
	clock_write_time(line, now_us);
	text_char(line, ' ');
	text_string(line, kind_names[event->kind]);
}

void event_begin(struct event *event, enum event_kind kind, char *buffer, size_t size)
{
	bool json = log_format() == LOG_JSON;
	*event = (struct event){
		.line = text_in(buffer, size - (json ? JSON_RESERVE : TEXT_RESERVE)),
		.json = json,
		.kind = kind,
		.pid = (int)raw0(SYS_getpid),
		.tid = (int)raw0(SYS_gettid),
	};
	uint64_t now_us = clock_wall_us();
	if (json) {
		json_head(event, now_us);
	} else {
		text_head(event, now_us);
	}
}

static void json_address(struct event *event, const char *name, const struct addr *addr)
{
	json_key(event, name);
	text_char(&event->line, '"');
	addr_write(&event->line, addr);
	text_char(&event->line, '"');
}

void event_connection(struct event *event, int fd, uint64_t conn, const char *side,
		      const struct addr *local, const struct addr *peer)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (event->json) {
		json_key(event, "fd");
		text_number(line, fd);
		json_key(event, "conn");
		text_unsigned(line, conn);
		json_key(event, "side");
		escape_json(line, side);
		json_address(event, "local", local);
		json_address(event, "peer", peer);
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
	settle(event, mark);
}

void event_string(struct event *event, enum key key, const char *value)
{
	if (!value) {
		return;
	}
	size_t mark = event->line.length;
	value_begin(event, key);
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
	value_begin(event, key);
	text_number(&event->line, value);
	value_end(event, key, mark);
}

void event_unsigned(struct event *event, enum key key, uint64_t value)
{
	size_t mark = event->line.length;
	value_begin(event, key);
	text_unsigned(&event->line, value);
	value_end(event, key, mark);
}

void event_list_begin(struct event *event, enum key key)
{
	event->list_mark = event->line.length;
	if (event->json) {
		/* One byte is kept for the bracket that ends it. */
		event->line.size--;
	}
	value_begin(event, key);
	if (event->json) {
		text_char(&event->line, '[');
	}
	event->list = settle(event, event->list_mark) ? LIST_EMPTY : LIST_LOST;
}

static bool item_begin(struct event *event)
{
	if (event->list == LIST_ITEMS) {
		text_char(&event->line, ',');
	}
	return event->list == LIST_EMPTY || event->list == LIST_ITEMS;
}

static void item_end(struct event *event, size_t mark)
{
	if (settle(event, mark)) {
		event->list = LIST_ITEMS;
	} else if (event->list == LIST_EMPTY) {
		take_back(event, event->list_mark);
		event->list = LIST_LOST;
	} else {
		event->list = LIST_FULL;
	}
}

void event_list_string(struct event *event, const char *value)
{
	size_t mark = event->line.length;
	if (item_begin(event)) {
		if (event->json) {
			escape_json(&event->line, value);
		} else {
			escape_word(&event->line, value);
		}
		item_end(event, mark);
	}
}

void event_list_count(struct event *event, const char *name, uint64_t count)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (!item_begin(event)) {
		return;
	}
	if (event->json) {
		text_string(line, "{\"name\":");
		escape_json(line, name);
		text_format(line, ",\"count\":%U}", count);
	} else {
		escape_word(line, name);
		text_format(line, ":%U", count);
	}
	item_end(event, mark);
}

void event_list_call(struct event *event, const char *op, int64_t result, int error, uint64_t ms)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (!item_begin(event)) {
		return;
	}
	if (event->json) {
		text_format(line, "{\"op\":\"%s\",\"result\":%D,\"errno\":\"", op, result);
		errno_write(line, error);
		text_format(line, "\",\"ms\":%U}", ms);
	} else {
		text_format(line, "%s=", op);
		if (error != 0) {
			errno_write(line, error);
		} else {
			text_number(line, result);
		}
		text_format(line, "@-%Ums", ms);
	}
	item_end(event, mark);
}

void event_list_end(struct event *event)
{
	if (event->json) {
		event->line.size++;
		if (event->list != LIST_LOST) {
			text_char(&event->line, ']');
		}
	} else if (event->list == LIST_EMPTY) {
		text_rewind(&event->line, event->list_mark);
	}
	event->list = LIST_NONE;
}

static void text_tail(struct event *event)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (event->has_connection) {
		text_format(line, " conn=%U side=", event->conn);
		escape_word(line, event->side);
		settle(event, mark);
		mark = line->length;
	}
	if (event->tid != event->pid) {
		text_format(line, " tid=%d", event->tid);
		settle(event, mark);
		mark = line->length;
	}
	text_string(line, " exe=");
	escape_word(line, log_exe());
	settle(event, mark);
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
	log_write(event->line.start, event_end(event));
}
