#include <stdio.h>
#include <string.h>
#include "cmd.h"
#include "../rule/rule.h"
#include "../why/why.h"

static const char help[] =
	"resetby list hooks      the functions of libc that the library stands in front of\n"
	"resetby list actions    what a rule can do, a tab, and how; behind further tabs how it "
	"is\n"
	"                        written, inject or mitigate, when it fires, and what it needs\n"
	"resetby list causes     what a log line can name as cause, a tab, and what that is\n";

static const char *const hooks[] = {
#define HOOK(result, name, parameters, arguments) #name,
#define HOOK_POINTER(result, name, parameters, arguments) #name,
#define HOOK_VOID(result, name, parameters, arguments) #name,
#define HOOK_VARIADIC(result, name, real, parameters, arguments) #name,
#define HOOK_ALONE(result, name, parameters) #name,
#define HOOK_ALIAS(result, name, parameters, target) #name,
#include "../hook/hooks.def"
#undef HOOK
#undef HOOK_POINTER
#undef HOOK_VOID
#undef HOOK_VARIADIC
#undef HOOK_ALONE
#undef HOOK_ALIAS
};

static void list_hooks(void)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		puts(hooks[i]);
	}
}

static void print_moments(unsigned when)
{
	char line[64];
	struct text text = text_in(line, sizeof line);
	moments_write(&text, when, ", ");
	fputs(line, stdout);
}

/* Who reads names alone finds them in front. */
static void list_actions(void)
{
	for (int i = 0; i < ACTION_COUNT; i++) {
		const struct action_info *info = &action_infos[i];
		printf("%s\t%s\t%s%s\t%s\t", info->name, info->help, info->name,
		       value_forms[info->value], info->kind == KIND_INJECT ? "inject" : "mitigate");
		print_moments(info->when);
		puts(info->privilege == PRIVILEGE_NONE ? "\tnothing" : "\tCAP_NET_ADMIN");
	}
}

static void list_causes(void)
{
	for (int i = 0; i < CAUSE_COUNT; i++) {
		printf("%s\t%s\n", cause_infos[i].id, cause_infos[i].title);
	}
}

int cmd_list(int argc, char **argv)
{
	if (argc == 2 && cmd_asks_help(argv[1])) {
		fputs(help, stdout);
	} else if (argc != 2) {
		return cmd_misused("list", "expected one of hooks, actions, causes");
	} else if (!strcmp(argv[1], "hooks")) {
		list_hooks();
	} else if (!strcmp(argv[1], "actions")) {
		list_actions();
	} else if (!strcmp(argv[1], "causes")) {
		list_causes();
	} else {
		return cmd_misused("list", "expected hooks, actions or causes, not '%s'", argv[1]);
	}
	return cmd_finish();
}
