/* What a report makes of a few lines: which of them tell of one connection, and which of failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cmd/report/sentence.h"

static struct model model;

static int start(void **state)
{
	(void)state;
	return model_start(&model);
}

static int end(void **state)
{
	(void)state;
	model_free(&model);
	return 0;
}

/* At 12:00:SECONDS a process tells an event of a connection: LOCAL>PEER, and what else it says. */
static void tell(const char *seconds, unsigned pid, const char *event, unsigned conn,
		 const char *side, const char *ends, const char *more)
{
	char room[1024];
	const char *peer = strchr(ends, '>');
	assert_non_null(peer);
	int length = snprintf(room, sizeof room,
			      "{\"ts\":\"2026-03-01T12:00:%sZ\",\"pid\":%u,\"tid\":%u,\"exe\":"
			      "\"prog\",\"ev\":\"%s\",\"fd\":5,\"conn\":%u,\"side\":\"%s\","
			      "\"local\":\"%.*s\",\"peer\":\"%s\",%s}",
			      seconds, pid, pid, event, conn, side, (int)(peer - ends), ends,
			      peer + 1, more);
	assert_in_range(length, 1, (int)sizeof room - 1);
	struct line line;
	assert_int_equal(line_read(&line, room, (size_t)length), LINE_READ);
	model_take(&model, &line);
}

/* ---- forks ---- */

#define SERVED "127.0.0.1:80>127.0.0.1:5000"
#define ASKED "127.0.0.1:5000>127.0.0.1:80"

static void parent_hands_over(const char *opened, const char *closed, unsigned pid, unsigned conn)
{
	tell(opened, pid, "open", conn, "server", SERVED, "\"op\":\"accept\",\"ms\":0");
	tell(closed, pid, "close", conn, "server", SERVED, "\"ms\":0");
}

static void child_closes(const char *closed, unsigned pid, unsigned conn, const char *more)
{
	tell(closed, pid, "close", conn, "server", SERVED, more);
}

static uint64_t joined_connections(void)
{
	model_join(&model);
	return model_connections(&model);
}

static void a_connection_counts_once_over_a_fork(void **state)
{
	(void)state;
	parent_hands_over("01.000000", "01.000700", 100, 7);
	child_closes("01.301900", 101, 7, "\"ms\":301,\"bytes_out\":20");
	assert_int_equal(joined_connections(), 1);
	const struct peer *peer = table_at(&model.peers, 0);
	assert_int_equal(peer->connections, 1);
}

static void it_counts_once_whosever_log_is_read_first(void **state)
{
	(void)state;
	child_closes("01.301900", 101, 7, "\"ms\":301");
	child_closes("01.401900", 102, 7, "\"ms\":401");
	parent_hands_over("01.000000", "01.000700", 100, 7);
	assert_int_equal(joined_connections(), 1);
}

static void it_counts_once_beside_its_other_end(void **state)
{
	(void)state;
	parent_hands_over("01.000000", "01.000700", 100, 7);
	tell("01.000000", 50, "open", 1, "client", ASKED, "\"op\":\"connect\",\"ms\":0");
	child_closes("01.301900", 101, 7, "\"ms\":301");
	tell("01.302000", 50, "close", 1, "client", ASKED, "\"end\":\"peer-fin\",\"ms\":302");
	assert_int_equal(joined_connections(), 1);
	assert_int_equal(model.pairs, 1);
}

#define RESET                                                                                      \
	"\"op\":\"recv\",\"errno\":\"ECONNRESET\",\"cause\":\"peer-abort\",\"sure\":\"likely\","   \
	"\"age_ms\":200"
#define UNREAD                                                                                     \
	"\"op\":\"close\",\"errno\":\"none\",\"cause\":\"closed-unread\",\"sure\":\"certain\","    \
	"\"age_ms\":199"

static void what_a_child_did_explains_what_the_other_end_was_told(void **state)
{
	(void)state;
	tell("01.000000", 50, "open", 1, "client", ASKED, "\"op\":\"connect\",\"ms\":0");
	parent_hands_over("01.000010", "01.000700", 100, 7);
	tell("01.199500", 101, "error", 7, "server", SERVED, UNREAD);
	tell("01.200000", 50, "error", 1, "client", ASKED, RESET);
	assert_int_equal(joined_connections(), 1);
	assert_int_equal(model_failed(&model), 1);
	const struct end *victim = table_at(&model.ends, 0);
	assert_int_equal(victim->finding, FINDING_ACT);
	assert_int_equal(((const struct end *)table_at(&model.ends, victim->partner - 1))->pid,
			 101);
}

#define CLOSED_EARLY                                                                               \
	"\"op\":\"send\",\"errno\":\"EPIPE\",\"cause\":\"peer-closed-early\",\"sure\":\"%s\","     \
	"\"age_ms\":200"

/** The client's end of it. */
static void closed_early(const char *sure)
{
	char more[256];
	snprintf(more, sizeof more, CLOSED_EARLY, sure);
	tell("01.000000", 50, "open", 1, "client", ASKED, "\"op\":\"connect\",\"ms\":0");
	tell("01.000010", 100, "open", 7, "server", SERVED, "\"op\":\"accept\",\"ms\":0");
	tell("01.200000", 50, "error", 1, "client", ASKED, more);
}

/** It had shut down its writing side, which is all that was seen from here. */
static void a_peer_that_had_half_closed_and_reset_had_not_closed(void **state)
{
	(void)state;
	closed_early("certain");
	tell("01.199500", 100, "error", 7, "server", SERVED, UNREAD);
	assert_int_equal(joined_connections(), 1);
	const struct end *victim = table_at(&model.ends, 0);
	assert_int_equal(victim->finding, FINDING_ACT);
	assert_int_equal(victim->joined_cause, CAUSE_PEER_CLOSED_UNREAD);
	assert_int_equal(victim->joined_sure, SURE_CERTAIN);
	assert_int_equal(model.causes[CAUSE_PEER_CLOSED_EARLY].tally.count, 0);
}

/** What its kernel answered with a RST was written to a connection that it had ended. */
static void a_peer_that_late_data_reset_had_closed(void **state)
{
	(void)state;
	closed_early("likely");
	tell("01.199500", 100, "error", 7, "server", SERVED,
	     "\"op\":\"recv\",\"errno\":\"ECONNRESET\",\"cause\":\"late-data\",\"sure\":"
	     "\"certain\",\"age_ms\":199");
	tell("01.199600", 100, "close", 7, "server", SERVED, "\"end\":\"rst\",\"ms\":199");
	assert_int_equal(joined_connections(), 1);
	const struct end *victim = table_at(&model.ends, 0);
	assert_int_equal(victim->finding, FINDING_CLOSE_FIN);
	assert_int_equal(victim->joined_cause, CAUSE_PEER_CLOSED_EARLY);
}

static void a_failure_that_parent_and_child_tell_counts_once(void **state)
{
	(void)state;
	tell("01.200000", 100, "error", 7, "server", SERVED, RESET);
	tell("01.200100", 101, "error", 7, "server", SERVED, RESET);
	assert_int_equal(joined_connections(), 1);
	assert_int_equal(model_failed(&model), 1);
	assert_int_equal(model.causes[CAUSE_PEER_ABORT].failed, 1);
	assert_int_equal(model.causes[CAUSE_PEER_ABORT].tally.count, 2);
}

static void a_server_that_is_started_anew_counts_from_one_again(void **state)
{
	(void)state;
	parent_hands_over("01.000000", "01.000700", 100, 1);
	child_closes("01.010000", 101, 1, "\"ms\":10");
	parent_hands_over("01.015000", "01.015700", 200, 1);
	child_closes("01.020000", 201, 1, "\"ms\":5");
	assert_int_equal(joined_connections(), 2);
}

static void addresses_that_are_used_again_later_are_another_connection(void **state)
{
	(void)state;
	parent_hands_over("01.000000", "01.000700", 100, 1);
	child_closes("31.000000", 201, 1, "\"ms\":5");
	assert_int_equal(joined_connections(), 2);
}

/* Both go on from what their parent had, and the kernel chose no port for either. */
static void children_s_own_connections_are_told_apart(void **state)
{
	(void)state;
	static const char refused[] = "\"op\":\"connect\",\"errno\":\"ENETUNREACH\",\"cause\":"
				      "\"unreachable\",\"sure\":\"certain\",\"age_ms\":0";
	tell("01.000000", 101, "error", 1, "client", "[::]:0>[fd00::2]:80", refused);
	tell("01.000100", 102, "error", 1, "client", "[::]:0>[fd00::2]:80", refused);
	tell("02.000000", 101, "close", 2, "client", "10.0.0.1:4000>10.0.0.2:80", "\"ms\":1");
	tell("02.000000", 102, "close", 2, "client", "10.0.0.1:4001>10.0.0.2:80", "\"ms\":1");
	assert_int_equal(joined_connections(), 4);
	assert_int_equal(model_failed(&model), 2);
}

/* ---- several addresses of one name ---- */

#define V6 "[::1]:4000>[::1]:80"
#define V4 "127.0.0.1:4001>127.0.0.1:80"
#define OTHER "127.0.0.2:4002>127.0.0.2:80"
#define OTHER_V6 "[fd00::1]:4003>[fd00::2]:80"

/* It took so many milliseconds. */
static void fails(const char *seconds, unsigned conn, const char *ends, const char *cause,
		  unsigned ms)
{
	char more[128];
	snprintf(more, sizeof more,
		 "\"op\":\"connect\",\"errno\":\"none\",\"cause\":\"%s\",\"sure\":\"certain\","
		 "\"age_ms\":%u",
		 cause, ms);
	tell(seconds, 100, "error", conn, "client", ends, more);
}

static void opens_in(unsigned pid, const char *seconds, unsigned conn, const char *ends,
		     unsigned ms)
{
	char more[64];
	snprintf(more, sizeof more, "\"op\":\"connect\",\"ms\":%u", ms);
	tell(seconds, pid, "open", conn, "client", ends, more);
}

static void opens(const char *seconds, unsigned conn, const char *ends, unsigned ms)
{
	opens_in(100, seconds, conn, ends, ms);
}

static void expect_failed(uint64_t failed, uint64_t answered, uint64_t connections)
{
	model_join(&model);
	assert_int_equal(model_failed(&model), failed);
	assert_int_equal(model.answered, answered);
	assert_int_equal(model_connections(&model), connections);
	uint64_t by_cause = 0;
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		by_cause += model.causes[cause].failed;
	}
	assert_int_equal(by_cause, failed);
}

static void a_refusal_that_another_address_makes_good_is_no_failure(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "refused", 0);
	opens("01.013000", 2, V4, 0);
	expect_failed(0, 1, 1);
	assert_int_equal(model.causes[CAUSE_REFUSED].answered, 1);
}

static void each_way_not_to_connect_can_be_made_good(void **state)
{
	static const char *const causes[] = {"refused", "unreachable", "rejected", "no-answer",
					     "abandoned"};
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		char seconds[16];
		snprintf(seconds, sizeof seconds, "%02u.000000", 10 * i + 5);
		fails(seconds, 2 * i + 1, V6, causes[i], 3000);
		snprintf(seconds, sizeof seconds, "%02u.200000", 10 * i + 5);
		opens(seconds, 2 * i + 2, V4, 100);
	}
	expect_failed(0, 5, 5);
}

static void what_failed_later_or_for_want_of_a_port_is_not_made_good(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "ports-exhausted", 0);
	opens("01.001000", 2, V4, 0);
	opens("02.000000", 3, V6, 0);
	fails("02.010000", 3, V6, "peer-abort", 10);
	opens("02.011000", 4, OTHER, 0);
	expect_failed(2, 0, 4);
}

static void without_open_lines_it_is_not_known_what_answered(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "refused", 0);
	fails("02.000000", 2, V4, "peer-abort", 1000);
	expect_failed(2, 0, 2);
}

static void the_same_address_another_port_or_process_makes_nothing_good(void **state)
{
	(void)state;
	fails("01.000000", 1, V4, "refused", 0);
	opens("01.001000", 2, "127.0.0.1:4005>127.0.0.1:80", 0);
	fails("02.000000", 3, V6, "refused", 0);
	opens("02.001000", 4, "127.0.0.1:4006>127.0.0.1:81", 0);
	fails("03.000000", 5, V6, "refused", 0);
	opens_in(101, "03.001000", 6, V4, 0);
	expect_failed(3, 0, 6);
}

static void what_connected_before_or_much_later_makes_nothing_good(void **state)
{
	(void)state;
	opens("01.000000", 1, V4, 0);
	fails("01.010000", 2, V6, "refused", 0);
	opens("01.400000", 3, OTHER, 1);
	expect_failed(1, 0, 3);
}

/* Slow to be refused, but tried at once. */
static void it_is_the_beginning_of_the_next_connect_that_counts(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "refused", 0);
	opens("04.010000", 2, V4, 3000);
	expect_failed(0, 1, 1);
}

static void addresses_are_tried_one_after_the_other(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "refused", 0);
	fails("21.000000", 2, OTHER_V6, "no-answer", 20000);
	opens("21.002000", 3, V4, 0);
	expect_failed(0, 2, 1);
}

/* As a client of several services has them, or a crawler. */
static void hosts_of_one_family_may_be_any_hosts(void **state)
{
	(void)state;
	fails("01.000000", 1, OTHER, "refused", 0);
	opens("01.001000", 2, V4, 0);
	fails("02.000000", 3, OTHER_V6, "refused", 0);
	opens("02.001000", 4, V6, 0);
	expect_failed(2, 0, 4);
}

static void a_round_in_which_no_address_answered_has_failed(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "refused", 0);
	fails("01.001000", 2, V4, "refused", 0);
	fails("01.002000", 3, V6, "refused", 0);
	opens("01.003000", 4, V4, 0);
	expect_failed(2, 1, 3);
}

/* RFC 8305: the second is begun while the first waits, and either may win. */
static void addresses_are_tried_side_by_side(void **state)
{
	(void)state;
	opens("01.260000", 2, V4, 10);
	fails("01.261000", 1, V6, "abandoned", 261);
	fails("10.255000", 4, V4, "refused", 5);
	opens("10.300000", 3, V6, 300);
	expect_failed(0, 2, 2);
}

/* Under way together, and yet two things: the longest delay that RFC 8305 allows has gone by. */
static void what_began_more_than_two_seconds_apart_was_not_tried_side_by_side(void **state)
{
	(void)state;
	fails("05.000000", 1, V6, "no-answer", 4000);
	opens("05.100000", 2, V4, 2000);
	fails("25.000000", 3, V6, "no-answer", 4000);
	opens("23.900000", 4, V4, 1000);
	expect_failed(1, 1, 3);
}

static void of_requests_at_one_time_each_has_its_own_answer(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		fails("01.000000", i + 1, V6, "refused", 0);
	}
	for (unsigned i = 0; i < 9; i++) {
		opens("01.010000", i + 11, V4, 0);
	}
	expect_failed(1, 9, 10);
}

static void it_ranks_behind_what_failed(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "no-answer", 9000);
	opens("01.001000", 2, V4, 0);
	fails("05.000000", 3, V6, "refused", 0);
	expect_failed(1, 1, 2);
	uint32_t count;
	const struct detail **details = model_details(&model, &count);
	assert_int_equal(count, 2);
	assert_int_equal(((const struct end *)table_at(&model.ends, details[0]->end))->conn, 3);
	free(details);
}

static const char *headline(void)
{
	static char room[SENTENCE_SIZE];
	struct text text = text_in(room, sizeof room);
	sentence_headline(&model, &text);
	text_char(&text, ' ');
	sentence_note(&model, &text);
	return room;
}

static void the_headline_counts_what_failed_and_a_note_the_rest(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "refused", 0);
	opens("01.001000", 2, V4, 0);
	expect_failed(0, 1, 1);
	assert_string_equal(headline(),
			    "Nothing failed in 1 connection. 1 connect to one address of a name "
			    "failed, and another address answered.");
}

static void the_headline_is_of_what_failed(void **state)
{
	(void)state;
	fails("01.000000", 1, V6, "refused", 0);
	fails("01.001000", 2, OTHER_V6, "refused", 0);
	opens("01.002000", 3, V4, 0);
	fails("05.000000", 4, V6, "no-answer", 3000);
	expect_failed(1, 2, 2);
	assert_string_equal(headline(),
			    "1 of 2 connections failed: nobody answered the SYN (no-answer, "
			    "certain), at [::1]:80. 2 connects to other addresses of a name "
			    "failed, and another address answered.");
}

#define POINT(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POINT(a_connection_counts_once_over_a_fork),
		POINT(it_counts_once_whosever_log_is_read_first),
		POINT(it_counts_once_beside_its_other_end),
		POINT(what_a_child_did_explains_what_the_other_end_was_told),
		POINT(a_peer_that_had_half_closed_and_reset_had_not_closed),
		POINT(a_peer_that_late_data_reset_had_closed),
		POINT(a_failure_that_parent_and_child_tell_counts_once),
		POINT(a_server_that_is_started_anew_counts_from_one_again),
		POINT(addresses_that_are_used_again_later_are_another_connection),
		POINT(children_s_own_connections_are_told_apart),
		POINT(a_refusal_that_another_address_makes_good_is_no_failure),
		POINT(each_way_not_to_connect_can_be_made_good),
		POINT(what_failed_later_or_for_want_of_a_port_is_not_made_good),
		POINT(without_open_lines_it_is_not_known_what_answered),
		POINT(the_same_address_another_port_or_process_makes_nothing_good),
		POINT(what_connected_before_or_much_later_makes_nothing_good),
		POINT(it_is_the_beginning_of_the_next_connect_that_counts),
		POINT(addresses_are_tried_one_after_the_other),
		POINT(a_round_in_which_no_address_answered_has_failed),
		POINT(addresses_are_tried_side_by_side),
		POINT(what_began_more_than_two_seconds_apart_was_not_tried_side_by_side),
		POINT(of_requests_at_one_time_each_has_its_own_answer),
		POINT(it_ranks_behind_what_failed),
		POINT(the_headline_counts_what_failed_and_a_note_the_rest),
		POINT(hosts_of_one_family_may_be_any_hosts),
		POINT(the_headline_is_of_what_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
