#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "act/retry/budget.h"
#include "act/retry/retained.h"

static char bytes[256 * 1024];

static int add(struct retained *retained, size_t from, size_t size)
{
	/* In two pieces, of which the second may be longer than what was taken. */
	struct iovec pieces[] = {{bytes + from, size / 3}, {bytes + from + size / 3, sizeof bytes}};
	return retained_add(retained, pieces, 2, size);
}

static void set_up_limits(void)
{
	retained_limit(RETAINED_CONN_DEFAULT, RETAINED_PROCESS_DEFAULT);
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] = (char)(i * 2654435761u >> 13);
	}
}

/* As much as the process may keep is to be had. */
static void expect_all_given_back(void)
{
	struct retained whole = {0};
	retained_limit(64 * 1024, 64 * 1024);
	assert_int_equal(add(&whole, 0, 64 * 1024), 0);
	retained_free(&whole);
}

static void keeps_what_was_taken_in_order(void **state)
{
	(void)state;
	set_up_limits();
	struct retained retained = {0};
	size_t length = 0;
	for (size_t size = 1; length + size <= RETAINED_CONN_DEFAULT; size = size * 2 + 1) {
		assert_int_equal(add(&retained, length, size), 0);
		length += size;
		assert_int_equal(retained.length, length);
		assert_memory_equal(retained.bytes, bytes, length);
	}
	assert_true(length > RETAINED_CONN_DEFAULT / 4);
	retained_free(&retained);
	expect_all_given_back();
}

static void more_than_a_connection_may_keep_is_refused(void **state)
{
	(void)state;
	set_up_limits();
	struct retained retained = {0};
	assert_int_equal(add(&retained, 0, RETAINED_CONN_DEFAULT), 0);
	assert_int_equal(add(&retained, 0, 1), -ENOBUFS);
	retained_clear(&retained);
	assert_int_equal(add(&retained, 0, 1), 0);
	retained_free(&retained);
}

static void more_than_the_process_may_keep_is_refused(void **state)
{
	(void)state;
	set_up_limits();
	retained_limit(64 * 1024, 96 * 1024);
	struct retained first = {0}, second = {0};
	assert_int_equal(add(&first, 0, 64 * 1024), 0);
	assert_int_equal(add(&second, 0, 64 * 1024), -ENOBUFS);
	/* Its beginning is there, and the next request is another one. */
	assert_true(second.length >= 1000);
	assert_memory_equal(second.bytes, bytes, second.length);
	retained_clear(&second);
	assert_int_equal(add(&second, 0, 1000), 0);
	retained_free(&first);
	assert_int_equal(add(&second, 0, 63 * 1024), 0);
	retained_free(&second);
	expect_all_given_back();
}

static void a_new_request_gives_large_memory_back(void **state)
{
	(void)state;
	set_up_limits();
	retained_limit(64 * 1024, 96 * 1024);
	struct retained retained = {0}, other = {0};
	assert_int_equal(add(&retained, 0, 60000), 0);
	assert_int_equal(add(&other, 0, 60000), -ENOBUFS);
	retained_clear(&other);
	retained_clear(&retained);
	assert_int_equal(retained.length, 0);
	assert_int_equal(add(&other, 0, 60000), 0);
	retained_free(&retained);
	retained_free(&other);
}

static struct addr some_address(uint16_t port)
{
	return (struct addr){.bytes = {127, 0, 0, 1}, .port = port, .family = 2};
}

static void a_bucket_runs_dry_and_fills_with_answers_and_time(void **state)
{
	(void)state;
	struct addr peer = some_address(80);
	unsigned taken = 0;
	while (budget_take(&peer, 1000)) {
		taken++;
	}
	assert_int_equal(taken, BUDGET_TOKENS);
	budget_give(&peer);
	assert_true(budget_take(&peer, 1000));
	assert_false(budget_take(&peer, 1000));
	assert_true(budget_take(&peer, 1000 + 1000 / BUDGET_TOKENS_PER_S));
	assert_false(budget_take(&peer, 1000 + 1000 / BUDGET_TOKENS_PER_S));
	/* A long time fills it, and no more than that. */
	for (taken = 0; budget_take(&peer, 100000000); taken++) {
	}
	assert_int_equal(taken, BUDGET_TOKENS);
}

static void every_address_has_a_bucket_of_its_own(void **state)
{
	(void)state;
	struct addr dry = some_address(8001), full = some_address(8002);
	while (budget_take(&dry, 5)) {
	}
	assert_true(budget_take(&full, 5));
}

static void pauses_are_drawn_from_doubling_ranges_up_to_the_cap(void **state)
{
	(void)state;
	static const uint32_t most[] = {0, 25, 50, 100, 200, 250, 250, 250};
	for (unsigned try = 1; try < 8; try++) {
		uint32_t highest = 0, lowest = UINT32_MAX;
		for (int i = 0; i < 2000; i++) {
			uint32_t pause = budget_pause_ms(try);
			assert_true(pause <= most[try]);
			highest = pause > highest ? pause : highest;
			lowest = pause < lowest ? pause : lowest;
		}
		assert_true(highest > most[try] * 9 / 10);
		assert_true(lowest < most[try] / 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_was_taken_in_order),
		cmocka_unit_test(more_than_a_connection_may_keep_is_refused),
		cmocka_unit_test(more_than_the_process_may_keep_is_refused),
		cmocka_unit_test(a_new_request_gives_large_memory_back),
		cmocka_unit_test(a_bucket_runs_dry_and_fills_with_answers_and_time),
		cmocka_unit_test(every_address_has_a_bucket_of_its_own),
		cmocka_unit_test(pauses_are_drawn_from_doubling_ranges_up_to_the_cap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
