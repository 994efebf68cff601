/* A RST was met, and what it answered. */
#include "signs.h"

#include <errno.h>

/* A RST is met within this time of the write that it answers: two round trips and some scheduling. */
#define ANSWER_SLACK_MS 250

#define ALWAYS_ACKED 1 /* tcpi_bytes_acked counts the SYN */

/*
 * An end of file hides a socket's destruction, too, which then has its own error. And an EPIPE comes
 * behind the ECONNRESET that another thread is told, but may be explained before it.
 */
bool told_before(const struct evidence *e)
{
	bool hidden = e->told_hidden && e->error != ECONNABORTED;
	bool overtaken = e->error == ECONNRESET && e->told_error == EPIPE;
	return ((was_told(e) && !overtaken) || hidden) && e->error != 0;
}

/*
 * The error of a socket is told once, and an EPIPE without a FIN comes after it: sk_stream_error(). So
 * does an end of file; threads of one process are told both of one reset, and that is not said twice.
 */
bool told_to_another(const struct evidence *e)
{
	bool end = e->surface == SURFACE_EOF && (e->shared || e->inherited) && !was_told(e);
	return (e->error == EPIPE || end) && e->state == STATE_CLOSE && !e->peer_fin &&
	       e->fin_knowable && !e->fin_arrived;
}

bool wrote_past_own_end(const struct evidence *e)
{
	return e->error == EPIPE && has_ended(e);
}

/*
 * In CLOSING and LAST_ACK a RST is ECONNRESET again: tcp_reset(). Reads end at the peer's FIN before they
 * look for an error: tcp_recvmsg_locked().
 */
static bool reset_after_both_fins(const struct evidence *e)
{
	bool read = e->surface == SURFACE_RETURN && e->direction == DIRECTION_READ;
	return e->error == ECONNRESET && !read && has_ended(e) && (e->peer_fin || e->fin_arrived) &&
	       e->outq > 0 && !data_after_own_end(e);
}

/*
 * RST in CLOSE_WAIT is EPIPE for a write and nothing for a read: tcp_reset(). So a first EPIPE
 * means that a FIN had come, and an end of file in CLOSE without a FIN of ours means the same.
 */
bool reset_after_fin(const struct evidence *e)
{
	if (e->connecting || (e->fin_knowable && !e->peer_fin && !e->fin_arrived)) {
		return false;
	}
	if (e->error == EPIPE || reset_after_both_fins(e)) {
		return true;
	}
	bool silent = e->surface == SURFACE_EOF
			      ? e->state == STATE_CLOSE && !was_told(e) && !has_ended(e) &&
					!was_unanswered(e) && did_not_end_in_order(e)
			      : died_too_early(e) && (e->peer_fin || e->fin_arrived) &&
					!may_have_timed_out(e);
	return silent && e->error == 0;
}

/* Where no EPIPE says that a FIN came, the kernel's count alone does, which has urgent bytes, too. */
bool reset_after_unread_fin(const struct evidence *e)
{
	return reset_after_fin(e) && e->error != EPIPE && e->surface != SURFACE_EOF &&
	       !e->peer_fin && e->outq != 0;
}

bool maybe_reset_after_fin(const struct evidence *e)
{
	return reset_after_fin(e) && (!is_all_ours(e) || !(e->peer_fin || e->fin_arrived));
}

/* The RST answered nothing of ours: the peer had only half-closed, and aborted later. */
bool aborted_after_fin(const struct evidence *e)
{
	return reset_after_fin(e) && e->outq == 0;
}

/* So it had when bytes wait unsent and none is on its way: its buffer is full of what it has not read. */
static bool all_sent_was_acked(const struct evidence *e)
{
	return e->outq > 0 && e->outq == e->unsent;
}

/*
 * Of what we were saying a part was acknowledged and the rest never, and nothing was said later than
 * the last acknowledgement, which the FIN was. Where some is not even sent, the kernel goes on sending
 * by itself what was said before.
 */
static bool in_mid_stream(const struct evidence *e)
{
	uint64_t said = e->side == SIDE_SERVER ? e->resp_bytes : e->req_bytes;
	return e->outq > 0 && said > (uint64_t)e->outq &&
	       (e->unsent > 0 || e->last_data_sent_ms >= e->last_ack_recv_ms);
}

/*
 * A close after a shutdown is a FIN, and a RST where bytes were unread: from here it looks as if what
 * we wrote on had met a closed socket. Who reads the end of file knows no more than that, where bytes
 * were on their way by then.
 */
bool maybe_unread_at_fin(const struct evidence *e)
{
	return reset_after_fin(e) &&
	       (e->peer_fin ? e->unacked_at_fin && e->outq > 0 : in_mid_stream(e));
}

/* Nothing could be written on: the peer's buffer was full of what it had not read. */
bool stuck_at_fin(const struct evidence *e)
{
	return maybe_unread_at_fin(e) && e->fin_arrived && e->peer_window == 0 && e->unsent > 0;
}

/* A peer that has closed acknowledges nothing any more: this one had only half-closed. */
bool unread_after_fin(const struct evidence *e)
{
	return reset_after_fin(e) && (e->acked_since_fin || all_sent_was_acked(e));
}

/* Also where the one byte more that has come may have been the peer's FIN, or is not known. */
bool data_after_own_end(const struct evidence *e)
{
	bool untold = left_an_error(e) && !was_unanswered(e);
	return (is_reset(e) || untold) && e->shut_read && e->shut_write && e->has_info &&
	       e->data_segs_in != e->shut_data_segs;
}

/*
 * Somebody else that has the socket has shut down writing. Who shut down reading itself, and only reads on
 * what had come before, has it in the count from then, or in the buffer. Where the other one has shut down
 * reading, too, how much had come is not known, but for none at all: then data came that nobody took.
 */
bool data_after_anothers_end(const struct evidence *e)
{
	if (!is_reset(e) || !e->shut_elsewhere) {
		return false;
	}
	return e->shut_read ? e->data_segs_in != e->shut_data_segs && e->inq == 0
			    : e->data_segs_in > 0 && e->bytes_received == 0;
}

/* Bytes of ours are on their way or in the peer's buffer: nothing has come back since. */
static bool spoke_last(const struct evidence *e)
{
	return e->last_turn == DIRECTION_WRITE;
}

bool nothing_acked(const struct evidence *e)
{
	/* So is our FIN, which is told from a byte where none was written. */
	bool fin = has_ended(e) && e->bytes_out == 0;
	return e->has_info && e->bytes_acked <= (uint64_t)ALWAYS_ACKED + fin;
}

bool after_silence(const struct evidence *e)
{
	int64_t rtt_ms = e->rtt_us / 1000;
	int64_t answer_ms = 2 * rtt_ms + ANSWER_SLACK_MS;
	return is_reset(e) && spoke_last(e) && e->gap_ms >= 1000 && e->gap_ms >= 100 * rtt_ms &&
	       e->outq > 0 && e->outq >= (int64_t)e->gap_bytes &&
	       e->last_data_sent_ms <= answer_ms && e->last_ack_recv_ms > answer_ms;
}

/* An answer would have begun the count of probes anew. */
bool keepalive_met_a_rst(const struct evidence *e)
{
	return is_reset(e) && e->outq == 0 && e->probes > 0;
}

/* tcp_abort_on_overflow answers the first data with a RST; else it is sent again in vain first. */
bool before_any_answer(const struct evidence *e)
{
	/* The kernel's counts may have begun anew. */
	bool answered = e->bytes_received > 0 || e->bytes_in > 0;
	return is_reset(e) && e->side == SIDE_CLIENT && e->bytes_out > 0 && !answered &&
	       nothing_acked(e);
}

bool never_accepted(const struct evidence *e)
{
	return before_any_answer(e) && (e->total_retrans > 0 || e->segs_in > 2);
}

/* Nobody answers a server's answer: there only what is on its way counts. */
bool mid_upload(const struct evidence *e)
{
	return is_reset(e) && (e->outq > 0 || (spoke_last(e) && e->side != SIDE_SERVER));
}

/*
 * And the peer may have closed in order: what it has said lies unread, and its FIN may have waited behind
 * that for room in our window; or an older process may have read it.
 */
bool mid_upload_or_closed(const struct evidence *e)
{
	bool unknown = e->error == 0 && e->learned;
	return mid_upload(e) && e->outq > 0 && (e->inq != 0 || unknown);
}

/* An early answer to what the peer's program never read looks the same as an abort. */
bool after_exchange(const struct evidence *e)
{
	return is_reset(e) && (e->bytes_out > 0 || !nothing_acked(e));
}

bool before_any_byte(const struct evidence *e)
{
	return is_reset(e) && e->side == SIDE_CLIENT && e->bytes_in == 0 &&
	       e->bytes_received == 0 && nothing_acked(e);
}
