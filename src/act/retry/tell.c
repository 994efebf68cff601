#include "tell.h"

#include "../../conn/about.h"
#include "../../log/event.h"
#include "../../log/log.h"
#include "../../rule/active.h"
#include "../../sys/clock.h"
#include "../../sys/errnames.h"
#include "../../sys/scratch.h"

static const char *const reason_texts[REASON_COUNT] = {
#define REASON(symbol, condition, text) [REASON_##symbol] = text " (condition " #condition ")",
#include "reasons.def"
#undef REASON
};

static void add_rule(struct event *event, const struct session *session)
{
	const struct rules *set = rules_of(session->rules);
	char room[200];
	struct text text = text_in(room, sizeof room);
	if (set == NULL || session->rule == 0) {
		return;
	}
	text_format(&text, "%u %s", session->rule, set->rules[session->rule - 1].text);
	event_string(event, KEY_RULE, room);
}

static void begin(struct event *event, char *line, const struct call *call, const char *did)
{
	event_begin(event, EVENT_RETRY, line, EVENT_LARGE);
	event_about(event, call);
	event_string(event, KEY_DID, did);
}

/* The call that met the end of the connection, and what it would have been told. */
static void add_failure(struct event *event, enum op op, int error)
{
	event_word(event, KEY_OP, op_word(op));
	event_error(event, KEY_ERRNO, error);
}

void tell_refused(const struct session *session, const struct call *call, enum reason reason,
		  int detail)
{
	char *line = log_wants(LOG_RESETS) ? scratch_take() : NULL;
	if (line == NULL) {
		return;
	}
	struct event event;
	begin(&event, line, call, "refused");
	add_failure(&event, call->op, call->error);
	char room[200];
	struct text text = text_in(room, sizeof room);
	text_string(&text, reason_texts[reason]);
	if (detail != 0) {
		text_string(&text, ": ");
		errno_write(&text, detail);
	}
	event_string(&event, KEY_REASON, room);
	event_unsigned(&event, KEY_TRY, session->tries);
	add_rule(&event, session);
	event_send(&event);
	scratch_give(line);
}

void tell_renewed(const struct session *session, const struct call *call)
{
	char *line = log_wants(LOG_RESETS) ? scratch_take() : NULL;
	if (line == NULL) {
		return;
	}
	struct event event;
	uint64_t ms = clock_since_ns(session->began_ns) / 1000000;
	begin(&event, line, call, session->before_request ? "renewed" : "retried");
	if (session->before_request) {
		event_string(&event, KEY_BY,
			     session->by_rule
				     ? "a rule had ended the idle connection; a new one was made "
				       "before the request was sent"
				     : "the peer had ended the idle connection; a new one was made "
				       "before the request was sent");
	} else {
		add_failure(&event, (enum op)session->original_op, session->original);
		event_string(&event, KEY_BY, "the request was sent again over a new connection");
		event_unsigned(&event, KEY_RESENT, session->sent.length);
		event_unsigned(&event, KEY_TRY, session->tries);
	}
	event_unsigned(&event, KEY_MS, ms);
	add_rule(&event, session);
	event_send(&event);
	scratch_give(line);
}
