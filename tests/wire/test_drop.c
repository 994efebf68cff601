/* drop, loss and vanish: what arrives, or the end itself, is lost (CAP_NET_ADMIN). */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Start an actor with one rule that listens in s9; the port. */
static uint16_t actor_listens(struct actor *a, int family, const char *rule)
{
	char rules[128];
	snprintf(rules, sizeof rules, "RESETBY_RULES=%s", rule);
	actor_start(a, (const char *[]){rules, "RESETBY_SEED=77", NULL});
	actor_do(a, "socket%d s9", family == AF_INET ? 4 : 6);
	assert_string_equal(actor_do(a, "bind s9 %s 0", loopback(family)), "0 -");
	assert_string_equal(actor_do(a, "listen s9 5"), "0 -");
	return (uint16_t)atoi(strrchr(actor_do(a, "getsockname s9"), ':') + 1);
}

/** HS-1: the SYN never arrives; it is sent again until tcp_syn_retries is used up. */
static void a_lost_syn_is_sent_again_and_given_up(void **state)
{
	(void)state;
	lab_sysctl("net/ipv4/tcp_syn_retries", "1");
	lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", "0");
	struct actor a, client;
	struct capture wire;
	uint16_t port = actor_listens(&a, AF_INET, "drop=syn");
	capture_open(&wire, "lo");
	actor_start(&client, NULL);
	actor_do(&client, "socket4 s0");
	assert_string_equal(actor_do(&client, "connect s0 127.0.0.1 %u", port), "-1 ETIMEDOUT");
	assert_int_equal(capture_count(&wire, (struct match){.to_port = port, .set = TH_SYN}), 2);
	assert_int_equal(capture_count(&wire, (struct match){.from_port = port}), 0);
	assert_string_equal(json_get(log_find(&client, "error", 0), "cause"), "no-answer");
	assert_string_equal(json_get(log_find(&client, "error", 0), "sure"), "certain");
	assert_non_null(strstr(json_get(log_find(&a, "inject", 0), "by"), "SYNs to this listener"));
	actor_stop(&client);
	actor_stop(&a);
	capture_close(&wire);
	lab_sysctl("net/ipv4/tcp_syn_retries", "6");
	lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", "4");
}

static void a_lost_syn_can_be_chosen_by_source_and_chance(void **state)
{
	(void)state;
	static const struct {
		const char *from, *rule;
		bool lost;
	} cases[] = {
		{"127.1.2.3", "drop=syn to=127.1.2.3:20001", true},
		{"127.1.2.3", "drop=syn to=127.1.2.3:1-20000", false},
		{"127.1.2.3", "drop=syn to=:20002-65535", false},
		{"127.1.2.3", "drop=syn to=127.1.2.2", false},
		{"127.1.2.3", "drop=syn to=127.1.3.3", false},
		{"127.1.2.3", "drop=syn to=127.2.2.3", false},
		{"127.1.2.3", "drop=syn to=127.1.3.9/23", true},
		{"127.1.2.3", "drop=syn to=127.1.3.9/24", false},
		{"127.1.2.3", "drop=syn prob=0.0001%", false},
		{"::1", "drop=syn to=[::2]", false},
		{"::1", "drop=syn to=[1::1]", false},
		{"::1", "drop=syn to=[::]/127", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct actor a, client;
		int family = strchr(cases[i].from, ':') != NULL ? AF_INET6 : AF_INET;
		uint16_t port = actor_listens(&a, family, cases[i].rule);
		actor_start_as(&client, ACTOR_BARE, NULL);
		actor_do(&client, "socket%d s0", family == AF_INET ? 4 : 6);
		assert_string_equal(actor_do(&client, "bind s0 %s 20001", cases[i].from), "0 -");
		/* The first SYN is enough to be accepted; two that are lost are no chance. */
		actor_do(&client, "setsockopt s0 user_timeout 1500");
		assert_string_equal(actor_do(&client, "connect s0 %s %u", loopback(family), port),
				    cases[i].lost ? "-1 ETIMEDOUT" : "0 -");
		actor_stop(&client);
		actor_stop(&a);
	}
}

/** HS-2: the SYN-ACK never arrives. */
static void a_lost_syn_ack_ends_in_a_timeout(void **state)
{
	(void)state;
	lab_sysctl("net/ipv4/tcp_syn_retries", "1");
	lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", "0");
	uint16_t port;
	int listener = peer_listen(AF_INET6, &port);
	struct actor a;
	struct capture wire;
	capture_open(&wire, "lo");
	actor_start(&a, (const char *[]){"RESETBY_RULES=drop=synack", NULL});
	actor_do(&a, "socket6 s0");
	assert_string_equal(actor_do(&a, "connect s0 ::1 %u", port), "-1 ETIMEDOUT");
	assert_true(capture_count(&wire,
				  (struct match){.from_port = port, .set = TH_SYN | TH_ACK}) >= 2);
	assert_string_equal(json_get(log_find(&a, "error", 0), "cause"), "no-answer");
	actor_stop(&a);
	close(listener);
	capture_close(&wire);
	lab_sysctl("net/ipv4/tcp_syn_retries", "6");
	lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", "4");
}

/** HS-3: the client is ESTABLISHED, the server goes on with its SYN-ACK. */
static void a_lost_handshake_ack_leaves_the_server_in_syn_recv(void **state)
{
	(void)state;
	struct actor a;
	struct capture wire;
	uint16_t port = actor_listens(&a, AF_INET, "drop=ack");
	capture_open(&wire, "lo");
	int fd = peer_connect(AF_INET, port);
	assert_int_equal(tcp_state(fd), TCP_ESTABLISHED);
	peer_send(fd, "lost");
	capture_await(&wire, (struct match){.from_port = port, .set = TH_SYN | TH_ACK}, 1);
	assert_string_equal(actor_do(&a, "poll s9 in 0"), "0 -");
	close(fd);
	actor_stop(&a);
	capture_close(&wire);
}

/** The kernel gives it to what is accepted, too. */
static void a_listeners_filter_is_not_its_connections(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port = actor_listens(&a, AF_INET, "drop=ack prob=0.0001%");
	int fd = peer_connect(AF_INET, port);
	actor_do(&a, "accept s9 s1");
	assert_string_not_equal(actor_do(&a, "filter_length s9"), "0 - 0");
	assert_string_equal(actor_do(&a, "filter_length s1"), "0 - 0");
	actor_stop(&a);
	close(fd);
}

/** FIN-3 (FIN-1 from the other side): the peer's FIN never arrives. */
static void a_lost_fin_leaves_the_peer_in_fin_wait_1(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "drop=fin");
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		/* Sent again, for nobody acknowledges it. */
		capture_await(&p.wire, (struct match){.from_port = p.peer_port, .set = TH_FIN}, 1);
		assert_int_equal(tcp_state(p.peer), TCP_FIN_WAIT1);
		assert_string_equal(actor_do(&p.a, "poll s0 rdhup 0"), "0 -");
		pair_expect_told(&p, "inject", 0, "1 drop=fin", "FINs");
		pair_close(&p);
	}
}

/** FIN-1, FIN-2: our FIN is not acknowledged. */
static void a_lost_ack_of_our_fin_leaves_us_in_fin_wait_1(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drop=finack");
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	capture_await(&p.wire, (struct match){.from_port = p.actor_port, .set = TH_FIN}, 1);
	tcp_wait_state(p.peer, TCP_CLOSE_WAIT);
	pair_expect_told(&p, "inject", 0, "1 drop=finack", "acknowledge our FIN");
	pair_close(&p);
}

static bool loses_the_peers_fin(const char *rule, const char *way)
{
	struct pair p;
	pair_with_rule(&p, client_situation, rule);
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	peer_recv(p.peer, 3);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	assert_string_equal(actor_do(&p.a, "%s", way), "0 -");
	tcp_wait_state(p.peer, TCP_CLOSE_WAIT);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	/* Sent again, for nobody acknowledges it. */
	struct match fins = {.from_port = p.peer_port, .set = TH_FIN};
	lab_until(tcp_state(p.peer) != TCP_LAST_ACK || capture_find(&p.wire, fins, 1) != NULL);
	bool loses = tcp_state(p.peer) == TCP_LAST_ACK;
	assert_int_equal(log_count(&p.a, "inject"), 1);
	pair_close(&p);
	return loses;
}

/**
 * FIN-3 after our close: the peer's FIN never arrives at what is closed here, FIN_WAIT_2. Where a busy
 * machine has our own FIN acknowledged after the close has returned, the kernel keeps no socket for it.
 */
static void a_fin_can_be_lost_from_the_close_on(void **state)
{
	static const char *const rules[] = {"drop=fin when=close", "drop=fin after=3",
					    "drop=all when=close", "drop=rst when=close"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		int tries = 1;
		while (!loses_the_peers_fin(rules[i], "close s0")) {
			assert_true(tries++ < 5);
		}
		assert_true(loses_the_peers_fin(rules[i], "shutdown s0 w"));
	}
}

/** As a server does that forks: its close is no end, and the child goes on with the connection. */
static void a_close_that_is_not_the_last_loses_nothing(void **state)
{
	static const char *const rules[] = {"drop=finack", "drop=all when=close", "vanish"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		/* Whose FIN is acknowledged. */
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		tcp_wait_state(p.peer, TCP_FIN_WAIT2);
		assert_int_equal(log_count(&p.a, "inject"), 0);
		const char *why = json_get(log_find(&p.a, "warn", 0), "why");
		assert_non_null(strstr(why, "another process may hold the socket"));
		assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
		pair_close(&p);
	}
}

/** What a RST has ended sends nothing that could be lost. */
static void a_dead_connection_loses_nothing_at_its_close(void **state)
{
	static const char *const rules[] = {"drop=finack", "vanish"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		pair_abort_peer(&p);
		actor_do(&p.a, "poll s0 in 20000");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(log_count(&p.a, "inject"), 0);
		pair_close(&p);
	}
}

/** Half-open: the peer is gone and we do not hear of it. */
static void a_lost_rst_leaves_the_connection_half_open(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drop=rst");
	pair_abort_peer(&p);
	assert_true(capture_rst(&p.wire, p.peer_port));
	assert_string_equal(actor_do(&p.a, "poll s0 in 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	actor_stop(&p.a);
	capture_close(&p.wire);
}

static void silence_is_met_by_user_timeout(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drop=all; user-timeout=500ms");
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	assert_string_equal(actor_do(&p.a, "recv s0 3"), "-1 ETIMEDOUT");
	const char *error = log_find(&p.a, "error", 0);
	assert_string_equal(json_get(error, "cause"), "user-timeout");
	assert_string_equal(json_get(error, "sure"), "certain");
	pair_close(&p);
}

/** An edited rules file takes the filter off, and what was lost is sent again. */
static void a_dropped_connection_heals_when_the_rule_ends(void **state)
{
	(void)state;
	char path[600], variable[640];
	snprintf(path, sizeof path, "%s/rules", lab_dir());
	snprintf(variable, sizeof variable, "RESETBY_RULES_FILE=%s", path);
	FILE *file = fopen(path, "w");
	fputs("drop=all\n", file);
	fclose(file);
	struct pair p;
	pair_open(&p, client_situation, (const char *[]){variable, NULL});
	peer_send(p.peer, "late");
	assert_string_equal(actor_do(&p.a, "poll s0 in 100"), "0 -");
	file = fopen(path, "w");
	fputs("# nothing is dropped any more\n", file);
	fclose(file);
	char answer[64] = "0 -";
	for (int i = 0; i < 100 && strcmp(answer, "0 -") == 0; i++) {
		snprintf(answer, sizeof answer, "%s", actor_do(&p.a, "poll s0 in 100"));
	}
	assert_string_equal(actor_do(&p.a, "recv s0 4"), "4 - late");
	pair_close(&p);
}

/**
 * The peer sends a lot through a lossy socket: all of it comes, some of it twice. No seed makes the
 * kernel's draws the same: it goes on until some were lost, and one is not lost eight times in a row.
 */
static void loss_is_made_good_by_retransmission(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "loss=10%");
	uint64_t before = netstat_counter("RetransSegs");
	for (int i = 0; i < 1000 && netstat_counter("RetransSegs") < before + 5; i++) {
		peer_send_bytes(p.peer, 2000);
		assert_string_equal(actor_do(&p.a, "recvall s0 2000"), "2000 - 2000");
	}
	assert_true(netstat_counter("RetransSegs") >= before + 5);
	pair_expect_told(&p, "inject", 0, "1 loss=10%", "at random");
	pair_close(&p);
}

static void a_vanished_socket_sends_nothing(void **state)
{
	static const char *const ways[] = {"close s0", "exit 0", "_exit 0"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_with_rule(&p, *how, "vanish");
			actor_do(&p.a, "%s", ways[i]);
			assert_false(pair_sent_fin(&p));
			assert_false(pair_sent_rst(&p));
			/* The peer's next byte meets a host that knows nothing of it. */
			peer_send(p.peer, "x");
			assert_true(peer_poll(p.peer, POLLERR | POLLHUP, LAB_PATIENCE_MS) != 0);
			pair_expect_told(&p, "inject", 0, "1 vanish", "TCP_REPAIR");
			assert_null(json_get(log_find(&p.a, "close", 0), "end"));
			pair_close(&p);
		}
	}
}

/** drain would send the FIN first. */
static void what_vanishes_is_not_drained(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "vanish; drain");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_false(pair_sent_fin(&p));
	assert_false(pair_sent_rst(&p));
	assert_int_equal(log_count(&p.a, "inject"), 1);
	assert_int_equal(log_count(&p.a, "mitigate"), 0);
	pair_close(&p);
}

/** What was said of the close is what happens: no other rule makes something else of it. */
static void of_rules_that_act_at_the_close_one_does(void **state)
{
	static const char *const rules[] = {"vanish; linger0", "vanish; unread", "leak; linger0",
					    "linger0; unread; drain"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		assert_int_equal(log_count(&p.a, "inject"), 1);
		assert_int_equal(log_count(&p.a, "mitigate"), 0);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
		pair_close(&p);
	}
}

/** Used up, the next close is an ordinary one. */
static void each_action_at_the_close_counts_its_times(void **state)
{
	static const char *const rules[] = {"leak times=1", "vanish times=1", "unread times=1",
					    "drain=9ms times=1", "linger0 times=1"};
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(log_count(&p.a, "inject") + log_count(&p.a, "mitigate"), 1);
		pair_again(&p);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(pair_expect_fin(&p), 0);
		assert_int_equal(log_count(&p.a, "inject") + log_count(&p.a, "mitigate"), 1);
		pair_close(&p);
	}
}

static void without_the_capability_they_say_so_once_and_do_nothing(void **state)
{
	static const char *const rules[] = {"drop=all", "drop=rst", "loss=50%", "vanish"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char variable[64];
		struct pair p;
		snprintf(variable, sizeof variable, "RESETBY_RULES=%s", rules[i]);
		pair_open_as(&p, client_situation, ACTOR_UNPRIVILEGED,
			     (const char *[]){variable, "RESETBY_LEVEL=conns", NULL});
		peer_send(p.peer, "abc");
		assert_string_equal(actor_do(&p.a, "recvall s0 3"), "3 - 3");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(pair_expect_fin(&p), 0);
		assert_int_equal(log_count(&p.a, "warn"), 1);
		assert_int_equal(log_count(&p.a, "inject"), 0);
		const char *why = json_get(log_find(&p.a, "warn", 0), "why");
		assert_non_null(strstr(why, "CAP_NET_ADMIN"));
		assert_non_null(strstr(why, "resetby run --netns"));
		assert_string_equal(json_get(log_find(&p.a, "warn", 0), "sure"), "certain");
		assert_non_null(json_get(log_find(&p.a, "warn", 0), "advice"));
		/* What could not act has not fired. */
		actor_do(&p.a, "exit 0");
		assert_non_null(strstr(log_find(&p.a, "exit", 0), "\"count\":0"));
		pair_close(&p);
	}
}

static void zero_percent_is_never(void **state)
{
	static const char *const rules[] = {"loss=0%", "drop=all prob=0%"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		peer_send(p.peer, "abc");
		assert_string_equal(actor_do(&p.a, "recvall s0 3"), "3 - 3");
		actor_do(&p.a, "exit 0");
		assert_int_equal(log_count(&p.a, "inject"), 0);
		assert_non_null(strstr(log_find(&p.a, "exit", 0), "\"count\":0"));
		pair_close(&p);
	}
}

static void a_fin_that_has_come_cannot_be_lost(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port = actor_listens(&a, AF_INET, "drop=fin");
	int peer = peer_connect(AF_INET, port);
	shutdown(peer, SHUT_WR);
	actor_do(&a, "accept s9 s0");
	assert_string_equal(actor_do(&a, "recv s0 10"), "0 -");
	assert_non_null(strstr(json_get(log_find(&a, "warn", 0), "why"), "FIN had come already"));
	assert_int_equal(log_count(&a, "inject"), 0);
	actor_stop(&a);
	close(peer);
}

/** The new program finds it there, and knows whose it is. */
static void a_filter_is_ours_after_exec(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drop=fin");
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	assert_int_equal(log_count(&p.a, "warn"), 0);
	assert_int_equal(log_count(&p.a, "inject"), 2);
	shutdown(p.peer, SHUT_WR);
	assert_string_equal(actor_do(&p.a, "poll s0 in 100"), "0 -");
	assert_int_equal(tcp_state(p.peer), TCP_FIN_WAIT1);
	pair_close(&p);
}

/** Then it is not there for the next one to go on to. */
static void a_filter_that_the_program_took_off_is_no_bar_to_another(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drop=fin; loss=100% after=5");
	assert_string_not_equal(actor_do(&p.a, "filter_length s0"), "0 - 0");
	assert_string_equal(actor_do(&p.a, "no_filter s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	assert_int_equal(log_count(&p.a, "warn"), 0);
	assert_int_equal(log_count(&p.a, "inject"), 2);
	peer_send(p.peer, "lost");
	assert_string_equal(actor_do(&p.a, "poll s0 in 100"), "0 -");
	pair_close(&p);
}

static void a_filter_ends_with_its_connection(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drop=all conn=1");
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "0 -");
	int peer = peer_accept(p.listener);
	peer_send(peer, "new");
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "3 - new");
	pair_close(&p);
	close(peer);
}

/** A filter is there from the first call on at which it may be. */
static void a_filter_is_put_on_at_its_kind_of_call(void **state)
{
	static const char *const rules[] = {"loss=1%", "drop=fin"};
	static const char *const calls[] = {"send s0 1", "recv s0 1"};
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct pair p;
		bool read = i / 2 == 1;
		pair_with_rule(&p, client_situation,
			       lab_text("%s%s", rules[i % 2],
					i / 2 == 0 ? ""
					: read     ? " when=read"
						   : " when=write"));
		assert_int_equal(log_count(&p.a, "inject"), i / 2 == 0);
		peer_send(p.peer, "x");
		actor_do(&p.a, "%s", calls[!read]);
		assert_int_equal(log_count(&p.a, "inject"), i / 2 == 0);
		peer_send(p.peer, "x");
		actor_do(&p.a, "%s", calls[read]);
		assert_int_equal(log_count(&p.a, "inject"), 1);
		pair_close(&p);
	}
}

/** Each in either order: the one loses what the other one lets pass. */
static void drop_and_loss_of_one_connection_both_lose(void **state)
{
	static const char *const rules[] = {"drop=fin; loss=1%", "loss=1%; drop=fin after=1"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_recv(p.peer, 10);
		shutdown(p.peer, SHUT_WR);
		assert_string_equal(actor_do(&p.a, "poll s0 in 300"), "0 -");
		assert_int_equal(tcp_state(p.peer), TCP_FIN_WAIT1);
		assert_int_equal(log_count(&p.a, "inject"), 2);
		pair_close(&p);
	}
}

LAB_MAIN(LAB_TEST(a_lost_syn_is_sent_again_and_given_up),
	 LAB_TEST(a_lost_syn_can_be_chosen_by_source_and_chance),
	 LAB_TEST(a_lost_syn_ack_ends_in_a_timeout),
	 LAB_TEST(a_lost_handshake_ack_leaves_the_server_in_syn_recv),
	 LAB_TEST(a_listeners_filter_is_not_its_connections),
	 LAB_TEST(a_lost_fin_leaves_the_peer_in_fin_wait_1),
	 LAB_TEST(a_lost_ack_of_our_fin_leaves_us_in_fin_wait_1),
	 LAB_TEST(a_fin_can_be_lost_from_the_close_on),
	 LAB_TEST(a_close_that_is_not_the_last_loses_nothing),
	 LAB_TEST(a_dead_connection_loses_nothing_at_its_close),
	 LAB_TEST(a_lost_rst_leaves_the_connection_half_open),
	 LAB_TEST(silence_is_met_by_user_timeout),
	 LAB_TEST(a_dropped_connection_heals_when_the_rule_ends),
	 LAB_TEST(loss_is_made_good_by_retransmission), LAB_TEST(a_vanished_socket_sends_nothing),
	 LAB_TEST(what_vanishes_is_not_drained), LAB_TEST(of_rules_that_act_at_the_close_one_does),
	 LAB_TEST(each_action_at_the_close_counts_its_times),
	 LAB_TEST(without_the_capability_they_say_so_once_and_do_nothing),
	 LAB_TEST(zero_percent_is_never), LAB_TEST(a_fin_that_has_come_cannot_be_lost),
	 LAB_TEST(a_filter_is_ours_after_exec),
	 LAB_TEST(a_filter_that_the_program_took_off_is_no_bar_to_another),
	 LAB_TEST(a_filter_ends_with_its_connection),
	 LAB_TEST(a_filter_is_put_on_at_its_kind_of_call),
	 LAB_TEST(drop_and_loss_of_one_connection_both_lose))
