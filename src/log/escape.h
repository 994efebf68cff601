/* Bytes of anybody's making, made fit for a line. */
#ifndef RESETBY_LOG_ESCAPE_H
#define RESETBY_LOG_ESCAPE_H

#include "../sys/text.h"

/** A JSON string with its quotes (RFC 8259 section 7), valid for any bytes. */
void escape_json(struct text *text, const char *string);

/** For people: control bytes and what is no UTF-8 as `\n`, `\t` or `\xHH`; a line stays a line. */
void escape_prose(struct text *text, const char *string);

/** The same in double quotes, with `"` and `\` escaped. */
void escape_quoted(struct text *text, const char *string);

/** As a value or list item: in quotes when it could be misread without. */
void escape_word(struct text *text, const char *string);

#endif
