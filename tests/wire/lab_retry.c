#include "lab_retry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool lab_reason_seen[LAB_REASONS];

const char *const lab_reason_names[LAB_REASONS] = {
#define REASON(symbol, condition, text) #symbol,
#include "act/retry/reasons.def"
#undef REASON
};

static const char *const reason_texts[LAB_REASONS] = {
#define REASON(symbol, condition, text) text " (condition " #condition ")",
#include "act/retry/reasons.def"
#undef REASON
};

void retry_open(struct pair *pair, struct situation how, const char *rules,
		const char *const more[])
{
	char setting[1024];
	const char *environment[8] = {setting, "RESETBY_LEVEL=conns", "RESETBY_SEED=77"};
	snprintf(setting, sizeof(setting), "RESETBY_RULES=%s", rules);
	for (size_t i = 0; more && more[i]; i++) {
		environment[3 + i] = more[i];
	}
	pair_open(pair, how, environment);
}

void retry_open_unconnected(struct pair *pair, struct situation how, uint16_t port)
{
	*pair = (struct pair){.how = how, .peer = -1, .listen_port = port};
	pair->listener =
		port != 0 ? retry_listen(port) : peer_listen(how.family, &pair->listen_port);
	capture_open(&pair->wire, "lo");
	actor_start(&pair->a, (const char *[]){"RESETBY_RULES=retry", NULL});
}

/** The actor writes bytes as C escapes, and reads them so. */
static const char *escape(const char *text)
{
	static char escaped[8192];
	size_t used = 0;
	for (; *text && used < sizeof(escaped) - 5; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '\r' || byte == '\n' || byte == '\\') {
			escaped[used++] = '\\';
			escaped[used++] = byte == '\r' ? 'r' : byte == '\n' ? 'n' : '\\';
		} else if (byte < ' ' || byte > '~') {
			used += (size_t)sprintf(escaped + used, "\\x%02x", byte);
		} else {
			escaped[used++] = (char)byte;
		}
	}
	escaped[used] = '\0';
	return escaped;
}

const char *retry_try_send(struct pair *pair, const char *text)
{
	return actor_do(&pair->a, "sendtext s0 %s", escape(text));
}

void retry_send(struct pair *pair, const char *text)
{
	assert_string_equal(retry_try_send(pair, text), lab_text("%zu -", strlen(text)));
}

int retry_listen(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static struct {
	int listener, filler;
} hole;

void retry_dig_hole(struct pair *pair)
{
	close(pair->listener);
	pair->listener = -1;
	hole.listener = retry_listen(pair->listen_port);
	assert_int_equal(listen(hole.listener, 0), 0);
	hole.filler = peer_connect(AF_INET, pair->listen_port);
}

void retry_fill_hole(struct pair *pair)
{
	close(hole.listener);
	close(hole.filler);
	pair->listener = retry_listen(pair->listen_port);
}

void retry_accept(struct pair *pair)
{
	/* Only then: a FIN would be met before what the test is about. */
	int before = pair->peer;
	pair->peer = peer_accept(pair->listener);
	if (before >= 0) {
		close(before);
	}
	pair->actor_port = peer_remote_port(pair->peer);
}

void retry_expect_text(struct pair *pair, const char *text)
{
	char more;
	assert_string_equal(peer_recv(pair->peer, strlen(text)), text);
	assert_int_equal(recv(pair->peer, &more, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

void retry_serve(struct pair *pair, const char *request)
{
	retry_accept(pair);
	retry_expect_text(pair, request);
	peer_send(pair->peer, ANSWER);
}

void retry_ask(struct pair *pair, const char *request)
{
	retry_send(pair, request);
	retry_expect_text(pair, request);
}

void retry_ask_in_vain(struct pair *pair, const char *request)
{
	retry_ask(pair, request);
	pair_abort_peer(pair);
}

void retry_expect_answered(struct pair *pair, const char *request)
{
	actor_send(&pair->a, "recv s0 1000");
	retry_serve(pair, request);
	assert_string_equal(actor_result(&pair->a), retry_text(ANSWER));
}

void retry_expect_answered_after(struct pair *pair, const char *wait)
{
	actor_send(&pair->a, "%s", wait);
	retry_serve(pair, GET);
	assert_string_equal(actor_result(&pair->a), "1 - in");
	assert_string_equal(actor_do(&pair->a, "recv s0 1000"), retry_text(ANSWER));
}

void retry_exchange(struct pair *pair, const char *request)
{
	retry_ask(pair, request);
	peer_send(pair->peer, ANSWER);
	assert_string_equal(actor_do(&pair->a, "poll s0 in %d", LAB_PATIENCE_MS), "1 - in");
	assert_string_equal(actor_do(&pair->a, "recv s0 1000"), retry_text(ANSWER));
}

const char *retry_text(const char *text)
{
	return lab_text("%zu - %s", strlen(text), escape(text));
}

void retry_expect_nobody(struct pair *pair)
{
	assert_int_equal(peer_poll(pair->listener, POLLIN, 0), 0);
}

static const char *expect_line(struct pair *pair, unsigned index, const char *did)
{
	const char *line = log_find(&pair->a, "retry", index);
	if (line == NULL) {
		log_dump(&pair->a);
	}
	assert_non_null(line);
	assert_string_equal(json_get(line, "did"), did);
	assert_string_equal(json_get(line, "side"), "client");
	assert_string_equal(json_get(line, "peer"),
			    lab_text("%s:%u", loopback(pair->how.family), pair->listen_port));
	return line;
}

void retry_expect_retried(struct pair *pair, unsigned index, unsigned tries, size_t size)
{
	const char *line = expect_line(pair, index, "retried");
	assert_int_equal(json_number(line, "try"), tries);
	assert_int_equal(json_number(line, "resent"), size);
	assert_true(json_number(line, "ms") >= 0);
}

void retry_expect_renewed(struct pair *pair, unsigned index)
{
	expect_line(pair, index, "renewed");
}

void retry_expect_lines(struct pair *pair, unsigned count)
{
	if (log_count(&pair->a, "retry") != count) {
		log_dump(&pair->a);
	}
	assert_int_equal(log_count(&pair->a, "retry"), count);
}

void retry_expect_refused(struct pair *pair, enum lab_reason reason)
{
	retry_expect_lines(pair, 1);
	const char *said = json_get(expect_line(pair, 0, "refused"), "reason");
	/* An errno may follow. */
	if (strncmp(said, reason_texts[reason], strlen(reason_texts[reason])) != 0) {
		fail_msg("refused because \"%s\", not \"%s\"", said, reason_texts[reason]);
	}
	lab_reason_seen[reason] = true;
}

void retry_expect_dead(struct pair *pair)
{
	assert_string_equal(actor_do(&pair->a, "poll s0 in out rdhup 0"), "1 - in out hup rdhup");
	assert_string_equal(actor_do(&pair->a, "recv s0 1"), "0 -");
	assert_string_equal(actor_do(&pair->a, "send s0 1 nosignal"), "-1 EPIPE");
	assert_string_equal(actor_do(&pair->a, "getsockopt s0 error"), "0 - 0");
	actor_do(&pair->a, "sigpipe count");
	long before = actor_number(actor_do(&pair->a, "signals"));
	assert_string_equal(actor_do(&pair->a, "send s0 1"), "-1 EPIPE");
	assert_int_equal(actor_number(actor_do(&pair->a, "signals")), before + 1);
}
