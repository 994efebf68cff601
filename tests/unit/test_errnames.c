#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "sys/errnames.h"

#define ERRORS_TRIED 200

static const char *written(int error)
{
	static char buffer[32];
	struct text text = text_in(buffer, sizeof buffer);
	errno_write(&text, error);
	return buffer;
}

static void names_are_those_of_errno_h(void **state)
{
	(void)state;
	assert_string_equal(errno_name(ECONNRESET), "ECONNRESET");
	assert_string_equal(errno_name(EPIPE), "EPIPE");
	assert_string_equal(errno_name(ETIMEDOUT), "ETIMEDOUT");
	assert_string_equal(errno_name(EAGAIN), "EAGAIN");
	assert_string_equal(errno_name(EOPNOTSUPP), "EOPNOTSUPP");
	assert_string_equal(errno_name(EHWPOISON), "EHWPOISON");
}

/** Those that we know and this libc may not know yet come behind all others. */
static void texts_are_those_of_glibc_for_every_number(void **state)
{
	(void)state;
	setlocale(LC_ALL, "C");
	for (int error = 1; error < ERRORS_TRIED; error++) {
		const char *name = strerrorname_np(error);
		if (!name && error > EHWPOISON && errno_name(error)) {
			continue;
		}
		assert_int_equal(errno_name(error) != NULL, name != NULL);
		if (name) {
			assert_string_equal(errno_text(error), strerror(error));
			assert_int_equal(errno_number(name, strlen(name)), error);
		} else {
			assert_null(errno_text(error));
		}
	}
}

static void a_name_reads_back_to_its_number(void **state)
{
	(void)state;
	for (int error = 1; error < ERRORS_TRIED; error++) {
		const char *name = errno_name(error);
		if (name) {
			assert_int_equal(errno_number(name, strlen(name)), error);
		}
	}
	assert_int_equal(errno_number("EWOULDBLOCK", 11), EAGAIN);
	assert_int_equal(errno_number("ENOTSUP", 7), EOPNOTSUPP);
	assert_int_equal(errno_number("EDEADLOCK", 9), EDEADLK);
}

static void what_is_no_name_has_no_number(void **state)
{
	(void)state;
	assert_int_equal(errno_number("", 0), 0);
	assert_int_equal(errno_number("EPIP", 4), 0);
	assert_int_equal(errno_number("EPIPE2", 6), 0);
	assert_int_equal(errno_number("epipe", 5), 0);
	assert_int_equal(errno_number("EPIPE:x", 5), EPIPE);
}

static void numbers_without_name_are_harmless(void **state)
{
	(void)state;
	static const int numbers[] = {0, -1, 41, 58, 4095, INT_MAX, INT_MIN};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		assert_null(errno_name(numbers[i]));
		assert_null(errno_text(numbers[i]));
	}
}

static void an_error_is_written_by_name_number_or_none(void **state)
{
	(void)state;
	assert_string_equal(written(ECONNRESET), "ECONNRESET");
	assert_string_equal(written(999), "E999");
	assert_string_equal(written(0), "none");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_errno_h),
		cmocka_unit_test(texts_are_those_of_glibc_for_every_number),
		cmocka_unit_test(a_name_reads_back_to_its_number),
		cmocka_unit_test(what_is_no_name_has_no_number),
		cmocka_unit_test(numbers_without_name_are_harmless),
		cmocka_unit_test(an_error_is_written_by_name_number_or_none),
	};
	return cmocka_run_group_tests_name("errnames", tests, NULL, NULL);
}
