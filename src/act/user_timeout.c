/*
 * user-timeout=DUR: TCP_USER_TIMEOUT (RFC 5482), where the program sets none. A client's is there
 * before the SYN leaves, whose retransmissions it limits too: tcp_write_timeout().
 */
#include "act.h"

#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include "../conn/evidence.h"
#include "../sys/raw.h"

static uint32_t limit_of(int fd)
{
	uint32_t milliseconds = 0;
	socklen_t size = sizeof milliseconds;
	raw_getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &size);
	return milliseconds;
}

static bool set_limit(int fd, uint32_t milliseconds)
{
	return raw_setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
			      sizeof milliseconds) == 0;
}

/* The kernel takes an int. */
static uint32_t limit_wanted(const struct rule *rule)
{
	return rule->value.duration_ms < INT_MAX ? (uint32_t)rule->value.duration_ms : INT_MAX;
}

static void opened(struct rule *rule, struct call *call)
{
	bool first;
	/* Where it was set before and is gone, the program has taken it away. */
	if (limit_of(call->fd) != 0 || !act_fires(rule, call, WHEN_CONNECT, &first) || !first) {
		return;
	}
	uint32_t milliseconds = limit_wanted(rule);
	if (!set_limit(call->fd, milliseconds)) {
		act_refuse(rule, call, first, "the kernel refused TCP_USER_TIMEOUT");
		return;
	}
	char room[120];
	struct text by = text_in(room, sizeof room);
	text_format(&by, "TCP_USER_TIMEOUT set to %t", (int64_t)milliseconds);
	act_tell(rule, call, room);
}

static void before_connect(struct rule *rule, struct call *call, struct act_target *target)
{
	(void)target;
	opened(rule, call);
}

/* The socket may be connected again, to where no rule sets it. Not every error ends a connection. */
static void failed(struct rule *rule, struct call *call)
{
	bool acted = (call->conn->acted & ((uint32_t)1 << rule->action)) != 0;
	if (acted && evidence_state(call->fd) == STATE_CLOSE &&
	    limit_of(call->fd) == limit_wanted(rule)) {
		set_limit(call->fd, 0);
	}
}

const struct act act_USER_TIMEOUT = {
	.connect = before_connect,
	.opened = opened,
	.failed = failed,
};
