/* The end of a text line: which thread, when it is not the first, and which program. */
#include "escape.h"
#include "line.h"
#include "log.h"

/* Longest ` exe=NAME`; and a tid before it. */
#define EXE_SIZE ((size_t)64)
#define TID_SIZE (sizeof " tid=-2147483648" - 1)

_Static_assert(TID_SIZE + EXE_SIZE <= LINE_TAIL_SIZE, "any tail has room");

static char exe[EXE_SIZE];
static size_t exe_length; /* 0: it does not fit */

void line_tail_start(void)
{
	struct text text = text_in(exe, sizeof exe);
	text_string(&text, " exe=");
	escape_word(&text, log_exe());
	exe_length = text.cut ? 0 : text.length;
}

bool line_tail_fits(void)
{
	return exe_length > 0;
}

char *line_tail(char *at, const struct self *self)
{
	if (self->tid != self->pid) {
		at = pen_number(pen_literal(at, " tid="), self->tid);
	}
	/* All of it: a size that is known is copied by a few moves. */
	memcpy(at, exe, sizeof exe);
	return at + exe_length;
}
