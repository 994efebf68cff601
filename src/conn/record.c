#include "conn.h"

#include <string.h>
#include "../sys/clock.h"
#include "../sys/raw.h"

/*
 * Given-back records form a stack without a lock. Its head carries a count in the bits that no user
 * address has, so that a record that was taken and returned meanwhile is noticed (ABA).
 */
#define HEAD_COUNT_SHIFT 48
#define HEAD_POINTER(head) ((struct conn *)((head) & (((uint64_t)1 << HEAD_COUNT_SHIFT) - 1)))

/*
 * Records are mapped this many at a time, and fill their pages to the last byte. The stack's links
 * are not in the records: a thread whose call is still under way may write to a record that was
 * given back, and the stack must not care. Their page is touched when the first one is given back.
 */
#define CHUNK_RECORDS 512
#define CHUNK_SIZE ((size_t)1 << 18)

struct chunk {
	char records[CHUNK_RECORDS][CONN_SIZE];
	_Atomic(struct conn *) next[CHUNK_RECORDS];
};

_Static_assert(sizeof(struct chunk) == CHUNK_SIZE, "a record's address tells its chunk");
_Static_assert(CHUNK_RECORDS *CONN_SIZE % 4096 == 0, "records and links share no page");

/*
 * The rest of the chunk that was mapped last: where it begins, shifted, and how many records it has.
 * They are handed out one by one, so that a process with few connections touches few pages.
 */
#define REST_COUNT_BITS 16
#define REST_COUNT(rest) ((rest) & (((uint64_t)1 << REST_COUNT_BITS) - 1))
#define REST_POINTER(rest) ((char *)(uintptr_t)((rest) >> REST_COUNT_BITS))

/* A plain store: nobody waits for one of these. */
#define PUT(member, value) atomic_store_explicit(&conn->member, value, memory_order_relaxed)

static _Atomic uint64_t spare_head;
static _Atomic uint64_t chunk_rest;
static _Atomic uint64_t total;
static _Atomic uint64_t total_of_parent; /* numbers go on from there */

static uint64_t head_with(uint64_t old, struct conn *spare)
{
	return (((old >> HEAD_COUNT_SHIFT) + 1) << HEAD_COUNT_SHIFT) | (uint64_t)(uintptr_t)spare;
}

/* Where the stack says what is below a spare record. */
static _Atomic(struct conn *) *next_of(struct conn *spare)
{
	size_t place = (uintptr_t)spare & (CHUNK_SIZE - 1);
	struct chunk *chunk = (struct chunk *)(void *)((char *)spare - place);
	return &chunk->next[place / CONN_SIZE];
}

static void spare_push(struct conn *spare)
{
	uint64_t head = atomic_load(&spare_head);
	do {
		atomic_store_explicit(next_of(spare), HEAD_POINTER(head), memory_order_relaxed);
	} while (!atomic_compare_exchange_weak(&spare_head, &head, head_with(head, spare)));
}

static struct conn *spare_pop(void)
{
	uint64_t head = atomic_load(&spare_head);
	for (;;) {
		struct conn *spare = HEAD_POINTER(head);
		if (spare == NULL) {
			return NULL;
		}
		/* May be stale by now; then the exchange fails. Records are never unmapped. */
		struct conn *next = atomic_load_explicit(next_of(spare), memory_order_relaxed);
		if (atomic_compare_exchange_weak(&spare_head, &head, head_with(head, next))) {
			return spare;
		}
	}
}

/* A chunk at a multiple of its size: cut out of twice as much. */
static struct chunk *chunk_map(void)
{
	char *mapped = raw_map(2 * CHUNK_SIZE);
	if (mapped == NULL) {
		return NULL;
	}
	size_t before = -(uintptr_t)mapped & (CHUNK_SIZE - 1);
	if (before > 0) {
		raw_unmap(mapped, before);
	}
	raw_unmap(mapped + before + CHUNK_SIZE, CHUNK_SIZE - before);
	return (struct chunk *)(void *)(mapped + before);
}

static uint64_t rest_of(const char *begin, uint64_t count)
{
	return (uint64_t)(uintptr_t)begin << REST_COUNT_BITS | count;
}

/* A record that nobody has had yet. A rest never comes back, for chunks are never unmapped. */
static struct conn *spare_fresh(void)
{
	uint64_t rest = atomic_load(&chunk_rest);
	for (;;) {
		bool mapped = REST_COUNT(rest) == 0;
		char *record = mapped ? (char *)chunk_map() : REST_POINTER(rest);
		if (record == NULL) {
			return NULL;
		}
		uint64_t left = (mapped ? CHUNK_RECORDS : REST_COUNT(rest)) - 1;
		if (atomic_compare_exchange_strong(&chunk_rest, &rest,
						   rest_of(record + CONN_SIZE, left))) {
			return (struct conn *)(void *)record;
		}
		if (mapped) {
			raw_unmap(record, CHUNK_SIZE);
		}
	}
}

/* A sandboxed process is watched with one chunk of connections at once. */
void conn_reserve(void)
{
	struct chunk *chunk = chunk_map();
	for (size_t i = CHUNK_RECORDS; chunk != NULL && i > 0; i--) {
		spare_push((struct conn *)(void *)chunk->records[i - 1]);
	}
}

/* refs: the descriptors that name a record in the low bits, who has it pinned in the high ones. */
#define PIN ((uint32_t)1 << 20)
#define NAMES(refs) ((refs) & (PIN - 1))
/* Far more threads than can be inside a hook at once; the rest go without. */
#define PINNED_MAX ((uint32_t)4000 * PIN)

uint32_t conn_names(const struct conn *conn)
{
	return NAMES(atomic_load(&conn->refs));
}

void conn_unpin(struct conn *conn)
{
	if (atomic_fetch_sub(&conn->refs, PIN) == PIN) {
		atomic_fetch_add(&conn->generation, 1);
		spare_push(conn);
	}
}

/* One more name, or pin, unless the record has been given back meanwhile. */
static bool take(struct conn *conn, uint32_t share)
{
	uint32_t refs = atomic_load(&conn->refs);
	do {
		if (NAMES(refs) == 0 || refs >= PINNED_MAX) {
			return false;
		}
	} while (!atomic_compare_exchange_weak(&conn->refs, &refs, refs + share));
	return true;
}

bool conn_pin(struct conn *conn, int fd)
{
	if (!take(conn, PIN)) {
		return false;
	}
	if (conn_known(fd) == conn) {
		return true;
	}
	conn_unpin(conn);
	return false;
}

bool conn_hold(struct conn *conn, uint32_t generation)
{
	if (!take(conn, PIN)) {
		return false;
	}
	if (conn_same(conn, generation)) {
		return true;
	}
	conn_unpin(conn);
	return false;
}

bool conn_let_go(struct conn *conn)
{
	uint32_t refs = atomic_load(&conn->refs);
	uint32_t left;
	do {
		left = refs - 1 + (NAMES(refs) == 1 ? PIN : 0);
	} while (!atomic_compare_exchange_weak(&conn->refs, &refs, left));
	return NAMES(left) != 0;
}

static void drop(struct conn *conn)
{
	if (!conn_let_go(conn)) {
		conn_unpin(conn);
	}
}

struct conn *conn_make(void)
{
	struct conn *conn = spare_pop();
	if (conn == NULL) {
		conn = spare_fresh();
	}
	if (conn == NULL) {
		return NULL;
	}
	size_t kept = offsetof(struct conn, phase);
	memset((char *)conn + kept, 0, sizeof *conn - kept);
	PUT(fork_epoch, process_epoch());
	process_owns();
	atomic_store_explicit(&conn->refs, 1, memory_order_release);
	return conn;
}

struct conn *conn_new(int fd)
{
	struct conn *conn = conn_make();
	if (conn != NULL) {
		conn_forget(fd, (uintptr_t)conn);
	}
	return conn;
}

void conn_forget(int fd, uintptr_t now)
{
	uintptr_t old = table_swap(fd, now);
	if (old > SLOT_OTHER) {
		drop((struct conn *)old);
	}
}

void conn_disown(struct conn *conn, int fd)
{
	if (table_replace(fd, (uintptr_t)conn, SLOT_UNKNOWN)) {
		drop(conn);
	}
}

struct conn *conn_detach(int fd)
{
	uintptr_t slot = table_get(fd);
	if (slot == SLOT_UNKNOWN || slot == SLOT_NO_SOCKET) {
		return NULL;
	}
	uintptr_t old = table_swap(fd, SLOT_NO_SOCKET);
	return old > SLOT_OTHER ? (struct conn *)old : NULL;
}

void conn_share(int from, int fd)
{
	uintptr_t slot = table_get(from);
	struct conn *conn = slot > SLOT_OTHER ? (struct conn *)slot : NULL;
	if (conn != NULL && !take(conn, 1)) {
		slot = SLOT_UNKNOWN;
	} else if (conn != NULL && table_get(from) != slot) {
		/* Another thread closed `from` before it was ours: it is another connection's now. */
		drop(conn);
		slot = SLOT_UNKNOWN;
	}
	conn_forget(fd, slot);
}

void conn_share_unknown(struct conn *conn, int fd)
{
	uintptr_t before = table_get(fd);
	if (before == SLOT_UNKNOWN && take(conn, 1) &&
	    !table_replace(fd, before, (uintptr_t)conn)) {
		drop(conn);
	}
}

/* What is true of one connection, and not of the socket. */
#define CONN_OF_ONE                                                                                \
	(CONN_PEER_FIN | CONN_SHUT_READ | CONN_SHUT_WRITE | CONN_TOLD_ABANDONED |                  \
	 CONN_TOLD_HIDDEN | CONN_SUMMED_UP | CONN_OWN_RESET | CONN_EARLY)

static void begin(struct conn *conn, enum side side, const struct addr *local,
		  const struct addr *peer)
{
	uint64_t number = atomic_fetch_add_explicit(&total, 1, memory_order_relaxed) + 1;
	PUT(side, (uint8_t)side);
	PUT(begun_ns, clock_exact_ns());
	conn_name_set(&conn->local, *local);
	conn_name_set(&conn->peer, *peer);
	if (conn_is(conn, CONN_OF_ONE)) {
		conn_clear(conn, CONN_OF_ONE);
	}
	PUT(told_error, 0);
	PUT(told_op, 0);
	PUT(told_count, 0);
	PUT(half_ms, 0);
	PUT(fin_acked, 0);
	PUT(warned, 0);
	PUT(injected, 0);
	PUT(acted, 0);
	PUT(head_length, 0);
	PUT(head_ahead, false);
	PUT(urgent_read, false);
	PUT(used_after, 0);
	PUT(fork_epoch, process_epoch());
	PUT(bytes_in, 0);
	PUT(bytes_out, 0);
	PUT(begun_in, 0);
	PUT(begun_out, 0);
	PUT(calls_in, 0);
	PUT(calls_out, 0);
	PUT(turn, DIRECTION_NONE);
	PUT(gap_ms, 0);
	PUT(last_ms, clock_recent_ms());
	/* After all that it stands for: who reads the number first never mixes two connections. */
	atomic_store_explicit(&conn->number, number, memory_order_release);
}

void conn_begin(struct conn *conn, enum side side, const struct addr *local,
		const struct addr *peer)
{
	choice_reset(&conn->choice, 0);
	begin(conn, side, local, peer);
	conn_set_phase(conn, PHASE_CONNECTING);
}

void conn_renew(struct conn *conn)
{
	struct addr local = {0};
	struct addr peer = conn_peer(conn);
	begin(conn, SIDE_CLIENT, &local, &peer);
}

int64_t conn_age_ms(const struct conn *conn)
{
	return (int64_t)(clock_since_ns(conn->begun_ns) / 1000000);
}

static uint32_t age_us(const struct conn *conn)
{
	uint64_t elapsed_us = clock_since_ns(conn->begun_ns) / 1000;
	return elapsed_us > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed_us;
}

bool conn_opened(struct conn *conn)
{
	/* An accepted one is open when it begins. */
	bool accepted = conn->side == SIDE_SERVER;
	uint32_t elapsed_us = accepted ? 0 : age_us(conn);
	uint8_t connecting = PHASE_CONNECTING;
	if (!atomic_compare_exchange_strong(&conn->phase, &connecting, PHASE_OPEN)) {
		return false;
	}
	PUT(connect_us, elapsed_us);
	PUT(open_ms, accepted ? conn->last_ms : clock_recent_ms());
	conn_stir(conn);
	return true;
}

void conn_giving_up(struct conn *conn, bool pending)
{
	PUT(connect_us, pending ? age_us(conn) : 0);
}

void conn_half_closed(struct conn *conn, uint32_t ago_ms)
{
	if (conn->half_ms == 0) {
		conn->half_ms = (uint32_t)clock_coarse_ms() - ago_ms;
	}
}

uint64_t conn_total(void)
{
	return atomic_load_explicit(&total, memory_order_relaxed) -
	       atomic_load_explicit(&total_of_parent, memory_order_relaxed);
}

void conn_total_after_fork(void)
{
	atomic_store(&total_of_parent, atomic_load(&total));
}
