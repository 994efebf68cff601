#include "why.h"

#include <string.h>

const struct cause_info cause_infos[CAUSE_COUNT] = {
#define CAUSE(symbol, id, kind, title, what, advice)                                               \
	[CAUSE_##symbol] = {id, kind, title, what, advice},
#include "causes.def"
#undef CAUSE
};

const char *const cause_kind_titles[CAUSE_KIND_COUNT] = {
	[CAUSE_CONNECTING] = "While connecting",
	[CAUSE_RESET] = "A reset on an established connection",
	[CAUSE_TIMEOUT] = "A time-out on an established connection",
	[CAUSE_OWN] = "Our own doing: the reset that the other side will see",
	[CAUSE_WARNING] = "The connection lives, not well",
	[CAUSE_NOTICE] = "About the library itself",
};

enum cause cause_find(const char *id)
{
	unsigned cause = 0;
	while (cause < CAUSE_COUNT && strcmp(cause_infos[cause].id, id) != 0) {
		cause++;
	}
	return (enum cause)cause;
}

const char *sure_name(enum sure sure)
{
	static const char *const names[] = {"possible", "likely", "certain"};
	return names[sure];
}

const char *case_name(enum rst_case rst_case)
{
	static const char *const names[] = {"none", "reset", "reset-by-peer"};
	return names[rst_case];
}
