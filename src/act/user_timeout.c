/* user-timeout=DUR: TCP_USER_TIMEOUT (RFC 5482), where the program sets none. */
#include "act.h"

#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include "../sys/raw.h"

static void opened(struct rule *rule, struct call *call)
{
	uint32_t milliseconds = 0;
	socklen_t size = sizeof milliseconds;
	bool first;
	raw_getsockopt(call->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &size);
	if (milliseconds != 0 || !act_fires(rule, call, WHEN_CONNECT, &first)) {
		return;
	}
	milliseconds =
		rule->value.duration_ms < INT_MAX ? (uint32_t)rule->value.duration_ms : INT_MAX;
	if (raw_setsockopt(call->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
			   sizeof milliseconds) < 0) {
		act_refuse(rule, call, "the kernel refused TCP_USER_TIMEOUT");
		return;
	}
	char room[120];
	struct text by = text_in(room, sizeof room);
	text_format(&by, "TCP_USER_TIMEOUT set to %t", (int64_t)milliseconds);
	act_tell(rule, call, room);
}

const struct act act_USER_TIMEOUT = {.opened = opened};
