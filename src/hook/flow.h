/*
 * The way of a call through the house. A hook reads:
 *
 *     struct call call;
 *     if (!call_enter(&call, OP_RECV, conn_find_socket(fd), fd, size)) {   no TCP socket: libc's way
 *             return real.recv(fd, buffer, size, flags);
 *     }
 *     if (!call_answers_read(&call, buffer, flags)) {                  unless a rule answers it
 *             call.result = real.recv(fd, buffer, call.asked, flags);
 *     }
 *     return call_leave_read(&call, true);                             count, remember, explain
 *
 * Nearly all calls are made on a connection that is calm: open, nothing known against it, and no
 * rule or log wants to see it before it is made. Those that programs make most go straight through
 * then (straight.h), and only the rest with the care of the paragraph above.
 *
 * Whoever changes what calm means for a connection calls conn_stir.
 */
#ifndef RESETBY_HOOK_FLOW_H
#define RESETBY_HOOK_FLOW_H

#include <errno.h>
#include "../act/act.h"
#include "../conn/call.h"
#include "../conn/note.h"
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
extern HIDDEN _Atomic bool flow_watches;

/** What is in conn->calm of connections that are calm; moves on when rules change. */
extern HIDDEN _Atomic uint32_t flow_calm;

/** True when a rule looks at requests (starts=). */
extern HIDDEN _Atomic bool flow_keeps_heads;

/** About once a second: how are the open connections, this one and the others? */
void flow_look_around(struct call *call, uint32_t now_ms);

/** What is due from time to time: open connections, the rules file, what outlives its close. Keeps
 *  errno. */
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

/** What call_enter does when calls are watched, or the connection's rules are to be chosen. */
void flow_begin(struct call *call);

/** Are a connection's rules not the newest, or may it be established without anybody's notice? */
static ALWAYS_INLINE bool flow_has_rules_to_choose(const struct conn *conn)
{
	uint32_t newest = atomic_load_explicit(&rules_generation, memory_order_relaxed);
	return choice_generation(&conn->choice) != newest ||
	       (newest != 0 &&
		atomic_load_explicit(&conn->phase, memory_order_relaxed) == PHASE_CONNECTING);
}

/** What call_leave does when something is to be said; keeps errno as the result wants it. */
void flow_end(struct call *call);

/** `flags`: the program's own, MSG_DONTWAIT among them; 0 where a call has none. */
static ALWAYS_INLINE bool call_enter_flags(struct call *call, enum op op, struct conn *conn, int fd,
					   size_t asked, int flags)
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
		.flags = flags,
	};
	if (UNLIKELY(flow_watches) || UNLIKELY(flow_has_rules_to_choose(conn))) {
		flow_begin(call);
	}
	return true;
}

static ALWAYS_INLINE bool call_enter(struct call *call, enum op op, struct conn *conn, int fd,
				     size_t asked)
{
	return call_enter_flags(call, op, conn, fd, asked, 0);
}

/**
 * Does a rule answer this read itself? Then call->result is the answer.
 *
 * @pieces
 *         Where the bytes go; NULL for a splice.
 */
static inline bool call_answers_pieces(struct call *call, const struct iovec *pieces, size_t count,
				       int flags)
{
	if (LIKELY((call->conn->choice.actions & act_readers) == 0)) {
		return false;
	}
	call->pieces = pieces;
	call->piece_count = count;
	call->flags = flags;
	call->answered = act_read(call);
	return call->answered;
}

/** The same for a read into one buffer. */
static inline bool call_answers_read(struct call *call, void *buffer, int flags)
{
	struct iovec piece = {buffer, call->asked};
	return call_answers_pieces(call, &piece, 1, flags);
}

/** Does a rule answer this write itself? `pieces`: its bytes; NULL when no hook sees them. */
static inline bool call_answers_write(struct call *call, const struct iovec *pieces, size_t count,
				      int flags)
{
	if (LIKELY((call->conn->choice.actions & act_writers) == 0)) {
		return false;
	}
	call->pieces = pieces;
	call->piece_count = count;
	call->flags = flags;
	return act_write(call);
}

/** The call has returned, or was answered: is it to be made again, over a new connection? */
static inline bool call_again(struct call *call, const struct iovec *pieces, size_t count,
			      int flags)
{
	if (LIKELY((call->conn->choice.actions & act_repeaters) == 0) ||
	    !conn_same(call->conn, call->generation)) {
		return false;
	}
	call->pieces = pieces;
	call->piece_count = count;
	call->flags = flags;
	call->error = call->result < 0 ? errno : 0;
	return act_again(call);
}

/** The same for a call with one buffer. */
static inline bool call_again_one(struct call *call, const void *buffer, int flags)
{
	struct iovec piece = {(void *)(uintptr_t)buffer, call->asked};
	return call_again(call, &piece, 1, flags);
}

/**
 * A read has returned.
 *
 * @moved
 *         The bytes left the receive buffer: not for MSG_PEEK and MSG_ERRQUEUE.
 */
ssize_t call_leave_read(struct call *call, bool moved);

/** A write has returned. */
ssize_t call_leave_write(struct call *call);

/** Any other call has returned. */
ssize_t call_leave(struct call *call);

/** Do these bytes leave the receive buffer? A look at it or at the error queue moves nothing. */
static inline bool call_moves(int flags)
{
	return (flags & (MSG_PEEK | MSG_ERRQUEUE)) == 0;
}

/** A call that only had to wait is no news. */
static inline bool error_is_news(int error)
{
	return error != EAGAIN && error != EINTR;
}

/**
 * A socket that was never connected, as far as it was seen: what a call has brought may be what only a
 * connection has, bytes, their end or its error. It is pinned.
 */
void flow_notice_unseen(struct call *call);

/** A connect that was under way has perhaps come to an end that this call shows, which is no connect. */
void flow_notice_connected(struct call *call);

/** The same, whatever call it is: before it is made. */
void flow_notice_established(struct call *call);

/** A connection is established: its rules are chosen and its opening is told. */
void flow_opened(struct call *call);

/* ---- endings (ending.c, close.c) ---- */

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

/** A message may have brought descriptors (SCM_RIGHTS): what they are is learned at first sight. */
void flow_received_descriptors(const struct msghdr *message);

/** A message has taken descriptors to somebody else, who goes on with their connections. */
void flow_sent_descriptors(const struct msghdr *message);

/** The process ends: what holds for every open connection, once. */
void flow_exiting(void);

/** Is there a connection that a program which is started now would have, too (no FD_CLOEXEC)? */
bool flow_leaves_open(void);

/** Another program takes the process over: what holds for connections that are closed by that. */
void flow_replaced(void);

/** The process may become another program: the log is as complete as it can be. */
void flow_executing(void);

/** Between vfork and exec: descriptors that close here stay open in the parent. */
extern __thread bool flow_in_vfork_child __attribute__((tls_model("initial-exec")));

/** And it has put itself under seccomp: no system call but its own. Its parent is in no sandbox. */
extern __thread bool flow_child_is_sandboxed __attribute__((tls_model("initial-exec")));

#endif
