/* Resets of established connections: who did it, and how sure is that? */

#include "lab_pair.h"
#include "lab_stop.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void open_server(struct pair *pair)
{
	pair_open(pair, (struct situation){AF_INET, true, false}, NULL);
}

/** A request of 5 bytes and an answer of 2. */
static void exchange(struct pair *pair)
{
	assert_string_equal(actor_do(&pair->a, "send s0 5"), "5 -");
	peer_recv(pair->peer, 5);
	peer_send(pair->peer, "ok");
	assert_string_equal(actor_do(&pair->a, "recv s0 2 waitall"), "2 - ok");
}

static void peer_that_closes_with_bytes_unread_is_named(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	assert_string_equal(actor_do(&p.a, "send s0 1000"), "1000 -");
	peer_poll(p.peer, POLLIN, LAB_PATIENCE_MS);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.op = "recv",
							    .error = "ECONNRESET",
							    .cause = "peer-closed-unread",
							    .sure = "likely",
							    .others = "[\"peer-abort\"]",
							    .rst_case = "reset",
							    .doc = "Connection reset",
							    .state = "CLOSE",
							    .why = {"1000 bytes"}});
	assert_true(json_number(line, "req_bytes") == 1000);
	assert_true(json_number(line, "resp_bytes") == 0);
	assert_true(capture_rst(&p.wire, p.peer_port));
	pair_close(&p);
}

static void answer_still_readable_is_told(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "send s0 1000"), "1000 -");
	peer_poll(p.peer, POLLIN, LAB_PATIENCE_MS);
	peer_send(p.peer, "too large!");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 10"), "-1 ECONNRESET");
	const char *line = expect_verdict(
		&p.a, 0,
		(struct expected){.op = "send",
				  .error = "ECONNRESET",
				  .cause = "peer-closed-unread",
				  .sure = "likely",
				  .others = "[\"peer-abort\"]",
				  .rst_case = "reset-by-peer",
				  .doc = "Connection reset by peer",
				  .why = {"10 bytes of the peer's can still be read"}});
	assert_true(json_number(line, "inq") == 10);
	assert_string_equal(actor_do(&p.a, "recv s0"), "10 - too large!");
	pair_close(&p);
}

/** The peer has closed in order, and its FIN waits for room behind what is unread here. */
static void a_close_behind_what_is_unread_is_possible(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	static const char much[1 << 16];
	while (send(p.peer, much, sizeof(much), MSG_DONTWAIT) > 0) {
	}
	pair_close_peer(&p);
	assert_string_equal(actor_do(&p.a, "send s0 10"), "10 -");
	wait_for_end(&p.a, "s0");
	assert_false(capture_fin(&p.wire, p.peer_port));
	assert_string_equal(actor_do(&p.a, "send s0 10"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "send",
					 .cause = "peer-closed-unread",
					 .sure = "likely",
					 .others = "[\"peer-abort\",\"peer-closed-early\"]",
					 .why = {"the peer's can still be read"}});
	pair_close(&p);
}

static void bytes_on_their_way_are_counted(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	while (actor_number(actor_do(&p.a, "send s0 1000000")) > 0) {
	}
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.cause = "peer-closed-unread",
							    .sure = "likely",
							    .others = "[\"peer-abort\"]",
							    .why = {"unacknowledged or unsent"}});
	assert_true(json_number(line, "outq") > 0);
	pair_close(&p);
}

static void early_answer_read_leaves_both_possible(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "send s0 1000"), "1000 -");
	peer_recv(p.peer, 100);
	peer_send(p.peer, "no");
	assert_string_equal(actor_do(&p.a, "recv s0"), "2 - no");
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "peer-abort",
					 .sure = "likely",
					 .others = "[\"peer-closed-unread\"]",
					 .why = {"1000 bytes", "2 bytes"}});
	pair_close(&p);
}

static void write_after_the_peers_close_is_named_by_epipe(void **state)
{
	(void)state;
	for (int reads = 0; reads <= 1; reads++) {
		struct pair p;
		pair_open_client(&p);
		exchange(&p);
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
	exchange(p);
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

/** Of what the peer's closed window has kept back, nothing was sent that could lack an acknowledgement. */
static void bytes_that_were_never_sent_are_known_at_the_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	while (strstr(actor_do(&p.a, "send s0 100000"), "EAGAIN") == NULL) {
	}
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	expect_silence(&p.a);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "peer-closed-unread",
					 .sure = "likely",
					 .rst_case = "none"});
	assert_true(capture_rst(&p.wire, p.peer_port));
	pair_close(&p);
}

static void end_of_file_that_hides_a_reset_is_told(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
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
		exchange(&p);
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
	exchange(&p);
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

/** The peer closes, the program reads the end of file or does not, writes and closes. */
static void write_past_a_fin(struct pair *p, bool reads, unsigned bytes, unsigned wait_ms)
{
	pair_open(p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	exchange(p);
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
		exchange(&p);
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
		exchange(&p);
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
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		exchange(&p);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "send s0 31"), "31 -");
		wait_for_end(&p.a, "s0");
		if (i == 0) {
			assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "-1 ENOTCONN");
		}
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		/* Who reads on without having said that it writes no more waits for an answer. */
		assert_int_equal(log_count(&p.a, "error"), i);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"),
				    i == 0 ? "peer-fin" : "peer-rst");
		pair_close(&p);
	}
}

/** After the end of file it is an answer that somebody may have wanted, shut down behind it or not. */
static void an_answer_after_the_end_of_file_is_no_farewell(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
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
	exchange(&p);
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

/** Nor is an answer that a half-closed peer had acknowledged, and left unread; a goodbye may be. */
static void an_answer_that_was_acknowledged_and_left_unread_is_no_farewell(void **state)
{
	(void)state;
	for (unsigned long_one = 0; long_one < 2; long_one++) {
		bool silent = false;
		for (int tries = 0; tries < (long_one ? 1 : 20) && !silent; tries++) {
			struct pair p;
			open_server(&p);
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
	exchange(&p);
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
	exchange(&p);
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

static void abort_after_a_half_close_is_not_taken_for_a_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	shutdown(p.peer, SHUT_WR);
	wait_for_fin(&p.a, "s0");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
	expect_verdict(
		&p.a, 0,
		(struct expected){.op = "send",
				  .error = "EPIPE",
				  .cause = "peer-abort",
				  .sure = "likely",
				  .others = "[\"peer-closed-unread\"]",
				  .rst_case = "reset-by-peer",
				  .why = {"FIN had come", "nothing of ours was outstanding"}});
	pair_close(&p);
}

static void close_with_bytes_unread_after_a_half_close_is_named(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	shutdown(p.peer, SHUT_WR);
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	for (int i = 0; i < 2; i++) {
		assert_string_equal(actor_do(&p.a, "send s0 50000"), "50000 -");
	}
	/* A peer that had closed would have acknowledged nothing. */
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "peer-closed-unread",
					 .sure = "likely",
					 .others = "[\"peer-abort\"]",
					 .why = {"gone on acknowledging"}});
	pair_close(&p);
}

/** As nginx that has answered 413: the FIN of a shutdown, then the RST of a close with bytes unread. */
static void close_with_a_full_buffer_is_no_early_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	while (actor_number(actor_do(&p.a, "send s0 1000000")) > 0) {
	}
	lab_until(info_of(&p.a, "s0").tcpi_probes > 0);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "recv",
					 .error = "none",
					 .cause = "peer-closed-unread",
					 .sure = "likely",
					 .others = "[\"peer-closed-early\",\"peer-abort\"]",
					 .rst_case = "reset",
					 .why = {"after the peer's FIN", "buffer full"}});
	assert_true(capture_rst(&p.wire, p.peer_port));
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "error"), 1);
	pair_close(&p);
}

/** Of what was on its way by then the peer may have left some unread, when it closed at last. */
static void an_end_of_file_read_in_mid_upload_is_not_certain(void **state)
{
	(void)state;
	for (int closes = 0; closes <= 1; closes++) {
		struct pair p;
		pair_open(&p, nonblocking_situation, NULL);
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		wait_for_fin(&p.a, "s0");
		while (actor_number(actor_do(&p.a, "send s0 300000")) > 0) {
		}
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		pair_close_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, closes ? "close s0" : "send s0 1 nosignal"),
				    closes ? "0 -" : "-1 EPIPE");
		const char *line = expect_verdict(&p.a, 0, (struct expected){.sure = "likely"});
		assert_non_null(strstr(line, "\"peer-closed-unread\""));
		assert_non_null(strstr(line, "\"peer-closed-early\""));
		pair_close(&p);
	}
}

/** What is sent later than the FIN came is what the RST answers, in the middle of an upload, too. */
static void upload_after_the_peers_close_is_certain(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "send s0 1000"), "1000 -");
	peer_recv(p.peer, 1000);
	pair_close_peer(&p);
	wait_for_fin(&p.a, "s0");
	lab_let_pass(50);
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
	expect_verdict(
		&p.a, 0,
		(struct expected){.op = "send",
				  .error = "EPIPE",
				  .cause = "peer-closed-early",
				  .sure = "certain",
				  .rst_case = "reset-by-peer",
				  .why = {"met a closed socket", "whose RST is this EPIPE"}});
	pair_close(&p);
}

static void abort_without_reason_is_the_peers(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
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
	open_server(&p);
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
			exchange(&p);
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
		exchange(&p);
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
	exchange(&p);
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
	exchange(&p);
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

static void data_after_our_own_shutdown_is_reset_by_our_own_kernel(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	exchange(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
	peer_send(p.peer, "late");
	capture_await(&p.wire, (struct match){.from_port = p.actor_port, .set = TH_RST}, 0);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "recv",
					 .error = "ECONNRESET",
					 .cause = "late-data",
					 .sure = "certain",
					 .rst_case = "reset",
					 .state = "CLOSE",
					 .why = {"1 segment"}});
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
	pair_close(&p);
}

/** Of the two ends one is another process's: the kernel knows only the socket's. */
static void data_after_an_end_that_two_processes_made_is_late(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		exchange(&p);
		assert_string_equal(actor_do(&p.a, "shutdown s0 r"), "0 -");
		assert_string_equal(actor_do(&p.a, "fork shutdown s0 w"), "0 -");
		if (late) {
			peer_send(p.peer, "late");
			capture_await(&p.wire,
				      (struct match){.from_port = p.actor_port, .set = TH_RST}, 0);
		} else {
			pair_abort_peer(&p);
			wait_for_end(&p.a, "s0");
			assert_false(capture_rst(&p.wire, p.actor_port));
		}
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		expect_verdict(
			&p.a, 0,
			(struct expected){.op = "recv",
					  .cause = late ? "late-data" : "peer-abort",
					  .sure = "likely",
					  .others = late ? "[\"peer-closed-unread\",\"peer-abort\"]"
							 : "[\"peer-closed-unread\"]",
					  .rst_case = "reset",
					  .state = "CLOSE",
					  .why = {late ? "1 segment with data" : NULL}});
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		const char *end = json_get(log_find(&p.a, "close", 0), "end");
		if (late) {
			/* Not the peer's, and perhaps not this process's either. */
			assert_null(end);
		} else {
			assert_string_equal(end, "peer-rst");
		}
		pair_close(&p);
	}
}

/** It takes a sequence number, and no byte of it is unacknowledged for that. */
static void a_fin_of_another_process_is_no_byte_that_was_lost(void **state)
{
	(void)state;
	struct pair p;
	pair_open_client(&p);
	exchange(&p);
	nft("add rule inet lab in tcp sport %u tcp flags == ack drop", p.peer_port);
	assert_string_equal(actor_do(&p.a, "fork shutdown s0 w"), "0 -");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(
		&p.a, 0, (struct expected){.op = "recv", .cause = "peer-abort", .sure = "likely"});
	assert_int_equal(json_number(line, "outq"), 0);
	pair_close(&p);
}

/** The counts of an inherited connection tell no FIN from a byte, but an error waits. */
static void late_data_on_an_inherited_connection_is_told_at_its_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
	peer_send(p.peer, "late");
	capture_await(&p.wire, (struct match){.from_port = p.actor_port, .set = TH_RST}, 0);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "late-data",
					 .sure = "certain",
					 .rst_case = "none"});
	pair_close(&p);
}

/** Our FIN lets go what the peer had held back, which may be here before shutdown returns. */
static void data_that_our_own_fin_calls_forth_is_late(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	assert_int_equal(send(p.peer, "late", 4, MSG_MORE), 4);
	assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
	capture_await(&p.wire, (struct match){.from_port = p.actor_port, .set = TH_RST}, 0);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0, (struct expected){.cause = "late-data", .sure = "certain"});
	pair_close(&p);
}

static void abort_after_our_own_shutdown_is_the_peers(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
	pair_abort_peer(&p);
	tcp_wait_state(p.listener, TCP_LISTEN);
	capture_await(&p.wire, (struct match){.from_port = p.peer_port, .set = TH_RST}, 0);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "peer-abort",
					 .sure = "likely",
					 .others = "[\"peer-closed-unread\"]"});
	pair_close(&p);
}

static void socket_destroyed_by_an_administrator_is_named(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
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

/** An actor that listens as s9; returns the port. */
static uint16_t listening_actor(struct actor *a)
{
	actor_start(a, NULL);
	actor_do(a, "socket4 s9");
	assert_string_equal(actor_do(a, "listen s9"), "0 -");
	return (uint16_t)atoi(strrchr(actor_do(a, "getsockname s9"), ':') + 1);
}

static void client_gone_before_accept_is_told_at_accept(void **state)
{
	struct actor a;
	(void)state;
	uint16_t port = listening_actor(&a);
	peer_rst(peer_connect(AF_INET, port));
	assert_string_equal(actor_do(&a, "poll s9 in 20000"), "1 - in");
	lab_until(info_of(&a, "s9").tcpi_unacked > 0);
	assert_int_equal(strncmp(actor_do(&a, "accept s9 s0"), "0 - 127.0.0.1:", 14), 0);
	const char *line = expect_verdict(&a, 0,
					  (struct expected){.op = "accept",
							    .error = "none",
							    .cause = "accept-aborted",
							    .sure = "certain",
							    .rst_case = "none",
							    .state = "CLOSE"});
	assert_string_equal(json_get(line, "side"), "server");
	/* The handshake's, though no segment has left the new socket. */
	assert_true(json_number(line, "rtt_us") > 0);
	/* Who is told it himself is told the same cause; and at the close there is nothing new. */
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&a, 1,
		       (struct expected){.op = "recv",
					 .error = "ECONNRESET",
					 .cause = "accept-aborted",
					 .sure = "certain",
					 .rst_case = "reset",
					 .state = "CLOSE"});
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(log_count(&a, "error"), 2);
	assert_int_equal(actor_stop(&a), 0);
}

/** Whose client is still there, half-closed or not: nothing but a RST tells that it is not. */
static void destroy_before_accept(bool half_closed)
{
	struct actor a;
	uint16_t port = listening_actor(&a);
	int client = peer_connect(AF_INET, port);
	lab_until(info_of(&a, "s9").tcpi_unacked > 0);
	if (half_closed) {
		shutdown(client, SHUT_WR);
		tcp_wait_state(client, TCP_FIN_WAIT2);
	}
	int status =
		system(lab_text("ss -K -t 'sport = :%u and dport != :0' >/dev/null 2>&1", port));
	struct pollfd hangup = {.fd = client};
	if (status != 0 || poll(&hangup, 1, 0) <= 0) {
		close(client);
		actor_stop(&a);
		lab_skip("ss -K cannot destroy sockets here");
	}
	assert_int_equal(strncmp(actor_do(&a, "accept s9 s0"), "0 - 127.0.0.1:", 14), 0);
	expect_verdict(&a, 0,
		       (struct expected){.op = "accept",
					 .cause = "accept-aborted",
					 .sure = "likely",
					 .others = "[\"killed\"]",
					 .why = {"or somebody on this host had destroyed it"}});
	if (half_closed) {
		assert_string_equal(actor_do(&a, "recv s0"), "0 -");
		assert_int_equal(log_count(&a, "error"), 1);
	}
	assert_string_equal(actor_do(&a, "send s0 1"), "-1 ECONNABORTED");
	expect_verdict(&a, 1, (struct expected){.cause = "killed", .sure = "certain"});
	close(client);
	assert_int_equal(actor_stop(&a), 0);
}

/** A forked process shuts down what its parent has, too: who is reset then by late data is the parent. */
static void data_after_a_childs_shutdown_is_not_the_peers_reset(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "fork shutdown s0 rw"), "0 -");
	assert_int_equal(peer_drain(p.peer), 0);
	peer_send(p.peer, "late");
	lab_until(capture_rst(&p.wire, p.actor_port));
	assert_false(capture_rst(&p.wire, p.peer_port));
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(
		&p.a, 0,
		(struct expected){.cause = "late-data",
				  .sure = "likely",
				  .why = {"another process that has this socket, had shut it "
					  "down and 1 segment with data came"}});
	pair_close(&p);
}

static void socket_destroyed_before_accept_may_be_the_clients_doing(void **state)
{
	(void)state;
	destroy_before_accept(false);
	destroy_before_accept(true);
}

static void client_gone_before_accept_is_told_once_to_who_only_closes(void **state)
{
	struct actor a;
	(void)state;
	uint16_t port = listening_actor(&a);
	peer_rst(peer_connect(AF_INET, port));
	assert_string_equal(actor_do(&a, "poll s9 in 20000"), "1 - in");
	lab_until(info_of(&a, "s9").tcpi_unacked > 0);
	assert_int_equal(strncmp(actor_do(&a, "accept s9 s0"), "0 - 127.0.0.1:", 14), 0);
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(log_count(&a, "error"), 1);
	assert_int_equal(actor_stop(&a), 0);
}

/** A connection whose handshake ACK is lost, while another fills the accept queue. */
static int overflow(struct actor *a, uint16_t *port, int *other)
{
	int listener = peer_listen_backlog(AF_INET, 0, port);
	nft("add rule inet lab in tcp dport %u tcp flags & (syn|ack) == ack drop", *port);
	actor_start(a, NULL);
	actor_do(a, "socket4 s0");
	assert_string_equal(actor_do(a, "connect s0 127.0.0.1 %u", *port), "0 -");
	nft_flush();
	*other = peer_connect(AF_INET, *port);
	assert_int_equal(peer_poll(listener, POLLIN, LAB_PATIENCE_MS), POLLIN);
	return listener;
}

static void full_accept_queue_that_resets_is_among_the_others(void **state)
{
	struct actor a;
	uint16_t port;
	int other;
	(void)state;
	lab_sysctl("net/ipv4/tcp_abort_on_overflow", "1");
	int listener = overflow(&a, &port, &other);
	assert_string_equal(actor_do(&a, "send s0 100"), "100 -");
	wait_for_end(&a, "s0");
	lab_sysctl("net/ipv4/tcp_abort_on_overflow", "0");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(&a, 0, (struct expected){.error = "ECONNRESET"});
	/* Whether the SYN-ACK came again before is a matter of the moment. */
	const char *cause = json_get(line, "cause");
	assert_true(strcmp(cause, "accept-overflow") == 0 ||
		    strstr(json_get(line, "else"), "accept-overflow") != NULL);
	assert_string_not_equal(json_get(line, "sure"), "certain");
	assert_int_equal(actor_stop(&a), 0);
	close(other);
	close(listener);
}

static void full_accept_queue_is_possible_when_nothing_was_ever_read(void **state)
{
	struct actor a;
	uint16_t port;
	int other;
	(void)state;
	lab_sysctl("net/ipv4/tcp_synack_retries", "0");
	int listener = overflow(&a, &port, &other);
	assert_string_equal(actor_do(&a, "send s0 100"), "100 -");
	wait_for_end(&a, "s0");
	lab_sysctl("net/ipv4/tcp_synack_retries", "5");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(
		&a, 0,
		(struct expected){.op = "recv",
				  .error = "ECONNRESET",
				  .cause = "accept-overflow",
				  .sure = "possible",
				  .others = "[\"peer-closed-unread\",\"peer-abort\"]",
				  .rst_case = "reset",
				  .why = {"never acknowledged one of our 100 bytes"}});
	assert_true(json_number(line, "retrans") > 0);
	assert_int_equal(actor_stop(&a), 0);
	close(other);
	close(listener);
}

/** The peer forgets a connection, and nothing is said for longer than a second. */
static void be_forgotten(struct pair *p)
{
	pair_open_client(p);
	exchange(p);
	peer_vanish(p->peer);
	p->peer = -1;
	lab_let_pass(1200);
}

static void write_and_be_reset(struct pair *p)
{
	assert_string_equal(actor_do(&p->a, "send s0 7"), "7 -");
	assert_string_equal(actor_do(&p->a, "recv s0"), "-1 ECONNRESET");
}

static void write_to_who_forgot(struct pair *p)
{
	be_forgotten(p);
	write_and_be_reset(p);
}

static void write_to_who_forgot_in_spite_of_keepalive(struct pair *p)
{
	be_forgotten(p);
	actor_do(&p->a, "setsockopt s0 keepalive 1");
	actor_do(&p->a, "setsockopt s0 keepidle 77");
	write_and_be_reset(p);
}

/** On a busy machine the read may come so late that the RST need not have answered the write. */
static void until_forgotten(struct pair *p, void (*meet)(struct pair *p))
{
	meet(p);
	for (int tries = 1; tries < 10; tries++) {
		if (strcmp(json_get(log_find(&p->a, "error", 0), "cause"), "forgotten") == 0) {
			return;
		}
		pair_close(p);
		meet(p);
	}
}

static void connection_forgotten_in_a_silence_is_named(void **state)
{
	static const struct {
		void (*meet)(struct pair *p);
		const char *keepalive;
	} cases[] = {
		{write_to_who_forgot, "SO_KEEPALIVE was off"},
		{write_to_who_forgot_in_spite_of_keepalive,
		 "SO_KEEPALIVE was on with TCP_KEEPIDLE 77 s"},
	};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p;
		until_forgotten(&p, cases[i].meet);
		const char *line = expect_verdict(
			&p.a, 0,
			(struct expected){.op = "recv",
					  .error = "ECONNRESET",
					  .cause = "forgotten",
					  .sure = "likely",
					  .others = "[\"peer-closed-unread\",\"peer-abort\"]",
					  .rst_case = "reset",
					  .why = {" s of silence", "7 bytes", cases[i].keepalive}});
		assert_in_range((long)json_number(line, "idle_ms"), 1150, 20000);
		assert_true(json_number(line, "outq") == 7);
		pair_close(&p);
	}
}

/**
 * On one machine the RST comes within the send: a thread that reads meets it before the write that it
 * answers has returned to be counted.
 */
static void read_the_answer_to_anothers_write(struct pair *p)
{
	pair_open_client(p);
	exchange(p);
	actor_do(&p->a, "background recv s0 10");
	actor_wait_background(&p->a, "s0");
	peer_vanish(p->peer);
	p->peer = -1;
	lab_let_pass(1200);
	pid_t reader = stop_other(&p->a);
	pid_t writer = stop_first(&p->a);
	stop_before(reader, SYS_recvfrom);
	stop_enter(reader);
	actor_send(&p->a, "send s0 7");
	stop_before(writer, SYS_sendto);
	stop_behind(writer);
	/* It lets others run while something is missing. */
	stop_before(reader, SYS_sched_yield);
	stop_end(writer);
	assert_string_equal(actor_result(&p->a), "7 -");
	stop_end(reader);
	assert_string_equal(actor_do(&p->a, "join"), "-1 ECONNRESET");
}

static void a_thread_that_reads_meets_the_answer_to_anothers_write(void **state)
{
	struct pair p;
	(void)state;
	until_forgotten(&p, read_the_answer_to_anothers_write);
	expect_verdict(&p.a, 0, (struct expected){.op = "recv", .cause = "forgotten"});
	pair_close(&p);
}

/** The EPIPE behind the ECONNRESET that another thread is told may be explained before it. */
static void a_reset_is_named_also_when_another_threads_epipe_was_first(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
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

/**
 * A silence, then a byte every 350 ms, each acknowledged: long enough apart that the RST that answers
 * the last has nothing else to answer. Was there no other silence of a second?
 */
static bool write_steadily_to_who_forgets(struct pair *p, int times)
{
	bool steady = true;
	pair_open_client(p);
	exchange(p);
	lab_let_pass(1200);
	int64_t before_ms = lab_now_ms();
	for (int i = 0; i < times; i++) {
		assert_string_equal(actor_do(&p->a, "send s0 1"), "1 -");
		steady = steady && lab_now_ms() - before_ms < 900;
		before_ms = lab_now_ms();
		peer_recv(p->peer, 1);
		lab_until(info_of(&p->a, "s0").tcpi_unacked == 0);
		lab_let_pass(350);
	}
	peer_vanish(p->peer);
	p->peer = -1;
	assert_string_equal(actor_do(&p->a, "send s0 7"), "7 -");
	steady = steady && lab_now_ms() - before_ms < 900;
	assert_string_equal(actor_do(&p->a, "recv s0"), "-1 ECONNRESET");
	return steady;
}

/** Of what was written after a silence the peer has acknowledged some: it had not forgotten. */
static void a_silence_that_an_acknowledgement_followed_did_no_harm(void **state)
{
	static const struct {
		int writes;
		bool told;
	} cases[] = {
		/* Within a second of the silence, which is the last. */
		{1, true},
		{4, false},
	};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p;
		for (int tries = 1;
		     !write_steadily_to_who_forgets(&p, cases[i].writes) && tries < 10; tries++) {
			pair_close(&p);
		}
		const char *line = expect_verdict(&p.a, 0,
						  (struct expected){.op = "recv",
								    .cause = "peer-closed-unread",
								    .sure = "likely",
								    .others = "[\"peer-abort\"]"});
		assert_int_equal(json_get(line, "idle_ms") != NULL, cases[i].told);
		assert_int_equal(strstr(json_get(line, "why"), "silence") != NULL, cases[i].told);
		pair_close(&p);
	}
}

/** The first of them is not in the history any more, but nothing that is was acknowledged. */
static void write_much_to_who_forgot(struct pair *p)
{
	be_forgotten(p);
	for (int i = 0; i < 20; i++) {
		assert_string_equal(actor_do(&p->a, "send s0 7 more"), "7 -");
	}
	write_and_be_reset(p);
}

static void a_request_of_many_writes_is_answered_as_one(void **state)
{
	struct pair p;
	(void)state;
	until_forgotten(&p, write_much_to_who_forgot);
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.op = "recv",
							    .cause = "forgotten",
							    .sure = "likely",
							    .why = {" s of silence", "147 bytes"}});
	assert_in_range((long)json_number(line, "idle_ms"), 1150, 20000);
	pair_close(&p);
}

static void request_acknowledged_after_a_silence_was_not_forgotten(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	lab_let_pass(1200);
	assert_string_equal(actor_do(&p.a, "send s0 7"), "7 -");
	peer_recv(p.peer, 7);
	/* Answers none of it, and 3 bytes more are left unread. */
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	peer_poll(p.peer, POLLIN, LAB_PATIENCE_MS);
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "peer-closed-unread",
					 .sure = "likely",
					 .others = "[\"peer-abort\"]"});
	pair_close(&p);
}

static void reset_that_nobody_took_is_told_at_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "peer-abort",
					 .sure = "likely",
					 .rst_case = "none",
					 .state = "CLOSE",
					 .why = {"closed without having been told"}});
	pair_close(&p);
}

/** The kernel keeps its error, and with it nothing that would tell whose it was. */
static void reset_that_nobody_took_is_told_at_a_disconnect(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	exchange(&p);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "connect",
					 .error = "none",
					 .cause = "peer-abort",
					 .sure = "likely",
					 .rst_case = "none",
					 .state = "CLOSE",
					 .why = {"disconnected it (AF_UNSPEC) without"}});
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "error"), 1);
	pair_close(&p);
}

/** What had been written before it was never acknowledged: that is no TIME_WAIT. */
static void reset_that_nobody_took_is_told_at_close_after_a_shutdown(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	while (actor_number(actor_do(&p.a, "send s0 100000")) > 0) {
	}
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "peer-closed-unread",
					 .sure = "likely",
					 .others = "[\"peer-abort\"]",
					 .state = "CLOSE",
					 .why = {"without having been told"}});
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-rst");
	pair_close(&p);
}

/** Nor is it one when the peer's FIN has never come; when it has, nothing is told. */
static void reset_instead_of_the_peers_fin_is_told_at_close(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		exchange(&p);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		lab_until(info_of(&p.a, "s0").tcpi_state == TCP_FIN_WAIT2);
		if (i == 0) {
			pair_close_peer(&p);
		} else {
			pair_abort_peer(&p);
		}
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		const char *end = json_get(log_find(&p.a, "close", 0), "end");
		assert_string_equal(end, i == 0 ? "fin" : "peer-rst");
		if (i == 0) {
			expect_silence(&p.a);
		} else {
			expect_verdict(&p.a, 0,
				       (struct expected){.op = "close",
							 .error = "none",
							 .cause = "peer-abort",
							 .sure = "likely",
							 .others = "[\"peer-closed-unread\"]"});
		}
		pair_close(&p);
	}
}

/** By the kernel's count of bytes it may be the peer's FIN. */
static void one_byte_that_is_unread_is_no_fin_at_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	assert_int_equal(peer_drain(p.peer), 0);
	peer_send(p.peer, "x");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .cause = "peer-abort",
					 .sure = "likely",
					 .why = {"1 byte of the peer's can still be read"}});
	pair_close(&p);
}

/** Of urgent bytes the kernel counts none that are unread. */
static void urgent_bytes_that_are_unread_are_no_fin_at_close(void **state)
{
	static const char *const more[] = {"", "yz"};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pair p;
		pair_open_client(&p);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_int_equal(peer_drain(p.peer), 0);
		assert_int_equal(send(p.peer, "x", 1, MSG_OOB), 1);
		peer_send(p.peer, more[i / 2]);
		assert_string_equal(actor_do(&p.a, "poll s0 pri 20000"), "1 - pri");
		if (i % 2 == 0) {
			pair_close_peer(&p);
		} else {
			pair_abort_peer(&p);
		}
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(capture_rst(&p.wire, p.peer_port), i % 2);
		if (i % 2 == 0) {
			expect_silence(&p.a);
		} else {
			expect_verdict(&p.a, 0,
				       (struct expected){.op = "close",
							 .cause = "peer-abort",
							 .sure = "likely",
							 .why = {"the peer's can still be read"}});
		}
		pair_close(&p);
	}
}

/** Where it lies behind others its count is that of a FIN, and what we wrote would be a farewell. */
static void an_urgent_byte_behind_unread_ones_is_no_fin(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_int_equal(send(p.peer, "abc!", 4, MSG_OOB), 4);
	assert_string_equal(actor_do(&p.a, "poll s0 pri 20000"), "1 - pri");
	assert_string_equal(actor_do(&p.a, "send s0 50"), "50 -");
	pair_abort_peer(&p);
	lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .sure = "likely",
					 .why = {"a RST arrived", "without having been told"}});
	pair_close(&p);
}

static void reset_that_nobody_took_is_told_at_exit(void **state)
{
	static const char *const ends[] = {"exit", "_exit", "quick_exit"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_open_client(&p);
		exchange(&p);
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "%s", ends[i]), "exited 0");
		expect_verdict(&p.a, 0,
			       (struct expected){.op = "exit",
						 .error = "none",
						 .cause = "peer-abort",
						 .sure = "likely"});
		pair_close(&p);
	}
}

static void reset_that_was_told_is_not_told_again_at_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "error"), 1);
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

LAB_MAIN(LAB_TEST(peer_that_closes_with_bytes_unread_is_named),
	 LAB_TEST(answer_still_readable_is_told), LAB_TEST(bytes_on_their_way_are_counted),
	 LAB_TEST(a_close_behind_what_is_unread_is_possible),
	 LAB_TEST(early_answer_read_leaves_both_possible),
	 LAB_TEST(write_after_the_peers_close_is_named_by_epipe),
	 LAB_TEST(a_silence_is_told_of_what_was_written_right_after_it),
	 LAB_TEST(a_fin_is_not_denied_where_others_have_read),
	 LAB_TEST(bytes_that_were_never_sent_are_known_at_the_close),
	 LAB_TEST(end_of_file_that_hides_a_reset_is_told),
	 LAB_TEST(a_reset_that_an_end_of_file_hides_is_told_once),
	 LAB_TEST(an_end_of_file_of_our_own_is_no_fin),
	 LAB_TEST(a_reset_that_answers_nothing_does_not_come_of_the_fin),
	 LAB_TEST(a_reset_after_a_fin_is_known_at_the_close),
	 LAB_TEST(a_reset_after_both_fins_comes_of_the_first),
	 LAB_TEST(a_farewell_to_who_had_closed_is_no_error),
	 LAB_TEST(a_farewell_may_end_with_a_shutdown),
	 LAB_TEST(a_farewell_may_end_with_a_shutdown_that_comes_too_late),
	 LAB_TEST(an_answer_after_the_end_of_file_is_no_farewell),
	 LAB_TEST(a_reset_after_an_unread_fin_may_have_answered_nothing),
	 LAB_TEST(a_write_with_a_read_after_it_is_no_farewell),
	 LAB_TEST(an_answer_that_was_acknowledged_and_left_unread_is_no_farewell),
	 LAB_TEST(a_long_last_write_is_no_farewell),
	 LAB_TEST(a_write_that_was_waited_on_is_no_farewell),
	 LAB_TEST(a_client_that_resets_after_its_answer_aborted),
	 LAB_TEST(abort_after_a_half_close_is_not_taken_for_a_close),
	 LAB_TEST(close_with_bytes_unread_after_a_half_close_is_named),
	 LAB_TEST(close_with_a_full_buffer_is_no_early_close),
	 LAB_TEST(an_end_of_file_read_in_mid_upload_is_not_certain),
	 LAB_TEST(upload_after_the_peers_close_is_certain),
	 LAB_TEST(abort_without_reason_is_the_peers),
	 LAB_TEST(abort_before_any_byte_may_be_a_full_queue),
	 LAB_TEST(abort_of_a_client_that_was_told_nothing_leaves_no_other),
	 LAB_TEST(a_rule_with_starts_changes_no_verdict),
	 LAB_TEST(calls_after_the_end_are_already_reset),
	 LAB_TEST(a_reset_that_a_child_was_told_is_no_early_close),
	 LAB_TEST(an_end_of_file_after_both_ends_is_no_news_to_who_shares_it),
	 LAB_TEST(epipe_after_an_own_shutdown_does_not_hide_a_later_reset),
	 LAB_TEST(data_after_our_own_shutdown_is_reset_by_our_own_kernel),
	 LAB_TEST(a_fin_of_another_process_is_no_byte_that_was_lost),
	 LAB_TEST(data_after_an_end_that_two_processes_made_is_late),
	 LAB_TEST(late_data_on_an_inherited_connection_is_told_at_its_close),
	 LAB_TEST(data_that_our_own_fin_calls_forth_is_late),
	 LAB_TEST(abort_after_our_own_shutdown_is_the_peers),
	 LAB_TEST(socket_destroyed_by_an_administrator_is_named),
	 LAB_TEST(client_gone_before_accept_is_told_at_accept),
	 LAB_TEST(data_after_a_childs_shutdown_is_not_the_peers_reset),
	 LAB_TEST(socket_destroyed_before_accept_may_be_the_clients_doing),
	 LAB_TEST(client_gone_before_accept_is_told_once_to_who_only_closes),
	 LAB_TEST(full_accept_queue_that_resets_is_among_the_others),
	 LAB_TEST(full_accept_queue_is_possible_when_nothing_was_ever_read),
	 LAB_TEST(connection_forgotten_in_a_silence_is_named),
	 LAB_TEST(a_thread_that_reads_meets_the_answer_to_anothers_write),
	 LAB_TEST(a_reset_is_named_also_when_another_threads_epipe_was_first),
	 LAB_TEST(a_silence_that_an_acknowledgement_followed_did_no_harm),
	 LAB_TEST(a_request_of_many_writes_is_answered_as_one),
	 LAB_TEST(request_acknowledged_after_a_silence_was_not_forgotten),
	 LAB_TEST(reset_that_nobody_took_is_told_at_close),
	 LAB_TEST(reset_that_nobody_took_is_told_at_a_disconnect),
	 LAB_TEST(reset_that_nobody_took_is_told_at_close_after_a_shutdown),
	 LAB_TEST(reset_instead_of_the_peers_fin_is_told_at_close),
	 LAB_TEST(one_byte_that_is_unread_is_no_fin_at_close),
	 LAB_TEST(urgent_bytes_that_are_unread_are_no_fin_at_close),
	 LAB_TEST(an_urgent_byte_behind_unread_ones_is_no_fin),
	 LAB_TEST(reset_that_nobody_took_is_told_at_exit),
	 LAB_TEST(reset_that_was_told_is_not_told_again_at_close),
	 LAB_TEST(send_cut_short_tells_the_reset_at_the_next_call))
