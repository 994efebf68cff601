/*
 * The decision procedure: rows are tried from the top, the first whose sign is there is the verdict.
 */
#include <errno.h>
#include "../sys/errnames.h"
#include "signs.h"

#define CERTAIN SURE_CERTAIN, NULL, {0}, 0
#define LIKELY SURE_LIKELY, NULL
#define POSSIBLE SURE_POSSIBLE, NULL
#define IF_MADE_HERE SURE_CERTAIN, when_made_here, {0}, 0
#define IF_ICMP_WAS_READ SURE_CERTAIN, when_icmp_was_read
#define IF_ADDRESS_IS_AT_FAULT SURE_CERTAIN, when_address_is_at_fault
#define IF_A_PORT_WAS_SOUGHT SURE_CERTAIN, when_a_port_was_sought
#define IF_A_RST_CAME SURE_CERTAIN, when_a_rst_came
#define IF_QUEUE_WAS_FULL SURE_CERTAIN, when_queue_was_full
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
	{CAUSE_ABANDONED, given_up_elsewhere, LIKELY, ELSE(CAUSE_DISCONNECTED, CAUSE_INJECTED)},
	{CAUSE_REJECTED, by_icmp, CERTAIN},
	{CAUSE_UNREACHABLE, by_own_icmp, CERTAIN},
	{CAUSE_REJECTED, by_unread_icmp, LIKELY, ELSE(CAUSE_UNREACHABLE)},
	{CAUSE_REFUSED, no_listener, IF_ICMP_WAS_READ, ELSE(CAUSE_REJECTED)},
	{CAUSE_UNREACHABLE, no_way, IF_ICMP_WAS_READ, ELSE(CAUSE_REJECTED)},
	{CAUSE_UNREACHABLE, leads_nowhere, IF_ADDRESS_IS_AT_FAULT, NO_ELSE},
	{CAUSE_NO_ANSWER, nobody_answered, CERTAIN},
	{CAUSE_PORTS_EXHAUSTED, no_port, IF_A_PORT_WAS_SOUGHT, ELSE(CAUSE_UNREACHABLE)},
	{CAUSE_ACCEPT_ABORTED, dead_at_accept, IF_A_RST_CAME, ELSE(CAUSE_KILLED)},
	{CAUSE_WROTE_AFTER_SHUTDOWN, wrote_past_own_end, CERTAIN},
	{CAUSE_DISCONNECTED, disconnected_elsewhere, LIKELY, ELSE(CAUSE_INJECTED)},
	{CAUSE_ALREADY_RESET, told_to_another, LIKELY, ELSE(CAUSE_PEER_CLOSED_EARLY)},
	{CAUSE_PEER_CLOSED_UNREAD, stuck_at_fin, LIKELY,
	 ELSE(CAUSE_PEER_CLOSED_EARLY, CAUSE_PEER_ABORT)},
	{CAUSE_PEER_CLOSED_EARLY, reset_after_unread_fin, LIKELY,
	 ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_PEER_CLOSED_EARLY, maybe_reset_after_fin, LIKELY,
	 ELSE(CAUSE_ALREADY_RESET, CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_PEER_CLOSED_UNREAD, unread_after_fin, LIKELY, ELSE(CAUSE_PEER_ABORT)},
	{CAUSE_PEER_ABORT, aborted_after_fin, LIKELY, ELSE(CAUSE_PEER_CLOSED_UNREAD)},
	{CAUSE_PEER_CLOSED_EARLY, maybe_unread_at_fin, LIKELY,
	 ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_PEER_CLOSED_EARLY, reset_after_fin, CERTAIN},
	{CAUSE_USER_TIMEOUT, user_limit, CERTAIN},
	{CAUSE_ZERO_WINDOW_LIMIT, window_closed, CERTAIN},
	{CAUSE_KEEPALIVE_LIMIT, probes_unanswered, CERTAIN},
	{CAUSE_RETRANSMIT_LIMIT, never_acknowledged, CERTAIN},
	{CAUSE_RETRANSMIT_LIMIT, never_sent, CERTAIN},
	{CAUSE_RETRANSMIT_LIMIT, is_timeout, LIKELY,
	 ELSE(CAUSE_KEEPALIVE_LIMIT, CAUSE_USER_TIMEOUT)},
	{CAUSE_KEEPALIVE_LIMIT, probed_to_the_end, LIKELY, ELSE(CAUSE_PEER_ABORT, CAUSE_FORGOTTEN)},
	{CAUSE_USER_TIMEOUT, user_limit_to_the_end, LIKELY,
	 ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT, CAUSE_FORGOTTEN)},
	{CAUSE_ZERO_WINDOW_LIMIT, window_closed_to_the_end, LIKELY,
	 ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_RETRANSMIT_LIMIT, sent_again_to_the_end, LIKELY,
	 ELSE(CAUSE_FORGOTTEN, CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_REJECTED, icmp_in_passing, LIKELY, ELSE(CAUSE_UNREACHABLE)},
	{CAUSE_LATE_DATA, data_after_own_end, CERTAIN},
	{CAUSE_LATE_DATA, data_after_anothers_end, LIKELY,
	 ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_FORGOTTEN, after_silence, LIKELY, ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_FORGOTTEN, keepalive_met_a_rst, LIKELY, ELSE(CAUSE_PEER_ABORT)},
	{CAUSE_ACCEPT_OVERFLOW, never_accepted, POSSIBLE,
	 ELSE(CAUSE_PEER_CLOSED_UNREAD, CAUSE_PEER_ABORT)},
	{CAUSE_PEER_CLOSED_UNREAD, before_any_answer, LIKELY,
	 ELSE(CAUSE_PEER_ABORT, CAUSE_ACCEPT_OVERFLOW)},
	{CAUSE_PEER_CLOSED_UNREAD, mid_upload_or_closed, LIKELY,
	 ELSE(CAUSE_PEER_ABORT, CAUSE_PEER_CLOSED_EARLY)},
	{CAUSE_PEER_CLOSED_UNREAD, mid_upload, LIKELY, ELSE(CAUSE_PEER_ABORT)},
	{CAUSE_PEER_ABORT, before_any_byte, LIKELY, ELSE(CAUSE_ACCEPT_OVERFLOW)},
	{CAUSE_PEER_ABORT, after_exchange, LIKELY, ELSE(CAUSE_PEER_CLOSED_UNREAD)},
	{CAUSE_PEER_ABORT, is_reset, LIKELY, NO_ELSE},
	{CAUSE_ACCEPT_OVERFLOW, queue_overflows, IF_QUEUE_WAS_FULL, NO_ELSE},
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
	bool reset_told = e->told_hidden || e->told_error == ECONNRESET ||
			  (e->told_error == EPIPE && !ended_by_fin(e)) ||
			  (e->told_error == 0 && !was_unanswered(e) && !e->connecting);
	bool dead_otherwise = cause == CAUSE_ALREADY_RESET && !reset_told;
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
