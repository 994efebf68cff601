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

/** Add the keys that name a call's connection; its local address is learned if need be. */
void event_about(struct event *event, const struct call *call);

#endif
