/* Globs: the pattern is what stands before the first NUL, the name what follows. */
#include "fuzz.h"

#include "sys/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(bytes, '\0', size) : NULL;
	if (end == NULL) {
		return 0;
	}
	size_t length = (size_t)(end - bytes);
	char *pattern = fuzz_bytes(bytes, length);
	char *list = fuzz_string(bytes, length);
	char *name = fuzz_string(end + 1, size - length - 1);
	glob_match(pattern, length, name);
	glob_match_list(list, name);
	expect(glob_match("*", 1, name));
	if (strpbrk(list, "*?[\\") == NULL) {
		expect(glob_match(pattern, length, name) == (strcmp(list, name) == 0));
	}
	free(pattern);
	free(list);
	free(name);
	return 0;
}
