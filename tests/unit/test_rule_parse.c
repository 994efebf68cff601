#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>
#include "edge.h"
#include "rule/grammar.h"
#include "sys/units.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/** Where nothing can be read behind it, but for the longest. */
static struct rule_source source(const char *text)
{
	size_t length = strlen(text);
	bool fits = length > 0 && length <= (size_t)sysconf(_SC_PAGESIZE);
	return (struct rule_source){"RESETBY_RULES", fits ? at_edge(text, length) : text, length};
}

static struct rules *read_rules(const char *text)
{
	struct rule_source from = source(text);
	struct rules *set;
	struct rule_error error;
	if (rules_read(&from, 1, "curl", &set, &error) != 0) {
		fail_msg("%s: %u:%u: %s", text, error.line, error.column, error.message);
	}
	return set;
}

static const char *fault(const char *text)
{
	static char line[RULE_MESSAGE_SIZE + 64];
	struct rule_source from = source(text);
	struct rules *set = (struct rules *)line;
	struct rule_error error;
	if (rules_read(&from, 1, "curl", &set, &error) != -EINVAL) {
		fail_msg("%s was taken", text);
	}
	assert_null(set);
	struct text out = text_in(line, sizeof line);
	rule_error_write(&out, &error);
	return line;
}

static void expect_fault(const char *text, unsigned line, unsigned column, const char *words)
{
	char head[64];
	snprintf(head, sizeof head, "RESETBY_RULES:%u:%u: ", line, column);
	const char *told = fault(text);
	if (strncmp(told, head, strlen(head)) != 0 || !strstr(told, words)) {
		fail_msg("'%s': expected %s...%s, not %s", text, head, words, told);
	}
}

static const char *canonical(const struct rule *rule)
{
	static char buffer[RULE_TEXT_SIZE];
	struct text text = text_in(buffer, sizeof buffer);
	rule_write(&text, rule);
	assert_false(text.cut);
	return buffer;
}

static void expect_canonical(const char *text, const char *expected)
{
	struct rules *set = read_rules(text);
	assert_non_null(set);
	assert_int_equal(set->count, 1);
	assert_string_equal(canonical(&set->rules[0]), expected);
	rules_free(set);
}

static void expect_starts(const char *text, const char *bytes, size_t length)
{
	struct rules *set = read_rules(text);
	assert_int_equal(set->rules[0].starts_length, length);
	assert_memory_equal(set->rules[0].starts, bytes, length);
	rules_free(set);
}

static void nothing_and_comments_are_no_rules(void **state)
{
	(void)state;
	static const char *const empty[] = {"", " ", ";;\n;", "# linger0",
					    "\n\t# a ; linger0\r\n;#"};
	for (size_t i = 0; i < COUNT_OF(empty); i++) {
		assert_null(read_rules(empty[i]));
	}
	struct rules *set;
	struct rule_error error;
	assert_int_equal(rules_read(NULL, 0, "curl", &set, &error), 0);
	assert_null(set);
	struct rule_source no_text = {"FILE", NULL, 0};
	assert_int_equal(rules_read(&no_text, 1, NULL, &set, &error), 0);
	assert_null(set);
}

static void a_byte_order_mark_is_no_word(void **state)
{
	(void)state;
	assert_null(read_rules("\xef\xbb\xbf"));
	expect_canonical("\xef\xbb\xbf\r\nlinger0\r\n", "linger0");
	expect_canonical("\xef\xbb\xbflinger0 to=:80\r\n", "linger0 to=:80");
	expect_fault("linger0\n\xef\xbb\xbflinger0", 2, 1, "no such action");
}

static void rules_are_separated_by_semicolons_and_newlines(void **state)
{
	(void)state;
	struct rules *set =
		read_rules("linger0 to=:80;unread # no; linger0\r\n\n ; nolinger ;#;\n");
	assert_int_equal(set->count, 3);
	assert_int_equal(set->rules[0].action, ACTION_LINGER0);
	assert_int_equal(set->rules[1].action, ACTION_UNREAD);
	assert_int_equal(set->rules[2].action, ACTION_NOLINGER);
	rules_free(set);
}

static void a_rule_keeps_the_text_it_was_read_from(void **state)
{
	(void)state;
	struct rules *set = read_rules(" linger0   to=:80 ;\n\tunread=16K # why\nnolinger");
	assert_int_equal(set->count, 3);
	assert_string_equal(set->rules[0].text, "linger0   to=:80");
	assert_string_equal(set->rules[1].text, "unread=16K");
	assert_string_equal(set->rules[2].text, "nolinger");
	rules_free(set);
}

static void a_set_does_not_need_its_source_any_more(void **state)
{
	(void)state;
	char text[] = "linger0 exe=cu* starts=\"a b\"";
	struct rules *set = read_rules(text);
	memset(text, 'x', sizeof text - 1);
	assert_string_equal(set->rules[0].text, "linger0 exe=cu* starts=\"a b\"");
	assert_string_equal(canonical(&set->rules[0]), "linger0 exe=cu* starts=\"a b\"");
	rules_free(set);
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0");
	const struct rule *rule = &set->rules[0];
	assert_int_equal(rule->action, ACTION_LINGER0);
	assert_false(rule->has_value || rule->has_to || rule->has_at || rule->has_wait);
	assert_false(rule->has_after_size || rule->has_after_time || rule->wrong_program);
	assert_null(rule->exe);
	assert_int_equal(rule->side, SIDE_UNKNOWN);
	assert_int_equal(rule->probability, PROBABILITY_ONE);
	assert_int_equal(rule->conn_first, 1);
	assert_true(rule->conn_last == UINT64_MAX && rule->times == UINT64_MAX);
	assert_int_equal(rule->conn_step, 1);
	assert_int_equal(rule->when, WHEN_CLOSE);
	assert_int_equal(rule->starts_length, 0);
	rules_free(set);
}

static void every_selector_is_understood(void **state)
{
	(void)state;
	struct rules *set =
		read_rules("unread=16K to=10.0.0.0/8:80 at=[::1]:8080 side=server exe=c* "
			   "conn=3..9+2 prob=12.5% times=7 after=1M when=read starts=GET "
			   "wait=1.5s");
	const struct rule *rule = &set->rules[0];
	assert_true(rule->has_value);
	assert_int_equal(rule->value.size, 16384);
	assert_true(rule->has_to);
	assert_int_equal(rule->to.prefix, 8);
	assert_int_equal(rule->to.port_first, 80);
	assert_true(rule->has_at);
	assert_int_equal(rule->at.network.family, AF_INET6);
	assert_int_equal(rule->at.port_last, 8080);
	assert_int_equal(rule->side, SIDE_SERVER);
	assert_int_equal(rule->exe_length, 2);
	assert_int_equal(rule->conn_first, 3);
	assert_int_equal(rule->conn_last, 9);
	assert_int_equal(rule->conn_step, 2);
	assert_int_equal(rule->probability, 125000);
	assert_int_equal(rule->times, 7);
	assert_true(rule->has_after_size && !rule->has_after_time);
	assert_int_equal(rule->after_size, 1048576);
	assert_int_equal(rule->when, WHEN_READ);
	assert_int_equal(rule->starts_length, 3);
	assert_true(rule->has_wait);
	assert_int_equal(rule->wait_ms, 1500);
	assert_true(set->has_starts && set->has_at && set->has_stage[STAGE_OPEN]);
	assert_false(set->has_stage[STAGE_CONNECT]);
	rules_free(set);
}

static void after_tells_sizes_from_times_by_the_unit(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 after=5;linger0 after=5m;linger0 after=5M");
	assert_true(set->rules[0].has_after_size && set->rules[0].after_size == 5);
	assert_true(set->rules[1].has_after_time && set->rules[1].after_ms == 300000);
	assert_false(set->rules[1].has_after_size);
	assert_true(set->rules[2].has_after_size && set->rules[2].after_size == 5 << 20);
	assert_false(set->rules[2].has_after_time);
	rules_free(set);
}

static void conn_has_the_grammar_of_strace(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t first, last, step;
		const char *written;
	} forms[] = {
		{"linger0 conn=3", 3, 3, 1, "linger0 conn=3"},
		{"linger0 conn=3+", 3, UINT64_MAX, 1, "linger0 conn=3+"},
		{"linger0 conn=3+2", 3, UINT64_MAX, 2, "linger0 conn=3+2"},
		{"linger0 conn=3..5", 3, 5, 1, "linger0 conn=3..5"},
		{"linger0 conn=3..9+2", 3, 9, 2, "linger0 conn=3..9+2"},
		{"linger0 conn=3..9+", 3, 9, 1, "linger0 conn=3..9"},
		{"linger0 conn=3..3+7", 3, 3, 1, "linger0 conn=3"},
		{"linger0 conn=1+", 1, UINT64_MAX, 1, "linger0"},
		{"linger0 conn=1", 1, 1, 1, "linger0 conn=1"},
		{"linger0 conn=1+5", 1, UINT64_MAX, 5, "linger0 conn=1+5"},
	};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct rules *set = read_rules(forms[i].text);
		assert_true(set->rules[0].conn_first == forms[i].first);
		assert_true(set->rules[0].conn_last == forms[i].last);
		assert_true(set->rules[0].conn_step == forms[i].step);
		assert_string_equal(canonical(&set->rules[0]), forms[i].written);
		rules_free(set);
	}
}

static void starts_takes_escapes_and_quotes(void **state)
{
	(void)state;
	expect_starts("linger0 starts=GET", "GET", 3);
	expect_starts("linger0 starts=\"GET /a b;\"", "GET /a b;", 9);
	expect_starts("linger0 starts=a\\;b;", "a;b", 3);
	expect_starts("linger0 starts=\\n\\r\\t\\0\\x7F\\\\\\\"\\;", "\n\r\t\0\x7f\\\";", 8);
	expect_starts("linger0 starts=\"a\\\"b # c\" # x", "a\"b # c", 7);
	expect_starts("linger0 starts=a#b", "a#b", 3);
	expect_starts("linger0 starts=\\x16\\x03", "\x16\x03", 2);
	expect_starts("linger0 starts=\"\\x00\\x001\"",
		      "\0\0"
		      "1",
		      3);
	expect_starts("linger0 starts=\xc3\xa4 prob=5%", "\xc3\xa4", 2);
	expect_starts("linger0 starts==", "=", 1);
	expect_starts("linger0 starts=\\08",
		      "\0"
		      "8",
		      2);
}

static void starts_takes_64_bytes_and_no_more(void **state)
{
	(void)state;
	char text[128] = "linger0 starts=";
	size_t head = strlen(text);
	memset(text + head, 'a', 64);
	text[head + 64] = '\0';
	struct rules *set = read_rules(text);
	assert_int_equal(set->rules[0].starts_length, 64);
	rules_free(set);
	text[head + 64] = 'b';
	text[head + 65] = '\0';
	expect_fault(text, 1, 80, "at most 64 bytes");
}

static void exe_is_compared_with_this_program(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 exe=cu*; linger0 exe=wget at=:1 starts=x");
	assert_false(set->rules[0].wrong_program);
	assert_true(set->rules[1].wrong_program);
	assert_false(set->has_at || set->has_starts);
	rules_free(set);
	struct rule_source from = source("linger0 exe=wget");
	struct rule_error error;
	assert_int_equal(rules_read(&from, 1, NULL, &set, &error), 0);
	assert_false(set->rules[0].wrong_program);
	rules_free(set);
}

static void faults_say_where_and_what_was_expected(void **state)
{
	(void)state;
	assert_string_equal(fault("linger0 prob=120%"),
			    "RESETBY_RULES:1:9: prob=120%: expected a percentage from 0% to 100%");
	expect_fault("linger0\n\n # c\n  nolinger  side=left", 4, 13, "expected client or server");
	expect_fault("linger0;linger0 prob=1", 1, 17, "percentage");
	expect_fault("linger0 prob=", 1, 9, "percentage");
	expect_fault("linger0=5", 1, 8, "linger0 takes no value");
	expect_fault("linger0=", 1, 8, "linger0 takes no value");
	expect_fault("connect-timeout=", 1, 1, "a duration");
	expect_fault("connect-timeout=5", 1, 1, "a duration");
	expect_fault("connect-timeout=999999999999999h", 1, 1, "too large, expected a duration");
	expect_fault("unread=5s", 1, 1, "a size");
	expect_fault("linger0 to=10.0.0.300", 1, 19, "0 to 255");
	expect_fault("linger0 to=", 1, 12, "an address");
	expect_fault("linger0 to", 1, 9, "as in to=VALUE");
	expect_fault("linger0 at=:70000", 1, 13, "1 to 65535");
	expect_fault("linger0 at=::1/129", 1, 16, "0 to 128");
	expect_fault("linger0 exe=", 1, 9, "a program name");
	expect_fault("linger0 exe=/bin/x", 1, 9, "without a directory");
	expect_fault("linger0 times=0", 1, 9, "from 1 on");
	expect_fault("linger0 times=", 1, 9, "from 1 on");
	expect_fault("linger0 times=18446744073709551616", 1, 9, "too large, expected");
	expect_fault("linger0 times=x", 1, 9, "times=x: expected");
	expect_fault("linger0 after=2x", 1, 9, "a size such as 64 or 16K, or a time");
	expect_fault("linger0 after=", 1, 9, "a size");
	expect_fault("linger0 after=18446744073709551615", 1, 9, "too large, expected a size");
	expect_fault("linger0 after=18446744073709551615s", 1, 9, "too large, expected a size");
	expect_fault("linger0 wait=1s", 1, 9, "only the action unread takes wait=");
	expect_fault("unread wait=1", 1, 8, "a duration");
	expect_fault("linger0 when=sometimes", 1, 9, "read, write or close");
	expect_fault("linger0 when=", 1, 9, "read, write or close");
	expect_fault("refuse when=connect", 1, 8, "read, write or close");
	expect_fault("linger0 when=read", 1, 9, "linger0 can fire only at close");
	expect_fault("unread when=write", 1, 8, "unread can fire only at read or close");
	expect_fault("linger0 prob=5% to=:1 prob=6%", 1, 23, "given twice");
	expect_fault("connect-timeout after=5", 1, 17, "before any byte");
	expect_fault("refuse to=:1 starts=G", 1, 14, "before any byte");
	expect_fault("keepalive=1s/1s/1 after=1", 1, 19, "before any byte");
	expect_fault("drop=synack after=2s", 1, 13, "before any byte");
	expect_fault("drop=synack starts=GET", 1, 13, "before any byte");
	expect_fault("drop=synack when=read", 1, 13, "before any byte");
	expect_fault("drop=syn conn=2+", 1, 10, "a listener's filter knows");
	expect_fault("drop=syn conn=1", 1, 10, "a listener's filter knows");
	expect_fault("drop=syn conn=1+2", 1, 10, "a listener's filter knows");
	expect_fault("drop=ack after=2s", 1, 10, "a listener's filter knows");
	expect_fault("drop=ack after=2", 1, 10, "a listener's filter knows");
	expect_fault("drop=ack starts=G", 1, 10, "a listener's filter knows");
	expect_fault("drop=ack when=read", 1, 10, "a listener's filter knows");
}

static void an_action_that_wants_a_value_says_which(void **state)
{
	(void)state;
	for (int action = 0; action < ACTION_COUNT; action++) {
		const char *name = action_infos[action].name;
		if (value_forms[action_infos[action].value][0] == '=') {
			expect_fault(name, 1, 1, "expected ");
		} else {
			expect_canonical(name, name);
		}
	}
}

static void rules_that_could_never_act_are_refused(void **state)
{
	(void)state;
	expect_fault("refuse side=server", 1, 8, "the client's");
	expect_fault("unreachable to=:1 side=server", 1, 19, "the client's");
	expect_fault("drop=synack side=server", 1, 13, "the client's");
	expect_fault("drop=syn side=client", 1, 10, "the server's");
	expect_fault("idle-evict=1s when=read", 1, 15, "the write after the silence");
	expect_fault("drop=finack when=read", 1, 13, "at close only");
	expect_fault("unread when=read", 1, 8, "at close only");
	expect_fault("unread=2 when=close", 1, 10, "it fires at read");
	expect_fault("connect-timeout=0s", 1, 1, "from 1ms on");
	expect_fault("user-timeout=0ms", 1, 1, "from 1ms on");
}

static void wrong_counts_of_connections_have_their_own_faults(void **state)
{
	(void)state;
	expect_fault("linger0 conn=0", 1, 9, "first connection from 1");
	expect_fault("linger0 conn=3..1", 1, 9, "not before the first");
	expect_fault("linger0 conn=3..0", 1, 9, "not before the first");
	expect_fault("linger0 conn=3+0", 1, 9, "a step from 1");
	expect_fault("linger0 conn=3..9+0", 1, 9, "a step from 1");
	static const char *const wrong[] = {"",   "x",   "3.",  "3..",   "3...5",
					    "+2", "3+x", "3-5", "3..5x", "3..+2"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		char text[64];
		snprintf(text, sizeof text, "linger0 conn=%s", wrong[i]);
		expect_fault(text, 1, 9, "FIRST..LAST+STEP");
	}
	expect_fault("linger0 conn=18446744073709551616", 1, 9, "too large");
}

static void wrong_texts_of_starts_have_their_own_faults(void **state)
{
	(void)state;
	expect_fault("linger0 starts=", 1, 9, "the first bytes");
	expect_fault("linger0 starts=\"\"", 1, 9, "the first bytes");
	expect_fault("linger0 starts=\"a b", 1, 16, "closing quote");
	expect_fault("linger0 starts=\"a b\nunread\"", 1, 16, "closing quote");
	expect_fault("linger0 starts=\"a\\\"", 1, 16, "closing quote");
	expect_fault("linger0 starts=\"a\"b", 1, 19, "behind the closing quote");
	expect_fault("linger0 starts=a\"b", 1, 17, "for a quote inside");
	expect_fault("linger0 starts=a\\q", 1, 17, "one of the escapes");
	expect_fault("linger0 starts=a\\", 1, 17, "one of the escapes");
	expect_fault("linger0 starts=a\\ b", 1, 17, "one of the escapes");
	expect_fault("linger0 starts=a\\\nnolinger", 1, 17,
		     "starts=a\\: expected one of the escapes");
	expect_fault("linger0 starts=\\x4", 1, 16, "two hexadecimal digits");
	expect_fault("linger0 starts=\\xg0", 1, 16, "two hexadecimal digits");
	expect_fault("linger0 starts=\\00", 1, 16, "\\x00 for a NUL before a digit");
	expect_fault("linger0 starts=\\07", 1, 16, "\\x00 for a NUL before a digit");
}

static void an_unknown_action_lists_those_there_are(void **state)
{
	(void)state;
	expect_fault("linger", 1, 1, "did you mean linger0?");
	expect_fault("LINGER0", 1, 1, "did you mean linger0?), expected one of retry ");
	/* The nearest, and neither the first nor the last that is near. */
	expect_fault("resey", 1, 1, "did you mean reset?");
	expect_fault("retrz", 1, 1, "did you mean retry?");
	expect_fault("connect_timeout=3s", 1, 1, "did you mean connect-timeout?");
	expect_fault("linger0#comment", 1, 1, "no such action");
	const char *told = fault("xyzzy to=:80");
	assert_null(strstr(told, "did you mean"));
	for (int action = 0; action < ACTION_COUNT; action++) {
		assert_non_null(strstr(told, action_infos[action].name));
	}
	expect_fault("to=:80 linger0", 1, 1, "a rule begins with its action");
	expect_fault("=", 1, 1, "no such action");
}

static void an_unknown_selector_lists_those_that_apply(void **state)
{
	(void)state;
	expect_fault("linger0 port=80", 1, 9,
		     "to= at= side= exe= conn= prob= times= after= when= starts=");
	expect_fault("linger0 pro=5%", 1, 9, "did you mean prob?");
	assert_null(strstr(fault("linger0 zz=1"), "wait="));
	assert_non_null(strstr(fault("unread zz=1"), "wait="));
	expect_fault("linger0 zz", 1, 9, "no such selector");
	expect_fault("linger0 unread", 1, 9, "between two rules");
	expect_fault("reset to=:80 drop=fin", 1, 14, "between two rules");
}

static void a_fault_is_one_printable_line(void **state)
{
	(void)state;
	char text[5000];
	memset(text, '\x01', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	const char *told = fault(text);
	for (const char *c = told; *c != '\0'; c++) {
		assert_true(*c >= ' ' && *c != 0x7f);
	}
	assert_true(strlen(told) < 300);
	/* Of a long word its beginning, of a shorter one all. */
	memset(text, 'x', 41);
	memset(text + 39, '\x7f', 2);
	text[41] = '\0';
	expect_fault(text, 1, 1, ": xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?...: no such action");
	text[40] = '\0';
	expect_fault(text, 1, 1, ": xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?: no such action");
}

static void a_nul_byte_is_refused_where_it_stands(void **state)
{
	(void)state;
	struct rule_source from = {"FILE", "linger0\nunr\0ead", 15};
	struct rules *set;
	struct rule_error error;
	assert_int_equal(rules_read(&from, 1, NULL, &set, &error), -EINVAL);
	assert_int_equal(error.line, 2);
	assert_int_equal(error.column, 4);
	assert_string_equal(error.message, "expected text, not a NUL byte");
}

static void too_many_rules_or_bytes_are_refused(void **state)
{
	(void)state;
	size_t size = RULES_TEXT_MAX + 1;
	char *text = malloc(size + 1);
	memset(text, '\n', size);
	text[size] = '\0';
	struct rule_source from = {"FILE", text, size};
	struct rules *set;
	struct rule_error error;
	assert_int_equal(rules_read(&from, 1, NULL, &set, &error), -EINVAL);
	assert_non_null(strstr(error.message, "1 MiB"));
	from.length = size - 1;
	assert_int_equal(rules_read(&from, 1, NULL, &set, &error), 0);
	assert_null(set);
	for (size_t i = 0; i <= RULES_MAX; i++) {
		memcpy(text + 10 * i, "nolinger;\n", 10);
	}
	assert_int_equal(rules_read(&from, 1, NULL, &set, &error), -EINVAL);
	assert_non_null(strstr(error.message, "at most 1000"));
	assert_int_equal(error.line, RULES_MAX + 1);
	from.length = 10 * RULES_MAX;
	assert_int_equal(rules_read(&from, 1, NULL, &set, &error), 0);
	assert_int_equal(set->count, RULES_MAX);
	rules_free(set);
	/* Of all texts together. */
	struct rule_source halves[] = {{"FILE", text, size / 2}, {"SECOND", text, size / 2 + 1}};
	memset(text, '\n', size);
	assert_int_equal(rules_read(halves, 2, NULL, &set, &error), -EINVAL);
	assert_string_equal(error.source, "SECOND");
	free(text);
}

static void several_sources_make_one_set_and_errors_name_theirs(void **state)
{
	(void)state;
	struct rule_source from[] = {{"RESETBY_RULES", "linger0", 7},
				     {"EMPTY", "", 0},
				     {"FILE", "unread\nnolinger", 15}};
	struct rules *set;
	struct rule_error error;
	assert_int_equal(rules_read(from, 3, NULL, &set, &error), 0);
	assert_int_equal(set->count, 3);
	assert_string_equal(set->rules[0].text, "linger0");
	assert_string_equal(set->rules[1].text, "unread");
	assert_string_equal(set->rules[2].text, "nolinger");
	rules_free(set);
	from[2].length = 14;
	assert_int_equal(rules_read(from, 3, NULL, &set, &error), -EINVAL);
	assert_string_equal(error.source, "FILE");
	assert_int_equal(error.line, 2);
	assert_int_equal(error.column, 1);
}

/* Its texts are behind its rules and end before its memory does. */
static void a_set_has_the_memory_that_it_uses(void **state)
{
	(void)state;
	struct rule_source from[] = {{"A", "linger0;linger0\nlinger0", 23},
				     {"B", "\n;unread\nnolinger", 17}};
	struct rules *set;
	struct rule_error error;
	assert_int_equal(rules_read(from, 2, NULL, &set, &error), 0);
	assert_int_equal(set->count, 5);
	for (uint32_t i = 0; i < set->count; i++) {
		const char *text = set->rules[i].text;
		assert_true(text >= (const char *)&set->rules[set->count]);
		assert_true(text + strlen(text) < (const char *)set + set->memory);
	}
	rules_free(set);
}

static void a_set_knows_what_its_rules_look_at(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool connect, open, listen, early, starts, at;
	} sets[] = {
		{"linger0", .open = true},
		{"linger0 starts=G; linger0", .open = true, .starts = true},
		{"linger0 at=:1; linger0", .open = true, .at = true},
		{"refuse; drop=fin", .connect = true, .open = true},
		{"drop=synack", .connect = true},
		{"drop=syn; drop=ack", .listen = true},
		{"user-timeout=1s", .connect = true, .open = true, .early = true},
		{"user-timeout=1s; linger0 at=:1", true, true, false, true, .at = true},
		{"user-timeout=1s at=:1; user-timeout=2s", .open = true, .at = true},
		{"user-timeout=1s at=:1; refuse", .connect = true, .open = true, .at = true},
		{"refuse exe=wget; linger0 exe=curl", .open = true},
	};
	for (size_t i = 0; i < COUNT_OF(sets); i++) {
		struct rules *set = read_rules(sets[i].text);
		assert_int_equal(set->has_stage[STAGE_CONNECT], sets[i].connect);
		assert_int_equal(set->has_stage[STAGE_OPEN], sets[i].open);
		assert_int_equal(set->has_stage[STAGE_LISTEN], sets[i].listen);
		assert_int_equal(set->matches_early, sets[i].early);
		assert_int_equal(set->has_starts, sets[i].starts);
		assert_int_equal(set->has_at, sets[i].at);
		rules_free(set);
	}
}

static void sets_of_one_process_differ_in_generation(void **state)
{
	(void)state;
	struct rules *one = read_rules("linger0"), *two = read_rules("linger0");
	assert_int_not_equal(one->generation, 0);
	assert_int_not_equal(one->generation, two->generation);
	rules_free(one);
	rules_free(two);
	rules_free(NULL);
}

static void a_rule_is_written_in_one_way(void **state)
{
	(void)state;
	expect_canonical("linger0   prob=50.00%\tto=*:8080 ", "linger0 to=:8080 prob=50%");
	expect_canonical("connect-timeout=90s", "connect-timeout=90s");
	expect_canonical("connect-timeout=60000ms", "connect-timeout=1m");
	expect_canonical("leak=0ms", "leak=0s");
	expect_canonical("connect-timeout=1.5s", "connect-timeout=1500ms");
	expect_canonical("connect-timeout", "connect-timeout");
	expect_canonical("unread=1024K wait=3600s", "unread=1M wait=1h");
	expect_canonical("unread=0 after=1500", "unread=0 after=1500");
	expect_canonical("unread=2048M after=1536M", "unread=2G after=1536M");
	expect_canonical("unread=4 when=read", "unread=4 when=read");
	expect_canonical("idle-evict=1s when=write", "idle-evict=1s when=write");
	expect_canonical("drop=fin when=read", "drop=fin when=read");
	expect_canonical("drop=finack when=close", "drop=finack when=close");
	expect_canonical("reset when=read", "reset when=read");
	expect_canonical("linger0 when=close prob=100% conn=1+", "linger0");
	expect_canonical("linger0 prob=0.0001% after=0.5s", "linger0 prob=0.0001% after=500ms");
	expect_canonical("linger0 starts=\"GET\"", "linger0 starts=GET");
	expect_canonical("linger0 starts=a\\;\\x20b", "linger0 starts=\"a; b\"");
	expect_canonical("linger0 starts=\\x00\\x001", "linger0 starts=\\0\\x001");
	expect_canonical("linger0 starts=\\x00a\\x00/", "linger0 starts=\\0a\\0/");
	expect_canonical("linger0 starts=\\x0a\\xFF\\x01", "linger0 starts=\\n\\xff\\x01");
	expect_canonical("linger0 starts=\\x0a1\\x7f", "linger0 starts=\\n1\\x7f");
}

/* Reading and writing of the values that no action may have yet. */
static int read_value(enum value_type type, const char *string, struct rule *rule)
{
	static struct rule_error error;
	struct rule_source from = source(string);
	struct parser parser = {.source = &from, .error = &error};
	struct span value = {string, strlen(string)};
	parser.word = value;
	memset(rule, 0, sizeof *rule);
	return value_kinds[type].read(&parser, value, rule);
}

static void every_type_of_value_reads_and_writes(void **state)
{
	(void)state;
	static const struct {
		enum value_type type;
		const char *read, *written;
	} values[] = {
		{VALUE_DURATION, "0.25m", "15s"},
		{VALUE_DURATION_OPTIONAL, "250ms", "250ms"},
		{VALUE_LIMIT, "1ms", "1ms"},
		{VALUE_LIMIT_OPTIONAL, "2s", "2s"},
		{VALUE_SIZE_OPTIONAL, "2048K", "2M"},
		{VALUE_COUNT_OPTIONAL, "3", "3"},
		{VALUE_PERCENT, "2.50%", "2.5%"},
		{VALUE_SEGMENT, "syn", "syn"},
		{VALUE_SEGMENT, "synack", "synack"},
		{VALUE_SEGMENT, "ack", "ack"},
		{VALUE_SEGMENT, "fin", "fin"},
		{VALUE_SEGMENT, "finack", "finack"},
		{VALUE_SEGMENT, "rst", "rst"},
		{VALUE_SEGMENT, "all", "all"},
		{VALUE_UNREACHABLE, "host", "host"},
		{VALUE_UNREACHABLE, "net", "net"},
		{VALUE_KEEPALIVE, "60s/10s/3", "1m/10s/3"},
		{VALUE_KEEPALIVE, "32767s/1s/127", "32767s/1s/127"},
		{VALUE_ERRNO_PAIR, "EPIPE:ECONNRESET", "EPIPE:ECONNRESET"},
		{VALUE_ERRNO_PAIR, "EWOULDBLOCK:EINTR", "EAGAIN:EINTR"},
	};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct rule rule;
		char buffer[64];
		struct text text = text_in(buffer, sizeof buffer);
		assert_int_equal(read_value(values[i].type, values[i].read, &rule), 0);
		value_kinds[values[i].type].write(&text, &rule);
		assert_string_equal(buffer, values[i].written);
	}
}

static void every_type_of_value_refuses_what_it_is_not(void **state)
{
	(void)state;
	static const struct {
		enum value_type type;
		const char *read;
	} values[] = {
		{VALUE_DURATION, ""},
		{VALUE_DURATION, "5"},
		{VALUE_LIMIT, "0s"},
		{VALUE_LIMIT_OPTIONAL, "0h"},
		{VALUE_SIZE_OPTIONAL, "5s"},
		{VALUE_COUNT_OPTIONAL, "0"},
		{VALUE_COUNT_OPTIONAL, ""},
		{VALUE_PERCENT, "101%"},
		{VALUE_PERCENT, ""},
		{VALUE_SEGMENT, ""},
		{VALUE_SEGMENT, "sy"},
		{VALUE_SEGMENT, "synn"},
		{VALUE_UNREACHABLE, ""},
		{VALUE_UNREACHABLE, "port"},
		{VALUE_KEEPALIVE, ""},
		{VALUE_KEEPALIVE, "60s/10s"},
		{VALUE_KEEPALIVE, "60s/10s/0"},
		{VALUE_KEEPALIVE, "60s/10s/128"},
		{VALUE_KEEPALIVE, "0s/10s/3"},
		{VALUE_KEEPALIVE, "1500ms/10s/3"},
		{VALUE_KEEPALIVE, "60s//3"},
		{VALUE_KEEPALIVE, "32768s/10s/3"},
		{VALUE_KEEPALIVE, "1s/1s/3/4"},
		{VALUE_ERRNO_PAIR, ""},
		{VALUE_ERRNO_PAIR, "EPIPE"},
		{VALUE_ERRNO_PAIR, "EPIPE:"},
		{VALUE_ERRNO_PAIR, ":EPIPE"},
		{VALUE_ERRNO_PAIR, "EPIPE:EPIPES"},
	};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct rule rule;
		assert_int_equal(read_value(values[i].type, values[i].read, &rule), -EINVAL);
	}
}

static unsigned dice(unsigned short random[3], unsigned sides)
{
	return (unsigned)nrand48(random) % sides;
}

/* One rule of anything that the grammar has. */
static void make_rule(unsigned short random[3], char *text, size_t size)
{
	static const char *const actions[] = {"linger0",         "nolinger",
					      "unread",          "unread=16K",
					      "unread=9",        "connect-timeout=7ms",
					      "connect-timeout", "connect-timeout=2.5s"};
	static const char *const pool[][4] = {
		{"to=:80", "to=10.0.0.9/9:1-99", "to=[fe80::2%7]:1", "to=::/0"},
		{"at=127.0.0.1", "at=*", "at=[::ffff:1.2.3.4]:7", "at=2001:db8::/32"},
		{"side=client", "side=server", "exe=[!a]\\*?", "exe=p*,q"},
		{"conn=3", "conn=3..99+4", "conn=1+", "conn=7..7+2"},
		{"prob=0%", "prob=99.9999%", "prob=100%", "prob=5.0%"},
		{"times=1", "times=18446744073709551615", "times=7", "times=0012"},
		{"after=0", "after=0s", "after=1025K", "after=61s"},
		{"starts=\"a \\\"; b\"", "starts=\\0\\x009", "starts=#;", "starts=\\xFf\\\\\\;"},
	};
	const char *action = actions[dice(random, COUNT_OF(actions))];
	int used = snprintf(text, size, "%s", action);
	/* The last two kinds wait for bytes, which comes too late for a connect; that is a client's. */
	bool early = strncmp(action, "connect-timeout", 15) == 0;
	for (size_t i = 0; i < COUNT_OF(pool) - (early ? 2 : 0); i++) {
		const char *selector = pool[i][dice(random, 4)];
		bool fits = !early || strcmp(selector, "side=server") != 0;
		if (fits && dice(random, 2) == 0) {
			used += snprintf(text + used, size - (size_t)used, " %s", selector);
		}
	}
}

static void same_rule(const struct rule *a, const struct rule *b)
{
	assert_int_equal(a->action, b->action);
	assert_int_equal(a->has_value, b->has_value);
	assert_memory_equal(&a->value, &b->value, sizeof a->value);
	assert_int_equal(a->has_to, b->has_to);
	assert_memory_equal(&a->to, &b->to, sizeof a->to);
	assert_int_equal(a->has_at, b->has_at);
	assert_memory_equal(&a->at, &b->at, sizeof a->at);
	assert_int_equal(a->side, b->side);
	assert_int_equal(a->exe_length, b->exe_length);
	assert_true(a->exe_length == 0 || memcmp(a->exe, b->exe, a->exe_length) == 0);
	assert_int_equal(a->wrong_program, b->wrong_program);
	assert_true(a->conn_first == b->conn_first && a->conn_last == b->conn_last);
	assert_true(a->conn_step == b->conn_step && a->times == b->times);
	assert_int_equal(a->probability, b->probability);
	assert_int_equal(a->has_after_size, b->has_after_size);
	assert_int_equal(a->has_after_time, b->has_after_time);
	assert_true(!a->has_after_size || a->after_size == b->after_size);
	assert_true(!a->has_after_time || a->after_ms == b->after_ms);
	assert_int_equal(a->when, b->when);
	assert_int_equal(a->starts_length, b->starts_length);
	assert_memory_equal(a->starts, b->starts, a->starts_length);
}

static void what_is_written_reads_back_to_the_same_rule(void **state)
{
	(void)state;
	unsigned short random[3] = {4, 5, 6};
	for (int n = 0; n < 5000; n++) {
		char made[512], once[RULE_TEXT_SIZE];
		make_rule(random, made, sizeof made);
		struct rules *first = read_rules(made);
		for (uint32_t i = 0; i < first->count; i++) {
			strcpy(once, canonical(&first->rules[i]));
			struct rules *second = read_rules(once);
			assert_int_equal(second->count, 1);
			same_rule(&first->rules[i], &second->rules[0]);
			assert_string_equal(canonical(&second->rules[0]), once);
			rules_free(second);
		}
		rules_free(first);
	}
}

static void any_starts_text_reads_back_from_what_is_written(void **state)
{
	(void)state;
	unsigned short random[3] = {7, 8, 9};
	for (int n = 0; n < 5000; n++) {
		struct rule rule = {.action = ACTION_LINGER0};
		rule.starts_length = (uint8_t)(1 + dice(random, REQUEST_HEAD_SIZE));
		for (size_t i = 0; i < rule.starts_length; i++) {
			static const char awkward[] = "\0\"\\; \n#019x\xff";
			rule.starts[i] = dice(random, 2) == 0 ? awkward[dice(random, 12)]
							      : (char)dice(random, 256);
		}
		char text[RULE_TEXT_SIZE] = "linger0 starts=";
		struct text out = text_in(text + strlen(text), sizeof text - strlen(text));
		starts_write(&out, &rule);
		expect_starts(text, rule.starts, rule.starts_length);
	}
}

static void the_longest_rule_has_room_when_written(void **state)
{
	(void)state;
	char text[2000];
	int used =
		snprintf(text, sizeof text,
			 "unread=9223372036854775807 "
			 "to=[1111:2222:3333:4444:5555:6666:7777:8888%%4294967295]/127:10000-65535 "
			 "at=[1111:2222:3333:4444:5555:6666:7777:8888%%4294967295]/127:10000-65535 "
			 "side=client conn=10000000000000000000..18446744073709551614+"
			 "18446744073709551614 prob=99.9999%% times=18446744073709551614 "
			 "after=9223372036854775807 when=read wait=9223372036854ms exe=%0255d "
			 "starts=",
			 0);
	for (int i = 0; i < REQUEST_HEAD_SIZE; i++) {
		used += snprintf(text + used, sizeof text - (size_t)used, "\\x01");
	}
	struct rules *set = read_rules(text);
	struct rules *again = read_rules(canonical(&set->rules[0]));
	same_rule(&set->rules[0], &again->rules[0]);
	rules_free(set);
	rules_free(again);
}

/* Bytes that look like rules; the same, cut and mixed, as a fuzzer would. */
static void no_bytes_break_the_parser(void **state)
{
	(void)state;
	static const char *const bits[] = {"linger0",
					   "unread=",
					   "connect-timeout",
					   " ",
					   ";",
					   "\n",
					   "#",
					   "to=",
					   "starts=",
					   "\"",
					   "\\",
					   "\\x",
					   "conn=",
					   "3",
					   "..",
					   "+",
					   "after=",
					   "[",
					   "::",
					   "]",
					   "/",
					   "99999999999999999999",
					   "%",
					   "prob=",
					   "when=",
					   "\xff",
					   "1.5s",
					   "wait=",
					   "exe=",
					   ":",
					   "1"};
	unsigned short random[3] = {1, 5, 9};
	unsigned taken = 0;
	for (int n = 0; n < 200000; n++) {
		char text[256];
		size_t length = 0;
		for (unsigned parts = dice(random, 12); parts > 0; parts--) {
			const char *bit = bits[dice(random, COUNT_OF(bits))];
			memcpy(text + length, bit, strlen(bit));
			length += strlen(bit);
		}
		/* Exactly as many bytes as there are: a sanitizer sees a step too far. */
		char *exact = malloc(length + 1);
		memcpy(exact, text, length);
		exact = realloc(exact, length > 0 ? length : 1);
		struct rule_source from = {"FUZZ", exact, length};
		struct rules *set;
		struct rule_error error = {.line = 0};
		int result = rules_read(&from, 1, "curl", &set, &error);
		assert_true(result == 0 || result == -EINVAL);
		if (result != 0) {
			assert_true(error.line >= 1 && error.column >= 1 &&
				    error.column <= length + 1);
		} else if (set) {
			taken++;
			rules_free(set);
		}
		free(exact);
	}
	assert_true(taken > 100);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_and_comments_are_no_rules),
		cmocka_unit_test(a_byte_order_mark_is_no_word),
		cmocka_unit_test(rules_are_separated_by_semicolons_and_newlines),
		cmocka_unit_test(a_rule_keeps_the_text_it_was_read_from),
		cmocka_unit_test(a_set_does_not_need_its_source_any_more),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(every_selector_is_understood),
		cmocka_unit_test(after_tells_sizes_from_times_by_the_unit),
		cmocka_unit_test(conn_has_the_grammar_of_strace),
		cmocka_unit_test(starts_takes_escapes_and_quotes),
		cmocka_unit_test(starts_takes_64_bytes_and_no_more),
		cmocka_unit_test(exe_is_compared_with_this_program),
		cmocka_unit_test(faults_say_where_and_what_was_expected),
		cmocka_unit_test(an_action_that_wants_a_value_says_which),
		cmocka_unit_test(rules_that_could_never_act_are_refused),
		cmocka_unit_test(wrong_counts_of_connections_have_their_own_faults),
		cmocka_unit_test(wrong_texts_of_starts_have_their_own_faults),
		cmocka_unit_test(an_unknown_action_lists_those_there_are),
		cmocka_unit_test(an_unknown_selector_lists_those_that_apply),
		cmocka_unit_test(a_fault_is_one_printable_line),
		cmocka_unit_test(a_nul_byte_is_refused_where_it_stands),
		cmocka_unit_test(too_many_rules_or_bytes_are_refused),
		cmocka_unit_test(several_sources_make_one_set_and_errors_name_theirs),
		cmocka_unit_test(a_set_has_the_memory_that_it_uses),
		cmocka_unit_test(a_set_knows_what_its_rules_look_at),
		cmocka_unit_test(sets_of_one_process_differ_in_generation),
		cmocka_unit_test(a_rule_is_written_in_one_way),
		cmocka_unit_test(every_type_of_value_reads_and_writes),
		cmocka_unit_test(every_type_of_value_refuses_what_it_is_not),
		cmocka_unit_test(what_is_written_reads_back_to_the_same_rule),
		cmocka_unit_test(any_starts_text_reads_back_from_what_is_written),
		cmocka_unit_test(the_longest_rule_has_room_when_written),
		cmocka_unit_test(no_bytes_break_the_parser),
	};
	return cmocka_run_group_tests_name("rule_parse", tests, NULL, NULL);
}
