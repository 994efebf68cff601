#include "conn.h"

#include <string.h>

/* Which way a request goes, seen from here. */
static enum direction request_direction(const struct conn *conn)
{
	return conn->side == SIDE_SERVER ? DIRECTION_READ : DIRECTION_WRITE;
}

void conn_turned(struct conn *conn, enum direction direction)
{
	atomic_store_explicit(&conn->turn, (uint8_t)direction, memory_order_relaxed);
	if (direction == request_direction(conn)) {
		atomic_store_explicit(&conn->exchange_in, 0, memory_order_relaxed);
		atomic_store_explicit(&conn->exchange_out, 0, memory_order_relaxed);
		conn->head_length = 0;
	}
}

void conn_spoke_after(struct conn *conn, uint32_t silence_ms)
{
	/* The wait between connect and the first write is no silence of an idle connection. */
	if (atomic_load_explicit(&conn->turn, memory_order_relaxed) != DIRECTION_NONE ||
	    conn->learned) {
		atomic_store_explicit(&conn->gap_ms, silence_ms, memory_order_relaxed);
	}
}

void conn_remember_head(struct conn *conn, enum direction direction, const char *bytes,
			size_t count)
{
	if (direction != request_direction(conn)) {
		return;
	}
	if (atomic_load_explicit(&conn->turn, memory_order_relaxed) != direction) {
		conn_turned(conn, direction);
	}
	/* A write that was refused comes again: the place follows from what was counted. */
	uint64_t place = atomic_load_explicit(direction == DIRECTION_READ ? &conn->exchange_in
									  : &conn->exchange_out,
					      memory_order_relaxed);
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
	uint64_t in = atomic_load_explicit(&conn->exchange_in, memory_order_relaxed);
	uint64_t out = atomic_load_explicit(&conn->exchange_out, memory_order_relaxed);
	bool server = request_direction(conn) == DIRECTION_READ;
	*request = server ? in : out;
	*response = server ? out : in;
}
