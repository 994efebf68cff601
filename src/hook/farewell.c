#include "farewell.h"

#include <errno.h>
#include "../conn/conn.h"
#include "../conn/evidence.h"
#include "flow.h"

#define FAREWELL_MS 100u
#define FAREWELL_BYTES 256
/* An alert of two bytes, by the cipher that adds most: RFC 5246, 6.2.3.2, with HMAC-SHA384. */
#define CLOSE_NOTIFY_BYTES 96

/* Behind what it wrote; or it tried to, and the RST was faster: the kernel keeps nothing of that. */
static bool has_shut_down(const struct conn *conn, const struct evidence *e)
{
	uint32_t next = atomic_load_explicit(&conn->history_next, memory_order_relaxed);
	bool tried = false;
	for (uint32_t i = next > CONN_HISTORY ? next - CONN_HISTORY : 0; i != next; i++) {
		const struct past_call *past = &conn->history[i % CONN_HISTORY];
		if (past->op == OP_SHUTDOWN) {
			tried = past->error == ENOTCONN;
		} else if (op_direction((enum op)past->op) == DIRECTION_WRITE) {
			tried = false;
		}
	}
	return e->shut_write || tried;
}

/* What was acknowledged may have been left unread, too: all that was said since the peer spoke. */
static int64_t lost_at_most(const struct evidence *e)
{
	uint64_t said = e->side == SIDE_SERVER ? e->resp_bytes : e->req_bytes;
	bool was_last = e->last_turn == DIRECTION_WRITE;
	return e->outq == 0 && was_last && said < INT64_MAX ? (int64_t)said : e->outq;
}

/*
 * The peer's own goodbye came the other way, read whole: it acknowledges nothing of ours, so that it
 * answers nothing. What it left unread is another goodbye, for those of a connection are of one length.
 */
static bool has_crossed_another(const struct evidence *e)
{
	uint64_t heard = e->side == SIDE_SERVER ? e->req_bytes : e->resp_bytes;
	return e->goodbye && e->last_turn == DIRECTION_READ && e->inq == 0 && e->outq > 0 &&
	       e->outq <= CLOSE_NOTIFY_BYTES && heard == (uint64_t)e->outq;
}

bool farewell_is(const struct conn *conn, const struct evidence *e, enum cause cause)
{
	bool said_goodbye = e->goodbye && e->last_turn == DIRECTION_WRITE;
	/* The peer may have half-closed, have acknowledged that and then left it unread. */
	bool had_left = cause == CAUSE_PEER_CLOSED_EARLY ||
			(cause == CAUSE_PEER_ABORT && (e->fin_arrived || said_goodbye)) ||
			(cause == CAUSE_PEER_CLOSED_UNREAD && said_goodbye);
	bool shut = has_shut_down(conn, e);
	bool reads_on = e->surface == SURFACE_EOF && !shut && !said_goodbye;
	bool told = e->error != 0 || reads_on || e->told_hidden;
	int64_t longest = e->peer_fin ? CLOSE_NOTIFY_BYTES : FAREWELL_BYTES;
	if (!had_left || told || lost_at_most(e) > longest) {
		return false;
	}
	bool waited_not = e->peer_fin || atomic_load(&conn->calm) == atomic_load(&flow_calm);
	bool was_last = e->last_turn == DIRECTION_WRITE && e->last_data_sent_ms < FAREWELL_MS;
	return shut || said_goodbye ||
	       (e->fin_arrived && ((was_last && waited_not) || has_crossed_another(e)));
}
