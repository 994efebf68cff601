#ifndef RESETBY_CONN_CHOICE_H
#define RESETBY_CONN_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

/** Room for one rule number per action (actions.def has fewer rows than this). */
#define CHOICE_MAX 19

/** Which rules are a connection's: written by rule/match.c, kept in the connection's record. */
struct rule_choice {
	uint32_t actions;          /* bit per action that has a rule */
	uint32_t generation;       /* of the set that the numbers belong to */
	uint16_t rule[CHOICE_MAX]; /* by action: the winning rule's number, 0 for none */
	bool early;                /* STAGE_EITHER was matched before the SYN left */
};

#endif
