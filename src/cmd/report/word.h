/*
 * A word of a log line: bytes that stand for a number, a time, or something that the library has a
 * name for. Both formats write them alike.
 */
#ifndef RESETBY_CMD_REPORT_WORD_H
#define RESETBY_CMD_REPORT_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../conn/op.h"
#include "../../log/event.h"
#include "../../sys/addr.h"
#include "../../why/why.h"

/** Bytes of a line; `at` is NULL when there is nothing. No NUL ends them. */
struct slice {
	const char *at;
	size_t length;
};

static inline bool word_is(struct slice word, const char *string)
{
	size_t length = __builtin_strlen(string);
	return word.length == length && __builtin_memcmp(word.at, string, length) == 0;
}

/** Decimal digits, to the first byte that is none; -1 when there is no digit, or too many. */
int64_t word_digits(const char **at, const char *end);

/** A number with or without a minus; 0 when it is none. */
int64_t word_number(struct slice word);

/** Bytes of `12:01:02.123456`. */
#define WORD_TIME_LENGTH 15

/** Microseconds since midnight; -1 when it is no time. Reads WORD_TIME_LENGTH bytes. */
int64_t word_time(const char *at);

/** EVENT_COUNT when it names none; so with the others. */
enum event_kind word_kind(struct slice word);
/** KEYS_END */
enum key word_key(struct slice word);
/** CAUSE_COUNT */
enum cause word_cause(struct slice word);
/** OP_NONE */
enum op word_op(struct slice word);

/** The number of `ECONNRESET`, or of `E999`, which has no name; 0 for `none` and what is no errno. */
int word_error(struct slice word);

/** `10.0.0.1:8080`, `[::1]:8080`, `*`; false when it cannot be read. */
bool word_address(struct slice word, struct addr *addr);

#endif
