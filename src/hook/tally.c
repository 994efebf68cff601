#include "tally.h"

#include <stdatomic.h>
#include <string.h>
#include "../sys/clock.h"
#include "../sys/random.h"

static _Atomic uint64_t causes[CAUSE_COUNT];

/* Port and a hash of the address in the upper half, milliseconds in the lower. */
static _Atomic uint64_t last_established;

void tally_cause(enum cause cause)
{
	atomic_fetch_add_explicit(&causes[cause], 1, memory_order_relaxed);
}

uint64_t tally_of(enum cause cause)
{
	return atomic_load_explicit(&causes[cause], memory_order_relaxed);
}

bool tally_any(void)
{
	for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
		if (tally_of((enum cause)cause) > 0) {
			return true;
		}
	}
	return false;
}

void tally_after_fork(void)
{
	for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
		atomic_store_explicit(&causes[cause], 0, memory_order_relaxed);
	}
}

static uint16_t hash_host(const struct addr *addr)
{
	uint64_t halves[2];
	memcpy(halves, addr->bytes, sizeof halves);
	return (uint16_t)random_at(addr->family, halves[0], halves[1]);
}

static uint32_t to_ms(uint64_t ns)
{
	return (uint32_t)(ns / 1000000);
}

void tally_established(struct addr peer)
{
	uint64_t where = (uint64_t)peer.port << 16 | hash_host(&peer);
	uint64_t when = to_ms(clock_exact_ns());
	atomic_store_explicit(&last_established, where << 32 | when, memory_order_relaxed);
}

bool tally_won_race(const struct addr *peer, uint64_t since_ns)
{
	uint64_t last = atomic_load_explicit(&last_established, memory_order_relaxed);
	uint16_t port = (uint16_t)(last >> 48);
	uint16_t host = (uint16_t)(last >> 32);
	return last != 0 && port == peer->port && host != hash_host(peer) &&
	       (int32_t)((uint32_t)last - to_ms(since_ns)) >= 0;
}
