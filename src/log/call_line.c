#include "call_line.h"

#include <netinet/in.h>
#include "../sys/clock.h"
#include "../sys/errnames.h"
#include "../sys/pen.h"
#include "escape.h"
#include "event.h"
#include "line.h"
#include "log.h"

/* Longest end of a text line, ` exe=NAME`; a program with a longer name has slower lines. */
#define EXE_SIZE 64
/* Longest address: `[IPV6%SCOPE]:PORT`. */
#define ADDRESS_SIZE 72
/* Everything between head and end, names and numbers at their longest. */
#define MIDDLE_SIZE 320

_Static_assert(LINE_HEAD_SIZE + MIDDLE_SIZE + EXE_SIZE < EVENT_SMALL, "any call's line has room");

static char exe_end[EXE_SIZE];
static size_t exe_length; /* 0: it does not fit */

void call_line_start(void)
{
	struct text text = text_in(exe_end, sizeof exe_end);
	text_string(&text, " exe=");
	escape_word(&text, log_exe());
	text_char(&text, '\n');
	exe_length = text.cut ? 0 : text.length;
}

static inline char *write_addr(char *at, const struct addr *addr)
{
	if (addr->family != AF_INET) {
		struct text text = text_in(at, ADDRESS_SIZE);
		addr_write(&text, addr);
		return at + text.length;
	}
	at = pen_unsigned(at, addr->bytes[0]);
	for (int i = 1; i < 4; i++) {
		*at = '.';
		at = pen_unsigned(at + 1, addr->bytes[i]);
	}
	*at = ':';
	return pen_unsigned(at + 1, addr->port);
}

static inline char *write_error(char *at, int error)
{
	const char *name = errno_name(error);
	return name != NULL ? pen_string(at, name) : pen_number(pen_literal(at, "E"), error);
}

static char *write_json(char *at, const struct call_line *call)
{
	at = pen_number(pen_literal(at, ",\"ev\":\"call\",\"fd\":"), call->fd);
	at = pen_unsigned(pen_literal(at, ",\"conn\":"), call->conn);
	at = pen_string(pen_literal(at, ",\"side\":\""), call->side);
	at = write_addr(pen_literal(at, "\",\"local\":\""), call->local);
	at = write_addr(pen_literal(at, "\",\"peer\":\""), call->peer);
	at = pen_string(pen_literal(at, "\",\"op\":\""), call->op);
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

static char *write_text(char *at, const struct call_line *call, const struct self *self)
{
	at = pen_number(pen_literal(at, " call fd="), call->fd);
	at = write_addr(pen_literal(at, " "), call->local);
	at = write_addr(pen_literal(at, ">"), call->peer);
	at = pen_string(pen_literal(at, " "), call->op);
	if (call->moves) {
		at = pen_unsigned(pen_literal(at, " asked="), call->asked);
	}
	at = pen_number(pen_literal(at, " result="), call->result);
	if (call->error != 0) {
		at = write_error(pen_literal(at, " "), call->error);
	}
	at = pen_unsigned(pen_literal(at, " us="), call->us);
	at = pen_unsigned(pen_literal(at, " conn="), call->conn);
	at = pen_string(pen_literal(at, " side="), call->side);
	if (self->tid != self->pid) {
		at = pen_number(pen_literal(at, " tid="), self->tid);
	}
	/* All of it: a size that is known is copied by a few moves. */
	memcpy(at, exe_end, sizeof exe_end);
	return at + exe_length;
}

/* A thread's first line of a second, and what has no room above. */
static __attribute__((noinline)) void send_slowly(const struct call_line *call, char *room)
{
	struct event event;
	event_begin(&event, EVENT_CALL, room, EVENT_SMALL);
	event_connection(&event, call->fd, call->conn, call->side, call->local, call->peer);
	event_string(&event, KEY_OP, call->op);
	if (call->moves) {
		event_unsigned(&event, KEY_ASKED, call->asked);
	}
	event_number(&event, KEY_RESULT, call->result);
	if (call->error != 0) {
		char name[24];
		struct text error = text_in(name, sizeof name);
		errno_write(&error, call->error);
		event_string(&event, KEY_ERRNO, name);
	}
	event_unsigned(&event, KEY_US, call->us);
	event_send(&event);
}

void call_line_send(const struct call_line *call)
{
	char room[EVENT_SMALL];
	struct self self = self_now();
	uint64_t now_us = clock_wall_us();
	size_t head = exe_length > 0 ? line_kept_head(room, &self, now_us) : 0;
	if (head == 0) {
		send_slowly(call, room);
		return;
	}
	char *end = log_format() == LOG_JSON ? write_json(room + head, call)
					     : write_text(room + head, call, &self);
	log_write_call(&self, now_us, room, (size_t)(end - room));
}
