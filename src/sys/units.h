/*
 * Numbers as people type them: durations, sizes, percentages. Each reader takes a whole string
 * of `length` bytes, and fails with -EINVAL (not of that form) or -ERANGE (too large).
 */
#ifndef RESETBY_SYS_UNITS_H
#define RESETBY_SYS_UNITS_H

#include <stddef.h>
#include <stdint.h>

/** One millionth: the unit of a chance; PROBABILITY_ONE is certainty. */
#define PROBABILITY_ONE 1000000u

/** A plain decimal number. */
int units_number(const char *string, size_t length, uint64_t *value);

/** `250ms`, `2s`, `5m`, `1h`: milliseconds. A fraction is allowed (`1.5s`), a unit is required. */
int units_duration(const char *string, size_t length, uint64_t *milliseconds);

/** `64`, `16K`, `1M`, `1G`: bytes, in powers of 1024. */
int units_size(const char *string, size_t length, uint64_t *bytes);

/** `0%`, `12.5%`, `100%`: millionths. */
int units_percent(const char *string, size_t length, uint32_t *millionths);

#endif
