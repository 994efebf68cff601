#include "stray.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include "../rule/settings.h"
#include "../sys/spelling.h"
#include "cmd.h"

#define PREFIX "RESETBY_"
#define PREFIX_LENGTH (sizeof PREFIX - 1)

static bool is_name(const char *typed, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(name, typed, length) == 0;
}

/* SETTING_COUNT: it is one of the names, or like none of them, and somebody else's. */
static enum setting meant_by(const char *typed, size_t length)
{
	enum setting meant = SETTING_COUNT;
	size_t nearest = SIZE_MAX;
	for (enum setting i = 0; i < SETTING_COUNT; i++) {
		const char *name = setting_name(i) + PREFIX_LENGTH;
		if (is_name(typed, length, name)) {
			return SETTING_COUNT;
		}
		size_t distance = spelling_distance(typed, length, name);
		if (distance < nearest && spelling_may_mean(typed, length, name)) {
			nearest = distance;
			meant = i;
		}
	}
	return meant;
}

bool stray_found(void)
{
	bool found = false;
	for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
		if (strncmp(*variable, PREFIX, PREFIX_LENGTH) != 0) {
			continue;
		}
		size_t length = strcspn(*variable, "=");
		enum setting meant = meant_by(*variable + PREFIX_LENGTH, length - PREFIX_LENGTH);
		if (meant != SETTING_COUNT) {
			cmd_complain("%.*s: no such variable; did you mean %s?", (int)length,
				     *variable, setting_name(meant));
			found = true;
		}
	}
	return found;
}
