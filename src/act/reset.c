/* reset: the connection is aborted in the middle (abort.h), as if the peer's RST had come. */
#include "act.h"

#include "abort.h"
#include "reset_close.h"

static void strike(struct rule *rule, struct call *call, unsigned when)
{
	bool first;
	if ((call->conn->acted & ((uint32_t)1 << rule->action)) != 0 ||
	    !reset_close_possible(call->fd) || !act_fires(rule, call, when, &first) || !first) {
		return;
	}
	call->conn->injected = act_number(rule, call);
	struct aborted aborted;
	if (abort_connection(call, &aborted) < 0) {
		call->conn->injected = 0;
		act_refuse(rule, call, first, "the kernel refused connect with AF_UNSPEC");
		return;
	}
	char room[200];
	struct text by = text_in(room, sizeof room);
	text_string(&by, "connect with AF_UNSPEC: a RST to the peer, ");
	text_string(&by, abort_error(&aborted));
	text_string(&by, " here; ");
	abort_say(&by, &aborted);
	act_tell(rule, call, room);
}

static bool at_read(struct rule *rule, struct call *call)
{
	strike(rule, call, WHEN_READ);
	return abort_answers_read(call);
}

static bool at_write(struct rule *rule, struct call *call)
{
	strike(rule, call, WHEN_WRITE);
	return false;
}

static enum act_end at_close(struct rule *rule, struct call *call)
{
	(void)rule;
	abort_forget(call->conn);
	return ACT_END_SAME;
}

const struct act act_RESET = {
	.read = at_read,
	.write = at_write,
	.again = abort_mends_read,
	.close = at_close,
	.edited = abort_outlasts_edit,
};
