/*
 * The way of a call through the house. A hook reads:
 *
 *     struct call call;
 *     if (!call_enter(&call, OP_RECV, conn_find(fd), fd, size)) {      no TCP socket: libc's own way
 *             return real.recv(fd, buffer, size, flags);
 *     }
 *     if (!call_wants_read(&call)) {                                   a rule answered
 *             call.result = real.recv(fd, buffer, call.asked, flags);
 *     }
 *     return call_leave_read(&call);                                   count, remember, explain
 *
 * What is inline here is all that a call costs that succeeds: no system call, no lock, no heap.
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

/** True when every call is looked at: calls are logged, or a rules file is watched. */
extern bool flow_watches;

/** True when a rule looks at requests (starts=). */
extern bool flow_keeps_heads;

/** About once a second: how are the open connections, this one and the others? */
void flow_look_around(struct call *call, uint32_t now_ms);

/** Keep what a request begins with. */
void flow_keep_head(struct call *call, enum direction direction, const void *bytes, size_t count);

/** A waiting call found the descriptor ready: a connect that was under way may have succeeded. */
void flow_ready(struct conn *conn, int fd, enum op op);

/** The rules in force have changed: which calls have to be watched for them. */
void flow_rules_changed(void);

/** What call_enter does when calls are watched or the connection's rules are not the newest. */
void flow_begin(struct call *call);

/** What call_leave does when something is to be said; keeps errno as the result wants it. */
void flow_end(struct call *call);

static inline bool call_enter(struct call *call, enum op op, struct conn *conn, int fd,
                              size_t asked)
{
	if (conn == NULL) {
		return false;
	}
	call->conn = conn;
	call->generation = atomic_load_explicit(&conn->generation, memory_order_relaxed);
	call->op = op;
	call->fd = fd;
	call->error = 0;
	call->asked = asked;
	if (UNLIKELY(flow_watches) ||
	    UNLIKELY(conn->choice.generation !=
	             atomic_load_explicit(&rules_generation, memory_order_relaxed))) {
		flow_begin(call);
	}
	return true;
}

/** Does a rule answer this read itself? Then call->result is the answer. */
static inline bool call_answers_read(struct call *call)
{
	return UNLIKELY(call->conn->choice.actions & act_readers) && act_read(call);
}

static inline bool call_answers_write(struct call *call)
{
	return UNLIKELY(call->conn->choice.actions & act_writers) && act_write(call);
}

/* A call that only had to wait is no news. */
static inline bool call_is_news(const struct call *call)
{
	return call->result < 0 ? call->error != EAGAIN && call->error != EINTR : call->result == 0;
}

static inline ssize_t call_finish(struct call *call, uint32_t now_ms)
{
	struct conn *conn = call->conn;
	conn_remember(conn, call->op, call->result, call->error, now_ms);
	if (UNLIKELY((int32_t)(now_ms - atomic_load_explicit(&watch_due_ms,
	                                                     memory_order_relaxed)) >= 0)) {
		flow_look_around(call, now_ms);
	}
	if (UNLIKELY(call_is_news(call)) || UNLIKELY(flow_watches) ||
	    UNLIKELY(atomic_load_explicit(&conn->phase, memory_order_relaxed) != PHASE_OPEN)) {
		flow_end(call);
	}
	return call->result;
}

/**
 * A read has returned.
 *
 * @moved
 *         The bytes left the receive buffer: not for MSG_PEEK and MSG_ERRQUEUE.
 */
static inline ssize_t call_leave_read(struct call *call, bool moved)
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
static inline ssize_t call_leave_write(struct call *call)
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
static inline ssize_t call_leave(struct call *call)
{
	if (UNLIKELY(!conn_same(call->conn, call->generation))) {
		return call->result;
	}
	if (call->result < 0 && call->error == 0) {
		call->error = errno;
	}
	conn_remember(call->conn, call->op, call->result, call->error,
	              (uint32_t)clock_coarse_ms());
	if (UNLIKELY(flow_watches) || UNLIKELY(call->result < 0)) {
		flow_end(call);
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

/** The process ends: what holds for every open connection, once. */
void flow_exiting(void);

/** Between vfork and exec: descriptors that close here stay open in the parent. */
extern __thread bool flow_in_vfork_child __attribute__((tls_model("initial-exec")));

#endif
