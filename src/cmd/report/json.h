/* What the files of the report for programs share: its values, and the largest of its parts. */
#ifndef RESETBY_CMD_REPORT_JSON_H
#define RESETBY_CMD_REPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "model.h"

/**
 * Begin a document.
 *
 * @for_script
 *         It will stand in a <script> of a page.
 */
void json_begin(bool for_script);

/** Between two members or items; json_key and what has a name call it by themselves. */
void json_comma(void);

void json_open(char bracket);
void json_close(char bracket);
void json_key(const char *name);
void json_put_string(const char *string);

/** A key and its value. */
void json_string(const char *name, const char *value);
void json_number(const char *name, int64_t value);
void json_count(const char *name, uint64_t value);
void json_boolean(const char *name, bool value);
/** A time in microseconds since 1970; null for 0. */
void json_stamp(const char *name, uint64_t us);
/** `first` and `last`. */
void json_span(const struct tally *tally);
void json_address(const char *name, const struct addr *addr);
void json_error(const char *name, int error);

/** The failed connections that are listed, and how many are not. */
void json_connections(const struct model *model);

#endif
