/* A RST that no call was told is told when the connection is closed. */

#include "lab_pair.h"
#include "lab_verdict.h"

static void reset_that_nobody_took_is_told_at_close(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
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
	pair_exchange(&p);
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
		pair_exchange(&p);
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
		pair_exchange(&p);
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

LAB_MAIN(LAB_TEST(reset_that_nobody_took_is_told_at_close),
	 LAB_TEST(reset_that_nobody_took_is_told_at_a_disconnect),
	 LAB_TEST(reset_that_nobody_took_is_told_at_close_after_a_shutdown),
	 LAB_TEST(reset_instead_of_the_peers_fin_is_told_at_close),
	 LAB_TEST(one_byte_that_is_unread_is_no_fin_at_close),
	 LAB_TEST(urgent_bytes_that_are_unread_are_no_fin_at_close),
	 LAB_TEST(an_urgent_byte_behind_unread_ones_is_no_fin),
	 LAB_TEST(reset_that_nobody_took_is_told_at_exit),
	 LAB_TEST(reset_that_was_told_is_not_told_again_at_close))
