#include "judge.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include "../../conn/evidence.h"
#include "../../sys/clock.h"
#include "../../sys/raw.h"
#include "../abort.h"

uint32_t judge_tries(const struct rule *rule)
{
	uint64_t tries = rule->has_value ? rule->value.count : 1;
	return tries > UINT32_MAX ? UINT32_MAX : (uint32_t)tries;
}

bool judge_is_reset(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

static bool is_ready(const struct call *call, const struct rule *rule, unsigned when,
		     const char *head, size_t head_length)
{
	const struct conn *conn = call->conn;
	struct rule_moment moment = {
		.when = when,
		.bytes = atomic_load_explicit(&conn->bytes_in, memory_order_relaxed) +
			 atomic_load_explicit(&conn->bytes_out, memory_order_relaxed),
		.age_ms = (uint32_t)clock_coarse_ms() - conn->open_ms,
		.head = head,
		.head_length = head_length,
	};
	return rule_ready(rule, &moment);
}

bool judge_moment(const struct session *session, const struct call *call, const struct rule *rule,
		  unsigned when)
{
	return is_ready(call, rule, when, session->sent.bytes, session->sent.length);
}

bool judge_moment_before(const struct call *call, const struct rule *rule)
{
	const struct conn *conn = call->conn;
	return is_ready(call, rule, WHEN_WRITE, conn->head,
			conn->head_ahead ? conn->head_length : 0);
}

static bool is_marked_by_hand(const struct session *session, const struct call *call,
			      const struct rule *idempotent)
{
	return conn_is(call->conn, CONN_IDEMPOTENT) ||
	       (idempotent != NULL && (session->marked || rule_may_fire(idempotent)) &&
		judge_moment(session, call, idempotent, WHEN_WRITE));
}

static bool will_be_marked_by_hand(const struct call *call, const struct rule *idempotent)
{
	return conn_is(call->conn, CONN_IDEMPOTENT) ||
	       (idempotent != NULL && rule_may_fire(idempotent) &&
		judge_moment_before(call, idempotent));
}

/* The request as far as it was kept. */
struct asked {
	struct http_request request;
	enum http_reading reading;
	bool marked; /* by hand */
};

static struct asked ask(const struct session *session)
{
	struct asked asked = {.marked = false};
	asked.reading =
		http_request_read(session->sent.bytes, session->sent.length, &asked.request);
	return asked;
}

/* By its method, or its header. */
static bool is_marked_itself(const struct asked *asked)
{
	const struct http_request *request = &asked->request;
	return request->has_head && asked->reading != HTTP_FOREIGN &&
	       (request->idempotent || request->has_key);
}

bool judge_needs_mark(const struct session *session, const struct call *call)
{
	struct asked asked = ask(session);
	return !conn_is(call->conn, CONN_IDEMPOTENT) && !is_marked_itself(&asked);
}

/* 1: is it marked? */
static enum reason judge_mark(const struct session *session, const struct asked *asked)
{
	const struct http_request *request = &asked->request;
	if (asked->marked || is_marked_itself(asked)) {
		return REASON_NONE;
	}
	if (asked->reading != HTTP_PARTIAL || request->has_head) {
		return REASON_UNMARKED;
	}
	/* What was not kept may have completed it. */
	return (enum reason)session->unkept ?: (enum reason)session->barred ?: REASON_PARTIAL_HEAD;
}

/* 2: is the connection ours alone? */
static enum reason judge_owner(const struct call *call)
{
	if (call->conn->side != SIDE_CLIENT || conn_is(call->conn, CONN_LEARNED)) {
		return REASON_NOT_OURS;
	}
	return conn_holding(call->conn) == HOLDING_ALONE ? REASON_NONE : REASON_SHARED;
}

/* 3: is it a reset? */
static enum reason judge_failure(const struct session *session, const struct call *call, int error)
{
	if (conn_is(call->conn, CONN_SHUT_READ | CONN_SHUT_WRITE)) {
		return REASON_SHUT;
	}
	if (error == 0) {
		return session->answers > 0 ? REASON_NONE : REASON_FIRST_EOF;
	}
	return judge_is_reset(error) ? REASON_NONE : REASON_NO_RESET;
}

/* 4 and, from the kernel's own counts, 5. */
static enum reason judge_bytes(const struct session *session, const struct call *call)
{
	struct stream_counts counts;
	int queued = 0;
	if (session->exchange == EXCHANGE_RESPONSE) {
		return REASON_DELIVERED;
	}
	raw_ioctl(call->fd, SIOCINQ, &queued);
	if (queued > 0 || abort_holds(call->conn)) {
		return REASON_WAITING;
	}
	if (session->unkept != REASON_NONE) {
		return (enum reason)session->unkept;
	}
	bool counted = evidence_stream(call->fd, &counts);
	/* Not the connection's own counts: another thread's call may be over and not counted yet. */
	bool unseen = counted &&
		      (counts.sent > session->bytes_out || counts.received > session->bytes_in);
	return unseen || conn_is(call->conn, CONN_UNSEEN) ? REASON_UNSEEN : REASON_NONE;
}

/* 6: is it alone under way, and as good on any other connection? */
static enum reason judge_strictness(const struct session *session, const struct asked *asked)
{
	if (asked->reading == HTTP_MORE) {
		return REASON_PIPELINED;
	}
	/* What came before HTTP (SOCKS, a tunnel's greeting) says whom it is for. */
	return asked->request.binds || (session->foreign && !asked->marked) ? REASON_STATEFUL
									    : REASON_NONE;
}

/* 7, but for what only a new connection tells. */
static enum reason judge_budget(const struct session *session, const struct rule *rule)
{
	return session->tries >= judge_tries(rule) ? REASON_TRIES : REASON_NONE;
}

enum reason judge_retry(const struct session *session, const struct call *call, int error,
			const struct rule *rule, const struct rule *idempotent)
{
	struct asked asked = ask(session);
	asked.marked = is_marked_by_hand(session, call, idempotent);
	/* Where nothing was kept there is nothing to ask whether it was marked. */
	enum reason barred = (enum reason)session->barred;
	enum reason nothing_kept = barred != REASON_THREADS ? barred : REASON_NONE;
	return nothing_kept ?: judge_mark(session, &asked)
	       ?: judge_owner(call)
	       ?: barred
	       ?: judge_failure(session, call, error)
	       ?: judge_bytes(session, call)
	       ?: judge_strictness(session, &asked)
	       ?: judge_budget(session, rule);
}

bool judge_renewal(const struct session *session, const struct call *call,
		   const struct rule *idempotent)
{
	int queued = 0;
	bool fresh =
		atomic_load(&call->conn->bytes_out) == 0 && atomic_load(&call->conn->bytes_in) == 0;
	if ((session->answers == 0 && !fresh) || session->barred != REASON_NONE ||
	    conn_is(call->conn, CONN_PEER_FIN | CONN_SHUT_READ | CONN_SHUT_WRITE) ||
	    judge_owner(call) != REASON_NONE) {
		return false;
	}
	bool between = session->exchange == EXCHANGE_NONE ||
		       (session->exchange == EXCHANGE_RESPONSE && !session->http);
	if ((session->foreign || session->exchange != EXCHANGE_NONE) &&
	    !will_be_marked_by_hand(call, idempotent)) {
		return false;
	}
	raw_ioctl(call->fd, SIOCINQ, &queued);
	return between && queued == 0 && !abort_holds(call->conn);
}
