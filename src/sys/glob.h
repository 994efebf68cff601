#ifndef RESETBY_SYS_GLOB_H
#define RESETBY_SYS_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Does a name match a pattern of `*`, `?`, `[a-z]`, `[!a-z]` and `\` (takes the next literally)?
 *
 * @pattern
 *         `length` bytes, no NUL needed.
 */
bool glob_match(const char *pattern, size_t length, const char *name);

/** Does a name match one of a comma-separated list of patterns? Blanks around them are ignored. */
bool glob_match_list(const char *list, const char *name);

/** Is there no pattern in such a list? */
bool glob_list_is_empty(const char *list);

#endif
