/*
 * Words that threads and signal handlers share under a version, without a lock. Who writes makes the
 * version odd meanwhile; who finds it odd, or changed after reading, does without.
 *
 * Each word is read with acquire and written with release, which orders them between the two looks
 * at the version, and costs nothing on x86.
 */
#ifndef RESETBY_SYS_WORD_H
#define RESETBY_SYS_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t word;

static inline uint64_t word_get(const word *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

static inline void word_put(word *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_release);
}

/** Begin to write; false when somebody is at it, or has left in the middle. */
static inline bool word_begin(word *version)
{
	uint64_t even = word_get(version);
	return even % 2 == 0 && atomic_compare_exchange_strong(version, &even, even + 1);
}

/** What is written is whole. */
static inline void word_end(word *version)
{
	word_put(version, word_get(version) + 1);
}

#endif
