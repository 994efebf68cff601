/* The counted clock, with a counter that does what real ones do in a suspended or moved machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sys/clock.h"

static uint64_t shift;

static uint64_t shifted_counter(void)
{
	return clock_counter() + shift;
}

#define clock_counter shifted_counter
#define clock_exact_ns shifted_exact_ns
#define clock_exact_start shifted_exact_start
#define clock_exact_after_fork shifted_exact_after_fork
uint64_t shifted_exact_ns(void);
#include "../../src/sys/clock_exact.c"

#define NS_PER_MS UINT64_C(1000000)
/* What it may be behind: a microsecond, and what a kernel that slews its clock adds (500 ppm). */
#define BEHIND_NS 5000u
/* Longer than it takes to learn how fast the counter is. */
#define COUNTED_NS (300 * NS_PER_MS)

/* Between two readings of the kernel's clock, but for so much. */
static void goes_as_the_kernels(uint64_t within_ns)
{
	uint64_t begun = clock_kernels_ns();
	uint64_t after = begun;
	while (after - begun < COUNTED_NS) {
		uint64_t before = clock_kernels_ns();
		uint64_t counted = shifted_exact_ns();
		after = clock_kernels_ns();
		assert_true(counted + within_ns >= before && counted <= after + within_ns);
	}
}

static int start(void **state)
{
	(void)state;
	clock_start();
	shifted_exact_start();
	return 0;
}

static void it_goes_as_the_kernels(void **state)
{
	(void)state;
	goes_as_the_kernels(BEHIND_NS);
	goes_as_the_kernels(BEHIND_NS);
}

/* The machine was suspended, or goes on with another counter: no reading shows it. */
static void a_counter_that_jumps_is_not_gone_by(void **state)
{
	(void)state;
	const uint64_t jumps[] = {(uint64_t)1 << 40, -((uint64_t)1 << 40), (uint64_t)1 << 24,
				  -((uint64_t)1 << 24)};
	for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
		goes_as_the_kernels(BEHIND_NS);
		shift += jumps[i];
		goes_as_the_kernels(BEHIND_NS);
	}
}

/* No step is longer than 2 ms. */
static void a_jump_within_a_step_costs_no_more_than_the_step(void **state)
{
	(void)state;
	goes_as_the_kernels(BEHIND_NS);
	shift += (uint64_t)1 << 20;
	goes_as_the_kernels(2 * NS_PER_MS);
	goes_as_the_kernels(BEHIND_NS);
}

static void it_asks_the_kernel_again_after_a_pause(void **state)
{
	(void)state;
	for (int pause = 0; pause < 3; pause++) {
		struct timespec long_ago = {.tv_nsec = 20000000};
		nanosleep(&long_ago, NULL);
		uint64_t before = clock_kernels_ns();
		uint64_t exact = shifted_exact_ns();
		assert_true(exact >= before && exact <= clock_kernels_ns());
	}
}

static void a_child_goes_on_where_another_thread_was_about_it(void **state)
{
	(void)state;
	word_put(&look.version, word_get(&look.version) | 1);
	goes_as_the_kernels(BEHIND_NS);
	assert_int_equal(word_get(&look.version) % 2, 1);
	shifted_exact_after_fork();
	assert_int_equal(word_get(&look.version) % 2, 0);
	goes_as_the_kernels(BEHIND_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_as_the_kernels),
		cmocka_unit_test(a_counter_that_jumps_is_not_gone_by),
		cmocka_unit_test(a_jump_within_a_step_costs_no_more_than_the_step),
		cmocka_unit_test(it_asks_the_kernel_again_after_a_pause),
		cmocka_unit_test(a_child_goes_on_where_another_thread_was_about_it),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, NULL);
}
