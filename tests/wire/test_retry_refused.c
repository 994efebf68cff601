/*
 * What is not retried. Each reason of src/act/retry/reasons.def has a test that gets exactly that
 * one, the program's own error, and a connection that is as dead as without the rule.
 */

#include "lab_retry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** The server has reset: the program is told so, for this reason, and nobody connects again. */
static void expect_refusal(struct pair *p, enum lab_reason reason)
{
	assert_string_equal(actor_do(&p->a, "recv s0 1000"), RESET);
	retry_expect_refused(p, reason);
	retry_expect_dead(p);
	retry_expect_nobody(p);
	pair_close(p);
}

/** A request that the server has, and then a reset. */
static void refuse(const char *rules, const char *request, enum lab_reason reason)
{
	struct pair p;
	retry_open(&p, client_situation, rules, NULL);
	retry_ask_in_vain(&p, request);
	expect_refusal(&p, reason);
}

static void a_post_is_not_retried(void **state)
{
	(void)state;
	refuse("retry=5", POST, LAB_UNMARKED);
	refuse("retry=5", "PATCH / HTTP/1.1\r\n\r\n", LAB_UNMARKED);
	refuse("retry=5", "get / HTTP/1.1\r\n\r\n", LAB_UNMARKED);
	refuse("retry=5", "GET / HTTP/0.9\r\n\r\n", LAB_UNMARKED);
}

static void what_is_no_http_is_not_retried(void **state)
{
	(void)state;
	refuse("retry=5", "PING\n", LAB_UNMARKED);
	refuse("retry=5", "*1\r\n$4\r\nPING\r\n", LAB_UNMARKED);
}

static void a_head_that_is_not_complete_tells_nothing(void **state)
{
	(void)state;
	refuse("retry", "GET /page HTTP/1.1\r\nHost: lab\r\n", LAB_PARTIAL_HEAD);
	refuse("retry", "GE", LAB_PARTIAL_HEAD);
}

/** A server has no request of its own, and nothing to say about it. */
static void an_accepted_connection_is_left_alone(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, (struct situation){AF_INET, true, false}, "retry; idempotent", NULL);
	peer_send(p.peer, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(GET));
	retry_send(&p, ANSWER);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_lines(&p, 0);
	retry_expect_dead(&p);
	pair_close(&p);
}

/** exec leaves a connection to a program that did not open it. */
static void an_inherited_connection_is_not_ours(void **state)
{
	(void)state;
	struct pair p;
	/* Not an ephemeral port, which tells who is the client. */
	retry_open_unconnected(&p, client_situation, 8080);
	actor_do(&p.a, "socket4 s0");
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 8080"), "0 -");
	retry_accept(&p);
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_NOT_OURS);
}

static void a_socket_that_a_child_holds_is_shared(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
	retry_ask_in_vain(&p, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_refused(&p, LAB_SHARED);
	retry_expect_dead(&p);
	retry_expect_nobody(&p);
	actor_do(&p.a, "forkkill");
	pair_close(&p);
}

static void a_socket_that_was_passed_on_is_shared(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	actor_do(&p.a, "socketpair s1 s2");
	assert_string_equal(actor_do(&p.a, "passfd s1 s0"), "1 -");
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_SHARED);
}

static void two_threads_in_one_connection_are_left_alone(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	actor_do(&p.a, "background recv s0 1000");
	actor_wait_background(&p.a, "s0");
	retry_send(&p, GET);
	retry_expect_text(&p, GET);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "join"), RESET);
	retry_expect_refused(&p, LAB_THREADS);
	retry_expect_dead(&p);
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** What a thread writes beside one that reads is not kept, and no head that is not complete. */
static void a_request_beside_another_thread_is_refused_for_that(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	actor_do(&p.a, "background recv s0 1000");
	actor_wait_background(&p.a, "s0");
	retry_ask(&p, GET);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "join"), RESET);
	retry_expect_refused(&p, LAB_THREADS);
	retry_expect_nobody(&p);
	pair_close(&p);
}

static void a_time_out_is_no_reset(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	actor_do(&p.a, "setsockopt s0 user_timeout 300");
	nft("add rule inet lab in tcp dport %u drop", p.listen_port);
	retry_send(&p, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 ETIMEDOUT");
	retry_expect_refused(&p, LAB_NO_RESET);
	retry_expect_dead(&p);
	pair_close(&p);
}

static void an_end_of_file_on_a_first_use_is_no_reset(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	pair_close_peer(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
	retry_expect_refused(&p, LAB_FIRST_EOF);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
	retry_expect_lines(&p, 1);
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** The new connection would not be shut down, and a server that waits for the end would wait. */
static void what_the_program_shut_down_is_not_opened_again(void **state)
{
	static const char *const hows[] = {"w", "r"};
	(void)state;
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry", NULL);
		retry_send(&p, GET);
		assert_string_equal(actor_do(&p.a, "shutdown s0 %s", hows[i]), "0 -");
		pair_abort_peer(&p);
		expect_refusal(&p, LAB_SHUT);
	}
}

static void an_answer_that_was_begun_is_not_asked_for_again(void **state)
{
	static const char *const looks[] = {"", " peek"};
	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry", NULL);
		retry_ask(&p, GET);
		peer_send(p.peer, "H");
		assert_string_equal(actor_do(&p.a, "recv s0 1%s", looks[i]), "1 - H");
		if (i > 0) {
			assert_string_equal(actor_do(&p.a, "recv s0 1"), "1 - H");
		}
		pair_abort_peer(&p);
		expect_refusal(&p, LAB_DELIVERED);
	}
}

/** The last byte of the body is as much a part of it as the first. */
static void an_answer_without_its_last_byte_was_begun(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	peer_send(p.peer, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello");
	pair_abort_peer(&p);
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1000")), strlen(ANSWER));
	expect_refusal(&p, LAB_DELIVERED);
}

/** It is for the program to read, after the error of its write. */
static void an_answer_that_waits_is_not_asked_for_again(void **state)
{
	static const char put[] = "PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf of it";
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, put);
	peer_send(p.peer, ANSWER);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "send s0 10 nosignal"), RESET);
	retry_expect_refused(&p, LAB_WAITING);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(ANSWER));
	retry_expect_dead(&p);
	retry_expect_nobody(&p);
	pair_close(&p);
}

static void keep_at_most(unsigned most, const char *const *environment)
{
	for (unsigned size = most; size <= most + 1; size++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent", environment);
		assert_string_equal(actor_do(&p.a, "send s0 %u", size), lab_text("%u -", size));
		peer_recv(p.peer, size);
		pair_abort_peer(&p);
		if (size > most) {
			expect_refusal(&p, LAB_TOO_LONG);
			return;
		}
		actor_send(&p.a, "recv s0 1000");
		retry_accept(&p);
		peer_recv(p.peer, size);
		peer_send(p.peer, "done");
		assert_string_equal(actor_result(&p.a), "4 - done");
		pair_close(&p);
	}
}

static void a_request_beyond_the_buffer_is_not_kept(void **state)
{
	(void)state;
	keep_at_most(8192, (const char *[]){"RESETBY_RETRY_BUFFER=8K/1M", NULL});
	keep_at_most(65536, NULL);
}

/** A client that keeps little; what it asks is not kept whole, and its head says what it is. */
static void ask_long(struct pair *p, const char *head)
{
	char put[8000];
	memset(put, 'x', sizeof(put));
	memcpy(put, head, strlen(head));
	put[strlen(head) + 5000] = '\0';
	retry_send(p, put);
	peer_recv(p->peer, strlen(put));
}

static void open_keeping_little(struct pair *p)
{
	retry_open(p, client_situation, "retry",
		   (const char *[]){"RESETBY_RETRY_BUFFER=4K/1M", NULL});
}

static void answer(struct pair *p)
{
	peer_send(p->peer, ANSWER);
	assert_string_equal(actor_do(&p->a, "recv s0 1000"), retry_text(ANSWER));
}

#define LONG_PUT "PUT / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"

static void a_long_put_is_too_long_and_the_get_after_it_is_not(void **state)
{
	(void)state;
	struct pair p;
	open_keeping_little(&p);
	ask_long(&p, LONG_PUT);
	answer(&p);
	ask_long(&p, LONG_PUT);
	answer(&p);
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	retry_expect_retried(&p, 0, 1, strlen(GET));
	pair_close(&p);
	open_keeping_little(&p);
	ask_long(&p, LONG_PUT);
	pair_abort_peer(&p);
	expect_refusal(&p, LAB_TOO_LONG);
}

/** Its last chunk was not kept: what was sent may have been more than one request. */
static void a_get_after_a_long_request_of_unknown_end_is_too_late(void **state)
{
	(void)state;
	struct pair p;
	open_keeping_little(&p);
	ask_long(&p, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1379\r\n");
	answer(&p);
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_TOO_LONG);
}

/** One connection may take what the whole process has. */
static void the_buffers_of_a_process_have_a_limit(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent",
		   (const char *[]){"RESETBY_RETRY_BUFFER=16K/16K", NULL});
	actor_do(&p.a, "socket4 s1");
	actor_do(&p.a, "connect s1 127.0.0.1 %u", p.listen_port);
	int other = peer_accept(p.listener);
	assert_string_equal(actor_do(&p.a, "send s1 10000"), "10000 -");
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_TOO_LONG);
	close(other);
}

static void bytes_that_are_not_kept_are_not_sent_again(void **state)
{
	static const char *const calls[] = {"sendfile s0 100", "splice_in s0 100",
					    "send s0 100 oob"};
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent", NULL);
		retry_ask(&p, GET);
		assert_string_equal(actor_do(&p.a, "%s", calls[i]), "100 -");
		peer_recv(p.peer, 99);
		pair_abort_peer(&p);
		expect_refusal(&p, LAB_UNKEPT);
	}
}

/** The program may change the bytes before they have left, and is told when they have. */
static void bytes_of_a_zerocopy_send_are_not_sent_again(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent", NULL);
	actor_do(&p.a, "setsockopt s0 zerocopy 1");
	assert_string_equal(actor_do(&p.a, "send s0 100 zerocopy"), "100 -");
	peer_recv(p.peer, 100);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "recvmsg s0 1 1 errqueue"), "0 -");
	expect_refusal(&p, LAB_UNKEPT);
}

/** The first bytes of all, so that nothing is known of the request. */
static void a_request_that_was_never_seen_is_not_sent_again(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	assert_string_equal(actor_do(&p.a, "sendfile s0 100"), "100 -");
	peer_recv(p.peer, 100);
	pair_abort_peer(&p);
	expect_refusal(&p, LAB_UNKEPT);
}

static void a_rule_that_comes_late_knows_nothing(void **state)
{
	char path[300];
	char setting[320];
	(void)state;
	struct pair p;
	snprintf(path, sizeof(path), "%s/rules", lab_dir());
	snprintf(setting, sizeof(setting), "RESETBY_RULES_FILE=%s", path);
	FILE *file = fopen(path, "w");
	fputs("# none yet\n", file);
	fclose(file);
	pair_open(&p, client_situation, (const char *[]){setting, "RESETBY_LEVEL=conns", NULL});
	retry_ask(&p, GET);
	file = fopen(path, "w");
	fputs("retry\nerrno=EIO:EPERM\nuser-timeout=4321s\n", file);
	fclose(file);
	/* The other rule shows when they have been read. */
	do {
		actor_do(&p.a, "poll s0 in 10");
		actor_do(&p.a, "recv s0 1 dontwait");
	} while (strcmp(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 4321000") != 0);
	pair_abort_peer(&p);
	expect_refusal(&p, LAB_LATE);
}

static void bytes_that_no_hook_saw_are_not_sent_again(void **state)
{
	static const char *const calls[] = {"unseen_send s0 100", "stdio_write s0 100"};
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent", NULL);
		retry_ask(&p, GET);
		assert_int_equal(actor_number(actor_do(&p.a, "%s", calls[i])), 100);
		peer_recv(p.peer, 100);
		pair_abort_peer(&p);
		expect_refusal(&p, LAB_UNSEEN);
	}
}

static void an_answer_that_no_hook_saw_was_begun(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	peer_send(p.peer, "HTTP");
	assert_int_equal(actor_number(actor_do(&p.a, "unseen_recv s0 4")), 4);
	pair_abort_peer(&p);
	expect_refusal(&p, LAB_UNSEEN);
}

/** The rest of its body would be a request of its own on another connection. */
static void an_answer_before_the_request_has_ended_ends_all_retries(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nContent-Length: 400\r\n\r\n";
	static const char *const rules[] = {"retry", "retry; idempotent"};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rules) / sizeof(rules[0]); i++) {
		struct pair p;
		bool idle = i % 2 != 0;
		retry_open(&p, client_situation, rules[i / 2], NULL);
		retry_exchange(&p, head);
		if (idle) {
			/* An idle connection would be replaced before the write. */
			shutdown(p.peer, SHUT_WR);
			actor_do(&p.a, "poll s0 in %d", LAB_PATIENCE_MS);
		}
		retry_ask(&p, "DELETE /all HTTP/1.1\r\n\r\n");
		if (idle) {
			retry_expect_lines(&p, 0);
			retry_expect_nobody(&p);
			pair_close(&p);
			continue;
		}
		pair_abort_peer(&p);
		expect_refusal(&p, LAB_PIPELINED);
	}
}

static void pipelined_requests_are_not_sent_again(void **state)
{
	(void)state;
	refuse("retry", GET GET, LAB_PIPELINED);
	refuse("retry; idempotent", GET "GE", LAB_PIPELINED);
	refuse("retry",
	       "PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
	       "GET / HTTP/1.1\r\n\r\n",
	       LAB_PIPELINED);
	struct pair p;
	/* The second while the answer to the first is under way. */
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	peer_send(p.peer, "HTTP/1.1 200 OK\r\n");
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1000")), 17);
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_PIPELINED);
	/* The first of two has been answered: what comes next answers the second. */
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET GET);
	answer(&p);
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_PIPELINED);
	/* More was answered than was asked. */
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	peer_send(p.peer, ANSWER ANSWER);
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1000")), 2 * strlen(ANSWER));
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_PIPELINED);
}

static void a_server_that_speaks_first_is_not_understood(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent", NULL);
	peer_send(p.peer, "220 welcome");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "11 - 220 welcome");
	retry_ask_in_vain(&p, GET);
	expect_refusal(&p, LAB_SPOKE_FIRST);
}

static void connections_with_a_state_of_their_own_are_not_replaced(void **state)
{
	static const char *const openings[] = {
		"\x16\x03\x01\x02\x05\x01ClientHello",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"SSH-2.0-lab\r\n",
		"AMQP\x01\x01\x09\x01",
		"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
		"\x05\x01\x02",
		"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"CONNECT lab:443 HTTP/1.1\r\nHost: lab:443\r\n\r\n",
		"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
		"GET / HTTP/1.1\r\nAuthorization: NTLM TlRMTVNTUA==\r\n\r\n",
		"GET / HTTP/1.1\r\nProxy-Authorization: Negotiate abc\r\n\r\n",
		"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n",
		"*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n",
		"select 1\r\n",
		"*1\r\n$5\r\nMULTI\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
		refuse("retry; idempotent", openings[i], LAB_STATEFUL);
	}
}

/** A new connection would ask the tunnel itself. */
static void a_request_behind_a_greeting_is_not_sent_without_it(void **state)
{
	static const char *const greetings[] = {"TUNNEL lab:80\n", "\x05\x01\x02"};
	(void)state;
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry", NULL);
		retry_ask(&p, greetings[i]);
		peer_send(p.peer, "ok");
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "2 - ok");
		retry_exchange(&p, GET);
		retry_ask_in_vain(&p, GET);
		expect_refusal(&p, LAB_STATEFUL);
	}
}

static void an_idle_tunnel_is_not_replaced(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, "TUNNEL lab:80\n");
	peer_send(p.peer, "ok");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "2 - ok");
	retry_exchange(&p, GET);
	shutdown(p.peer, SHUT_WR);
	actor_do(&p.a, "poll s0 in %d", LAB_PATIENCE_MS);
	retry_ask(&p, GET);
	retry_expect_lines(&p, 0);
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** What came before holds for the connection. */
static void a_state_outlives_the_request_that_made_it(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
		 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"},
		{GET, "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"},
		{"*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n", "+OK\r\n"},
		{"GET / HTTP/1.1\r\nAuthorization: Negotiate abc\r\n\r\n", ANSWER},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent", NULL);
		retry_ask(&p, cases[i].request);
		peer_send(p.peer, cases[i].answer);
		assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1000")),
				 strlen(cases[i].answer));
		retry_ask_in_vain(&p, GET);
		expect_refusal(&p, LAB_STATEFUL);
	}
}

static void a_redis_session_that_selects_later_is_not_replaced(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent", NULL);
	retry_ask(&p, "*1\r\n$4\r\nPING\r\n");
	peer_send(p.peer, "+PONG\r\n");
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "7 - +PONG\\r\\n");
	retry_ask(&p, "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n");
	peer_send(p.peer, "+OK\r\n");
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "5 - +OK\\r\\n");
	retry_ask_in_vain(&p, "*1\r\n$4\r\nPING\r\n");
	expect_refusal(&p, LAB_STATEFUL);
}

/** The last line is the refusal; those before it tell of the tries. */
static void expect_refused_after(struct pair *p, unsigned index, enum lab_reason reason,
				 const char *text)
{
	const char *line = log_find(&p->a, "retry", index);
	assert_string_equal(json_get(line, "did"), "refused");
	assert_string_equal(json_get(line, "errno"), "ECONNRESET");
	if (strstr(json_get(line, "reason"), text) == NULL) {
		fail_msg("not \"%s\": %s", text, line);
	}
	retry_expect_lines(p, index + 1);
	lab_reason_seen[reason] = true;
}

static void tries_are_used_up(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=2", NULL);
	retry_ask_in_vain(&p, GET);
	actor_send(&p.a, "recv s0 1000");
	for (unsigned try = 1; try <= 2; try++) {
		retry_accept(&p);
		retry_expect_text(&p, GET);
		pair_abort_peer(&p);
	}
	assert_string_equal(actor_result(&p.a), RESET);
	expect_refused_after(&p, 2, LAB_TRIES, "its tries are used up (condition 7)");
	retry_expect_dead(&p);
	retry_expect_nobody(&p);
	pair_close(&p);
}

static void no_new_connection_is_the_first_error(void **state)
{
	static const struct situation hows[] = {{AF_INET, false, false}, {AF_INET, false, true}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		retry_open(&p, hows[i], "retry=3", NULL);
		retry_ask(&p, GET);
		close(p.listener);
		p.listener = -1;
		pair_abort_peer(&p);
		if (hows[i].nonblocking) {
			/* Which goes on inside of a wait. */
			assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
			assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in hup");
		}
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
		expect_refused_after(&p, 0, LAB_CONNECT,
				     "no new connection could be made (condition 7): ECONNREFUSED");
		struct match syn = {.to_port = p.listen_port, .set = TH_SYN};
		assert_int_equal(capture_count(&p.wire, syn), 1 + 3);
		assert_int_equal(log_count(&p.a, "error"), 1);
		retry_expect_dead(&p);
		pair_close(&p);
	}
}

static void a_connection_that_is_not_renewed_has_one_end(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	close(p.listener);
	p.listener = -1;
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "close"), 1);
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-rst");
	pair_close(&p);
}

/** Told an end of file, in place of an answer over another connection, a program may write on. */
static void writing_past_an_end_that_is_not_renewed_is_explained(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	retry_ask(&p, GET);
	close(p.listener);
	p.listener = -1;
	pair_close_peer(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "0 -");
	const char *refused = log_find(&p.a, "retry", 0);
	assert_string_equal(json_get(refused, "did"), "refused");
	double number = json_number(refused, "conn");
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
	const char *line = log_find(&p.a, "error", 0);
	assert_string_equal(json_get(line, "cause"), "already-reset");
	assert_string_equal(json_get(line, "sure"), "certain");
	assert_non_null(strstr(json_get(line, "why"), "was over when recv was told its end"));
	assert_string_equal(json_get(line, "case"), "none");
	assert_true(json_number(line, "conn") == number);
	assert_string_equal(json_get(line, "side"), "client");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "close"), 1);
	pair_close(&p);
}

/** A server in trouble is not asked more often than it can recover from. */
static void tokens_are_used_up(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	unsigned lines = 0;
	for (bool refused = false; !refused; pair_again(&p)) {
		retry_ask_in_vain(&p, GET);
		actor_send(&p.a, "recv s0 1000");
		assert_true(lines < 1000);
		struct pollfd either[] = {{.fd = p.listener, .events = POLLIN},
					  {.fd = p.a.results, .events = POLLIN}};
		poll(either, 2, LAB_PATIENCE_MS);
		if (either[0].revents) {
			retry_accept(&p);
			retry_expect_text(&p, GET);
			pair_abort_peer(&p);
			lines += 2;
		} else {
			refused = true;
		}
		assert_string_equal(actor_result(&p.a), RESET);
		if (refused) {
			retry_expect_dead(&p);
		}
		actor_do(&p.a, "close s0");
	}
	expect_refused_after(&p, lines, LAB_TOKENS, "too many retries to this address lately");
	/* 100, and what time gave back: a tenth of a second each. */
	assert_true(lines / 2 >= 100);
	pair_close(&p);
}

/** Nobody may make a new connection there, and the program waits for none. */
static void a_renewal_ends_where_seccomp_begins(void **state)
{
	(void)state;
	/* In the pause before the connect, as far as there is one, and in the connect. */
	for (int connecting = 0; connecting <= 1; connecting++) {
		struct pair p;
		retry_open(&p, nonblocking_situation, "retry", NULL);
		retry_ask_in_vain(&p, GET);
		retry_dig_hole(&p);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
		if (connecting) {
			assert_string_equal(actor_do(&p.a, "poll s0 in 100"), "0 -");
		}
		assert_string_equal(actor_do(&p.a, "seccomp"), "0 -");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
		expect_refused_after(&p, 0, LAB_SECCOMP, "the program put itself under seccomp");
		retry_expect_dead(&p);
		retry_fill_hole(&p);
		pair_close(&p);
	}
}

static void every_reason_was_met(void **state)
{
	(void)state;
	for (int i = 0; i < LAB_REASONS; i++) {
		if (!lab_reason_seen[i]) {
			fail_msg("no test meets the reason %s", lab_reason_names[i]);
		}
	}
}

LAB_MAIN(LAB_TEST(a_post_is_not_retried), LAB_TEST(what_is_no_http_is_not_retried),
	 LAB_TEST(a_head_that_is_not_complete_tells_nothing),
	 LAB_TEST(an_accepted_connection_is_left_alone),
	 LAB_TEST(an_inherited_connection_is_not_ours),
	 LAB_TEST(a_socket_that_a_child_holds_is_shared),
	 LAB_TEST(a_socket_that_was_passed_on_is_shared),
	 LAB_TEST(two_threads_in_one_connection_are_left_alone),
	 LAB_TEST(a_request_beside_another_thread_is_refused_for_that),
	 LAB_TEST(a_time_out_is_no_reset), LAB_TEST(an_end_of_file_on_a_first_use_is_no_reset),
	 LAB_TEST(what_the_program_shut_down_is_not_opened_again),
	 LAB_TEST(an_answer_that_was_begun_is_not_asked_for_again),
	 LAB_TEST(an_answer_without_its_last_byte_was_begun),
	 LAB_TEST(an_answer_that_waits_is_not_asked_for_again),
	 LAB_TEST(a_request_beyond_the_buffer_is_not_kept),
	 LAB_TEST(a_long_put_is_too_long_and_the_get_after_it_is_not),
	 LAB_TEST(a_get_after_a_long_request_of_unknown_end_is_too_late),
	 LAB_TEST(the_buffers_of_a_process_have_a_limit),
	 LAB_TEST(bytes_that_are_not_kept_are_not_sent_again),
	 LAB_TEST(bytes_of_a_zerocopy_send_are_not_sent_again),
	 LAB_TEST(a_request_that_was_never_seen_is_not_sent_again),
	 LAB_TEST(a_rule_that_comes_late_knows_nothing),
	 LAB_TEST(bytes_that_no_hook_saw_are_not_sent_again),
	 LAB_TEST(an_answer_that_no_hook_saw_was_begun),
	 LAB_TEST(an_answer_before_the_request_has_ended_ends_all_retries),
	 LAB_TEST(pipelined_requests_are_not_sent_again),
	 LAB_TEST(a_server_that_speaks_first_is_not_understood),
	 LAB_TEST(connections_with_a_state_of_their_own_are_not_replaced),
	 LAB_TEST(a_request_behind_a_greeting_is_not_sent_without_it),
	 LAB_TEST(an_idle_tunnel_is_not_replaced),
	 LAB_TEST(a_state_outlives_the_request_that_made_it),
	 LAB_TEST(a_redis_session_that_selects_later_is_not_replaced), LAB_TEST(tries_are_used_up),
	 LAB_TEST(no_new_connection_is_the_first_error),
	 LAB_TEST(a_connection_that_is_not_renewed_has_one_end),
	 LAB_TEST(writing_past_an_end_that_is_not_renewed_is_explained),
	 LAB_TEST(tokens_are_used_up), LAB_TEST(a_renewal_ends_where_seccomp_begins),
	 LAB_TEST(every_reason_was_met))
