/* May a request be retried? The conditions of libresetby.7, RETRY, in their order. */
#ifndef RESETBY_ACT_RETRY_JUDGE_H
#define RESETBY_ACT_RETRY_JUDGE_H

#include "../../rule/rule.h"
#include "session.h"

/**
 * Is the request that is under way to be sent again over a new connection?
 *
 * @error
 *         With which the old one ended; 0 for an end of file.
 * @rule
 *         The `retry` rule.
 * @idempotent
 *         The connection's `idempotent` rule, or NULL.
 * @return
 *         REASON_NONE, or the first condition that does not hold.
 */
enum reason judge_retry(const struct session *session, const struct call *call, int error,
			const struct rule *rule, const struct rule *idempotent);

/** Does a request that is to be sent again owe that to the rule idempotent? */
bool judge_needs_mark(const struct session *session, const struct call *call);

/** Is it the errno of a reset? */
bool judge_is_reset(int error);

/** Does this rule's when=, after= and starts= admit it now, at such a call (a WHEN_ bit)? */
bool judge_moment(const struct session *session, const struct call *call, const struct rule *rule,
		  unsigned when);

/** The same before a request is written, of which no byte has been kept but its head. */
bool judge_moment_before(const struct call *call, const struct rule *rule);

/**
 * May a connection that the peer has ended be replaced before a request is sent? Only where it is
 * certain that nothing is under way and that any connection is as good as this one: between two
 * requests, or when nothing has ever been sent on it or received.
 */
bool judge_renewal(const struct session *session, const struct call *call,
		   const struct rule *idempotent);

/** Tries that a rule allows for each request. */
uint32_t judge_tries(const struct rule *rule);

#endif
