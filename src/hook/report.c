#include "report.h"

#include <errno.h>
#include <string.h>
#include "../conn/about.h"
#include "../log/event.h"
#include "../log/log.h"
#include "../sys/clock.h"
#include "../sys/scratch.h"
#include "../why/why.h"
#include "farewell.h"
#include "flow.h"
#include "phrase.h"
#include "tally.h"

/* Longest `why`. */
#define WHY_SIZE 1024

/* Errors of a connection that is dead already are told this often, then only counted. */
#define TOLD_MAX 16

/* What an error needs while it is being explained; too much for a small stack. */
struct desk {
	struct evidence evidence;
	struct verdict verdict;
	char why[WHY_SIZE];
	char line[EVENT_LARGE];
};

_Static_assert(sizeof(struct desk) <= SCRATCH_SIZE, "a report fits on one scratch block");

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

static void send_verdict(struct desk *desk, const struct call *call)
{
	const struct verdict *verdict = &desk->verdict;
	const struct evidence *evidence = &desk->evidence;
	const struct cause_info *info = &cause_infos[verdict->cause];
	bool passing = evidence->surface == SURFACE_PASSING;
	struct event event;
	event_begin(&event, passing ? EVENT_WARN : EVENT_ERROR, desk->line, sizeof desk->line);
	event_about(&event, call);
	if (!passing) {
		add_call(&event, call, desk);
	}
	event_string(&event, KEY_CAUSE, info->id);
	event_string(&event, KEY_SURE, sure_name(verdict->sure));
	event_string(&event, KEY_WHY, desk->why);
	event_string(&event, KEY_ADVICE, info->advice);
	if (!passing) {
		event_string(&event, KEY_CASE, case_name(verdict->rst_case));
	}
	event_list_begin(&event, KEY_ELSE);
	for (size_t i = 0; i < verdict->other_count; i++) {
		event_list_string(&event, cause_infos[verdict->others[i]].id);
	}
	event_list_end(&event);
	add_evidence(&event, evidence);
	add_history(&event, call->conn);
	event_send(&event);
}

/*
 * Does what the program was told mean that the connection is over? Not an EPIPE after its own
 * shutdown, nor SO_SNDTIMEO during connect, nor an ICMP error in passing.
 */
static bool is_over(const struct evidence *evidence, const struct verdict *verdict)
{
	return evidence->state == STATE_CLOSE && verdict->cause != CAUSE_WROTE_AFTER_SHUTDOWN;
}

static enum ending ending_of(const struct verdict *verdict)
{
	switch (verdict->cause) {
	case CAUSE_CLOSED_UNREAD:
	case CAUSE_CLOSED_LINGER0:
	case CAUSE_DISCONNECTED:
	case CAUSE_EXIT_OPEN:
	case CAUSE_INJECTED:
	case CAUSE_LATE_DATA:
		return ENDING_RST;
	case CAUSE_NO_ANSWER:
		return ENDING_TIMEOUT;
	default:
		break;
	}
	switch (cause_infos[verdict->cause].kind) {
	case CAUSE_RESET:
		return ENDING_PEER_RST;
	case CAUSE_TIMEOUT:
		return ENDING_TIMEOUT;
	default:
		return ENDING_NONE;
	}
}

/* The program has been told: what comes later on this connection is seen in that light. */
static void remember_told(const struct call *call, const struct evidence *evidence,
			  const struct verdict *verdict)
{
	struct conn *conn = call->conn;
	bool hidden = evidence->surface == SURFACE_EOF && is_over(evidence, verdict);
	if (hidden) {
		conn_set(conn, CONN_TOLD_HIDDEN);
		conn_put(conn, CONN_OWN_RESET, ending_of(verdict) == ENDING_RST);
	}
	if (evidence->error == 0) {
		if (hidden || verdict->cause == CAUSE_ACCEPT_ABORTED) {
			conn->told_op = (uint8_t)call->op;
			conn->told_ms = (uint32_t)clock_coarse_ms();
		}
		return;
	}
	bool overtaken = evidence->error == ECONNRESET && conn->told_error == EPIPE;
	if ((conn->told_error == 0 || overtaken) && is_over(evidence, verdict)) {
		conn->told_count = 0;
		conn->told_error = (uint8_t)evidence->error;
		conn_put(conn, CONN_OWN_RESET, ending_of(verdict) == ENDING_RST);
		conn->told_op = (uint8_t)call->op;
		conn->told_ms = (uint32_t)clock_coarse_ms();
		if (cause_infos[verdict->cause].kind == CAUSE_CONNECTING &&
		    verdict->cause != CAUSE_REFUSED) {
			/* Of no RST: the summary asks. */
			conn_set(conn, CONN_TOLD_ABANDONED);
		}
		conn_stir(conn);
	}
	if (conn->told_count < UINT8_MAX) {
		conn->told_count++;
	}
	uint8_t phase = atomic_load_explicit(&conn->phase, memory_order_relaxed);
	bool early = phase == PHASE_OPEN && evidence->connecting;
	if ((phase == PHASE_CONNECTING || early) && evidence->state == STATE_CLOSE) {
		conn_set_phase(conn, PHASE_OVER);
	} else if (phase == PHASE_GIVEN_UP) {
		conn_set_phase(conn, PHASE_FRESH);
	}
}

/*
 * Things that are true and not worth a line: a connect that lost a race against another to the same
 * port (happy eyeballs, RFC 8305), an abandoned connect that was told before, our own doing that a
 * rule did and told, the hundredth EPIPE, at the close the reset that was told at the end of file or
 * at accept.
 */
static bool is_worth_telling(const struct call *call, const struct desk *desk, bool quiet)
{
	const struct conn *conn = call->conn;
	struct addr peer = conn_peer(conn);
	bool is_of_reset = cause_infos[desk->verdict.cause].kind == CAUSE_RESET;
	if (desk->evidence.error == 0 && is_of_reset && desk->evidence.told_hidden) {
		return false;
	}
	switch (desk->verdict.cause) {
	case CAUSE_ABANDONED:
		return !conn_is(conn, CONN_TOLD_ABANDONED) &&
		       !tally_won_race(&peer, conn->begun_ns);
	case CAUSE_ACCEPT_ABORTED:
		return desk->evidence.error != 0 || desk->evidence.surface == SURFACE_ACCEPT;
	case CAUSE_PEER_CLOSED_UNREAD:
	case CAUSE_PEER_CLOSED_EARLY:
	case CAUSE_PEER_ABORT:
		return !farewell_is(conn, &desk->evidence, desk->verdict.cause);
	case CAUSE_ALREADY_RESET:
	case CAUSE_WROTE_AFTER_SHUTDOWN:
		return conn->told_count <= TOLD_MAX;
	default:
		return !(quiet && cause_infos[desk->verdict.cause].kind == CAUSE_OWN);
	}
}

/* Which warning of a connection it is: a bit of conn->warned. A listener may overflow again. */
static uint8_t warning_bit(enum cause cause)
{
	switch (cause) {
	case CAUSE_SLOW_HANDSHAKE:
		return 1;
	case CAUSE_HANDSHAKE_ACK_LOST:
		return 2;
	case CAUSE_LOSING:
		return 4;
	case CAUSE_CLOSE_WAIT_LEAK:
		return 8;
	case CAUSE_FIN_UNANSWERED:
		return 16;
	case CAUSE_HALF_CLOSED:
		return 32;
	default:
		return 0;
	}
}

/* More bits of conn->warned. In passing a difference has to be found twice: a call of another thread
 * may just be under way. */
#define WARNED_SUSPECTED 64
#define WARNED_UNSEEN 128

bool report_unseen_is_news(const struct conn *conn)
{
	return (conn->warned & WARNED_UNSEEN) == 0;
}

/* Bytes went past the hooks: said once, before what is said of the connection for another reason. */
static void tell_unseen(struct desk *desk, const struct call *call)
{
	struct evidence *evidence = &desk->evidence;
	struct conn *conn = call->conn;
	enum surface surface = evidence->surface;
	bool found = evidence->unseen_in > 0 || evidence->unseen_out > 0;
	if (!found || !report_unseen_is_news(conn) || !log_wants(LOG_RESETS)) {
		return;
	}
	if (surface == SURFACE_PASSING && (conn->warned & WARNED_SUSPECTED) == 0) {
		conn->warned |= WARNED_SUSPECTED;
		return;
	}
	conn->warned |= WARNED_UNSEEN;
	/* Who else has a socket that came from elsewhere is not known. */
	enum sure sure = evidence->learned ? SURE_LIKELY : SURE_CERTAIN;
	desk->verdict = (struct verdict){.cause = CAUSE_BLIND_SPOT, .sure = sure};
	evidence->surface = SURFACE_PASSING;
	struct text why = text_in(desk->why, sizeof desk->why);
	why_sentence(evidence, &desk->verdict, &why);
	send_verdict(desk, call);
	evidence->surface = surface;
}

static void judge_passing(struct desk *desk, struct call *call, int64_t stale_ms)
{
	struct evidence *evidence = &desk->evidence;
	memset(evidence, 0, sizeof *evidence);
	evidence->op = call->op;
	evidence->surface = SURFACE_PASSING;
	evidence->stale_ms = stale_ms;
	if (!evidence_collect(evidence, call->conn, call->fd)) {
		return;
	}
	tell_unseen(desk, call);
	if (!why_judge(evidence, &desk->verdict)) {
		return;
	}
	uint8_t bit = warning_bit(desk->verdict.cause);
	if ((call->conn->warned & bit) != 0) {
		return;
	}
	call->conn->warned |= bit;
	evidence_collect_failure(evidence, call->conn, call->fd);
	struct text why = text_in(desk->why, sizeof desk->why);
	why_sentence(evidence, &desk->verdict, &why);
	send_verdict(desk, call);
}

void report_passing(struct call *call, int64_t stale_ms)
{
	struct desk *desk = log_wants(LOG_RESETS) ? scratch_take() : NULL;
	if (desk != NULL) {
		judge_passing(desk, call, stale_ms);
		scratch_give(desk);
	}
}

/* A FIN or RST has come while we looked: what is in CLOSE is not reset by the program's close. */
static bool has_ended_meanwhile(const struct call *call, const struct evidence *evidence)
{
	bool ends = evidence->surface == SURFACE_CLOSE || evidence->surface == SURFACE_EXIT;
	return ends && evidence->has_info && evidence->state != STATE_CLOSE &&
	       evidence_state(call->fd) == STATE_CLOSE;
}

/* Look, and judge by what was seen. False when there is nothing to tell. */
static bool look(struct desk *desk, struct call *call, enum surface surface,
		 enum direction direction)
{
	struct evidence *evidence = &desk->evidence;
	memset(evidence, 0, sizeof *evidence);
	evidence->op = call->op;
	evidence->surface = surface;
	evidence->direction = direction;
	evidence->error = call->error;
	if (!evidence_collect(evidence, call->conn, call->fd)) {
		/* libc closed the number behind our back; it is something else by now. */
		conn_disown(call->conn, call->fd);
		return false;
	}
	if (surface == SURFACE_EOF) {
		call->conn->fin_acked = (uint32_t)evidence->bytes_acked;
		call->conn->unacked_at_fin = evidence->outq != 0;
	}
	tell_unseen(desk, call);
	return why_judge(evidence, &desk->verdict);
}

static enum ending judge(struct desk *desk, struct call *call, enum surface surface,
			 enum direction direction, bool quiet)
{
	struct evidence *evidence = &desk->evidence;
	do {
		if (!look(desk, call, surface, direction)) {
			return ENDING_NONE;
		}
		evidence_collect_failure(evidence, call->conn, call->fd);
	} while (has_ended_meanwhile(call, evidence));
	/* Again, with what the failure's own evidence adds (ICMP, limits, other holders). */
	if (!why_judge(evidence, &desk->verdict)) {
		return ENDING_NONE;
	}
	if (is_worth_telling(call, desk, quiet)) {
		tally_cause(desk->verdict.cause);
		if (log_wants(LOG_RESETS)) {
			struct text why = text_in(desk->why, sizeof desk->why);
			why_sentence(evidence, &desk->verdict, &why);
			send_verdict(desk, call);
		}
	}
	/* Told already why nothing came of it: that the program now gives up is no news. */
	if (evidence->connecting && evidence->state == STATE_SYN_SENT) {
		conn_set(call->conn, CONN_TOLD_ABANDONED);
	}
	if (farewell_is(call->conn, evidence, desk->verdict.cause)) {
		return evidence->fin_arrived ? ENDING_PEER_FIN : ENDING_PEER_RST;
	}
	remember_told(call, evidence, &desk->verdict);
	phrase_remember(evidence->error, &desk->verdict);
	return ending_of(&desk->verdict);
}

/* Was the record of a socket that is gone? Then what the program was told is of another connection. */
static bool was_disowned(const struct call *call, enum surface surface)
{
	bool told =
		surface == SURFACE_RETURN || surface == SURFACE_EOF || surface == SURFACE_SO_ERROR;
	return told && call->op != OP_CONNECT && table_get(call->fd) == SLOT_UNKNOWN;
}

/* Not inline: its frame would lie on every way to the log. */
static NOINLINE enum ending report_learned(const struct call *call, enum surface surface,
					   enum direction direction)
{
	struct call now = *call;
	enum ending ending = ENDING_NONE;
	now.conn = conn_learn(call->fd);
	if (now.conn == NULL || !conn_pin(now.conn, now.fd)) {
		return ENDING_NONE;
	}
	now.generation = atomic_load(&now.conn->generation);
	conn_remember(now.conn, now.op, now.result, now.error, (uint32_t)clock_coarse_ms());
	uint8_t phase = atomic_load_explicit(&now.conn->phase, memory_order_relaxed);
	if (phase == PHASE_OPEN || phase == PHASE_CONNECTING) {
		ending = report(&now, surface, direction, false);
	}
	conn_unpin(now.conn);
	return ending;
}

enum ending report(struct call *call, enum surface surface, enum direction direction, bool quiet)
{
	struct desk *desk = scratch_take();
	if (desk == NULL) {
		return ENDING_NONE;
	}
	enum ending ending = judge(desk, call, surface, direction, quiet);
	scratch_give(desk);
	return was_disowned(call, surface) ? report_learned(call, surface, direction) : ending;
}
