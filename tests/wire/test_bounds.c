/* What the manual says that actions do not do, and where they stop. */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** The first warning says that a rule cannot act, and why. */
static void expect_idle(struct actor *a, const char *why)
{
	const char *line = log_find(a, "warn", 0);
	assert_non_null(line);
	assert_string_equal(json_get(line, "cause"), "rule-idle");
	assert_non_null(strstr(json_get(line, "why"), why));
}

static void drop_leaves_a_filter_of_the_programs_own(void **state)
{
	(void)state;
	/* Ours begin with a number, too. */
	static const char *const filters[] = {"own_filter s0", "own_filter s0 number"};
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "drop=all after=1");
		assert_string_equal(actor_do(&p.a, "%s", filters[i]), "0 -");
		assert_string_equal(actor_do(&p.a, "send s0 1"), "1 -");
		assert_string_equal(actor_do(&p.a, "send s0 1"), "1 -");
		peer_send(p.peer, "hello");
		assert_string_equal(actor_do(&p.a, "recv s0 5"), "5 - hello");
		expect_idle(&p.a, "socket filter of its own");
		assert_int_equal(log_count(&p.a, "inject"), 0);
		pair_close(&p);
	}
}

static void write_rules(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/** What was lost meanwhile is sent again. */
static void an_edit_that_ends_drop_takes_the_filter_off(void **state)
{
	(void)state;
	struct pair p;
	char path[300];
	snprintf(path, sizeof(path), "%s/dropping", lab_dir());
	write_rules(path, "drop=all\n");
	pair_open(&p, client_situation,
		  (const char *[]){lab_text("RESETBY_RULES_FILE=%s", path), NULL});
	peer_send(p.peer, "x");
	assert_string_equal(actor_do(&p.a, "recv s0 1 dontwait"), "-1 EAGAIN");
	assert_string_equal(json_get(log_find(&p.a, "inject", 0), "rule"), "1 drop=all");
	write_rules(path, "# none\n");
	int64_t until = lab_now_ms() + LAB_PATIENCE_MS;
	while (strcmp(actor_do(&p.a, "recv s0 1 dontwait"), "1 - x") != 0) {
		assert_true(lab_now_ms() < until);
		actor_do(&p.a, "poll s0 in 20");
	}
	pair_close(&p);
}

/** Also one that has fired its times=, and was joined to a filter that the edit does end. */
static void an_edit_that_leaves_drop_leaves_its_filter(void **state)
{
	static const char *const before[] = {"drop=all times=1\n", "loss=100%\ndrop=all times=1\n"};
	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
		struct pair p;
		const char *path = lab_write_rules(before[i]);
		pair_open(&p, client_situation,
			  (const char *[]){lab_text("RESETBY_RULES_FILE=%s", path), NULL});
		lab_write_rules("errno=EAGAIN:EBUSY\ndrop=all times=1\n");
		int64_t until = lab_now_ms() + LAB_PATIENCE_MS;
		while (strcmp(actor_do(&p.a, "recv s0 1 dontwait"), "-1 EBUSY") != 0) {
			assert_true(lab_now_ms() < until);
			actor_do(&p.a, "poll s0 in 20");
		}
		uint64_t lost = netstat_counter("TCPTimeouts");
		peer_send(p.peer, "x");
		/* The peer has sent it again, and nobody has acknowledged it. */
		while (netstat_counter("TCPTimeouts") < lost + 2) {
			assert_true(lab_now_ms() < until);
			assert_string_equal(actor_do(&p.a, "poll s0 in 20"), "0 -");
		}
		assert_string_equal(actor_do(&p.a, "recv s0 1 dontwait"), "-1 EBUSY");
		pair_close(&p);
	}
}

/** The rules of the variable come first, and of one action the first that matches wins. */
static void rules_of_the_file_come_after_those_of_the_variable(void **state)
{
	(void)state;
	struct pair p;
	char path[300];
	snprintf(path, sizeof(path), "%s/second", lab_dir());
	write_rules(path, "errno=EPIPE:EIO\nlinger0\n");
	pair_open(&p, client_situation,
		  (const char *[]){lab_text("RESETBY_RULES_FILE=%s", path),
				   "RESETBY_RULES=errno=EPIPE:EBUSY", NULL});
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EBUSY");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(json_get(log_find(&p.a, "inject", 0), "rule"), "3 linger0");
	pair_close(&p);
}

/** A listener in s9 under a rule, and what a client is told who does not wait long. */
static const char *told_to_client(const char *rule, int listeners)
{
	struct actor a, client;
	const char *told = NULL;
	actor_start(&a, (const char *[]){lab_text("RESETBY_RULES=%s", rule), NULL});
	for (int i = 0; i < listeners; i++) {
		actor_do(&a, "socket4 s%d", i);
		assert_string_equal(actor_do(&a, "bind s%d 127.0.0.1 0", i), "0 -");
		assert_string_equal(actor_do(&a, "listen s%d 5", i), "0 -");
	}
	const char *name = actor_do(&a, "getsockname s%d", listeners - 1);
	int port = atoi(strrchr(name, ':') + 1);
	actor_start_as(&client, ACTOR_BARE, NULL);
	actor_do(&client, "socket4 s0");
	actor_do(&client, "setsockopt s0 user_timeout 1500");
	told = lab_text("%s", actor_do(&client, "connect s0 127.0.0.1 %d", port));
	actor_stop(&client);
	actor_stop(&a);
	return told;
}

static void drop_syn_is_chosen_by_listener(void **state)
{
	(void)state;
	assert_string_equal(told_to_client("drop=syn", 2), "-1 ETIMEDOUT");
	assert_string_equal(told_to_client("drop=syn times=1", 2), "0 -");
	assert_string_equal(told_to_client("drop=syn at=:1", 1), "0 -");
	assert_string_equal(told_to_client("drop=syn at=127.0.0.1", 1), "-1 ETIMEDOUT");
	assert_string_equal(told_to_client("drop=syn side=client", 1), "0 -");
	assert_string_equal(told_to_client("drop=syn exe=nobody", 1), "0 -");
	assert_string_equal(told_to_client("drop=syn prob=0%", 1), "0 -");
}

static void drain_does_nothing_where_the_program_wants_a_reset(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "drain=5s");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	assert_int_equal(log_count(&p.a, "mitigate"), 0);
	pair_close(&p);
}

static void expect_left_to_holder(const char *hold, const char *rule, bool is_told)
{
	struct pair p;
	pair_with_rule(&p, client_situation, rule);
	assert_string_equal(actor_do(&p.a, "%s", hold), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_open(&p);
	assert_int_equal(log_count(&p.a, "mitigate") + log_count(&p.a, "inject"), 0);
	if (is_told) {
		expect_idle(&p.a, "process");
	}
	assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
	pair_close(&p);
}

static void what_another_process_holds_is_not_drained_and_does_not_vanish(void **state)
{
	static const char *const holds[] = {"forkhold", "spawnhold", "spawnphold", "popenhold"};
	(void)state;
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		expect_left_to_holder(holds[i], "drain=5s", false);
		expect_left_to_holder(holds[i], "vanish", true);
	}
}

/** The kernel sends nothing before the child's close: what was left unread is nobody's yet. */
static void what_pidfd_spawn_starts_holds_what_is_open(void **state)
{
	(void)state;
	static const char *const holds[] = {"pidfd_spawnhold", "pidfd_spawnphold"};
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){NULL});
		const char *answer = actor_do(&p.a, "%s", holds[i]);
		if (strcmp(answer, "-1 ENOSYS") == 0) {
			lab_skip("glibc before 2.39 has no pidfd_spawn");
		}
		assert_string_equal(answer, "0 -");
		peer_send(p.peer, "hello");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_open(&p);
		assert_int_equal(log_count(&p.a, NULL), 0);
		assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

static void bytes_kept_before_a_reset_are_not_the_kernels(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset when=read");
	peer_send(p.peer, "hello");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "1 - h");
	assert_string_equal(actor_do(&p.a, "fionread s0"), "0 - 0");
	assert_string_equal(actor_do(&p.a, "recv s0 10"), "4 - ello");
	assert_string_equal(actor_do(&p.a, "recv s0 10"), "-1 ECONNRESET");
	pair_close(&p);
}

/** Sixty-four connections have bytes that are kept; of the next they are lost, and that is told. */
static void bytes_of_one_connection_too_many_are_lost_aloud(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "reset when=read");
	for (int i = 0; i < 65; i++) {
		peer_send(p.peer, "hello");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		/* Kept while the connection is open under another number. */
		assert_string_equal(actor_do(&p.a, "dupfd_from s0 s1 %d", 100 + i), "0 -");
		assert_string_equal(actor_do(&p.a, "recv s0 1"),
				    i < 64 ? "1 - h" : "-1 ECONNRESET");
		const char *by = json_get(log_find(&p.a, "inject", (unsigned)i), "by");
		assert_non_null(strstr(by, i < 64 ? "what had arrived can still be read first"
						  : "5 bytes that had arrived are lost"));
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_again(&p);
	}
	pair_close(&p);
}

/** The parent's memory is the child's, and the parent is in no sandbox. */
static void rules_outlive_seccomp_in_a_child_of_vfork(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "errno=ECONNRESET:EIO");
	assert_string_equal(actor_do(&p.a, "vfork_seccomp"), "0 -");
	assert_int_equal(log_count(&p.a, "warn"), 0);
	pair_abort_peer(&p);
	actor_do(&p.a, "poll s0 in 20000");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 EIO");
	/* Its own state is what only the kernel knows. */
	assert_string_equal(json_get(log_find(&p.a, "error", 0), "state"), "CLOSE");
	pair_close(&p);
}

static void errno_leaves_connect_alone(void **state)
{
	(void)state;
	struct actor a;
	actor_start(&a, (const char *[]){"RESETBY_RULES=errno=ENETUNREACH:EIO", NULL});
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "connect s0 192.0.2.1 80"), "-1 ENETUNREACH");
	assert_int_equal(log_count(&a, "mitigate"), 0);
	assert_int_equal(log_count(&a, "error"), 1);
	actor_stop(&a);
}

static void a_held_connect_has_a_loopback_address(void **state)
{
	(void)state;
	struct actor a;
	lab_second_host();
	actor_start(&a, (const char *[]){"RESETBY_RULES=connect-timeout=60s", NULL});
	actor_do(&a, "socket4 s0 nonblock");
	assert_string_equal(actor_do(&a, "connect s0 " SECOND_ADDR " 80"), "-1 EINPROGRESS");
	assert_non_null(strstr(actor_do(&a, "getsockname s0"), "127.0.0.1:"));
	actor_stop(&a);
}

static void a_held_connect_ends_with_a_signal_that_restarts(void **state)
{
	(void)state;
	struct actor a;
	actor_start(&a, (const char *[]){"RESETBY_RULES=connect-timeout=60s", NULL});
	actor_do(&a, "socket4 s0");
	actor_do(&a, "on_alarm restart");
	actor_send(&a, "connect s0 127.0.0.1 80");
	actor_alarm(&a);
	assert_string_equal(actor_result(&a), "-1 EINTR");
	actor_stop(&a);
}

static void set_loopback(const char *how)
{
	assert_int_equal(system(lab_text("ip link set lo %s", how)), 0);
}

/** A blocking connect is held without a SYN, one that does not block goes its way. */
static void without_loopback_only_a_blocking_connect_times_out(void **state)
{
	(void)state;
	struct actor a;
	struct capture wire;
	uint16_t port;
	lab_second_host();
	lab_go(HOST_SECOND);
	int listener = peer_listen(AF_INET, &port);
	lab_go(HOST_FIRST);
	capture_open(&wire, "cable");
	set_loopback("down");
	actor_start(&a, (const char *[]){"RESETBY_RULES=connect-timeout=200ms", NULL});
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "connect s0 " SECOND_ADDR " %u", port), "-1 ETIMEDOUT");
	assert_int_equal(capture_count(&wire, (struct match){.to_port = port}), 0);
	assert_non_null(strstr(json_get(log_find(&a, "inject", 0), "by"), "no loopback here"));
	actor_do(&a, "socket4 s1 nonblock");
	assert_string_equal(actor_do(&a, "connect s1 " SECOND_ADDR " %u", port), "-1 EINPROGRESS");
	close(peer_accept(listener));
	expect_idle(&a, "no loopback here");
	set_loopback("up");
	actor_stop(&a);
	close(listener);
	capture_close(&wire);
}

static void calls_that_move_nothing_have_no_line(void **state)
{
	(void)state;
	static const char *const commands[] = {
		"socket4 s1",        "dup s0 s2",       "dupfd s0 s3",        "poll s0 out 100",
		"select s0 out 100", "epoll_create s4", "epoll_add s4 s0 in", "epoll_wait s4 0",
		"fionbio s0 off",    "fionread s0",
	};
	struct pair p;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	assert_string_equal(actor_do(&p.a, "send s0 1"), "1 -");
	unsigned before = log_count(&p.a, "call");
	assert_true(before > 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_true(actor_number(actor_do(&p.a, "%s", commands[i])) >= 0);
	}
	assert_string_equal(actor_do(&p.a, "send s0 1"), "1 -");
	assert_int_equal(log_count(&p.a, "call"), before + 1);
	pair_close(&p);
}

/** The middlebox would have seen the probes, too. */
static void a_keepalive_probe_ends_the_silence_of_idle_evict(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "idle-evict=3s");
	actor_do(&p.a, "setsockopt s0 keepidle 1");
	actor_do(&p.a, "setsockopt s0 keepintvl 1");
	actor_do(&p.a, "setsockopt s0 keepalive 1");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	/* Each answered after a second: three are as long as the rule's time. */
	struct match answers = {.from_port = p.peer_port, .set = TH_ACK, .clear = TH_SYN};
	unsigned before = capture_count(&p.wire, answers);
	int64_t until = lab_now_ms() + LAB_PATIENCE_MS;
	while (capture_count(&p.wire, answers) < before + 3) {
		assert_true(lab_now_ms() < until);
		actor_do(&p.a, "poll 0 pri 50");
	}
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	pair_expect_open(&p);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	pair_close(&p);
}

static void rules_act_at_level_off(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation,
		  (const char *[]){"RESETBY_LEVEL=off", "RESETBY_RULES=linger0", NULL});
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	assert_int_equal(log_count(&p.a, NULL), 0);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(drop_leaves_a_filter_of_the_programs_own),
	 LAB_TEST(an_edit_that_ends_drop_takes_the_filter_off),
	 LAB_TEST(an_edit_that_leaves_drop_leaves_its_filter),
	 LAB_TEST(rules_of_the_file_come_after_those_of_the_variable),
	 LAB_TEST(drop_syn_is_chosen_by_listener),
	 LAB_TEST(drain_does_nothing_where_the_program_wants_a_reset),
	 LAB_TEST(what_another_process_holds_is_not_drained_and_does_not_vanish),
	 LAB_TEST(what_pidfd_spawn_starts_holds_what_is_open),
	 LAB_TEST(bytes_kept_before_a_reset_are_not_the_kernels),
	 LAB_TEST(bytes_of_one_connection_too_many_are_lost_aloud),
	 LAB_TEST(rules_outlive_seccomp_in_a_child_of_vfork), LAB_TEST(errno_leaves_connect_alone),
	 LAB_TEST(a_held_connect_has_a_loopback_address),
	 LAB_TEST(a_held_connect_ends_with_a_signal_that_restarts),
	 LAB_TEST(without_loopback_only_a_blocking_connect_times_out),
	 LAB_TEST(calls_that_move_nothing_have_no_line),
	 LAB_TEST(a_keepalive_probe_ends_the_silence_of_idle_evict),
	 LAB_TEST(rules_act_at_level_off))
