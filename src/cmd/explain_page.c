#include "explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../rule/rule.h"
#include "../sys/errnames.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *const notes[NOTE_COUNT] = {
#define NOTE(symbol, place) [NOTE_##symbol] = place,
#include "notes.def"
#undef NOTE
};

static const struct {
	enum told_at at;
	int error;
	const char *program;
	const char *message;
} words[] = {
#define WORD(call, error, program, message) {TOLD_##call, error, program, message},
#include "words.def"
#undef WORD
};

static const char *const calls[] = {
	[TOLD_NOWHERE] = "no call fails", [TOLD_ANYWHERE] = "any call",
	[TOLD_CONNECT] = "connect",       [TOLD_READ] = "read",
	[TOLD_WRITE] = "write",           [TOLD_ACCEPT] = "accept",
	[TOLD_ERRNO_ONLY] = "a call",
};

static void heading(const char *title)
{
	printf("\n%s\n", title);
}

/* ---- what each side is told ---- */

static void print_told(const struct told *told, const char *side)
{
	char line[256] = "";
	struct text text = text_in(line, sizeof line);
	text_format(&text, "%s: %s", side, calls[told->at]);
	if (told->error != 0) {
		text_format(&text, " %s", errno_name(told->error));
	}
	if (told->remark[0] != '\0') {
		text_format(&text, ": %s", told->remark);
	}
	explain_wrapped(2, 6, line);
}

static void print_all_told(const struct page *page)
{
	for (const struct told *told = page->told; told->at != TOLD_END; told++) {
		if (told->at != TOLD_ERRNO_ONLY) {
			print_told(told, told->side == HERE ? page->here : page->there);
		}
	}
}

/* ---- the words of programs ---- */

static void print_words_at(enum told_at at, int error)
{
	bool any = false;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (words[i].at != at || words[i].error != error) {
			continue;
		}
		if (!any) {
			printf("  %s: %s\n", calls[at],
			       error != 0 ? errno_name(error) : "the program's own time-out");
			any = true;
		}
		int column = printf("    %-8s", words[i].program);
		explain_continued(column, 12, words[i].message);
	}
}

static bool has_words(enum told_at at, int error)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (words[i].at == at && words[i].error == error) {
			return true;
		}
	}
	return false;
}

/* The other side may be told the same: say it once. */
static bool was_before(const struct page *page, const struct told *told)
{
	for (const struct told *other = page->told; other < told; other++) {
		if (other->at == told->at && other->error == told->error) {
			return true;
		}
	}
	return false;
}

static void print_words(const struct page *page)
{
	bool any = false;
	for (const struct told *told = page->told; told->at != TOLD_END; told++) {
		if (!has_words(told->at, told->error) || was_before(page, told)) {
			continue;
		}
		if (!any) {
			heading("In the words of programs");
			any = true;
		}
		print_words_at(told->at, told->error);
	}
}

void explain_words_of(int error)
{
	bool any = false;
	for (enum told_at at = TOLD_CONNECT; at <= TOLD_WRITE; at++) {
		if (!has_words(at, error)) {
			continue;
		}
		if (!any) {
			heading("In the words of programs");
			any = true;
		}
		print_words_at(at, error);
	}
}

/* ---- how to make it happen ---- */

static void print_rules(const char *const *rules)
{
	for (; rules != NULL && *rules != NULL; rules++) {
		printf("  rule: %s\n", *rules);
	}
}

static const char imports[] = "from socket import *; import time, os, struct\n";
static const char silence[] =
	"drop = 'table t {chain i {type filter hook input priority 0;policy drop;};}'\n"
	"os.system(f'(sleep 1; nft \"{drop}\") &')\n";
static const char connected[] =
	"l = create_server(('127.0.0.1', 0)); c = create_connection(l.getsockname())\n";
static const char accepted[] = "s, _ = l.accept()\n";

static const char *const setups[][4] = {
	[SETUP_PYTHON] = {NULL},
	[SETUP_QUEUED] = {imports, connected},
	[SETUP_PAIR] = {imports, connected, accepted},
	[SETUP_SILENCE] = {imports, silence, connected, accepted},
};

static void print_indented(const char *lines)
{
	while (*lines != '\0') {
		int length = (int)strcspn(lines, "\n");
		printf("  %.*s\n", length, lines);
		lines += length + 1;
	}
}

static void print_experiment(const struct page *page)
{
	if (page->setup == SETUP_SHELL) {
		print_indented(page->experiment);
		return;
	}
	printf("  %s%s%sresetby run %s%spython3 - <<'END'\n", page->stale ? "RESETBY_STALE=" : "",
	       page->stale ? page->stale : "", page->stale ? " " : "", page->options,
	       page->options[0] != '\0' ? " " : "");
	for (size_t i = 0; i < COUNT_OF(setups[0]) && setups[page->setup][i] != NULL; i++) {
		print_indented(setups[page->setup][i]);
	}
	print_indented(page->experiment);
	puts("  END");
}

/* ---- the page ---- */

static void print_notes(const struct page *page)
{
	if (page->notes == NULL && page->differs == NULL) {
		return;
	}
	heading("In the notes that people know (README.md)");
	for (const enum note *note = page->notes; note != NULL && *note != NOTE_END; note++) {
		explain_wrapped(2, 6, notes[*note]);
	}
	if (page->differs != NULL) {
		heading("On Linux");
		explain_wrapped(2, 2, page->differs);
	}
}

static void print_page(const struct page *page)
{
	heading("On the wire");
	explain_ladder(page);
	heading("What each side is told");
	print_all_told(page);
	print_words(page);
	if (page->limits != NULL) {
		heading("The kernel's limits, on this machine now");
		explain_limits(page->limits);
	}
	heading("Make it happen");
	print_rules(page->rules);
	print_experiment(page);
	heading("Prevent it");
	for (const char *const *line = page->prevent; *line != NULL; line++) {
		explain_wrapped(2, 2, *line);
	}
	print_notes(page);
}

void explain_cause(enum cause cause)
{
	const struct cause_info *info = &cause_infos[cause];
	printf("%s: %s\n\n", info->id, info->title);
	explain_wrapped(0, 0, info->what);
	putchar('\n');
	explain_wrapped(0, 0, info->advice);
	const struct page *page = explain_page(cause);
	if (page != NULL) {
		print_page(page);
	}
}
