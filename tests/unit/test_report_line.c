/* Lines of logs: whole, in both formats, and damaged in every way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "cmd/report/line.h"
#include "cmd/report/reader.h"
#include "log/event.h"
#include "log/log.h"

#define SEED 20261122u
#define US_PER_DAY (UINT64_C(86400) * 1000000)
#define US_PER_HOUR (UINT64_C(3600) * 1000000)

static const char exe[] = "my \"prog\" \\1";
static char line_room[2][EVENT_LARGE];

static size_t write_error(enum log_format format, char *room)
{
	static const struct line_ends ends = {
		.side = "client",
		.local = {.bytes = {10, 0, 0, 1}, .port = 40000, .family = AF_INET},
		.peer = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 443, .family = AF_INET6},
	};
	struct event event;
	log_start("stderr", LOG_RESETS, format, exe);
	event_begin(&event, EVENT_ERROR, room, EVENT_LARGE);
	event_connection(&event, 5, 3, &ends);
	event_string(&event, KEY_OP, "recv");
	event_string(&event, KEY_ERRNO, "ECONNRESET");
	event_string(&event, KEY_DOC, "Connection reset");
	event_string(&event, KEY_CAUSE, "peer-abort");
	event_string(&event, KEY_SURE, "likely");
	event_string(&event, KEY_WHY, "a RST arrived: tcp_retries2=15 (or 16), as it seems.");
	event_string(&event, KEY_ADVICE, cause_infos[CAUSE_PEER_ABORT].advice);
	event_string(&event, KEY_CASE, "reset");
	event_list_begin(&event, KEY_ELSE);
	event_list_string(&event, "forgotten");
	event_list_string(&event, "peer-closed-unread");
	event_list_end(&event);
	event_string(&event, KEY_STATE, "CLOSE");
	event_number(&event, KEY_AGE_MS, 52);
	event_list_begin(&event, KEY_HISTORY);
	event_list_call(&event, "send", 12, 0, 40);
	event_list_call(&event, "recv", -1, ECONNRESET, 0);
	event_list_end(&event);
	return event_end(&event) - 1;
}

static size_t write_inject(enum log_format format, char *room)
{
	struct event event;
	log_start("stderr", LOG_RESETS, format, exe);
	event_begin(&event, EVENT_INJECT, room, EVENT_LARGE);
	event_string(&event, KEY_ACTION, "linger0");
	event_string(&event, KEY_BY, "SO_LINGER {1,0} set: RST instead of FIN");
	event_string(&event, KEY_RULE, "1 linger0 starts=\"GET /a b\"");
	event_unsigned(&event, KEY_SEED, 7);
	return event_end(&event) - 1;
}

static size_t write_exit(enum log_format format, char *room)
{
	struct event event;
	log_start("stderr", LOG_CONNS, format, exe);
	event_begin(&event, EVENT_EXIT, room, EVENT_LARGE);
	event_unsigned(&event, KEY_CONNECTIONS, 3);
	event_list_begin(&event, KEY_ERRORS);
	event_list_count(&event, "peer-abort", 2);
	event_list_end(&event);
	event_list_begin(&event, KEY_FIRED);
	event_list_count(&event, "linger0 starts=\"a, b\"", 4);
	event_list_end(&event);
	return event_end(&event) - 1;
}

typedef size_t writer(enum log_format format, char *room);
static writer *const writers[] = {write_error, write_inject, write_exit};

/* Each check runs on both formats. */
static struct line read_as(writer *write, enum log_format format)
{
	struct line line;
	char *room = line_room[format];
	size_t length = write(format, room);
	assert_int_equal(line_read(&line, room, length), LINE_READ);
	assert_int_equal(line.json, format == LOG_JSON);
	assert_int_equal(line.pid, getpid());
	char name[64];
	line_string(&line, line.exe, name, sizeof name);
	assert_string_equal(name, exe);
	return line;
}

static void assert_text_of(const struct line *line, enum key key, const char *wanted)
{
	char room[512];
	assert_true(line_has(line, key));
	line_string(line, line->values[key], room, sizeof room);
	assert_string_equal(room, wanted);
}

static void check_error(const struct line *line)
{
	struct addr local;
	struct addr peer;
	assert_int_equal(line->kind, EVENT_ERROR);
	assert_true(line_addresses(line, &local, &peer));
	assert_int_equal(local.port, 40000);
	assert_int_equal(local.bytes[3], 1);
	assert_int_equal(peer.family, AF_INET6);
	assert_int_equal(peer.bytes[15], 1);
	assert_int_equal(line_number(line, KEY_FD), 5);
	assert_int_equal(line_number(line, KEY_CONN), 3);
	assert_int_equal(line_number(line, KEY_AGE_MS), 52);
	assert_int_equal(line_side(line), SIDE_CLIENT);
	assert_int_equal(line_op(line), OP_RECV);
	assert_int_equal(line_error(line), ECONNRESET);
	assert_int_equal(line_cause(line), CAUSE_PEER_ABORT);
	assert_int_equal(line_sure(line), SURE_LIKELY);
	assert_text_of(line, KEY_DOC, "Connection reset");
	assert_text_of(line, KEY_WHY, "a RST arrived: tcp_retries2=15 (or 16), as it seems.");
	assert_text_of(line, KEY_ADVICE, cause_infos[CAUSE_PEER_ABORT].advice);
	assert_text_of(line, KEY_STATE, "CLOSE");
}

static void check_error_lists(const struct line *line)
{
	struct slice rest = line->values[KEY_ELSE];
	enum cause cause;
	assert_true(line_next_cause(line, &rest, &cause));
	assert_int_equal(cause, CAUSE_FORGOTTEN);
	assert_true(line_next_cause(line, &rest, &cause));
	assert_int_equal(cause, CAUSE_PEER_CLOSED_UNREAD);
	assert_false(line_next_cause(line, &rest, &cause));
	struct line_call call;
	rest = line->values[KEY_HISTORY];
	assert_true(line_next_call(line, &rest, &call));
	assert_int_equal(call.op, OP_SEND);
	assert_int_equal(call.result, 12);
	assert_int_equal(call.ms, 40);
	assert_true(line_next_call(line, &rest, &call));
	assert_int_equal(call.op, OP_RECV);
	assert_int_equal(call.error, ECONNRESET);
	assert_int_equal(call.result, -1);
	assert_false(line_next_call(line, &rest, &call));
}

static void an_error_line_reads_alike_in_both_formats(void **state)
{
	(void)state;
	for (unsigned format = LOG_TEXT; format <= LOG_JSON; format++) {
		struct line line = read_as(write_error, (enum log_format)format);
		check_error(&line);
		check_error_lists(&line);
	}
}

static void a_rule_s_line_reads_alike_in_both_formats(void **state)
{
	(void)state;
	for (unsigned format = LOG_TEXT; format <= LOG_JSON; format++) {
		struct line line = read_as(write_inject, (enum log_format)format);
		assert_int_equal(line.kind, EVENT_INJECT);
		assert_text_of(&line, KEY_ACTION, "linger0");
		assert_text_of(&line, KEY_BY, "SO_LINGER {1,0} set: RST instead of FIN");
		assert_text_of(&line, KEY_RULE, "1 linger0 starts=\"GET /a b\"");
		assert_int_equal(line_number(&line, KEY_SEED), 7);
	}
}

static void the_totals_of_a_process_read_alike_in_both_formats(void **state)
{
	(void)state;
	for (unsigned format = LOG_TEXT; format <= LOG_JSON; format++) {
		struct line line = read_as(write_exit, (enum log_format)format);
		struct slice rest = line.values[KEY_FIRED];
		struct slice name;
		uint64_t count;
		char room[64];
		assert_int_equal(line_number(&line, KEY_CONNECTIONS), 3);
		assert_true(line_next_count(&line, &rest, &name, &count));
		line_string(&line, name, room, sizeof room);
		assert_string_equal(room, "linger0 starts=\"a, b\"");
		assert_int_equal(count, 4);
		assert_false(line_next_count(&line, &rest, &name, &count));
	}
}

static void the_time_of_a_json_line_is_exact(void **state)
{
	static const char text[] = "{\"ts\":\"2024-02-29T23:59:59.000001Z\",\"pid\":1,\"tid\":1,"
				   "\"exe\":\"a\",\"ev\":\"exit\"}";
	struct line line;
	(void)state;
	assert_int_equal(line_read(&line, text, sizeof text - 1), LINE_READ);
	assert_int_equal(line.us, UINT64_C(1709251199000001));
}

static void keys_may_stand_in_any_order(void **state)
{
	static const char text[] = "{ \"ev\" : \"error\", \"new\": {\"a\": [1, \"}\"]}, "
				   "\"cause\":\"refused\", \"pid\":7, "
				   "\"ts\":\"2024-02-29T23:59:59.000001Z\" }";
	struct line line;
	(void)state;
	assert_int_equal(line_read(&line, text, sizeof text - 1), LINE_READ);
	assert_int_equal(line_cause(&line), CAUSE_REFUSED);
}

static void a_list_ends_at_its_own_bracket(void **state)
{
	static const char *const lists[] = {"", "\"a]b\"", "\"a\\\"]\",\"b]\"",
					    "[1],{\"c\":\"]\"},[]", "\"a]\",\"b]\""};
	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		char text[200];
		struct line line;
		int length = snprintf(text, sizeof text,
				      "{\"ts\":\"2024-02-29T23:59:59.000001Z\",\"pid\":7,"
				      "\"ev\":\"error\",\"else\":[%s],\"fd\":5}",
				      lists[i]);
		assert_int_equal(line_read(&line, text, (size_t)length), LINE_READ);
		assert_int_equal(line.values[KEY_ELSE].length, strlen(lists[i]));
		assert_int_equal(line_number(&line, KEY_FD), 5);
	}
}

static void what_stands_before_a_line_is_passed_over(void **state)
{
	static const char text[] = "Nov 22 12:00:00 host nginx[9]: resetby[9] 12:00:00.000000 exit "
				   "connections=0 exe=nginx";
	struct line line;
	(void)state;
	assert_int_equal(line_read(&line, text, sizeof text - 1), LINE_READ);
	assert_int_equal(line.pid, 9);
}

static void a_sentence_may_be_empty(void **state)
{
	static const char *const texts[] = {
		"resetby[9] 12:00:00.000000 warn drop: refused (certain): count=2 exe=nginx",
		"resetby[9] 12:00:00.000000 inject linger0: count=2 exe=nginx",
		"resetby[9] 12:00:00.000000 retry refused: count=2 exe=nginx",
	};
	static const enum key keys[] = {KEY_WHY, KEY_BY, KEY_REASON};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct line line;
		assert_int_equal(line_read(&line, texts[i], strlen(texts[i])), LINE_READ);
		assert_int_equal(line.values[keys[i]].length, 0);
		assert_int_equal(line_number(&line, KEY_COUNT), 2);
	}
}

static void escapes_are_undone(void **state)
{
	static const char text[] =
		"{\"ts\":\"2024-02-29T23:59:59.000001Z\",\"pid\":7,\"ev\":\"warn\","
		"\"why\":\"a\\\"b\\\\c\\n\\u0041\\u00e9\\u20ac\\u0000\\ud800\"}";
	struct line line;
	(void)state;
	assert_int_equal(line_read(&line, text, sizeof text - 1), LINE_READ);
	assert_text_of(&line, KEY_WHY, "a\"b\\c\nA\xc3\xa9\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd");
}

/* In memory of its own, so that a sanitizer sees a step too far. */
static enum line_result read_copy(const char *bytes, size_t length)
{
	struct line line;
	char room[64];
	char *copy = malloc(length + 1);
	assert_non_null(copy);
	memcpy(copy, bytes, length);
	copy = realloc(copy, length ? length : 1);
	enum line_result result = line_read(&line, copy, length);
	for (unsigned key = 0; result == LINE_READ && key < KEYS_END; key++) {
		struct slice rest = line.values[key];
		struct slice name;
		struct line_call call;
		uint64_t count;
		enum cause cause;
		line_string(&line, rest, room, sizeof room);
		line_number(&line, (enum key)key);
		while (rest.at && line_next_call(&line, &rest, &call)) {
		}
		rest = line.values[key];
		while (rest.at && line_next_count(&line, &rest, &name, &count)) {
			line_string(&line, name, room, sizeof room);
		}
		rest = line.values[key];
		while (rest.at && line_next_cause(&line, &rest, &cause)) {
		}
	}
	struct addr local;
	struct addr peer;
	if (result == LINE_READ) {
		line_addresses(&line, &local, &peer);
		line_cause(&line);
		line_error(&line);
	}
	free(copy);
	return result;
}

static void a_json_line_cut_anywhere_is_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
		size_t length = writers[i](LOG_JSON, line_room[0]);
		assert_int_equal(read_copy(line_room[0], 0), LINE_EMPTY);
		assert_int_equal(read_copy("     ", 5), LINE_EMPTY);
		for (size_t cut = 1; cut < length; cut++) {
			assert_int_equal(read_copy(line_room[0], cut), LINE_DAMAGED);
		}
		assert_int_equal(read_copy(line_room[0], length), LINE_READ);
	}
}

/* A text line that has its last key is not known to be cut. */
static void a_text_line_cut_before_its_last_key_is_no_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
		size_t length = writers[i](LOG_TEXT, line_room[0]);
		size_t end = (size_t)(strstr(line_room[0], " exe=") - line_room[0]);
		for (size_t cut = 1; cut < length; cut++) {
			enum line_result result = read_copy(line_room[0], cut);
			if (cut <= end) {
				assert_true(result == LINE_DAMAGED ||
					    (cut < 8 && result == LINE_FOREIGN));
			}
		}
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void garbage_is_never_fatal(void **state)
{
	uint32_t seed = SEED;
	unsigned results[LINE_RESULT_COUNT] = {0};
	(void)state;
	for (unsigned round = 0; round < 60000; round++) {
		enum log_format format = round % 2 ? LOG_JSON : LOG_TEXT;
		char *room = line_room[format];
		size_t length = writers[round / 2 % 3](format, room);
		for (unsigned changes = 1 + next_random(&seed) % 4; changes > 0; changes--) {
			static const char evil[] = "\"\\{}[],:> =\n\0\xff(";
			size_t at = next_random(&seed) % length;
			room[at] = evil[next_random(&seed) % (sizeof evil - 1)];
		}
		results[read_copy(room, length - next_random(&seed) % 3)]++;
	}
	for (unsigned round = 0; round < 20000; round++) {
		size_t length = next_random(&seed) % 200;
		for (size_t i = 0; i < length; i++) {
			line_room[0][i] = (char)next_random(&seed);
		}
		results[read_copy(line_room[0], length)]++;
	}
	assert_true(results[LINE_READ] > 1000);
	assert_true(results[LINE_DAMAGED] > 10000);
	assert_true(results[LINE_FOREIGN] > 10000);
}

/* ---- files ---- */

struct taken {
	unsigned count;
	uint64_t us[8];
};

static void take(void *context, const struct line *line)
{
	struct taken *taken = context;
	if (taken->count < 8) {
		taken->us[taken->count] = line->us;
	}
	taken->count++;
}

static struct source read_file(const char *bytes, size_t length, time_t modified,
			       struct taken *taken)
{
	struct source source = {.name = "log"};
	struct progress progress = {.wanted = false};
	struct timespec times[2] = {{.tv_sec = modified}, {.tv_sec = modified}};
	int fd = memfd_create("log", 0);
	assert_int_equal(write(fd, bytes, length), length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	futimens(fd, times);
	*taken = (struct taken){.count = 0};
	assert_int_equal(reader_read(&source, fd, &progress, take, taken), 0);
	close(fd);
	return source;
}

static const char good[] = "{\"ts\":\"2024-02-29T23:59:59.000001Z\",\"pid\":1,\"tid\":1,"
			   "\"exe\":\"a\",\"ev\":\"exit\",\"connections\":0}\n";

static void each_line_is_counted_once(void **state)
{
	size_t long_length = READER_LINE_MAX * 20 + 5;
	char *file = malloc(long_length + 4096);
	struct taken taken;
	(void)state;
	assert_non_null(file);
	size_t length =
		(size_t)sprintf(file, "%sfor anybody\n\n{\"a\":1}\n%.20s\n%s", good, good, good);
	memcpy(file + length, "{\"ts\":\"\0\"}\n", 11);
	length += 11;
	memset(file + length, 'x', long_length);
	length += long_length;
	length += (size_t)sprintf(file + length, "\n%s%.30s", good, good);
	struct source source = read_file(file, length, 0, &taken);
	assert_int_equal(taken.count, 3);
	assert_int_equal(source.lines, 9);
	assert_int_equal(source.bytes, length);
	assert_int_equal(source.skipped[SKIP_FOREIGN], 2);
	assert_int_equal(source.skipped[SKIP_DAMAGED], 2);
	assert_int_equal(source.skipped[SKIP_LONG], 1);
	assert_int_equal(source.skipped[SKIP_UNFINISHED], 1);
	free(file);
}

static void a_line_over_the_edge_of_a_buffer_is_whole(void **state)
{
	size_t lines = 40000;
	char *file = malloc(lines * (sizeof good - 1) + 1);
	struct taken taken;
	(void)state;
	assert_non_null(file);
	for (size_t i = 0; i < lines; i++) {
		memcpy(file + i * (sizeof good - 1), good, sizeof good);
	}
	struct source source = read_file(file, lines * (sizeof good - 1), 0, &taken);
	assert_int_equal(source.lines, lines);
	assert_int_equal(taken.count, lines);
	free(file);
}

#define TEXT_LINE(time) "resetby[1] " time " exit connections=0 exe=a\n"

static void text_lines_get_their_days_from_the_file_and_from_midnights(void **state)
{
	static const char file[] = TEXT_LINE("23:00:00.000000") TEXT_LINE("01:00:00.000000")
		TEXT_LINE("00:59:59.000000") TEXT_LINE("00:30:00.000000")
			TEXT_LINE("09:00:00.000000");
	uint64_t day = 20000 * US_PER_DAY;
	struct taken taken;
	(void)state;
	/* Last written to at 9:00 of the third day. */
	read_file(file, sizeof file - 1, (time_t)(20000 * 86400 + 9 * 3600), &taken);
	assert_int_equal(taken.count, 5);
	assert_int_equal(taken.us[0], day - US_PER_HOUR);
	assert_int_equal(taken.us[1], day + US_PER_HOUR);
	assert_int_equal(taken.us[2], day + US_PER_HOUR - 1000000);
	assert_int_equal(taken.us[3], day + US_PER_HOUR / 2);
	assert_int_equal(taken.us[4], day + 9 * US_PER_HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_line_reads_alike_in_both_formats),
		cmocka_unit_test(a_rule_s_line_reads_alike_in_both_formats),
		cmocka_unit_test(the_totals_of_a_process_read_alike_in_both_formats),
		cmocka_unit_test(the_time_of_a_json_line_is_exact),
		cmocka_unit_test(keys_may_stand_in_any_order),
		cmocka_unit_test(a_list_ends_at_its_own_bracket),
		cmocka_unit_test(what_stands_before_a_line_is_passed_over),
		cmocka_unit_test(a_sentence_may_be_empty),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(a_json_line_cut_anywhere_is_damaged),
		cmocka_unit_test(a_text_line_cut_before_its_last_key_is_no_line),
		cmocka_unit_test(garbage_is_never_fatal),
		cmocka_unit_test(each_line_is_counted_once),
		cmocka_unit_test(a_line_over_the_edge_of_a_buffer_is_whole),
		cmocka_unit_test(text_lines_get_their_days_from_the_file_and_from_midnights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
