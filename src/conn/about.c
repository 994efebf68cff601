#include "about.h"

void event_about(struct event *event, const struct call *call)
{
	struct conn *conn = call->conn;
	uint64_t key = conn_key(conn);
	conn_learn_local(conn, call->fd);
	const struct line_ends ends = conn_ends(conn);
	event_connection(event, call->fd, key, &ends);
}
