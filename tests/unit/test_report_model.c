/* What a report makes of a few lines: which of them tell of one connection, and which of failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "cmd/report/model.h"

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

#define POINT(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POINT(a_connection_counts_once_over_a_fork),
		POINT(it_counts_once_whosever_log_is_read_first),
		POINT(it_counts_once_beside_its_other_end),
		POINT(what_a_child_did_explains_what_the_other_end_was_told),
		POINT(a_failure_that_parent_and_child_tell_counts_once),
		POINT(a_server_that_is_started_anew_counts_from_one_again),
		POINT(addresses_that_are_used_again_later_are_another_connection),
		POINT(children_s_own_connections_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
