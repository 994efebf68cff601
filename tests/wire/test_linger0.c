/* linger0: the close sends a RST instead of a FIN, whichever way the program closes. */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BY "SO_LINGER {1,0} set before the close: RST instead of FIN"

/** Every way to give up the last descriptor, and what the actor answers. */
static const struct way {
	const char *command;
	const char *result;
} ways[] = {
	{"close s0", "0 -"},           {"__close s0", "0 -"},
	{"sys_close s0", "0 -"},       {"dup2 s8 s0", "0 -"},
	{"dup3 s8 s0 cloexec", "0 -"}, {"close_range s0 s0", "0 -"},
	{"close_range s0 max", "0 -"}, {"sys_close_range s0 s0", "0 -"},
	{"closefrom s0", "0 -"},       {"fclose s0", "0 -"},
	{"exit 0", "exited 0"},        {"_exit 0", "exited 0"},
	{"_Exit 0", "exited 0"},       {"quick_exit 0", "exited 0"},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void every_way_to_close_resets(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		for (size_t i = 0; i < WAYS; i++) {
			struct pair p;
			pair_with_rule(&p, *how, "linger0");
			assert_string_equal(actor_do(&p.a, "udp4 s8"), "0 -");
			assert_string_equal(actor_do(&p.a, "%s", ways[i].command), ways[i].result);
			assert_int_equal(pair_expect_rst(&p), 0);
			const char *line = pair_expect_told(&p, "inject", 0, "1 linger0", BY);
			assert_string_equal(json_get(line, "seed"), "77");
			assert_int_equal(log_count(&p.a, "inject"), 1);
			const char *end = log_find(&p.a, "close", 0);
			assert_string_equal(json_get(end, "end"), "rst");
			assert_string_equal(json_get(end, "conn"), json_get(line, "conn"));
			/* What a rule did is told once, and as no error. */
			assert_int_equal(log_count(&p.a, "error"), 0);
			pair_close(&p);
		}
	}
}

static void without_a_rule_every_way_sends_a_fin(void **state)
{
	static const struct situation hows[] = {{AF_INET, false, false}, {AF_INET6, true, true}};
	(void)state;
	for (size_t h = 0; h < 2; h++) {
		for (size_t i = 0; i < WAYS; i++) {
			struct pair p;
			pair_open(&p, hows[h], (const char *[]){"RESETBY_LEVEL=conns", NULL});
			assert_string_equal(actor_do(&p.a, "udp4 s8"), "0 -");
			assert_string_equal(actor_do(&p.a, "%s", ways[i].command), ways[i].result);
			assert_int_equal(pair_expect_fin(&p), 0);
			assert_int_equal(log_count(&p.a, "inject"), 0);
			const char *end = log_find(&p.a, "close", 0);
			bool exits = ways[i].result[0] == 'e';
			assert_string_equal(json_get(end, "end"), exits ? "exit" : "fin");
			pair_close(&p);
		}
	}
}

/** Closing one of several descriptors does nothing; the last one resets. */
static void only_the_last_descriptor_resets(void **state)
{
	static const char *const copies[] = {"dup s0 s1", "dupfd s0 s1", "dupfd s0 s1 cloexec",
					     "dup2 s0 s1", "dup3 s0 s1"};
	(void)state;
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_with_rule(&p, *how, "linger0");
			/* A number for dup2 and dup3 to write over. */
			assert_string_equal(actor_do(&p.a, "udp4 s1"), "0 -");
			assert_string_equal(actor_do(&p.a, "%s", copies[i]), "0 -");
			assert_string_equal(actor_do(&p.a, "close s%u", (unsigned)(i % 2)), "0 -");
			pair_expect_open(&p);
			assert_int_equal(log_count(&p.a, "inject"), 0);
			assert_int_equal(log_count(&p.a, "close"), 0);
			assert_string_equal(actor_do(&p.a, "close s%u", (unsigned)(1 - i % 2)),
					    "0 -");
			pair_expect_rst(&p);
			pair_expect_told(&p, "inject", 0, "1 linger0", BY);
			pair_close(&p);
		}
	}
}

/** dup2 of a bad descriptor fails and closes nothing; onto itself it does nothing. */
static void dup2_that_closes_nothing_injects_nothing(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, client_situation, "linger0");
	assert_string_equal(actor_do(&p.a, "dup2 99 s0"), "-1 EBADF");
	assert_string_equal(actor_do(&p.a, "dup2 s0 s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "dup3 s0 s0"), "-1 EINVAL");
	assert_string_equal(actor_do(&p.a, "dup3 99 s0"), "-1 EBADF");
	assert_string_equal(actor_do(&p.a, "close_range s0 s0 cloexec"), "0 -");
	assert_string_equal(actor_do(&p.a, "vfork_close s0"), "0 -");
	pair_expect_open(&p);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	assert_string_equal(peer_recv(p.peer, 3), "abc");
	pair_close(&p);
}

static void a_forked_child_keeps_the_connection_up(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "linger0");
		assert_string_equal(actor_do(&p.a, "forkhold"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_open(&p);
		/* Nothing has been sent, and no line says so. */
		pair_expect_told(&p, "inject", 0, "1 linger0",
				 "if a forked process holds the socket too, at its last close");
		assert_null(json_get(log_find(&p.a, "close", 0), "end"));
		assert_string_equal(actor_do(&p.a, "forkkill"), "0 -");
		pair_expect_rst(&p);
		pair_close(&p);
	}
}

static void a_child_that_closes_does_not_reset_its_parent(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, client_situation, "linger0");
	assert_string_equal(actor_do(&p.a, "fork close s0"), "0 -");
	pair_expect_open(&p);
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	assert_string_equal(peer_recv(p.peer, 3), "abc");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_close(&p);
}

/** What is done before the close, and whether it then resets. */
static const struct trigger {
	const char *rule;
	/** Commands for the actor, separated by |; > sends from the peer, < receives there. */
	const char *before;
	bool server;
	bool resets;
} triggers[] = {
	{"linger0 prob=0%", "", false, false},
	{"linger0 prob=100%", "", false, true},
	{"linger0 times=0", "", false, false},
	{"linger0 after=10", "send s0 9|<9", false, false},
	{"linger0 after=10", "send s0 10|<10", false, true},
	{"linger0 after=10", "send s0 5|<5|>hello|recv s0 5 waitall", false, true},
	{"linger0 after=10", "send s0 5|<5|>hell|recv s0 4 waitall", true, false},
	{"linger0 after=0", "", true, true},
	{"linger0 after=1h", "poll s0 in 30", false, false},
	{"linger0 after=10ms", "poll s0 in 50", true, true},
	{"linger0 side=client", "", false, true},
	{"linger0 side=client", "", true, false},
	{"linger0 side=server", "", true, true},
	{"linger0 side=server", "", false, false},
	{"linger0 exe=actor", "", false, true},
	{"linger0 exe=act*", "", true, true},
	{"linger0 exe=curl", "", false, false},
	{"linger0 when=close", "", true, true},
	{"linger0 starts=GET", "sendtext s0 GET /|<5", false, true},
	{"linger0 starts=GET", "sendtext s0 PUT /|<5", false, false},
	{"linger0 starts=GET", "sendtext s0 GE|sendtext s0 T /|<5", false, true},
	{"linger0 starts=GET", ">GET /|recv s0 5 waitall", true, true},
	{"linger0 starts=GET", ">PUT /|recv s0 5 waitall", true, false},
	{"linger0 starts=GET",
	 ">GET /|recv s0 5 waitall|sendtext s0 200|<3|>PUT /|recv s0 5 waitall", true, false},
	/* However the bytes are cut. */
	{"linger0 starts=GET\\x20/", ">GET /|readv s0 5 2", true, true},
	{"linger0 starts=GET\\x20/", ">GET /|preadv2 s0 5 5", true, true},
	{"linger0 starts=GET\\x20/", ">GET /|recvmsg s0 5 3", true, true},
	{"linger0 starts=abcde", "writev s0 6 3|<6", false, true},
	{"linger0 starts=abcde", "pwritev2 s0 6 3|<6", false, true},
	{"linger0 starts=abcde", "sendmsg s0 6 3|<6", false, true},
	{"linger0 conn=1", "", false, true},
	{"linger0 conn=2", "", false, false},
	/* Of rules with the same action the first that matches wins. */
	{"linger0 prob=0%;linger0", "", false, true},
	{"linger0 after=1h;linger0", "", false, false},
};

static void prepare(struct pair *p, const char *steps)
{
	char copy[512];
	char *save = NULL;
	snprintf(copy, sizeof(copy), "%s", steps);
	for (char *step = strtok_r(copy, "|", &save); step; step = strtok_r(NULL, "|", &save)) {
		if (*step == '>') {
			peer_send(p->peer, step + 1);
		} else if (*step == '<') {
			peer_recv(p->peer, (size_t)atoi(step + 1));
		} else {
			actor_do(&p->a, "%s", step);
		}
	}
}

static void triggers_say_when(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		for (int v6 = 0; v6 <= 1; v6++) {
			const struct trigger *t = &triggers[i];
			struct situation how = {v6 ? AF_INET6 : AF_INET, t->server, false};
			struct pair p;
			pair_with_rule(&p, how, t->rule);
			prepare(&p, t->before);
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			if (t->resets) {
				pair_expect_rst(&p);
			} else {
				pair_expect_fin(&p);
			}
			assert_int_equal(log_count(&p.a, "inject"), t->resets);
			pair_close(&p);
		}
	}
}

/** Which of six connections are reset, as a string of r and f. */
static void expect_series(const char *rule, const char *expected)
{
	ALL_SITUATIONS (how) {
		struct pair p;
		char seen[8] = "";
		pair_with_rule(&p, *how, rule);
		for (int i = 0; i < 6; i++) {
			if (i > 0) {
				pair_again(&p);
			}
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			seen[i] = pair_sent_rst(&p) ? 'r' : 'f';
			peer_drain(p.peer);
			assert_int_equal(errno, seen[i] == 'r' ? ECONNRESET : 0);
		}
		assert_string_equal(seen, expected);
		pair_close(&p);
	}
}

static void times_and_conn_count_connections(void **state)
{
	(void)state;
	expect_series("linger0 times=2", "rrffff");
	expect_series("linger0 conn=2", "frffff");
	expect_series("linger0 conn=2..4", "frrrff");
	expect_series("linger0 conn=1+2", "rfrfrf");
	expect_series("linger0 conn=2..5+3", "frffrf");
	expect_series("linger0 conn=2+ times=1", "frffff");
}

/** The same seed gives the same draws. */
static void prob_is_drawn_from_the_seed(void **state)
{
	char seen[2][33] = {"", ""};
	(void)state;
	for (int run = 0; run < 2; run++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "linger0 prob=50%");
		for (int i = 0; i < 32; i++) {
			if (i > 0) {
				pair_again(&p);
			}
			actor_do(&p.a, "close s0");
			seen[run][i] = pair_sent_rst(&p) ? 'r' : 'f';
		}
		pair_close(&p);
	}
	assert_string_equal(seen[0], seen[1]);
	assert_non_null(strchr(seen[0], 'r'));
	assert_non_null(strchr(seen[0], 'f'));
}

static void to_and_at_select_by_address(void **state)
{
	static const struct {
		const char *rule;
		bool resets[2];
	} cases[] = {
		{"linger0 to=127.0.0.0/8", {true, false}},
		{"linger0 to=[::1]", {false, true}},
		{"linger0 to=127.0.0.1:%u", {true, false}},
		{"linger0 to=:%u", {true, true}},
		{"linger0 to=:1-2", {false, false}},
		{"linger0 to=10.0.0.0/8", {false, false}},
		{"linger0 at=[::1]", {false, true}},
		{"linger0 at=127.0.0.1", {true, false}},
		{"linger0 at=:%u", {false, false}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int v6 = 0; v6 <= 1; v6++) {
			int family = v6 ? AF_INET6 : AF_INET;
			char setting[128] = "RESETBY_RULES=";
			struct pair p = {.how = {family, false, false}};
			p.listener = peer_listen(family, &p.listen_port);
			sprintf(setting + strlen(setting), cases[i].rule, p.listen_port);
			capture_open(&p.wire, "lo");
			actor_start(&p.a, (const char *[]){setting, NULL});
			p.peer = -1;
			pair_again(&p);
			actor_do(&p.a, "close s0");
			if (cases[i].resets[v6]) {
				pair_expect_rst(&p);
			} else {
				pair_expect_fin(&p);
			}
			pair_close(&p);
		}
	}
}

/** at= on the accepting side is the listening port, and a bind of the client's is seen as well. */
static void at_is_the_listening_port(void **state)
{
	struct pair p;
	uint16_t port;
	(void)state;
	int scout = peer_listen(AF_INET, &port);
	close(scout);
	p = (struct pair){.how = {AF_INET, true, false}, .peer = -1, .listener = -1};
	capture_open(&p.wire, "lo");
	char setting[64];
	sprintf(setting, "RESETBY_RULES=linger0 at=:%u", port);
	actor_start(&p.a, (const char *[]){setting, NULL});
	actor_do(&p.a, "socket4 s9");
	actor_do(&p.a, "setsockopt s9 reuseaddr 1");
	assert_string_equal(actor_do(&p.a, "bind s9 127.0.0.1 %u", port), "0 -");
	assert_string_equal(actor_do(&p.a, "listen s9"), "0 -");
	p.listen_port = port;
	pair_again(&p);
	actor_do(&p.a, "close s0");
	pair_expect_rst(&p);
	pair_close(&p);
}

static void a_connection_that_is_over_is_left_alone(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		/* The program knows of the reset, or does not. */
		for (int told = 0; told <= 1; told++) {
			pair_with_rule(&p, *how, "linger0");
			pair_abort_peer(&p);
			if (told) {
				actor_do(&p.a, "poll s0 in 20000");
				assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
			}
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			assert_false(pair_sent_rst(&p));
			assert_int_equal(log_count(&p.a, "inject"), 0);
			assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"),
					    "peer-rst");
			pair_close(&p);
		}
		/* Both sides have closed: TIME_WAIT here. */
		pair_with_rule(&p, *how, "linger0");
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_int_equal(peer_drain(p.peer), 0);
		pair_close_peer(&p);
		actor_do(&p.a, "poll s0 in 20000");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_false(pair_sent_rst(&p));
		assert_int_equal(log_count(&p.a, "inject"), 0);
		pair_close(&p);
	}
}

static void half_closed_connections_are_reset(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "linger0");
		/* CLOSE_WAIT: a RST to a peer in FIN_WAIT_2. */
		shutdown(p.peer, SHUT_WR);
		actor_do(&p.a, "poll s0 in 20000");
		assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_expect_told(&p, "inject", 0, "1 linger0", BY);
		/* FIN_WAIT_2: the FIN is out already, the RST comes as well; RST is what counts. */
		pair_again(&p);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_int_equal(peer_drain(p.peer), 0);
		assert_int_equal(errno, 0);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		assert_true(pair_sent_rst(&p));
		tcp_wait_state(p.peer, TCP_CLOSE);
		pair_expect_told(&p, "inject", 1, "1 linger0", BY);
		/* FIN_WAIT_1: the FIN is still on its way, and no byte of the program's is lost with it. */
		pair_again(&p);
		nft("add rule inet lab in tcp sport %u drop", p.actor_port);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		nft_flush();
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		tcp_wait_state(p.peer, TCP_CLOSE);
		assert_null(strstr(json_get(log_find(&p.a, "inject", 2), "by"), "discarded"));
		pair_close(&p);
	}
}

static void sockets_without_a_connection_are_left_alone(void **state)
{
	struct actor a;
	uint16_t port;
	(void)state;
	uint64_t resets = netstat_counter("OutRsts");
	int listener = peer_listen(AF_INET, &port);
	actor_start(&a, (const char *[]){"RESETBY_RULES=linger0", NULL});
	actor_do(&a, "socket4 s0");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	actor_do(&a, "socket6 s0");
	actor_do(&a, "bind s0 [::1] 0");
	actor_do(&a, "listen s0");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	actor_do(&a, "udp4 s0");
	actor_do(&a, "connect s0 127.0.0.1 %u", port);
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	actor_do(&a, "socketpair s0 s1");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(actor_stop(&a), 0);
	assert_int_equal(netstat_counter("OutRsts"), resets);
	assert_int_equal(log_count(&a, NULL), 0);
	assert_string_equal(actor_stderr(&a), "");
	close(listener);
}

static void unsent_data_is_discarded(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_with_rule(&p, *how, "linger0");
		/* More than both buffers hold, so that some cannot have been sent. */
		long sent = actor_number(actor_do(&p.a, "send s0 30000000 dontwait"));
		assert_true(sent > 0 && sent < 30000000);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		size_t arrived = pair_expect_rst(&p);
		assert_true(arrived < (size_t)sent);
		pair_expect_told(&p, "inject", 0, "1 linger0",
				 "unsent or unacknowledged discarded");
		const char *end = log_find(&p.a, "close", 0);
		assert_int_equal((long)json_number(end, "bytes_out"), sent);
		pair_close(&p);
	}
}

/** The program's own SO_LINGER with a time is overridden, and what it shows before is its own. */
static void a_linger_of_the_programs_gives_way(void **state)
{
	struct pair p;
	(void)state;
	pair_with_rule(&p, client_situation, "linger0");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 linger on 5"), "0 -");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 linger"), "0 - on 5");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(every_way_to_close_resets), LAB_TEST(without_a_rule_every_way_sends_a_fin),
	 LAB_TEST(only_the_last_descriptor_resets),
	 LAB_TEST(dup2_that_closes_nothing_injects_nothing),
	 LAB_TEST(a_forked_child_keeps_the_connection_up),
	 LAB_TEST(a_child_that_closes_does_not_reset_its_parent), LAB_TEST(triggers_say_when),
	 LAB_TEST(times_and_conn_count_connections), LAB_TEST(prob_is_drawn_from_the_seed),
	 LAB_TEST(to_and_at_select_by_address), LAB_TEST(at_is_the_listening_port),
	 LAB_TEST(a_connection_that_is_over_is_left_alone),
	 LAB_TEST(half_closed_connections_are_reset),
	 LAB_TEST(sockets_without_a_connection_are_left_alone), LAB_TEST(unsent_data_is_discarded),
	 LAB_TEST(a_linger_of_the_programs_gives_way))
