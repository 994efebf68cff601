/* The variables that configure the library: names, values, and what is wrong with a value. */
#ifndef RESETBY_RULE_SETTINGS_H
#define RESETBY_RULE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include "rule.h"

enum setting {
#define SETTING(symbol, reader, values, otherwise, help) SETTING_##symbol,
#include "settings.def"
#undef SETTING
	SETTING_COUNT
};

/** `RESETBY_LOG` ... */
const char *setting_name(enum setting setting);

/** RESETBY_STALE when it is not set. */
#define STALE_DEFAULT_MS 60000

/** What the simple variables say; rules are read apart (rule/active.h). */
struct settings {
	int level;  /* enum log_level */
	int format; /* enum log_format */
	bool has_seed;
	uint64_t seed;
	uint64_t stale_ms;
	bool phrase;
	uint64_t retry_conn, retry_process; /* bytes kept for retries; 0: as it is by default */
};

/**
 * Read the simple variables.
 *
 * @values
 *         Their texts, NULL for those that are not set.
 * @settings
 *         Filled with what they say, or with the defaults when one is wrong.
 * @error
 *         On failure: the variable (source), the character (column) and what was expected.
 * @return
 *         0 or -EINVAL.
 */
int settings_read(const char *const values[SETTING_COUNT], struct settings *settings,
		  struct rule_error *error);

#endif
