/*
 * What the parts of the parser share: spans of source text, faults, and the two tables that say how
 * values are read and written.
 */
#ifndef RESETBY_RULE_GRAMMAR_H
#define RESETBY_RULE_GRAMMAR_H

#include "rule.h"

/** A piece of a source's text. */
struct span {
	const char *start;
	size_t length;
};

static inline const char *span_end(struct span span)
{
	return span.start + span.length;
}

bool span_is(struct span span, const char *string);

/** Cut at the first `separator`; the rest's start is NULL when there is none. */
struct span span_cut(struct span span, char separator, struct span *rest);

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/** The reading of one source. */
struct parser {
	const struct rule_source *source;
	char *copy;     /* the source's text in the set's own memory */
	const char *at; /* next character to look at */
	const char *end;
	struct span word; /* the word that is being read, which a fault quotes */
	const char *exe;
	struct rule_error *error;
};

/**
 * Begin to say what is wrong.
 *
 * @at
 *         The offending character, somewhere in the source or at its end.
 * @return
 *         The message, to be completed; it holds the current word and a colon.
 */
struct text fault_begin(struct parser *parser, const char *at);

/**
 * Say what was expected instead of the current word.
 *
 * @return
 *         -EINVAL.
 */
int fault_expected(struct parser *parser, const char *expected);

/** The same with the character that is to blame. */
int fault_expected_at(struct parser *parser, const char *at, const char *expected);

/** Say what is wrong with the current word in other words than "expected". Gives -EINVAL. */
int fault_says(struct parser *parser, const char *sentence);

/** The current word is not of that form (-EINVAL), or is of it and too large (-ERANGE). */
int fault_number(struct parser *parser, int result, const char *expected);

/** An action, or a selector of this rule, that does not exist: list those that do. Gives -EINVAL. */
int fault_unknown_action(struct parser *parser, struct span name);
int fault_unknown_selector(struct parser *parser, const struct rule *rule, struct span name);

/** How the value of an action is read and written; by enum value_type. */
struct value_kind {
	/* 0, or -EINVAL with the fault told; an empty value is never right. NULL: takes no value */
	int (*read)(struct parser *parser, struct span value, struct rule *rule);
	void (*write)(struct text *text, const struct rule *rule);
};

extern const struct value_kind value_kinds[VALUE_COUNT];

/** How a selector is read and written. */
struct selector {
	const char *name;
	int (*read)(struct parser *parser, struct span value, struct rule *rule);
	bool (*given)(const struct rule *rule);
	void (*write)(struct text *text, const struct rule *rule);
};

#define SELECTOR_COUNT 11

/** In canonical order. */
extern const struct selector selectors[SELECTOR_COUNT];

/** Does this selector mean something with this rule's action? */
bool selector_applies(const struct selector *selector, const struct rule *rule);

/** Where the text of starts= ends: at an unquoted blank, `;`, newline, or at the end. */
const char *starts_end(const char *at, const char *end);
int starts_read(struct parser *parser, struct span value, struct rule *rule);
void starts_write(struct text *text, const struct rule *rule);

/** Readers that both tables use: the plain value, or a fault told. */
int read_duration(struct parser *parser, struct span value, uint64_t *milliseconds);
int read_percent(struct parser *parser, struct span value, uint32_t *millionths);
int read_count(struct parser *parser, struct span value, uint64_t *count);

/** Exact numbers, in the largest unit of which they are a whole multiple. */
void write_duration(struct text *text, uint64_t milliseconds);
void write_size(struct text *text, uint64_t bytes);
void write_percent(struct text *text, uint32_t millionths);

/** Memory for a set of at most `rules` rules and `bytes` of text. NULL when there is none. */
struct rules *set_new(size_t rules, size_t bytes, char **text);

#endif
