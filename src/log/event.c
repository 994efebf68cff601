#include "../sys/errnames.h"
#include "escape.h"
#include "line.h"
#include "log.h"

/* Room kept for the end of the line: `],"cut":true}` or ` conn= side= tid= exe= cut`. */
#define JSON_RESERVE ((size_t)24)
#define TEXT_RESERVE (LINE_BACK_SIZE + LINE_TAIL_SIZE + CUT_RESERVE)
#define CUT_RESERVE (sizeof " cut\n")

enum style { WORD, QUOTED, COLON, PAREN, PAIR };

/* All of it is copied, by a few moves. */
struct opening {
	char bytes[23];
	uint8_t length;
};

#define OPENING(string)                                                                            \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}

/* What stands before a value, and a number or word, a quote or bracket after it, and the NUL. */
#define SHORT_LONGEST (sizeof(struct opening) + 20 + 2)
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

static inline const struct opening *opening_of(const struct event *event, enum key key)
{
	return event->json ? &keys[key].json : &keys[key].text;
}

void line_key(struct event *event, enum key key)
{
	const struct opening *opening = opening_of(event, key);
	text_bytes(&event->line, opening->bytes, opening->length);
}

/* What is short is written with a pen (pen.h), where there is room for the longest of its kind. */
static inline bool has_room(const struct event *event, size_t longest)
{
	return event->line.length + longest <= event->line.size;
}

static inline char *pen_opening(char *at, const struct opening *opening)
{
	memcpy(at, opening->bytes, sizeof opening->bytes);
	return at + opening->length;
}

static inline void pen_down(struct text *line, char *end)
{
	*end = '\0';
	line->length = (size_t)(end - line->start);
}

/* NULL: there is no room, and the key is left out. */
static inline char *short_begin(struct event *event, enum key key)
{
	if (!has_room(event, SHORT_LONGEST)) {
		event->cut = true;
		return NULL;
	}
	return pen_opening(event->line.start + event->line.length, opening_of(event, key));
}

static inline void short_end(struct event *event, enum key key, char *at)
{
	if (!event->json && keys[key].style == PAREN) {
		at = pen_literal(at, ")");
	}
	pen_down(&event->line, at);
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
	event->json = log_format() == LOG_JSON;
	event->line = text_in(buffer, size - (event->json ? JSON_RESERVE : TEXT_RESERVE));
	event->cut = false;
	event->list = LIST_NONE;
	event->kind = kind;
	event->back_length = 0;
	line_head(event);
	const struct opening *opening = event->json ? &kinds[kind].json : &kinds[kind].text;
	pen_down(&event->line, pen_opening(event->line.start + event->line.length, opening));
}

static inline struct line_conn name_of(struct event *event, int fd, uint64_t key,
				       const struct line_ends *ends, char *front)
{
	struct line_conn name = line_conn_find(fd, key, front, event->back);
	if (name.front == 0) {
		name = line_conn_make(fd, key, ends, front, event->back);
	}
	event->back_length = name.back;
	return name;
}

/* A program's name has taken most of the line: the connection's may still fit. */
static __attribute__((noinline)) void connection_in_the_rest(struct event *event, int fd,
							     uint64_t key,
							     const struct line_ends *ends)
{
	char front[LINE_FRONT_SIZE];
	size_t mark = event->line.length;
	struct line_conn name = name_of(event, fd, key, ends, front);
	text_bytes(&event->line, front, name.front);
	line_settle(event, mark);
}

void event_connection(struct event *event, int fd, uint64_t key, const struct line_ends *ends)
{
	if (!has_room(event, LINE_FRONT_SIZE)) {
		connection_in_the_rest(event, fd, key, ends);
		return;
	}
	char *front = event->line.start + event->line.length;
	struct line_conn name = name_of(event, fd, key, ends, front);
	pen_down(&event->line, front + name.front);
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

void event_word(struct event *event, enum key key, const struct pen_word *word)
{
	bool quoted = event->json || keys[key].style == QUOTED;
	char *at = short_begin(event, key);
	if (at != NULL) {
		at = pen_word(quoted ? pen_literal(at, "\"") : at, word);
		short_end(event, key, quoted ? pen_literal(at, "\"") : at);
	}
}

void event_error(struct event *event, enum key key, int error)
{
	char name[24];
	struct text text = text_in(name, sizeof name);
	errno_write(&text, error);
	event_string(event, key, name);
}

void event_number(struct event *event, enum key key, int64_t value)
{
	char *at = short_begin(event, key);
	if (at != NULL) {
		short_end(event, key, pen_number(at, value));
	}
}

void event_unsigned(struct event *event, enum key key, uint64_t value)
{
	char *at = short_begin(event, key);
	if (at != NULL) {
		short_end(event, key, pen_unsigned(at, value));
	}
}

/* A name that is too long may be cut. */
static void long_tail(struct event *event)
{
	struct text *line = &event->line;
	if (event->self.tid != event->self.pid) {
		text_string(line, " tid=");
		text_number(line, event->self.tid);
	}
	size_t mark = line->length;
	text_string(line, " exe=");
	escape_word(line, log_exe());
	line_settle(event, mark);
}

static void text_tail(struct event *event)
{
	struct text *line = &event->line;
	text_bytes(line, event->back, event->back_length);
	if (line_tail_fits()) {
		pen_down(line, line_tail(line->start + line->length, &event->self));
	} else {
		long_tail(event);
	}
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
	const char *line = event->line.start;
	bool chatty = event->kind == EVENT_OPEN || event->kind == EVENT_CLOSE;
	if (event->kind == EVENT_CALL || chatty) {
		log_write_soon(&event->self, event->now_us, line, length);
	} else {
		log_write(&event->self, line, length);
	}
}
