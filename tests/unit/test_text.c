#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sys/text.h"

static const char *duration(int64_t ms)
{
	static char room[64];
	struct text text = text_in(room, sizeof room);
	text_format(&text, "%t", ms);
	return room;
}

static const char *size(uint64_t bytes)
{
	static char room[64];
	struct text text = text_in(room, sizeof room);
	text_format(&text, "%z", bytes);
	return room;
}

static void a_duration_reads_as_a_person_would_write_it(void **state)
{
	(void)state;
	assert_string_equal(duration(0), "0 ms");
	assert_string_equal(duration(40), "40 ms");
	assert_string_equal(duration(999), "999 ms");
	assert_string_equal(duration(1000), "1 s");
	assert_string_equal(duration(2500), "2.5 s");
	assert_string_equal(duration(9949), "9.9 s");
	assert_string_equal(duration(9950), "10 s");
	assert_string_equal(duration(63 * 1000), "63 s");
	assert_string_equal(duration(119499), "119 s");
	assert_string_equal(duration(119500), "2 min");
	assert_string_equal(duration(180 * 1000), "3 min");
	assert_string_equal(duration(187 * 1000), "3 min 7 s");
	assert_string_equal(duration(3599 * 1000), "59 min 59 s");
	assert_string_equal(duration(3600 * 1000), "1 h");
	assert_string_equal(duration(3629 * 1000), "1 h");
	assert_string_equal(duration(3630 * 1000), "1 h 1 min");
	assert_string_equal(duration(125 * 60 * 1000), "2 h 5 min");
	assert_string_equal(duration(2879 * 60 * 1000), "47 h 59 min");
	assert_string_equal(duration((int64_t)2880 * 60 * 1000), "2 days");
	assert_string_equal(duration((int64_t)(2880 + 29) * 60 * 1000), "2 days");
	assert_string_equal(duration((int64_t)(2880 + 30) * 60 * 1000), "2 days 1 h");
	assert_string_equal(duration((int64_t)75 * 3600 * 1000), "3 days 3 h");
	assert_string_equal(duration(-2500), "-2.5 s");
}

static void every_64_bit_duration_and_size_is_written_without_overflow(void **state)
{
	(void)state;
	assert_string_equal(duration(INT64_MAX), "106751991167 days 7 h");
	assert_string_equal(duration(INT64_MIN), "-106751991167 days 7 h");
	assert_string_equal(size(UINT64_MAX), "16 EiB");
}

static void a_size_is_exact_while_it_is_small(void **state)
{
	(void)state;
	assert_string_equal(size(0), "0 bytes");
	assert_string_equal(size(1), "1 byte");
	assert_string_equal(size(300), "300 bytes");
	assert_string_equal(size(1500), "1500 bytes");
	assert_string_equal(size(65536), "64 KiB");
	assert_string_equal(size(1023), "1023 bytes");
	assert_string_equal(size(1024), "1 KiB");
	assert_string_equal(size(4096), "4 KiB");
	assert_string_equal(size(9999), "9999 bytes");
	assert_string_equal(size(10000), "9.8 KiB");
	assert_string_equal(size((uint64_t)1 << 20), "1 MiB");
	assert_string_equal(size((uint64_t)3 << 20), "3 MiB");
	assert_string_equal(size(((uint64_t)1 << 20) - 1), "1 MiB");
	assert_string_equal(size((uint64_t)5 << 39), "2.5 TiB");
}

static void a_size_has_three_digits_that_count(void **state)
{
	(void)state;
	assert_string_equal(size(99 * 1024 + 922), "99.9 KiB");
	assert_string_equal(size(150 * 1024 + 410), "150 KiB");
	assert_string_equal(size(150 * 1024 + 512), "151 KiB");
	assert_string_equal(size(950 * 1024), "950 KiB");
}

static void format_takes_each_kind_of_argument(void **state)
{
	(void)state;
	char room[256];
	struct text text = text_in(room, sizeof room);
	text_format(&text, "%s %d %u %D %U %t %z 100%%", "a", -5, 7u, INT64_MIN, UINT64_MAX,
		    (int64_t)40, (uint64_t)1);
	assert_string_equal(room,
			    "a -5 7 -9223372036854775808 18446744073709551615 40 ms 1 byte 100%");
	assert_false(text.cut);
	text = text_in(room, sizeof room);
	text_format(&text, "%N, %N, %N, 50%", (uint64_t)0, "byte", (uint64_t)1, "byte", UINT64_MAX,
		    "byte");
	assert_string_equal(room, "0 bytes, 1 byte, 18446744073709551615 bytes, 50%");
}

static void numbers_are_padded_and_hexadecimal(void **state)
{
	(void)state;
	char room[64];
	struct text text = text_in(room, sizeof room);
	text_padded(&text, 7, 2);
	text_char(&text, ' ');
	text_padded(&text, 1234, 2);
	text_char(&text, ' ');
	text_hex(&text, 0);
	text_char(&text, ' ');
	text_hex(&text, 0xdeadbeef);
	text_char(&text, ' ');
	text_hex(&text, UINT64_MAX);
	assert_string_equal(room, "07 1234 0 deadbeef ffffffffffffffff");
}

static void nothing_is_written_past_the_end_of_any_buffer(void **state)
{
	(void)state;
	for (size_t room = 1; room < 40; room++) {
		char buffer[64];
		memset(buffer, '#', sizeof buffer);
		struct text text = text_in(buffer, room);
		text_format(&text, "%s%d%t", "one, two, ", -12345, (int64_t)2500);
		assert_int_equal(buffer[text.length], '\0');
		assert_true(text.length < room);
		assert_int_equal(text.cut, room <= strlen("one, two, -123452.5 s"));
		assert_memory_equal(buffer, "one, two, -123452.5 s", text.length);
		for (size_t i = room; i < sizeof buffer; i++) {
			assert_int_equal(buffer[i], '#');
		}
	}
}

static void a_cut_text_stays_a_prefix(void **state)
{
	(void)state;
	char room[4];
	struct text text = text_in(room, sizeof room);
	text_string(&text, "ab");
	text_string(&text, "cde");
	text_string(&text, "f");
	assert_string_equal(room, "abc");
	assert_true(text.cut);
}

/** A caller may keep a part of the room to itself for a while. */
static void what_does_not_fit_into_a_smaller_room_is_cut_for_good(void **state)
{
	(void)state;
	for (size_t smaller = 0; smaller <= 5; smaller++) {
		char room[16] = "###############";
		struct text text = text_in(room, sizeof room);
		assert_string_equal(room, "");
		text_string(&text, "abcd");
		text.size = smaller;
		text_string(&text, "efgh");
		text.size = sizeof room;
		text_string(&text, "ij");
		assert_string_equal(room, "abcd");
		assert_true(text.cut);
	}
}

static void after_a_rewind_there_is_room_again(void **state)
{
	(void)state;
	char room[4];
	struct text text = text_in(room, sizeof room);
	text_string(&text, "a");
	size_t mark = text.length;
	text_string(&text, "bcd");
	text_rewind(&text, mark);
	assert_string_equal(room, "a");
	assert_false(text.cut);
	text_string(&text, "z");
	assert_string_equal(room, "az");
	text_rewind(&text, 3);
	assert_int_equal(text.length, 2);
	/* Where nothing is taken off there is no more room than before. */
	text_string(&text, "yx");
	text_rewind(&text, text.length);
	assert_string_equal(room, "azy");
	assert_true(text.cut);
}

static void numbers_of_every_length_agree_with_printf(void **state)
{
	(void)state;
	uint64_t power = 1;
	for (int digits = 1; digits <= 20; digits++, power *= 10) {
		const uint64_t values[] = {power, power - 1, power * 9, power + 105, -power};
		for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
			char room[64];
			char expected[64];
			struct text text = text_in(room, sizeof room);
			text_format(&text, "%U %D", values[i], (int64_t)values[i]);
			snprintf(expected, sizeof expected, "%" PRIu64 " %" PRId64, values[i],
				 (int64_t)values[i]);
			assert_string_equal(room, expected);
		}
	}
}

static void pieces_of_every_length_are_written_whole(void **state)
{
	(void)state;
	const char *piece = "0123456789abcdefghijklmnopqrstuvwxyz";
	for (size_t length = 0; length <= strlen(piece); length++) {
		char room[64];
		memset(room, '#', sizeof room);
		struct text text = text_in(room, sizeof room);
		text_char(&text, '<');
		text_bytes(&text, piece, length);
		assert_memory_equal(room + 1, piece, length);
		assert_int_equal(room[length + 1], '\0');
		assert_int_equal(room[length + 2], '#');
		assert_int_equal(text.length, length + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duration_reads_as_a_person_would_write_it),
		cmocka_unit_test(every_64_bit_duration_and_size_is_written_without_overflow),
		cmocka_unit_test(a_size_is_exact_while_it_is_small),
		cmocka_unit_test(a_size_has_three_digits_that_count),
		cmocka_unit_test(format_takes_each_kind_of_argument),
		cmocka_unit_test(numbers_are_padded_and_hexadecimal),
		cmocka_unit_test(nothing_is_written_past_the_end_of_any_buffer),
		cmocka_unit_test(a_cut_text_stays_a_prefix),
		cmocka_unit_test(what_does_not_fit_into_a_smaller_room_is_cut_for_good),
		cmocka_unit_test(after_a_rewind_there_is_room_again),
		cmocka_unit_test(numbers_of_every_length_agree_with_printf),
		cmocka_unit_test(pieces_of_every_length_are_written_whole),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
