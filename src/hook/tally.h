/* Counts of the whole process, and the last connection that it established. */
#ifndef RESETBY_HOOK_TALLY_H
#define RESETBY_HOOK_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include "../sys/addr.h"
#include "../why/why.h"

void tally_cause(enum cause cause);
uint64_t tally_of(enum cause cause);

/** Has anything been counted? */
bool tally_any(void);

/** In a forked child: what was counted is the parent's. */
void tally_after_fork(void);

/** A connect to this address has succeeded. */
void tally_established(struct addr peer);

/**
 * Did a connect to the same port of another address succeed since `since_ns` (exact clock)? Then
 * this one has merely lost the race between the addresses of a name (RFC 8305).
 */
bool tally_won_race(const struct addr *peer, uint64_t since_ns);

#endif
