/* What a RST was about. */
#include "sentences.h"

#include <errno.h>
#include "../sys/errnames.h"
#include "schedule.h"
#include "signs.h"

/* Worth a word: no answer takes as long. */
#define LONG_AGO_MS 1000

static void queue_overflow(const struct evidence *e, struct text *text)
{
	text_format(text, "this listener has dropped %N since the last look (%u in all)",
		    (uint64_t)e->new_drops, "segment", e->drops);
	if (e->new_overflows > 0) {
		text_format(text, ", and accept queues in its network namespace have overflowed %N",
			    (uint64_t)e->new_overflows, "time");
	}
	text_format(text, ": %u %s to be accepted now, and %u may", e->accept_queue,
		    e->accept_queue == 1 ? "waits" : "wait", e->backlog);
}

static void accept_overflow(const struct evidence *e, struct text *text)
{
	if (e->listening) {
		queue_overflow(e, text);
		return;
	}
	text_format(text,
		    "connected %t ago, then a RST, although the peer never acknowledged one of our "
		    "%z nor sent any",
		    e->age_ms, e->bytes_out);
}

static void accept_aborted(const struct evidence *e, struct text *text)
{
	text_string(text,
		    "accept returned a connection that was dead already: its client had reset "
		    "it in the queue");
	if (when_a_rst_came(e) != SURE_CERTAIN) {
		text_string(text, ", or somebody on this host had destroyed it there: no segment "
				  "was counted that may have been the RST");
	}
}

static void peer_closed_unread(const struct evidence *e, struct text *text)
{
	text_string(text, "a RST arrived");
	if (e->acked_since_fin) {
		text_string(text,
			    " after the peer's FIN, although the peer had gone on acknowledging; ");
		say_moved(e, text);
	} else if (stuck_at_fin(e)) {
		text_format(
			text,
			" after the peer's FIN, with %z of ours unacknowledged or unsent and the "
			"peer's buffer full of what it had not read",
			(uint64_t)e->outq);
	} else if (e->disconnected) {
		text_format(text,
			    " after our last %z, which the peer's program had not answered; the "
			    "kernel has forgotten whether they were acknowledged",
			    e->req_bytes);
	} else if (e->has_info && e->outq <= 0) {
		text_format(
			text,
			" after the peer's kernel had acknowledged our last %z and its program had "
			"not answered them",
			e->last_turn == DIRECTION_WRITE && e->side == SIDE_SERVER ? e->resp_bytes
										  : e->req_bytes);
	} else {
		text_format(text, " while %z of ours were still unacknowledged or unsent",
			    (uint64_t)(e->outq > 0 ? e->outq : 0));
	}
	say_silence(e, text);
	say_unread(e, text);
	say_goodbye(e, text);
	say_where(e, text);
}

static void peer_closed_early(const struct evidence *e, struct text *text)
{
	text_string(text, "the peer's FIN had come");
	text_string(text, e->peer_fin ? " and the program had read that end of file"
				      : " and the program had not read it");
	text_string(text, "; what was written after it met a closed socket");
	text_string(
		text,
		maybe_unread_at_fin(e)
			? ", or the peer closed with some of what came before unread; the RST is "
			/* From here the same: it had not yet acknowledged what it left unread. */
			: " (or a half-closed one that gave up at once), whose RST is ");
	text_string(text, e->error == EPIPE           ? "this EPIPE"
			  : e->error == ECONNRESET    ? "this ECONNRESET"
			  : e->surface == SURFACE_EOF ? "hidden by this end of file"
						      : "told to nobody");
	if (e->gap_ms > 0) {
		text_format(text, "; it was written after a silence of %t", e->gap_ms);
		if (e->side != SIDE_SERVER) {
			/* A server's is the time it took to answer, and no idle connection's. */
			schedule_write_idle_limit(text, e->gap_ms);
		}
	}
	say_goodbye(e, text);
}

static void peer_abort(const struct evidence *e, struct text *text)
{
	bool idle = false;
	if (e->error == EPIPE || e->surface == SURFACE_EOF || e->peer_fin) {
		text_string(text,
			    "the peer's FIN had come, and then a RST although nothing of ours was "
			    "outstanding; ");
		say_moved(e, text);
	} else if (e->bytes_out == 0 && e->bytes_in == 0 && e->bytes_received == 0 &&
		   nothing_acked(e)) {
		text_format(
			text,
			"a RST arrived within %t of the connection's beginning, before any byte "
			"was written or read",
			e->age_ms);
		idle = e->age_ms >= LONG_AGO_MS;
	} else {
		text_string(text, "a RST arrived with nothing of ours outstanding");
		idle = e->has_info && e->last_data_sent_ms >= LONG_AGO_MS;
		/* The kernel does not say when: it may have come long before this call. */
		if (idle) {
			text_format(text, ", at most %t after our last byte",
				    (int64_t)e->last_data_sent_ms);
		}
		text_string(text, "; ");
		say_moved(e, text);
	}
	say_unread(e, text);
	say_goodbye(e, text);
	text_format(text,
		    ": the peer used SO_LINGER 0%s, crashed or was killed with bytes unread, or a "
		    "middlebox forged it",
		    idle ? " (some end idle connections so)" : "");
	say_where(e, text);
}

static void forgotten(const struct evidence *e, struct text *text)
{
	int64_t silence_ms = e->gap_ms;
	if (keepalive_met_a_rst(e)) {
		silence_ms = (int64_t)e->keepalive_idle_s * 1000;
		text_format(text,
			    "a RST came in place of an answer to %N, the first sent after "
			    "%t of silence",
			    (uint64_t)e->probes, "keepalive probe", silence_ms);
		say_where(e, text);
	} else {
		text_format(text,
			    "after %t of silence the first %z were answered with a RST within %t",
			    silence_ms, (uint64_t)e->outq, (int64_t)e->last_data_sent_ms);
	}
	schedule_write_idle_limit(text, silence_ms);
	text_string(text, e->keepalive ? "; SO_KEEPALIVE was on with TCP_KEEPIDLE "
				       : "; SO_KEEPALIVE was off");
	if (e->keepalive) {
		text_duration(text, (int64_t)e->keepalive_idle_s * 1000);
	}
}

static void already_reset(const struct evidence *e, struct text *text)
{
	if (ended_by_fin(e) && e->told_op == OP_NONE) {
		text_format(text,
			    "the peer's FIN had ended this connection, and no other could be made "
			    "in its place %t ago",
			    e->told_ago_ms);
	} else if (ended_by_fin(e)) {
		text_format(text, "this connection was over when %s was told its end %t ago",
			    op_name(e->told_op), e->told_ago_ms);
	} else if (e->told_error != 0) {
		text_string(text, "this connection ended with ");
		errno_write(text, e->told_error);
		text_format(text, ", which %s reported %t ago", op_name(e->told_op),
			    e->told_ago_ms);
	} else if (e->told_hidden) {
		text_format(text,
			    "this connection ended with a RST, hidden by the end of file that %s "
			    "reported %t ago",
			    op_name(e->told_op), e->told_ago_ms);
	} else {
		text_format(text,
			    "no FIN of the peer's had come, so that this %s follows an error that "
			    "another call of this program%s is told",
			    e->error == EPIPE ? "EPIPE" : "end of file",
			    e->shared || e->inherited ? ", or of a process that shares the socket,"
						      : "");
	}
	if (e->told_count > 1) {
		text_format(text, "; %N failed since then", (uint64_t)e->told_count - 1, "call");
	}
}

static void late_data(const struct evidence *e, struct text *text)
{
	if (e->shut_elsewhere && e->shut_read) {
		text_format(text,
			    "the program had shut down reading, another process that has this "
			    "socket had shut down writing, and %N with data came after the former: "
			    "our own kernel answered with the RST",
			    (uint64_t)(e->data_segs_in - e->shut_data_segs), "segment");
		return;
	}
	if (e->shut_elsewhere) {
		text_format(text,
			    "another thread, or another process that has this socket, had shut it "
			    "down and %N with data came of which no byte was taken: our own kernel "
			    "answered with the RST, unless the peer sent one, too",
			    (uint64_t)e->data_segs_in, "segment");
		return;
	}
	text_format(text,
		    "the program had shut down both ways %t ago and %N with data came "
		    "after that: our own kernel answered with the RST",
		    e->shut_write_ago_ms, (uint64_t)(e->data_segs_in - e->shut_data_segs),
		    "segment");
}

static void killed(const struct evidence *e, struct text *text)
{
	text_format(text, "ECONNABORTED %s: only SOCK_DESTROY (ss -K) does that",
		    e->connecting ? "while connecting" : "on an established connection");
}

static void injected(const struct evidence *e, struct text *text)
{
	text_format(text, "rule %u of resetby made this happen", e->rule);
}

say *const sentences_reset[CAUSE_COUNT] = {
	[CAUSE_ACCEPT_OVERFLOW] = accept_overflow,
	[CAUSE_ACCEPT_ABORTED] = accept_aborted,
	[CAUSE_PEER_CLOSED_UNREAD] = peer_closed_unread,
	[CAUSE_PEER_CLOSED_EARLY] = peer_closed_early,
	[CAUSE_PEER_ABORT] = peer_abort,
	[CAUSE_FORGOTTEN] = forgotten,
	[CAUSE_ALREADY_RESET] = already_reset,
	[CAUSE_LATE_DATA] = late_data,
	[CAUSE_KILLED] = killed,
	[CAUSE_INJECTED] = injected,
};
