/*
 * The library's own chance: numbers that follow from a seed and from what is being decided, so
 * that threads cannot change them, and the program's random() is left alone.
 */
#ifndef RESETBY_SYS_RANDOM_H
#define RESETBY_SYS_RANDOM_H

#include <stdint.h>

/** A seed from the kernel (getrandom), or from clock and pid where that is refused. */
uint64_t random_seed(void);

/**
 * The number that belongs to decision `index` of stream `stream` under `seed` (splitmix64 finaliser).
 */
uint64_t random_at(uint64_t seed, uint64_t stream, uint64_t index);

/** The seed of a process's nth child. */
uint64_t random_derive(uint64_t seed, uint64_t child);

#endif
