/* peer-abort, already-reset, killed: a RST with no other reason, what follows one, and what is none. */

#include "lab_pair.h"
#include "lab_stop.h"
#include "lab_verdict.h"

#include <stdlib.h>
#include <sys/syscall.h>

static void abort_without_reason_is_the_peers(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "recv",
					 .error = "ECONNRESET",
					 .cause = "peer-abort",
					 .sure = "likely",
					 .others = "[\"peer-closed-unread\"]",
					 .rst_case = "reset",
					 .state = "CLOSE",
					 .why = {"5 bytes had been sent and 2 bytes received",
						 "SO_LINGER 0", "crashed", "middlebox"}});
	pair_close(&p);
}

static void abort_before_any_byte_may_be_a_full_queue(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "peer-abort",
					 .sure = "likely",
					 .others = "[\"accept-overflow\"]",
					 .why = {"before any byte"}});
	pair_close(&p);
}

static void abort_of_a_client_that_was_told_nothing_leaves_no_other(void **state)
{
	struct pair p;
	(void)state;
	pair_open_server(&p);
	peer_send(p.peer, "hello");
	assert_string_equal(actor_do(&p.a, "recv s0"), "5 - hello");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(
		&p.a, 0,
		(struct expected){.cause = "peer-abort", .sure = "likely", .others = "[]"});
	assert_string_equal(json_get(line, "side"), "server");
	assert_true(json_number(line, "req_bytes") == 5);
	pair_close(&p);
}

/** It keeps what is about to be written, of which nothing has been sent yet. */
static void a_rule_with_starts_changes_no_verdict(void **state)
{
	static const char *const others[] = {"[\"accept-overflow\"]", "[\"peer-closed-unread\"]"};
	(void)state;
	for (unsigned used = 0; used < 2; used++) {
		struct pair p;
		pair_open(&p, client_situation,
			  (const char *[]){"RESETBY_RULES=linger0 starts=nothing", NULL});
		if (used) {
			pair_exchange(&p);
		}
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 ECONNRESET");
		expect_verdict(&p.a, 0,
			       (struct expected){.cause = "peer-abort",
						 .sure = "likely",
						 .others = others[used]});
		pair_close(&p);
	}
}

static void calls_after_the_end_are_already_reset(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	expect_verdict(&p.a, 1,
		       (struct expected){.op = "send",
					 .error = "EPIPE",
					 .cause = "already-reset",
					 .sure = "certain",
					 .rst_case = "reset-by-peer",
					 .doc = "Connection reset by peer",
					 .why = {"ended with ECONNRESET", "recv", "s ago"}});
	for (int i = 0; i < 40; i++) {
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	}
	assert_in_range(log_count(&p.a, "error"), 10, 20);
	pair_close(&p);
}

/** The kernel tells its error once, and this process is not the one. */
static void a_reset_that_a_child_was_told_is_no_early_close(void **state)
{
	static const struct {
		bool ended, reads;
	} cases[] = {{false, false}, {false, true}, {true, true}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool reads = cases[i].reads;
		struct pair p;
		pair_open_client(&p);
		pair_exchange(&p);
		if (cases[i].ended) {
			assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
			peer_poll(p.peer, POLLIN, LAB_PATIENCE_MS);
		}
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "fork recv s0"), "-1 ECONNRESET");
		assert_string_equal(actor_do(&p.a, reads ? "recv s0" : "send s0 1 nosignal"),
				    reads ? "0 -" : "-1 EPIPE");
		expect_verdict(&p.a, 1,
			       (struct expected){.cause = "already-reset",
						 .sure = "likely",
						 .others = "[\"peer-closed-early\"]",
						 .why = {reads ? "this end of file" : "this EPIPE",
							 "a process that shares the socket"}});
		pair_close(&p);
	}
}

/** Nor is an end of file in order taken for one that hides an error. */
static void an_end_of_file_after_both_ends_is_no_news_to_who_shares_it(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	peer_poll(p.peer, POLLIN, LAB_PATIENCE_MS);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "fork recv s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

static void epipe_after_an_own_shutdown_does_not_hide_a_later_reset(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	/* More of them than are told. */
	for (int i = 0; i < 40; i++) {
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	}
	unsigned told = log_count(&p.a, "error");
	assert_in_range(told, 10, 20);
	expect_verdict(&p.a, told - 1,
		       (struct expected){.cause = "wrote-after-shutdown", .sure = "certain"});
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, told, (struct expected){.cause = "peer-abort", .sure = "likely"});
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	expect_verdict(&p.a, told + 1, (struct expected){.cause = "already-reset"});
	pair_close(&p);
}

static void socket_destroyed_by_an_administrator_is_named(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	int status = system(lab_text("ss -K -t 'sport = :%u' >/dev/null 2>&1", p.actor_port));
	if (status != 0 || info_of(&p.a, "s0").tcpi_state != TCP_CLOSE) {
		pair_close(&p);
		lab_skip("ss -K cannot destroy sockets here");
	}
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNABORTED");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "recv",
					 .error = "ECONNABORTED",
					 .cause = "killed",
					 .sure = "certain",
					 .rst_case = "none",
					 .doc = "Software caused connection abort",
					 .state = "CLOSE",
					 .why = {"SOCK_DESTROY"}});
	pair_close(&p);
}

/** The EPIPE behind the ECONNRESET that another thread is told may be explained before it. */
static void a_reset_is_named_also_when_another_threads_epipe_was_first(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	actor_do(&p.a, "background recv s0 10");
	actor_wait_background(&p.a, "s0");
	pid_t reader = stop_other(&p.a);
	stop_before(reader, SYS_recvfrom);
	stop_enter(reader);
	pair_abort_peer(&p);
	stop_before(reader, SYS_getsockopt);
	assert_string_equal(actor_do(&p.a, "send s0 7 nosignal"), "-1 EPIPE");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "send", .cause = "already-reset", .sure = "likely"});
	stop_end(reader);
	assert_string_equal(actor_do(&p.a, "join"), "-1 ECONNRESET");
	expect_verdict(&p.a, 1,
		       (struct expected){.op = "recv", .cause = "peer-abort", .sure = "likely"});
	assert_string_equal(actor_do(&p.a, "send s0 7 nosignal"), "-1 EPIPE");
	expect_verdict(&p.a, 2,
		       (struct expected){.op = "send",
					 .cause = "already-reset",
					 .sure = "certain",
					 .why = {"ended with ECONNRESET, which recv reported"}});
	pair_close(&p);
}

static void send_cut_short_tells_the_reset_at_the_next_call(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_send(&p.a, "send s0 50000000");
	peer_recv(p.peer, 100000);
	pair_abort_peer(&p);
	const char *result = actor_result(&p.a);
	long sent = actor_number(result);
	assert_in_range(sent, 100000, 49999999);
	expect_silence(&p.a);
	assert_string_equal(actor_do(&p.a, "send s0 1"), "-1 ECONNRESET");
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.op = "send",
							    .cause = "peer-closed-unread",
							    .sure = "likely",
							    .others = "[\"peer-abort\"]",
							    .rst_case = "reset-by-peer"});
	assert_true(json_number(line, "req_bytes") == (double)sent);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(abort_without_reason_is_the_peers),
	 LAB_TEST(abort_before_any_byte_may_be_a_full_queue),
	 LAB_TEST(abort_of_a_client_that_was_told_nothing_leaves_no_other),
	 LAB_TEST(a_rule_with_starts_changes_no_verdict),
	 LAB_TEST(calls_after_the_end_are_already_reset),
	 LAB_TEST(a_reset_that_a_child_was_told_is_no_early_close),
	 LAB_TEST(an_end_of_file_after_both_ends_is_no_news_to_who_shares_it),
	 LAB_TEST(epipe_after_an_own_shutdown_does_not_hide_a_later_reset),
	 LAB_TEST(socket_destroyed_by_an_administrator_is_named),
	 LAB_TEST(a_reset_is_named_also_when_another_threads_epipe_was_first),
	 LAB_TEST(send_cut_short_tells_the_reset_at_the_next_call))
