/* A request whose connection was reset is sent again, and the program sees a slow answer. */

#include "lab_retry.h"

#include <string.h>
#include <unistd.h>

/** IPv4 and IPv6, blocking. */
static const struct situation clients[] = {{AF_INET, false, false}, {AF_INET6, false, false}};
#define ALL_CLIENTS (sizeof(clients) / sizeof(clients[0]))

static void a_get_that_was_reset_before_it_was_read_is_sent_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL_CLIENTS; i++) {
		struct pair p;
		retry_open(&p, clients[i], "retry", NULL);
		retry_send(&p, GET);
		pair_abort_peer(&p);
		retry_expect_answered(&p, GET);
		retry_expect_nobody(&p);
		retry_expect_retried(&p, 0, 1, strlen(GET));
		retry_expect_lines(&p, 1);
		/* The reset itself is told all the same, and the new connection is another one. */
		assert_string_equal(json_get(log_find(&p.a, "error", 0), "errno"), "ECONNRESET");
		assert_int_equal(log_count(&p.a, "error"), 1);
		assert_int_equal(log_count(&p.a, "open"), 2);
		assert_int_equal(log_count(&p.a, "close"), 1);
		pair_close(&p);
	}
}

/** Without the rule the same is the program's to bear. */
static void without_the_rule_the_program_is_told(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	retry_send(&p, GET);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_dead(&p);
	retry_expect_nobody(&p);
	retry_expect_lines(&p, 0);
	pair_close(&p);
}

static void a_get_that_was_read_whole_is_sent_again(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	actor_send(&p.a, "recv s0 1000");
	pair_abort_peer(&p);
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
	retry_expect_retried(&p, 0, 1, strlen(GET));
	/* And the connection is as good as any. */
	retry_exchange(&p, POST);
	retry_exchange(&p, GET);
	retry_expect_nobody(&p);
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

static void two_resets_take_two_tries(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=2", NULL);
	retry_ask_in_vain(&p, GET);
	actor_send(&p.a, "recv s0 1000");
	retry_accept(&p);
	retry_expect_text(&p, GET);
	pair_abort_peer(&p);
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
	retry_expect_retried(&p, 0, 1, strlen(GET));
	retry_expect_retried(&p, 1, 2, strlen(GET));
	retry_expect_lines(&p, 2);
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** Every request has its own tries. */
static void each_request_of_a_connection_may_be_retried(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	for (unsigned i = 0; i < 3; i++) {
		retry_exchange(&p, POST);
		retry_ask_in_vain(&p, GET);
		retry_expect_answered(&p, GET);
		retry_expect_retried(&p, i, 1, strlen(GET));
	}
	pair_close(&p);
}

/** The server comes back after so many connections were refused, however long that takes. */
static void a_server_that_is_down_and_comes_back_answers(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=50", NULL);
	retry_ask(&p, GET);
	close(p.listener);
	pair_abort_peer(&p);
	actor_send(&p.a, "recv s0 1000");
	capture_await(&p.wire, (struct match){.from_port = p.listen_port, .set = TH_RST | TH_ACK},
		      2);
	p.listener = retry_listen(p.listen_port);
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
	const char *line = log_find(&p.a, "retry", 0);
	assert_true(json_number(line, "try") >= 3);
	retry_expect_lines(&p, 1);
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** Whatever call meets the reset. */
static void every_call_that_reads_waits_for_the_new_answer(void **state)
{
	static const char *const calls[] = {
		"recv s0 1000",       "read s0 1000",         "recvfrom s0 1000",
		"readv s0 1000 3",    "preadv2 s0 1000 2",    "recvmsg s0 1000 3",
		"__read_chk s0 1000", "__recv_chk s0 1000",   "__recvfrom_chk s0 1000",
		"__read s0 1000",     "preadv64v2 s0 1000 2", "sys_read s0 1000",
		"recv s0 1000 peek",  "sys_recvfrom s0 1000",
	};
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		retry_ask_in_vain(&p, GET);
		actor_send(&p.a, "%s", calls[i]);
		retry_serve(&p, GET);
		assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
		/* A call that succeeds does not touch errno: EDOM is the actor's own. */
		assert_string_equal(actor_do(&p.a, "errno"), "0 - EDOM");
		if (strstr(calls[i], "peek")) {
			assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(ANSWER));
		}
		retry_expect_lines(&p, (unsigned)i + 1);
	}
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** Many messages in one call, of which a stream gives one. */
static void recvmmsg_waits_for_the_new_answer(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask_in_vain(&p, GET);
	actor_send(&p.a, "recvmmsg s0 1000 2 waitforone");
	retry_serve(&p, GET);
	const char *result = actor_result(&p.a);
	assert_string_equal(result, lab_text("1 - %s", strchr(retry_text(ANSWER), 'H')));
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** What the actor's sends are made of. */
static void expect_pattern(int fd, size_t size)
{
	char block[4096];
	for (size_t at = 0; at < size;) {
		size_t want = size - at < sizeof(block) ? size - at : sizeof(block);
		ssize_t got = recv(fd, block, want, 0);
		assert_true(got > 0);
		for (ssize_t i = 0; i < got; i++) {
			if (block[i] != (char)('a' + (at + (size_t)i) % 26)) {
				fail_msg("byte %zu is wrong", at + (size_t)i);
			}
		}
		at += (size_t)got;
	}
}

#define LONG_REQUEST 3000000

/** A long request is cut in the middle: the same call goes on, and the server has every byte. */
static void a_write_that_was_cut_in_the_middle_goes_on(void **state)
{
	static const char *const calls[] = {
		"send s0 %d",          "write s0 %d",  "writev s0 %d 5",
		"sendmsg s0 %d 7",     "sendto s0 %d", "pwritev2 s0 %d 3",
		"pwritev64v2 s0 %d 3", "__send s0 %d", "sys_write s0 %d",
	};
	(void)state;
	/* No buffers that would take it all. */
	lab_sysctl("net/ipv4/tcp_rmem", "4096 131072 262144");
	lab_sysctl("net/ipv4/tcp_wmem", "4096 16384 262144");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent",
			   (const char *[]){"RESETBY_RETRY_BUFFER=8M/16M", NULL});
		actor_send(&p.a, calls[i], LONG_REQUEST);
		peer_recv(p.peer, 100000);
		pair_abort_peer(&p);
		/* A blocking write that was cut says how far it came: send(2). */
		const char *result = actor_result(&p.a);
		long sent = actor_number(result);
		assert_true(sent > 100000 && sent < LONG_REQUEST);
		actor_send(&p.a, "sendtext s0 end");
		retry_accept(&p);
		expect_pattern(p.peer, (size_t)sent);
		assert_string_equal(actor_result(&p.a), "3 -");
		assert_string_equal(actor_do(&p.a, "errno"), "0 - EDOM");
		retry_expect_text(&p, "end");
		peer_send(p.peer, "done");
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "4 - done");
		retry_expect_retried(&p, 0, 1, (size_t)sent);
		retry_expect_lines(&p, 1);
		retry_expect_nobody(&p);
		pair_close(&p);
	}
}

/** What was sent again in part is sent again from the beginning. */
static void a_long_request_that_is_cut_twice_arrives_whole(void **state)
{
	(void)state;
	struct pair p;
	lab_sysctl("net/ipv4/tcp_rmem", "4096 131072 262144");
	lab_sysctl("net/ipv4/tcp_wmem", "4096 16384 262144");
	retry_open(&p, client_situation, "retry=2; idempotent",
		   (const char *[]){"RESETBY_RETRY_BUFFER=8M/16M", NULL});
	actor_send(&p.a, "send s0 %d", LONG_REQUEST);
	peer_recv(p.peer, 1000000);
	pair_abort_peer(&p);
	long sent = actor_number(actor_result(&p.a));
	actor_send(&p.a, "sendtext s0 end");
	retry_accept(&p);
	expect_pattern(p.peer, 100000);
	pair_abort_peer(&p);
	retry_accept(&p);
	expect_pattern(p.peer, (size_t)sent);
	assert_string_equal(actor_result(&p.a), "3 -");
	retry_expect_text(&p, "end");
	retry_expect_retried(&p, 0, 2, (size_t)sent);
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** The calls that meet the reset themselves, by ECONNRESET. */
static void a_write_after_the_reset_goes_to_the_new_connection(void **state)
{
	static const char *const calls[] = {
		"send s0 26",   "write s0 26",      "writev s0 26 5", "sendmsg s0 26 7",
		"sendto s0 26", "pwritev2 s0 26 3", "__write s0 26",  "sendmsg s0 26 2 nosignal",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent", NULL);
		retry_ask_in_vain(&p, "first half ");
		actor_send(&p.a, "%s", calls[i]);
		retry_accept(&p);
		assert_string_equal(actor_result(&p.a), "26 -");
		retry_expect_text(&p, "first half abcdefghijklmnopqrstuvwxyz");
		peer_send(p.peer, "done");
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "4 - done");
		retry_expect_retried(&p, 0, 1, strlen("first half "));
		retry_expect_lines(&p, 1);
		pair_close(&p);
	}
}

/** Several messages: one is taken at a time, as a stream may. */
static void sendmmsg_goes_to_the_new_connection(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry; idempotent", NULL);
	retry_ask_in_vain(&p, "first half ");
	assert_string_equal(actor_do(&p.a, "sendmmsg s0 26 2"), "1 - 13");
	retry_accept(&p);
	retry_expect_text(&p, "first half abcdefghijklm");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** FIN first: the reset that follows is EPIPE, and no SIGPIPE may be raised. */
static void a_write_that_meets_epipe_goes_to_the_new_connection(void **state)
{
	static const char *const calls[] = {"send s0 26", "write s0 26", "sendmsg s0 26 7"};
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p;
		retry_open(&p, client_situation, "retry; idempotent", NULL);
		retry_ask(&p, "first ");
		pair_close_peer(&p);
		assert_string_equal(actor_do(&p.a, "poll s0 rdhup 20000"), "1 - rdhup");
		assert_string_equal(actor_do(&p.a, "sendtext s0 second "), "7 -");
		assert_string_equal(actor_do(&p.a, "poll s0 20000"), "1 - err hup");
		actor_send(&p.a, "%s", calls[i]);
		retry_accept(&p);
		assert_string_equal(actor_result(&p.a), "26 -");
		retry_expect_text(&p, "first second abcdefghijklmnopqrstuvwxyz");
		retry_expect_retried(&p, 0, 1, strlen("first second "));
		pair_close(&p);
	}
}

/** The kernel gives an explicit port back as well as an explicit address. */
static void an_explicit_bind_holds(void **state)
{
	(void)state;
	struct pair p;
	retry_open_unconnected(&p, client_situation, 0);
	actor_do(&p.a, "socket4 s0");
	assert_string_equal(actor_do(&p.a, "bind s0 127.5.6.7 4567"), "0 -");
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "0 -");
	retry_accept(&p);
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	assert_string_equal(actor_do(&p.a, "getsockname s0"), "0 - 127.5.6.7:4567");
	retry_expect_retried(&p, 0, 1, strlen(GET));
	pair_close(&p);
}

static void a_v4_mapped_peer_is_connected_to_again(void **state)
{
	(void)state;
	struct pair p;
	retry_open_unconnected(&p, client_situation, 0);
	actor_do(&p.a, "socket6 s0");
	assert_string_equal(actor_do(&p.a, "connect s0 [::ffff:127.0.0.1] %u", p.listen_port),
			    "0 -");
	retry_accept(&p);
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	retry_expect_retried(&p, 0, 1, strlen(GET));
	pair_close(&p);
}

/** The same kernel socket: what was set on it stays. */
static void options_and_flags_of_the_socket_stay(void **state)
{
	static const struct {
		const char *name;
		int value;
	} options[] = {{"nodelay", 1}, {"keepalive", 1},       {"keepidle", 33},
		       {"keepcnt", 4}, {"user_timeout", 4321}, {"ttl", 33}};
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		actor_do(&p.a, "setsockopt s0 %s %d", options[i].name, options[i].value);
	}
	assert_string_equal(actor_do(&p.a, "getfl s0"), "2 - block");
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	assert_string_equal(actor_do(&p.a, "getfl s0"), "2 - block");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		assert_string_equal(actor_do(&p.a, "getsockopt s0 %s", options[i].name),
				    lab_text("0 - %d", options[i].value));
	}
	pair_close(&p);
}

static void every_descriptor_of_the_socket_goes_on(void **state)
{
	static const char *const ways[] = {"dup s0 s1", "dupfd s0 s1", "dup2 s0 s1", "dup3 s0 s1"};
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "0 -");
		retry_ask_in_vain(&p, GET);
		actor_send(&p.a, "recv s1 1000");
		retry_serve(&p, GET);
		assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
		retry_exchange(&p, GET);
	}
	retry_expect_lines(&p, 4);
	/* The first name goes, and the connection stays. */
	retry_ask(&p, GET);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_abort_peer(&p);
	actor_send(&p.a, "recv s1 1000");
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
	retry_expect_lines(&p, 5);
	pair_close(&p);
}

/** Its request has to go there, not to where the connection before was. */
static void a_socket_that_was_connected_elsewhere_is_retried_where_it_is_now(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_exchange(&p, GET);
	int before = p.listener;
	p.listener = peer_listen(AF_INET, &p.listen_port);
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "0 -");
	retry_accept(&p);
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	assert_int_equal(peer_poll(before, POLLIN, 0), 0);
	pair_close(&p);
	close(before);
}

/** The error that its own disconnect leaves gives the program no connection of somebody else's. */
static void a_socket_that_was_disconnected_and_read_is_retried(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), RESET);
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "0 -");
	retry_accept(&p);
	retry_ask_in_vain(&p, GET);
	retry_expect_answered(&p, GET);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_get_that_was_reset_before_it_was_read_is_sent_again),
	 LAB_TEST(without_the_rule_the_program_is_told),
	 LAB_TEST(a_get_that_was_read_whole_is_sent_again), LAB_TEST(two_resets_take_two_tries),
	 LAB_TEST(each_request_of_a_connection_may_be_retried),
	 LAB_TEST(a_server_that_is_down_and_comes_back_answers),
	 LAB_TEST(every_call_that_reads_waits_for_the_new_answer),
	 LAB_TEST(recvmmsg_waits_for_the_new_answer),
	 LAB_TEST(a_write_that_was_cut_in_the_middle_goes_on),
	 LAB_TEST(a_write_after_the_reset_goes_to_the_new_connection),
	 LAB_TEST(a_long_request_that_is_cut_twice_arrives_whole),
	 LAB_TEST(sendmmsg_goes_to_the_new_connection),
	 LAB_TEST(a_write_that_meets_epipe_goes_to_the_new_connection),
	 LAB_TEST(an_explicit_bind_holds), LAB_TEST(a_v4_mapped_peer_is_connected_to_again),
	 LAB_TEST(options_and_flags_of_the_socket_stay),
	 LAB_TEST(every_descriptor_of_the_socket_goes_on),
	 LAB_TEST(a_socket_that_was_connected_elsewhere_is_retried_where_it_is_now),
	 LAB_TEST(a_socket_that_was_disconnected_and_read_is_retried))
