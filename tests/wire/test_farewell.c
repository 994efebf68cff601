/* A goodbye to a peer that has closed is reset, and nothing is lost with it: no error, and what is one. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <string.h>

/** The peer closes, the program reads the end of file or does not, writes and closes. */
static void write_past_a_fin(struct pair *p, bool reads, unsigned bytes, unsigned wait_ms)
{
	pair_open(p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	pair_exchange(p);
	pair_close_peer(p);
	wait_for_fin(&p->a, "s0");
	if (reads) {
		assert_string_equal(actor_do(&p->a, "recv s0"), "0 -");
	}
	assert_string_equal(actor_do(&p->a, "send s0 %u", bytes), lab_text("%u -", bytes));
	/* The program itself does not look. */
	lab_until(info_of(&p->a, "s0").tcpi_state == TCP_CLOSE);
	lab_let_pass(wait_ms);
	assert_string_equal(actor_do(&p->a, "close s0"), "0 -");
}

/**
 * The FIN is in the kernel's count of bytes, also when nobody reads that far. What was sent well before
 * the close may have been more than a farewell.
 */
static void a_reset_after_a_fin_is_known_at_the_close(void **state)
{
	static const struct expected expected[] = {
		[false] = {.op = "close",
			   .error = "none",
			   .cause = "peer-closed-early",
			   .sure = "likely",
			   .others = "[\"peer-closed-unread\",\"peer-abort\"]",
			   .rst_case = "none",
			   .state = "CLOSE",
			   .why = {"had not read it", "told to nobody"}},
		[true] = {.op = "close",
			  .error = "none",
			  .cause = "peer-closed-early",
			  .sure = "certain",
			  .rst_case = "none",
			  .state = "CLOSE",
			  .why = {"had read that end of file", "told to nobody"}},
	};
	(void)state;
	for (unsigned reads = 0; reads < 2; reads++) {
		struct pair p;
		write_past_a_fin(&p, reads != 0, 5, 300);
		expect_verdict(&p.a, 0, expected[reads]);
		pair_close(&p);
	}
}

/** The longest farewells: before the end of file, and after it, where an answer may be given. */
static const unsigned farewells[] = {[false] = 256, [true] = 96};

/** As TLS's close_notify. On a busy machine it may look as if an answer had been waited for. */
static void a_farewell_to_who_had_closed_is_no_error(void **state)
{
	(void)state;
	for (unsigned reads = 0; reads < 2; reads++) {
		bool silent = false;
		for (int tries = 0; tries < 20 && !silent; tries++) {
			struct pair p;
			write_past_a_fin(&p, reads != 0, farewells[reads], 0);
			silent = log_count(&p.a, "error") == 0;
			assert_true(!silent || strcmp(json_get(log_find(&p.a, "close", 0), "end"),
						      "peer-fin") == 0);
			pair_close(&p);
		}
		assert_true(silent);
	}
}

/** The program shuts its writing side down behind it, and waits as long as it likes. */
static void a_farewell_may_end_with_a_shutdown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		pair_open_client(&p);
		pair_exchange(&p);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		if (i == 1) {
			assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		}
		/* It goes out with the FIN: else the RST would come before the shutdown here. */
		assert_string_equal(actor_do(&p.a, "send s0 5 more"), "5 -");
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		expect_silence(&p.a);
		expect_awake(&p.a);
		pair_close(&p);
	}
}

/** As openssl s_client, after the server's close_notify and FIN: on loopback the RST is there before. */
static void a_farewell_may_end_with_a_shutdown_that_comes_too_late(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		pair_exchange(&p);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "send s0 31"), "31 -");
		if (i < 2) {
			wait_for_end(&p.a, "s0");
		} else {
			/* The program itself does not look. */
			lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
		}
		if (i == 0) {
			assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "-1 ENOTCONN");
		}
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		/* Who reads on without having said that it writes no more waits for an answer. */
		assert_int_equal(log_count(&p.a, "error"), i > 0);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"),
				    i == 0 ? "peer-fin" : "peer-rst");
		pair_close(&p);
	}
}

/** What the peer has read before is not lost with it. */
static void a_farewell_may_follow_much_else(void **state)
{
	(void)state;
	bool silent = false;
	for (int tries = 0; tries < 20 && !silent; tries++) {
		struct pair p;
		pair_open_client(&p);
		pair_exchange(&p);
		assert_string_equal(actor_do(&p.a, "send s0 5000"), "5000 -");
		peer_recv(p.peer, 5000);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "send s0 50"), "50 -");
		lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		silent = log_count(&p.a, "error") == 0;
		pair_close(&p);
	}
	assert_true(silent);
}

/** Nor is what the peer has answered, whose abort behind its FIN came before the shutdown here. */
static void a_shutdown_behind_an_answer_says_nothing(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "send s0 5000"), "5000 -");
	peer_recv(p.peer, 5000);
	peer_send(p.peer, "ok");
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	assert_string_equal(actor_do(&p.a, "recv s0 2 waitall"), "2 - ok");
	wait_for_fin(&p.a, "s0");
	pair_abort_peer(&p);
	lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "-1 ENOTCONN");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_silence(&p.a);
	pair_close(&p);
}

/** The RST is this program's own, for what it has not read, whatever it wrote last. */
static void a_farewell_does_not_hide_a_reset_of_our_own(void **state)
{
	static const char *const begins[] = {"HELLO", "\\x15\\x03\\x03\\0\\x1a"};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		pair_exchange(&p);
		peer_send(p.peer, "unread");
		actor_do(&p.a, "begin - %s", begins[i % 2]);
		assert_string_equal(actor_do(&p.a, "send s0 31"), "31 -");
		peer_recv(p.peer, 31);
		if (i / 2 == 1) {
			assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
			lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE_WAIT);
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_true(pair_sent_rst(&p));
		expect_verdict(&p.a, 0, (struct expected){.cause = "closed-unread"});
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
		pair_close(&p);
	}
}

/** The peer has not closed its side: it may have wanted what it left unread. */
static void a_last_write_to_who_has_not_closed_is_no_farewell(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	lab_until(info_of(&p.a, "s0").tcpi_state == TCP_FIN_WAIT2);
	pair_close_peer(&p);
	lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0, (struct expected){.op = "close", .cause = "peer-closed-unread"});
	pair_close(&p);
}

/** After the end of file it is an answer that somebody may have wanted, shut down behind it or not. */
static void an_answer_after_the_end_of_file_is_no_farewell(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	pair_close_peer(&p);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 200 more"), "200 -");
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "peer-closed-early",
					 .sure = "certain",
					 .why = {"the program had read that end of file"}});
	pair_close(&p);
}

/** The peer's FIN had only half-closed: it acknowledged, so that nothing met a closed socket. */
static void a_reset_after_an_unread_fin_may_have_answered_nothing(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *line =
		expect_verdict(&p.a, 0,
			       (struct expected){.op = "close",
						 .error = "none",
						 .cause = "peer-abort",
						 .sure = "likely",
						 .others = "[\"peer-closed-unread\"]",
						 .why = {"nothing of ours outstanding"}});
	assert_int_equal(json_number(line, "outq"), 0);
	pair_close(&p);
}

/** Nor is what a half-closed peer had acknowledged, and left unread; a goodbye may be. */
static void what_was_acknowledged_and_left_unread_is_no_farewell(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned long_one = i % 2;
		bool silent = false;
		for (int tries = 0; tries < (long_one ? 1 : 20) && !silent; tries++) {
			struct pair p;
			if (i / 2 == 0) {
				pair_open_server(&p);
			} else {
				pair_open_client(&p);
				pair_exchange(&p);
			}
			peer_send(p.peer, "question");
			assert_string_equal(actor_do(&p.a, "recv s0"), "8 - question");
			assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
			wait_for_fin(&p.a, "s0");
			assert_int_equal(
				actor_number(actor_do(&p.a, "send s0 %u", long_one ? 5000 : 50)),
				long_one ? 5000 : 50);
			lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
			pair_close_peer(&p);
			lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			silent = log_count(&p.a, "error") == 0;
			pair_close(&p);
		}
		assert_int_equal(silent, !long_one);
	}
}

/** Nor is a write after which the program has read on, and left the rest behind. */
static void a_write_with_a_read_after_it_is_no_farewell(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	peer_send(p.peer, "ten bytes!");
	pair_close_peer(&p);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 4")), 4);
	/* The program itself does not look. */
	lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "peer-closed-early",
					 .sure = "likely",
					 .others = "[\"peer-closed-unread\",\"peer-abort\"]",
					 .state = "CLOSE"});
	pair_close(&p);
}

/** Nor is what is longer than any goodbye. */
static void a_long_last_write_is_no_farewell(void **state)
{
	(void)state;
	for (unsigned reads = 0; reads < 2; reads++) {
		struct pair p;
		write_past_a_fin(&p, reads != 0, farewells[reads] + 1, 0);
		assert_string_equal(json_get(log_find(&p.a, "error", 0), "cause"),
				    "peer-closed-early");
		pair_close(&p);
	}
}

/** Who has waited is no such: it may be a request that was lost. */
static void a_write_that_was_waited_on_is_no_farewell(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, NULL);
	pair_exchange(&p);
	pair_close_peer(&p);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "peer-closed-early",
					 .sure = "likely",
					 .others = "[\"peer-closed-unread\",\"peer-abort\"]",
					 .rst_case = "none",
					 .state = "CLOSE"});
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_reset_after_a_fin_is_known_at_the_close),
	 LAB_TEST(a_farewell_to_who_had_closed_is_no_error),
	 LAB_TEST(a_farewell_may_end_with_a_shutdown),
	 LAB_TEST(a_farewell_may_end_with_a_shutdown_that_comes_too_late),
	 LAB_TEST(a_farewell_may_follow_much_else),
	 LAB_TEST(a_shutdown_behind_an_answer_says_nothing),
	 LAB_TEST(a_farewell_does_not_hide_a_reset_of_our_own),
	 LAB_TEST(a_last_write_to_who_has_not_closed_is_no_farewell),
	 LAB_TEST(an_answer_after_the_end_of_file_is_no_farewell),
	 LAB_TEST(a_reset_after_an_unread_fin_may_have_answered_nothing),
	 LAB_TEST(a_write_with_a_read_after_it_is_no_farewell),
	 LAB_TEST(what_was_acknowledged_and_left_unread_is_no_farewell),
	 LAB_TEST(a_long_last_write_is_no_farewell),
	 LAB_TEST(a_write_that_was_waited_on_is_no_farewell))
