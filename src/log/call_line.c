#include "call_line.h"

#include <netinet/in.h>
#include "../sys/errnames.h"
#include "call_conn.h"
#include "escape.h"
#include "event.h"
#include "line.h"
#include "log.h"

/* Longest end of a text line, ` exe=NAME`; a program with a longer name has slower lines. */
#define EXE_SIZE 64
/* Longest address: `[IPV6%SCOPE]:PORT`. */
#define ADDRESS_SIZE 72
/* What names the connection, at its longest. */
#define FRONT_LONGEST ((size_t)256)
#define BACK_LONGEST CALL_BACK_SIZE
/* Everything between head and end, names and numbers at their longest. */
#define MIDDLE_SIZE 384

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
	call_conn_forget();
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
	const struct pen_word *name = errno_word(error);
	return name != NULL ? pen_word(at, name) : pen_number(pen_literal(at, "E"), error);
}

/* Names and numbers at their longest. */
struct names {
	char front[FRONT_LONGEST], back[BACK_LONGEST];
};

static struct call_conn write_names(struct names *names, const struct call_line *call,
				    const struct call_ends *ends, bool json)
{
	char *front = names->front;
	char *back = names->back;
	if (json) {
		front = pen_number(pen_literal(front, ",\"ev\":\"call\",\"fd\":"), call->fd);
		front = pen_unsigned(pen_literal(front, ",\"conn\":"), call->conn);
		front = pen_string(pen_literal(front, ",\"side\":\""), ends->side);
		front = write_addr(pen_literal(front, "\",\"local\":\""), &ends->local);
		front = write_addr(pen_literal(front, "\",\"peer\":\""), &ends->peer);
		front = pen_literal(front, "\",\"op\":\"");
	} else {
		front = pen_number(pen_literal(front, " call fd="), call->fd);
		front = write_addr(pen_literal(front, " "), &ends->local);
		front = write_addr(pen_literal(front, ">"), &ends->peer);
		front = pen_literal(front, " ");
		back = pen_unsigned(pen_literal(back, " conn="), call->conn);
		back = pen_string(pen_literal(back, " side="), ends->side);
	}
	return (struct call_conn){(uint32_t)(front - names->front), (uint32_t)(back - names->back)};
}

/* A connection's own address is not known at first, and never changes once it is. */
static bool is_final(const struct call_line *call, const struct call_ends *ends)
{
	return call->conn != 0 && ends->local.port != 0 && !addr_is_any(&ends->local);
}

/* The first line of a connection, or of one whose names are too long to be kept. */
static __attribute__((noinline)) struct call_conn make_names(const struct call_line *call,
							     const struct call_ends *ends,
							     char *front, char *back)
{
	struct names names = {0};
	struct call_conn lengths = write_names(&names, call, ends, log_format() == LOG_JSON);
	if (lengths.front <= CALL_FRONT_SIZE && is_final(call, ends)) {
		call_conn_keep(call, lengths, names.front, names.back);
	}
	memcpy(front, names.front, lengths.front);
	memcpy(back, names.back, lengths.back);
	return lengths;
}

static inline char *write_json(char *at, const struct call_line *call)
{
	at = pen_word(at, call->op);
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
	at = pen_word(at, call->op);
	if (call->moves) {
		at = pen_unsigned(pen_literal(at, " asked="), call->asked);
	}
	at = pen_number(pen_literal(at, " result="), call->result);
	if (call->error != 0) {
		at = write_error(pen_literal(at, " "), call->error);
	}
	at = pen_unsigned(pen_literal(at, " us="), call->us);
	/* All of it: a size that is known is copied by a few moves. */
	memcpy(at, back, CALL_BACK_SIZE);
	at += back_length;
	if (self->tid != self->pid) {
		at = pen_number(pen_literal(at, " tid="), self->tid);
	}
	memcpy(at, exe_end, sizeof exe_end);
	return at + exe_length;
}

/* A thread's first line of a second, and what has no room above. */
static __attribute__((noinline)) void send_slowly(const struct call_line *call,
						  const struct call_ends *ends)
{
	char room[EVENT_SMALL];
	struct event event;
	event_begin(&event, EVENT_CALL, room, sizeof room);
	event_connection(&event, call->fd, call->conn, ends->side, &ends->local, &ends->peer);
	event_string(&event, KEY_OP, call->op->text);
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

/* Without `ends`: only when what names the connection is kept. */
static __attribute__((noinline)) bool send_quickly(const struct call_line *call,
						   const struct call_ends *ends)
{
	char room[EVENT_SMALL];
	char back[CALL_BACK_SIZE];
	struct self self = self_now();
	uint64_t now_us;
	size_t head = exe_length > 0 ? line_kept_head(room, &self, call->ended_ns, &now_us) : 0;
	if (head == 0) {
		return false;
	}
	struct call_conn names = call_conn_find(call, room + head, back);
	if (names.front == 0) {
		if (ends == NULL) {
			return false;
		}
		names = make_names(call, ends, room + head, back);
	}
	char *at = room + head + names.front;
	char *end = log_format() == LOG_JSON ? write_json(at, call)
					     : write_text(at, call, &self, back, names.back);
	log_write_call(&self, now_us, room, (size_t)(end - room));
	return true;
}

bool call_line_repeat(const struct call_line *call)
{
	return send_quickly(call, NULL);
}

void call_line_send(const struct call_line *call, const struct call_ends *ends)
{
	if (!send_quickly(call, ends)) {
		send_slowly(call, ends);
	}
}
