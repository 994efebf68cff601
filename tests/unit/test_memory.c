#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <cmocka.h>
#include "child.h"
#include "sys/memory.h"

#define PAGE 4096

/* Two pages of letters, a hole, and a page that cannot be written to. */
struct ground {
	char *pages, *hole, *closed;
};

static int make_ground(void **state)
{
	static struct ground ground;
	ground.pages =
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ground.pages, MAP_FAILED);
	ground.hole = ground.pages + 2 * PAGE;
	ground.closed = ground.pages + 3 * PAGE;
	memset(ground.pages, 'A', 2 * PAGE);
	assert_int_equal(mprotect(ground.hole, PAGE, PROT_NONE), 0);
	assert_int_equal(mprotect(ground.closed, PAGE, PROT_READ), 0);
	*state = &ground;
	return 0;
}

static int give_ground_back(void **state)
{
	const struct ground *ground = *state;
	return munmap(ground->pages, 4 * PAGE);
}

static void memory_is_readable_up_to_the_last_byte_before_a_hole(void **state)
{
	const struct ground *ground = *state;
	for (size_t size = 0; size <= 2 * PAGE; size += 97) {
		assert_true(memory_readable(ground->hole - size, size));
		assert_false(memory_readable(ground->hole - size, size + 1));
	}
	assert_true(memory_readable(ground->closed, PAGE));
}

static void the_stack_the_heap_and_constants_are_readable(void **state)
{
	char here[3 * PAGE];
	char *there = calloc(1, 3 * PAGE);
	(void)state;
	memset(here, 0, sizeof here);
	assert_true(memory_readable(here, sizeof here));
	assert_true(memory_readable(there, 3 * PAGE));
	assert_true(memory_readable("constant", 9));
	free(there);
}

static bool found[2];
static char *above;

/* The page above a stack that is not the thread's own is like any other: it may go. */
static void look_from_a_small_stack(void)
{
	found[0] = memory_readable(above, 1);
	mprotect(above, PAGE, PROT_NONE);
	found[1] = memory_readable(above, 1);
}

static void a_page_above_a_small_stack_may_go(void **state)
{
	static ucontext_t here, there;
	(void)state;
	memory_start();
	char *small =
		mmap(NULL, 17 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(small, MAP_FAILED);
	above = small + 16 * PAGE;
	getcontext(&there);
	there.uc_stack.ss_sp = small;
	there.uc_stack.ss_size = 16 * PAGE;
	there.uc_link = &here;
	makecontext(&there, look_from_a_small_stack, 0);
	swapcontext(&here, &there);
	assert_true(found[0]);
	assert_false(found[1]);
	munmap(small, 17 * PAGE);
}

static void the_first_threads_stack_ends_where_it_ends(void **state)
{
	const struct ground *ground = *state;
	char here[3 * PAGE];
	memory_start();
	memset(here, 0, sizeof here);
	assert_true(memory_readable(here, sizeof here));
	assert_true(memory_readable((void *)getauxval(AT_RANDOM), 16));
	assert_false(memory_readable(ground->hole, 1));
	assert_false(memory_readable((void *)(UINTPTR_MAX / 2 - 64), 1));
}

static void no_pointer_at_all_is_not_readable(void **state)
{
	(void)state;
	assert_false(memory_readable(NULL, 1));
	assert_false(memory_readable((void *)1, 1));
	assert_false(memory_readable((void *)UINTPTR_MAX, 1));
	assert_false(memory_readable((void *)UINTPTR_MAX, SIZE_MAX));
	assert_false(memory_readable((void *)(UINTPTR_MAX / 2 + 1), 1));
	assert_true(memory_readable(NULL, 0));
}

static void nothing_is_changed_by_looking(void **state)
{
	const struct ground *ground = *state;
	uint32_t words[4] = {0, 1, UINT32_MAX, 0};
	assert_true(memory_readable(words, sizeof words));
	assert_true(memory_readable(ground->pages, 2 * PAGE));
	assert_int_equal(words[0] + words[3], 0);
	assert_int_equal(words[1], 1);
	for (size_t i = 0; i < 2 * PAGE; i++) {
		assert_int_equal(ground->pages[i], 'A');
	}
}

static void a_string_has_to_end_before_the_hole(void **state)
{
	const struct ground *ground = *state;
	assert_false(memory_has_string(ground->pages));
	assert_false(memory_has_string(ground->hole - 1));
	assert_false(memory_has_string(NULL));
	ground->hole[-1] = '\0';
	assert_true(memory_has_string(ground->pages));
	assert_true(memory_has_string(ground->hole - 1));
	assert_true(memory_has_string(""));
}

static void every_string_of_a_list_has_to_end(void **state)
{
	const struct ground *ground = *state;
	char word[] = "A=b";
	char *good[] = {word, word, NULL};
	char *bad[] = {word, ground->pages, NULL};
	char **endless = (char **)(void *)(ground->hole - sizeof *endless);
	assert_true(memory_has_strings(good));
	assert_true(memory_has_strings(good + 2));
	assert_false(memory_has_strings(bad));
	endless[0] = word;
	assert_false(memory_has_strings(endless));
	assert_false(memory_has_strings(NULL));
}

static char **strings;

static void look_at_a_list(void)
{
	found[0] = memory_has_strings(strings);
}

/** That one page is there says nothing of those between it and the stack. */
static void a_hole_between_the_stack_and_a_string_is_noticed(void **state)
{
	static ucontext_t here, there;
	(void)state;
	char *small =
		mmap(NULL, 18 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(small, MAP_FAILED);
	char *hole = small + 16 * PAGE;
	assert_int_equal(mprotect(hole, PAGE, PROT_NONE), 0);
	char *list[] = {hole + PAGE, hole, NULL};
	strings = list;
	getcontext(&there);
	there.uc_stack.ss_sp = small;
	there.uc_stack.ss_size = 16 * PAGE;
	there.uc_link = &here;
	makecontext(&there, look_at_a_list, 0);
	swapcontext(&here, &there);
	assert_false(found[0]);
	munmap(small, 18 * PAGE);
}

static void write_where_it_is_forbidden(void)
{
	char to[] = "AAAAAA";
	without_call(SYS_process_vm_writev);
	CHECK(memory_write(to + 1, "BBBB", 4));
	CHECK(strcmp(to, "ABBBBA") == 0);
}

static void where_the_kernel_does_not_write_it_is_written_all_the_same(void **state)
{
	(void)state;
	in_child(write_where_it_is_forbidden);
}

static void what_cannot_be_written_to_says_so(void **state)
{
	const struct ground *ground = *state;
	assert_true(memory_write(ground->hole - 4, "BBBB", 4));
	assert_memory_equal(ground->hole - 5, "ABBBB", 5);
	assert_false(memory_write(ground->hole - 2, "CCCC", 4));
	assert_false(memory_write(ground->closed, "CCCC", 4));
	assert_false(memory_write(NULL, "CCCC", 4));
}

int main(void)
{
#define GROUND_TEST(name) cmocka_unit_test_setup_teardown(name, make_ground, give_ground_back)
	const struct CMUnitTest tests[] = {
		GROUND_TEST(memory_is_readable_up_to_the_last_byte_before_a_hole),
		cmocka_unit_test(the_stack_the_heap_and_constants_are_readable),
		cmocka_unit_test(a_page_above_a_small_stack_may_go),
		GROUND_TEST(the_first_threads_stack_ends_where_it_ends),
		cmocka_unit_test(no_pointer_at_all_is_not_readable),
		GROUND_TEST(nothing_is_changed_by_looking),
		GROUND_TEST(a_string_has_to_end_before_the_hole),
		GROUND_TEST(every_string_of_a_list_has_to_end),
		cmocka_unit_test(a_hole_between_the_stack_and_a_string_is_noticed),
		cmocka_unit_test(where_the_kernel_does_not_write_it_is_written_all_the_same),
		GROUND_TEST(what_cannot_be_written_to_says_so),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
