#include "rule.h"
#include "../sys/random.h"
#include "../sys/units.h"

_Static_assert(RULES_MAX <= UINT16_MAX, "a connection remembers a rule by a 16-bit number");
_Static_assert(CHOICE_MAX <= 32, "an action is a bit of rule_choice's actions");

enum stage rule_stage(const struct rule *rule)
{
	if (rule->action != ACTION_DROP) {
		enum stage stage = action_infos[rule->action].stage;
		return stage == STAGE_EITHER ? STAGE_OPEN : stage;
	}
	switch (rule->value.segment) {
	case SEGMENT_SYN:
	case SEGMENT_ACK:
		return STAGE_LISTEN;
	case SEGMENT_SYNACK:
		return STAGE_CONNECT;
	default:
		return STAGE_OPEN;
	}
}

/* Is this the stage for the rule? Those of STAGE_EITHER are counted and drawn at one of the two. */
static bool is_due(const struct rules *set, const struct rule *rule, enum stage stage,
		   const struct rule_choice *choice)
{
	if (action_infos[rule->action].stage != STAGE_EITHER) {
		return rule_stage(rule) == stage;
	}
	return stage == STAGE_CONNECT ? set->matches_early : stage == STAGE_OPEN && !choice->early;
}

/*
 * A listener has no peer yet: what is left to select is left to its filter. A rule for clients is
 * refused where it is read.
 */
static bool selects_listener(const struct rule *rule, const struct rule_subject *subject)
{
	return !rule->wrong_program && rule->probability != 0 &&
	       (!rule->has_at || addr_in_range(subject->local, &rule->at));
}

static bool selects_but_for_at(const struct rule *rule, const struct rule_subject *subject)
{
	return !rule->wrong_program &&
	       (rule->side == SIDE_UNKNOWN || rule->side == subject->side) &&
	       (!rule->has_to || addr_in_range(subject->peer, &rule->to));
}

static bool selects(const struct rule *rule, const struct rule_subject *subject)
{
	return selects_but_for_at(rule, subject) &&
	       (!rule->has_at || addr_in_range(subject->local, &rule->at));
}

struct rule *rule_without_at(struct rules *set, const struct rule_subject *subject,
			     const struct rule_choice *choice)
{
	bool bound = subject->local->family != 0 && !addr_is_any(subject->local);
	for (uint32_t i = 0; set->has_at && !bound && i < set->count; i++) {
		struct rule *rule = &set->rules[i];
		if (rule->has_at && rule_stage(rule) == STAGE_CONNECT &&
		    choice_number(choice, rule->action) == 0 && selects_but_for_at(rule, subject)) {
			return rule;
		}
	}
	return NULL;
}

/* What is certain needs no draw; 0 and 100 % stay true whatever the generator gives. */
static bool draw_chance(struct rule *rule, uint64_t number, uint64_t seed)
{
	if (rule->probability == 0 || rule->probability >= PROBABILITY_ONE) {
		return rule->probability != 0;
	}
	uint64_t index = atomic_fetch_add_explicit(&rule->counters->drawn, 1, memory_order_relaxed);
	uint64_t millionth = (random_at(seed, number, index) >> 32) * PROBABILITY_ONE >> 32;
	return millionth < rule->probability;
}

static bool count_admits(struct rule *rule)
{
	uint64_t nth =
		atomic_fetch_add_explicit(&rule->counters->matched, 1, memory_order_relaxed) + 1;
	return nth >= rule->conn_first && nth <= rule->conn_last &&
	       (nth - rule->conn_first) % rule->conn_step == 0;
}

enum outcome { UNKNOWN, REFUSED, CHOSEN };

/* Rules before the winner were refused; of those behind it nobody remembers what came out. */
static enum outcome outcome_before(const struct rule_past *past, const struct rule *rule)
{
	uint16_t winner = choice_number(past->choice, rule->action);
	for (uint32_t i = 0; i < past->set->count; i++) {
		if (past->set->rules[i].counters == rule->counters) {
			return winner == 0 || i + 1 < winner ? REFUSED
			       : i + 1 == winner             ? CHOSEN
							     : UNKNOWN;
		}
	}
	return UNKNOWN;
}

static bool is_one_of_many(const struct rule *rule)
{
	return rule->probability < PROBABILITY_ONE || rule->conn_first != 1 ||
	       rule->conn_last != UINT64_MAX || rule->conn_step != 1;
}

static bool applies(struct rule *rule, uint32_t number, enum stage stage,
		    const struct rule_subject *subject, uint64_t seed, const struct rule_past *past)
{
	if (stage == STAGE_LISTEN) {
		return selects_listener(rule, subject);
	}
	if (past != NULL && is_one_of_many(rule)) {
		enum outcome before = outcome_before(past, rule);
		if (before != UNKNOWN) {
			return before == CHOSEN;
		}
	}
	/* Every rule is drawn and counted, also behind a winner: see rule.h. */
	return selects(rule, subject) && draw_chance(rule, number, seed) && count_admits(rule);
}

/*
 * The program takes a renewed connection for the same: it is retried as it was, whatever conn= and
 * prob= would say of another one. And not even for a moment is the rule away, for in that moment
 * another thread's bytes would overtake the request that is sent again.
 */
static bool outlasts_renewal(unsigned action)
{
	return action == ACTION_RETRY || action == ACTION_IDEMPOTENT;
}

/* Forget the stage's rules; all of them when they are numbers of another set. */
static void clear_choice(const struct rules *set, enum stage stage, struct rule_choice *choice)
{
	if (choice_generation(choice) != set->generation) {
		choice_reset(choice, set->generation);
		return;
	}
	for (unsigned action = 0; action < ACTION_COUNT; action++) {
		uint16_t number = choice_number(choice, action);
		if (number > set->count || (number != 0 && !outlasts_renewal(action) &&
					    is_due(set, &set->rules[number - 1], stage, choice))) {
			choice_drop(choice, action);
		}
	}
}

void rule_match_again(struct rules *set, enum stage stage, const struct rule_subject *subject,
		      uint64_t seed, const struct rule_past *past, struct rule_choice *choice)
{
	clear_choice(set, stage, choice);
	for (uint32_t number = 1; number <= set->count; number++) {
		struct rule *rule = &set->rules[number - 1];
		if (!is_due(set, rule, stage, choice) ||
		    !applies(rule, number, stage, subject, seed, past)) {
			continue;
		}
		if (choice_number(choice, rule->action) == 0) {
			choice_take(choice, rule->action, (uint16_t)number);
		}
	}
	choice->early = choice->early || (stage == STAGE_CONNECT && set->matches_early);
}

void rule_match(struct rules *set, enum stage stage, const struct rule_subject *subject,
		uint64_t seed, struct rule_choice *choice)
{
	rule_match_again(set, stage, subject, seed, NULL, choice);
}
