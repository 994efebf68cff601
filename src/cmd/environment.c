#include "environment.h"
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"
#include "../log/log.h"
#include "../rule/rule.h"
#include "../sys/units.h"

/** Largest rules file that is read, in bytes. */
#define RULES_FILE_MAX ((size_t)1024 * 1024)

static bool is_log(const char *value)
{
	for (const char *c = strchr(value, '%'); c; c = strchr(c + 2, '%')) {
		if (!c[1] || !strchr("pe%", c[1])) {
			return false;
		}
	}
	return true;
}

static bool is_level(const char *value)
{
	return log_level_read(value) >= 0;
}

static bool is_format(const char *value)
{
	return log_format_read(value) >= 0;
}

static bool is_seed(const char *value)
{
	uint64_t number;
	return units_number(value, strlen(value), &number) == 0;
}

static bool is_duration(const char *value)
{
	uint64_t milliseconds;
	return units_duration(value, strlen(value), &milliseconds) == 0;
}

static bool is_flag(const char *value)
{
	return !strcmp(value, "0") || !strcmp(value, "1");
}

/* Without `valid`: rules, which are read all together. */
static const struct {
	const char *name;
	bool (*valid)(const char *value);
	const char *expected;
} variables[VARIABLE_COUNT] = {
	[VARIABLE_LOG] = {"RESETBY_LOG", is_log, "stderr, or a path in which % is %p, %e or %%"},
	[VARIABLE_LEVEL] = {"RESETBY_LEVEL", is_level, "off, resets, conns or calls"},
	[VARIABLE_FORMAT] = {"RESETBY_FORMAT", is_format, "text or json"},
	[VARIABLE_RULES] = {"RESETBY_RULES", NULL, "a rule"},
	[VARIABLE_RULES_FILE] = {"RESETBY_RULES_FILE", NULL, "a path"},
	[VARIABLE_SEED] = {"RESETBY_SEED", is_seed, "an unsigned 64-bit number"},
	[VARIABLE_STALE] = {"RESETBY_STALE", is_duration, "a duration such as 250ms, 2s or 5m"},
	[VARIABLE_PHRASE] = {"RESETBY_PHRASE", is_flag, "0 or 1"},
};

/* The option that set a variable; NULL when it was inherited. */
static const char *options[VARIABLE_COUNT];

static const char *blamed(enum variable variable)
{
	return options[variable] ? options[variable] : variables[variable].name;
}

static void put(const char *name, const char *value)
{
	if (setenv(name, value, 1)) {
		cmd_complain("%s: %s", name, strerror(errno));
		exit(STATUS_FAILED);
	}
}

void environment_set(enum variable variable, const char *value, const char *option)
{
	put(variables[variable].name, value);
	options[variable] = option;
}

/* One string of the pieces, in memory of its own. */
static char *join(const char *first, const char *between, const char *last)
{
	char *whole;
	if (asprintf(&whole, "%s%s%s", first, between, last) < 0) {
		cmd_complain("%s", strerror(ENOMEM));
		exit(STATUS_FAILED);
	}
	return whole;
}

void environment_add_rule(const char *rule, const char *option)
{
	if (!options[VARIABLE_RULES]) {
		environment_set(VARIABLE_RULES, rule, option);
		return;
	}
	/* Not by `;`, which a comment in the first one would swallow. */
	char *rules = join(getenv(variables[VARIABLE_RULES].name), "\n", rule);
	environment_set(VARIABLE_RULES, rules, option);
	free(rules);
}

/* The working directory, as a RESETBY_LOG wants it: a percent sign is written twice. */
static void directory_write(char *path, size_t size, bool escape)
{
	char directory[PATH_MAX];
	if (!getcwd(directory, sizeof(directory))) {
		cmd_complain("cannot tell the working directory: %s", strerror(errno));
		exit(STATUS_FAILED);
	}
	size_t length = 0;
	for (const char *c = directory; *c && length + 3 < size; c++) {
		path[length++] = *c;
		if (escape && *c == '%') {
			path[length++] = '%';
		}
	}
	path[length] = '\0';
}

void environment_set_path(enum variable variable, const char *path, const char *option)
{
	bool is_file = variable != VARIABLE_LOG || strcmp(path, "stderr") != 0;
	if (path[0] == '/' || path[0] == '\0' || !is_file) {
		environment_set(variable, path, option);
		return;
	}
	char directory[PATH_MAX * 2];
	directory_write(directory, sizeof(directory), variable == VARIABLE_LOG);
	char *absolute = join(directory, "/", path);
	environment_set(variable, absolute, option);
	free(absolute);
}

static bool check_values(void)
{
	for (enum variable i = 0; i < VARIABLE_COUNT; i++) {
		const char *value = getenv(variables[i].name);
		/* An empty variable is one that is not set; an empty argument is a mistake. */
		if (!value || (!value[0] && !options[i])) {
			continue;
		}
		if (!value[0] || (variables[i].valid && !variables[i].valid(value))) {
			cmd_complain("%s: '%s': expected %s", blamed(i), value,
				     variables[i].expected);
			return false;
		}
	}
	return true;
}

/* A rules file as text, in memory of its own; NULL with a complaint. */
static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(RULES_FILE_MAX + 1) : NULL;
	if (!text) {
		cmd_complain("%s: %s: %s", blamed(VARIABLE_RULES_FILE), path, strerror(errno));
		if (file) {
			fclose(file);
		}
		return NULL;
	}
	*length = fread(text, 1, RULES_FILE_MAX + 1, file);
	const char *wrong = ferror(file) ? strerror(errno) : NULL;
	fclose(file);
	if (*length > RULES_FILE_MAX) {
		wrong = "is larger than 1 MiB";
	}
	if (wrong) {
		cmd_complain("%s: %s: %s", blamed(VARIABLE_RULES_FILE), path, wrong);
		free(text);
		return NULL;
	}
	return text;
}

static bool check_rules(const char *exe)
{
	struct rule_source sources[2];
	size_t count = 0;
	char *file = NULL;
	const char *rules = getenv(variables[VARIABLE_RULES].name);
	const char *path = getenv(variables[VARIABLE_RULES_FILE].name);
	if (rules && rules[0]) {
		sources[count++] =
			(struct rule_source){blamed(VARIABLE_RULES), rules, strlen(rules)};
	}
	if (path && path[0]) {
		size_t length = 0;
		file = read_file(path, &length);
		if (!file) {
			return false;
		}
		sources[count++] = (struct rule_source){path, file, length};
	}

	struct rules *set = NULL;
	struct rule_error error;
	int result = rules_read(sources, count, exe, &set, &error);
	if (result == -EINVAL) {
		char message[PATH_MAX];
		struct text text = text_in(message, sizeof(message));
		rule_error_write(&text, &error);
		cmd_complain("%s", message);
	} else if (result < 0) {
		cmd_complain("rules: %s", strerror(-result));
	}
	if (set) {
		rules_free(set);
	}
	free(file);
	return result == 0;
}

int environment_check(const char *exe)
{
	return check_values() && check_rules(exe) ? STATUS_OK : STATUS_REFUSED;
}

void environment_preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	size_t length = strlen(library);
	if (!others || !others[0]) {
		put("LD_PRELOAD", library);
		return;
	}
	if (!strncmp(others, library, length) && strchr(": ", others[length])) {
		return; /* `resetby run resetby run` */
	}
	char *all = join(library, ":", others);
	put("LD_PRELOAD", all);
	free(all);
}
