#include "spelling.h"

#include <string.h>

/* So many letters may be wrong, and at most every third. */
#define SLIP_MAX 3

/* Also - for _, as in close_wait for close-wait-leak. */
static char folded(char c)
{
	if (c == '_') {
		return '-';
	}
	if (c >= 'A' && c <= 'Z') {
		return (char)(c - 'A' + 'a');
	}
	return c;
}

static size_t min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t spelling_distance(const char *typed, size_t length, const char *name)
{
	size_t row[SPELLING_MAX + 1];
	length = min_of(length, SPELLING_MAX);
	for (size_t i = 0; i <= length; i++) {
		row[i] = i;
	}
	for (size_t n = 0; n < SPELLING_MAX && name[n] != '\0'; n++) {
		size_t diagonal = row[0];
		row[0] = n + 1;
		for (size_t i = 1; i <= length; i++) {
			size_t exchanged = diagonal + (folded(typed[i - 1]) != folded(name[n]));
			diagonal = row[i];
			row[i] = min_of(exchanged, min_of(row[i], row[i - 1]) + 1);
		}
	}
	return row[length];
}

bool spelling_is_slip(size_t distance, const char *name)
{
	return distance <= SLIP_MAX && distance <= (strlen(name) + 2) / 3;
}

/* Does this stand at the beginning of typed, of which so much is left? */
static bool begins(const char *typed, size_t length, const char *with, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i == length || folded(typed[i]) != folded(with[i])) {
			return false;
		}
	}
	return true;
}

bool spelling_may_mean(const char *typed, size_t length, const char *name)
{
	size_t count = strlen(name);
	if (length == 0) {
		return false;
	}
	if (begins(name, count, typed, length)) {
		return true;
	}
	for (size_t i = 0; i + count <= length; i++) {
		if (begins(typed + i, length - i, name, count)) {
			return true;
		}
	}
	size_t distance = spelling_distance(typed, length, name);
	return spelling_is_slip(distance, name) && 2 * distance < length;
}
