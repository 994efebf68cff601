/* resetby help: the manual by man, or what the command itself knows where there is no man. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"
#include "help_tell.h"
#include "place.h"

struct topic {
	const char *name;
	const char *page;
	const char *help;
	int (*tell)(void); /* what is known of it without man; NULL: nothing, or --help */
};

static const struct topic topics[] = {
#define TOPIC(name, page, help, tell) {name, page, help, tell},
#include "topics.def"
#undef TOPIC
};

static const struct topic subcommands[] = {
#define SUBCOMMAND(name, takes, help) {#name, "resetby.1", help, NULL},
#define OPTION(subcommand, option, takes, help)
#include "subcommands.def"
#undef SUBCOMMAND
#undef OPTION
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void print_usage(void)
{
	puts("resetby help            the manual page of the command\n"
	     "resetby help TOPIC      the page about a subcommand, or about one of these\n");
	for (size_t i = 0; i < COUNT_OF(topics); i++) {
		printf("  %-20s  %s\n", topics[i].name, topics[i].help);
	}
}

static const struct topic *find(const struct topic *all, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(all[i].name, name)) {
			return &all[i];
		}
	}
	return NULL;
}

/* In the build tree, where it was installed as seen from the command, or where it was installed. */
static bool find_page(char path[PATH_MAX], const char *page)
{
	static const char *const ends[] = {"", ".gz"};
	char directory[PATH_MAX], name[PATH_MAX];
	const char *section = strrchr(page, '.') + 1;
	place_own(directory);
	snprintf(name, sizeof(name), "man/%s", page);
	if (place_is(path, directory, name)) {
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		static const char *const trees[] = {RESETBY_MAN_FROM_BIN, RESETBY_MANDIR};
		for (size_t k = 0; k < COUNT_OF(trees); k++) {
			snprintf(name, sizeof(name), "%s/man%s/%s%s", trees[k], section, page,
				 ends[i]);
			if (place_is(path, trees[k][0] == '/' ? "" : directory, name)) {
				return true;
			}
		}
	}
	return false;
}

/* Returns when there is no man, or no page for it. */
static void show(const char *page)
{
	char path[PATH_MAX];
	if (find_page(path, page)) {
		execlp("man", "man", "-l", path, (char *)NULL);
	}
}

static void say_missing(FILE *stream, const struct topic *topic, const char *more)
{
	const char *section = strrchr(topic->page, '.');
	fprintf(stream,
		"%.*s(%s) cannot be shown here: there is no man, or the page is missing%s\n",
		(int)(section - topic->page), topic->page, section + 1, more);
}

static int tell(const struct topic *topic)
{
	if (!topic->tell) {
		fputs("resetby: ", stderr);
		say_missing(stderr, topic, "");
		return STATUS_FAILED;
	}
	say_missing(stdout, topic, ". In short:\n");
	return topic->tell();
}

static int tell_subcommand(const struct topic *subcommand)
{
	say_missing(stdout, subcommand, ". In short:\n");
	return cmd_choose(3, (char *[]){"resetby", (char *)subcommand->name, "--help", NULL});
}

int cmd_help(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "resetby";
	if (argc > 2) {
		return cmd_misused("help", "one topic at a time");
	}
	if (cmd_asks_help(name)) {
		print_usage();
		return cmd_finish();
	}
	const struct topic *topic = find(topics, COUNT_OF(topics), name);
	const struct topic *subcommand = find(subcommands, COUNT_OF(subcommands), name);
	if (topic) {
		show(topic->page);
		return tell(topic);
	}
	if (subcommand) {
		show(subcommand->page);
		return tell_subcommand(subcommand);
	}
	return cmd_misused("help", "there is no topic '%s'", name);
}
