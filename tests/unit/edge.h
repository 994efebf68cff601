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

#endif
