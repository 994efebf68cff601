#include "environment.h"
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd.h"
#include "../log/log.h"
#include "../sys/glob.h"
#include "stray.h"

/** Largest rules file that is read, in bytes. */
#define RULES_FILE_MAX ((size_t)1024 * 1024)

/* The option that set a variable; NULL when it was inherited. */
static const char *options[SETTING_COUNT];

static const char *blamed(enum setting setting)
{
	return options[setting] ? options[setting] : setting_name(setting);
}

static void put(const char *name, const char *value)
{
	if (setenv(name, value, 1)) {
		cmd_complain("%s: %s", name, strerror(errno));
		exit(STATUS_FAILED);
	}
}

void environment_set(enum setting setting, const char *value, const char *option)
{
	put(setting_name(setting), value);
	options[setting] = option;
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
	if (!options[SETTING_RULES]) {
		environment_set(SETTING_RULES, rule, option);
		return;
	}
	/* Not by `;`, which a comment in the first one would swallow. */
	char *rules = join(getenv(setting_name(SETTING_RULES)), "\n", rule);
	environment_set(SETTING_RULES, rules, option);
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

void environment_set_path(enum setting setting, const char *path, const char *option)
{
	bool is_file = setting != SETTING_LOG || strcmp(path, "stderr") != 0;
	if (path[0] == '/' || path[0] == '\0' || !is_file) {
		environment_set(setting, path, option);
		return;
	}
	char directory[PATH_MAX * 2];
	directory_write(directory, sizeof(directory), setting == SETTING_LOG);
	char *absolute = join(directory, "/", path);
	environment_set(setting, absolute, option);
	free(absolute);
}

static void complain(const struct rule_error *error)
{
	char message[PATH_MAX];
	struct text text = text_in(message, sizeof(message));
	rule_error_write(&text, error);
	cmd_complain("%s", message);
}

bool environment_check_values(void)
{
	if (stray_found()) {
		return false;
	}
	const char *values[SETTING_COUNT];
	struct settings settings;
	struct rule_error error;
	for (enum setting i = 0; i < SETTING_COUNT; i++) {
		values[i] = getenv(setting_name(i));
	}
	if (settings_read(values, &settings, &error) == 0) {
		return true;
	}
	for (enum setting i = 0; i < SETTING_COUNT; i++) {
		if (options[i] && !strcmp(error.source, setting_name(i))) {
			error.source = options[i];
		}
	}
	complain(&error);
	return false;
}

/* A rules file as text, in memory of its own; NULL with a complaint. */
static char *read_file(const char *path, size_t *length)
{
	struct stat status;
	if (stat(path, &status) == 0 && S_ISFIFO(status.st_mode)) {
		cmd_complain("%s: %s is a pipe: expected a file that can be read again",
			     blamed(SETTING_RULES_FILE), path);
		return NULL;
	}
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(RULES_FILE_MAX + 1) : NULL;
	if (!text) {
		cmd_complain("%s: %s: %s", blamed(SETTING_RULES_FILE), path, strerror(errno));
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
		cmd_complain("%s: %s: %s", blamed(SETTING_RULES_FILE), path, wrong);
		free(text);
		return NULL;
	}
	return text;
}

bool environment_check_rules(const char *exe)
{
	struct rule_source sources[2];
	size_t count = 0;
	char *file = NULL;
	const char *rules = getenv(setting_name(SETTING_RULES));
	const char *path = getenv(setting_name(SETTING_RULES_FILE));
	if (rules) {
		sources[count++] =
			(struct rule_source){blamed(SETTING_RULES), rules, strlen(rules)};
	}
	if (path) {
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
		complain(&error);
	} else if (result < 0) {
		cmd_complain("rules: %s", strerror(-result));
	}
	if (set) {
		rules_free(set);
	}
	free(file);
	return result == 0;
}

/* Can a file be written, or made? NULL, or why not. */
static const char *refusal_to_write(const char *path)
{
	char place[PATH_MAX];
	struct stat status;
	if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode) && stat(path, &status) < 0) {
		/* What a link may lead to once it is there, the library will see. */
		return NULL;
	}
	if (stat(path, &status) == 0) {
		return S_ISDIR(status.st_mode)       ? strerror(EISDIR)
		       : euidaccess(path, W_OK) == 0 ? NULL
						     : strerror(errno);
	}
	snprintf(place, sizeof(place), "%s", path);
	return euidaccess(dirname(place), W_OK | X_OK) == 0 ? NULL : strerror(errno);
}

/* Is the library to be active in this program, and not only in those that it starts? */
static bool will_log(const char *exe)
{
	const char *only = getenv(setting_name(SETTING_ONLY));
	const char *skip = getenv(setting_name(SETTING_SKIP));
	const char *level = getenv(setting_name(SETTING_LEVEL));
	return (!only || glob_match_list(only, exe)) && (!skip || !glob_match_list(skip, exe)) &&
	       (!level || log_level_read(level) != LOG_OFF);
}

/* Nothing is made here: a program may never have anything to say. */
static bool check_log(const char *exe)
{
	const char *value = getenv(setting_name(SETTING_LOG));
	if (!value || !strcmp(value, "stderr") || !will_log(exe)) {
		return true;
	}
	char path[PATH_MAX];
	struct text text = text_in(path, sizeof(path));
	log_path_write(&text, value, exe);
	const char *wrong = refusal_to_write(path);
	if (wrong) {
		cmd_complain("%s: cannot write %s: %s", blamed(SETTING_LOG), path, wrong);
	}
	return !wrong;
}

int environment_check(const char *exe)
{
	return environment_check_values() && check_log(exe) && environment_check_rules(exe)
		       ? STATUS_OK
		       : STATUS_REFUSED;
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
