/* Our own end of it. */
#include "signs.h"

#include <errno.h>

/* What a forked process goes on with does not end with our descriptor. */
static bool ends_here(const struct evidence *e)
{
	return (e->surface == SURFACE_CLOSE || e->surface == SURFACE_EXIT) &&
	       (!e->shared || e->heirloom || e->lent);
}

bool unread_at_close(const struct evidence *e)
{
	return ends_here(e) && e->inq > 0 && e->state != STATE_CLOSE;
}

/* tcp_disconnect() sends a RST in these states: tcp_need_reset(). */
bool linger0_at_close(const struct evidence *e)
{
	if (!ends_here(e) || !e->linger_zero) {
		return false;
	}
	switch (e->state) {
	case STATE_ESTABLISHED:
	case STATE_CLOSE_WAIT:
	case STATE_FIN_WAIT1:
	case STATE_FIN_WAIT2:
		return true;
	case STATE_CLOSING:
	case STATE_LAST_ACK:
		/* There with something that was not sent. */
		return e->unsent > 0;
	default:
		return false;
	}
}

bool reset_by_exit(const struct evidence *e)
{
	return e->surface == SURFACE_EXIT && (unread_at_close(e) || linger0_at_close(e));
}

bool queue_at_close(const struct evidence *e)
{
	return ends_here(e) && e->accept_queue > 0;
}

bool aborted_by_connect(const struct evidence *e)
{
	return e->surface == SURFACE_DISCONNECT &&
	       (e->state == STATE_ESTABLISHED || e->state == STATE_CLOSE_WAIT ||
		e->state == STATE_FIN_WAIT1 || e->state == STATE_FIN_WAIT2);
}

/*
 * By another process that has the socket, or another thread, whose call may not be noted yet: what this
 * one and its rules have done is known.
 */
bool disconnected_elsewhere(const struct evidence *e)
{
	bool over = e->error == ECONNRESET || e->error == EPIPE || died_too_early(e) ||
		    (e->surface == SURFACE_EOF && !was_told(e));
	/* A connect that is told the error has disconnected it itself: __inet_stream_connect(). */
	return over && e->disconnected && e->rule == 0 && e->op != OP_CONNECT && !e->connecting &&
	       !e->listening;
}

/* Its end may come between our look and the close: TIME_WAIT, or CLOSE, of which nothing is reset. */
bool may_end_first(const struct evidence *e)
{
	return e->unsent <= 0 && (e->state == STATE_FIN_WAIT1 || e->state == STATE_FIN_WAIT2 ||
				  e->state == STATE_CLOSING || e->state == STATE_LAST_ACK);
}

/* A socket is closed by its last holder, which may be an ancestor, or whoever passed it on. */
enum sure when_made_here(const struct evidence *e)
{
	bool may_be_held = e->inherited || e->learned || e->heirloom || e->lent || e->in_call;
	return may_be_held || may_end_first(e) ? SURE_LIKELY : SURE_CERTAIN;
}
