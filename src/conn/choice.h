#ifndef RESETBY_CONN_CHOICE_H
#define RESETBY_CONN_CHOICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Room for one rule number per action (actions.def has fewer rows than this). */
#define CHOICE_MAX 19

/**
 * Which rules are a connection's: written by rule/match.c, kept in the connection's record. When the
 * rules are edited, one thread chooses again while others look: a number that is read after the
 * generation is of this generation or a newer one, and never of an older one.
 */
struct rule_choice {
	_Atomic uint32_t actions;          /* bit per action that has a rule */
	_Atomic uint32_t generation;       /* of the set that the numbers belong to */
	_Atomic uint16_t rule[CHOICE_MAX]; /* by action: the winning rule's number, 0 for none */
	_Atomic bool early;                /* STAGE_EITHER was matched before the SYN left */
};

static inline uint32_t choice_generation(const struct rule_choice *choice)
{
	return atomic_load_explicit(&choice->generation, memory_order_acquire);
}

static inline uint16_t choice_number(const struct rule_choice *choice, unsigned action)
{
	return atomic_load_explicit(&choice->rule[action], memory_order_acquire);
}

/** An action has no rule. */
static inline void choice_drop(struct rule_choice *choice, unsigned action)
{
	atomic_fetch_and_explicit(&choice->actions, ~((uint32_t)1 << action), memory_order_relaxed);
	atomic_store_explicit(&choice->rule[action], 0, memory_order_relaxed);
}

/** An action has this rule. */
static inline void choice_take(struct rule_choice *choice, unsigned action, uint16_t number)
{
	atomic_store_explicit(&choice->rule[action], number, memory_order_release);
	atomic_fetch_or_explicit(&choice->actions, (uint32_t)1 << action, memory_order_release);
}

/** No action has a rule; what is chosen from here on is of another set. */
static inline void choice_reset(struct rule_choice *choice, uint32_t generation)
{
	atomic_store_explicit(&choice->actions, 0, memory_order_relaxed);
	for (unsigned action = 0; action < CHOICE_MAX; action++) {
		atomic_store_explicit(&choice->rule[action], 0, memory_order_relaxed);
	}
	atomic_store_explicit(&choice->early, false, memory_order_relaxed);
	atomic_store_explicit(&choice->generation, generation, memory_order_release);
}

#endif
