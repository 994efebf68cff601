/* Healthy traffic: the preload is silent until something goes wrong. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/**
 * The actor ends, and nothing was said from beginning to end but of what expect_awake() did: here, or
 * before an actor ended itself.
 */
static void end_quietly(struct pair *pair)
{
	struct actor *a = &pair->a;
	if (!a->ended) {
		assert_int_equal(log_count(a, NULL), 0);
		expect_awake(a);
		assert_int_equal(actor_stop(a), 0);
	}
	assert_int_equal(log_count(a, NULL), 1);
	assert_string_equal(actor_stderr(a), "");
	if (pair->peer >= 0) {
		close(pair->peer);
	}
	if (pair->listener >= 0) {
		close(pair->listener);
	}
	capture_close(&pair->wire);
}

static void open_pair(struct pair *pair, const struct situation *how)
{
	pair_open(pair, *how, NULL);
}

/** So many bytes, however they come. */
static void receive(struct pair *pair, long size)
{
	while (size > 0) {
		assert_string_equal(actor_do(&pair->a, "poll s0 in 20000"), "1 - in");
		long got = actor_number(actor_do(&pair->a, "recv s0 %ld", size));
		assert_true(got > 0);
		size -= got;
	}
}

static void exchanges_on_a_kept_connection_are_quiet(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		open_pair(&p, how);
		for (int i = 0; i < 30; i++) {
			assert_string_equal(actor_do(&p.a, "send s0 500"), "500 -");
			peer_recv(p.peer, 500);
			peer_send_bytes(p.peer, 1000);
			receive(&p, 1000);
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(peer_drain(p.peer), 0);
		assert_int_equal(errno, 0);
		end_quietly(&p);
	}
}

static void peer_that_closes_first_is_quiet(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		open_pair(&p, how);
		peer_send(p.peer, "bye");
		pair_close_peer(&p);
		receive(&p, 3);
		wait_for_fin(&p.a, "s0");
		for (int i = 0; i < 3; i++) {
			assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		end_quietly(&p);
	}
}

static void end_of_file_that_nobody_read_is_quiet(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		open_pair(&p, how);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		end_quietly(&p);
	}
}

static void half_close_of_ours_is_quiet(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		open_pair(&p, how);
		assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_int_equal(peer_drain(p.peer), 100);
		peer_send_bytes(p.peer, 100);
		receive(&p, 100);
		pair_close_peer(&p);
		wait_for_fin(&p.a, "s0");
		/* Both FINs are through: TIME_WAIT, which TCP_INFO calls CLOSE. */
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "tcp_state s0"), lab_text("0 - %d", TCP_CLOSE));
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - 0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		end_quietly(&p);
	}
}

static void half_close_of_the_peer_is_quiet(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		open_pair(&p, how);
		peer_send(p.peer, "request");
		shutdown(p.peer, SHUT_WR);
		receive(&p, 7);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		for (int i = 0; i < 3; i++) {
			assert_string_equal(actor_do(&p.a, "send s0 10000"), "10000 -");
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(peer_drain(p.peer), 30000);
		assert_int_equal(errno, 0);
		end_quietly(&p);
	}
}

static void shutdown_of_both_ways_is_quiet(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		open_pair(&p, how);
		assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
		assert_int_equal(peer_drain(p.peer), 0);
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		pair_close_peer(&p);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "-1 ENOTCONN");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		end_quietly(&p);
	}
}

static void big_transfers_both_ways_are_quiet(void **state)
{
	(void)state;
	for (int server = 0; server <= 1; server++) {
		struct pair p;
		pair_open(&p, (struct situation){AF_INET, server, false}, NULL);
		actor_send(&p.a, "send s0 20000000");
		for (int i = 0; i < 20; i++) {
			peer_recv(p.peer, 1000000);
		}
		assert_string_equal(actor_result(&p.a), "20000000 -");
		actor_send(&p.a, "recvall s0 20000000");
		peer_send_bytes(p.peer, 20000000);
		assert_non_null(strstr(actor_result(&p.a), " - 20000000"));
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		end_quietly(&p);
	}
}

static void waiting_for_room_and_for_bytes_is_quiet(void **state)
{
	struct pair p;
	size_t sent = 0;
	long more;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 EAGAIN");
	actor_do(&p.a, "epoll_create s1");
	actor_do(&p.a, "epoll_add s1 s0 in out et");
	for (int round = 0; round < 10; round++) {
		while ((more = actor_number(actor_do(&p.a, "send s0 100000"))) > 0) {
			sent += (size_t)more;
		}
		peer_recv(p.peer, sent);
		sent = 0;
		assert_string_equal(actor_do(&p.a, "poll s0 out 20000"), "1 - out");
		actor_do(&p.a, "epoll_wait s1 0");
		assert_string_equal(actor_do(&p.a, "recv s0 10 dontwait"), "-1 EAGAIN");
	}
	assert_string_equal(actor_do(&p.a, "nonblock s0 off"), "0 -");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 rcvtimeo 20"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 EAGAIN");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 rcvtimeo 0"), "0 -");
	actor_do(&p.a, "on_alarm");
	actor_send(&p.a, "recv s0");
	actor_alarm(&p.a);
	assert_string_equal(actor_result(&p.a), "-1 EINTR");
	end_quietly(&p);
}

static void looking_without_taking_is_quiet(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, NULL);
	peer_send(p.peer, "hello");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 3 peek"), "3 - hel");
	assert_string_equal(actor_do(&p.a, "recv s0 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "read s0 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s0 10 errqueue"), "-1 EAGAIN");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - 0");
	assert_string_equal(actor_do(&p.a, "recv s0 5 waitall"), "5 - hello");
	end_quietly(&p);
}

static void exit_with_connections_open_is_quiet(void **state)
{
	static const char *const ends[] = {"exit 0", "_exit 0", "quick_exit 0"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_open(&p, (struct situation){AF_INET, i == 0, false}, NULL);
		expect_awake(&p.a);
		assert_string_equal(actor_do(&p.a, "send s0 10"), "10 -");
		assert_string_equal(actor_do(&p.a, "%s", ends[i]), "exited 0");
		assert_int_equal(peer_drain(p.peer), 10);
		assert_int_equal(errno, 0);
		actor_stop(&p.a);
		end_quietly(&p);
	}
}

static void close_with_bytes_still_on_their_way_is_quiet(void **state)
{
	struct pair p;
	size_t sent = 0;
	long more;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	while ((more = actor_number(actor_do(&p.a, "send s0 1000000"))) > 0) {
		sent += (size_t)more;
	}
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(peer_drain(p.peer), sent);
	assert_int_equal(errno, 0);
	end_quietly(&p);
}

static void forks_and_copies_are_quiet(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "fork send s0 5"), "5 -");
	peer_send(p.peer, "unread by the child");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	/* The child has what is unread, and closes its copy, or ends with it. */
	assert_string_equal(actor_do(&p.a, "fork close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "vfork_close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "dup s0 s1"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "recv s1"), "19 - unread by the child");
	assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
	assert_int_equal(peer_drain(p.peer), 5);
	assert_int_equal(errno, 0);
	end_quietly(&p);
}

static void wrong_arguments_are_quiet(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, NULL);
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "-1 EISCONN");
	actor_do(&p.a, "socket4 s1");
	assert_string_equal(actor_do(&p.a, "recv s1"), "-1 ENOTCONN");
	assert_string_equal(actor_do(&p.a, "send s1 1 nosignal"), "-1 EPIPE");
	assert_string_equal(actor_do(&p.a, "getpeername s1"), "-1 ENOTCONN");
	assert_string_equal(actor_do(&p.a, "shutdown s1 w"), "-1 ENOTCONN");
	assert_string_equal(actor_do(&p.a, "accept s1 s2"), "-1 EINVAL");
	assert_string_equal(actor_do(&p.a, "recv 999"), "-1 EBADF");
	assert_string_equal(actor_do(&p.a, "close 999"), "-1 EBADF");
	assert_string_equal(actor_do(&p.a, "bind s1 192.0.2.1 0"), "-1 EADDRNOTAVAIL");
	assert_string_equal(actor_do(&p.a, "connect s1 [::1] 1"), "-1 EAFNOSUPPORT");
	actor_do(&p.a, "udp4 s3");
	assert_string_equal(actor_do(&p.a, "connect s3 127.0.0.1 9"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s3 1"), "1 -");
	assert_string_equal(actor_do(&p.a, "recv s3"), "-1 ECONNREFUSED");
	actor_do(&p.a, "socketpair s4 s5");
	actor_do(&p.a, "close s5");
	assert_string_equal(actor_do(&p.a, "send s4 1 nosignal"), "-1 EPIPE");
	end_quietly(&p);
}

/** A program that takes -1 for a length: the kernel refuses it, and so nothing goes to the peer. */
static void a_size_that_cannot_be_sends_nothing(void **state)
{
	static const char *const levels[] = {"resets", "calls"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, nonblocking_situation,
			  (const char *[]){lab_text("RESETBY_LEVEL=%s", levels[i]), NULL});
		/* A first call, and one after some that went well, which is made with less care. */
		for (int calls = 0; calls < 3; calls++) {
			assert_string_equal(actor_do(&p.a, "write_past s0 -1"), "-1 EFAULT");
			assert_string_equal(actor_do(&p.a, "write_past s0 %ld", INT64_MAX),
					    "-1 EFAULT");
			assert_string_equal(actor_do(&p.a, "write s0 3"), "3 -");
		}
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_int_equal(peer_drain(p.peer), 9);
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

static void listener_without_waiting_connections_is_quiet(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, (struct situation){AF_INET, true, false}, NULL);
	assert_string_equal(actor_do(&p.a, "nonblock s9 on"), "0 -");
	assert_string_equal(actor_do(&p.a, "accept s9 s1"), "-1 EAGAIN");
	assert_string_equal(actor_do(&p.a, "close s9"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	end_quietly(&p);
}

/** What it had shut down before is not known, and its state is that of one that was reset. */
static void an_inherited_connection_that_has_ended_is_quiet(void **state)
{
	static const char *const calls[] = {"recv s0 0", "recv s0"};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		ALL_SITUATIONS (how) {
			struct pair p;
			open_pair(&p, how);
			assert_string_equal(actor_do(&p.a, "shutdown s0 rw"), "0 -");
			assert_string_equal(actor_do(&p.a, "exec"), "0 -");
			assert_int_equal(peer_drain(p.peer), 0);
			pair_close_peer(&p);
			lab_until(info_of(&p.a, "s0").tcpi_state == TCP_CLOSE);
			assert_string_equal(actor_do(&p.a, "%s", calls[i]), "0 -");
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			assert_false(capture_rst(&p.wire, p.peer_port));
			end_quietly(&p);
		}
	}
}

static void simultaneous_close_is_quiet(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct pair p;
		pair_open(&p, client_situation, NULL);
		actor_send(&p.a, "shutdown s0 w");
		shutdown(p.peer, SHUT_WR);
		assert_string_equal(actor_result(&p.a), "0 -");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_int_equal(peer_drain(p.peer), 0);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		end_quietly(&p);
	}
}

LAB_MAIN(LAB_TEST(exchanges_on_a_kept_connection_are_quiet),
	 LAB_TEST(peer_that_closes_first_is_quiet), LAB_TEST(end_of_file_that_nobody_read_is_quiet),
	 LAB_TEST(half_close_of_ours_is_quiet), LAB_TEST(half_close_of_the_peer_is_quiet),
	 LAB_TEST(shutdown_of_both_ways_is_quiet), LAB_TEST(big_transfers_both_ways_are_quiet),
	 LAB_TEST(waiting_for_room_and_for_bytes_is_quiet),
	 LAB_TEST(looking_without_taking_is_quiet), LAB_TEST(exit_with_connections_open_is_quiet),
	 LAB_TEST(close_with_bytes_still_on_their_way_is_quiet),
	 LAB_TEST(forks_and_copies_are_quiet), LAB_TEST(wrong_arguments_are_quiet),
	 LAB_TEST(a_size_that_cannot_be_sends_nothing),
	 LAB_TEST(listener_without_waiting_connections_is_quiet),
	 LAB_TEST(an_inherited_connection_that_has_ended_is_quiet),
	 LAB_TEST(simultaneous_close_is_quiet))
