#include "recover.h"

#include <errno.h>
#include "../../conn/evidence.h"
#include "../../rule/active.h"
#include "../../sys/clock.h"
#include "../act.h"
#include "budget.h"
#include "judge.h"
#include "limit.h"
#include "renew.h"
#include "tell.h"

#define NS_PER_MS UINT64_C(1000000)

static struct rule *idempotent_rule(const struct call *call)
{
	return rules_get(&call->conn->choice, ACTION_IDEMPOTENT);
}

void recover_answer(struct call *call, int error)
{
	call->result = error != 0 ? -1 : 0;
	call->error = error;
	if (error != 0) {
		errno = error;
	}
}

bool recover_ends_connection(int error)
{
	switch (error) {
	case ECONNRESET:
	case EPIPE:
	case ETIMEDOUT:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

/* Of a connection that a FIN had ended only writes fail, with EPIPE. */
static int as_told_by(const struct call *call, int owed)
{
	bool writes = op_direction(call->op) == DIRECTION_WRITE;
	return owed == 0 && writes ? EPIPE : owed == EPIPE && !writes ? 0 : owed;
}

void recover_pay(struct session *session, struct call *call)
{
	recover_answer(call, as_told_by(call, session->owed));
	session->owed = 0;
	call->told = true;
}

enum recovery recover_go_on(struct rule *rule, struct session *session, struct call *call)
{
	struct call renewal = *call;
	switch (renew_go_on(session, &renewal, judge_tries(rule),
			    limit_deadline_ns(session, call))) {
	case RENEWED_DONE:
		return RECOVERED;
	case RENEWED_PENDING:
		recover_answer(call, EAGAIN);
		break;
	case RENEWED_INTERRUPTED:
		recover_answer(call, EINTR);
		break;
	case RENEWED_CLOSED:
		recover_answer(call, EBADF);
		call->told = true;
		break;
	case RENEWED_FAILED:
		recover_pay(session, call);
		break;
	}
	return ANSWERED;
}

static enum recovery refuse(const struct session *session, const struct call *call,
			    enum reason reason)
{
	tell_refused(session, call, reason, 0);
	return NOT_RECOVERED;
}

/* It was announced. */
static enum recovery renew(struct rule *rule, struct session *session, struct call *call,
			   bool before_request)
{
	renew_begin(session, call, before_request);
	return recover_go_on(rule, session, call);
}

enum recovery recover_stale(struct rule *rule, struct session *session, struct call *call)
{
	if (session->answers == 0 || session->exchange == EXCHANGE_REQUEST ||
	    session->barred != REASON_NONE) {
		return NOT_RECOVERED;
	}
	/* Asked for more only where it has ended: then nothing more comes in while it is judged. */
	enum tcp_state_number state = evidence_state(call->fd);
	bool ended = state == STATE_CLOSE_WAIT || state == STATE_CLOSE;
	return ended && judge_moment_before(call, rule) &&
			       judge_renewal(session, call, idempotent_rule(call)) &&
			       renew_announce(session, call)
		       ? renew(rule, session, call, true)
		       : NOT_RECOVERED;
}

/* An end of file takes nothing from a program that has its answer, or that cannot be followed. */
static bool is_ordinary_end(const struct session *session, int error)
{
	return error == 0 &&
	       (session->exchange != EXCHANGE_REQUEST || session->barred != REASON_NONE);
}

/*
 * Reset before it has ever been written to, as by a listener whose queue overflows: the server may
 * do so each time, so that it counts as a try.
 */
static enum recovery renew_fresh(struct rule *rule, struct session *session, struct call *call)
{
	if (session->tries >= judge_tries(rule)) {
		return refuse(session, call, REASON_TRIES);
	}
	/* Where another thread was faster, nothing was sent, and there is nothing to refuse. */
	if (!renew_announce(session, call)) {
		return NOT_RECOVERED;
	}
	struct addr peer = conn_peer(call->conn);
	if (!budget_take(&peer, clock_exact_ns() / NS_PER_MS)) {
		renew_withdraw(session);
		return refuse(session, call, REASON_TOKENS);
	}
	return renew(rule, session, call, true);
}

/* Nothing of this request was sent. */
static enum recovery recover_before_request(struct rule *rule, struct session *session,
					    struct call *call, int error)
{
	if (!judge_is_reset(error) || !judge_renewal(session, call, idempotent_rule(call))) {
		return NOT_RECOVERED;
	}
	if (session->answers == 0) {
		return renew_fresh(rule, session, call);
	}
	return renew_announce(session, call) ? renew(rule, session, call, true) : NOT_RECOVERED;
}

/* Once for each request that it lets be sent again. Another thread may have taken its mark since. */
static bool fire_mark(struct session *session, const struct call *call, struct rule *idempotent)
{
	if (!session->marked && judge_needs_mark(session, call)) {
		session->marked = idempotent != NULL && rule_fire(idempotent);
		return session->marked;
	}
	return true;
}

/* Announce it, then take what it costs: what is refused in the last moment costs nothing. */
static enum reason begin(struct session *session, const struct call *call, struct rule *idempotent)
{
	if (!renew_announce(session, call)) {
		/* Another thread was faster. */
		return (enum reason)session->barred;
	}
	struct addr peer = conn_peer(call->conn);
	enum reason reason = REASON_NONE;
	if (!budget_take(&peer, clock_exact_ns() / NS_PER_MS)) {
		reason = REASON_TOKENS;
	} else if (!fire_mark(session, call, idempotent)) {
		budget_give(&peer);
		reason = REASON_UNMARKED;
	}
	if (reason != REASON_NONE) {
		renew_withdraw(session);
	}
	return reason;
}

static enum recovery recover_request(struct rule *rule, struct session *session, struct call *call,
				     int error)
{
	struct rule *idempotent = idempotent_rule(call);
	bool fires = session->tries == 0;
	enum reason reason = judge_retry(session, call, error, rule, idempotent);
	if (reason != REASON_NONE) {
		return refuse(session, call, reason);
	}
	if (fires && !rule_fire(rule)) {
		return NOT_RECOVERED;
	}
	reason = begin(session, call, idempotent);
	if (reason == REASON_NONE) {
		return renew(rule, session, call, false);
	}
	if (fires) {
		rule_hold_fire(rule);
	}
	return refuse(session, call, reason);
}

static enum recovery recover_if_due(struct rule *rule, struct session *session, struct call *call,
				    bool writing)
{
	int error = call->result < 0 ? call->error : 0;
	bool begins = writing && (session->exchange == EXCHANGE_NONE ||
				  (session->exchange == EXCHANGE_RESPONSE && !session->http));
	/* Of two threads only one is followed: what the other one wrote was perhaps a request. */
	bool asked = session->exchange != EXCHANGE_NONE || session->barred == REASON_THREADS;
	bool due = begins ? judge_moment_before(call, rule)
			  : judge_moment(session, call, rule, writing ? WHEN_WRITE : WHEN_READ);
	if (session->over || (!asked && !begins) || is_ordinary_end(session, error) || !due) {
		return NOT_RECOVERED;
	}
	return begins ? recover_before_request(rule, session, call, error)
		      : recover_request(rule, session, call, error);
}

enum recovery recover(struct rule *rule, struct session *session, struct call *call, bool writing)
{
	enum recovery recovery = recover_if_due(rule, session, call, writing);
	if (recovery == NOT_RECOVERED) {
		/* The program is told of the end: no other call of it goes on over another connection. */
		session->over = true;
	}
	return recovery;
}
