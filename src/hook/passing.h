/* Warnings: an open connection is looked at in passing, and is not well. */
#ifndef RESETBY_HOOK_PASSING_H
#define RESETBY_HOOK_PASSING_H

#include "desk.h"

/**
 * Look at it: a `warn` when it is not well, once for each cause.
 *
 * @stale_ms
 *         How long a half-closed connection is left alone.
 */
void passing_report(struct call *call, int64_t stale_ms);

/** Has it not been told yet that bytes of this connection went past the hooks? */
bool passing_unseen_is_news(const struct conn *conn);

/** It is said once, before what is said of the connection for another reason; by collected evidence. */
void passing_tell_unseen(struct desk *desk, const struct call *call);

#endif
