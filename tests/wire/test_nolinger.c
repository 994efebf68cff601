/* nolinger: the program sets SO_LINGER {1,0}, sees it set, and its close sends a FIN all the same. */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** An actor with a socket of the family in s0, and a listener to connect it to. */
static void start(struct pair *p, int family, bool nonblocking, const char *rules)
{
	*p = (struct pair){.how = {family, false, nonblocking}, .peer = -1};
	capture_open(&p->wire, "lo");
	p->listener = peer_listen(family, &p->listen_port);
	actor_start(&p->a, (const char *[]){rules, "RESETBY_LEVEL=conns", NULL});
	actor_do(&p->a, "socket%c s0%s", family == AF_INET ? '4' : '6',
		 nonblocking ? " nonblock" : "");
}

static void connect_it(struct pair *p)
{
	actor_do(&p->a, "connect s0 %s %u", loopback(p->how.family), p->listen_port);
	assert_string_equal(actor_do(&p->a, "poll s0 out 20000"), "1 - out");
	p->peer = peer_accept(p->listener);
	p->peer_port = peer_port(p->peer);
	p->actor_port = peer_remote_port(p->peer);
}

static void set_after_connect_the_close_sends_a_fin(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "nolinger");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - off 0");
		assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - on 0");
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		/* What was written arrives whole. */
		assert_int_equal(pair_expect_fin(&p), 5);
		pair_expect_told(&p, "mitigate", 0, "1 nolinger",
				 "SO_LINGER {1,0} accepted and not applied");
		assert_int_equal(log_count(&p.a, "mitigate"), 1);
		assert_int_equal(log_count(&p.a, "error"), 0);
		assert_int_equal(log_count(&p.a, "inject"), 0);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "fin");
		pair_close(&p);
	}
}

static void without_the_rule_the_close_resets(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		const char *line = log_find(&p.a, "error", 0);
		assert_string_equal(json_get(line, "cause"), "closed-linger0");
		assert_string_equal(json_get(line, "op"), "close");
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
		pair_close(&p);
	}
}

static void set_before_connect_it_is_taken_off(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct pair p;
		start(&p, i & 1 ? AF_INET6 : AF_INET, i & 2, "RESETBY_RULES=nolinger");
		assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
		connect_it(&p);
		assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - on 0");
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(pair_expect_fin(&p), 5);
		pair_expect_told(&p, "mitigate", 0, "1 nolinger", "SO_LINGER {1,0}");
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

static void set_on_a_listener_it_is_taken_off_what_is_accepted(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		if (!how->server) {
			continue;
		}
		pair_with_rule(&p, *how, "nolinger");
		assert_string_equal(actor_do(&p.a, "setsockopt s9 linger on 0"), "0 -");
		actor_do(&p.a, "close s0");
		pair_again(&p);
		assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - on 0");
		assert_string_equal(actor_do(&p.a, "getsockopt s9 linger"), "0 - on 0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_fin(&p);
		pair_expect_told(&p, "mitigate", 0, "1 nolinger", "SO_LINGER {1,0}");
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

/** Any other value of the option is the program's, and undoes what was hidden. */
static void other_values_are_applied(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, client_situation, "nolinger");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 3"), "0 -");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - on 3");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger off 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - off 3");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - on 0");
	/* Other options of a connection with a hidden one are told as they are. */
	assert_string_equal(actor_do(&p.a, "getsockopt s0 keepalive"), "0 - 0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	pair_close(&p);
}

/** A linger that was on with a time before does not stay in force under the hidden one. */
static void a_time_set_before_does_not_linger_on(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, client_situation, "nolinger");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 20"), "0 -");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	/* Unsent bytes: a close that lingers would block for as long as the peer does not read. */
	assert_true(actor_number(actor_do(&p.a, "send s0 30000000 dontwait")) > 0);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_true(actor_number(actor_do(&p.a, "time")) < 15000);
	assert_false(pair_sent_rst(&p));
	pair_close_peer(&p);
	pair_close(&p);
}

static void times_and_side_choose(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, client_situation, "nolinger times=1");
	for (int i = 0; i < 2; i++) {
		if (i == 1) {
			pair_again(&p);
		}
		assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		if (i == 0) {
			pair_expect_fin(&p);
		} else {
			pair_expect_rst(&p);
		}
	}
	pair_close(&p);
	pair_with_rule(&p, client_situation, "nolinger side=server");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_close(&p);
}

static void the_end_of_the_process_sends_a_fin(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "nolinger");
		assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
		assert_string_equal(actor_do(&p.a, "exit 0"), "exited 0");
		pair_expect_fin(&p);
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

/** The two rules that contradict each other: the fault comes out. */
static void linger0_beats_nolinger(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, client_situation, "nolinger;linger0");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_expect_told(&p, "mitigate", 0, "1 nolinger", "not applied");
	pair_expect_told(&p, "inject", 0, "2 linger0", "SO_LINGER {1,0}");
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(set_after_connect_the_close_sends_a_fin),
	 LAB_TEST(without_the_rule_the_close_resets), LAB_TEST(set_before_connect_it_is_taken_off),
	 LAB_TEST(set_on_a_listener_it_is_taken_off_what_is_accepted),
	 LAB_TEST(other_values_are_applied), LAB_TEST(a_time_set_before_does_not_linger_on),
	 LAB_TEST(times_and_side_choose), LAB_TEST(the_end_of_the_process_sends_a_fin),
	 LAB_TEST(linger0_beats_nolinger))
