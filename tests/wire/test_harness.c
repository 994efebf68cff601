/* The laboratory itself, without the library: does it see what the kernel does? */

#include "lab.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/** An actor that is connected as s0, and the peer's end of it. */
static int connected_actor(struct actor *actor, int family)
{
	uint16_t port;
	int listener = peer_listen(family, &port);
	actor_start_as(actor, ACTOR_BARE, NULL);
	assert_string_equal(actor_do(actor, family == AF_INET ? "socket4 s0" : "socket6 s0"),
			    "0 -");
	assert_string_equal(actor_do(actor, "connect s0 %s %u",
				     family == AF_INET ? "127.0.0.1" : "[::1]", port),
			    "0 -");
	int peer = peer_accept(listener);
	close(listener);
	return peer;
}

static void stop_actor(struct actor *actor)
{
	assert_int_equal(actor_stop(actor), 0);
}

static void capture_tells_an_abort_from_a_fin(void **state)
{
	(void)state;
	for (int abort = 0; abort <= 1; abort++) {
		struct capture wire;
		uint16_t port;
		int listener = peer_listen(AF_INET, &port);
		capture_open(&wire, "lo");
		int client = peer_connect(AF_INET, port);
		int server = peer_accept(listener);
		uint16_t from = peer_port(client);
		if (abort) {
			peer_rst(client);
		} else {
			close(client);
		}
		assert_int_equal(capture_rst(&wire, from), abort);
		assert_int_equal(capture_fin(&wire, from), !abort);
		assert_false(capture_rst(&wire, port));
		assert_int_equal(peer_drain(server), 0);
		assert_int_equal(errno, abort ? ECONNRESET : 0);
		close(server);
		close(listener);
		capture_close(&wire);
	}
}

static void capture_counts_each_segment_once(void **state)
{
	struct capture wire;
	uint16_t port;
	int listener = peer_listen(AF_INET6, &port);
	(void)state;
	capture_open(&wire, "lo");
	int client = peer_connect(AF_INET6, port);
	int server = peer_accept(listener);
	peer_send(client, "hello");
	assert_string_equal(peer_recv(server, 5), "hello");

	assert_int_equal(capture_count(&wire, (struct match){.to_port = port, .set = TH_SYN}), 1);
	const struct segment *synack =
		capture_await(&wire, (struct match){.set = TH_SYN | TH_ACK}, 0);
	assert_int_equal(synack->from_port, port);
	assert_string_equal(synack->from, "::1");
	uint32_t expected = synack->ack;
	assert_int_equal(capture_count(&wire, (struct match){.to_port = port, .data = true}), 1);
	const struct segment *data =
		capture_find(&wire, (struct match){.to_port = port, .data = true}, 0);
	assert_int_equal(data->length, 5);
	assert_int_equal(data->seq, expected);
	assert_memory_equal(data->start, "hello", 5);
	assert_non_null(strstr(capture_text(&wire), "PA seq"));
	assert_int_equal(capture_count(&wire, (struct match){.set = TH_RST}), 0);
	close(client);
	close(server);
	close(listener);
	capture_close(&wire);
}

static void counters_follow_an_abort(void **state)
{
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	uint64_t unread = netstat_counter("TCPAbortOnClose");
	uint64_t resets = netstat_counter("OutRsts");
	(void)state;
	int client = peer_connect(AF_INET, port);
	int server = peer_accept(listener);
	peer_send(client, "x");
	assert_int_equal(peer_poll(server, POLLIN, LAB_PATIENCE_MS), POLLIN);
	close(server);
	assert_int_equal(netstat_counter("TCPAbortOnClose"), unread + 1);
	assert_int_equal(netstat_counter("OutRsts"), resets + 1);
	tcp_wait_state(client, TCP_CLOSE);
	close(client);
	close(listener);
}

static void bare_actor_is_told_a_reset_once(void **state)
{
	struct actor a;
	struct capture wire;
	(void)state;
	capture_open(&wire, "lo");
	int peer = connected_actor(&a, AF_INET);
	uint16_t port = peer_port(peer);
	peer_rst(peer);
	assert_true(capture_rst(&wire, port));
	assert_string_equal(actor_do(&a, "recv s0 100"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&a, "recv s0 100"), "0 -");
	assert_string_equal(actor_do(&a, "errno"), "0 - EDOM");
	assert_string_equal(actor_do(&a, "send s0 1 nosignal"), "-1 EPIPE");
	assert_string_equal(actor_do(&a, "strerror"), "0 - Broken pipe");
	assert_string_equal(actor_do(&a, "perror actor"), "0 -");
	assert_string_equal(actor_stderr(&a), "actor: Broken pipe\n");
	assert_string_equal(actor_do(&a, "tcp_state s0"), lab_text("0 - %d", TCP_CLOSE));
	stop_actor(&a);
	capture_close(&wire);
}

static void every_way_to_write_arrives(void **state)
{
	static const char *const ways[] = {
		"send s0 10",
		"__send s0 10",
		"sendto s0 10",
		"sendmsg s0 10 3",
		"write s0 10",
		"__write s0 10",
		"writev s0 10 4",
		"pwritev2 s0 10 2",
		"sendfile s0 10",
		"sendfile64 s0 10",
		"splice_in s0 10",
		"sys_write s0 10",
		"sys_sendto s0 10",
		"thread send s0 10",
		"fork send s0 10",
		"sendtext s0 abcdefghij",
		"writetext s0 abcd\\x65fghij",
	};
	struct actor a;
	(void)state;
	int peer = connected_actor(&a, AF_INET6);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_string_equal(actor_do(&a, "%s", ways[i]), "10 -");
		assert_string_equal(peer_recv(peer, 10), "abcdefghij");
	}
	assert_string_equal(actor_do(&a, "sendmmsg s0 10 2"), "2 - 5 5");
	assert_string_equal(peer_recv(peer, 10), "abcdefghij");
	stop_actor(&a);
	close(peer);
}

static void every_way_to_read_arrives(void **state)
{
	static const char *const ways[] = {
		"recv s0 5",       "recvfrom s0",      "read s0",           "__read s0",
		"__read_chk s0 5", "__recv_chk s0 5",  "sys_read s0",       "__recvfrom_chk s0 9",
		"sys_recvfrom s0", "readv s0 5 2",     "recvmsg s0 5",      "preadv2 s0 5 5",
		"splice_out s0",   "thread read s0 5", "recv s0 5 waitall",
	};
	struct actor a;
	(void)state;
	int peer = connected_actor(&a, AF_INET);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		peer_send(peer, "a b\r\n");
		assert_string_equal(actor_do(&a, "poll s0 in 10000"), "1 - in");
		assert_string_equal(actor_do(&a, "%s", ways[i]), "5 - a b\\r\\n");
	}
	peer_send(peer, "hello");
	assert_string_equal(actor_do(&a, "recvmmsg s0 5 1"), "1 - hello");
	peer_send_bytes(peer, 300000);
	assert_int_equal(actor_number(actor_do(&a, "recvall s0 300000")) > 0, true);
	close(peer);
	assert_string_equal(actor_do(&a, "recvall s0 1"), "0 - 0");
	stop_actor(&a);
}

static void actor_serves_and_duplicates(void **state)
{
	struct actor a;
	(void)state;
	actor_start_as(&a, ACTOR_BARE, NULL);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "bind s0 127.0.0.1 0"), "0 -");
	assert_string_equal(actor_do(&a, "listen s0 5"), "0 -");
	const char *name = actor_do(&a, "getsockname s0");
	uint16_t port = (uint16_t)atoi(strrchr(name, ':') + 1);
	int client = peer_connect(AF_INET, port);
	assert_string_equal(actor_do(&a, "accept4 s0 s1 nonblock"),
			    lab_text("0 - 127.0.0.1:%u", peer_port(client)));
	assert_string_equal(actor_do(&a, "recv s1"), "-1 EAGAIN");
	assert_string_equal(actor_do(&a, "dup s1 s2"), "0 -");
	assert_string_equal(actor_do(&a, "setsockopt s1 linger on 7"), "0 -");
	assert_string_equal(actor_do(&a, "getsockopt s2 linger"), "0 - on 7");
	assert_string_equal(actor_do(&a, "setsockopt s1 linger on 0"), "0 -");
	assert_string_equal(actor_do(&a, "close s1"), "0 -");
	assert_string_equal(actor_do(&a, "close s1"), "-1 EBADF");
	assert_int_equal(tcp_state(client), TCP_ESTABLISHED);
	/* exec keeps the last name of the socket; closing that resets. */
	assert_string_equal(actor_do(&a, "exec"), "0 -");
	assert_string_equal(actor_do(&a, "close_range s2 s2"), "0 -");
	assert_int_equal(peer_drain(client), 0);
	assert_int_equal(errno, ECONNRESET);
	close(client);
	stop_actor(&a);
}

static void actor_waits_for_events(void **state)
{
	struct actor a;
	(void)state;
	int peer = connected_actor(&a, AF_INET);
	actor_do(&a, "epoll_create s1");
	assert_string_equal(actor_do(&a, "epoll_add s1 s0 in et"), "0 -");
	assert_string_equal(actor_do(&a, "epoll_wait s1 0"), "0 -");
	actor_send(&a, "epoll_wait s1 -1");
	actor_wait_asleep(&a);
	peer_send(peer, "x");
	assert_string_equal(actor_result(&a), "1 - in");
	assert_string_equal(actor_do(&a, "epoll_wait s1 0"), "0 -");
	assert_string_equal(actor_do(&a, "select s0 in 0"), "1 - in");
	assert_string_equal(actor_do(&a, "recv s0"), "1 - x");
	assert_string_equal(actor_do(&a, "background recv s0"), "0 -");
	assert_string_equal(actor_do(&a, "cancel"), "0 - cancelled");
	actor_send(&a, "recv s0");
	peer_rst(peer);
	assert_string_equal(actor_result(&a), "-1 ECONNRESET");
	assert_string_equal(actor_do(&a, "poll s0 in out rdhup 0"), "1 - in out hup rdhup");
	stop_actor(&a);
}

static void ends_of_the_actor_are_told(void **state)
{
	struct actor a;
	(void)state;
	int peer = connected_actor(&a, AF_INET);
	peer_rst(peer);
	assert_string_equal(actor_do(&a, "sigpipe count"), "0 -");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&a, "write s0 1"), "-1 EPIPE");
	assert_string_equal(actor_do(&a, "signals"), "1 -");
	/* A child that holds everything must not hide the end. */
	assert_string_equal(actor_do(&a, "forkhold"), "0 -");
	actor_do(&a, "sigpipe default");
	assert_string_equal(actor_do(&a, "write s0 1"), "killed SIGPIPE");
	assert_int_equal(WTERMSIG(actor_stop(&a)), SIGPIPE);

	actor_start_as(&a, ACTOR_BARE, NULL);
	assert_string_equal(actor_do(&a, "quick_exit 3"), "exited 3");
	assert_int_equal(WEXITSTATUS(actor_stop(&a)), 3);
}

static void unprivileged_actor_has_no_capability(void **state)
{
	struct actor a;
	(void)state;
	actor_start_as(&a, ACTOR_BARE | ACTOR_UNPRIVILEGED, NULL);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "setsockopt s0 repair 1"), "-1 EPERM");
	stop_actor(&a);
	actor_start_as(&a, ACTOR_BARE, NULL);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "setsockopt s0 repair 1"), "0 -");
	stop_actor(&a);
}

static void environment_is_the_tests_own(void **state)
{
	struct actor a;
	(void)state;
	setenv("RESETBY_RULES", "from outside", 1);
	actor_start_as(&a, ACTOR_BARE, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	unsetenv("RESETBY_RULES");
	assert_string_equal(actor_do(&a, "getenv RESETBY_RULES"), "0 -");
	assert_string_equal(actor_do(&a, "getenv RESETBY_LEVEL"), "1 - calls");
	assert_string_equal(actor_do(&a, "getenv RESETBY_FORMAT"), "1 - json");
	assert_string_equal(actor_do(&a, "getenv LD_PRELOAD"), "0 -");
	stop_actor(&a);
	actor_start_as(&a, ACTOR_BARE, (const char *[]){"RESETBY_FORMAT=text", NULL});
	assert_string_equal(actor_do(&a, "getenv RESETBY_FORMAT"), "1 - text");
	stop_actor(&a);
}

static void second_host_answers_drops_and_rejects(void **state)
{
	struct actor a;
	struct capture wire;
	uint16_t port;
	(void)state;
	lab_second_host();
	lab_go(HOST_SECOND);
	int listener = peer_listen(AF_INET, &port);
	lab_go(HOST_FIRST);
	capture_open(&wire, "cable");
	close(peer_connect_to(SECOND_ADDR, port));
	close(peer_accept(listener));
	assert_int_equal(capture_count(&wire, (struct match){.to_port = port, .set = TH_SYN}), 1);

	lab_go(HOST_SECOND);
	nft("add rule inet lab in tcp dport %u reject with icmp type admin-prohibited", port);
	lab_go(HOST_FIRST);
	actor_start_as(&a, ACTOR_BARE, NULL);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "connect s0 " SECOND_ADDR " %u", port), "-1 EHOSTUNREACH");
	/* The answer to the first SYN comes so fast that connect still holds the socket's lock: the
	 * kernel then acts on the answer to the second, a second later (tcp_v4_err()). */
	assert_in_range(capture_icmp(&wire, IPPROTO_ICMP, 3, 13), 1, 2);

	lab_go(HOST_SECOND);
	nft_flush();
	nft("add rule inet lab in tcp dport %u drop", port);
	lab_go(HOST_FIRST);
	unsigned before = capture_count(&wire, (struct match){.to_port = port, .set = TH_SYN});
	actor_do(&a, "socket4 s1 nonblock");
	assert_string_equal(actor_do(&a, "connect s1 " SECOND_ADDR " %u", port), "-1 EINPROGRESS");
	assert_int_equal(capture_count(&wire, (struct match){.to_port = port, .set = TH_SYN}),
			 before + 1);
	assert_string_equal(actor_do(&a, "poll s1 out 50"), "0 -");
	stop_actor(&a);
	close(listener);
	capture_close(&wire);
}

static void rules_of_a_test_end_with_it(void **state)
{
	uint16_t port;
	(void)state;
	lab_second_host();
	lab_go(HOST_SECOND);
	int listener = peer_listen(AF_INET6, &port);
	lab_go(HOST_FIRST);
	nft("add rule inet lab out tcp dport %u drop", port);
	lab_teardown(NULL);
	close(peer_connect_to(SECOND_ADDR6, port));
	close(listener);
}

static void log_lines_are_found_and_taken_apart(void **state)
{
	struct actor a;
	(void)state;
	actor_start_as(&a, ACTOR_BARE, NULL);
	FILE *log = fopen(a.log, "w");
	fputs("{\"ev\":\"open\",\"fd\":5}\n"
	      "{\"ev\":\"error\",\"why\":\"\\\"ev\\\":\\\"open\\\"\\n\",\"else\":[\"a\",\"b\"]}\n"
	      "{\"ev\":\"error\",\"age_ms\":-1.5}\n{\"ev\":\"half",
	      log);
	fclose(log);
	assert_int_equal(log_count(&a, "open"), 1);
	assert_int_equal(log_count(&a, "error"), 2);
	assert_int_equal(log_count(&a, NULL), 3);
	const char *first = log_find(&a, "error", 0);
	assert_string_equal(json_get(first, "else"), "[\"a\",\"b\"]");
	assert_string_equal(json_get(first, "why"), "\"ev\":\"open\"\n");
	assert_null(json_get(first, "a"));
	assert_true(json_number(log_find(&a, "error", 1), "age_ms") == -1.5);
	assert_null(log_find(&a, "error", 2));
	assert_string_equal(log_line(&a, "\"fd\":5"), "{\"ev\":\"open\",\"fd\":5}");
	stop_actor(&a);
}

static void json_is_checked(void **state)
{
	(void)state;
	assert_true(json_valid("{\"a\":[],\"b\":{\"c\":null},\"d\":1e3} "));
	assert_false(json_valid("{\"a\":01}"));
	assert_false(json_valid("{\"a\":1,}"));
	assert_false(json_valid("{\"a\":\"\\x\"}"));
	assert_false(json_valid("{\"a\":\"\t\"}"));
	assert_false(json_valid("{\"a\" 1}"));
	assert_false(json_valid("{\"a\":1}{"));
	assert_false(json_valid("[1]"));
}

LAB_MAIN(LAB_TEST(capture_tells_an_abort_from_a_fin), LAB_TEST(capture_counts_each_segment_once),
	 LAB_TEST(counters_follow_an_abort), LAB_TEST(bare_actor_is_told_a_reset_once),
	 LAB_TEST(every_way_to_write_arrives), LAB_TEST(every_way_to_read_arrives),
	 LAB_TEST(actor_serves_and_duplicates), LAB_TEST(actor_waits_for_events),
	 LAB_TEST(ends_of_the_actor_are_told), LAB_TEST(unprivileged_actor_has_no_capability),
	 LAB_TEST(environment_is_the_tests_own), LAB_TEST(second_host_answers_drops_and_rejects),
	 LAB_TEST(rules_of_a_test_end_with_it), LAB_TEST(log_lines_are_found_and_taken_apart),
	 LAB_TEST(json_is_checked))
