#include <errno.h>
#include <string.h>
#include "units.h"

#define MS_PER_S ((uint64_t)1000)
#define MS_PER_MIN (60 * MS_PER_S)
#define MS_PER_H (60 * MS_PER_MIN)

/* A duration in nanoseconds, and a size as off_t, stay within 63 bits. */
#define DURATION_MAX_MS ((uint64_t)INT64_MAX / 1000000)
#define SIZE_MAX_BYTES ((uint64_t)INT64_MAX)

#define MILLIONTHS_PER_PERCENT (PROBABILITY_ONE / 100)

static size_t count_digits(const char *string, size_t length)
{
	size_t count = 0;
	while (count < length && string[count] >= '0' && string[count] <= '9') {
		count++;
	}
	return count;
}

int units_number(const char *string, size_t length, uint64_t *value)
{
	if (length == 0 || count_digits(string, length) != length) {
		return -EINVAL;
	}
	uint64_t sum = 0;
	for (size_t i = 0; i < length; i++) {
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(string[i] - '0'), &sum)) {
			return -ERANGE;
		}
	}
	*value = sum;
	return 0;
}

/* The digits behind the point, as a part of `unit`; -EINVAL for what is finer than 1. */
static int read_fraction(const char *digits, size_t count, uint64_t unit, uint64_t *part)
{
	*part = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t digit = (uint64_t)(digits[i] - '0');
		if (digit == 0) {
			/* 1.50 is 1.5, and 1.05s still has its 5: only the unit shrinks. */
			unit = unit % 10 == 0 ? unit / 10 : 0;
			continue;
		}
		if (digit * unit % 10 != 0 || unit == 0) {
			return -EINVAL;
		}
		*part += digit * unit / 10;
		unit = unit % 10 == 0 ? unit / 10 : 0;
	}
	return 0;
}

/* `12` or `12.5`, of `unit` each, the whole string. */
static int read_decimal(const char *string, size_t length, uint64_t unit, uint64_t max,
			uint64_t *value)
{
	size_t whole_length = count_digits(string, length);
	uint64_t whole;
	uint64_t part = 0;
	int result = units_number(string, whole_length, &whole);
	if (result == -EINVAL) {
		return result;
	}
	if (whole_length < length) {
		const char *digits = string + whole_length + 1;
		size_t count = length - whole_length - 1;
		if (string[whole_length] != '.' || count == 0 ||
		    count_digits(digits, count) != count ||
		    read_fraction(digits, count, unit, &part)) {
			return -EINVAL;
		}
	}
	if (result != 0 || __builtin_mul_overflow(whole, unit, &whole) ||
	    __builtin_add_overflow(whole, part, &whole) || whole > max) {
		return -ERANGE;
	}
	*value = whole;
	return 0;
}

int units_duration(const char *string, size_t length, uint64_t *milliseconds)
{
	static const struct {
		char name[3];
		uint64_t ms;
	} units[] = {
		{"ms", 1}, /* before s and m, which it ends and begins with */
		{"s", MS_PER_S},
		{"m", MS_PER_MIN},
		{"h", MS_PER_H},
	};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t name_length = strlen(units[i].name);
		if (length > name_length &&
		    memcmp(string + length - name_length, units[i].name, name_length) == 0) {
			return read_decimal(string, length - name_length, units[i].ms,
					    DURATION_MAX_MS, milliseconds);
		}
	}
	return -EINVAL;
}

int units_size(const char *string, size_t length, uint64_t *bytes)
{
	unsigned shift = 0;
	if (length > 0) {
		switch (string[length - 1]) {
		case 'K':
			shift = 10;
			break;
		case 'M':
			shift = 20;
			break;
		case 'G':
			shift = 30;
			break;
		default:
			break;
		}
	}
	uint64_t count;
	int result = units_number(string, shift > 0 ? length - 1 : length, &count);
	if (result != 0) {
		return result;
	}
	if (count > SIZE_MAX_BYTES >> shift) {
		return -ERANGE;
	}
	*bytes = count << shift;
	return 0;
}

int units_percent(const char *string, size_t length, uint32_t *millionths)
{
	if (length == 0 || string[length - 1] != '%') {
		return -EINVAL;
	}
	uint64_t value;
	int result =
		read_decimal(string, length - 1, MILLIONTHS_PER_PERCENT, PROBABILITY_ONE, &value);
	if (result == 0) {
		*millionths = (uint32_t)value;
	}
	return result;
}
