/* Retry while other threads and processes have a hand in the same connection. */

#include "lab_retry.h"
#include "lab_stop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** Wait until the actor's thread has told of the reset, and renews the connection. */
static void wait_for_renewal(struct pair *p)
{
	lab_until(log_count(&p->a, "error") > 0);
}

/** A thread of the actor waits in its read for a new connection, which nobody answers. */
static void open_renewing(struct pair *p, const char *rules)
{
	retry_open(p, client_situation, rules, NULL);
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
	open_renewing(&p, "retry=9");
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

/** The program's waits are cut short while a connection is renewed, and no longer. */
static void a_wait_is_whole_once_a_renewing_connection_is_closed(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry=9", NULL);
	retry_ask_in_vain(&p, GET);
	retry_dig_hole(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	actor_do(&p.a, "epoll_create s1");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pid_t thread = stop_first(&p.a);
	actor_send(&p.a, "epoll_pwait s1 1234");
	stop_before(thread, SYS_epoll_pwait);
	struct __ptrace_syscall_info info = {0};
	ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info);
	stop_end(thread);
	assert_int_equal(info.entry.args[3], 1234);
	retry_fill_hole(&p);
	/* EINTR, where the stop has ended the wait. */
	assert_non_null(actor_result(&p.a));
	pair_close(&p);
}

static void a_write_of_another_thread_comes_after_what_is_sent_again(void **state)
{
	(void)state;
	struct pair p;
	open_renewing(&p, "retry=9");
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

/** A thread of the actor meets a reset in its read, and is about to make this system call. */
static pid_t open_stopped(struct pair *p, const char *rules, const char *request, uint64_t number)
{
	retry_open(p, client_situation, rules, NULL);
	retry_ask(p, request);
	actor_do(&p->a, "background recv s0 1000");
	actor_wait_background(&p->a, "s0");
	pid_t thread = stop_other(&p->a);
	stop_before(thread, SYS_recvfrom);
	pair_abort_peer(p);
	stop_before(thread, number);
	return thread;
}

/** What is written while the thread stands there comes after what it sends again. */
static void expect_write_to_wait(struct pair *p, pid_t thread)
{
	actor_send(&p->a, "sendtext s0 and more");
	bool waits = actor_result_within(&p->a, 50) == NULL;
	stop_end(thread);
	assert_true(waits);
	retry_accept(p);
	retry_expect_text(p, GET "and more");
	assert_string_equal(actor_result(&p->a), "8 -");
	peer_send(p->peer, ANSWER);
	assert_string_equal(actor_do(&p->a, "join"), retry_text(ANSWER));
	retry_expect_lines(p, 1);
	pair_close(p);
}

/**
 * The thread that renews has the new connection, asks for its local address, and has not matched
 * its rules yet. Those of the old one hold, also where they would not choose the new one.
 */
static void a_write_as_the_new_connection_begins_comes_after_what_is_sent_again(void **state)
{
	(void)state;
	struct pair p;
	open_renewing(&p, "retry=9 conn=1; idempotent conn=1");
	pid_t thread = stop_other(&p.a);
	retry_fill_hole(&p);
	stop_before(thread, SYS_getsockname);
	expect_write_to_wait(&p, thread);
}

/** For that the descriptor is O_NONBLOCK for a moment; the program has never set it so. */
static void a_write_as_the_renewal_connects_waits(void **state)
{
	(void)state;
	struct pair p;
	pid_t thread = open_stopped(&p, "retry", GET, SYS_connect);
	/* That is where it lets go of the old connection. */
	stop_before(thread, SYS_connect);
	expect_write_to_wait(&p, thread);
}

/** The renewal has been decided on, and the old connection is about to be let go. */
static void a_write_as_a_renewal_begins_comes_after_what_is_sent_again(void **state)
{
	(void)state;
	struct pair p;
	pid_t thread = open_stopped(&p, "retry", GET, SYS_connect);
	expect_write_to_wait(&p, thread);
}

/** Whether it may be is being judged: one that comes now goes on, and so nothing is sent again. */
static void a_write_before_a_renewal_begins_prevents_it(void **state)
{
	(void)state;
	struct pair p;
	pid_t thread = open_stopped(&p, "retry", GET, SYS_ioctl);
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
	stop_end(thread);
	assert_string_equal(actor_do(&p.a, "join"), RESET);
	retry_expect_refused(&p, LAB_THREADS);
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** Judged, and not announced: the descriptor's flags are asked for in between. */
static void a_retry_that_a_write_prevents_costs_nothing(void **state)
{
	static const char *const rules[] = {"retry times=1", "retry; idempotent times=1"};
	static const char *const requests[] = {GET, POST};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pid_t thread = open_stopped(&p, rules[i], requests[i], SYS_fcntl);
		assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
		stop_end(thread);
		assert_string_equal(actor_do(&p.a, "join"), RESET);
		retry_expect_refused(&p, LAB_THREADS);
		pair_again(&p);
		retry_ask_in_vain(&p, requests[i]);
		retry_expect_answered(&p, requests[i]);
		retry_expect_lines(&p, 2);
		pair_close(&p);
	}
}

/** On a descriptor that does not wait: then no call sleeps, however long it is kept from going on. */
static void a_call_waits_for_one_that_was_stopped_in_the_middle(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry", NULL);
	actor_do(&p.a, "background recv s0 1000");
	actor_wait_background(&p.a, "s0");
	pid_t thread = stop_other(&p.a);
	assert_string_equal(actor_do(&p.a, "nonblock s0 on"), "0 -");
	actor_send(&p.a, "sendtext s0 G");
	bool waits = actor_result_within(&p.a, 50) == NULL;
	stop_end(thread);
	assert_true(waits);
	assert_string_equal(actor_result(&p.a), "1 -");
	assert_string_equal(actor_do(&p.a, "join"), "-1 EAGAIN");
	retry_send(&p, &GET[1]);
	retry_expect_text(&p, GET);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
	retry_expect_answered_after(&p, "poll s0 in 20000");
	retry_expect_lines(&p, 1);
	pair_close(&p);
}

/** A command in a thread of the actor, which is stopped before it does anything. */
static pid_t background_stopped(struct actor *a, const char *command)
{
	int status;
	if (ptrace(PTRACE_SEIZE, a->pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE) < 0) {
		lab_skip("cannot stop a thread: %s", strerror(errno));
	}
	actor_send(a, "background %s", command);
	assert_int_equal(waitpid(a->pid, &status, __WALL), a->pid);
	pid_t thread = other_thread(a);
	assert_int_equal(waitpid(thread, &status, __WALL), thread);
	ptrace(PTRACE_DETACH, a->pid, NULL, NULL);
	assert_string_equal(actor_result(a), "0 -");
	return thread;
}

/** A stopped thread goes on, a few instructions at a time, until another one gets its turn. */
static void step_until_result(const struct actor *a, pid_t thread)
{
	int status;
	while (peer_poll(a->results, POLLIN, 3) == 0) {
		for (int i = 0; i < 16; i++) {
			ptrace(PTRACE_SINGLESTEP, thread, NULL, NULL);
			assert_int_equal(waitpid(thread, &status, __WALL), thread);
		}
	}
}

/** Another thread stands in the middle of a renewal: a call that must not wait does not. */
static void a_call_that_does_not_wait_is_not_held_by_a_renewal(void **state)
{
	static const char *const calls[] = {
		"send s0 5 nosignal",
		"recv s0 1000",
		"send s0 5 nosignal dontwait",
		"recv s0 1000 dontwait",
	};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pair p;
		retry_open(&p, i < 2 ? nonblocking_situation : client_situation, "retry", NULL);
		retry_ask_in_vain(&p, GET);
		pid_t thread = background_stopped(&p.a, "recv s0 1000");
		stop_before(thread, SYS_connect);
		const char *got = strdup(actor_do(&p.a, "%s", calls[i]));
		stop_end(thread);
		assert_string_equal(got, "-1 EAGAIN");
		free((void *)(uintptr_t)got);
		/* And nothing of it is lost or doubled. */
		if (i < 2) {
			assert_string_equal(actor_do(&p.a, "join"), "-1 EAGAIN");
			retry_expect_answered_after(&p, "poll s0 in 20000");
		} else {
			retry_serve(&p, GET);
			assert_string_equal(actor_do(&p.a, "join"), retry_text(ANSWER));
		}
		retry_expect_retried(&p, 0, 1, strlen(GET));
		retry_expect_lines(&p, 1);
		pair_close(&p);
	}
}

/** A new connection is there, on which the thread is about to write; the server resets it. */
static void reset_next(struct pair *p, pid_t thread)
{
	stop_before(thread, SYS_sendto);
	retry_accept(p);
	pair_abort_peer(p);
}

/** A connection that is replaced before it was ever used counts as a try. */
static void an_unused_connection_that_is_reset_again_and_again_is_given_up(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=2", NULL);
	pair_abort_peer(&p);
	pid_t thread = background_stopped(&p.a, "send s0 5 nosignal");
	stop_before(thread, SYS_sendto);
	reset_next(&p, thread);
	reset_next(&p, thread);
	stop_end(thread);
	assert_string_equal(actor_do(&p.a, "join"), RESET);
	retry_expect_renewed(&p, 0);
	retry_expect_renewed(&p, 1);
	retry_expect_lines(&p, 3);
	const char *reason = json_get(log_find(&p.a, "retry", 2), "reason");
	assert_string_equal(reason, "its tries are used up (condition 7)");
	retry_expect_nobody(&p);
	pair_close(&p);
}

/** The new connection is reset before the request is sent again: that is another try. */
static void a_new_connection_that_is_reset_is_tried_again(void **state)
{
	(void)state;
	struct pair p;
	retry_open(&p, client_situation, "retry=2", NULL);
	retry_ask_in_vain(&p, GET);
	pid_t thread = background_stopped(&p.a, "recv s0 1000");
	reset_next(&p, thread);
	stop_before(thread, SYS_sendto);
	stop_end(thread);
	retry_serve(&p, GET);
	assert_string_equal(actor_do(&p.a, "join"), retry_text(ANSWER));
	retry_expect_retried(&p, 0, 2, strlen(GET));
	retry_expect_lines(&p, 1);
	assert_int_equal(log_count(&p.a, "error"), 2);
	assert_int_equal(log_count(&p.a, "close"), 2);
	pair_close(&p);
}

/** It has let go of the connection and not counted them, when another thread meets the reset. */
static void bytes_that_a_thread_is_about_to_count_were_seen(void **state)
{
	(void)state;
	int status;
	struct pair p;
	retry_open(&p, nonblocking_situation, "retry; idempotent", NULL);
	pid_t thread = background_stopped(&p.a, "send s0 5");
	stop_before(thread, SYS_sendto);
	stop_enter(thread);
	assert_int_equal(waitpid(thread, &status, __WALL), thread);
	actor_send(&p.a, "recv s0 1000");
	step_until_result(&p.a, thread);
	assert_string_equal(actor_result(&p.a), "-1 EAGAIN");
	retry_expect_text(&p, "abcde");
	pair_abort_peer(&p);
	const char *met = strdup(actor_do(&p.a, "recv s0 1000"));
	stop_end(thread);
	assert_string_equal(met, "-1 EAGAIN");
	free((void *)(uintptr_t)met);
	actor_send(&p.a, "poll s0 in 20000");
	retry_serve(&p, "abcde");
	assert_string_equal(actor_result(&p.a), "1 - in");
	assert_string_equal(actor_do(&p.a, "join"), "5 -");
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
	 LAB_TEST(a_wait_is_whole_once_a_renewing_connection_is_closed),
	 LAB_TEST(a_write_of_another_thread_comes_after_what_is_sent_again),
	 LAB_TEST(a_write_as_the_new_connection_begins_comes_after_what_is_sent_again),
	 LAB_TEST(a_write_as_the_renewal_connects_waits),
	 LAB_TEST(a_write_as_a_renewal_begins_comes_after_what_is_sent_again),
	 LAB_TEST(a_write_before_a_renewal_begins_prevents_it),
	 LAB_TEST(a_retry_that_a_write_prevents_costs_nothing),
	 LAB_TEST(a_call_waits_for_one_that_was_stopped_in_the_middle),
	 LAB_TEST(a_call_that_does_not_wait_is_not_held_by_a_renewal),
	 LAB_TEST(an_unused_connection_that_is_reset_again_and_again_is_given_up),
	 LAB_TEST(a_new_connection_that_is_reset_is_tried_again),
	 LAB_TEST(bytes_that_a_thread_is_about_to_count_were_seen),
	 LAB_TEST(a_cancelled_thread_leaves_the_connection_to_others),
	 LAB_TEST(a_fork_leaves_the_renewal_to_the_parent),
	 LAB_TEST(a_close_in_the_middle_of_a_renewal_ends_it),
	 LAB_TEST(a_dup2_over_a_renewal_ends_it))
