#include <errno.h>
#include <string.h>
#include "grammar.h"
#include "../sys/units.h"

_Static_assert(SELECTOR_COUNT <= 32, "the selectors that were given are bits");

bool span_is(struct span span, const char *string)
{
	return span.length == strlen(string) && memcmp(span.start, string, span.length) == 0;
}

struct span span_cut(struct span span, char separator, struct span *rest)
{
	const char *found = span.length > 0 ? memchr(span.start, separator, span.length) : NULL;
	*rest = (struct span){NULL, 0};
	if (found) {
		rest->start = found + 1;
		rest->length = (size_t)(span_end(span) - found) - 1;
		span.length = (size_t)(found - span.start);
	}
	return span;
}

/* A comment begins where a word could, as in the shell: starts=a#b has none. */
static void skip_to_word(struct parser *parser)
{
	while (parser->at < parser->end && is_blank(*parser->at)) {
		parser->at++;
	}
	if (parser->at < parser->end && *parser->at == '#') {
		const char *newline = memchr(parser->at, '\n', (size_t)(parser->end - parser->at));
		parser->at = newline ? newline : parser->end;
	}
}

/* The next word of this rule; false when the rule ends here. */
static bool next_word(struct parser *parser)
{
	static const char starts[] = "starts=";
	size_t starts_length = sizeof starts - 1;
	skip_to_word(parser);
	const char *first = parser->at;
	const char *end = parser->end;
	const char *at = first;
	if ((size_t)(end - at) >= starts_length && memcmp(at, starts, starts_length) == 0) {
		at = starts_end(at + starts_length, end);
	} else {
		while (at < end && !is_blank(*at) && *at != ';' && *at != '\n') {
			at++;
		}
	}
	parser->word = (struct span){first, (size_t)(at - first)};
	parser->at = at;
	return at > first;
}

static const struct selector *find_selector(struct span name)
{
	for (size_t i = 0; i < SELECTOR_COUNT; i++) {
		if (span_is(name, selectors[i].name)) {
			return &selectors[i];
		}
	}
	return NULL;
}

static int find_action(struct span name)
{
	int action = 0;
	while (action < ACTION_COUNT && !span_is(name, action_infos[action].name)) {
		action++;
	}
	return action;
}

static int read_action(struct parser *parser, struct rule *rule)
{
	struct span value;
	struct span name = span_cut(parser->word, '=', &value);
	int action = find_action(name);
	if (action == ACTION_COUNT && find_selector(name)) {
		return fault_says(parser, "a rule begins with its action, selectors follow");
	}
	if (action == ACTION_COUNT) {
		return fault_unknown_action(parser, name);
	}
	rule->action = (enum action)action;
	rule->when = action_infos[action].when;
	enum value_type type = action_infos[action].value;
	const struct value_kind *kind = &value_kinds[type];
	rule->has_value = value.start != NULL;
	if (rule->has_value && !kind->read) {
		struct text message = fault_begin(parser, value.start - 1);
		text_format(&message, "%s takes no value", action_infos[action].name);
		return -EINVAL;
	}
	/* Where a value is missing, what reads it says what was expected. */
	bool required = value_forms[type][0] == '=';
	return rule->has_value || required ? kind->read(parser, value, rule) : 0;
}

static int read_selector(struct parser *parser, struct rule *rule, uint32_t *given)
{
	struct span value;
	struct span name = span_cut(parser->word, '=', &value);
	const struct selector *selector = find_selector(name);
	if (!selector && find_action(name) < ACTION_COUNT) {
		return fault_expected(parser,
				      "a selector; between two rules stands ; or a new line");
	}
	if (!selector) {
		return fault_unknown_selector(parser, rule, name);
	}
	if (!value.start) {
		struct text message = fault_begin(parser, parser->word.start);
		text_format(&message, "expected a value, as in %s=VALUE", selector->name);
		return -EINVAL;
	}
	uint32_t bit = (uint32_t)1 << (selector - selectors);
	if ((*given & bit) != 0) {
		return fault_says(parser, "this selector is given twice");
	}
	*given |= bit;
	return selector->read(parser, value, rule);
}

/* What acts when a connection is made cannot wait for its bytes. */
static bool is_too_late(const struct rule *rule)
{
	bool waits = rule->has_after_size || rule->has_after_time || rule->starts_length > 0 ||
		     (rule->when & WHEN_CONNECT) == 0;
	return waits && (action_infos[rule->action].when == WHEN_CONNECT ||
			 rule_stage(rule) == STAGE_CONNECT);
}

/* A listener's filter sees segments, not connections and their bytes. */
static bool is_blind_to(const struct rule *rule)
{
	bool selects = rule->conn_first != 1 || rule->conn_last != UINT64_MAX ||
		       rule->conn_step != 1 || rule->has_after_size || rule->has_after_time ||
		       rule->starts_length > 0 || rule->when != action_infos[rule->action].when;
	return selects && rule_stage(rule) == STAGE_LISTEN;
}

/* Why this rule, as far as it has been read, could never act; NULL when it could. */
static const char *misfit(const struct rule *rule)
{
	enum stage stage = rule_stage(rule);
	if (is_too_late(rule)) {
		return "this action is done when the connection is made, before any byte and any "
		       "time to wait for";
	}
	if (is_blind_to(rule)) {
		return "a listener's filter knows at=, side=, exe=, to=, prob= and times= only";
	}
	if (stage == STAGE_CONNECT && rule->side == SIDE_SERVER) {
		return "this action is done to a connect, which is the client's";
	}
	if (stage == STAGE_LISTEN && rule->side == SIDE_CLIENT) {
		return "this action is done to a listener, which is the server's";
	}
	if (rule->action == ACTION_IDLE_EVICT && rule->when == WHEN_READ) {
		return "what is lost is the write after the silence: it cannot fire at a read";
	}
	if (rule->action == ACTION_DROP && rule->value.segment == SEGMENT_FINACK &&
	    (rule->when & WHEN_CLOSE) == 0) {
		return "what acknowledges our FIN comes after it: it fires at close only";
	}
	if (rule->action == ACTION_UNREAD &&
	    rule->when == (rule->has_value ? WHEN_CLOSE : WHEN_READ)) {
		return rule->has_value ? "with a size it ends reads, so it fires at read"
				       : "without a size it fires at close only";
	}
	return NULL;
}

/* One rule, whose first word is the current one. */
static int read_rule(struct parser *parser, struct rule *rule)
{
	*rule = (struct rule){
		.conn_last = UINT64_MAX,
		.conn_first = 1,
		.conn_step = 1,
		.probability = PROBABILITY_ONE,
		.times = UINT64_MAX,
	};
	rule->text = parser->copy + (parser->word.start - parser->source->text);
	rule->counters = &rule->own;
	uint32_t given = 0;
	int result = read_action(parser, rule);
	const char *end = parser->at;
	while (result == 0 && next_word(parser)) {
		result = read_selector(parser, rule, &given);
		const char *why = result == 0 ? misfit(rule) : NULL;
		if (why != NULL) {
			result = fault_says(parser, why);
		}
		end = parser->at;
	}
	/* The copy is in the new set, which nobody else knows yet. */
	parser->copy[end - parser->source->text] = '\0';
	return result;
}

/* Editors of other systems put one before a text, where nobody sees it. */
static void skip_byte_order_mark(struct parser *parser)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'};
	if (parser->end - parser->at >= (ptrdiff_t)sizeof mark &&
	    memcmp(parser->at, mark, sizeof mark) == 0) {
		parser->at += sizeof mark;
	}
}

static int read_source(struct parser *parser, struct rules *set)
{
	skip_byte_order_mark(parser);
	while (parser->at < parser->end) {
		if (next_word(parser)) {
			if (set->count == RULES_MAX) {
				return fault_says(parser, "too many rules, expected at most 1000");
			}
			if (read_rule(parser, &set->rules[set->count]) != 0) {
				return -EINVAL;
			}
			set->count++;
		}
		/* What ends a rule is `;`, a newline or the end of the text. */
		if (parser->at < parser->end) {
			parser->at++;
		}
	}
	return 0;
}

_Static_assert(RULES_MAX == 1000, "the message says 1000");

static void note_needs(struct rules *set)
{
	bool either = false;
	bool waits = false;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct rule *rule = &set->rules[i];
		if (!rule->wrong_program) {
			set->has_stage[rule_stage(rule)] = true;
			set->has_starts = set->has_starts || rule->starts_length > 0;
			set->has_at = set->has_at || rule->has_at;
			if (action_infos[rule->action].stage == STAGE_EITHER) {
				either = true;
				waits = waits || rule->has_at;
			}
		}
	}
	set->matches_early = either && !waits;
	set->has_stage[STAGE_CONNECT] = set->has_stage[STAGE_CONNECT] || set->matches_early;
}

static struct parser parser_of(const struct rule_source *source, struct rule_error *error)
{
	return (struct parser){
		.source = source,
		.at = source->text,
		.end = source->length > 0 ? source->text + source->length : source->text,
		.error = error,
	};
}

static size_t count_rules_at_most(const struct rule_source *source)
{
	size_t count = 1;
	for (size_t i = 0; i < source->length && count < RULES_MAX; i++) {
		count += source->text[i] == ';' || source->text[i] == '\n';
	}
	return count;
}

/* Can the texts be read at all, and how much memory does their set need? */
static int measure(const struct rule_source *sources, size_t count, size_t *rules, size_t *bytes,
		   struct rule_error *error)
{
	*rules = 0;
	*bytes = 0;
	for (size_t i = 0; i < count; i++) {
		struct parser parser = parser_of(&sources[i], error);
		size_t length = sources[i].length;
		if (*bytes + length > RULES_TEXT_MAX) {
			return fault_expected_at(&parser, parser.at, "at most 1 MiB of rules");
		}
		const char *nul = length > 0 ? memchr(sources[i].text, '\0', length) : NULL;
		if (nul) {
			return fault_expected_at(&parser, nul, "text, not a NUL byte");
		}
		*bytes += length + 1;
		*rules += count_rules_at_most(&sources[i]);
		*rules = *rules < RULES_MAX ? *rules : RULES_MAX;
	}
	return 0;
}

static int read_sources(const struct rule_source *sources, size_t count, const char *exe,
			struct rules *set, char *copy, struct rule_error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct parser parser = parser_of(&sources[i], error);
		parser.exe = exe;
		parser.copy = copy;
		if (sources[i].length > 0) {
			memcpy(copy, sources[i].text, sources[i].length);
		}
		copy += sources[i].length + 1;
		if (read_source(&parser, set) != 0) {
			return -EINVAL;
		}
	}
	return 0;
}

int rules_read(const struct rule_source *sources, size_t count, const char *exe, struct rules **set,
	       struct rule_error *error)
{
	size_t rules;
	size_t bytes;
	*set = NULL;
	int result = measure(sources, count, &rules, &bytes, error);
	if (result != 0 || count == 0) {
		return result;
	}
	char *copy;
	struct rules *new_set = set_new(rules, bytes, &copy);
	if (!new_set) {
		struct parser parser = parser_of(&sources[0], error);
		fault_expected_at(&parser, parser.at, "more memory than this process may have");
		return -ENOMEM;
	}
	result = read_sources(sources, count, exe, new_set, copy, error);
	if (result != 0 || new_set->count == 0) {
		rules_free(new_set);
		return result;
	}
	note_needs(new_set);
	*set = new_set;
	return 0;
}
