/* Connections that live, not well: told in passing, once each. */

#include "lab_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Have the actor make calls about something else until it has warned. */
static const char *warning(struct actor *a, const char *cause)
{
	char text[64];
	snprintf(text, sizeof text, "\"cause\":\"%s\"", cause);
	int64_t end = lab_now_ms() + LAB_PATIENCE_MS;
	const char *line = log_line(a, text);
	actor_do(a, "epoll_create s7");
	while (line == NULL && lab_now_ms() < end) {
		actor_do(a, "epoll_wait s7 50");
		line = log_line(a, text);
	}
	assert_non_null(line);
	assert_string_equal(json_get(line, "ev"), "warn");
	return line;
}

static void a_leaked_close_wait_is_told_when_it_is_old(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, (const char *[]){"RESETBY_STALE=500ms", NULL});
		shutdown(p.peer, SHUT_WR);
		assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
		assert_int_equal(log_count(&p.a, "warn"), 0);
		const char *line = warning(&p.a, "close-wait-leak");
		assert_string_equal(json_get(line, "sure"), "certain");
		assert_string_equal(json_get(line, "state"), "CLOSE_WAIT");
		/* Once is enough. */
		actor_do(&p.a, "epoll_wait s7 1200");
		actor_do(&p.a, "epoll_wait s7 10");
		assert_int_equal(log_count(&p.a, "warn"), 1);
		pair_close(&p);
		if (how->nonblocking) {
			break;
		}
	}
}

static void a_leak_is_told_at_exit_at_the_latest(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_STALE=100ms", NULL});
	shutdown(p.peer, SHUT_WR);
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
	lab_let_pass(300);
	assert_int_equal(log_count(&p.a, "warn"), 0);
	assert_string_equal(actor_do(&p.a, "exit 0"), "exited 0");
	assert_string_equal(json_get(log_find(&p.a, "warn", 0), "cause"), "close-wait-leak");
	close(p.peer);
	capture_close(&p.wire);
}

static void a_leak_is_told_at_its_own_close(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation,
		  (const char *[]){"RESETBY_STALE=100ms", "RESETBY_LEVEL=conns", NULL});
	shutdown(p.peer, SHUT_WR);
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
	lab_let_pass(300);
	assert_int_equal(log_count(&p.a, "warn"), 0);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(json_get(log_find(&p.a, "warn", 0), "cause"), "close-wait-leak");
	/* A warning is none of the errors of the process. */
	assert_string_equal(actor_do(&p.a, "exit 0"), "exited 0");
	assert_string_equal(json_get(log_find(&p.a, "exit", 0), "errors"), "[]");
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

/* The program slept from before the FIN came until long after: how old it is the kernel knows. */
static void a_leak_that_no_call_has_met_is_told_at_the_first_one(void **state)
{
	static const char *const firsts[] = {"exit 0", "close s0", "close s1", "getsockname s0"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_STALE=1s", NULL});
		actor_do(&p.a, "socket4 s1");
		shutdown(p.peer, SHUT_WR);
		lab_let_pass(1200);
		actor_do(&p.a, "%s", firsts[i]);
		const char *line = log_find(&p.a, "warn", 0);
		assert_string_equal(json_get(line, "cause"), "close-wait-leak");
		assert_string_equal(json_get(line, "state"), "CLOSE_WAIT");
		if (i == 0) {
			close(p.peer);
			close(p.listener);
			capture_close(&p.wire);
		} else {
			pair_close(&p);
		}
	}
}

/* A server that only accepts and closes, a client that only connects: they notice, too. */
static void other_connections_opened_and_closed_notice_a_leak(void **state)
{
	static const char *const loops[][3] = {
		{"socket4 s1", "connect s1 127.0.0.1 1", "close s1"},
		{"socket4 s1", "setsockopt s1 nodelay 1", "close s1"},
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_STALE=200ms", NULL});
		shutdown(p.peer, SHUT_WR);
		assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
		int64_t end = lab_now_ms() + LAB_PATIENCE_MS;
		while (log_count(&p.a, "warn") == 0 && lab_now_ms() < end) {
			for (size_t k = 0; k < 3; k++) {
				actor_do(&p.a, "%s", loops[i][k]);
			}
			lab_let_pass(50);
		}
		assert_string_equal(json_get(log_find(&p.a, "warn", 0), "cause"),
				    "close-wait-leak");
		pair_close(&p);
	}
}

static void a_half_closed_connection_is_told_when_it_is_old(void **state)
{
	(void)state;
	struct pair p;
	lab_sysctl("net/ipv4/tcp_fin_timeout", "45");
	pair_open(&p, client_situation, (const char *[]){"RESETBY_STALE=500ms", NULL});
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	const char *line = warning(&p.a, "half-closed");
	assert_string_equal(json_get(line, "sure"), "certain");
	assert_string_equal(json_get(line, "state"), "FIN_WAIT_2");
	assert_non_null(strstr(json_get(line, "why"), "ends it in 45 s (tcp_fin_timeout)"));
	pair_close(&p);
}

static void an_unanswered_fin_is_told(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_STALE=500ms", NULL});
	nft("add rule inet lab in tcp sport %u drop", p.actor_port);
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	const char *line = warning(&p.a, "fin-unanswered");
	assert_string_equal(json_get(line, "sure"), "certain");
	assert_string_equal(json_get(line, "state"), "FIN_WAIT_1");
	assert_non_null(strstr(json_get(line, "why"), "gives up after 8 retransmissions"));
	nft_flush();
	pair_close(&p);
}

static void unacknowledged_data_is_told_after_three_retransmissions(void **state)
{
	(void)state;
	for (int half_closed = 0; half_closed < 2; half_closed++) {
		struct pair p;
		pair_open(&p, client_situation, NULL);
		if (half_closed) {
			shutdown(p.peer, SHUT_WR);
			assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
		}
		nft("add rule inet lab in tcp sport %u drop", p.actor_port);
		assert_string_equal(actor_do(&p.a, "send s0 10"), "10 -");
		const char *line = warning(&p.a, "losing");
		assert_string_equal(json_get(line, "sure"), "certain");
		assert_true(json_number(line, "retrans") >= 3);
		assert_int_equal((int)json_number(line, "outq"), 10);
		/* Nothing else is wrong with it yet: it is half-closed for less than a minute. */
		assert_int_equal(log_count(&p.a, "warn"), 1);
		nft_flush();
		pair_close(&p);
	}
}

static void data_that_this_host_does_not_send_is_told_after_three_attempts(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	nft("add rule inet lab out tcp sport %u drop", p.actor_port);
	assert_string_equal(actor_do(&p.a, "send s0 10"), "10 -");
	const char *line = warning(&p.a, "losing");
	assert_string_equal(json_get(line, "sure"), "certain");
	assert_non_null(strstr(json_get(line, "why"), "10 bytes could not be sent in "));
	nft_flush();
	pair_close(&p);
}

static void a_handshake_that_needed_a_second_syn_is_told(void **state)
{
	(void)state;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	struct actor a;
	struct capture wire;
	capture_open(&wire, "lo");
	actor_start(&a, NULL);
	actor_do(&a, "socket4 s0");
	nft("add rule inet lab in tcp dport %u tcp flags syn drop", port);
	actor_send(&a, "connect s0 127.0.0.1 %u", port);
	capture_await(&wire, (struct match){.to_port = port, .set = TH_SYN}, 0);
	nft_flush();
	assert_string_equal(actor_result(&a), "0 -");
	const char *line = log_find(&a, "warn", 0);
	assert_string_equal(json_get(line, "cause"), "slow-handshake");
	assert_string_equal(json_get(line, "sure"), "likely");
	assert_true(json_number(line, "retrans") >= 1);
	actor_stop(&a);
	close(listener);
	capture_close(&wire);
}

static void a_handshake_ack_that_is_lost_is_told(void **state)
{
	(void)state;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	struct actor a;
	actor_start(&a, NULL);
	actor_do(&a, "socket4 s0");
	/* Whatever comes from the client but its SYN is lost. */
	nft("add rule inet lab in tcp dport %u tcp flags & syn == 0 drop", port);
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "0 -");
	assert_string_equal(actor_do(&a, "send s0 10"), "10 -");
	const char *line = warning(&a, "handshake-ack-lost");
	assert_string_equal(json_get(line, "sure"), "likely");
	assert_string_equal(json_get(line, "state"), "ESTABLISHED");
	nft_flush();
	actor_stop(&a);
	close(listener);
}

/** Two may wait to be accepted. */
static uint16_t listen_for_two(struct actor *a, const char *slot)
{
	actor_do(a, "socket4 %s", slot);
	actor_do(a, "bind %s 127.0.0.1 0", slot);
	assert_string_equal(actor_do(a, "listen %s 1", slot), "0 -");
	return (uint16_t)atoi(strrchr(actor_do(a, "getsockname %s", slot), ':') + 1);
}

/** The third finds the queue full and is dropped. */
static void overflow_by_one(struct actor *client, const char *slot, uint16_t port, int fds[2])
{
	fds[0] = peer_connect(AF_INET, port);
	fds[1] = peer_connect(AF_INET, port);
	actor_do(client, "socket4 %s nonblock", slot);
	assert_string_equal(actor_do(client, "connect %s 127.0.0.1 %u", slot, port),
			    "-1 EINPROGRESS");
}

static void an_overflowing_listener_is_told_at_accept(void **state)
{
	(void)state;
	struct actor a;
	lab_sysctl("net/ipv4/tcp_syn_retries", "1");
	actor_start(&a, NULL);
	uint16_t port = listen_for_two(&a, "s9");
	int fds[2];
	struct actor third;
	actor_start_as(&third, ACTOR_BARE, NULL);
	overflow_by_one(&third, "s0", port, fds);
	assert_int_equal(log_count(&a, "warn"), 0);
	assert_int_equal(actor_number(actor_do(&a, "accept s9 s0")), 0);
	const char *line = log_find(&a, "warn", 0);
	assert_string_equal(json_get(line, "cause"), "accept-overflow");
	assert_string_equal(json_get(line, "sure"), "certain");
	assert_string_equal(json_get(line, "state"), "LISTEN");
	close(fds[0]);
	close(fds[1]);
	actor_stop(&third);
	actor_stop(&a);
	lab_sysctl("net/ipv4/tcp_syn_retries", "6");
}

/** Which does nothing to it: what had overflowed before in its network namespace is not its own. */
static void a_listener_that_is_shut_for_writing_overflows_as_any_other(void **state)
{
	(void)state;
	struct actor a;
	struct actor client;
	int fds[2][2];
	actor_start(&a, NULL);
	actor_start_as(&client, ACTOR_BARE, NULL);
	overflow_by_one(&client, "s0", listen_for_two(&a, "s8"), fds[0]);
	actor_do(&client, "close s0");
	uint64_t before = netstat_counter("ListenOverflows");
	assert_true(before > 0);
	uint16_t port = listen_for_two(&a, "s9");
	assert_string_equal(actor_do(&a, "shutdown s9 w"), "0 -");
	overflow_by_one(&client, "s1", port, fds[1]);
	assert_int_equal(actor_number(actor_do(&a, "accept s9 s0")), 0);
	const char *told = strstr(json_get(log_find(&a, "warn", 0), "why"), "have overflowed ");
	assert_non_null(told);
	assert_true(strtoul(strpbrk(told, "0123456789"), NULL, 10) <=
		    netstat_counter("ListenOverflows") - before);
	for (int i = 0; i < 4; i++) {
		close(fds[i / 2][i % 2]);
	}
	actor_stop(&client);
	actor_stop(&a);
}

/** A RST that belongs to no connection, as a client sends when late data meets its closed socket. */
static void send_stray_rst(uint16_t port)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct tcphdr segment = {
		.source = htons(5555),
		.dest = htons(port),
		.doff = sizeof segment / 4,
		.rst = 1,
	};
	int checksum = offsetof(struct tcphdr, check);
	int raw = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	assert_true(raw >= 0);
	assert_int_equal(setsockopt(raw, IPPROTO_IPV6, IPV6_CHECKSUM, &checksum, sizeof checksum),
			 0);
	assert_int_equal(
		sendto(raw, &segment, sizeof segment, 0, (struct sockaddr *)&name, sizeof name),
		sizeof segment);
	close(raw);
}

/** What ss shows as skmem's `d`: the kernel's sk_drops of a listener. */
static unsigned drops_of(uint16_t port)
{
	char command[64];
	char line[1024] = "";
	snprintf(command, sizeof command, "ss -Hlntm sport = :%u | tr -d '\n'", port);
	FILE *ss = popen(command, "re");
	assert_non_null(ss);
	assert_non_null(fgets(line, sizeof line, ss));
	assert_int_equal(pclose(ss), 0);
	const char *drops = strstr(line, ",d");
	assert_non_null(drops);
	return (unsigned)atoi(drops + 2);
}

static void segments_that_a_listener_drops_for_other_reasons_are_no_overflow(void **state)
{
	(void)state;
	struct actor a;
	actor_start(&a, NULL);
	actor_do(&a, "socket6 s9");
	actor_do(&a, "bind s9 ::1 0");
	/* Its queue is as full as can be after each accept: one may wait, and one is taken. */
	assert_string_equal(actor_do(&a, "listen s9 0"), "0 -");
	uint16_t port = (uint16_t)atoi(strrchr(actor_do(&a, "getsockname s9"), ':') + 1);
	for (unsigned i = 0; i < 3; i++) {
		send_stray_rst(port);
		int64_t end = lab_now_ms() + LAB_PATIENCE_MS;
		while (drops_of(port) <= i && lab_now_ms() < end) {
		}
		assert_int_equal(drops_of(port), i + 1);
		int fd = peer_connect(AF_INET6, port);
		assert_int_equal(actor_number(actor_do(&a, "accept s9 s0")), 0);
		close(fd);
		actor_do(&a, "close s0");
		/* The same listener is looked at ten times a second at most. */
		lab_let_pass(110);
	}
	assert_int_equal(netstat_counter("ListenOverflows"), 0);
	assert_int_equal(log_count(&a, "warn"), 0);
	actor_stop(&a);
}

LAB_MAIN(LAB_TEST(a_leaked_close_wait_is_told_when_it_is_old),
	 LAB_TEST(a_leak_is_told_at_exit_at_the_latest), LAB_TEST(a_leak_is_told_at_its_own_close),
	 LAB_TEST(a_leak_that_no_call_has_met_is_told_at_the_first_one),
	 LAB_TEST(other_connections_opened_and_closed_notice_a_leak),
	 LAB_TEST(a_half_closed_connection_is_told_when_it_is_old),
	 LAB_TEST(an_unanswered_fin_is_told),
	 LAB_TEST(unacknowledged_data_is_told_after_three_retransmissions),
	 LAB_TEST(data_that_this_host_does_not_send_is_told_after_three_attempts),
	 LAB_TEST(a_handshake_that_needed_a_second_syn_is_told),
	 LAB_TEST(a_handshake_ack_that_is_lost_is_told),
	 LAB_TEST(segments_that_a_listener_drops_for_other_reasons_are_no_overflow),
	 LAB_TEST(an_overflowing_listener_is_told_at_accept),
	 LAB_TEST(a_listener_that_is_shut_for_writing_overflows_as_any_other))
