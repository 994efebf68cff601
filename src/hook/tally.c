#include "tally.h"

#include <stdatomic.h>
#include "../sys/clock.h"

static _Atomic uint64_t causes[CAUSE_COUNT];

/* Port in the upper half, coarse milliseconds in the lower. */
static _Atomic uint64_t last_established;

void tally_cause(enum cause cause)
{
	atomic_fetch_add_explicit(&causes[cause], 1, memory_order_relaxed);
}

uint64_t tally_of(enum cause cause)
{
	return atomic_load_explicit(&causes[cause], memory_order_relaxed);
}

void tally_established(uint16_t port)
{
	uint64_t now = (uint32_t)clock_coarse_ms();
	atomic_store_explicit(&last_established, (uint64_t)port << 32 | now, memory_order_relaxed);
}

bool tally_won_race(uint16_t port, uint32_t since_ms)
{
	uint64_t last = atomic_load_explicit(&last_established, memory_order_relaxed);
	uint32_t when = (uint32_t)last;
	return last != 0 && last >> 32 == port && (int32_t)(when - since_ms) >= 0;
}
