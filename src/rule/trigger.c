#include <string.h>
#include "rule.h"

static bool starts_with(const struct rule *rule, const struct rule_moment *moment)
{
	return rule->starts_length == 0 ||
	       (moment->head_length >= rule->starts_length &&
		memcmp(moment->head, rule->starts, rule->starts_length) == 0);
}

bool rule_ready(const struct rule *rule, const struct rule_moment *moment)
{
	return (rule->when & moment->when) != 0 &&
	       (!rule->has_after_size || moment->bytes >= rule->after_size) &&
	       (!rule->has_after_time || moment->age_ms >= rule->after_ms) &&
	       starts_with(rule, moment);
}

bool rule_fire(struct rule *rule)
{
	uint64_t fired = atomic_load_explicit(&rule->counters->fired, memory_order_relaxed);
	while (fired < rule->times) {
		if (atomic_compare_exchange_weak_explicit(&rule->counters->fired, &fired, fired + 1,
							  memory_order_relaxed,
							  memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

bool rule_may_fire(const struct rule *rule)
{
	return atomic_load_explicit(&rule->counters->fired, memory_order_relaxed) < rule->times;
}

void rule_hold_fire(struct rule *rule)
{
	atomic_fetch_sub_explicit(&rule->counters->fired, 1, memory_order_relaxed);
}
