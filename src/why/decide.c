/*
 * The decision procedure: rows are tried from the top, the first whose test holds is the verdict.
 * What a row promises as certain must exclude everything else; FACTS about the kernel are cited
 * where a test rests on one.
 */
#include "why.h"

#include <errno.h>
#include "../sys/errnames.h"

/* A RST is met within this time of the write that it answers: two round trips and some scheduling. */
#define ANSWER_SLACK_MS 250

#define ALWAYS_ACKED 1 /* tcpi_bytes_acked counts the SYN */

/* ---- what kind of end it is ---- */

static bool was_told(const struct evidence *e)
{
	return e->told_error != 0;
}

/*
 * The program hears nothing, yet the kernel has given the connection up. Where a forked process goes
 * on with it, that one may have ended it in order.
 */
static bool died_silently(const struct evidence *e)
{
	return (e->surface == SURFACE_CLOSE || e->surface == SURFACE_EXIT) && !e->connecting &&
	       !e->listening && e->has_info && e->state == STATE_CLOSE && !e->shared &&
	       !was_told(e);
}

/*
 * After our FIN a CLOSE may be an ordinary TIME_WAIT: TCP_INFO cannot tell them apart. It is a RST
 * for sure only where we had sent no FIN.
 */
static bool died_without_fin(const struct evidence *e)
{
	return died_silently(e) && !e->shut_write;
}

/* The kernel was sending something again, or probing, when the connection died. */
static bool was_unanswered(const struct evidence *e)
{
	return e->retransmits > 0 || e->probes > 0;
}

static bool is_reset(const struct evidence *e)
{
	return e->error == ECONNRESET || (died_without_fin(e) && !was_unanswered(e));
}

/* The errno of an ICMP error: icmp_err_convert[], icmpv6_err_convert(). */
static bool is_icmp_errno(int error)
{
	switch (error) {
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case ECONNREFUSED:
	case EACCES:
	case EPROTO:
		return true;
	default:
		return false;
	}
}

/* A connection that timed out is in CLOSE, and may tell the last ICMP error: tcp_write_err(). */
static bool is_timeout(const struct evidence *e)
{
	return !e->connecting && e->has_info && e->state == STATE_CLOSE &&
	       (e->error == ETIMEDOUT || (is_icmp_errno(e->error) && was_unanswered(e)));
}

/* No call of anybody else's can have taken an error, and none was made unseen. */
static bool is_all_ours(const struct evidence *e)
{
	return !e->learned && !e->shared && !e->inherited && !e->unseen;
}

/* ---- tests of the rows, in their order ---- */

static bool by_rule(const struct evidence *e)
{
	return e->rule != 0 && (e->error != 0 || died_silently(e));
}

static bool by_admin(const struct evidence *e)
{
	/* A connect on a socket whose connect had failed before, unseen, says ECONNABORTED too. */
	return e->error == ECONNABORTED && !(e->connecting && e->learned);
}

static bool gave_up(const struct evidence *e)
{
	if (!e->connecting) {
		return false;
	}
	if (e->surface == SURFACE_CLOSE) {
		return e->state == STATE_SYN_SENT;
	}
	/* shutdown in SYN_SENT gives ECONNRESET; SO_SNDTIMEO ends a blocking connect. */
	return (e->error == ECONNRESET && (e->shut_read || e->shut_write)) ||
	       e->error == EINPROGRESS || e->error == EALREADY;
}

static bool by_icmp(const struct evidence *e)
{
	return e->connecting && e->icmp && !e->icmp_local && e->error != 0;
}

/* Our own kernel's: the neighbour did not answer, or our own firewall rejects. */
static bool by_own_icmp(const struct evidence *e)
{
	return e->connecting && e->icmp && e->icmp_local && e->error != 0;
}

/*
 * Only an ICMP error is told while the SYN goes on being sent, and only ICMP has these numbers once
 * it was sent; but whose it was is not known.
 */
static bool by_unread_icmp(const struct evidence *e)
{
	if (!e->connecting || !is_icmp_errno(e->error)) {
		return false;
	}
	if (e->state == STATE_SYN_SENT) {
		return true;
	}
	bool no_segment_came = e->segs_out > 0 && e->segs_in == 0;
	return e->icmp_unread &&
	       (e->error == ECONNREFUSED ? no_segment_came : e->error != EHOSTUNREACH);
}

/* A RST or an ICMP error, a neighbour that is silent or a firewall? The error queue says. */
static enum sure when_icmp_was_read(const struct evidence *e)
{
	return e->icmp_unread && is_icmp_errno(e->error) ? SURE_LIKELY : SURE_CERTAIN;
}

static bool no_listener(const struct evidence *e)
{
	return e->connecting && e->error == ECONNREFUSED;
}

static bool no_way(const struct evidence *e)
{
	if (!e->connecting) {
		return false;
	}
	switch (e->error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
	case EACCES:
	case EPERM:
	case ENOPROTOOPT:
		return true;
	default:
		return false;
	}
}

static bool nobody_answered(const struct evidence *e)
{
	return e->connecting && e->error == ETIMEDOUT;
}

/* EADDRNOTAVAIL also means that there is no source address, or that the one chosen port is taken. */
static enum sure when_a_port_was_sought(const struct evidence *e)
{
	return e->has_source && !e->port_chosen ? SURE_CERTAIN : SURE_LIKELY;
}

static bool no_port(const struct evidence *e)
{
	return e->connecting && e->error == EADDRNOTAVAIL;
}

static bool dead_at_accept(const struct evidence *e)
{
	return e->surface == SURFACE_ACCEPT && e->has_info && e->state == STATE_CLOSE &&
	       !was_unanswered(e);
}

static bool told_before(const struct evidence *e)
{
	return was_told(e) && e->error != 0;
}

static bool wrote_past_own_end(const struct evidence *e)
{
	return e->error == EPIPE && e->shut_write;
}

/*
 * RST in CLOSE_WAIT is EPIPE for a write and nothing for a read: tcp_reset(). So a first EPIPE
 * means that a FIN had come, and an end of file in CLOSE without a FIN of ours means the same.
 */
static bool reset_after_fin(const struct evidence *e)
{
	if (e->connecting) {
		return false;
	}
	if (e->error == EPIPE) {
		return true;
	}
	bool silent = e->surface == SURFACE_EOF ? e->has_info && e->state == STATE_CLOSE &&
							  !was_told(e) && !e->shut_write
						: died_without_fin(e) && e->peer_fin;
	return silent && e->error == 0 && !was_unanswered(e);
}

static bool maybe_reset_after_fin(const struct evidence *e)
{
	return reset_after_fin(e) && !is_all_ours(e);
}

/* The RST answered nothing of ours: the peer had only half-closed, and aborted later. */
static bool aborted_after_fin(const struct evidence *e)
{
	return reset_after_fin(e) && e->has_info && e->outq == 0;
}

/* A peer that has closed acknowledges nothing any more: this one had only half-closed. */
static bool unread_after_fin(const struct evidence *e)
{
	return reset_after_fin(e) && e->acked_since_fin;
}

static bool data_after_own_end(const struct evidence *e)
{
	return is_reset(e) && e->shut_read && e->shut_write && e->has_info &&
	       e->data_segs_in != e->shut_data_segs;
}

/* Bytes of ours are on their way or in the peer's buffer: nothing has come back since. */
static bool spoke_last(const struct evidence *e)
{
	return e->last_turn == DIRECTION_WRITE;
}

static bool nothing_acked(const struct evidence *e)
{
	return e->has_info && e->bytes_acked <= ALWAYS_ACKED;
}

static bool after_silence(const struct evidence *e)
{
	int64_t rtt_ms = e->rtt_us / 1000;
	int64_t answer_ms = 2 * rtt_ms + ANSWER_SLACK_MS;
	return is_reset(e) && spoke_last(e) && e->gap_ms >= 1000 && e->gap_ms >= 100 * rtt_ms &&
	       e->has_info && e->outq > 0 && e->last_data_sent_ms <= answer_ms &&
	       e->last_ack_recv_ms > answer_ms;
}

/* tcp_abort_on_overflow answers the first data with a RST; else it is sent again in vain first. */
static bool before_any_answer(const struct evidence *e)
{
	return is_reset(e) && e->side == SIDE_CLIENT && e->bytes_out > 0 &&
	       e->bytes_received == 0 && nothing_acked(e);
}

static bool never_accepted(const struct evidence *e)
{
	return before_any_answer(e) && (e->total_retrans > 0 || e->segs_in > 2);
}

static bool mid_upload(const struct evidence *e)
{
	return is_reset(e) && (e->outq > 0 || spoke_last(e));
}

/* An early answer to what the peer's program never read looks the same as an abort. */
static bool after_exchange(const struct evidence *e)
{
	return is_reset(e) && e->bytes_out > 0;
}

static bool before_any_byte(const struct evidence *e)
{
	return is_reset(e) && e->side == SIDE_CLIENT && e->bytes_out == 0 && e->bytes_in == 0 &&
	       e->bytes_received == 0;
}

/* What goes out again is limited by TCP_USER_TIMEOUT alone where that is set: tcp_write_timeout(). */
static bool user_limit(const struct evidence *e)
{
	return is_timeout(e) && e->user_timeout_ms > 0 && e->outq > 0 &&
	       (e->retransmits > 0 || e->probes < e->retries2);
}

/* Probes of a closed window are limited by both: tcp_probe_timer(). */
static bool window_closed(const struct evidence *e)
{
	return is_timeout(e) && e->peer_window == 0 && e->probes > 0 && e->unsent > 0;
}

static bool probes_unanswered(const struct evidence *e)
{
	return is_timeout(e) && e->outq == 0 && e->probes > 0;
}

static bool never_acknowledged(const struct evidence *e)
{
	return is_timeout(e) && e->outq > 0 && e->retransmits > 0;
}

/* Closed without having been told: a time-out, or a RST that came while nothing was answered. */
static bool probed_to_the_end(const struct evidence *e)
{
	return died_without_fin(e) && e->outq == 0 && e->probes > 0;
}

static bool sent_again_to_the_end(const struct evidence *e)
{
	return died_without_fin(e) && was_unanswered(e);
}

/* SO_ERROR hands out the ICMP errors of a living connection too: sk_err_soft. */
static bool icmp_in_passing(const struct evidence *e)
{
	return !e->connecting && e->has_info && e->state != STATE_CLOSE && is_icmp_errno(e->error);
}

/* ---- warnings: the connection lives ---- */

static bool in_passing(const struct evidence *e)
{
	return e->surface == SURFACE_PASSING && e->has_info;
}

static bool queue_overflows(const struct evidence *e)
{
	return in_passing(e) && e->listening && e->new_drops > 0;
}

/* A handshake with a retransmission takes at least the first time-out of 1 s. */
#define SLOW_CONNECT_MS 900

static bool connected_late(const struct evidence *e)
{
	return in_passing(e) && e->side == SIDE_CLIENT && e->state == STATE_ESTABLISHED &&
	       e->bytes_out == 0 && e->bytes_in == 0 && e->total_retrans > 0 &&
	       e->connect_ms >= SLOW_CONNECT_MS;
}

/*
 * Our data goes out again and again, nothing of it is acknowledged, and yet segments arrive: the
 * peer's SYN-ACK, which it sends until it sees our ACK.
 */
static bool ack_never_arrived(const struct evidence *e)
{
	return in_passing(e) && e->side == SIDE_CLIENT && e->state == STATE_ESTABLISHED &&
	       e->bytes_out > 0 && nothing_acked(e) && e->bytes_received == 0 &&
	       e->retransmits > 0 && e->segs_in > 1;
}

#define LOSING_RETRANSMITS 3

static bool unacknowledged_again(const struct evidence *e)
{
	return in_passing(e) && e->retransmits >= LOSING_RETRANSMITS && e->outq > 0 &&
	       (e->state == STATE_ESTABLISHED || e->state == STATE_CLOSE_WAIT);
}

static bool is_stale(const struct evidence *e)
{
	return in_passing(e) && e->half_ms >= e->stale_ms;
}

static bool never_closed(const struct evidence *e)
{
	return is_stale(e) && e->state == STATE_CLOSE_WAIT;
}

static bool fin_not_acknowledged(const struct evidence *e)
{
	return is_stale(e) && e->retransmits > 0 &&
	       (e->state == STATE_FIN_WAIT1 || e->state == STATE_LAST_ACK ||
		e->state == STATE_CLOSING);
}

static bool peer_goes_on(const struct evidence *e)
{
	return is_stale(e) && e->state == STATE_FIN_WAIT2;
}

/* What a forked process goes on with does not end with our descriptor. */
static bool ends_here(const struct evidence *e)
{
	return (e->surface == SURFACE_CLOSE || e->surface == SURFACE_EXIT) && !e->shared;
}

static bool unread_at_close(const struct evidence *e)
{
	return ends_here(e) && !e->connecting && !e->listening && e->inq > 0 &&
	       e->state != STATE_CLOSE;
}

/* tcp_disconnect() sends a RST in these states: tcp_need_reset(). */
static bool linger0_at_close(const struct evidence *e)
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
	default:
		return false;
	}
}

static bool reset_by_exit(const struct evidence *e)
{
	return e->surface == SURFACE_EXIT && (unread_at_close(e) || linger0_at_close(e));
}

static bool queue_at_close(const struct evidence *e)
{
	return ends_here(e) && e->listening && e->accept_queue > 0;
}

static bool aborted_by_connect(const struct evidence *e)
{
	return e->op == OP_CONNECT && e->surface == SURFACE_DISCONNECT &&
	       (e->state == STATE_ESTABLISHED || e->state == STATE_CLOSE_WAIT ||
		e->state == STATE_FIN_WAIT1 || e->state == STATE_FIN_WAIT2);
}

/* A socket is closed by its last holder, which may be an ancestor, or whoever passed it on. */
static enum sure when_made_here(const struct evidence *e)
{
	return e->inherited || e->learned ? SURE_LIKELY : SURE_CERTAIN;
}

/* ---- the procedure ---- */

#define CERTAIN SURE_CERTAIN, NULL, {0}, 0
#define LIKELY SURE_LIKELY, NULL
#define POSSIBLE SURE_POSSIBLE, NULL
#define IF_MADE_HERE SURE_CERTAIN, when_made_here, {0}, 0
#define IF_ICMP_WAS_READ SURE_CERTAIN, when_icmp_was_read
#define IF_A_PORT_WAS_SOUGHT SURE_CERTAIN, when_a_port_was_sought
#define ELSE(...) {__VA_ARGS__}, sizeof((enum cause[]){__VA_ARGS__}) / sizeof(enum cause)
#define NO_ELSE {0}, 0

static const struct row {
	enum cause cause;
	bool (*test)(const struct evidence *e);
	enum sure sure;
	enum sure (*surer)(const struct evidence *e); /* instead, where it depends */
	enum cause others[VERDICT_ELSE_MAX];
	size_t other_count;
} rows[] = {
	{CAUSE_ALREADY_RESET, told_before, CERTAIN},
	{CAUSE_INJECTED, by_rule, CERTAIN},
	{CAUSE_KILLED, by_admin, CERTAIN},
	{CAUSE_ABANDONED, gave_up, CERTAIN},
	{CAUSE_REJECTED, by_icmp, CERTAIN},
	{CAUSE_UNREACHABLE, by_own_icmp, CERTAIN},
	{CAUSE_REJECTED, by_unread_icmp, LIKELY, ELSE(CAUSE_UNREACHABLE)},
	{CAUSE_REFUSED, no_listener, IF_ICMP_WAS_READ, ELSE(CAUSE_REJECTED)},
	{CAUSE_UNREACHABLE, no_way, IF_ICMP_WAS_READ, ELSE(CAUSE_REJECTED)},
	{CAUSE_NO_ANSWER, nobody_answered, CERTAIN},
	{CAUSE_PORTS_EXHAUSTED, no_port, IF_A_PORT_WAS_SOUGHT, ELSE(CAUSE_UNREACHABLE)},
	{CAUSE_ACCEPT_ABORTED, dead_at_accept, CERTAIN},
	{CAUSE_WROTE_AFTER_SHUTDOWN, wrote_past_own_end, CERTAIN},
	{CAUSE_PEER_CLOSED_EARLY, maybe_reset_after_fin, LIKELY,
	 ELSE(CAUSE_ALREADY_RESET, CAUSE_PEER_ABORT)},
	{CAUSE_PEER_CLOSED_UNREAD, unread_after_fin, LIKELY, ELSE(CAUSE_PEER_ABORT)},
	{CAUSE_PEER_ABORT, aborted_after_fin, LIKELY, ELSE(CAUSE_PEER_CLOSED_UNREAD)},
	{CAUSE_PEER_CLOSED_EARLY, reset_after_fin, CERTAIN},
	{CAUSE_USER_TIMEOUT, user_limit, CERTAIN},
	{CAUSE_ZERO_WINDOW_LIMIT, window_closed, CERTAIN},
	{CAUSE_KEEPALIVE_LIMIT, probes_unanswered, CERTAIN},
	{CAUSE_RETRANSMIT_LIMIT, never_acknowledged, CERTAIN},
	{CAUSE_RETRANSMIT_LIMIT, is_timeout, LIKELY,
	 ELSE(CAUSE_KEEPALIVE_LIMIT, CAUSE_USER_TIMEOUT)},
	{CAUSE_KEEPALIVE_LIMIT, probed_to_the_end, LIKELY, ELSE(CAUSE_PEER_ABORT, CAUSE_FORGOTTEN)},
	{CAUSE_RETRANSMIT_LIMIT, sent_again_to_the_end, LIKELY,
	 ELSE(CAUSE_USER_TIMEOUT, CAUSE_FORGOTTEN, CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_REJECTED, icmp_in_passing, LIKELY, ELSE(CAUSE_UNREACHABLE)},
	{CAUSE_LATE_DATA, data_after_own_end, CERTAIN},
	{CAUSE_FORGOTTEN, after_silence, LIKELY, ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_ACCEPT_OVERFLOW, never_accepted, POSSIBLE,
	 ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_PEER_CLOSED_UNREAD, before_any_answer, LIKELY,
	 ELSE(CAUSE_PEER_ABORT, CAUSE_ACCEPT_OVERFLOW)},
	{CAUSE_PEER_CLOSED_UNREAD, mid_upload, LIKELY, ELSE(CAUSE_PEER_ABORT)},
	{CAUSE_PEER_ABORT, before_any_byte, LIKELY, ELSE(CAUSE_ACCEPT_OVERFLOW)},
	{CAUSE_PEER_ABORT, after_exchange, LIKELY, ELSE(CAUSE_PEER_CLOSED_UNREAD)},
	{CAUSE_PEER_ABORT, is_reset, LIKELY, NO_ELSE},
	{CAUSE_ACCEPT_OVERFLOW, queue_overflows, CERTAIN},
	{CAUSE_SLOW_HANDSHAKE, connected_late, LIKELY, NO_ELSE},
	{CAUSE_HANDSHAKE_ACK_LOST, ack_never_arrived, LIKELY, ELSE(CAUSE_LOSING)},
	{CAUSE_CLOSE_WAIT_LEAK, never_closed, CERTAIN},
	{CAUSE_FIN_UNANSWERED, fin_not_acknowledged, CERTAIN},
	{CAUSE_HALF_CLOSED, peer_goes_on, CERTAIN},
	{CAUSE_LOSING, unacknowledged_again, CERTAIN},
	{CAUSE_DISCONNECTED, aborted_by_connect, CERTAIN},
	{CAUSE_LISTENER_CLOSED, queue_at_close, IF_MADE_HERE},
	{CAUSE_EXIT_OPEN, reset_by_exit, IF_MADE_HERE},
	{CAUSE_CLOSED_UNREAD, unread_at_close, IF_MADE_HERE},
	{CAUSE_CLOSED_LINGER0, linger0_at_close, IF_MADE_HERE},
};

/* Was a RST met, and on which way? */
static enum rst_case judge_case(const struct evidence *e, enum cause cause)
{
	bool by_error = e->error == ECONNRESET || e->error == EPIPE || e->surface == SURFACE_EOF;
	bool dead_otherwise = cause == CAUSE_ALREADY_RESET && e->told_error != ECONNRESET &&
			      e->told_error != EPIPE;
	if (cause_infos[cause].kind != CAUSE_RESET || !by_error || dead_otherwise) {
		return CASE_NONE;
	}
	return e->direction == DIRECTION_WRITE ? CASE_RESET_BY_PEER : CASE_RESET;
}

static const char *judge_phrase(const struct evidence *e, enum rst_case rst_case)
{
	switch (rst_case) {
	case CASE_RESET:
		return "Connection reset";
	case CASE_RESET_BY_PEER:
		return "Connection reset by peer";
	default:
		break;
	}
	const char *text = e->error == 0 ? NULL : errno_text(e->error);
	return text != NULL ? text : "no error";
}

/* What our own record alone proves; the rest wants the kernel to be asked. */
static bool rests_on_history(enum cause cause)
{
	return cause == CAUSE_ALREADY_RESET || cause == CAUSE_WROTE_AFTER_SHUTDOWN ||
	       cause == CAUSE_INJECTED;
}

bool why_judge(const struct evidence *evidence, struct verdict *verdict)
{
	*verdict = (struct verdict){.cause = CAUSE_PEER_ABORT, .sure = SURE_POSSIBLE};
	bool told = false;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && !told; i++) {
		const struct row *row = &rows[i];
		if (!row->test(evidence)) {
			continue;
		}
		verdict->cause = row->cause;
		verdict->sure = row->surer != NULL ? row->surer(evidence) : row->sure;
		if (evidence->sandboxed && !rests_on_history(row->cause)) {
			verdict->sure = SURE_POSSIBLE;
		}
		verdict->other_count = verdict->sure == SURE_CERTAIN ? 0 : row->other_count;
		for (size_t k = 0; k < verdict->other_count; k++) {
			verdict->others[k] = row->others[k];
		}
		told = true;
	}
	verdict->rst_case = judge_case(evidence, verdict->cause);
	verdict->doc = judge_phrase(evidence, verdict->rst_case);
	return told;
}
