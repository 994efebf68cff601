#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "edge.h"
#include "sys/units.h"

static uint64_t duration(const char *string)
{
	uint64_t ms = UINT64_MAX;
	assert_int_equal(units_duration(letters_at_edge(string), strlen(string), &ms), 0);
	return ms;
}

static uint64_t size(const char *string)
{
	uint64_t bytes = UINT64_MAX;
	assert_int_equal(units_size(letters_at_edge(string), strlen(string), &bytes), 0);
	return bytes;
}

static uint32_t percent(const char *string)
{
	uint32_t millionths = UINT32_MAX;
	assert_int_equal(units_percent(letters_at_edge(string), strlen(string), &millionths), 0);
	return millionths;
}

static void a_number_may_use_all_64_bits(void **state)
{
	(void)state;
	uint64_t value;
	assert_int_equal(units_number("0", 1, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(units_number("18446744073709551615", 20, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(units_number("18446744073709551616", 20, &value), -ERANGE);
	assert_int_equal(units_number("99999999999999999999", 20, &value), -ERANGE);
}

static void a_number_is_digits_and_nothing_else(void **state)
{
	(void)state;
	static const char *const wrong[] = {"",     "-1",  "+1",  " 1", "1 ",
					    "0x10", "1e3", "12a", "1:", "1/"};
	uint64_t value;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(units_number(letters_at_edge(wrong[i]), strlen(wrong[i]), &value),
				 -EINVAL);
	}
}

static void only_length_bytes_are_read(void **state)
{
	(void)state;
	uint64_t value;
	assert_int_equal(units_number("123", 2, &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(units_duration("10ms", 3, &value), 0);
	assert_int_equal(value, 600000);
}

static void a_duration_is_told_in_its_unit(void **state)
{
	(void)state;
	assert_int_equal(duration("0ms"), 0);
	assert_int_equal(duration("250ms"), 250);
	assert_int_equal(duration("2s"), 2000);
	assert_int_equal(duration("5m"), 300000);
	assert_int_equal(duration("1h"), 3600000);
}

static void a_duration_may_have_a_fraction_of_whole_milliseconds(void **state)
{
	(void)state;
	assert_int_equal(duration("1.5s"), 1500);
	assert_int_equal(duration("0.001s"), 1);
	assert_int_equal(duration("1.050s"), 1050);
	assert_int_equal(duration("0.25m"), 15000);
	assert_int_equal(duration("2.0ms"), 2);
	assert_int_equal(duration("2.00ms"), 2);
	uint64_t ms;
	assert_int_equal(units_duration("0.0005s", 7, &ms), -EINVAL);
	assert_int_equal(units_duration("1.5ms", 5, &ms), -EINVAL);
	assert_int_equal(units_duration("1.05ms", 6, &ms), -EINVAL);
}

static void a_duration_without_unit_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"",    "5",   "s",      "ms", "5x",   "5 s",  "-1s",
					    ".5s", "5.s", "1.2.3s", "5S", "5sec", "1,5s", "1.xs"};
	uint64_t ms;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(units_duration(letters_at_edge(wrong[i]), strlen(wrong[i]), &ms),
				 -EINVAL);
	}
}

static void a_duration_stays_within_63_bits_of_nanoseconds(void **state)
{
	(void)state;
	uint64_t ms;
	assert_int_equal(duration("9223372036854ms"), 9223372036854);
	assert_int_equal(units_duration("9223372036855ms", 15, &ms), -ERANGE);
	assert_int_equal(units_duration("18446744073709551615h", 21, &ms), -ERANGE);
	assert_int_equal(units_duration("99999999999999999999s", 21, &ms), -ERANGE);
}

static void a_size_counts_in_powers_of_1024(void **state)
{
	(void)state;
	assert_int_equal(size("0"), 0);
	assert_int_equal(size("64"), 64);
	assert_int_equal(size("16K"), 16384);
	assert_int_equal(size("1M"), 1048576);
	assert_int_equal(size("2G"), 2147483648);
	assert_int_equal(size("9223372036854775807"), INT64_MAX);
}

static void a_size_that_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "K", "1k", "1KB", "1.5K", "-1", "1 K", "2s"};
	uint64_t bytes;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(units_size(letters_at_edge(wrong[i]), strlen(wrong[i]), &bytes),
				 -EINVAL);
	}
	assert_int_equal(size("8589934591G"), INT64_MAX - 1073741823);
	assert_int_equal(units_size("8589934592G", 11, &bytes), -ERANGE);
	assert_int_equal(units_size("9223372036854775808", 19, &bytes), -ERANGE);
}

static void a_percentage_is_kept_in_millionths(void **state)
{
	(void)state;
	assert_int_equal(percent("0%"), 0);
	assert_int_equal(percent("12.5%"), 125000);
	assert_int_equal(percent("0.0001%"), 1);
	assert_int_equal(percent("100%"), PROBABILITY_ONE);
	assert_int_equal(percent("100.0%"), PROBABILITY_ONE);
}

static void a_percentage_that_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "%", "50", "50 %", "-1%", ".5%", "5.%", "0.00001%"};
	uint32_t millionths;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(
			units_percent(letters_at_edge(wrong[i]), strlen(wrong[i]), &millionths),
			-EINVAL);
	}
	assert_int_equal(units_percent("100.0001%", 9, &millionths), -ERANGE);
	assert_int_equal(units_percent("120%", 4, &millionths), -ERANGE);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_may_use_all_64_bits),
		cmocka_unit_test(a_number_is_digits_and_nothing_else),
		cmocka_unit_test(only_length_bytes_are_read),
		cmocka_unit_test(a_duration_is_told_in_its_unit),
		cmocka_unit_test(a_duration_may_have_a_fraction_of_whole_milliseconds),
		cmocka_unit_test(a_duration_without_unit_is_refused),
		cmocka_unit_test(a_duration_stays_within_63_bits_of_nanoseconds),
		cmocka_unit_test(a_size_counts_in_powers_of_1024),
		cmocka_unit_test(a_size_that_is_none_is_refused),
		cmocka_unit_test(a_percentage_is_kept_in_millionths),
		cmocka_unit_test(a_percentage_that_is_none_is_refused),
	};
	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
