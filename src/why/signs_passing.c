/* Warnings: the connection lives. */
#include "signs.h"

static bool in_passing(const struct evidence *e)
{
	return e->surface == SURFACE_PASSING && e->has_info;
}

/* By one more than may wait: sk_acceptq_is_full(); accept has just taken one. */
static bool was_full(const struct evidence *e)
{
	return e->accept_queue >= e->backlog;
}

/* Drops alone prove nothing: a RST that nobody waits for counts as one (conn/listener.h). */
bool queue_overflows(const struct evidence *e)
{
	return in_passing(e) && e->listening && e->new_drops > 0 &&
	       (e->new_overflows > 0 || (e->new_overflows < 0 && was_full(e)));
}

/* Another listener may have overflowed, and this one dropped something else. */
enum sure when_queue_was_full(const struct evidence *e)
{
	return e->new_overflows > 0 && was_full(e) ? SURE_CERTAIN : SURE_LIKELY;
}

/* A handshake with a retransmission takes at least the first time-out of 1 s. */
#define SLOW_CONNECT_MS 900

bool connected_late(const struct evidence *e)
{
	return in_passing(e) && e->side == SIDE_CLIENT && e->state == STATE_ESTABLISHED &&
	       e->bytes_out == 0 && e->bytes_in == 0 && e->total_retrans > 0 &&
	       e->connect_ms >= SLOW_CONNECT_MS;
}

/*
 * Our data goes out again and again, nothing of it is acknowledged, and yet segments arrive: the
 * peer's SYN-ACK, which it sends until it sees our ACK.
 */
bool ack_never_arrived(const struct evidence *e)
{
	return in_passing(e) && e->side == SIDE_CLIENT && e->state == STATE_ESTABLISHED &&
	       e->bytes_out > 0 && nothing_acked(e) && e->bytes_received == 0 &&
	       e->retransmits > 0 && e->segs_in > 1;
}

#define LOSING_RETRANSMITS 3

bool unacknowledged_again(const struct evidence *e)
{
	bool again = e->retransmits >= LOSING_RETRANSMITS ||
		     (e->probes >= LOSING_RETRANSMITS && kept_here(e));
	return in_passing(e) && again && e->outq > 0 &&
	       (e->state == STATE_ESTABLISHED || e->state == STATE_CLOSE_WAIT);
}

static bool is_stale(const struct evidence *e)
{
	return in_passing(e) && e->half_ms >= e->stale_ms;
}

bool never_closed(const struct evidence *e)
{
	return is_stale(e) && e->state == STATE_CLOSE_WAIT;
}

bool fin_not_acknowledged(const struct evidence *e)
{
	return is_stale(e) && e->retransmits > 0 &&
	       (e->state == STATE_FIN_WAIT1 || e->state == STATE_LAST_ACK ||
		e->state == STATE_CLOSING);
}

bool peer_goes_on(const struct evidence *e)
{
	return is_stale(e) && e->state == STATE_FIN_WAIT2;
}
