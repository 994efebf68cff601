/* Which connection a log line is about. */
#ifndef RESETBY_CONN_ABOUT_H
#define RESETBY_CONN_ABOUT_H

#include "../log/event.h"
#include "call.h"

/** What it is called in a line; after its number has been read (conn_begin). */
static inline struct line_ends conn_ends(const struct conn *conn)
{
	return (struct line_ends){
		.side = side_name((enum side)conn->side),
		.local = conn_local(conn),
		.peer = conn_peer(conn),
	};
}

/* How much of a record's generation is in its key; the rest is the record. */
#define KEY_GENERATION_BITS 24

/** What a name that is kept of it is good for; a record can be a listener again, as another one. */
static inline uint64_t conn_key(const struct conn *conn)
{
	uint64_t number = atomic_load_explicit(&conn->number, memory_order_acquire);
	if (number != 0 ||
	    atomic_load_explicit(&conn->phase, memory_order_relaxed) != PHASE_LISTENING) {
		return number;
	}
	uint64_t generation = atomic_load_explicit(&conn->generation, memory_order_relaxed);
	uint64_t record = (uint64_t)(uintptr_t)conn / CONN_SIZE;
	uint64_t mask = ((uint64_t)1 << KEY_GENERATION_BITS) - 1;
	return LINE_LISTENER | record << KEY_GENERATION_BITS | (generation & mask);
}

/** Add the keys that name a call's connection; its local address is learned if need be. */
void event_about(struct event *event, const struct call *call);

#endif
