/*
 * A program that is about to sleep, while lines of the log wait to be written (level `calls`):
 * somebody who follows the log has to see them.
 *
 * A wait is made in two parts, and the lines are written between them. The program sees one: its
 * timeout is exact, its signal mask holds, and a signal ends it.
 */
#ifndef RESETBY_HOOK_DOZE_H
#define RESETBY_HOOK_DOZE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include "../conn/call.h"
#include "../log/log.h"

#define DOZE_FOREVER ((int64_t)-1)
/** What the kernel refuses, and the call shall say so. */
#define DOZE_INVALID ((int64_t)0)

struct doze {
	uint64_t begun_ns;
	int64_t timeout_ns;
	int first_ms;  /* how long the first part may last */
	sigset_t mask; /* the thread's own; what the second part waits with */
	bool masked;
};

/** Timeouts of the calls that wait, in nanoseconds. */
int64_t doze_ms(int timeout);
int64_t doze_timespec(const struct timespec *timeout);
int64_t doze_timeval(const struct timeval *timeout);

/** doze_begin where lines may wait. */
bool doze_splits(struct doze *doze, int64_t timeout_ns);

/**
 * A wait begins.
 *
 * @return
 *         Must it be made in two parts? Not when nothing waits to be written, or it is short.
 */
static inline bool doze_begin(struct doze *doze, int64_t timeout_ns)
{
	doze->masked = false;
	return log_wants(LOG_CALLS) && doze_splits(doze, timeout_ns);
}

/** The first part was in vain: write the lines. Signals are held from here to the second part. */
void doze_write(struct doze *doze);

/** How long the second part may last: NULL for ever. */
const struct timespec *doze_rest(const struct doze *doze, struct timespec *room);
int doze_rest_ms(const struct doze *doze);

/** Put the signal mask back, if it was changed. For __attribute__((cleanup)): a thread may be
 * cancelled in a wait. */
void doze_end(struct doze *doze);

/** A call on a socket is about to be made that may sleep until the peer does something. */
void doze_before(struct call *call);

#define DOZE(name) struct doze name __attribute__((cleanup(doze_end)))

#endif
