#include "grammar.h"
#include "../sys/units.h"

/* A millionth is 0.0001%. */
#define PERCENT_DECIMALS 4u

struct unit {
	uint64_t size;
	const char *name;
};

static const struct unit duration_units[] = {
	{3600000, "h"},
	{60000, "m"},
	{1000, "s"},
	{1, "ms"},
};

static const struct unit size_units[] = {
	{(uint64_t)1 << 30, "G"},
	{(uint64_t)1 << 20, "M"},
	{(uint64_t)1 << 10, "K"},
	{1, ""},
};

/* The last unit is 1: it always fits. */
static void write_in_units(struct text *text, uint64_t value, const struct unit *unit)
{
	while (value % unit->size != 0) {
		unit++;
	}
	text_unsigned(text, value / unit->size);
	text_string(text, unit->name);
}

void write_duration(struct text *text, uint64_t milliseconds)
{
	if (milliseconds == 0) {
		text_string(text, "0s");
		return;
	}
	write_in_units(text, milliseconds, duration_units);
}

void write_size(struct text *text, uint64_t bytes)
{
	if (bytes == 0) {
		text_char(text, '0');
		return;
	}
	write_in_units(text, bytes, size_units);
}

void write_percent(struct text *text, uint32_t millionths)
{
	const uint32_t per_percent = PROBABILITY_ONE / 100;
	uint32_t decimals = millionths % per_percent;
	unsigned width = PERCENT_DECIMALS;
	text_unsigned(text, millionths / per_percent);
	if (decimals != 0) {
		for (; decimals % 10 == 0; decimals /= 10) {
			width--;
		}
		text_char(text, '.');
		text_padded(text, decimals, width);
	}
	text_char(text, '%');
}

void rule_write(struct text *text, const struct rule *rule)
{
	const struct action_info *info = &action_infos[rule->action];
	text_string(text, info->name);
	if (rule->has_value) {
		text_char(text, '=');
		value_kinds[info->value].write(text, rule);
	}
	for (size_t i = 0; i < SELECTOR_COUNT; i++) {
		if (selectors[i].given(rule)) {
			text_format(text, " %s=", selectors[i].name);
			selectors[i].write(text, rule);
		}
	}
}
