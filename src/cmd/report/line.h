/*
 * One line of a log, as resetby writes it: JSON or text. Reading a line finds where each value
 * stands; what a value means is asked for later, so that a line that is only counted costs little.
 *
 *     line.c          which format; the values of one word     line_string.c   escapes undone
 *     line_json.c, line_text.c   where each value stands       line_list.c     values of several items
 *     word.h          what a word means
 */
#ifndef RESETBY_CMD_REPORT_LINE_H
#define RESETBY_CMD_REPORT_LINE_H

#include "../../conn/side.h"
#include "word.h"

/** What a line turned out to be. */
enum line_result {
	LINE_READ,
	LINE_EMPTY,
	LINE_FOREIGN, /* not of ours */
	LINE_DAMAGED, /* begins like one of ours */
	LINE_RESULT_COUNT
};

struct line {
	enum event_kind kind;
	bool json;
	bool cut;    /* the writer had no room for a key */
	uint64_t us; /* JSON: since 1970; text: since midnight, for text has no date */
	uint32_t pid;
	struct slice exe;
	struct slice local, peer;
	struct slice values[KEYS_END]; /* raw, as they stand in the line */
};

/**
 * Read a line.
 *
 * @bytes
 *         The line without its newline; what `line` holds afterwards points into it.
 * @return
 *         LINE_READ: kind, us and pid are known; of a `call` line nothing but these and exe.
 */
enum line_result line_read(struct line *line, const char *bytes, size_t length);

/** The two formats; line_read chooses. */
enum line_result line_read_json(struct line *line, const char *bytes, size_t length);
enum line_result line_read_text(struct line *line, const char *bytes, size_t length);

static inline bool line_has(const struct line *line, enum key key)
{
	return line->values[key].at != NULL;
}

/** A number, 0 when there is none. */
int64_t line_number(const struct line *line, enum key key);

/** Is the value this word? */
static inline bool line_is(const struct line *line, enum key key, const char *word)
{
	return line_has(line, key) && word_is(line->values[key], word);
}

/**
 * A value as the program that wrote it meant it, escapes undone.
 *
 * @buffer
 *         Gets a string with its NUL, shortened where it does not fit.
 * @return
 *         Its length; 0 when there is no such value.
 */
size_t line_string(const struct line *line, struct slice value, char *buffer, size_t size);

/** CAUSE_COUNT for a cause that this version does not know, or none. */
enum cause line_cause(const struct line *line);
enum sure line_sure(const struct line *line);
enum side line_side(const struct line *line);
enum op line_op(const struct line *line);
/** The errno's number; 0 for none. */
int line_error(const struct line *line);

/** The connection's two ends; false when the line is about no connection, or they cannot be read. */
bool line_addresses(const struct line *line, struct addr *local, struct addr *peer);

/* ---- lists: `rest` begins as line->values[key], and each call takes one item off ---- */

/** An item of `else`. */
bool line_next_cause(const struct line *line, struct slice *rest, enum cause *cause);

struct line_call {
	enum op op;
	int error;
	int64_t result;
	uint64_t ms; /* before the line was written */
};

/** An item of `history`. */
bool line_next_call(const struct line *line, struct slice *rest, struct line_call *call);

/** An item of `errors` or `fired`; the name is raw. */
bool line_next_count(const struct line *line, struct slice *rest, struct slice *name,
		     uint64_t *count);

#endif
