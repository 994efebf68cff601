#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "edge.h"
#include "sys/spelling.h"

static size_t distance(const char *typed, const char *name)
{
	return spelling_distance(letters_at_edge(typed), strlen(typed), name);
}

static bool may_mean(const char *typed, const char *name)
{
	return spelling_may_mean(letters_at_edge(typed), strlen(typed), name);
}

static void the_distance_counts_letters_added_left_out_and_exchanged(void **state)
{
	(void)state;
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("", "abc"), 3);
	assert_int_equal(distance("abc", ""), 3);
	assert_int_equal(distance("reset", "reset"), 0);
	assert_int_equal(distance("rset", "reset"), 1);
	assert_int_equal(distance("resset", "reset"), 1);
	assert_int_equal(distance("rezet", "reset"), 1);
	assert_int_equal(distance("kitten", "sitting"), 3);
	assert_int_equal(distance("flaw", "lawn"), 2);
	assert_int_equal(distance("levle", "level"), 2);
}

static void case_does_not_count_and_an_underscore_is_a_hyphen(void **state)
{
	(void)state;
	assert_int_equal(distance("CLOSE_WAIT-az", "close-wait-AZ"), 0);
	assert_int_equal(distance("[`{", "{@["), 3);
}

static void of_a_longer_word_32_letters_are_compared(void **state)
{
	(void)state;
	char typed[40], name[41];
	memset(typed, 'a', sizeof typed);
	memset(name, 'a', sizeof name);
	name[40] = '\0';
	typed[32] = name[33] = 'x';
	assert_int_equal(spelling_distance(at_edge(typed, 40), 40, name), 0);
	assert_int_equal(spelling_distance(at_edge(typed, 32), 32, name), 0);
	typed[31] = 'x';
	assert_int_equal(spelling_distance(at_edge(typed, 40), 40, name), 1);
	name[31] = 'y';
	assert_int_equal(spelling_distance(at_edge(typed, 31), 31, name), 1);
}

static void every_third_letter_may_be_wrong_but_no_more_than_three(void **state)
{
	(void)state;
	assert_true(spelling_is_slip(0, "a"));
	assert_true(spelling_is_slip(1, "a"));
	assert_false(spelling_is_slip(2, "abc"));
	assert_true(spelling_is_slip(2, "abcd"));
	assert_false(spelling_is_slip(3, "abcdef"));
	assert_true(spelling_is_slip(3, "abcdefg"));
	assert_false(spelling_is_slip(4, "abcdefghijklmnop"));
}

static void a_name_may_be_meant_by_its_beginning_itself_or_a_slip(void **state)
{
	(void)state;
	assert_true(may_mean("RULE", "rules"));
	assert_true(may_mean("r", "rules"));
	assert_true(may_mean("LOG_FILE", "log"));
	assert_true(may_mean("my_log", "log"));
	assert_true(may_mean("my_log_file", "log"));
	assert_true(may_mean("levle", "level"));
	assert_false(may_mean("", "level"));
	assert_false(may_mean("ules", "rules-file"));
	assert_false(may_mean("lo_g", "level"));
	/* Half of what was typed would have to go, or more than three letters. */
	assert_false(may_mean("axyd", "abcd"));
	assert_true(may_mean("abxd", "abcd"));
	assert_false(may_mean("mnopefghijkl", "abcdefghijkl"));
	assert_true(may_mean("mnodefghijkl", "abcdefghijkl"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_distance_counts_letters_added_left_out_and_exchanged),
		cmocka_unit_test(case_does_not_count_and_an_underscore_is_a_hyphen),
		cmocka_unit_test(of_a_longer_word_32_letters_are_compared),
		cmocka_unit_test(every_third_letter_may_be_wrong_but_no_more_than_three),
		cmocka_unit_test(a_name_may_be_meant_by_its_beginning_itself_or_a_slip),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
