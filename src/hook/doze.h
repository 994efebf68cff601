/*
 * A program that is about to sleep, while something of ours must not wait as long: lines of the log
 * that somebody follows (level `calls`), a connection that is being renewed or drained.
 *
 * A wait is made in parts, and what is due is done between them. The program sees one: its timeout
 * is exact, its signal mask holds, and a signal ends it.
 */
#ifndef RESETBY_HOOK_DOZE_H
#define RESETBY_HOOK_DOZE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include "../act/chores.h"
#include "../conn/call.h"
#include "../log/log.h"
#include "flow.h"

#define DOZE_FOREVER ((int64_t)-1)
/** What the kernel refuses, and the call shall say so. */
#define DOZE_INVALID ((int64_t)0)

struct doze {
	uint64_t begun_ns; /* 0: when its first part ends */
	int64_t timeout_ns;
	const struct timespec *part; /* how long the next part may last; NULL for ever */
	struct timespec part_room;
	sigset_t mask; /* the thread's own; what further parts wait with */
	bool masked;
};

/** Timeouts of the calls that wait, in nanoseconds; they may lead nowhere. */
int64_t doze_ms(int timeout);
int64_t doze_timespec(const struct timespec *timeout);
int64_t doze_timeval(const struct timeval *timeout);

/** Before a wait: is there something that may have to be done meanwhile? */
static inline bool doze_wanted(void)
{
	return log_wants(LOG_CALLS) || UNLIKELY(chores_any());
}

/**
 * A wait begins.
 *
 * @return
 *         Must it be made in parts? Not when there is nothing to do, or it is short.
 */
bool doze_splits(struct doze *doze, int64_t timeout_ns);

/** The signal mask of a part: the program's for the call, or the thread's own while it is held. */
static inline const sigset_t *doze_mask(const struct doze *doze, const sigset_t *mask)
{
	return mask != NULL || !doze->masked ? mask : &doze->mask;
}

/** doze_goes_on, when the part was in vain or signals are held. */
bool doze_part_ended(struct doze *doze, int ready);

/**
 * A part has returned. When it was in vain, do what is due: signals are held from here to the next
 * part. When the wait is over, they are put back. A thread that is cancelled in a further part ends
 * with its signals held.
 *
 * @ready
 *         What the part returned; errno stays.
 * @return
 *         Is there another part?
 */
static inline bool doze_goes_on(struct doze *doze, int ready)
{
	return UNLIKELY(ready == 0 || doze->masked) && doze_part_ended(doze, ready);
}

/** The next part for calls that count in milliseconds; -1 for ever. */
int doze_part_ms(const struct doze *doze);

/** What is left of the program's timeout, which may be longer than doze.timeout_ns can say. */
struct timespec doze_rest(const struct doze *doze, struct timespec timeout);

/** Do what is due now. */
void doze_chores(void);

/** A call on a socket is about to be made that may sleep until the peer does something. */
void doze_before_wait(struct call *call);

/** The same, if it is not known that it never sleeps. */
static inline void doze_before(struct call *call)
{
	if (!conn_is(call->conn, CONN_NONBLOCKING) && (call->flags & MSG_DONTWAIT) == 0) {
		doze_before_wait(call);
	}
}

#endif
