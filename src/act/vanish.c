/* vanish: TCP_REPAIR before the close, so that the socket goes without a segment, as in a power cut. */
#include "act.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include "../sys/raw.h"
#include "reset_close.h"

static enum act_end at_close(struct rule *rule, struct call *call)
{
	bool first;
	if (!reset_close_possible(call->fd) || !act_fires(rule, call, WHEN_CLOSE, &first)) {
		return ACT_END_SAME;
	}
	if (conn_holding(call->conn) != HOLDING_ALONE) {
		act_refuse(rule, call, first,
			   "another process may hold the socket, which would vanish for it, too");
		return ACT_END_SAME;
	}
	int on = TCP_REPAIR_ON;
	if (raw_setsockopt(call->fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) < 0) {
		act_refuse(rule, call, first, ACT_NEEDS_NET_ADMIN);
		return ACT_END_SAME;
	}
	act_tell(rule, call,
		 "TCP_REPAIR before the close: the socket is gone and nothing was sent");
	return ACT_END_NONE;
}

const struct act act_VANISH = {.close = at_close};
