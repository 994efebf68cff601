/* What level conns adds: a line when a connection opens and closes, and totals at exit. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNS ((const char *[]){"RESETBY_LEVEL=conns", NULL})

static void the_open_line_tells_how_it_came_about(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CONNS);
		const char *line = log_find(&p.a, "open", 0);
		assert_string_equal(json_get(line, "side"), how->server ? "server" : "client");
		if (how->server) {
			assert_non_null(strstr(json_get(line, "op"), "accept"));
			assert_null(json_get(line, "ms"));
			assert_null(json_get(line, "syn_retrans"));
		} else {
			/* A program that does not wait is told by its poll. */
			assert_string_equal(json_get(line, "op"),
					    how->nonblocking ? "poll" : "connect");
			assert_true(json_number(line, "ms") >= 0);
			assert_int_equal(json_number(line, "syn_retrans"), 0);
		}
		pair_close(&p);
	}
}

static void the_open_line_counts_the_syns_that_were_lost(void **state)
{
	(void)state;
	struct actor a;
	struct capture wire;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	nft("add rule inet lab in tcp dport %u tcp flags syn drop", port);
	capture_open(&wire, "lo");
	actor_start(&a, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	actor_do(&a, "socket4 s0");
	actor_send(&a, "connect s0 127.0.0.1 %u", port);
	capture_await(&wire, (struct match){.to_port = port, .set = TH_SYN}, 0);
	nft_flush();
	assert_string_equal(actor_result(&a), "0 -");
	unsigned syns = capture_count(&wire, (struct match){.to_port = port, .set = TH_SYN});
	assert_in_range(syns, 2, 10);
	const char *line = log_find(&a, "open", 0);
	assert_int_equal(json_number(line, "syn_retrans"), syns - 1);
	assert_in_range((long)json_number(line, "ms"), 900, 3 * LAB_PATIENCE_MS);
	assert_in_range((long)json_number(log_last_call(&a, "connect"), "us"), 900 * 1000,
			3 * LAB_PATIENCE_MS * 1000);
	actor_stop(&a);
	capture_close(&wire);
	close(listener);
}

static void the_close_line_tells_what_went_each_way(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CONNS);
		for (int i = 0; i < 3; i++) {
			assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
		}
		peer_recv(p.peer, 300);
		for (int i = 0; i < 2; i++) {
			peer_send_bytes(p.peer, 25);
			assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
			assert_int_equal(actor_number(actor_do(&p.a, "recv s0 50")), 25);
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		const char *line = log_find(&p.a, "close", 0);
		assert_int_equal(json_number(line, "bytes_out"), 300);
		assert_int_equal(json_number(line, "calls_out"), 3);
		assert_int_equal(json_number(line, "bytes_in"), 50);
		assert_int_equal(json_number(line, "calls_in"), 2);
		assert_int_equal(json_number(line, "retrans"), 0);
		assert_true(json_number(line, "rtt_us") > 0);
		assert_true(json_number(line, "ms") >= 0);
		assert_string_equal(json_get(line, "end"), "fin");
		pair_close(&p);
	}
}

static void the_close_line_tells_who_ended_it(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CONNS);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		actor_do(&p.a, "close s0");
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-fin");

		pair_again(&p);
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		actor_do(&p.a, "close s0");
		assert_string_equal(json_get(log_find(&p.a, "close", 1), "end"), "peer-rst");

		/* The end of both was this end's, whoever came second. */
		pair_again(&p);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
		assert_int_equal(peer_drain(p.peer), 0);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		actor_do(&p.a, "close s0");
		assert_string_equal(json_get(log_find(&p.a, "close", 2), "end"), "fin");

		/* And of this one the peer's, whoever shut down in between. */
		pair_again(&p);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
		actor_do(&p.a, "close s0");
		assert_string_equal(json_get(log_find(&p.a, "close", 3), "end"), "peer-fin");

		/* Nor does it matter whether its end was read. */
		for (unsigned i = 4; i < 6; i++) {
			pair_again(&p);
			pair_close_peer(&p);
			wait_for_fin(&p.a, "s0");
			if (i == 5) {
				assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
			}
			actor_do(&p.a, "close s0");
			assert_string_equal(json_get(log_find(&p.a, "close", i), "end"),
					    "peer-fin");
		}
		pair_close(&p);
	}
}

/** Which takes the kernel's count of what had arrived before the shutdown with it. */
static void a_disconnect_after_a_reset_leaves_whose_end_it_was(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	peer_send(p.peer, "early");
	assert_string_equal(actor_do(&p.a, "recv s0 5 waitall"), "5 - early");
	assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-rst");
	pair_close(&p);
}

/** Data behind a half-close is no late data; and what arrived is not known in a sandbox. */
static void a_reset_behind_a_shutdown_is_the_peers_end(void **state)
{
	static const struct {
		const char *shutdown, *later, *last;
	} ways[] = {
		{"shutdown s0 w", "later", "fd s0"},
		{"shutdown s0 r", "later", "fd s0"},
		{"shutdown s0 rw", NULL, "seccomp"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		pair_open(&p, client_situation, CONNS);
		peer_send(p.peer, "early");
		assert_string_equal(actor_do(&p.a, "recv s0 5 waitall"), "5 - early");
		assert_string_equal(actor_do(&p.a, "%s", ways[i].shutdown), "0 -");
		if (ways[i].later) {
			peer_send(p.peer, ways[i].later);
			assert_string_equal(actor_do(&p.a, "recv s0 5 waitall"), "5 - later");
		}
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		actor_do(&p.a, "%s", ways[i].last);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-rst");
		pair_close(&p);
	}
}

/** Each has its line when it is over, though the descriptor lives on and becomes another connection. */
static void a_connection_that_is_disconnected_has_its_own_close_line(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, client_situation, CONNS);
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_recv(p.peer, 5);
		assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
		lab_until(capture_rst(&p.wire, p.actor_port));
		const char *line = log_find(&p.a, "close", 0);
		assert_string_equal(json_get(line, "end"), "rst");
		assert_int_equal(json_number(line, "bytes_out"), 5);
		if (i == 1) {
			assert_string_equal(
				actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "0 -");
			assert_int_equal(log_count(&p.a, "close"), 1);
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(log_count(&p.a, "close"), 1 + i);
		if (i == 1) {
			line = log_find(&p.a, "close", 1);
			assert_string_equal(json_get(line, "end"), "fin");
			assert_int_equal(json_number(line, "conn"), 2);
		}
		pair_close(&p);
	}
}

/** As a server's parent, whose client has shut down its writing side behind a request. */
static void what_a_forked_child_goes_on_with_has_no_end(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_null(json_get(log_find(&p.a, "close", 0), "end"));
	assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
	pair_close(&p);
}

/** Which this process has read, whoever goes on with the other direction. */
static void the_peers_end_is_one_where_a_child_goes_on(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	wait_for_fin(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-fin");
	assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
	pair_close(&p);
}

/** The parent has it yet when the child ends. */
static void what_a_parent_goes_on_with_has_no_end(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	assert_string_equal(actor_do(&p.a, "fork send s0 5"), "5 -");
	assert_int_equal(log_count(&p.a, "close"), 1);
	assert_null(json_get(log_find(&p.a, "close", 0), "end"));
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	pair_close(&p);
}

/** Where another process was told the reset, what is read here is an end of file, and no FIN has come. */
static void a_reset_that_a_child_was_told_is_the_peers_end(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "fork recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	expect_verdict(&p.a, 1, (struct expected){.cause = "already-reset", .sure = "likely"});
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *line = log_find(&p.a, "close", log_count(&p.a, "close") - 1);
	assert_string_equal(json_get(line, "end"), "peer-rst");
	pair_close(&p);
}

/** Where another process that has the socket made our kernel send the RST, the peer has sent none. */
static void a_reset_that_a_child_made_is_not_the_peers_end(void **state)
{
	static const char *const ways[] = {"disconnect s0", "shutdown s0 rw"};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, client_situation, CONNS);
		assert_string_equal(actor_do(&p.a, "fork %s", ways[i]), "0 -");
		if (i == 1) {
			peer_send(p.peer, "late");
		}
		lab_until(capture_rst(&p.wire, p.actor_port));
		assert_false(capture_rst(&p.wire, p.peer_port));
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		/* It may not be ended by this process alone: then there is none. */
		const char *line = log_find(&p.a, "close", log_count(&p.a, "close") - 1);
		assert_null(json_get(line, "end"));
		pair_close(&p);
	}
}

/** Nor what was sent to another process, which is as good as open there. */
static void what_was_passed_on_has_no_end(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	actor_do(&p.a, "socketpair s1 s2");
	assert_string_equal(actor_do(&p.a, "passfd s1 s0"), "1 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_open(&p);
	assert_null(json_get(log_find(&p.a, "close", 0), "end"));
	pair_close(&p);
}

static void a_connection_with_two_descriptors_ends_once(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "exit 0"), "exited 0");
	assert_int_equal(log_count(&p.a, "close"), 1);
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

/** A handler that is called at the end ends the process, too. */
static void what_ends_at_exit_ends_once(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	assert_string_equal(actor_do(&p.a, "quick_exit_twice"), "exited 0");
	assert_int_equal(log_count(&p.a, "close"), 1);
	assert_int_equal(log_count(&p.a, "exit"), 1);
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

/** The program that was started has it yet, and ends it in order. */
static void what_another_process_holds_does_not_end_at_exit(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "linger0");
	assert_string_equal(actor_do(&p.a, "spawnhold"), "0 -");
	assert_string_equal(actor_do(&p.a, "exit 0"), "exited 0");
	assert_int_equal(peer_drain(p.peer), 0);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	assert_int_equal(log_count(&p.a, "close"), 0);
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

static void nothing_ends_with_a_child_of_vfork(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	assert_string_equal(actor_do(&p.a, "vfork_close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "close"), 0);
	assert_int_equal(log_count(&p.a, "exit"), 0);
	actor_stop(&p.a);
	assert_int_equal(log_count(&p.a, "exit"), 1);
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

/** A connect that does not wait, and a program that asks nothing before it closes. */
static void a_connection_that_nobody_looked_at_is_told_when_it_is_closed(void **state)
{
	static const char *const closes[] = {"close s0", "exec"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct actor a;
		uint16_t port;
		int listener = peer_listen(AF_INET, &port);
		actor_start(&a, CONNS);
		actor_do(&a, "socket4 s0 nonblock cloexec");
		assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port),
				    "-1 EINPROGRESS");
		int peer = accept(listener, NULL, NULL);
		assert_true(peer >= 0);
		assert_int_equal(log_count(&a, "open"), 0);
		assert_string_equal(actor_do(&a, "%s", closes[i]), "0 -");
		assert_int_equal(log_count(&a, "open"), 1);
		assert_string_equal(json_get(log_find(&a, "close", 0), "end"), "fin");
		assert_int_equal(peer_drain(peer), 0);
		actor_stop(&a);
		close(peer);
		close(listener);
	}
}

/** A RST was the answer, to whoever asked. */
static void a_refused_connect_was_ended_by_the_peer(void **state)
{
	(void)state;
	struct actor a;
	actor_start(&a, CONNS);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 1"), "-1 ECONNREFUSED");
	actor_do(&a, "close s0");
	assert_string_equal(json_get(log_find(&a, "close", 0), "end"), "peer-rst");
	assert_int_equal(log_count(&a, "open"), 0);
	actor_stop(&a);
}

/** Not only the close that ends it. */
static void each_close_of_a_descriptor_is_a_call(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
	unsigned before = log_count(&p.a, "call");
	assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
	assert_int_equal(log_count(&p.a, "close"), 0);
	assert_int_equal(log_count(&p.a, "call"), before + 1);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "close"), 1);
	assert_int_equal(log_count(&p.a, "call"), before + 2);
	pair_close(&p);
}

/** Also those that nothing else is to be done about. */
static void each_call_of_a_connection_that_is_well_has_its_line(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	for (unsigned i = 1; i <= 5; i++) {
		actor_do(&p.a, "send s0 %u", i);
		peer_recv(p.peer, i);
		peer_send_bytes(p.peer, 10 * i);
		assert_int_equal(actor_number(actor_do(&p.a, "recv s0 %u waitall", 10 * i)),
				 10 * i);
	}
	/* And of threads that have said nothing before. */
	for (int i = 0; i < 2; i++) {
		actor_do(&p.a, "thread send s0 77");
		actor_do(&p.a, "send s0 77");
	}
	actor_do(&p.a, "close s0");
	for (unsigned i = 1; i <= 5; i++) {
		const char *sent = log_line(&p.a, lab_text("\"send\",\"asked\":%u,", i));
		assert_int_equal(json_number(sent, "result"), i);
		const char *read = log_line(&p.a, lab_text("\"recv\",\"asked\":%u,", 10 * i));
		assert_int_equal(json_number(read, "result"), 10 * i);
		assert_int_equal(json_number(read, "conn"), 1);
	}
	unsigned by_first = 0, by_others = 0;
	for (unsigned i = 0; i < log_count(&p.a, "call"); i++) {
		const char *line = log_find(&p.a, "call", i);
		if (json_get(line, "asked") && json_number(line, "asked") == 77) {
			bool first = json_number(line, "tid") == json_number(line, "pid");
			by_first += first;
			by_others += !first;
		}
	}
	assert_int_equal(by_first, 2);
	assert_int_equal(by_others, 2);
	pair_close(&p);
}

/** That the last of its descriptors went is not known; the kernel says so of the number. */
static void a_connection_whose_second_descriptor_went_unseen_ends_once(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CONNS);
	assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "unseen_close s1"), "0 -");
	actor_stop(&p.a);
	assert_int_equal(log_count(&p.a, "close"), 1);
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

/** No FIN was ever sent. */
static void what_was_never_established_has_no_end(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	nft("add rule inet lab in tcp dport %u tcp flags syn drop", port);
	actor_start(&a, CONNS);
	actor_do(&a, "socket4 s0 nonblock");
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "-1 EINPROGRESS");
	actor_do(&a, "close s0");
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "connect s0 192.0.2.1 80"), "-1 ENETUNREACH");
	actor_do(&a, "close s0");
	for (unsigned i = 0; i < 2; i++) {
		const char *line = log_find(&a, "close", i);
		assert_non_null(line);
		assert_null(json_get(line, "end"));
		assert_int_equal(json_number(line, "bytes_out"), 0);
	}
	assert_int_equal(log_count(&a, "open"), 0);
	actor_stop(&a);
	close(listener);
}

/** The connect was given up, and the SYN was answered all the same. */
static void what_was_established_late_has_an_end(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	nft("add rule inet lab in tcp dport %u tcp flags syn drop", port);
	actor_start(&a, CONNS);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "setsockopt s0 sndtimeo 200"), "0 -");
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "-1 EINPROGRESS");
	assert_int_equal(log_count(&a, "error"), 1);
	nft_flush();
	int peer = peer_accept(listener);
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(peer_drain(peer), 0);
	assert_string_equal(json_get(log_find(&a, "close", 0), "end"), "fin");
	actor_stop(&a);
	close(peer);
	close(listener);
}

/** Nor is a rule applied to what the number may be by then. */
static void a_number_that_was_closed_unseen_does_not_end_at_exit(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "linger0");
	assert_string_equal(actor_do(&p.a, "unseen_close s0"), "0 -");
	assert_int_equal(peer_drain(p.peer), 0);
	actor_stop(&p.a);
	assert_int_equal(log_count(&p.a, "open"), 1);
	assert_int_equal(log_count(&p.a, "exit"), 1);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	assert_int_equal(log_count(&p.a, "close"), 0);
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

/** The two have the listener's port in common. */
static void the_next_connection_under_its_number_is_left_alone_at_exit(void **state)
{
	static const struct situation server = {.family = AF_INET, .server = true};
	(void)state;
	struct pair p;
	pair_with_rule(&p, server, "linger0");
	long number = actor_number(actor_do(&p.a, "fd s0"));
	assert_string_equal(actor_do(&p.a, "unseen_close s0"), "0 -");
	assert_int_equal(peer_drain(p.peer), 0);
	int next = peer_connect(AF_INET, p.listen_port);
	actor_do(&p.a, "unseen_accept s9 s0");
	assert_int_equal(actor_number(actor_do(&p.a, "fd s0")), number);
	actor_stop(&p.a);
	assert_int_equal(peer_drain(next), 0);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	assert_int_equal(log_count(&p.a, "close"), 0);
	close(next);
	close(p.peer);
	capture_close(&p.wire);
}

static void the_exit_line_has_the_totals(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "linger0 conn=2;refuse to=:1");
	pair_again(&p);
	actor_do(&p.a, "close s0");
	actor_do(&p.a, "socket4 s0");
	assert_string_equal(actor_do(&p.a, "connect s0 192.0.2.1 80"), "-1 ENETUNREACH");
	actor_do(&p.a, "close s0");
	actor_do(&p.a, "socket4 s0");
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 2"), "-1 ECONNREFUSED");
	actor_do(&p.a, "close s0");
	assert_int_equal(log_count(&p.a, "exit"), 0);
	/* A child's totals are its own. */
	actor_do(&p.a, "fork socket4 s5");
	assert_int_equal(log_count(&p.a, "exit"), 1);
	const char *line = log_find(&p.a, "exit", 0);
	assert_int_equal(json_number(line, "connections"), 0);
	assert_string_equal(json_get(line, "errors"), "[]");
	assert_non_null(
		strstr(json_get(line, "fired"), "{\"name\":\"linger0 conn=2\",\"count\":0}"));
	actor_stop(&p.a);
	assert_int_equal(log_count(&p.a, "exit"), 2);
	line = log_find(&p.a, "exit", 1);
	assert_int_equal(json_number(line, "connections"), 4);
	assert_null(strstr(json_get(line, "errors"), "\"count\":0"));
	assert_non_null(strstr(json_get(line, "errors"), "{\"name\":\"refused\",\"count\":1}"));
	assert_non_null(strstr(json_get(line, "errors"), "{\"name\":\"unreachable\",\"count\":1}"));
	assert_non_null(
		strstr(json_get(line, "fired"), "{\"name\":\"linger0 conn=2\",\"count\":1}"));
	assert_non_null(strstr(json_get(line, "fired"), "{\"name\":\"refuse to=:1\",\"count\":0}"));
	close(p.peer);
	close(p.listener);
	capture_close(&p.wire);
}

/** A program that has no connection has nothing to sum up, unless a rule was to be tried. */
static void the_exit_line_is_written_where_there_is_news(void **state)
{
	static const struct {
		const char *level, *rules;
		unsigned lines;
	} ways[] = {
		{"RESETBY_LEVEL=conns", NULL, 0},
		{"RESETBY_LEVEL=resets", "RESETBY_RULES=nolinger", 0},
		{"RESETBY_LEVEL=conns", "RESETBY_RULES=nolinger", 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct actor a;
		actor_start(&a, (const char *[]){ways[i].level, ways[i].rules, NULL});
		actor_do(&a, "socket4 s0");
		actor_do(&a, "close s0");
		actor_stop(&a);
		assert_int_equal(log_count(&a, NULL), ways[i].lines);
		if (ways[i].lines > 0) {
			const char *line = log_find(&a, "exit", 0);
			assert_int_equal(json_number(line, "connections"), 0);
			assert_string_equal(json_get(line, "fired"),
					    "[{\"name\":\"nolinger\",\"count\":0}]");
		}
	}
}

/** It closed a listener with a connection that it had not accepted, which is the kernel's alone. */
static void what_a_process_without_connections_did_is_in_its_exit_line(void **state)
{
	(void)state;
	struct actor a;
	actor_start(&a, CONNS);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "listen s0"), "0 -");
	int port = atoi(strrchr(actor_do(&a, "getsockname s0"), ':') + 1);
	int peer = peer_connect(AF_INET, (uint16_t)port);
	lab_until(info_of(&a, "s0").tcpi_unacked == 1);
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	actor_stop(&a);
	const char *line = log_find(&a, "exit", 0);
	assert_int_equal(json_number(line, "connections"), 0);
	assert_string_equal(json_get(line, "errors"),
			    "[{\"name\":\"listener-closed\",\"count\":1}]");
	close(peer);
}

static long mapped_pages(const struct actor *actor)
{
	long pages = 0;
	char *text = lab_read_file(lab_text("/proc/%d/statm", (int)actor->pid));
	assert_int_equal(sscanf(text, "%ld", &pages), 1);
	free(text);
	return pages;
}

/** What a line is made in is given back. */
static void lines_cost_no_memory_that_stays(void **state)
{
	(void)state;
	struct pair p;
	long before = 0;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	for (int i = 0; i < 12; i++) {
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_again(&p);
		if (i == 3) {
			before = mapped_pages(&p.a);
		}
	}
	assert_int_equal(log_count(&p.a, "close"), 12);
	assert_int_equal(log_count(&p.a, "error"), 12);
	assert_int_equal(mapped_pages(&p.a), before);
	pair_close(&p);
}

/** More connections than records are mapped at once; the first line of a number looks up their names. */
static void calls_that_are_well_keep_no_record(void **state)
{
	(void)state;
	struct pair p;
	long before = 0;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	for (int i = 0; i < 600; i++) {
		assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
		assert_string_equal(actor_do(&p.a, "send s1 1"), "1 -");
		assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_again(&p);
		if (i == 3) {
			before = mapped_pages(&p.a);
		}
	}
	assert_int_equal(mapped_pages(&p.a), before);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(the_open_line_tells_how_it_came_about),
	 LAB_TEST(the_open_line_counts_the_syns_that_were_lost),
	 LAB_TEST(the_close_line_tells_what_went_each_way),
	 LAB_TEST(the_close_line_tells_who_ended_it),
	 LAB_TEST(a_disconnect_after_a_reset_leaves_whose_end_it_was),
	 LAB_TEST(a_reset_behind_a_shutdown_is_the_peers_end),
	 LAB_TEST(a_connection_that_is_disconnected_has_its_own_close_line),
	 LAB_TEST(what_a_forked_child_goes_on_with_has_no_end),
	 LAB_TEST(the_peers_end_is_one_where_a_child_goes_on),
	 LAB_TEST(what_a_parent_goes_on_with_has_no_end), LAB_TEST(what_was_passed_on_has_no_end),
	 LAB_TEST(a_reset_that_a_child_made_is_not_the_peers_end),
	 LAB_TEST(a_reset_that_a_child_was_told_is_the_peers_end),
	 LAB_TEST(a_connection_with_two_descriptors_ends_once),
	 LAB_TEST(what_ends_at_exit_ends_once),
	 LAB_TEST(what_another_process_holds_does_not_end_at_exit),
	 LAB_TEST(nothing_ends_with_a_child_of_vfork),
	 LAB_TEST(a_connection_that_nobody_looked_at_is_told_when_it_is_closed),
	 LAB_TEST(a_refused_connect_was_ended_by_the_peer),
	 LAB_TEST(each_close_of_a_descriptor_is_a_call),
	 LAB_TEST(each_call_of_a_connection_that_is_well_has_its_line),
	 LAB_TEST(a_connection_whose_second_descriptor_went_unseen_ends_once),
	 LAB_TEST(what_was_never_established_has_no_end),
	 LAB_TEST(what_was_established_late_has_an_end),
	 LAB_TEST(a_number_that_was_closed_unseen_does_not_end_at_exit),
	 LAB_TEST(the_next_connection_under_its_number_is_left_alone_at_exit),
	 LAB_TEST(the_exit_line_has_the_totals),
	 LAB_TEST(the_exit_line_is_written_where_there_is_news),
	 LAB_TEST(what_a_process_without_connections_did_is_in_its_exit_line),
	 LAB_TEST(lines_cost_no_memory_that_stays), LAB_TEST(calls_that_are_well_keep_no_record))
