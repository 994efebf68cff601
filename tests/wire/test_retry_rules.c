/* Retry with other rules: faults that one rule makes, and another survives. */

#include "lab_retry.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** The rule of the same process aborts the connection, and retry makes another. */
static void an_injected_reset_is_survived(void **state)
{
	static const char *const rules[] = {"reset times=1 when=read; retry",
					    "retry; reset times=1 when=read"};
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, rules[i], NULL);
		retry_ask(&p, GET);
		retry_expect_answered(&p, GET);
		assert_int_equal(log_count(&p.a, "inject"), 1);
		assert_string_equal(json_get(log_find(&p.a, "error", 0), "cause"), "injected");
		retry_expect_retried(&p, 0, 1, strlen(GET));
		retry_expect_lines(&p, 1);
		retry_exchange(&p, GET);
		retry_expect_nobody(&p);
		pair_close(&p);
	}
}

static void an_injected_reset_of_a_program_that_does_not_wait_is_survived(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "reset times=1 when=read; retry", NULL);
	retry_ask(&p, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	retry_expect_answered_after(&p, "poll s0 in 20000");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** On a write: of this one nothing had been sent, of the request before everything. */
static void a_reset_in_the_middle_of_a_request_is_survived(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "reset times=1 when=write after=1; retry; idempotent",
		   NULL);
	retry_ask(&p, "first half ");
	actor_send(&p.a, "sendtext s0 second half");
	retry_accept(&p);
	assert_string_equal(actor_result(&p.a), "11 -");
	retry_expect_text(&p, "first half second half");
	peer_send(p.peer, "done");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "4 - done");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** The first write after a silence is taken and lost: it is sent again. */
static void a_forgotten_flow_is_survived(void **state)
{
	static const struct situation hows[] = {{AF_INET, false, false}, {AF_INET, false, true}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		/* Neither the first exchange nor the last, however late they come. */
		retry_open(&p, hows[i], "idle-evict=300ms after=1 times=1; retry", NULL);
		retry_exchange(&p, POST);
		lab_let_pass(350);
		retry_send(&p, GET);
		assert_int_equal(log_count(&p.a, "inject"), 1);
		assert_int_equal(peer_drain(p.peer), 0);
		if (hows[i].nonblocking) {
			assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
			actor_send(&p.a, "poll s0 in 20000");
		} else {
			actor_send(&p.a, "recv s0 1000");
		}
		retry_serve(&p, GET);
		if (hows[i].nonblocking) {
			assert_string_equal(actor_result(&p.a), "1 - in");
			actor_send(&p.a, "recv s0 1000");
		}
		assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
		retry_expect_retried(&p, 0, 1, strlen(GET));
		retry_exchange(&p, GET);
		pair_close(&p);
	}
}

/** What a retry takes is not told under any number; what it refuses is. */
static void errno_changes_what_is_told(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; errno=ECONNRESET:EIO", NULL);
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	assert_int_equal(log_count(&p.a, "mitigate"), 0);
	retry_ask_in_vain(&p, POST);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EIO");
	retry_expect_lines(&p, 2);
	retry_expect_dead(&p);
	pair_close(&p);
}

/** The options that other rules set are set on the new connection too. */
static void options_of_other_rules_hold_after_a_retry(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; keepalive=7s/3s/2; user-timeout=9s", NULL);
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	assert_string_equal(actor_do(&p.a, "getsockopt s0 keepidle"), "0 - 7");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 9000");
	pair_close(&p);
}

/** Another actor is the server, whose rule resets. */
static void start_server(struct actor *server, const char *rule, uint16_t *port)
{
	char setting[200];
	snprintf(setting, sizeof(setting), "RESETBY_RULES=%s", rule);
	actor_start(server, (const char *[]){setting, NULL});
	actor_do(server, "socket4 s9");
	assert_string_equal(actor_do(server, "bind s9 127.0.0.1 0"), "0 -");
	assert_string_equal(actor_do(server, "listen s9"), "0 -");
	const char *name = actor_do(server, "getsockname s9");
	unsigned number;
	assert_int_equal(sscanf(name, "0 - 127.0.0.1:%u", &number), 1);
	*port = (uint16_t)number;
}

static void a_server_under_a_rule_is_survived(void **state)
{
	static const struct {
		const char *rule, *fault;
	} ways[] = {{"linger0 side=server", "close s0"}, {"reset side=server", "recv s0 1000"}};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct actor server;
		struct actor client;
		uint16_t port;
		char rule[100];
		snprintf(rule, sizeof(rule), "%s times=1", ways[i].rule);
		start_server(&server, rule, &port);
		actor_start(&client, (const char *[]){"RESETBY_RULES=retry side=client", NULL});
		actor_do(&client, "socket4 s0");
		assert_string_equal(actor_do(&client, "connect s0 127.0.0.1 %u", port), "0 -");
		actor_do(&server, "accept s9 s0");
		assert_int_equal(actor_number(actor_do(&client, "sendtext s0 GET / HTTP/1.1\\r\\n"
								"\\r\\n")),
				 18);
		if (i == 0) {
			assert_int_equal(actor_number(actor_do(&server, "recv s0 1000")), 18);
		}
		actor_do(&server, "%s", ways[i].fault);
		assert_int_equal(log_count(&server, "inject"), 1);
		actor_send(&client, "recv s0 1000");
		assert_int_equal(actor_number(actor_do(&server, "accept s9 s1")), 0);
		assert_string_equal(actor_do(&server, "recv s1 1000"),
				    "18 - GET / HTTP/1.1\\r\\n\\r\\n");
		actor_do(&server, "sendtext s1 HTTP/1.1 204 No Content\\r\\n\\r\\n");
		assert_string_equal(actor_result(&client),
				    "27 - HTTP/1.1 204 No Content\\r\\n\\r\\n");
		assert_int_equal(log_count(&client, "retry"), 1);
		assert_int_equal(actor_stop(&client), 0);
		assert_int_equal(actor_stop(&server), 0);
	}
}

static void an_idle_connection_that_a_rule_ended_is_not_the_peers_doing(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; reset when=write after=1 times=1", NULL);
	retry_exchange(&p, GET);
	/* It stays open, so that the peer ends nothing. */
	int before = dup(p.peer);
	actor_send(&p.a, "send s0 5");
	retry_accept(&p);
	assert_string_equal(actor_result(&p.a), "5 -");
	close(before);
	retry_expect_renewed(&p, 0);
	const char *by = json_get(log_find(&p.a, "retry", 0), "by");
	assert_non_null(strstr(by, "a rule had ended the idle connection"));
	pair_close(&p);
}

/** Where the reset is met says whether it is made good. */
static void when_says_at_which_calls_it_is_done(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry when=write", NULL);
	retry_ask_in_vain(&p, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_nobody(&p);
	retry_expect_lines(&p, 0);
	pair_close(&p);
	retry_open(&p, client_situation, "retry when=read; idempotent", NULL);
	retry_ask_in_vain(&p, "first half ");
	assert_string_equal(actor_do(&p.a, "sendtext s0 second half"), RESET);
	retry_expect_nobody(&p);
	retry_expect_lines(&p, 0);
	pair_close(&p);
}

/** At its first write, if the rule may act there and then. */
static void a_connection_is_not_replaced_before_the_rule_may(void **state)
{
	static const char *const rules[] = {"retry when=read", "retry after=1h", "retry after=1M"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		retry_open(&p, client_situation, rules[i], NULL);
		retry_exchange(&p, GET);
		pair_close_peer(&p);
		actor_do(&p.a, "poll s0 in 20000");
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		retry_expect_nobody(&p);
		retry_expect_lines(&p, 0);
		pair_close(&p);
	}
}

/** An idle connection is replaced for the request that is about to be sent, not for the last one. */
static void starts_means_the_request_to_come(void **state)
{
	static const struct {
		const char *rules, *last, *next;
		bool replaced;
	} cases[] = {
		{"retry starts=GET", GET, POST, false},
		{"retry starts=POST", GET, POST, true},
		{"retry; idempotent starts=PING", "PING\n", "INCR\n", false},
		{"retry; idempotent starts=PING", "INCR\n", "PING\n", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, cases[i].rules, NULL);
		retry_exchange(&p, cases[i].last);
		pair_close_peer(&p);
		actor_do(&p.a, "poll s0 in 20000");
		retry_send(&p, cases[i].next);
		if (cases[i].replaced) {
			retry_accept(&p);
			retry_expect_text(&p, cases[i].next);
			retry_expect_renewed(&p, 0);
		} else {
			retry_expect_nobody(&p);
		}
		retry_expect_lines(&p, cases[i].replaced);
		pair_close(&p);
	}
}

/** Each request that it lets be sent again takes one of its times, however often that is. */
static void idempotent_holds_for_as_many_requests_as_it_says(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=2; idempotent times=1", NULL);
	retry_ask_in_vain(&p, "question");
	actor_send(&p.a, "recv s0 1000");
	retry_accept(&p);
	retry_expect_text(&p, "question");
	pair_abort_peer(&p);
	retry_serve(&p, "question");
	assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
	retry_ask_in_vain(&p, "question");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_nobody(&p);
	retry_expect_lines(&p, 3);
	assert_string_equal(json_get(log_find(&p.a, "retry", 2), "did"), "refused");
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(an_injected_reset_is_survived),
	 LAB_TEST(an_injected_reset_of_a_program_that_does_not_wait_is_survived),
	 LAB_TEST(a_reset_in_the_middle_of_a_request_is_survived),
	 LAB_TEST(when_says_at_which_calls_it_is_done),
	 LAB_TEST(a_connection_is_not_replaced_before_the_rule_may),
	 LAB_TEST(starts_means_the_request_to_come), LAB_TEST(a_forgotten_flow_is_survived),
	 LAB_TEST(errno_changes_what_is_told), LAB_TEST(options_of_other_rules_hold_after_a_retry),
	 LAB_TEST(an_idle_connection_that_a_rule_ended_is_not_the_peers_doing),
	 LAB_TEST(idempotent_holds_for_as_many_requests_as_it_says),
	 LAB_TEST(a_server_under_a_rule_is_survived))
