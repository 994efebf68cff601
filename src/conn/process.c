#include "conn.h"

#include "../sys/self.h"

static _Atomic uint32_t epoch;

/* Of the fork that made this process; 0 for one that exec began. */
static _Atomic uint32_t birth_epoch;

/* Has a thread got a table of descriptors of its own? What it holds no list of children shows. */
static atomic_bool has_tables;

/* Whose connections these are: self_now's generation and pid; 0: not known, or there are none. */
static _Atomic uint64_t owner;

uint32_t process_epoch(void)
{
	return atomic_load_explicit(&epoch, memory_order_relaxed);
}

/* 0 where nothing may be remembered. */
static uint64_t owner_now(void)
{
	struct self self = self_now();
	return self.generation != 0 ? (uint64_t)self.generation << 32 | (uint32_t)self.pid : 0;
}

void process_forked(bool child)
{
	uint32_t now = atomic_fetch_add_explicit(&epoch, 1, memory_order_relaxed) + 1;
	if (child) {
		atomic_store(&birth_epoch, now);
		atomic_store(&owner, owner_now());
		atomic_store(&has_tables, false);
	}
}

void process_parted(void)
{
	atomic_store(&has_tables, true);
}

void process_owns(void)
{
	if (atomic_load_explicit(&owner, memory_order_relaxed) == 0) {
		atomic_store(&owner, owner_now());
	}
}

bool process_is_new(void)
{
	uint64_t before = atomic_load(&owner);
	uint64_t now = before != 0 ? owner_now() : 0;
	if (now == 0 || now == before) {
		return false;
	}
	/* The same process begins a new generation with its log. */
	return atomic_compare_exchange_strong(&owner, &before, now) &&
	       (uint32_t)before != (uint32_t)now;
}

static bool is_before_birth(uint32_t when)
{
	return (int32_t)(when - atomic_load(&birth_epoch)) < 0;
}

/* More forks than fit are as if it had not been used: then less is said of it. */
void conn_used(struct conn *conn)
{
	uint32_t after = process_epoch() - conn->fork_epoch;
	uint16_t fitting = after < UINT16_MAX ? (uint16_t)after : UINT16_MAX;
	if (atomic_load_explicit(&conn->used_after, memory_order_relaxed) != fitting) {
		atomic_store_explicit(&conn->used_after, fitting, memory_order_relaxed);
	}
}

bool conn_is_unused(const struct conn *conn)
{
	return is_before_birth(conn->fork_epoch) &&
	       is_before_birth(conn->fork_epoch + conn->used_after);
}

/* The birth of the last process that was found to be none. */
static _Atomic uint32_t no_heir;

void process_is_no_heir(void)
{
	atomic_store(&no_heir, atomic_load(&birth_epoch));
}

static bool is_open_and_never_passed(const struct conn *conn)
{
	return atomic_load_explicit(&conn->phase, memory_order_relaxed) == PHASE_OPEN &&
	       !conn_is(conn, CONN_PASSED);
}

bool conn_is_heirloom(const struct conn *conn)
{
	uint32_t born = atomic_load(&birth_epoch);
	return is_open_and_never_passed(conn) && conn_is_unused(conn) && process_epoch() == born &&
	       atomic_load(&no_heir) != born;
}

bool conn_is_lent(const struct conn *conn)
{
	return is_open_and_never_passed(conn) && !is_before_birth(conn->fork_epoch) &&
	       conn->fork_epoch != process_epoch() && !atomic_load(&has_tables);
}

enum holding conn_holding(const struct conn *conn)
{
	if (conn_is(conn, CONN_PASSED)) {
		return HOLDING_SHARED;
	}
	if (conn->fork_epoch == process_epoch()) {
		return HOLDING_ALONE;
	}
	bool inherited = is_before_birth(conn->fork_epoch);
	return inherited && !conn_is_unused(conn) ? HOLDING_INHERITED : HOLDING_SHARED;
}
