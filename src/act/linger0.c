/* linger0: SO_LINGER {1,0} before the close, tcp_close() -> tcp_disconnect(): RST instead of FIN. */
#include "act.h"

#include "../conn/evidence.h"
#include "reset_close.h"

static enum act_end at_close(struct rule *rule, struct call *call)
{
	bool first;
	if (!reset_close_possible(call->fd) || !act_fires(rule, call, WHEN_CLOSE, &first)) {
		return ACT_END_SAME;
	}
	struct reset_close done = reset_close_by_linger(call->fd);
	char room[200];
	struct text by = text_in(room, sizeof room);
	reset_close_write(&by, &done, call->conn);
	act_tell(rule, call, room);
	return done.set ? ACT_END_RST : ACT_END_SAME;
}

const struct act act_LINGER0 = {.close = at_close};
