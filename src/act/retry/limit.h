/* The time that the program itself gives its calls. */
#ifndef RESETBY_ACT_RETRY_LIMIT_H
#define RESETBY_ACT_RETRY_LIMIT_H

#include "session.h"

/** When the call under way has to end by itself (clock_exact_ns): UINT64_MAX for never, 0 for now. */
uint64_t limit_deadline_ns(const struct session *session, const struct call *call);

/**
 * A read that is made again may last as long as SO_RCVTIMEO once more: wait for what is left.
 *
 * @return
 *         false when its time is up.
 */
bool limit_waits_for_answer(const struct session *session, const struct call *call);

#endif
