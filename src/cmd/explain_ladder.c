/*
 * The ladder of a page: time goes down, this side is on the left, its calls before the line.
 *
 *     connect()              | ------- SYN ---------> |
 *     ECONNREFUSED           | <---- RST,ACK -------- | nothing listens there
 */
#include "explain.h"

#include <stdio.h>
#include <string.h>

#define INDENT 2
#define HERE_COLUMNS 22

static void centred(char *line, size_t columns, const char *words)
{
	size_t length = strlen(words);
	char *at = line + (columns - length) / 2;
	for (size_t i = 0; i < length; i++) {
		at[i] = words[i];
	}
}

/* An arrow with its label in the middle; a lost one ends in an x on its way. */
static void draw_arrow(char *line, enum travel travel, const char *segment)
{
	bool right = travel == TRAVEL_RIGHT || travel == TRAVEL_RIGHT_LOST;
	bool lost = travel == TRAVEL_RIGHT_LOST || travel == TRAVEL_LEFT_LOST;
	memset(line + 1, '-', SHAFT_COLUMNS - 2);
	line[right ? SHAFT_COLUMNS - 2 : 1] = right ? '>' : '<';
	if (lost) {
		memset(line + (right ? SHAFT_COLUMNS - 3 : 0), ' ', 3);
		line[right ? SHAFT_COLUMNS - 4 : 3] = 'x';
	}
	char label[SHAFT_COLUMNS + 1];
	snprintf(label, sizeof label, " %s ", segment);
	centred(line, SHAFT_COLUMNS, label);
}

static void draw_step(const struct step *step)
{
	char shaft[SHAFT_COLUMNS + 1];
	memset(shaft, ' ', SHAFT_COLUMNS);
	shaft[SHAFT_COLUMNS] = '\0';
	char post = '|';
	if (step->travel == TRAVEL_TIME) {
		centred(shaft, SHAFT_COLUMNS, step->segment);
		post = ':';
	} else if (step->travel != TRAVEL_NOTHING) {
		draw_arrow(shaft, step->travel, step->segment);
	}
	printf("%*s%-*s %c%s%c%s%s\n", INDENT, "", HERE_COLUMNS, step->here, post, shaft, post,
	       step->there[0] != '\0' ? " " : "", step->there);
}

void explain_ladder(const struct page *page)
{
	/* The names of the ends stand above their lines. */
	int post = INDENT + HERE_COLUMNS + 1;
	int here = post - (int)strlen(page->here) / 2;
	int there = post + SHAFT_COLUMNS + 1 - (int)strlen(page->there) / 2;
	printf("%*s%s%*s%s\n", here, "", page->here, there - here - (int)strlen(page->here), "",
	       page->there);
	for (const struct step *step = page->ladder; step->travel != TRAVEL_END; step++) {
		draw_step(step);
	}
}
