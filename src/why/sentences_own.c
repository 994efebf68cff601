/* What we did ourselves. */
#include "sentences.h"

#include "signs.h"

static const char *what_is_sent(const struct evidence *e)
{
	return may_end_first(e)
		       ? "a RST behind its FIN, unless the peer's FIN or last ACK comes first"
		       : "a RST instead of a FIN";
}

static void closed_unread(const struct evidence *e, struct text *text)
{
	text_format(text, "%s with %z unread in the receive buffer: the kernel sends %s",
		    e->surface == SURFACE_EXIT ? "the process ended"
		    : e->op == OP_EXECVE       ? "exec closed this descriptor (FD_CLOEXEC)"
					       : "the program closed",
		    (uint64_t)e->inq, what_is_sent(e));
	/* What was sent may arrive yet, before the RST; it is not sent again. */
	if (e->outq > 0) {
		text_format(text, ", and %z of ours unsent or unacknowledged may be lost",
			    (uint64_t)e->outq);
	}
	say_inherited(e, text);
}

static void closed_linger0(const struct evidence *e, struct text *text)
{
	text_string(text, "SO_LINGER {1,0} was set");
	if (e->linger_ago_ms != NEVER) {
		text_format(text, " by the program %t ago", e->linger_ago_ms);
	} else {
		text_string(text, " before this process had the socket, or on its listener");
	}
	text_format(text, ": close sends %s", what_is_sent(e));
	if (e->outq > 0) {
		text_format(text, ", and %z unsent or unacknowledged are discarded",
			    (uint64_t)e->outq);
	}
	say_inherited(e, text);
}

static void disconnected(const struct evidence *e, struct text *text)
{
	if (e->surface != SURFACE_DISCONNECT) {
		text_string(text, "another thread, or another process that has this socket, "
				  "disconnected it (connect with AF_UNSPEC), as a rule of resetby "
				  "there would: the kernel sent a RST and began its counts anew");
		return;
	}
	text_format(text,
		    "connect with AF_UNSPEC in state %s: the kernel sends a RST, and leaves "
		    "ECONNRESET for the next recv or send",
		    state_name(e->state));
}

static void listener_closed(const struct evidence *e, struct text *text)
{
	text_format(text,
		    "the listener was %s with %N in its accept queue: each that its client has not "
		    "reset there gets a RST",
		    e->op == OP_SHUTDOWN ? "shut down" : "closed", (uint64_t)e->accept_queue,
		    "established connection");
	say_inherited(e, text);
}

static void exit_open(const struct evidence *e, struct text *text)
{
	if (e->inq > 0) {
		closed_unread(e, text);
	} else {
		text_string(text, "the process ended with this connection open, and ");
		closed_linger0(e, text);
	}
}

static void wrote_after_shutdown(const struct evidence *e, struct text *text)
{
	if (e->shut_elsewhere) {
		text_string(text, "another thread, or another process that has this socket, had "
				  "shut down its writing side");
		text_string(text, e->state == STATE_CLOSE ? "" : "; no RST was met");
		return;
	}
	text_format(text,
		    "the program had shut down its writing side itself %t ago; no RST was met",
		    e->shut_write_ago_ms);
}

say *const sentences_own[CAUSE_COUNT] = {
	[CAUSE_CLOSED_UNREAD] = closed_unread, [CAUSE_CLOSED_LINGER0] = closed_linger0,
	[CAUSE_DISCONNECTED] = disconnected,   [CAUSE_LISTENER_CLOSED] = listener_closed,
	[CAUSE_EXIT_OPEN] = exit_open,         [CAUSE_WROTE_AFTER_SHUTDOWN] = wrote_after_shutdown,
};
