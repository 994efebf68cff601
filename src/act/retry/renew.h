/*
 * A new connection on the same descriptor and the same kernel socket: connect with AF_UNSPEC, then
 * connect to the same address (tcp_disconnect() keeps options, O_NONBLOCK, epoll registrations and
 * dup'ed descriptors). Goes on step by step, so that a program that must not be held is not: what
 * has to be waited for is come back to at its later calls and during its waits.
 */
#ifndef RESETBY_ACT_RETRY_RENEW_H
#define RESETBY_ACT_RETRY_RENEW_H

#include "../../rule/rule.h"
#include "session.h"

/** An attempt to connect that has not been answered ends after this. */
#define RENEW_CONNECT_MS 3000

enum renewed {
	RENEWED_DONE,        /* connected, and everything sent again */
	RENEWED_PENDING,     /* it takes more time than there is */
	RENEWED_INTERRUPTED, /* by a signal whose handler wants the call to end */
	RENEWED_FAILED,      /* the connection stays dead; session->owed is what to say */
	RENEWED_CLOSED,      /* another thread has closed it: the session is somebody else's */
};

/** Is it a call that must not be held? */
bool renew_does_not_wait(const struct call *call);

/**
 * Say that a renewal begins, so that the calls of other threads wait.
 *
 * @return
 *         false when one of them was faster: then none begins.
 */
bool renew_announce(struct session *session, const struct call *call);

/** It was announced, and does not begin after all. */
void renew_withdraw(struct session *session);

/**
 * Begin. It was announced. The end of the connection is told.
 *
 * @call
 *         Its result is what the program would have been told.
 * @before_request
 *         Nothing of the request was sent yet. When the connection had answered before, the first
 *         attempt is made without a pause and is not counted as a try.
 */
void renew_begin(struct session *session, struct call *call, bool before_request);

/**
 * Go on as far as possible until `deadline_ns` (clock_exact_ns), which may be in the past.
 *
 * @tries
 *         How many tries there may be.
 */
enum renewed renew_go_on(struct session *session, struct call *call, uint32_t tries,
			 uint64_t deadline_ns);

/** Nobody may go on with it. The kernel itself tells the program what it would have been told. */
void renew_abandon(struct session *session, struct call *call);

#endif
