/* refuse and unreachable: a connect that fails at once, by the kernel's own doing. */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct family {
	int family;
	const char *socket;
	const char *address;
};

static const struct family families[] = {
	{AF_INET, "socket4", "127.0.0.1"},
	{AF_INET6, "socket6", "::1"},
};

/** An actor with one rule, a listener that must never hear of it, and a capture. */
struct attempt {
	struct actor a;
	struct capture wire;
	int listener;
	uint16_t port;
};

static void attempt_with_rule(struct attempt *t, const struct family *f, const char *rule)
{
	char rules[128];
	snprintf(rules, sizeof rules, "RESETBY_RULES=%s", rule);
	t->listener = peer_listen(f->family, &t->port);
	actor_start(&t->a, (const char *[]){rules, "RESETBY_SEED=77", NULL});
	capture_open(&t->wire, "lo");
}

static void attempt_end(struct attempt *t)
{
	/* Not one segment went to where the program wanted to go. */
	assert_int_equal(capture_count(&t->wire, (struct match){.to_port = t->port}), 0);
	assert_int_equal(peer_poll(t->listener, POLLIN, 0), 0);
	assert_int_equal(actor_stop(&t->a), 0);
	capture_close(&t->wire);
}

static void told(struct attempt *t, const char *errno_name, const char *by)
{
	const char *line = log_find(&t->a, "inject", 0);
	assert_non_null(strstr(json_get(line, "by"), by));
	const char *error = log_find(&t->a, "error", 0);
	assert_string_equal(json_get(error, "cause"), "injected");
	assert_string_equal(json_get(error, "errno"), errno_name);
	assert_string_equal(json_get(error, "case"), "none");
	assert_int_equal(log_count(&t->a, "error"), 1);
}

static void a_refused_connect_is_answered_by_a_real_rst(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct attempt t;
		attempt_with_rule(&t, &families[f], "refuse");
		actor_do(&t.a, "%s s0", families[f].socket);
		assert_string_equal(actor_do(&t.a, "connect s0 %s %u", families[f].address, t.port),
				    "-1 ECONNREFUSED");
		assert_true(capture_count(&t.wire, (struct match){.set = TH_RST}) > 0);
		assert_true(capture_count(&t.wire, (struct match){.set = TH_SYN, .clear = TH_ACK}) >
			    0);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - 0");
		told(&t, "ECONNREFUSED", "closed port on loopback");
		attempt_end(&t);
	}
}

static void at_says_so_where_there_is_no_address_yet(void **state)
{
	(void)state;
	struct attempt t;
	attempt_with_rule(&t, &families[0], "refuse at=127.0.0.1");
	actor_do(&t.a, "socket4 s0");
	assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port), "0 -");
	const char *warn = log_find(&t.a, "warn", 0);
	assert_string_equal(json_get(warn, "cause"), "rule-idle");
	assert_string_equal(json_get(warn, "rule"), "1 refuse at=127.0.0.1");
	assert_non_null(strstr(json_get(warn, "why"), "bound"));
	actor_do(&t.a, "socket4 s1");
	assert_string_equal(actor_do(&t.a, "bind s1 127.0.0.1 0"), "0 -");
	assert_string_equal(actor_do(&t.a, "connect s1 127.0.0.1 %u", t.port), "-1 ECONNREFUSED");
	assert_int_equal(log_count(&t.a, "warn"), 1);
	assert_int_equal(actor_stop(&t.a), 0);
	capture_close(&t.wire);
}

static void poll_and_so_error_agree_with_a_refusal(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct attempt t;
		attempt_with_rule(&t, &families[f], "refuse");
		actor_do(&t.a, "%s s0 nonblock", families[f].socket);
		assert_string_equal(actor_do(&t.a, "connect s0 %s %u", families[f].address, t.port),
				    "-1 EINPROGRESS");
		assert_non_null(strstr(actor_do(&t.a, "poll s0 out 5000"), "err"));
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - ECONNREFUSED");
		told(&t, "ECONNREFUSED", "closed port on loopback");
		attempt_end(&t);
	}
}

static void an_unreachable_connect_fails_at_once_and_sends_nothing(void **state)
{
	static const struct {
		const char *rule, *error;
	} ways[] = {
		{"unreachable", "EHOSTUNREACH"},
		{"unreachable=host", "EHOSTUNREACH"},
		{"unreachable=net", "ENETUNREACH"},
	};
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		const struct family *f = &families[i % 2];
		struct attempt t;
		char expected[32];
		attempt_with_rule(&t, f, ways[i / 2].rule);
		/* Blocking and not: a route that is missing is missed at once. */
		actor_do(&t.a, "%s s0 %s", f->socket, i % 2 ? "nonblock" : "");
		snprintf(expected, sizeof expected, "-1 %s", ways[i / 2].error);
		assert_string_equal(actor_do(&t.a, "connect s0 %s %u", f->address, t.port),
				    expected);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - 0");
		assert_int_equal(capture_count(&t.wire, (struct match){.set = TH_SYN}), 0);
		told(&t, ways[i / 2].error, "multicast address");
		const char *by = json_get(log_find(&t.a, "inject", 0), "by");
		bool renamed = strstr(by, "its ENETUNREACH is told as EHOSTUNREACH") != NULL;
		assert_int_equal(renamed, strcmp(ways[i / 2].error, "EHOSTUNREACH") == 0);
		attempt_end(&t);
	}
}

static void route(const char *how)
{
	assert_int_equal(system(lab_text("ip route %s default via " SECOND_ADDR
					 " && ip -6 route %s default via " SECOND_ADDR6,
					 how, how)),
			 0);
}

/** Not by a default route either: the kernel has its own reason. */
static void where_a_route_leads_everywhere_nothing_is_sent(void **state)
{
	(void)state;
	lab_second_host();
	route("add");
	struct capture cable;
	capture_open(&cable, "cable");
	for (size_t i = 0; i < 2; i++) {
		struct attempt t;
		attempt_with_rule(&t, &families[i], "unreachable=net");
		actor_do(&t.a, "%s s0", families[i].socket);
		assert_string_equal(actor_do(&t.a, "connect s0 %s %u", families[i].address, t.port),
				    "-1 ENETUNREACH");
		assert_int_equal(capture_count(&cable, (struct match){.set = TH_SYN}), 0);
		attempt_end(&t);
	}
	capture_close(&cable);
	route("del");
}

/** One that the rule had no part in is told as the kernel says it. */
static void a_route_that_is_missing_is_told_by_its_own_number(void **state)
{
	(void)state;
	struct attempt t;
	attempt_with_rule(&t, &families[0], "unreachable times=1");
	actor_do(&t.a, "socket4 s0");
	assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port), "-1 EHOSTUNREACH");
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(actor_do(&t.a, "connect s0 192.0.2.1 80"), "-1 ENETUNREACH");
	}
	assert_int_equal(log_count(&t.a, "inject"), 1);
	attempt_end(&t);
}

/** The connect goes its way, to the other host. */
static void a_refusal_that_cannot_be_had_is_told(void **state)
{
	(void)state;
	lab_second_host();
	for (size_t i = 0; i < 2; i++) {
		struct attempt t;
		attempt_with_rule(&t, &families[0], "refuse");
		actor_do(&t.a, "socket4 s0");
		if (i == 0) {
			assert_string_equal(actor_do(&t.a, "setsockopt s0 device cable"), "0 -");
		} else {
			assert_int_equal(system("ip link set lo down"), 0);
		}
		assert_string_equal(actor_do(&t.a, "connect s0 " SECOND_ADDR " 9"),
				    "-1 ECONNREFUSED");
		const char *warn = log_find(&t.a, "warn", 0);
		assert_string_equal(json_get(warn, "cause"), "rule-idle");
		assert_string_equal(json_get(warn, "rule"), "1 refuse");
		assert_non_null(strstr(json_get(warn, "why"),
				       i == 0 ? "bound to a device" : "no loopback here"));
		assert_string_equal(json_get(log_find(&t.a, "error", 0), "cause"), "refused");
		assert_int_equal(log_count(&t.a, "inject"), 0);
		if (i == 1) {
			assert_int_equal(system("ip link set lo up"), 0);
		}
		attempt_end(&t);
	}
}

/** What was said of the connect is what happens: no other rule makes something else of it. */
static void of_rules_that_send_a_connect_elsewhere_one_does(void **state)
{
	static const struct {
		const char *rules, *error, *by;
	} cases[] = {
		{"unreachable=net; refuse", "ECONNREFUSED", "closed port on loopback"},
		{"refuse; connect-timeout=100ms", "ETIMEDOUT", "queue is full"},
		{"connect-timeout=100ms; unreachable", "ETIMEDOUT", "queue is full"},
		{"connect-timeout=100ms prob=0%; unreachable=net", "ENETUNREACH", "multicast"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct attempt t;
		attempt_with_rule(&t, &families[i % 2], cases[i].rules);
		actor_do(&t.a, "%s s0", families[i % 2].socket);
		assert_string_equal(
			actor_do(&t.a, "connect s0 %s %u", families[i % 2].address, t.port),
			lab_text("-1 %s", cases[i].error));
		told(&t, cases[i].error, cases[i].by);
		assert_int_equal(log_count(&t.a, "inject"), 1);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 user_timeout"), "0 - 0");
		attempt_end(&t);
	}
}

static void the_socket_can_be_connected_afterwards(void **state)
{
	static const char *const rules[] = {"refuse times=1", "unreachable times=1",
					    "unreachable=net times=1"};
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		const struct family *f = &families[i % 2];
		struct attempt t;
		attempt_with_rule(&t, f, rules[i / 2]);
		actor_do(&t.a, "%s s0", f->socket);
		actor_do(&t.a, "connect s0 %s %u", f->address, t.port);
		assert_string_equal(actor_do(&t.a, "connect s0 %s %u", f->address, t.port), "0 -");
		int peer = peer_accept(t.listener);
		assert_string_equal(actor_do(&t.a, "send s0 3"), "3 -");
		peer_recv(peer, 3);
		assert_int_equal(log_count(&t.a, "error"), 1);
		assert_int_equal(actor_stop(&t.a), 0);
		capture_close(&t.wire);
	}
}

/** Which only ends the attempt before: the kernel sends nothing, and a rule has nothing to do. */
static void a_connect_after_the_error_was_taken_is_no_other_connection(void **state)
{
	(void)state;
	struct attempt t;
	attempt_with_rule(&t, &families[0], "refuse conn=1..2");
	actor_do(&t.a, "socket4 s0 nonblock");
	for (unsigned i = 1; i <= 2; i++) {
		actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port);
		assert_string_equal(actor_do(&t.a, "poll s0 out 20000"), "1 - out err hup");
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - ECONNREFUSED");
		assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port),
				    "-1 ECONNABORTED");
		assert_int_equal(log_count(&t.a, "inject"), i);
	}
	attempt_end(&t);
}

static void what_is_accepted_is_no_connect_of_a_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, (struct situation){.family = families[i].family, .server = true},
			  (const char *[]){"RESETBY_RULES=refuse conn=1", NULL});
		actor_do(&p.a, "%s s1", families[i].socket);
		assert_string_equal(
			actor_do(&p.a, "connect s1 %s %u", families[i].address, p.listen_port),
			"-1 ECONNREFUSED");
		pair_close(&p);
	}
}

LAB_MAIN(LAB_TEST(a_refused_connect_is_answered_by_a_real_rst),
	 LAB_TEST(at_says_so_where_there_is_no_address_yet),
	 LAB_TEST(poll_and_so_error_agree_with_a_refusal),
	 LAB_TEST(an_unreachable_connect_fails_at_once_and_sends_nothing),
	 LAB_TEST(where_a_route_leads_everywhere_nothing_is_sent),
	 LAB_TEST(a_route_that_is_missing_is_told_by_its_own_number),
	 LAB_TEST(a_refusal_that_cannot_be_had_is_told),
	 LAB_TEST(of_rules_that_send_a_connect_elsewhere_one_does),
	 LAB_TEST(the_socket_can_be_connected_afterwards),
	 LAB_TEST(a_connect_after_the_error_was_taken_is_no_other_connection),
	 LAB_TEST(what_is_accepted_is_no_connect_of_a_count))
