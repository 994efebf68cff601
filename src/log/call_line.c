#include "call_line.h"

#include "../sys/errnames.h"
#include "event.h"
#include "line.h"
#include "log.h"

/* Everything but head, name and end, with numbers at their longest. */
#define FACTS_SIZE 160

_Static_assert(LINE_HEAD_SIZE + LINE_FRONT_SIZE + FACTS_SIZE + LINE_BACK_SIZE + LINE_TAIL_SIZE <
		       EVENT_SMALL,
	       "any call's line has room");

static inline char *write_error(char *at, int error)
{
	const struct pen_word *name = errno_word(error);
	return name != NULL ? pen_word(at, name) : pen_number(pen_literal(at, "E"), error);
}

static inline char *write_json(char *at, const struct call_line *call)
{
	at = pen_word(pen_literal(at, ",\"op\":\""), call->op);
	at = pen_literal(at, "\"");
	if (call->moves) {
		at = pen_unsigned(pen_literal(at, ",\"asked\":"), call->asked);
	}
	at = pen_number(pen_literal(at, ",\"result\":"), call->result);
	if (call->error != 0) {
		at = write_error(pen_literal(at, ",\"errno\":\""), call->error);
		at = pen_literal(at, "\"");
	}
	at = pen_unsigned(pen_literal(at, ",\"us\":"), call->us);
	return pen_literal(at, "}\n");
}

static inline char *write_text(char *at, const struct call_line *call, const struct self *self,
			       const char *back, size_t back_length)
{
	at = pen_word(pen_literal(at, " "), call->op);
	if (call->moves) {
		at = pen_unsigned(pen_literal(at, " asked="), call->asked);
	}
	at = pen_number(pen_literal(at, " result="), call->result);
	if (call->error != 0) {
		at = write_error(pen_literal(at, " "), call->error);
	}
	at = pen_unsigned(pen_literal(at, " us="), call->us);
	/* All of it: a size that is known is copied by a few moves. */
	memcpy(at, back, LINE_BACK_SIZE);
	return pen_literal(line_tail(at + back_length, self), "\n");
}

/* A thread's first line of a second, and what has no room above. */
static __attribute__((noinline)) void send_slowly(const struct call_line *call,
						  const struct line_ends *ends)
{
	char room[EVENT_SMALL];
	struct event event;
	event_begin(&event, EVENT_CALL, room, sizeof room);
	event_connection(&event, call->fd, call->conn, ends);
	event_word(&event, KEY_OP, call->op);
	if (call->moves) {
		event_unsigned(&event, KEY_ASKED, call->asked);
	}
	event_number(&event, KEY_RESULT, call->result);
	if (call->error != 0) {
		event_error(&event, KEY_ERRNO, call->error);
	}
	event_unsigned(&event, KEY_US, call->us);
	event_send(&event);
}

/* Without `ends`: only when what names the connection is kept. */
static __attribute__((noinline)) bool send_quickly(const struct call_line *call,
						   const struct line_ends *ends)
{
	char room[EVENT_SMALL];
	char back[LINE_BACK_SIZE];
	struct self self = self_now();
	uint64_t now_us;
	size_t head = line_tail_fits() ? line_kept_head(room, &self, call->now_ns, &now_us) : 0;
	if (head == 0) {
		return false;
	}
	bool json = log_format() == LOG_JSON;
	char *at = room + head;
	at = json ? pen_literal(at, ",\"ev\":\"call\"") : pen_literal(at, " call");
	struct line_conn name = line_conn_find(call->fd, call->conn, at, back);
	if (name.front == 0) {
		if (ends == NULL) {
			return false;
		}
		name = line_conn_make(call->fd, call->conn, ends, at, back);
	}
	at += name.front;
	char *end = json ? write_json(at, call) : write_text(at, call, &self, back, name.back);
	log_write_soon(&self, now_us, room, (size_t)(end - room));
	return true;
}

bool call_line_repeat(const struct call_line *call)
{
	return send_quickly(call, NULL);
}

void call_line_send(const struct call_line *call, const struct line_ends *ends)
{
	if (!send_quickly(call, ends)) {
		send_slowly(call, ends);
	}
}
