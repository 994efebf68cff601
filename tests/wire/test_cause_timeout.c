/* Connections on which the peer has gone silent: which limit of the kernel's ended them? */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** The kernel gives up after 200 + 400 + 800 ms without an acknowledgement. */
static void few_retries(void)
{
	lab_sysctl("net/ipv4/tcp_retries2", "2");
}

static void usual_retries(void)
{
	lab_sysctl("net/ipv4/tcp_retries2", "15");
}

/** A client that has had an exchange. */
static void open_client_at(struct pair *pair, const char *variable)
{
	pair_open(pair, client_situation, (const char *[]){variable, NULL});
	assert_string_equal(actor_do(&pair->a, "send s0 5"), "5 -");
	peer_recv(pair->peer, 5);
	peer_send(pair->peer, "ok");
	assert_string_equal(actor_do(&pair->a, "recv s0"), "2 - ok");
}

static void open_client(struct pair *pair)
{
	open_client_at(pair, NULL);
}

/** From now on the peer hears nothing, and says nothing. */
static void silence(struct pair *pair)
{
	nft("add rule inet lab in tcp dport %u drop", pair->peer_port);
	nft("add rule inet lab in tcp sport %u drop", pair->peer_port);
}

static void data_that_is_never_acknowledged_meets_the_retransmission_limit(void **state)
{
	struct pair p;
	(void)state;
	few_retries();
	pair_open_client(&p);
	silence(&p);
	assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
	const char *line =
		expect_verdict(&p.a, 0,
			       (struct expected){.op = "recv",
						 .error = "ETIMEDOUT",
						 .cause = "retransmit-limit",
						 .sure = "certain",
						 .rst_case = "none",
						 .doc = "Connection timed out",
						 .state = "CLOSE",
						 .why = {"100 bytes", "tcp_retries2 is 2"}});
	usual_retries();
	assert_true(json_number(line, "retrans") >= 1);
	assert_true(json_number(line, "outq") == 100);
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 EPIPE");
	expect_verdict(&p.a, 1,
		       (struct expected){.error = "EPIPE",
					 .cause = "already-reset",
					 .sure = "certain",
					 .rst_case = "none",
					 .doc = "Broken pipe",
					 .why = {"ETIMEDOUT"}});
	pair_close(&p);
}

/* What does not leave this host is tried again by the timer that probes closed windows. */
static void data_that_this_host_does_not_send_says_nothing_of_a_window(void **state)
{
	static const struct {
		const char *option, *cause;
	} cases[] = {
		{"0", "retransmit-limit"},
		{"500", "user-timeout"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		bool limited = strcmp(cases[i].option, "0") != 0;
		pair_open_client(&p);
		actor_do(&p.a, "setsockopt s0 user_timeout %s", cases[i].option);
		if (!limited) {
			few_retries();
		}
		nft("add rule inet lab out tcp dport %u drop", p.peer_port);
		assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
		usual_retries();
		const char *line = expect_verdict(
			&p.a, 0,
			(struct expected){.cause = cases[i].cause,
					  .sure = "certain",
					  .why = {"100 bytes could not be sent", "has room"}});
		assert_null(strstr(json_get(line, "why"), "closed"));
		pair_close(&p);
		nft_flush();
	}
}

static void fin_that_this_host_does_not_send_meets_no_keepalive_limit(void **state)
{
	(void)state;
	few_retries();
	for (unsigned keepalive = 0; keepalive <= 1; keepalive++) {
		struct pair p;
		pair_open_client(&p);
		actor_do(&p.a, "setsockopt s0 keepalive %u", keepalive);
		nft("add rule inet lab out tcp dport %u drop", p.peer_port);
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
		expect_verdict(&p.a, 0,
			       (struct expected){.cause = "retransmit-limit",
						 .sure = "certain",
						 .why = {"our FIN could not be sent", "has room"}});
		pair_close(&p);
		nft_flush();
	}
	usual_retries();
}

/** In FIN_WAIT_2 it is probed as it was before. */
static void keepalive_behind_an_acknowledged_fin_meets_its_own_limit(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_do(&p.a, "setsockopt s0 keepidle 1");
	actor_do(&p.a, "setsockopt s0 keepintvl 1");
	actor_do(&p.a, "setsockopt s0 keepcnt 1");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 keepalive 1"), "0 -");
	assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "0 -");
	lab_until(info_of(&p.a, "s0").tcpi_state == TCP_FIN_WAIT2);
	silence(&p);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
	expect_verdict(&p.a, 0, (struct expected){.cause = "keepalive-limit", .sure = "certain"});
	pair_close(&p);
}

static void icmp_on_the_way_to_the_limit_changes_the_errno_only(void **state)
{
	static const struct {
		int family;
		const char *answer, *error, *doc;
	} cases[] = {
		{AF_INET, "icmp type host-unreachable", "EHOSTUNREACH", "No route to host"},
		{AF_INET6, "icmpv6 type no-route", "ENETUNREACH", "Network is unreachable"},
		{AF_INET6, "icmpv6 type admin-prohibited", "EACCES", "Permission denied"},
	};
	(void)state;
	few_retries();
	lab_sysctl("net/ipv4/icmp_ratelimit", "0");
	lab_sysctl("net/ipv6/icmp/ratelimit", "0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		pair_open(&p, (struct situation){cases[i].family, false, false},
			  (const char *[]){"RESETBY_LEVEL=conns", NULL});
		nft("add rule inet lab in tcp dport %u reject with %s", p.peer_port,
		    cases[i].answer);
		assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
		assert_string_equal(actor_do(&p.a, "recv s0"), lab_text("-1 %s", cases[i].error));
		expect_verdict(&p.a, 0,
			       (struct expected){.op = "recv",
						 .error = cases[i].error,
						 .cause = "retransmit-limit",
						 .sure = "certain",
						 .rst_case = "none",
						 .doc = cases[i].doc,
						 .state = "CLOSE",
						 .why = {lab_text("ICMP errors came back (%s)",
								  cases[i].error)}});
		/* No FIN was sent, and none came. */
		actor_do(&p.a, "close s0");
		assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "timeout");
		pair_close(&p);
		nft_flush();
	}
	usual_retries();
}

static void run(const char *command)
{
	if (system(command) != 0) {
		fail_msg("%s", command);
	}
}

/* An address that is gone takes its route with it, and a lost route is told as ICMP is. */
static void route_that_is_lost_on_this_host_is_no_icmp_error(void **state)
{
	static const struct {
		int family;
		const char *address;
	} cases[] = {{AF_INET, "10.79.0.1/32"}, {AF_INET6, "fd00:79::1/128"}};
	(void)state;
	few_retries();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool v4 = cases[i].family == AF_INET;
		struct actor a;
		uint16_t port;
		int listener = peer_listen(cases[i].family, &port);
		run(lab_text("ip addr add %s dev lo", cases[i].address));
		actor_start(&a, NULL);
		assert_string_equal(actor_do(&a, "%s s0", v4 ? "socket4" : "socket6"), "0 -");
		assert_string_equal(
			actor_do(&a, "connect s0 %s %u", v4 ? "10.79.0.1" : "[fd00:79::1]", port),
			"0 -");
		nft("add rule inet lab in tcp dport %u drop", port);
		assert_string_equal(actor_do(&a, "send s0 100"), "100 -");
		run(lab_text("ip addr del %s dev lo", cases[i].address));
		assert_string_equal(actor_do(&a, "recv s0"), "-1 ENETUNREACH");
		const char *line =
			expect_verdict(&a, 0,
				       (struct expected){.error = "ENETUNREACH",
							 .cause = "retransmit-limit",
							 .sure = "certain",
							 .why = {"own routes", "ENETUNREACH"}});
		assert_null(strstr(json_get(line, "why"), "ICMP"));
		assert_int_equal(actor_stop(&a), 0);
		close(listener);
		nft_flush();
	}
	usual_retries();
}

static void icmp_error_of_a_living_connection_is_no_end(void **state)
{
	struct pair p;
	(void)state;
	lab_sysctl("net/ipv4/icmp_ratelimit", "0");
	pair_open_client(&p);
	nft("add rule inet lab in tcp dport %u reject with icmp type host-unreachable",
	    p.peer_port);
	assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
	lab_until(info_of(&p.a, "s0").tcpi_retransmits > 0);
	assert_string_equal(actor_do(&p.a, "getsockopt s0 error"), "0 - EHOSTUNREACH");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "getsockopt",
					 .error = "EHOSTUNREACH",
					 .cause = "rejected",
					 .sure = "likely",
					 .others = "[\"unreachable\"]",
					 .rst_case = "none",
					 .state = "ESTABLISHED",
					 .why = {"lives on"}});
	nft_flush();
	peer_recv(p.peer, 100);
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(&p.a, 1, (struct expected){.sure = "likely"});
	assert_string_not_equal(json_get(line, "cause"), "already-reset");
	pair_close(&p);
}

static void user_timeout_is_told_with_its_length(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	assert_string_equal(actor_do(&p.a, "setsockopt s0 user_timeout 700"), "0 -");
	silence(&p);
	assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "recv",
					 .error = "ETIMEDOUT",
					 .cause = "user-timeout",
					 .sure = "certain",
					 .rst_case = "none",
					 .state = "CLOSE",
					 .why = {"100 bytes", "TCP_USER_TIMEOUT (700 ms)"}});
	pair_close(&p);
}

static void keepalive_that_is_not_answered_is_told_with_its_timers(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_do(&p.a, "setsockopt s0 keepidle 1");
	actor_do(&p.a, "setsockopt s0 keepintvl 1");
	actor_do(&p.a, "setsockopt s0 keepcnt 1");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 keepalive 1"), "0 -");
	silence(&p);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
	const char *line = expect_verdict(
		&p.a, 0,
		(struct expected){
			.op = "recv",
			.error = "ETIMEDOUT",
			.cause = "keepalive-limit",
			.sure = "certain",
			.rst_case = "none",
			.doc = "Connection timed out",
			.state = "CLOSE",
			.why = {"1 keepalive probe", "first after 1 s, then every 1 s, 1 in all"}});
	assert_true(json_number(line, "outq") == 0);
	pair_close(&p);
}

static void keepalive_in_close_wait_is_no_hidden_reset(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	actor_do(&p.a, "setsockopt s0 keepidle 1");
	actor_do(&p.a, "setsockopt s0 keepintvl 1");
	actor_do(&p.a, "setsockopt s0 keepcnt 1");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 keepalive 1"), "0 -");
	shutdown(p.peer, SHUT_WR);
	wait_for_fin(&p.a, "s0");
	silence(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "0 -");
	expect_silence(&p.a);
	assert_string_equal(actor_do(&p.a, "send s0 1"), "-1 ETIMEDOUT");
	expect_verdict(&p.a, 0, (struct expected){.cause = "keepalive-limit", .sure = "certain"});
	pair_close(&p);
}

/** A non-blocking connect that nobody has looked at since. */
static void time_out_before_the_success_was_noticed_is_no_connect_that_failed(void **state)
{
	struct actor a;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	(void)state;
	actor_start(&a, NULL);
	actor_do(&a, "socket4 s0 nonblock");
	assert_string_equal(actor_do(&a, "connect s0 127.0.0.1 %u", port), "-1 EINPROGRESS");
	int peer = peer_accept(listener);
	actor_do(&a, "setsockopt s0 keepidle 1");
	actor_do(&a, "setsockopt s0 keepintvl 1");
	actor_do(&a, "setsockopt s0 keepcnt 1");
	actor_do(&a, "setsockopt s0 keepalive 1");
	nft("add rule inet lab in tcp dport %u drop", port);
	lab_until(info_of(&a, "s0").tcpi_state == TCP_CLOSE);
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ETIMEDOUT");
	expect_verdict(&a, 0, (struct expected){.cause = "keepalive-limit", .sure = "certain"});
	assert_int_equal(actor_stop(&a), 0);
	close(peer);
	close(listener);
}

/** An actor that cannot send any more: the peer's window is closed, and all else acknowledged. */
static void open_stuck(struct pair *pair)
{
	pair_open(pair, nonblocking_situation, NULL);
	do {
		while (actor_number(actor_do(&pair->a, "send s0 300000")) > 0) {
		}
	} while (info_of(&pair->a, "s0").tcpi_unacked > 0 ||
		 actor_number(actor_do(&pair->a, "send s0 1")) > 0);
}

static void window_that_never_opens_is_told(void **state)
{
	struct pair p;
	(void)state;
	few_retries();
	open_stuck(&p);
	silence(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
	const char *line =
		expect_verdict(&p.a, 0,
			       (struct expected){.op = "recv",
						 .error = "ETIMEDOUT",
						 .cause = "zero-window-limit",
						 .sure = "certain",
						 .rst_case = "none",
						 .state = "CLOSE",
						 .why = {"window was closed", "probes"}});
	usual_retries();
	assert_true(json_number(line, "outq") > 0);
	pair_close(&p);
}

static void window_that_stays_closed_past_the_user_timeout_is_the_user_timeouts(void **state)
{
	struct pair p;
	(void)state;
	open_stuck(&p);
	/* The peer lives and answers every probe. */
	assert_string_equal(actor_do(&p.a, "setsockopt s0 user_timeout 500"), "0 -");
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ETIMEDOUT");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "user-timeout",
					 .sure = "certain",
					 .why = {"TCP_USER_TIMEOUT (500 ms)"}});
	pair_close(&p);
}

static void time_out_that_nobody_took_is_not_certain_at_close(void **state)
{
	struct pair p;
	(void)state;
	few_retries();
	pair_open_client(&p);
	silence(&p);
	assert_string_equal(actor_do(&p.a, "send s0 100"), "100 -");
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	usual_retries();
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "retransmit-limit",
					 .sure = "likely",
					 .rst_case = "none",
					 .why = {"closed without having been told"}});
	pair_close(&p);
}

/** Data goes out again, and meets a RST at last. */
static void reset_while_sending_again(struct pair *p)
{
	open_client(p);
	silence(p);
	assert_string_equal(actor_do(&p->a, "send s0 100"), "100 -");
	lab_until(info_of(&p->a, "s0").tcpi_retransmits > 0);
	/* Before anything arrives again, which it would answer. */
	peer_vanish(p->peer);
	p->peer = -1;
	nft_flush();
	wait_for_end(&p->a, "s0");
	assert_true(info_of(&p->a, "s0").tcpi_retransmits > 0);
}

static void reset_after_retransmissions_is_a_reset_when_it_is_told(void **state)
{
	struct pair p;
	(void)state;
	reset_while_sending_again(&p);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.error = "ECONNRESET",
					 .cause = "peer-closed-unread",
					 .sure = "likely",
					 .rst_case = "reset"});
	pair_close(&p);
}

/** The kernel had sent for some hundred milliseconds, of more than 15 minutes. */
static void reset_long_before_the_limit_is_no_time_out_at_close(void **state)
{
	struct pair p;
	(void)state;
	reset_while_sending_again(&p);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.op = "close",
					 .error = "none",
					 .cause = "peer-closed-unread",
					 .sure = "likely",
					 .why = {"closed without having been told"}});
	pair_close(&p);
}

static void reset_while_a_closed_window_is_probed_is_no_time_out_at_close(void **state)
{
	struct pair p;
	(void)state;
	open_stuck(&p);
	silence(&p);
	lab_until(info_of(&p.a, "s0").tcpi_probes > 1);
	pair_abort_peer(&p);
	nft_flush();
	wait_for_end(&p.a, "s0");
	assert_true(info_of(&p.a, "s0").tcpi_probes > 1);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "peer-closed-unread",
					 .sure = "likely",
					 .others = "[\"peer-abort\"]"});
	pair_close(&p);
}

static void user_timeout_of_a_closed_window_that_nobody_took_is_likely_at_close(void **state)
{
	struct pair p;
	(void)state;
	open_stuck(&p);
	struct capture c;
	capture_open(&c, "lo");
	assert_string_equal(actor_do(&p.a, "setsockopt s0 user_timeout 500"), "0 -");
	wait_for_end(&p.a, "s0");
	assert_false(capture_rst(&c, p.peer_port));
	capture_close(&c);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	expect_verdict(
		&p.a, 0,
		(struct expected){.cause = "user-timeout",
				  .sure = "likely",
				  .why = {"TCP_USER_TIMEOUT (500 ms)", "window stayed closed",
					  "closed without having been told"}});
	pair_close(&p);
}

/** As of a host that has restarted. */
static void probe_that_is_answered_with_a_reset_is_no_keepalive_limit(void **state)
{
	(void)state;
	enum { READS, CLOSES, CLOSES_SHUT };
	for (int way = READS; way <= CLOSES_SHUT; way++) {
		struct pair p;
		pair_open_client(&p);
		actor_do(&p.a, "setsockopt s0 keepidle 1");
		actor_do(&p.a, "setsockopt s0 keepintvl 1");
		actor_do(&p.a, "setsockopt s0 keepcnt 9");
		assert_string_equal(actor_do(&p.a, "setsockopt s0 keepalive 1"), "0 -");
		if (way == CLOSES_SHUT) {
			actor_do(&p.a, "shutdown s0 w");
			lab_until(info_of(&p.a, "s0").tcpi_state == TCP_FIN_WAIT2);
		}
		peer_vanish(p.peer);
		p.peer = -1;
		wait_for_end(&p.a, "s0");
		if (way == READS) {
			assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
		} else {
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		}
		expect_verdict(&p.a, 0,
			       (struct expected){.error = way == READS ? "ECONNRESET" : "none",
						 .cause = "forgotten",
						 .sure = "likely",
						 .others = "[\"peer-abort\"]",
						 .why = {"1 keepalive probe, the first sent after "
							 "1 s"}});
		pair_close(&p);
	}
}

LAB_MAIN(LAB_TEST(data_that_is_never_acknowledged_meets_the_retransmission_limit),
	 LAB_TEST(data_that_this_host_does_not_send_says_nothing_of_a_window),
	 LAB_TEST(fin_that_this_host_does_not_send_meets_no_keepalive_limit),
	 LAB_TEST(keepalive_behind_an_acknowledged_fin_meets_its_own_limit),
	 LAB_TEST(icmp_on_the_way_to_the_limit_changes_the_errno_only),
	 LAB_TEST(route_that_is_lost_on_this_host_is_no_icmp_error),
	 LAB_TEST(icmp_error_of_a_living_connection_is_no_end),
	 LAB_TEST(user_timeout_is_told_with_its_length),
	 LAB_TEST(keepalive_that_is_not_answered_is_told_with_its_timers),
	 LAB_TEST(keepalive_in_close_wait_is_no_hidden_reset),
	 LAB_TEST(time_out_before_the_success_was_noticed_is_no_connect_that_failed),
	 LAB_TEST(window_that_never_opens_is_told),
	 LAB_TEST(window_that_stays_closed_past_the_user_timeout_is_the_user_timeouts),
	 LAB_TEST(time_out_that_nobody_took_is_not_certain_at_close),
	 LAB_TEST(reset_after_retransmissions_is_a_reset_when_it_is_told),
	 LAB_TEST(reset_long_before_the_limit_is_no_time_out_at_close),
	 LAB_TEST(reset_while_a_closed_window_is_probed_is_no_time_out_at_close),
	 LAB_TEST(user_timeout_of_a_closed_window_that_nobody_took_is_likely_at_close),
	 LAB_TEST(probe_that_is_answered_with_a_reset_is_no_keepalive_limit))
