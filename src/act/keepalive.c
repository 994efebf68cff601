/* keepalive=IDLE/INTERVAL/COUNT: SO_KEEPALIVE and its timers, where the program sets none. */
#include "act.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include "../sys/raw.h"

static bool set(int fd, int level, int name, uint64_t value)
{
	int number = (int)value;
	return raw_setsockopt(fd, level, name, &number, sizeof number) == 0;
}

static void opened(struct rule *rule, struct call *call)
{
	int on = 0;
	socklen_t size = sizeof on;
	bool first;
	raw_getsockopt(call->fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size);
	/* Where it was set before and is off, the program has taken it away. */
	if (on != 0 || !act_fires(rule, call, WHEN_CONNECT, &first) || !first) {
		return;
	}
	bool done =
		set(call->fd, IPPROTO_TCP, TCP_KEEPIDLE, rule->value.keepalive.idle_ms / 1000) &&
		set(call->fd, IPPROTO_TCP, TCP_KEEPINTVL,
		    rule->value.keepalive.interval_ms / 1000) &&
		set(call->fd, IPPROTO_TCP, TCP_KEEPCNT, rule->value.keepalive.count) &&
		set(call->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (!done) {
		act_refuse(rule, call, first, "the kernel refused the keepalive options");
		return;
	}
	char room[160];
	struct text by = text_in(room, sizeof room);
	text_format(&by,
		    "SO_KEEPALIVE on: the first probe after %t of silence, then every %t, dead "
		    "after %U without an answer",
		    (int64_t)rule->value.keepalive.idle_ms,
		    (int64_t)rule->value.keepalive.interval_ms, rule->value.keepalive.count);
	act_tell(rule, call, room);
}

const struct act act_KEEPALIVE = {.opened = opened};
