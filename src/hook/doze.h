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
	uint64_t begun_ns;
	int64_t timeout_ns;
	int first_ms;                /* how long the first part may last */
	const struct timespec *part; /* and the next one; NULL for ever */
	struct timespec part_room;
	sigset_t mask; /* the thread's own; what further parts wait with */
	bool masked;
};

/** Timeouts of the calls that wait, in nanoseconds. */
int64_t doze_ms(int timeout);
int64_t doze_timespec(const struct timespec *timeout);
int64_t doze_timeval(const struct timeval *timeout);

/** doze_begin where something may have to be done. */
bool doze_splits(struct doze *doze, int64_t timeout_ns);

/**
 * A wait begins.
 *
 * @return
 *         Must it be made in parts? Not when there is nothing to do, or it is short.
 */
static inline bool doze_begin(struct doze *doze, int64_t timeout_ns)
{
	doze->masked = false;
	return (log_wants(LOG_CALLS) || UNLIKELY(chores_any())) && doze_splits(doze, timeout_ns);
}

/**
 * A part was in vain: do what is due. Signals are held from here to the next part.
 *
 * @return
 *         Is there another part? doze->part says how long it may last.
 */
bool doze_goes_on(struct doze *doze);

/** The same for calls that count in milliseconds; -1 for ever. */
int doze_part_ms(const struct doze *doze);

/** What is left of the program's timeout. */
struct timespec doze_rest(const struct doze *doze);

/** Do what is due now. */
void doze_chores(void);

/**
 * The wait is over: put the signal mask back, if it was changed. A thread that is cancelled in a
 * further part does not come here, and ends with its signals held.
 */
void doze_end(struct doze *doze);

/** A call on a socket is about to be made that may sleep until the peer does something. */
void doze_before_wait(struct call *call);

/** The same, if it is not known that it never sleeps. */
static inline void doze_before(struct call *call)
{
	if (!call->conn->nonblocking && (call->flags & MSG_DONTWAIT) == 0) {
		doze_before_wait(call);
	}
}

#endif
