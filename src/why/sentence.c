/* The evidence in words: one sentence for each cause, with the numbers that decided. */
#include "why.h"

#include <errno.h>
#include "../sys/errnames.h"
#include "schedule.h"

static void say_silence(const struct evidence *e, struct text *text)
{
	if (e->gap_ms > 0) {
		text_format(text, ", after a silence of %t", e->gap_ms);
	}
}

static void say_moved(const struct evidence *e, struct text *text)
{
	text_format(text, "%z had been sent and %z received on this connection", e->bytes_out,
		    e->bytes_in);
}

static void say_unread(const struct evidence *e, struct text *text)
{
	if (e->inq > 0) {
		text_format(text, "; %z of the peer's can still be read", (uint64_t)e->inq);
	}
}

static void say_where(const struct evidence *e, struct text *text)
{
	if (e->surface == SURFACE_CLOSE || e->surface == SURFACE_EXIT) {
		text_string(text, "; the program closed without having been told");
	}
}

static void say_inherited(const struct evidence *e, struct text *text)
{
	if (e->inherited || e->learned) {
		text_string(text, "; an older process may hold the socket too, and then nothing is "
				  "sent before that one closes it");
	}
}

/* ---- while connecting ---- */

static void say_unread_icmp(const struct evidence *e, struct text *text)
{
	text_string(text,
		    e->state == STATE_SYN_SENT
			    ? "; from whom is in the error queue, which is not touched while the "
			      "SYN is still being sent"
			    : "; from whom the kernel has not kept for us (IPv6, or the program "
			      "reads the error queue itself)");
}

static void refused(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "a RST answered the SYN after %t: nothing listens there, or a firewall says so",
		    e->connect_ms);
	if (e->icmp_unread) {
		text_string(text, "; or it was an ICMP answer");
		say_unread_icmp(e, text);
	}
}

static void rejected(const struct evidence *e, struct text *text)
{
	if (!e->connecting) {
		text_string(text,
			    "an ICMP error came for this connection, which lives on: TCP sends "
			    "again until it is answered or its limit is reached");
		return;
	}
	if (!e->icmp) {
		text_format(text, "an ICMP error (%s) answered the SYN after %t",
			    errno_name(e->error), e->connect_ms);
		say_unread_icmp(e, text);
		return;
	}
	text_string(text, "the SYN was answered with ICMP");
	text_string(text, e->icmp_family == AF_INET6 ? "v6" : "");
	text_format(text, " type %d code %d by ", e->icmp_type, e->icmp_code);
	struct addr offender = e->icmp_offender;
	offender.port = 0;
	addr_write_host(text, &offender);
	text_format(text, " after %t", e->connect_ms);
}

/* Host unreachable, or IPv6 address unreachable: what a failed look-up of a neighbour gives. */
static bool is_of_neighbour(const struct evidence *e)
{
	return e->icmp_family == AF_INET6 ? e->icmp_type == 1 && e->icmp_code == 3
					  : e->icmp_type == 3 && e->icmp_code == 1;
}

static void unreachable(const struct evidence *e, struct text *text)
{
	if (e->icmp_local && is_of_neighbour(e)) {
		text_format(text,
			    "our own kernel gave up after %t: the neighbour did not answer, or a "
			    "local firewall rule pretends so",
			    e->connect_ms);
	} else if (e->icmp_local) {
		text_format(
			text,
			"a local firewall rule answered the SYN with ICMP type %d code %d after %t",
			e->icmp_type, e->icmp_code, e->connect_ms);
	} else if (e->icmp_unread) {
		text_format(text,
			    "%s after %t: the neighbour did not answer, or somebody sent ICMP",
			    errno_name(e->error), e->connect_ms);
		say_unread_icmp(e, text);
	} else if (e->error == EPERM || e->error == EACCES) {
		text_string(text,
			    "nothing was sent: a local firewall rule, route or policy forbids it");
	} else {
		text_string(text, "nothing was sent: this host has no route there");
	}
}

static void no_answer(const struct evidence *e, struct text *text)
{
	text_format(text, "nobody answered the SYN in %t", e->connect_ms);
	if (e->syn_sent_again > 0) {
		text_format(text, ", nor the %u that were sent after it", e->syn_sent_again);
	}
	text_string(text, "; ");
	schedule_write_syn(text, e);
}

static void abandoned(const struct evidence *e, struct text *text)
{
	const char *how = e->error == EINPROGRESS || e->error == EALREADY ? "SO_SNDTIMEO ran out"
			  : e->surface == SURFACE_CLOSE ? "the program closed the socket"
							: "the program shut the socket down";
	text_format(text, "%s after %t in SYN_SENT, with no answer yet", how, e->connect_ms);
	if (e->total_retrans > 0) {
		text_format(text, " to the SYN and its %u retransmissions", e->total_retrans);
	}
}

static void ports_exhausted(const struct evidence *e, struct text *text)
{
	if (e->port_chosen) {
		text_string(text, "the local port that the program chose is taken towards this "
				  "destination");
	} else {
		text_format(text, "no free port in ip_local_port_range %D to %D", e->port_first,
			    e->port_last);
	}
	if (!e->has_source) {
		text_string(text, ", or no address of this host that leads there");
	}
	if (e->time_wait_count >= 0) {
		text_format(text, ", and %D connections of this host are in TIME_WAIT",
			    e->time_wait_count);
	}
}

/* ---- resets ---- */

static void accept_overflow(const struct evidence *e, struct text *text)
{
	if (e->listening) {
		text_format(
			text,
			"this listener's kernel has dropped %u connection attempts since the last "
			"look (%u in all): %u wait to be accepted now, and %u may",
			e->new_drops, e->drops, e->accept_queue, e->backlog);
		return;
	}
	text_format(text,
		    "connected %t ago, then a RST, although the peer never acknowledged one of our "
		    "%z nor sent any",
		    e->age_ms, e->bytes_out);
}

static void accept_aborted(const struct evidence *e, struct text *text)
{
	(void)e;
	text_string(text,
		    "accept returned a connection that was dead already: its client had reset "
		    "it in the queue");
}

static void peer_closed_unread(const struct evidence *e, struct text *text)
{
	text_string(text, "a RST arrived");
	if (e->acked_since_fin) {
		text_string(text,
			    " after the peer's FIN, although the peer had gone on acknowledging; ");
		say_moved(e, text);
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
	say_where(e, text);
}

static void peer_closed_early(const struct evidence *e, struct text *text)
{
	text_string(text, "the peer's FIN had come");
	text_string(text, e->peer_fin ? " and the program had read that end of file"
				      : " and the program had not read it");
	text_string(text, "; what was written after it met a closed socket, whose RST is ");
	text_string(text, e->error == EPIPE ? "this EPIPE" : "hidden by this end of file");
}

static void peer_abort(const struct evidence *e, struct text *text)
{
	if (e->error == EPIPE || e->surface == SURFACE_EOF || e->peer_fin) {
		text_string(text,
			    "the peer's FIN had come, and then a RST although nothing of ours was "
			    "outstanding; ");
		say_moved(e, text);
	} else if (e->bytes_out == 0 && e->bytes_in == 0) {
		text_format(text,
			    "a RST arrived %t after the connection began, before any byte was "
			    "written or read",
			    e->age_ms);
	} else {
		text_string(text, "a RST arrived with nothing of ours outstanding; ");
		say_moved(e, text);
	}
	say_unread(e, text);
	text_string(text, ": the peer used SO_LINGER 0, crashed or was killed with bytes unread, "
			  "or a middlebox forged it");
	say_where(e, text);
}

static void forgotten(const struct evidence *e, struct text *text)
{
	text_format(text, "after %t of silence the first %z were answered with a RST within %t",
		    e->gap_ms, e->req_bytes > 0 ? e->req_bytes : (uint64_t)e->outq,
		    (int64_t)e->last_data_sent_ms);
	schedule_write_idle_limit(text, e->gap_ms);
	text_string(text, e->keepalive ? "; SO_KEEPALIVE was on with TCP_KEEPIDLE "
				       : "; SO_KEEPALIVE was off");
	if (e->keepalive) {
		text_duration(text, (int64_t)e->keepalive_idle_s * 1000);
	}
}

static void already_reset(const struct evidence *e, struct text *text)
{
	text_string(text, "this connection ended with ");
	errno_write(text, e->told_error);
	text_format(text, ", which %s reported %t ago", op_name(e->told_op), e->told_ago_ms);
	if (e->told_count > 1) {
		text_format(text, "; %u calls have failed since", e->told_count - 1);
	}
}

static void late_data(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "the program had shut down both ways %t ago and %u segments with data came "
		    "after that: our own kernel answered with the RST",
		    e->shut_write_ago_ms, e->data_segs_in - e->shut_data_segs);
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

/* ---- time-outs ---- */

static void retransmit_limit(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "%z stayed unacknowledged through %u retransmissions; the last sign of the "
		    "peer was %t ago",
		    (uint64_t)(e->outq > 0 ? e->outq : 0), e->retransmits,
		    (int64_t)e->last_ack_recv_ms);
	schedule_write_retries2(text, e);
	say_where(e, text);
}

static void user_timeout(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "%z stayed unacknowledged for longer than TCP_USER_TIMEOUT (%t), through %u "
		    "retransmissions",
		    (uint64_t)(e->outq > 0 ? e->outq : 0), (int64_t)e->user_timeout_ms,
		    e->retransmits);
}

static void keepalive_limit(const struct evidence *e, struct text *text)
{
	text_format(
		text,
		"the connection was idle and %u keepalive probes got no answer (first after %t, "
		"then every %t, %u in all); the last sign of the peer was %t ago",
		e->probes, (int64_t)e->keepalive_idle_s * 1000,
		(int64_t)e->keepalive_interval_s * 1000, e->keepalive_count,
		(int64_t)e->last_ack_recv_ms);
	say_where(e, text);
}

static void zero_window_limit(const struct evidence *e, struct text *text)
{
	text_format(
		text,
		"the peer's window was closed with %z of ours waiting, and %u probes of it got no "
		"answer",
		(uint64_t)(e->unsent > 0 ? e->unsent : 0), e->probes);
}

/* ---- our own doing ---- */

static void closed_unread(const struct evidence *e, struct text *text)
{
	text_format(
		text,
		"%s with %z unread in the receive buffer: the kernel sends a RST instead of a FIN",
		e->surface == SURFACE_EXIT ? "the process ended" : "the program closed",
		(uint64_t)e->inq);
	if (e->outq > 0) {
		text_format(text, ", and %z of ours that were still on their way are lost",
			    (uint64_t)e->outq);
	}
	say_inherited(e, text);
}

static void closed_linger0(const struct evidence *e, struct text *text)
{
	text_string(text, "SO_LINGER {1,0} was set");
	if (e->linger_ago_ms != NEVER) {
		text_format(text, " by the program %t ago", e->linger_ago_ms);
	} else {
		text_string(text, " before this process had the socket, or on its listener");
	}
	text_string(text, ": close sends a RST instead of a FIN");
	if (e->outq > 0) {
		text_format(text, ", and %z unsent or unacknowledged are discarded",
			    (uint64_t)e->outq);
	}
	say_inherited(e, text);
}

static void disconnected(const struct evidence *e, struct text *text)
{
	text_format(text, "connect with AF_UNSPEC in state %s: the kernel sends a RST",
		    state_name(e->state));
}

static void listener_closed(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "the listener was %s with %u established connections in its accept queue: "
		    "each gets a RST",
		    e->op == OP_SHUTDOWN ? "shut down" : "closed", e->accept_queue);
	say_inherited(e, text);
}

static void exit_open(const struct evidence *e, struct text *text)
{
	if (e->inq > 0) {
		closed_unread(e, text);
	} else {
		text_string(text, "the process ended with this connection open, and ");
		closed_linger0(e, text);
	}
}

static void wrote_after_shutdown(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "the program had shut down its writing side itself %t ago; no RST was met",
		    e->shut_write_ago_ms);
}

/* ---- warnings ---- */

static void slow_handshake(const struct evidence *e, struct text *text)
{
	text_format(text, "connected after %t and %u SYN retransmissions", e->connect_ms,
		    e->total_retrans);
	text_string(text, ": a SYN or SYN-ACK was lost, or the server's queue was full");
}

static void handshake_ack_lost(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "connected %t ago, %z written and sent %u times over, none of it acknowledged, "
		    "while %u segments have arrived: the peer goes on sending its SYN-ACK",
		    e->age_ms, e->bytes_out, e->retransmits, e->segs_in);
}

static void losing(const struct evidence *e, struct text *text)
{
	text_format(
		text,
		"%z unacknowledged and sent again %u times; the last sign of the peer was %t ago",
		(uint64_t)e->outq, e->retransmits, (int64_t)e->last_ack_recv_ms);
	schedule_write_retries2(text, e);
}

static void close_wait_leak(const struct evidence *e, struct text *text)
{
	text_format(text, "the peer closed at least %t ago and this descriptor is still open",
		    e->half_ms);
	if (e->inq > 0) {
		text_format(text, ", with %z unread", (uint64_t)e->inq);
	}
}

static void fin_unanswered(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "our FIN has been sent again %u times without an acknowledgement, for at least "
		    "%t (state %s)",
		    e->retransmits, e->half_ms, state_name(e->state));
	if (e->orphan_retries >= 0) {
		/* tcp_orphan_retries(): 0 means 8. */
		text_format(text, "; after close the kernel gives up after %D retransmissions",
			    e->orphan_retries == 0 ? 8 : e->orphan_retries);
	}
}

static void half_closed(const struct evidence *e, struct text *text)
{
	text_format(text, "we shut down at least %t ago, the peer acknowledged and goes on",
		    e->half_ms);
	if (e->fin_timeout_s >= 0) {
		text_format(text, "; after close the kernel ends it in %t (tcp_fin_timeout)",
			    e->fin_timeout_s * 1000);
	}
}

/* ---- notices ---- */

static void say_past(const struct evidence *e, struct text *text)
{
	text_format(text, "%z that this process sent and %z that it received went past the library",
		    e->unseen_out, e->unseen_in);
}

static void blind_spot(const struct evidence *e, struct text *text)
{
	say_past(e, text);
	text_format(text,
		    ", of %z and %z in all: stdio on the socket, io_uring or system calls of its "
		    "own",
		    e->bytes_out, e->bytes_in);
}

/* What every sentence about a connection ends with whose calls were not all seen. */
static void say_not_whole(const struct evidence *e, struct text *text)
{
	if (e->unseen_out > 0 || e->unseen_in > 0) {
		text_string(text, "; ");
		say_past(e, text);
		text_string(text, ", so that its counts and history are not whole");
	} else if (e->unseen) {
		text_string(text, "; the program uses stdio on this connection, whose calls the "
				  "library does not see");
	}
}

/* Nobody was asked but our own record. */
static void thin(const struct evidence *e, struct text *text)
{
	text_format(text, "%s ended with ", op_name(e->op));
	errno_write(text, e->error);
	text_format(
		text,
		", after calls that sent %z and received %z; the kernel was not asked for more, "
		"for the program has put itself under seccomp and could be killed for it",
		e->bytes_out, e->bytes_in);
}

static void (*const sentences[CAUSE_COUNT])(const struct evidence *, struct text *) = {
	[CAUSE_REFUSED] = refused,
	[CAUSE_REJECTED] = rejected,
	[CAUSE_UNREACHABLE] = unreachable,
	[CAUSE_NO_ANSWER] = no_answer,
	[CAUSE_ABANDONED] = abandoned,
	[CAUSE_PORTS_EXHAUSTED] = ports_exhausted,
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
	[CAUSE_RETRANSMIT_LIMIT] = retransmit_limit,
	[CAUSE_USER_TIMEOUT] = user_timeout,
	[CAUSE_KEEPALIVE_LIMIT] = keepalive_limit,
	[CAUSE_ZERO_WINDOW_LIMIT] = zero_window_limit,
	[CAUSE_SLOW_HANDSHAKE] = slow_handshake,
	[CAUSE_HANDSHAKE_ACK_LOST] = handshake_ack_lost,
	[CAUSE_LOSING] = losing,
	[CAUSE_CLOSE_WAIT_LEAK] = close_wait_leak,
	[CAUSE_FIN_UNANSWERED] = fin_unanswered,
	[CAUSE_HALF_CLOSED] = half_closed,
	[CAUSE_CLOSED_UNREAD] = closed_unread,
	[CAUSE_CLOSED_LINGER0] = closed_linger0,
	[CAUSE_DISCONNECTED] = disconnected,
	[CAUSE_LISTENER_CLOSED] = listener_closed,
	[CAUSE_EXIT_OPEN] = exit_open,
	[CAUSE_WROTE_AFTER_SHUTDOWN] = wrote_after_shutdown,
	[CAUSE_BLIND_SPOT] = blind_spot,
};

void why_sentence(const struct evidence *evidence, const struct verdict *verdict, struct text *text)
{
	if (evidence->sandboxed && verdict->sure == SURE_POSSIBLE) {
		thin(evidence, text);
	} else if (sentences[verdict->cause] != NULL) {
		sentences[verdict->cause](evidence, text);
	} else {
		text_string(text, cause_infos[verdict->cause].title);
	}
	if (cause_infos[verdict->cause].kind != CAUSE_NOTICE) {
		say_not_whole(evidence, text);
	}
	text_char(text, '.');
}
