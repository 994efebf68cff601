/*
 * The rules in force in this process: from RESETBY_RULES and from RESETBY_RULES_FILE, which is
 * looked at again while the process runs.
 */
#ifndef RESETBY_RULE_ACTIVE_H
#define RESETBY_RULE_ACTIVE_H

#include "../sys/hidden.h"
#include "rule.h"

/** Which set is in force: 0 for none. Read at every call, so it is plain data. */
extern HIDDEN _Atomic uint32_t rules_generation;

/** Is there a rules file to look at? */
extern _Atomic bool rules_watched;

/** No rule is in force from here on, and the rules file is not looked at. */
void rules_stop(void);

/**
 * Read the rules for the first time.
 *
 * @text
 *         RESETBY_RULES, or NULL.
 * @path
 *         RESETBY_RULES_FILE, or NULL. Must stay in memory.
 * @seed
 *         Of every random choice.
 * @return
 *         0, or a negative errno with *error filled; then no rule is in force.
 */
int rules_start(const char *text, const char *path, uint64_t seed, const char *exe,
		struct rule_error *error);

/** The set in force; NULL when there is no rule. Sets are never unmapped. */
struct rules *rules_now(void);

/** The set of this generation, also when it is in force no more; NULL when there is none. */
struct rules *rules_of(uint32_t generation);

/** A rule by its number in the set that it was chosen from; NULL when there is none. */
struct rule *rules_get(const struct rule_choice *choice, enum action action);

enum rules_news { RULES_SAME, RULES_CHANGED, RULES_REFUSED };

/**
 * Has the rules file been edited? Looks at most every RULES_LOOK_MS.
 *
 * @now_ms
 *         Coarse clock.
 * @error
 *         Filled for RULES_REFUSED; told once for each edit.
 */
enum rules_news rules_look(uint32_t now_ms, struct rule_error *error);

/** At most this long after an edit, the next call finds it. */
#define RULES_LOOK_MS 250

uint64_t rules_seed(void);

/** A forked child draws from a stream of its own. */
void rules_after_fork(bool child);

#endif
