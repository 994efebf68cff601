/* TCP Fast Open: for the program it is connected before anybody has answered. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNS ((const char *[]){"RESETBY_LEVEL=conns", NULL})

/** Without a cookie, which the kernel would have to ask for first: what is written goes with the SYN. */
#define CLIENT_SERVER_NO_COOKIE "7"

struct trial {
	struct actor a;
	struct capture wire;
	uint16_t port;
};

/** An actor, and a port where nobody listens. */
static void start(struct trial *t)
{
	lab_sysctl("net/ipv4/tcp_fastopen", CLIENT_SERVER_NO_COOKIE);
	close(peer_listen(AF_INET, &t->port));
	capture_open(&t->wire, "lo");
	actor_start(&t->a, CONNS);
}

static void end(struct trial *t)
{
	actor_stop(&t->a);
	capture_close(&t->wire);
}

/** A connect that succeeds, and sends nothing. */
static void connect_later(struct trial *t, const char *flags)
{
	assert_string_equal(actor_do(&t->a, "socket4 s0 %s", flags), "0 -");
	assert_string_equal(actor_do(&t->a, "setsockopt s0 fastopen_connect 1"), "0 -");
	assert_string_equal(actor_do(&t->a, "connect s0 127.0.0.1 %u", t->port), "0 -");
}

static void expect_refused(struct trial *t, unsigned index, const char *op)
{
	expect_verdict(&t->a, index,
		       (struct expected){.op = op,
					 .error = "ECONNREFUSED",
					 .cause = "refused",
					 .sure = "certain",
					 .rst_case = "none",
					 .why = {"a RST answered the SYN"}});
}

static void refusal_of_a_write_that_waits_is_told_once(void **state)
{
	struct trial t;
	(void)state;
	start(&t);
	connect_later(&t, "");
	assert_string_equal(actor_do(&t.a, "write s0 5"), "-1 ECONNREFUSED");
	assert_true(capture_rst(&t.wire, t.port));
	expect_refused(&t, 0, "write");
	/* The kernel has begun its counts anew by itself: that is nobody's disconnect. */
	assert_string_equal(actor_do(&t.a, "send s0 5 nosignal"), "-1 EPIPE");
	expect_verdict(&t.a, 1, (struct expected){.cause = "already-reset", .sure = "certain"});
	/* And the next attempt is another one. */
	assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port), "0 -");
	assert_string_equal(actor_do(&t.a, "write s0 5"), "-1 ECONNREFUSED");
	expect_refused(&t, 2, "write");
	assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
	assert_int_equal(log_count(&t.a, "error"), 3);
	end(&t);
}

static void refusal_behind_a_write_is_told_to_the_next_call(void **state)
{
	static const char *const writes[] = {"send s0 5", "sendto_fastopen s0 127.0.0.1 %u 5",
					     "sendmsg_fastopen s0 127.0.0.1 %u 5"};
	static const char *const calls[][2] = {{"recv s0 5", "-1 ECONNREFUSED"},
					       {"send s0 5", "-1 ECONNREFUSED"},
					       {"getsockopt s0 error", "0 - ECONNREFUSED"}};
	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		struct trial t;
		char write[64];
		start(&t);
		if (i / 3 == 0) {
			connect_later(&t, "nonblock");
		} else {
			assert_string_equal(actor_do(&t.a, "socket4 s0 nonblock"), "0 -");
		}
		snprintf(write, sizeof(write), writes[i / 3], t.port);
		assert_string_equal(actor_do(&t.a, "%s", write), "5 -");
		wait_for_end(&t.a, "s0");
		assert_string_equal(actor_do(&t.a, "%s", calls[i % 3][0]), calls[i % 3][1]);
		assert_true(capture_rst(&t.wire, t.port));
		expect_refused(&t, 0, NULL);
		assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port),
				    "-1 ECONNABORTED");
		assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
		assert_int_equal(log_count(&t.a, "error"), 1);
		end(&t);
	}
}

static void a_syn_with_data_that_nobody_answers_is_abandoned(void **state)
{
	static const char *const ways[] = {"close s0", "shutdown s0 rw"};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct trial t;
		start(&t);
		nft("add rule inet lab in tcp dport %u drop", t.port);
		connect_later(&t, "nonblock");
		assert_string_equal(actor_do(&t.a, "send s0 5"), "5 -");
		assert_string_equal(actor_do(&t.a, "%s", ways[i]), "0 -");
		expect_verdict(&t.a, 0,
			       (struct expected){.error = "none",
						 .cause = "abandoned",
						 .sure = "certain",
						 .why = {"in SYN_SENT, with no answer yet"}});
		actor_do(&t.a, "close s0");
		assert_null(json_get(log_find(&t.a, "close", 0), "end"));
		assert_int_equal(log_count(&t.a, "error"), 1);
		nft_flush();
		end(&t);
	}
}

/** Its SYN waits for the first write. */
static void a_connect_that_never_sent_anything_ends_in_silence(void **state)
{
	struct trial t;
	(void)state;
	start(&t);
	connect_later(&t, "");
	assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
	assert_int_equal(capture_count(&t.wire, (struct match){.to_port = t.port}), 0);
	assert_null(json_get(log_find(&t.a, "close", 0), "end"));
	expect_silence(&t.a);
	expect_awake(&t.a);
	end(&t);
}

/** What was written went with the SYN, and the RST that answered it was told to nobody. */
static void a_refused_write_that_nobody_asked_after_has_no_end(void **state)
{
	struct trial t;
	(void)state;
	start(&t);
	connect_later(&t, "nonblock");
	assert_string_equal(actor_do(&t.a, "send s0 5"), "5 -");
	wait_for_end(&t.a, "s0");
	assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
	assert_true(capture_rst(&t.wire, t.port));
	assert_null(json_get(log_find(&t.a, "close", 0), "end"));
	end(&t);
}

/** It is ended as any other, once somebody has answered. */
static void what_was_answered_has_an_end(void **state)
{
	static const char *const ends[] = {"fin", "fin", "peer-fin"};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct trial t;
		start(&t);
		int listener = peer_listen(AF_INET, &t.port);
		connect_later(&t, "");
		assert_string_equal(actor_do(&t.a, "send s0 5"), "5 -");
		int peer = peer_accept(listener);
		peer_recv(peer, 5);
		if (i == 1) {
			assert_string_equal(actor_do(&t.a, "shutdown s0 w"), "0 -");
			assert_int_equal(peer_drain(peer), 0);
		}
		if (i > 0) {
			close(peer);
			assert_string_equal(actor_do(&t.a, "recv s0"), "0 -");
		}
		assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
		assert_string_equal(json_get(log_find(&t.a, "close", 0), "end"), ends[i]);
		if (i == 0) {
			assert_int_equal(peer_drain(peer), 0);
			close(peer);
		}
		close(listener);
		end(&t);
	}
}

/** The connect that only ends the attempt before is none, as on any socket. */
static void what_is_switched_off_is_no_fast_open(void **state)
{
	struct trial t;
	(void)state;
	start(&t);
	assert_string_equal(actor_do(&t.a, "socket4 s0 nonblock"), "0 -");
	assert_string_equal(actor_do(&t.a, "setsockopt s0 fastopen_connect 1"), "0 -");
	assert_string_equal(actor_do(&t.a, "setsockopt s0 fastopen_connect 0"), "0 -");
	assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&t.a, "poll s0 out 20000"), "1 - out err hup");
	assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - ECONNREFUSED");
	expect_refused(&t, 0, "getsockopt");
	assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port), "-1 ECONNABORTED");
	assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
	assert_int_equal(log_count(&t.a, "close"), 1);
	end(&t);
}

/** Nor is the next connection of a socket whose first was opened by a write. */
static void a_connection_behind_a_fast_open_is_like_any(void **state)
{
	struct trial t;
	(void)state;
	start(&t);
	assert_string_equal(actor_do(&t.a, "socket4 s0 nonblock"), "0 -");
	actor_do(&t.a, "sendto_fastopen s0 127.0.0.1 %u 5", t.port);
	assert_string_equal(actor_do(&t.a, "poll s0 out 20000"), "1 - out err hup");
	assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - ECONNREFUSED");
	assert_string_equal(actor_do(&t.a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&t.a, "poll s0 out 20000"), "1 - out err hup");
	assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - ECONNREFUSED");
	assert_string_equal(actor_do(&t.a, "connect s0 127.0.0.1 %u", t.port), "-1 ECONNABORTED");
	assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
	assert_int_equal(log_count(&t.a, "close"), 2);
	end(&t);
}

LAB_MAIN(LAB_TEST(refusal_of_a_write_that_waits_is_told_once),
	 LAB_TEST(refusal_behind_a_write_is_told_to_the_next_call),
	 LAB_TEST(a_syn_with_data_that_nobody_answers_is_abandoned),
	 LAB_TEST(a_connect_that_never_sent_anything_ends_in_silence),
	 LAB_TEST(a_refused_write_that_nobody_asked_after_has_no_end),
	 LAB_TEST(what_was_answered_has_an_end), LAB_TEST(what_is_switched_off_is_no_fast_open),
	 LAB_TEST(a_connection_behind_a_fast_open_is_like_any))
