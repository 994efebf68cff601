/* loss=P%: arriving segments are lost at random (filter.h). */
#include "act.h"

#include "../sys/units.h"
#include "filter.h"

static void put_on(struct rule *rule, struct call *call, unsigned when)
{
	struct filter filter = {.chance = rule->value.percent};
	if (filter.chance == 0) {
		return;
	}
	filter_put_on(rule, call, when, &filter,
		      "a socket filter loses arriving segments at random");
}

static void opened(struct rule *rule, struct call *call)
{
	put_on(rule, call, WHEN_CONNECT);
}

/* A rule with after= or when= is due in the middle of the connection. */
static bool at_read(struct rule *rule, struct call *call)
{
	put_on(rule, call, WHEN_READ);
	return false;
}

static bool at_write(struct rule *rule, struct call *call)
{
	put_on(rule, call, WHEN_WRITE);
	return false;
}

const struct act act_LOSS = {
	.opened = opened,
	.read = at_read,
	.write = at_write,
	.ended = filter_take_off,
};
