/*
 * How often and how soon: each address has a bucket of tokens, so that retries never multiply the
 * load of a server that is in trouble. A retry takes a token, an answer gives one back, and a few
 * come back with time.
 */
#ifndef RESETBY_ACT_RETRY_BUDGET_H
#define RESETBY_ACT_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include "../../sys/addr.h"

/** The size of a bucket, and what time gives back. */
#define BUDGET_TOKENS 100
#define BUDGET_TOKENS_PER_S 10

/** Full jitter: the pause before try n is drawn from 0 to BASE * 2^(n-1), at most CAP. */
#define RETRY_BASE_MS 25
#define RETRY_CAP_MS 250

/** Take a token for a retry to this address. */
bool budget_take(const struct addr *peer, uint64_t now_ms);

/** A request to it was answered. */
void budget_give(const struct addr *peer);

/** The pause before a try, counted from 1. Drawn from the process's seed. */
uint32_t budget_pause_ms(unsigned try);

#endif
