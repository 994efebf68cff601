#include "act.h"

#include "../conn/about.h"
#include "../log/event.h"
#include "../log/log.h"
#include "../rule/active.h"
#include "../sys/scratch.h"
#include "../why/why.h"

/* A frame of its own, which is gone before the line is written: stacks may be small. */
static __attribute__((noinline)) void tell_rule(struct event *event, const struct rule *rule,
						const struct call *call)
{
	char room[200];
	struct text text = text_in(room, sizeof room);
	const struct rules *set = rules_of(choice_generation(&call->conn->choice));
	bool known = set != NULL && rule >= set->rules && rule < set->rules + set->count;
	text_format(&text, "%u %s",
		    known ? (unsigned)(rule - set->rules) + 1 : act_number(rule, call), rule->text);
	event_string(event, KEY_RULE, room);
}

/* Likewise. */
static __attribute__((noinline)) void tell_why(struct event *event, const char *why)
{
	char room[300];
	struct text text = text_in(room, sizeof room);
	text_format(&text, "%s.", why);
	event_string(event, KEY_WHY, room);
}

void act_tell(const struct rule *rule, const struct call *call, const char *by)
{
	static atomic_bool seed_told;
	const struct action_info *info = &action_infos[rule->action];
	if (!log_wants(LOG_RESETS)) {
		return;
	}
	char *line = scratch_take();
	if (line == NULL) {
		log_lose();
		return;
	}
	struct event event;
	event_begin(&event, info->kind == KIND_INJECT ? EVENT_INJECT : EVENT_MITIGATE, line,
		    EVENT_LARGE);
	event_about(&event, call);
	event_string(&event, KEY_ACTION, info->name);
	event_string(&event, KEY_BY, by);
	tell_rule(&event, rule, call);
	if (info->kind == KIND_INJECT && !atomic_exchange(&seed_told, true)) {
		event_unsigned(&event, KEY_SEED, rules_seed());
	}
	event_send(&event);
	scratch_give(line);
}

void act_refuse(struct rule *rule, const struct call *call, bool first, const char *why)
{
	static _Atomic uint64_t refused[ACTION_COUNT];
	const struct action_info *info = &action_infos[rule->action];
	if (first) {
		rule_hold_fire(rule);
	}
	/* Once for each action of a set of rules is enough: the reason is the same. */
	uint64_t set = call->conn->choice.generation;
	if (!log_wants(LOG_RESETS) || atomic_exchange(&refused[rule->action], set) == set) {
		return;
	}
	char *line = scratch_take();
	if (line == NULL) {
		log_lose();
		return;
	}
	struct event event;
	event_begin(&event, EVENT_WARN, line, EVENT_LARGE);
	event_about(&event, call);
	event_string(&event, KEY_ACTION, info->name);
	event_string(&event, KEY_CAUSE, cause_infos[CAUSE_RULE_IDLE].id);
	event_string(&event, KEY_SURE, sure_name(SURE_CERTAIN));
	tell_why(&event, why);
	event_string(&event, KEY_ADVICE, cause_infos[CAUSE_RULE_IDLE].advice);
	tell_rule(&event, rule, call);
	event_send(&event);
	scratch_give(line);
}
