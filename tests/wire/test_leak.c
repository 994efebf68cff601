/* leak: close returns, and the socket stays open behind it. */

#include "lab_pair.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_leaked_close_sends_nothing_until_exit(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "leak");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "-1 EBADF");
		pair_expect_open(&p);
		/* The peer closes, and hangs in FIN_WAIT_2: nobody answers. */
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		tcp_wait_state(p.peer, TCP_FIN_WAIT2);
		pair_expect_told(&p, "inject", 0, "1 leak", "until the process ends");
		/* It is over for the program, and not for the peer. */
		assert_null(json_get(log_find(&p.a, "close", 0), "end"));
		assert_int_equal(actor_stop(&p.a), 0);
		tcp_wait_state(p.peer, TCP_CLOSE);
		assert_true(pair_sent_fin(&p));
		assert_false(pair_sent_rst(&p));
		close(p.peer);
		capture_close(&p.wire);
	}
}

/** The next program has nothing of it. */
static void a_leak_ends_at_exec(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "leak");
	actor_do(&p.a, "udp4 s1");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_open(&p);
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	assert_int_equal(pair_expect_fin(&p), 0);
	pair_close(&p);
}

/** Like any descriptor that nobody closes. */
static void a_child_inherits_a_leak(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "leak");
	actor_do(&p.a, "udp4 s1");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
	char *child =
		lab_read_file(lab_text("/proc/%d/task/%d/children", (int)p.a.pid, (int)p.a.pid));
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	pair_expect_open(&p);
	assert_int_equal(kill(atoi(child), SIGKILL), 0);
	assert_int_equal(pair_expect_fin(&p), 0);
	free(child);
	pair_close(&p);
}

/** What nobody has closed is closed there as ever. */
static void the_end_of_the_process_leaks_nothing(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "leak");
	assert_string_equal(actor_do(&p.a, "exit 0"), "exited 0");
	assert_int_equal(pair_expect_fin(&p), 0);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	pair_close(&p);
}

/** By a close like any other: with bytes that nobody has read it resets. */
static void a_leak_with_a_time_ends(void **state)
{
	(void)state;
	for (int unread = 0; unread <= 1; unread++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "leak=200ms");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_open(&p);
		pair_expect_told(&p, "inject", 0, "1 leak=200ms",
				 "the socket stays open under another descriptor for 200 ms");
		if (unread) {
			peer_send(p.peer, "unread");
		}
		/* It is ended at the program's own calls, whatever they are about. */
		for (int i = 0; i < 200 && peer_poll(p.peer, POLLIN, 0) == 0; i++) {
			actor_do(&p.a, "epoll_create s7");
			actor_do(&p.a, "epoll_wait s7 20");
			actor_do(&p.a, "close s7");
		}
		assert_int_equal(unread ? pair_expect_rst(&p) : pair_expect_fin(&p), 0);
		pair_close(&p);
	}
}

/** As Linux says it, though the wait is made in parts. */
static void a_select_beside_a_leak_says_what_is_left_of_its_time(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "leak=20s");
	assert_string_equal(actor_do(&p.a, "socketpair s1 s2"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "select s1 in left 1100"), "0 - 0.000000");
	pair_close(&p);
}

static void the_leaked_descriptor_does_not_exist_for_the_program(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "leak");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "closefrom 20"), "0 -");
	pair_expect_open(&p);
	pair_close(&p);
}

static void too_many_leaks_are_refused_aloud(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "leak");
	for (int i = 0; i < 64; i++) {
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(log_count(&p.a, "warn"), 0);
		pair_again(&p);
	}
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *warn = log_find(&p.a, "warn", 0);
	assert_string_equal(json_get(warn, "cause"), "rule-idle");
	assert_non_null(strstr(json_get(warn, "why"), "too many"));
	assert_int_equal(pair_expect_fin(&p), 0);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_leaked_close_sends_nothing_until_exit), LAB_TEST(a_leak_with_a_time_ends),
	 LAB_TEST(a_leak_ends_at_exec), LAB_TEST(a_child_inherits_a_leak),
	 LAB_TEST(the_end_of_the_process_leaks_nothing),
	 LAB_TEST(a_select_beside_a_leak_says_what_is_left_of_its_time),
	 LAB_TEST(the_leaked_descriptor_does_not_exist_for_the_program),
	 LAB_TEST(too_many_leaks_are_refused_aloud))
