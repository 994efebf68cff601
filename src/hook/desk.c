#include "desk.h"

#include "../conn/about.h"
#include "../sys/clock.h"

static void add_known(struct event *event, enum key key, int64_t value)
{
	if (value != QUEUE_UNKNOWN) {
		event_number(event, key, value);
	}
}

static void add_history(struct event *event, const struct conn *conn)
{
	uint32_t now = (uint32_t)clock_coarse_ms();
	uint32_t next = atomic_load_explicit(&conn->history_next, memory_order_relaxed);
	uint32_t first = next > CONN_HISTORY ? next - CONN_HISTORY : 0;
	event_list_begin(event, KEY_HISTORY);
	for (uint32_t i = first; i != next; i++) {
		const struct past_call *past = &conn->history[i % CONN_HISTORY];
		event_list_call(event, op_name((enum op)past->op), past->result, past->error,
				clock_since_ms(past->when_ms, now));
	}
	event_list_end(event);
}

static void add_evidence(struct event *event, const struct evidence *e)
{
	if (state_name(e->state) != NULL) {
		event_string(event, KEY_STATE, state_name(e->state));
	}
	if (e->gap_ms > 0) {
		event_number(event, KEY_IDLE_MS, e->gap_ms);
	}
	if (!e->listening) {
		event_number(event, KEY_AGE_MS, e->age_ms);
	}
	/* A connect that failed leaves its sequence numbers, and so the queues' lengths, anywhere. */
	if (!e->listening && !e->connecting) {
		add_known(event, KEY_INQ, e->inq);
		add_known(event, KEY_OUTQ, e->outq);
	}
	/* A blocking connect that failed has begun the counters anew: tcp_disconnect(). */
	bool counted = !e->connecting || e->segs_out > 0;
	if (e->has_info && !e->listening && counted) {
		event_unsigned(event, KEY_RETRANS, e->total_retrans);
		event_unsigned(event, KEY_RTT_US, e->rtt_us);
	}
	if (!e->listening) {
		event_unsigned(event, KEY_REQ_BYTES, e->req_bytes);
		event_unsigned(event, KEY_RESP_BYTES, e->resp_bytes);
	}
}

/* The call that failed, and how its failure is called. */
static void add_call(struct event *event, const struct call *call, const struct desk *desk)
{
	event_word(event, KEY_OP, op_word(call->op));
	event_error(event, KEY_ERRNO, desk->evidence.error);
	event_string(event, KEY_DOC, desk->verdict.doc);
}

static void send_line(struct desk *desk, const struct call *call)
{
	const struct verdict *verdict = &desk->verdict;
	const struct evidence *evidence = &desk->evidence;
	const struct cause_info *info = &cause_infos[verdict->cause];
	bool passing = evidence->surface == SURFACE_PASSING;
	struct event *event = &desk->event;
	event_begin(event, passing ? EVENT_WARN : EVENT_ERROR, desk->line, sizeof desk->line);
	event_about(event, call);
	if (!passing) {
		add_call(event, call, desk);
	}
	event_string(event, KEY_CAUSE, info->id);
	event_string(event, KEY_SURE, sure_name(verdict->sure));
	event_string(event, KEY_WHY, desk->why);
	event_string(event, KEY_ADVICE, info->advice);
	if (!passing) {
		event_string(event, KEY_CASE, case_name(verdict->rst_case));
	}
	event_list_begin(event, KEY_ELSE);
	for (size_t i = 0; i < verdict->other_count; i++) {
		event_list_string(event, cause_infos[verdict->others[i]].id);
	}
	event_list_end(event);
	add_evidence(event, evidence);
	add_history(event, call->conn);
	event_send(event);
}

void desk_tell(struct desk *desk, const struct call *call)
{
	struct text why = text_in(desk->why, sizeof desk->why);
	why_sentence(&desk->evidence, &desk->verdict, &why);
	send_line(desk, call);
}
