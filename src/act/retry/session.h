/*
 * What retry knows of a connection. A session is one exchange after the other: a request goes out
 * and is kept, its response comes in and is followed to its end. When the connection is reset in
 * between, the same session goes on over a new connection on the same socket.
 *
 *     reasons.def      why a request is not retried
 *     retry.c          the action: before and after each call
 *     recover.c        a call met the end of its connection: what becomes of it
 *     limit.c          the time that the program gives its calls
 *     observe.c        where requests and responses begin and end
 *     judge.c          may this request be retried?
 *     renew.c          a new connection on the same socket, step by step
 *     retained.c       the bytes to be sent again
 *     http_*.c         enough of HTTP/1.x
 *     stateful.c       protocols that cannot be retried
 *     budget.c         how often and how soon
 *     tell.c           the `retry` events
 *     session.c        sessions, and whose they are
 */
#ifndef RESETBY_ACT_RETRY_SESSION_H
#define RESETBY_ACT_RETRY_SESSION_H

#include <netinet/in.h>
#include "../../conn/call.h"
#include "http.h"
#include "retained.h"

enum reason {
	REASON_NONE,
#define REASON(symbol, condition, text) REASON_##symbol,
#include "reasons.def"
#undef REASON
	REASON_COUNT
};

enum exchange {
	EXCHANGE_NONE,     /* between two of them, which is certain */
	EXCHANGE_REQUEST,  /* sent, as far as it is; no byte of the response has been seen */
	EXCHANGE_RESPONSE, /* some of the response has been seen */
};

enum renewal {
	RENEWAL_NONE,
	RENEWAL_PAUSING,    /* until due_ns */
	RENEWAL_CONNECTING, /* at most until due_ns */
	RENEWAL_RESENDING,
};

/** Its connection is closed. Nobody else has a session before it is given back whole. */
enum ended {
	ENDED_NOT,
	ENDED_USED,    /* somebody still looks into it */
	ENDED_CLEARING /* it is being given back */
};

struct session {
	const struct conn *_Atomic owner; /* NULL: free */
	_Atomic uint32_t generation;      /* of the owner's record */
	_Atomic unsigned users; /* who looks into it just now, outside the program's call */
	_Atomic uint8_t ended;  /* enum ended: the last of them gives it back */
	_Atomic int holder;     /* the thread that is in a call or tends it; 0 for none */
	uint16_t rule;          /* its number, in the set `rules` */
	uint32_t rules;
	int fd; /* by which it was used last */
	int pid;
	struct sockaddr_in6 peer; /* as the socket's family wants it */
	uint32_t peer_size;
	uint64_t call_ms; /* when the call under way began */
	int call_errno;   /* and what errno was then: a call that succeeds leaves it so */

	/* the exchange */
	uint8_t exchange; /* enum exchange */
	bool http;
	bool foreign;           /* this connection has answered something else than HTTP/1.x */
	_Atomic uint8_t barred; /* enum reason: nothing on this connection is retried */
	uint8_t unkept;         /* enum reason: this request is not */
	bool marked;            /* the rule idempotent has fired for this request */
	bool over;              /* the program is told that the connection has ended */
	_Atomic bool
		told_dead; /* act_died has told its end, and no other one has come in its place */
	uint64_t bytes_in; /* of this connection, in calls that held the session */
	uint64_t bytes_out;
	uint32_t answers; /* that this connection has given */
	uint32_t tries;   /* of this request */
	uint64_t written; /* bytes of this request, kept or not */
	struct retained sent;
	struct http_response response;

	/* a renewal under way */
	_Atomic uint8_t renewal; /* enum renewal */
	bool before_request;     /* nothing of the request was sent yet */
	bool by_rule;            /* it was a rule that ended the connection before */
	bool nonblocking;        /* the call that met the failure does not wait */
	bool parked;             /* connected to the hole for a pause */
	_Atomic bool unblocked;  /* the program's O_NONBLOCK, which is also ours while we connect */
	_Atomic uint8_t owed;    /* errno that the program has yet to be told; it failed */
	int original;            /* errno that would have been told; 0 for an end of file */
	uint8_t original_op;
	size_t resent;
	uint64_t began_ns, due_ns;
};

/** The session of a connection, NULL when it has none. */
struct session *session_of(const struct conn *conn);

/**
 * Begin one; NULL when there are too many. This thread holds it, so that no other one uses it before
 * it is filled in.
 */
struct session *session_new(struct conn *conn, uint32_t generation);

/** Give it back; a renewal that another thread has in hand ends first. */
void session_end(struct conn *conn);

/**
 * The same as session_of, and keep it from being given back by another thread's close until
 * session_put.
 */
struct session *session_get(const struct conn *conn);
void session_put(struct session *session);

/** Does the session, and its descriptor, still belong to this connection? */
bool session_is_of(const struct session *session, const struct conn *conn);

/** A call begins, or a renewal is tended: false while somebody else is at it. */
bool session_hold(struct session *session);

/**
 * The same, waiting for another thread as long as a call lasts that does not sleep. Never for this
 * thread: a signal handler may have interrupted what it would wait for.
 */
bool session_hold_soon(struct session *session);

/** The same for a call that does not wait: the other thread's does not wait either, it may only have
 *  lost the processor. */
bool session_hold_patiently(struct session *session);

/** Is it this thread that holds it? */
bool session_is_held(const struct session *session);

void session_release(struct session *session);

/** The next session of the process that is being renewed, from an index on; moves the index. */
struct session *session_next_renewing(unsigned *index);

/** A renewal takes its next step, or ends. */
void session_set_renewal(struct session *session, enum renewal renewal);

/**
 * No renewal begins from here on.
 *
 * @return
 *         Is one under way? It goes on.
 */
bool session_bar(struct session *session, enum reason reason);

/**
 * A renewal begins, which whoever holds the session has judged that it may.
 *
 * @return
 *         false when the session was barred meanwhile: then none begins.
 */
bool session_begin_renewal(struct session *session);

#endif
