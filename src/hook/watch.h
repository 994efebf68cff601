/*
 * What is noticed in passing, at the program's own calls and never by a thread: connections that
 * live, not well. Each is told once.
 */
#ifndef RESETBY_HOOK_WATCH_H
#define RESETBY_HOOK_WATCH_H

#include "../conn/call.h"

/** When the next walk over the open connections is due (coarse clock, modulo 2^32). */
extern HIDDEN _Atomic uint32_t watch_due_ms;

/** Is it? */
static inline bool watch_is_due(uint32_t now_ms)
{
	uint32_t due_ms = atomic_load_explicit(&watch_due_ms, memory_order_relaxed);
	return __builtin_expect((int32_t)(now_ms - due_ms) >= 0, 0);
}

/** RESETBY_STALE: a half-closed connection older than this is told. */
void watch_start(uint64_t stale_ms);

/** A connect has succeeded: after how many SYNs? */
void watch_opened(struct call *call);

/** accept has returned: does the listener's queue overflow? */
void watch_accepted(struct call *listener);

/** Look at one connection, if no byte has moved on it for a while. */
void watch_look(struct conn *conn, int fd, uint32_t now_ms);

/** The program closes a connection: was it one of those that are told when they are old? */
void watch_closing(struct conn *conn, int fd);

/** Look at some of the open connections; the next walk goes on where this one ended. */
void watch_walk(uint32_t now_ms);

/** The next call is to look around again, not the one after a second. */
void watch_hurry(uint32_t now_ms);

/** The process ends: tell all that are stale. */
void watch_end(void);

#endif
