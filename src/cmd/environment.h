/* The variables that the library reads, as `run` sets and checks them. */
#ifndef RESETBY_CMD_ENVIRONMENT_H
#define RESETBY_CMD_ENVIRONMENT_H

#include <stdbool.h>
#include "../rule/settings.h"

/**
 * Set a variable of this process.
 *
 * @option
 *         What the user typed to set it, for complaints; static.
 */
void environment_set(enum setting setting, const char *value, const char *option);

/** Add a rule to those of earlier calls; the first one replaces what was inherited. */
void environment_add_rule(const char *rule, const char *option);

/** Set a variable to a path of a file, made absolute: the program may change its directory. */
void environment_set_path(enum setting setting, const char *path, const char *option);

/** Would the library take every value but rules, set here or inherited? Else it is said on stderr. */
bool environment_check_values(void);

/**
 * Would it take the rules, set here or inherited? Else it is said on stderr.
 *
 * @exe
 *         The program's name, for exe= in rules, or NULL.
 */
bool environment_check_rules(const char *exe);

/**
 * All of that, and could the log be written?
 *
 * @exe
 *         The program's name, for exe= in rules.
 * @return
 *         STATUS_OK or STATUS_REFUSED.
 */
int environment_check(const char *exe);

/** Put the library in front of what LD_PRELOAD holds. */
void environment_preload(const char *library);

#endif
