/*
 * drop=SEGMENT: a segment of handshake or teardown never arrives (filter.h). Where the filter sits
 * depends on the segment: on a listener for the handshake's first and third, on a client's socket
 * for its second, on the connection for the others.
 */
#include "act.h"

#include "../conn/evidence.h"
#include "../sys/units.h"
#include "filter.h"

#define LOSES "a socket filter loses arriving segments: "

static const struct {
	struct filter filter;
	unsigned when; /* at which call the filter is put on */
	const char *by;
} segments[] = {
	[SEGMENT_SYN] = {{.mask = TCP_SYN | TCP_ACK, .value = TCP_SYN},
			 WHEN_CONNECT,
			 LOSES "SYNs to this listener"},
	[SEGMENT_SYNACK] = {{.mask = TCP_SYN | TCP_ACK, .value = TCP_SYN | TCP_ACK},
			    WHEN_CONNECT,
			    LOSES "SYN-ACKs"},
	/* Any segment but SYN and RST would complete the handshake. */
	[SEGMENT_ACK] = {{.mask = TCP_SYN | TCP_RST, .value = 0},
			 WHEN_CONNECT,
			 LOSES "the handshake's ACKs, and data in their place, to this listener"},
	[SEGMENT_FIN] = {{.mask = TCP_FIN, .value = TCP_FIN}, WHEN_CONNECT, LOSES "FINs"},
	/* Whatever comes after our FIN acknowledges it. */
	[SEGMENT_FINACK] = {{.mask = TCP_RST, .value = 0},
			    WHEN_CLOSE,
			    LOSES "all that could acknowledge our FIN"},
	[SEGMENT_RST] = {{.mask = TCP_RST | TCP_FIN, .value = 0, .unless = true},
			 WHEN_CONNECT,
			 LOSES "RSTs and FINs"},
	[SEGMENT_ALL] = {{.mask = 0, .value = 0}, WHEN_CONNECT, LOSES "all segments"},
};

/* Before it could be lost, as with a client that has shut down before it is accepted. */
static bool fin_has_come(int fd)
{
	enum tcp_state_number state = evidence_state(fd);
	return state == STATE_CLOSE_WAIT || state == STATE_CLOSE;
}

static void put_on(struct rule *rule, struct call *call, unsigned when)
{
	bool first;
	if (rule->value.segment == SEGMENT_FIN && fin_has_come(call->fd)) {
		if (act_fires(rule, call, when, &first) && first) {
			act_refuse(rule, call, first, "the peer's FIN had come already");
		}
		return;
	}
	struct filter filter = segments[rule->value.segment].filter;
	filter.chance = PROBABILITY_ONE;
	if (rule_stage(rule) == STAGE_LISTEN) {
		/* Nobody can be told apart before the handshake but by the segment itself. */
		filter.chance = rule->probability;
		filter.from = rule->has_to ? &rule->to : NULL;
	}
	filter_put_on(rule, call, when, &filter, segments[rule->value.segment].by);
}

static bool is_due_at(const struct rule *rule, unsigned when)
{
	return (segments[rule->value.segment].when & when) != 0;
}

static void listening(struct rule *rule, struct call *call)
{
	put_on(rule, call, WHEN_CONNECT);
}

static void before_connect(struct rule *rule, struct call *call, struct act_target *target)
{
	(void)target;
	if (rule->value.segment == SEGMENT_SYNACK) {
		put_on(rule, call, WHEN_CONNECT);
	}
}

static void in_connection(struct rule *rule, struct call *call, unsigned when)
{
	if (is_due_at(rule, WHEN_CONNECT) && rule_stage(rule) == STAGE_OPEN) {
		put_on(rule, call, when);
	}
}

static void opened(struct rule *rule, struct call *call)
{
	in_connection(rule, call, WHEN_CONNECT);
}

/* A rule with after= or when= is due in the middle of the connection, or at its end. */
static bool at_read(struct rule *rule, struct call *call)
{
	in_connection(rule, call, WHEN_READ);
	return false;
}

static bool at_write(struct rule *rule, struct call *call)
{
	in_connection(rule, call, WHEN_WRITE);
	return false;
}

static bool has_an_end_to_come(const struct rule *rule, const struct call *call)
{
	return rule_stage(rule) == STAGE_OPEN && evidence_state(call->fd) != STATE_CLOSE;
}

static void before_fin(struct rule *rule, struct call *call)
{
	if (has_an_end_to_come(rule, call)) {
		put_on(rule, call, WHEN_CLOSE);
	}
}

/* The filter stays on after the close, where the kernel goes on alone, or another process. */
static enum act_end at_close(struct rule *rule, struct call *call)
{
	bool first;
	if (conn_holding(call->conn) != HOLDING_SHARED) {
		before_fin(rule, call);
	} else if (has_an_end_to_come(rule, call) && act_fires(rule, call, WHEN_CLOSE, &first)) {
		act_refuse(rule, call, first,
			   "another process may hold the socket, and would lose its segments, too");
	}
	return ACT_END_SAME;
}

const struct act act_DROP = {
	.listening = listening,
	.connect = before_connect,
	.opened = opened,
	.read = at_read,
	.write = at_write,
	.shutdown = before_fin,
	.close = at_close,
	.ended = filter_take_off,
};
