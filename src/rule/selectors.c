#include <errno.h>
#include <string.h>
#include "grammar.h"
#include "../sys/glob.h"
#include "../sys/units.h"

static int range_read(struct parser *parser, struct span value, struct addr_range *range)
{
	size_t offset;
	const char *expected;
	if (addr_range_read(value.start, value.length, range, &offset, &expected) != 0) {
		return fault_expected_at(parser, value.start + offset, expected);
	}
	return 0;
}

static int to_read(struct parser *parser, struct span value, struct rule *rule)
{
	rule->has_to = true;
	return range_read(parser, value, &rule->to);
}

static bool to_given(const struct rule *rule)
{
	return rule->has_to;
}

static void to_write(struct text *text, const struct rule *rule)
{
	addr_range_write(text, &rule->to);
}

static int at_read(struct parser *parser, struct span value, struct rule *rule)
{
	rule->has_at = true;
	return range_read(parser, value, &rule->at);
}

static bool at_given(const struct rule *rule)
{
	return rule->has_at;
}

static void at_write(struct text *text, const struct rule *rule)
{
	addr_range_write(text, &rule->at);
}

static int side_read(struct parser *parser, struct span value, struct rule *rule)
{
	if (span_is(value, "client")) {
		rule->side = SIDE_CLIENT;
	} else if (span_is(value, "server")) {
		rule->side = SIDE_SERVER;
	} else {
		return fault_expected(parser, "client or server");
	}
	return 0;
}

static bool side_given(const struct rule *rule)
{
	return rule->side != SIDE_UNKNOWN;
}

static void side_write(struct text *text, const struct rule *rule)
{
	text_string(text, rule->side == SIDE_CLIENT ? "client" : "server");
}

static int exe_read(struct parser *parser, struct span value, struct rule *rule)
{
	if (value.length == 0) {
		return fault_expected(parser, "a program name, as in exe=curl or exe=python*");
	}
	if (value.length > EXE_PATTERN_MAX) {
		return fault_expected(parser, "a program name of at most 255 bytes");
	}
	if (memchr(value.start, '/', value.length)) {
		return fault_expected(parser, "a program name without a directory");
	}
	/* The source may go away; the set's copy of it stays. */
	rule->exe = parser->copy + (value.start - parser->source->text);
	rule->exe_length = (uint8_t)value.length;
	rule->wrong_program = parser->exe && !glob_match(value.start, value.length, parser->exe);
	return 0;
}

_Static_assert(EXE_PATTERN_MAX == 255, "the message says 255");

static bool exe_given(const struct rule *rule)
{
	return rule->exe != NULL;
}

static void exe_write(struct text *text, const struct rule *rule)
{
	text_bytes(text, rule->exe, rule->exe_length);
}

/* The first number of a span; the rest begins behind it. */
static int take_number(struct span *span, uint64_t *number)
{
	size_t length = 0;
	while (length < span->length && span->start[length] >= '0' && span->start[length] <= '9') {
		length++;
	}
	int result = units_number(span->start, length, number);
	span->start += length;
	span->length -= length;
	return result;
}

/*
 * FIRST[..LAST][+STEP] as strace's when= has it: without LAST and + only the first, with + all from
 * the first on, and every STEPth of them.
 */
static int conn_read(struct parser *parser, struct span value, struct rule *rule)
{
	static const char form[] = "FIRST, FIRST..LAST, FIRST+ or FIRST..LAST+STEP, as in 3+2";
	struct span rest = value;
	int result = take_number(&rest, &rule->conn_first);
	if (result != 0) {
		return fault_number(parser, result, form);
	}
	rule->conn_last = rule->conn_first;
	if (rest.length >= 2 && memcmp(rest.start, "..", 2) == 0) {
		rest = (struct span){rest.start + 2, rest.length - 2};
		result = take_number(&rest, &rule->conn_last);
	} else if (rest.length > 0 && *rest.start == '+') {
		rule->conn_last = UINT64_MAX;
	}
	if (result == 0 && rest.length > 0 && *rest.start == '+') {
		rest = (struct span){rest.start + 1, rest.length - 1};
		result = rest.length > 0 ? take_number(&rest, &rule->conn_step) : 0;
	}
	if (result != 0 || rest.length > 0) {
		return fault_number(parser, result, form);
	}
	if (rule->conn_first == 0) {
		return fault_expected(parser, "a first connection from 1 on");
	}
	if (rule->conn_last < rule->conn_first) {
		return fault_expected(parser, "a last connection that is not before the first");
	}
	if (rule->conn_step == 0) {
		return fault_expected(parser, "a step from 1 on");
	}
	if (rule->conn_first == rule->conn_last) {
		rule->conn_step = 1;
	}
	return 0;
}

static bool conn_given(const struct rule *rule)
{
	return rule->conn_first != 1 || rule->conn_last != UINT64_MAX || rule->conn_step != 1;
}

static void conn_write(struct text *text, const struct rule *rule)
{
	text_unsigned(text, rule->conn_first);
	if (rule->conn_last == rule->conn_first) {
		return;
	}
	if (rule->conn_last != UINT64_MAX) {
		text_string(text, "..");
		text_unsigned(text, rule->conn_last);
	} else {
		text_char(text, '+');
	}
	if (rule->conn_step != 1) {
		text_string(text, rule->conn_last != UINT64_MAX ? "+" : "");
		text_unsigned(text, rule->conn_step);
	}
}

static int prob_read(struct parser *parser, struct span value, struct rule *rule)
{
	return read_percent(parser, value, &rule->probability);
}

static bool prob_given(const struct rule *rule)
{
	return rule->probability != PROBABILITY_ONE;
}

static void prob_write(struct text *text, const struct rule *rule)
{
	write_percent(text, rule->probability);
}

static int times_read(struct parser *parser, struct span value, struct rule *rule)
{
	return read_count(parser, value, &rule->times);
}

static bool times_given(const struct rule *rule)
{
	return rule->times != UINT64_MAX;
}

static void times_write(struct text *text, const struct rule *rule)
{
	text_unsigned(text, rule->times);
}

/* A size in bytes, or a time: the units tell which (5M is a size, 5m is a time). */
static int after_read(struct parser *parser, struct span value, struct rule *rule)
{
	int size_result = units_size(value.start, value.length, &rule->after_size);
	int time_result = units_duration(value.start, value.length, &rule->after_ms);
	rule->has_after_size = size_result == 0;
	rule->has_after_time = time_result == 0;
	if (rule->has_after_size || rule->has_after_time) {
		return 0;
	}
	bool large = size_result == -ERANGE || time_result == -ERANGE;
	return fault_number(parser, large ? -ERANGE : -EINVAL,
			    "a size such as 64 or 16K, or a time such as 250ms or 2s");
}

static bool after_given(const struct rule *rule)
{
	return rule->has_after_size || rule->has_after_time;
}

static void after_write(struct text *text, const struct rule *rule)
{
	if (rule->has_after_size) {
		write_size(text, rule->after_size);
	} else {
		write_duration(text, rule->after_ms);
	}
}

static int when_misfit(struct parser *parser, const struct rule *rule)
{
	const struct action_info *info = &action_infos[rule->action];
	struct text message = fault_begin(parser, parser->word.start);
	text_format(&message, "%s can fire only at ", info->name);
	moments_write(&message, info->when, " or ");
	return -EINVAL;
}

static int when_read(struct parser *parser, struct span value, struct rule *rule)
{
	unsigned when = 0;
	for (unsigned i = 0; i < MOMENT_COUNT; i++) {
		if (1u << i != WHEN_CONNECT && span_is(value, moment_names[i])) {
			when = 1u << i;
		}
	}
	if (when == 0) {
		return fault_expected(parser, "read, write or close");
	}
	if ((action_infos[rule->action].when & when) == 0) {
		return when_misfit(parser, rule);
	}
	rule->when = when;
	return 0;
}

static bool when_given(const struct rule *rule)
{
	return rule->when != action_infos[rule->action].when;
}

static void when_write(struct text *text, const struct rule *rule)
{
	for (unsigned i = 0; i < MOMENT_COUNT; i++) {
		if (rule->when == 1u << i) {
			text_string(text, moment_names[i]);
		}
	}
}

static bool starts_given(const struct rule *rule)
{
	return rule->starts_length > 0;
}

static int wait_read(struct parser *parser, struct span value, struct rule *rule)
{
	if (rule->action != ACTION_UNREAD) {
		return fault_says(parser, "only the action unread takes wait=");
	}
	rule->has_wait = true;
	return read_duration(parser, value, &rule->wait_ms);
}

static bool wait_given(const struct rule *rule)
{
	return rule->has_wait;
}

static void wait_write(struct text *text, const struct rule *rule)
{
	write_duration(text, rule->wait_ms);
}

bool selector_applies(const struct selector *selector, const struct rule *rule)
{
	return selector->read != wait_read || rule->action == ACTION_UNREAD;
}

const struct selector selectors[SELECTOR_COUNT] = {
#define SELECTOR(name, form, help) {#name, name##_read, name##_given, name##_write},
#include "selectors.def"
#undef SELECTOR
};
