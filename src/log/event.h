/*
 * An event becomes one line: JSON for programs, prose for people. The caller adds the keys in the
 * order in which they should be read; keys.def says how each looks in text.
 */
#ifndef RESETBY_LOG_EVENT_H
#define RESETBY_LOG_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/pen.h"
#include "../sys/self.h"
#include "../sys/text.h"
#include "line_conn.h"

enum event_kind {
	EVENT_ERROR,
	EVENT_WARN,
	EVENT_INJECT,
	EVENT_MITIGATE,
	EVENT_RETRY,
	EVENT_OPEN,
	EVENT_CLOSE,
	EVENT_CALL,
	EVENT_EXIT,
	EVENT_COUNT
};

enum key {
#define KEY(symbol, name, style, meaning) KEY_##symbol,
#include "keys.def"
#undef KEY
	KEYS_END /* not KEY_COUNT: that is the key "count" */
};

/** Room that a `call`, `open` or `close` line needs; an `error` line with its history needs more. */
#define EVENT_SMALL ((size_t)704)
#define EVENT_LARGE ((size_t)4096)

enum event_list {
	LIST_NONE,
	LIST_EMPTY, /* open, no item yet */
	LIST_ITEMS,
	LIST_FULL, /* an item did not fit: nothing more is added */
	LIST_LOST  /* the list itself did not fit */
};

struct event {
	struct text line;
	bool json;
	bool cut;             /* a key did not fit and was left out */
	enum event_list list; /* how the open list is doing */
	size_t list_mark;     /* where it begins */
	enum event_kind kind;
	struct self self;
	uint64_t now_us;           /* by clock_wall_us */
	char back[LINE_BACK_SIZE]; /* in text, conn and side end the line */
	uint32_t back_length;
};

/**
 * Begin an event: writes ts, pid, tid, exe, ev.
 *
 * @buffer
 *         Holds the line until event_send; at least 256 bytes.
 */
void event_begin(struct event *event, enum event_kind kind, char *buffer, size_t size);

/**
 * The connection it is about: fd, conn, side, local, peer. In text: `fd=5 LOCAL>PEER`, with conn
 * and side at the end of the line.
 *
 * @key
 *         See line_conn.h.
 */
void event_connection(struct event *event, int fd, uint64_t key, const struct line_ends *ends);

/**
 * @value
 *         Any bytes; in JSON, what is no UTF-8 becomes U+FFFD. NULL: the key is left out.
 */
void event_string(struct event *event, enum key key, const char *value);
/** One of our own words: nothing in it has to be escaped. */
void event_word(struct event *event, enum key key, const struct pen_word *word);
/** An error by its name: `EPIPE`, `E999`, and `none` for 0. */
void event_error(struct event *event, enum key key, int error);
void event_number(struct event *event, enum key key, int64_t value);
void event_unsigned(struct event *event, enum key key, uint64_t value);

/**
 * A list: JSON array, in text `name=a,b`, where an empty one is left out. When an item does not
 * fit, neither it nor a later one is written.
 */
void event_list_begin(struct event *event, enum key key);
void event_list_string(struct event *event, const char *value);
/** JSON {"NAME":count}-style item, as {"name":"reset","count":3}; in text `reset:3`. */
void event_list_count(struct event *event, const char *name, uint64_t count);
/** JSON {"op":"recv","result":-1,"errno":"EAGAIN","ms":12}; in text `recv=EAGAIN@-12ms`. */
void event_list_call(struct event *event, const char *op, int64_t result, int error, uint64_t ms);
void event_list_end(struct event *event);

/**
 * End the line with its newline. A key that did not fit shows as "cut":true, in text ` cut`.
 *
 * @return
 *         The line's length.
 */
size_t event_end(struct event *event);

/** End the line and hand it to the sink. */
void event_send(struct event *event);

#endif
