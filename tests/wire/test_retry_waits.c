/* Retry in programs that do not wait in their reads: while they wait elsewhere, and no longer. */

#include "lab_retry.h"
#include "lab_verdict.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** More rounds than this would be spinning. */
#define ROUNDS_MAX 8

/** A connection on which a read has met the reset and begun the renewal. */
static void open_renewing(struct pair *p, const char *rules)
{
	retry_open(p, nonblocking_situation, rules, NULL);
	retry_ask_in_vain(p, GET);
	assert_string_equal(actor_do(&p->a, "recv s0 1000"), "-1 EAGAIN");
}

static void poll_and_its_kin_wait_for_the_new_answer(void **state)
{
	static const char *const waits[] = {
		"poll s0 in 20000",   "poll s0 in rdhup 20000", "poll s0 in -1",
		"ppoll s0 in 20000",  "ppoll s0 in -1",         "__poll_chk s0 in 20000",
		"select s0 in 20000", "select s0 in -1",        "pselect s0 in 20000",
		"pselect s0 in -1",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct pair p;
		open_renewing(&p, "retry");
		retry_expect_answered_after(&p, waits[i]);
		retry_expect_retried(&p, 0, 1, strlen(GET));
		retry_expect_lines(&p, 1);
		retry_expect_nobody(&p);
		pair_close(&p);
	}
}

/** A program that waits first is woken by the reset, reads, and is told to wait again. */
static void a_wait_that_the_reset_ends_is_followed_by_another(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	retry_ask(&p, GET);
	actor_send(&p.a, "poll s0 in 20000");
	/* Who only begins to wait may meet the error before the hang-up: tcp_reset(). */
	actor_wait_asleep(&p.a);
	pair_abort_peer(&p);
	assert_string_equal(actor_result(&p.a), "1 - in err hup");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	retry_expect_answered_after(&p, "poll s0 in 20000");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/**
 * As an event loop has it: read until EAGAIN, wait, read again. The request arrives again once, its
 * answer is read once, and the loop does not spin.
 */
static void run_event_loop(struct pair *p, const char *wait, const char *again)
{
	bool served = false;
	for (int round = 0;; round++) {
		assert_true(round < ROUNDS_MAX);
		const char *got = actor_do(&p->a, "recv s0 1000");
		if (strcmp(got, "-1 EAGAIN") != 0) {
			assert_string_equal(got, retry_text(ANSWER));
			assert_true(served);
			return;
		}
		if (again) {
			assert_string_equal(actor_do(&p->a, "%s", again), "0 -");
		}
		actor_send(&p->a, "%s", wait);
		struct pollfd either[] = {{.fd = p->listener, .events = POLLIN},
					  {.fd = p->a.results, .events = POLLIN}};
		poll(either, 2, LAB_PATIENCE_MS);
		if (either[0].revents) {
			retry_serve(p, GET);
			served = true;
		}
		assert_int_equal(actor_number(actor_result(&p->a)), 1);
	}
}

static void epoll_waits_for_the_new_answer(void **state)
{
	static const char *const events[] = {
		"in",         "in rdhup",         "in out rdhup",
		"in et",      "in et rdhup",      "in out et rdhup",
		"in oneshot", "in rdhup oneshot", "in et oneshot",
	};
	static const char *const waits[] = {"epoll_wait s1 20000", "epoll_pwait s1 20000",
					    "epoll_wait s1 -1", "epoll_pwait2 s1"};
	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		for (size_t j = 0; j < sizeof(waits) / sizeof(waits[0]); j++) {
			/* A program that always wants to write is woken by every connection. */
			if (strstr(events[i], "out") && !strstr(events[i], "et")) {
				continue;
			}
			struct pair p;
			retry_open(&p, nonblocking_situation, "retry", NULL);
			actor_do(&p.a, "epoll_create s1");
			actor_do(&p.a, "epoll_add s1 s0 %s", events[i]);
			char again[64];
			snprintf(again, sizeof(again), "epoll_mod s1 s0 %s", events[i]);
			retry_ask_in_vain(&p, GET);
			assert_int_equal(actor_number(actor_do(&p.a, "%s", waits[j])), 1);
			run_event_loop(&p, waits[j], strstr(events[i], "oneshot") ? again : NULL);
			retry_expect_retried(&p, 0, 1, strlen(GET));
			retry_expect_lines(&p, 1);
			retry_expect_nobody(&p);
			pair_close(&p);
		}
	}
}

/** Some loops take a hang-up for the end behind the bytes, without a read that meets it. */
static void epoll_shows_no_hang_up_together_with_bytes(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	actor_do(&p.a, "epoll_create s1");
	actor_do(&p.a, "epoll_add s1 s0 in named");
	assert_string_equal(actor_do(&p.a, "epoll_add s1 s0 in et named"), "-1 EEXIST");
	retry_ask(&p, GET);
	peer_send(p.peer, ANSWER);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
	assert_string_equal(actor_do(&p.a, "epoll_wait s1 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(ANSWER));
	assert_string_equal(actor_do(&p.a, "epoll_wait s1 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	/* Now that it was told there is nothing to hide. */
	assert_string_equal(actor_do(&p.a, "epoll_wait s1 20000"), "1 - in hup");
	retry_expect_lines(&p, 0);
	pair_close(&p);
}

/** It would not be shown again. */
static void epoll_shows_a_hang_up_where_it_is_shown_once(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	actor_do(&p.a, "epoll_create s1");
	actor_do(&p.a, "epoll_add s1 s0 in et named");
	retry_ask(&p, GET);
	peer_send(p.peer, ANSWER);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
	assert_string_equal(actor_do(&p.a, "epoll_wait s1 20000"), "1 - in err hup");
	pair_close(&p);
}

/** Without bytes it is all that there is to show. */
static void epoll_shows_a_hang_up_where_no_bytes_were_asked_for(void **state)
{
	static const char *const asked[] = {"named", "out named"};
	static const char *const shown[] = {"1 - err hup", "1 - out err hup"};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		retry_open(&p, nonblocking_situation, "retry", NULL);
		actor_do(&p.a, "epoll_create s1");
		actor_do(&p.a, "epoll_add s1 s0 %s", asked[i]);
		retry_ask_in_vain(&p, GET);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "epoll_wait s1 20000"), shown[i]);
		pair_close(&p);
	}
}

static void dontwait_on_a_blocking_socket_is_not_held(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask_in_vain(&p, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000 dontwait"), "-1 EAGAIN");
	actor_send(&p.a, "poll s0 in 20000");
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 1000 dontwait"), retry_text(ANSWER));
	/* And a read that waits goes on with what one that does not has begun. */
	retry_ask_in_vain(&p, GET);
	assert_string_equal(actor_do(&p.a, "recv s0 1000 dontwait"), "-1 EAGAIN");
	retry_expect_answered(&p, GET);
	retry_expect_lines(&p, 2);
	pair_close(&p);
}

/** Event loops ask for the error before they read, and take it by that. */
static void a_reset_that_is_asked_for_is_not_told(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	retry_ask_in_vain(&p, GET);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - 0");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	retry_expect_answered_after(&p, "poll s0 in 20000");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - 0");
	retry_expect_retried(&p, 0, 1, strlen(GET));
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** Nobody listens any more: then the reset that the retry would have hidden is what there is to tell. */
static void a_retry_that_failed_is_told_to_who_asks(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	retry_ask_in_vain(&p, GET);
	close(p.listener);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - 0");
	assert_int_equal(actor_number(actor_do(&p.a, "poll s0 in 20000")), 1);
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - ECONNRESET");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - 0");
	retry_expect_refused(&p, LAB_CONNECT);
	retry_expect_dead(&p);
	p.listener = peer_listen(AF_INET, &p.listen_port);
	pair_close(&p);
}

static void a_blocking_program_that_asks_waits_there(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask_in_vain(&p, GET);
	actor_send(&p.a, "getsockopt s0 error");
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), "0 - 0");
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(ANSWER));
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** A reset that may not be retried is told to who asks. */
static void a_reset_of_a_post_is_told_to_who_asks(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	retry_ask_in_vain(&p, POST);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - ECONNRESET");
	retry_expect_refused(&p, LAB_UNMARKED);
	retry_expect_dead(&p);
	pair_close(&p);
}

/** A long request on a socket that does not wait: what was written before goes first. */
static void writes_that_do_not_wait_go_on_after_what_was_sent(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry; idempotent", NULL);
	retry_ask_in_vain(&p, "first half ");
	assert_string_equal(actor_do(&p.a, "send s0 26"), "-1 EAGAIN");
	actor_send(&p.a, "poll s0 out 20000");
	retry_accept(&p);
	assert_string_equal(actor_result(&p.a), "1 - out");
	assert_string_equal(actor_do(&p.a, "send s0 26"), "26 -");
	retry_expect_text(&p, "first half abcdefghijklmnopqrstuvwxyz");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/**
 * Wherever the socket may have been bound, and whatever it calls its peer. The ports are outside of
 * ip_local_port_range: inside, an earlier connection in TIME_WAIT may have them.
 */
static void every_kind_of_address_is_waited_for(void **state)
{
	static const struct {
		const char *socket, *bind, *peer;
	} kinds[] = {
		{"socket4 s0 nonblock", "127.5.6.7 4568", "127.0.0.1"},
		{"socket4 s0 nonblock", FIRST_ADDR " 4569", FIRST_ADDR},
		{"socket6 s0 nonblock", NULL, "[::ffff:127.0.0.1]"},
		{"socket6 s0 nonblock", "[::ffff:127.0.0.1] 4570", "[::ffff:127.0.0.1]"},
		{"socket6 s0 nonblock", NULL, "[::1]"},
		{"socket6 s0 nonblock", "[::1] 4571", "[::1]"},
	};
	(void)state;
	lab_second_host();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool ipv6 = strcmp(kinds[i].peer, "[::1]") == 0;
		struct pair p;
		retry_open_unconnected(
			&p, (struct situation){ipv6 ? AF_INET6 : AF_INET, false, true}, 0);
		actor_do(&p.a, "%s", kinds[i].socket);
		if (kinds[i].bind) {
			assert_string_equal(actor_do(&p.a, "bind s0 %s", kinds[i].bind), "0 -");
		}
		assert_string_equal(
			actor_do(&p.a, "connect s0 %s %u", kinds[i].peer, p.listen_port),
			"-1 EINPROGRESS");
		assert_string_equal(actor_do(&p.a, "poll s0 out 20000"), "1 - out");
		retry_accept(&p);
		retry_ask_in_vain(&p, GET);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
		retry_expect_answered_after(&p, "poll s0 in 20000");
		retry_expect_lines(&p, 1);
		pair_close(&p);
	}
}

/** The connection that is being renewed has no answer: a wait ends at its time, with nothing. */
static void timeouts_are_exact_while_a_connection_is_renewed(void **state)
{
	/* All within the three seconds of a try. */
	static const char *const waits[] = {"poll s0 in 150",    "ppoll s0 in 150",
					    "select s0 in 150",  "pselect s0 in 150",
					    "epoll_wait s1 150", "epoll_pwait s1 150"};
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry", NULL);
	actor_do(&p.a, "epoll_create s1");
	actor_do(&p.a, "epoll_add s1 s0 in rdhup");
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		assert_string_equal(actor_do(&p.a, "%s", waits[i]), "0 -");
		long ms = actor_number(actor_do(&p.a, "time"));
		assert_true(ms >= 149);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
		lab_say("# %s took %ld ms", waits[i], ms);
	}
	/* No answer for three seconds is a failed try, which the program hears of in its wait. */
	assert_int_equal(actor_number(actor_do(&p.a, "poll s0 in 20000")), 1);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
	retry_expect_refused(&p, LAB_CONNECT);
	retry_expect_dead(&p);
	retry_fill_hole(&p);
	pair_close(&p);
}

static void a_signal_ends_a_wait_while_a_connection_is_renewed(void **state)
{
	static const char *const waits[] = {"poll s0 in 20000", "ppoll s0 in -1",
					    "select s0 in -1",  "pselect s0 in 20000",
					    "epoll_wait s1 -1", "epoll_pwait s1 20000"};
	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct pair p;
		retry_open(&p, nonblocking_situation, "retry", NULL);
		actor_do(&p.a, "epoll_create s1");
		actor_do(&p.a, "epoll_add s1 s0 in");
		retry_ask_in_vain(&p, GET);
		retry_dig_hole(&p);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
		actor_do(&p.a, "on_alarm");
		actor_send(&p.a, "%s", waits[i]);
		actor_alarm(&p.a);
		assert_string_equal(actor_result(&p.a), "-1 EINTR");
		assert_string_equal(actor_do(&p.a, "signals"), "1 -");
		retry_fill_hole(&p);
		pair_close(&p);
	}
}

/** Linux writes it into the program's own timeout, also when a signal ends the wait: select(2). */
static void select_tells_what_is_left_while_a_connection_is_renewed(void **state)
{
	static const int timeouts[] = {20000, 20500};
	(void)state;
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		struct pair p;
		long seconds = 0, micros = 0;
		retry_open(&p, nonblocking_situation, "retry", NULL);
		retry_ask_in_vain(&p, GET);
		retry_dig_hole(&p);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
		actor_do(&p.a, "on_alarm");
		actor_send(&p.a, "select s0 in left %d", timeouts[i]);
		actor_alarm(&p.a);
		assert_int_equal(sscanf(actor_result(&p.a), "-1 EINTR %ld.%ld", &seconds, &micros),
				 2);
		/* Not more than there was, and not less than the whole call took. */
		long took_ms = actor_number(actor_do(&p.a, "time")) + 1;
		assert_in_range(micros, 0, 999999);
		long left_us = seconds * 1000000 + micros;
		assert_true(left_us < timeouts[i] * 1000L);
		assert_true(left_us >= (timeouts[i] - took_ms - 1) * 1000);
		retry_fill_hole(&p);
		pair_close(&p);
	}
}

static void so_rcvtimeo_ends_a_read_and_the_next_has_the_answer(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	actor_do(&p.a, "setsockopt s0 rcvtimeo 1500");
	retry_ask_in_vain(&p, GET);
	actor_send(&p.a, "recv s0 1000");
	retry_accept(&p);
	retry_expect_text(&p, GET);
	assert_string_equal(actor_result(&p.a), "-1 EAGAIN");
	assert_true(actor_number(actor_do(&p.a, "time")) >= 1480);
	peer_send(p.peer, ANSWER);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(ANSWER));
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** A read that was nearly over when the reset came is not given all its time once more. */
static void so_rcvtimeo_counts_from_the_programs_call(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	actor_do(&p.a, "setsockopt s0 rcvtimeo 3500");
	retry_ask(&p, GET);
	actor_send(&p.a, "recv s0 1000");
	assert_null(actor_result_within(&p.a, 2000));
	pair_abort_peer(&p);
	retry_accept(&p);
	retry_expect_text(&p, GET);
	assert_string_equal(actor_result(&p.a), "-1 EAGAIN");
	long ms = actor_number(actor_do(&p.a, "time"));
	lab_say("# a limit of 3500 ms: %ld ms", ms);
	/* Once more would be 5500. */
	assert_in_range(ms, 3480, 5400);
	peer_send(p.peer, ANSWER);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), retry_text(ANSWER));
	pair_close(&p);
}

/** It holds for the connecting as well, which the next read goes on with. */
static void so_rcvtimeo_ends_a_read_that_cannot_connect(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=20", NULL);
	actor_do(&p.a, "setsockopt s0 rcvtimeo 200");
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	assert_true(actor_number(actor_do(&p.a, "time")) >= 180);
	retry_fill_hole(&p);
	/* With the kernel's own next SYN, after a second. */
	actor_do(&p.a, "setsockopt s0 rcvtimeo 0");
	retry_expect_answered(&p, GET);
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** A write is given its own limit. */
static void so_sndtimeo_ends_a_write_that_cannot_connect(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=20; idempotent", NULL);
	actor_do(&p.a, "setsockopt s0 sndtimeo 200");
	retry_ask_in_vain(&p, "first half ");
	retry_dig_hole(&p);
	assert_string_equal(actor_do(&p.a, "send s0 26"), "-1 EAGAIN");
	assert_true(actor_number(actor_do(&p.a, "time")) >= 180);
	retry_fill_hole(&p);
	actor_do(&p.a, "setsockopt s0 sndtimeo 0");
	assert_string_equal(actor_do(&p.a, "send s0 26"), "26 -");
	retry_accept(&p);
	retry_expect_text(&p, "first half abcdefghijklmnopqrstuvwxyz");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

static void a_handler_without_restart_ends_a_read(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=20", NULL);
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	actor_do(&p.a, "on_alarm");
	actor_send(&p.a, "recv s0 1000");
	actor_alarm(&p.a);
	assert_string_equal(actor_result(&p.a), "-1 EINTR");
	retry_fill_hole(&p);
	/* The next read goes on. */
	retry_expect_answered(&p, GET);
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

static void a_handler_with_restart_does_not_end_a_read(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=20", NULL);
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	actor_do(&p.a, "on_alarm restart");
	actor_send(&p.a, "recv s0 1000");
	actor_alarm(&p.a);
	assert_null(actor_result_within(&p.a, 300));
	retry_fill_hole(&p);
	retry_serve(&p, GET);
	assert_string_equal(actor_result(&p.a), retry_text(ANSWER));
	assert_string_equal(actor_do(&p.a, "signals"), "1 -");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(poll_and_its_kin_wait_for_the_new_answer),
	 LAB_TEST(a_wait_that_the_reset_ends_is_followed_by_another),
	 LAB_TEST(epoll_waits_for_the_new_answer),
	 LAB_TEST(epoll_shows_no_hang_up_together_with_bytes),
	 LAB_TEST(epoll_shows_a_hang_up_where_it_is_shown_once),
	 LAB_TEST(epoll_shows_a_hang_up_where_no_bytes_were_asked_for),
	 LAB_TEST(dontwait_on_a_blocking_socket_is_not_held),
	 LAB_TEST(a_reset_that_is_asked_for_is_not_told),
	 LAB_TEST(a_retry_that_failed_is_told_to_who_asks),
	 LAB_TEST(a_blocking_program_that_asks_waits_there),
	 LAB_TEST(a_reset_of_a_post_is_told_to_who_asks),
	 LAB_TEST(writes_that_do_not_wait_go_on_after_what_was_sent),
	 LAB_TEST(timeouts_are_exact_while_a_connection_is_renewed),
	 LAB_TEST(a_signal_ends_a_wait_while_a_connection_is_renewed),
	 LAB_TEST(select_tells_what_is_left_while_a_connection_is_renewed),
	 LAB_TEST(so_rcvtimeo_ends_a_read_and_the_next_has_the_answer),
	 LAB_TEST(so_rcvtimeo_counts_from_the_programs_call),
	 LAB_TEST(so_rcvtimeo_ends_a_read_that_cannot_connect),
	 LAB_TEST(every_kind_of_address_is_waited_for),
	 LAB_TEST(so_sndtimeo_ends_a_write_that_cannot_connect),
	 LAB_TEST(a_handler_without_restart_ends_a_read),
	 LAB_TEST(a_handler_with_restart_does_not_end_a_read))
