/* The same reset, met in every way a program can meet it. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const int families[] = {AF_INET, AF_INET6};

/** A connection of which the peer's RST has arrived, and which nobody has told the program. */
static void open_reset(struct pair *pair, int family)
{
	pair_open(pair, (struct situation){family, false, false}, NULL);
	pair_abort_peer(pair);
	wait_for_end(&pair->a, "s0");
}

struct way {
	const char *command;
	const char *op;
};

static void expect_the_reset(struct pair *pair, const char *op, bool reading)
{
	const char *line = expect_verdict(
		&pair->a, 0,
		(struct expected){.op = op,
				  .error = "ECONNRESET",
				  .cause = "peer-abort",
				  .sure = "likely",
				  .others = "[\"accept-overflow\"]",
				  .rst_case = reading ? "reset" : "reset-by-peer",
				  .doc = reading ? "Connection reset" : "Connection reset by peer",
				  .state = "CLOSE"});
	const char *host = pair->how.family == AF_INET ? "127.0.0.1" : "[::1]";
	assert_string_equal(json_get(line, "local"), lab_text("%s:%u", host, pair->actor_port));
	assert_string_equal(json_get(line, "peer"), lab_text("%s:%u", host, pair->listen_port));
	assert_string_equal(json_get(line, "side"), "client");
}

static void met_in(const struct way *ways, size_t count, bool reading)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t f = 0; f < 2; f++) {
			struct pair p;
			open_reset(&p, families[f]);
			assert_string_equal(actor_do(&p.a, "%s", ways[i].command), "-1 ECONNRESET");
			expect_the_reset(&p, ways[i].op, reading);
			pair_close(&p);
		}
	}
}

static void reset_met_in_any_read_is_connection_reset(void **state)
{
	static const struct way ways[] = {
		{"recv s0", "recv"},
		{"recv s0 10 peek", "recv"},
		{"recvfrom s0", "recvfrom"},
		{"recvmsg s0 10 2", "recvmsg"},
		{"recvmmsg s0 5 2", "recvmmsg"},
		{"read s0", "read"},
		{"__read s0", "read"},
		{"readv s0 10 3", "readv"},
		{"preadv2 s0 10 3", "preadv2"},
		{"__read_chk s0 5", "read"},
		{"__recv_chk s0 5", "recv"},
		{"__recvfrom_chk s0 5", "recvfrom"},
		{"sys_read s0", "read"},
		{"sys_recvfrom s0", "recvfrom"},
		{"splice_out s0", "splice"},
		{"thread recv s0", "recv"},
	};
	(void)state;
	met_in(ways, sizeof(ways) / sizeof(ways[0]), true);
}

static void reset_met_in_any_write_is_connection_reset_by_peer(void **state)
{
	static const struct way ways[] = {
		{"send s0 1", "send"},          {"__send s0 1", "send"},
		{"send s0 1 nosignal", "send"}, {"sendto s0 1", "sendto"},
		{"sendmsg s0 10 2", "sendmsg"}, {"sendmmsg s0 10 2", "sendmmsg"},
		{"write s0 1", "write"},        {"__write s0 1", "write"},
		{"writev s0 10 3", "writev"},   {"pwritev2 s0 10 3", "pwritev2"},
		{"sendfile s0 10", "sendfile"}, {"sendfile64 s0 10", "sendfile"},
		{"splice_in s0 10", "splice"},  {"sys_write s0 1", "write"},
		{"sys_sendto s0 1", "sendto"},  {"thread write s0 1", "write"},
	};
	(void)state;
	met_in(ways, sizeof(ways) / sizeof(ways[0]), false);
}

static void so_error_goes_by_what_was_waited_for(void **state)
{
	static const struct {
		const char *wait;
		const char *events;
		bool reading;
	} waits[] = {
		{"poll s0 in 20000", "1 - in err hup", true},
		{"poll s0 out 20000", "1 - out err hup", false},
		{"poll s0 in out 20000", "1 - in out err hup", true},
		{"ppoll s0 out 20000", "1 - out err hup", false},
		{"__poll_chk s0 out 20000", "1 - out err hup", false},
		{"select s0 in 20000", "1 - in", true},
		{"select s0 out 20000", "1 - out", false},
		{"pselect s0 out 20000", "1 - out", false},
		{"getfl s0", NULL, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct pair p;
		open_reset(&p, families[i % 2]);
		const char *events = actor_do(&p.a, "%s", waits[i].wait);
		if (waits[i].events != NULL) {
			assert_string_equal(events, waits[i].events);
		}
		assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - ECONNRESET");
		expect_the_reset(&p, "getsockopt", waits[i].reading);
		assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - 0");
		assert_int_equal(log_count(&p.a, "error"), 1);
		pair_close(&p);
	}
}

static void so_error_goes_by_what_epoll_watches(void **state)
{
	(void)state;
	for (int out = 0; out <= 1; out++) {
		struct pair p;
		open_reset(&p, families[out]);
		actor_do(&p.a, "epoll_create s1");
		assert_string_equal(actor_do(&p.a, "epoll_add s1 s0 %s", out ? "out" : "in"),
				    "0 -");
		assert_string_equal(actor_do(&p.a, "epoll_%s s1 20000", out ? "wait" : "pwait"),
				    out ? "1 - out err hup" : "1 - in err hup");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - ECONNRESET");
		expect_the_reset(&p, "getsockopt", !out);
		pair_close(&p);
	}
}

static void connect_called_a_second_time_is_no_reset(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct pair p;
		open_reset(&p, families[f]);
		assert_string_equal(
			actor_do(&p.a, "connect s0 %s %u", loopback(families[f]), p.listen_port),
			"-1 EISCONN");
		expect_silence(&p.a);
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		expect_the_reset(&p, "recv", true);
		pair_close(&p);
	}
}

/** A non-blocking connect that nobody has looked at since, and then the RST. */
static void reset_before_the_success_was_noticed_is_a_reset(void **state)
{
	static const struct way ways[] = {
		{"recv s0", "recv"},
		{"send s0 1", "send"},
		{"getsockopt s0 error", "getsockopt"},
		{"connect", "connect"},
	};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct actor a;
		uint16_t port;
		int listener = peer_listen(AF_INET, &port);
		actor_start(&a, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		actor_do(&a, "socket4 s0 nonblock");
		assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port),
				    "-1 EINPROGRESS");
		peer_rst(peer_accept(listener));
		lab_until(info_of(&a, "s0").tcpi_state == TCP_CLOSE);
		const char *result = strcmp(ways[i].command, "connect") == 0
					     ? actor_do(&a, "connect s0 127.0.0.1 %u", port)
					     : actor_do(&a, "%s", ways[i].command);
		assert_non_null(strstr(result, "ECONNRESET"));
		expect_verdict(&a, 0,
			       (struct expected){.op = ways[i].op,
						 .error = "ECONNRESET",
						 .cause = "peer-abort",
						 .sure = "likely",
						 .others = "[\"accept-overflow\"]",
						 .rst_case = i == 1 ? "reset-by-peer" : "reset"});
		actor_do(&a, "close s0");
		assert_string_equal(json_get(log_find(&a, "close", 0), "end"), "peer-rst");
		actor_stop(&a);
		close(listener);
	}
}

/**
 * It ends as in `connect`, though a send had shown that the connection was there. What the kernel has
 * counted of it is forgotten then, but not that the peer has answered.
 */
static void reset_after_the_success_was_noticed_is_told_by_connect_too(void **state)
{
	static const struct ending {
		bool answered, more;
		struct expected expected;
	} endings[] = {
		{false,
		 false,
		 {.cause = "peer-closed-unread",
		  .others = "[\"peer-abort\",\"accept-overflow\"]",
		  .why = {"our last 5 bytes", "forgotten whether they were acknowledged"}}},
		{true,
		 false,
		 {.cause = "peer-abort",
		  .others = "[\"peer-closed-unread\"]",
		  .why = {"5 bytes had been sent and 2 bytes received"}}},
		{true,
		 true,
		 {.cause = "peer-closed-unread",
		  .others = "[\"peer-abort\"]",
		  .why = {"our last 9 bytes", "forgotten whether they were acknowledged"}}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		struct actor a;
		uint16_t port;
		int listener = peer_listen(AF_INET, &port);
		actor_start(&a, NULL);
		actor_do(&a, "socket4 s0 nonblock");
		assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port),
				    "-1 EINPROGRESS");
		int peer = peer_accept(listener);
		assert_string_equal(actor_do(&a, "send s0 5"), "5 -");
		peer_recv(peer, 5);
		if (endings[i].answered) {
			peer_send(peer, "ok");
			assert_string_equal(actor_do(&a, "recv s0 2"), "2 - ok");
		}
		if (endings[i].more) {
			assert_string_equal(actor_do(&a, "send s0 9"), "9 -");
		}
		peer_rst(peer);
		lab_until(info_of(&a, "s0").tcpi_state == TCP_CLOSE);
		assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "-1 ECONNRESET");
		struct expected expected = endings[i].expected;
		expected.op = "connect";
		expected.error = "ECONNRESET";
		expected.sure = "likely";
		expect_verdict(&a, 0, expected);
		assert_string_equal(actor_do(&a, "close s0"), "0 -");
		assert_int_equal(log_count(&a, "error"), 1);
		actor_stop(&a);
		close(listener);
	}
}

static void reset_of_a_descriptor_from_exec_is_told(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(
		&p.a, 0,
		(struct expected){.op = "recv", .error = "ECONNRESET", .rst_case = "reset"});
	assert_string_not_equal(json_get(line, "sure"), "certain");
	pair_close(&p);
}

/** SIGPIPE kills the actor at this command, as it does without the library. */
static void expect_killed(struct pair *pair, const char *command)
{
	assert_string_equal(actor_do(&pair->a, "%s", command), "killed SIGPIPE");
	int status = actor_stop(&pair->a);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGPIPE);
	if (pair->peer >= 0) {
		close(pair->peer);
	}
	close(pair->listener);
	capture_close(&pair->wire);
}

static void line_is_written_before_sigpipe_kills(void **state)
{
	static const struct way ways[] = {
		{"send s0 1", "send"},           {"sendto s0 1", "sendto"},
		{"sendmsg s0 4 2", "sendmsg"},   {"sendmmsg s0 4 2", "sendmmsg"},
		{"write s0 1", "write"},         {"writev s0 4 2", "writev"},
		{"pwritev2 s0 4 2", "pwritev2"}, {"sendfile s0 4", "sendfile"},
		{"splice_in s0 4", "splice"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		open_reset(&p, AF_INET);
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		expect_killed(&p, ways[i].command);
		expect_verdict(&p.a, 1,
			       (struct expected){.op = ways[i].op,
						 .error = "EPIPE",
						 .cause = "already-reset",
						 .sure = "certain"});
	}
}

static void line_is_written_when_sigpipe_is_the_first_sign(void **state)
{
	static const struct way ways[] = {
		{"send s0 1", "send"},         {"sendto s0 1", "sendto"},
		{"sendmsg s0 4 2", "sendmsg"}, {"sendmmsg s0 4 2", "sendmmsg"},
		{"write s0 1", "write"},       {"writev s0 4 2", "writev"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		pair_open(&p, client_situation, NULL);
		/* After a call that went well the next ones are made with less care. */
		peer_send(p.peer, "hi");
		assert_string_equal(actor_do(&p.a, "read s0"), "2 - hi");
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		wait_for_end(&p.a, "s0");
		expect_killed(&p, ways[i].command);
		expect_verdict(&p.a, 0,
			       (struct expected){.op = ways[i].op,
						 .error = "EPIPE",
						 .cause = "peer-closed-early",
						 .sure = "certain",
						 .rst_case = "reset-by-peer"});
	}
}

static void sigpipe_arrives_once_where_it_is_handled(void **state)
{
	static const char *const ways[] = {"send s0 1", "write s0 1", "sendmsg s0 4 2",
					   "writev s0 4 2"};
	struct pair p;
	(void)state;
	open_reset(&p, AF_INET);
	actor_do(&p.a, "sigpipe count");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	for (int i = 0; i < 4; i++) {
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "-1 EPIPE");
		assert_string_equal(actor_do(&p.a, "signals"), lab_text("%d -", i + 1));
	}
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	assert_string_equal(actor_do(&p.a, "signals"), "4 -");
	pair_close(&p);
}

static void history_tells_the_calls_before(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_send(p.peer, "hi");
	assert_string_equal(actor_do(&p.a, "read s0"), "2 - hi");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *history = json_get(expect_verdict(&p.a, 0, (struct expected){0}), "history");
	const char *connect =
		strstr(history, "{\"op\":\"connect\",\"result\":0,\"errno\":\"none\"");
	const char *send = strstr(history, "{\"op\":\"send\",\"result\":5,\"errno\":\"none\"");
	const char *read = strstr(history, "{\"op\":\"read\",\"result\":2,\"errno\":\"none\"");
	const char *recv =
		strstr(history, "{\"op\":\"recv\",\"result\":-1,\"errno\":\"ECONNRESET\"");
	assert_true(connect == history + 1 && connect < send && send < read && read < recv);
	pair_close(&p);
}

static void history_tells_the_last_sixteen_calls(void **state)
{
	struct pair p;
	(void)state;
	int64_t begun_ms = lab_now_ms();
	pair_open(&p, client_situation, NULL);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(actor_number(actor_do(&p.a, "send s0 %d", i)), i);
	}
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(&p.a, 0, (struct expected){0});
	assert_in_range(json_number(line, "age_ms"), 0, lab_now_ms() - begun_ms);
	const char *at = json_get(line, "history");
	for (int i = 6; i <= 20; i++) {
		at = strstr(at, "{\"op\":");
		assert_non_null(at);
		const char *send = lab_text("{\"op\":\"send\",\"result\":%d,", i);
		assert_int_equal(strncmp(at++, send, strlen(send)), 0);
	}
	at = strstr(at, "{\"op\":\"recv\",\"result\":-1,\"errno\":\"ECONNRESET\"");
	assert_non_null(at);
	assert_null(strstr(at + 1, "{\"op\":"));
	pair_close(&p);
}

/** Without a byte it is no question to the socket, and takes no error that a wait has shown. */
static void a_writev_of_no_byte_leaves_a_reset_to_the_next_call(void **state)
{
	static const char *const waits[] = {"poll s0 in 20000", "ppoll s0 in 20000",
					    "epoll_wait s7 20000", "epoll_pwait s7 20000"};
	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct pair p;
		pair_open_client(&p);
		actor_do(&p.a, "epoll_create s7");
		actor_do(&p.a, "epoll_add s7 s0 in named");
		assert_string_equal(actor_do(&p.a, "writev s0 5 1"), "5 -");
		peer_recv(p.peer, 5);
		assert_string_equal(actor_do(&p.a, "writev s0 0 1"), "0 -");
		pair_abort_peer(&p);
		assert_string_equal(actor_do(&p.a, "%s", waits[i]), "1 - in err hup");
		assert_string_equal(actor_do(&p.a, "writev s0 0 1"), "0 -");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		pair_close(&p);
	}
}

LAB_MAIN(LAB_TEST(a_writev_of_no_byte_leaves_a_reset_to_the_next_call),
	 LAB_TEST(reset_met_in_any_read_is_connection_reset),
	 LAB_TEST(reset_met_in_any_write_is_connection_reset_by_peer),
	 LAB_TEST(so_error_goes_by_what_was_waited_for),
	 LAB_TEST(so_error_goes_by_what_epoll_watches),
	 LAB_TEST(connect_called_a_second_time_is_no_reset),
	 LAB_TEST(reset_after_the_success_was_noticed_is_told_by_connect_too),
	 LAB_TEST(reset_before_the_success_was_noticed_is_a_reset),
	 LAB_TEST(reset_of_a_descriptor_from_exec_is_told),
	 LAB_TEST(line_is_written_before_sigpipe_kills),
	 LAB_TEST(line_is_written_when_sigpipe_is_the_first_sign),
	 LAB_TEST(sigpipe_arrives_once_where_it_is_handled),
	 LAB_TEST(history_tells_the_calls_before), LAB_TEST(history_tells_the_last_sixteen_calls))
