/*
 * TLS's goodbye to a peer that has closed: the RST is real and of no consequence, and nobody is told.
 * What only looks like one is.
 */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <stdio.h>
#include <string.h>
#include <netinet/tcp.h>

#define ALERT 21
#define HIDDEN 23

static const struct situation sides[] = {{AF_INET, false, false}, {AF_INET, true, false}};

/** A request of 5 bytes, an answer of 2, and the peer closes behind `last` bytes of a record. */
static void open_and_be_left(struct pair *p, struct situation how, int type, size_t last)
{
	pair_open(p, how, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	assert_string_equal(actor_do(&p->a, "send s0 5"), "5 -");
	peer_recv(p->peer, 5);
	peer_send(p->peer, "ok");
	assert_string_equal(actor_do(&p->a, "recv s0 2 waitall"), "2 - ok");
	if (last > 0) {
		peer_send_record(p->peer, type, last);
	}
	pair_close_peer(p);
	wait_for_fin(&p->a, "s0");
}

/** What it wrote has met the RST; it closes. Whether that was told, and how it ended, agree. */
static bool closes_silently(struct pair *p)
{
	assert_string_equal(actor_do(&p->a, "close s0"), "0 -");
	bool silent = log_count(&p->a, "error") == 0;
	assert_string_equal(json_get(log_find(&p->a, "close", 0), "end"),
			    silent ? "peer-fin" : "peer-rst");
	return silent;
}

/**
 * As curl since 8.12, which has read the answer with the server's goodbye behind it in one call, says
 * its own and reads once more before it closes.
 */
static void who_has_said_goodbye_may_read_on(void **state)
{
	static const struct {
		const char *call, *begins;
		int size;
		bool is_goodbye;
	} cases[] = {
		{"send s0 24", "\\x17\\x03\\x03\\0\\x13", 24, true},
		{"send s0 16", "\\x17\\x03\\x03\\0\\x0b", 16, true},
		{"send s0 31", "\\x15\\x03\\x03\\0\\x1a", 31, true},
		{"send s0 96", "\\x15\\x03\\x01\\0\\x5b", 96, true},
		{"write s0 24", "\\x17\\x03\\x03\\0\\x13", 24, true},
		{"sendto s0 24", "\\x17\\x03\\x03\\0\\x13", 24, true},
		{"writev s0 24 2", "\\x17\\x03\\x03\\0\\x13", 24, true},
		{"pwritev2 s0 24 2", "\\x17\\x03\\x03\\0\\x13", 24, true},
		{"sendmsg s0 24 2", "\\x17\\x03\\x03\\0\\x13", 24, true},
		{"sendmmsg s0 24 1", "\\x17\\x03\\x03\\0\\x13", 1, true},
		/* A message of three bytes, and of 275. */
		{"send s0 25", "\\x17\\x03\\x03\\0\\x14", 25, false},
		{"send s0 24", "\\x17\\x03\\x03\\x01\\x13", 24, false},
		/* A handshake's, and what is no TLS. */
		{"send s0 24", "\\x16\\x03\\x03\\0\\x13", 24, false},
		{"send s0 24", "\\x17\\x04\\x03\\0\\x13", 24, false},
		{"send s0 24", "abcde", 24, false},
		/* Less than a head, and more than a goodbye. */
		{"send s0 4", "\\x15\\x03\\x03\\0\\x1a", 4, false},
		{"send s0 97", "\\x15\\x03\\x03\\0\\x5c", 97, false},
		/* In such pieces it is not looked for. */
		{"sendmsg s0 24 8", "\\x17\\x03\\x03\\0\\x13", 24, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned reads = 0; reads < 2; reads++) {
			struct pair p;
			open_and_be_left(&p, client_situation, HIDDEN, 24);
			assert_int_equal(actor_number(actor_do(&p.a, "recv s0 4096")), 24);
			if (reads) {
				assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
			}
			actor_do(&p.a, "begin - %s", cases[i].begins);
			assert_int_equal(actor_number(actor_do(&p.a, "%s", cases[i].call)),
					 cases[i].size);
			wait_for_end(&p.a, "s0");
			if (!reads) {
				assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
			}
			lab_let_pass(120);
			assert_int_equal(closes_silently(&p), cases[i].is_goodbye);
			pair_close(&p);
		}
	}
}

/** A message of two bytes looks the same, as the length that some protocols send first does. */
static void what_more_is_said_behind_it_is_lost(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	peer_send(p.peer, "ok");
	assert_string_equal(actor_do(&p.a, "recv s0 2 waitall"), "2 - ok");
	actor_do(&p.a, "begin - \\x17\\x03\\x03\\0\\x13");
	assert_string_equal(actor_do(&p.a, "send s0 24"), "24 -");
	actor_do(&p.a, "begin - \\x17\\x03\\x03\\0\\x43");
	assert_string_equal(actor_do(&p.a, "send s0 72"), "72 -");
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *line = expect_verdict(
		&p.a, 0, (struct expected){.op = "close", .cause = "peer-closed-unread"});
	assert_null(strstr(json_get(line, "why"), "goodbye"));
	pair_close(&p);
}

/** The peer has it, leaves it unread and closes: a RST without a FIN. */
static void a_goodbye_may_be_left_unread(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pair p;
		bool is_goodbye = i % 2 == 1;
		/* What a server has said last was no request: it is told as another cause. */
		pair_open(&p, sides[i / 2], (const char *[]){"RESETBY_LEVEL=conns", NULL});
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_recv(p.peer, 5);
		peer_send(p.peer, "ok");
		assert_string_equal(actor_do(&p.a, "recv s0 2 waitall"), "2 - ok");
		actor_do(&p.a, "begin - %s", is_goodbye ? "\\x15\\x03\\x03\\0\\x1a" : "HELLO");
		assert_string_equal(actor_do(&p.a, "send s0 31"), "31 -");
		lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
		pair_close_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(log_count(&p.a, "error"), !is_goodbye);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "peer-rst");
		pair_close(&p);
	}
}

/** Who is told the error is told why. */
static void a_read_that_meets_the_reset_is_told(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	actor_do(&p.a, "begin - \\x15\\x03\\x03\\0\\x1a");
	assert_string_equal(actor_do(&p.a, "send s0 31"), "31 -");
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0, (struct expected){.op = "recv", .cause = "peer-closed-unread"});
	pair_close(&p);
}

/** What stands behind the peer's goodbye was left unread: that is none that was read whole. */
static void a_goodbye_with_more_behind_it_crosses_none(void **state)
{
	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		pair_exchange(&p);
		peer_send_record(p.peer, ALERT, 31);
		if (more) {
			peer_send(p.peer, "more");
		}
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "send s0 31"), "31 -");
		lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
		assert_int_equal(actor_number(actor_do(&p.a, "recv s0 31 waitall")), 31);
		assert_int_equal(closes_silently(&p), !more);
		pair_close(&p);
	}
}

/** Both say it at once, each before the other's is there: the peer's is read, and ours was not. */
static void goodbyes_that_cross_are_told_to_nobody(void **state)
{
	static const struct {
		const char *reads[2];
		int type, theirs, ours;
		bool are_goodbyes;
	} cases[] = {
		{{"recv s0 5", "recv s0 4096"}, HIDDEN, 24, 24, true},
		{{"recv s0 4096"}, ALERT, 96, 96, true},
		{{"read s0 5", "read s0 4096"}, HIDDEN, 24, 24, true},
		{{"recvfrom s0 5", "recvfrom s0 4096"}, HIDDEN, 24, 24, true},
		{{"recvmsg s0 4096 2"}, HIDDEN, 24, 24, true},
		{{"readv s0 4096 2"}, HIDDEN, 24, 24, true},
		{{"preadv2 s0 4096 2"}, HIDDEN, 24, 24, true},
		/* What is thrown away is not known. */
		{{"recv_nowhere s0 4096 trunc"}, HIDDEN, 24, 24, false},
		/* Left behind, of two lengths, too long, and something else. */
		{{"recv s0 5"}, HIDDEN, 24, 24, false},
		{{"recv s0 4096"}, HIDDEN, 24, 25, false},
		{{"recv s0 4096"}, ALERT, 100, 100, false},
		{{"recv s0 4096"}, HIDDEN, 25, 25, false},
	};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		const char *const *reads = cases[i / 2].reads;
		open_and_be_left(&p, sides[i % 2], cases[i / 2].type, (size_t)cases[i / 2].theirs);
		assert_int_equal(actor_number(actor_do(&p.a, "send s0 %d", cases[i / 2].ours)),
				 cases[i / 2].ours);
		/* The program itself does not look. */
		lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
		for (int read = 0; read < 2 && reads[read] != NULL; read++) {
			assert_true(actor_number(actor_do(&p.a, "%s", reads[read])) > 0);
		}
		assert_int_equal(closes_silently(&p), cases[i / 2].are_goodbyes);
		expect_awake(&p.a);
		pair_close(&p);
	}
}

LAB_MAIN(LAB_TEST(who_has_said_goodbye_may_read_on), LAB_TEST(a_goodbye_may_be_left_unread),
	 LAB_TEST(what_more_is_said_behind_it_is_lost),
	 LAB_TEST(a_read_that_meets_the_reset_is_told),
	 LAB_TEST(a_goodbye_with_more_behind_it_crosses_none),
	 LAB_TEST(goodbyes_that_cross_are_told_to_nobody))
