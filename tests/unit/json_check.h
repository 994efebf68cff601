/* A strict reader of JSON, RFC 8259, for what the library writes. */
#ifndef TESTS_UNIT_JSON_CHECK_H
#define TESTS_UNIT_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/** Is this one JSON value in valid UTF-8, with nothing after it? */
bool json_is_valid(const char *bytes, size_t length);

#endif
