#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "act/retry/retained.h"
#include "log/log.h"
#include "rule/settings.h"

static const struct {
	enum setting setting;
	const char *value;
} documented[] = {
#define SETTING(symbol, reader, values, otherwise, help) {SETTING_##symbol, otherwise},
#include "rule/settings.def"
#undef SETTING
};

/* Of these the default is a word and no value. */
static bool is_word(const char *otherwise)
{
	return strcmp(otherwise, "none") == 0 || strcmp(otherwise, "all") == 0 ||
	       strcmp(otherwise, "random") == 0;
}

static struct settings read_settings(const char *const values[SETTING_COUNT])
{
	struct settings settings;
	struct rule_error error;
	assert_int_equal(settings_read(values, &settings, &error), 0);
	return settings;
}

/* What the manual, README.md and `resetby help variables` call the default. */
static void what_is_not_set_is_as_if_set_to_its_documented_default(void **state)
{
	const char *values[SETTING_COUNT] = {NULL};
	(void)state;
	struct settings unset = read_settings(values);
	for (size_t i = 0; i < sizeof documented / sizeof *documented; i++) {
		if (!is_word(documented[i].value)) {
			values[documented[i].setting] = documented[i].value;
		}
	}
	struct settings set = read_settings(values);
	assert_int_equal(unset.level, set.level);
	assert_int_equal(unset.format, set.format);
	assert_int_equal(unset.stale_ms, set.stale_ms);
	assert_int_equal(unset.phrase, set.phrase);
	assert_int_equal(unset.has_seed, set.has_seed);
	assert_int_equal(unset.retry_conn, 0);
	assert_int_equal(unset.retry_process, 0);
	assert_int_equal(RETAINED_CONN_DEFAULT, set.retry_conn);
	assert_int_equal(RETAINED_PROCESS_DEFAULT, set.retry_process);
}

/* The character at which a value stops making sense; all of it when it is no such thing at all. */
static void a_wrong_value_is_told_with_its_place(void **state)
{
	static const struct {
		enum setting setting;
		const char *value;
		unsigned column;
	} wrong[] = {
		{SETTING_LOG, "", 1},
		{SETTING_LOG, "log%", 4},
		{SETTING_LOG, "%p%%%e%x", 7},
		{SETTING_LEVEL, "call", 1},
		{SETTING_FORMAT, "jsonl", 1},
		{SETTING_SEED, "", 1},
		{SETTING_SEED, "12x", 3},
		{SETTING_SEED, "18446744073709551616", 1},
		{SETTING_ONLY, ",", 1},
		{SETTING_STALE, "1.5", 4},
		{SETTING_STALE, "soon", 1},
		{SETTING_PHRASE, "", 1},
		{SETTING_PHRASE, "2", 1},
		{SETTING_PHRASE, "10", 1},
		{SETTING_RETRY_BUFFER, "64K", 4},
		{SETTING_RETRY_BUFFER, "64k/8M", 1},
		{SETTING_RETRY_BUFFER, "64K/8m", 5},
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *values[SETTING_COUNT] = {NULL};
		struct settings settings;
		struct rule_error error;
		values[wrong[i].setting] = wrong[i].value;
		assert_true(settings_read(values, &settings, &error) < 0);
		assert_string_equal(error.source, setting_name(wrong[i].setting));
		assert_int_equal(error.line, 1);
		assert_int_equal(error.column, wrong[i].column);
		size_t length = strlen(wrong[i].value);
		assert_memory_equal(error.message, wrong[i].value, length);
		assert_memory_equal(error.message + length, ": expected ", 11);
	}
}

/* Never half a configuration: what was right is not in force either. */
static void with_one_wrong_value_all_are_at_their_defaults(void **state)
{
	const char *values[SETTING_COUNT] = {NULL};
	struct settings settings;
	struct rule_error error;
	(void)state;
	struct settings unset = read_settings(values);
	values[SETTING_LEVEL] = "calls";
	values[SETTING_FORMAT] = "json";
	values[SETTING_SEED] = "7";
	values[SETTING_STALE] = "1s";
	values[SETTING_PHRASE] = "1";
	settings = read_settings(values);
	assert_int_equal(settings.level, LOG_CALLS);
	assert_int_equal(settings.format, LOG_JSON);
	assert_true(settings.has_seed && settings.seed == 7);
	assert_int_equal(settings.stale_ms, 1000);
	assert_true(settings.phrase);
	values[SETTING_RETRY_BUFFER] = "1K";
	assert_true(settings_read(values, &settings, &error) < 0);
	assert_string_equal(error.source, "RESETBY_RETRY_BUFFER");
	assert_int_equal(settings.level, unset.level);
	assert_int_equal(settings.format, unset.format);
	assert_int_equal(settings.stale_ms, unset.stale_ms);
	assert_false(settings.phrase);
	assert_false(settings.has_seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_set_is_as_if_set_to_its_documented_default),
		cmocka_unit_test(a_wrong_value_is_told_with_its_place),
		cmocka_unit_test(with_one_wrong_value_all_are_at_their_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
