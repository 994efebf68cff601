/* Events that need no verdict: what opened, what closed, calls, totals, and notices of our own. */
#include "summary.h"

#include <errno.h>
#include "../conn/about.h"
#include "../conn/evidence.h"
#include "../log/call_line.h"
#include "../log/event.h"
#include "../log/log.h"
#include "../rule/active.h"
#include "../sys/clock.h"
#include "../sys/scratch.h"
#include "tally.h"

/* Longest `why` of a notice. */
#define NOTICE_SIZE 1024

/* Too much for a small stack; NULL, which is counted, when the process may not map more memory. */
static char *take_line(void)
{
	char *line = scratch_take();
	if (line == NULL) {
		log_lose();
	}
	return line;
}

void report_open(const struct call *call)
{
	char *line = take_line();
	if (line == NULL) {
		return;
	}
	struct event event;
	const struct conn *conn = call->conn;
	event_begin(&event, EVENT_OPEN, line, EVENT_SMALL);
	event_about(&event, call);
	event_word(&event, KEY_OP, op_word(call->op));
	if (conn->side == SIDE_CLIENT) {
		event_unsigned(&event, KEY_MS, conn->connect_us / 1000);
		event_unsigned(&event, KEY_SYN_RETRANS, evidence_path(call->fd).retransmissions);
	}
	event_send(&event);
	scratch_give(line);
}

static const struct pen_word endings[] = {
	[ENDING_FIN] = PEN_WORD("fin"),           [ENDING_RST] = PEN_WORD("rst"),
	[ENDING_EXIT] = PEN_WORD("exit"),         [ENDING_PEER_FIN] = PEN_WORD("peer-fin"),
	[ENDING_PEER_RST] = PEN_WORD("peer-rst"), [ENDING_TIMEOUT] = PEN_WORD("timeout"),
};

/*
 * What another process may hold too, forked or sent the descriptor, and what was never established, is
 * not ended by our close.
 */
static bool ends_here(const struct conn *conn)
{
	return conn_holding(conn) == HOLDING_ALONE &&
	       atomic_load_explicit(&conn->phase, memory_order_relaxed) == PHASE_OPEN;
}

/* Was it the peer that ended its side first, whether the program has read that end or not? */
static bool peer_was_first(const struct conn *conn, enum tcp_state_number state)
{
	if (conn_is(conn, CONN_SHUT_WRITE)) {
		return conn->peer_first != 0;
	}
	return conn_is(conn, CONN_PEER_FIN) || (state == STATE_CLOSE_WAIT && ends_here(conn));
}

/* Opened by TCP Fast Open, and in no state that is behind the handshake when it is closed. */
static bool was_never_answered(const struct conn *conn, const struct path *path)
{
	bool ended = conn_is(conn, CONN_SHUT_WRITE | CONN_PEER_FIN);
	bool given_up = path->state == STATE_SYN_SENT || conn_is(conn, CONN_TOLD_ABANDONED);
	return conn_is(conn, CONN_EARLY) && (given_up || (path->state == STATE_CLOSE && !ended));
}

/*
 * The RST that the program was told was our own kernel's: a rule's, or for data after its shutdown, which
 * nobody knows once a connect with AF_UNSPEC has begun the counters anew.
 */
static bool was_own_reset(const struct conn *conn, const struct path *path)
{
	bool late = conn_is(conn, CONN_SHUT_READ) && conn_is(conn, CONN_SHUT_WRITE) &&
		    path->state != STATE_UNKNOWN && path->data_segments != conn->shut_data_segs;
	return conn->told_error != ECONNREFUSED &&
	       (conn->injected != 0 || conn_is(conn, CONN_OWN_RESET) || late);
}

/* Where no verdict says it: what the program was told, and what it did. */
static enum ending ending_seen(const struct conn *conn, const struct path *path, bool exiting)
{
	uint8_t phase = atomic_load_explicit(&conn->phase, memory_order_relaxed);
	if (conn->told_error == ECONNRESET || conn->told_error == EPIPE ||
	    conn->told_error == ECONNREFUSED) {
		if (conn_is(conn, CONN_TOLD_ABANDONED) && phase != PHASE_OPEN) {
			return ENDING_UNTOLD;
		}
		return was_own_reset(conn, path) ? ENDING_RST : ENDING_PEER_RST;
	}
	if (conn->told_error == ECONNABORTED) {
		return ENDING_RST;
	}
	/* And an ICMP error, where retransmissions came to their end. */
	if (conn->told_error == ETIMEDOUT || (conn->told_error != 0 && phase == PHASE_OPEN)) {
		return ENDING_TIMEOUT;
	}
	/* The end of file that was read was none: it hid a reset, or came behind one that another was told. */
	if (conn_is(conn, CONN_TOLD_HIDDEN)) {
		return was_own_reset(conn, path) ? ENDING_RST : ENDING_PEER_RST;
	}
	if (peer_was_first(conn, path->state)) {
		return ENDING_PEER_FIN;
	}
	if (was_never_answered(conn, path)) {
		return ENDING_UNTOLD;
	}
	return exiting ? ENDING_EXIT : ENDING_FIN;
}

static bool is_own_end(enum ending ending)
{
	return ending == ENDING_FIN || ending == ENDING_RST || ending == ENDING_EXIT;
}

void report_close(const struct call *call, enum ending ending, struct path path, bool exiting)
{
	char *line = take_line();
	if (line == NULL) {
		return;
	}
	struct event event;
	struct conn *conn = call->conn;
	event_begin(&event, EVENT_CLOSE, line, EVENT_SMALL);
	event_about(&event, call);
	if (ending == ENDING_NONE) {
		ending = ending_seen(conn, &path, exiting);
	}
	if (ending != ENDING_UNTOLD && (ends_here(conn) || !is_own_end(ending))) {
		event_word(&event, KEY_END, &endings[ending]);
	}
	event_number(&event, KEY_MS, conn_age_ms(conn));
	event_unsigned(&event, KEY_BYTES_OUT, atomic_load(&conn->bytes_out));
	event_unsigned(&event, KEY_BYTES_IN, atomic_load(&conn->bytes_in));
	event_unsigned(&event, KEY_CALLS_OUT, atomic_load(&conn->calls_out));
	event_unsigned(&event, KEY_CALLS_IN, atomic_load(&conn->calls_in));
	event_unsigned(&event, KEY_RTT_US, path.rtt_us);
	event_unsigned(&event, KEY_RETRANS, path.retransmissions);
	event_send(&event);
	scratch_give(line);
}

static inline struct call_line line_of(const struct call *call, uint64_t ended_ns, uint64_t now_ns)
{
	return (struct call_line){
		.fd = call->fd,
		.conn = conn_key(call->conn),
		.op = op_word(call->op),
		.moves = op_direction(call->op) != DIRECTION_NONE,
		.asked = call->asked,
		.result = call->result,
		.error = call->error,
		.us = ended_ns > call->began_ns ? (ended_ns - call->began_ns) / 1000 : 0,
		.now_ns = now_ns,
	};
}

/* Inline: its frame would lie below all that a line takes on its way to the log. */
static inline __attribute__((always_inline)) void send_named(const struct call_line *line,
							     const struct conn *conn)
{
	const struct line_ends ends = conn_ends(conn);
	call_line_send(line, &ends);
}

void report_call(const struct call *call)
{
	/* What it met may have been told since it ended: the lines are in the order of their times. */
	uint64_t now_ns = clock_exact_ns();
	struct call_line line =
		line_of(call, call->ended_ns != 0 ? call->ended_ns : now_ns, now_ns);
	if (!call_line_repeat(&line)) {
		send_named(&line, call->conn);
	}
}

void report_calm_call(const struct call *call)
{
	struct call_line line = line_of(call, call->ended_ns, call->ended_ns);
	if (!conn_same(call->conn, call->generation) || call_line_repeat(&line)) {
		return;
	}
	if (conn_pin(call->conn, call->fd)) {
		send_named(&line, call->conn);
		conn_unpin(call->conn);
	}
}

bool report_exit_is_news(void)
{
	/* A rule that never fired is news, too. */
	return log_wants(LOG_CONNS) && (conn_total() > 0 || tally_any() || rules_now() != NULL);
}

void report_exit(void)
{
	char *line = take_line();
	if (line == NULL) {
		return;
	}
	struct event event;
	event_begin(&event, EVENT_EXIT, line, EVENT_LARGE);
	event_unsigned(&event, KEY_CONNECTIONS, conn_total());
	event_list_begin(&event, KEY_ERRORS);
	for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
		if (tally_of((enum cause)cause) > 0) {
			event_list_count(&event, cause_infos[cause].id,
					 tally_of((enum cause)cause));
		}
	}
	event_list_end(&event);
	event_list_begin(&event, KEY_FIRED);
	const struct rules *set = rules_now();
	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		const struct rule *rule = &set->rules[i];
		event_list_count(
			&event, rule->text,
			atomic_load_explicit(&rule->counters->fired, memory_order_relaxed) -
				atomic_load_explicit(&rule->counters->fired_before,
						     memory_order_relaxed));
	}
	event_list_end(&event);
	event_send(&event);
	scratch_give(line);
}

void report_notice(enum cause cause, const char *why)
{
	char *line = log_wants(LOG_RESETS) ? take_line() : NULL;
	if (line == NULL) {
		return;
	}
	struct event event;
	event_begin(&event, EVENT_WARN, line, EVENT_LARGE);
	event_string(&event, KEY_CAUSE, cause_infos[cause].id);
	event_string(&event, KEY_SURE, sure_name(SURE_CERTAIN));
	event_string(&event, KEY_WHY, why);
	event_string(&event, KEY_ADVICE, cause_infos[cause].advice);
	event_send(&event);
	scratch_give(line);
}

void report_rules_refused(const struct rule_error *error)
{
	char *room = take_line();
	if (room == NULL) {
		return;
	}
	struct text text = text_in(room, NOTICE_SIZE);
	rule_error_write(&text, error);
	text_char(&text, '.');
	report_notice(CAUSE_RULES_FILE, room);
	scratch_give(room);
}
