/* What ran out. tcpi_retransmits counts time-outs in a row; probes of a lost tail are no time-outs. */
#include "sentences.h"

#include "../sys/errnames.h"
#include "schedule.h"
#include "signs.h"

static const char kept_back[] =
	"though the peer's window has room: the segments do not leave this host (its address or "
	"route is gone, an interface is down, or a local firewall drops them)";

static void say_what_waits(const struct evidence *e, struct text *text)
{
	if (e->outq == 0 && e->fin_unacked) {
		text_string(text, "our FIN");
	} else {
		text_format(text, "%z", (uint64_t)(e->outq > 0 ? e->outq : 0));
	}
}

/* Where the errno is not the time-out's own. */
static void say_who_refuses(const struct evidence *e, struct text *text)
{
	if (!is_icmp_errno(e->error)) {
		return;
	}
	text_string(text, e->route_gone ? "; this host's own routes lead there no more ("
					: "; meanwhile ICMP errors came back (");
	errno_write(text, e->error);
	text_string(text, e->route_gone
				  ? ")"
				  : "): a firewall or router on the way refuses, or knows no way");
}

void say_attempts(const struct evidence *e, struct text *text)
{
	if (kept_here(e)) {
		text_format(text, " could not be sent in %N, %s", (uint64_t)e->probes, "attempt",
			    kept_back);
	} else {
		text_format(text, " stayed unacknowledged through %N", (uint64_t)e->retransmits,
			    "retransmission time-out");
	}
}

static void retransmit_limit(const struct evidence *e, struct text *text)
{
	say_what_waits(e, text);
	say_attempts(e, text);
	text_format(text, "; the last sign of the peer was %t ago", (int64_t)e->last_ack_recv_ms);
	schedule_write_retries2(text, e);
	say_who_refuses(e, text);
	say_where(e, text);
}

static void user_timeout(const struct evidence *e, struct text *text)
{
	uint64_t waiting = (uint64_t)(e->outq > 0 ? e->outq : 0);
	if (kept_here(e)) {
		text_format(text, "%z could not be sent for longer than TCP_USER_TIMEOUT (%t), %s",
			    waiting, (int64_t)e->user_timeout_ms, kept_back);
	} else if (e->retransmits == 0) {
		text_format(text,
			    "%z could not be sent for longer than TCP_USER_TIMEOUT (%t), because "
			    "the peer's window stayed closed",
			    waiting, (int64_t)e->user_timeout_ms);
	} else {
		text_format(text,
			    "%z stayed unacknowledged for longer than TCP_USER_TIMEOUT (%t), "
			    "through %N",
			    waiting, (int64_t)e->user_timeout_ms, (uint64_t)e->retransmits,
			    "retransmission time-out");
	}
	say_where(e, text);
}

static void keepalive_limit(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "the connection was idle and %N got no answer (first after %t, "
		    "then every %t, %u in all); the last sign of the peer was %t ago",
		    (uint64_t)e->probes, "keepalive probe", (int64_t)e->keepalive_idle_s * 1000,
		    (int64_t)e->keepalive_interval_s * 1000, e->keepalive_count,
		    (int64_t)e->last_ack_recv_ms);
	say_who_refuses(e, text);
	say_where(e, text);
}

static void zero_window_limit(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "the peer's window was closed with %z of ours waiting, and %N of it got no "
		    "answer",
		    (uint64_t)(e->unsent > 0 ? e->unsent : 0), (uint64_t)e->probes, "probe");
	say_where(e, text);
}

say *const sentences_timeout[CAUSE_COUNT] = {
	[CAUSE_RETRANSMIT_LIMIT] = retransmit_limit,
	[CAUSE_USER_TIMEOUT] = user_timeout,
	[CAUSE_KEEPALIVE_LIMIT] = keepalive_limit,
	[CAUSE_ZERO_WINDOW_LIMIT] = zero_window_limit,
};
