/* What is not well with a connection that lives. */
#include "sentences.h"

#include "schedule.h"

static void slow_handshake(const struct evidence *e, struct text *text)
{
	text_format(text, "connected after %t and %N", e->connect_ms, (uint64_t)e->total_retrans,
		    "SYN retransmission");
	text_string(text, ": a SYN or SYN-ACK was lost, or the server's queue was full");
}

static void handshake_ack_lost(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "connected %t ago, %z written and sent %N over, none of it acknowledged, "
		    "while %N arrived: the peer goes on sending its SYN-ACK",
		    e->age_ms, e->bytes_out, (uint64_t)e->retransmits, "time", (uint64_t)e->segs_in,
		    "segment");
}

static void losing(const struct evidence *e, struct text *text)
{
	text_format(text, "%z", (uint64_t)e->outq);
	say_attempts(e, text);
	text_format(text, "; the last sign of the peer was %t ago", (int64_t)e->last_ack_recv_ms);
	schedule_write_retries2(text, e);
}

static void close_wait_leak(const struct evidence *e, struct text *text)
{
	text_format(text, "the peer closed at least %t ago and this descriptor is still open",
		    e->half_ms);
	if (e->inq > 0) {
		text_format(text, ", with %z unread", (uint64_t)e->inq);
	}
}

static void fin_unanswered(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "our FIN has been sent again %N without an acknowledgement, for at least "
		    "%t (state %s)",
		    (uint64_t)e->retransmits, "time", e->half_ms, state_name(e->state));
	if (e->orphan_retries >= 0) {
		/* tcp_orphan_retries(): 0 means 8. */
		text_format(text, "; after close the kernel gives up after %N",
			    (uint64_t)(e->orphan_retries == 0 ? 8 : e->orphan_retries),
			    "retransmission");
	}
}

static void half_closed(const struct evidence *e, struct text *text)
{
	text_format(text, "we shut down at least %t ago, the peer acknowledged and goes on",
		    e->half_ms);
	if (e->fin_timeout_s >= 0) {
		text_format(text, "; after close the kernel ends it in %t (tcp_fin_timeout)",
			    e->fin_timeout_s * 1000);
	}
}

say *const sentences_warning[CAUSE_COUNT] = {
	[CAUSE_SLOW_HANDSHAKE] = slow_handshake,
	[CAUSE_HANDSHAKE_ACK_LOST] = handshake_ack_lost,
	[CAUSE_LOSING] = losing,
	[CAUSE_CLOSE_WAIT_LEAK] = close_wait_leak,
	[CAUSE_FIN_UNANSWERED] = fin_unanswered,
	[CAUSE_HALF_CLOSED] = half_closed,
};
