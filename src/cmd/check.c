/* resetby check: read rules as the library would, and print them as understood. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "environment.h"
#include "../rule/rule.h"

static const char help[] =
	"resetby check RULE...     read rules and print them as they are understood\n"
	"resetby check -R FILE     the same with a file of rules\n"
	"\n"
	"  ACTION[=VALUE] [SELECTOR=VALUE ...]   rules end at ; or at the end of a line\n"
	"\n"
	"Ends with 0 when all is well, with 2 when something is wrong and where.\n"
	"resetby list actions says what a rule can do.\n";

/* Where the name of a RULE argument is made: "rule 12". */
#define NAME_SIZE 32

/* A longer line than this is no help under its error. */
#define SHOWN_LINE_MAX 400

/* What is to be read, with one element for each RULE or FILE. */
struct texts {
	struct rule_source *sources;
	char (*names)[NAME_SIZE];
	char **files; /* what must be freed, or NULL */
	size_t count;
};

static int texts_start(struct texts *texts, size_t most)
{
	texts->count = 0;
	texts->sources = calloc(most, sizeof *texts->sources);
	texts->names = calloc(most, sizeof *texts->names);
	texts->files = calloc(most, sizeof *texts->files);
	return texts->sources && texts->names && texts->files ? 0 : -ENOMEM;
}

static void texts_end(struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		free(texts->files[i]);
	}
	free(texts->files);
	free(texts->names);
	free(texts->sources);
}

static void add_rule(struct texts *texts, const char *rule, unsigned number)
{
	char *name = texts->names[texts->count];
	snprintf(name, NAME_SIZE, "rule %u", number);
	texts->sources[texts->count++] = (struct rule_source){name, rule, strlen(rule)};
}

/* One byte more than rules_read takes, so that it is the one to refuse. */
static int add_file(struct texts *texts, const char *path)
{
	size_t room = RULES_TEXT_MAX + 1;
	FILE *file = fopen(path, "re");
	char *content = file ? malloc(room) : NULL;
	size_t length = content ? fread(content, 1, room, file) : 0;
	if (!content || ferror(file)) {
		cmd_complain("cannot read %s: %s", path, strerror(errno));
		free(content);
		if (file) {
			fclose(file);
		}
		return -EINVAL;
	}
	fclose(file);
	texts->files[texts->count] = content;
	texts->sources[texts->count++] = (struct rule_source){path, content, length};
	return 0;
}

/* Take the command line; 0, or the status to end with. No rule begins with a dash. */
static int collect(struct texts *texts, int argc, char **argv)
{
	unsigned rules = 0;
	bool options = true;
	for (int i = 1; i < argc; i++) {
		if (!options || argv[i][0] != '-') {
			add_rule(texts, argv[i], ++rules);
		} else if (!strcmp(argv[i], "--")) {
			options = false;
		} else if (strncmp(argv[i], "-R", 2) != 0) {
			return cmd_misused("check", "there is no option '%s'", argv[i]);
		} else {
			const char *path = argv[i][2] != '\0' ? argv[i] + 2 : argv[++i];
			if (!path) {
				return cmd_misused("check", "expected a file behind -R");
			}
			if (add_file(texts, path) != 0) {
				return STATUS_REFUSED;
			}
		}
	}
	return texts->count > 0 ? 0 : cmd_misused("check", "expected rules, or -R FILE");
}

/* The blamed line, and a caret under the blamed character. */
static void show_line(const struct rule_source *source, const struct rule_error *error)
{
	const char *line = source->text;
	const char *end = line + source->length;
	for (uint32_t n = 1; n < error->line; n++) {
		line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
	}
	const char *newline = memchr(line, '\n', (size_t)(end - line));
	end = newline ? newline : end;
	if (end - line > SHOWN_LINE_MAX) {
		return;
	}
	fputs("  ", stderr);
	for (const char *c = line; c < end; c++) {
		unsigned char byte = (unsigned char)*c;
		fputc(byte == '\t' || byte >= ' ' ? (byte == 0x7f ? '?' : byte) : '?', stderr);
	}
	fputs("\n  ", stderr);
	for (const char *c = line; c < line + error->column - 1; c++) {
		/* A tab is as wide as above; of a UTF-8 character only the first byte has width. */
		if (*c == '\t' || (*c & 0xc0) != 0x80) {
			fputc(*c == '\t' ? '\t' : ' ', stderr);
		}
	}
	fputs("^\n", stderr);
}

static void blame(const struct texts *texts, const struct rule_error *error)
{
	char line[RULE_MESSAGE_SIZE + 4096];
	struct text text = text_in(line, sizeof line);
	rule_error_write(&text, error);
	cmd_complain("%s", line);
	for (size_t i = 0; i < texts->count; i++) {
		if (texts->sources[i].name == error->source) {
			show_line(&texts->sources[i], error);
		}
	}
}

static void print_rules(const struct rules *set)
{
	for (uint32_t i = 0; set && i < set->count; i++) {
		char canonical[RULE_TEXT_SIZE];
		struct text text = text_in(canonical, sizeof canonical);
		rule_write(&text, &set->rules[i]);
		printf("%3u  %s\n", i + 1, canonical);
		if (action_infos[set->rules[i].action].privilege == PRIVILEGE_NET_ADMIN) {
			puts("     needs CAP_NET_ADMIN in the socket's network namespace: root, or "
			     "resetby run --netns");
		}
	}
	if (!set) {
		puts("no rules");
	}
}

int cmd_check(int argc, char **argv)
{
	if (argc == 2 && cmd_asks_help(argv[1])) {
		fputs(help, stdout);
		return cmd_finish();
	}
	struct texts texts;
	if (texts_start(&texts, (size_t)argc) != 0) {
		texts_end(&texts);
		cmd_complain("check: %s", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	int status = environment_check_values() ? collect(&texts, argc, argv) : STATUS_REFUSED;
	struct rules *set = NULL;
	struct rule_error error;
	if (status == 0 && rules_read(texts.sources, texts.count, NULL, &set, &error) != 0) {
		blame(&texts, &error);
		status = STATUS_REFUSED;
	}
	/* After those that were asked about: they are shown with the character that is wrong. */
	if (status == 0 && !environment_check_rules(NULL)) {
		status = STATUS_REFUSED;
	}
	if (status == 0) {
		print_rules(set);
		status = cmd_finish();
	}
	rules_free(set);
	texts_end(&texts);
	return status;
}
