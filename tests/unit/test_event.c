#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "json_check.h"
#include "log/escape.h"
#include "log/event.h"
#include "log/log.h"

static char line[EVENT_LARGE];

static struct addr ipv4(uint8_t last, uint16_t port)
{
	return (struct addr){.bytes = {127, 0, 0, last}, .port = port, .family = AF_INET};
}

static void add_connection(struct event *event)
{
	struct line_ends ends = {"client", ipv4(1, 40000), ipv4(1, 8080)};
	event_connection(event, 5, 3, &ends);
}

static void add_error(struct event *event)
{
	add_connection(event);
	event_string(event, KEY_OP, "recv");
	event_string(event, KEY_ERRNO, "ECONNRESET");
	event_string(event, KEY_DOC, "Connection reset");
	event_string(event, KEY_CAUSE, "peer-abort");
	event_string(event, KEY_SURE, "likely");
	event_string(event, KEY_WHY, "A RST came.");
	event_string(event, KEY_ADVICE, "Ask the peer.");
	event_string(event, KEY_CASE, "reset");
	event_list_begin(event, KEY_ELSE);
	event_list_string(event, "forgotten");
	event_list_string(event, "peer-closed-unread");
	event_list_end(event);
	event_string(event, KEY_STATE, NULL);
	event_number(event, KEY_INQ, -1);
	event_list_begin(event, KEY_HISTORY);
	event_list_call(event, "send", 12, 0, 40);
	event_list_call(event, "recv", -1, EAGAIN, 12);
	event_list_end(event);
}

/* The line after its time stamp, which ends with `after`. */
static const char *rest(const char *after)
{
	const char *at = strstr(line, after);
	assert_non_null(at);
	return at + strlen(after);
}

static void an_error_in_json_has_the_keys_in_order(void **state)
{
	(void)state;
	log_start("/dev/null", LOG_RESETS, LOG_JSON, "curl");
	struct event event;
	event_begin(&event, EVENT_ERROR, line, sizeof line);
	add_error(&event);
	size_t length = event_end(&event);
	char expected[2000];
	snprintf(expected, sizeof expected,
		 "Z\",\"pid\":%d,\"tid\":%d,\"exe\":\"curl\",\"ev\":\"error\",\"fd\":5,\"conn\":3,"
		 "\"side\":\"client\",\"local\":\"127.0.0.1:40000\",\"peer\":\"127.0.0.1:8080\","
		 "\"op\":\"recv\",\"errno\":\"ECONNRESET\",\"doc\":\"Connection reset\","
		 "\"cause\":\"peer-abort\",\"sure\":\"likely\",\"why\":\"A RST came.\","
		 "\"advice\":\"Ask the peer.\",\"case\":\"reset\","
		 "\"else\":[\"forgotten\",\"peer-closed-unread\"],\"inq\":-1,"
		 "\"history\":[{\"op\":\"send\",\"result\":12,\"errno\":\"none\",\"ms\":40},"
		 "{\"op\":\"recv\",\"result\":-1,\"errno\":\"EAGAIN\",\"ms\":12}]}\n",
		 getpid(), gettid());
	assert_memory_equal(line, "{\"ts\":\"20", 9);
	assert_string_equal(line + strlen("{\"ts\":\"2026-01-31T12:01:02.123456"), expected);
	assert_true(json_is_valid(line, length - 1));
}

static void an_error_in_text_reads_as_a_sentence(void **state)
{
	(void)state;
	log_start("/dev/null", LOG_RESETS, LOG_TEXT, "curl");
	struct event event;
	event_begin(&event, EVENT_ERROR, line, sizeof line);
	add_error(&event);
	size_t length = event_end(&event);
	assert_int_equal(length, strlen(line));
	char head[64];
	snprintf(head, sizeof head, "resetby[%d] ", getpid());
	assert_memory_equal(line, head, strlen(head));
	assert_string_equal(
		line + strlen(head) + strlen("12:01:02.123456"),
		" error fd=5 127.0.0.1:40000>127.0.0.1:8080 recv ECONNRESET"
		" \"Connection reset\": peer-abort (likely): A RST came. Ask the peer."
		" case=reset else=forgotten,peer-closed-unread inq=-1"
		" history=send=12@-40ms,recv=EAGAIN@-12ms conn=3 side=client exe=curl\n");
}

static void an_inject_event_reads_as_a_sentence(void **state)
{
	(void)state;
	log_start("/dev/null", LOG_RESETS, LOG_TEXT, "curl");
	struct event event;
	event_begin(&event, EVENT_INJECT, line, sizeof line);
	add_connection(&event);
	event_string(&event, KEY_ACTION, "linger0");
	event_string(&event, KEY_BY, "SO_LINGER {1,0}");
	event_string(&event, KEY_RULE, "1 linger0 to=:8080");
	event_unsigned(&event, KEY_SEED, UINT64_MAX);
	event_end(&event);
	assert_string_equal(rest(" inject"),
			    " fd=5 127.0.0.1:40000>127.0.0.1:8080 linger0: SO_LINGER {1,0}"
			    " rule=\"1 linger0 to=:8080\" seed=18446744073709551615"
			    " conn=3 side=client exe=curl\n");
}

static void totals_are_lists_of_names_and_counts(void **state)
{
	(void)state;
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		log_start("/dev/null", LOG_CONNS, (enum log_format)format, "a b");
		struct event event;
		event_begin(&event, EVENT_EXIT, line, sizeof line);
		event_unsigned(&event, KEY_CONNECTIONS, 7);
		event_list_begin(&event, KEY_ERRORS);
		event_list_count(&event, "reset", 3);
		event_list_count(&event, "refused", 1);
		event_list_end(&event);
		event_list_begin(&event, KEY_FIRED);
		event_list_end(&event);
		event_end(&event);
		assert_string_equal(
			rest(format == LOG_JSON ? "\"exit\"" : " exit"),
			format == LOG_JSON
				? ",\"connections\":7,\"errors\":[{\"name\":\"reset\","
				  "\"count\":3},{\"name\":\"refused\",\"count\":1}],"
				  "\"fired\":[]}\n"
				: " connections=7 errors=reset:3,refused:1 exe=\"a b\"\n");
	}
}

static void a_text_line_stays_a_line_whatever_a_value_holds(void **state)
{
	(void)state;
	log_start("/dev/null", LOG_RESETS, LOG_TEXT, "x");
	struct event event;
	event_begin(&event, EVENT_WARN, line, sizeof line);
	event_string(&event, KEY_WHY, "a\nb\x1b[1m\t\"q\" \xc3\xa9 \xff \xc2\x9b\x7f");
	event_string(&event, KEY_DOC, "say \"x\\y\"\r");
	event_string(&event, KEY_STATE, "");
	event_string(&event, KEY_RULE, "a=b");
	event_string(&event, KEY_END, "fin");
	event_end(&event);
	assert_string_equal(rest(" warn"),
			    ": a\\nb\\x1b[1m\\t\"q\" \xc3\xa9 \\xff \\xc2\\x9b\\x7f"
			    " \"say \\\"x\\\\y\\\"\\r\" state=\"\" rule=\"a=b\" end=fin exe=x\n");
}

static void a_word_is_quoted_when_a_byte_of_it_could_mislead(void **state)
{
	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		char room[32];
		char word[] = {'a', (char)byte, '\0'};
		struct text text = text_in(room, sizeof room);
		escape_word(&text, word);
		bool quoted = byte <= ' ' || byte == 0x7f || strchr("\"\\=,", byte) != NULL;
		assert_int_equal(room[0] == '"', quoted);
	}
}

static const char *json_of(const char *string)
{
	static char room[256];
	struct text text = text_in(room, sizeof room);
	escape_json(&text, string);
	return room;
}

static void json_strings_replace_what_is_no_utf8(void **state)
{
	(void)state;
	assert_string_equal(json_of("a\"\\\n\x01\x7f/"), "\"a\\\"\\\\\\n\\u0001\\u007f/\"");
	assert_string_equal(json_of("\xf0\x9f\x98\x80\xc3\xa9"), "\"\xf0\x9f\x98\x80\xc3\xa9\"");
	assert_string_equal(json_of("\xff"), "\"\\ufffd\"");
	assert_string_equal(json_of("\xc0\xaf"), "\"\\ufffd\\ufffd\"");
	assert_string_equal(json_of("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(json_of("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(json_of("\xe2\x82"), "\"\\ufffd\\ufffd\"");
}

static void the_checker_of_json_knows_what_is_wrong(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"{",
		"{}x",
		"{\"a\":}",
		"{\"a\":1,}",
		"[1,]",
		"[01]",
		"\"\n\"",
		"\"\\x41\"",
		"\"\\u12g4\"",
		"\"\xff\"",
		"\"\xc0\xaf\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"a",
		"{\"a\" 1}",
		"{a:1}",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_false(json_is_valid(wrong[i], strlen(wrong[i])));
	}
	const char *right = "{\"a\":[1,-2,\"\\u00e9\xc3\xa9\",{}],\"b\":true}";
	assert_true(json_is_valid(right, strlen(right)));
}

static void random_string(char *string, size_t size)
{
	size_t length = (size_t)rand() % size;
	for (size_t i = 0; i < length; i++) {
		string[i] = (char)(1 + rand() % 255);
	}
	string[length] = '\0';
}

static size_t random_line(size_t room)
{
	char string[200];
	struct event event;
	random_string(string, sizeof string);
	log_start("/dev/null", LOG_RESETS, rand() % 4 ? LOG_JSON : LOG_TEXT, string);
	event_begin(&event, EVENT_MITIGATE, line, room);
	for (int keys = rand() % 12; keys > 0; keys--) {
		char value[200];
		random_string(value, sizeof value);
		enum key key = (enum key)(rand() % KEYS_END);
		switch (rand() % 4) {
		case 0:
			event_number(&event, key, (int64_t)rand() * -rand());
			break;
		case 1:
			event_list_begin(&event, key);
			for (int items = rand() % 5; items > 0; items--) {
				event_list_string(&event, value);
				event_list_count(&event, value, 5);
				event_list_call(&event, "recv", -1, ECONNRESET, 7);
			}
			event_list_end(&event);
			break;
		case 2:
			add_connection(&event);
			break;
		default:
			event_string(&event, key, value);
		}
	}
	return event_end(&event);
}

static void every_line_of_random_bytes_in_any_room_is_valid(void **state)
{
	(void)state;
	srand(1);
	int cut = 0;
	for (int i = 0; i < 20000; i++) {
		size_t room = 256 + (size_t)rand() % 1500;
		memset(line, '#', sizeof line);
		size_t length = random_line(room);
		assert_true(length < room);
		assert_int_equal(line[room], '#');
		assert_int_equal(line[length - 1], '\n');
		assert_ptr_equal(memchr(line, '\n', length), line + length - 1);
		assert_true(strstr(line, "mitigate") != NULL);
		if (log_format() == LOG_JSON) {
			assert_true(json_is_valid(line, length - 1));
			cut += strstr(line, ",\"cut\":true}\n") != NULL;
		}
	}
	assert_true(cut > 100);
}

static void a_key_that_does_not_fit_is_left_out_whole(void **state)
{
	(void)state;
	char value[300];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		log_start("/dev/null", LOG_RESETS, (enum log_format)format, "x");
		struct event event;
		event_begin(&event, EVENT_WARN, line, 256);
		event_string(&event, KEY_WHY, value);
		event_number(&event, KEY_COUNT, 9);
		event_end(&event);
		assert_string_equal(rest(format == LOG_JSON ? "\"warn\"" : " warn"),
				    format == LOG_JSON ? ",\"count\":9,\"cut\":true}\n"
						       : " count=9 exe=x cut\n");
	}
}

/* The longest line's head, which leaves less room than the longest connection's name takes. */
static void a_long_program_name_does_not_cost_the_connection(void **state)
{
	(void)state;
	char name[80] = "";
	for (size_t i = 0; i < sizeof name - 1; i++) {
		name[i] = '\1';
		log_start("/dev/null", LOG_RESETS, LOG_JSON, name);
		struct event event;
		event_begin(&event, EVENT_ERROR, line, EVENT_SMALL);
		add_connection(&event);
		size_t length = event_end(&event);
		assert_true(json_is_valid(line, length - 1));
		rest("\"fd\":5,\"conn\":3,\"side\":\"client\",\"local\":\"127.0.0.1:40000\"");
	}
	assert_false(strstr(line, "\"cut\"") != NULL);
}

static void a_list_keeps_the_items_that_fit(void **state)
{
	(void)state;
	log_start("/dev/null", LOG_RESETS, LOG_JSON, "x");
	struct event event;
	event_begin(&event, EVENT_ERROR, line, EVENT_SMALL);
	event_list_begin(&event, KEY_HISTORY);
	for (uint64_t i = 0; i < 100; i++) {
		event_list_call(&event, "recv", -1, ECONNRESET, i);
	}
	event_list_end(&event);
	size_t length = event_end(&event);
	assert_true(json_is_valid(line, length - 1));
	assert_true(length > EVENT_SMALL - 100);
	rest("\"ms\":0},{");
	rest("}],\"cut\":true}\n");
}

static void errno_is_left_alone(void **state)
{
	(void)state;
	log_start("/nonexistent/dir/file", LOG_RESETS, LOG_JSON, "x");
	errno = 77;
	struct event event;
	event_begin(&event, EVENT_ERROR, line, sizeof line);
	add_error(&event);
	event_end(&event);
	assert_int_equal(errno, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_in_json_has_the_keys_in_order),
		cmocka_unit_test(an_error_in_text_reads_as_a_sentence),
		cmocka_unit_test(an_inject_event_reads_as_a_sentence),
		cmocka_unit_test(totals_are_lists_of_names_and_counts),
		cmocka_unit_test(a_text_line_stays_a_line_whatever_a_value_holds),
		cmocka_unit_test(a_word_is_quoted_when_a_byte_of_it_could_mislead),
		cmocka_unit_test(json_strings_replace_what_is_no_utf8),
		cmocka_unit_test(the_checker_of_json_knows_what_is_wrong),
		cmocka_unit_test(every_line_of_random_bytes_in_any_room_is_valid),
		cmocka_unit_test(a_key_that_does_not_fit_is_left_out_whole),
		cmocka_unit_test(a_long_program_name_does_not_cost_the_connection),
		cmocka_unit_test(a_list_keeps_the_items_that_fit),
		cmocka_unit_test(errno_is_left_alone),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
