/*
 * A write on a dead connection raises SIGPIPE, which kills most programs before they or we can say a
 * word. Calls are made with MSG_NOSIGNAL, also those that have no flags, and the signal is raised
 * after the verdict is logged. Where there is no call with flags that does the same (sendfile,
 * splice, pwritev2, a write of more than the kernel takes), it is held back where the connection is known to have ended (sigpipe.h).
 */
#ifndef RESETBY_HOOK_WRITE_H
#define RESETBY_HOOK_WRITE_H

#include "../conn/evidence.h"
#include "../sys/sandbox.h"
#include "connect.h"
#include "flow.h"
#include "sigpipe.h"

/** In a sandbox the signal could not be raised by us: then it is the kernel's to raise. */
static ALWAYS_INLINE int write_unsignalled(void)
{
	return LIKELY(!sandbox_closed) ? MSG_NOSIGNAL : 0;
}

/** A write that was made so has returned. */
static inline ssize_t write_leave(struct call *call, int flags)
{
	return sigpipe_after(call_leave_write(call), flags);
}

/** Will a write on it raise the signal at once? */
static inline bool write_is_refused(const struct conn *conn, int fd)
{
	bool may_have_ended =
		(conn->choice.actions & act_repeaters) != 0 || conn_is(conn, CONN_PEER_FIN);
	return conn->told_error != 0 || conn_is(conn, CONN_SHUT_WRITE) ||
	       (may_have_ended && evidence_state(fd) == STATE_CLOSE);
}

/**
 * For calls without flags: the signal waits until the verdict is logged. Not in a call that may wait,
 * for a handler that leaves it by a long jump would leave the signal blocked.
 */
static inline void write_guard_begin(struct sigpipe *guard, const struct call *call)
{
	guard->held = write_is_refused(call->conn, call->fd);
	if (UNLIKELY(guard->held)) {
		sigpipe_hold(guard);
	}
}

static inline ssize_t write_guard_end(const struct sigpipe *guard, struct call *call)
{
	ssize_t result = call_leave_write(call);
	if (UNLIKELY(guard->held)) {
		sigpipe_release(guard);
	}
	return result;
}

/**
 * TCP Fast Open, a send that connects: it has returned.
 *
 * @connect
 *         As connect_begin left it; target.answered: no call was made.
 */
ssize_t write_connected(struct connect *connect, struct call *call);

#endif
