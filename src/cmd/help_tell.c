#include "help_tell.h"
#include <stdio.h>
#include "../rule/rule.h"
#include "cmd.h"
#include "explain.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct row {
	const char *name;
	const char *meaning;
};

static const struct row selectors[] = {
#define SELECTOR(name, form, help) {#name "=" form, help},
#include "../rule/selectors.def"
#undef SELECTOR
};

static const struct row keys[] = {
#define KEY(symbol, name, style, meaning) {name, meaning},
#include "../log/keys.def"
#undef KEY
};

static const struct {
	const char *name;
	const char *values;
	const char *otherwise;
	const char *meaning;
} variables[] = {
#define SETTING(symbol, reader, values, otherwise, help)                                           \
	{"RESETBY_" #symbol, values, otherwise, help},
#include "../rule/settings.def"
#undef SETTING
};

static void print_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("  %s\n", rows[i].name);
		explain_wrapped(6, 6, rows[i].meaning);
	}
}

int tell_command(void)
{
	return cmd_choose(2, (char *[]){"resetby", "--help", NULL});
}

int tell_rules(void)
{
	puts("ACTION[=VALUE] [SELECTOR=VALUE ...]\n\nActions");
	for (int i = 0; i < ACTION_COUNT; i++) {
		const struct action_info *info = &action_infos[i];
		printf("  %s%s%s\n", info->name, value_forms[info->value],
		       info->privilege == PRIVILEGE_NONE ? "" : "   (needs CAP_NET_ADMIN)");
		explain_wrapped(6, 6, info->help);
	}
	puts("\nSelectors");
	print_rows(selectors, COUNT_OF(selectors));
	return cmd_finish();
}

int tell_variables(void)
{
	for (size_t i = 0; i < COUNT_OF(variables); i++) {
		char line[256];
		struct text text = text_in(line, sizeof(line));
		text_format(&text, "%s; default: %s", variables[i].values, variables[i].otherwise);
		printf("  %s\n", variables[i].name);
		explain_wrapped(6, 6, line);
		explain_wrapped(6, 6, variables[i].meaning);
	}
	return cmd_finish();
}

int tell_log(void)
{
	puts("The keys of a line");
	print_rows(keys, COUNT_OF(keys));
	return cmd_finish();
}

int tell_causes(void)
{
	return cmd_choose(2, (char *[]){"resetby", "explain", NULL});
}
