/*
 * The table: a slot for each descriptor, found without a lock. What it holds is a record's address, or
 * says that there is none to have.
 */
#ifndef RESETBY_CONN_TABLE_H
#define RESETBY_CONN_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "../sys/hidden.h"

/** What a slot of the table holds that is no record. */
#define SLOT_UNKNOWN ((uintptr_t)0)   /* never seen */
#define SLOT_NO_SOCKET ((uintptr_t)1) /* seen, a file, a pipe ... */
#define SLOT_OTHER ((uintptr_t)2)     /* a socket that is not TCP */

/** Is it known that there is no TCP socket? */
static inline bool slot_is_foreign(uintptr_t slot)
{
	return slot == SLOT_NO_SOCKET || slot == SLOT_OTHER;
}

/**
 * A leaf holds this many descriptors; its pages are touched as they are used. It stays below 2 MiB,
 * of which the kernel may make one huge page.
 */
#define TABLE_LEAF_BITS 17
#define TABLE_LEAF ((unsigned)1 << TABLE_LEAF_BITS)
/** The kernel's own ceiling for descriptors is below 2^30 (fs.nr_open). */
#define TABLE_LEAVES ((unsigned)1 << (30 - TABLE_LEAF_BITS))

typedef _Atomic uintptr_t table_slot;

/** The first leaf is always there: most programs never need another. */
extern HIDDEN table_slot table_first[TABLE_LEAF];

/** table_get for the descriptors of all other leaves. */
uintptr_t table_get_far(int fd);

/** The content of a descriptor's slot. */
static inline uintptr_t table_get(int fd)
{
	if (__builtin_expect((unsigned)fd >= TABLE_LEAF, 0)) {
		return table_get_far(fd);
	}
	return atomic_load_explicit(&table_first[(unsigned)fd], memory_order_acquire);
}

/** The same without a call: SLOT_UNKNOWN where that takes one. */
static inline uintptr_t table_get_near(int fd)
{
	if (__builtin_expect((unsigned)fd >= TABLE_LEAF, 0)) {
		return SLOT_UNKNOWN;
	}
	return atomic_load_explicit(&table_first[(unsigned)fd], memory_order_acquire);
}

/** Put something into a slot; the old content is returned. Does nothing when memory is short. */
uintptr_t table_swap(int fd, uintptr_t content);

/** Put something into a slot if it still holds `old`; false when it does not. */
bool table_replace(int fd, uintptr_t old, uintptr_t content);

extern HIDDEN _Atomic int table_top;

/** One above the highest descriptor that ever had a record; 0: there never was one. */
static inline int table_end(void)
{
	return atomic_load_explicit(&table_top, memory_order_relaxed);
}

/**
 * The first descriptor >= fd and <= last whose slot holds a record.
 *
 * @return
 *         The descriptor, or -1.
 */
int table_next(int fd, int last);

#endif
