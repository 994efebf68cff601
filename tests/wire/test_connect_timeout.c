/* connect-timeout: the SYN is never answered, and the kernel itself says that the time is up. */

#include "lab_pair.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Far more than any connect here may take. */
#define TOO_LONG_MS 15000

static const int families[] = {AF_INET, AF_INET6};

/** An actor with a rule, and the target it will not reach. */
struct trial {
	struct actor a;
	struct capture wire;
	int family;
	int target;
	uint16_t port;
};

static void start_as(struct trial *t, int family, int modes, const char *rule)
{
	char setting[256];
	*t = (struct trial){.family = family};
	snprintf(setting, sizeof(setting), "RESETBY_RULES=%s", rule);
	t->target = peer_listen(family, &t->port);
	capture_open(&t->wire, "lo");
	actor_start_as(&t->a, modes, (const char *[]){setting, "RESETBY_LEVEL=conns", NULL});
}

static void start(struct trial *t, int family, const char *rule)
{
	start_as(t, family, ACTOR_PRELOADED, rule);
}

static void make_socket(struct trial *t, int slot, const char *how)
{
	const char *family = t->family == AF_INET ? "4" : "6";
	assert_string_equal(actor_do(&t->a, "socket%s s%d %s", family, slot, how), "0 -");
}

static const char *connect_slot(struct trial *t, int slot)
{
	return actor_do(&t->a, "connect s%d %s %u", slot, loopback(t->family), t->port);
}

/** The kernel counts in ticks, of which the first has begun already: 10 ms where HZ is 100. */
#define TICK_MS 10

/** The last call ended with so much time behind it, and no more than is sensible. */
static void expect_ms(struct trial *t, long least)
{
	long ms = actor_number(actor_do(&t->a, "time"));
	if (ms < least - TICK_MS || ms > TOO_LONG_MS) {
		fail_msg("it took %ld ms", ms);
	}
}

static bool is_of_family(const char *address, int family)
{
	return (strchr(address, ':') != NULL) == (family == AF_INET6);
}

/** No SYN has come to the target: neither on the wire nor in its queue. */
static void expect_untouched(struct trial *t)
{
	struct match syns = {.to_port = t->port, .set = TH_SYN};
	const struct segment *syn;
	for (unsigned i = 0; (syn = capture_find(&t->wire, syns, i)) != NULL; i++) {
		/* What never answers may have the same port in the other family. */
		assert_false(is_of_family(syn->to, t->family));
	}
	assert_int_equal(peer_poll(t->target, POLLIN, 0), 0);
}

/** The SYN that left last is one that nobody has answered. */
static void expect_unanswered_syn(struct trial *t)
{
	struct match syns = {.set = TH_SYN, .clear = TH_ACK};
	unsigned count = capture_count(&t->wire, syns);
	assert_true(count > 0);
	const struct segment *syn = capture_find(&t->wire, syns, count - 1);
	/* A connection to elsewhere may have had the same port. */
	struct match answers = {.from_port = syn->to_port, .to_port = syn->from_port};
	assert_int_equal(capture_count(&t->wire, answers), 0);
}

static void expect_injected(struct trial *t, unsigned index, const char *rule, const char *by)
{
	const char *line = log_find(&t->a, "inject", index);
	assert_non_null(line);
	assert_string_equal(json_get(line, "action"), "connect-timeout");
	assert_string_equal(json_get(line, "rule"), rule);
	assert_non_null(strstr(json_get(line, "by"), by));
	assert_string_equal(json_get(line, "side"), "client");
	assert_string_equal(json_get(line, "peer"),
			    lab_text("%s:%u", loopback(t->family), t->port));
}

/** The verdict that goes with it names the rule. */
static void expect_verdict(struct trial *t, unsigned index, const char *op)
{
	const char *line = log_find(&t->a, "error", index);
	assert_non_null(line);
	assert_string_equal(json_get(line, "cause"), "injected");
	assert_string_equal(json_get(line, "sure"), "certain");
	assert_string_equal(json_get(line, "errno"), "ETIMEDOUT");
	assert_string_equal(json_get(line, "op"), op);
	assert_string_equal(json_get(line, "case"), "none");
	assert_non_null(strstr(json_get(line, "why"), "1"));
}

static void end(struct trial *t)
{
	assert_int_equal(actor_stop(&t->a), 0);
	close(t->target);
	capture_close(&t->wire);
}

/** The program connects after all: what a second try finds. */
static void expect_connects(struct trial *t, int slot, bool nonblocking)
{
	assert_string_equal(connect_slot(t, slot), nonblocking ? "-1 EINPROGRESS" : "0 -");
	assert_string_equal(actor_do(&t->a, "poll s%d out 20000", slot), "1 - out");
	assert_string_equal(actor_do(&t->a, "getsockopt s%d error", slot), "0 - 0");
	int server = peer_accept(t->target);
	assert_string_equal(actor_do(&t->a, "send s%d 5", slot), "5 -");
	assert_string_equal(peer_recv(server, 5), "abcde");
	peer_send(server, "hello");
	assert_string_equal(actor_do(&t->a, "poll s%d in 20000", slot), "1 - in");
	assert_string_equal(actor_do(&t->a, "recv s%d", slot), "5 - hello");
	close(server);
}

static void blocking_connect_ends_exactly(void **state)
{
	static const char *const commands[] = {"connect", "__connect"};
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct trial t;
		start(&t, families[i / 2], "connect-timeout=300ms");
		make_socket(&t, 0, "");
		assert_string_equal(
			actor_do(&t.a, "%s s0 %s %u", commands[i % 2], loopback(t.family), t.port),
			"-1 ETIMEDOUT");
		expect_ms(&t, 300);
		assert_string_equal(actor_do(&t.a, "errno"), "0 - ETIMEDOUT");
		/* The error was told: it is not there a second time. */
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - 0");
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		expect_injected(&t, 0, "1 connect-timeout=300ms", "SO_SNDTIMEO");
		expect_verdict(&t, 0, "connect");
		assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
		assert_int_equal(log_count(&t.a, "inject"), 1);
		assert_int_equal(log_count(&t.a, "error"), 1);
		assert_string_equal(json_get(log_find(&t.a, "close", 0), "end"), "timeout");
		end(&t);
	}
}

static void the_programs_options_are_what_they_were(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=200ms times=2");
		make_socket(&t, 0, "");
		assert_string_equal(actor_do(&t.a, "setsockopt s0 user_timeout 12345"), "0 -");
		assert_string_equal(actor_do(&t.a, "setsockopt s0 sndtimeo 7000"), "0 -");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_ms(&t, 200);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 user_timeout"), "0 - 12345");
		assert_string_equal(actor_do(&t.a, "getsockopt s0 sndtimeo"), "0 - 7000");
		/* Without any set by the program there is none. */
		make_socket(&t, 1, "");
		assert_string_equal(connect_slot(&t, 1), "-1 ETIMEDOUT");
		assert_string_equal(actor_do(&t.a, "getsockopt s1 user_timeout"), "0 - 0");
		assert_string_equal(actor_do(&t.a, "getsockopt s1 sndtimeo"), "0 - 0");
		/* The socket is as good as new. */
		expect_connects(&t, 0, false);
		expect_connects(&t, 1, false);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 user_timeout"), "0 - 12345");
		end(&t);
	}
}

static void a_shorter_limit_of_the_programs_comes_first(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=5m times=1");
		make_socket(&t, 0, "");
		assert_string_equal(actor_do(&t.a, "setsockopt s0 sndtimeo 150"), "0 -");
		assert_string_equal(actor_do(&t.a, "setsockopt s0 user_timeout 12345"), "0 -");
		/* As ever with SO_SNDTIMEO: EINPROGRESS, and the SYN is still out. */
		assert_string_equal(connect_slot(&t, 0), "-1 EINPROGRESS");
		expect_ms(&t, 150);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - 0");
		assert_string_equal(actor_do(&t.a, "tcp_state s0"),
				    lab_text("0 - %d", TCP_SYN_SENT));
		assert_string_equal(actor_do(&t.a, "poll s0 out 0"), "0 -");
		expect_untouched(&t);
		expect_injected(&t, 0, "1 connect-timeout=5m times=1", "never answered");
		const char *line = log_find(&t.a, "error", 0);
		assert_string_equal(json_get(line, "cause"), "injected");
		assert_string_equal(json_get(line, "op"), "connect");
		/* Given up, the socket is the program's again, as it was. */
		assert_string_equal(actor_do(&t.a, "disconnect s0"), "0 -");
		assert_string_equal(actor_do(&t.a, "getsockopt s0 user_timeout"), "0 - 12345");
		expect_connects(&t, 0, false);
		end(&t);
	}
}

static void a_nonblocking_connect_that_is_repeated_is_under_way(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=5m");
		make_socket(&t, 0, "nonblock");
		assert_string_equal(connect_slot(&t, 0), "-1 EINPROGRESS");
		assert_string_equal(connect_slot(&t, 0), "-1 EALREADY");
		expect_untouched(&t);
		end(&t);
	}
}

/** Every way to wait is quiet until the end; then it is the kernel's ETIMEDOUT, told once. */
static void nonblocking_connects_end_at_the_syn_timer(void **state)
{
	static const struct {
		const char *quiet;
		const char *wait;
		const char *events;
	} ways[] = {
		{"poll s0 in out 0", "poll s0 in out 20000", "1 - in out err hup"},
		{"epoll_wait s6 0", "epoll_wait s6 20000", "1 - in out err hup rdhup"},
		{"epoll_wait s7 0", "epoll_wait s7 20000", "1 - in out err hup rdhup"},
		{"select s3 out 0", "select s3 out 20000", "1 - out"},
		{"ppoll s4 out 0", "ppoll s4 out 20000", "1 - out err hup"},
		{"pselect s5 in 0", "pselect s5 in 20000", "1 - in"},
	};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=200ms");
		for (int slot = 0; slot < 6; slot++) {
			make_socket(&t, slot, "nonblock");
		}
		actor_do(&t.a, "setsockopt s0 user_timeout 54321");
		actor_do(&t.a, "epoll_create s6");
		actor_do(&t.a, "epoll_create s7");
		int64_t began = lab_now_ms();
		for (int slot = 0; slot < 6; slot++) {
			assert_string_equal(connect_slot(&t, slot), "-1 EINPROGRESS");
		}
		assert_string_equal(actor_do(&t.a, "epoll_add s6 s1 in out rdhup"), "0 -");
		assert_string_equal(actor_do(&t.a, "epoll_add s7 s2 in out rdhup et"), "0 -");
		for (int way = 0; way < 6; way++) {
			const char *now = actor_do(&t.a, "%s", ways[way].quiet);
			/* On a machine that is held up for long the time may be over already. */
			if (lab_now_ms() - began < 200) {
				assert_string_equal(now, "0 -");
			}
		}
		for (int way = 0; way < 6; way++) {
			assert_string_equal(actor_do(&t.a, "%s", ways[way].wait), ways[way].events);
			if (way == 0) {
				expect_ms(&t, 0);
				assert_in_range(lab_now_ms() - began, 200, TOO_LONG_MS);
			}
		}
		for (int slot = 0; slot < 6; slot++) {
			assert_string_equal(actor_do(&t.a, "getsockopt s%d error", slot),
					    "0 - ETIMEDOUT");
			assert_string_equal(actor_do(&t.a, "getsockopt s%d error", slot), "0 - 0");
			expect_verdict(&t, (unsigned)slot, "getsockopt");
			assert_string_equal(actor_do(&t.a, "getsockopt s%d user_timeout", slot),
					    slot ? "0 - 0" : "0 - 54321");
		}
		/* The edge has been told. */
		assert_string_equal(actor_do(&t.a, "epoll_wait s7 0"), "0 -");
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		expect_injected(&t, 0, "1 connect-timeout=200ms", "TCP_USER_TIMEOUT");
		assert_int_equal(log_count(&t.a, "inject"), 6);
		assert_int_equal(log_count(&t.a, "error"), 6);
		end(&t);
	}
}

static void a_nonblocking_socket_connects_the_second_time(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=200ms times=1");
		make_socket(&t, 0, "nonblock");
		assert_string_equal(connect_slot(&t, 0), "-1 EINPROGRESS");
		assert_string_equal(actor_do(&t.a, "poll s0 out 20000"), "1 - out err hup");
		/* A second connect is told the error, as connect(2) has it. */
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_verdict(&t, 0, "connect");
		expect_connects(&t, 0, true);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 user_timeout"), "0 - 0");
		end(&t);
	}
}

static void without_a_value_the_kernels_own_limit_holds(void **state)
{
	struct trial t;
	(void)state;
	for (int i = 0; i < 2; i++) {
		start(&t, families[i], "connect-timeout");
		make_socket(&t, 0, "");
		make_socket(&t, 1, "nonblock");
		/* The program's own TCP_SYNCNT keeps the test short: two SYNs, and 2 or 3 s. */
		actor_do(&t.a, "setsockopt s0 syncnt 1");
		actor_do(&t.a, "setsockopt s1 syncnt 1");
		assert_string_equal(connect_slot(&t, 1), "-1 EINPROGRESS");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_ms(&t, 1900);
		assert_string_equal(actor_do(&t.a, "poll s1 out 20000"), "1 - out err hup");
		assert_string_equal(actor_do(&t.a, "getsockopt s1 error"), "0 - ETIMEDOUT");
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		struct match syns = {.set = TH_SYN, .clear = TH_ACK};
		uint16_t from =
			capture_find(&t.wire, syns, capture_count(&t.wire, syns) - 1)->from_port;
		syns.from_port = from;
		/* How many in that time depends on tcp_syn_linear_timeouts. */
		assert_in_range(capture_count(&t.wire, syns), 2, 4);
		expect_injected(&t, 0, "1 connect-timeout", "tcp_syn_retries");
		end(&t);
	}
}

static void ipv4_mapped_and_v6only_sockets_are_held(void **state)
{
	struct trial t;
	(void)state;
	start(&t, AF_INET, "connect-timeout=200ms to=127.0.0.1 times=1");
	assert_string_equal(actor_do(&t.a, "socket6 s0"), "0 -");
	assert_string_equal(actor_do(&t.a, "connect s0 [::ffff:127.0.0.1] %u", t.port),
			    "-1 ETIMEDOUT");
	expect_ms(&t, 200);
	expect_untouched(&t);
	expect_unanswered_syn(&t);
	assert_int_equal(log_count(&t.a, "inject"), 1);
	assert_string_equal(actor_do(&t.a, "connect s0 [::ffff:127.0.0.1] %u", t.port), "0 -");
	close(peer_accept(t.target));
	end(&t);

	start(&t, AF_INET6, "connect-timeout=200ms times=1");
	make_socket(&t, 0, "");
	assert_string_equal(actor_do(&t.a, "setsockopt s0 v6only 1"), "0 -");
	assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
	expect_ms(&t, 200);
	expect_untouched(&t);
	expect_unanswered_syn(&t);
	assert_string_equal(actor_do(&t.a, "getsockopt s0 v6only"), "0 - 1");
	expect_connects(&t, 0, false);
	end(&t);
}

/** It reaches nothing but IPv4 with it. */
static void an_ipv6_socket_with_an_ipv4_address_is_held(void **state)
{
	struct trial t;
	(void)state;
	start(&t, AF_INET, "connect-timeout=200ms times=1");
	assert_string_equal(actor_do(&t.a, "socket6 s0"), "0 -");
	assert_string_equal(actor_do(&t.a, "bind s0 [::ffff:127.0.0.1] 0"), "0 -");
	assert_string_equal(actor_do(&t.a, "connect s0 [::ffff:127.0.0.1] %u", t.port),
			    "-1 ETIMEDOUT");
	expect_ms(&t, 200);
	expect_untouched(&t);
	expect_unanswered_syn(&t);
	assert_string_equal(actor_do(&t.a, "connect s0 [::ffff:127.0.0.1] %u", t.port), "0 -");
	close(peer_accept(t.target));
	end(&t);
}

/** One that is bound to a device reaches loopback if that is the device. */
static void a_socket_that_is_bound_to_a_device_is_held_or_goes_its_way(void **state)
{
	(void)state;
	lab_second_host();
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=200ms");
		make_socket(&t, 0, "");
		assert_string_equal(actor_do(&t.a, "setsockopt s0 device lo"), "0 -");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_unanswered_syn(&t);
		assert_int_equal(log_count(&t.a, "warn"), 0);
		make_socket(&t, 1, "");
		assert_string_equal(actor_do(&t.a, "setsockopt s1 device cable"), "0 -");
		const char *address = i == 0 ? SECOND_ADDR : "[" SECOND_ADDR6 "]";
		assert_string_equal(actor_do(&t.a, "connect s1 %s 9", address), "-1 ECONNREFUSED");
		const char *line = log_find(&t.a, "warn", 0);
		assert_string_equal(json_get(line, "cause"), "rule-idle");
		assert_non_null(strstr(json_get(line, "why"), "bound to a device"));
		assert_int_equal(log_count(&t.a, "inject"), 1);
		end(&t);
	}
}

/** A send that connects is a connect. */
static void fast_open_is_held_too(void **state)
{
	static const char *const ways[] = {"sendto_fastopen", "sendmsg_fastopen"};
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct trial t;
		start(&t, families[i / 2], "connect-timeout=200ms times=1");
		make_socket(&t, 0, "");
		assert_string_equal(
			actor_do(&t.a, "%s s0 %s %u 5", ways[i % 2], loopback(t.family), t.port),
			"-1 ETIMEDOUT");
		expect_ms(&t, 200);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - 0");
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		expect_injected(&t, 0, "1 connect-timeout=200ms times=1", "SO_SNDTIMEO");
		/* And without the rule it goes through. */
		assert_string_equal(
			actor_do(&t.a, "%s s0 %s %u 5", ways[i % 2], loopback(t.family), t.port),
			"5 -");
		int server = peer_accept(t.target);
		assert_string_equal(peer_recv(server, 5), "abcde");
		close(server);
		end(&t);
	}
}

static void fast_open_connect_is_held_too(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=200ms times=1");
		make_socket(&t, 0, "");
		assert_string_equal(actor_do(&t.a, "setsockopt s0 fastopen_connect 1"), "0 -");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_ms(&t, 200);
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		end(&t);
	}
}

/** Into a namespace of its own, with loopback down as it is born. */
static void start_without_loopback(struct trial *t, int family, const char *rule)
{
	uint16_t port = 9;
	char setting[256];
	*t = (struct trial){.family = family, .port = port, .target = -1};
	snprintf(setting, sizeof(setting), "RESETBY_RULES=%s", rule);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	actor_start(&t->a, (const char *[]){setting, "RESETBY_LEVEL=conns", NULL});
	lab_go(HOST_FIRST);
}

static void without_loopback_it_falls_back_or_says_so(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start_without_loopback(&t, families[i], "connect-timeout=300ms");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_ms(&t, 300);
		assert_string_equal(actor_do(&t.a, "getsockopt s0 error"), "0 - 0");
		expect_injected(&t, 0, "1 connect-timeout=300ms", "no loopback here");
		expect_verdict(&t, 0, "connect");
		assert_int_equal(log_count(&t.a, "warn"), 0);

		make_socket(&t, 1, "nonblock");
		unsigned before = actor_descriptors(&t.a);
		for (int times = 0; times < 2; times++) {
			const char *ordinary = connect_slot(&t, 1);
			assert_true(strcmp(ordinary, "-1 ENETUNREACH") == 0 ||
				    strcmp(ordinary, "-1 EADDRNOTAVAIL") == 0);
		}
		assert_int_equal(actor_descriptors(&t.a), before);
		const char *line = log_find(&t.a, "warn", 0);
		assert_non_null(line);
		assert_string_equal(json_get(line, "cause"), "rule-idle");
		assert_string_equal(json_get(line, "action"), "connect-timeout");
		assert_string_equal(json_get(line, "rule"), "1 connect-timeout=300ms");
		assert_non_null(strstr(json_get(line, "why"), "loopback"));
		/* Once is enough, and what did not happen is not told as if it had. */
		assert_int_equal(log_count(&t.a, "warn"), 1);
		assert_int_equal(log_count(&t.a, "inject"), 1);
		if (families[i] == AF_INET) {
			const char *verdict = log_find(&t.a, "error", 1);
			assert_string_equal(json_get(verdict, "cause"), "unreachable");
		}
		assert_int_equal(actor_stop(&t.a), 0);
	}
}

/** A socket that speaks IPv4 as well, where loopback has nothing else. */
static void without_ipv6_on_loopback_ipv4_is_enough(void **state)
{
	static const char *const ways[] = {"0", "1"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t = {.family = AF_INET6, .target = -1, .port = 9};
		assert_int_equal(unshare(CLONE_NEWNET), 0);
		lab_sysctl("net/ipv6/conf/lo/disable_ipv6", "1");
		assert_int_equal(system("ip link set lo up"), 0);
		capture_open(&t.wire, "lo");
		actor_start(&t.a, (const char *[]){"RESETBY_RULES=connect-timeout=200ms", NULL});
		make_socket(&t, 0, "");
		actor_do(&t.a, "setsockopt s0 v6only %s", ways[i]);
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_ms(&t, 200);
		if (i == 0) {
			expect_unanswered_syn(&t);
			assert_string_equal(
				capture_find(&t.wire, (struct match){.set = TH_SYN}, 0)->to,
				"127.0.0.1");
		} else {
			assert_int_equal(capture_count(&t.wire, (struct match){.set = TH_SYN}), 0);
		}
		assert_int_equal(actor_stop(&t.a), 0);
		capture_close(&t.wire);
		lab_go(HOST_FIRST);
	}
}

/** It listens on loopback only, where a SYN is as lost as it can be. */
static void what_never_answers_is_not_there_for_other_hosts(void **state)
{
	static const char *const addresses[] = {FIRST_ADDR, "[" FIRST_ADDR6 "]"};
	(void)state;
	lab_second_host();
	for (int i = 0; i < 2; i++) {
		struct trial t;
		struct actor other;
		start(&t, families[i], "connect-timeout=100ms times=1");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		const struct segment *syn =
			capture_await(&t.wire, (struct match){.set = TH_SYN}, 0);
		uint16_t port = syn->to_port;
		assert_string_equal(syn->to, i == 0 ? "127.0.0.1" : "::1");
		actor_start_as(&other, ACTOR_BARE, NULL);
		actor_do(&other, i == 0 ? "socket4 s0" : "socket6 s0");
		assert_string_equal(actor_do(&other, "connect s0 %s %u", addresses[i], port),
				    "-1 ECONNREFUSED");
		assert_int_equal(actor_stop(&other), 0);
		end(&t);
	}
}

static void a_program_that_goes_to_another_network_namespace_is_held_there(void **state)
{
	(void)state;
	lab_second_host();
	for (int i = 0; i < 2; i++) {
		struct trial t;
		struct capture there;
		start(&t, families[i], "connect-timeout=200ms");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_unanswered_syn(&t);
		lab_go(HOST_SECOND);
		capture_open(&there, "lo");
		const char *made = actor_do(&t.a, "enter /proc/%d/ns/net socket%d s1",
					    (int)getpid(), i == 0 ? 4 : 6);
		assert_string_equal(made, "0 -");
		assert_string_equal(connect_slot(&t, 1), "-1 ETIMEDOUT");
		expect_ms(&t, 200);
		struct capture here = t.wire;
		t.wire = there;
		expect_unanswered_syn(&t);
		capture_close(&t.wire);
		t.wire = here;
		lab_go(HOST_FIRST);
		/* Where the first socket is, this thread can make nothing that never answers. */
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_untouched(&t);
		end(&t);
	}
}

/** The descriptors of ours in an actor: those that are no slot and not 0, 1, 2. */
static int own_descriptors(struct trial *t, int found[], int room)
{
	char path[64];
	int count = 0;
	for (int fd = 300; fd < 1100; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", t->a.pid, fd);
		char link[64];
		if (readlink(path, link, sizeof(link)) >= 0 && count < room) {
			found[count++] = fd;
		}
	}
	return count;
}

static void own_descriptors_do_not_exist_for_the_program(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		int own[16];
		start(&t, families[i], "connect-timeout=100ms times=3");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		int count = own_descriptors(&t, own, 16);
		/* Both ends of what never answers, at least. */
		assert_true(count >= 2);
		for (int n = 0; n < count; n++) {
			assert_string_equal(actor_do(&t.a, "close %d", own[n]), "-1 EBADF");
			assert_string_equal(actor_do(&t.a, "sys_close %d", own[n]), "-1 EBADF");
			assert_string_equal(actor_do(&t.a, "dup2 %d s0", own[n]), "-1 EBADF");
			assert_string_equal(actor_do(&t.a, "dup3 %d s0", own[n]), "-1 EBADF");
			assert_int_equal(actor_number(actor_do(&t.a, "getfl %d", own[n])), -1);
			assert_string_equal(actor_do(&t.a, "dup %d s5", own[n]), "-1 EBADF");
			assert_string_equal(actor_do(&t.a, "dupfd %d s5", own[n]), "-1 EBADF");
			assert_string_equal(actor_do(&t.a, "fcntl64 %d s5", own[n]), "-1 EBADF");
		}
		assert_int_equal(own_descriptors(&t, own, 16), count);
		make_socket(&t, 1, "");
		assert_string_equal(connect_slot(&t, 1), "-1 ETIMEDOUT");
		/* A number that the program takes for itself is its own: ours moves away. */
		for (int n = 0; n < count; n++) {
			assert_string_equal(actor_do(&t.a, "dup2 s0 %d", own[n]), "0 -");
			assert_string_equal(actor_do(&t.a, "getfl %d", own[n]), "2 - block");
		}
		make_socket(&t, 1, "");
		assert_string_equal(connect_slot(&t, 1), "-1 ETIMEDOUT");
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		expect_connects(&t, 0, false);
		end(&t);
	}
}

/** Programs that close every number, in every way they have, between two connects. */
static void closing_everything_breaks_nothing(void **state)
{
	static const char *const ways[] = {"closefrom 3", "close_range 3 max",
					   "sys_close_range 3 max"};
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct trial t;
		start(&t, families[i / 3], "connect-timeout=100ms times=2");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		assert_string_equal(actor_do(&t.a, "%s", ways[i % 3]), "0 -");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_ms(&t, 100);
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		/* The log goes on in its file as well. */
		assert_int_equal(log_count(&t.a, "inject"), 2);
		expect_connects(&t, 0, false);
		end(&t);
	}
}

/** Numbers that were closed behind our back, and taken by something else. */
static void lost_and_reused_numbers_are_noticed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		int own[16];
		start(&t, families[i], "connect-timeout=100ms times=3");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		int count = own_descriptors(&t, own, 16);
		assert_true(count >= 2);
		for (int n = 0; n < count; n++) {
			assert_string_equal(actor_do(&t.a, "unseen_close %d", own[n]), "0 -");
		}
		make_socket(&t, 1, "");
		assert_string_equal(connect_slot(&t, 1), "-1 ETIMEDOUT");
		expect_ms(&t, 100);
		/* Now the numbers are the program's. */
		count = own_descriptors(&t, own, 16);
		assert_true(count >= 2);
		make_socket(&t, 2, "");
		for (int n = 0; n < count; n++) {
			assert_string_equal(actor_do(&t.a, "unseen_close %d", own[n]), "0 -");
			assert_string_equal(actor_do(&t.a, "dupfd_from s2 s3 %d", own[n]), "0 -");
			assert_int_equal(actor_number(actor_do(&t.a, "fd s3")), own[n]);
		}
		assert_string_equal(connect_slot(&t, 2), "-1 ETIMEDOUT");
		expect_ms(&t, 100);
		expect_untouched(&t);
		for (int n = 0; n < count; n++) {
			assert_string_equal(actor_do(&t.a, "close %d", own[n]), "0 -");
		}
		expect_connects(&t, 2, false);
		end(&t);
	}
}

static void many_threads_are_held_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=400ms");
		const char *result =
			actor_do(&t.a, "connect_threads %s %u 48", loopback(t.family), t.port);
		long shortest = 0;
		assert_int_equal(sscanf(result, "48 - ETIMEDOUT %ld", &shortest), 1);
		assert_in_range(shortest, 400 - TICK_MS, TOO_LONG_MS);
		expect_untouched(&t);
		assert_int_equal(log_count(&t.a, "inject"), 48);
		assert_int_equal(log_count(&t.a, "error"), 48);
		end(&t);
	}
}

static void forked_children_are_held_like_their_parent(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start(&t, families[i], "connect-timeout=200ms");
		make_socket(&t, 0, "");
		/* Before the parent has anything to share, and after. */
		for (int n = 0; n < 2; n++) {
			assert_string_equal(
				actor_do(&t.a, "fork connect s0 %s %u", loopback(t.family), t.port),
				"-1 ETIMEDOUT");
			expect_ms(&t, 200);
			make_socket(&t, 1, "");
			assert_string_equal(connect_slot(&t, 1), "-1 ETIMEDOUT");
			expect_ms(&t, 200);
			actor_do(&t.a, "close s1");
		}
		assert_string_equal(actor_do(&t.a, "fork closefrom 1000"), "0 -");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		assert_int_equal(log_count(&t.a, "inject"), 5);
		end(&t);
	}
}

static void another_program_in_its_place_is_held_too(void **state)
{
	struct trial t;
	(void)state;
	start(&t, AF_INET, "connect-timeout=200ms");
	make_socket(&t, 0, "");
	assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
	assert_string_equal(actor_do(&t.a, "exec"), "0 -");
	/* Ours are closed on exec. */
	int own[16];
	int count = own_descriptors(&t, own, 16);
	assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
	expect_ms(&t, 200);
	assert_true(own_descriptors(&t, own, 16) >= count);
	expect_untouched(&t);
	end(&t);
}

/** A signal cuts a blocking connect as ever, and the socket keeps the program's options. */
static void a_signal_interrupts(void **state)
{
	struct trial t;
	(void)state;
	start(&t, AF_INET, "connect-timeout=5m");
	make_socket(&t, 0, "");
	actor_do(&t.a, "on_alarm");
	actor_send(&t.a, "connect s0 127.0.0.1 %u", t.port);
	actor_alarm(&t.a);
	assert_string_equal(actor_result(&t.a), "-1 EINTR");
	assert_string_equal(actor_do(&t.a, "signals"), "1 -");
	assert_string_equal(actor_do(&t.a, "getsockopt s0 sndtimeo"), "0 - 0");
	assert_string_equal(actor_do(&t.a, "tcp_state s0"), lab_text("0 - %d", TCP_SYN_SENT));
	expect_untouched(&t);
	actor_do(&t.a, "close s0");
	end(&t);
}

static void an_unprivileged_program_is_held_too(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct trial t;
		start_as(&t, families[i], ACTOR_UNPRIVILEGED, "connect-timeout=200ms");
		make_socket(&t, 0, "");
		assert_string_equal(connect_slot(&t, 0), "-1 ETIMEDOUT");
		expect_ms(&t, 200);
		expect_untouched(&t);
		expect_unanswered_syn(&t);
		end(&t);
	}
}

static void other_connects_go_their_way(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		static const char *const rules[] = {
			"connect-timeout=5m to=10.0.0.0/8",
			"connect-timeout=5m prob=0%",
			"connect-timeout=5m exe=curl",
			"connect-timeout=5m conn=2",
		};
		for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++) {
			struct trial t;
			start(&t, families[i], rules[r]);
			make_socket(&t, 0, "");
			expect_connects(&t, 0, false);
			assert_int_equal(log_count(&t.a, "inject"), 0);
			end(&t);
		}
	}
}

/** Who gives up sooner than the rule is told that it was the rule that kept the answer away. */
static void giving_up_names_the_rule(void **state)
{
	struct trial t;
	(void)state;
	start(&t, AF_INET, "connect-timeout=5m");
	make_socket(&t, 0, "nonblock");
	assert_string_equal(connect_slot(&t, 0), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&t.a, "close s0"), "0 -");
	const char *line = log_find(&t.a, "error", 0);
	assert_string_equal(json_get(line, "cause"), "abandoned");
	assert_string_equal(json_get(line, "sure"), "certain");
	assert_non_null(strstr(json_get(line, "why"), "rule 1 of resetby"));
	end(&t);
}

/** No data of the program's is ever in what is sent to nowhere. */
static void nothing_but_syns_is_sent(void **state)
{
	struct trial t;
	(void)state;
	start(&t, AF_INET, "connect-timeout=200ms");
	make_socket(&t, 0, "nonblock");
	assert_string_equal(connect_slot(&t, 0), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&t.a, "send s0 5 nosignal"), "-1 EAGAIN");
	assert_string_equal(actor_do(&t.a, "recv s0 5"), "-1 EAGAIN");
	assert_string_equal(actor_do(&t.a, "poll s0 out 20000"), "1 - out err hup");
	/* Taken by a send here. */
	assert_string_equal(actor_do(&t.a, "send s0 5 nosignal"), "-1 ETIMEDOUT");
	expect_verdict(&t, 0, "send");
	assert_string_equal(actor_do(&t.a, "send s0 5 nosignal"), "-1 EPIPE");
	assert_int_equal(capture_count(&t.wire, (struct match){.data = true}), 0);
	expect_untouched(&t);
	end(&t);
}

LAB_MAIN(LAB_TEST(blocking_connect_ends_exactly), LAB_TEST(the_programs_options_are_what_they_were),
	 LAB_TEST(a_shorter_limit_of_the_programs_comes_first),
	 LAB_TEST(a_nonblocking_connect_that_is_repeated_is_under_way),
	 LAB_TEST(nonblocking_connects_end_at_the_syn_timer),
	 LAB_TEST(a_nonblocking_socket_connects_the_second_time),
	 LAB_TEST(without_a_value_the_kernels_own_limit_holds),
	 LAB_TEST(ipv4_mapped_and_v6only_sockets_are_held), LAB_TEST(fast_open_is_held_too),
	 LAB_TEST(fast_open_connect_is_held_too),
	 LAB_TEST(without_loopback_it_falls_back_or_says_so),
	 LAB_TEST(without_ipv6_on_loopback_ipv4_is_enough),
	 LAB_TEST(an_ipv6_socket_with_an_ipv4_address_is_held),
	 LAB_TEST(a_socket_that_is_bound_to_a_device_is_held_or_goes_its_way),
	 LAB_TEST(what_never_answers_is_not_there_for_other_hosts),
	 LAB_TEST(a_program_that_goes_to_another_network_namespace_is_held_there),
	 LAB_TEST(own_descriptors_do_not_exist_for_the_program),
	 LAB_TEST(closing_everything_breaks_nothing), LAB_TEST(lost_and_reused_numbers_are_noticed),
	 LAB_TEST(many_threads_are_held_at_once),
	 LAB_TEST(forked_children_are_held_like_their_parent),
	 LAB_TEST(another_program_in_its_place_is_held_too), LAB_TEST(a_signal_interrupts),
	 LAB_TEST(an_unprivileged_program_is_held_too), LAB_TEST(other_connects_go_their_way),
	 LAB_TEST(giving_up_names_the_rule), LAB_TEST(nothing_but_syns_is_sent))
