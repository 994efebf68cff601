#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "why/schedule.h"

static const char *syn(struct evidence e)
{
	static char room[2048];
	struct text text = text_in(room, sizeof room);
	schedule_write_syn(&text, &e);
	assert_false(text.cut);
	return room;
}

static void seconds_follow_the_retries(void **state)
{
	(void)state;
	/* tcp(7): tcp_syn_retries 6 is 127 s without linear time-outs, 131 s with four of them. */
	assert_int_equal(schedule_syn_seconds(6, 0), 127);
	assert_int_equal(schedule_syn_seconds(6, 4), 131);
	assert_int_equal(schedule_syn_seconds(5, 0), 63);
	assert_int_equal(schedule_syn_seconds(1, 0), 3);
	assert_int_equal(schedule_syn_seconds(1, 1), 4);
	assert_int_equal(schedule_syn_seconds(0, 0), 1);
}

static void few_retries_end_by_time_before_the_linear_waits_are_over(void **state)
{
	(void)state;
	/* Linux 6.18: SYNs at 0, 1 and 2 s, ETIMEDOUT at 3 s; and SYNs until 5 s, ETIMEDOUT at 7 s. */
	assert_int_equal(schedule_syn_seconds(1, 4), 3);
	assert_int_equal(schedule_syn_seconds(2, 4), 7);
	assert_int_equal(schedule_syn_seconds(3, 4), 19);
	assert_string_equal(
		syn((struct evidence){.syn_retries = 1, .syn_linear_timeouts = 4}),
		"the kernel waits 1+1+1 s = 3 s (tcp_syn_retries 1, tcp_syn_linear_timeouts 4)");
}

static void no_wait_is_longer_than_the_kernels_longest(void **state)
{
	(void)state;
	/* TCP_RTO_MAX is 120 s: from the eighth step on. */
	assert_int_equal(schedule_syn_seconds(7, 0), 127 + 120);
	assert_int_equal(schedule_syn_seconds(9, 0), 127 + 3 * 120);
	assert_true(schedule_syn_seconds(127, 127) > 0);
}

static void schedule_is_written_with_its_limits(void **state)
{
	(void)state;
	assert_string_equal(
		syn((struct evidence){.syn_retries = 6, .syn_linear_timeouts = 4}),
		"the kernel waits 1+1+1+1+1+2+4+8+16+32+64 s = 131 s (tcp_syn_retries 6, "
		"tcp_syn_linear_timeouts 4)");
	assert_string_equal(syn((struct evidence){.syn_retries = 6, .syn_linear_timeouts = 0}),
			    "the kernel waits 1+2+4+8+16+32+64 s = 127 s (tcp_syn_retries 6)");
	/* A kernel before 6.5 does not know linear time-outs. */
	assert_string_equal(syn((struct evidence){.syn_retries = 1, .syn_linear_timeouts = -1}),
			    "the kernel waits 1+2 s = 3 s (tcp_syn_retries 1)");
}

static void long_schedule_is_cut_and_still_summed_up(void **state)
{
	(void)state;
	assert_string_equal(
		syn((struct evidence){.syn_retries = 127, .syn_linear_timeouts = 0}),
		"the kernel waits 1+2+4+8+16+32+64+120+120+120+120+120+120+120+120+120+...+120 s "
		"= 14647 s (tcp_syn_retries 127)");
}

static void what_the_program_set_comes_first(void **state)
{
	(void)state;
	assert_string_equal(syn((struct evidence){.syn_retries = 6, .syn_retries_set = 2}),
			    "the kernel waits 1+2+4 s = 7 s (TCP_SYNCNT 2)");
	assert_string_equal(syn((struct evidence){.syn_retries = 2, .syn_retries_set = 2}),
			    "the kernel waits 1+2+4 s = 7 s (tcp_syn_retries 2)");
	assert_non_null(strstr(syn((struct evidence){.syn_retries = 1, .user_timeout_ms = 1500}),
			       ", cut short by TCP_USER_TIMEOUT 1.5 s)"));
}

static void limits_that_cannot_be_read_are_not_made_up(void **state)
{
	(void)state;
	assert_string_equal(syn((struct evidence){.syn_retries = -1, .syn_linear_timeouts = -1}),
			    "the kernel's limits could not be read");
	char room[100];
	struct text text = text_in(room, sizeof room);
	schedule_write_retries2(&text, &(struct evidence){.retries2 = -1});
	assert_string_equal(room, "");
	schedule_write_retries2(&text, &(struct evidence){.retries2 = 15, .rto_max_ms = -1});
	assert_string_equal(room,
			    " (the kernel gives up after 15 min 25 s or more: tcp_retries2 is 15)");
	text_rewind(&text, 0);
	schedule_write_retries2(&text,
				&(struct evidence){.retries2 = 15, .user_timeout_ms = 30000});
	assert_string_equal(room, " (the kernel gives up after TCP_USER_TIMEOUT, 30 s)");
}

static void retransmissions_end_after_the_kernels_time(void **state)
{
	(void)state;
	assert_int_equal(schedule_retransmission_ms(0, -1), 200);
	assert_int_equal(schedule_retransmission_ms(2, 120000), 1400);
	/* The 924.6 s of tcp(7). */
	assert_int_equal(schedule_retransmission_ms(15, -1), 924600);
	assert_int_equal(schedule_retransmission_ms(15, 1000), 200 + 400 + 800 + 13 * 1000);
	assert_true(schedule_retransmission_ms(INT64_MAX, 120000) > 0);
}

static const char *idle(int64_t gap_ms)
{
	static char room[200];
	struct text text = text_in(room, sizeof room);
	schedule_write_idle_limit(&text, gap_ms);
	return room;
}

static void longest_idle_limit_below_a_silence_is_named(void **state)
{
	(void)state;
	assert_string_equal(idle(0), "");
	assert_string_equal(idle(4999), "");
	assert_non_null(strstr(idle(5000), "the 5 s of Node"));
	assert_non_null(strstr(idle(59999), "the 5 s of Node"));
	assert_non_null(strstr(idle(60000), "the 60 s of an AWS ALB"));
	assert_non_null(strstr(idle(240000), "the 240 s of the Azure load balancer"));
	assert_non_null(strstr(idle(355000), "the 350 s of an AWS NLB"));
	assert_non_null(strstr(idle(28799999), "the 900 s of Linux IPVS"));
	assert_non_null(strstr(idle(INT64_MAX), "the 28800 s of MySQL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_follow_the_retries),
		cmocka_unit_test(few_retries_end_by_time_before_the_linear_waits_are_over),
		cmocka_unit_test(no_wait_is_longer_than_the_kernels_longest),
		cmocka_unit_test(schedule_is_written_with_its_limits),
		cmocka_unit_test(long_schedule_is_cut_and_still_summed_up),
		cmocka_unit_test(what_the_program_set_comes_first),
		cmocka_unit_test(limits_that_cannot_be_read_are_not_made_up),
		cmocka_unit_test(retransmissions_end_after_the_kernels_time),
		cmocka_unit_test(longest_idle_limit_below_a_silence_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
