#include <string.h>
#include "model.h"

static bool same_rule(const void *entry, const void *key)
{
	return strcmp(((const struct rule_sum *)entry)->text, key) == 0;
}

static struct rule_sum *find(struct model *model, const char *text)
{
	uint64_t hash = table_hash(0, text, strlen(text));
	struct rule_sum *rule = table_find(&model->rules, hash, same_rule, text);
	if (!rule) {
		rule = table_add(&model->rules, hash, same_rule, text);
		if (rule) {
			strcpy(rule->text, text);
		} else {
			model->rules_more++;
		}
	}
	return rule;
}

static void count_retry(struct rule_sum *rule, const struct line *line)
{
	static const char *const names[] = {"retried", "refused", "renewed"};
	for (unsigned i = 0; i < 3; i++) {
		rule->did[i] += line_is(line, KEY_DID, names[i]);
	}
}

/* `1 linger0 side=server`: 1 + the rule's index, 0 when it is not kept. */
uint32_t rules_take(struct model *model, const struct line *line)
{
	char text[sizeof((struct rule_sum *)0)->text];
	const char *at = text;
	if (line_string(line, line->values[KEY_RULE], text, sizeof text) == 0) {
		/* A retry need not name its rule. */
		strcpy(text, line->kind == EVENT_RETRY ? "retry" : "");
	}
	int64_t number = word_digits(&at, text + strlen(text));
	at = number >= 0 && *at == ' ' ? at + 1 : text;
	if (*at == '\0') {
		return 0;
	}
	struct rule_sum *rule = find(model, at);
	if (!rule) {
		return 0;
	}
	rule->number = number > 0 ? (uint64_t)number : rule->number;
	if (line_has(line, KEY_ACTION)) {
		line_string(line, line->values[KEY_ACTION], rule->action, sizeof rule->action);
	}
	if (line->kind == EVENT_WARN) {
		rule->idle++;
		return 0;
	}
	rule->kind = line->kind;
	tally_add(&rule->tally, line->us);
	if (rule->by[0] == '\0') {
		line_string(line, line->values[KEY_BY], rule->by, sizeof rule->by);
	}
	count_retry(rule, line);
	return 1 + table_index(&model->rules, rule);
}

void rules_fired(struct model *model, const struct line *line)
{
	struct slice rest = line->values[KEY_FIRED];
	struct slice name;
	uint64_t count;
	while (rest.at && line_next_count(line, &rest, &name, &count)) {
		char text[sizeof((struct rule_sum *)0)->text];
		line_string(line, name, text, sizeof text);
		struct rule_sum *rule = text[0] != '\0' ? find(model, text) : NULL;
		if (rule) {
			rule->told += count;
		}
	}
}
