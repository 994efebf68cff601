/* refuse: the connect goes to a closed port on loopback, whose kernel answers with a RST. */
#include "act.h"

#include "place.h"

static void before_connect(struct rule *rule, struct call *call, struct act_target *target)
{
	bool first;
	if (act_is_diverted(target) || !act_fires(rule, call, WHEN_CONNECT, &first)) {
		return;
	}
	int size = place_address(PLACE_CLOSED, call->fd, &target->other);
	if (size < 0) {
		act_refuse(rule, call, first, place_excuse(size));
		return;
	}
	target->address = &target->other;
	target->size = (socklen_t)size;
	call->conn->injected = act_number(rule, call);
	act_tell(rule, call, "the SYN goes to a closed port on loopback, which answers with a RST");
}

const struct act act_REFUSE = {.connect = before_connect};
