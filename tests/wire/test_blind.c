/* Bytes that go past the hooks are told, once; bytes that somebody else moved are not. */

#include "lab_pair.h"
#include "lab_stop.h"
#include "lab_verdict.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SENT 1000
#define RECEIVED 3000

static const char *blind_spot(struct actor *a)
{
	return log_line(a, "\"cause\":\"blind-spot\"");
}

/** Have the actor make calls about something else for a while: it looks around. */
static void look_around(struct actor *a)
{
	actor_do(a, "epoll_create s7");
	for (int i = 0; i < 3; i++) {
		actor_do(a, "epoll_wait s7 1020");
	}
}

static void expect_told_as(struct pair *p, const char *sure, const char *why)
{
	const char *line = blind_spot(&p->a);
	assert_non_null(line);
	assert_string_equal(json_get(line, "ev"), "warn");
	assert_string_equal(json_get(line, "cause"), "blind-spot");
	assert_string_equal(json_get(line, "sure"), sure);
	if (strstr(json_get(line, "why"), why) == NULL) {
		fail_msg("%s is not in: %s", why, json_get(line, "why"));
	}
	assert_int_equal(log_count(&p->a, "warn"), 1);
}

static void expect_told(struct pair *p, const char *why)
{
	expect_told_as(p, "certain", why);
}

static const char *const ways[][2] = {
	{"unseen_send s0 1000", "unseen_recv s0 3000"},
	{"uring_send s0 1000", "uring_recv s0 3000"},
	{"stdio_write s0 1000", "stdio_read s0 3000"},
};

static void move_unseen(struct pair *p, const char *const way[2])
{
	if (strcmp(actor_do(&p->a, "%s", way[0]), "1000 -") != 0) {
		lab_skip("%s: %s", way[0], actor_do(&p->a, "errno"));
	}
	peer_recv(p->peer, SENT);
	peer_send_bytes(p->peer, RECEIVED);
	assert_string_equal(actor_do(&p->a, "%s", way[1]), "3000 -");
}

/** The buffer of a FIN that nobody has read weighs, too. */
static void a_count_that_is_not_exact_says_so(void **state)
{
	(void)state;
	struct pair p;
	pair_open_client(&p);
	move_unseen(&p, ways[0]);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	wait_for_fin(&p.a, "s0");
	actor_do(&p.a, "close s0");
	expect_told(&p, "1000 bytes that this process sent and at least ");
	pair_close(&p);
}

static void bytes_that_no_hook_saw_are_told_at_close(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		pair_open(&p, situations[i * 2], NULL);
		assert_string_equal(actor_do(&p.a, "send s0 10"), "10 -");
		peer_recv(p.peer, 10);
		move_unseen(&p, ways[i]);
		assert_null(blind_spot(&p.a));
		actor_do(&p.a, "close s0");
		expect_told(&p, "1000 bytes that this process sent and 3000 bytes that it received "
				"went past the library, of 1010 bytes and 3000 bytes in all");
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

/** Where only what is written goes past, or only what is read; the peer's FIN is none of them. */
static void bytes_of_one_way_are_told_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pair p;
		pair_open(&p, client_situation, NULL);
		if (i == 0) {
			assert_string_equal(actor_do(&p.a, "unseen_send s0 1000"), "1000 -");
			peer_recv(p.peer, SENT);
		} else {
			peer_send_bytes(p.peer, RECEIVED);
			assert_string_equal(actor_do(&p.a, "unseen_recv s0 3000"), "3000 -");
		}
		if (i > 1) {
			shutdown(p.peer, SHUT_WR);
			wait_for_fin(&p.a, "s0");
			assert_string_equal(
				actor_do(&p.a, i > 2 ? "recv s0 1" : "unseen_recv s0 1"), "0 -");
		}
		if (i > 2) {
			assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
			lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
		}
		actor_do(&p.a, "close s0");
		expect_told(&p, i == 0 ? "1000 bytes that this process sent and 0 bytes"
				       : "0 bytes that this process sent and 3000 bytes");
		pair_close(&p);
	}
}

/** A call of another thread cannot have moved the half of them: none waits on this connection. */
static void they_are_told_beside_another_thread(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, nonblocking_situation, NULL);
	assert_string_equal(actor_do(&p.a, "socketpair s5 s6"), "0 -");
	assert_string_equal(actor_do(&p.a, "background recv s5 1"), "0 -");
	actor_wait_background(&p.a, "s5");
	move_unseen(&p, ways[0]);
	actor_do(&p.a, "close s0");
	expect_told(&p, "1000 bytes that this process sent and 3000 bytes");
	assert_string_equal(actor_do(&p.a, "send s6 1"), "1 -");
	assert_string_equal(actor_do(&p.a, "join"), "1 - a");
	pair_close(&p);
}

/** What else is wrong with the connection is told once, too, whichever comes first. */
static void they_are_told_once_beside_another_warning(void **state)
{
	(void)state;
	for (int leaked = 0; leaked < 2; leaked++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_STALE=1ms", NULL});
		for (int i = 0; i < 2; i++) {
			if (i == leaked) {
				assert_string_equal(actor_do(&p.a, "unseen_send s0 1000"),
						    "1000 -");
			} else {
				shutdown(p.peer, SHUT_WR);
			}
			look_around(&p.a);
			assert_int_equal(log_count(&p.a, "warn"), i + 1);
		}
		assert_non_null(blind_spot(&p.a));
		assert_non_null(log_line(&p.a, "\"cause\":\"close-wait-leak\""));
		pair_close(&p);
	}
}

static void they_are_told_while_the_connection_is_open(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	move_unseen(&p, ways[0]);
	look_around(&p.a);
	expect_told(&p, "1000 bytes that this process sent and 3000 bytes");
	move_unseen(&p, ways[0]);
	actor_do(&p.a, "close s0");
	assert_int_equal(log_count(&p.a, "warn"), 1);
	pair_close(&p);
}

/** But its beginning and its close; what was told in a ring nobody knows. */
static void a_connection_of_which_nothing_was_seen_is_told_at_its_close(void **state)
{
	(void)state;
	for (size_t reset = 0; reset < 2; reset++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		assert_string_equal(actor_do(&p.a, "socket4 s1"), "0 -");
		assert_string_equal(actor_do(&p.a, "unseen_connect s1 127.0.0.1 %u", p.listen_port),
				    "0 -");
		int peer = peer_accept(p.listener);
		assert_string_equal(actor_do(&p.a, "uring_send s1 1000"), "1000 -");
		peer_recv(peer, 1000);
		if (reset) {
			peer_rst(peer);
			wait_for_end(&p.a, "s1");
		}
		assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
		expect_told(&p, "1000 bytes that this process sent and 0 bytes");
		assert_int_equal(log_count(&p.a, "error"), reset);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"),
				    reset ? "peer-rst" : "fin");
		if (reset) {
			expect_verdict(&p.a, 0,
				       (struct expected){.op = "close",
							 .error = "none",
							 .cause = "peer-abort",
							 .sure = "likely",
							 .why = {"no call that the library sees",
								 "not whole"}});
		} else {
			close(peer);
		}
		pair_close(&p);
	}
}

static void a_socket_that_was_never_connected_ends_in_silence(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "socket4 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "socket4 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "unseen_connect s1 127.0.0.1 1"), "-1 ECONNREFUSED");
	assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

static void a_verdict_says_that_its_counts_are_not_whole(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "send s0 10"), "10 -");
	peer_recv(p.peer, 10);
	move_unseen(&p, ways[0]);
	peer_rst(p.peer);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 ECONNRESET");
	expect_told(&p, "1000 bytes that this process sent and 3000 bytes");
	const char *line = expect_verdict(
		&p.a, 0,
		(struct expected){.op = "recv",
				  .error = "ECONNRESET",
				  .cause = "peer-abort",
				  .sure = "likely",
				  .others = "[\"peer-closed-unread\"]",
				  .why = {"1010 bytes had been sent", "counts and history are not "
								      "whole"}});
	assert_non_null(line);
	p.peer = -1;
	actor_stop(&p.a);
	capture_close(&p.wire);
}

static void ordinary_calls_of_every_kind_are_seen(void **state)
{
	(void)state;
	static const char *const writes[] = {
		"send s0 1000",       "sendto s0 1000",     "sendmsg s0 1000 3",
		"sendmmsg s0 1000",   "write s0 1000",      "writev s0 1000 3",
		"pwritev2 s0 1000 3", "sendfile s0 1000",   "splice_in s0 1000",
		"sys_write s0 1000",  "sys_sendto s0 1000", "send s0 1000 zerocopy"};
	static const char *const reads[] = {
		"recv s0 3000",       "recv s0 3000 peek", "recv s0 3000",
		"recvfrom s0 3000",   "recvmsg s0 3000 3", "recvmmsg s0 3000",
		"read s0 3000",       "readv s0 3000 3",   "preadv2 s0 3000 3",
		"splice_out s0 3000", "sys_read s0 3000",  "recv s0 3000 trunc"};
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, NULL);
		for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
			actor_do(&p.a, "%s", writes[i]);
		}
		for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
			peer_send_bytes(p.peer, RECEIVED);
			actor_do(&p.a, "poll s0 in 5000");
			actor_do(&p.a, "%s", reads[i]);
		}
		actor_do(&p.a, "recv s0 60000 dontwait");
		peer_send_bytes(p.peer, 1);
		if (how == situations) {
			look_around(&p.a);
		}
		actor_do(&p.a, "poll s0 in 5000");
		actor_do(&p.a, "recv s0 1");
		actor_do(&p.a, "close s0");
		expect_silence(&p.a);
		expect_awake(&p.a);
		pair_close(&p);
	}
}

static void urgent_bytes_are_not_missed(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	peer_send_bytes(p.peer, 100);
	send(p.peer, "u", 1, MSG_OOB);
	peer_send_bytes(p.peer, 2000);
	actor_do(&p.a, "poll s0 pri 5000");
	assert_string_equal(actor_do(&p.a, "recv s0 1 oob"), "1 - u");
	look_around(&p.a);
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 50")), 50);
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 4000")), 50);
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 4000")), 2000);
	actor_do(&p.a, "close s0");
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

/** Each takes a sequence number that no read returns. */
static void urgent_bytes_that_nobody_reads_are_not_missed(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(send(p.peer, "au", 2, MSG_OOB), 2);
		actor_do(&p.a, "poll s0 pri 5000");
		assert_string_equal(actor_do(&p.a, "recv s0 100"), "1 - a");
	}
	peer_send(p.peer, "end");
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "3 - end");
	look_around(&p.a);
	actor_do(&p.a, "close s0");
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

static void a_call_that_waits_half_done_is_not_missed(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	/* More than both buffers hold: the kernel has moved most of it, and the call waits. */
	actor_do(&p.a, "background send s0 20000000");
	peer_recv(p.peer, 100000);
	look_around(&p.a);
	assert_null(blind_spot(&p.a));
	peer_recv(p.peer, 20000000 - 100000);
	assert_string_equal(actor_do(&p.a, "join"), "20000000 -");
	actor_do(&p.a, "close s0");
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

static void bytes_that_a_child_moved_are_not_missed(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "fork send s0 1000"), "1000 -");
	peer_send_bytes(p.peer, 1000);
	actor_do(&p.a, "poll s0 in 5000");
	assert_int_equal(actor_number(actor_do(&p.a, "fork recv s0 1000")), 1000);
	look_around(&p.a);
	actor_do(&p.a, "close s0");
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

static void what_was_moved_before_exec_is_not_missed(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "send s0 5000"), "5000 -");
	peer_recv(p.peer, 5000);
	peer_send_bytes(p.peer, 3000);
	actor_do(&p.a, "poll s0 in 5000");
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 2000")), 2000);
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 1000")), 1000);
	assert_string_equal(actor_do(&p.a, "send s0 5000"), "5000 -");
	peer_recv(p.peer, 5000);
	look_around(&p.a);
	expect_silence(&p.a);
	/* And from then on as with any other, but that somebody else may have it. */
	move_unseen(&p, ways[0]);
	actor_do(&p.a, "close s0");
	expect_told_as(&p, "likely",
		       "1000 bytes that this process sent and 3000 bytes that it received");
	pair_close(&p);
}

/** As with tcpclient, whose program reads from one descriptor and writes to another. */
static void two_inherited_descriptors_of_one_connection_are_one(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	peer_send_bytes(p.peer, RECEIVED);
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 3000 waitall")), RECEIVED);
	assert_string_equal(actor_do(&p.a, "send s1 1000"), "1000 -");
	peer_recv(p.peer, SENT);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "close"), 0);
	assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
	const char *line = log_find(&p.a, "close", 0);
	assert_int_equal(json_number(line, "bytes_in"), RECEIVED);
	assert_int_equal(json_number(line, "bytes_out"), SENT);
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

/** Who has sent a descriptor to another process may go on with the connection itself. */
static void what_another_holder_may_have_moved_is_only_likely_unseen(void **state)
{
	(void)state;
	struct pair p;
	pair_open_client(&p);
	actor_do(&p.a, "socketpair s1 s2");
	assert_string_equal(actor_do(&p.a, "passfd s1 s0"), "1 -");
	assert_string_equal(actor_do(&p.a, "takefd s2 s3"), "1 -");
	assert_string_equal(actor_do(&p.a, "send s3 10"), "10 -");
	assert_string_equal(actor_do(&p.a, "send s0 1000"), "1000 -");
	peer_recv(p.peer, SENT + 10);
	actor_do(&p.a, "close s3");
	expect_told_as(&p, "likely", "unless another process has this socket and moved them");
	pair_close(&p);
}

/** The kernel has them yet; that they were sent no hook of this program saw. */
static void what_waits_to_be_sent_over_exec_is_not_missed(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, nonblocking_situation, NULL);
	assert_true(actor_number(actor_do(&p.a, "send s0 20000000")) > 10000);
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	actor_do(&p.a, "getsockname s0");
	actor_do(&p.a, "close s0");
	expect_silence(&p.a);
	expect_awake(&p.a);
	pair_close(&p);
}

/** Who is alone waits for no other thread to count them: each turn may cost a slice of the processor. */
static void a_lone_thread_waits_for_nobody(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, NULL);
	move_unseen(&p, ways[0]);
	peer_rst(p.peer);
	p.peer = -1;
	wait_for_end(&p.a, "s0");
	pid_t thread = stop_first(&p.a);
	actor_send(&p.a, "recv s0 10");
	stop_before(thread, SYS_recvfrom);
	int turns = 0;
	while (!stands_before(thread, SYS_write)) {
		turns += stands_before(thread, SYS_sched_yield);
		stop_behind(thread);
	}
	stop_end(thread);
	assert_string_equal(actor_result(&p.a), "-1 ECONNRESET");
	assert_in_range(turns, 0, 1);
	pair_close(&p);
}

/** A program that was started with a connection: who started it may move bytes, too. */
static void bytes_that_the_parent_moved_are_not_missed(void **state)
{
	(void)state;
	struct pair p;
	static char bytes[1000];
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	actor_do(&p.a, "getsockname s0");
	long number = actor_number(actor_do(&p.a, "fd s0"));
	int copy = (int)syscall(SYS_pidfd_getfd, p.a.pidfd, number, 0);
	assert_true(copy >= 0);
	assert_int_equal(send(copy, bytes, sizeof(bytes), 0), sizeof(bytes));
	peer_recv(p.peer, sizeof(bytes));
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "-1 ECONNRESET");
	assert_int_equal(log_count(&p.a, "error"), 1);
	assert_int_equal(log_count(&p.a, "warn"), 0);
	close(copy);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_count_that_is_not_exact_says_so),
	 LAB_TEST(bytes_that_no_hook_saw_are_told_at_close),
	 LAB_TEST(bytes_of_one_way_are_told_too), LAB_TEST(they_are_told_beside_another_thread),
	 LAB_TEST(they_are_told_once_beside_another_warning),
	 LAB_TEST(they_are_told_while_the_connection_is_open),
	 LAB_TEST(a_connection_of_which_nothing_was_seen_is_told_at_its_close),
	 LAB_TEST(a_socket_that_was_never_connected_ends_in_silence),
	 LAB_TEST(a_verdict_says_that_its_counts_are_not_whole),
	 LAB_TEST(ordinary_calls_of_every_kind_are_seen), LAB_TEST(urgent_bytes_are_not_missed),
	 LAB_TEST(urgent_bytes_that_nobody_reads_are_not_missed),
	 LAB_TEST(a_call_that_waits_half_done_is_not_missed),
	 LAB_TEST(bytes_that_a_child_moved_are_not_missed),
	 LAB_TEST(bytes_that_the_parent_moved_are_not_missed),
	 LAB_TEST(what_was_moved_before_exec_is_not_missed),
	 LAB_TEST(two_inherited_descriptors_of_one_connection_are_one),
	 LAB_TEST(what_another_holder_may_have_moved_is_only_likely_unseen),
	 LAB_TEST(what_waits_to_be_sent_over_exec_is_not_missed),
	 LAB_TEST(a_lone_thread_waits_for_nobody))
