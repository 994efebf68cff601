/* Signals that a write of ours could raise, kept from the program. */
#ifndef RESETBY_LOG_GUARD_H
#define RESETBY_LOG_GUARD_H

#include <stdint.h>

/** The bit of a signal in the kernel's 64-bit set. */
#define GUARD_BIT(signal) ((uint64_t)1 << ((signal)-1))

struct guard {
	uint64_t blocked; /* the thread's mask before */
	uint64_t pending; /* what was waiting behind that mask: the program's own */
};

/** Block signals in this thread; an empty set costs nothing. */
void guard_begin(struct guard *guard, uint64_t signals);

/**
 * Take one of `raised` that came since, and put the mask back. Call it with the same set.
 *
 * @raised
 *         The signal that the write's error says it raised, or an empty set.
 */
void guard_end(const struct guard *guard, uint64_t signals, uint64_t raised);

#endif
