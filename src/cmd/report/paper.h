/* What text is printed on: a width, and colour where there is some. */
#ifndef RESETBY_CMD_REPORT_PAPER_H
#define RESETBY_CMD_REPORT_PAPER_H

#include <stdbool.h>
#include "../../sys/text.h"

struct paper {
	int width;
	bool colour;  /* a terminal, and the user has not set NO_COLOR */
	bool unicode; /* more than ASCII can be shown */
};

enum ink { INK_PLAIN, INK_BOLD, INK_RED, INK_YELLOW, INK_DIM };

struct paper paper_of_stdout(void);

/**
 * Print a paragraph.
 *
 * @indent, hanging
 *         Blanks before the first line, and before the others.
 */
void paper_wrap(const struct paper *paper, int indent, int hanging, enum ink ink,
		const char *string);

/** Print a heading behind an empty line. */
void paper_heading(const struct paper *paper, const char *string);

#endif
