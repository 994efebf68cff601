#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <cmocka.h>
#include "child.h"
#include "sys/random.h"

#define DRAWS 100000

static void the_same_decision_has_the_same_number(void **state)
{
	(void)state;
	assert_true(random_at(1, 2, 3) == random_at(1, 2, 3));
	assert_true(random_derive(1, 2) == random_derive(1, 2));
}

/** A seed from an old log brings the same faults again. */
static void a_seed_says_the_same_in_every_version(void **state)
{
	(void)state;
	assert_true(random_at(0, 0, 0) == 0xccc1048c072f4556);
	assert_true(random_at(42, 1, 1) == 0x78a1a62a2abf49b3);
	assert_true(random_at(UINT64_MAX, UINT64_MAX, UINT64_MAX) == 0x755618950b91c7d6);
	assert_true(random_derive(1, 2) == 0x3d0ad05dc2497277);
}

static void seed_stream_and_index_all_count_and_their_order_too(void **state)
{
	(void)state;
	assert_true(random_at(1, 2, 3) != random_at(2, 2, 3));
	assert_true(random_at(1, 2, 3) != random_at(1, 3, 3));
	assert_true(random_at(1, 2, 3) != random_at(1, 2, 4));
	assert_true(random_at(1, 2, 3) != random_at(1, 3, 2));
	assert_true(random_at(1, 2, 3) != random_at(3, 2, 1));
	assert_true(random_at(0, 0, 0) != 0);
	assert_true(random_derive(7, 1) != random_derive(7, 2));
	assert_true(random_derive(7, 1) != 7);
}

static void a_chance_of_a_tenth_comes_about_a_tenth_of_the_time(void **state)
{
	(void)state;
	for (uint64_t stream = 0; stream < 4; stream++) {
		int hits = 0;
		for (uint64_t i = 0; i < DRAWS; i++) {
			hits += random_at(42, stream, i) % 1000000u < 100000u;
		}
		/* Six standard deviations of a binomial distribution. */
		assert_in_range(hits, DRAWS / 10 - 570, DRAWS / 10 + 570);
	}
}

static void every_bit_is_set_half_of_the_time(void **state)
{
	(void)state;
	int set[64] = {0};
	for (uint64_t i = 0; i < DRAWS; i++) {
		uint64_t number = random_at(i, 1, 1);
		for (int bit = 0; bit < 64; bit++) {
			set[bit] += (int)(number >> bit & 1);
		}
	}
	for (int bit = 0; bit < 64; bit++) {
		assert_in_range(set[bit], DRAWS / 2 - 950, DRAWS / 2 + 950);
	}
}

static void seeds_differ(void **state)
{
	(void)state;
	assert_true(random_seed() != random_seed());
}

static void make_seeds_without_getrandom(void)
{
	without_call(SYS_getrandom);
	CHECK(random_seed() != random_seed());
}

static void seeds_differ_where_the_kernel_gives_none(void **state)
{
	(void)state;
	in_child(make_seeds_without_getrandom);
}

static void the_programs_own_random_is_left_alone(void **state)
{
	(void)state;
	srandom(5);
	long expected = random();
	srandom(5);
	random_at(random_seed(), 1, 1);
	assert_int_equal(random(), expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_decision_has_the_same_number),
		cmocka_unit_test(a_seed_says_the_same_in_every_version),
		cmocka_unit_test(seed_stream_and_index_all_count_and_their_order_too),
		cmocka_unit_test(a_chance_of_a_tenth_comes_about_a_tenth_of_the_time),
		cmocka_unit_test(every_bit_is_set_half_of_the_time),
		cmocka_unit_test(seeds_differ),
		cmocka_unit_test(seeds_differ_where_the_kernel_gives_none),
		cmocka_unit_test(the_programs_own_random_is_left_alone),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
