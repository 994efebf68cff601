/* unread: the close meets a receive buffer that is not empty, and the kernel resets. */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void bytes_in_the_buffer_make_the_close_reset(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		uint64_t aborts = netstat_counter("TCPAbortOnClose");
		pair_with_rule(&p, *how, "unread");
		peer_send(p.peer, "hello");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "recv s0 3"), "3 - hel");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(pair_expect_rst(&p), 0);
		/* The kernel's own reason, and no option of ours. */
		assert_int_equal(netstat_counter("TCPAbortOnClose"), aborts + 1);
		pair_expect_told(&p, "inject", 0, "1 unread", "closed with 2 bytes unread: RST");
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

/** With the privilege a byte is planted: nothing else on the wire, and the kernel's own reason. */
static void an_empty_buffer_gets_a_planted_byte(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		uint64_t aborts = netstat_counter("TCPAbortOnClose");
		pair_with_rule(&p, *how, "unread");
		assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
		assert_string_equal(peer_recv(p.peer, 3), "abc");
		struct match ours = {.from_port = p.actor_port, .to_port = p.peer_port};
		struct match theirs = {.from_port = p.peer_port, .to_port = p.actor_port};
		unsigned before = capture_count(&p.wire, ours);
		unsigned answers = capture_count(&p.wire, theirs);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		assert_int_equal(capture_count(&p.wire, ours), before + 1);
		assert_int_equal(capture_count(&p.wire, theirs), answers);
		assert_int_equal(netstat_counter("TCPAbortOnClose"), aborts + 1);
		pair_expect_told(&p, "inject", 0, "1 unread", "TCP_REPAIR");
		pair_close(&p);
	}
}

static void an_unprivileged_program_falls_back_to_linger_0(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		uint64_t aborts = netstat_counter("TCPAbortOnClose");
		pair_open_as(&p, *how, ACTOR_UNPRIVILEGED,
			     (const char *[]){"RESETBY_RULES=unread", NULL});
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		assert_int_equal(netstat_counter("TCPAbortOnClose"), aborts);
		const char *line = pair_expect_told(
			&p, "inject", 0, "1 unread",
			"SO_LINGER {1,0} set before the close: RST instead of FIN");
		assert_non_null(strstr(json_get(line, "by"), "CAP_NET_ADMIN"));
		/* With bytes there is no need of the privilege. */
		pair_again(&p);
		peer_send(p.peer, "x");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_expect_told(&p, "inject", 1, "1 unread", "closed with 1 byte unread: RST");
		assert_int_equal(netstat_counter("TCPAbortOnClose"), aborts + 1);
		pair_close(&p);
	}
}

/** Nothing can be planted there, and who tries is no program that writes behind its own end. */
static void behind_our_own_fin_it_falls_back_to_linger_0(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "unread");
	assert_string_equal(actor_do(&p.a, "sigpipe count"), "0 -");
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "signals"), "0 -");
	assert_true(capture_rst(&p.wire, p.actor_port));
	const char *line =
		pair_expect_told(&p, "inject", 0, "1 unread",
				 "SO_LINGER {1,0} set before the close: RST instead of FIN");
	assert_non_null(strstr(json_get(line, "by"), "behind our own FIN"));
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
	pair_close(&p);
}

/** wait= holds the close until bytes come. */
static void wait_holds_the_close_for_bytes(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		uint64_t aborts = netstat_counter("TCPAbortOnClose");
		pair_open_as(&p, *how, ACTOR_UNPRIVILEGED,
			     (const char *[]){"RESETBY_RULES=unread wait=5m", NULL});
		actor_send(&p.a, "close s0");
		actor_wait_asleep(&p.a);
		pair_expect_open(&p);
		peer_send(p.peer, "late");
		assert_string_equal(actor_result(&p.a), "0 -");
		pair_expect_rst(&p);
		assert_int_equal(netstat_counter("TCPAbortOnClose"), aborts + 1);
		pair_expect_told(&p, "inject", 0, "1 unread wait=5m",
				 "closed with 4 bytes unread: RST");
		pair_close(&p);
	}
}

static void wait_ends_when_no_bytes_come(void **state)
{
	struct pair p;
	(void)state;
	pair_open_as(&p, client_situation, ACTOR_UNPRIVILEGED,
		     (const char *[]){"RESETBY_RULES=unread wait=200ms", NULL});
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_true(actor_number(actor_do(&p.a, "time")) >= 199);
	pair_expect_rst(&p);
	pair_expect_told(&p, "inject", 0, "1 unread wait=200ms", "the receive buffer was empty");
	pair_close(&p);
}

static void the_end_of_the_process_resets_too(void **state)
{
	static const char *const ways[] = {"exit 0", "_exit 0", "quick_exit 0"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_with_rule(&p, *how, "unread");
			assert_string_equal(actor_do(&p.a, "%s", ways[i]), "exited 0");
			pair_expect_rst(&p);
			pair_expect_told(&p, "inject", 0, "1 unread", "TCP_REPAIR");
			pair_close(&p);
		}
	}
}

static void without_bytes_and_rule_it_is_a_fin(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "unread times=0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_fin(&p);
		assert_int_equal(log_count(&p.a, "inject"), 0);
		pair_close(&p);
	}
}

static void a_reset_connection_is_left_alone(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "unread");
		pair_abort_peer(&p);
		actor_do(&p.a, "poll s0 in 20000");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_false(pair_sent_rst(&p));
		assert_int_equal(log_count(&p.a, "inject"), 0);
		pair_close(&p);
	}
}

/** Ways to read up to 64 bytes of "0123456789". */
static const char *const reads[] = {
	"recv s0 64",       "read s0 64",         "readv s0 64 3",       "recvmsg s0 64 3",
	"recvmmsg s0 64 1", "recvfrom s0 64",     "splice_out s0 4096",  "preadv2 s0 64 2",
	"__read_chk s0 64", "__recv_chk s0 64",   "__read s0 64",        "__recvfrom_chk s0 64",
	"sys_read s0 64",   "sys_recvfrom s0 64", "recv s0 64 dontwait",
};

#define READS (sizeof(reads) / sizeof(reads[0]))

/** Exactly SIZE bytes, then an end of file as often as asked, then a close that resets. */
static void reads_end_after_size(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		for (size_t i = 0; i < READS; i++) {
			struct pair p;
			uint64_t aborts = netstat_counter("TCPAbortOnClose");
			bool messages = strncmp(reads[i], "recvmmsg", 8) == 0;
			pair_with_rule(&p, *how, "unread=7");
			peer_send(p.peer, "0123456789");
			assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
			assert_string_equal(actor_do(&p.a, "%s", reads[i]),
					    messages ? "1 - 0123456" : "7 - 0123456");
			assert_string_equal(actor_do(&p.a, "%s", reads[i]),
					    messages ? "1 -" : "0 -");
			assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
			assert_string_equal(actor_do(&p.a, "read s0"), "0 -");
			/* The rest is really there, and the peer knows nothing yet. */
			pair_expect_open(&p);
			pair_expect_told(&p, "inject", 0, "1 unread=7", "reads end after 7 bytes");
			assert_int_equal(log_count(&p.a, "inject"), 1);
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			pair_expect_rst(&p);
			assert_int_equal(netstat_counter("TCPAbortOnClose"), aborts + 1);
			pair_expect_told(&p, "inject", 1, "1 unread=7",
					 "closed with 3 bytes unread: RST");
			pair_close(&p);
		}
	}
}

/** Small reads add up, and pieces are filled in order. */
static void small_reads_add_up_to_size(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "unread=7");
		peer_send(p.peer, "0123456789");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "recv s0 2"), "2 - 01");
		assert_string_equal(actor_do(&p.a, "readv s0 4 2"), "4 - 2345");
		assert_string_equal(actor_do(&p.a, "recvmsg s0 64 64"), "1 - 6");
		assert_string_equal(actor_do(&p.a, "recv s0 1"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

static void a_look_does_not_count(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "unread=4");
		peer_send(p.peer, "0123456789");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		for (int i = 0; i < 3; i++) {
			assert_string_equal(actor_do(&p.a, "recv s0 64 peek"), "4 - 0123");
			assert_string_equal(actor_do(&p.a, "recvmsg s0 64 2 peek"), "4 - 0123");
		}
		assert_string_equal(actor_do(&p.a, "recv s0 1"), "1 - 0");
		/* What may still be read is 3 bytes, also for a look. */
		assert_string_equal(actor_do(&p.a, "recv s0 64 peek"), "3 - 123");
		assert_string_equal(actor_do(&p.a, "recv s0 64"), "3 - 123");
		assert_string_equal(actor_do(&p.a, "recv s0 64 peek"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

/** MSG_WAITALL waits for no more than what may be read. */
static void waitall_gets_size_and_no_more(void **state)
{
	static const char *const ways[] = {"recv s0 64 waitall", "recvmsg s0 64 2 waitall",
					   "recvfrom s0 64 waitall"};
	(void)state;
	ALL_SITUATIONS (how) {
		for (size_t i = 0; i < 3 && !how->nonblocking; i++) {
			struct pair p;
			pair_with_rule(&p, *how, "unread=7");
			peer_send(p.peer, "0123");
			actor_send(&p.a, "%s", ways[i]);
			actor_wait_asleep(&p.a);
			peer_send(p.peer, "456789");
			assert_string_equal(actor_result(&p.a), "7 - 0123456");
			assert_string_equal(actor_do(&p.a, "%s", ways[i]), "0 -");
			assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			pair_expect_rst(&p);
			pair_close(&p);
		}
	}
}

/** Before SIZE bytes have come, and in the other direction. */
static void other_reads_are_as_ever(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, nonblocking_situation, "unread=4");
	assert_string_equal(actor_do(&p.a, "recv s0 64"), "-1 EAGAIN");
	peer_send(p.peer, "0123");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 64"), "4 - 0123");
	/* The end of file comes although nothing more has come. */
	assert_string_equal(actor_do(&p.a, "recv s0 64"), "0 -");
	/* Nothing else has an end. */
	assert_string_equal(actor_do(&p.a, "recv s0 64 errqueue"), "-1 EAGAIN");
	assert_string_equal(actor_do(&p.a, "recv s0 64 oob"), "-1 EINVAL");
	/* Writing goes on. */
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	assert_string_equal(peer_recv(p.peer, 3), "abc");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_expect_told(&p, "inject", 1, "1 unread=4", "a byte planted in it by TCP_REPAIR");
	pair_close(&p);
}

/** What a reset has left to be read is no more than that. */
static void reads_end_after_size_behind_a_reset_too(void **state)
{
	static const char *const ways[] = {"recv s0 64", "readv s0 64 3", "recvmsg s0 64 3"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "unread=7; reset when=write");
		peer_send(p.peer, "0123456789");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 ECONNRESET");
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "7 - 0123456");
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "0 -");
		pair_close(&p);
	}
}

/** A peer that has closed before SIZE bytes came: an end of file of its own. */
static void a_short_response_ends_as_ever(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "unread=100");
		peer_send(p.peer, "short");
		shutdown(p.peer, SHUT_WR);
		assert_string_equal(actor_do(&p.a, "poll s0 rdhup 20000"), "1 - rdhup");
		assert_string_equal(actor_do(&p.a, "recv s0"), "5 - short");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

static void when_and_times_choose(void **state)
{
	struct pair p;
	(void)state;
	/* Only at the close: reads are left alone. */
	pair_with_rule(&p, client_situation, "unread=4 when=close");
	peer_send(p.peer, "0123456789");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 6"), "6 - 012345");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_close(&p);

	/* A rule that fired at the reads of a connection fires at its close too, once in all. */
	pair_with_rule(&p, client_situation, "unread=4 times=1");
	for (int i = 0; i < 2; i++) {
		if (i == 1) {
			pair_again(&p);
		}
		peer_send(p.peer, "0123456789");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "recv s0 10"),
				    i ? "10 - 0123456789" : "4 - 0123");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		if (i == 0) {
			pair_expect_rst(&p);
		} else {
			pair_expect_fin(&p);
		}
	}
	assert_int_equal(log_count(&p.a, "inject"), 2);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(bytes_in_the_buffer_make_the_close_reset),
	 LAB_TEST(an_empty_buffer_gets_a_planted_byte),
	 LAB_TEST(an_unprivileged_program_falls_back_to_linger_0),
	 LAB_TEST(behind_our_own_fin_it_falls_back_to_linger_0),
	 LAB_TEST(wait_holds_the_close_for_bytes), LAB_TEST(wait_ends_when_no_bytes_come),
	 LAB_TEST(the_end_of_the_process_resets_too), LAB_TEST(without_bytes_and_rule_it_is_a_fin),
	 LAB_TEST(a_reset_connection_is_left_alone), LAB_TEST(reads_end_after_size),
	 LAB_TEST(small_reads_add_up_to_size), LAB_TEST(a_look_does_not_count),
	 LAB_TEST(waitall_gets_size_and_no_more), LAB_TEST(other_reads_are_as_ever),
	 LAB_TEST(reads_end_after_size_behind_a_reset_too), LAB_TEST(a_short_response_ends_as_ever),
	 LAB_TEST(when_and_times_choose))
