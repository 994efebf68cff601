/* JSON within a page of HTML. */
#ifndef RESETBY_CMD_REPORT_SCRIPT_H
#define RESETBY_CMD_REPORT_SCRIPT_H

#include <stdio.h>

/**
 * Print JSON such that it means the same and can stand within <script>, whatever its strings hold:
 * nothing in it ends the element or begins a comment (`<`, `>` and `&` are written as \u003c ...),
 * and no separator of lines or paragraphs (U+2028, U+2029) ends a line of a script.
 *
 * @json
 *         Valid, so that these stand in strings only.
 */
void script_put(FILE *page, const char *json);

#endif
