#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>
#include <cmocka.h>
#include "sys/clock.h"

static const char *rfc3339(uint64_t wall_us)
{
	static char room[64];
	struct text text = text_in(room, sizeof room);
	clock_write_rfc3339(&text, wall_us);
	return room;
}

static void known_moments_are_written_in_rfc3339(void **state)
{
	(void)state;
	assert_string_equal(rfc3339(0), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(rfc3339(951782399999999u), "2000-02-28T23:59:59.999999Z");
	assert_string_equal(rfc3339(951782400000000u), "2000-02-29T00:00:00.000000Z");
	assert_string_equal(rfc3339(4107542400000000u), "2100-03-01T00:00:00.000000Z");
}

static void every_day_of_three_centuries_agrees_with_gmtime(void **state)
{
	(void)state;
	for (time_t day = 0; day < 300 * 365; day++) {
		time_t second = day * 86400 + day % 86400;
		struct tm date;
		gmtime_r(&second, &date);
		char expected[64];
		char head[32];
		strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &date);
		snprintf(expected, sizeof expected, "%s.000042Z", head);
		assert_string_equal(rfc3339((uint64_t)second * 1000000u + 42), expected);
	}
}

static void the_time_of_day_has_microseconds(void **state)
{
	(void)state;
	char room[32];
	struct text text = text_in(room, sizeof room);
	clock_write_time(&text, (uint64_t)(86400 * 3 + 12 * 3600 + 62) * 1000000u + 123456);
	assert_string_equal(room, "12:01:02.123456");
}

static void microseconds_are_written_into_a_time(void **state)
{
	(void)state;
	static const unsigned moments[] = {0, 1, 99, 100, 9999, 10000, 123456, 900009, 999999};
	for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
		char room[] = "02.######Z";
		char expected[32];
		clock_write_us(room + 3, moments[i]);
		snprintf(expected, sizeof expected, "02.%06uZ", moments[i]);
		assert_string_equal(room, expected);
	}
}

static void the_clocks_agree_with_the_kernels(void **state)
{
	(void)state;
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	int64_t late_us =
		(int64_t)clock_wall_us() - ((int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000);
	assert_in_range(late_us, 0, 5000000);

	uint64_t before = clock_exact_ns();
	uint64_t coarse = clock_coarse_ms();
	uint64_t after = clock_exact_ns();
	assert_true(after >= before);
	/* The coarse clock is the last tick's, at most 10 ms old. */
	assert_true(coarse <= after / 1000000u);
	assert_true(coarse + 11 >= before / 1000000u);
}

/* The kept answer stands for one step of the counter only. */
static void an_answer_of_another_step_is_not_given_again(void **state)
{
	(void)state;
	uint32_t lie = (uint32_t)clock_coarse_ms() + 3600000;
	clock_start();
	uint32_t step = (uint32_t)(clock_recent_ms() != lie ? atomic_load(&clock_kept) >> 32 : 0);
	uint32_t others[] = {step + 1000000, step - 1000000, step ^ 0x80000000};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		atomic_store(&clock_kept, (uint64_t)others[i] << 32 | lie);
		assert_int_not_equal(clock_recent_ms(), lie);
	}
}

static void a_counter_that_is_barred_is_not_asked(void **state)
{
	(void)state;
	clock_start();
	clock_exact_start();
	clock_exact_ns();
	clock_bar();
	assert_int_equal(clock_step_bits, 0);
	/* Whoever reads it now dies. */
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	uint64_t exact_ns = clock_exact_ns();
	uint32_t recent_ms = clock_recent_ms();
	prctl(PR_SET_TSC, PR_TSC_ENABLE);
	assert_true(exact_ns > 0);
	assert_int_not_equal(recent_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_moments_are_written_in_rfc3339),
		cmocka_unit_test(every_day_of_three_centuries_agrees_with_gmtime),
		cmocka_unit_test(the_time_of_day_has_microseconds),
		cmocka_unit_test(microseconds_are_written_into_a_time),
		cmocka_unit_test(the_clocks_agree_with_the_kernels),
		cmocka_unit_test(an_answer_of_another_step_is_not_given_again),
		cmocka_unit_test(a_counter_that_is_barred_is_not_asked),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
