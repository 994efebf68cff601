/* peer-closed-early: the peer had closed in order, and what was written on met a closed socket. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <string.h>

static void write_after_the_peers_close_is_named_by_epipe(void **state)
{
	(void)state;
	for (int reads = 0; reads <= 1; reads++) {
		struct pair p;
		pair_open_client(&p);
		pair_exchange(&p);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		if (reads) {
			assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		}
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		wait_for_end(&p.a, "s0");
		expect_silence(&p.a);
		assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
		const char *line =
			expect_verdict(&p.a, 0,
				       (struct expected){.op = "send",
							 .error = "EPIPE",
							 .cause = "peer-closed-early",
							 .sure = "certain",
							 .rst_case = "reset-by-peer",
							 .doc = "Connection reset by peer",
							 .state = "CLOSE",
							 .why = {reads ? "had read that end of file"
								       : "had not read it"}});
		assert_true(json_number(line, "outq") == 5);
		/* Of whoever goes on the rest is no news. */
		for (int i = 0; i < 40; i++) {
			assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
		}
		assert_in_range(log_count(&p.a, "error"), 2, 20);
		pair_close(&p);
	}
}

/** A silence, more writes, and one to the peer that has closed. Was there no second silence? */
static bool write_on_after_a_silence(struct pair *p, int times, int pause_ms)
{
	bool steady = true;
	pair_open_client(p);
	pair_exchange(p);
	lab_let_pass(1200);
	int64_t before_ms = lab_now_ms();
	for (int i = 0; i < times; i++) {
		assert_string_equal(actor_do(&p->a, "send s0 1"), "1 -");
		steady = steady && lab_now_ms() - before_ms < 900;
		before_ms = lab_now_ms();
		peer_recv(p->peer, 1);
		lab_let_pass(pause_ms);
	}
	pair_close_peer(p);
	wait_for_fin(&p->a, "s0");
	assert_string_equal(actor_do(&p->a, "send s0 5"), "5 -");
	steady = steady && lab_now_ms() - before_ms < 900;
	wait_for_end(&p->a, "s0");
	assert_string_equal(actor_do(&p->a, "send s0 5 nosignal"), "-1 EPIPE");
	return steady;
}

static void a_silence_is_told_of_what_was_written_right_after_it(void **state)
{
	static const struct {
		int writes, pause_ms;
		bool told;
	} cases[] = {
		{0, 0, true},
		{12, 100, false},
		/* The history has forgotten the first. */
		{20, 0, false},
	};
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pair p;
		for (int tries = 1;
		     !write_on_after_a_silence(&p, cases[i].writes, cases[i].pause_ms) &&
		     tries < 10;
		     tries++) {
			pair_close(&p);
		}
		const char *line = expect_verdict(
			&p.a, 0, (struct expected){.op = "send", .cause = "peer-closed-early"});
		const char *told = strstr(json_get(line, "why"), "it was written after a silence");
		assert_int_equal(told != NULL, cases[i].told);
		pair_close(&p);
	}
}

/** What others have read leaves nothing in the kernel's counts that would tell a FIN from a byte. */
static void a_fin_is_not_denied_where_others_have_read(void **state)
{
	static const struct {
		/** By whom the answer is read, and what happens before the last write. */
		const char *reads, *becomes;
	} cases[] = {
		{"fork recv s0 5000 waitall", NULL},
		{"stdio_read s0 5000", NULL},
		{"recv s0 5000 waitall", "exec"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		pair_open_client(&p);
		peer_send_bytes(p.peer, 5000);
		assert_int_equal(actor_number(actor_do(&p.a, "%s", cases[i].reads)), 5000);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		wait_for_end(&p.a, "s0");
		if (cases[i].becomes != NULL) {
			assert_string_equal(actor_do(&p.a, "%s", cases[i].becomes), "0 -");
		}
		assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
		expect_verdict(
			&p.a, 0,
			(struct expected){.op = "send",
					  .error = "EPIPE",
					  .cause = "peer-closed-early",
					  .sure = "likely",
					  .others = "[\"already-reset\",\"peer-closed-unread\","
						    "\"peer-abort\"]"});
		pair_close(&p);
	}
}

static void end_of_file_that_hides_a_reset_is_told(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	pair_close_peer(&p);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "recv",
					 .error = "none",
					 .cause = "peer-closed-early",
					 .sure = "certain",
					 .rst_case = "reset",
					 .doc = "Connection reset",
					 .state = "CLOSE",
					 .why = {"hidden by this end of file"}});
	/* Once: the second end of file is no news. */
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	assert_int_equal(log_count(&p.a, "error"), 1);
	/* And an error that comes after it is of the same end. */
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
	expect_verdict(&p.a, 1,
		       (struct expected){
			       .op = "send",
			       .error = "EPIPE",
			       .cause = "already-reset",
			       .sure = "certain",
			       .rst_case = "reset-by-peer",
			       .why = {"hidden by the end of file that recv reported", "s ago"}});
	pair_close(&p);
}

/** Whatever became of it: the close that follows has nothing to add. */
static void a_reset_that_an_end_of_file_hides_is_told_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		pair_exchange(&p);
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		wait_for_fin(&p.a, "s0");
		if (i == 1) {
			assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
			lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
		}
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		expect_verdict(&p.a, 0,
			       (struct expected){.op = "recv",
						 .error = "none",
						 .cause = "peer-abort",
						 .sure = "likely",
						 .others = "[\"peer-closed-unread\"]"});
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(log_count(&p.a, "error"), 1);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-rst");
		pair_close(&p);
	}
}

/** The program had shut down its reading side itself: what it reads then is no FIN of the peer's. */
static void an_end_of_file_of_our_own_is_no_fin(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	pair_exchange(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 r"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "fin");

	pair_again(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 r"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	char bytes[5];
	lab_until(recv(p.peer, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT) == 5);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.op = "close",
							    .error = "none",
							    .cause = "peer-closed-unread",
							    .sure = "likely",
							    .others = "[\"peer-abort\"]"});
	assert_null(strstr(json_get(line, "why"), "FIN"));
	pair_close(&p);
}

/** Its FIN only half-closed: a RST that answers nothing comes of a close with bytes unread. */
static void a_reset_that_answers_nothing_does_not_come_of_the_fin(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	while (actor_number(actor_do(&p.a, "send s0 100000")) > 0) {
	}
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
	/* Where the peer's window has closed wholly by then, a probe of it may be what was answered. */
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.op = "send",
							    .error = "EPIPE",
							    .cause = "peer-closed-unread",
							    .sure = "likely",
							    .state = "CLOSE",
							    .why = {"unacknowledged or unsent"}});
	assert_true(strcmp(json_get(line, "else"), "[\"peer-abort\"]") == 0 ||
		    strstr(json_get(line, "why"), "full of what it had not read") != NULL);
	pair_close(&p);
}

/** In LAST_ACK: what was written goes out with our own FIN, and the RST is ECONNRESET again. */
static void a_reset_after_both_fins_comes_of_the_first(void **state)
{
	static const struct expected expected[] = {
		[false] = {.op = "getsockopt",
			   .error = "ECONNRESET",
			   .cause = "peer-closed-early",
			   .sure = "likely",
			   .others = "[\"peer-closed-unread\",\"peer-abort\"]",
			   .state = "CLOSE",
			   .why = {"had not read it", "this ECONNRESET"}},
		[true] = {.op = "send",
			  .error = "ECONNRESET",
			  .cause = "peer-closed-early",
			  .sure = "certain",
			  .rst_case = "reset-by-peer",
			  .state = "CLOSE",
			  .why = {"had read that end of file", "this ECONNRESET"}},
	};
	(void)state;
	for (unsigned reads = 0; reads < 2; reads++) {
		struct pair p;
		pair_open_client(&p);
		pair_exchange(&p);
		assert_string_equal(actor_do(&p.a, "setsockopt s0 cork 1"), "0 -");
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		if (reads != 0) {
			assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		}
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		wait_for_end(&p.a, "s0");
		const struct segment *last = capture_find(
			&p.wire,
			(struct match){.from_port = p.actor_port, .set = TH_FIN, .data = true}, 0);
		assert_int_equal(last->length, 5);
		assert_true(capture_rst(&p.wire, p.peer_port));
		if (reads != 0) {
			assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 ECONNRESET");
		} else {
			assert_string_equal(actor_do(&p.a, "getsockopt s0 error"),
					    "0 - ECONNRESET");
		}
		expect_verdict(&p.a, 0, expected[reads]);
		pair_close(&p);
	}
}

/** A client that goes away after its answer has nothing to do with what it did not read. */
static void a_client_that_resets_after_its_answer_aborted(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, (struct situation){AF_INET, true, false}, NULL);
	peer_send(p.peer, "request");
	assert_string_equal(actor_do(&p.a, "recvall s0 7"), "7 - 7");
	assert_string_equal(actor_do(&p.a, "send s0 6"), "6 -");
	peer_recv(p.peer, 6);
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
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
					 .state = "CLOSE"});
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(write_after_the_peers_close_is_named_by_epipe),
	 LAB_TEST(a_silence_is_told_of_what_was_written_right_after_it),
	 LAB_TEST(a_fin_is_not_denied_where_others_have_read),
	 LAB_TEST(end_of_file_that_hides_a_reset_is_told),
	 LAB_TEST(a_reset_that_an_end_of_file_hides_is_told_once),
	 LAB_TEST(an_end_of_file_of_our_own_is_no_fin),
	 LAB_TEST(a_reset_that_answers_nothing_does_not_come_of_the_fin),
	 LAB_TEST(a_reset_after_both_fins_comes_of_the_first),
	 LAB_TEST(a_client_that_resets_after_its_answer_aborted))
