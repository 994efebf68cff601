/*
 * Runs while building: fills the words of the .def files into the completion of a shell.
 *
 *     words bash|zsh|fish <resetby.SHELL.in      a line @WORDS@ becomes the lists
 *
 * The lists are _resetby_subcommands, _actions, _selectors, _causes, _errnos, _topics and, for each
 * subcommand, _options_SUBCOMMAND; _takes has SUBCOMMAND:OPTION:WHAT, with an empty OPTION for what
 * follows the options. zsh and fish show what a word means, bash does not.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "../cmd/explain.h"
#include "../rule/rule.h"
#include "../sys/errnames.h"

#define LINE_SIZE 4096

enum shell { BASH, ZSH, FISH, SHELL_COUNT };
static const char *const shells[SHELL_COUNT] = {"bash", "zsh", "fish"};
static enum shell shell;

struct row {
	const char *subcommand;
	const char *option; /* empty: the subcommand itself */
	const char *takes;
	const char *help;
};

static const struct row rows[] = {
#define SUBCOMMAND(name, takes, help) {#name, "", takes, help},
#define OPTION(subcommand, option, takes, help) {#subcommand, option, takes, help},
#include "../cmd/subcommands.def"
#undef SUBCOMMAND
#undef OPTION
};

static const struct row topics[] = {
#define TOPIC(name, page, help, tell) {name, "", page, help},
#include "../cmd/topics.def"
#undef TOPIC
};

static const struct row selector_rows[] = {
#define SELECTOR(name, form, help) {#name, "", form, help},
#include "../rule/selectors.def"
#undef SELECTOR
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Between single quotes. A colon would end the name of a word of zsh. */
static void print_quoted(const char *text, bool name)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\'' || (*c == '\\' && shell == FISH)) {
			fputs(shell == FISH ? "\\" : "'\\'", stdout);
		} else if (*c == ':' && shell == ZSH && name) {
			putchar('\\');
		}
		putchar(*c);
	}
}

static void list_begin(const char *name, const char *rest)
{
	printf(shell == FISH ? "set -g _resetby_%s%s" : "_resetby_%s%s=(", name, rest);
}

static void list_end(void)
{
	puts(shell == FISH ? "" : "\n)");
}

/* A word of three pieces, any of them empty. */
static void list_add(const char *word, const char *middle, const char *end, const char *help)
{
	fputs(shell == FISH ? " \\\n\t'" : "\n\t'", stdout);
	print_quoted(word, true);
	print_quoted(middle, true);
	print_quoted(end, true);
	if (shell != BASH && help[0] != '\0') {
		putchar(shell == ZSH ? ':' : '\t');
		print_quoted(help, false);
	}
	putchar('\'');
}

static void list_add_word(const char *word, const char *help)
{
	list_add(word, "", "", help);
}

/* NAME=WORD for each word of the form, or NAME= when its value is to be filled in. */
static void list_add_values(const char *name, const char *form, const char *help)
{
	char word[64];
	size_t length = 0;
	if (!islower((unsigned char)form[0])) {
		list_add(name, "=", "", help);
		return;
	}
	for (const char *at = form; islower((unsigned char)*at);
	     at += length + strspn(at + length, "|")) {
		length = strcspn(at, "|]");
		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		list_add(name, "=", word, help);
	}
}

/* ---- the errors that `explain` knows ---- */

static bool is_told(int error)
{
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		const struct page *page = explain_page((enum cause)cause);
		for (const struct told *told = page ? page->told : NULL; told && told->at; told++) {
			if (told->side == HERE && told->error == error) {
				return true;
			}
		}
	}
	return false;
}

/* Linux has fewer errors, but for a few at the very end. */
#define ERRORS_END 4096

static void add_errnos(const char *before, const char *behind)
{
	for (int error = 1; error < ERRORS_END; error++) {
		if (errno_name(error) && is_told(error)) {
			list_add(before, errno_name(error), behind, errno_text(error));
		}
	}
}

/* ---- the lists ---- */

static void add_action(const struct action_info *action)
{
	const char *form = value_forms[action->value];
	if (action->value == VALUE_ERRNO_PAIR) {
		add_errnos("errno=", ":");
		return;
	}
	if (form[0] != '=') {
		list_add_word(action->name, action->help);
	}
	if (form[0] != '\0') {
		list_add_values(action->name, form + strspn(form, "[="), action->help);
	}
}

static void print_options(void)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].option[0] != '\0') {
			continue;
		}
		list_begin("options_", rows[i].subcommand);
		for (size_t k = 0; k < COUNT_OF(rows); k++) {
			if (!strcmp(rows[k].subcommand, rows[i].subcommand) && rows[k].option[0]) {
				list_add_word(rows[k].option, rows[k].help);
			}
		}
		list_add_word("--help", "what it does, in short");
		list_end();
	}
}

/* Not for showing: the same words in all shells. */
static void print_takes(void)
{
	list_begin("takes", "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].takes[0] != '\0') {
			printf(shell == FISH ? " \\\n\t'%s:%s:%s'" : "\n\t'%s:%s:%s'",
			       rows[i].subcommand, rows[i].option, rows[i].takes);
		}
	}
	list_end();
}

static void print_subcommands(void)
{
	list_begin("subcommands", "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].option[0] == '\0') {
			list_add_word(rows[i].subcommand, rows[i].help);
		}
	}
	list_end();
}

static void print_rules(void)
{
	list_begin("actions", "");
	for (int i = 0; i < ACTION_COUNT; i++) {
		add_action(&action_infos[i]);
	}
	list_end();
	list_begin("selectors", "");
	for (size_t i = 0; i < COUNT_OF(selector_rows); i++) {
		list_add_values(selector_rows[i].subcommand, selector_rows[i].takes,
				selector_rows[i].help);
	}
	list_end();
}

static void print_explanations(void)
{
	list_begin("causes", "");
	for (int i = 0; i < CAUSE_COUNT; i++) {
		list_add_word(cause_infos[i].id, cause_infos[i].title);
	}
	list_end();
	list_begin("errnos", "");
	add_errnos("", "");
	list_end();
	list_begin("topics", "");
	for (size_t i = 0; i < COUNT_OF(topics); i++) {
		list_add_word(topics[i].subcommand, topics[i].help);
	}
	list_end();
}

int main(int argc, char **argv)
{
	static char line[LINE_SIZE];
	while (argc == 2 && shell < SHELL_COUNT && strcmp(argv[1], shells[shell]) != 0) {
		shell++;
	}
	if (argc != 2 || shell == SHELL_COUNT) {
		fputs("words: expected bash, zsh or fish, and its script on stdin\n", stderr);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "@WORDS@\n") != 0) {
			fputs(line, stdout);
			continue;
		}
		print_subcommands();
		print_options();
		print_takes();
		print_rules();
		print_explanations();
	}
	return ferror(stdin) || fflush(stdout) != 0;
}
