#include <string.h>
#include "glob.h"

/*
 * Does a bracket expression contain a character? `at` is behind its `[`; an expression without its
 * `]` is no expression, and end stays NULL.
 */
static bool bracket_contains(const char *at, const char *limit, unsigned char c, const char **end)
{
	*end = NULL;
	bool negated = at < limit && (*at == '!' || *at == '^');
	at += negated;
	bool found = false;
	/* A `]` in the first place is a member, as in the shell. */
	for (const char *first = at; at < limit && (*at != ']' || at == first); at++) {
		unsigned char low = (unsigned char)*at;
		unsigned char high = low;
		if (limit - at > 2 && at[1] == '-' && at[2] != ']') {
			high = (unsigned char)at[2];
			at += 2;
		}
		found = found || (low <= c && c <= high);
	}
	if (at < limit) {
		*end = at + 1;
	}
	return found != negated;
}

/* Match one element that is no `*` against one character; NULL when it does not match. */
static const char *match_one(const char *pattern, const char *limit, char c)
{
	if (*pattern == '?') {
		return pattern + 1;
	}
	if (*pattern == '[') {
		const char *end;
		bool contained = bracket_contains(pattern + 1, limit, (unsigned char)c, &end);
		if (end) {
			return contained ? end : NULL;
		}
	}
	if (*pattern == '\\' && limit - pattern > 1) {
		pattern++;
	}
	return *pattern == c ? pattern + 1 : NULL;
}

bool glob_match(const char *pattern, size_t length, const char *name)
{
	const char *limit = pattern + length;
	/* Only the last `*` can need another try: what stood before it has matched as early as can be. */
	const char *after_star = NULL;
	const char *star_name = NULL;
	while (*name != '\0') {
		if (pattern < limit && *pattern == '*') {
			after_star = ++pattern;
			star_name = name;
			continue;
		}
		const char *next = pattern < limit ? match_one(pattern, limit, *name) : NULL;
		if (next) {
			pattern = next;
			name++;
		} else if (after_star) {
			pattern = after_star;
			name = ++star_name;
		} else {
			return false;
		}
	}
	while (pattern < limit && *pattern == '*') {
		pattern++;
	}
	return pattern == limit;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Length of the first pattern of a list: up to a comma that no backslash protects. */
static size_t item_length(const char *list)
{
	size_t length = 0;
	while (list[length] != '\0' && list[length] != ',') {
		length += list[length] == '\\' && list[length + 1] != '\0' ? 2 : 1;
	}
	return length;
}

bool glob_match_list(const char *list, const char *name)
{
	for (;;) {
		while (is_blank(*list)) {
			list++;
		}
		size_t length = item_length(list);
		size_t trimmed = length;
		while (trimmed > 0 && is_blank(list[trimmed - 1])) {
			trimmed--;
		}
		if (trimmed > 0 && glob_match(list, trimmed, name)) {
			return true;
		}
		if (list[length] == '\0') {
			return false;
		}
		list += length + 1;
	}
}

bool glob_list_is_empty(const char *list)
{
	while (is_blank(*list) || *list == ',') {
		list++;
	}
	return *list == '\0';
}
