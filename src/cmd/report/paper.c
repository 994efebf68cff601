#include "paper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 40
#define WIDTH_MAX 160

static int width_of_stdout(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = {.ws_col = 0};
	long width = columns ? strtol(columns, NULL, 10) : 0;
	if (width <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
		width = size.ws_col;
	}
	if (width <= 0) {
		width = WIDTH_DEFAULT;
	}
	return (int)(width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width);
}

static bool shows_unicode(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (value && *value) {
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
		}
	}
	return false;
}

struct paper paper_of_stdout(void)
{
	/* https://no-color.org: set and not empty. */
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");
	bool dumb = terminal && !strcmp(terminal, "dumb");
	return (struct paper){
		.width = width_of_stdout(),
		.colour = isatty(STDOUT_FILENO) && !(no_color && *no_color) && !dumb,
		.unicode = shows_unicode(),
	};
}

static const char *const codes[] = {"", "\033[1m", "\033[1;31m", "\033[33m", "\033[2m"};

static void begin(const struct paper *paper, enum ink ink)
{
	if (paper->colour) {
		fputs(codes[ink], stdout);
	}
}

static void end(const struct paper *paper, enum ink ink)
{
	if (paper->colour && ink != INK_PLAIN) {
		fputs("\033[0m", stdout);
	}
}

/* Columns: continuation bytes of UTF-8 take none. */
static int columns_of(const char *string, int bytes)
{
	int columns = 0;
	for (int i = 0; i < bytes; i++) {
		columns += ((unsigned char)string[i] & 0xc0) != 0x80;
	}
	return columns;
}

void paper_wrap(const struct paper *paper, int indent, int hanging, enum ink ink,
		const char *string)
{
	int column = indent;
	int blanks = 0; /* before the next word, on the same line */
	printf("%*s", indent, "");
	begin(paper, ink);
	while (*string != '\0') {
		int length = (int)strcspn(string, " ");
		int columns = columns_of(string, length);
		if (column + blanks + columns > paper->width && blanks > 0) {
			printf("\n%*s", hanging, "");
			column = hanging;
			blanks = 0;
		}
		printf("%*s%.*s", blanks, "", length, string);
		column += blanks + columns;
		string += length;
		blanks = (int)strspn(string, " ");
		string += blanks;
	}
	end(paper, ink);
	putchar('\n');
}

void paper_heading(const struct paper *paper, const char *string)
{
	putchar('\n');
	begin(paper, INK_BOLD);
	fputs(string, stdout);
	end(paper, INK_BOLD);
	putchar('\n');
}
