/*
 * An action replaces a dead connection by a new one on the same socket (retry): the end of the one
 * and the beginning of the other are told like any other.
 */
#include "../conn/evidence.h"
#include "../log/log.h"
#include "flow.h"
#include "renewal.h"
#include "report.h"
#include "tally.h"

static enum ending explain(struct call *call)
{
	enum direction direction = op_direction(call->op);
	if (call->op == OP_GETSOCKOPT) {
		direction = (enum direction)atomic_load(&call->conn->waiting);
		return report(call, SURFACE_SO_ERROR,
			      direction == DIRECTION_NONE ? DIRECTION_READ : direction, false);
	}
	if (call->result < 0) {
		return report(call, SURFACE_RETURN, direction, false);
	}
	return direction == DIRECTION_READ ? report(call, SURFACE_EOF, direction, false)
					   : ENDING_NONE;
}

static void died(struct call *call)
{
	enum ending ending = explain(call);
	if (log_wants(LOG_CONNS)) {
		report_close(call, ending, evidence_path(call->fd), false);
	}
}

static void renewed(struct call *call)
{
	struct call connect = *call;
	connect.op = OP_CONNECT;
	connect.result = 0;
	connect.error = 0;
	act_match(&connect, STAGE_CONNECT);
	conn_set_phase(call->conn, PHASE_CONNECTING);
	tally_established(conn_peer(call->conn));
	flow_opened(&connect);
}

void renewal_start(void)
{
	static const struct act_observer observer = {.died = died, .renewed = renewed};
	act_observe(&observer);
}
