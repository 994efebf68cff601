/* The kernel's limits as they are here and now, and what they come to. */
#include "explain.h"

#include <stdio.h>
#include "../sys/proc.h"
#include "../why/schedule.h"

/* Numbers that one limit has at most. */
#define VALUES 2

/* What a computed sentence needs at most. */
#define SENTENCE_SIZE 256

/* tcp_model_timeout(): counted from TCP_RTO_MIN, whatever the connection's own time-out is. */
#define SHORTEST_RTO_MS 200
#define LONGEST_RTO_MS 120000

/* tcp_orphan_retries(): what 0 stands for. */
#define ORPHAN_RETRIES_DEFAULT 8

static int64_t limit_value(const char *name, int64_t missing)
{
	int64_t value;
	return proc_sysctl(name, &value, 1) == 1 ? value : missing;
}

static void say_syn_schedule(struct text *text, const int64_t *values)
{
	struct evidence limits = {
		.syn_retries = values[0],
		.syn_linear_timeouts = limit_value("net/ipv4/tcp_syn_linear_timeouts", 0),
	};
	schedule_write_syn(text, &limits);
}

static void say_synack_schedule(struct text *text, const int64_t *values)
{
	text_format(text, "the server gives the handshake up after %D s",
		    schedule_syn_seconds(values[0], 0));
}

static int64_t backoff_ms(int64_t retries)
{
	int64_t total = 0;
	int64_t wait = SHORTEST_RTO_MS;
	for (int64_t step = 0; step <= retries; step++) {
		total += wait;
		wait = wait * 2 < LONGEST_RTO_MS ? wait * 2 : LONGEST_RTO_MS;
	}
	return total;
}

static void say_retries2(struct text *text, const int64_t *values)
{
	text_format(text, "at least %D s on a fast path", backoff_ms(values[0]) / 1000);
}

static void say_orphan(struct text *text, const int64_t *values)
{
	text_format(text, "at least %D s on a fast path, once the descriptor is closed",
		    backoff_ms(values[0] == 0 ? ORPHAN_RETRIES_DEFAULT : values[0]) / 1000);
}

static void say_keepalive(struct text *text, const int64_t *values)
{
	int64_t interval = limit_value("net/ipv4/tcp_keepalive_intvl", -1);
	int64_t probes = limit_value("net/ipv4/tcp_keepalive_probes", -1);
	if (interval < 0 || probes < 0) {
		text_string(text, "the other two limits are not readable");
		return;
	}
	text_format(text, "a dead peer is noticed after %D + %D * %D = %D s", values[0], probes,
		    interval, values[0] + probes * interval);
}

static void say_ports(struct text *text, const int64_t *values)
{
	text_format(text, "%D connections to one address and port at a time",
		    values[1] - values[0] + 1);
}

static const struct {
	const char *name;
	const char *meaning;
	void (*compute)(struct text *text, const int64_t *values);
} limits_known[LIMIT_COUNT] = {
#define LIMIT(symbol, name, meaning, computed) [LIMIT_##symbol] = {name, meaning, computed},
#include "limits.def"
#undef LIMIT
};

static void print_name(const char *path)
{
	printf("  ");
	for (; *path != '\0'; path++) {
		putchar(*path == '/' ? '.' : *path);
	}
	printf(" = ");
}

static void explain_limit(enum limit limit)
{
	int64_t values[VALUES] = {0};
	int count = proc_sysctl(limits_known[limit].name, values, VALUES);
	print_name(limits_known[limit].name);
	if (count <= 0) {
		puts("not readable");
	}
	for (int i = 0; i < count; i++) {
		printf("%lld%c", (long long)values[i], i + 1 < count ? ' ' : '\n');
	}
	explain_wrapped(6, 6, limits_known[limit].meaning);
	if (count > 0 && limits_known[limit].compute != NULL) {
		char sentence[SENTENCE_SIZE];
		struct text text = text_in(sentence, sizeof sentence);
		limits_known[limit].compute(&text, values);
		explain_wrapped(6, 6, sentence);
	}
}

void explain_limits(const enum limit *limits)
{
	for (; *limits != LIMIT_END; limits++) {
		explain_limit(*limits);
	}
}
