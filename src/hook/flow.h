/*
 * The way of a call through the house. A hook reads:
 *
 *     struct call call;
 *     if (!call_enter(&call, OP_RECV, conn_find(fd), fd, size)) {      no TCP socket: libc's own way
 *             return real.recv(fd, buffer, size, flags);
 *     }
 *     if (!call_answers_read(&call, buffer, flags)) {                  unless a rule answers it
 *             call.result = real.recv(fd, buffer, call.asked, flags);
 *     }
 *     return call_leave_read(&call, true);                             count, remember, explain
 *
 * What is inline here is all that a call costs that succeeds: no system call, no lock, no heap. What
 * is rare gets a copy of the call: one whose address is never taken lives in registers.
 */
#ifndef RESETBY_HOOK_FLOW_H
#define RESETBY_HOOK_FLOW_H

#include <errno.h>
#include "../act/act.h"
#include "../conn/call.h"
#include "../rule/active.h"
#include "../sys/clock.h"
#include "watch.h"

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

/**
 * For the hooks of most calls: -fstack-protector-strong would guard their frames because of those
 * copies, for five instructions a call. Not for a hook that has an array.
 */
#if __has_attribute(no_stack_protector)
#define HOT __attribute__((no_stack_protector))
#else
#define HOT
#endif

/** True when every call is looked at: calls are logged, or a rules file is watched. */
extern HIDDEN bool flow_watches;

/** True when a rule looks at requests (starts=). */
extern HIDDEN bool flow_keeps_heads;

/** About once a second: how are the open connections, this one and the others? */
void flow_look_around(struct call *call, uint32_t now_ms);

/** What is due from time to time: open connections, the rules file, what outlives its close. */
void flow_keep_house(uint32_t now_ms);

/**
 * Keep what a request begins with.
 *
 * @pieces
 *         Where its bytes are; may lead nowhere.
 * @size
 *         How many bytes they are.
 */
void flow_keep_head(struct conn *conn, enum direction direction, const struct iovec *pieces,
		    size_t count, size_t size);

/** A waiting call found the descriptor ready: a connect that was under way may have succeeded. */
void flow_ready(struct conn *conn, int fd, enum op op);

/** The rules in force have changed: which calls have to be watched for them. */
void flow_rules_changed(void);

/** What call_enter does when calls are watched or the connection's rules are not the newest. */
void flow_begin(struct call *call);

/** What call_leave does when something is to be said; keeps errno as the result wants it. */
void flow_end(struct call *call);

static ALWAYS_INLINE bool call_enter(struct call *call, enum op op, struct conn *conn, int fd,
				     size_t asked)
{
	if (conn == NULL) {
		return false;
	}
	*call = (struct call){
		.conn = conn,
		.generation = atomic_load_explicit(&conn->generation, memory_order_relaxed),
		.op = op,
		.fd = fd,
		.asked = asked,
	};
	if (UNLIKELY(flow_watches) ||
	    UNLIKELY(conn->choice.generation !=
		     atomic_load_explicit(&rules_generation, memory_order_relaxed))) {
		struct call copy = *call;
		flow_begin(&copy);
		call->began_ns = copy.began_ns;
	}
	return true;
}

static ALWAYS_INLINE bool call_answers(struct call *call, uint32_t actions,
				       bool (*act)(struct call *))
{
	if (LIKELY((call->conn->choice.actions & actions) == 0)) {
		return false;
	}
	struct call copy = *call;
	bool answers = act(&copy);
	call->asked = copy.asked;
	call->result = copy.result;
	call->error = copy.error;
	return answers;
}

/**
 * Does a rule answer this read itself? Then call->result is the answer.
 *
 * @pieces
 *         Where the bytes go; NULL for a splice.
 */
static ALWAYS_INLINE bool call_answers_pieces(struct call *call, const struct iovec *pieces,
					      size_t count, int flags)
{
	if (LIKELY((call->conn->choice.actions & act_readers) == 0)) {
		return false;
	}
	call->pieces = pieces;
	call->piece_count = count;
	call->flags = flags;
	return call_answers(call, act_readers, act_read);
}

/** The same for a read into one buffer. */
static ALWAYS_INLINE bool call_answers_read(struct call *call, void *buffer, int flags)
{
	struct iovec piece = {buffer, call->asked};
	return call_answers_pieces(call, &piece, 1, flags);
}

static ALWAYS_INLINE bool call_answers_write(struct call *call)
{
	return call_answers(call, act_writers, act_write);
}

/* A call that only had to wait is no news. */
static inline bool call_is_news(const struct call *call)
{
	return call->result < 0 ? call->error != EAGAIN && call->error != EINTR : call->result == 0;
}

static ALWAYS_INLINE ssize_t call_finish(struct call *call, uint32_t now_ms)
{
	struct conn *conn = call->conn;
	conn_remember(conn, call->op, call->result, call->error, now_ms);
	if (UNLIKELY((int32_t)(now_ms -
			       atomic_load_explicit(&watch_due_ms, memory_order_relaxed)) >= 0)) {
		struct call copy = *call;
		flow_look_around(&copy, now_ms);
	}
	if (UNLIKELY(call_is_news(call)) || UNLIKELY(flow_watches) ||
	    UNLIKELY(atomic_load_explicit(&conn->phase, memory_order_relaxed) != PHASE_OPEN)) {
		struct call copy = *call;
		flow_end(&copy);
		call->result = copy.result;
		call->error = copy.error;
	}
	return call->result;
}

/**
 * A read has returned.
 *
 * @moved
 *         The bytes left the receive buffer: not for MSG_PEEK and MSG_ERRQUEUE.
 */
static ALWAYS_INLINE ssize_t call_leave_read(struct call *call, bool moved)
{
	if (UNLIKELY(!conn_same(call->conn, call->generation))) {
		return call->result;
	}
	uint32_t now_ms = (uint32_t)clock_coarse_ms();
	if (call->result > 0) {
		conn_count32(&call->conn->calls_in);
		if (moved) {
			conn_received(call->conn, (size_t)call->result, now_ms);
		}
	} else if (call->result < 0) {
		call->error = errno;
	}
	return call_finish(call, now_ms);
}

/** A write has returned. */
static ALWAYS_INLINE ssize_t call_leave_write(struct call *call)
{
	if (UNLIKELY(!conn_same(call->conn, call->generation))) {
		return call->result;
	}
	uint32_t now_ms = (uint32_t)clock_coarse_ms();
	if (call->result > 0) {
		conn_count32(&call->conn->calls_out);
		conn_sent(call->conn, (size_t)call->result, now_ms);
	} else if (call->result < 0) {
		call->error = errno;
	}
	return call_finish(call, now_ms);
}

/** Any other call has returned. */
static ALWAYS_INLINE ssize_t call_leave(struct call *call)
{
	if (UNLIKELY(!conn_same(call->conn, call->generation))) {
		return call->result;
	}
	if (call->result < 0 && call->error == 0) {
		call->error = errno;
	}
	conn_remember(call->conn, call->op, call->result, call->error, (uint32_t)clock_coarse_ms());
	if (UNLIKELY(flow_watches) || UNLIKELY(call->result < 0)) {
		struct call copy = *call;
		flow_end(&copy);
		call->result = copy.result;
		call->error = copy.error;
	}
	return call->result;
}

/** A connection is established: its rules are chosen and its opening is told. */
void flow_opened(struct call *call);

/**
 * A descriptor is about to be closed: the last one of a connection is explained, and its rules are
 * asked; then the number is forgotten.
 *
 * @op
 *         By what: OP_CLOSE, OP_DUP2 ...
 */
void flow_closing(int fd, enum op op);

/** All descriptors of a range are about to be closed. */
void flow_closing_range(unsigned first, unsigned last, enum op op);

/** A descriptor was made by socket or its kin. */
void flow_made(int fd, bool tcp, bool nonblocking);

/** A message may have brought descriptors (SCM_RIGHTS): what they are is learned at first sight. */
void flow_received_descriptors(const struct msghdr *message);

/** A message has taken descriptors to somebody else, who goes on with their connections. */
void flow_sent_descriptors(const struct msghdr *message);

/** The process ends: what holds for every open connection, once. */
void flow_exiting(void);

/** Between vfork and exec: descriptors that close here stay open in the parent. */
extern __thread bool flow_in_vfork_child __attribute__((tls_model("initial-exec")));

#endif
