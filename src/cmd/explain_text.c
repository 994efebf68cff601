#include "explain.h"

#include <stdio.h>
#include <string.h>

void explain_wrapped(int indent, int hanging, const char *text)
{
	printf("%*s", indent, "");
	explain_continued(indent, hanging, text);
}

void explain_continued(int column, int hanging, const char *text)
{
	int start = column;
	while (*text != '\0') {
		int length = (int)strcspn(text, " ");
		if (column > start && column + 1 + length > PAGE_COLUMNS) {
			printf("\n%*s", hanging, "");
			column = start = hanging;
		}
		if (column > start) {
			column += printf(" ");
		}
		column += printf("%.*s", length, text);
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}
