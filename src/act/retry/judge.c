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

bool judge_moment(const struct session *session, const struct call *call, const struct rule *rule)
{
	const struct conn *conn = call->conn;
	struct rule_moment moment = {
		.when = rule->when,
		.bytes = atomic_load_explicit(&conn->bytes_in, memory_order_relaxed) +
			 atomic_load_explicit(&conn->bytes_out, memory_order_relaxed),
		.age_ms = (uint32_t)clock_coarse_ms() - conn->open_ms,
		.head = session->sent.bytes,
		.head_length = session->sent.length,
	};
	return rule_ready(rule, &moment);
}

static bool is_marked_by_hand(const struct session *session, const struct call *call,
			      const struct rule *idempotent)
{
	return call->conn->idempotent ||
	       (idempotent != NULL && judge_moment(session, call, idempotent));
}

/* 1: is it marked? And 6, as far as the request itself tells. */
static enum reason judge_request(const struct session *session, bool marked, enum reason *strict)
{
	struct http_request request;
	enum http_reading reading =
		http_request_read(session->sent.bytes, session->sent.length, &request);
	*strict = REASON_NONE;
	if (reading == HTTP_MORE) {
		*strict = REASON_PIPELINED;
	} else if (request.binds || (session->foreign && !marked)) {
		/* What came before HTTP (SOCKS, a tunnel's greeting) says whom it is for. */
		*strict = REASON_STATEFUL;
	}
	if (marked || (request.has_head && reading != HTTP_FOREIGN &&
		       (request.idempotent || request.has_key))) {
		return REASON_NONE;
	}
	return reading == HTTP_PARTIAL && !request.has_head ? REASON_PARTIAL_HEAD : REASON_UNMARKED;
}

/* 2: is the connection ours alone? */
static enum reason judge_owner(const struct call *call)
{
	if (call->conn->side != SIDE_CLIENT || call->conn->learned) {
		return REASON_NOT_OURS;
	}
	return conn_holding(call->conn) == HOLDING_ALONE ? REASON_NONE : REASON_SHARED;
}

/* 3: is it a reset? */
static enum reason judge_failure(const struct session *session, const struct call *call,
				 const struct failure *failure)
{
	if (call->conn->shut_read || call->conn->shut_write) {
		return REASON_SHUT;
	}
	if (failure->error == 0) {
		return session->answers > 0 ? REASON_NONE : REASON_FIRST_EOF;
	}
	return failure->error == ECONNRESET || failure->error == EPIPE ? REASON_NONE
								       : REASON_NO_RESET;
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
	bool unseen = counted && (counts.sent > atomic_load(&call->conn->bytes_out) ||
				  counts.received > atomic_load(&call->conn->bytes_in));
	return unseen || call->conn->unseen ? REASON_UNSEEN : REASON_NONE;
}

enum reason judge_retry(const struct session *session, const struct call *call,
			const struct failure *failure, const struct rule *rule,
			const struct rule *idempotent)
{
	enum reason strict;
	enum reason reason =
		judge_request(session, is_marked_by_hand(session, call, idempotent), &strict);
	if (session->barred != REASON_NONE && session->barred != REASON_THREADS) {
		/* Nothing was kept, so that there is nothing to ask whether it was marked. */
		return (enum reason)session->barred;
	}
	if (reason == REASON_PARTIAL_HEAD && session->unkept != REASON_NONE) {
		/* It may have been complete. */
		return (enum reason)session->unkept;
	}
	if (reason == REASON_NONE) {
		reason = judge_owner(call);
	}
	if (reason == REASON_NONE) {
		reason = (enum reason)session->barred;
	}
	if (reason == REASON_NONE) {
		reason = judge_failure(session, call, failure);
	}
	if (reason == REASON_NONE) {
		reason = judge_bytes(session, call);
	}
	if (reason == REASON_NONE) {
		reason = strict;
	}
	if (reason == REASON_NONE && session->tries >= judge_tries(rule)) {
		reason = REASON_TRIES;
	}
	return reason;
}

bool judge_renewal(const struct session *session, const struct call *call,
		   const struct rule *idempotent)
{
	int queued = 0;
	bool fresh =
		atomic_load(&call->conn->bytes_out) == 0 && atomic_load(&call->conn->bytes_in) == 0;
	if ((session->answers == 0 && !fresh) || session->barred != REASON_NONE ||
	    call->conn->peer_fin || call->conn->shut_read || call->conn->shut_write ||
	    judge_owner(call) != REASON_NONE) {
		return false;
	}
	bool between = session->exchange == EXCHANGE_NONE ||
		       (session->exchange == EXCHANGE_RESPONSE && !session->http);
	if ((session->foreign || session->exchange != EXCHANGE_NONE) &&
	    !is_marked_by_hand(session, call, idempotent)) {
		return false;
	}
	raw_ioctl(call->fd, SIOCINQ, &queued);
	return between && queued == 0 && !abort_holds(call->conn);
}
