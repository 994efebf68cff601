/* Text that may have come into the log: where, or how much of it. */
#ifndef RESETBY_LOG_FIND_H
#define RESETBY_LOG_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Room to read the log into, larger than a line. */
struct window {
	char *bytes;
	size_t size;
};

/** memmem, which takes 2 KiB of the stack for what is longer than 256 bytes. */
static inline const char *find_bytes(const char *window, size_t got, const char *bytes,
				     size_t length)
{
	while (got >= length) {
		const char *at = memchr(window, bytes[0], got - length + 1);
		if (at == NULL || memcmp(at, bytes, length) == 0) {
			return at;
		}
		got -= (size_t)(at + 1 - window);
		window = at + 1;
	}
	return NULL;
}

/** What find_text returns when it is not there. */
#define NOT_FOUND UINT64_MAX

/**
 * Find text in a file.
 *
 * @from, @end
 *         From where, and about how far.
 * @return
 *         Where it begins.
 */
uint64_t find_text(int fd, uint64_t from, uint64_t end, const char *text, size_t length,
		   const struct window *window);

/**
 * Find lines that were to be written, each once and in this order. They stand in several parts when
 * who wrote them was killed, and who went on with them was too.
 *
 * @return
 *         How many bytes of them, whole lines, are there.
 */
size_t find_lines(int fd, uint64_t from, uint64_t end, const char *lines, size_t length,
		  const struct window *window);

#endif
