/*
 * reset: the program is told what a RST of the peer's would have told it. The same program is run
 * against a real RST and against the rule, and answers the same, call by call.
 */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUEUED "0123456789"
#define MOST_STEPS 12

/** What the program does from the moment of the reset on, with QUEUED in its receive buffer. */
static const struct script {
	/** The rule that resets at the first step. */
	const char *rule;
	const char *steps[MOST_STEPS];
	/** The peer has shut down its writing side before. */
	bool after_fin;
} scripts[] = {
	{.rule = "reset when=read",
	 .steps = {"recv s0 4", "poll s0 in out 0", "recv s0 100", "poll s0 in out 0",
		   "recv s0 100", "poll s0 in out rdhup 0", "recv s0 100", "poll s0 in out rdhup 0",
		   "send s0 3", "getsockopt s0 error", "recv s0 100"}},
	{.rule = "reset when=read",
	 .steps = {"recv s0 4", "send s0 3", "recv s0 100", "recv s0 100", "send s0 3",
		   "poll s0 in out 0"}},
	{.rule = "reset when=read",
	 .steps = {"recv s0 4", "getsockopt s0 error", "getsockopt s0 error", "recv s0 100",
		   "recv s0 100", "send s0 3"}},
	{.rule = "reset when=read",
	 .steps = {"recv s0 4 peek", "recv s0 100 peek", "read s0 3", "readv s0 6 2",
		   "recvmsg s0 100", "recvmsg s0 100", "recvmsg s0 100", "write s0 3"}},
	{.rule = "reset when=write",
	 .steps = {"send s0 3", "poll s0 in out rdhup 0", "recv s0 100", "recv s0 100", "send s0 3",
		   "getsockopt s0 error"}},
	{.rule = "reset when=write",
	 .steps = {"write s0 3", "recvfrom s0 4", "select s0 in 0", "recvfrom s0 100",
		   "recvfrom s0 100", "writev s0 4 2"}},
	{.rule = "reset when=read",
	 .steps = {"recv s0 10", "getpeername s0", "recv s0 1", "shutdown s0 rw", "recv s0 1"}},
	{.rule = "reset when=read",
	 .steps = {"recv s0 4", "recv s0 100", "recv s0 100", "send s0 3", "poll s0 in out rdhup 0",
		   "send s0 3", "getsockopt s0 error", "recv s0 1"},
	 .after_fin = true},
	{.rule = "reset when=write",
	 .steps = {"send s0 3", "poll s0 in out rdhup 0", "recv s0 4", "recv s0 100", "recv s0 100",
		   "send s0 3", "getsockopt s0 error"},
	 .after_fin = true},
	{.rule = "reset when=read",
	 .steps = {"recv s0 4", "recv s0 9 errqueue", "recvmsg s0 9 1 errqueue", "recv s0 9 oob",
		   "recv s0 0", "recv s0 100", "recv s0 100"}},
};

#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

static void queue_bytes(struct pair *p, bool fin)
{
	assert_string_equal(actor_do(&p->a, "sigpipe ignore"), "0 -");
	peer_send(p->peer, QUEUED);
	capture_await(&p->wire, (struct match){.from_port = p->peer_port, .data = true}, 0);
	actor_do(&p->a, "poll s0 in %d", LAB_PATIENCE_MS);
	if (fin) {
		assert_int_equal(shutdown(p->peer, SHUT_WR), 0);
		wait_for_fin(&p->a, "s0");
	}
}

/** The answers that a RST of the peer's gets. */
static void run_real(const struct script *script, struct situation how, char answers[][128])
{
	struct pair p;
	pair_open_as(&p, how, ACTOR_BARE, NULL);
	queue_bytes(&p, script->after_fin);
	pair_abort_peer(&p);
	actor_do(&p.a, "poll s0 %d", LAB_PATIENCE_MS);
	for (size_t i = 0; script->steps[i] != NULL; i++) {
		snprintf(answers[i], sizeof answers[i], "%s",
			 actor_do(&p.a, "%s", script->steps[i]));
	}
	pair_close(&p);
}

static void the_program_is_told_what_a_real_rst_tells(void **state)
{
	(void)state;
	for (size_t s = 0; s < SCRIPTS; s++) {
		ALL_SITUATIONS (how) {
			char answers[MOST_STEPS][128];
			run_real(&scripts[s], *how, answers);
			struct pair p;
			pair_with_rule(&p, *how, scripts[s].rule);
			queue_bytes(&p, scripts[s].after_fin);
			for (size_t i = 0; scripts[s].steps[i] != NULL; i++) {
				const char *answer = actor_do(&p.a, "%s", scripts[s].steps[i]);
				if (strcmp(answer, answers[i]) != 0) {
					lab_say("# script %zu step %zu %s", s, i,
						scripts[s].steps[i]);
				}
				assert_string_equal(answer, answers[i]);
			}
			pair_expect_rst(&p);
			char rule[64];
			snprintf(rule, sizeof rule, "1 %s", scripts[s].rule);
			pair_expect_told(&p, "inject", 0, rule, "connect with AF_UNSPEC");
			assert_string_equal(json_get(log_find(&p.a, "error", 0), "cause"),
					    "injected");
			assert_string_equal(json_get(log_find(&p.a, "error", 0), "sure"),
					    "certain");
			/* It was this end that aborted, whoever the program thinks it was. */
			actor_do(&p.a, "close s0");
			assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
			pair_close(&p);
		}
	}
}

/** Level- and edge-triggered: the events after the reset are those of a real one. */
static void epoll_shows_what_a_real_rst_shows(void **state)
{
	static const char *const modes[] = {"in out rdhup", "in out rdhup et"};
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		char real[4][128];
		for (int by_rule = 0; by_rule < 2; by_rule++) {
			struct pair p;
			if (by_rule) {
				pair_with_rule(&p, client_situation, "reset when=read");
			} else {
				pair_open_as(&p, client_situation, ACTOR_BARE, NULL);
			}
			assert_string_equal(actor_do(&p.a, "epoll_create s5"), "0 -");
			assert_string_equal(actor_do(&p.a, "epoll_add s5 s0 %s", modes[m]), "0 -");
			queue_bytes(&p, false);
			if (!by_rule) {
				pair_abort_peer(&p);
				actor_do(&p.a, "poll s0 %d", LAB_PATIENCE_MS);
			}
			static const char *const steps[] = {"recv s0 100", "epoll_wait s5 0",
							    "recv s0 1", "recv s0 1"};
			for (size_t i = 0; i < 4; i++) {
				const char *answer = actor_do(&p.a, "%s", steps[i]);
				if (by_rule) {
					assert_string_equal(answer, real[i]);
				} else {
					snprintf(real[i], sizeof real[i], "%s", answer);
				}
			}
			pair_close(&p);
		}
	}
}

static void sigpipe_arrives_as_after_a_real_rst(void **state)
{
	(void)state;
	for (int by_rule = 0; by_rule < 2; by_rule++) {
		struct pair p;
		if (by_rule) {
			pair_with_rule(&p, client_situation, "reset when=read");
		} else {
			pair_open_as(&p, client_situation, ACTOR_BARE, NULL);
			pair_abort_peer(&p);
		}
		assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 ECONNRESET");
		assert_string_equal(actor_do(&p.a, "write s0 1"), "killed SIGPIPE");
	}
}

static void after_counts_bytes_both_ways(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset after=8");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	peer_send(p.peer, "abc");
	actor_do(&p.a, "recv s0 3");
	pair_expect_open(&p);
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 ECONNRESET");
	pair_expect_rst(&p);
	const char *line = log_find(&p.a, "error", 0);
	assert_string_equal(json_get(line, "case"), "reset-by-peer");
	assert_string_equal(json_get(line, "doc"), "Connection reset by peer");
	pair_close(&p);
}

static void a_duplicate_is_reset_too(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset when=write");
	assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s1 1 nosignal"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
	pair_expect_rst(&p);
	pair_close(&p);
}

static void a_forked_child_resets_its_connection(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset when=write");
	const char *answer = actor_do(&p.a, "fork send s0 1 nosignal");
	assert_non_null(strstr(answer, "ECONNRESET"));
	pair_expect_rst(&p);
	pair_close(&p);
}

/** It is established by then, and nobody waited for that: no poll, no SO_ERROR, no second connect. */
static void the_first_write_after_a_connect_under_way_is_not_missed(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port;
	char byte;
	int listener = peer_listen(AF_INET, &port);
	actor_start(&a, (const char *const[]){"RESETBY_RULES=reset when=write", NULL});
	assert_string_equal(actor_do(&a, "socket4 s0 nonblock"), "0 -");
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "-1 EINPROGRESS");
	int peer = peer_accept(listener);
	assert_string_equal(actor_do(&a, "send s0 3 nosignal"), "-1 ECONNRESET");
	assert_int_equal(recv(peer, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(log_count(&a, "inject"), 1);
	actor_stop(&a);
	close(peer);
	close(listener);
}

/** One of the two is told of the reset, and the other one of the end, as after a real RST. */
static void a_read_that_waits_in_another_thread_is_told_too(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset when=write");
	actor_do(&p.a, "background recv s0 100");
	actor_wait_background(&p.a, "s0");
	bool first = strcmp(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE") != 0;
	assert_string_equal(actor_do(&p.a, "join"), first ? "0 -" : "-1 ECONNRESET");
	pair_expect_rst(&p);
	pair_close(&p);
}

static void what_had_arrived_is_no_other_connections(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset when=write times=1");
	peer_send(p.peer, "old");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "0 -");
	int peer = peer_accept(p.listener);
	peer_send(peer, "new");
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "3 - new");
	pair_close(&p);
	close(peer);
}

/** Not what a read is told that met the abort half done. */
static void what_is_disconnected_after_a_reset_is_not_connected(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset when=read");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 ENOTCONN");
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(the_program_is_told_what_a_real_rst_tells),
	 LAB_TEST(epoll_shows_what_a_real_rst_shows), LAB_TEST(sigpipe_arrives_as_after_a_real_rst),
	 LAB_TEST(after_counts_bytes_both_ways), LAB_TEST(a_duplicate_is_reset_too),
	 LAB_TEST(a_read_that_waits_in_another_thread_is_told_too),
	 LAB_TEST(what_had_arrived_is_no_other_connections),
	 LAB_TEST(what_is_disconnected_after_a_reset_is_not_connected),
	 LAB_TEST(a_forked_child_resets_its_connection),
	 LAB_TEST(the_first_write_after_a_connect_under_way_is_not_missed))
