/* A call has met the end of its connection: what becomes of it. */
#ifndef RESETBY_ACT_RETRY_RECOVER_H
#define RESETBY_ACT_RETRY_RECOVER_H

#include "../../rule/rule.h"
#include "session.h"

enum recovery {
	NOT_RECOVERED, /* the program is told what happened */
	RECOVERED,     /* the call can be made again */
	ANSWERED,      /* the call has another result */
};

/** Is it an error with which a connection ends? The others are about the call. */
bool recover_ends_connection(int error);

/**
 * Judge, and renew the connection if that may be.
 *
 * @call
 *         Its result and error are what happened; changed when ANSWERED.
 */
enum recovery recover(struct rule *rule, struct session *session, struct call *call, bool writing);

/**
 * The same before a request, on a connection that is idle: when the peer has ended it, nothing is
 * lost if it is replaced.
 */
enum recovery recover_stale(struct rule *rule, struct session *session, struct call *call);

/** A renewal is under way: go on with it. */
enum recovery recover_go_on(struct rule *rule, struct session *session, struct call *call);

/** The program has yet to be told how a renewal ended: tell it. */
void recover_pay(struct session *session, struct call *call);

/** The call's answer is this error, or 0. */
void recover_answer(struct call *call, int error);

#endif
