/* The `retry` events: every decision is told. */
#ifndef RESETBY_ACT_RETRY_TELL_H
#define RESETBY_ACT_RETRY_TELL_H

#include "session.h"

/**
 * A request was not retried.
 *
 * @detail
 *         What more there is to say, such as an errno; 0 for nothing.
 */
void tell_refused(const struct session *session, const struct call *call, enum reason reason,
		  int detail);

/** The connection was renewed and the request sent again, or is about to be sent. */
void tell_renewed(const struct session *session, const struct call *call);

#endif
