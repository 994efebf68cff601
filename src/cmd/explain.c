#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "cmd.h"
#include "../sys/errnames.h"
#include "../why/why.h"

static const char help[] =
	"resetby explain           the causes that a log line can name\n"
	"resetby explain CAUSE     one of them: what happened, and what to do\n"
	"resetby explain ERRNO     the causes behind an error such as ECONNRESET\n";

/* An errno alone says only this much; the rest is evidence. */
static const struct {
	const char *name;
	const char *causes[14];
} errors[] = {
	{"ECONNREFUSED", {"refused", "rejected"}},
	{"ENETUNREACH", {"unreachable", "rejected", "injected"}},
	{"EHOSTUNREACH", {"unreachable", "rejected", "retransmit-limit", "injected"}},
	{"EADDRNOTAVAIL", {"ports-exhausted"}},
	{"EINPROGRESS", {"abandoned"}},
	{"ECONNABORTED", {"killed", "accept-aborted"}},
	{"ETIMEDOUT",
	 {"no-answer", "retransmit-limit", "user-timeout", "keepalive-limit", "zero-window-limit",
	  "injected"}},
	{"EPIPE", {"peer-closed-early", "already-reset", "wrote-after-shutdown", "injected"}},
	{"ECONNRESET",
	 {"peer-closed-unread", "peer-abort", "forgotten", "accept-overflow", "accept-aborted",
	  "already-reset", "late-data", "abandoned", "injected"}},
};

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

static void explain_cause(enum cause cause)
{
	const struct cause_info *info = &cause_infos[cause];
	printf("%s: %s\n\n", info->id, info->title);
	printf("%s\n\n%s\n", info->what, info->advice);
}

/* The causes of an error, as far as the errno tells; false when it is none of ours. */
static bool explain_error(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(name, errors[i].name) != 0) {
			continue;
		}
		const char *text = errno_text(errno_number(name, strlen(name)));
		printf("%s (%s) can be\n", name, text ? text : name);
		for (const char *const *id = errors[i].causes; *id; id++) {
			enum cause cause = cause_find(*id);
			if (cause != CAUSE_COUNT) {
				print_title(cause);
			}
		}
		return true;
	}
	return false;
}

int cmd_explain(int argc, char **argv)
{
	if (argc > 2) {
		return cmd_misused("explain: one cause or errno at a time");
	}
	if (argc == 1) {
		explain_all();
	} else if (cmd_asks_help(argv[1])) {
		fputs(help, stdout);
	} else if (cause_find(argv[1]) != CAUSE_COUNT) {
		explain_cause(cause_find(argv[1]));
	} else if (!explain_error(argv[1])) {
		return cmd_misused("explain: '%s' is no cause and no errno of a connection; "
				   "resetby list causes shows them",
				   argv[1]);
	}
	return cmd_finish();
}
