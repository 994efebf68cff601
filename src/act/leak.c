/* leak[=DUR]: close returns, and the socket stays open under a descriptor of ours (kept.h). */
#include "act.h"

#include "kept.h"

static enum act_end at_close(struct rule *rule, struct call *call)
{
	bool first;
	if (call->op == OP_EXIT || !act_fires(rule, call, WHEN_CLOSE, &first)) {
		return ACT_END_SAME;
	}
	uint64_t limit_ms = rule->has_value ? rule->value.duration_ms : KEPT_FOREVER;
	if (kept_add(rule, call, limit_ms, false) < 0) {
		act_refuse(rule, call, first, "too many descriptors are leaked already");
		return ACT_END_SAME;
	}
	char room[120];
	struct text by = text_in(room, sizeof room);
	text_string(&by, "the socket stays open under another descriptor ");
	if (rule->has_value) {
		text_format(&by, "for %t", (int64_t)limit_ms);
	} else {
		text_string(&by, "until the process ends");
	}
	act_tell(rule, call, room);
	return ACT_END_NONE;
}

const struct act act_LEAK = {.close = at_close};
