/*
 * The constructor: libc's functions are looked up and the environment is read, once. Programs clear
 * or overwrite it early, so what is needed later is copied.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "../act/retry/retained.h"
#include "../log/log.h"
#include "../rule/settings.h"
#include "../sys/clock.h"
#include "../sys/glob.h"
#include "../sys/memory.h"
#include "../sys/random.h"
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "flow.h"
#include "hook.h"
#include "phrase.h"
#include "renewal.h"
#include "straight.h"

#define RESETBY_IMPLEMENTATION
#include "../../include/resetby.h"

/* Longest program name that is kept; the kernel's own limit for a file's name. */
#define EXE_SIZE 256

static char exe[EXE_SIZE];

EXPORT const char *resetby_version(void)
{
	return RESETBY_VERSION;
}

/* By what name programs start themselves again (Chromium, Electron). */
static const char self_link[] = "/proc/self/exe";

/*
 * The program as people call it: the last part of argv[0], without a login shell's dash; of its file
 * where argv[0] is the link to that.
 */
static void name_program(void)
{
	const char *name = program_invocation_short_name;
	char *path = strcmp(program_invocation_name, self_link) == 0 ? scratch_take() : NULL;
	if (path != NULL) {
		long length = raw4(SYS_readlinkat, AT_FDCWD, self_link, path, SCRATCH_SIZE - 1);
		path[length > 0 ? length : 0] = '\0';
		const char *slash = strrchr(path, '/');
		name = slash != NULL ? slash + 1 : name;
	}
	if (name[0] == '-') {
		name++;
	}
	struct text text = text_in(exe, sizeof exe);
	text_string(&text, name);
	scratch_give(path);
}

/* The variables, copied into memory of our own; NULL for those that are not set. */
static bool copy_environment(const char *values[SETTING_COUNT])
{
	size_t total = 0;
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		values[i] = getenv(setting_name((enum setting)i));
		total += values[i] != NULL ? strlen(values[i]) + 1 : 0;
	}
	if (total == 0) {
		return false;
	}
	char *at = raw_map(total);
	if (at == NULL) {
		return true;
	}
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		if (values[i] != NULL) {
			size_t size = strlen(values[i]) + 1;
			values[i] = memcpy(at, values[i], size);
			at += size;
		}
	}
	return true;
}

/* One line: which variable, which character, what was expected. */
static void complain(const struct rule_error *error, const char *rules_file)
{
	char room[400];
	struct text text = text_in(room, sizeof room);
	if (error->source == rules_file) {
		text_format(&text, "%s: ", setting_name(SETTING_RULES_FILE));
	}
	rule_error_write(&text, error);
	text_string(&text, "; going on without rules, logging at the default");
	/* The log, which looks what stderr is, has not begun yet. */
	log_stderr_replaced();
	log_complain(room);
}

static void start(const char *values[SETTING_COUNT])
{
	struct settings settings;
	struct rule_error error;
	int result = settings_read(values, &settings, &error);
	bool has_rules = values[SETTING_RULES] != NULL || values[SETTING_RULES_FILE] != NULL;
	if (result == 0 && has_rules) {
		uint64_t seed = settings.has_seed ? settings.seed : random_seed();
		result = rules_start(values[SETTING_RULES], values[SETTING_RULES_FILE], seed, exe,
				     &error);
	}
	const char *path = values[SETTING_LOG] != NULL ? values[SETTING_LOG] : "stderr";
	if (result < 0) {
		/* Never half a configuration. */
		const char *const none[SETTING_COUNT] = {NULL};
		struct rule_error ignored;
		complain(&error, values[SETTING_RULES_FILE]);
		settings_read(none, &settings, &ignored);
		path = "stderr";
	}
	log_start(path, (enum log_level)settings.level, (enum log_format)settings.format, exe);
	if (values[SETTING_RETRY_BUFFER] != NULL && result == 0) {
		retained_limit(settings.retry_conn, settings.retry_process);
	}
	if (settings.phrase) {
		phrase_enable();
	}
	if (settings.level == LOG_OFF && !settings.phrase && rules_now() == NULL &&
	    !rules_watched) {
		conn_disable();
	}
	clock_start();
	if (log_wants(LOG_CALLS)) {
		clock_exact_start();
	}
	memory_start();
	straight_start();
	renewal_start();
	flow_rules_changed();
	watch_start(settings.stale_ms);
}

/* A list of nothing is a wrong value, which is for start() to tell. */
static bool is_wanted(const char *values[SETTING_COUNT])
{
	const char *only = values[SETTING_ONLY];
	if (only != NULL && !glob_list_is_empty(only) && !glob_match_list(only, exe)) {
		return false;
	}
	return values[SETTING_SKIP] == NULL || !glob_match_list(values[SETTING_SKIP], exe);
}

__attribute__((constructor)) static void constructor(void)
{
	int saved = errno;
	real_resolve();
	name_program();
	const char *values[SETTING_COUNT];
	bool configured = copy_environment(values);
	if (configured && !is_wanted(values)) {
		conn_disable();
	} else {
		start(values);
	}
	errno = saved;
}
