#include "chores.h"

#include <stdint.h>
#include "../sys/clock.h"
#include "kept.h"
#include "retry/retry.h"

/* How often: what is waited for here is as a rule a round trip, or a peer that reads. */
#define CHORES_MS 2
#define NS_PER_MS UINT64_C(1000000)

_Atomic unsigned chores_open;
static _Atomic uint64_t done_ns;

void chores_begin(void)
{
	atomic_fetch_add(&chores_open, 1);
}

void chores_end(void)
{
	atomic_fetch_sub(&chores_open, 1);
}

int chores_due_ms(void)
{
	if (!chores_any()) {
		return -1;
	}
	uint64_t ago_ms = clock_since_ns(atomic_load(&done_ns)) / NS_PER_MS;
	return ago_ms >= CHORES_MS ? 0 : (int)(CHORES_MS - ago_ms);
}

void chores_do(void)
{
	atomic_store(&done_ns, clock_exact_ns());
	if (kept_any()) {
		kept_tend((uint32_t)clock_coarse_ms());
	}
	retry_tend();
}
