/*
 * idle-evict=DUR: a middlebox has forgotten the flow after DUR of silence. The next write is taken
 * and goes nowhere; the RST that answers it is met by the call after that.
 */
#include "act.h"

#include "../conn/evidence.h"
#include "../sys/memory.h"
#include "abort.h"
#include "reset_close.h"

/* Bytes that lead nowhere are not lost: the kernel does not take them. */
static bool can_be_taken(const struct call *call)
{
	for (size_t i = 0; i < call->piece_count; i++) {
		if (!memory_readable(call->pieces[i].iov_base, call->pieces[i].iov_len)) {
			return false;
		}
	}
	return true;
}

static bool at_write(struct rule *rule, struct call *call)
{
	struct conn *conn = call->conn;
	bool first;
	if ((conn->acted & ((uint32_t)1 << rule->action)) != 0 || call->asked == 0) {
		return false;
	}
	/* Silence on the wire: a middlebox does not see when the program reads. */
	uint32_t silence = evidence_silence(call->fd);
	if (silence < rule->value.duration_ms || !reset_close_possible(call->fd) ||
	    !can_be_taken(call) || !act_fires(rule, call, WHEN_WRITE, &first) || !first) {
		return false;
	}
	conn->injected = act_number(rule, call);
	struct aborted aborted;
	if (abort_connection(call, &aborted) < 0) {
		conn->injected = 0;
		act_refuse(rule, call, first, "the kernel refused connect with AF_UNSPEC");
		return false;
	}
	char room[300];
	struct text by = text_in(room, sizeof room);
	text_format(&by,
		    "after %t of silence %z were taken and lost, and the connection aborted: a RST "
		    "to the peer, ",
		    (int64_t)silence, (uint64_t)call->asked);
	text_string(&by, abort_error(&aborted));
	text_string(&by, " here at the next call");
	if (aborted.lost > 0) {
		text_string(&by, "; ");
		abort_say(&by, &aborted);
	}
	act_tell(rule, call, room);
	call->result = (ssize_t)call->asked;
	return true;
}

static bool at_read(struct rule *rule, struct call *call)
{
	(void)rule;
	return abort_answers_read(call);
}

static enum act_end at_close(struct rule *rule, struct call *call)
{
	(void)rule;
	abort_forget(call->conn);
	return ACT_END_SAME;
}

const struct act act_IDLE_EVICT = {
	.read = at_read,
	.write = at_write,
	.again = abort_mends_read,
	.close = at_close,
	.edited = abort_outlasts_edit,
};
