/* The clocks: cheap, cheaper, exact, and of the wall. */
#ifndef RESETBY_SYS_CLOCK_H
#define RESETBY_SYS_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "hidden.h"
#include "pen.h"
#include "text.h"

/**
 * Milliseconds of CLOCK_MONOTONIC_COARSE: about 7 ns, as fine as the kernel's tick (1 to 10 ms).
 * Most want 32 bits of it: inline, that saves half of the work.
 */
static inline uint64_t clock_coarse_ms(void)
{
	/* Cannot fail since Linux 2.6.32. */
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint32_t)now.tv_nsec / 1000000;
}

/** A step of the processor's counter is 2 to the power of this, 0.4 to 2 ms; 0: it may not be read. */
extern HIDDEN uint8_t clock_step_bits;

/** Which step of the counter it was when the clock was last asked, and what it said. */
extern HIDDEN _Atomic uint64_t clock_kept;

/** The processor's counter: RDTSC; CNTVCT_EL0. */
static inline uint64_t clock_counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t count;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	return count;
#else
#error "resetby knows the counters of x86_64 and aarch64"
#endif
}

/**
 * The low 32 bits of clock_coarse_ms, up to a step old, if they are known: 2 to 15 ns. The counter
 * tells only whether the step is over in which the clock was asked: one that jumps, or is another one
 * on each processor, costs time and no truth.
 */
static inline bool clock_is_known(uint32_t *now_ms)
{
	uint64_t kept = atomic_load_explicit(&clock_kept, memory_order_relaxed);
	unsigned bits = clock_step_bits;
	*now_ms = (uint32_t)kept;
	return __builtin_expect(bits != 0, 1) && kept >> 32 == (uint32_t)(clock_counter() >> bits);
}

/** The same, and the clock is asked when that is so no more. */
uint32_t clock_recent_ms(void);

/** More than any of the readings above can be behind another one. */
#define CLOCK_BEHIND_MS 1000u

/** From one of these readings to a later one; 0 when that is the older one by a step. */
static inline uint32_t clock_since_ms(uint32_t then_ms, uint32_t now_ms)
{
	uint32_t passed = now_ms - then_ms;
	return passed > UINT32_MAX - CLOCK_BEHIND_MS ? 0 : passed;
}

/**
 * Find out whether the processor's counter may be used. Where a hypervisor answers each reading,
 * clock_recent_ms is clock_coarse_ms.
 */
void clock_start(void);

/** May the counter be read from here on? Not under seccomp's strict mode. What clock_bar said stays. */
void clock_use_counter(bool may);

/**
 * The counter raises SIGSEGV from here on (prctl(2), PR_SET_TSC): all clocks are coarse, which do
 * not read it.
 */
void clock_bar(void);

/** Nanoseconds of CLOCK_MONOTONIC: about 40 ns. */
uint64_t clock_kernels_ns(void);

/** The same; about 15 ns after clock_exact_start, and then up to a microsecond late. */
uint64_t clock_exact_ns(void);

/** For those who time each call; after clock_start. Reads a file of /sys. */
void clock_exact_start(void);

/** In a forked child: another thread of the parent may have been about it. */
void clock_exact_after_fork(void);

/** From one of these readings until now; 0 when that is another processor's, and a little later. */
static inline uint64_t clock_since_ns(uint64_t then_ns)
{
	uint64_t now_ns = clock_exact_ns();
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/** Nanoseconds and microseconds since 1970 in UTC. */
uint64_t clock_wall_ns(void);
uint64_t clock_wall_us(void);

/** The same, as old as clock_coarse_ms, and as cheap. */
uint64_t clock_wall_coarse_us(void);

/** `2026-01-31T12:01:02.123456Z`, RFC 3339. */
void clock_write_rfc3339(struct text *text, uint64_t wall_us);

/** `12:01:02.123456`, of the same UTC day. */
void clock_write_time(struct text *text, uint64_t wall_us);

/** The six digits of `.123456` at the place where they are to be, of less than a million; no NUL. */
static inline void clock_write_us(char digits[6], uint32_t us)
{
	pen_pair(pen_pair(pen_pair(digits, us / 10000), us / 100 % 100), us % 100);
}

#endif
