#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "edge.h"
#include "sys/glob.h"

static bool match(const char *pattern, const char *name)
{
	return glob_match(letters_at_edge(pattern), strlen(pattern), name);
}

static void a_plain_pattern_matches_itself_only(void **state)
{
	(void)state;
	assert_true(match("curl", "curl"));
	assert_false(match("curl", "curl2"));
	assert_false(match("curl", "cur"));
	assert_false(match("curl", "Curl"));
	assert_true(match("", ""));
	assert_false(match("", "a"));
}

static void only_length_bytes_of_the_pattern_count(void **state)
{
	(void)state;
	assert_true(glob_match("curl*", 4, "curl"));
	assert_false(glob_match("curl*", 4, "curlew"));
	assert_false(glob_match("[ab]", 3, "a"));
}

static void a_star_matches_any_run_of_characters(void **state)
{
	(void)state;
	assert_true(match("*", ""));
	assert_true(match("*", "anything"));
	assert_true(match("python*", "python3.11"));
	assert_true(match("*.so", "lib.so.so"));
	assert_true(match("a*b*c", "a-b-b-c"));
	assert_true(match("**a**", "a"));
	assert_false(match("a*b*c", "a-c-b"));
	assert_false(match("*x", "abc"));
	assert_true(match("*ab", "aab"));
	assert_false(match("*ab", "axb"));
}

static void a_question_mark_matches_one_character(void **state)
{
	(void)state;
	assert_true(match("p?thon", "python"));
	assert_false(match("p?thon", "pthon"));
	assert_false(match("?", ""));
}

static void a_bracket_matches_one_of_a_set(void **state)
{
	(void)state;
	assert_true(match("[a-cx]1", "b1"));
	assert_true(match("[a-cx]1", "x1"));
	assert_false(match("[a-cx]1", "d1"));
	assert_true(match("[!a-c]", "d"));
	assert_false(match("[!a-c]", "b"));
	assert_true(match("[!a-c]", "!"));
	assert_true(match("[^a-c]", "d"));
	assert_true(match("[^a-c]", "^"));
	assert_false(match("[^a-c]", "b"));
	assert_true(match("[]a]", "]"));
	assert_false(match("[!]a]", "]"));
	assert_true(match("[a-]", "-"));
	assert_true(match("[a-c]", "a"));
	assert_false(match("[a-c]", "-"));
	assert_true(match("[a-cx-z]", "y"));
	assert_false(match("[a-c-e]", "d"));
	assert_true(match("[\x80-\xff]", "\xc3"));
}

static void a_bracket_that_is_not_closed_is_a_plain_character(void **state)
{
	(void)state;
	assert_true(match("[abc", "[abc"));
	assert_true(match("a[", "a["));
	assert_true(match("[", "["));
	assert_true(match("[!", "[!"));
	assert_true(match("[a-", "[a-"));
	assert_true(match("[]", "[]"));
	assert_false(match("[abc", "a"));
}

static void a_backslash_takes_the_next_character_literally(void **state)
{
	(void)state;
	assert_true(match("a\\*b", "a*b"));
	assert_false(match("a\\*b", "axb"));
	assert_true(match("\\[a]", "[a]"));
	assert_true(match("\\\\", "\\"));
	assert_true(match("a\\", "a\\"));
}

static void many_stars_take_no_time_to_fail(void **state)
{
	(void)state;
	char name[2000];
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_false(match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name));
}

static void a_list_matches_when_one_of_its_patterns_does(void **state)
{
	(void)state;
	assert_true(glob_match_list("curl", "curl"));
	assert_true(glob_match_list("nginx,curl", "curl"));
	assert_true(glob_match_list(" nginx ,\tcu* ", "curl"));
	assert_true(glob_match_list("a,,b", "b"));
	assert_true(glob_match_list("a\\,b,c", "a,b"));
	assert_true(glob_match_list("a\\,,c", "c"));
	assert_true(glob_match_list(at_edge("a\\", 3), "a\\"));
	assert_false(glob_match_list("nginx,wget", "curl"));
}

static void an_empty_list_matches_nothing(void **state)
{
	(void)state;
	assert_false(glob_match_list("", "curl"));
	assert_false(glob_match_list("", ""));
	assert_false(glob_match_list(" , ,", ""));
	assert_true(glob_list_is_empty(""));
	assert_true(glob_list_is_empty(" ,\t, "));
	assert_false(glob_list_is_empty(" ,a"));
	assert_false(glob_list_is_empty("*"));
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_pattern_matches_itself_only),
		cmocka_unit_test(only_length_bytes_of_the_pattern_count),
		cmocka_unit_test(a_star_matches_any_run_of_characters),
		cmocka_unit_test(a_question_mark_matches_one_character),
		cmocka_unit_test(a_bracket_matches_one_of_a_set),
		cmocka_unit_test(a_bracket_that_is_not_closed_is_a_plain_character),
		cmocka_unit_test(a_backslash_takes_the_next_character_literally),
		cmocka_unit_test(many_stars_take_no_time_to_fail),
		cmocka_unit_test(a_list_matches_when_one_of_its_patterns_does),
		cmocka_unit_test(an_empty_list_matches_nothing),
	};
	return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
