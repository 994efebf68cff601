#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "cmd.h"
#include "explain.h"
#include "../rule/rule.h"
#include "../sys/errnames.h"
#include "../sys/spelling.h"

static const char help[] =
	"resetby explain           the causes that a log line can name\n"
	"resetby explain CAUSE     one of them: the segments, who is told what, how to make it\n"
	"                          happen and how to prevent it\n"
	"resetby explain ERRNO     the causes behind an error such as ECONNRESET, 104, or\n"
	"                          'Connection reset by peer'\n";

static void print_title(enum cause cause)
{
	printf("  %-20s %s\n", cause_infos[cause].id, cause_infos[cause].title);
}

static void explain_all(void)
{
	for (int kind = 0; kind < CAUSE_KIND_COUNT; kind++) {
		printf("%s%s\n", kind ? "\n" : "", cause_kind_titles[kind]);
		for (int i = 0; i < CAUSE_COUNT; i++) {
			if (cause_infos[i].kind == (enum cause_kind)kind) {
				print_title((enum cause)i);
			}
		}
	}
}

/* ---- the causes behind an errno: the pages, read the other way round ---- */

static bool is_told(enum cause cause, enum told_side side, int error)
{
	const struct page *page = explain_page(cause);
	if (page == NULL || error == 0) {
		return false;
	}
	for (const struct told *told = page->told; told->at != TOLD_END; told++) {
		if (told->side == side && told->error == error) {
			return true;
		}
	}
	return false;
}

/* The other side's log is worth a look only where it is the other side's doing. */
static bool is_behind(enum cause cause, enum told_side side, int error)
{
	return is_told(cause, side, error) &&
	       (side == HERE || cause_infos[cause].kind == CAUSE_OWN);
}

static int count_behind(enum told_side side, int error)
{
	int count = 0;
	for (int i = 0; i < CAUSE_COUNT; i++) {
		count += is_behind((enum cause)i, side, error);
	}
	return count;
}

static void print_behind(const char *title, enum told_side side, int error)
{
	if (count_behind(side, error) == 0) {
		return;
	}
	printf("\n%s\n", title);
	for (int i = 0; i < CAUSE_COUNT; i++) {
		if (is_behind((enum cause)i, side, error)) {
			print_title((enum cause)i);
		}
	}
}

static void explain_error(int error)
{
	const char *text = errno_text(error);
	printf("%s (%d): %s\n", errno_name(error), error, text ? text : "no text");
	print_behind("The log of the program that is told names one of", HERE, error);
	print_behind("The log of the peer, when it is preloaded too, names one of", THERE, error);
	explain_words_of(error);
}

/*
 * By programs: as ECONNRESET, econnreset, 104, -104 (JavaScript), Connection reset by peer (Java); and
 * EPIPE by the signal that comes with it.
 */
static bool is_called(int error, const char *name)
{
	char number[sizeof "-2147483648"];
	snprintf(number, sizeof number, "%d", error);
	const char *text = errno_text(error);
	return strcasecmp(errno_name(error), name) == 0 || (text && strcasecmp(text, name) == 0) ||
	       strcmp(number, name[0] == '-' ? name + 1 : name) == 0 ||
	       (error == ECONNRESET && strcasecmp("Connection reset", name) == 0) ||
	       (error == EPIPE && strcasecmp("SIGPIPE", name) == 0);
}

/* An error that has a page; 0 when there is none. */
static int find_error(const char *name)
{
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		const struct page *page = explain_page((enum cause)cause);
		for (const struct told *told = page ? page->told : NULL; told && told->at; told++) {
			if (told->error != 0 && is_called(told->error, name) &&
			    count_behind(HERE, told->error) > 0) {
				return told->error;
			}
		}
	}
	return 0;
}

/* ---- names that do not exist ---- */

struct nearest {
	const char *name;
	size_t distance;
};

/* A name that begins with what was typed is nearer than any other. */
static void consider(struct nearest *nearest, const char *wanted, const char *name)
{
	size_t length = strlen(wanted);
	if (!spelling_may_mean(wanted, length, name)) {
		return;
	}
	bool begins = strncasecmp(wanted, name, length) == 0;
	size_t steps = begins ? 0 : spelling_distance(wanted, length, name);
	if (nearest->name == NULL || steps < nearest->distance) {
		*nearest = (struct nearest){name, steps};
	}
}

/* NULL: it is like none. */
static const char *nearest_name(const char *wanted)
{
	struct nearest nearest = {NULL, 0};
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		consider(&nearest, wanted, cause_infos[cause].id);
		const struct page *page = explain_page((enum cause)cause);
		for (const struct told *told = page ? page->told : NULL; told && told->at; told++) {
			if (told->error != 0) {
				consider(&nearest, wanted, errno_name(told->error));
			}
		}
	}
	return nearest.name;
}

static bool is_action(const char *name)
{
	size_t length = strcspn(name, "= ");
	for (int i = 0; i < ACTION_COUNT; i++) {
		if (strlen(action_infos[i].name) == length &&
		    memcmp(action_infos[i].name, name, length) == 0) {
			return true;
		}
	}
	return false;
}

static int complain_unknown(const char *name)
{
	const char *nearest = nearest_name(name);
	cmd_complain("explain: '%s' is %s;%s%s%s resetby explain shows all causes", name,
		     is_action(name) ? "an action of rules (resetby list actions)"
				     : "no cause and no errno of a connection",
		     nearest ? " did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	return STATUS_REFUSED;
}

int cmd_explain(int argc, char **argv)
{
	if (argc > 2) {
		return cmd_misused("explain", "one cause or errno at a time");
	}
	if (argc == 1) {
		explain_all();
	} else if (cmd_asks_help(argv[1])) {
		fputs(help, stdout);
	} else if (cause_find(argv[1]) != CAUSE_COUNT) {
		explain_cause(cause_find(argv[1]));
	} else if (find_error(argv[1]) != 0) {
		explain_error(find_error(argv[1]));
	} else {
		return complain_unknown(argv[1]);
	}
	return cmd_finish();
}
