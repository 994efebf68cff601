/* What a reader is given that shall not look behind its end. */
#ifndef TESTS_UNIT_EDGE_H
#define TESTS_UNIT_EDGE_H

#include <stddef.h>

/**
 * Copy bytes to where nothing can be read behind them.
 *
 * @size
 *         At most a page.
 * @return
 *         The copy, which the next call overwrites.
 */
const char *at_edge(const void *bytes, size_t size);

/** The same with the letters of a string, and not the NUL behind them. */
const char *letters_at_edge(const char *string);

#endif
