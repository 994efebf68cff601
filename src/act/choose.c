/* A connection's rules are chosen: when it begins, when it is open, and after an edit. */
#include "../rule/active.h"
#include "../sys/raw.h"
#include "act.h"

/* How often the processor is given away while another thread chooses a connection's rules. */
#define CHOOSE_TURNS 100

static uint32_t generation_of(const struct rules *set)
{
	return set != NULL ? set->generation : 0;
}

static bool is_outdated(const struct conn *conn, const struct rules *set)
{
	return choice_generation(&conn->choice) != generation_of(set);
}

/* Those in force, unless an edit has to wait. */
static struct rules *rules_for(struct call *call)
{
	struct conn *conn = call->conn;
	struct rules *set = rules_now();
	return is_outdated(conn, set) && act_edited(call)
		       ? rules_of(choice_generation(&conn->choice))
		       : set;
}

/* `past`: what another set gave it at this stage; NULL for the first time. */
static void choose(struct call *call, struct rules *set, enum stage stage,
		   const struct rule_past *past)
{
	struct conn *conn = call->conn;
	if (set == NULL || !set->has_stage[stage]) {
		conn_stir(conn);
		return;
	}
	if (set->has_at) {
		conn_learn_local(conn, call->fd);
	}
	struct addr local = conn_local(conn);
	struct addr peer = conn_peer(conn);
	struct rule_subject subject = {
		.side = (enum side)conn->side,
		.local = &local,
		.peer = &peer,
	};
	rule_match_again(set, stage, &subject, rules_seed(), past, &conn->choice);
	struct rule *lost =
		stage == STAGE_CONNECT ? rule_without_at(set, &subject, &conn->choice) : NULL;
	if (lost != NULL) {
		act_refuse(lost, call, false,
			   "at= has nothing to compare with: before connect a socket has an "
			   "address of its own only when the program has bound it");
	}
	conn_stir(conn);
}

/* An edit that leaves a rule leaves it its counters. */
static bool is_same(const struct rule *one, const struct rule *other)
{
	return one != NULL && other != NULL && one->counters == other->counters;
}

/* What has fired here and goes on has no need to fire again. A request is not retried by halves. */
static uint32_t find_over(const struct rule_choice *before, const struct rule_choice *now)
{
	uint32_t over = UINT32_MAX;
	for (unsigned action = 0; action < ACTION_COUNT; action++) {
		if (action != ACTION_RETRY && is_same(rules_get(before, (enum action)action),
						      rules_get(now, (enum action)action))) {
			over &= ~((uint32_t)1 << action);
		}
	}
	return over;
}

/* `again`: it has passed this stage, whatever rules there were. */
static void match(struct call *call, enum stage stage, bool again)
{
	struct rules *set = rules_for(call);
	struct conn *conn = call->conn;
	if (!is_outdated(conn, set)) {
		choose(call, set, stage, NULL);
		return;
	}
	struct rule_choice before = conn->choice;
	struct rule_past past = {rules_of(choice_generation(&before)), &before};
	choice_reset(&conn->choice, generation_of(set));
	choose(call, set, stage, again && past.set != NULL ? &past : NULL);
	act_ended(call, find_over(&before, &conn->choice));
}

/* One thread at a time chooses a connection's rules, so that each match is counted once. */
static bool begin_choosing(struct conn *conn)
{
	return conn_set(conn, CONN_CHOOSING);
}

static void end_choosing(struct conn *conn)
{
	conn_clear(conn, CONN_CHOOSING);
}

void act_match(struct call *call, enum stage stage)
{
	if (rules_now() == NULL && !is_outdated(call->conn, NULL)) {
		/* There is nothing to choose from. */
		conn_stir(call->conn);
		return;
	}
	/* A thread that was left in the middle by a long jump, or by fork, is not waited for. */
	for (int turn = 0; turn < CHOOSE_TURNS && !begin_choosing(call->conn); turn++) {
		raw0(SYS_sched_yield);
	}
	match(call, stage, false);
	end_choosing(call->conn);
}

static void match_again(struct call *call)
{
	switch (atomic_load_explicit(&call->conn->phase, memory_order_relaxed)) {
	case PHASE_OPEN:
		match(call, STAGE_OPEN, true);
		act_opened(call);
		break;
	case PHASE_LISTENING:
		match(call, STAGE_LISTEN, true);
		act_listening(call);
		break;
	case PHASE_CONNECTING:
		/* An accepted connection is about to be open: it was never asked for here. */
		if (call->conn->side == SIDE_CLIENT) {
			match(call, STAGE_CONNECT, true);
		}
		break;
	default:
		break;
	}
}

void act_rematch(struct call *call)
{
	struct conn *conn = call->conn;
	if (!is_outdated(conn, rules_now()) || !conn_hold(conn, call->generation)) {
		return;
	}
	if (begin_choosing(conn)) {
		if (is_outdated(conn, rules_for(call))) {
			match_again(call);
		}
		end_choosing(conn);
	}
	conn_unpin(conn);
}
