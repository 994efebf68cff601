/* JSON in a <script>: nothing that a string holds ends the element, and its meaning stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/report/script.h"
#include "json_check.h"
#include "log/escape.h"
#include "sys/text.h"

static char printed[1024];

/* What a page has of a string that a log held. */
static const char *in_page(const char *string)
{
	char json[1024];
	struct text text = text_in(json, sizeof json);
	escape_json(&text, string);
	assert_false(text.cut);
	FILE *page = fmemopen(printed, sizeof printed, "w");
	assert_non_null(page);
	script_put(page, json);
	assert_int_equal(fclose(page), 0);
	return printed;
}

static void assert_harmless(const char *json)
{
	assert_true(json_is_valid(json, strlen(json)));
	assert_null(strpbrk(json, "<>&\n\r"));
	assert_null(strstr(json, "\xe2\x80\xa8"));
	assert_null(strstr(json, "\xe2\x80\xa9"));
}

static void every_byte_is_harmless(void **state)
{
	(void)state;
	for (unsigned byte = 1; byte <= UINT8_MAX; byte++) {
		char string[] = {'a', (char)byte, 'b', '\0'};
		assert_harmless(in_page(string));
		string[2] = '\0';
		assert_harmless(in_page(string));
	}
}

static void every_two_bytes_are_harmless(void **state)
{
	(void)state;
	for (unsigned pair = 0; pair <= UINT16_MAX; pair++) {
		const char string[] = {(char)(pair >> 8), (char)pair, '\0'};
		assert_harmless(in_page(string));
	}
}

static void what_could_end_a_script_is_harmless(void **state)
{
	(void)state;
	static const char *const hostile[] = {
		"</script><script>alert(1)</script>",
		"</ScRiPt >",
		"<!--<script>",
		"-->",
		"]]>",
		"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa8",
		"\xe2\x80",
		"\xe2",
		"\"};alert(1);//",
		"\\u003c/script>\\",
		"&lt;&#60;",
		"'\"`${alert(1)}",
	};
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		assert_harmless(in_page(hostile[i]));
	}
}

static void what_is_escaped_means_the_same(void **state)
{
	(void)state;
	assert_string_equal(in_page("a</b>&c"), "\"a\\u003c/b\\u003e\\u0026c\"");
	assert_string_equal(in_page("\xe2\x80\xa8\xe2\x80\xa9"), "\"\\u2028\\u2029\"");
	assert_string_equal(in_page("\xe2\x80\xa6 \xe2\x82\xac"), "\"\xe2\x80\xa6 \xe2\x82\xac\"");
	assert_string_equal(in_page("\\u003c"), "\"\\\\u003c\"");
	assert_string_equal(in_page("curl"), "\"curl\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_is_harmless),
		cmocka_unit_test(every_two_bytes_are_harmless),
		cmocka_unit_test(what_could_end_a_script_is_harmless),
		cmocka_unit_test(what_is_escaped_means_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
