/* Counts of the whole process, and the last connection that it established. */
#ifndef RESETBY_HOOK_TALLY_H
#define RESETBY_HOOK_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include "../why/why.h"

void tally_cause(enum cause cause);
uint64_t tally_of(enum cause cause);

/** A connect to this port has succeeded. */
void tally_established(uint16_t port);

/**
 * Did a connect to this port succeed since `since_ms` (coarse clock)? Then a slower connect to
 * another address of the same name has merely lost the race.
 */
bool tally_won_race(uint16_t port, uint32_t since_ms);

#endif
