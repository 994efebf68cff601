/* What somebody may have meant who typed a name that does not exist. */
#ifndef RESETBY_SYS_SPELLING_H
#define RESETBY_SYS_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

/** Of a longer word only so many letters are compared. */
#define SPELLING_MAX 32

/**
 * How many letters have to be added, left out or exchanged (Levenshtein), case aside, and _ for -.
 *
 * @typed
 *         Of this length; need not end in a zero.
 */
size_t spelling_distance(const char *typed, size_t length, const char *name);

/** Is that near enough to have been meant? Of a short name nearly every letter has to be right. */
bool spelling_is_slip(size_t distance, const char *name);

/**
 * May this name have been meant? When what was typed is its beginning, has it in itself, or is a slip
 * of the fingers: RULE, LOG_FILE, LEVLE for RULES, LOG, LEVEL.
 */
bool spelling_may_mean(const char *typed, size_t length, const char *name);

#endif
