#include "settings.h"

#include <errno.h>
#include <string.h>
#include "../log/log.h"
#include "../sys/glob.h"
#include "../sys/units.h"

/* Each reader puts a value into the settings, or says at which character it stops making sense. */

static int read_log(const char *value, struct settings *settings, size_t *at)
{
	(void)settings;
	for (const char *c = strchr(value, '%'); c != NULL; c = strchr(c + 2, '%')) {
		if (c[1] == '\0' || strchr("pe%", c[1]) == NULL) {
			*at = (size_t)(c - value);
			return -EINVAL;
		}
	}
	return value[0] == '\0' ? -EINVAL : 0;
}

static int read_level(const char *value, struct settings *settings, size_t *at)
{
	(void)at;
	settings->level = log_level_read(value);
	return settings->level < 0 ? -EINVAL : 0;
}

static int read_format(const char *value, struct settings *settings, size_t *at)
{
	(void)at;
	settings->format = log_format_read(value);
	return settings->format < 0 ? -EINVAL : 0;
}

/* A list of nothing would be one of no program, or of all. */
static int read_names(const char *value, struct settings *settings, size_t *at)
{
	(void)settings;
	(void)at;
	return glob_list_is_empty(value) ? -EINVAL : 0;
}

static int read_seed(const char *value, struct settings *settings, size_t *at)
{
	*at = strspn(value, "0123456789");
	*at = value[*at] == '\0' ? 0 : *at;
	settings->has_seed = true;
	return units_number(value, strlen(value), &settings->seed);
}

static int read_stale(const char *value, struct settings *settings, size_t *at)
{
	*at = strspn(value, "0123456789.");
	return units_duration(value, strlen(value), &settings->stale_ms);
}

static int read_phrase(const char *value, struct settings *settings, size_t *at)
{
	(void)at;
	settings->phrase = value[0] == '1';
	return (value[0] == '0' || value[0] == '1') && value[1] == '\0' ? 0 : -EINVAL;
}

/* SIZE/SIZE: of a connection, of the process. */
static int read_retry_buffer(const char *value, struct settings *settings, size_t *at)
{
	const char *slash = strchr(value, '/');
	if (slash == NULL) {
		*at = strlen(value);
		return -EINVAL;
	}
	size_t first = (size_t)(slash - value);
	if (units_size(value, first, &settings->retry_conn) < 0) {
		return -EINVAL;
	}
	*at = first + 1;
	return units_size(slash + 1, strlen(slash + 1), &settings->retry_process);
}

static const struct {
	const char *name;
	int (*read)(const char *value, struct settings *settings, size_t *at);
	const char *expected;
} infos[SETTING_COUNT] = {
#define SETTING(symbol, reader, values, otherwise, help) {"RESETBY_" #symbol, reader, values},
#include "settings.def"
#undef SETTING
};

static const struct settings defaults = {
	.level = LOG_RESETS,
	.format = LOG_TEXT,
	.stale_ms = STALE_DEFAULT_MS,
};

const char *setting_name(enum setting setting)
{
	return infos[setting].name;
}

static int refuse(enum setting setting, const char *value, size_t at, struct rule_error *error)
{
	error->source = infos[setting].name;
	error->line = 1;
	error->column = (uint32_t)at + 1;
	struct text text = text_in(error->message, sizeof error->message);
	text_bytes(&text, value, strnlen(value, 60));
	text_format(&text, ": expected %s", infos[setting].expected);
	return -EINVAL;
}

int settings_read(const char *const values[SETTING_COUNT], struct settings *settings,
		  struct rule_error *error)
{
	*settings = defaults;
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		size_t at = 0;
		if (values[i] == NULL || infos[i].read == NULL ||
		    infos[i].read(values[i], settings, &at) == 0) {
			continue;
		}
		*settings = defaults;
		return refuse((enum setting)i, values[i], at, error);
	}
	return 0;
}
