#include "conn.h"

#include "../sys/clock.h"

static _Atomic uint32_t epoch;

/* When this process was forked: its epoch and the coarse clock; 0 for one that exec began. */
static _Atomic uint32_t birth_epoch;
static _Atomic uint32_t birth_ms;

static atomic_bool spawned;

uint32_t process_epoch(void)
{
	return atomic_load_explicit(&epoch, memory_order_relaxed);
}

void process_forked(bool child)
{
	uint32_t now = atomic_fetch_add_explicit(&epoch, 1, memory_order_relaxed) + 1;
	if (child) {
		atomic_store(&birth_epoch, now);
		atomic_store(&birth_ms, (uint32_t)clock_coarse_ms());
	}
}

void process_spawned(void)
{
	atomic_store_explicit(&spawned, true, memory_order_relaxed);
}

bool process_has_spawned(void)
{
	return atomic_load_explicit(&spawned, memory_order_relaxed);
}

enum holding conn_holding(const struct conn *conn)
{
	if (conn_is(conn, CONN_PASSED)) {
		return HOLDING_SHARED;
	}
	if (conn->fork_epoch == process_epoch()) {
		return HOLDING_ALONE;
	}
	bool inherited = (int32_t)(conn->fork_epoch - atomic_load(&birth_epoch)) < 0;
	uint32_t used_ms = atomic_load_explicit(&conn->last_ms, memory_order_relaxed);
	bool used = inherited && (int32_t)(used_ms - atomic_load(&birth_ms)) >= 0;
	return used ? HOLDING_INHERITED : HOLDING_SHARED;
}
