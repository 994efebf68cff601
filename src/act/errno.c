/* errno=FROM:TO: an error is reported under another number. The verdict is told under the true one. */
#include "act.h"

#include "../sys/errnames.h"

static int renumber(struct rule *rule, struct call *call, int error)
{
	bool first;
	unsigned when = op_direction(call->op) == DIRECTION_WRITE ? WHEN_WRITE : WHEN_READ;
	if (error != rule->value.error.from || !act_fires(rule, call, when, &first)) {
		return error;
	}
	if (first) {
		char room[120];
		struct text by = text_in(room, sizeof room);
		text_format(&by, "%s of %s told as ", errno_name(error), op_name(call->op));
		errno_write(&by, rule->value.error.to);
		act_tell(rule, call, room);
	}
	return rule->value.error.to;
}

const struct act act_ERRNO = {.error = renumber};
