#include "act.h"

#include "../conn/evidence.h"
#include "../rule/active.h"
#include "../sys/clock.h"
#include "abort.h"
#include "filter.h"

static const struct act *const acts[ACTION_COUNT] = {
#define ACTION(symbol, name, value, stage, when, privilege, kind, help)                            \
	[ACTION_##symbol] = &act_##symbol,
#include "actions.def"
#undef ACTION
};

#define BIT_IF(symbol, condition) | ((condition) ? (uint32_t)1 << ACTION_##symbol : 0)

const uint32_t act_readers = 0
#define ACTION(symbol, name, value, stage, when, privilege, kind, help)                            \
	BIT_IF(symbol, (when)&WHEN_READ)
#include "actions.def"
#undef ACTION
	;

const uint32_t act_writers = 0
#define ACTION(symbol, name, value, stage, when, privilege, kind, help)                            \
	BIT_IF(symbol, (when)&WHEN_WRITE)
#include "actions.def"
#undef ACTION
	;

/* A walk over a connection's rules. */
struct walk {
	uint32_t left;
	const struct act *act;
	struct rule *rule;
};

static struct walk walk_rules(const struct call *call)
{
	return (struct walk){.left = call->conn->choice.actions};
}

static bool next_rule(struct walk *walk, const struct call *call)
{
	while (walk->left != 0) {
		enum action action = (enum action)__builtin_ctz(walk->left);
		walk->left &= walk->left - 1;
		walk->act = acts[action];
		walk->rule = rules_get(&call->conn->choice, action);
		if (walk->rule != NULL) {
			return true;
		}
	}
	return false;
}

void act_listening(struct call *call)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->listening != NULL) {
			walk.act->listening(walk.rule, call);
		}
	}
}

bool act_edited(struct call *call)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->edited != NULL && walk.act->edited(walk.rule, call)) {
			return true;
		}
	}
	return false;
}

/* Actions that put a filter on a socket. */
#define FILTERS ((uint32_t)1 << ACTION_DROP | (uint32_t)1 << ACTION_LOSS)

/* It is taken off with the other's, to which it is joined, and to be put on again. */
static void end_joined(struct call *call, enum action action)
{
	struct rule *rule = rules_get(&call->conn->choice, action);
	if (rule != NULL) {
		rule_hold_fire(rule);
	}
}

void act_ended(struct call *call, uint32_t over)
{
	uint32_t acted = call->conn->acted;
	uint32_t joined = (acted & over & FILTERS) != 0 ? acted & FILTERS & ~over : 0;
	for (uint32_t left = acted & over; left != 0; left &= left - 1) {
		const struct act *act = acts[__builtin_ctz(left)];
		if (act->ended != NULL) {
			act->ended(call);
		}
	}
	if (joined != 0) {
		end_joined(call, (enum action)__builtin_ctz(joined));
	}
	atomic_fetch_and(&call->conn->acted, ~(over | joined));
}

void act_replaced(struct call *call)
{
	act_ended(call, UINT32_MAX);
	abort_forget(call->conn);
}

void act_connect(struct call *call, struct act_target *target)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->connect != NULL) {
			walk.act->connect(walk.rule, call, target);
		}
	}
}

void act_connected(struct call *call, struct act_target *target)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->connected != NULL) {
			walk.act->connected(walk.rule, call, target);
		}
	}
}

void act_opened(struct call *call)
{
	if (conn_is(call->conn, CONN_FILTERED) && (call->conn->acted & FILTERS) == 0) {
		/* Of the listener, whose handshakes it was for, or of what this one renews. */
		filter_take_off(call);
	}
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->opened != NULL) {
			walk.act->opened(walk.rule, call);
		}
	}
}

void act_shutdown(struct call *call)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->shutdown != NULL) {
			walk.act->shutdown(walk.rule, call);
		}
	}
}

static const struct act_observer *observer;

void act_observe(const struct act_observer *from_above)
{
	observer = from_above;
}

void act_died(struct call *call)
{
	if (observer != NULL) {
		observer->died(call);
	}
}

void act_renewed(struct call *call)
{
	if (observer != NULL) {
		observer->renewed(call);
	}
}

/* Actions that leave the bytes of a descriptor alone, whatever it has become. */
#define HARMLESS                                                                                   \
	((uint32_t)1 << ACTION_RETRY | (uint32_t)1 << ACTION_IDEMPOTENT |                          \
	 (uint32_t)1 << ACTION_ERRNO)

/* A number that was closed unseen may be a file by now, and its bytes are no business of a rule. */
static bool is_connection(struct call *call)
{
	if ((call->conn->choice.actions & ~HARMLESS) == 0 ||
	    evidence_state(call->fd) != STATE_UNKNOWN) {
		return true;
	}
	conn_disown(call->conn, call->fd);
	return false;
}

/* Another thread may close the descriptor meanwhile: what is told is of the connection that was. */
static bool held(struct call *call, bool (*ask)(struct call *call))
{
	if (!conn_hold(call->conn, call->generation)) {
		return false;
	}
	bool answered = ask(call);
	conn_unpin(call->conn);
	return answered;
}

static bool any_read(struct call *call)
{
	if (!is_connection(call)) {
		return false;
	}
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->read != NULL && walk.act->read(walk.rule, call)) {
			return true;
		}
	}
	return false;
}

/* What the error queue gives, and what is urgent, is no part of the stream. */
#define ELSEWHERE (MSG_ERRQUEUE | MSG_OOB)

bool act_read(struct call *call)
{
	return (call->flags & ELSEWHERE) == 0 && held(call, any_read);
}

static bool any_write(struct call *call)
{
	if (!is_connection(call)) {
		return false;
	}
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->write != NULL && walk.act->write(walk.rule, call)) {
			return true;
		}
	}
	return false;
}

bool act_write(struct call *call)
{
	return held(call, any_write);
}

static bool any_again(struct call *call)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->again != NULL && walk.act->again(walk.rule, call)) {
			return true;
		}
	}
	return false;
}

bool act_again(struct call *call)
{
	return held(call, any_again);
}

static bool any_took_error(struct call *call)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->took_error != NULL && walk.act->took_error(walk.rule, call)) {
			return true;
		}
	}
	return false;
}

bool act_took_error(struct call *call)
{
	return held(call, any_took_error);
}

enum act_end act_close(struct call *call)
{
	enum act_end end = ACT_END_SAME;
	for (struct walk walk = walk_rules(call); end == ACT_END_SAME && next_rule(&walk, call);) {
		if (walk.act->close != NULL) {
			end = walk.act->close(walk.rule, call);
		}
	}
	return end;
}

bool act_set_linger(struct call *call, const struct linger *linger)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->set_linger != NULL && walk.act->set_linger(walk.rule, call, linger)) {
			return true;
		}
	}
	return false;
}

void act_failed(struct call *call)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->failed != NULL) {
			walk.act->failed(walk.rule, call);
		}
	}
}

int act_error(struct call *call, int error)
{
	for (struct walk walk = walk_rules(call); next_rule(&walk, call);) {
		if (walk.act->error != NULL) {
			return walk.act->error(walk.rule, call, error);
		}
	}
	return error;
}

bool act_fires(struct rule *rule, struct call *call, unsigned when, bool *first)
{
	struct conn *conn = call->conn;
	uint32_t bit = (uint32_t)1 << rule->action;
	*first = (conn->acted & bit) == 0;
	if (!*first) {
		return true;
	}
	struct rule_moment moment = {
		.when = when,
		.bytes = atomic_load_explicit(&conn->bytes_in, memory_order_relaxed) +
			 atomic_load_explicit(&conn->bytes_out, memory_order_relaxed),
		.age_ms = (uint32_t)clock_coarse_ms() - conn->open_ms,
		.head = conn->head,
		.head_length = conn->head_length,
	};
	if (!rule_ready(rule, &moment) || !rule_fire(rule)) {
		return false;
	}
	*first = (atomic_fetch_or(&conn->acted, bit) & bit) == 0;
	if (!*first) {
		/* Another thread's call was faster. */
		rule_hold_fire(rule);
	}
	return true;
}
