/* Which requests may be sent again: methods, marks, and what the rules choose. */

#include "lab_retry.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** The request that the server has is sent again after its reset, and answered. */
static void expect_retried_now(struct pair *p, const char *request)
{
	unsigned lines = log_count(&p->a, "retry");
	retry_ask_in_vain(p, request);
	retry_expect_answered(p, request);
	retry_expect_lines(p, lines + 1);
	retry_expect_retried(p, lines, 1, strlen(request));
}

/** It is not, and no rule says a word. */
static void expect_left_alone(struct pair *p, const char *request)
{
	retry_ask_in_vain(p, request);
	assert_string_equal(actor_do(&p->a, "recv s0 1000"), RESET);
	retry_expect_lines(p, 0);
	retry_expect_dead(p);
	retry_expect_nobody(p);
	pair_close(p);
}

static void idempotent_methods_are_retried(void **state)
{
	static const char *const requests[] = {
		GET,
		"OPTIONS * HTTP/1.1\r\nHost: lab\r\n\r\n",
		"TRACE / HTTP/1.1\r\nHost: lab\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: lab\r\nContent-Length: 4\r\n\r\nbody",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"DELETE / HTTP/1.1\r\nHost: lab\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nIdempotency-Key: 7\r\nContent-Length: 4\r\n\r\nbody",
		"PATCH / HTTP/1.1\r\nidempotency-key: \"8\"\r\nContent-Length: 0\r\n\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry", NULL);
		expect_retried_now(&p, requests[i]);
		expect_retried_now(&p, requests[i]);
		pair_close(&p);
	}
}

/** The answer to HEAD has a length and no body. */
static void a_head_request_ends_with_the_head_of_its_answer(void **state)
{
	static const char request[] = "HEAD / HTTP/1.1\r\nHost: lab\r\n\r\n";
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	for (unsigned i = 0; i < 2; i++) {
		retry_ask_in_vain(&p, request);
		actor_send(&p.a, "recv s0 1000");
		retry_accept(&p);
		retry_expect_text(&p, request);
		peer_send(p.peer, answer);
		assert_string_equal(actor_result(&p.a), retry_text(answer));
		retry_expect_retried(&p, i, 1, strlen(request));
	}
	pair_close(&p);
}

/** A request of several writes, and an answer of several reads. */
static void a_request_may_come_in_pieces(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_send(&p, "PUT /page HT");
	retry_send(&p, "TP/1.1\r\nContent-Length: 8\r\n");
	retry_send(&p, "\r\nbo");
	peer_recv(p.peer, 12 + 27 + 4);
	pair_abort_peer(&p);
	actor_send(&p.a, "sendtext s0 dy");
	retry_accept(&p);
	assert_string_equal(actor_result(&p.a), "2 -");
	retry_send(&p, "more");
	retry_expect_text(&p, "PUT /page HTTP/1.1\r\nContent-Length: 8\r\n\r\nbodymore");
	peer_send(p.peer, ANSWER);
	for (const char *at = ANSWER; *at; at++) {
		char one[2] = {*at, 0};
		assert_string_equal(actor_do(&p.a, "recv s0 1"), retry_text(one));
	}
	retry_expect_lines(&p, 1);
	expect_retried_now(&p, GET);
	pair_close(&p);
}

static void a_rule_marks_any_protocol(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent", NULL);
	expect_retried_now(&p, "LOOKUP 17\n");
	expect_retried_now(&p, POST);
	pair_close(&p);
}

static void a_mark_may_depend_on_how_the_request_starts(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent starts=LOOK", NULL);
	expect_retried_now(&p, "LOOKUP 17\n");
	retry_ask_in_vain(&p, "CHANGE 17\n");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_lines(&p, 2);
	assert_string_equal(json_get(log_find(&p.a, "retry", 1), "did"), "refused");
	retry_expect_dead(&p);
	pair_close(&p);
}

static void a_program_marks_its_connection_and_takes_it_back(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	assert_string_equal(actor_do(&p.a, "mark_idempotent s0"), "0 -");
	expect_retried_now(&p, "LOOKUP 17\n");
	expect_retried_now(&p, POST);
	/* The mark is the descriptor's, and outlives a renewal. */
	expect_retried_now(&p, POST);
	assert_string_equal(actor_do(&p.a, "clear_idempotent s0"), "0 -");
	expect_retried_now(&p, GET);
	retry_ask_in_vain(&p, POST);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_lines(&p, 5);
	pair_close(&p);
}

static void a_mark_holds_for_every_name_and_needs_a_tcp_socket(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "mark_idempotent s1"), "0 -");
	expect_retried_now(&p, POST);
	assert_string_equal(actor_do(&p.a, "mark_idempotent 0"), "-1 EBADF");
	assert_string_equal(actor_do(&p.a, "mark_idempotent 99"), "-1 EBADF");
	pair_close(&p);
}

static void a_mark_alone_retries_nothing(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "idempotent", NULL);
	assert_string_equal(actor_do(&p.a, "mark_idempotent s0"), "0 -");
	expect_left_alone(&p, GET);
}

static void rules_choose_by_how_the_request_starts(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry starts=\"GET /p\"", NULL);
	expect_retried_now(&p, GET);
	pair_close(&p);
	retry_open(&p, client_situation, "retry starts=\"GET /p\"", NULL);
	expect_left_alone(&p, "GET /other HTTP/1.1\r\nHost: lab\r\n\r\n");
}

static void rules_choose_by_address_side_and_chance(void **state)
{
	static const char *const rules[] = {"retry to=:1",       "retry to=10.0.0.0/8",
					    "retry side=server", "retry prob=0%",
					    "retry exe=other",   "retry conn=2"};
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, rules[i], NULL);
		expect_left_alone(&p, GET);
	}
	struct pair p;
	retry_open(&p, client_situation,
		   "retry to=127.0.0.0/8 side=client prob=100% exe=act* conn=1", NULL);
	expect_retried_now(&p, GET);
	/* The new connection is the process's second, and holds on to the rule. */
	expect_retried_now(&p, GET);
	pair_close(&p);
}

/** A request counts once, however often it is tried. */
static void times_counts_requests(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=2 times=2", NULL);
	expect_retried_now(&p, GET);
	retry_ask_in_vain(&p, GET);
	actor_send(&p.a, "recv s0 1000");
	retry_accept(&p);
	retry_expect_text(&p, GET);
	pair_abort_peer(&p);
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
	retry_expect_lines(&p, 3);
	retry_ask_in_vain(&p, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_lines(&p, 3);
	retry_expect_dead(&p);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(idempotent_methods_are_retried),
	 LAB_TEST(a_head_request_ends_with_the_head_of_its_answer),
	 LAB_TEST(a_request_may_come_in_pieces), LAB_TEST(a_rule_marks_any_protocol),
	 LAB_TEST(a_mark_may_depend_on_how_the_request_starts),
	 LAB_TEST(a_program_marks_its_connection_and_takes_it_back),
	 LAB_TEST(a_mark_holds_for_every_name_and_needs_a_tcp_socket),
	 LAB_TEST(a_mark_alone_retries_nothing), LAB_TEST(rules_choose_by_how_the_request_starts),
	 LAB_TEST(rules_choose_by_address_side_and_chance), LAB_TEST(times_counts_requests))
