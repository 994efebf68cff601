/* Numbers are only numbers: connections that come, go and change their number unseen. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS ((const char *[]){"RESETBY_LEVEL=calls", NULL})
#define LINGER0                                                                                    \
	((const char *[]){"RESETBY_LEVEL=calls", "RESETBY_RULES=linger0", "RESETBY_SEED=77", NULL})

/** The last send was seen, as one of the pair's connection under this number. */
static void expect_seen(struct pair *p, int slot)
{
	assert_string_equal(actor_do(&p->a, "send s%d 6", slot), "6 -");
	assert_string_equal(peer_recv(p->peer, 6), "abcdef");
	const char *line = log_last_call(&p->a, "send");
	const char *host = loopback(p->how.family);
	assert_non_null(line);
	assert_int_equal((long)json_number(line, "fd"),
			 actor_number(actor_do(&p->a, "fd s%d", slot)));
	assert_int_equal((long)json_number(line, "result"), 6);
	assert_string_equal(json_get(line, "local"), lab_text("%s:%u", host, p->actor_port));
	assert_string_equal(json_get(line, "peer"), lab_text("%s:%u", host, p->peer_port));
}

static void a_connection_inherited_over_exec_is_learned(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, LINGER0);
		expect_seen(&p, 0);
		assert_string_equal(actor_do(&p.a, "exec"), "0 -");
		pair_expect_open(&p);
		expect_seen(&p, 0);
		peer_send(p.peer, "x");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "recv s0"), "1 - x");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		const char *line = log_find(&p.a, "inject", 0);
		assert_string_equal(json_get(line, "rule"), "1 linger0");
		assert_string_equal(json_get(line, "peer"),
				    lab_text("%s:%u", loopback(how->family), p.peer_port));
		pair_close(&p);
	}
}

/** Though both its ports are ephemeral, and also when the peer has shut down; its FIN is no byte. */
static void the_side_of_an_inherited_connection_is_known(void **state)
{
	(void)state;
	for (int fin = 0; fin < 2; fin++) {
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			expect_seen(&p, 0);
			if (fin) {
				shutdown(p.peer, SHUT_WR);
				wait_for_fin(&p.a, "s0");
			}
			assert_string_equal(actor_do(&p.a, "exec"), "0 -");
			expect_seen(&p, 0);
			assert_string_equal(json_get(log_last_call(&p.a, "send"), "side"),
					    how->server ? "server" : "client");
			actor_do(&p.a, "close s0");
			const char *line = log_find(&p.a, "close", 0);
			assert_int_equal(json_number(line, "bytes_in"), 0);
			assert_int_equal(json_number(line, "bytes_out"), 12);
			pair_close(&p);
		}
	}
}

static const char *inherited_side(struct pair *p)
{
	assert_string_equal(actor_do(&p->a, "exec"), "0 -");
	actor_do(&p->a, "getsockname s0");
	return json_get(log_last_call(&p->a, "getsockname"), "side");
}

/** Where it has shut down itself, a server is known by the ports alone: one of the two is ephemeral. */
static void the_side_of_what_was_shut_down_before_exec_is_known_by_its_port(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CALLS);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_string_equal(inherited_side(&p), how->server ? "unknown" : "client");
		uint16_t port = how->server ? p.peer_port : p.actor_port;
		lab_sysctl("net/ipv4/ip_local_port_range", lab_text("%u %u", port, port));
		assert_string_equal(inherited_side(&p), how->server ? "server" : "client");
		lab_sysctl("net/ipv4/ip_local_port_range", "32768 60999");
		pair_close(&p);
	}
}

/** Nothing has come yet that could be counted. */
static void who_inherits_a_connect_is_the_client(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port;
	/* Its queue is full: no SYN is answered until one is accepted. */
	int listener = peer_listen_backlog(AF_INET, 0, &port);
	int first = peer_connect(AF_INET, port);
	actor_start(&a, CALLS);
	actor_do(&a, "socket4 s0 nonblock");
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "exec"), "0 -");
	assert_string_equal(actor_do(&a, "poll s0 out 0"), "0 -");
	int accepted = peer_accept(listener);
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out");
	actor_do(&a, "getsockname s0");
	assert_string_equal(json_get(log_last_call(&a, "getsockname"), "side"), "client");
	actor_stop(&a);
	close(accepted);
	close(first);
	close(listener);
}

/** Also when its close is the first that is seen of it. */
static void an_inherited_connection_is_reset_by_its_first_call(void **state)
{
	static const char *const ways[] = {"close s0", "close_range s0 s0", "dup2 s8 s0", "exit 0"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, LINGER0);
			actor_do(&p.a, "udp4 s8");
			assert_string_equal(actor_do(&p.a, "exec"), "0 -");
			if (i > 0) {
				/* A look, so that ranges and exit know of it. */
				actor_do(&p.a, "getpeername s0");
			}
			actor_do(&p.a, "%s", ways[i]);
			pair_expect_rst(&p);
			assert_int_equal(log_count(&p.a, "inject"), 1);
			pair_close(&p);
		}
	}
}

static void a_reset_of_an_inherited_connection_is_explained(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CALLS);
		assert_string_equal(actor_do(&p.a, "exec"), "0 -");
		actor_do(&p.a, "getpeername s0");
		pair_abort_peer(&p);
		actor_do(&p.a, "poll s0 in 20000");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		const char *line = log_find(&p.a, "error", 0);
		assert_string_equal(json_get(line, "errno"), "ECONNRESET");
		assert_string_equal(json_get(line, "cause"), "peer-abort");
		assert_string_equal(json_get(line, "peer"),
				    lab_text("%s:%u", loopback(how->family), p.peer_port));
		pair_close(&p);
	}
}

/** And of what was sent before one it is known that it was. */
static void a_reset_before_exec_is_one_of_a_server(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		if (!how->server) {
			continue;
		}
		pair_open(&p, *how, NULL);
		assert_string_equal(actor_do(&p.a, "send s0 1"), "1 -");
		peer_recv(p.peer, 1);
		pair_abort_peer(&p);
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
		assert_string_equal(actor_do(&p.a, "exec"), "0 -");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		const char *line = log_find(&p.a, "error", 0);
		assert_string_equal(json_get(line, "side"), "server");
		assert_string_equal(json_get(line, "cause"), "peer-abort");
		assert_string_equal(json_get(line, "else"), "[\"peer-closed-unread\"]");
		assert_non_null(strstr(json_get(line, "why"), "1 byte had been sent"));
		pair_close(&p);
	}
}

static void a_listener_inherited_over_exec_accepts(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		if (!how->server) {
			continue;
		}
		pair_open(&p, *how, LINGER0);
		actor_do(&p.a, "close s0");
		assert_string_equal(actor_do(&p.a, "exec"), "0 -");
		pair_again(&p);
		expect_seen(&p, 0);
		assert_string_equal(json_get(log_last_call(&p.a, "send"), "side"), "server");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_expect_told(&p, "inject", 1, "1 linger0", "SO_LINGER {1,0}");
		pair_close(&p);
	}
}

static void a_descriptor_received_in_a_message_is_learned(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CALLS);
		assert_string_equal(actor_do(&p.a, "socketpair s5 s6"), "0 -");
		assert_string_equal(actor_do(&p.a, "passfd s5 s0"), "1 -");
		/* The number it comes under was something else before. */
		assert_string_equal(actor_do(&p.a, "file s1"), "0 -");
		long number = actor_number(actor_do(&p.a, "fd s1"));
		assert_string_equal(actor_do(&p.a, "write s1 3"), "3 -");
		assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
		assert_string_equal(actor_do(&p.a, "takefd s6 s1"), "1 -");
		assert_int_equal(actor_number(actor_do(&p.a, "fd s1")), number);
		expect_seen(&p, 1);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_open(&p);
		expect_seen(&p, 1);
		assert_string_equal(actor_do(&p.a, "close s1"), "0 -");
		pair_expect_fin(&p);
		pair_close(&p);
	}
}

/** A copy under this number is the connection; false where the system allows no such number. */
static bool is_followed_to(long number)
{
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, LINGER0);
		const char *limit = actor_do(&p.a, "nofile %ld", number + 2);
		if (strcmp(limit, "-1 EPERM") == 0) {
			pair_close(&p);
			return false;
		}
		assert_string_equal(limit, "0 -");
		assert_string_equal(actor_do(&p.a, "dupfd_from s0 s1 %ld", number), "0 -");
		assert_int_equal(actor_number(actor_do(&p.a, "fd s1")), number);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_open(&p);
		expect_seen(&p, 1);
		/* Only that one of the numbers around it. */
		assert_string_equal(actor_do(&p.a, "close %ld", number + 1), "-1 EBADF");
		assert_string_equal(actor_do(&p.a, "close %ld", number - 1), "-1 EBADF");
		pair_expect_open(&p);
		assert_string_equal(actor_do(&p.a, number % 2 ? "closefrom s1" : "close s1"),
				    "0 -");
		pair_expect_rst(&p);
		pair_expect_told(&p, "inject", 0, "1 linger0", "SO_LINGER {1,0}");
		pair_close(&p);
	}
	return true;
}

static void expect_followed_to(long number)
{
	if (!is_followed_to(number)) {
		lab_skip("the hard limit of descriptors is too low, and not ours to raise");
	}
}

static void high_numbers_are_numbers(void **state)
{
	(void)state;
	expect_followed_to(2000);
	expect_followed_to(4001);
}

static void numbers_above_65536_are_numbers(void **state)
{
	static const long numbers[] = {65535, 65536, 131073, 700000};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		expect_followed_to(numbers[i]);
	}
}

/** A file that takes the number of a connection whose close nobody saw. */
static void expect_a_file_under_an_old_number(const char *const *environment)
{
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, environment);
		long number = actor_number(actor_do(&p.a, "fd s0"));
		peer_send(p.peer, "0123");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "recv s0 4"), "4 - 0123");
		assert_string_equal(actor_do(&p.a, "unseen_close s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "file s0"), "0 -");
		assert_int_equal(actor_number(actor_do(&p.a, "fd s0")), number);
		unsigned injected = log_count(&p.a, "inject");
		assert_string_equal(actor_do(&p.a, "write s0 6"), "6 -");
		/* At its beginning again, under the same number. */
		assert_string_equal(actor_do(&p.a, "rewind s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "read s0 6"), "6 - abcdef");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_int_equal(log_count(&p.a, "inject"), injected);
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

static void a_file_under_an_old_number_is_a_file(void **state)
{
	static const char *const with_rules[] = {"RESETBY_LEVEL=conns",
						 "RESETBY_RULES=linger0;unread=4", NULL};
	static const char *const without[] = {"RESETBY_LEVEL=conns", NULL};
	(void)state;
	expect_a_file_under_an_old_number(with_rules);
	expect_a_file_under_an_old_number(without);
}

/** Written to at once, and once more, when the library knows; by a connection that was calm or not. */
static void a_broken_pipe_under_an_old_number_raises_one_signal(void **state)
{
	static const char *const levels[] = {"RESETBY_LEVEL=resets", "RESETBY_LEVEL=calls"};
	static const char *const writes[] = {"write s0 6", "writev s0 6 2"};
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *const[]){levels[i & 1], NULL});
		long number = actor_number(actor_do(&p.a, "fd s0"));
		actor_do(&p.a, "sigpipe count");
		if ((i & 4) != 0) {
			/* From here on its calls need care. */
			assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		}
		assert_string_equal(actor_do(&p.a, "unseen_close s0"), "0 -");
		actor_do(&p.a, "broken_pipe s0");
		assert_int_equal(actor_number(actor_do(&p.a, "fd s0")), number);
		for (unsigned times = 1; times <= 2; times++) {
			char count[16];
			snprintf(count, sizeof count, "%u -", times);
			assert_string_equal(actor_do(&p.a, "%s", writes[i >> 1 & 1]), "-1 EPIPE");
			assert_string_equal(actor_do(&p.a, "signals"), count);
		}
		pair_close(&p);
	}
}

/** What a call brings that began on another connection is that one's, under the same number. */
static void a_call_that_outlives_its_connection_is_not_the_next_ones(void **state)
{
	static const char *const waits[] = {"read s0 5", "recv s0 5", "send s0 6000000"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		int first = dup(p.peer);
		long number = actor_number(actor_do(&p.a, "fd s0"));
		actor_do(&p.a, "background %s", waits[i]);
		actor_wait_background(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_again(&p);
		assert_int_equal(actor_number(actor_do(&p.a, "fd s0")), number);
		if (i < 2) {
			peer_send(first, "12345");
			assert_string_equal(actor_do(&p.a, "join"), "5 - 12345");
		} else {
			peer_recv(first, 6000000);
			assert_string_equal(actor_do(&p.a, "join"), "6000000 -");
		}
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		const char *line = log_find(&p.a, "close", 1);
		assert_int_equal((long)json_number(line, "conn"), 2);
		assert_int_equal((long)json_number(line, "bytes_in"), 0);
		assert_int_equal((long)json_number(line, "bytes_out"), 0);
		close(first);
		pair_close(&p);
	}
}

/** Another connection under the number of one whose close nobody saw. */
static void a_new_connection_under_an_old_number_is_new(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, LINGER0);
		assert_string_equal(actor_do(&p.a, "unseen_close s0"), "0 -");
		pair_expect_fin(&p);
		pair_again(&p);
		expect_seen(&p, 0);
		assert_int_equal((long)json_number(log_last_call(&p.a, "send"), "conn"), 2);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		assert_int_equal(log_count(&p.a, "inject"), 1);
		pair_close(&p);
	}
}

#define RESET "-1 ECONNRESET"

/** A library in front of ours that goes to libc by itself (torsocks) takes connect, or close, away. */
static void a_connection_that_no_hook_saw_made_is_learned(void **state)
{
	(void)state;
	static const char *const calls[][3] = {
		{"recv s0 10", "recv", RESET},
		{"recvmsg s0 10 1", "recvmsg", RESET},
		{"send s0 5", "send", RESET},
		{"sendto s0 5", "sendto", RESET},
		{"getsockopt s0 error", "getsockopt", "0 - ECONNRESET"},
		{"read s0 10", "read", RESET},
	};
	for (int file = 0; file <= 1; file++) {
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) - (size_t)file; i++) {
			struct actor a;
			uint16_t port;
			int listener = peer_listen(AF_INET, &port);
			actor_start(&a, NULL);
			if (file) {
				/* Its number was a file's, as far as the library knows. */
				actor_do(&a, "file s0");
				actor_do(&a, "write s0 5");
				actor_do(&a, "unseen_close s0");
				actor_do(&a, "unseen_socket4 s0");
			} else {
				actor_do(&a, "socket4 s0");
			}
			assert_string_equal(actor_do(&a, "unseen_connect s0 127.0.0.1 %u", port),
					    "0 -");
			int peer = peer_accept(listener);
			peer_rst(peer);
			assert_non_null(strstr(actor_do(&a, "poll s0 in 20000"), "hup"));
			assert_string_equal(actor_do(&a, "%s", calls[i][0]), calls[i][2]);
			const char *line = log_find(&a, "error", 0);
			assert_string_equal(json_get(line, "op"), calls[i][1]);
			assert_string_equal(json_get(line, "errno"), "ECONNRESET");
			/* Its SYN was no byte that the peer could leave unread. */
			assert_string_equal(json_get(line, "cause"), "peer-abort");
			actor_stop(&a);
			close(listener);
		}
	}
}

/** Its number was another connection's, whose close was not seen either. */
static void a_reset_of_a_connection_under_the_number_of_another_is_told(void **state)
{
	static const char *const calls[][2] = {{"recv s0 10", RESET},
					       {"send s0 5", RESET},
					       {"getsockopt s0 error", "0 - ECONNRESET"}};
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p;
		/* Its own address is known, by which the other one's record is known to be stale. */
		pair_open(&p, client_situation, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		long number = actor_number(actor_do(&p.a, "fd s0"));
		assert_string_equal(actor_do(&p.a, "unseen_close s0"), "0 -");
		actor_do(&p.a, "unseen_socket4 s0");
		assert_int_equal(actor_number(actor_do(&p.a, "fd s0")), number);
		assert_string_equal(actor_do(&p.a, "unseen_connect s0 127.0.0.1 %u", p.listen_port),
				    "0 -");
		int next = peer_accept(p.listener);
		peer_rst(next);
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "%s", calls[i][0]), calls[i][1]);
		expect_verdict(&p.a, 0,
			       (struct expected){.error = "ECONNRESET",
						 .cause = "peer-abort",
						 .sure = "likely"});
		assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 EPIPE");
		expect_verdict(&p.a, 1,
			       (struct expected){.error = "EPIPE",
						 .cause = "already-reset",
						 .sure = "certain"});
		pair_close(&p);
	}
}

/** Also the end of file that hides it. */
static void a_reset_that_is_hidden_on_such_a_connection_is_told(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	actor_start(&a, NULL);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "unseen_connect s0 127.0.0.1 %u", port), "0 -");
	int peer = peer_accept(listener);
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	wait_for_fin(&a, "s0");
	peer_rst(peer);
	wait_for_end(&a, "s0");
	assert_string_equal(actor_do(&a, "recv s0 10"), "0 -");
	expect_verdict(&a, 0, (struct expected){.op = "recv", .error = "none", .sure = "likely"});
	actor_stop(&a);
	close(listener);
}

static void a_refusal_of_a_connect_that_no_hook_saw_is_told(void **state)
{
	static const char *const calls[][2] = {{"recv s0 10", "-1 ECONNREFUSED"},
					       {"getsockopt s0 error", "0 - ECONNREFUSED"}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct actor a;
		uint16_t port;
		close(peer_listen(AF_INET, &port));
		actor_start(&a, (const char *[]){"RESETBY_LEVEL=conns", NULL});
		actor_do(&a, "socket4 s0 nonblock");
		assert_string_equal(actor_do(&a, "unseen_connect s0 127.0.0.1 %u", port),
				    "-1 EINPROGRESS");
		wait_for_end(&a, "s0");
		assert_string_equal(actor_do(&a, "%s", calls[i][0]), calls[i][1]);
		expect_verdict(&a, 0,
			       (struct expected){.error = "ECONNREFUSED",
						 .cause = "refused",
						 .sure = "certain",
						 .rst_case = "none"});
		assert_string_equal(actor_do(&a, "close s0"), "0 -");
		assert_string_equal(json_get(log_find(&a, "close", 0), "end"), "peer-rst");
		actor_stop(&a);
	}
}

static void rules_act_on_a_connection_that_no_hook_saw_made(void **state)
{
	(void)state;
	struct actor a;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	actor_start(&a, LINGER0);
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "unseen_connect s0 127.0.0.1 %u", port), "0 -");
	int peer = peer_accept(listener);
	assert_string_equal(actor_do(&a, "send s0 5"), "5 -");
	peer_recv(peer, 5);
	assert_string_equal(actor_do(&a, "send s0 5"), "5 -");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	peer_drain(peer);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(log_count(&a, "inject"), 1);
	actor_stop(&a);
	close(listener);
	close(peer);
}

/** The actor's number for its log, or another descriptor of the library's. */
static int own_descriptor(struct pair *p)
{
	char path[64];
	char link[64];
	for (int fd = 300; fd < 1100; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", p->a.pid, fd);
		if (readlink(path, link, sizeof(link)) >= 0) {
			return fd;
		}
	}
	return -1;
}

/** A number of the library's that was closed unseen, and is the program's now. */
static void a_program_may_close_what_took_our_number(void **state)
{
	static const char *const ways[] = {"close %d", "close_range %d %d", "closefrom %d",
					   "sys_close %d"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pair p;
		pair_open(&p, client_situation, LINGER0);
		int own = own_descriptor(&p);
		assert_true(own > 0);
		assert_string_equal(actor_do(&p.a, "unseen_close %d", own), "0 -");
		assert_string_equal(actor_do(&p.a, "dupfd_from s0 s1 %d", own), "0 -");
		assert_int_equal(actor_number(actor_do(&p.a, "fd s1")), own);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_open(&p);
		assert_string_equal(actor_do(&p.a, ways[i], own, own), "0 -");
		pair_expect_rst(&p);
		/* The log was opened again. */
		assert_int_equal(log_count(&p.a, "inject"), 1);
		pair_close(&p);
	}
}

/** The child closes its own copies of the library's, and the parent goes on with the one that it has. */
static void a_child_of_vfork_that_closes_all_takes_nothing_from_its_parent(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, LINGER0);
	int own = own_descriptor(&p);
	assert_true(own > 0);
	assert_string_equal(actor_do(&p.a, "vfork_close_all"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	assert_int_equal(log_count(&p.a, "inject"), 1);
	/* None was opened in its place. */
	assert_int_equal(own_descriptor(&p), own);
	assert_string_equal(actor_do(&p.a, "unseen_close %d", own), "0 -");
	assert_int_equal(own_descriptor(&p), -1);
	pair_close(&p);
}

/** Nothing but stdin, stdout and stderr of a program that knows of nothing else. */
static void our_own_descriptors_are_high_and_closed_on_exec(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation, LINGER0);
	assert_int_equal(actor_number(actor_do(&p.a, "fd s0")), 3);
	assert_true(own_descriptor(&p) > 300);
	expect_seen(&p, 0);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "file s0"), "0 -");
	assert_int_equal(actor_number(actor_do(&p.a, "fd s0")), 3);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_connection_inherited_over_exec_is_learned),
	 LAB_TEST(the_side_of_an_inherited_connection_is_known),
	 LAB_TEST(the_side_of_what_was_shut_down_before_exec_is_known_by_its_port),
	 LAB_TEST(who_inherits_a_connect_is_the_client),
	 LAB_TEST(an_inherited_connection_is_reset_by_its_first_call),
	 LAB_TEST(a_reset_of_an_inherited_connection_is_explained),
	 LAB_TEST(a_reset_before_exec_is_one_of_a_server),
	 LAB_TEST(a_listener_inherited_over_exec_accepts),
	 LAB_TEST(a_descriptor_received_in_a_message_is_learned),
	 LAB_TEST(high_numbers_are_numbers), LAB_TEST(numbers_above_65536_are_numbers),
	 LAB_TEST(a_file_under_an_old_number_is_a_file),
	 LAB_TEST(a_broken_pipe_under_an_old_number_raises_one_signal),
	 LAB_TEST(a_call_that_outlives_its_connection_is_not_the_next_ones),
	 LAB_TEST(a_new_connection_under_an_old_number_is_new),
	 LAB_TEST(a_connection_that_no_hook_saw_made_is_learned),
	 LAB_TEST(a_reset_of_a_connection_under_the_number_of_another_is_told),
	 LAB_TEST(a_reset_that_is_hidden_on_such_a_connection_is_told),
	 LAB_TEST(a_refusal_of_a_connect_that_no_hook_saw_is_told),
	 LAB_TEST(rules_act_on_a_connection_that_no_hook_saw_made),
	 LAB_TEST(a_program_may_close_what_took_our_number),
	 LAB_TEST(a_child_of_vfork_that_closes_all_takes_nothing_from_its_parent),
	 LAB_TEST(our_own_descriptors_are_high_and_closed_on_exec))
