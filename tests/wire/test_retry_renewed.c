/*
 * An idle connection that the peer has ended: replaced before the next request is sent, where that
 * is certain to lose nothing; and the end of file that comes in place of an answer.
 */

#include "lab_retry.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** The server ends the connection with a FIN, and goes on reading. */
static void send_fin(struct pair *p)
{
	shutdown(p->peer, SHUT_WR);
	assert_string_equal(actor_do(&p->a, "poll s0 rdhup 20000"), "1 - rdhup");
}

static void send_rst(struct pair *p)
{
	pair_abort_peer(p);
	assert_string_equal(actor_do(&p->a, "poll s0 20000"), "1 - err hup");
}

/** Nothing was sent on the connection that has ended, but the RST with which it was given up. */
static void expect_nothing_more(int old)
{
	assert_int_equal(peer_drain(old), 0);
	close(old);
}

/** Of the connection that has ended, once: who did it, and of a reset why. */
static void expect_end_told(struct pair *p, bool fin)
{
	assert_int_equal(log_count(&p->a, "error"), fin ? 0 : 1);
	assert_int_equal(log_count(&p->a, "close"), 1);
	const char *end = json_get(log_find(&p->a, "close", 0), "end");
	assert_string_equal(end, fin ? "peer-fin" : "peer-rst");
}

static void any_request_is_sent_once_over_a_new_connection(void **state)
{
	static const char *const requests[] = {GET, POST};
	static const struct situation hows[] = {{AF_INET, false, false}, {AF_INET, false, true}};
	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct pair p;
		const char *request = requests[i & 1];
		bool fin = i & 2;
		retry_open(&p, hows[i >> 2], "retry", NULL);
		retry_exchange(&p, request);
		if (fin) {
			send_fin(&p);
		} else {
			send_rst(&p);
		}
		int old = p.peer;
		p.peer = -1;
		retry_send(&p, request);
		retry_accept(&p);
		retry_expect_text(&p, request);
		peer_send(p.peer, ANSWER);
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(ANSWER));
		retry_expect_renewed(&p, 0);
		retry_expect_lines(&p, 1);
		expect_end_told(&p, fin);
		if (fin) {
			expect_nothing_more(old);
		}
		/* The next one needs no other. */
		retry_exchange(&p, POST);
		retry_expect_nobody(&p);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_string_equal(json_get(log_find(&p.a, "close", 1), "end"), "fin");
		pair_close(&p);
	}
}

/** The request is on the old connection, and no new one is made. */
static void expect_sent_on_the_old(struct pair *p, const char *request)
{
	retry_send(p, request);
	retry_expect_text(p, request);
	retry_expect_nobody(p);
	retry_expect_lines(p, 0);
	pair_close(p);
}

static void not_while_there_is_something_to_read(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	peer_send(p.peer, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	send_fin(&p);
	expect_sent_on_the_old(&p, POST);
}

static void not_while_an_answer_is_under_way(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	retry_ask(&p, GET);
	peer_send(p.peer, "HTTP/1.1 200 OK\r\n");
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1000")), 17);
	send_fin(&p);
	expect_sent_on_the_old(&p, GET);
}

static void not_where_the_protocol_is_unknown(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, "PING\n");
	peer_send(p.peer, "PONG\n");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "5 - PONG\\n");
	send_fin(&p);
	expect_sent_on_the_old(&p, "PING\n");
}

static void where_an_unknown_protocol_is_marked(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent", NULL);
	retry_ask(&p, "PING\n");
	peer_send(p.peer, "PONG\n");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "5 - PONG\\n");
	send_fin(&p);
	int old = p.peer;
	p.peer = -1;
	retry_send(&p, "PING\n");
	retry_accept(&p);
	retry_expect_text(&p, "PING\n");
	retry_expect_renewed(&p, 0);
	expect_nothing_more(old);
	pair_close(&p);
}

static void not_before_the_first_exchange(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	send_fin(&p);
	expect_sent_on_the_old(&p, GET);
}

static void not_after_an_end_that_the_program_has_read(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	send_fin(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
	expect_sent_on_the_old(&p, GET);
}

/** In whichever way: once it was told that the connection is over, no call goes on over another one. */
static void not_after_a_reset_that_the_program_was_told(void **state)
{
	static const char *const ways[][2] = {
		{"recv s0 1000", RESET},
		{"recv s0 1000 peek", RESET},
		{"getsockopt s0 error", "0 - ECONNRESET"},
	};
	static const struct situation hows[] = {{AF_INET, false, false}, {AF_INET, false, true}};
	(void)state;
	for (size_t i = 0; i < 12; i++) {
		struct pair p;
		size_t way = i >> 2;
		retry_open(&p, hows[i & 1], "retry; idempotent", NULL);
		if (i & 2) {
			retry_exchange(&p, GET);
		}
		send_rst(&p);
		assert_string_equal(actor_do(&p.a, "%s", ways[way][0]), ways[way][1]);
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
		retry_expect_nobody(&p);
		retry_expect_lines(&p, 0);
		pair_close(&p);
	}
}

static void not_after_the_program_has_shut_down(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	shutdown(p.peer, SHUT_WR);
	assert_string_equal(actor_do(&p.a, "poll s0 rdhup 20000"), "1 - hup rdhup");
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	retry_expect_nobody(&p);
	retry_expect_lines(&p, 0);
	pair_close(&p);
}

static void not_without_the_rule(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "idempotent", NULL);
	retry_exchange(&p, GET);
	send_fin(&p);
	expect_sent_on_the_old(&p, GET);
}

/** Reset before anything was sent or received on it, whatever its protocol or its first request. */
static void a_connection_that_was_never_used_is_replaced(void **state)
{
	static const char *const rules[] = {"retry", "retry", "retry starts=GET"};
	static const char *const requests[] = {POST, "anything", GET};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		retry_open(&p, client_situation, rules[i], NULL);
		send_rst(&p);
		retry_send(&p, requests[i]);
		retry_accept(&p);
		retry_expect_text(&p, requests[i]);
		retry_expect_renewed(&p, 0);
		retry_expect_lines(&p, 1);
		expect_end_told(&p, false);
		pair_close(&p);
	}
}

/** The server is gone: what the program is told is what had happened. */
static void a_server_that_is_gone_leaves_the_first_error(void **state)
{
	(void)state;
	for (int fin = 0; fin <= 1; fin++) {
		struct pair p;
		retry_open(&p, client_situation, "retry", NULL);
		retry_exchange(&p, GET);
		close(p.listener);
		p.listener = -1;
		if (fin) {
			send_fin(&p);
		} else {
			send_rst(&p);
		}
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), fin ? "-1 EPIPE" : RESET);
		retry_expect_refused(&p, LAB_CONNECT);
		expect_end_told(&p, fin);
		retry_expect_dead(&p);
		if (fin) {
			/* No RST was met. */
			const char *after = log_find(&p.a, "error", 0);
			assert_string_equal(json_get(after, "cause"), "already-reset");
			assert_string_equal(json_get(after, "errno"), "EPIPE");
			assert_string_equal(json_get(after, "case"), "none");
			assert_non_null(strstr(json_get(after, "why"), "the peer's FIN had ended"));
		} else {
			const char *end = log_find(&p.a, "error", 0);
			assert_string_equal(json_get(end, "op"), "send");
			assert_string_equal(json_get(end, "errno"), "ECONNRESET");
			assert_string_equal(json_get(end, "cause"), "peer-abort");
			assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"),
					    "peer-rst");
			/* The socket has the port of the attempt that failed, and is still the one. */
			const char *after = log_find(&p.a, "error", 1);
			assert_string_equal(json_get(after, "cause"), "already-reset");
			assert_string_equal(json_get(after, "errno"), "EPIPE");
			assert_string_equal(json_get(after, "conn"), "1");
		}
		retry_expect_lines(&p, 1);
		pair_close(&p);
	}
}

/** On a connection that has answered before, a FIN in place of an answer hides a reset. */
static void an_end_of_file_in_place_of_an_answer_is_retried(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, POST);
	retry_ask(&p, GET);
	send_fin(&p);
	retry_expect_answered(&p, GET);
	retry_expect_retried(&p, 0, 1, strlen(GET));
	assert_string_equal(json_get(log_find(&p.a, "retry", 0), "errno"), "none");
	retry_exchange(&p, GET);
	retry_expect_lines(&p, 1);
	retry_expect_nobody(&p);
	pair_close(&p);
}

static void it_is_retried_in_programs_that_do_not_wait(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	retry_exchange(&p, GET);
	retry_ask(&p, GET);
	send_fin(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	retry_expect_answered_after(&p, "poll s0 in 20000");
	retry_expect_retried(&p, 0, 1, strlen(GET));
	pair_close(&p);
}

/** The server is gone: the program is told the end of file, whether it waits or not. */
static void an_end_of_file_is_told_after_all_where_the_retry_fails(void **state)
{
	static const struct situation hows[] = {{AF_INET, false, false}, {AF_INET, false, true}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		retry_open(&p, hows[i], "retry", NULL);
		retry_exchange(&p, GET);
		retry_ask(&p, GET);
		close(p.listener);
		p.listener = -1;
		send_fin(&p);
		if (i == 1) {
			assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
			assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in hup");
		}
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
		retry_expect_refused(&p, LAB_CONNECT);
		retry_expect_dead(&p);
		retry_expect_lines(&p, 1);
		pair_close(&p);
	}
}

/** What a read has begun ends in a write, which the kernel would not have let pass. */
static void a_write_after_such_an_end_of_file_fails(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	retry_ask(&p, GET);
	close(p.listener);
	p.listener = -1;
	send_fin(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000 dontwait"), "-1 EAGAIN");
	actor_do(&p.a, "sigpipe count");
	assert_string_equal(actor_do(&p.a, "send s0 1"), "-1 EPIPE");
	assert_int_equal(actor_number(actor_do(&p.a, "signals")), 1);
	retry_expect_refused(&p, LAB_CONNECT);
	retry_expect_dead(&p);
	pair_close(&p);
}

/** And what a write has begun ends in a read, which finds the end of file that had come. */
static void a_read_after_a_write_that_could_not_be_sent_finds_the_end_of_file(void **state)
{
	(void)state;
	for (int reset = 0; reset <= 1; reset++) {
		struct pair p;
		retry_open(&p, client_situation, "retry", NULL);
		retry_exchange(&p, GET);
		close(p.listener);
		p.listener = -1;
		send_fin(&p);
		if (reset) {
			pair_abort_peer(&p);
			assert_string_equal(actor_do(&p.a, "poll s0 20000"), "1 - err hup");
		}
		assert_string_equal(actor_do(&p.a, "send s0 1 dontwait nosignal"), "-1 EAGAIN");
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
		retry_expect_refused(&p, LAB_CONNECT);
		retry_expect_dead(&p);
		pair_close(&p);
	}
}

static void an_end_of_file_in_place_of_the_answer_to_a_post_is_told(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	retry_ask(&p, POST);
	send_fin(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
	retry_expect_refused(&p, LAB_UNMARKED);
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** Ends that are none of retry's business, and no news. */
static void an_ordinary_end_is_no_news(void **state)
{
	static const char *const answers[] = {
		ANSWER,
		/* The end of the connection is the end of the answer: RFC 9112 6.3. */
		"HTTP/1.0 200 OK\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
		"+PONG\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent", NULL);
		retry_ask(&p, i == 3 ? "PING\r\n" : GET);
		peer_send(p.peer, answers[i]);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(answers[i]));
		send_fin(&p);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
		retry_expect_lines(&p, 0);
		retry_expect_nobody(&p);
		pair_close(&p);
	}
}

LAB_MAIN(LAB_TEST(any_request_is_sent_once_over_a_new_connection),
	 LAB_TEST(not_while_there_is_something_to_read), LAB_TEST(not_while_an_answer_is_under_way),
	 LAB_TEST(not_where_the_protocol_is_unknown), LAB_TEST(where_an_unknown_protocol_is_marked),
	 LAB_TEST(not_before_the_first_exchange),
	 LAB_TEST(not_after_an_end_that_the_program_has_read),
	 LAB_TEST(not_after_a_reset_that_the_program_was_told),
	 LAB_TEST(not_after_the_program_has_shut_down), LAB_TEST(not_without_the_rule),
	 LAB_TEST(a_connection_that_was_never_used_is_replaced),
	 LAB_TEST(a_server_that_is_gone_leaves_the_first_error),
	 LAB_TEST(an_end_of_file_in_place_of_an_answer_is_retried),
	 LAB_TEST(it_is_retried_in_programs_that_do_not_wait),
	 LAB_TEST(an_end_of_file_is_told_after_all_where_the_retry_fails),
	 LAB_TEST(a_write_after_such_an_end_of_file_fails),
	 LAB_TEST(a_read_after_a_write_that_could_not_be_sent_finds_the_end_of_file),
	 LAB_TEST(an_end_of_file_in_place_of_the_answer_to_a_post_is_told),
	 LAB_TEST(an_ordinary_end_is_no_news))
