/*
 * Runs while building: fills the tables of the .def files into the manual and README.md.
 *
 *     tables mdoc <libresetby.7.in      a line @NAME@ becomes the table of that name
 *     tables markdown <README.md     what stands between <!-- NAME --> and <!-- end --> does
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "../rule/rule.h"
#include "../why/why.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/** Longest line of a page. */
#define LINE_SIZE 8192

static const struct {
	const char *name;
	const char *meaning;
} keys[] = {
#define KEY(symbol, name, style, meaning) {name, meaning},
#include "../log/keys.def"
#undef KEY
};

static const struct {
	const char *name;
	const char *values;
	const char *otherwise;
	const char *help;
} variables[] = {
#define SETTING(symbol, reader, values, otherwise, help)                                           \
	{"RESETBY_" #symbol, values, otherwise, help},
#include "../rule/settings.def"
#undef SETTING
};

static const struct {
	const char *name;
	const char *form;
	const char *help;
} selectors[] = {
#define SELECTOR(name, form, help) {#name, "=" form, help},
#include "../rule/selectors.def"
#undef SELECTOR
};

/* A row of hooks.def; `stands_for` is another row's name, or NULL. */
static const struct {
	const char *name;
	const char *stands_for;
} hooks[] = {
#define HOOK(result, name, parameters, arguments) {#name, NULL},
#define HOOK_POINTER(result, name, parameters, arguments) {#name, NULL},
#define HOOK_VOID(result, name, parameters, arguments) {#name, NULL},
#define HOOK_VARIADIC(result, name, real, parameters, arguments) {#name, NULL},
#define HOOK_ALONE(result, name, parameters) {#name, NULL},
#define HOOK_ALIAS(result, name, parameters, target) {#name, #target},
#include "../hook/hooks.def"
};

/* ---- words ---- */

static void print_moments(unsigned when)
{
	char line[64];
	struct text text = text_in(line, sizeof line);
	moments_write(&text, when, ", ");
	fputs(line, stdout);
}

static const char *told_as(enum cause_kind kind)
{
	return kind == CAUSE_WARNING || kind == CAUSE_NOTICE ? "warn" : "error";
}

/* ---- mdoc ---- */

/* Roff reads a backslash as an escape, and wants each sentence on a line of its own. */
static void mdoc_prose(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		bool ends = c > text && strchr(".?", c[-1]) && *c == ' ' &&
			    isupper((unsigned char)c[1]);
		if (*c == '\\') {
			fputs("\\e", stdout);
		} else {
			putchar(ends ? '\n' : *c);
		}
	}
}

static void mdoc_sentence(const char *text)
{
	mdoc_prose(text);
	puts(text[0] != '\0' && text[strlen(text) - 1] == '.' ? "" : ".");
}

static void mdoc_actions(void)
{
	puts(".Bl -tag -width Ds");
	for (int i = 0; i < ACTION_COUNT; i++) {
		const struct action_info *info = &action_infos[i];
		const char *form = value_forms[info->value];
		printf(".It Cm %s%s%s\n", info->name, form[0] != '\0' ? " Ns No " : "", form);
		printf("%s: ", info->kind == KIND_INJECT ? "Inject" : "Mitigate");
		mdoc_sentence(info->help);
		fputs("Fires at: ", stdout);
		print_moments(info->when);
		puts(info->privilege == PRIVILEGE_NONE ? "." : "; needs CAP_NET_ADMIN.");
	}
	puts(".El");
}

static void mdoc_causes(void)
{
	for (int kind = 0; kind < CAUSE_KIND_COUNT; kind++) {
		printf(".Ss %s\n.Bl -tag -width Ds\n", cause_kind_titles[kind]);
		for (int i = 0; i < CAUSE_COUNT; i++) {
			if (cause_infos[i].kind == (enum cause_kind)kind) {
				printf(".It Cm %s\n", cause_infos[i].id);
				mdoc_sentence(cause_infos[i].what);
			}
		}
		puts(".El");
	}
}

static void mdoc_keys(void)
{
	puts(".Bl -tag -width connections -compact");
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		printf(".It Cm %s\n", keys[i].name);
		mdoc_prose(keys[i].meaning);
		putchar('\n');
	}
	puts(".El");
}

/* The names that stand for no other, or those that do. */
static void mdoc_names(bool aliases)
{
	const char *separator = "";
	for (size_t i = 0; i < COUNT_OF(hooks); i++) {
		if ((hooks[i].stands_for != NULL) == aliases) {
			printf("%s.Fn %s", separator, hooks[i].name);
			separator = " ,\n";
		}
	}
	puts(" .");
}

static void mdoc_hooks(void)
{
	mdoc_names(false);
	puts("The same under other names:");
	mdoc_names(true);
}

static void mdoc_version(void)
{
	puts(".Os resetby " RESETBY_VERSION);
}

/* ---- markdown ---- */

static void markdown_text(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (strchr("|<*", *c) != NULL) {
			putchar('\\');
		}
		putchar(*c);
	}
}

static void markdown_code(const char *name, const char *rest)
{
	fputs("| `", stdout);
	markdown_text(name);
	markdown_text(rest);
	fputs("` | ", stdout);
}

static void markdown_actions(void)
{
	puts("| action | kind | what happens | fires at | needs |\n"
	     "| --- | --- | --- | --- | --- |");
	for (int i = 0; i < ACTION_COUNT; i++) {
		const struct action_info *info = &action_infos[i];
		markdown_code(info->name, value_forms[info->value]);
		printf("%s | ", info->kind == KIND_INJECT ? "inject" : "mitigate");
		markdown_text(info->help);
		fputs(" | ", stdout);
		print_moments(info->when);
		puts(info->privilege == PRIVILEGE_NONE ? " | nothing |" : " | CAP_NET_ADMIN |");
	}
}

static void markdown_variables(void)
{
	puts("| variable | values | default | meaning |\n| --- | --- | --- | --- |");
	for (size_t i = 0; i < COUNT_OF(variables); i++) {
		markdown_code(variables[i].name, "");
		markdown_text(variables[i].values);
		fputs(" | ", stdout);
		markdown_text(variables[i].otherwise);
		fputs(" | ", stdout);
		markdown_text(variables[i].help);
		puts(" |");
	}
}

static void markdown_selectors(void)
{
	puts("| selector | meaning |\n| --- | --- |");
	for (size_t i = 0; i < COUNT_OF(selectors); i++) {
		markdown_code(selectors[i].name, selectors[i].form);
		markdown_text(selectors[i].help);
		puts(" |");
	}
}

static void markdown_causes(void)
{
	for (int kind = 0; kind < CAUSE_KIND_COUNT; kind++) {
		printf("%s%s (told as `%s`):\n\n| cause | what it means |\n| --- | --- |\n",
		       kind > 0 ? "\n" : "", cause_kind_titles[kind],
		       told_as((enum cause_kind)kind));
		for (int i = 0; i < CAUSE_COUNT; i++) {
			if (cause_infos[i].kind == (enum cause_kind)kind) {
				markdown_code(cause_infos[i].id, "");
				markdown_text(cause_infos[i].title);
				puts(" |");
			}
		}
	}
}

static void markdown_keys(void)
{
	puts("| key | meaning |\n| --- | --- |");
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		markdown_code(keys[i].name, "");
		markdown_text(keys[i].meaning);
		puts(" |");
	}
}

/* ---- pages ---- */

static const struct table {
	const char *mdoc_marker;
	void (*mdoc)(void);
	const char *markdown_marker;
	void (*markdown)(void);
} tables[] = {
	{"@ACTIONS@\n", mdoc_actions, "<!-- actions -->\n", markdown_actions},
	{NULL, NULL, "<!-- variables -->\n", markdown_variables},
	{NULL, NULL, "<!-- selectors -->\n", markdown_selectors},
	{"@CAUSES@\n", mdoc_causes, "<!-- causes -->\n", markdown_causes},
	{"@KEYS@\n", mdoc_keys, "<!-- keys -->\n", markdown_keys},
	{"@HOOKS@\n", mdoc_hooks, NULL, NULL},
	{"@VERSION@\n", mdoc_version, NULL, NULL},
};

static void fill_mdoc(char line[LINE_SIZE])
{
	while (fgets(line, LINE_SIZE, stdin)) {
		const struct table *found = NULL;
		for (size_t i = 0; i < COUNT_OF(tables); i++) {
			const char *marker = tables[i].mdoc_marker;
			found = marker != NULL && strcmp(line, marker) == 0 ? &tables[i] : found;
		}
		if (found != NULL) {
			found->mdoc();
		} else {
			fputs(line, stdout);
		}
	}
}

/* An old table goes, up to the marker of its end; false when that is missing. */
static bool fill_markdown(char line[LINE_SIZE])
{
	bool inside = false;
	while (fgets(line, LINE_SIZE, stdin)) {
		inside = inside && strcmp(line, "<!-- end -->\n") != 0;
		if (inside) {
			continue;
		}
		fputs(line, stdout);
		for (size_t i = 0; i < COUNT_OF(tables); i++) {
			const char *marker = tables[i].markdown_marker;
			if (marker != NULL && strcmp(line, marker) == 0) {
				putchar('\n');
				tables[i].markdown();
				putchar('\n');
				inside = true;
			}
		}
	}
	return !inside;
}

int main(int argc, char **argv)
{
	static char line[LINE_SIZE];
	bool done = true;
	if (argc == 2 && strcmp(argv[1], "mdoc") == 0) {
		fill_mdoc(line);
	} else if (argc == 2 && strcmp(argv[1], "markdown") == 0) {
		done = fill_markdown(line);
	} else {
		done = false;
	}
	if (!done || ferror(stdin) || fflush(stdout) != 0) {
		fputs("tables: expected mdoc or markdown, and a page on stdin\n", stderr);
		return 1;
	}
	return 0;
}
