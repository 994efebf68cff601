/* The end of a text line: which thread, when it is not the first, and which program. */
#include "escape.h"
#include "line.h"
#include "log.h"

char line_exe[LINE_EXE_SIZE];
size_t line_exe_length;

_Static_assert(sizeof " tid=-2147483648" - 1 + LINE_EXE_SIZE <= LINE_TAIL_SIZE,
	       "any tail has room");

void line_tail_start(void)
{
	struct text text = text_in(line_exe, sizeof line_exe);
	text_string(&text, " exe=");
	escape_word(&text, log_exe());
	line_exe_length = text.cut ? 0 : text.length;
}
