#include "about.h"

void event_about(struct event *event, const struct call *call)
{
	struct conn *conn = call->conn;
	uint64_t number = conn->number;
	conn_learn_local(conn, call->fd);
	const struct line_ends ends = {
		.side = side_name((enum side)conn->side),
		.local = conn_local(conn),
		.peer = conn_peer(conn),
	};
	event_connection(event, call->fd, number, &ends);
}
