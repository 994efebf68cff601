/* Our own doing: the culprit's log names itself, at the call that causes the RST. */

#include "lab_pair.h"
#include "lab_stop.h"
#include "lab_verdict.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** So many bytes of the peer's lie in the actor's receive buffer. */
static void fill(struct pair *pair, size_t size)
{
	peer_send_bytes(pair->peer, size);
	assert_string_equal(actor_do(&pair->a, "poll s0 in 20000"), "1 - in");
}

static void close_with_bytes_unread_names_itself(void **state)
{
	static const char *const ways[] = {"close s0",  "__close s0",   "close_range s0 s0",
					   "fclose s0", "sys_close s0", "dup2 1 s0",
					   "dup3 1 s0"};
	static const char *const ops[] = {"close", "close", "close_range", "fclose",
					  "close", "dup2",  "dup3"};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		pair_open_client(&p);
		fill(&p, 300);
		assert_int_equal(actor_number(actor_do(&p.a, "%s", ways[i])), 0);
		const char *line = expect_verdict(
			&p.a, 0,
			(struct expected){.op = ops[i],
					  .error = "none",
					  .cause = "closed-unread",
					  .sure = "certain",
					  .rst_case = "none",
					  .state = "ESTABLISHED",
					  .why = {"the program closed with 300 bytes unread"}});
		assert_true(json_number(line, "inq") == 300);
		assert_non_null(strstr(json_get(line, "history"),
				       lab_text("\"op\":\"%s\",\"result\":0", ops[i])));
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

static void peers_fin_does_not_hide_what_is_unread(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	fill(&p, 300);
	shutdown(p.peer, SHUT_WR);
	wait_for_fin(&p.a, "s0");
	assert_int_equal(actor_number(actor_do(&p.a, "recv s0 299")), 299);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "closed-unread",
					 .sure = "certain",
					 .state = "CLOSE_WAIT",
					 .why = {"1 byte unread"}});
	assert_true(capture_rst(&p.wire, p.actor_port));
	pair_close(&p);
}

/** Bytes of the test's that are not acknowledged yet. */
static int unsent_bytes(int fd)
{
	int bytes = -1;
	assert_int_equal(ioctl(fd, TIOCOUTQ, &bytes), 0);
	return bytes;
}

/** The kernel's count of what is unread ends at an urgent byte. */
static void close_with_urgent_bytes_unread_names_itself(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_int_equal(send(p.peer, "!", 1, MSG_OOB), 1);
	peer_send(p.peer, "abc");
	lab_until(unsent_bytes(p.peer) == 0);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "closed-unread",
					 .sure = "certain",
					 .why = {"4 bytes unread"}});
	assert_true(capture_rst(&p.wire, p.actor_port));
	pair_close(&p);
}

/** Nor does that count say that another holder has read them. */
static void what_others_have_no_more_is_named_with_urgent_bytes_unread(void **state)
{
	static const struct {
		const char *end, *result, *op, *cause;
	} ends[] = {
		{"close s0", "0 -", "close", "closed-unread"},
		{"exit 0", "exited 0", "exit", "exit-open"},
	};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pair p;
		bool child = i % 2 != 0;
		pair_open_client(&p);
		assert_int_equal(send(p.peer, "!", 1, MSG_OOB), 1);
		peer_send(p.peer, "abc");
		lab_until(unsent_bytes(p.peer) == 0);
		if (child) {
			assert_string_equal(actor_do(&p.a, "forkhandler"), "0 -");
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			expect_silence(&p.a);
			actor_do(&p.a, "handler %s", ends[i / 2].end);
		} else {
			assert_int_equal(actor_number(actor_do(&p.a, "fork preloaded")), 1);
			assert_string_equal(actor_do(&p.a, "%s", ends[i / 2].end),
					    ends[i / 2].result);
		}
		expect_verdict(&p.a, 0,
			       (struct expected){.op = ends[i / 2].op,
						 .error = "none",
						 .cause = ends[i / 2].cause,
						 .sure = "likely",
						 .why = {"4 bytes unread"}});
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

/** MSG_OOB takes it, and leaves its place in the queue until a read goes past that. */
static void close_at_an_urgent_byte_that_was_read_names_itself(void **state)
{
	(void)state;
	for (int past = 0; past <= 1; past++) {
		struct pair p;
		pair_open_client(&p);
		assert_int_equal(send(p.peer, "abc!", 4, MSG_OOB), 4);
		assert_string_equal(actor_do(&p.a, "poll s0 pri 20000"), "1 - pri");
		assert_string_equal(actor_do(&p.a, "recv s0 1 oob"), "1 - !");
		assert_string_equal(actor_do(&p.a, "recv s0 10"), "3 - abc");
		if (past) {
			peer_send(p.peer, "de");
			assert_string_equal(actor_do(&p.a, "recv s0 10"), "2 - de");
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		if (past) {
			expect_silence(&p.a);
			assert_int_equal(pair_expect_fin(&p), 0);
		} else {
			expect_verdict(&p.a, 0,
				       (struct expected){.op = "close",
							 .error = "none",
							 .cause = "closed-unread",
							 .sure = "certain",
							 .why = {"1 byte unread"}});
			pair_expect_rst(&p);
		}
		pair_close(&p);
	}
}

static void close_with_linger_zero_names_itself(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
	peer_recv(p.peer, 5);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "closed-linger0",
					 .sure = "certain",
					 .rst_case = "none",
					 .state = "ESTABLISHED",
					 .why = {"SO_LINGER {1,0} was set by the program"}});
	pair_expect_rst(&p);
	pair_close(&p);
}

/** Beside s0 a connection s1 that exec would close, with "abc" unread; returns the peer's end. */
static int open_close_on_exec(struct pair *p, int modes)
{
	pair_open_as(p, client_situation, modes, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	actor_do(&p->a, "socket4 s1 cloexec");
	assert_string_equal(actor_do(&p->a, "connect s1 127.0.0.1 %u", p->listen_port), "0 -");
	int other = accept(p->listener, NULL, NULL);
	peer_send(other, "abc");
	assert_string_equal(actor_do(&p->a, "poll s1 in 20000"), "1 - in");
	return other;
}

static void exec_names_what_it_closes(void **state)
{
	static const char *const ways[] = {"exec",   "execv",  "execve",   "execvp", "execvpe",
					   "execlp", "execle", "execveat", "fexecve"};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		int other = open_close_on_exec(&p, ACTOR_PRELOADED);
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "0 -");
		expect_verdict(&p.a, 0,
			       (struct expected){
				       .op = "execve",
				       .error = "none",
				       .cause = "closed-unread",
				       .sure = "certain",
				       .rst_case = "none",
				       .state = "ESTABLISHED",
				       .why = {"exec closed this descriptor (FD_CLOEXEC) with 3"}});
		assert_int_equal(log_count(&p.a, "close"), 1);
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
		assert_int_equal(log_count(&p.a, "exit"), 1);
		assert_int_equal(json_number(log_find(&p.a, "exit", 0), "connections"), 2);
		assert_true((peer_poll(other, POLLERR, LAB_PATIENCE_MS) & POLLERR) != 0);
		/* What stays open over exec goes on, in the new program. */
		pair_expect_open(&p);
		close(other);
		pair_close(&p);
	}
}

/** Another descriptor of it stays open, here or in a child, or this one is the connection's no more. */
static void exec_does_not_name_what_it_does_not_close(void **state)
{
	static const char *const before[] = {"dup s1 s2", "forkhold", "unseen_close s1"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		int other = open_close_on_exec(&p, ACTOR_PRELOADED);
		assert_string_equal(actor_do(&p.a, "%s", before[i]), "0 -");
		assert_string_equal(actor_do(&p.a, "exec"), "0 -");
		assert_int_equal(log_count(&p.a, "error") + log_count(&p.a, "close"), 0);
		assert_int_equal(peer_poll(other, POLLERR, 0) & POLLERR, i < 2 ? 0 : POLLERR);
		close(other);
		pair_close(&p);
	}
}

/**
 * Its close is this process's alone: exec has closed the other program's copy. Where there are actions
 * one may have given it to that program all the same, and on to that one's children.
 */
static void what_a_started_program_does_not_get_is_reset_by_its_close(void **state)
{
	(void)state;
	for (int actions = 0; actions < 2; actions++) {
		struct pair p;
		int other = open_close_on_exec(&p, ACTOR_PRELOADED);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_string_equal(actor_do(&p.a, actions ? "spawnhold" : "popenhold"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
		expect_verdict(&p.a, 0,
			       (struct expected){.op = "close",
						 .error = "none",
						 .cause = "closed-unread",
						 .sure = actions ? "likely" : "certain",
						 .others = "[]"});
		assert_true((peer_poll(other, POLLERR, LAB_PATIENCE_MS) & POLLERR) != 0);
		close(other);
		pair_close(&p);
	}
}

/** A program that may be executed and not be read (mode 0111) is one, and a script is. */
static void exec_of_what_is_no_readable_program_names_what_it_closes(void **state)
{
	static const char *const programs[] = {"cp /bin/true %s && chmod 111 %s",
					       "echo '#!/bin/true' >%s && chmod 755 %s"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		char path[300];
		snprintf(path, sizeof path, "%s/program%zu", lab_dir(), i);
		assert_int_equal(system(lab_text(programs[i], path, path)), 0);
		int other = open_close_on_exec(&p, ACTOR_UNPRIVILEGED);
		assert_string_equal(actor_do(&p.a, "exec %s", path), "exited 0");
		const char *line = log_find(&p.a, "error", 0);
		assert_non_null(line);
		assert_string_equal(json_get(line, "op"), "execve");
		assert_string_equal(json_get(line, "cause"), "closed-unread");
		assert_true((peer_poll(other, POLLERR, LAB_PATIENCE_MS) & POLLERR) != 0);
		close(other);
		close(p.peer);
		close(p.listener);
		capture_close(&p.wire);
	}
}

/** The program that exec does not find, or cannot start, closes nothing. */
static void exec_that_fails_closes_nothing(void **state)
{
	struct pair p;
	(void)state;
	int other = open_close_on_exec(&p, ACTOR_PRELOADED);
	assert_string_equal(actor_do(&p.a, "exec /nonexistent"), "-1 ENOENT");
	assert_string_equal(actor_do(&p.a, "exec /etc/passwd"), "-1 EACCES");
	const char *text = lab_write_rules("no program\n");
	assert_int_equal(chmod(text, 0755), 0);
	assert_string_equal(actor_do(&p.a, "exec %s", text), "-1 ENOEXEC");
	assert_string_equal(actor_do(&p.a, "recv s1"), "3 - abc");
	assert_int_equal(log_count(&p.a, "error") + log_count(&p.a, "close"), 0);
	assert_int_equal(log_count(&p.a, "exit"), 0);
	close(other);
	pair_close(&p);
}

static void linger_zero_tells_what_it_discards(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	while (actor_number(actor_do(&p.a, "send s0 1000000")) > 0) {
	}
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.cause = "closed-linger0",
							    .sure = "certain",
							    .why = {"are discarded"}});
	assert_true(json_number(line, "outq") > 0);
	pair_expect_rst(&p);
	pair_close(&p);
}

/** Between our look and the close the peer's FIN may come: then nothing is reset. */
static void half_closed_with_bytes_unread_is_not_certain_of_its_rst(void **state)
{
	static const char *const ways[] = {"close s0", "exit"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_open_client(&p);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		lab_until(info_of(&p.a, "s0").tcpi_state == TCP_FIN_WAIT2);
		fill(&p, 300);
		actor_do(&p.a, "%s", ways[i]);
		expect_verdict(&p.a, 0,
			       (struct expected){.cause = i == 0 ? "closed-unread" : "exit-open",
						 .sure = "likely",
						 .state = "FIN_WAIT_2",
						 .why = {"300 bytes unread",
							 "unless the peer's FIN or last ACK comes "
							 "first"}});
		assert_true(pair_sent_rst(&p));
		pair_close(&p);
	}
}

/** Stop the actor, which has half-closed and has bytes unread, in its close: before this system call. */
static void stop_in_close(struct pair *p, uint64_t number)
{
	pair_open(p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	assert_string_equal(actor_do(&p->a, "shutdown s0 w"), "0 -");
	lab_until(info_of(&p->a, "s0").tcpi_state == TCP_FIN_WAIT2);
	fill(p, 300);
	pid_t thread = stop_first(&p->a);
	actor_send(&p->a, "close s0");
	stop_before(thread, number);
}

/** The peer's FIN comes while the actor stands there: there is no RST then. */
static void end_while_it_stands(struct pair *p)
{
	assert_int_equal(shutdown(p->peer, SHUT_WR), 0);
	tcp_wait_state(p->peer, TCP_CLOSE);
	stop_end(p->a.pid);
	assert_string_equal(actor_result(&p->a), "0 -");
	pair_expect_fin(p);
}

/** The connection was looked at, and the limits of the host are about to be. */
static void an_end_that_comes_while_a_close_is_judged_is_no_reset(void **state)
{
	struct pair p;
	(void)state;
	stop_in_close(&p, SYS_openat);
	end_while_it_stands(&p);
	expect_silence(&p.a);
	assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "fin");
	pair_close(&p);
}

static void an_end_that_comes_while_a_close_is_told_is_allowed_for(void **state)
{
	struct pair p;
	(void)state;
	stop_in_close(&p, SYS_write);
	end_while_it_stands(&p);
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "closed-unread",
					 .sure = "likely",
					 .why = {"unless the peer's FIN or last ACK comes first"}});
	pair_close(&p);
}

/** Of what is not acknowledged the peer may have got a part, and reads it before it meets the RST. */
static void close_with_bytes_unread_tells_what_may_be_lost(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	fill(&p, 300);
	long sent = 0;
	for (long n; (n = actor_number(actor_do(&p.a, "send s0 1000000"))) > 0;) {
		sent += n;
	}
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *line =
		expect_verdict(&p.a, 0,
			       (struct expected){.cause = "closed-unread",
						 .sure = "certain",
						 .why = {"of ours unsent or unacknowledged may be "
							 "lost"}});
	assert_true(json_number(line, "outq") > 0);
	assert_true((peer_poll(p.peer, POLLERR, LAB_PATIENCE_MS) & POLLERR) != 0);
	char bytes[4096];
	long arrived = 0;
	for (ssize_t n; (n = recv(p.peer, bytes, sizeof bytes, 0)) > 0;) {
		arrived += n;
	}
	assert_int_equal(errno, ECONNRESET);
	assert_true(arrived > 0 && arrived < sent);
	assert_true(arrived >= sent - (long)json_number(line, "outq"));
	pair_close(&p);
}

/** In LAST_ACK there is a FIN to wait for, unless something before it is not sent: tcp_disconnect(). */
static void linger_zero_in_last_ack_resets_what_is_not_sent(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		pair_open(&p, nonblocking_situation, NULL);
		while (i == 1 && actor_number(actor_do(&p.a, "send s0 1000000")) > 0) {
		}
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		wait_for_fin(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 0"), "0 -");
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		if (i == 0) {
			expect_silence(&p.a);
			pair_expect_fin(&p);
		} else {
			expect_verdict(&p.a, 0,
				       (struct expected){.cause = "closed-linger0",
							 .sure = "certain",
							 .why = {"are discarded"}});
			pair_expect_rst(&p);
		}
		pair_close(&p);
	}
}

static void linger_zero_of_the_listener_is_the_connections(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, (struct situation){AF_INET, true, false}, NULL);
	assert_string_equal(actor_do(&p.a, "setsockopt s9 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_silence(&p.a);
	pair_again(&p);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	const char *line = expect_verdict(
		&p.a, 0, (struct expected){.cause = "closed-linger0", .sure = "certain"});
	assert_string_equal(json_get(line, "side"), "server");
	assert_true(capture_rst(&p.wire, p.listen_port));
	pair_close(&p);
}

/** The kernel closes nothing while a call on it goes on. */
static void linger_zero_under_a_call_of_another_thread_is_only_likely(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_do(&p.a, "setsockopt s0 linger on 0");
	actor_do(&p.a, "background recv s0 10");
	actor_wait_background(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_open(&p);
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .cause = "closed-linger0",
					 .sure = "likely",
					 .why = {"another thread waits in a call on it"}});
	peer_send(p.peer, "0123456789");
	assert_string_equal(actor_do(&p.a, "join"), "10 - 0123456789");
	lab_until(capture_rst(&p.wire, p.actor_port));
	pair_close(&p);
}

static void linger_zero_beside_a_call_on_another_connection_is_certain(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_do(&p.a, "socket4 s1");
	assert_string_equal(actor_do(&p.a, "connect s1 127.0.0.1 %u", p.listen_port), "0 -");
	int other = peer_accept(p.listener);
	actor_do(&p.a, "setsockopt s0 linger on 0");
	actor_do(&p.a, "background recv s1 10");
	actor_wait_background(&p.a, "s1");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_true(capture_rst(&p.wire, p.actor_port));
	expect_verdict(&p.a, 0, (struct expected){.cause = "closed-linger0", .sure = "certain"});
	peer_send(other, "0123456789");
	assert_string_equal(actor_do(&p.a, "join"), "10 - 0123456789");
	close(other);
	pair_close(&p);
}

/** Also where the listener came over exec, as from a supervisor that had set it. */
static void linger_zero_of_an_inherited_listener_is_the_connections(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, (struct situation){AF_INET, true, false},
		  (const char *[]){"RESETBY_LEVEL=conns", NULL});
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "setsockopt s9 linger on 0"), "0 -");
	assert_string_equal(actor_do(&p.a, "exec"), "0 -");
	pair_again(&p);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_true(capture_rst(&p.wire, p.listen_port));
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "closed-linger0",
					 .sure = "certain",
					 .why = {"on its listener"}});
	assert_string_equal(json_get(log_find(&p.a, "close", 1), "end"), "rst");
	pair_close(&p);
}

static void linger_zero_on_what_the_peer_has_reset_is_no_news(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_do(&p.a, "setsockopt s0 linger on 0");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_int_equal(log_count(&p.a, "error"), 1);
	pair_close(&p);
}

static void disconnect_of_a_live_connection_names_itself(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "disconnect s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "connect",
					 .error = "none",
					 .cause = "disconnected",
					 .sure = "certain",
					 .rst_case = "none",
					 .state = "ESTABLISHED",
					 .why = {"AF_UNSPEC", "leaves ECONNRESET"}});
	pair_expect_rst(&p);
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - ECONNRESET");
	/* And it can be connected again, which is another connection. */
	assert_string_equal(actor_do(&p.a, "connect s0 127.0.0.1 %u", p.listen_port), "0 -");
	close(p.peer);
	p.peer = peer_accept(p.listener);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(&p.a, 1, (struct expected){.cause = "peer-abort"});
	assert_true(json_number(line, "conn") == 2);
	pair_close(&p);
}

/** Of a connect whose success nobody has looked for. */
static void disconnect_before_the_success_was_noticed_names_itself(void **state)
{
	struct actor a;
	uint16_t port;
	(void)state;
	int listener = peer_listen(AF_INET, &port);
	actor_start(&a, NULL);
	actor_do(&a, "socket4 s0 nonblock");
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "-1 EINPROGRESS");
	int peer = peer_accept(listener);
	assert_string_equal(actor_do(&a, "disconnect s0"), "0 -");
	expect_verdict(&a, 0,
		       (struct expected){.op = "connect",
					 .error = "none",
					 .cause = "disconnected",
					 .sure = "certain",
					 .state = "ESTABLISHED"});
	assert_int_equal(peer_drain(peer), 0);
	assert_int_equal(errno, ECONNRESET);
	close(peer);
	actor_stop(&a);
	close(listener);
}

/** As a rule does it, too: who has the socket as well is told an error, and knows of no rule. */
static void disconnect_by_another_process_is_not_the_peers_doing(void **state)
{
	(void)state;
	for (int reads = 0; reads <= 1; reads++) {
		struct pair p;
		pair_open_client(&p);
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_recv(p.peer, 5);
		assert_string_equal(actor_do(&p.a, "fork disconnect s0"), "0 -");
		pair_expect_rst(&p);
		assert_string_equal(actor_do(&p.a, reads ? "recv s0" : "send s0 1"),
				    "-1 ECONNRESET");
		expect_verdict(&p.a, 1,
			       (struct expected){.error = "ECONNRESET",
						 .cause = "disconnected",
						 .sure = "likely",
						 .others = "[\"injected\"]",
						 .rst_case = "none",
						 .why = {"another process"}});
		pair_close(&p);
	}
}

/** An SO_LINGER that waits is none of 0 seconds, whoever has set it. */
static void close_with_a_linger_of_some_seconds_is_ordinary(void **state)
{
	static const char *const options[] = {"on 5", "off 0"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_open_client(&p);
		assert_string_equal(actor_do(&p.a, "setsockopt s0 linger %s", options[i]), "0 -");
		assert_string_equal(actor_do(&p.a, "exec"), "0 -");
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_recv(p.peer, 5);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_fin(&p);
		expect_silence(&p.a);
		expect_awake(&p.a);
		pair_close(&p);
	}
}

/** By a process that has taken the socket, and has closed it again. */
static void disconnect_s0_from_outside(struct actor *a)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = pidfd_getfd(a->pidfd, (int)actor_number(actor_do(a, "fd s0")), 0);
	assert_int_equal(connect(fd, &none, sizeof(none)), 0);
	close(fd);
}

static void disconnect_by_another_process_is_not_the_peers_doing_when_nobody_is_told(void **state)
{
	static const char *const ends[] = {"close", "exit"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_open_client(&p);
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_recv(p.peer, 5);
		peer_send(p.peer, "ok");
		assert_string_equal(actor_do(&p.a, "recv s0 2"), "2 - ok");
		disconnect_s0_from_outside(&p.a);
		pair_expect_rst(&p);
		if (i == 0) {
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		} else {
			assert_int_equal(actor_stop(&p.a), 0);
		}
		expect_verdict(&p.a, 0,
			       (struct expected){.op = ends[i],
						 .error = "none",
						 .cause = "disconnected",
						 .sure = "likely",
						 .others = "[\"injected\"]",
						 .rst_case = "none",
						 .why = {"another process"}});
		pair_close(&p);
	}
}

/** An actor that listens as s9 with connections that it has not accepted. */
static void start_with_queue(struct actor *a, int *clients, unsigned count)
{
	actor_start(a, NULL);
	actor_do(a, "socket4 s9");
	assert_string_equal(actor_do(a, "listen s9"), "0 -");
	uint16_t port = (uint16_t)atoi(strrchr(actor_do(a, "getsockname s9"), ':') + 1);
	for (unsigned i = 0; i < count; i++) {
		clients[i] = peer_connect(AF_INET, port);
	}
	lab_until(info_of(a, "s9").tcpi_unacked >= count);
}

static void expect_clients_reset(const int *clients, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(peer_drain(clients[i]), 0);
		assert_int_equal(errno, ECONNRESET);
		close(clients[i]);
	}
}

static void listener_closed_on_waiting_connections_names_itself(void **state)
{
	static const char *const ways[] = {"close s9", "shutdown s9 rw", "shutdown s9 r"};
	static const char *const ops[] = {"close", "shutdown", "shutdown"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct actor a;
		int clients[2];
		start_with_queue(&a, clients, 2);
		assert_string_equal(actor_do(&a, "%s", ways[i]), "0 -");
		const char *line =
			expect_verdict(&a, 0,
				       (struct expected){.op = ops[i],
							 .error = "none",
							 .cause = "listener-closed",
							 .sure = "certain",
							 .rst_case = "none",
							 .state = "LISTEN",
							 .why = {"2 established connections"}});
		/* A listener has none of a connection's figures. */
		static const char *const keys[] = {"age_ms", "inq",       "outq",      "retrans",
						   "rtt_us", "req_bytes", "resp_bytes"};
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
			assert_null(json_get(line, keys[k]));
		}
		expect_clients_reset(clients, 2);
		assert_int_equal(actor_stop(&a), 0);
		assert_int_equal(log_count(&a, "error"), 1);
	}
}

/** Such a one stays in the queue, and is counted there. */
static void no_more_is_said_of_a_connection_that_was_reset_in_the_queue(void **state)
{
	struct actor a;
	struct capture wire;
	int client;
	(void)state;
	capture_open(&wire, "lo");
	start_with_queue(&a, &client, 1);
	uint16_t port = (uint16_t)atoi(strrchr(actor_do(&a, "getsockname s9"), ':') + 1);
	peer_rst(client);
	assert_string_equal(actor_do(&a, "poll s9 in 20000"), "1 - in");
	assert_string_equal(actor_do(&a, "close s9"), "0 -");
	expect_verdict(&a, 0,
		       (struct expected){.op = "close",
					 .cause = "listener-closed",
					 .sure = "certain",
					 .why = {"each that its client has not reset there"}});
	assert_int_equal(actor_stop(&a), 0);
	assert_false(capture_rst(&wire, port));
	capture_close(&wire);
}

static void process_that_ends_on_waiting_connections_names_itself(void **state)
{
	struct actor a;
	int clients[3];
	(void)state;
	start_with_queue(&a, clients, 3);
	assert_string_equal(actor_do(&a, "exit 0"), "exited 0");
	expect_verdict(&a, 0,
		       (struct expected){.op = "exit",
					 .cause = "listener-closed",
					 .sure = "certain",
					 .why = {"3 established connections"}});
	expect_clients_reset(clients, 3);
	actor_stop(&a);
}

static void exit_with_bytes_unread_names_itself(void **state)
{
	static const char *const ends[] = {"exit 0", "_exit 0", "_Exit 0", "quick_exit 0"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pair p;
		pair_open_client(&p);
		fill(&p, 42);
		assert_string_equal(actor_do(&p.a, "%s", ends[i]), "exited 0");
		expect_verdict(
			&p.a, 0,
			(struct expected){.op = "exit",
					  .error = "none",
					  .cause = "exit-open",
					  .sure = "certain",
					  .rst_case = "none",
					  .state = "ESTABLISHED",
					  .why = {"the process ended with 42 bytes unread"}});
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

static void exit_with_linger_zero_names_itself(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_do(&p.a, "setsockopt s0 linger on 0");
	assert_string_equal(actor_do(&p.a, "exit 0"), "exited 0");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "exit",
					 .cause = "exit-open",
					 .sure = "certain",
					 .why = {"SO_LINGER {1,0} was set by the program"}});
	pair_expect_rst(&p);
	pair_close(&p);
}

static void write_after_our_own_shutdown_is_no_reset(void **state)
{
	static const char *const ways[] = {"send s0 1 nosignal", "write s0 1", "writev s0 4 2",
					   "sendmsg s0 4 2 nosignal"};
	static const char *const ops[] = {"send", "write", "writev", "sendmsg"};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pair p;
		pair_open_client(&p);
		actor_do(&p.a, "sigpipe ignore");
		assert_string_equal(actor_do(&p.a, "shutdown s0 %s", i % 2 ? "rw" : "w"), "0 -");
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "-1 EPIPE");
		expect_verdict(
			&p.a, 0,
			(struct expected){.op = ops[i],
					  .error = "EPIPE",
					  .cause = "wrote-after-shutdown",
					  .sure = "certain",
					  .rst_case = "none",
					  .doc = "Broken pipe",
					  .why = {"shut down its writing side itself", "no RST"}});
		assert_false(capture_rst(&p.wire, p.actor_port));
		assert_false(capture_rst(&p.wire, p.peer_port));
		for (int again = 0; again < 40; again++) {
			actor_do(&p.a, "%s", ways[i]);
		}
		assert_in_range(log_count(&p.a, "error"), 10, 20);
		pair_close(&p);
	}
}

/** Whether the actor blocks or has pending any signal, as the kernel says. */
static bool holds_signals(const struct actor *actor)
{
	char line[128];
	bool found = false;
	FILE *status = fopen(lab_text("/proc/%d/status", (int)actor->pid), "r");
	assert_non_null(status);
	while (fgets(line, sizeof line, status) != NULL) {
		if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigPnd:", 7) == 0) {
			found = found || strtoull(line + 7, NULL, 16) != 0;
		}
	}
	fclose(status);
	return found;
}

/** Calls without flags, whose SIGPIPE is held back until their line is written. */
static void write_after_our_own_shutdown_raises_one_signal(void **state)
{
	static const char *const ways[] = {"sendfile s0 1", "splice_in s0 1", "pwritev2 s0 1 1"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_open_client(&p);
		actor_do(&p.a, "sigpipe count");
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "-1 EPIPE");
		assert_int_equal(log_count(&p.a, "error"), 1);
		assert_string_equal(actor_do(&p.a, "signals"), "1 -");
		assert_false(holds_signals(&p.a));
		assert_string_equal(actor_do(&p.a, "sigpipe default"), "0 -");
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "killed SIGPIPE");
		assert_int_equal(log_count(&p.a, "error"), 2);
		close(p.peer);
		close(p.listener);
		capture_close(&p.wire);
	}
}

static void write_after_both_ends_is_our_own_doing_each_time(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	assert_int_equal(peer_drain(p.peer), 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	for (unsigned i = 0; i < 2; i++) {
		/* TIME_WAIT, which TCP_INFO calls CLOSE. */
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
		expect_verdict(&p.a, i,
			       (struct expected){.cause = "wrote-after-shutdown",
						 .sure = "certain",
						 .rst_case = "none",
						 .state = "CLOSE"});
	}
	pair_close(&p);
}

/** It has made no call itself that says so; its end of file in TIME_WAIT hides no reset, either. */
static void write_after_a_shutdown_by_another_process_is_told_as_that(void **state)
{
	(void)state;
	for (int closes = 0; closes <= 1; closes++) {
		struct pair p;
		pair_open_client(&p);
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		assert_string_equal(actor_do(&p.a, "fork shutdown s0 w"), "0 -");
		assert_int_equal(peer_drain(p.peer), 5);
		if (closes) {
			pair_close_peer(&p);
			wait_for_end(&p.a, "s0");
			assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
			assert_int_equal(log_count(&p.a, "error"), 0);
		}
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
		expect_verdict(
			&p.a, 0,
			(struct expected){.error = "EPIPE",
					  .cause = "wrote-after-shutdown",
					  .sure = "certain",
					  .rst_case = "none",
					  .state = closes ? "CLOSE" : NULL,
					  .why = {"another process", closes ? "side" : "no RST"}});
		assert_false(capture_rst(&p.wire, p.actor_port));
		assert_false(capture_rst(&p.wire, p.peer_port));
		pair_close(&p);
	}
}

/** Not the last holder: nothing is sent, and nothing is claimed. */
static void socket_that_somebody_else_holds_is_not_reset(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct pair p;
		int copy = -1;
		pair_open_client(&p);
		fill(&p, 10);
		if (i == 0) {
			actor_do(&p.a, "dup s0 s1");
		} else if (i == 1) {
			/* Who goes on with it is not known, also where this process does. */
			assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
			assert_string_equal(actor_do(&p.a, "sendfile s0 1"), "1 -");
			peer_recv(p.peer, 1);
		} else if (i == 3) {
			/* Its parent has it, as of a program that was started with it. */
			assert_string_equal(actor_do(&p.a, "exec"), "0 -");
			actor_do(&p.a, "getsockname s0");
			long fd = actor_number(actor_do(&p.a, "fd s0"));
			copy = (int)syscall(SYS_pidfd_getfd, p.a.pidfd, fd, 0);
			assert_true(copy >= 0);
		} else {
			actor_do(&p.a, "socketpair s2 s3");
			assert_string_equal(actor_do(&p.a, "passfd s2 s0"), "1 -");
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		expect_silence(&p.a);
		assert_false(capture_rst(&p.wire, p.actor_port));
		if (i == 0) {
			actor_do(&p.a, "close s1");
			expect_verdict(
				&p.a, 0,
				(struct expected){.cause = "closed-unread", .sure = "certain"});
		} else if (i == 1) {
			actor_do(&p.a, "forkkill");
		} else if (i == 3) {
			close(copy);
		} else {
			/* Who receives it does not know who else holds it. */
			assert_string_equal(actor_do(&p.a, "takefd s3 s4"), "1 -");
			assert_string_equal(actor_do(&p.a, "recv s4 1"), "1 - \\x00");
			assert_string_equal(actor_do(&p.a, "close s4"), "0 -");
			expect_verdict(&p.a, 0,
				       (struct expected){.cause = "closed-unread",
							 .sure = "likely",
							 .others = "[]"});
		}
		pair_close(&p);
	}
}

/** As a server's child that ends before it has read its request; the parent closed at once. */
static void what_a_child_never_used_is_named_by_its_last_holder(void **state)
{
	static const char *const ends[][3] = {
		{"close s0", "close", "closed-unread"},
		{"exit 0", "exit", "exit-open"},
		{"_exit 0", "exit", "exit-open"},
	};
	(void)state;
	for (unsigned parent = 0; parent <= 1; parent++) {
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			struct pair p;
			pair_open_client(&p);
			fill(&p, 10);
			assert_string_equal(actor_do(&p.a, "forkhandler"), "0 -");
			if (!parent) {
				assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
				expect_silence(&p.a);
			}
			actor_do(&p.a, "handler %s", ends[i][0]);
			if (parent) {
				expect_silence(&p.a);
				assert_false(capture_rst(&p.wire, p.actor_port));
				assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			} else {
				assert_true(capture_rst(&p.wire, p.actor_port));
				expect_verdict(&p.a, 0,
					       (struct expected){.op = ends[i][1],
								 .error = "none",
								 .cause = ends[i][2],
								 .sure = "likely",
								 .others = "[]",
								 .why = {"10 bytes unread",
									 "never used here"}});
			}
			pair_close(&p);
		}
	}
}

/** As a server's that has run a command meanwhile. */
static void what_children_have_no_more_is_named_by_their_parent(void **state)
{
	static const char *const forks[] = {"fork preloaded", "_Fork preloaded"};
	static const struct {
		const char *option, *end, *result, *op, *cause;
	} ends[] = {
		{NULL, "close s0", "0 -", "close", "closed-unread"},
		{"linger on 0", "close s0", "0 -", "close", "closed-linger0"},
		{NULL, "exit 0", "exited 0", "exit", "exit-open"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++) {
		for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
			struct pair p;
			pair_open_client(&p);
			assert_int_equal(actor_number(actor_do(&p.a, "%s", forks[i])), 1);
			if (ends[k].option) {
				actor_do(&p.a, "setsockopt s0 %s", ends[k].option);
			} else {
				fill(&p, 10);
			}
			assert_string_equal(actor_do(&p.a, "%s", ends[k].end), ends[k].result);
			expect_verdict(&p.a, 0,
				       (struct expected){.op = ends[k].op,
							 .error = "none",
							 .cause = ends[k].cause,
							 .sure = "likely",
							 .others = "[]",
							 .why = {"children were forked"}});
			pair_expect_rst(&p);
			pair_close(&p);
		}
	}
}

/** There the kernel is not asked who has shut down: no end is certain, and the peer may go on. */
static void write_after_anothers_shutdown_is_no_end_in_a_sandbox(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "fork shutdown s0 w"), "0 -");
	assert_string_equal(actor_do(&p.a, "seccomp"), "0 -");
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
		expect_verdict(&p.a, i, (struct expected){.error = "EPIPE", .sure = "possible"});
	}
	peer_send(p.peer, "abc");
	assert_string_equal(actor_do(&p.a, "recv s0 3"), "3 - abc");
	pair_close(&p);
}

/** A child has it under another number, or another thread's child has it, or one whose parent has ended. */
static void what_a_child_has_is_not_reset_by_its_parent(void **state)
{
	static const char *const holders[] = {"forkhold", "forkmove s0", "threadhold", "forktwice"};
	(void)state;
	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++) {
		struct pair p;
		pair_open_client(&p);
		fill(&p, 10);
		assert_string_equal(actor_do(&p.a, "%s", holders[i]), "0 -");
		/* The youngest have it no more. */
		actor_do(&p.a, "fork preloaded");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		expect_silence(&p.a);
		pair_expect_open(&p);
		pair_close(&p);
	}
}

/** The first child's descriptors go before its child is another process's. */
static void what_the_child_of_an_ending_child_has_is_not_reset(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct pair p;
		pair_open_client(&p);
		fill(&p, 10);
		assert_string_equal(actor_do(&p.a, "forktwice_close s0"), "0 -");
		expect_silence(&p.a);
		pair_expect_open(&p);
		pair_close(&p);
	}
}

/** It may be this process that is to answer, or a host that is gone. */
static void a_close_waits_for_no_file_of_a_child(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	fill(&p, 10);
	const char *result = actor_do(&p.a, "forkmute s0");
	if (strcmp(result, "0 -") != 0) {
		lab_skip("no file system of our own: %s", result);
	}
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0, (struct expected){.cause = "closed-unread", .sure = "likely"});
	assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
	pair_close(&p);
}

static char state_of(pid_t pid)
{
	char *status = lab_read_file(lab_text("/proc/%d/stat", (int)pid));
	const char *name_end = strrchr(status, ')');
	char state = name_end != NULL ? name_end[2] : '?';
	free(status);
	return state;
}

/** As a server's child that answers at once: it has read and ended before it was asked who has it. */
static void what_a_child_takes_while_a_close_is_judged_is_not_reset(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	fill(&p, 10);
	pid_t child = (pid_t)actor_number(actor_do(&p.a, "forktake s0"));
	lab_until(state_of(child) == 'T');
	pid_t parent = stop_first(&p.a);
	actor_send(&p.a, "close s0");
	stop_before(parent, SYS_openat);
	assert_int_equal(kill(child, SIGCONT), 0);
	lab_until(state_of(child) == 'Z');
	stop_end(parent);
	assert_string_equal(actor_result(&p.a), "0 -");
	expect_silence(&p.a);
	pair_expect_fin(&p);
	pair_close(&p);
}

/** One that has used it and ends before its parent does, with bytes that it has not read, resets nothing. */
static void what_a_child_leaves_to_its_parent_is_not_reset(void **state)
{
	static const char *const ways[] = {"fork recv s0 1", "_Fork recv s0 1"};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		pair_open_client(&p);
		fill(&p, 10);
		assert_string_equal(actor_do(&p.a, "%s", ways[i]), "1 - \\x00");
		expect_silence(&p.a);
		assert_false(capture_rst(&p.wire, p.actor_port));
		assert_int_equal(actor_number(actor_do(&p.a, "recv s0 10")), 9);
		pair_close(&p);
	}
}

static void expect_held_by(const char *holder)
{
	struct pair p;
	pair_open_client(&p);
	fill(&p, 10);
	assert_string_equal(actor_do(&p.a, "%s", holder), "0 -");
	assert_string_equal(actor_do(&p.a, "forkhandler"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	actor_do(&p.a, "handler close s0");
	pair_expect_open(&p);
	expect_silence(&p.a);
	pair_close(&p);
}

/** The kernel's list of the parent's children may be missing: CONFIG_PROC_CHILDREN. */
static void what_a_child_never_used_may_be_held_by_another_child(void **state)
{
	(void)state;
	if (access("/proc/thread-self/children", R_OK) != 0) {
		lab_skip("this kernel does not list children");
	}
	expect_held_by("forkhold");
}

/** A child that another thread of the parent has is in no list of the parent's own. */
static void what_a_child_never_used_may_be_held_by_another_threads_child(void **state)
{
	(void)state;
	expect_held_by("threadhold");
}

LAB_MAIN(LAB_TEST(close_with_bytes_unread_names_itself),
	 LAB_TEST(peers_fin_does_not_hide_what_is_unread),
	 LAB_TEST(close_with_urgent_bytes_unread_names_itself),
	 LAB_TEST(what_others_have_no_more_is_named_with_urgent_bytes_unread),
	 LAB_TEST(close_at_an_urgent_byte_that_was_read_names_itself),
	 LAB_TEST(close_with_linger_zero_names_itself), LAB_TEST(exec_names_what_it_closes),
	 LAB_TEST(exec_does_not_name_what_it_does_not_close),
	 LAB_TEST(what_a_started_program_does_not_get_is_reset_by_its_close),
	 LAB_TEST(exec_of_what_is_no_readable_program_names_what_it_closes),
	 LAB_TEST(exec_that_fails_closes_nothing), LAB_TEST(linger_zero_tells_what_it_discards),
	 LAB_TEST(half_closed_with_bytes_unread_is_not_certain_of_its_rst),
	 LAB_TEST(an_end_that_comes_while_a_close_is_judged_is_no_reset),
	 LAB_TEST(an_end_that_comes_while_a_close_is_told_is_allowed_for),
	 LAB_TEST(close_with_bytes_unread_tells_what_may_be_lost),
	 LAB_TEST(linger_zero_in_last_ack_resets_what_is_not_sent),
	 LAB_TEST(linger_zero_of_the_listener_is_the_connections),
	 LAB_TEST(linger_zero_under_a_call_of_another_thread_is_only_likely),
	 LAB_TEST(linger_zero_beside_a_call_on_another_connection_is_certain),
	 LAB_TEST(linger_zero_of_an_inherited_listener_is_the_connections),
	 LAB_TEST(linger_zero_on_what_the_peer_has_reset_is_no_news),
	 LAB_TEST(disconnect_of_a_live_connection_names_itself),
	 LAB_TEST(disconnect_before_the_success_was_noticed_names_itself),
	 LAB_TEST(close_with_a_linger_of_some_seconds_is_ordinary),
	 LAB_TEST(disconnect_by_another_process_is_not_the_peers_doing),
	 LAB_TEST(disconnect_by_another_process_is_not_the_peers_doing_when_nobody_is_told),
	 LAB_TEST(listener_closed_on_waiting_connections_names_itself),
	 LAB_TEST(no_more_is_said_of_a_connection_that_was_reset_in_the_queue),
	 LAB_TEST(process_that_ends_on_waiting_connections_names_itself),
	 LAB_TEST(exit_with_bytes_unread_names_itself),
	 LAB_TEST(exit_with_linger_zero_names_itself),
	 LAB_TEST(write_after_our_own_shutdown_is_no_reset),
	 LAB_TEST(write_after_our_own_shutdown_raises_one_signal),
	 LAB_TEST(write_after_both_ends_is_our_own_doing_each_time),
	 LAB_TEST(write_after_a_shutdown_by_another_process_is_told_as_that),
	 LAB_TEST(write_after_anothers_shutdown_is_no_end_in_a_sandbox),
	 LAB_TEST(socket_that_somebody_else_holds_is_not_reset),
	 LAB_TEST(what_a_child_never_used_is_named_by_its_last_holder),
	 LAB_TEST(what_children_have_no_more_is_named_by_their_parent),
	 LAB_TEST(what_a_child_has_is_not_reset_by_its_parent),
	 LAB_TEST(what_the_child_of_an_ending_child_has_is_not_reset),
	 LAB_TEST(a_close_waits_for_no_file_of_a_child),
	 LAB_TEST(what_a_child_takes_while_a_close_is_judged_is_not_reset),
	 LAB_TEST(what_a_child_leaves_to_its_parent_is_not_reset),
	 LAB_TEST(what_a_child_never_used_may_be_held_by_another_child),
	 LAB_TEST(what_a_child_never_used_may_be_held_by_another_threads_child))
