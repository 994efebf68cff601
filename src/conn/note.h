/*
 * What calls did is noted in the record of their connection: bytes, turns, silences, and a history of the
 * last ones. What nearly every call does is inline.
 */
#ifndef RESETBY_CONN_NOTE_H
#define RESETBY_CONN_NOTE_H

#include "conn.h"
#include "goodbye.h"

/**
 * The direction has changed: a new request begins with one of the two.
 *
 * @bytes
 *         How many of the new direction are counted already.
 * @head
 *         GOODBYE_HEAD of them; NULL when they are fewer or not known.
 */
void conn_turned(struct conn *conn, enum direction direction, size_t bytes, const void *head);

/** A write after a silence, or after a read. */
void conn_spoke(struct conn *conn, uint32_t silence_ms, size_t bytes, const void *head);

/** Least silence that is remembered as a gap. */
#define GAP_MIN_MS 1000

static inline void conn_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

static inline void conn_count32(_Atomic uint32_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/** Add a call to the history. */
static inline void conn_remember(struct conn *conn, enum op op, ssize_t result, int error,
				 uint32_t now_ms)
{
	uint32_t next = atomic_load_explicit(&conn->history_next, memory_order_relaxed);
	atomic_store_explicit(&conn->history_next, next + 1, memory_order_relaxed);
	struct past_call *past = &conn->history[next % CONN_HISTORY];
	int32_t clamped = result > INT32_MAX ? INT32_MAX : (int32_t)result;
	atomic_store_explicit(&past->when_ms, now_ms, memory_order_relaxed);
	atomic_store_explicit(&past->result, clamped, memory_order_relaxed);
	atomic_store_explicit(&past->op, (uint16_t)op, memory_order_relaxed);
	atomic_store_explicit(&past->error, (uint16_t)error, memory_order_relaxed);
}

/** Did the last byte go another way? What moves next is the first of its direction then. */
static inline bool conn_turns(const struct conn *conn, enum direction direction)
{
	return atomic_load_explicit(&conn->turn, memory_order_relaxed) != direction;
}

/** Do bytes of this direction go on where the last ones were, without a silence? */
static inline bool conn_goes_on(const struct conn *conn, enum direction direction, uint32_t now_ms)
{
	uint32_t last_ms = atomic_load_explicit(&conn->last_ms, memory_order_relaxed);
	return !conn_turns(conn, direction) && now_ms - last_ms < GAP_MIN_MS;
}

/** `bytes` have moved, and go on so; `counter` is bytes_in or bytes_out. */
static inline void conn_moved(struct conn *conn, _Atomic uint64_t *counter, size_t bytes,
			      uint32_t now_ms)
{
	conn_count(counter, bytes);
	atomic_store_explicit(&conn->last_ms, now_ms, memory_order_relaxed);
}

/** `bytes` were read. `head` is as with conn_turned. */
static inline void conn_received(struct conn *conn, size_t bytes, const void *head, uint32_t now_ms)
{
	conn_moved(conn, &conn->bytes_in, bytes, now_ms);
	if (conn_turns(conn, DIRECTION_READ)) {
		conn_turned(conn, DIRECTION_READ, bytes, head);
	}
}

/** `bytes` were accepted for sending. */
static inline void conn_sent(struct conn *conn, size_t bytes, const void *head, uint32_t now_ms)
{
	uint32_t last_ms = atomic_load_explicit(&conn->last_ms, memory_order_relaxed);
	uint32_t silence = clock_since_ms(last_ms, now_ms);
	conn_moved(conn, &conn->bytes_out, bytes, now_ms);
	if (silence >= GAP_MIN_MS || conn_turns(conn, DIRECTION_WRITE)) {
		conn_spoke(conn, silence, bytes, head);
	}
}

/**
 * Keep the current request's first bytes, for rules with starts=. `bytes` are about to go, or have
 * just come, in this direction, and are not counted yet.
 */
void conn_remember_head(struct conn *conn, enum direction direction, const char *bytes,
			size_t count);

/** Is what goes the way of the last byte, since the other way had its turn, TLS's goodbye and no more? */
bool conn_says_goodbye(const struct conn *conn);

/** Bytes of the request and of the response under way, by who asks. */
void conn_exchange(const struct conn *conn, uint64_t *request, uint64_t *response);

#endif
