#include <errno.h>
#include <string.h>
#include "grammar.h"
#include "../sys/errnames.h"
#include "../sys/units.h"

/* The kernel's own limits of the three: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT. */
#define KEEPALIVE_MAX_MS ((uint64_t)32767 * 1000)
#define KEEPALIVE_COUNT_MAX 127

static const char *const segment_names[] = {
	[SEGMENT_SYN] = "syn", [SEGMENT_SYNACK] = "synack", [SEGMENT_ACK] = "ack",
	[SEGMENT_FIN] = "fin", [SEGMENT_FINACK] = "finack", [SEGMENT_RST] = "rst",
	[SEGMENT_ALL] = "all",
};

static const char *const unreachable_names[] = {
	[UNREACHABLE_HOST] = "host",
	[UNREACHABLE_NET] = "net",
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

int read_duration(struct parser *parser, struct span value, uint64_t *milliseconds)
{
	int result = units_duration(value.start, value.length, milliseconds);
	return result == 0 ? 0 : fault_number(parser, result, "a duration such as 250ms, 2s or 5m");
}

int read_percent(struct parser *parser, struct span value, uint32_t *millionths)
{
	int result = units_percent(value.start, value.length, millionths);
	return result == 0 ? 0 : fault_expected(parser, "a percentage from 0% to 100%");
}

int read_count(struct parser *parser, struct span value, uint64_t *count)
{
	int result = units_number(value.start, value.length, count);
	if (result == 0 && *count > 0) {
		return 0;
	}
	return fault_number(parser, result, "a number from 1 on");
}

static int duration_read(struct parser *parser, struct span value, struct rule *rule)
{
	return read_duration(parser, value, &rule->value.duration_ms);
}

/* To the kernel a limit of 0 is none. */
static int limit_read(struct parser *parser, struct span value, struct rule *rule)
{
	int result = duration_read(parser, value, rule);
	return result == 0 && rule->value.duration_ms == 0
		       ? fault_expected(parser, "a time from 1ms on, such as 250ms, 2s or 5m")
		       : result;
}

static void duration_write(struct text *text, const struct rule *rule)
{
	write_duration(text, rule->value.duration_ms);
}

static int size_read(struct parser *parser, struct span value, struct rule *rule)
{
	int result = units_size(value.start, value.length, &rule->value.size);
	return result == 0 ? 0 : fault_number(parser, result, "a size such as 64, 16K or 1M");
}

static void limit_write(struct text *text, const struct rule *rule)
{
	duration_write(text, rule);
}

static void size_write(struct text *text, const struct rule *rule)
{
	write_size(text, rule->value.size);
}

static int count_read(struct parser *parser, struct span value, struct rule *rule)
{
	return read_count(parser, value, &rule->value.count);
}

static void count_write(struct text *text, const struct rule *rule)
{
	text_unsigned(text, rule->value.count);
}

static int percent_read(struct parser *parser, struct span value, struct rule *rule)
{
	return read_percent(parser, value, &rule->value.percent);
}

static void percent_write(struct text *text, const struct rule *rule)
{
	write_percent(text, rule->value.percent);
}

/* Which of the names is it? -1 for none. */
static int find_name(struct span value, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (span_is(value, names[i])) {
			return (int)i;
		}
	}
	return -1;
}

static int segment_read(struct parser *parser, struct span value, struct rule *rule)
{
	int segment = find_name(value, segment_names, COUNT_OF(segment_names));
	if (segment < 0) {
		return fault_expected(parser, "syn, synack, ack, fin, finack, rst or all");
	}
	rule->value.segment = (enum segment)segment;
	return 0;
}

static void segment_write(struct text *text, const struct rule *rule)
{
	text_string(text, segment_names[rule->value.segment]);
}

static int unreachable_read(struct parser *parser, struct span value, struct rule *rule)
{
	int unreachable = find_name(value, unreachable_names, COUNT_OF(unreachable_names));
	if (unreachable < 0) {
		return fault_expected(parser, "host or net");
	}
	rule->value.unreachable = (enum unreachable)unreachable;
	return 0;
}

static void unreachable_write(struct text *text, const struct rule *rule)
{
	text_string(text, unreachable_names[rule->value.unreachable]);
}

/* The socket options take whole seconds. */
static bool read_keepalive_time(struct span value, uint64_t *milliseconds)
{
	return value.start && units_duration(value.start, value.length, milliseconds) == 0 &&
	       *milliseconds > 0 && *milliseconds <= KEEPALIVE_MAX_MS && *milliseconds % 1000 == 0;
}

static int keepalive_read(struct parser *parser, struct span value, struct rule *rule)
{
	struct span interval, count;
	struct span idle = span_cut(value, '/', &interval);
	interval = span_cut(interval, '/', &count);
	uint64_t *probes = &rule->value.keepalive.count;
	if (!count.start) {
		return fault_expected(parser, "IDLE/INTERVAL/COUNT, as in 60s/10s/3");
	}
	if (!read_keepalive_time(idle, &rule->value.keepalive.idle_ms) ||
	    !read_keepalive_time(interval, &rule->value.keepalive.interval_ms)) {
		return fault_expected(parser,
				      "two times in whole seconds, 1s to 32767s, as in 60s/10s/3");
	}
	if (units_number(count.start, count.length, probes) != 0 || *probes == 0 ||
	    *probes > KEEPALIVE_COUNT_MAX) {
		return fault_expected_at(parser, count.start,
					 "a count from 1 to 127, as in 60s/10s/3");
	}
	return 0;
}

static void keepalive_write(struct text *text, const struct rule *rule)
{
	write_duration(text, rule->value.keepalive.idle_ms);
	text_char(text, '/');
	write_duration(text, rule->value.keepalive.interval_ms);
	text_char(text, '/');
	text_unsigned(text, rule->value.keepalive.count);
}

static int errno_pair_read(struct parser *parser, struct span value, struct rule *rule)
{
	struct span to;
	struct span from = span_cut(value, ':', &to);
	if (!to.start) {
		return fault_expected(parser, "two error names, as in errno=EPIPE:ECONNRESET");
	}
	rule->value.error.from = errno_number(from.start, from.length);
	rule->value.error.to = errno_number(to.start, to.length);
	if (rule->value.error.from == 0 || rule->value.error.to == 0) {
		return fault_expected_at(parser,
					 rule->value.error.from == 0 ? from.start : to.start,
					 "the name of an error, such as EPIPE or ECONNRESET");
	}
	return 0;
}

static void errno_pair_write(struct text *text, const struct rule *rule)
{
	errno_write(text, rule->value.error.from);
	text_char(text, ':');
	errno_write(text, rule->value.error.to);
}

const struct value_kind value_kinds[VALUE_COUNT] = {
#define VALUE(symbol, form, kind) [VALUE_##symbol] = {kind##_read, kind##_write},
#include "values.def"
#undef VALUE
};
