#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "why/why.h"

/** As in the log line. */
#define WHY_SIZE 1024

static const char *sentence(enum cause cause, const struct evidence *e)
{
	static char room[WHY_SIZE];
	struct verdict verdict = {.cause = cause};
	struct text text = text_in(room, sizeof room);
	why_sentence(e, &verdict, &text);
	if (text.cut) {
		fail_msg("%s does not fit: %s", cause_infos[cause].id, room);
	}
	return room;
}

static void check_form(enum cause cause, const struct evidence *e)
{
	const char *why = sentence(cause, e);
	size_t length = strlen(why);
	if (length < 10 || why[length - 1] != '.' || why[length - 2] == '.' ||
	    why[length - 2] == ' ' || strstr(why, ". ") != NULL || strstr(why, "  ") != NULL ||
	    strstr(why, "(null)") != NULL) {
		fail_msg("%s: %s", cause_infos[cause].id, why);
	}
	for (size_t i = 0; i < length; i++) {
		/* A percent sign is an IPv6 zone's, with its number or the name in an example. */
		bool is_zone = isdigit(why[i + 1]) || strncmp(&why[i + 1], "eth0", 4) == 0;
		if (iscntrl((unsigned char)why[i]) || (why[i] == '%' && !is_zone)) {
			fail_msg("%s: %s", cause_infos[cause].id, why);
		}
	}
}

/** Everything as large as it can be. */
static struct evidence extreme(int error, enum surface surface, bool flags)
{
	struct evidence e;
	memset(&e, 0xff, sizeof e);
	e.op = OP_CLOSE_RANGE;
	e.surface = surface;
	e.error = error;
	e.direction = DIRECTION_WRITE;
	e.side = SIDE_SERVER;
	e.learned = e.in_call = e.blocking = e.shared = e.inherited = e.heirloom = e.lent = flags;
	e.unseen = e.unseen_in_least = e.goodbye = e.deferred = e.error_waits = flags;
	e.sandboxed = false;
	e.connecting = e.given_up = e.cut_short = e.listening = e.peer_fin = e.acked_since_fin =
		flags;
	e.shut_read = e.shut_write = e.fin_unacked = e.linger_zero = flags;
	e.shut_write_ago_ms = e.linger_ago_ms = e.told_ago_ms = INT64_MAX - 1;
	e.told_error = EADDRNOTAVAIL;
	e.told_op = OP_CLOSE_RANGE;
	e.age_ms = e.connect_ms = e.gap_ms = e.half_ms = INT64_MAX;
	e.last_turn = DIRECTION_WRITE;
	e.has_info = true;
	e.state = STATE_ESTABLISHED;
	e.inq = e.outq = e.unsent = INT64_MAX;
	e.keepalive = true;
	e.icmp = e.icmp_local = e.icmp_unread = flags;
	memset(&e.icmp_offender, 0xab, sizeof e.icmp_offender);
	e.icmp_offender.family = AF_INET6;
	e.icmp_family = AF_INET6;
	e.syn_retries = e.syn_linear_timeouts = e.retries2 = e.rto_max_ms = 255;
	e.orphan_retries = e.fin_timeout_s = INT64_MAX / 1000;
	e.port_first = e.port_last = e.time_wait_count = INT64_MAX;
	e.told_hidden = e.fin_arrived = e.fin_knowable = flags;
	e.disconnected = e.unacked_at_fin = e.shut_elsewhere = flags;
	e.port_chosen = e.has_source = e.lacks_zone = e.from_loopback = flags;
	e.to_many = e.route_gone = flags;
	return e;
}

static const int errors[] = {0,     EPIPE,       ECONNRESET, EHOSTUNREACH, EADDRNOTAVAIL,
			     EPERM, EINPROGRESS, EINVAL,     30000};

static void each_cause_has_one_sentence_that_fits(void **state)
{
	(void)state;
	for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
		for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
			for (int surface = 0; surface <= SURFACE_PASSING; surface++) {
				struct evidence e =
					extreme(errors[i], (enum surface)surface, i % 2 == 0);
				check_form((enum cause)cause, &e);
				e = extreme(errors[i], (enum surface)surface, i % 2 != 0);
				check_form((enum cause)cause, &e);
				struct evidence none = {.error = errors[i],
							.surface = (enum surface)surface,
							.state = STATE_ESTABLISHED,
							.syn_retries = -1,
							.syn_linear_timeouts = -1,
							.retries2 = -1,
							.time_wait_count = -1,
							.inq = QUEUE_UNKNOWN,
							.outq = QUEUE_UNKNOWN,
							.unsent = QUEUE_UNKNOWN};
				check_form((enum cause)cause, &none);
			}
		}
	}
}

/** Does the sentence contain each of the parts, separated by a bar? */
static void says(enum cause cause, struct evidence e, const char *parts)
{
	const char *why = sentence(cause, &e);
	char copy[300];
	snprintf(copy, sizeof copy, "%s", parts);
	char *save;
	for (char *part = strtok_r(copy, "|", &save); part; part = strtok_r(NULL, "|", &save)) {
		if (strstr(why, part) == NULL) {
			fail_msg("no \"%s\" in: %s", part, why);
		}
	}
}

/** As most handshakes that are slow. */
static void one_is_not_many(void **state)
{
	struct evidence once = {.total_retrans = 1,
				.retransmits = 1,
				.probes = 1,
				.told_count = 2,
				.told_error = EPIPE,
				.data_segs_in = 1,
				.accept_queue = 1,
				.segs_in = 1,
				.time_wait_count = 1,
				.state = STATE_FIN_WAIT1};
	(void)state;
	says(CAUSE_SLOW_HANDSHAKE, once, "1 SYN retransmission:");
	says(CAUSE_ABANDONED, once, "its 1 retransmission");
	says(CAUSE_PORTS_EXHAUSTED, once, "1 connection of this host");
	says(CAUSE_ALREADY_RESET, once, "; 1 call failed");
	says(CAUSE_LATE_DATA, once, "1 segment with data");
	says(CAUSE_RETRANSMIT_LIMIT, once, "1 retransmission time-out;");
	says(CAUSE_KEEPALIVE_LIMIT, once, "1 keepalive probe got");
	says(CAUSE_ZERO_WINDOW_LIMIT, once, "1 probe of it");
	says(CAUSE_HANDSHAKE_ACK_LOST, once, "sent 1 time over|1 segment arrived");
	says(CAUSE_FIN_UNANSWERED, once, "again 1 time without");
	says(CAUSE_LISTENER_CLOSED, once, "1 established connection in");
}

static void what_ended_the_connection_is_named(void **state)
{
	(void)state;
	says(CAUSE_PEER_ABORT, (struct evidence){.surface = SURFACE_CLOSE},
	     "the program closed without having been told");
	says(CAUSE_PEER_ABORT, (struct evidence){.surface = SURFACE_EXIT},
	     "the program ended without having been told");
}

static void a_goodbye_is_no_loss(void **state)
{
	static const enum cause causes[] = {CAUSE_PEER_ABORT, CAUSE_PEER_CLOSED_EARLY,
					    CAUSE_PEER_CLOSED_UNREAD};
	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		says(causes[i], (struct evidence){.goodbye = true, .last_turn = DIRECTION_WRITE},
		     "written last has the form of TLS's goodbye");
		says(causes[i], (struct evidence){.goodbye = true, .last_turn = DIRECTION_READ},
		     "came last has the form of TLS's goodbye|nothing of the peer's is missing");
	}
}

static void numbers_have_units(void **state)
{
	(void)state;
	says(CAUSE_REFUSED, (struct evidence){.connect_ms = 12}, "after 12 ms");
	says(CAUSE_NO_ANSWER,
	     (struct evidence){.connect_ms = 131000,
			       .syn_sent_again = 10,
			       .syn_retries = 6,
			       .syn_linear_timeouts = 4},
	     "in 2 min 11 s|nor the 10 that|= 131 s");
	says(CAUSE_ABANDONED,
	     (struct evidence){.surface = SURFACE_CLOSE, .connect_ms = 2500, .total_retrans = 2},
	     "the program closed the socket after 2.5 s|2 retransmissions");
	says(CAUSE_PORTS_EXHAUSTED,
	     (struct evidence){.port_first = 32768,
			       .port_last = 60999,
			       .time_wait_count = 28000,
			       .has_source = true},
	     "32768 to 60999|28000 connections");
	says(CAUSE_PEER_CLOSED_UNREAD,
	     (struct evidence){.has_info = true, .outq = 65536, .gap_ms = 2000, .inq = 1},
	     "64 KiB of ours|silence of 2 s|1 byte of the peer's");
	says(CAUSE_PEER_CLOSED_UNREAD,
	     (struct evidence){.has_info = true,
			       .req_bytes = 300,
			       .side = SIDE_CLIENT,
			       .last_turn = DIRECTION_WRITE},
	     "acknowledged our last 300 bytes");
	says(CAUSE_PEER_CLOSED_EARLY, (struct evidence){.error = EPIPE, .gap_ms = 76000},
	     "this EPIPE; it was written after a silence of 76 s; the longest|the 75 s of nginx");
	says(CAUSE_PEER_CLOSED_EARLY, (struct evidence){.error = EPIPE, .gap_ms = 2900},
	     "; it was written after a silence of 2.9 s.");
	says(CAUSE_PEER_CLOSED_EARLY,
	     (struct evidence){.error = EPIPE, .gap_ms = 76000, .side = SIDE_SERVER},
	     "; it was written after a silence of 76 s.");
	says(CAUSE_PEER_CLOSED_EARLY, (struct evidence){.error = EPIPE}, "this EPIPE.");
	says(CAUSE_PEER_ABORT, (struct evidence){.bytes_out = 5, .bytes_in = 1},
	     "5 bytes had been sent and 1 byte received");
	says(CAUSE_FORGOTTEN,
	     (struct evidence){.gap_ms = 61000,
			       .outq = 78,
			       .last_data_sent_ms = 3,
			       .keepalive = true,
			       .keepalive_idle_s = 7200},
	     "after 61 s of silence|78 bytes|within 3 ms|the 60 s of|2 h");
	says(CAUSE_ALREADY_RESET,
	     (struct evidence){.told_error = ECONNRESET,
			       .told_op = OP_RECV,
			       .told_ago_ms = 1500,
			       .told_count = 3},
	     "ECONNRESET, which recv reported 1.5 s ago|2 calls failed since then");
	says(CAUSE_ALREADY_RESET,
	     (struct evidence){.told_error = ECONNRESET, .told_op = OP_RECV, .told_count = 2},
	     "1 call failed since then");
	says(CAUSE_FORGOTTEN,
	     (struct evidence){.error = ECONNRESET,
			       .has_info = true,
			       .probes = 1,
			       .keepalive = true,
			       .keepalive_idle_s = 60},
	     "in place of an answer to 1 keepalive probe, the first sent after 60 s|an AWS ALB");
	says(CAUSE_RETRANSMIT_LIMIT,
	     (struct evidence){
		     .outq = 100, .retransmits = 15, .last_ack_recv_ms = 924600, .retries2 = 15},
	     "100 bytes|15 retransmission time-outs|15 min 25 s ago|tcp_retries2 is 15");
	says(CAUSE_RETRANSMIT_LIMIT,
	     (struct evidence){.outq = 100,
			       .unsent = 100,
			       .probes = 15,
			       .peer_window = 500,
			       .last_ack_recv_ms = 924600},
	     "100 bytes could not be sent in 15 attempts|window has room|15 min 25 s ago");
	says(CAUSE_USER_TIMEOUT,
	     (struct evidence){
		     .outq = 100, .unsent = 100, .peer_window = 500, .user_timeout_ms = 500},
	     "100 bytes could not be sent|TCP_USER_TIMEOUT (500 ms)|window has room");
	says(CAUSE_RETRANSMIT_LIMIT,
	     (struct evidence){.outq = 1, .retransmits = 3, .error = EHOSTUNREACH},
	     "ICMP errors came back (EHOSTUNREACH)");
	says(CAUSE_RETRANSMIT_LIMIT,
	     (struct evidence){
		     .outq = 1, .retransmits = 3, .error = EHOSTUNREACH, .route_gone = true},
	     "routes lead there no more (EHOSTUNREACH)");
	says(CAUSE_USER_TIMEOUT,
	     (struct evidence){.outq = 100, .retransmits = 3, .user_timeout_ms = 500},
	     "TCP_USER_TIMEOUT (500 ms)|3 retransmission time-outs");
	says(CAUSE_USER_TIMEOUT,
	     (struct evidence){.outq = 100, .unsent = 100, .user_timeout_ms = 500},
	     "100 bytes could not be sent|TCP_USER_TIMEOUT (500 ms)|window stayed closed");
	says(CAUSE_RETRANSMIT_LIMIT,
	     (struct evidence){
		     .shut_write = true, .fin_unacked = true, .probes = 3, .peer_window = 500},
	     "our FIN could not be sent in 3 attempts|window has room");
	says(CAUSE_RETRANSMIT_LIMIT,
	     (struct evidence){.shut_write = true, .fin_unacked = true, .retransmits = 3},
	     "our FIN stayed unacknowledged through 3 retransmission time-outs");
	says(CAUSE_KEEPALIVE_LIMIT,
	     (struct evidence){.probes = 3, .error = ENETUNREACH, .route_gone = true},
	     "3 keepalive probes|routes lead there no more (ENETUNREACH)");
	says(CAUSE_KEEPALIVE_LIMIT,
	     (struct evidence){.probes = 9,
			       .keepalive_idle_s = 7200,
			       .keepalive_interval_s = 75,
			       .keepalive_count = 9,
			       .last_ack_recv_ms = 5000},
	     "9 keepalive probes|first after 2 h, then every 75 s, 9 in all|5 s ago");
	says(CAUSE_ZERO_WINDOW_LIMIT, (struct evidence){.unsent = 2048, .probes = 4},
	     "2 KiB of ours|4 probes");
	says(CAUSE_CLOSED_UNREAD, (struct evidence){.surface = SURFACE_CLOSE, .inq = 1, .outq = 20},
	     "1 byte unread|20 bytes of ours");
	says(CAUSE_CLOSED_LINGER0, (struct evidence){.linger_ago_ms = 40, .outq = 20},
	     "by the program 40 ms ago|20 bytes");
	says(CAUSE_CLOSED_LINGER0, (struct evidence){.linger_ago_ms = NEVER}, "on its listener");
	says(CAUSE_CLOSED_LINGER0, (struct evidence){.in_call = true},
	     "another thread waits in a call on it");
	says(CAUSE_LISTENER_CLOSED, (struct evidence){.accept_queue = 3},
	     "closed with 3 established connections");
	says(CAUSE_BLIND_SPOT,
	     (struct evidence){.unseen_out = 2048, .bytes_out = 2053, .bytes_in = 7},
	     "2 KiB that this process sent and 0 bytes that it received|of 2053 bytes and 7 bytes "
	     "in all");
	says(CAUSE_BLIND_SPOT, (struct evidence){.unseen_out = 9, .bytes_out = 9, .learned = true},
	     "of its own, unless another process has this socket and moved them");
	says(CAUSE_PEER_ABORT,
	     (struct evidence){.unseen = true, .unseen_in = 9, .bytes_out = 5, .bytes_in = 10},
	     "10 bytes received|9 bytes that it received went past|not whole");
	says(CAUSE_REFUSED,
	     (struct evidence){.sandboxed = true, .op = OP_CONNECT, .error = ECONNREFUSED},
	     "connect ended with ECONNREFUSED|not asked for more|seccomp");
	says(CAUSE_DISCONNECTED, (struct evidence){.surface = SURFACE_RETURN, .disconnected = true},
	     "another thread, or another process");
	says(CAUSE_WROTE_AFTER_SHUTDOWN, (struct evidence){.shut_write_ago_ms = 90000}, "90 s ago");
}

/** A program that had not looked for a while: the RST may have come at any time since. */
static void a_rst_that_was_found_late_is_not_dated(void **state)
{
	struct evidence e = {.error = ECONNRESET,
			     .has_info = true,
			     .bytes_out = 5,
			     .bytes_in = 1,
			     .last_data_sent_ms = 5000};
	(void)state;
	says(CAUSE_PEER_ABORT, e, "at most 5 s after our last byte|some end idle connections so");
	e.last_data_sent_ms = 900;
	assert_null(strstr(sentence(CAUSE_PEER_ABORT, &e), "idle"));
	assert_null(strstr(sentence(CAUSE_PEER_ABORT, &e), "900 ms"));
	e.bytes_out = e.bytes_in = 0;
	e.age_ms = 7000;
	says(CAUSE_PEER_ABORT, e, "within 7 s of the connection's beginning|some end idle");
	e.age_ms = 900;
	assert_null(strstr(sentence(CAUSE_PEER_ABORT, &e), "idle"));
}

static void icmp_is_told_with_its_sender(void **state)
{
	(void)state;
	struct evidence e = {.connecting = true,
			     .icmp = true,
			     .icmp_type = 3,
			     .icmp_code = 13,
			     .icmp_family = AF_INET,
			     .connect_ms = 7};
	e.icmp_offender = (struct addr){.family = AF_INET, .bytes = {192, 0, 2, 9}};
	says(CAUSE_REJECTED, e, "ICMP type 3 code 13 by 192.0.2.9 after 7 ms");
	e.icmp_local = true;
	says(CAUSE_UNREACHABLE, e, "local firewall rule|type 3 code 13");
	e.icmp_code = 1;
	says(CAUSE_UNREACHABLE, e, "the neighbour did not answer");
	e.icmp = e.icmp_local = false;
	e.icmp_unread = true;
	e.error = EHOSTUNREACH;
	says(CAUSE_REJECTED, e, "EHOSTUNREACH|the kernel has not kept");
	e.state = STATE_SYN_SENT;
	says(CAUSE_REJECTED, e, "error queue, which is not touched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause_has_one_sentence_that_fits),
		cmocka_unit_test(one_is_not_many),
		cmocka_unit_test(what_ended_the_connection_is_named),
		cmocka_unit_test(a_goodbye_is_no_loss),
		cmocka_unit_test(numbers_have_units),
		cmocka_unit_test(a_rst_that_was_found_late_is_not_dated),
		cmocka_unit_test(icmp_is_told_with_its_sender),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
