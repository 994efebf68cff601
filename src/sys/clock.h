/* The three clocks: cheap, exact, and of the wall. */
#ifndef RESETBY_SYS_CLOCK_H
#define RESETBY_SYS_CLOCK_H

#include <stdint.h>
#include <time.h>
#include "text.h"

/**
 * Milliseconds of CLOCK_MONOTONIC_COARSE: about 7 ns, as fine as the kernel's tick (1 to 10 ms).
 * Every call asks for it, and most want 32 bits of it: inline, that saves half of the work.
 */
static inline uint64_t clock_coarse_ms(void)
{
	/* Cannot fail since Linux 2.6.32. */
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint32_t)now.tv_nsec / 1000000;
}

/** Nanoseconds of CLOCK_MONOTONIC: about 40 ns. */
uint64_t clock_exact_ns(void);

/** Microseconds since 1970 in UTC. */
uint64_t clock_wall_us(void);

/** `2026-01-31T12:01:02.123456Z`, RFC 3339. */
void clock_write_rfc3339(struct text *text, uint64_t wall_us);

/** `12:01:02.123456`, of the same UTC day. */
void clock_write_time(struct text *text, uint64_t wall_us);

/** The six digits of `.123456` at the place where they are to be; no NUL. */
void clock_patch_us(char digits[6], uint64_t wall_us);

#endif
