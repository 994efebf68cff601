/* How often and how soon a request is sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "act/retry/budget.h"

#define DRAWS 2000

static struct addr address(uint16_t port)
{
	return (struct addr){.family = AF_INET, .port = port, .bytes = {10, 0, 0, 1}};
}

static unsigned take_all(const struct addr *peer, uint64_t now_ms)
{
	unsigned taken = 0;
	while (taken < 2 * BUDGET_TOKENS && budget_take(peer, now_ms)) {
		taken++;
	}
	return taken;
}

static void an_address_has_as_many_tokens_as_its_bucket(void **state)
{
	struct addr one = address(1);
	struct addr other = address(2);
	(void)state;
	assert_int_equal(take_all(&one, 1000000), BUDGET_TOKENS);
	assert_false(budget_take(&one, 1000000));
	assert_int_equal(take_all(&other, 1000000), BUDGET_TOKENS);
}

static void time_gives_tokens_back_until_the_bucket_is_full(void **state)
{
	struct addr peer = address(3);
	(void)state;
	assert_int_equal(take_all(&peer, 1000000), BUDGET_TOKENS);
	assert_int_equal(take_all(&peer, 1000099), 0);
	assert_int_equal(take_all(&peer, 1000100), 1);
	assert_int_equal(take_all(&peer, 1003100), 3 * BUDGET_TOKENS_PER_S);
	assert_int_equal(take_all(&peer, 1103100), BUDGET_TOKENS);
	/* In years more tokens would come back than can be counted. */
	assert_int_equal(take_all(&peer, UINT64_C(1) << 62), BUDGET_TOKENS);
	/* A clock that another thread has read before gives nothing. */
	assert_int_equal(take_all(&peer, 1), 0);
}

static void an_answer_gives_one_token_back(void **state)
{
	struct addr peer = address(4);
	(void)state;
	assert_int_equal(take_all(&peer, 1000000), BUDGET_TOKENS);
	budget_give(&peer);
	assert_int_equal(take_all(&peer, 1000000), 1);
}

static void answers_fill_no_bucket_beyond_its_size(void **state)
{
	struct addr peer = address(5);
	(void)state;
	assert_true(budget_take(&peer, 1000000));
	for (int i = 0; i < 10; i++) {
		budget_give(&peer);
	}
	assert_int_equal(take_all(&peer, 1000000), BUDGET_TOKENS);
}

/** Full jitter: from nothing to twice as much for each try, up to the cap. */
static void pauses_are_drawn_from_a_range_that_doubles(void **state)
{
	static const uint32_t most[] = {25, 50, 100, 200, 250, 250, 250};
	(void)state;
	for (unsigned try = 1; try <= sizeof most / sizeof *most; try++) {
		uint32_t least = UINT32_MAX;
		uint32_t longest = 0;
		for (int i = 0; i < DRAWS; i++) {
			uint32_t pause = budget_pause_ms(try);
			least = pause < least ? pause : least;
			longest = pause > longest ? pause : longest;
		}
		assert_in_range(longest, most[try - 1] * 9 / 10, most[try - 1]);
		assert_in_range(least, 0, most[try - 1] / 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_as_many_tokens_as_its_bucket),
		cmocka_unit_test(time_gives_tokens_back_until_the_bucket_is_full),
		cmocka_unit_test(an_answer_gives_one_token_back),
		cmocka_unit_test(answers_fill_no_bucket_beyond_its_size),
		cmocka_unit_test(pauses_are_drawn_from_a_range_that_doubles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
