#include "passing.h"

#include <string.h>
#include "../log/log.h"
#include "../sys/scratch.h"

/* Which warning of a connection it is: a bit of conn->warned. A listener may overflow again. */
static uint8_t warning_bit(enum cause cause)
{
	switch (cause) {
	case CAUSE_SLOW_HANDSHAKE:
		return 1;
	case CAUSE_HANDSHAKE_ACK_LOST:
		return 2;
	case CAUSE_LOSING:
		return 4;
	case CAUSE_CLOSE_WAIT_LEAK:
		return 8;
	case CAUSE_FIN_UNANSWERED:
		return 16;
	case CAUSE_HALF_CLOSED:
		return 32;
	default:
		return 0;
	}
}

/* More bits of conn->warned. In passing a difference has to be found twice: a call of another thread
 * may just be under way. */
#define WARNED_SUSPECTED 64
#define WARNED_UNSEEN 128

bool passing_unseen_is_news(const struct conn *conn)
{
	return (conn->warned & WARNED_UNSEEN) == 0;
}

void passing_tell_unseen(struct desk *desk, const struct call *call)
{
	struct evidence *evidence = &desk->evidence;
	struct conn *conn = call->conn;
	enum surface surface = evidence->surface;
	bool found = evidence->unseen_in > 0 || evidence->unseen_out > 0;
	if (!found || !passing_unseen_is_news(conn) || !log_wants(LOG_RESETS)) {
		return;
	}
	if (surface == SURFACE_PASSING && (conn->warned & WARNED_SUSPECTED) == 0) {
		conn->warned |= WARNED_SUSPECTED;
		return;
	}
	conn->warned |= WARNED_UNSEEN;
	/* Who else has a socket that came from elsewhere is not known. */
	enum sure sure = evidence->learned ? SURE_LIKELY : SURE_CERTAIN;
	desk->verdict = (struct verdict){.cause = CAUSE_BLIND_SPOT, .sure = sure};
	evidence->surface = SURFACE_PASSING;
	desk_tell(desk, call);
	evidence->surface = surface;
}

static void judge_passing(struct desk *desk, struct call *call, int64_t stale_ms)
{
	struct evidence *evidence = &desk->evidence;
	memset(evidence, 0, sizeof *evidence);
	evidence->op = call->op;
	evidence->surface = SURFACE_PASSING;
	evidence->stale_ms = stale_ms;
	if (!evidence_collect(evidence, call->conn, call->fd)) {
		return;
	}
	passing_tell_unseen(desk, call);
	if (!why_judge(evidence, &desk->verdict)) {
		return;
	}
	uint8_t bit = warning_bit(desk->verdict.cause);
	if ((call->conn->warned & bit) != 0) {
		return;
	}
	call->conn->warned |= bit;
	evidence_collect_failure(evidence, call->conn, call->fd);
	desk_tell(desk, call);
}

void passing_report(struct call *call, int64_t stale_ms)
{
	struct desk *desk = log_wants(LOG_RESETS) ? scratch_take() : NULL;
	if (desk != NULL) {
		judge_passing(desk, call, stale_ms);
		scratch_give(desk);
	}
}
