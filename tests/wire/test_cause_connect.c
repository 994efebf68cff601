/* Connections that never came to be: who said no, or that nobody said anything. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** An address and port where things happen. */
struct place {
	const char *address;
	uint16_t port;
};

/** A port of the second host on which nobody listens. */
static struct place second_host(int family)
{
	struct place place = {family == AF_INET ? SECOND_ADDR : "[" SECOND_ADDR6 "]", 0};
	lab_second_host();
	lab_go(HOST_SECOND);
	close(peer_listen(family, &place.port));
	lab_sysctl("net/ipv4/icmp_ratelimit", "0");
	lab_sysctl("net/ipv6/icmp/ratelimit", "0");
	lab_go(HOST_FIRST);
	return place;
}

/** A firewall of the second host does this with what comes to the port. */
static void filter_second_host(uint16_t port, const char *verdict)
{
	lab_go(HOST_SECOND);
	nft("add rule inet lab in tcp dport %u %s", port, verdict);
	lab_go(HOST_FIRST);
}

/** A port of the second host behind such a firewall. */
static struct place behind_firewall(const char *verdict)
{
	struct place place = second_host(AF_INET);
	filter_second_host(place.port, verdict);
	return place;
}

/** A port of the second host that swallows SYNs. */
static struct place black_hole(void)
{
	return behind_firewall("drop");
}

static void new_socket(struct actor *a, const char *slot, struct place place, const char *flags)
{
	const char *socket = place.address[0] == '[' ? "socket6" : "socket4";
	assert_string_equal(actor_do(a, "%s %s %s", socket, slot, flags), "0 -");
}

static const char *connect_to(struct actor *a, const char *slot, struct place place)
{
	return actor_do(a, "connect %s %s %u", slot, place.address, place.port);
}

static void run(const char *command)
{
	if (system(command) != 0) {
		fail_msg("%s", command);
	}
}

static void stop_actor(struct actor *a)
{
	assert_int_equal(actor_stop(a), 0);
}

static void port_without_listener_is_refused(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct actor a;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct place place = second_host(families[i]);
		actor_start(&a, NULL);
		new_socket(&a, "s0", place, "");
		assert_string_equal(connect_to(&a, "s0", place), "-1 ECONNREFUSED");
		const char *line = expect_verdict(
			&a, 0,
			(struct expected){.op = "connect",
					  .error = "ECONNREFUSED",
					  .cause = "refused",
					  .sure = "certain",
					  .rst_case = "none",
					  .doc = "Connection refused",
					  .state = "CLOSE",
					  .why = {"a RST answered the SYN", "firewall"}});
		assert_string_equal(json_get(line, "side"), "client");
		assert_string_equal(json_get(line, "peer"),
				    lab_text("%s:%u", place.address, place.port));
		/* The kernel begins its counts anew where a blocking connect fails. */
		assert_null(json_get(line, "retrans"));
		assert_null(json_get(line, "rtt_us"));
		assert_null(json_get(line, "outq"));
		assert_null(json_get(line, "idle_ms"));
		/* The same at the way of event loops. */
		new_socket(&a, "s1", place, "nonblock");
		assert_string_equal(connect_to(&a, "s1", place), "-1 EINPROGRESS");
		assert_string_equal(actor_do(&a, "poll s1 out 20000"), "1 - out err hup");
		assert_string_equal(actor_do(&a, "getsockopt s1 error"), "0 - ECONNREFUSED");
		line = expect_verdict(&a, 1,
				      (struct expected){.op = "getsockopt",
							.error = "ECONNREFUSED",
							.cause = "refused",
							.sure = "certain",
							.rst_case = "none"});
		assert_int_equal(json_number(line, "retrans"), 0);
		assert_null(json_get(line, "inq"));
		assert_null(json_get(line, "outq"));
		stop_actor(&a);
	}
}

static void second_connect_tells_the_refusal_of_the_first(void **state)
{
	struct actor a;
	struct place place = second_host(AF_INET);
	(void)state;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out err hup");
	assert_string_equal(connect_to(&a, "s0", place), "-1 ECONNREFUSED");
	expect_verdict(&a, 0,
		       (struct expected){.op = "connect",
					 .error = "ECONNREFUSED",
					 .cause = "refused",
					 .sure = "certain"});
	stop_actor(&a);
}

static void connect_after_the_error_was_taken_is_no_news(void **state)
{
	struct actor a;
	struct place place = second_host(AF_INET);
	(void)state;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out err hup");
	assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - ECONNREFUSED");
	/* inet_stream_connect() ends the attempt before only now: nobody destroyed the socket. */
	assert_string_equal(connect_to(&a, "s0", place), "-1 ECONNABORTED");
	assert_int_equal(log_count(&a, "error"), 1);
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out err hup");
	assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - ECONNREFUSED");
	expect_verdict(&a, 1, (struct expected){.cause = "refused", .sure = "certain"});
	stop_actor(&a);
}

struct rejection {
	int family;
	const char *with;
	const char *error;
	const char *doc;
	const char *why;
};

static const struct rejection rejections[] = {
	{AF_INET, "icmp type net-unreachable", "ENETUNREACH", "Network is unreachable",
	 "ICMP type 3 code 0 by " SECOND_ADDR},
	{AF_INET, "icmp type host-unreachable", "EHOSTUNREACH", "No route to host",
	 "ICMP type 3 code 1 by " SECOND_ADDR},
	{AF_INET, "icmp type port-unreachable", "ECONNREFUSED", "Connection refused",
	 "ICMP type 3 code 3 by " SECOND_ADDR},
	{AF_INET, "icmp type prot-unreachable", "ENOPROTOOPT", "Protocol not available",
	 "ICMP type 3 code 2 by " SECOND_ADDR},
	{AF_INET, "icmp type admin-prohibited", "EHOSTUNREACH", "No route to host",
	 "ICMP type 3 code 13 by " SECOND_ADDR},
	{AF_INET6, "icmpv6 type no-route", "ENETUNREACH", "Network is unreachable",
	 "ICMPv6 type 1 code 0 by " SECOND_ADDR6},
	{AF_INET6, "icmpv6 type admin-prohibited", "EACCES", "Permission denied",
	 "ICMPv6 type 1 code 1 by " SECOND_ADDR6},
	{AF_INET6, "icmpv6 type port-unreachable", "ECONNREFUSED", "Connection refused",
	 "ICMPv6 type 1 code 4 by " SECOND_ADDR6},
};

#define REJECTIONS (sizeof(rejections) / sizeof(rejections[0]))

/** Wait until the kernel has given the attempt up; poll would return at the first ICMP error. */
static void wait_for_failure(struct actor *a, const char *slot)
{
	lab_until(info_of(a, slot).tcpi_state == TCP_CLOSE);
}

/** The EPIPE that is left for this process follows no reset. */
static void refusal_that_a_forked_process_was_told_is_no_reset(void **state)
{
	struct actor a;
	struct place place = {"127.0.0.1", 0};
	(void)state;
	close(peer_listen(AF_INET, &place.port));
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "fork getsockopt s0 error"), "0 - ECONNREFUSED");
	assert_string_equal(actor_do(&a, "send s0 1 nosignal"), "-1 EPIPE");
	expect_verdict(&a, 1,
		       (struct expected){.op = "send",
					 .error = "EPIPE",
					 .cause = "already-reset",
					 .sure = "likely",
					 .rst_case = "none",
					 .doc = "Broken pipe",
					 .why = {"shares the socket"}});
	stop_actor(&a);
}

/** All at once: each takes until the second SYN. */
static void icmp_answers_are_told_with_type_code_and_sender(void **state)
{
	struct actor a;
	struct place places[REJECTIONS];
	(void)state;
	actor_start(&a, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	for (size_t i = 0; i < REJECTIONS; i++) {
		places[i] = second_host(rejections[i].family);
		places[i].port = (uint16_t)(7000 + i);
		filter_second_host(places[i].port, lab_text("reject with %s", rejections[i].with));
		new_socket(&a, lab_text("s%zu", i), places[i], "nonblock");
		assert_string_equal(connect_to(&a, lab_text("s%zu", i), places[i]),
				    "-1 EINPROGRESS");
	}
	for (size_t i = 0; i < REJECTIONS; i++) {
		/* IPv6 keeps no error that nobody asked for: ipv6_icmp_error(). */
		bool kept = rejections[i].family == AF_INET;
		wait_for_failure(&a, lab_text("s%zu", i));
		assert_string_equal(actor_do(&a, "getsockopt s%zu error", i),
				    lab_text("0 - %s", rejections[i].error));
		expect_verdict(
			&a, (unsigned)i,
			(struct expected){.op = "getsockopt",
					  .error = rejections[i].error,
					  .cause = "rejected",
					  .sure = kept ? "certain" : "likely",
					  .others = kept ? "[]" : "[\"unreachable\"]",
					  .rst_case = "none",
					  .doc = rejections[i].doc,
					  .why = {kept ? rejections[i].why : "an ICMP error"}});
		/* No RST was on the wire, whatever the errno. */
		assert_string_equal(actor_do(&a, "close s%zu", i), "0 -");
		assert_null(json_get(log_find(&a, "close", (unsigned)i), "end"));
	}
	stop_actor(&a);
}

static void icmp_error_taken_while_the_syn_is_still_sent_is_told_once(void **state)
{
	struct actor a;
	struct place place = behind_firewall("reject with icmp type host-unreachable");
	(void)state;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - err");
	assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - EHOSTUNREACH");
	expect_verdict(&a, 0,
		       (struct expected){.cause = "rejected",
					 .sure = "likely",
					 .others = "[\"unreachable\"]",
					 .state = "SYN_SENT",
					 .why = {"EHOSTUNREACH", "error queue"}});
	/* The queue is as it was. */
	assert_string_equal(actor_do(&a, "poll s0 out 0"), "1 - err");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(log_count(&a, "error"), 1);
	stop_actor(&a);
}

/** A blocking connect meets an ICMP error, which is told. */
static void expect_rejection(struct place place, const char *error, const char *why)
{
	struct actor a;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "");
	assert_string_equal(connect_to(&a, "s0", place), lab_text("-1 %s", error));
	expect_verdict(
		&a, 0,
		(struct expected){
			.op = "connect", .cause = "rejected", .sure = "certain", .why = {why}});
	stop_actor(&a);
}

static void blocking_connect_that_is_rejected_is_told(void **state)
{
	(void)state;
	expect_rejection(behind_firewall("reject with icmp type port-unreachable"), "ECONNREFUSED",
			 "ICMP type 3 code 3");
}

/** The error of an IPv4 address is kept by an IPv6 socket too, in IPv6's words. */
static void rejection_of_ipv4_is_told_of_an_ipv6_socket(void **state)
{
	struct actor a;
	struct place place = behind_firewall("reject with icmp type admin-prohibited");
	(void)state;
	actor_start(&a, NULL);
	actor_do(&a, "socket6 s0");
	/* What we open to find something out has to be closed again. */
	unsigned before = actor_descriptors(&a);
	assert_string_equal(actor_do(&a, "connect s0 [::ffff:" SECOND_ADDR "] %u", place.port),
			    "-1 EHOSTUNREACH");
	expect_verdict(&a, 0,
		       (struct expected){.op = "connect",
					 .cause = "rejected",
					 .sure = "certain",
					 .why = {"ICMP type 3 code 13 by " SECOND_ADDR}});
	/* The log is one more. */
	assert_int_equal(actor_descriptors(&a), before + 1);
	stop_actor(&a);
}

/** Each SYN may be answered by somebody else. */
static void of_two_rejections_the_one_that_ended_it_is_told(void **state)
{
	(void)state;
	struct place place = behind_firewall("limit rate 1/hour burst 1 packets reject with icmp "
					     "type admin-prohibited");
	filter_second_host(place.port, "reject with icmp type port-unreachable");
	expect_rejection(place, "ECONNREFUSED", "ICMP type 3 code 3");
}

/** A RST is a segment, and no ICMP error is any: what has come to others says nothing then. */
static void refusal_is_certain_where_icmpv6_errors_have_come(void **state)
{
	struct actor a;
	struct place place = second_host(AF_INET6);
	struct sockaddr_in6 nobody = {.sin6_family = AF_INET6, .sin6_port = htons(place.port)};
	(void)state;
	int other = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(inet_pton(AF_INET6, SECOND_ADDR6, &nobody.sin6_addr), 1);
	assert_int_equal(sendto(other, "x", 1, 0, (struct sockaddr *)&nobody, sizeof(nobody)), 1);
	lab_until(system("grep -q '^Icmp6InDestUnreachs[[:space:]]*[1-9]' "
			 "/proc/thread-self/net/snmp6") == 0);
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	wait_for_failure(&a, "s0");
	assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - ECONNREFUSED");
	expect_verdict(
		&a, 0,
		(struct expected){.op = "getsockopt", .cause = "refused", .sure = "certain"});
	stop_actor(&a);
	close(other);
}

static void firewall_that_sends_a_rst_is_refused(void **state)
{
	struct actor a;
	struct place place = behind_firewall("reject with tcp reset");
	(void)state;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "");
	assert_string_equal(connect_to(&a, "s0", place), "-1 ECONNREFUSED");
	expect_verdict(&a, 0, (struct expected){.cause = "refused", .sure = "certain"});
	stop_actor(&a);
}

static void firewall_of_this_host_as_the_server_is_a_rejection(void **state)
{
	struct place place = {"127.0.0.1", 7100};
	(void)state;
	lab_sysctl("net/ipv4/icmp_ratelimit", "0");
	nft("add rule inet lab in tcp dport %u reject with icmp type host-unreachable", place.port);
	expect_rejection(place, "EHOSTUNREACH", "ICMP type 3 code 1 by 127.0.0.1");
}

static void firewall_of_this_host_as_the_client_is_no_refusal(void **state)
{
	struct actor a;
	struct place place = second_host(AF_INET);
	(void)state;
	lab_sysctl("net/ipv4/icmp_ratelimit", "0");
	nft("add rule inet lab out tcp dport %u reject with icmp type port-unreachable",
	    place.port);
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "");
	assert_string_equal(connect_to(&a, "s0", place), "-1 ECONNREFUSED");
	expect_verdict(&a, 0,
		       (struct expected){.cause = "unreachable",
					 .sure = "certain",
					 .why = {"local firewall", "ICMP type 3 code 3"}});
	stop_actor(&a);
}

static void error_queue_of_the_program_is_left_to_it(void **state)
{
	static const struct {
		const char *socket, *option, *address;
	} ways[] = {
		{"socket4", "recverr", SECOND_ADDR},
		{"socket6", "recverr", "[::ffff:" SECOND_ADDR "]"},
		{"socket6", "recverr6", "[::ffff:" SECOND_ADDR "]"},
	};
	struct actor a;
	struct place place = behind_firewall("reject with icmp type port-unreachable");
	(void)state;
	actor_start(&a, NULL);
	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		actor_do(&a, "%s s0", ways[i].socket);
		assert_string_equal(actor_do(&a, "setsockopt s0 %s 1", ways[i].option), "0 -");
		assert_string_equal(actor_do(&a, "connect s0 %s %u", ways[i].address, place.port),
				    "-1 ECONNREFUSED");
		expect_verdict(&a, i,
			       (struct expected){.cause = "refused",
						 .sure = "likely",
						 .others = "[\"rejected\"]",
						 .why = {"reads the error queue itself"}});
		/* The message is the SYN that failed. */
		assert_true(actor_number(actor_do(&a, "recv s0 100 errqueue")) >= 0);
		actor_do(&a, "close s0");
	}
	stop_actor(&a);
}

/** A router answers that the SYN has passed too many of them. Nothing else has come that could be an answer. */
static void syn_whose_hops_are_used_up_was_sent(void **state)
{
	static const struct {
		struct place place;
		struct expected expected;
	} cases[] = {
		{{"198.51.101.1", 80},
		 {.cause = "rejected",
		  .sure = "certain",
		  .why = {"ICMP type 11 code 0 by " FIRST_ADDR}}},
		{{"[2001:db8:2::1]", 80},
		 {.cause = "unreachable",
		  .sure = "likely",
		  .others = "[\"rejected\"]",
		  .why = {"somebody sent ICMP"}}},
	};
	struct actor a;
	(void)state;
	lab_second_host();
	lab_sysctl("net/ipv4/icmp_ratelimit", "0");
	lab_sysctl("net/ipv6/icmp/ratelimit", "0");
	lab_sysctl("net/ipv4/conf/all/forwarding", "1");
	lab_sysctl("net/ipv6/conf/all/forwarding", "1");
	run("ip route replace 198.51.101.0/24 via " SECOND_ADDR
	    "; ip route replace 2001:db8:2::/48 via " SECOND_ADDR6);
	lab_go(HOST_SECOND);
	run("ip route replace 198.51.101.0/24 via " FIRST_ADDR " hoplimit 1"
	    "; ip route replace 2001:db8:2::/48 via " FIRST_ADDR6 " hoplimit 1");
	run("grep -q '^Icmp6InDestUnreachs[[:space:]]*0$' /proc/thread-self/net/snmp6");
	actor_start(&a, NULL);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		new_socket(&a, "s0", cases[i].place, "");
		assert_string_equal(connect_to(&a, "s0", cases[i].place), "-1 EHOSTUNREACH");
		struct expected expected = cases[i].expected;
		expected.op = "connect";
		expected.error = "EHOSTUNREACH";
		expect_verdict(&a, i, expected);
		actor_do(&a, "close s0");
	}
	stop_actor(&a);
	run("ip route del 198.51.101.0/24; ip route del 2001:db8:2::/48");
	lab_go(HOST_FIRST);
	run("ip route del 198.51.101.0/24; ip route del 2001:db8:2::/48");
	lab_sysctl("net/ipv4/conf/all/forwarding", "0");
	lab_sysctl("net/ipv6/conf/all/forwarding", "0");
}

static void address_without_a_route_is_unreachable(void **state)
{
	static const struct {
		struct place place;
		const char *error;
		const char *why;
	} cases[] = {
		{{"192.0.2.1", 80}, "ENETUNREACH", "no route"},
		{{"[2001:db8::1]", 80}, "ENETUNREACH", "no route"},
		{{"198.51.100.1", 80}, "EACCES", "forbids"},
		{{"203.0.113.1", 80}, "EHOSTUNREACH", "nothing was sent"},
		{{"[2001:db8:1::1]", 80}, "EACCES", "forbids"},
		{{"10.77.0.255", 80}, "ENETUNREACH", "multicast or broadcast"},
		{{"[::ffff:10.77.0.255]", 80}, "ENETUNREACH", "multicast or broadcast"},
		{{"224.0.0.1", 80}, "ENETUNREACH", "multicast or broadcast"},
		{{"255.255.255.255", 80}, "ENETUNREACH", "multicast or broadcast"},
		{{"[ff02::1]", 80}, "ENETUNREACH", "multicast or broadcast"},
	};
	struct actor a;
	(void)state;
	lab_second_host();
	run("ip route replace prohibit 198.51.100.0/24; ip route replace unreachable "
	    "203.0.113.0/24;"
	    "ip route replace prohibit 2001:db8:1::/48");
	actor_start(&a, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		new_socket(&a, "s0", cases[i].place, "");
		assert_string_equal(connect_to(&a, "s0", cases[i].place),
				    lab_text("-1 %s", cases[i].error));
		expect_verdict(&a, (unsigned)i,
			       (struct expected){.op = "connect",
						 .error = cases[i].error,
						 .cause = "unreachable",
						 .sure = "certain",
						 .rst_case = "none",
						 .why = {cases[i].why}});
		actor_do(&a, "close s0");
	}
	stop_actor(&a);
}

/* The kernel has one errno for these and for a wrong argument. */
static void address_that_leads_nowhere_is_unreachable(void **state)
{
	static const struct {
		const char *bound;
		struct place place;
		const char *sure;
		const char *why;
	} cases[] = {
		{NULL, {"[::ffff:198.51.100.1]", 80}, "likely", "blackhole"},
		{"[::ffff:127.0.0.1]",
		 {"[::ffff:10.77.0.2]", 80},
		 "certain",
		 "bound to a loopback address"},
		{NULL, {"198.51.100.1", 80}, "likely", "blackhole"},
		{NULL, {"[2001:db8:1::1]", 80}, "likely", "blackhole"},
		{"127.0.0.1", {"10.77.0.2", 80}, "certain", "bound to a loopback address"},
		{NULL, {"[fe80::1]", 80}, "certain", "an interface that is named"},
	};
	struct actor a;
	(void)state;
	lab_second_host();
	run("ip route replace blackhole 198.51.100.0/24; ip route replace blackhole "
	    "2001:db8:1::/48");
	actor_start(&a, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		new_socket(&a, "s0", cases[i].place, "");
		if (cases[i].bound != NULL) {
			actor_do(&a, "bind s0 %s 0", cases[i].bound);
		}
		assert_string_equal(connect_to(&a, "s0", cases[i].place), "-1 EINVAL");
		expect_verdict(&a, (unsigned)i,
			       (struct expected){.op = "connect",
						 .error = "EINVAL",
						 .cause = "unreachable",
						 .sure = cases[i].sure,
						 .rst_case = "none",
						 .why = {cases[i].why}});
		actor_do(&a, "close s0");
	}
	/* A wrong argument is the program's own affair. */
	assert_string_equal(actor_do(&a, "socket6 s0"), "0 -");
	assert_string_equal(actor_do(&a, "connect s0 10.77.0.2 80"), "-1 EINVAL");
	assert_int_equal(log_count(&a, "error"), sizeof(cases) / sizeof(cases[0]));
	stop_actor(&a);
}

static void neighbour_that_does_not_answer_is_unreachable(void **state)
{
	struct place places[] = {{"10.77.0.99", 80}, {"[fd00:77::99]", 80}};
	struct actor a;
	(void)state;
	lab_second_host();
	lab_sysctl("net/ipv4/neigh/cable/retrans_time_ms", "100");
	lab_sysctl("net/ipv6/neigh/cable/retrans_time_ms", "100");
	actor_start(&a, NULL);
	for (unsigned i = 0; i < 2; i++) {
		new_socket(&a, "s0", places[i], "");
		assert_string_equal(connect_to(&a, "s0", places[i]), "-1 EHOSTUNREACH");
		expect_verdict(&a, i,
			       (struct expected){.op = "connect",
						 .error = "EHOSTUNREACH",
						 .cause = "unreachable",
						 .sure = i == 0 ? "certain" : "likely",
						 .others = i == 0 ? "[]" : "[\"rejected\"]",
						 .why = {"the neighbour did not answer"}});
	}
	stop_actor(&a);
}

static void silence_is_told_with_the_kernels_schedule(void **state)
{
	static const struct {
		const char *retries;
		const char *linear;
		long seconds;
		const char *why;
	} schedules[] = {
		{"1", "0", 3, "1+2 s = 3 s (tcp_syn_retries 1)"},
		{"1", "1", 4, "1+1+2 s = 4 s (tcp_syn_retries 1, tcp_syn_linear_timeouts 1)"},
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct actor a;
		struct place place = black_hole();
		lab_sysctl("net/ipv4/tcp_syn_retries", schedules[i].retries);
		lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", schedules[i].linear);
		actor_start(&a, NULL);
		new_socket(&a, "s0", place, "");
		assert_string_equal(connect_to(&a, "s0", place), "-1 ETIMEDOUT");
		long ms = actor_number(actor_do(&a, "time"));
		assert_in_range(ms, schedules[i].seconds * 1000 - 50,
				schedules[i].seconds * 1000 + 900);
		expect_verdict(
			&a, 0,
			(struct expected){.op = "connect",
					  .error = "ETIMEDOUT",
					  .cause = "no-answer",
					  .sure = "certain",
					  .rst_case = "none",
					  .doc = "Connection timed out",
					  .state = "CLOSE",
					  .why = {"nobody answered the SYN in", schedules[i].why}});
		stop_actor(&a);
	}
	lab_sysctl("net/ipv4/tcp_syn_retries", "6");
	lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", "4");
}

static void retries_of_the_socket_itself_are_told(void **state)
{
	struct actor a;
	struct place place = black_hole();
	(void)state;
	lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", "0");
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "");
	assert_string_equal(actor_do(&a, "setsockopt s0 syncnt 1"), "0 -");
	assert_string_equal(connect_to(&a, "s0", place), "-1 ETIMEDOUT");
	lab_sysctl("net/ipv4/tcp_syn_linear_timeouts", "4");
	expect_verdict(&a, 0, (struct expected){.cause = "no-answer", .why = {"TCP_SYNCNT 1"}});
	stop_actor(&a);
}

/** An actor with a connect under way that nobody answers, in s0. */
static void start_in_syn_sent(struct actor *a, const char *const environment[])
{
	struct place place = black_hole();
	actor_start(a, environment);
	new_socket(a, "s0", place, "nonblock");
	assert_string_equal(connect_to(a, "s0", place), "-1 EINPROGRESS");
}

static void connect_that_is_closed_was_abandoned(void **state)
{
	struct actor a;
	(void)state;
	start_in_syn_sent(&a, NULL);
	assert_string_equal(actor_do(&a, "poll s0 out 100"), "0 -");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	const char *why = json_get(expect_verdict(&a, 0,
						  (struct expected){.op = "close",
								    .error = "none",
								    .cause = "abandoned",
								    .sure = "certain",
								    .rst_case = "none",
								    .state = "SYN_SENT"}),
				   "why");
	long ms = 0;
	assert_int_equal(sscanf(why, "the program closed the socket after %ld ms in SYN_SENT", &ms),
			 1);
	assert_in_range(ms, 100, LAB_PATIENCE_MS);
	stop_actor(&a);
}

static void connect_that_the_program_does_not_live_to_see_was_abandoned(void **state)
{
	struct actor a;
	(void)state;
	start_in_syn_sent(&a, NULL);
	assert_string_equal(actor_do(&a, "exit 0"), "exited 0");
	expect_verdict(&a, 0,
		       (struct expected){.op = "exit",
					 .error = "none",
					 .cause = "abandoned",
					 .sure = "certain",
					 .state = "SYN_SENT",
					 .why = {"the program ended after"}});
}

static void connect_that_is_shut_down_was_abandoned_once(void **state)
{
	struct actor a;
	(void)state;
	start_in_syn_sent(&a, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	assert_string_equal(actor_do(&a, "shutdown s0 rw"), "0 -");
	/* As the JVM does: shutdown, somebody's recv, close. */
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	expect_verdict(&a, 0,
		       (struct expected){.op = "shutdown",
					 .error = "none",
					 .cause = "abandoned",
					 .sure = "certain",
					 .state = "SYN_SENT",
					 .why = {"the program shut the socket down"}});
	assert_null(json_get(log_find(&a, "close", 0), "end"));
	stop_actor(&a);
}

/** Nor was there where a forked process shut it down. */
static void connect_that_a_child_shuts_down_was_abandoned(void **state)
{
	struct actor a;
	(void)state;
	start_in_syn_sent(&a, NULL);
	assert_string_equal(actor_do(&a, "fork shutdown s0 rw"), "0 -");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(
		&a, 1,
		(struct expected){.op = "recv",
				  .error = "ECONNRESET",
				  .cause = "abandoned",
				  .sure = "likely",
				  .rst_case = "none",
				  .why = {"another process that has this socket shut it down"}});
	stop_actor(&a);
}

/** Its error is ECONNRESET, though nothing was on the wire. */
static void connect_that_is_disconnected_was_abandoned_once(void **state)
{
	struct actor a;
	(void)state;
	start_in_syn_sent(&a, NULL);
	assert_string_equal(actor_do(&a, "disconnect s0"), "0 -");
	expect_silence(&a);
	assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - ECONNRESET");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	expect_verdict(
		&a, 0,
		(struct expected){.op = "getsockopt",
				  .error = "ECONNRESET",
				  .cause = "abandoned",
				  .sure = "certain",
				  .rst_case = "none",
				  .why = {"the program disconnected the socket (AF_UNSPEC)"}});
	stop_actor(&a);
}

/** Nobody asks for the error that this leaves. What had been refused before was not given up. */
static void connect_that_is_disconnected_and_closed_was_abandoned(void **state)
{
	struct actor a;
	struct place place = black_hole();
	uint16_t port;
	(void)state;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	expect_verdict(&a, 0,
		       (struct expected){
			       .op = "close",
			       .error = "none",
			       .cause = "abandoned",
			       .sure = "certain",
			       .rst_case = "none",
			       .state = "CLOSE",
			       .why = {"the program disconnected the socket (AF_UNSPEC)"},
		       });
	close(peer_listen(AF_INET, &port));
	struct place closed = {"127.0.0.1", port};
	new_socket(&a, "s0", closed, "nonblock");
	assert_string_equal(connect_to(&a, "s0", closed), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out err hup");
	assert_string_equal(actor_do(&a, "disconnect s0"), "0 -");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(log_count(&a, "error"), 1);
	stop_actor(&a);
}

/** connect with AF_UNSPEC leaves the error of the attempt, and the next call is told it. */
static void refusal_that_is_told_after_a_disconnect_is_explained(void **state)
{
	static const char *const ways[] = {"getsockopt s0 error", "send s0 5", "recv s0 5"};
	static const char *const told[] = {"0 - ECONNREFUSED", "-1 ECONNREFUSED",
					   "-1 ECONNREFUSED"};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct actor a;
		struct capture wire;
		uint16_t port;
		close(peer_listen(AF_INET, &port));
		capture_open(&wire, "lo");
		actor_start(&a, NULL);
		struct place place = {"127.0.0.1", port};
		new_socket(&a, "s0", place, "nonblock");
		assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
		lab_until(capture_rst(&wire, port));
		assert_string_equal(actor_do(&a, "disconnect s0"), "0 -");
		assert_string_equal(actor_do(&a, "%s", ways[i]), told[i]);
		expect_verdict(&a, 0,
			       (struct expected){.error = "ECONNREFUSED",
						 .cause = "refused",
						 .sure = "certain",
						 .why = {"a RST answered the SYN"}});
		/* And the next attempt is another one. */
		assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
		assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out err hup");
		assert_string_equal(actor_do(&a, "getsockopt s0 error"), "0 - ECONNREFUSED");
		expect_verdict(&a, 1, (struct expected){.cause = "refused", .sure = "certain"});
		assert_string_equal(actor_do(&a, "close s0"), "0 -");
		stop_actor(&a);
		capture_close(&wire);
	}
}

/** Its socket comes in state CLOSE, as one does that was reset. */
static void refusal_that_is_told_behind_an_exec_is_explained(void **state)
{
	struct actor a;
	struct capture wire;
	uint16_t port;
	(void)state;
	close(peer_listen(AF_INET, &port));
	capture_open(&wire, "lo");
	actor_start(&a, NULL);
	struct place place = {"127.0.0.1", port};
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	lab_until(capture_rst(&wire, port));
	assert_string_equal(actor_do(&a, "exec"), "0 -");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNREFUSED");
	expect_verdict(&a, 0, (struct expected){.cause = "refused", .sure = "certain"});
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	stop_actor(&a);
	capture_close(&wire);
}

/**
 * A program that polled for its connect may connect again once the connection is dead. That tells it the
 * reset, or ECONNABORTED where it was told that before, and the one after is another connection.
 */
static void connect_on_a_dead_connection_ends_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		uint16_t port;
		pair_open(&p, nonblocking_situation, NULL);
		close(peer_listen(AF_INET, &port));
		struct place closed = {"127.0.0.1", port};
		pair_abort_peer(&p);
		wait_for_end(&p.a, "s0");
		if (i == 0) {
			assert_string_equal(connect_to(&p.a, "s0", closed), "-1 ECONNRESET");
		} else {
			assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
			assert_string_equal(connect_to(&p.a, "s0", closed), "-1 ECONNABORTED");
			expect_verdict(&p.a, 1, (struct expected){.cause = "already-reset"});
		}
		assert_string_equal(connect_to(&p.a, "s0", closed), "-1 EINPROGRESS");
		wait_for_end(&p.a, "s0");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNREFUSED");
		expect_verdict(&p.a, i + 1,
			       (struct expected){.op = "recv",
						 .error = "ECONNREFUSED",
						 .cause = "refused",
						 .sure = "certain"});
		actor_do(&p.a, "close s0");
		pair_close(&p);
	}
}

/** Where another holder of the socket was told the reset, a connect is told ECONNABORTED: no killing. */
static void connect_after_anothers_error_is_no_killing(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, nonblocking_situation, NULL);
	struct place place = {"127.0.0.1", p.listen_port};
	actor_do(&p.a, "socketpair s1 s2");
	assert_string_equal(actor_do(&p.a, "passfd s1 s0"), "1 -");
	assert_string_equal(actor_do(&p.a, "takefd s2 s3"), "1 -");
	pair_abort_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s3"), "-1 ECONNRESET");
	assert_string_equal(connect_to(&p.a, "s0", place), "-1 ECONNABORTED");
	assert_int_equal(log_count(&p.a, "error"), 1);
	pair_close(&p);
}

static void send_timeout_of_a_connect_is_abandoned_once(void **state)
{
	struct actor a;
	struct place place = black_hole();
	(void)state;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "");
	assert_string_equal(actor_do(&a, "setsockopt s0 sndtimeo 200"), "0 -");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	const char *line = expect_verdict(&a, 0,
					  (struct expected){.op = "connect",
							    .error = "EINPROGRESS",
							    .cause = "abandoned",
							    .sure = "certain",
							    .state = "SYN_SENT"});
	const char *limit = strstr(json_get(line, "why"), "SO_SNDTIMEO");
	long ms = 0;
	assert_non_null(limit);
	assert_int_equal(sscanf(limit, "SO_SNDTIMEO ran out after %ld ms", &ms), 1);
	assert_in_range(ms, 190, LAB_PATIENCE_MS);
	assert_string_equal(connect_to(&a, "s0", place), "-1 EALREADY");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(log_count(&a, "error"), 1);
	stop_actor(&a);
}

static void late_answer_to_an_abandoned_connect_makes_a_connection(void **state)
{
	struct actor a;
	struct place place = second_host(AF_INET);
	(void)state;
	lab_go(HOST_SECOND);
	int listener = peer_listen(AF_INET, &place.port);
	nft("add rule inet lab in tcp dport %u drop", place.port);
	lab_go(HOST_FIRST);
	actor_start(&a, (const char *[]){"RESETBY_LEVEL=conns", NULL});
	new_socket(&a, "s0", place, "");
	assert_string_equal(actor_do(&a, "setsockopt s0 sndtimeo 200"), "0 -");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	lab_go(HOST_SECOND);
	nft_flush();
	lab_go(HOST_FIRST);
	int peer = peer_accept(listener);
	assert_int_equal(log_count(&a, "open"), 0);
	assert_string_equal(actor_do(&a, "poll s0 out 20000"), "1 - out");
	assert_int_equal(log_count(&a, "open"), 1);
	assert_string_equal(actor_do(&a, "send s0 5"), "5 -");
	peer_recv(peer, 5);
	peer_rst(peer);
	wait_for_end(&a, "s0");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	/* That it was abandoned once is not how it ended. */
	expect_verdict(&a, 1, (struct expected){.cause = "peer-closed-unread", .sure = "likely"});
	actor_do(&a, "close s0");
	assert_string_equal(json_get(log_find(&a, "close", 0), "end"), "peer-rst");
	stop_actor(&a);
	close(listener);
}

static void loser_of_a_race_is_not_told(void **state)
{
	struct actor a;
	struct place place = black_hole();
	(void)state;
	lab_sysctl("net/ipv4/ip_local_port_range", "32768 60999");
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	filter_second_host(port, "drop");
	place.port = port;
	actor_start(&a, NULL);
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "poll s0 out 100"), "0 -");
	actor_do(&a, "socket4 s1 nonblock");
	assert_string_equal(actor_do(&a, "connect s1 127.0.0.1 %u", port), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "poll s1 out 20000"), "1 - out");
	assert_string_equal(actor_do(&a, "getsockopt s1 error"), "0 - 0");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	expect_silence(&a);
	/* One that begins after the winner is no loser. */
	assert_string_equal(actor_do(&a, "poll s1 in 100"), "0 -");
	new_socket(&a, "s0", place, "nonblock");
	assert_string_equal(connect_to(&a, "s0", place), "-1 EINPROGRESS");
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	expect_verdict(&a, 0, (struct expected){.cause = "abandoned", .sure = "certain"});
	stop_actor(&a);
	close(listener);
}

static void ports_that_are_all_taken_are_told(void **state)
{
	static const char *const loopbacks[] = {"127.0.0.1", "[::1]"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct actor a;
		uint16_t port;
		int listener = peer_listen(i == 0 ? AF_INET : AF_INET6, &port);
		struct place place = {loopbacks[i], port};
		lab_sysctl("net/ipv4/ip_local_port_range", "20001 20002");
		actor_start(&a, NULL);
		new_socket(&a, "s0", place, "");
		new_socket(&a, "s1", place, "");
		new_socket(&a, "s2", place, "");
		assert_string_equal(connect_to(&a, "s0", place), "0 -");
		/* The one end is in TIME_WAIT. */
		int peer = peer_accept(listener);
		actor_do(&a, "close s0");
		assert_int_equal(peer_drain(peer), 0);
		close(peer);
		assert_string_equal(connect_to(&a, "s1", place), "0 -");
		unsigned before = actor_descriptors(&a);
		const char *result = connect_to(&a, "s2", place);
		lab_sysctl("net/ipv4/ip_local_port_range", "32768 60999");
		assert_string_equal(result, "-1 EADDRNOTAVAIL");
		expect_verdict(&a, 0,
			       (struct expected){.op = "connect",
						 .error = "EADDRNOTAVAIL",
						 .cause = "ports-exhausted",
						 .sure = "certain",
						 .rst_case = "none",
						 .why = {"ip_local_port_range 20001 to 20002,",
							 "in TIME_WAIT"}});
		assert_int_equal(actor_descriptors(&a), before + 1);
		stop_actor(&a);
		close(listener);
	}
}

static unsigned time_wait_count(void)
{
	unsigned count = 0;
	char *text = lab_read_file("/proc/thread-self/net/sockstat");
	assert_int_equal(sscanf(strstr(text, " tw "), " tw %u", &count), 1);
	free(text);
	return count;
}

static void leave_in_time_wait(uint16_t port, int listener)
{
	int closer = peer_connect(AF_INET, port);
	int peer = peer_accept(listener);
	close(closer);
	assert_int_equal(peer_drain(peer), 0);
	close(peer);
}

/** Which may be in another network namespace than the process began in. */
static void connections_in_time_wait_are_those_where_the_thread_is(void **state)
{
	struct actor a;
	uint16_t port, elsewhere;
	(void)state;
	lab_second_host();
	int listener = peer_listen(AF_INET, &elsewhere);
	actor_start(&a, NULL);
	lab_go(HOST_SECOND);
	int full = peer_listen(AF_INET, &port);
	for (unsigned i = 0; i < 19; i++) {
		leave_in_time_wait(port, full);
	}
	lab_sysctl("net/ipv4/ip_local_port_range", "20003 20003");
	int taker = peer_connect(AF_INET, port);
	unsigned most = time_wait_count();
	lab_go(HOST_FIRST);
	for (unsigned i = 0; i <= most; i++) {
		leave_in_time_wait(elsewhere, listener);
	}
	lab_go(HOST_SECOND);
	const char *result =
		actor_do(&a, "thread enter /proc/%d/ns/net connect_threads 127.0.0.1 %u 1",
			 (int)getpid(), port);
	lab_sysctl("net/ipv4/ip_local_port_range", "32768 60999");
	assert_non_null(strstr(result, "EADDRNOTAVAIL"));
	const char *line = expect_verdict(&a, 0, (struct expected){.cause = "ports-exhausted"});
	const char *counted = strstr(json_get(line, "why"), ", and ");
	assert_non_null(counted);
	/* Some may have left it meanwhile. */
	assert_in_range(atoi(counted + strlen(", and ")), time_wait_count(), most);
	stop_actor(&a);
	close(taker);
	close(full);
	lab_go(HOST_FIRST);
	close(listener);
}

static void chosen_port_that_is_taken_is_not_certain(void **state)
{
	struct actor a;
	uint16_t port;
	int listener = peer_listen(AF_INET, &port);
	struct place place = {"127.0.0.1", port};
	(void)state;
	actor_start(&a, NULL);
	for (int i = 0; i < 2; i++) {
		const char *slot = i == 0 ? "s0" : "s1";
		new_socket(&a, slot, place, "");
		actor_do(&a, "setsockopt %s reuseaddr 1", slot);
		assert_string_equal(actor_do(&a, "bind %s 127.0.0.1 7200", slot), "0 -");
		assert_string_equal(connect_to(&a, slot, place),
				    i == 0 ? "0 -" : "-1 EADDRNOTAVAIL");
	}
	expect_verdict(
		&a, 0,
		(struct expected){.cause = "ports-exhausted",
				  .sure = "likely",
				  .others = "[\"unreachable\"]",
				  .why = {"the local port that the program chose is taken"}});
	stop_actor(&a);
	close(listener);
}

LAB_MAIN(LAB_TEST(port_without_listener_is_refused),
	 LAB_TEST(second_connect_tells_the_refusal_of_the_first),
	 LAB_TEST(connect_after_the_error_was_taken_is_no_news),
	 LAB_TEST(refusal_that_a_forked_process_was_told_is_no_reset),
	 LAB_TEST(icmp_answers_are_told_with_type_code_and_sender),
	 LAB_TEST(icmp_error_taken_while_the_syn_is_still_sent_is_told_once),
	 LAB_TEST(blocking_connect_that_is_rejected_is_told),
	 LAB_TEST(rejection_of_ipv4_is_told_of_an_ipv6_socket),
	 LAB_TEST(of_two_rejections_the_one_that_ended_it_is_told),
	 LAB_TEST(refusal_is_certain_where_icmpv6_errors_have_come),
	 LAB_TEST(firewall_that_sends_a_rst_is_refused),
	 LAB_TEST(firewall_of_this_host_as_the_server_is_a_rejection),
	 LAB_TEST(firewall_of_this_host_as_the_client_is_no_refusal),
	 LAB_TEST(error_queue_of_the_program_is_left_to_it),
	 LAB_TEST(syn_whose_hops_are_used_up_was_sent),
	 LAB_TEST(address_without_a_route_is_unreachable),
	 LAB_TEST(address_that_leads_nowhere_is_unreachable),
	 LAB_TEST(neighbour_that_does_not_answer_is_unreachable),
	 LAB_TEST(silence_is_told_with_the_kernels_schedule),
	 LAB_TEST(retries_of_the_socket_itself_are_told),
	 LAB_TEST(connect_that_is_closed_was_abandoned),
	 LAB_TEST(connect_that_the_program_does_not_live_to_see_was_abandoned),
	 LAB_TEST(connect_that_is_shut_down_was_abandoned_once),
	 LAB_TEST(connect_that_a_child_shuts_down_was_abandoned),
	 LAB_TEST(connect_that_is_disconnected_was_abandoned_once),
	 LAB_TEST(connect_that_is_disconnected_and_closed_was_abandoned),
	 LAB_TEST(refusal_that_is_told_after_a_disconnect_is_explained),
	 LAB_TEST(refusal_that_is_told_behind_an_exec_is_explained),
	 LAB_TEST(connect_on_a_dead_connection_ends_it),
	 LAB_TEST(connect_after_anothers_error_is_no_killing),
	 LAB_TEST(send_timeout_of_a_connect_is_abandoned_once),
	 LAB_TEST(late_answer_to_an_abandoned_connect_makes_a_connection),
	 LAB_TEST(loser_of_a_race_is_not_told), LAB_TEST(ports_that_are_all_taken_are_told),
	 LAB_TEST(connections_in_time_wait_are_those_where_the_thread_is),
	 LAB_TEST(chosen_port_that_is_taken_is_not_certain))
