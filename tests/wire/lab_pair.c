#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct situation situations[8] = {
	{AF_INET, false, false}, {AF_INET, false, true},   {AF_INET, true, false},
	{AF_INET, true, true},   {AF_INET6, false, false}, {AF_INET6, false, true},
	{AF_INET6, true, false}, {AF_INET6, true, true},
};

const struct situation client_situation = {AF_INET, false, false};
const struct situation nonblocking_situation = {AF_INET, false, true};

const char *loopback(int family)
{
	return family == AF_INET ? "127.0.0.1" : "[::1]";
}

static const char *socket_command(const struct pair *pair)
{
	return pair->how.family == AF_INET ? "socket4" : "socket6";
}

/** The actor listens, on s9. */
static void serve(struct pair *pair)
{
	assert_string_equal(actor_do(&pair->a, "%s s9", socket_command(pair)), "0 -");
	assert_string_equal(actor_do(&pair->a, "bind s9 %s 0", loopback(pair->how.family)), "0 -");
	assert_string_equal(actor_do(&pair->a, "listen s9"), "0 -");
	const char *name = actor_do(&pair->a, "getsockname s9");
	pair->listen_port = (uint16_t)atoi(strrchr(name, ':') + 1);
}

static void connect_as_server(struct pair *pair)
{
	pair->peer = peer_connect(pair->how.family, pair->listen_port);
	const char *accepted = actor_do(&pair->a, pair->how.nonblocking ? "accept4 s9 s0 nonblock"
									: "accept s9 s0");
	assert_string_equal(
		accepted, lab_text("0 - %s:%u", loopback(pair->how.family), peer_port(pair->peer)));
}

static void connect_as_client(struct pair *pair)
{
	bool waits = pair->how.nonblocking;
	assert_string_equal(
		actor_do(&pair->a, "%s s0%s", socket_command(pair), waits ? " nonblock" : ""),
		"0 -");
	const char *result = actor_do(&pair->a, "connect s0 %s %u", loopback(pair->how.family),
				      pair->listen_port);
	if (waits) {
		assert_string_equal(result, "-1 EINPROGRESS");
		assert_string_equal(actor_do(&pair->a, "poll s0 out 20000"), "1 - out");
		assert_string_equal(actor_do(&pair->a, "getsockopt s0 error"), "0 - 0");
	} else {
		assert_string_equal(result, "0 -");
	}
	pair->peer = peer_accept(pair->listener);
}

static void connect_pair(struct pair *pair)
{
	if (pair->how.server) {
		connect_as_server(pair);
	} else {
		connect_as_client(pair);
	}
	pair->peer_port = peer_port(pair->peer);
	pair->actor_port = peer_remote_port(pair->peer);
}

void pair_open_as(struct pair *pair, struct situation how, int modes,
		  const char *const environment[])
{
	*pair = (struct pair){.how = how, .peer = -1, .listener = -1};
	capture_open(&pair->wire, "lo");
	actor_start_as(&pair->a, modes, environment);
	if (how.server) {
		serve(pair);
	} else {
		pair->listener = peer_listen(how.family, &pair->listen_port);
	}
	connect_pair(pair);
}

void pair_open(struct pair *pair, struct situation how, const char *const environment[])
{
	pair_open_as(pair, how, ACTOR_PRELOADED, environment);
}

void pair_open_client(struct pair *pair)
{
	pair_open(pair, client_situation, NULL);
}

void pair_open_server(struct pair *pair)
{
	pair_open(pair, (struct situation){AF_INET, true, false}, NULL);
}

void pair_exchange(struct pair *pair)
{
	assert_string_equal(actor_do(&pair->a, "send s0 5"), "5 -");
	peer_recv(pair->peer, 5);
	peer_send(pair->peer, "ok");
	assert_string_equal(actor_do(&pair->a, "recv s0 2 waitall"), "2 - ok");
}

void pair_with_rule(struct pair *pair, struct situation how, const char *rule)
{
	/* A seed, so that a test that fails by chance fails again. */
	char setting[1024];
	snprintf(setting, sizeof(setting), "RESETBY_RULES=%s", rule);
	pair_open(pair, how,
		  (const char *[]){setting, "RESETBY_LEVEL=conns", "RESETBY_SEED=77", NULL});
}

void pair_again(struct pair *pair)
{
	if (pair->peer >= 0) {
		close(pair->peer);
	}
	connect_pair(pair);
}

void pair_close_peer(struct pair *pair)
{
	close(pair->peer);
	pair->peer = -1;
}

void pair_abort_peer(struct pair *pair)
{
	peer_rst(pair->peer);
	pair->peer = -1;
}

void pair_close(struct pair *pair)
{
	int status = actor_stop(&pair->a);
	assert_int_equal(status, 0);
	if (pair->peer >= 0) {
		close(pair->peer);
	}
	if (pair->listener >= 0) {
		close(pair->listener);
	}
	capture_close(&pair->wire);
}

static struct match from_actor(const struct pair *pair, uint8_t flag)
{
	return (struct match){
		.from_port = pair->actor_port, .to_port = pair->peer_port, .set = flag};
}

bool pair_sent_rst(struct pair *pair)
{
	return capture_count(&pair->wire, from_actor(pair, TH_RST)) > 0;
}

bool pair_sent_fin(struct pair *pair)
{
	return capture_count(&pair->wire, from_actor(pair, TH_FIN)) > 0;
}

/** What has arrived at the peer was on the wire; the capture may show it a moment later. */
static void expect_sent(struct pair *pair, uint8_t flag)
{
	capture_await(&pair->wire, from_actor(pair, flag), 0);
}

size_t pair_expect_rst(struct pair *pair)
{
	size_t before = peer_drain(pair->peer);
	int told = errno;
	expect_sent(pair, TH_RST);
	assert_false(pair_sent_fin(pair));
	assert_int_equal(told, ECONNRESET);
	return before;
}

size_t pair_expect_fin(struct pair *pair)
{
	size_t before = peer_drain(pair->peer);
	int told = errno;
	expect_sent(pair, TH_FIN);
	assert_false(pair_sent_rst(pair));
	assert_int_equal(told, 0);
	return before;
}

void pair_expect_open(struct pair *pair)
{
	assert_false(pair_sent_rst(pair));
	assert_false(pair_sent_fin(pair));
	assert_int_equal(tcp_state(pair->peer), TCP_ESTABLISHED);
}

const char *pair_expect_told(struct pair *pair, const char *ev, unsigned index, const char *rule,
			     const char *by)
{
	const char *line = log_find(&pair->a, ev, index);
	char action[64] = "";
	assert_non_null(line);
	sscanf(rule, "%*u %63[^ =]", action);
	assert_string_equal(json_get(line, "action"), action);
	assert_string_equal(json_get(line, "rule"), rule);
	if (strstr(json_get(line, "by"), by) == NULL) {
		fail_msg("by is not \"... %s ...\": %s", by, line);
	}
	assert_string_equal(json_get(line, "side"), pair->how.server ? "server" : "client");
	const char *host = loopback(pair->how.family);
	assert_string_equal(json_get(line, "local"), lab_text("%s:%u", host, pair->actor_port));
	assert_string_equal(json_get(line, "peer"), lab_text("%s:%u", host, pair->peer_port));
	assert_true(json_number(line, "fd") >= 0);
	assert_true(json_number(line, "conn") >= 1);
	return line;
}
