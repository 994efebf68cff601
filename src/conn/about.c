#include "about.h"

void event_about(struct event *event, const struct call *call)
{
	struct conn *conn = call->conn;
	conn_learn_local(conn, call->fd);
	struct addr local = conn_local(conn);
	struct addr peer = conn_peer(conn);
	event_connection(event, call->fd, conn->number, side_name((enum side)conn->side), &local,
			 &peer);
}
