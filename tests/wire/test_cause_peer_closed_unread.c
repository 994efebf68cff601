/* peer-closed-unread: a RST because the peer closed with bytes of ours unread. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <string.h>

static void peer_that_closes_with_bytes_unread_is_named(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
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

static void abort_after_a_half_close_is_not_taken_for_a_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
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
	pair_exchange(&p);
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

LAB_MAIN(LAB_TEST(peer_that_closes_with_bytes_unread_is_named),
	 LAB_TEST(answer_still_readable_is_told), LAB_TEST(bytes_on_their_way_are_counted),
	 LAB_TEST(a_close_behind_what_is_unread_is_possible),
	 LAB_TEST(early_answer_read_leaves_both_possible),
	 LAB_TEST(bytes_that_were_never_sent_are_known_at_the_close),
	 LAB_TEST(abort_after_a_half_close_is_not_taken_for_a_close),
	 LAB_TEST(close_with_bytes_unread_after_a_half_close_is_named),
	 LAB_TEST(close_with_a_full_buffer_is_no_early_close),
	 LAB_TEST(an_end_of_file_read_in_mid_upload_is_not_certain),
	 LAB_TEST(upload_after_the_peers_close_is_certain))
