#include "flow.h"

#include "../act/chores.h"
#include "../conn/evidence.h"
#include "../log/log.h"
#include "../sys/sandbox.h"
#include "doze.h"
#include "pieces.h"
#include "report.h"
#include "tally.h"

_Atomic bool flow_watches;
_Atomic bool flow_keeps_heads;
_Atomic uint32_t flow_calm = 1;

__thread bool flow_in_vfork_child __attribute__((tls_model("initial-exec")));
__thread bool flow_child_is_sandboxed __attribute__((tls_model("initial-exec")));

/* The rules have been edited: every connection gets those that are its own now. */
static void rematch_all(void)
{
	flow_rules_changed();
	for (int fd = table_next(0, INT32_MAX); fd >= 0; fd = table_next(fd + 1, INT32_MAX)) {
		struct conn *conn = conn_known(fd);
		if (conn != NULL && conn_pin(conn, fd)) {
			struct call call = {
				.conn = conn,
				.generation = atomic_load(&conn->generation),
				.op = OP_NONE,
				.fd = fd,
			};
			act_rematch(&call);
			conn_unpin(conn);
		}
	}
}

static void look_at_rules(void)
{
	struct rule_error error;
	switch (rules_look((uint32_t)clock_coarse_ms(), &error)) {
	case RULES_REFUSED:
		report_rules_refused(&error);
		break;
	case RULES_CHANGED:
		rematch_all();
		break;
	case RULES_SAME:
		break;
	}
}

void flow_rules_changed(void)
{
	const struct rules *set = rules_now();
	flow_keeps_heads = set != NULL && set->has_starts;
	flow_watches = rules_watched || log_level >= LOG_CALLS;
	atomic_fetch_add(&flow_calm, 1);
}

void flow_keep_head(struct conn *conn, enum direction direction, const struct iovec *pieces,
		    size_t count, size_t size)
{
	char head[CONN_HEAD_SIZE];
	size_t got = pieces_copy(head, pieces, count, size < sizeof head ? size : sizeof head);
	if (got > 0) {
		conn_remember_head(conn, direction, head, got);
	}
}

/*
 * A non-blocking connect may have succeeded since, and programs write to see whether it has: a rule
 * that is about this call must be chosen before.
 */
static void choose_before_bytes(struct call *call)
{
	if (rules_now() != NULL && op_direction(call->op) != DIRECTION_NONE &&
	    conn_pin(call->conn, call->fd)) {
		flow_notice_connected(call);
		conn_unpin(call->conn);
	}
}

void flow_begin(struct call *call)
{
	int saved = errno;
	if (rules_watched) {
		look_at_rules();
	}
	act_rematch(call);
	choose_before_bytes(call);
	if (log_wants(LOG_CALLS)) {
		doze_before(call);
		call->began_ns = clock_exact_ns();
	}
	errno = saved;
}

/* Is there anything that a call on it has to do before it is made, or after it has succeeded? */
static bool needs_care(const struct conn *conn)
{
	return rules_watched || flow_keeps_heads || sandbox_closed ||
	       atomic_load_explicit(&conn->phase, memory_order_relaxed) != PHASE_OPEN ||
	       choice_generation(&conn->choice) != atomic_load(&rules_generation) ||
	       (conn->choice.actions & (act_readers | act_writers | act_renumberers)) != 0 ||
	       conn->told_error != 0 || conn_is(conn, CONN_PEER_FIN | CONN_SHUT_WRITE) ||
	       conn_is_unused(conn);
}

/*
 * A call has gone well: the next may go straight through. Another thread may stir the connection at
 * the same time: it says what has happened, then that it is not calm; here it is the other way.
 */
static void settle(struct conn *conn)
{
	uint32_t calm = atomic_load(&flow_calm);
	if (needs_care(conn)) {
		return;
	}
	atomic_store(&conn->calm, calm);
	atomic_thread_fence(memory_order_seq_cst);
	if (needs_care(conn)) {
		conn_stir(conn);
	}
}

static bool is_news(const struct call *call)
{
	if (call->result >= 0) {
		return call->result == 0;
	}
	return error_is_news(call->error) || (call->conn->choice.actions & act_renumberers) != 0;
}

static ssize_t finish(struct call *call, uint32_t now_ms)
{
	struct conn *conn = call->conn;
	conn_remember(conn, call->op, call->result, call->error, now_ms);
	if (watch_is_due(now_ms)) {
		flow_look_around(call, now_ms);
	}
	if (UNLIKELY(is_news(call)) || UNLIKELY(flow_watches) ||
	    UNLIKELY(atomic_load_explicit(&conn->phase, memory_order_relaxed) != PHASE_OPEN)) {
		flow_end(call);
	}
	if (!is_news(call)) {
		settle(conn);
	}
	return call->result;
}

ssize_t call_leave_read(struct call *call, bool moved)
{
	if (UNLIKELY(!conn_same(call->conn, call->generation))) {
		return call->result;
	}
	uint32_t now_ms = clock_recent_ms();
	if (call->result > 0) {
		conn_count32(&call->conn->calls_in);
		if (moved) {
			conn_received(call->conn, (size_t)call->result,
				      call_head(call, call->result), now_ms);
			conn_used(call->conn);
			if ((call->flags & MSG_OOB) != 0) {
				call->conn->urgent_read = true;
			}
		}
	} else if (call->result < 0) {
		call->error = errno;
	}
	return finish(call, now_ms);
}

ssize_t call_leave_write(struct call *call)
{
	if (UNLIKELY(!conn_same(call->conn, call->generation))) {
		return call->result;
	}
	uint32_t now_ms = clock_recent_ms();
	if (call->result > 0) {
		conn_count32(&call->conn->calls_out);
		conn_sent(call->conn, (size_t)call->result, call_head(call, call->result), now_ms);
		conn_used(call->conn);
	} else if (call->result < 0) {
		call->error = errno;
	}
	return finish(call, now_ms);
}

ssize_t call_leave(struct call *call)
{
	if (UNLIKELY(!conn_same(call->conn, call->generation))) {
		return call->result;
	}
	if (call->result < 0 && call->error == 0) {
		call->error = errno;
	}
	uint32_t now_ms = clock_recent_ms();
	conn_remember(call->conn, call->op, call->result, call->error, now_ms);
	if (watch_is_due(now_ms)) {
		flow_look_around(call, now_ms);
	}
	if (UNLIKELY(flow_watches) || UNLIKELY(call->result < 0)) {
		flow_end(call);
	}
	return call->result;
}

void flow_opened(struct call *call)
{
	if (!conn_opened(call->conn)) {
		return;
	}
	act_match(call, STAGE_OPEN);
	act_opened(call);
	if (log_wants(LOG_CONNS)) {
		report_open(call);
	}
	watch_opened(call);
	settle(call->conn);
}

void flow_notice_established(struct call *call)
{
	if (atomic_load_explicit(&call->conn->phase, memory_order_relaxed) != PHASE_CONNECTING) {
		return;
	}
	enum tcp_state_number state = evidence_state(call->fd);
	bool moved = op_direction(call->op) != DIRECTION_NONE && call->result > 0;
	bool ready = call->op == OP_POLL;
	if (sandbox_closed && (moved || ready)) {
		/*
		 * The kernel may not be asked, but this is proof enough. What select shows is none: it
		 * shows a connect that has failed in the same way.
		 */
		state = STATE_ESTABLISHED;
	}
	if (state != STATE_SYN_SENT && state != STATE_SYN_RECV && state != STATE_CLOSE &&
	    state != STATE_UNKNOWN) {
		tally_established(conn_peer(call->conn));
		flow_opened(call);
	}
}

void flow_notice_connected(struct call *call)
{
	/* Its own result says more. */
	if (call->op != OP_CONNECT) {
		flow_notice_established(call);
	}
}

void flow_look_around(struct call *call, uint32_t now_ms)
{
	if (conn_pin(call->conn, call->fd)) {
		int saved = errno;
		watch_look(call->conn, call->fd, now_ms);
		errno = saved;
		conn_unpin(call->conn);
	}
	flow_keep_house(now_ms);
}

void flow_keep_house(uint32_t now_ms)
{
	int saved = errno;
	watch_walk(now_ms);
	if (rules_watched) {
		look_at_rules();
	}
	if (chores_any()) {
		chores_do();
		watch_hurry(now_ms);
	}
	errno = saved;
}

void flow_ready(struct conn *conn, int fd, enum op op)
{
	struct call call;
	if (call_enter(&call, op, conn, fd, 0) && conn_pin(conn, fd)) {
		int saved = errno;
		flow_notice_connected(&call);
		conn_unpin(conn);
		errno = saved;
	}
}
