#include "lab_verdict.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Apart from what fails: cmocka cuts a message off after 1,024 bytes, and the end of its line with it. */
static void show(const char *line)
{
	fprintf(stderr, "# %s\n", line);
}

static void same(const char *line, const char *key, const char *expected)
{
	const char *value = json_get(line, key);
	if (expected != NULL && (value == NULL || strcmp(value, expected) != 0)) {
		show(line);
		fail_msg("%s is %s, not %s", key, value ? value : "missing", expected);
	}
}

/** What every `error` says of itself, beside its verdict. */
static const char *const always[] = {
	"\"op\":\"", "\"errno\":\"", "\"case\":\"", "\"doc\":\"", "\"advice\":\"", "\"history\":[",
};

const char *expect_verdict(struct actor *actor, unsigned index, struct expected expected)
{
	unsigned count = log_count(actor, "error");
	if (count != index + 1) {
		log_dump(actor);
		fail_msg("%u error lines, not %u", count, index + 1);
	}
	const char *line = log_find(actor, "error", index);
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
		if (strstr(line, always[i]) == NULL) {
			show(line);
			fail_msg("%s is missing", always[i]);
		}
	}
	bool certain = expected.sure != NULL && strcmp(expected.sure, "certain") == 0;
	same(line, "op", expected.op);
	same(line, "errno", expected.error);
	same(line, "cause", expected.cause);
	same(line, "sure", expected.sure);
	same(line, "else", expected.others == NULL && certain ? "[]" : expected.others);
	same(line, "case", expected.rst_case);
	same(line, "doc", expected.doc);
	same(line, "state", expected.state);
	const char *why = json_get(line, "why");
	assert_non_null(why);
	for (size_t i = 0; i < 4 && expected.why[i] != NULL; i++) {
		if (strstr(why, expected.why[i]) == NULL) {
			show(line);
			fail_msg("why does not say \"%s\"", expected.why[i]);
		}
	}
	return line;
}

void expect_silence(struct actor *actor)
{
	if (log_count(actor, "error") + log_count(actor, "warn") > 0) {
		log_dump(actor);
		fail_msg("something was told of healthy traffic");
	}
}

void expect_awake(struct actor *actor)
{
	unsigned before = log_count(actor, "error");
	int nobody = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(nobody, (struct sockaddr *)&here, sizeof(here)), 0);
	actor_do(actor, "socket4 s8");
	assert_string_equal(actor_do(actor, "connect s8 127.0.0.1 %u", peer_port(nobody)),
			    "-1 ECONNREFUSED");
	actor_do(actor, "close s8");
	close(nobody);
	if (log_count(actor, "error") != before + 1) {
		log_dump(actor);
		fail_msg("%u lines, not one, about a refused connect",
			 log_count(actor, "error") - before);
	}
	same(log_find(actor, "error", before), "cause", "refused");
}

void wait_for_end(struct actor *actor, const char *slot)
{
	const char *result = actor_do(actor, "poll %s %d", slot, LAB_PATIENCE_MS);
	if (strstr(result, "hup") == NULL) {
		fail_msg("poll: %s", result);
	}
}

void wait_for_fin(struct actor *actor, const char *slot)
{
	const char *result = actor_do(actor, "poll %s rdhup %d", slot, LAB_PATIENCE_MS);
	if (strstr(result, "rdhup") == NULL) {
		fail_msg("poll: %s", result);
	}
}

struct tcp_info info_of(struct actor *actor, const char *slot)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	int number = (int)actor_number(actor_do(actor, "fd %s", slot));
	int fd = pidfd_getfd(actor->pidfd, number, 0);
	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
		fail_msg("pidfd_getfd: %s", strerror(errno));
	}
	close(fd);
	return info;
}

void peer_vanish(int fd)
{
	int on = 1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) != 0) {
		fail_msg("TCP_REPAIR: %s", strerror(errno));
	}
	close(fd);
}
