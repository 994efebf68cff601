/* The environment: lines of the input are the variables' values, in the order of enum setting. */
#include "fuzz.h"

#include "rule/settings.h"

static void check_refusal(const struct rule_error *error)
{
	char line[sizeof error->message + 200];
	struct text text = text_in(line, sizeof line);
	rule_error_write(&text, error);
	expect(error->line == 1 && error->column >= 1);
	expect(strncmp(line, "RESETBY_", 8) == 0);
	expect(strchr(line, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = fuzz_string(bytes, size);
	char *rest = copy;
	const char *values[SETTING_COUNT] = {NULL};
	for (unsigned i = 0; i < SETTING_COUNT && rest != NULL; i++) {
		char *value = strsep(&rest, "\n");
		/* An empty line leaves the variable out, `=` sets it to nothing. */
		values[i] = *value == '\0' ? NULL : *value == '=' ? value + 1 : value;
	}
	struct settings settings;
	struct rule_error error = {.source = NULL};
	if (settings_read(values, &settings, &error) != 0) {
		check_refusal(&error);
		expect(settings.stale_ms == STALE_DEFAULT_MS && !settings.has_seed);
	}
	free(copy);
	return 0;
}
