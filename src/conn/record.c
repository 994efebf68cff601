#include "conn.h"

#include <string.h>
#include "../sys/clock.h"
#include "../sys/raw.h"

/* Records are mapped this many at a time: nothing of the last page is left over. */
#define CHUNK_RECORDS 512
_Static_assert(CHUNK_RECORDS *CONN_SIZE % 4096 == 0, "a chunk is whole pages");

/*
 * The rest of the chunk that was mapped last: where it begins, shifted, and how many records it has.
 * They are handed out one by one, so that a process with few connections touches few pages.
 */
#define REST_COUNT_BITS 16
#define REST_COUNT(rest) ((rest) & (((uint64_t)1 << REST_COUNT_BITS) - 1))
#define REST_POINTER(rest) ((struct spare *)((rest) >> REST_COUNT_BITS))

/*
 * Given-back records form a stack without a lock. Its head carries a count in the bits that no user
 * address has, so that a record that was taken and returned meanwhile is noticed (ABA).
 */
#define HEAD_COUNT_SHIFT 48
#define HEAD_POINTER(head) ((struct spare *)((head) & (((uint64_t)1 << HEAD_COUNT_SHIFT) - 1)))

/* A record in the stack: what it was is of no interest but for its generation. */
struct spare {
	_Atomic uint32_t generation;
	_Atomic uint32_t refs;
	_Atomic(struct spare *) next;
};

static _Atomic uint64_t spare_head;
static _Atomic uint64_t chunk_rest;
static _Atomic uint64_t total;

static uint64_t head_with(uint64_t old, struct spare *spare)
{
	return (((old >> HEAD_COUNT_SHIFT) + 1) << HEAD_COUNT_SHIFT) | (uint64_t)(uintptr_t)spare;
}

static void spare_push(struct spare *spare)
{
	uint64_t head = atomic_load(&spare_head);
	do {
		atomic_store_explicit(&spare->next, HEAD_POINTER(head), memory_order_relaxed);
	} while (!atomic_compare_exchange_weak(&spare_head, &head, head_with(head, spare)));
}

static struct spare *spare_pop(void)
{
	uint64_t head = atomic_load(&spare_head);
	for (;;) {
		struct spare *spare = HEAD_POINTER(head);
		if (spare == NULL) {
			return NULL;
		}
		/* May be stale by now; then the exchange fails. Records are never unmapped. */
		struct spare *next = atomic_load_explicit(&spare->next, memory_order_relaxed);
		if (atomic_compare_exchange_weak(&spare_head, &head, head_with(head, next))) {
			return spare;
		}
	}
}

static uint64_t rest_of(const char *begin, uint64_t count)
{
	return (uint64_t)(uintptr_t)begin << REST_COUNT_BITS | count;
}

/* A record that nobody has had yet. A rest never comes back, for chunks are never unmapped. */
static struct spare *spare_fresh(void)
{
	uint64_t rest = atomic_load(&chunk_rest);
	for (;;) {
		bool mapped = REST_COUNT(rest) == 0;
		char *record =
			mapped ? raw_map(CHUNK_RECORDS * CONN_SIZE) : (char *)REST_POINTER(rest);
		if (record == NULL) {
			return NULL;
		}
		uint64_t left = (mapped ? CHUNK_RECORDS : REST_COUNT(rest)) - 1;
		if (atomic_compare_exchange_strong(&chunk_rest, &rest,
						   rest_of(record + CONN_SIZE, left))) {
			return (struct spare *)(void *)record;
		}
		if (mapped) {
			raw_unmap(record, CHUNK_RECORDS * CONN_SIZE);
		}
	}
}

/* Connections at once that a sandboxed process is watched with. */
#define RESERVED_RECORDS 512

void conn_reserve(void)
{
	/* The first leaf of the table has the numbers that such a process uses. */
	if (table_get(0) == SLOT_UNKNOWN) {
		table_swap(0, SLOT_UNKNOWN);
	}
	char *records = raw_map(RESERVED_RECORDS * CONN_SIZE);
	for (size_t i = RESERVED_RECORDS; records != NULL && i > 0; i--) {
		spare_push((struct spare *)(void *)(records + (i - 1) * CONN_SIZE));
	}
}

static void drop(struct conn *conn)
{
	if (atomic_fetch_sub(&conn->refs, 1) == 1) {
		atomic_fetch_add(&conn->generation, 1);
		spare_push((struct spare *)(void *)conn);
	}
}

struct conn *conn_new(int fd)
{
	struct spare *spare = spare_pop();
	if (spare == NULL) {
		spare = spare_fresh();
	}
	if (spare == NULL) {
		return NULL;
	}
	struct conn *conn = (struct conn *)(void *)spare;
	size_t kept = offsetof(struct conn, phase);
	memset((char *)conn + kept, 0, sizeof *conn - kept);
	conn->fork_epoch = process_epoch();
	atomic_store(&conn->refs, 1);
	uintptr_t old = table_swap(fd, (uintptr_t)conn);
	if (old > SLOT_OTHER) {
		drop((struct conn *)old);
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

void conn_share(int from, int fd)
{
	uintptr_t slot = table_get(from);
	if (slot > SLOT_OTHER) {
		atomic_fetch_add(&((struct conn *)slot)->refs, 1);
	}
	conn_forget(fd, slot);
}

void conn_begin(struct conn *conn, enum side side, const struct addr *local,
		const struct addr *peer)
{
	conn->number = atomic_fetch_add(&total, 1) + 1;
	conn->side = (uint8_t)side;
	conn->begun_ns = clock_exact_ns();
	conn->local = *local;
	conn->peer = *peer;
	conn->peer_fin = false;
	conn->shut_read = conn->shut_write = false;
	conn->told_error = conn->told_op = conn->told_count = 0;
	conn->told_abandoned = false;
	conn->told_hidden = false;
	conn->half_ms = 0;
	conn->fin_acked = 0;
	conn->warned = 0;
	conn->injected = 0;
	conn->acted = 0;
	conn->head_length = 0;
	conn->fork_epoch = process_epoch();
	memset(&conn->choice, 0, sizeof conn->choice);
	atomic_store_explicit(&conn->bytes_in, 0, memory_order_relaxed);
	atomic_store_explicit(&conn->bytes_out, 0, memory_order_relaxed);
	atomic_store_explicit(&conn->calls_in, 0, memory_order_relaxed);
	atomic_store_explicit(&conn->calls_out, 0, memory_order_relaxed);
	conn->begun_in = conn->begun_out = 0;
	atomic_store_explicit(&conn->turn, DIRECTION_NONE, memory_order_relaxed);
	atomic_store_explicit(&conn->gap_ms, 0, memory_order_relaxed);
	atomic_store_explicit(&conn->last_ms, (uint32_t)clock_coarse_ms(), memory_order_relaxed);
	conn_set_phase(conn, PHASE_CONNECTING);
}

int64_t conn_age_ms(const struct conn *conn)
{
	return (int64_t)((clock_exact_ns() - conn->begun_ns) / 1000000);
}

void conn_opened(struct conn *conn)
{
	uint64_t elapsed_us = (clock_exact_ns() - conn->begun_ns) / 1000;
	conn->connect_us = elapsed_us > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed_us;
	conn->open_ms = (uint32_t)clock_coarse_ms();
	conn_set_phase(conn, PHASE_OPEN);
}

void conn_half_closed(struct conn *conn)
{
	if (conn->half_ms == 0) {
		conn->half_ms = (uint32_t)clock_coarse_ms();
	}
}

uint64_t conn_total(void)
{
	return atomic_load_explicit(&total, memory_order_relaxed);
}
