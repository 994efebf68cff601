/* How long lines wait, and what is looked for meanwhile. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lines.h"
#include "log/lane.h"
#include "log/log.h"
#include "log/pending.h"
#include "log/pending_file.h"
#include "sys/clock.h"
#include "sys/self.h"

#define US_PER_MS 1000u
#define US_PER_S 1000000u

#define LONG_LINE 1000

/* A log that has just got its first line, and a clock that stands still from there on. */
static void begin(void)
{
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("first\n");
	expect_log("first\n");
	stopped_us = atomic_load(&lanes_flushed_us);
}

static void together(void)
{
	char path[256];
	begin();
	keep_call("second\n");
	keep_call("third\n");
	expect_log("first\n");
	pending_name(path, getpid());
	CHECK(file_is(path, "second\nthird\n"));
}

static void lines_wait_together(void **state)
{
	(void)state;
	in_child(together);
}

static void make_long(char line[LONG_LINE + 1], char letter)
{
	memset(line, letter, LONG_LINE - 1);
	strcpy(line + LONG_LINE - 1, "\n");
}

/* A kill would show it as lines of the process. */
static void cleared(void)
{
	char line[LONG_LINE + 1];
	char path[256];
	begin();
	make_long(line, 'x');
	keep_call(line);
	keep_call(line);
	log_flush();
	pending_name(path, getpid());
	CHECK(load(path) == PENDING_SIZE);
	for (size_t i = 0; i < PENDING_SIZE; i++) {
		CHECK(content[i] == '\0');
	}
}

static void what_was_written_no_longer_waits(void **state)
{
	(void)state;
	in_child(cleared);
}

static void masked(void)
{
	sigset_t before;
	sigset_t after;
	begin();
	keep_call("second\n");
	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	log_flush();
	CHECK(sigprocmask(SIG_SETMASK, NULL, &after) == 0);
	CHECK(sigismember(&after, SIGUSR1) == 1 && sigismember(&after, SIGUSR2) == 0);
	expect_log("first\nsecond\n");
}

static void signals_that_were_blocked_are_afterwards_and_no_others(void **state)
{
	(void)state;
	in_child(masked);
}

static void filled(void)
{
	char line[LONG_LINE + 1];
	char path[256];
	size_t kept = 0;
	begin();
	for (char letter = 'a'; load(log_path) == strlen("first\n"); letter++) {
		make_long(line, letter);
		keep_call(line);
		kept++;
	}
	/* All that had room, and the one that had none waits. */
	CHECK(load(log_path) == strlen("first\n") + (kept - 1) * LONG_LINE);
	CHECK(kept * LONG_LINE >= PENDING_ROOM - LONG_LINE &&
	      kept * LONG_LINE <= PENDING_SIZE + LONG_LINE);
	pending_name(path, getpid());
	CHECK(file_is(path, line));
}

static void lines_that_have_no_more_room_are_written(void **state)
{
	(void)state;
	in_child(filled);
}

static void due(void)
{
	begin();
	uint64_t flushed_us = stopped_us;
	uint64_t due_us = flushed_us + PENDING_MS * US_PER_MS;
	CHECK(log_due_ms(due_us) < 0);
	stopped_us = due_us - 1;
	keep_call("second\n");
	expect_log("first\n");
	CHECK(log_due_ms(flushed_us) == PENDING_MS);
	CHECK(log_due_ms(due_us - 1) == 1 && log_due_ms(due_us) == 0);
	stopped_us = due_us;
	keep_call("third\n");
	expect_log("first\nsecond\nthird\n");
	CHECK(log_due_ms(due_us) < 0);
}

static void lines_wait_for_20_ms_after_those_before(void **state)
{
	(void)state;
	in_child(due);
}

/* By less than a second: another thread may have written since this one looked at the clock. */
static void set_back(void)
{
	begin();
	uint64_t flushed_us = stopped_us;
	stopped_us = flushed_us - US_PER_S + 1;
	keep_call("second\n");
	expect_log("first\n");
	CHECK(log_due_ms(stopped_us) == PENDING_MS);
	stopped_us = flushed_us - US_PER_S;
	CHECK(log_due_ms(stopped_us) == 0);
	keep_call("third\n");
	expect_log("first\nsecond\nthird\n");
}

static void no_line_waits_for_a_clock_that_was_set_back(void **state)
{
	(void)state;
	in_child(set_back);
}

/* By processes that were killed since this one opened the log. */
static void left_since(void)
{
	uint64_t looked_us = clock_wall_us();
	stopped_us = looked_us;
	begin();
	leave("left\n", 0);
	stopped_us = looked_us + 10 * US_PER_S - 1;
	keep_call("second\n");
	expect_log("first\nsecond\n");
	CHECK(is_left());
	stopped_us = looked_us + 10 * US_PER_S;
	keep_call("third\n");
	expect_log("first\nsecond\nthird\nleft\n");
	CHECK(!is_left());
}

static void what_others_left_is_looked_for_every_ten_seconds(void **state)
{
	(void)state;
	in_child(left_since);
}

static void *keep_two(void *lane)
{
	struct self self = self_now();
	*(struct lane **)lane = lane_of(&self);
	keep_call("thread\n");
	keep_call("thread\n");
	return NULL;
}

/* Where no other thread writes: its lines are this one's to look after. */
static void of_another_lane(void)
{
	struct self self = self_now();
	struct lane *lane = NULL;
	begin();
	do {
		pthread_t thread;
		log_flush();
		stopped_us = atomic_load(&lanes_flushed_us);
		CHECK(pthread_create(&thread, NULL, keep_two, &lane) == 0);
		pthread_join(thread, NULL);
	} while (lane == lane_of(&self));
	CHECK(log_due_ms(stopped_us) == PENDING_MS);
	log_flush();
	CHECK(log_due_ms(stopped_us) < 0);
}

static void lines_of_a_thread_that_has_ended_are_due(void **state)
{
	(void)state;
	in_child(of_another_lane);
}

/* A thread that does not come back is at it: its lines are for the next process that opens the log. */
static void held_at_exit(void)
{
	char path[256];
	begin();
	keep_call("second\n");
	atomic_store(&lanes->holder, 1);
	log_exiting();
	expect_log("first\n");
	pending_name(path, getpid());
	CHECK(file_is(path, "second\n"));
}

static void lines_that_cannot_be_had_at_exit_are_left_behind(void **state)
{
	(void)state;
	in_child(held_at_exit);
}

/* By children that gave up their rights. */
static void left_by_children(void)
{
	begin();
	keep_call("second\n");
	leave("left\n", 0);
	log_exiting();
	expect_log("first\nsecond\nleft\n");
	CHECK(!is_left());
}

static void what_others_left_is_looked_for_at_exit(void **state)
{
	(void)state;
	in_child(left_by_children);
}

static void not_executed(void)
{
	char path[256];
	begin();
	keep_call("second\n");
	log_before_exec();
	expect_log("first\nsecond\n");
	pending_name(path, getpid());
	CHECK(access(path, F_OK) != 0);
	keep_call("third\n");
	stopped_us = atomic_load(&lanes_flushed_us);
	keep_call("fourth\n");
	CHECK(file_is(path, "fourth\n"));
}

static void lines_wait_again_where_exec_failed(void **state)
{
	(void)state;
	in_child(not_executed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		TEST(lines_wait_together),
		TEST(what_was_written_no_longer_waits),
		TEST(signals_that_were_blocked_are_afterwards_and_no_others),
		TEST(lines_that_have_no_more_room_are_written),
		TEST(lines_wait_for_20_ms_after_those_before),
		TEST(no_line_waits_for_a_clock_that_was_set_back),
		TEST(what_others_left_is_looked_for_every_ten_seconds),
		TEST(lines_of_a_thread_that_has_ended_are_due),
		TEST(lines_that_cannot_be_had_at_exit_are_left_behind),
		TEST(what_others_left_is_looked_for_at_exit),
		TEST(lines_wait_again_where_exec_failed),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
