#include "note.h"

#include <string.h>

/* Which way a request goes, seen from here. */
static enum direction request_direction(const struct conn *conn)
{
	return conn->side == SIDE_SERVER ? DIRECTION_READ : DIRECTION_WRITE;
}

/* Bytes since the current request began. */
static uint64_t exchange_in(const struct conn *conn)
{
	return atomic_load_explicit(&conn->bytes_in, memory_order_relaxed) -
	       atomic_load_explicit(&conn->begun_in, memory_order_relaxed);
}

static uint64_t exchange_out(const struct conn *conn)
{
	return atomic_load_explicit(&conn->bytes_out, memory_order_relaxed) -
	       atomic_load_explicit(&conn->begun_out, memory_order_relaxed);
}

bool conn_says_goodbye(const struct conn *conn)
{
	uint8_t size = atomic_load_explicit(&conn->goodbye, memory_order_relaxed);
	uint8_t turn = atomic_load_explicit(&conn->turn, memory_order_relaxed);
	uint64_t moved = turn == DIRECTION_READ ? exchange_in(conn) : exchange_out(conn);
	return size != 0 && moved == size;
}

void conn_turned(struct conn *conn, enum direction direction, size_t bytes, const void *head)
{
	uint8_t goodbye = head != NULL ? goodbye_size(head) : 0;
	atomic_store_explicit(&conn->goodbye, goodbye, memory_order_relaxed);
	atomic_store_explicit(&conn->turn, (uint8_t)direction, memory_order_relaxed);
	if (direction == request_direction(conn)) {
		bool in = direction == DIRECTION_READ;
		conn_count(&conn->begun_in, exchange_in(conn) - (in ? bytes : 0));
		conn_count(&conn->begun_out, exchange_out(conn) - (in ? 0 : bytes));
		if (atomic_load_explicit(&conn->head_ahead, memory_order_relaxed)) {
			atomic_store_explicit(&conn->head_ahead, false, memory_order_relaxed);
		} else {
			atomic_store_explicit(&conn->head_length, 0, memory_order_relaxed);
		}
	}
	if (direction == DIRECTION_READ) {
		/* An answer: the silence before the write did no harm. */
		atomic_store_explicit(&conn->gap_ms, 0, memory_order_relaxed);
	}
}

void conn_spoke(struct conn *conn, uint32_t silence_ms, size_t bytes, const void *head)
{
	uint8_t turn = atomic_load_explicit(&conn->turn, memory_order_relaxed);
	/* The wait between connect and the first write is no silence of an idle connection. */
	if (silence_ms >= GAP_MIN_MS && (turn != DIRECTION_NONE || conn_is(conn, CONN_LEARNED))) {
		atomic_store_explicit(&conn->gap_ms, silence_ms, memory_order_relaxed);
	}
	if (turn != DIRECTION_WRITE) {
		conn_turned(conn, DIRECTION_WRITE, bytes, head);
	}
}

void conn_remember_head(struct conn *conn, enum direction direction, const char *bytes,
			size_t count)
{
	if (direction != request_direction(conn)) {
		return;
	}
	bool begins = atomic_load_explicit(&conn->turn, memory_order_relaxed) != direction;
	bool ahead = begins && direction == DIRECTION_WRITE;
	if (begins && !ahead) {
		conn_turned(conn, direction, 0, count >= GOODBYE_HEAD ? bytes : NULL);
	}
	/* A write that was refused comes again: the place follows from what was counted. */
	uint64_t place = ahead                         ? 0
			 : direction == DIRECTION_READ ? exchange_in(conn)
						       : exchange_out(conn);
	atomic_store_explicit(&conn->head_ahead, ahead, memory_order_relaxed);
	if (place >= sizeof conn->head) {
		return;
	}
	size_t room = sizeof conn->head - place;
	if (count > room) {
		count = room;
	}
	memcpy(conn->head + place, bytes, count);
	conn->head_length = (uint8_t)(place + count);
}

void conn_exchange(const struct conn *conn, uint64_t *request, uint64_t *response)
{
	uint64_t in = exchange_in(conn);
	uint64_t out = exchange_out(conn);
	bool server = request_direction(conn) == DIRECTION_READ;
	*request = server ? in : out;
	*response = server ? out : in;
}
