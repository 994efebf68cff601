/*
 * A fuzz target is one file, fuzz_NAME.c, with LLVMFuzzerTestOneInput, and a directory of seeds,
 * corpus/NAME. It states what must hold for any bytes with expect().
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define expect(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/** Called by libFuzzer for each input. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/** A copy that ends with a NUL right behind it, so that reading on is noticed; to be freed. */
static inline char *fuzz_string(const uint8_t *bytes, size_t size)
{
	char *string = malloc(size + 1);
	expect(string != NULL);
	if (size > 0) {
		memcpy(string, bytes, size);
	}
	string[size] = '\0';
	return string;
}

/** The same without a NUL: nothing may be read past its length. Never NULL. */
static inline char *fuzz_bytes(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + (size == 0));
	expect(copy != NULL);
	if (size > 0) {
		memcpy(copy, bytes, size);
	}
	return copy;
}

#endif
