/* keepalive, user-timeout, drain and errno: cures that a program gets from outside. */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keepalive_sets_its_timers_on_both_sides(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "keepalive=7s/3s/2 times=1");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 keepalive"), "0 - 1");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 keepidle"), "0 - 7");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 keepintvl"), "0 - 3");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 keepcnt"), "0 - 2");
		pair_expect_told(&p, "mitigate", 0, "1 keepalive=7s/3s/2 times=1",
				 "after 7 s of silence");
		pair_again(&p);
		assert_string_equal(actor_do(&p.a, "getsockopt s0 keepalive"), "0 - 0");
		pair_close(&p);
	}
}

static void a_silent_peer_is_noticed_by_keepalive(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "keepalive=1s/1s/1; drop=all");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 ETIMEDOUT");
	const char *error = log_find(&p.a, "error", 0);
	assert_string_equal(json_get(error, "cause"), "keepalive-limit");
	assert_string_equal(json_get(error, "sure"), "certain");
	pair_close(&p);
}

static void keepalive_leaves_a_program_with_its_own_alone(void **state)
{
	(void)state;
	struct pair p;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	actor_start(&p.a,
		    (const char *[]){"RESETBY_RULES=keepalive=7s/3s/2; user-timeout=9s", NULL});
	actor_do(&p.a, "socket4 s0");
	actor_do(&p.a, "setsockopt s0 keepalive 1");
	actor_do(&p.a, "setsockopt s0 keepidle 33");
	actor_do(&p.a, "setsockopt s0 user_timeout 4321");
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", port), "0 -");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 keepidle"), "0 - 33");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 4321");
	assert_int_equal(log_count(&p.a, "mitigate"), 0);
	actor_stop(&p.a);
	close(listener);
}

static void user_timeout_is_set_on_both_sides(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "user-timeout=2500ms");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 2500");
		if (how->server) {
			pair_expect_told(&p, "mitigate", 0, "1 user-timeout=2500ms",
					 "TCP_USER_TIMEOUT set");
		} else {
			/* Before the SYN the own address is not known. */
			const char *told = log_find(&p.a, "mitigate", 0);
			assert_string_equal(json_get(told, "rule"), "1 user-timeout=2500ms");
			assert_string_equal(json_get(told, "conn"), "1");
		}
		pair_again(&p);
		assert_string_equal(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 2500");
		assert_int_equal(log_count(&p.a, "mitigate"), 2);
		pair_close(&p);
	}
}

/** Listens on the second host, where no SYN arrives; the actor is on the first. */
static int listener_behind_a_wall(uint16_t *port)
{
	lab_second_host();
	lab_go(HOST_SECOND);
	int listener = peer_listen(AF_INET, port);
	nft("add rule inet lab in tcp dport %u drop", *port);
	lab_go(HOST_FIRST);
	return listener;
}

static const struct match syns = {.set = TH_SYN, .clear = TH_ACK};

/** The kernel's own limit is minutes away. */
static void user_timeout_ends_a_connect_that_is_not_answered(void **state)
{
	(void)state;
	static const char *const how[] = {"", "nonblock"};
	uint16_t port;
	int listener = listener_behind_a_wall(&port);
	for (size_t i = 0; i < 2; i++) {
		struct actor a;
		struct capture wire;
		capture_open(&wire, "cable");
		actor_start(&a, (const char *[]){"RESETBY_RULES=user-timeout=1500ms", NULL});
		actor_do(&a, "socket4 s0 %s", how[i]);
		actor_send(&a, "connect s0 " SECOND_ADDR " %u", port);
		if (i == 1) {
			assert_string_equal(actor_result(&a), "-1 EINPROGRESS");
			actor_send(&a, "poll s0 out -1");
			const char *ready = actor_result_within(&a, LAB_PATIENCE_MS);
			assert_non_null(ready);
			assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - ETIMEDOUT");
		} else {
			const char *ended = actor_result_within(&a, LAB_PATIENCE_MS);
			assert_non_null(ended);
			assert_string_equal(ended, "-1 ETIMEDOUT");
		}
		/*
		 * At the first SYN timer after the limit: of those at 1 s steps, or of 1, 2, 4 s; it may
		 * be the very first, where the machine stood still.
		 */
		assert_in_range(capture_count(&wire, syns), 1, 3);
		const char *told = log_find(&a, "mitigate", 0);
		assert_string_equal(json_get(told, "by"), "TCP_USER_TIMEOUT set to 1.5 s");
		const char *error = log_find(&a, "error", 0);
		assert_string_equal(json_get(error, "cause"), "no-answer");
		assert_non_null(
			strstr(json_get(error, "why"), "cut short by TCP_USER_TIMEOUT 1.5 s"));
		/* Of its next connection the socket knows nothing. */
		assert_string_equal(actor_do(&a, "getsockopt s0 user_timeout"), "0 - 0");
		actor_stop(&a);
		capture_close(&wire);
	}
	close(listener);
}

static void user_timeout_leaves_what_the_program_sets_while_it_connects(void **state)
{
	(void)state;
	static const unsigned own[] = {4321, 0};
	for (size_t i = 0; i < 2; i++) {
		struct actor a;
		uint16_t port;
		int listener = listener_behind_a_wall(&port);
		actor_start(&a, (const char *[]){"RESETBY_RULES=user-timeout=60s",
						 "RESETBY_LEVEL=conns", NULL});
		actor_do(&a, "socket4 s0 nonblock");
		assert_string_equal(actor_do(&a, "connect s0 " SECOND_ADDR " %u", port),
				    "-1 EINPROGRESS");
		assert_string_equal(actor_do(&a, "getsockopt s0 user_timeout"), "0 - 60000");
		actor_do(&a, "setsockopt s0 user_timeout %u", own[i]);
		lab_go(HOST_SECOND);
		nft_flush();
		lab_go(HOST_FIRST);
		assert_string_equal(actor_do(&a, "poll s0 out %d", LAB_PATIENCE_MS), "1 - out");
		assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - 0");
		assert_int_equal(log_count(&a, "open"), 1);
		assert_string_equal(actor_do(&a, "getsockopt s0 user_timeout"),
				    lab_text("0 - %u", own[i]));
		assert_int_equal(log_count(&a, "mitigate"), 1);
		actor_stop(&a);
		close(listener);
	}
}

/** Its rule is matched when the address is known, and does not limit the connect. */
static void user_timeout_with_at_waits_for_the_own_address(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "user-timeout=2500ms at=127.0.0.0/8");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 2500");
	pair_expect_told(&p, "mitigate", 0, "1 user-timeout=2500ms at=127.0.0.0/8",
			 "TCP_USER_TIMEOUT set");
	pair_close(&p);
}

/** The program answers an upload that it has not read, and closes. */
static void answer_with_unread_upload(struct pair *p)
{
	peer_send(p->peer, "the upload that nobody reads");
	capture_await(&p->wire, (struct match){.from_port = p->peer_port, .data = true}, 0);
	assert_string_equal(actor_do(&p->a, "sendtext s0 the-answer"), "10 -");
	actor_send(&p->a, "close s0");
}

/** What drain takes out of the buffer is no byte that nobody knows of. */
static void a_drained_close_after_the_peers_fin_is_healthy(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "drain=5s");
		assert_string_equal(actor_do(&p.a, "sendtext s0 the-answer"), "10 -");
		assert_string_equal(peer_recv(p.peer, 10), "the-answer");
		peer_send(p.peer, "the upload that nobody reads");
		shutdown(p.peer, SHUT_WR);
		capture_await(&p.wire, (struct match){.from_port = p.peer_port, .set = TH_FIN}, 0);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_fin(&p);
		assert_int_equal(log_count(&p.a, "error"), 0);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-fin");
		pair_close(&p);
	}
}

/** Without the rule the close resets and may take the answer with it; with it there is a FIN. */
static void a_drained_close_sends_a_fin(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "drain=5m");
		answer_with_unread_upload(&p);
		assert_string_equal(peer_recv(p.peer, 10), "the-answer");
		if (how->nonblocking) {
			assert_string_equal(actor_result(&p.a), "0 -");
		} else {
			actor_wait_asleep(&p.a);
		}
		peer_send(p.peer, "and more of it");
		shutdown(p.peer, SHUT_WR);
		if (!how->nonblocking) {
			assert_string_equal(actor_result(&p.a), "0 -");
		}
		/* A program that does not wait drains at its later calls. */
		while (log_line(&p.a, "then the peer was done") == NULL) {
			actor_do(&p.a, "epoll_create s7");
			actor_do(&p.a, "epoll_wait s7 20");
			actor_do(&p.a, "close s7");
		}
		if (how->nonblocking) {
			pair_expect_told(&p, "mitigate", 0, "1 drain=5m", "drained 28 bytes");
			pair_expect_told(&p, "mitigate", 1, "1 drain=5m", "14 bytes drained");
		} else {
			pair_expect_told(&p, "mitigate", 0, "1 drain=5m", "drained 42 bytes");
		}
		assert_false(pair_sent_rst(&p));
		assert_true(pair_sent_fin(&p));
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

static void without_the_rule_the_same_close_resets(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, NULL);
		answer_with_unread_upload(&p);
		assert_string_equal(actor_result(&p.a), "0 -");
		assert_true(pair_sent_rst(&p));
		assert_string_equal(json_get(log_find(&p.a, "error", 0), "cause"), "closed-unread");
		pair_close(&p);
	}
}

/* It may be forked within the millisecond in which its parent wrote. */
static void a_child_that_exits_ends_no_connection_of_its_parent(void **state)
{
	static const char *const rules[] = {"drain=50ms", "linger0", "vanish"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		for (int tries = 0; tries < 30; tries++) {
			assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
			assert_string_equal(actor_do(&p.a, "fork poll 0 pri 0"), "0 -");
		}
		assert_false(pair_sent_fin(&p));
		assert_false(pair_sent_rst(&p));
		assert_int_equal(log_count(&p.a, "mitigate"), 0);
		assert_int_equal(log_count(&p.a, "inject"), 0);
		peer_recv(p.peer, 90);
		pair_close(&p);
	}
}

/** In whichever way it came about; libc's clone no hook sees. */
static void a_child_that_closes_its_copy_leaves_the_connection_to_its_parent(void **state)
{
	static const char *const ways[] = {"fork", "_Fork", "clone3", "clone", "clone_vm"};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "drain=50ms");
		assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
		assert_string_equal(actor_do(&p.a, "%s close s0", ways[i]), "0 -");
		pair_expect_open(&p);
		assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
		peer_recv(p.peer, 6);
		assert_int_equal(log_count(&p.a, "mitigate"), 0);
		pair_close(&p);
	}
}

/** The same of one that ends by itself, with the copy open. */
static void a_child_that_no_hook_saw_ends_no_connection_of_its_parent(void **state)
{
	static const char *const ways[] = {"clone", "clone_vm"};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "drain=50ms");
		assert_string_equal(actor_do(&p.a, "%s poll 0 pri 0", ways[i]), "0 -");
		pair_expect_open(&p);
		assert_int_equal(log_count(&p.a, "mitigate"), 0);
		pair_close(&p);
	}
}

/* And of what only the child uses, its exit is the end. */
static void a_child_that_used_a_connection_drains_it(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drain=50ms");
	assert_string_equal(actor_do(&p.a, "fork send s0 3"), "3 -");
	assert_true(pair_sent_fin(&p));
	assert_int_equal(log_count(&p.a, "mitigate"), 1);
	peer_recv(p.peer, 3);
	pair_close(&p);
}

/** It ends nothing, and the program goes on with the connection. */
static void a_close_that_the_kernel_refuses_drains_nothing(void **state)
{
	static const char *const refusals[][3] = {
		{"fd s0", "close_range s0 s0 bad", "-1 EINVAL"},
		{"fd s0", "dup3 s8 s0 bad", "-1 EINVAL"},
		{"nofile_below s0", "dup2 s8 s0", "-1 EBADF"},
		{"nofile_below s0", "dup3 s8 s0", "-1 EBADF"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "drain=50ms");
		actor_do(&p.a, "udp4 s8");
		actor_do(&p.a, "%s", refusals[i][0]);
		assert_string_equal(actor_do(&p.a, "%s", refusals[i][1]), refusals[i][2]);
		pair_expect_open(&p);
		assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
		peer_recv(p.peer, 3);
		assert_int_equal(log_count(&p.a, "mitigate"), 0);
		pair_close(&p);
	}
}

/** stdio writes its last bytes as it closes: what the rule does comes behind them. */
static void what_fclose_writes_arrives_before_a_rule_acts(void **state)
{
	static const char *const rules[] = {"drain=50ms", "linger0"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		assert_string_equal(actor_do(&p.a, "fclose_text s0 last words"), "0 -");
		const struct match words = {.from_port = p.actor_port, .data = true};
		assert_int_equal(capture_await(&p.wire, words, 0)->length, 10);
		assert_int_equal(pair_sent_rst(&p), i != 0);
		assert_int_equal(log_count(&p.a, i == 0 ? "mitigate" : "inject"), 1);
		pair_close(&p);
	}
}

/** And where they cannot be written, that is told once, as without the rule. */
static void what_fclose_cannot_write_is_told_as_without_the_rule(void **state)
{
	static const char *const rules[] = {"", "drain=50ms"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, rules[i]);
		actor_do(&p.a, "sigpipe count");
		pair_abort_peer(&p);
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
		assert_string_equal(actor_do(&p.a, "fclose_text s0 last words"), "-1 ECONNRESET");
		assert_string_equal(actor_do(&p.a, "signals"), "0 -");
		pair_close(&p);
	}
}

/** What is to reset is not drained, and what is dead has nothing to drain. */
static void a_close_that_sends_no_fin_is_not_drained(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drain=60s");
	actor_do(&p.a, "setsockopt s0 linger on 0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_again(&p);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "mitigate"), 0);
	pair_close(&p);
}

static void a_drain_ends_with_its_time(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "drain=200ms");
		actor_send(&p.a, "close s0");
		assert_string_equal(actor_result(&p.a), "0 -");
		assert_true(pair_sent_fin(&p));
		while (log_line(&p.a, "then the time was up") == NULL) {
			actor_do(&p.a, "epoll_create s7");
			actor_do(&p.a, "epoll_wait s7 20");
			actor_do(&p.a, "close s7");
		}
		/* Nobody reads any more. */
		peer_send(p.peer, "too late");
		capture_await(&p.wire, (struct match){.from_port = p.actor_port, .set = TH_RST}, 0);
		assert_int_equal(actor_stop(&p.a), 0);
		close(p.peer);
		capture_close(&p.wire);
	}
}

/** What is drained at later calls has its time also where there are none. */
static void the_end_of_the_process_waits_for_a_drain(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, nonblocking_situation, "drain=5m");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	actor_send(&p.a, "exit 0");
	actor_wait_asleep(&p.a);
	peer_send(p.peer, "late");
	shutdown(p.peer, SHUT_WR);
	assert_string_equal(actor_result(&p.a), "exited 0");
	pair_expect_told(&p, "mitigate", 1, "1 drain=5m", "4 bytes drained");
	assert_int_equal(pair_expect_fin(&p), 0);
	pair_close(&p);
}

/** It neither waits for what its parent drains, nor tells of it, nor keeps it open. */
static void a_child_has_no_part_in_a_drain(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, nonblocking_situation, "drain=2s");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "fork poll 0 pri 0"), "0 -");
	assert_int_equal(log_count(&p.a, "mitigate"), 1);
	assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
	actor_do(&p.a, "epoll_create s7");
	while (log_line(&p.a, "then the time was up") == NULL) {
		actor_do(&p.a, "epoll_wait s7 20");
	}
	peer_send(p.peer, "too late");
	capture_await(&p.wire, (struct match){.from_port = p.actor_port, .set = TH_RST}, 0);
	assert_int_equal(log_count(&p.a, "mitigate"), 2);
	assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
	pair_close(&p);
}

/** What is over wakes nobody: a wait is as long as the program wants it. */
static void expect_sleep_without_end(struct pair *p)
{
	unsigned long long timeout = 0;
	actor_do(&p->a, "epoll_add s7 s0 in");
	actor_send(&p->a, "epoll_wait s7 -1");
	actor_wait_asleep(&p->a);
	char *call = lab_read_file(lab_text("/proc/%d/syscall", (int)p->a.pid));
	assert_int_equal(sscanf(call, "%*d %*x %*x %*x %llx", &timeout), 1);
	assert_int_equal((int)timeout, -1);
	free(call);
	pair_close_peer(p);
	assert_int_equal(actor_number(actor_result(&p->a)), 1);
}

static void too_many_drains_at_once_are_told(void **state)
{
	(void)state;
	struct pair p;
	int peers[64];
	pair_with_rule(&p, nonblocking_situation, "drain=60s");
	for (unsigned i = 0; i < 64; i++) {
		actor_do(&p.a, "close s0");
		peers[i] = dup(p.peer);
		pair_expect_told(&p, "mitigate", i, "1 drain=60s", "later calls");
		pair_again(&p);
	}
	actor_do(&p.a, "close s0");
	pair_expect_told(&p, "mitigate", 64, "1 drain=60s", "too many sockets are kept open");
	for (unsigned i = 0; i < 64; i++) {
		close(peers[i]);
	}
	/* Ended, they make room for others. */
	actor_do(&p.a, "epoll_create s7");
	while (log_count(&p.a, "mitigate") < 65 + 64) {
		actor_do(&p.a, "epoll_wait s7 20");
	}
	pair_again(&p);
	actor_do(&p.a, "close s0");
	pair_expect_told(&p, "mitigate", 65 + 64, "1 drain=60s", "later calls");
	pair_close_peer(&p);
	while (log_count(&p.a, "mitigate") < 65 + 64 + 2) {
		actor_do(&p.a, "epoll_wait s7 20");
	}
	pair_again(&p);
	expect_sleep_without_end(&p);
	pair_close(&p);
}

static void an_error_is_told_under_another_number(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "errno=ECONNRESET:EIO; errno=EPIPE:ENOBUFS");
	pair_abort_peer(&p);
	actor_do(&p.a, "poll s0 in %d", LAB_PATIENCE_MS);
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 EIO");
	/* Of rules with the same action the first one wins. */
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	/* The verdict is told under the true number. */
	assert_string_equal(json_get(log_find(&p.a, "error", 0), "errno"), "ECONNRESET");
	pair_expect_told(&p, "mitigate", 0, "1 errno=ECONNRESET:EIO",
			 "ECONNRESET of recv told as EIO");
	pair_close(&p);
}

/** Calls that only waited pass without a look at rules where a connection has none. */
static void a_wait_in_vain_is_told_under_another_number(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "errno=EAGAIN:ETIMEDOUT");
		peer_send_bytes(p.peer, 2);
		assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1")), 1);
		assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1")), 1);
		assert_string_equal(actor_do(&p.a, "recv s0 1 dontwait"), "-1 ETIMEDOUT");
		assert_string_equal(actor_do(&p.a, "setsockopt s0 rcvtimeo 20"), "0 -");
		assert_string_equal(actor_do(&p.a, "read s0 1"), "-1 ETIMEDOUT");
		/* The connection goes on. */
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_send_bytes(p.peer, 1);
		actor_do(&p.a, "poll s0 in %d", LAB_PATIENCE_MS);
		assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1 dontwait")), 1);
		assert_string_equal(actor_do(&p.a, "recv s0 1 dontwait"), "-1 ETIMEDOUT");
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_expect_told(&p, "mitigate", 0, "1 errno=EAGAIN:ETIMEDOUT",
				 "EAGAIN of recv told as ETIMEDOUT");
		pair_close(&p);
	}
}

static void so_error_tells_the_other_number_too(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "errno=ECONNRESET:EIO");
	pair_abort_peer(&p);
	actor_do(&p.a, "poll s0 in %d", LAB_PATIENCE_MS);
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - EIO");
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(keepalive_sets_its_timers_on_both_sides),
	 LAB_TEST(a_silent_peer_is_noticed_by_keepalive),
	 LAB_TEST(keepalive_leaves_a_program_with_its_own_alone),
	 LAB_TEST(user_timeout_is_set_on_both_sides),
	 LAB_TEST(user_timeout_ends_a_connect_that_is_not_answered),
	 LAB_TEST(user_timeout_leaves_what_the_program_sets_while_it_connects),
	 LAB_TEST(user_timeout_with_at_waits_for_the_own_address),
	 LAB_TEST(a_drained_close_sends_a_fin),
	 LAB_TEST(a_drained_close_after_the_peers_fin_is_healthy),
	 LAB_TEST(without_the_rule_the_same_close_resets),
	 LAB_TEST(a_close_that_the_kernel_refuses_drains_nothing),
	 LAB_TEST(what_fclose_writes_arrives_before_a_rule_acts),
	 LAB_TEST(what_fclose_cannot_write_is_told_as_without_the_rule),
	 LAB_TEST(a_close_that_sends_no_fin_is_not_drained), LAB_TEST(a_drain_ends_with_its_time),
	 LAB_TEST(a_child_that_exits_ends_no_connection_of_its_parent),
	 LAB_TEST(a_child_that_closes_its_copy_leaves_the_connection_to_its_parent),
	 LAB_TEST(a_child_that_no_hook_saw_ends_no_connection_of_its_parent),
	 LAB_TEST(a_child_that_used_a_connection_drains_it),
	 LAB_TEST(the_end_of_the_process_waits_for_a_drain),
	 LAB_TEST(a_child_has_no_part_in_a_drain), LAB_TEST(too_many_drains_at_once_are_told),
	 LAB_TEST(an_error_is_told_under_another_number),
	 LAB_TEST(a_wait_in_vain_is_told_under_another_number),
	 LAB_TEST(so_error_tells_the_other_number_too))
