#include "budget.h"

#include <stdatomic.h>
#include <string.h>
#include "../../rule/active.h"
#include "../../sys/random.h"

/* Addresses whose hash is the same share a bucket: that errs on the side of fewer retries. */
#define BUCKETS 256

/* The stream of decisions that the pauses are drawn from; rules draw from the small numbers. */
#define PAUSE_STREAM UINT64_C(0x7265747279)

/* Tokens are counted in thousandths. */
#define TOKEN 1000

static struct bucket {
	_Atomic int64_t spent; /* thousandths of tokens that are missing */
	_Atomic uint64_t filled_ms;
} buckets[BUCKETS];

static struct bucket *bucket_of(const struct addr *peer)
{
	uint64_t hash = peer->port;
	for (size_t i = 0; i < sizeof peer->bytes; i++) {
		hash = (hash ^ peer->bytes[i]) * UINT64_C(0x100000001b3);
	}
	return &buckets[(hash ^ hash >> 32) % BUCKETS];
}

static void give(struct bucket *bucket, int64_t amount)
{
	int64_t spent = atomic_load(&bucket->spent);
	while (!atomic_compare_exchange_weak(&bucket->spent, &spent,
					     spent > amount ? spent - amount : 0)) {
	}
}

static void fill(struct bucket *bucket, uint64_t now_ms)
{
	uint64_t then = atomic_load(&bucket->filled_ms);
	uint64_t gone = now_ms - then;
	if (gone > 0 && gone < UINT64_MAX / 2 &&
	    atomic_compare_exchange_strong(&bucket->filled_ms, &then, now_ms)) {
		int64_t most = (int64_t)BUDGET_TOKENS * TOKEN;
		bool full = gone > (uint64_t)most;
		give(bucket, full ? most : (int64_t)gone * BUDGET_TOKENS_PER_S * TOKEN / 1000);
	}
}

bool budget_take(const struct addr *peer, uint64_t now_ms)
{
	struct bucket *bucket = bucket_of(peer);
	fill(bucket, now_ms);
	int64_t spent = atomic_load(&bucket->spent);
	do {
		if (spent + TOKEN > (int64_t)BUDGET_TOKENS * TOKEN) {
			return false;
		}
	} while (!atomic_compare_exchange_weak(&bucket->spent, &spent, spent + TOKEN));
	return true;
}

void budget_give(const struct addr *peer)
{
	struct bucket *bucket = bucket_of(peer);
	if (atomic_load_explicit(&bucket->spent, memory_order_relaxed) > 0) {
		give(bucket, TOKEN);
	}
}

uint32_t budget_pause_ms(unsigned try)
{
	static _Atomic uint64_t drawn;
	uint64_t most = RETRY_BASE_MS;
	for (unsigned i = 1; i < try && most < RETRY_CAP_MS; i++) {
		most *= 2;
	}
	if (most > RETRY_CAP_MS) {
		most = RETRY_CAP_MS;
	}
	uint64_t number = random_at(rules_seed(), PAUSE_STREAM, atomic_fetch_add(&drawn, 1));
	return (uint32_t)(number % (most + 1));
}
