/* accept-aborted and accept-overflow: clients that are gone before accept, or were never let in. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** An actor that listens as s9; returns the port. */
static uint16_t listening_actor(struct actor *a)
{
	actor_start(a, NULL);
	actor_do(a, "socket4 s9");
	assert_string_equal(actor_do(a, "listen s9"), "0 -");
	return (uint16_t)atoi(strrchr(actor_do(a, "getsockname s9"), ':') + 1);
}

static void client_gone_before_accept_is_told_at_accept(void **state)
{
	struct actor a;
	(void)state;
	uint16_t port = listening_actor(&a);
	peer_rst(peer_connect(AF_INET, port));
	assert_string_equal(actor_do(&a, "poll s9 in 20000"), "1 - in");
	lab_until(info_of(&a, "s9").tcpi_unacked > 0);
	assert_int_equal(strncmp(actor_do(&a, "accept s9 s0"), "0 - 127.0.0.1:", 14), 0);
	const char *line = expect_verdict(&a, 0,
					  (struct expected){.op = "accept",
							    .error = "none",
							    .cause = "accept-aborted",
							    .sure = "certain",
							    .rst_case = "none",
							    .state = "CLOSE"});
	assert_string_equal(json_get(line, "side"), "server");
	/* The handshake's, though no segment has left the new socket. */
	assert_true(json_number(line, "rtt_us") > 0);
	/* Who is told it himself is told the same cause; and at the close there is nothing new. */
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&a, 1,
		       (struct expected){.op = "recv",
					 .error = "ECONNRESET",
					 .cause = "accept-aborted",
					 .sure = "certain",
					 .rst_case = "reset",
					 .state = "CLOSE"});
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(log_count(&a, "error"), 2);
	assert_int_equal(actor_stop(&a), 0);
}

/** Whose client is still there, half-closed or not: nothing but a RST tells that it is not. */
static void destroy_before_accept(bool half_closed)
{
	struct actor a;
	uint16_t port = listening_actor(&a);
	int client = peer_connect(AF_INET, port);
	lab_until(info_of(&a, "s9").tcpi_unacked > 0);
	if (half_closed) {
		shutdown(client, SHUT_WR);
		tcp_wait_state(client, TCP_FIN_WAIT2);
	}
	int status =
		system(lab_text("ss -K -t 'sport = :%u and dport != :0' >/dev/null 2>&1", port));
	struct pollfd hangup = {.fd = client};
	if (status != 0 || poll(&hangup, 1, 0) <= 0) {
		close(client);
		actor_stop(&a);
		lab_skip("ss -K cannot destroy sockets here");
	}
	assert_int_equal(strncmp(actor_do(&a, "accept s9 s0"), "0 - 127.0.0.1:", 14), 0);
	expect_verdict(&a, 0,
		       (struct expected){.op = "accept",
					 .cause = "accept-aborted",
					 .sure = "likely",
					 .others = "[\"killed\"]",
					 .why = {"or somebody on this host had destroyed it"}});
	if (half_closed) {
		assert_string_equal(actor_do(&a, "recv s0"), "0 -");
		assert_int_equal(log_count(&a, "error"), 1);
	}
	assert_string_equal(actor_do(&a, "send s0 1"), "-1 ECONNABORTED");
	expect_verdict(&a, 1, (struct expected){.cause = "killed", .sure = "certain"});
	close(client);
	assert_int_equal(actor_stop(&a), 0);
}

static void socket_destroyed_before_accept_may_be_the_clients_doing(void **state)
{
	(void)state;
	destroy_before_accept(false);
	destroy_before_accept(true);
}

static void client_gone_before_accept_is_told_once_to_who_only_closes(void **state)
{
	struct actor a;
	(void)state;
	uint16_t port = listening_actor(&a);
	peer_rst(peer_connect(AF_INET, port));
	assert_string_equal(actor_do(&a, "poll s9 in 20000"), "1 - in");
	lab_until(info_of(&a, "s9").tcpi_unacked > 0);
	assert_int_equal(strncmp(actor_do(&a, "accept s9 s0"), "0 - 127.0.0.1:", 14), 0);
	assert_string_equal(actor_do(&a, "close s0"), "0 -");
	assert_int_equal(log_count(&a, "error"), 1);
	assert_int_equal(actor_stop(&a), 0);
}

/** A connection whose handshake ACK is lost, while another fills the accept queue. */
static int overflow(struct actor *a, uint16_t *port, int *other)
{
	int listener = peer_listen_backlog(AF_INET, 0, port);
	nft("add rule inet lab in tcp dport %u tcp flags & (syn|ack) == ack drop", *port);
	actor_start(a, NULL);
	actor_do(a, "socket4 s0");
	assert_string_equal(actor_do(a, "connect s0 127.0.0.1 %u", *port), "0 -");
	nft_flush();
	*other = peer_connect(AF_INET, *port);
	assert_int_equal(peer_poll(listener, POLLIN, LAB_PATIENCE_MS), POLLIN);
	return listener;
}

static void full_accept_queue_that_resets_is_among_the_others(void **state)
{
	struct actor a;
	uint16_t port;
	int other;
	(void)state;
	lab_sysctl("net/ipv4/tcp_abort_on_overflow", "1");
	int listener = overflow(&a, &port, &other);
	assert_string_equal(actor_do(&a, "send s0 100"), "100 -");
	wait_for_end(&a, "s0");
	lab_sysctl("net/ipv4/tcp_abort_on_overflow", "0");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(&a, 0, (struct expected){.error = "ECONNRESET"});
	/* Whether the SYN-ACK came again before is a matter of the moment. */
	const char *cause = json_get(line, "cause");
	assert_true(strcmp(cause, "accept-overflow") == 0 ||
		    strstr(json_get(line, "else"), "accept-overflow") != NULL);
	assert_string_not_equal(json_get(line, "sure"), "certain");
	assert_int_equal(actor_stop(&a), 0);
	close(other);
	close(listener);
}

static void full_accept_queue_is_possible_when_nothing_was_ever_read(void **state)
{
	struct actor a;
	uint16_t port;
	int other;
	(void)state;
	lab_sysctl("net/ipv4/tcp_synack_retries", "0");
	int listener = overflow(&a, &port, &other);
	assert_string_equal(actor_do(&a, "send s0 100"), "100 -");
	wait_for_end(&a, "s0");
	lab_sysctl("net/ipv4/tcp_synack_retries", "5");
	assert_string_equal(actor_do(&a, "recv s0"), "-1 ECONNRESET");
	const char *line = expect_verdict(
		&a, 0,
		(struct expected){.op = "recv",
				  .error = "ECONNRESET",
				  .cause = "accept-overflow",
				  .sure = "possible",
				  .others = "[\"peer-closed-unread\",\"peer-abort\"]",
				  .rst_case = "reset",
				  .why = {"never acknowledged one of our 100 bytes"}});
	assert_true(json_number(line, "retrans") > 0);
	assert_int_equal(actor_stop(&a), 0);
	close(other);
	close(listener);
}

LAB_MAIN(LAB_TEST(client_gone_before_accept_is_told_at_accept),
	 LAB_TEST(socket_destroyed_before_accept_may_be_the_clients_doing),
	 LAB_TEST(client_gone_before_accept_is_told_once_to_who_only_closes),
	 LAB_TEST(full_accept_queue_that_resets_is_among_the_others),
	 LAB_TEST(full_accept_queue_is_possible_when_nothing_was_ever_read))
