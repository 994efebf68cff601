/* Retry while other threads and processes have a hand in the same connection. */

#include "lab_retry.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Wait until the actor's thread has told of the reset, and renews the connection. */
static void wait_for_renewal(struct pair *p)
{
	lab_until(log_count(&p->a, "error") > 0);
}

/** A thread of the actor waits in its read for a new connection, which nobody answers. */
static void open_renewing(struct pair *p)
{
	retry_open(p, client_situation, "retry=9", NULL);
	retry_ask_in_vain(p, GET);
	retry_dig_hole(p);
	assert_string_equal(actor_do(&p->a, "background recv s0 1000"), "0 -");
	wait_for_renewal(p);
}

/** The number is another connection's by then, which is none of the renewal's business. */
static void a_close_from_another_thread_ends_the_renewal(void **state)
{
	(void)state;
	struct pair p;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	open_renewing(&p);
	const char *number = strdup(actor_do(&p.a, "fd s0"));
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	actor_do(&p.a, "socket4 s1");
	assert_string_equal(actor_do(&p.a, "fd s1"), number);
	free((void *)(uintptr_t)number);
	assert_string_equal(actor_do(&p.a, "connect s1 127.0.0.1 %u", port), "0 -");
	int peer = peer_accept(listener);
	retry_fill_hole(&p);
	assert_string_equal(actor_do(&p.a, "join"), "-1 EBADF");
	assert_int_equal(actor_number(actor_do(&p.a, "send s1 5")), 5);
	assert_string_equal(peer_recv(peer, 5), "abcde");
	peer_send(peer, "fine");
	assert_string_equal(actor_do(&p.a, "recv s1 100"), "4 - fine");
	assert_int_equal(tcp_state(peer), TCP_ESTABLISHED);
	retry_expect_lines(&p, 0);
	pair_close(&p);
	close(peer);
	close(listener);
}

static void a_write_of_another_thread_comes_after_what_is_sent_again(void **state)
{
	(void)state;
	struct pair p;
	open_renewing(&p);
	actor_send(&p.a, "sendtext s0 and more");
	assert_null(actor_result_within(&p.a, 50));
	retry_fill_hole(&p);
	retry_accept(&p);
	assert_string_equal(actor_result(&p.a), "8 -");
	retry_expect_text(&p, GET "and more");
	peer_send(p.peer, ANSWER);
	assert_string_equal(actor_do(&p.a, "join"), retry_text(ANSWER));
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** A thread that was cancelled in its read leaves a connection that another one reads. */
static void a_cancelled_thread_leaves_the_connection_to_others(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	retry_ask(&p, GET);
	actor_do(&p.a, "background recv s0 1000");
	actor_wait_background(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "cancel"), "0 - cancelled");
	pair_abort_peer(&p);
	retry_expect_answered(&p, GET);
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** The child has a copy of everything, and leaves the renewal to its parent. */
static void a_fork_leaves_the_renewal_to_the_parent(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry=9", NULL);
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	/* A wait of the child's is a wait, and touches nothing. */
	assert_string_equal(actor_do(&p.a, "fork poll 0 pri 60"), "0 -");
	actor_do(&p.a, "fork recv s0 1000");
	retry_fill_hole(&p);
	retry_expect_answered_after(&p, "poll s0 in 20000");
	retry_expect_nobody(&p);
	assert_string_equal(json_get(log_find(&p.a, "retry", 0), "did"), "retried");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** The same thread that renews may close, in the middle of it. */
static void a_close_in_the_middle_of_a_renewal_ends_it(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry=9", NULL);
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	retry_fill_hole(&p);
	assert_string_equal(actor_do(&p.a, "poll 0 pri 20"), "0 -");
	retry_expect_nobody(&p);
	/* And the next connection is like any other. */
	pair_again(&p);
	retry_exchange(&p, GET);
	retry_expect_lines(&p, 0);
	pair_close(&p);
}

/** The same through a number that another descriptor takes: as the JVM closes. */
static void a_dup2_over_a_renewal_ends_it(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry=9", NULL);
	actor_do(&p.a, "socketpair s1 s2");
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	assert_string_equal(actor_do(&p.a, "dup2 s1 s0"), "0 -");
	retry_fill_hole(&p);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s2 3"), "3 -");
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "3 - abc");
	retry_expect_nobody(&p);
	retry_expect_lines(&p, 0);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_close_from_another_thread_ends_the_renewal),
	 LAB_TEST(a_write_of_another_thread_comes_after_what_is_sent_again),
	 LAB_TEST(a_cancelled_thread_leaves_the_connection_to_others),
	 LAB_TEST(a_fork_leaves_the_renewal_to_the_parent),
	 LAB_TEST(a_close_in_the_middle_of_a_renewal_ends_it),
	 LAB_TEST(a_dup2_over_a_renewal_ends_it))
