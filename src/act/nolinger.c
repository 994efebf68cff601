/* nolinger: the program's SO_LINGER {1,0} is accepted, and the kernel never hears of it. */
#include "act.h"

#include "../sys/raw.h"

static bool is_abort(const struct linger *linger)
{
	return linger->l_onoff != 0 && linger->l_linger == 0;
}

/* A linger time set earlier would make the close wait: {1,0} takes that off, and so do we. */
static void hide(struct rule *rule, struct call *call, const char *by)
{
	struct linger none = {0};
	raw_setsockopt(call->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	conn_set(call->conn, CONN_LINGER_HIDDEN);
	act_tell(rule, call, by);
}

static bool set_linger(struct rule *rule, struct call *call, const struct linger *linger)
{
	bool first;
	if (!is_abort(linger)) {
		conn_clear(call->conn, CONN_LINGER_HIDDEN);
		return false;
	}
	if (!act_fires(rule, call, WHEN_CLOSE, &first)) {
		return false;
	}
	hide(rule, call, "SO_LINGER {1,0} accepted and not applied");
	return true;
}

/* Set before the connection was made, or on its listener. */
static void opened(struct rule *rule, struct call *call)
{
	struct linger linger = {0};
	socklen_t size = sizeof linger;
	bool first;
	if (raw_getsockopt(call->fd, SOL_SOCKET, SO_LINGER, &linger, &size) < 0 ||
	    !is_abort(&linger) || !act_fires(rule, call, WHEN_CLOSE, &first)) {
		return;
	}
	hide(rule, call, "SO_LINGER {1,0}, set before the connection was made, taken off again");
}

const struct act act_NOLINGER = {.opened = opened, .set_linger = set_linger};
