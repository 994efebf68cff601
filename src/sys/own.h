/*
 * Descriptors of our own in the program's table. They live high, are CLOEXEC, and are known here
 * so that the hooks can deny them: to the program they do not exist.
 */
#ifndef RESETBY_SYS_OWN_H
#define RESETBY_SYS_OWN_H

#include <linux/stat.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "hidden.h"

enum own {
	OWN_LOG,
	OWN_HOLE_IPV4_LISTENER,
	OWN_HOLE_IPV4_FILLER,
	OWN_HOLE_IPV6_LISTENER,
	OWN_HOLE_IPV6_FILLER,
	OWN_CLOSED_IPV4,
	OWN_CLOSED_IPV6,
	OWN_KEPT_FIRST, /* connections that outlive their close (act/kept.c) */
	OWN_KEPT_LAST = OWN_KEPT_FIRST + 63,
	OWN_COUNT
};

/**
 * Adopt a descriptor: move it to a high number, set CLOEXEC, remember its identity.
 *
 * @fd
 *         Is closed, also on failure.
 * @return
 *         The new number, or a negative errno. When another thread was first and its descriptor is
 *         still good, that one stays and its number is returned: call own_drop to replace one.
 */
int own_adopt(enum own which, int fd);

/**
 * The descriptor, if it is still what we made it: programs close and reuse every number.
 *
 * @return
 *         The number, or -EBADF when it was never adopted, or is lost.
 */
int own_fd(enum own which);

/** Its number, without a look at what it is now: no system call. -EBADF when there is none. */
int own_number(enum own which);

/** The same, with the status that it was recognised by. */
int own_status(enum own which, struct statx *status);

/** A bit for each number that was ever ours, modulo OWN_HINTS. */
#define OWN_HINTS 1024u
extern HIDDEN _Atomic uint64_t own_hints[OWN_HINTS / 64];

/** May this number be one of ours? Nearly every other is told apart at once. */
static inline bool own_may_be(int fd)
{
	unsigned bit = (unsigned)fd % OWN_HINTS;
	uint64_t hints = atomic_load_explicit(&own_hints[bit / 64], memory_order_relaxed);
	return __builtin_expect((hints >> bit % 64 & 1) != 0, 0);
}

/** own_is for a number that may be. */
bool own_is_indeed(int fd);

/** Is this number one of ours now? Costs a system call only when it was. */
static inline bool own_is(int fd)
{
	return own_may_be(fd) && own_is_indeed(fd);
}

/**
 * The program takes this number for itself (dup2): move ours out of its way and close the number.
 * When there is no room to move to, ours is lost, and own_fd says so.
 */
void own_move(int fd);

/** Close one of ours, if it is still ours. */
void own_drop(enum own which);

/**
 * The lowest of our numbers that is >= first, for closing ranges around them.
 *
 * @return
 *         The number, or -1 when there is none.
 */
int own_next(int first);

#endif
