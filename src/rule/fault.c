#include <errno.h>
#include <string.h>
#include "../sys/spelling.h"
#include "grammar.h"

/* Of a long word a message shows this much. */
#define QUOTED_MAX 40

static void write_printable(struct text *text, struct span span)
{
	for (size_t i = 0; i < span.length && i < QUOTED_MAX; i++) {
		unsigned char c = (unsigned char)span.start[i];
		bool printable = c >= ' ' && c != 0x7f;
		text_bytes(text, printable ? &span.start[i] : "?", 1);
	}
	if (span.length > QUOTED_MAX) {
		text_string(text, "...");
	}
}

struct text fault_begin(struct parser *parser, const char *at)
{
	struct rule_error *error = parser->error;
	error->source = parser->source->name;
	error->line = 1;
	const char *line = parser->source->text;
	for (const char *c = line; c < at; c++) {
		if (*c == '\n') {
			error->line++;
			line = c + 1;
		}
	}
	error->column = (uint32_t)(at - line) + 1;
	struct text message = text_in(error->message, sizeof error->message);
	if (parser->word.length > 0) {
		write_printable(&message, parser->word);
		text_string(&message, ": ");
	}
	return message;
}

int fault_expected_at(struct parser *parser, const char *at, const char *expected)
{
	struct text message = fault_begin(parser, at);
	text_format(&message, "expected %s", expected);
	return -EINVAL;
}

int fault_expected(struct parser *parser, const char *expected)
{
	return fault_expected_at(parser, parser->word.start, expected);
}

int fault_says(struct parser *parser, const char *sentence)
{
	struct text message = fault_begin(parser, parser->word.start);
	text_string(&message, sentence);
	return -EINVAL;
}

int fault_number(struct parser *parser, int result, const char *expected)
{
	struct text message = fault_begin(parser, parser->word.start);
	text_format(&message, "%sexpected %s", result == -ERANGE ? "too large, " : "", expected);
	return -EINVAL;
}

/* The nearest name so far, and how far it is. */
struct nearest {
	const char *name;
	size_t distance;
};

static void compare(struct nearest *nearest, struct span typed, const char *name)
{
	size_t distance = spelling_distance(typed.start, typed.length, name);
	if (spelling_is_slip(distance, name) && (!nearest->name || distance < nearest->distance)) {
		nearest->name = name;
		nearest->distance = distance;
	}
}

static struct text begin_unknown(struct parser *parser, const char *what,
				 const struct nearest *nearest)
{
	struct text message = fault_begin(parser, parser->word.start);
	text_string(&message, what);
	if (nearest->name) {
		text_format(&message, " (did you mean %s?)", nearest->name);
	}
	text_string(&message, ", expected one of");
	return message;
}

int fault_unknown_action(struct parser *parser, struct span name)
{
	struct nearest nearest = {.name = NULL};
	for (int action = 0; action < ACTION_COUNT; action++) {
		compare(&nearest, name, action_infos[action].name);
	}
	struct text message = begin_unknown(parser, "no such action", &nearest);
	for (int action = 0; action < ACTION_COUNT; action++) {
		text_format(&message, " %s", action_infos[action].name);
	}
	return -EINVAL;
}

int fault_unknown_selector(struct parser *parser, const struct rule *rule, struct span name)
{
	struct nearest nearest = {.name = NULL};
	for (size_t i = 0; i < SELECTOR_COUNT; i++) {
		if (selector_applies(&selectors[i], rule)) {
			compare(&nearest, name, selectors[i].name);
		}
	}
	struct text message = begin_unknown(parser, "no such selector", &nearest);
	for (size_t i = 0; i < SELECTOR_COUNT; i++) {
		if (selector_applies(&selectors[i], rule)) {
			text_format(&message, " %s=", selectors[i].name);
		}
	}
	return -EINVAL;
}

void rule_error_write(struct text *text, const struct rule_error *error)
{
	text_format(text, "%s:%u:%u: %s", error->source, error->line, error->column,
		    error->message);
}
