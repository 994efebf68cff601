#include "rule.h"

const struct action_info action_infos[ACTION_COUNT] = {
#define ACTION(symbol, word, value_type, stages, calls, needs, sort, sentence)                     \
	[ACTION_##symbol] = {                                                                      \
		.name = word,                                                                      \
		.help = sentence,                                                                  \
		.value = value_type,                                                               \
		.stage = stages,                                                                   \
		.when = calls,                                                                     \
		.privilege = needs,                                                                \
		.kind = sort,                                                                      \
	},
#include "../act/actions.def"
#undef ACTION
};

const char *const value_forms[VALUE_COUNT] = {
	[VALUE_NONE] = "",
#define VALUE(symbol, form, kind) [VALUE_##symbol] = form,
#include "values.def"
#undef VALUE
};

const char *const moment_names[MOMENT_COUNT] = {"connect", "read", "write", "close"};

void moments_write(struct text *text, unsigned when, const char *separator)
{
	const char *before = "";
	for (unsigned i = 0; i < MOMENT_COUNT; i++) {
		if ((when & (1u << i)) != 0) {
			text_format(text, "%s%s", before, moment_names[i]);
			before = separator;
		}
	}
}
