/*
 * drain[=DUR]: lingering close. The FIN goes out, and what the peer still sends is read and thrown
 * away, so that no RST destroys the response on its way (RFC 9112 9.6). A blocking program waits in
 * its close; a non-blocking one goes on, and its connection is drained at its later calls (kept.h).
 */
#include "act.h"

#include "../conn/evidence.h"
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "kept.h"

#define DRAIN_DEFAULT_MS 1000

/* The peer may still send, or has sent what nobody read. */
static bool may_receive(int fd)
{
	switch (evidence_state(fd)) {
	case STATE_ESTABLISHED:
	case STATE_FIN_WAIT1:
	case STATE_FIN_WAIT2:
	case STATE_CLOSE_WAIT:
		return true;
	default:
		return false;
	}
}

/* With SO_LINGER {1,0} a RST is wanted. */
static bool ends_without_fin(int fd)
{
	struct linger linger = {0};
	socklen_t size = sizeof linger;
	raw_getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size);
	return linger.l_onoff != 0 && linger.l_linger == 0;
}

static void wait_and_drain(int fd, uint64_t limit_ms, struct drained *drained)
{
	uint64_t start = clock_coarse_ms();
	for (;;) {
		drain_arrived(fd, drained);
		uint64_t waited = clock_coarse_ms() - start;
		if (drained->finished || waited >= limit_ms) {
			return;
		}
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		raw_poll(&ready, 1, (long)(limit_ms - waited));
	}
}

static void tell(struct rule *rule, struct call *call, const struct drained *drained,
		 uint64_t since_ms, const char *end)
{
	char room[200];
	struct text by = text_in(room, sizeof room);
	text_format(&by, "shut down and drained %z in %t, ", drained->bytes,
		    (int64_t)(clock_coarse_ms() - since_ms));
	text_string(&by, drained->finished ? "then the peer was done" : end);
	act_tell(rule, call, room);
}

static enum act_end at_close(struct rule *rule, struct call *call)
{
	bool first;
	if (ends_without_fin(call->fd) || conn_holding(call->conn) == HOLDING_SHARED ||
	    !may_receive(call->fd) || !act_fires(rule, call, WHEN_CLOSE, &first)) {
		return ACT_END_SAME;
	}
	uint64_t limit_ms = rule->has_value ? rule->value.duration_ms : DRAIN_DEFAULT_MS;
	uint64_t start = clock_coarse_ms();
	struct drained drained = {0};
	evidence_shutting(call->conn, evidence_state(call->fd));
	raw2(SYS_shutdown, call->fd, SHUT_WR);
	conn_set(call->conn, CONN_SHUT_WRITE);
	drain_arrived(call->fd, &drained);
	long flags = raw_fcntl(call->fd, F_GETFL, 0);
	const char *end = "then the time was up";
	if (!drained.finished && flags >= 0 && (flags & O_NONBLOCK) != 0 && call->op != OP_EXIT) {
		end = kept_add(rule, call, limit_ms, true) == 0
			      ? "and goes on at the program's later calls"
			      : "and no longer, for too many sockets are kept open already";
	} else if (!drained.finished) {
		wait_and_drain(call->fd, limit_ms, &drained);
	}
	tell(rule, call, &drained, start, end);
	return ACT_END_SAME;
}

const struct act act_DRAIN = {.close = at_close};
