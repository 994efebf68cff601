/* late-data: what comes after our own end of both directions is answered with a RST by our own kernel. */

#include "lab_pair.h"
#include "lab_verdict.h"

static void data_after_our_own_shutdown_is_reset_by_our_own_kernel(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	pair_exchange(&p);
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
		pair_exchange(&p);
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
	pair_exchange(&p);
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
	pair_exchange(&p);
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
	pair_exchange(&p);
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
	pair_exchange(&p);
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

LAB_MAIN(LAB_TEST(data_after_our_own_shutdown_is_reset_by_our_own_kernel),
	 LAB_TEST(a_fin_of_another_process_is_no_byte_that_was_lost),
	 LAB_TEST(data_after_an_end_that_two_processes_made_is_late),
	 LAB_TEST(late_data_on_an_inherited_connection_is_told_at_its_close),
	 LAB_TEST(data_that_our_own_fin_calls_forth_is_late),
	 LAB_TEST(abort_after_our_own_shutdown_is_the_peers),
	 LAB_TEST(data_after_a_childs_shutdown_is_not_the_peers_reset))
