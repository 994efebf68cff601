#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <pthread.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "sys/scratch.h"

static void a_block_that_was_given_back_is_taken_again(void **state)
{
	(void)state;
	void *block = scratch_take();
	assert_non_null(block);
	memset(block, 1, SCRATCH_SIZE);
	scratch_give(block);
	assert_ptr_equal(scratch_take(), block);
	scratch_give(block);
}

static void two_blocks_at_once_are_apart(void **state)
{
	(void)state;
	char *a = scratch_take();
	char *b = scratch_take();
	assert_true(a >= b + SCRATCH_SIZE || b >= a + SCRATCH_SIZE);
	memset(a, 'a', SCRATCH_SIZE);
	memset(b, 'b', SCRATCH_SIZE);
	assert_int_equal(a[SCRATCH_SIZE - 1], 'a');
	scratch_give(a);
	scratch_give(b);
}

static void blocks_that_were_in_use_at_once_are_kept(void **state)
{
	(void)state;
	char *first[4], *again[4];
	for (int i = 0; i < 4; i++) {
		first[i] = scratch_take();
	}
	for (int i = 0; i < 4; i++) {
		scratch_give(first[i]);
	}
	for (int i = 0; i < 4; i++) {
		again[i] = scratch_take();
		bool kept = false;
		for (int k = 0; k < 4; k++) {
			kept |= again[i] == first[k];
		}
		assert_true(kept);
	}
	for (int i = 0; i < 4; i++) {
		scratch_give(again[i]);
	}
}

static bool is_mapped(char *block)
{
	return msync(block, SCRATCH_SIZE, MS_ASYNC) == 0;
}

/** More than are kept, each whole. */
static void blocks_beyond_those_that_are_kept_are_unmapped(void **state)
{
	(void)state;
	enum { MANY = 24, FEW = 4 };
	char *blocks[MANY];
	int mapped = 0;
	for (int i = 0; i < MANY; i++) {
		blocks[i] = scratch_take();
	}
	for (int i = 0; i < MANY; i++) {
		scratch_give(blocks[i]);
	}
	for (int i = 0; i < MANY; i++) {
		mapped += is_mapped(blocks[i]);
	}
	assert_in_range(mapped, FEW, MANY / 2);
	for (int i = 0; i < MANY; i++) {
		blocks[i] = scratch_take();
		memset(blocks[i], i, SCRATCH_SIZE);
	}
	for (int i = 0; i < MANY; i++) {
		scratch_give(blocks[i]);
	}
}

static void nothing_may_be_given_back(void **state)
{
	(void)state;
	void *block = scratch_take();
	scratch_give(block);
	scratch_give(NULL);
	assert_ptr_equal(scratch_take(), block);
	scratch_give(block);
}

static void *use_blocks(void *mark)
{
	for (int i = 0; i < 5000; i++) {
		char *block = scratch_take();
		memset(block, *(char *)mark, SCRATCH_SIZE);
		for (size_t at = 0; at < SCRATCH_SIZE; at += 512) {
			if (block[at] != *(char *)mark) {
				return mark;
			}
		}
		scratch_give(block);
	}
	return NULL;
}

static void no_two_threads_have_the_same_block(void **state)
{
	(void)state;
	char marks[] = "abcd";
	pthread_t threads[4];
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, use_blocks, &marks[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_that_was_given_back_is_taken_again),
		cmocka_unit_test(two_blocks_at_once_are_apart),
		cmocka_unit_test(blocks_that_were_in_use_at_once_are_kept),
		cmocka_unit_test(blocks_beyond_those_that_are_kept_are_unmapped),
		cmocka_unit_test(nothing_may_be_given_back),
		cmocka_unit_test(no_two_threads_have_the_same_block),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
