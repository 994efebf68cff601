#include "session.h"

#include <errno.h>
#include <string.h>
#include "../../sys/proc.h"
#include "../../sys/raw.h"
#include "../../sys/self.h"
#include "../chores.h"

/* Sessions of one process; conn->session is an index, counted from 1. */
#define SESSIONS_MAX 16384

/* Where most of those that were used are in use, the search for a free one would cost more than a page. */
#define TRIES_AMONG_USED 8

/* How often the processor is given away while another thread is in a call. */
#define HOLD_TURNS 100

/* And when the other one has lost the processor in a call that does not sleep: 20 ms at most... */
#define HOLD_PAUSES 200
#define HOLD_PAUSE_NS 100000

/* ... or longer, while it does not sleep by what the kernel says: a container has used up its share. */
#define HOLD_LONG_PAUSES 1000
#define HOLD_LONG_PAUSE_NS 1000000

static struct session *_Atomic sessions;
static _Atomic unsigned used_end; /* one above the highest that was ever used */
static _Atomic unsigned next_try;

/* Pages are touched as they are used. */
static struct session *all_sessions(void)
{
	struct session *all = atomic_load_explicit(&sessions, memory_order_acquire);
	if (all != NULL) {
		return all;
	}
	struct session *mapped = raw_map(SESSIONS_MAX * sizeof *mapped);
	if (mapped == NULL) {
		return NULL;
	}
	if (!atomic_compare_exchange_strong(&sessions, &all, mapped)) {
		raw_unmap(mapped, SESSIONS_MAX * sizeof *mapped);
		return all;
	}
	return mapped;
}

struct session *session_of(const struct conn *conn)
{
	unsigned index = conn->session;
	struct session *all = atomic_load_explicit(&sessions, memory_order_acquire);
	if (index == 0 || all == NULL) {
		return NULL;
	}
	struct session *session = &all[index - 1];
	bool ours =
		atomic_load_explicit(&session->owner, memory_order_acquire) == conn &&
		conn_same(conn, atomic_load_explicit(&session->generation, memory_order_relaxed));
	return ours ? session : NULL;
}

static void raise_end(unsigned end)
{
	unsigned old = atomic_load(&used_end);
	while (old < end && !atomic_compare_exchange_weak(&used_end, &old, end)) {
	}
}

/* Free, or left behind by a connection that went without a close that we saw. */
static bool claim(struct session *session, const struct conn *conn)
{
	const struct conn *owner = atomic_load(&session->owner);
	if (atomic_load(&session->users) != 0 || atomic_load(&session->ended) != ENDED_NOT) {
		return false;
	}
	if (owner != NULL && conn_same(owner, atomic_load(&session->generation))) {
		return false;
	}
	return atomic_compare_exchange_strong(&session->owner, &owner, conn);
}

static void clear(struct session *session)
{
	session_set_renewal(session, RENEWAL_NONE);
	retained_free(&session->sent);
	size_t kept = offsetof(struct session, holder);
	memset((char *)session + kept, 0, sizeof *session - kept);
}

/* Those that were used before come first, for their pages are there; then one that never was. */
static unsigned place_to_try(unsigned attempt)
{
	unsigned next = atomic_fetch_add(&next_try, 1);
	unsigned end = atomic_load(&used_end);
	if (attempt < TRIES_AMONG_USED && end > 0) {
		return next % end;
	}
	return attempt == TRIES_AMONG_USED && end < SESSIONS_MAX ? end : next % SESSIONS_MAX;
}

struct session *session_new(struct conn *conn, uint32_t generation)
{
	struct session *all = all_sessions();
	if (all == NULL) {
		return NULL;
	}
	for (unsigned attempt = 0; attempt < SESSIONS_MAX; attempt++) {
		unsigned index = place_to_try(attempt);
		struct session *session = &all[index];
		if (claim(session, conn)) {
			clear(session);
			atomic_store(&session->generation, generation);
			session_hold(session);
			conn->session = (uint16_t)(index + 1);
			raise_end(index + 1);
			return session;
		}
	}
	return NULL;
}

void session_end(struct conn *conn)
{
	struct session *session = session_of(conn);
	conn->session = 0;
	if (session != NULL) {
		if (atomic_load(&session->renewal) != RENEWAL_NONE) {
			session_hold_soon(session);
		}
		atomic_fetch_add(&session->users, 1);
		atomic_store(&session->ended, ENDED_USED);
		session_put(session);
	}
}

struct session *session_get(const struct conn *conn)
{
	struct session *session = session_of(conn);
	if (session == NULL) {
		return NULL;
	}
	atomic_fetch_add(&session->users, 1);
	if (session_of(conn) == session) {
		return session;
	}
	session_put(session);
	return NULL;
}

void session_put(struct session *session)
{
	uint8_t ended = ENDED_USED;
	if (atomic_fetch_sub(&session->users, 1) == 1 &&
	    atomic_compare_exchange_strong(&session->ended, &ended, ENDED_CLEARING)) {
		clear(session);
		atomic_store(&session->owner, NULL);
		atomic_store(&session->ended, ENDED_NOT);
	}
}

bool session_hold(struct session *session)
{
	int nobody = 0;
	return atomic_compare_exchange_strong(&session->holder, &nobody, self_now().tid);
}

/* A thread that was cancelled in its call does not release what it held. */
static bool hold_after_dead(struct session *session)
{
	int holder = atomic_load(&session->holder);
	return holder != 0 && proc_thread_is_over(holder) &&
	       atomic_compare_exchange_strong(&session->holder, &holder, self_now().tid);
}

bool session_hold_soon(struct session *session)
{
	for (int turn = 0; turn < HOLD_TURNS && !session_is_held(session); turn++) {
		if (session_hold(session)) {
			return true;
		}
		raw0(SYS_sched_yield);
	}
	return hold_after_dead(session);
}

static bool hold_after_awake(struct session *session)
{
	const struct timespec pause = {.tv_nsec = HOLD_LONG_PAUSE_NS};
	bool awake = !session_is_held(session);
	bool held = false;
	for (int turn = 0; awake && !held && turn < HOLD_LONG_PAUSES; turn++) {
		raw2(SYS_nanosleep, &pause, NULL);
		awake = proc_thread_is_awake(atomic_load(&session->holder));
		/* Also where it sleeps by now: it may have ended its call in between. */
		held = session_hold(session);
	}
	return held;
}

bool session_hold_patiently(struct session *session)
{
	const struct timespec pause = {.tv_nsec = HOLD_PAUSE_NS};
	bool held = session_hold_soon(session);
	for (int turn = 0; !held && turn < HOLD_PAUSES && !session_is_held(session); turn++) {
		raw2(SYS_nanosleep, &pause, NULL);
		held = session_hold(session);
	}
	return held || hold_after_awake(session);
}

bool session_is_of(const struct session *session, const struct conn *conn)
{
	return session_of(conn) == session && conn_known(session->fd) == conn;
}

bool session_is_held(const struct session *session)
{
	return atomic_load(&session->holder) == self_now().tid;
}

void session_release(struct session *session)
{
	/* Not somebody else's: it may have been given back, and taken, since. */
	int self = self_now().tid;
	atomic_compare_exchange_strong(&session->holder, &self, 0);
}

struct session *session_next_renewing(unsigned *index)
{
	struct session *all = atomic_load_explicit(&sessions, memory_order_acquire);
	for (; all != NULL && *index < atomic_load(&used_end); (*index)++) {
		struct session *session = &all[*index];
		if (atomic_load(&session->renewal) != RENEWAL_NONE) {
			(*index)++;
			return session;
		}
	}
	return NULL;
}

void session_set_renewal(struct session *session, enum renewal renewal)
{
	uint8_t old = atomic_exchange(&session->renewal, (uint8_t)renewal);
	if (old == RENEWAL_NONE && renewal != RENEWAL_NONE) {
		chores_begin();
	} else if (old != RENEWAL_NONE && renewal == RENEWAL_NONE) {
		chores_end();
	}
}

/*
 * One thread bars a session, then looks for a renewal; another one begins a renewal, then looks
 * whether it is barred. In whichever order they come, one of the two sees the other.
 */

bool session_bar(struct session *session, enum reason reason)
{
	atomic_store(&session->barred, (uint8_t)reason);
	return atomic_load(&session->renewal) != RENEWAL_NONE;
}

bool session_begin_renewal(struct session *session)
{
	session_set_renewal(session, RENEWAL_PAUSING);
	if (atomic_load(&session->barred) == REASON_NONE) {
		return true;
	}
	session_set_renewal(session, RENEWAL_NONE);
	return false;
}
